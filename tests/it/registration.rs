//! Applications that register themselves (RFC 7591) and manage what they registered (RFC 7592).

use flows::caller::Authority;
use flows::initial_access::{self, Order};
use oidc::software_statement::StatementIssuer;
use serde_json::{Value, json};
use yinxin::browser::Page;

use crate::kit::actors::{Answer, Returned, assert_shown};
use crate::kit::app::{TestApp, stories};
use crate::kit::intruder::Intruder;
use crate::kit::keys::ClientKey;

const CALLBACK: &str = "https://app.example/callback";

stories! {
    async fn an_application_registers_logs_people_in_changes_and_goes(app: TestApp) {
        let made = register(&app, Some(&app.sample.initial_access_token), &json!({
            "client_name": "Bus tickets", "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"],
            "unheard_of": { "x": 1 }, "contacts": ["dev@app.example"],
        }))
        .await;
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(made.header("cache-control"), "no-store");
        for (member, value) in [
            ("client_name", json!("Bus tickets")),
            ("redirect_uris", json!([CALLBACK])),
            ("token_endpoint_auth_method", json!("client_secret_basic")),
            ("id_token_signed_response_alg", json!("RS256")),
            ("response_types", json!(["code"])),
            ("client_secret_expires_at", json!(0)),
            ("scope", json!("openid profile email phone address offline_access")),
            ("unheard_of", Value::Null),
        ] {
            assert_eq!(made.body[member], value, "{member}");
        }
        let (place, token) = (made.text("registration_client_uri"), made.text("registration_access_token"));
        let managed = |method| app.http().request(method, place).bearer_auth(token);

        let read = Answer::to(managed(reqwest::Method::GET)).await;
        assert_eq!((read.status, &read.body["client_secret"]), (200, &Value::Null), "{read:?}");
        let mut members = read.body.clone();
        members["redirect_uris"] = json!([CALLBACK, "https://app.example/other"]);
        members["client_secret"] = made.body["client_secret"].clone();
        let changed = Answer::to(managed(reqwest::Method::PUT).json(&members)).await;
        assert_eq!((changed.status, &changed.body["redirect_uris"][1]), (200, &json!("https://app.example/other")));
        members["client_secret"] = json!("guessed");
        Answer::to(managed(reqwest::Method::PUT).json(&members)).await.assert_refused(400, "invalid_client_metadata", "client_secret");

        let wrong = app.http().get(place).bearer_auth("guessed");
        Answer::to(wrong).await.assert_refused(401, "invalid_token", "registration access token");
        assert_eq!(managed(reqwest::Method::DELETE).send().await.unwrap().status(), 204);
        Answer::to(managed(reqwest::Method::GET)).await.assert_refused(401, "invalid_token", "");
        let asked = app.http().post(app.url("/oauth2/token"));
        let asked = asked.basic_auth(made.text("client_id"), made.body["client_secret"].as_str());
        let refused = Answer::to(asked.form(&[("grant_type", "refresh_token"), ("refresh_token", "x")])).await;
        refused.assert_refused(401, "invalid_client", "unknown or disabled");
    }

    async fn who_has_no_token_registers_nothing(app: TestApp) {
        let good = json!({ "redirect_uris": [CALLBACK] });
        let machine = app.machine_token().await;
        for token in [None, Some("guessed"), Some(machine.as_str())] {
            register(&app, token, &good).await.assert_refused(401, "invalid_token", "initial access token");
        }
        app.advance(90 * 86_400);
        let expired = register(&app, Some(&app.sample.initial_access_token), &good).await;
        expired.assert_refused(401, "invalid_token", "initial access token");
    }

    async fn nobody_registers_more_than_an_application_may_have(app: TestApp) {
        let token = app.sample.initial_access_token.clone();
        let made = register(&app, Some(&token), &json!({
            "redirect_uris": [CALLBACK], "scope": "openid admin seal:use real_name profile",
            "first_party": true, "require_pkce": false, "may_use_seals": ["sel_x"], "audiences": [app.issuer],
        }))
        .await;
        assert_eq!((made.status, made.text("scope")), (201, "openid profile"));
        for member in ["first_party", "require_pkce", "may_use_seals"] {
            assert_eq!(made.body[member], Value::Null, "{member} is for officials");
        }
        assert_eq!(made.body["audiences"], json!([]));

        let key = ClientKey::new("k").jwks();
        for (members, error) in [
            (json!({}), "invalid_redirect_uri"),
            (json!({ "redirect_uris": [] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["http://app.example/callback"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["https://app.example/callback#x"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["https://app.example/*"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["JAVASCRIPT:alert(1)"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": "https://app.example/callback" }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "response_types": ["token"] }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "response_types": ["code id_token"] }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "grant_types": ["password"] }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "grant_types": ["implicit"] }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_jwt" }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt" }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "jwks": key, "jwks_uri": "https://app.example/k" }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "jwks_uri": "http://app.example/k" }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "id_token_signed_response_alg": "none" }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "initiate_login_uri": "http://app.example/" }), "invalid_client_metadata"),
            (json!({ "redirect_uris": [CALLBACK], "backchannel_logout_uri": "http://10.0.0.1/" }), "invalid_client_metadata"),
        ] {
            let said = members.to_string();
            let answer = register(&app, Some(&token), &members).await;
            assert_eq!((answer.status, answer.text("error")), (400, error), "{said}: {answer:?}");
        }
        let text = app.http().post(app.url("/oauth2/register")).bearer_auth(&token);
        let text = text.header("content-type", "application/json").body("[]");
        Answer::to(text).await.assert_refused(400, "invalid_client_metadata", "");
    }

    async fn nobody_registers_under_a_name_that_looks_like_one_of_the_province(app: TestApp) {
        let mut app = app;
        let named = |name: &str| json!({ "client_name": name, "redirect_uris": [CALLBACK] });
        for name in [
            "Citizen portal (sample)", "CITIZEN  PORTAL sample", "Citizen portaI (samp1e)", "Сitizеn роrtаl (sаmрlе)", "Ｃｉｔｉｚｅｎ　ｐｏｒｔａｌ（ｓａｍｐｌｅ）",
            "市民服务门户（示例）", "市民 服务 门户 示例", "Cítizen portal: sample!",
        ] {
            let refused = app.registers_itself(&named(name)).await;
            refused.assert_refused(400, "invalid_client_metadata", "which this one looks like");
        }
        for (tag, name) in [("client_name#zh-CN", "Housing fund (sample, SM2 tokens)"), ("client_name#en", "公积金查询（示例，国密令牌）")] {
            let mut members = named("Anything");
            members[tag] = json!(name);
            app.registers_itself(&members).await.assert_refused(400, "invalid_client_metadata", "which this one looks like");
        }
        for name in ["Citizen\u{200b} portal", "\u{202e}latrop nezitiC", "Bus\u{7} tickets", "Bus\u{ad}tickets", "\u{3164}", &"x".repeat(101)] {
            app.registers_itself(&named(name)).await.assert_refused(400, "invalid_client_metadata", "printable");
        }
        let made = app.registers_itself(&named("Bus tickets")).await;
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(app.registers_itself(&named("Bus tickets")).await.status, 201, "strangers may be called like each other");
        let mut members = named("Citizen Portal Sample");
        members["client_id"] = made.body["client_id"].clone();
        let changed = app.manages(&made, reqwest::Method::PUT, Some(&members)).await;
        changed.assert_refused(400, "invalid_client_metadata", "which this one looks like");

        // What an official registers counts from then on, and so does what an earlier version registered, after a start.
        app.registers_as("不动产登记", json!({ "redirect_uris": [CALLBACK] })).await;
        app.registers_itself(&named("不动产 登记")).await.assert_refused(400, "invalid_client_metadata", "looks like");
        Intruder::at(&app).does("UPDATE client SET name_skeleton_zh = NULL, name_skeleton_en = NULL").await;
        assert_eq!(app.registers_itself(&named("不动产 登记")).await.status, 201, "nothing is known of it");
        app.restart_with(|_| {}).await;
        app.registers_itself(&named("不动产 登记")).await.assert_refused(400, "invalid_client_metadata", "looks like");
        assert_eq!(app.registers_itself(&named("Bus tickets")).await.status, 201);
    }

    async fn a_token_registers_as_many_applications_as_it_may_until_it_is_withdrawn(app: TestApp) {
        let admin = app.administrator_enrols().await.token("openid admin").await;
        let good = json!({ "redirect_uris": [CALLBACK] });
        let order = json!({ "expires_in": 3_600, "applications": 2, "note": "for the bus company" });
        let given = app.posts(&admin, "/v1/initial-access-tokens", &order).await;
        let (id, token) = (given.text("id"), given.text("initial_access_token"));
        let listed = async || {
            let all = Answer::to(app.http().get(app.url("/v1/initial-access-tokens")).bearer_auth(&admin)).await;
            assert!(!all.body.to_string().contains(token), "it is never told again");
            all.body["tokens"].as_array().unwrap().iter().find(|one| one["id"] == id).cloned().unwrap()
        };
        assert_eq!((&listed().await["state"], &listed().await["registered"]), (&json!("open"), &json!(0)));
        let bad = json!({ "redirect_uris": ["http://app.example/"] });
        assert_eq!(register(&app, Some(token), &bad).await.status, 400);
        for _ in 0..2 {
            assert_eq!(register(&app, Some(token), &good).await.status, 201, "what was refused does not count");
        }
        register(&app, Some(token), &good).await.assert_refused(401, "invalid_token", "as many applications as it may");
        let line = listed().await;
        assert_eq!((&line["state"], &line["registered"], &line["note"]), (&json!("used_up"), &json!(2), &json!("for the bus company")));

        let given = app.posts(&admin, "/v1/initial-access-tokens", &json!({ "expires_in": 3_600 })).await;
        assert_eq!(given.body["applications"], 20, "the usual number");
        let (id, token) = (given.text("id"), given.text("initial_access_token"));
        let made = register(&app, Some(token), &good).await;
        let withdraw = |id: &str| app.http().delete(app.url(&format!("/v1/initial-access-tokens/{id}"))).bearer_auth(&admin);
        let machine = app.machine_token().await;
        let stranger = app.http().delete(app.url(&format!("/v1/initial-access-tokens/{id}"))).bearer_auth(&machine);
        assert_eq!(Answer::to(stranger).await.status, 403);
        app.advance(1);
        assert_eq!(withdraw(id).send().await.unwrap().status(), 204);
        register(&app, Some(token), &good).await.assert_refused(401, "invalid_token", "was withdrawn");
        assert_eq!(app.manages(&made, reqwest::Method::GET, None).await.status, 200, "what it registered stays");
        Answer::to(withdraw(id)).await.assert_problem(409, "state_changed", "withdrawn");
        Answer::to(withdraw("iat_01k9p3v7h0d9x7q4v6k2m8w3ye")).await.assert_problem(404, "no_such_token", "no initial access token");
        Answer::to(withdraw("x")).await.assert_problem(400, "bad_identifier", "iat_");
        app.log_size().await;
        let entry = flows::log::latest(app.env(), 1).await.unwrap().remove(0);
        assert_eq!((entry.kind.as_str(), entry.subject.as_str()), ("client_registration_closed", id));
        for (order, why) in [
            (json!({ "expires_in": 0 }), "expires_in"), (json!({ "expires_in": 60, "applications": 0 }), "applications"),
            (json!({ "expires_in": 60, "applications": 10_001 }), "applications"), (json!({ "expires_in": 60, "note": "x".repeat(101) }), "note"),
            (json!({ "expires_in": 60, "note": "a\nb" }), "note"),
        ] {
            app.posts(&admin, "/v1/initial-access-tokens", &order).await.assert_problem(422, "bad_registration", why);
        }
    }

    async fn of_two_at_once_at_the_limit_one_registers(app: TestApp) {
        let good = json!({ "redirect_uris": [CALLBACK] });
        for round in 0..10 {
            let order = Order { applications_max: 1, ..Order::for_seconds(60) };
            let given = initial_access::give(app.env(), app.now(), Authority::Operator, order).await.unwrap();
            let token = Some(given.token.expose().as_str());
            let (first, second) = tokio::join!(register(&app, token, &good), register(&app, token, &good));
            let mut statuses = [first.status, second.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [201, 401], "round {round}: {first:?} {second:?}");
            let row = store::rows::initial_access::lookup(&mut app.env().db.read().await.unwrap(), given.id).await.unwrap().unwrap();
            assert_eq!(row.applications, 1);
        }
        // One registers while an administrator withdraws: either it was in time, or it is told so.
        for _ in 0..10 {
            let given = initial_access::give(app.env(), app.now(), Authority::Operator, Order::for_seconds(60)).await.unwrap();
            let withdrawing = initial_access::withdraw(app.env(), app.now(), Authority::Operator, given.id);
            let (made, withdrawn) = tokio::join!(register(&app, Some(given.token.expose()), &good), withdrawing);
            withdrawn.unwrap();
            let row = store::rows::initial_access::lookup(&mut app.env().db.read().await.unwrap(), given.id).await.unwrap().unwrap();
            assert_eq!(u32::from(made.status == 201), row.applications, "{made:?}");
            assert_eq!(register(&app, Some(given.token.expose()), &good).await.status, 401);
        }
    }

    async fn an_administrator_gives_out_and_withdraws_tokens_at_the_console(app: TestApp) {
        app.administrator_enrols().await;
        let browser = app.browser();
        let login = browser.open("/login").await.unwrap();
        let fields = [("username", "admin.lin"), ("password", "a-seal-and-a-signature-9")];
        browser.submit(&login, "/login", &fields).await.unwrap();
        assert_shown(&browser.open("/console/applications").await.unwrap(), 200, "/console/registration");
        let page = browser.open("/console/registration").await.unwrap();
        assert_shown(&page, 200, "示例 / sample");
        let wrong = browser.submit(&page, "/console/registration", &[("days", "91"), ("applications", "1")]).await.unwrap();
        assert_shown(&wrong, 422, "initial-access-days-wrong");
        app.advance(1);
        let given = browser.submit(&page, "/console/registration", &[("days", "7"), ("applications", "3"), ("note", "公交公司")]).await.unwrap();
        assert_shown(&given, 200, "公交公司");
        let codes: Vec<&str> = given.text.split("<code>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        let (token, id) = (codes[0], codes[1]);
        let made = register(&app, Some(token), &json!({ "redirect_uris": [CALLBACK] })).await;
        assert_eq!(made.status, 201, "{made:?}");
        let page = browser.open("/console/registration").await.unwrap();
        assert!(!page.text.contains(token), "it is never shown again");
        assert_shown(&page, 200, "1 / 3");
        let mut form = page.hidden_fields("/console/registration/withdraw").unwrap();
        assert_eq!(form.iter().find(|(name, _)| name == "id").map(|(_, value)| value.as_str()), Some(id), "the latest comes first");
        let done = browser.post("/console/registration/withdraw", &form).await.unwrap();
        assert_shown(&done, 200, "令牌已撤回");
        register(&app, Some(token), &json!({ "redirect_uris": [CALLBACK] })).await.assert_refused(401, "invalid_token", "withdrawn");
        assert_shown(&browser.post("/console/registration/withdraw", &form).await.unwrap(), 409, "状态已被其他人变更");
        form.retain(|(name, _)| name != "csrf");
        assert_eq!(browser.post("/console/registration/withdraw", &form).await.unwrap().status, 403, "from nowhere");
        let official = app.person("lin.zhixing");
        official.logs_in().await;
        assert_eq!(official.opens("/console/registration").await.status, 403, "administrators only");
    }

    async fn a_link_to_us_is_not_a_way_to_a_strangers_page(app: TestApp) {
        let made = app.registers_itself(&json!({ "client_name": "Prizes", "redirect_uris": [CALLBACK], "scope": "openid profile" })).await;
        let stranger = app.application_known_as(made.text("client_id"), made.text("client_secret"), CALLBACK);
        let request = || stranger.requests("openid profile");
        let errors = [
            (request().with("response_type", "token"), "unsupported_response_type"),
            (request().without("code_challenge"), "invalid_request"),
            (request().with("prompt", "none login"), "invalid_request"),
            (request().with("request", "x"), "invalid_request_object"),
            (request().with("prompt", "none"), "login_required"),
        ];
        let citizen = app.person("li.xiaoman");
        for (request, error) in &errors {
            let page = citizen.opens(&request.path()).await;
            assert_shown(&page, 200, "app.example");
            let link = link_in(&page);
            assert!(link.starts_with(CALLBACK) && link.contains(&format!("error={error}")), "{link}");
            assert!(link.contains("state=") && link.contains("iss="), "the whole answer: {link}");
        }
        let by_form = citizen.opens(&request().with("prompt", "none").with("response_mode", "form_post").path()).await;
        assert_shown(&by_form, 200, "app.example");
        assert!(!by_form.text.contains("post.js"), "nothing is posted by itself");
        let fields = by_form.hidden_fields(CALLBACK).unwrap();
        assert!(fields.contains(&("error".to_owned(), "login_required".to_owned())), "{fields:?}");

        // Who says no goes nowhere by themselves either.
        citizen.logs_in().await;
        let silent = citizen.opens(&request().with("prompt", "none").path()).await;
        assert!(link_in(&silent).contains("error=consent_required"));
        let consent = citizen.opens(&request().path()).await;
        let denied = citizen.submits(&consent, "/consent", &[("decision", "deny")]).await;
        assert_shown(&denied, 200, "Prizes");
        assert!(link_in(&denied).contains("error=access_denied"));

        // Who allowed it something went there of their own will: from then on silence works as the standard says.
        let returned = citizen.authorizes(&request()).await;
        stranger.redeems(&returned.code()).await.tokens();
        let silent = Returned::by(&citizen.opens(&request().with("prompt", "none").path()).await);
        silent.code();
        let asks = request().with("prompt", "none").with("max_age", "0");
        app.advance(2);
        assert_eq!(Returned::by(&citizen.opens(&asks.path()).await).error(), "login_required");
        let wrong = citizen.opens(&request().with("response_type", "token").path()).await;
        assert_eq!(Returned::by(&wrong).error(), "unsupported_response_type");
        // Others did not.
        assert_shown(&app.person("chen.ruoshui").opens(&asks.path()).await, 200, "app.example");
    }

    async fn an_application_of_the_province_and_one_that_is_vouched_for_hear_at_once(app: TestApp) {
        let mut app = app;
        let portal = app.application("portal");
        let citizen = app.person("li.xiaoman");
        let silent = citizen.opens(&portal.requests("openid").with("prompt", "none").path()).await;
        assert_eq!(Returned::by(&silent).error(), "login_required");
        let wrong = citizen.opens(&portal.requests("openid").with("response_type", "token").path()).await;
        assert_eq!(Returned::by(&wrong).error(), "unsupported_response_type");

        let key = ClientKey::new("d1");
        let jwks = oidc::Registration { jwks: Some(key.jwks()), ..oidc::Registration::default() };
        let issuer = StatementIssuer {
            issuer: "https://directory.example".to_owned(),
            keys: jwks.keys().unwrap(),
            members: StatementIssuer::every_member(),
            scopes: StatementIssuer::usual_scopes(),
            age_max_days: 1,
        };
        app.restart_with(|config| config.registration.statement_issuers = vec![issuer]).await;
        let citizen = app.person("li.xiaoman");
        for (vouched, at_once) in [(json!({ "redirect_uris": [CALLBACK] }), true), (json!({ "client_name": "Hospital" }), false)] {
            let mut claims = json!({ "iss": "https://directory.example", "iat": app.now().unix_seconds() });
            claims.as_object_mut().unwrap().extend(vouched.as_object().cloned().unwrap());
            let statement = key.signs(&json!({}), &claims);
            let made = app.registers_itself(&json!({ "software_statement": statement, "redirect_uris": [CALLBACK] })).await;
            let hospital = app.application_known_as(made.text("client_id"), made.text("client_secret"), CALLBACK);
            let page = citizen.opens(&hospital.requests("openid").with("prompt", "none").path()).await;
            assert_eq!(page.location.is_some(), at_once, "{}", page.text);
        }
    }
}

async fn register(app: &TestApp, token: Option<&str>, members: &Value) -> Answer {
    let request = app.http().post(app.url("/oauth2/register")).json(members);
    Answer::to(token.into_iter().fold(request, |request, token| request.bearer_auth(token))).await
}

/// Where the page's button leads.
fn link_in(page: &Page) -> String {
    let rest = page.text.split("class=\"button\" href=\"").nth(1);
    let rest = rest.unwrap_or_else(|| panic!("{}", page.unexpected("a link")));
    rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}
