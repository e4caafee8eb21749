//! Token exchange (RFC 8693): who is called for a person calls the next one for them, and the token says so.

use serde_json::{Value, json};
use store::rows::audit;

use crate::kit::actors::{Answer, Application, Person, Tokens};
use crate::kit::app::{TestApp, stories};
use crate::kit::intruder::Intruder;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const FILES: &str = "https://files.example";
const ARCHIVE: &str = "https://archive.example";
const VAULT: &str = "https://vault.example";

stories! {
    async fn an_api_calls_the_next_one_for_a_person_and_the_token_says_so(app: TestApp) {
        let (front, files, archive) = (front(&app).await, api(&app, &[FILES, ARCHIVE]).await, api(&app, &[ARCHIVE, VAULT]).await);
        let citizen = app.person("li.xiaoman");
        let tokens = front.admits_to_files(&citizen).await;
        app.advance(100);
        let exchanged = files.exchanges(&tokens.access, &[("audience", ARCHIVE)]).await;
        assert_eq!((exchanged.status, exchanged.text("issued_token_type")), (200, ACCESS_TOKEN), "{exchanged:?}");
        assert_eq!((exchanged.text("token_type"), &exchanged.body["expires_in"]), ("Bearer", &json!(500)));
        assert_eq!(exchanged.text("scope"), "tax:read");
        assert!(exchanged.body.get("refresh_token").is_none() && exchanged.body.get("id_token").is_none());
        let (before, claims) = (claims(&tokens.access), claims(exchanged.text("access_token")));
        for same in ["iss", "sub", "exp", "auth_time", "acr", "sid"] {
            assert_eq!(claims[same], before[same], "{same}");
        }
        assert_eq!((&claims["aud"], &claims["client_id"]), (&json!(ARCHIVE), &json!(files.client_id)));
        assert_eq!(claims["act"], json!({"sub": files.client_id}));
        assert!(before.get("act").is_none());

        let again = archive.exchanges(exchanged.text("access_token"), &[("resource", VAULT)]).await;
        let claims = self::claims(again.text("access_token"));
        assert_eq!(claims["act"], json!({"sub": archive.client_id, "act": {"sub": files.client_id}}));
        assert_eq!(claims["sub"], json!(citizen.sample.id));
        assert_eq!(archive.introspects(again.text("access_token")).await["act"], claims["act"]);
    }

    async fn an_actors_own_token_says_who_acts(app: TestApp) {
        let (front, files) = (front(&app).await, api(&app, &[FILES, ARCHIVE]).await);
        let tokens = front.admits_to_files(&app.person("li.xiaoman")).await;
        let own = files.asks(&[("grant_type", "client_credentials")]).await.tokens().access;
        let actor = [("audience", ARCHIVE), ("actor_token", own.as_str()), ("actor_token_type", ACCESS_TOKEN)];
        let exchanged = files.exchanges(&tokens.access, &actor).await;
        assert_eq!(claims(exchanged.text("access_token"))["act"], json!({"sub": files.client_id}));
        for wrong in ["x", &tokens.access] {
            let actor = [("audience", ARCHIVE), ("actor_token", wrong), ("actor_token_type", ACCESS_TOKEN)];
            files.exchanges(&tokens.access, &actor).await.assert_refused(400, "invalid_request", "actor_token");
        }
    }

    async fn a_token_opens_less_each_time(app: TestApp) {
        let (front, files) = (front(&app).await, api(&app, &[FILES, ARCHIVE]).await);
        let tokens = front.admits_to_files(&app.person("li.xiaoman")).await;
        let asks = async |form: &[(&str, &str)]| files.exchanges(&tokens.access, form).await;
        for scope in ["tax:write", "profile", "tax:read tax:write", "offline_access"] {
            asks(&[("audience", ARCHIVE), ("scope", scope)]).await.assert_refused(400, "invalid_scope", "exceeds");
        }
        assert_eq!(asks(&[("audience", ARCHIVE), ("scope", "tax:read")]).await.text("scope"), "tax:read");
        asks(&[]).await.assert_refused(400, "invalid_target", "name the API");
        asks(&[("audience", VAULT)]).await.assert_refused(400, "invalid_target", "not registered");
        asks(&[("resource", VAULT)]).await.assert_refused(400, "invalid_target", "not registered");
        let two = asks(&[("audience", ARCHIVE), ("audience", FILES)]).await;
        assert_eq!(claims(two.text("access_token"))["aud"], json!([ARCHIVE, FILES]));
    }

    async fn what_was_allowed_in_detail_goes_along_and_never_becomes_more(app: TestApp) {
        let with_types = async |members: Value, types: &[&str]| {
            let mut members = members;
            members["authorization_details_types"] = json!(types);
            app.registers(members).await
        };
        let front = json!({
            "redirect_uris": ["http://localhost:9881/callback"], "grant_types": ["authorization_code", GRANT],
            "scope": "openid tax:read", "audiences": [FILES],
        });
        let front = with_types(front, &["payment", "letter"]).await;
        let files = json!({
            "grant_types": [GRANT], "response_types": [], "scope": "tax:read", "audiences": [FILES, ARCHIVE],
        });
        let (files, archive) = (with_types(files, &["payment"]).await, api(&app, &[ARCHIVE, VAULT]).await);
        let (small, large, letter) = (
            json!({ "type": "payment", "amount": "10.00" }),
            json!({ "type": "payment", "amount": "900.00" }),
            json!({ "type": "letter", "to": "35010200009" }),
        );
        let asked = json!([small, large, letter]);
        let request = front.requests("openid tax:read").and("resource", FILES);
        let request = request.and("authorization_details", &asked.to_string());
        let code = app.person("li.xiaoman").authorizes(&request).await.code();
        let tokens = front.redeems(&code).await.tokens();
        let allows = async |answer: &Answer, expected: Value| {
            let token = answer.text("access_token");
            assert_eq!(answer.body["authorization_details"], expected, "{answer:?}");
            assert_eq!(claims(token)["authorization_details"], expected);
            assert_eq!(files.introspects(token).await["authorization_details"], expected);
        };

        let of_its_types = files.exchanges(&tokens.access, &[("audience", ARCHIVE)]).await;
        allows(&of_its_types, json!([small, large])).await;
        let asks = async |token: &str, details: &Value| {
            files.exchanges(token, &[("audience", ARCHIVE), ("authorization_details", &details.to_string())]).await
        };
        let less = asks(&tokens.access, &json!([small])).await;
        allows(&less, json!([small])).await;
        for (token, more) in [
            (tokens.access.as_str(), json!([{ "type": "payment", "amount": "9000.00" }])),
            (&tokens.access, json!([{ "type": "payment" }])),
            (&tokens.access, json!([small, letter])),
            (less.text("access_token"), json!([large])),
            (&tokens.access, json!("x")),
        ] {
            asks(token, &more).await.assert_refused(400, "invalid_authorization_details", "");
        }
        // Who is registered for none of them has none of them, and passes none on.
        let plain = archive.exchanges(less.text("access_token"), &[("resource", VAULT)]).await;
        assert_eq!(plain.status, 200, "{plain:?}");
        assert!(plain.body.get("authorization_details").is_none());
        assert!(claims(plain.text("access_token")).get("authorization_details").is_none());

        // An ID token stands for what was given with it, and no more.
        let by_id = |details: Value| {
            let form = [("audience", FILES), ("subject_token_type", ID_TOKEN)];
            let details = details.to_string();
            let (front, id) = (&front, tokens.id());
            async move { front.exchanges(id, &[&form[..], &[("authorization_details", &details)]].concat()).await }
        };
        assert_eq!(by_id(json!([letter])).await.body["authorization_details"], json!([letter]));
        let more = by_id(json!([{ "type": "letter", "to": "everybody" }])).await;
        more.assert_refused(400, "invalid_authorization_details", "was not granted");
    }

    async fn it_never_lives_longer_than_the_token_it_was_made_from(app: TestApp) {
        let (front, files) = (front(&app).await, api(&app, &[FILES, ARCHIVE]).await);
        let tokens = front.admits_to_files(&app.person("li.xiaoman")).await;
        app.advance(599);
        let exchanged = files.exchanges(&tokens.access, &[("audience", ARCHIVE)]).await;
        assert_eq!(exchanged.body["expires_in"], 1);
        let more = files.exchanges(exchanged.text("access_token"), &[("audience", ARCHIVE)]).await;
        assert_eq!(more.body["expires_in"], 1);
        app.advance(1);
        for over in [tokens.access.as_str(), exchanged.text("access_token")] {
            files.exchanges(over, &[("audience", ARCHIVE)]).await.assert_refused(400, "invalid_request", "live token");
        }
    }

    async fn it_ends_with_the_login_and_with_the_token_it_was_made_from(app: TestApp) {
        let (front, files) = (front(&app).await, api(&app, &[FILES, ARCHIVE]).await);
        let citizen = app.person("li.xiaoman");
        let first = front.admits_to_files(&citizen).await.access;
        let second = front.admits_to_files(&citizen).await.access;
        let mut of = Vec::new();
        for token in [&first, &second] {
            let once = files.exchanges(token, &[("audience", ARCHIVE)]).await.tokens().access;
            let twice = files.exchanges(&once, &[("audience", ARCHIVE)]).await.tokens().access;
            of.push([once, twice]);
        }
        let live = async |token: &str| files.introspects(token).await["active"] == true;
        assert!(live(&of[0][1]).await && live(&of[1][1]).await);
        front.revokes(&first).await;
        for dead in &of[0] {
            assert!(!live(dead).await, "with the token it was made from");
            files.exchanges(dead, &[("audience", ARCHIVE)]).await.assert_refused(400, "invalid_request", "live");
        }
        assert!(live(&of[1][0]).await && live(&of[1][1]).await, "another token's are not");
        files.revokes(&of[1][0]).await;
        assert!(!live(&of[1][1]).await && live(&second).await, "what it was made from stays");
        let third = files.exchanges(&second, &[("audience", ARCHIVE)]).await.tokens().access;
        let page = citizen.opens("/oauth2/logout").await;
        citizen.submits(&page, "/logout", &[("confirm", "yes")]).await;
        assert!(!live(&third).await, "with the login");
        files.exchanges(&second, &[("audience", ARCHIVE)]).await.assert_refused(400, "invalid_request", "live");
    }

    async fn a_token_is_exchanged_by_whom_it_was_given_to_or_is_for(app: TestApp) {
        let (front, files, vault) = (front(&app).await, api(&app, &[FILES, ARCHIVE]).await, api(&app, &[VAULT]).await);
        let citizen = app.person("li.xiaoman");
        let tokens = front.admits_to_files(&citizen).await;
        vault.exchanges(&tokens.access, &[("audience", VAULT)]).await.assert_refused(400, "invalid_request", "for one of its");
        let machines = files.asks(&[("grant_type", "client_credentials")]).await.tokens().access;
        for wrong in [machines.as_str(), "x", "e30.e30.e30", tokens.id()] {
            let refused = files.exchanges(wrong, &[("audience", ARCHIVE)]).await;
            refused.assert_refused(400, "invalid_request", "subject_token");
        }
        let others = [("audience", ARCHIVE), ("subject_token_type", ID_TOKEN)];
        files.exchanges(tokens.id(), &others).await.assert_refused(400, "invalid_request", "subject_token");
        files.exchanges(&tokens.access, &others).await.assert_refused(400, "invalid_request", "subject_token");
        let portal = app.application("portal");
        let refused = portal.exchanges(&tokens.access, &[("audience", FILES)]).await;
        refused.assert_refused(400, "unauthorized_client", "not registered for the grant");
    }

    async fn an_applications_own_id_token_stands_for_what_it_was_given_with_it(app: TestApp) {
        let desk = desk(&app).await;
        let citizen = app.person("li.xiaoman");
        let tokens = desk.admits(&citizen, "openid tax:read").await;
        let form = [("audience", FILES), ("subject_token_type", ID_TOKEN)];
        let exchanged = desk.exchanges(tokens.id(), &form).await;
        let claims = claims(exchanged.text("access_token"));
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!(citizen.sample.id), &json!(FILES)));
        assert_eq!(claims["act"], json!({"sub": desk.client_id}));
        let page = citizen.opens("/oauth2/logout").await;
        citizen.submits(&page, "/logout", &[("confirm", "yes")]).await;
        assert_eq!(desk.introspects(exchanged.text("access_token")).await["active"], false);
        desk.exchanges(tokens.id(), &form).await.assert_refused(400, "invalid_request", "live");
    }

    async fn only_so_many_stand_between_the_person_and_the_api(app: TestApp) {
        let (front, files) = (front(&app).await, api(&app, &[FILES, ARCHIVE]).await);
        let mut token = front.admits_to_files(&app.person("li.xiaoman")).await.access;
        for _ in 0..4 {
            token = files.exchanges(&token, &[("audience", ARCHIVE)]).await.tokens().access;
        }
        let refused = files.exchanges(&token, &[("audience", ARCHIVE)]).await;
        refused.assert_refused(400, "invalid_request", "exchanged 4 times");
    }

    async fn a_token_that_does_not_say_who_acts_is_for_policies_to_permit_and_in_the_log(app: TestApp) {
        let (front, desk) = (front(&app).await, desk(&app).await);
        let (citizen, official) = (app.person("li.xiaoman"), app.person("lin.zhixing"));
        let subject = front.admits_to_files(&citizen).await.access;
        let actor = desk.admits(&official, "openid").await.access;
        let alone = [("audience", FILES), ("yinxin_impersonate", "true")];
        desk.exchanges(&subject, &alone).await.assert_refused(400, "access_denied", "No rule permits");
        let with_actor = [&alone[..], &[("actor_token", actor.as_str()), ("actor_token_type", ACCESS_TOKEN)]].concat();
        desk.exchanges(&subject, &with_actor).await.assert_refused(400, "access_denied", "impersonator");

        let id = official.sample.id;
        Intruder::at(&app)
            .does(&format!("UPDATE official SET roles = '[\"impersonator\"]' WHERE account_id = '{id}'"))
            .await;
        let exchanged = desk.exchanges(&subject, &with_actor).await;
        let claims = claims(exchanged.text("access_token"));
        assert!(claims.get("act").is_none(), "{claims}");
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!(citizen.sample.id), &json!(FILES)));
        let mut conn = app.env().db.read().await.unwrap();
        let person = citizen.sample.id.to_string();
        let entries = audit::of_subject(&mut conn, &person, "impersonated").await.unwrap();
        assert_eq!(entries.len(), 1);
        let entry: Value = serde_json::from_slice(&entries[0].body).unwrap();
        assert_eq!((&entry["actor"], &entry["detail"]["jti"]), (&json!(id), &claims["jti"]));
        drop(conn);

        let named = [("audience", FILES), ("actor_token", actor.as_str()), ("actor_token_type", ACCESS_TOKEN)];
        let named = desk.exchanges(&subject, &named).await;
        assert_eq!(self::claims(named.text("access_token"))["act"], json!({"sub": id}));
        let minister = front.admits_to_files(&app.person("lin.zhixing")).await.access;
        desk.exchanges(&minister, &with_actor).await.assert_refused(400, "access_denied", "official");
    }
}

/// An application that people log in to, and that calls the API of files for them.
async fn front(app: &TestApp) -> Application {
    app.registers(json!({
        "redirect_uris": ["http://localhost:9881/callback"], "grant_types": ["authorization_code"],
        "scope": "openid tax:read", "audiences": [FILES],
    }))
    .await
}

/// An API that calls others for those for whom it is called.
async fn api(app: &TestApp, audiences: &[&str]) -> Application {
    app.registers(json!({
        "grant_types": [GRANT, "client_credentials"], "response_types": [],
        "scope": "tax:read tax:write", "audiences": audiences,
    }))
    .await
}

/// An application that officials log in to, which acts for citizens.
async fn desk(app: &TestApp) -> Application {
    app.registers(json!({
        "redirect_uris": ["http://localhost:9882/callback"], "grant_types": ["authorization_code", GRANT],
        "scope": "openid tax:read", "audiences": [FILES],
    }))
    .await
}

/// What `token` says, without asking whether it is true.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base::encoding::from_base64url(payload).unwrap()).unwrap()
}

impl Application {
    async fn admits_to_files(&self, person: &Person<'_>) -> Tokens {
        let returned = person.authorizes(&self.requests("openid tax:read").and("resource", FILES)).await;
        self.redeems(&returned.code()).await.tokens()
    }

    async fn exchanges(&self, subject: &str, form: &[(&str, &str)]) -> Answer {
        let mut all = vec![("grant_type", GRANT), ("subject_token", subject)];
        if !form.iter().any(|(name, _)| *name == "subject_token_type") {
            all.push(("subject_token_type", ACCESS_TOKEN));
        }
        all.extend(form);
        self.asks(&all).await
    }

    pub(crate) async fn introspects(&self, token: &str) -> Value {
        let request = self.request("/oauth2/introspect");
        let request = request.basic_auth(&self.client_id, Some(&self.client_secret));
        Answer::to(request.form(&[("token", token)])).await.body
    }

    async fn revokes(&self, token: &str) {
        let request = self.request("/oauth2/revoke").basic_auth(&self.client_id, Some(&self.client_secret));
        assert_eq!(request.form(&[("token", token)]).send().await.unwrap().status().as_u16(), 200);
    }
}
