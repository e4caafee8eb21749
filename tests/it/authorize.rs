//! The authorization endpoint: what is echoed, what is asked of the person, and who never hears of a mistake.

use serde_json::json;
use yinxin::browser::Page;

use crate::kit::actors::{
    Answer, Application, NONCE, Person, Request, Returned, STATE, assert_shown, claims_of,
};
use crate::kit::app::{TestApp, stories};

const HOUR_SECONDS: i64 = 3_600;

stories! {
    async fn what_the_application_sends_comes_back_byte_for_byte(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        portal.admits(&citizen, "openid").await;
        let long = "x".repeat(2_048);
        for state in ["0", "a b+c%2B&d=e#f?g", "印信 ✓", "\"<>'\\`{}|^", "  ", &long] {
            let nonce: String = state.chars().rev().take(1_000).collect();
            let request = portal.requests("openid").with("state", state).with("nonce", &nonce);
            let returned = citizen.authorizes(&request).await;
            assert_eq!(returned.value("state").as_deref(), Some(state));
            assert_eq!(returned.value("iss").as_ref(), Some(&app.issuer));
            assert!(returned.0.as_str().starts_with(&portal.redirect_uri));
            let tokens = portal.redeems(&returned.code()).await.tokens();
            let claims = portal.verifies(tokens.id(), jose::Algorithm::Es256, app.now()).await;
            assert_eq!(claims.text("nonce"), Some(nonce.as_str()));
        }
        let returned = citizen.authorizes(&portal.requests("openid").without("state").without("nonce")).await;
        assert_eq!(returned.value("state"), None);
        let tokens = portal.redeems(&returned.code()).await.tokens();
        let claims = portal.verifies(tokens.id(), jose::Algorithm::Es256, app.now()).await;
        assert!(!claims.claims.contains_key("nonce"));

        let mut names: Vec<_> = returned.0.query_pairs().map(|(name, _)| name.into_owned()).collect();
        names.sort();
        assert_eq!(names, ["code", "iss", "session_state"], "and nothing else comes back");
    }

    async fn a_request_may_come_by_post_and_with_parameters_nobody_knows(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        portal.admits(&citizen, "openid").await;
        let unknown =
            portal.requests("openid").and("display", "popup").and("claims_locales", "zh").and("x", "y");
        portal.redeems(&citizen.authorizes(&unknown.and("acr_values", "urn:x")).await.code()).await.tokens();

        let form = |request: &Request| {
            citizen.browser.client().post(app.url("/oauth2/authorize")).body(request.encoded())
        };
        let request = portal.requests("openid").with("scope", "openid unheard_of");
        let posted =
            form(&request).header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        assert_eq!(posted.status().as_u16(), 303);
        let returned = Returned(posted.headers()["location"].to_str().unwrap().parse().unwrap());
        assert_eq!(
            portal.redeems(&returned.code()).await.tokens().scope,
            "openid",
            "what was granted is said"
        );

        let json = form(&request).header("content-type", "application/json").send().await.unwrap();
        assert_eq!((json.status().as_u16(), json.headers().get("location")), (400, None));
    }

    async fn who_is_not_known_to_be_the_application_hears_nothing(app: TestApp) {
        let citizen = app.person("li.xiaoman").at(app.browser());
        let portal = app.application("portal");
        portal.admits(&citizen, "openid").await; // so that nothing but the mistake stands in the way
        let good = portal.requests("openid");
        let english = |request: Request| request.and("ui_locales", "en");
        for (request, words) in [
            (good.clone().with("client_id", "cli_nobody"), "No application is registered as"),
            (good.clone().with("client_id", "<script>alert(1)</script>"), "&#60;script&#62;"),
            (good.clone().without("client_id"), "`client_id` is missing"),
            (good.clone().without("redirect_uri"), "`redirect_uri` is missing"),
            (good.clone().and("client_id", &portal.client_id), "expected `client_id` once"),
            (good.clone().and("redirect_uri", &portal.redirect_uri), "expected `redirect_uri` once"),
            (good.clone().and("redirect_uri", "https://evil.example/"), "expected `redirect_uri` once"),
            (
                good.clone().with("client_id", &app.application("system").client_id),
                "return address is not registered",
            ),
            (good.clone().and("x", &"y".repeat(9_000)), "at most 8192 bytes"),
        ] {
            assert_shown(&citizen.opens(&english(request).path()).await, 400, words);
        }
        for broken in ["%", "%zz", "%ff%fe", "%00"] {
            let page = citizen.opens(&format!("{}&ui_locales=en&y={broken}", good.path())).await;
            assert_shown(&page, 400, "percent-encoded UTF-8");
        }
    }

    async fn only_the_registered_address_gets_an_answer_and_the_page_says_which_it_is(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        portal.admits(&citizen, "openid").await;
        let registered = &portal.redirect_uri;
        assert_eq!(registered, "http://localhost:9871/callback");
        for received in [
            "http://localhost:9871/callback/",
            "http://localhost:9871/callback?next=https://evil.example",
            "http://localhost:9871/callback#",
            "http://localhost:9871/callback/../evil",
            "http://localhost:9871/callback/..;/evil",
            "http://localhost:9871/CALLBACK",
            "HTTP://localhost:9871/callback",
            "http://localhost:9872/callback",
            "http://localhost/callback",
            "http://localhost:9871@evil.example/callback",
            "http://localhost:9871%40evil.example/callback",
            "http://localhost:9871.evil.example/callback",
            "https://localhost:9871/callback",
            "//localhost:9871/callback",
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            " http://localhost:9871/callback",
            "https://evil.example/",
            "\"><script>alert(1)</script>",
        ] {
            for request in [
                portal.requests("openid"),
                portal.requests("openid").with("prompt", "none"),
                portal.requests("openid").with("response_type", "token"),
            ] {
                let page = citizen
                    .opens(&request.with("redirect_uri", received).and("ui_locales", "en").path())
                    .await;
                assert_shown(&page, 400, "The application&#39;s return address is not registered");
                assert_shown(&page, 400, &format!("<code>{registered}</code>"));
                assert!(!page.text.contains("<script>alert"), "what came is shown as text");
            }
        }
        let page = citizen
            .opens(&portal.requests("openid").with("redirect_uri", "https://evil.example/").path())
            .await;
        assert_shown(&page, 400, "此应用的返回地址没有登记");
        assert_shown(&page, 400, "<code>https://evil.example/</code>");
    }

    async fn the_application_is_told_what_to_change(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        portal.admits(&citizen, "openid").await;
        let good = portal.requests("openid");
        let with = |name: &str, value: &str| good.clone().with(name, value);
        for (request, error, why) in [
            (good.clone().and("scope", "openid"), "invalid_request", "expected `scope` once"),
            (good.clone().and("state", STATE), "invalid_request", "expected `state` once"),
            (good.clone().and("nonce", "another"), "invalid_request", "expected `nonce` once"),
            (
                good.clone().and("code_challenge", "another"),
                "invalid_request",
                "expected `code_challenge` once",
            ),
            (good.clone().without("response_type"), "invalid_request", "`response_type` is missing"),
            (
                with("response_type", "token"),
                "unsupported_response_type",
                "expected response_type `code`, got `token`",
            ),
            (with("response_type", "id_token"), "unsupported_response_type", "`id_token`"),
            (with("response_type", "code token"), "unsupported_response_type", "`code token`"),
            (with("response_mode", "fragment"), "invalid_request", "got `fragment`"),
            (with("response_mode", "fragment"), "invalid_request", "got `fragment`"),
            (good.clone().without("code_challenge"), "invalid_request", "`code_challenge` is missing"),
            (good.clone().without("code_challenge_method"), "invalid_request", "which means `plain`"),
            (
                with("code_challenge_method", "plain"),
                "invalid_request",
                "expected code_challenge_method `S256`, got `plain`",
            ),
            (with("code_challenge_method", "s256"), "invalid_request", "got `s256`"),
            (with("code_challenge", "short"), "invalid_request", "43 characters"),
            (good.clone().without("scope"), "invalid_scope", "`scope` is missing"),
            (with("scope", "decision:evaluate"), "invalid_scope", "it is registered for"),
            (with("scope", "openid \"quoted\""), "invalid_scope", "printable ASCII"),
            (with("prompt", "none login"), "invalid_request", "cannot be combined"),
            (with("prompt", "create"), "invalid_request", "got `create`"),
            (with("max_age", "-1"), "invalid_request", "whole seconds, got `-1`"),
            (with("max_age", "soon"), "invalid_request", "got `soon`"),
            (with("nonce", &"n".repeat(1_025)), "invalid_request", "at most 1024 bytes"),
            (with("request", "eyJhbGciOiJub25lIn0.e30."), "invalid_request_object", "has no keys registered"),
            (
                with("request_uri", "https://evil.example/r"),
                "request_uri_not_supported",
                "send plain parameters",
            ),
            (with("registration", "{}"), "registration_not_supported", "send plain parameters"),
            (with("resource", "https://api.example"), "invalid_target", "is not registered for client"),
            (with("id_token_hint", "not.a.token"), "invalid_request", "is not an ID token of this issuer"),
        ] {
            let page = citizen.opens(&request.path()).await;
            let returned = told(&portal, &page, &app);
            assert_eq!(returned.error(), error, "{}", returned.0);
            let description = returned.value("error_description").unwrap();
            assert!(description.contains(why), "expected `{why}`: {description}");
            assert_eq!(returned.value("state").as_deref(), Some(STATE), "{why}");
        }
        let too_long = citizen.opens(&with("state", &"s".repeat(2_049)).path()).await;
        let returned = told(&portal, &too_long, &app);
        assert_eq!(returned.error(), "invalid_request");
    }

    async fn with_prompt_none_nothing_is_shown(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let silent = portal.requests("openid profile").with("prompt", "none");
        assert_eq!(refusal(&citizen, &silent, &portal, &app).await, "login_required");
        citizen.logs_in().await;
        assert_eq!(refusal(&citizen, &silent, &portal, &app).await, "consent_required");
        let first = portal.admits(&citizen, "openid profile").await;
        app.advance(60);
        let again = Returned::by(&citizen.opens(&silent.path()).await);
        let again = portal.redeems(&again.code()).await.tokens();
        for claim in ["sub", "auth_time", "acr", "aud", "iss"] {
            let (first, again) =
                (claims(&portal, first.id(), &app).await, claims(&portal, again.id(), &app).await);
            assert_eq!(first[claim], again[claim], "{claim}");
        }
        let more = silent.clone().with("scope", "openid profile real_name");
        assert_eq!(refusal(&citizen, &more, &portal, &app).await, "consent_required");
        app.advance(12 * HOUR_SECONDS);
        assert_eq!(refusal(&citizen, &silent, &portal, &app).await, "login_required");
    }

    async fn the_application_may_ask_for_a_fresh_login(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let first = portal.admits(&citizen, "openid").await;
        let began = claims(&portal, first.id(), &app).await["auth_time"].as_i64().unwrap();
        app.advance(100);
        let pages = async |request: Request| {
            let (returned, pages) = citizen.authorizes_in_pages(&request).await;
            let tokens = portal.redeems(&returned.code()).await.tokens();
            let auth_time = claims(&portal, tokens.id(), &app).await["auth_time"].as_i64().unwrap();
            (pages, auth_time - began)
        };
        let request = || portal.requests("openid");
        assert_eq!(pages(request().with("max_age", "10000")).await, (0, 0));
        assert_eq!(pages(request().with("max_age", "100")).await, (0, 0));
        assert_eq!(pages(request().with("max_age", "99")).await, (1, 100), "the password is asked again");
        app.advance(100);
        assert_eq!(pages(request().with("prompt", "login")).await, (1, 200));
        app.advance(100);
        assert_eq!(pages(request().with("prompt", "select_account")).await, (1, 300));
        app.advance(100);
        assert_eq!(pages(request().with("prompt", "consent")).await, (1, 300), "consent alone");
        app.advance(100);
        assert_eq!(pages(request().with("prompt", "login consent")).await, (2, 500));
        assert_eq!(pages(request().with("max_age", "0")).await, (0, 500), "at this very moment");
        app.advance(1);
        assert_eq!(
            refusal(&citizen, &request().with("max_age", "0").with("prompt", "none"), &portal, &app).await,
            "login_required"
        );
    }

    async fn a_hint_names_who_is_meant(app: TestApp) {
        let (li, chen) = (app.person("li.xiaoman"), app.person("chen.apo"));
        let portal = app.application("portal");
        let (lis, chens) = (portal.admits(&li, "openid").await, portal.admits(&chen, "openid").await);
        let hinted =
            |token: &str| portal.requests("openid").with("prompt", "none").with("id_token_hint", token);

        app.advance(HOUR_SECONDS); // an ID token that has expired still names its person
        portal.redeems(&Returned::by(&li.opens(&hinted(lis.id()).path()).await).code()).await.tokens();
        assert_eq!(refusal(&li, &hinted(chens.id()), &portal, &app).await, "login_required");
        let page = li.opens(&hinted(chens.id()).without("prompt").path()).await;
        assert_shown(&page, 200, "action=\"/login\"");
        let done = li.enters(&page).await;
        let page = li.opens(done.location.as_deref().expect("a redirect")).await;
        assert_shown(&page, 200, "action=\"/login\"");

        for foreign in [lis.access.as_str(), &altered(lis.id()), "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."] {
            assert_eq!(refusal(&li, &hinted(foreign), &portal, &app).await, "invalid_request", "{foreign}");
        }
        let page = app
            .person("li.xiaoman")
            .opens(&portal.requests("openid").with("login_hint", "chen.apo").path())
            .await;
        assert_shown(&page, 200, "value=\"chen.apo\"");
    }

    async fn the_person_may_say_no_and_may_take_it_back(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let request = portal.requests("openid profile offline_access");
        citizen.logs_in().await;
        let consent = citizen.opens(&request.path()).await;
        assert_shown(&consent, 200, "localhost");
        assert_shown(
            &citizen.submits(&consent, "/consent", &[("decision", "perhaps")]).await,
            400,
            "got `perhaps`",
        );
        let denied =
            told(&portal, &citizen.submits(&consent, "/consent", &[("decision", "deny")]).await, &app);
        assert_eq!(
            (denied.error().as_str(), denied.value("state").as_deref()),
            ("access_denied", Some(STATE))
        );
        let asked_again = citizen.opens(&request.path()).await;
        assert_shown(&asked_again, 200, "action=\"/consent\"");

        let nobody = app.person("li.xiaoman");
        nobody.opens("/login").await;
        let page = nobody.opens(&request.path()).await;
        let mut forged = page.hidden_fields("/login").unwrap();
        forged.push(("decision".to_owned(), "allow".to_owned()));
        let led = nobody.browser.post("/consent", &forged).await.unwrap();
        assert_shown(&nobody.opens(led.location.as_deref().unwrap()).await, 200, "action=\"/login\"");
        let asked_again = citizen.opens(&request.path()).await;
        assert_shown(&asked_again, 200, "action=\"/consent\"");

        let tokens = portal.admits(&citizen, "openid profile offline_access").await;
        let account = citizen.opens("/account").await;
        let done = citizen.submits(&account, "/account/grants/withdraw", &[]).await;
        assert_eq!((done.status.as_u16(), done.location.as_deref()), (303, Some("/account")));
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        let (_, pages) = citizen.authorizes_in_pages(&request).await;
        assert_eq!(pages, 1, "consent is asked again");
        citizen.submits(&account, "/account/grants/withdraw", &[]).await;
        assert_shown(&citizen.submits(&account, "/account/grants/withdraw", &[]).await, 404, "");
    }

    async fn what_is_asked_in_detail_is_allowed_for_one_request_and_by_whom_it_was_shown_to(app: TestApp) {
        let shop = app
            .registers(json!({
                "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid", "authorization_details_types": ["payment"],
            }))
            .await;
        let asks = |amount: &str| {
            let details = json!([{ "type": "payment", "amount": amount }]).to_string();
            shop.requests("openid").with("authorization_details", &details).path()
        };
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let small = citizen.opens(&asks("10.00")).await;
        assert_shown(&small, 200, "10.00");
        let large = citizen.opens(&asks("9000.00")).await;
        assert_shown(&large, 200, "9000.00");

        let allowed = citizen.submits(&small, "/consent", &[("decision", "allow")]).await;
        let answer = shop.redeems(&told(&shop, &allowed, &app).code()).await;
        let granted = json!([{ "type": "payment", "amount": "10.00" }]);
        assert_eq!(answer.body["authorization_details"], granted, "{answer:?}");
        let said = claims_of(answer.text("access_token"));
        assert_eq!(said["authorization_details"], granted, "in the token too (RFC 9396, 9.1)");

        // The other request is still a question, however it is come back to.
        let hidden = |page: &Page, name: &str| {
            let fields = page.hidden_fields("/consent").unwrap();
            fields.into_iter().find(|(field, _)| field == name).unwrap().1
        };
        let flow = hidden(&large, "flow");
        assert_shown(&citizen.opens(&format!("/login?flow={flow}")).await, 200, "9000.00");

        let other = app.person("chen.apo");
        other.logs_in().await;
        let mut fields = other.opens(&asks("1.00")).await.hidden_fields("/consent").unwrap();
        fields.retain(|(field, _)| field != "flow" && field != "account");
        fields.extend([
            ("flow".to_owned(), flow),
            ("account".to_owned(), hidden(&large, "account")),
            ("decision".to_owned(), "allow".to_owned()),
        ]);
        assert_shown(&other.browser.post("/consent", &fields).await.unwrap(), 400, "");
    }

    async fn a_token_may_be_asked_for_with_less_than_was_allowed_in_detail_and_never_with_more(app: TestApp) {
        let shop = app
            .registers(json!({
                "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid offline_access",
                "grant_types": ["authorization_code", "refresh_token"], "authorization_details_types": ["payment"],
            }))
            .await;
        let (small, large) = (json!({ "type": "payment", "amount": "1" }), json!({ "type": "payment", "amount": "2" }));
        let both = json!([small, large]).to_string();
        let request = shop.requests("openid offline_access").with("authorization_details", &both);
        let code = app.person("li.xiaoman").authorizes(&request).await.code();
        let with = async |form: &[(&str, &str)], details: &serde_json::Value| {
            let details = details.to_string();
            shop.asks(&[form, &[("authorization_details", details.as_str())]].concat()).await
        };
        let more = json!([small, { "type": "payment", "amount": "3" }]);
        let refused = with(&shop.redemption(&code), &more).await;
        refused.assert_refused(400, "invalid_authorization_details", "was not granted");
        let first = with(&shop.redemption(&code), &json!([small])).await;
        assert_eq!(first.body["authorization_details"], json!([small]), "the refusal did not use the code up");
        assert_eq!(claims_of(first.text("access_token"))["authorization_details"], json!([small]));
        let refresh = first.tokens().refresh().to_owned();
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        with(&form, &more).await.assert_refused(400, "invalid_authorization_details", "was not granted");
        let second = with(&form, &json!([large])).await;
        assert_eq!(second.body["authorization_details"], json!([large]), "of all that was granted");
        let all = shop.refreshes(second.tokens().refresh()).await;
        assert_eq!(all.body["authorization_details"], json!([small, large]));
    }

    async fn the_governments_own_application_asks_no_consent(app: TestApp) {
        let own = app
            .registers(json!({
                "redirect_uris": ["http://localhost:9873/callback"],
                "scope": "openid profile",
                "first_party": true,
            }))
            .await;
        let citizen = app.person("li.xiaoman");
        let (returned, pages) = citizen.authorizes_in_pages(&own.requests("openid profile")).await;
        assert_eq!(pages, 1, "login alone");
        let tokens = own.redeems(&returned.code()).await.tokens();
        assert_eq!((tokens.scope.as_str(), &tokens.refresh), ("openid profile", &None));
        let claims = own.verifies(tokens.id(), jose::Algorithm::Es256, app.now()).await;
        assert_eq!(claims.text("nonce"), Some(NONCE));
    }

    async fn a_native_application_may_listen_on_any_port_of_its_own_machine(app: TestApp) {
        let native = app
            .registers(json!({
                "application_type": "native", "token_endpoint_auth_method": "none",
                "redirect_uris": ["http://127.0.0.1/callback"], "scope": "openid",
            }))
            .await;
        let citizen = app.person("li.xiaoman");
        let request = native.requests("openid").with("redirect_uri", "http://127.0.0.1:51004/callback");
        let code = citizen.authorizes(&request).await.code();
        let redeem = async |redirect_uri: &str| {
            let mut form = native.redemption(&code).to_vec();
            form.push(("client_id", &native.client_id));
            form.retain(|(name, _)| *name != "redirect_uri");
            form.push(("redirect_uri", redirect_uri));
            Answer::to(native.token_request().form(&form)).await
        };
        redeem("http://127.0.0.1:51005/callback").await.assert_refused(400, "invalid_grant", "redirect_uri");
        redeem("http://127.0.0.1:51004/callback").await.tokens();
        // Whoever else listens on this machine could ask in its name: what was allowed before opens nothing by itself.
        let (_, pages) = citizen.authorizes_in_pages(&request).await;
        assert_eq!(pages, 1, "consent each time (RFC 8252, 8.6)");
        let silent = Returned::by(&citizen.opens(&request.with("prompt", "none").path()).await);
        assert_eq!(silent.error(), "consent_required");
        for other in
            ["http://localhost:51004/callback", "http://127.0.0.1:51004/other", "http://127.0.0.1:0/callback"]
        {
            let page = citizen.opens(&native.requests("openid").with("redirect_uri", other).path()).await;
            assert_shown(&page, 400, "此应用的返回地址没有登记");
        }
    }
}

/// The answer that `page` brings to the application, from this issuer.
fn told(application: &Application, page: &Page, app: &TestApp) -> Returned {
    assert_eq!(page.status.as_u16(), 303, "{}", page.unexpected("a redirect to the application"));
    let returned = Returned::by(page);
    assert!(returned.0.as_str().starts_with(&application.redirect_uri), "{}", returned.0);
    assert_eq!(returned.value("iss").as_ref(), Some(&app.issuer), "RFC 9207");
    returned
}

/// What the application is told instead of getting a code, without a page in between.
async fn refusal(person: &Person<'_>, request: &Request, application: &Application, app: &TestApp) -> String {
    told(application, &person.opens(&request.path()).await, app).error()
}

/// The claims of an ID token.
async fn claims(application: &Application, id_token: &str, app: &TestApp) -> serde_json::Value {
    application.verifies(id_token, jose::Algorithm::Es256, app.now()).await.claims.into()
}

/// `token` with another signature.
fn altered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{first}{}", &signature[1..])
}
