//! Software statements: what somebody whom the operator trusts says of software that registers itself (RFC 7591, 2.3).

use base::encoding::base64url;
use flows::env::SelfRegistration;
use jose::Algorithm;
use oidc::client::ClientKeys;
use oidc::software_statement::{STATEMENT_MAX_BYTES, StatementIssuer};
use serde_json::{Value, json};

use crate::kit::actors::Answer;
use crate::kit::app::{TestApp, stories};
use crate::kit::keys::{ClientKey, put_over};
use crate::kit::site::Site;

const DIRECTORY: &str = "https://directory.example";
const CALLBACK: &str = "https://hospital.example/callback";
const ELSEWHERE: &str = "https://evil.example/callback";

stories! {
    async fn what_a_statement_says_holds_and_what_is_said_beside_it_does_not(app: TestApp) {
        let mut app = app;
        let key = ClientKey::new("d1");
        app.trusts(issuer(&key.jwks()), false).await;
        let statement = key.signs(&json!({}), &says(&app, json!({
            "client_name": "Hospital", "redirect_uris": [CALLBACK], "scope": "openid real_name", "software_id": "4NRB1", "first_party": true,
        })));
        let made = app.registers_itself(&json!({
            "software_statement": statement, "client_name": "Tax", "client_name#zh-CN": "税务局", "client_name#en": "Tax",
            "redirect_uris": [ELSEWHERE], "scope": "openid email admin", "contacts": ["dev@hospital.example"],
        })).await;
        assert_eq!(made.status, 201, "{made:?}");
        for (member, value) in [
            ("software_statement", json!(statement)),
            ("client_name", json!("Hospital")),
            ("client_name#zh-CN", json!("Hospital")),
            ("redirect_uris", json!([CALLBACK])),
            ("scope", json!("openid real_name")),
            ("software_id", json!("4NRB1")),
            ("contacts", json!(["dev@hospital.example"])),
            ("first_party", Value::Null),
        ] {
            assert_eq!(made.body[member], value, "{member}");
        }
        let read = app.manages(&made, reqwest::Method::GET, None).await;
        assert_eq!((read.status, read.text("software_statement")), (200, statement.as_str()));

        app.log_size().await;
        let latest = flows::log::latest(app.env(), 1).await.unwrap().remove(0);
        let entry = audit::Entry::parse(&latest.body).unwrap();
        assert_eq!(entry.detail()["statement"]["issuer"], DIRECTORY);
        assert!(entry.detail()["initial_access"].as_str().unwrap().starts_with("iat_"), "{:?}", entry.detail());
    }

    async fn a_statement_under_the_national_algorithm_is_as_good(app: TestApp) {
        let mut app = app;
        let keys: Value = serde_json::from_slice(&app.fetches("/oauth2/jwks-sm").await).unwrap();
        app.trusts(issuer(&keys), false).await;
        let keyring = app.env().keyring();
        let signer = keyring.token_signer(Algorithm::Sm2Sm3).unwrap();
        let statement = jose::jwt::sign(signer, "JWT", &says(&app, json!({ "client_name": "医院" }))).unwrap();
        let made = app.registers_itself(&json!({ "software_statement": statement, "redirect_uris": [CALLBACK] })).await;
        assert_eq!((made.status, made.text("client_name")), (201, "医院"), "{made:?}");
    }

    async fn a_statement_that_is_not_good_or_not_for_this_registers_nothing(app: TestApp) {
        let mut app = app;
        let (key, stranger) = (ClientKey::new("d1"), ClientKey::new("d1"));
        let names = StatementIssuer { members: vec!["client_name".to_owned()], issuer: "https://names.example".to_owned(), ..issuer(&key.jwks()) };
        app.trust(SelfRegistration { statement_issuers: vec![issuer(&key.jwks()), names], ..SelfRegistration::default() }).await;
        let now = app.now().unix_seconds();
        let signed = |claims: Value| key.signs(&json!({}), &says(&app, claims));
        let typed = |header: Value| key.signs(&header, &says(&app, json!({})));
        let twice = {
            let payload = format!(r#"{{"iss":"{DIRECTORY}","iat":{now},"client_name":"Hospital","client_name":"Tax"}}"#);
            let whole = signed(json!({}));
            let (header, rest) = whole.split_once('.').unwrap();
            format!("{header}.{}.{}", base64url(payload.as_bytes()), rest.split_once('.').unwrap().1)
        };
        let (invalid, unapproved) = ("invalid_software_statement", "unapproved_software_statement");
        for (statement, error, why) in [
            (json!(1), invalid, "a text"),
            (json!(""), invalid, "a signed JWT"),
            (json!("a.b.c"), invalid, "a signed JWT"),
            (json!("x".repeat(STATEMENT_MAX_BYTES + 1)), invalid, "at most"),
            (json!(twice), invalid, "no name comes twice"),
            (json!(signed(json!({ "iss": null }))), invalid, "`iss`"),
            (json!(signed(json!({ "iss": "https://nobody.example" }))), unapproved, "not one that the operator lets vouch"),
            (json!(signed(json!({ "iss": app.issuer }))), unapproved, "not one that the operator lets vouch"),
            (json!(stranger.signs(&json!({}), &says(&app, json!({})))), invalid, "signature"),
            (json!(typed(json!({ "alg": "none" }))), invalid, ""),
            (json!(typed(json!({ "alg": "HS256" }))), invalid, ""),
            (json!(typed(json!({ "typ": "at+jwt" }))), invalid, "type"),
            (json!(typed(json!({ "jku": "https://evil.example/keys" }))), invalid, ""),
            (json!(typed(json!({ "kid": "other" }))), invalid, "known key"),
            (json!(signed(json!({ "iat": null }))), invalid, "`iat`"),
            (json!(signed(json!({ "iat": now + 60 }))), invalid, "in force"),
            (json!(signed(json!({ "iat": now - 366 * 86_400 }))), invalid, "at most 365 days ago"),
            (json!(signed(json!({ "exp": now - 60 }))), invalid, "expired"),
            (json!(signed(json!({ "exp": "soon" }))), invalid, "`exp`"),
            (json!(signed(json!({ "aud": "https://other.example" }))), invalid, "`aud`"),
            (json!(signed(json!({ "aud": 1 }))), invalid, "`aud`"),
            (json!(signed(json!({ "scope": "openid organisation" }))), unapproved, "`organisation`"),
            (json!(signed(json!({ "scope": "seal:use" }))), unapproved, "`seal:use`"),
            (json!(signed(json!({ "scope": ["openid"] }))), invalid, "`scope`"),
            (json!(signed(json!({ "iss": "https://names.example", "redirect_uris": [CALLBACK] }))), unapproved, "`redirect_uris`"),
        ] {
            let said = statement.to_string();
            let refused = app.registers_itself(&json!({ "software_statement": statement, "redirect_uris": [CALLBACK] })).await;
            assert_eq!((refused.status, refused.text("error")), (400, error), "{said}: {refused:?}");
            assert!(refused.text("error_description").contains(why), "{why}: {refused:?}");
        }
        for good in [json!({ "exp": now + 60, "aud": [app.issuer, "https://other.example"] }), json!({ "iss": "https://names.example" }), json!({})] {
            let made = app.registers_itself(&json!({ "software_statement": signed(good), "redirect_uris": [CALLBACK] })).await;
            assert_eq!(made.status, 201, "{made:?}");
        }
        // What somebody vouched for is looked at like anything else.
        let bad = app.registers_itself(&json!({ "software_statement": signed(json!({ "redirect_uris": ["http://hospital.example/"] })) })).await;
        assert_eq!(bad.text("error"), "invalid_redirect_uri");
    }

    async fn where_the_operator_wants_it_so_nothing_registers_without_a_statement(app: TestApp) {
        let mut app = app;
        let key = ClientKey::new("d1");
        app.trusts(issuer(&key.jwks()), true).await;
        for without in [json!({ "redirect_uris": [CALLBACK] }), json!({ "redirect_uris": [CALLBACK], "software_statement": null })] {
            app.registers_itself(&without).await.assert_refused(400, "invalid_client_metadata", "software_statement: expected one");
        }
        let statement = key.signs(&json!({}), &says(&app, json!({})));
        let with = json!({ "redirect_uris": [CALLBACK], "software_statement": statement });
        assert_eq!(app.registers_itself(&with).await.status, 201);
        let request = app.http().post(app.url("/oauth2/register")).json(&with);
        Answer::to(request).await.assert_refused(401, "invalid_token", "initial access token");
    }

    async fn what_a_statement_said_is_changed_by_another_statement_and_by_nothing_else(app: TestApp) {
        let mut app = app;
        let key = ClientKey::new("d1");
        app.trusts(issuer(&key.jwks()), true).await;
        let statement = |claims: Value| key.signs(&json!({}), &says(&app, claims));
        let first = statement(json!({ "client_name": "Hospital", "redirect_uris": [CALLBACK], "exp": app.now().unix_seconds() + 60 }));
        let made = app.registers_itself(&json!({ "software_statement": first, "contacts": ["a@hospital.example"] })).await;
        app.advance(3_600);
        let read = app.manages(&made, reqwest::Method::GET, None).await;
        let mut members = read.body.clone();
        members["client_name"] = json!("Tax");
        members["redirect_uris"] = json!([ELSEWHERE]);
        members["contacts"] = json!(["b@hospital.example"]);
        for sent in [Some(json!(first)), Some(Value::Null), None] {
            match sent {
                Some(sent) => members["software_statement"] = sent,
                None => drop(members.as_object_mut().unwrap().remove("software_statement")),
            }
            let changed = app.manages(&made, reqwest::Method::PUT, Some(&members)).await;
            assert_eq!((changed.status, changed.text("client_name")), (200, "Hospital"), "{changed:?}");
            assert_eq!((&changed.body["redirect_uris"], &changed.body["contacts"][0]), (&json!([CALLBACK]), &json!("b@hospital.example")));
            assert_eq!(changed.text("software_statement"), first, "it stays, though its time is over");
        }
        members["software_statement"] = json!("a.b.c");
        app.manages(&made, reqwest::Method::PUT, Some(&members)).await.assert_refused(400, "invalid_software_statement", "");
        let expired = statement(json!({ "client_name": "Tax", "exp": app.now().unix_seconds() - 60 }));
        members["software_statement"] = json!(expired);
        app.manages(&made, reqwest::Method::PUT, Some(&members)).await.assert_refused(400, "invalid_software_statement", "expired");
        let second = statement(json!({ "client_name": "Hospital group" }));
        members["software_statement"] = json!(second);
        let changed = app.manages(&made, reqwest::Method::PUT, Some(&members)).await;
        assert_eq!((changed.text("client_name"), changed.text("software_statement")), ("Hospital group", second.as_str()));
        assert_eq!(changed.body["redirect_uris"], json!([ELSEWHERE]), "which nobody vouches for any more");
    }

    async fn keys_at_an_address_are_fetched_and_a_new_one_is_understood_at_once(app: TestApp) {
        let mut app = app;
        let site = Site::opens().await;
        let (old, new) = (ClientKey::new("2026"), ClientKey::new("2027"));
        site.publishes("/keys", &old.jwks());
        app.trusts(StatementIssuer { keys: ClientKeys::At(site.url("/keys").parse().unwrap()), ..issuer(&old.jwks()) }, false).await;
        let register = async |key: &ClientKey| {
            let statement = key.signs(&json!({}), &says(&app, json!({})));
            app.registers_itself(&json!({ "software_statement": statement, "redirect_uris": [CALLBACK] })).await
        };
        assert_eq!((register(&old).await.status, register(&old).await.status, site.fetches()), (201, 201, 1));
        site.publishes("/keys", &new.jwks());
        app.advance(11);
        assert_eq!((register(&new).await.status, site.fetches()), (201, 2));
        register(&old).await.assert_refused(400, "invalid_software_statement", "known key");
        assert_eq!(site.fetches(), 2, "nobody makes us fetch again and again");
        site.answers("/keys", 500, &[], "");
        app.advance(301);
        register(&new).await.assert_refused(400, "invalid_software_statement", "cannot be had or used");
        register(&new).await.assert_refused(400, "invalid_software_statement", "cannot be had or used");
        assert_eq!(site.fetches(), 3);
    }

    async fn keys_of_statements_are_not_fetched_from_inside(app: TestApp) {
        let mut app = app;
        let key = ClientKey::new("d1");
        for inside in [
            "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/keys", "https://192.168.0.1/keys", "https://[fd00::1]/keys",
            "https://[::ffff:10.0.0.1]/keys", "http://10.0.0.1/keys", "https://0.0.0.0/keys",
        ] {
            let keys = ClientKeys::At(inside.parse().unwrap());
            app.trusts(StatementIssuer { keys, ..issuer(&key.jwks()) }, false).await;
            let statement = key.signs(&json!({}), &says(&app, json!({})));
            let refused = app.registers_itself(&json!({ "software_statement": statement, "redirect_uris": [CALLBACK] })).await;
            refused.assert_refused(400, "invalid_software_statement", "cannot be had or used");
            assert!(!refused.text("error_description").contains("10.0.0.1"), "{refused:?}");
        }
        let site = Site::opens().await;
        site.answers("/keys", 302, &[("location", &site.url("/other"))], "");
        site.publishes("/other", &key.jwks());
        app.trusts(StatementIssuer { keys: ClientKeys::At(site.url("/keys").parse().unwrap()), ..issuer(&key.jwks()) }, false).await;
        let statement = key.signs(&json!({}), &says(&app, json!({})));
        let refused = app.registers_itself(&json!({ "software_statement": statement, "redirect_uris": [CALLBACK] })).await;
        refused.assert_refused(400, "invalid_software_statement", "cannot be had or used");
        assert_eq!(site.fetches(), 1, "no redirect is followed");
    }
}

impl TestApp {
    async fn trusts(&mut self, issuer: StatementIssuer, required: bool) {
        let statement_issuers = vec![issuer];
        self.trust(SelfRegistration {
            statement_issuers,
            statements_required: required,
            ..SelfRegistration::default()
        })
        .await;
    }

    async fn trust(&mut self, registration: SelfRegistration) {
        self.restart_with(|config| config.registration = registration).await;
    }

    /// An application registers itself with the sample's initial access token.
    pub(crate) async fn registers_itself(&self, members: &Value) -> Answer {
        let request =
            self.http().post(self.url("/oauth2/register")).bearer_auth(&self.sample.initial_access_token);
        Answer::to(request.json(members)).await
    }

    /// The application that was `made` manages its registration.
    pub(crate) async fn manages(
        &self,
        made: &Answer,
        method: reqwest::Method,
        members: Option<&Value>,
    ) -> Answer {
        let request = self.http().request(method, made.text("registration_client_uri"));
        let request = request.bearer_auth(made.text("registration_access_token"));
        Answer::to(members.into_iter().fold(request, |request, members| request.json(members))).await
    }
}

/// The directory, whose keys are `jwks`.
fn issuer(jwks: &Value) -> StatementIssuer {
    let registration = oidc::Registration { jwks: Some(jwks.clone()), ..oidc::Registration::default() };
    StatementIssuer {
        issuer: DIRECTORY.to_owned(),
        keys: registration.keys().unwrap(),
        members: StatementIssuer::every_member(),
        scopes: ["openid", "profile", "real_name"].map(str::to_owned).to_vec(),
        age_max_days: 365,
    }
}

/// What a good statement says, with `over` put over it.
fn says(app: &TestApp, over: Value) -> Value {
    let mut claims = json!({ "iss": DIRECTORY, "iat": app.now().unix_seconds() });
    put_over(&mut claims, &over);
    claims
}
