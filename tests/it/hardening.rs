//! What a hostile reader of the standards would try: `docs/security-checklist.md` says which line each story holds.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::kit::actors::{Answer, Application, Returned, assert_shown, claims_of};
use crate::kit::app::{TestApp, stories};
use crate::kit::intruder::Intruder;
use crate::kit::keys::{ClientKey, fresh};
use crate::{ciba, device};

const CALLBACK: &str = "http://localhost:9873/callback";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ANOTHER_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

stories! {
    async fn what_is_for_one_use_is_nothing_at_any_other(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let client = app
            .registers(json!({
                "redirect_uris": [CALLBACK], "scope": "openid offline_access",
                "grant_types": ["authorization_code", "refresh_token", device::GRANT, ciba::GRANT],
            }))
            .await;
        let first = client.admits(&citizen, "openid offline_access").await;
        let code = citizen.authorizes(&client.requests("openid")).await.code();
        let begun = client.begins(&[("scope", "openid")]).await;
        let (device_code, user_code) = (begun.text("device_code"), begun.text("user_code"));
        let asked = client.asks_for(&[("login_hint", "li.xiaoman"), ("scope", "openid")]).await;
        let auth_req_id = asked.text("auth_req_id");
        let pushed = client.request("/oauth2/par").basic_auth(&client.client_id, Some(&client.client_secret));
        let pushed = pushed.header("content-type", "application/x-www-form-urlencoded");
        let pushed = Answer::to(pushed.body(client.requests("openid").encoded())).await;
        let request_uri = pushed.text("request_uri");
        let name = request_uri.rsplit(':').next().unwrap();
        citizen.allows(user_code).await;
        let page = citizen.opens("/approvals").await;
        citizen.answers(&page, "allow").await;

        let things = [first.refresh(), first.access.as_str(), first.id(), &code, device_code, user_code, auth_req_id, name];
        for thing in things {
            if thing != code {
                let mut form = client.redemption(&code);
                form[1].1 = thing;
                client.asks(&form).await.assert_refused(400, "invalid_grant", "");
            }
            if thing != first.refresh() {
                client.refreshes(thing).await.assert_refused(400, "invalid_grant", "");
            }
            if thing != device_code {
                client.polls(thing).await.assert_refused(400, "invalid_grant", "");
            }
            if thing != auth_req_id {
                client.polls_for(thing).await.assert_refused(400, "invalid_grant", "");
            }
            if thing != name {
                let uri = format!("urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A{thing}");
                let path = format!("/oauth2/authorize?client_id={}&request_uri={uri}", client.client_id);
                assert_shown(&citizen.opens(&path).await, 400, "request_uri");
            }
            if thing != first.access {
                client.user_info(thing).await.assert_problem(401, "invalid_token", "");
            }
        }
        // None of it used anything up.
        client.redeems(&code).await.tokens();
        client.polls(device_code).await.tokens();
        client.polls_for(auth_req_id).await.tokens();
        client.refreshes(first.refresh()).await.tokens();
        let path = format!("/oauth2/authorize?client_id={}&request_uri={}", client.client_id, request_uri.replace(':', "%3A"));
        client.redeems(&Returned::by(&citizen.opens(&path).await).code()).await.tokens();
    }

    async fn two_applications_may_use_the_same_identifier_for_their_assertions(app: TestApp) {
        let jti = fresh();
        for _ in 0..2 {
            let key = ClientKey::new("k1");
            let machine = machine(&app, &key, json!({})).await;
            asks_with(&machine, &assertion(&app, &machine, &key, &jti)).await.tokens();
            let again = asks_with(&machine, &assertion(&app, &machine, &key, &jti)).await;
            again.assert_refused(401, "invalid_client", "was used before");
        }
    }

    async fn the_algorithm_is_the_one_that_the_client_registered(app: TestApp) {
        let key = ClientKey::new("k1");
        let mut both = key.jwks();
        let rsa = rsa_key();
        both["keys"].as_array_mut().unwrap().push(rsa);
        let narrow = json!({ "jwks": both, "token_endpoint_auth_signing_alg": "PS256", "request_object_signing_alg": "PS256" });
        let machine = machine(&app, &key, narrow).await;
        let refused = asks_with(&machine, &assertion(&app, &machine, &key, &fresh())).await;
        refused.assert_refused(401, "invalid_client", "ES256");
        let web = app
            .registers(json!({ "redirect_uris": [CALLBACK], "jwks": both, "request_object_signing_alg": "PS256" }))
            .await;
        let now = app.now().unix_seconds();
        let mut claims = json!({ "iss": web.client_id, "aud": app.issuer, "nbf": now, "exp": now + 60 });
        for (name, value) in url::form_urlencoded::parse(web.requests("openid").encoded().as_bytes()) {
            claims[name.as_ref()] = value.as_ref().into();
        }
        let object = key.signs(&json!({}), &claims);
        let pushed = web.request("/oauth2/par").basic_auth(&web.client_id, Some(&web.client_secret));
        let pushed = Answer::to(pushed.form(&[("client_id", web.client_id.as_str()), ("request", &object)])).await;
        pushed.assert_refused(400, "invalid_request_object", "ES256");
    }

    async fn a_verifier_for_a_code_that_needs_none_says_that_somebody_took_the_challenge_away(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let waived = app.registers(json!({ "redirect_uris": [CALLBACK], "require_pkce": false })).await;
        let without = waived.requests("openid").without("code_challenge").without("code_challenge_method");
        let code = citizen.authorizes(&without).await.code();
        waived.redeems(&code).await.assert_refused(400, "invalid_grant", "code_challenge");
        let plain = waived.redemption(&code);
        waived.asks(&plain[..3]).await.tokens();

        // And a challenge that came binds, waived or not.
        let code = citizen.authorizes(&waived.requests("openid")).await.code();
        let bound = waived.redemption(&code);
        waived.asks(&bound[..3]).await.assert_refused(400, "invalid_grant", "");
        let mut wrong = bound;
        wrong[3].1 = ANOTHER_VERIFIER;
        waived.asks(&wrong).await.assert_refused(400, "invalid_grant", "code_challenge");
        waived.asks(&bound).await.tokens();
    }

    async fn a_refreshed_token_is_for_no_other_api(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let client = app
            .registers(json!({
                "redirect_uris": [CALLBACK], "scope": "openid offline_access", "grant_types": ["authorization_code", "refresh_token"],
                "audiences": ["https://tax.example", "https://land.example"],
            }))
            .await;
        let request = client.requests("openid offline_access").and("resource", "https://tax.example");
        let tokens = client.redeems(&citizen.authorizes(&request).await.code()).await.tokens();
        let audience = claims_of(&tokens.access)["aud"].clone();
        assert!(!audience.to_string().contains("land.example"), "{audience}");
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("resource", "https://land.example")];
        let renewed = client.asks(&refresh).await;
        match renewed.status {
            200 => assert_eq!(claims_of(&renewed.tokens().access)["aud"], audience),
            _ => renewed.assert_refused(400, "invalid_target", ""),
        }
        client.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "");
    }

    async fn whose_account_is_out_of_use_gets_nothing_more(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let (portal, television, counter) =
            (app.application("portal"), device::television(&app).await, ciba::counter(&app).await);
        let tokens = portal.admits(&citizen, "openid profile offline_access").await;
        let code = citizen.authorizes(&portal.requests("openid")).await.code();
        let begun = television.begins(&[("scope", "openid")]).await;
        citizen.allows(begun.text("user_code")).await;
        let asked = counter.asks_for(&[("login_hint", "li.xiaoman"), ("scope", "openid")]).await;
        let page = citizen.opens("/approvals").await;
        citizen.answers(&page, "allow").await;
        let waiting = citizen.opens(&app.application("fund").requests("openid").path()).await;

        Intruder::at(&app).does("UPDATE account SET state = 'disabled' WHERE user_name = 'li.xiaoman'").await;
        portal.redeems(&code).await.assert_refused(400, "invalid_grant", "");
        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "");
        television.polls(begun.text("device_code")).await.assert_refused(400, "invalid_grant", "");
        counter.polls_for(asked.text("auth_req_id")).await.assert_refused(400, "invalid_grant", "");
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "may no longer be used");
        let silent = portal.requests("openid").with("prompt", "none").path();
        assert_eq!(Returned::by(&citizen.opens(&silent).await).error(), "login_required");
        let answered = citizen.submits(&waiting, "/consent", &[("decision", "allow")]).await;
        assert!(answered.location.is_some_and(|to| to.starts_with("/login?flow=")), "logged out everywhere");
        assert_eq!(citizen.opens("/account").await.location.as_deref(), Some("/login?back=/account"));
        assert_eq!(app.person("li.xiaoman").tries(&citizen.sample.password).await.status.as_u16(), 401);
    }

    async fn an_application_that_is_out_of_use_gets_nothing_more(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let client = app
            .registers(json!({
                "redirect_uris": [CALLBACK], "scope": "openid offline_access", "post_logout_redirect_uris": [CALLBACK],
                "grant_types": ["authorization_code", "refresh_token", device::GRANT],
            }))
            .await;
        let tokens = client.admits(&citizen, "openid offline_access").await;
        let code = citizen.authorizes(&client.requests("openid")).await.code();
        let begun = client.begins(&[("scope", "openid")]).await;
        let asked = citizen.opens(&client.requests("openid").with("prompt", "consent").path()).await;
        let form = citizen.types(begun.text("user_code")).await;

        Intruder::at(&app).does(&format!("UPDATE client SET state = 'disabled' WHERE id = '{}'", client.client_id)).await;
        app.advance(2);
        for refused in [
            client.redeems(&code).await,
            client.refreshes(tokens.refresh()).await,
            client.polls(begun.text("device_code")).await,
            client.begins(&[("scope", "openid")]).await,
        ] {
            refused.assert_refused(401, "invalid_client", "unknown or disabled");
        }
        client.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "");
        assert_shown(&citizen.opens(&client.requests("openid").path()).await, 400, &client.client_id);
        let answered = citizen.submits(&asked, "/consent", &[("decision", "allow")]).await;
        assert_shown(&answered, 400, "");
        let answered = citizen.submits(&form, "/device/answer", &[("decision", "allow")]).await;
        assert_shown(&answered, 422, "没有这个代码");
        let out = format!("/oauth2/logout?id_token_hint={}&post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A9873%2Fcallback", tokens.id());
        assert_shown(&citizen.opens(&out).await, 400, "is not registered here, or is disabled");
    }

    async fn each_parameter_comes_once_at_every_endpoint(app: TestApp) {
        let client = app
            .registers(json!({
                "redirect_uris": [CALLBACK], "scope": "openid",
                "grant_types": ["authorization_code", device::GRANT, ciba::GRANT, "client_credentials"],
            }))
            .await;
        let tokens = client.admits(&app.person("li.xiaoman"), "openid").await;
        let mut request = client.requests("openid").encoded();
        request.push_str("&login_hint=li.xiaoman&token=x&grant_type=client_credentials");
        for (path, names) in [
            ("/oauth2/token", &["grant_type", "scope"][..]),
            ("/oauth2/par", &["response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"]),
            ("/oauth2/device_authorization", &["scope", "client_id"]),
            ("/oauth2/bc-authorize", &["scope", "login_hint"]),
            ("/oauth2/revoke", &["token"]),
            ("/oauth2/introspect", &["token"]),
        ] {
            for name in names {
                for second in ["x", "openid"] {
                    let form = format!("{request}&{name}={second}");
                    let asked = client.request(path).basic_auth(&client.client_id, Some(&client.client_secret));
                    let asked = asked.header("content-type", "application/x-www-form-urlencoded").body(form);
                    Answer::to(asked).await.assert_refused(400, "invalid_request", &format!("expected `{name}` once"));
                }
            }
        }
        let user_info = |form: &[(&str, &str)]| app.http().post(app.url("/oauth2/userinfo")).form(form);
        let token = ("access_token", tokens.access.as_str());
        assert_eq!(Answer::to(user_info(&[token])).await.status, 200);
        for twice in [[token, token], [token, ("access_token", "x")], [("access_token", "x"), token]] {
            Answer::to(user_info(&twice)).await.assert_problem(400, "invalid_request", "expected `access_token` once");
        }
        let both = user_info(&[token]).bearer_auth(&tokens.access);
        Answer::to(both).await.assert_problem(400, "invalid_request", "not in both");
        let members = format!("{{\"redirect_uris\":[\"{CALLBACK}\"],\"redirect_uris\":[\"https://evil.example/\"]}}");
        let registered = app.http().post(app.url("/oauth2/register")).bearer_auth(&app.sample.initial_access_token);
        let registered = registered.header("content-type", "application/json").body(members);
        Answer::to(registered).await.assert_refused(400, "invalid_client_metadata", "once");
    }

    async fn no_script_of_another_origin_gets_at_a_page(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let request = app.application("portal").requests("openid").path();
        for path in [
            request.as_str(), "/login", "/consent", "/logout", "/oauth2/logout", "/oauth2/authorize", "/account", "/account/sessions/end",
            "/account/grants/withdraw", "/device", "/device/answer", "/approvals", "/enrol", "/console", "/console/people", "/verify", "/display",
        ] {
            for method in [Method::OPTIONS, Method::GET, Method::POST] {
                let asked = citizen.browser.client().request(method.clone(), app.url(path));
                let asked = asked.header("origin", "https://evil.example").header("access-control-request-method", "POST");
                let asked = asked.header("access-control-request-headers", "content-type").header("accept", "text/html");
                let answer = asked.send().await.unwrap();
                let told: Vec<_> = answer.headers().keys().filter(|name| name.as_str().starts_with("access-control")).collect();
                assert!(told.is_empty(), "{method} {path}: {told:?}");
            }
        }
    }

    async fn what_follows_a_form_is_fetched_with_get(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let login = citizen.opens(&portal.requests("openid profile").path()).await;
        let done = citizen.enters(&login).await;
        let consent = citizen.opens(done.location.as_deref().unwrap()).await;
        let allowed = citizen.submits(&consent, "/consent", &[("decision", "allow")]).await;
        let denied = citizen.submits(&consent, "/consent", &[("decision", "deny")]).await;
        let hint = portal.redeems(&Returned::by(&allowed).code()).await.tokens();
        let account = citizen.opens("/account").await;
        let withdrawn = citizen.submits(&account, "/account/grants/withdraw", &[]).await;
        let device = citizen.browser.client().post(app.url("/oauth2/authorize")).form(&[("client_id", "x")]);
        assert_eq!(device.send().await.unwrap().status().as_u16(), 400);
        let again = citizen.browser.client().post(app.url("/oauth2/authorize"));
        let again = again.header("content-type", "application/x-www-form-urlencoded").body(portal.requests("openid").with("prompt", "none").encoded());
        assert_eq!(again.send().await.unwrap().status().as_u16(), 303);
        let back = [("id_token_hint", hint.id()), ("post_logout_redirect_uri", "http://localhost:9871/")];
        let out = citizen.browser.client().post(app.url("/oauth2/logout")).form(&back);
        assert_eq!(out.send().await.unwrap().status().as_u16(), 303);
        for page in [&done, &allowed, &denied, &withdrawn] {
            assert_eq!(page.status.as_u16(), 303, "{} (RFC 9700, 4.12)", page.url);
        }
    }

    async fn answers_name_the_issuer_and_never_the_host_that_was_asked(app: TestApp) {
        let television = device::television(&app).await;
        let portal = app.application("portal");
        let poisoned = |request: RequestBuilder| {
            let request = request.header("host", "evil.example").header("x-forwarded-host", "evil.example");
            let request = request.header("x-forwarded-proto", "https").header("x-original-url", "https://evil.example/");
            request.header("forwarded", "host=evil.example;proto=https").header("x-forwarded-for", "198.51.100.7")
        };
        let as_client = |client: &Application, path: &str| {
            poisoned(client.request(path)).basic_auth(&client.client_id, Some(&client.client_secret))
        };
        let begun = Answer::to(as_client(&television, "/oauth2/device_authorization").form(&[("scope", "openid")])).await;
        assert_eq!(begun.text("verification_uri"), app.url("/device"));
        assert!(begun.text("verification_uri_complete").starts_with(&app.url("/device?")));
        let form = "application/x-www-form-urlencoded";
        let pushed = as_client(&portal, "/oauth2/par").header("content-type", form).body(portal.requests("openid").encoded());
        let members = json!({ "redirect_uris": ["https://app.example/cb"] });
        let registered = poisoned(app.http().post(app.url("/oauth2/register"))).bearer_auth(&app.sample.initial_access_token);
        let registered = Answer::to(registered.json(&members)).await;
        assert!(registered.text("registration_client_uri").starts_with(&app.issuer), "{registered:?}");
        let mut told = vec![format!("{:?}", Answer::to(pushed).await), format!("{registered:?}"), format!("{begun:?}")];
        for path in ["/.well-known/openid-configuration", "/access/v1/.well-known/none", "/.well-known/authzen-configuration", "/", "/login", "/account", "/device", "/openapi.json"] {
            let answer = poisoned(app.http().get(app.url(path)).header("accept", "text/html")).send().await.unwrap();
            let headers = format!("{:?}", answer.headers());
            told.push(format!("{path}: {headers} {}", answer.text().await.unwrap()));
        }
        let refused = poisoned(app.http().get(app.url(&portal.requests("openid").with("prompt", "none").path()))).send().await.unwrap();
        let returned = Returned(refused.headers()["location"].to_str().unwrap().parse().unwrap());
        assert_eq!(returned.value("iss").as_ref(), Some(&app.issuer));
        told.push(returned.0.to_string());
        for answer in told {
            assert!(!answer.contains("evil.example"), "{answer}");
        }
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        assert!(!citizen.opens("/account").await.text.contains("198.51.100.7"), "nor is where it came from believed");
    }

    async fn the_texts_of_strangers_are_values_and_nothing_else(app: TestApp) {
        let browser = app.browser();
        let page = browser.open("/enrol").await.unwrap();
        let password = "tour-of-the-house-7";
        let fields = [
            ("code", app.enrolment_code.as_str()), ("name", "林管理"), ("username", "admin.lin"), ("password", password), ("password_again", password),
        ];
        browser.submit(&page, "/enrol", &fields).await.unwrap();
        let login = browser.open("/login?back=/console").await.unwrap();
        browser.submit(&login, "/login", &[("username", "admin.lin"), ("password", password)]).await.unwrap();
        let rows = async |after: &str| {
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("after", after).finish();
            let page = browser.open(&format!("/console/people?{query}")).await.unwrap();
            assert_eq!(page.status.as_u16(), 200, "{after}: {}", page.text);
            page.text.matches("<tr").count()
        };
        let all = rows("").await;
        assert!(all > 5, "the sample's people are listed");
        assert_eq!(rows("zzz").await, rows("zzz' OR '1'='1").await, "nobody comes after it");
        for hostile in ["' OR 1=1 --", "'; DROP TABLE account; --", "\0", "a\0b", "\u{202e}", "%' ESCAPE '!", "\\", "usr_' UNION SELECT 1"] {
            rows(hostile).await;
        }
        assert_eq!(rows("").await, all, "nothing has changed");

        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let csrf = {
            let account = citizen.opens("/account").await;
            let fields = account.hidden_fields("/logout").unwrap();
            fields.into_iter().find(|(name, _)| name == "csrf").unwrap()
        };
        for hostile in ["a\0b", "' OR '1'='1", "'; DELETE FROM consent; --"] {
            for (path, name) in [
                ("/account/grants/withdraw", "client"), ("/account/sessions/end", "session"), ("/approvals", "request"), ("/device", "user_code"),
                ("/device/answer", "user_code"), ("/consent", "flow"), ("/login", "username"), ("/enrol", "code"),
            ] {
                let form = [csrf.clone(), (name.to_owned(), hostile.to_owned()), ("decision".to_owned(), "allow".to_owned())];
                let page = citizen.browser.post(path, &form).await.unwrap();
                assert!((300..500).contains(&page.status.as_u16()), "{path} {hostile:?}: {}", page.text);
            }
        }
        let portal = app.application("portal");
        for hostile in ["' OR '1'='1", "x'; DROP TABLE authorization_code; --", "\\"] {
            portal.redeems(hostile).await.assert_refused(400, "invalid_grant", "");
            portal.refreshes(hostile).await.assert_refused(400, "invalid_grant", "");
        }
        portal.admits(&citizen, "openid").await;
    }

    async fn each_form_is_refused_without_its_token_and_does_nothing(app: TestApp) {
        let browser = app.browser();
        let page = browser.open("/enrol").await.unwrap();
        let password = "tour-of-the-house-7";
        let fields = [
            ("code", app.enrolment_code.as_str()), ("name", "林管理"), ("username", "admin.lin"), ("password", password), ("password_again", password),
        ];
        browser.submit(&page, "/enrol", &fields).await.unwrap();
        let login = browser.open("/login?back=/console").await.unwrap();
        browser.submit(&login, "/login", &[("username", "admin.lin"), ("password", password)]).await.unwrap();
        let foreign = app.person("chen.apo").opens("/login").await.hidden_fields("/login").unwrap();
        let foreign = foreign.into_iter().find(|(name, _)| name == "csrf").unwrap();
        let before = app.log_size().await;
        let paths = paths_of_forms();
        assert!(paths.len() >= 18, "every page's form: {paths:?}");
        for path in paths {
            for token in [None, Some(("csrf".to_owned(), String::new())), Some(foreign.clone())] {
                let flow = ("flow".to_owned(), "back:/account".to_owned());
                let page = browser.post(&path, &token.into_iter().chain([flow]).collect::<Vec<_>>()).await.unwrap();
                assert_shown(&page, 403, "过期");
            }
        }
        assert_eq!(app.log_size().await, before, "nothing was done");
        assert_eq!(browser.open("/console").await.unwrap().status.as_u16(), 200, "nor was anybody logged out");
    }

    async fn http2_has_limits_too(app: TestApp) {
        let address = app.issuer.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The client's preface and empty settings (RFC 9113, 3.4); the server answers with its own.
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head[3], 4, "settings");
        let mut settings = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut settings).await.unwrap();
        let setting = |id: u16| {
            let found = settings.chunks(6).find(|setting| setting[..2] == id.to_be_bytes());
            found.map(|setting| u32::from_be_bytes(setting[2..].try_into().unwrap()))
        };
        assert_eq!(setting(3), Some(128), "streams at a time (RFC 9113, 6.5.2)");
        assert_eq!(setting(6), Some(64 << 10), "bytes of headers");
        assert!(setting(5).is_none_or(|bytes| bytes <= 16 << 10), "bytes of a frame");
    }

    async fn a_token_in_an_address_opens_nothing(app: TestApp) {
        let token = app.machine_token().await;
        for path in ["/oauth2/userinfo", "/access/v1/evaluation", "/v1/signals"] {
            for method in [Method::GET, Method::POST] {
                let asked = app.http().request(method.clone(), app.url(&format!("{path}?access_token={token}")));
                let answer = asked.header("content-type", "application/json").body("{}").send().await.unwrap();
                assert!([401, 405].contains(&answer.status().as_u16()), "{method} {path}: {}", answer.status());
            }
        }
        let secret = app.application("system");
        let path = format!("/oauth2/token?grant_type=client_credentials&client_id={}&client_secret={}", secret.client_id, secret.client_secret);
        let asked = app.http().post(app.url(&path)).header("content-type", "application/x-www-form-urlencoded").body("");
        Answer::to(asked).await.assert_refused(401, "invalid_client", "no client authentication came");
    }
}

/// A machine that signs its assertions with `key`, with the members of `more`.
async fn machine(app: &TestApp, key: &ClientKey, more: Value) -> Application {
    let mut members = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks(),
        "grant_types": ["client_credentials"], "response_types": [], "scope": "decision:evaluate",
    });
    crate::kit::keys::put_over(&mut members, &more);
    app.registers(members).await
}

/// An assertion as it should be (RFC 7523, 3), called `jti`.
fn assertion(app: &TestApp, client: &Application, key: &ClientKey, jti: &str) -> String {
    let exp = app.now().unix_seconds() + 60;
    let (id, issuer) = (&client.client_id, &app.issuer);
    key.signs(&json!({}), &json!({ "iss": id, "sub": id, "aud": issuer, "jti": jti, "exp": exp }))
}

async fn asks_with(client: &Application, assertion: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    Answer::to(client.token_request().form(&form)).await
}

/// Where the forms of our pages go, as the routes in the sources say. What applications post is not shown to anybody before.
fn paths_of_forms() -> Vec<String> {
    let server = concat!(env!("CARGO_MANIFEST_DIR"), "/src/server");
    let mut files = ["site.rs", "person.rs", "answers.rs", "verifying.rs", "upstream.rs", "oidc/logout.rs"]
        .map(|name| format!("{server}/{name}"))
        .to_vec();
    files.extend(
        std::fs::read_dir(format!("{server}/console"))
            .unwrap()
            .map(|entry| entry.unwrap().path().display().to_string()),
    );
    let mut paths = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for route in text.split(".route(").skip(1).map(|rest| rest.split('\n').next().unwrap()) {
            let (path, handlers) = route.split_once(", ").unwrap();
            let constant = text.split_once(&format!("const {path}: &str = \"")).map(|(_, rest)| rest);
            let path = match (path, constant) {
                ("paths::DEVICE", _) => "/device",
                ("paths::END_SESSION" | "paths::CHECK_SESSION", _) => continue,
                (_, Some(rest)) => rest.split('"').next().unwrap(),
                (quoted, None) => {
                    quoted.strip_prefix('"').unwrap_or_else(|| panic!("{quoted}")).trim_end_matches('"')
                }
            };
            // What another provider posts comes with a token of its own.
            if handlers.contains("post(") && !path.ends_with("/backchannel-logout") {
                paths.push(path.to_owned());
            }
        }
    }
    paths
}

/// A public RSA key of 2048 bits, of nobody.
fn rsa_key() -> Value {
    let mut modulus = [0xd3_u8; 256];
    modulus[255] = 0x01;
    json!({ "kty": "RSA", "kid": "r1", "use": "sig", "alg": "PS256", "e": "AQAB", "n": base::encoding::base64url(&modulus) })
}
