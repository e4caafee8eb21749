//! Assertions about people by issuers that an administrator registered for an application (RFC 7523, 2.1).

use base::encoding::base64url;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::kit::actors::{Answer, Application};
use crate::kit::app::{TestApp, stories};
use crate::kit::documents::one_page;
use crate::kit::intruder::Intruder;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const HOSPITAL: &str = "https://id.hospital.example";
const RECORDS: &str = "https://records.example";

stories! {
    async fn an_assertion_by_a_registered_issuer_becomes_a_token_once(app: TestApp) {
        let hospital = Issuer::new();
        let ward = ward(&app, &hospital, "user_name").await;
        let citizen = app.person("li.xiaoman");
        let assertion = hospital.asserts(&app, "li.xiaoman", "1");
        let answer = ward.brings(&assertion, &[("resource", RECORDS)]).await;
        let tokens = answer.tokens();
        assert_eq!((tokens.scope.as_str(), &tokens.id, &tokens.refresh), ("tax:read", &None, &None));
        let said = ward.introspects(&tokens.access).await;
        assert_eq!((&said["active"], &said["sub"]), (&json!(true), &json!(citizen.sample.id)));
        assert_eq!((&said["aud"], &said["client_id"]), (&json!(RECORDS), &json!(ward.client_id)));
        ward.brings(&assertion, &[]).await.assert_refused(400, "invalid_grant", "used before");

        // The person sees it among their sessions, and can end it.
        citizen.logs_in().await;
        let page = citizen.opens("/account").await;
        assert!(page.text.contains(HOSPITAL), "{}", page.text);
        let session = [("session", said["sid"].as_str().unwrap())];
        let csrf = page.hidden_fields("/account/sessions/end").unwrap();
        let csrf = csrf.into_iter().find(|(name, _)| name == "csrf").unwrap();
        let form = [vec![csrf], session.map(|(n, v)| (n.to_owned(), v.to_owned())).into()].concat();
        citizen.browser.post("/account/sessions/end", &form).await.unwrap();
        assert_eq!(ward.introspects(&tokens.access).await["active"], false);
    }

    async fn an_assertion_is_no_login_that_anybody_saw_here(app: TestApp) {
        let hospital = Issuer::new();
        let members = json!({
            "grant_types": [GRANT], "response_types": [], "scope": "tax:read seal:use",
            "assertion_issuers": [{ "iss": HOSPITAL, "jwks": { "keys": [hospital.public] }, "subject": "user_name" }],
        });
        let ward = app.registers(members).await;
        let keeper = app.person("chen.ruoshui");
        let tokens = ward.brings(&hospital.asserts(&app, "chen.ruoshui", "1"), &[("scope", "seal:use")]).await.tokens();
        let said = ward.introspects(&tokens.access).await;
        assert_eq!((&said["active"], said.get("auth_time"), said.get("acr")), (&json!(true), None, None));
        let seal = app.sample.seals[0].id;
        let refused = app.seals(&tokens.access, seal, one_page("通知")).await.unwrap_err();
        refused.assert_problem(401, "insufficient_user_authentication", "needs a login within the last hour");
        assert_eq!(refused.header("www-authenticate"), "Bearer error=\"insufficient_user_authentication\", max_age=\"900\"");
        // Nor is the session one, to whoever asks what may be done in it.
        let may = async |sid: &Value| {
            let request = json!({
                "subject": { "type": "official", "id": keeper.sample.id }, "action": { "name": "use_seal" },
                "resource": { "type": "seal", "id": seal }, "context": { "sid": sid },
            });
            app.posts(&app.machine_token().await, "/access/v1/evaluation", &request).await.body["decision"].clone()
        };
        assert_eq!(may(&said["sid"]).await, false);
        let portal = app.application("portal");
        let own = portal.admits(&keeper, "openid seal:use").await;
        assert_eq!(may(&portal.introspects(&own.access).await["sid"]).await, true);
        app.seals(&own.access, seal, one_page("通知")).await.unwrap();
    }

    async fn an_assertion_must_be_for_us_by_whom_it_says_and_about_somebody(app: TestApp) {
        let (hospital, stranger) = (Issuer::new(), Issuer::new());
        let ward = ward(&app, &hospital, "account_id").await;
        let id = app.person("li.xiaoman").sample.id.to_string();
        let now = app.now().unix_seconds();
        let good = json!({
            "iss": HOSPITAL, "sub": id, "aud": app.issuer, "iat": now, "exp": now + 300, "jti": "first",
        });
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims["jti"] = format!("{name}-{value}").into();
            claims[name] = value;
            claims
        };
        for (claims, why) in [
            (with("iss", json!("https://other.example")), "not registered"),
            (with("iss", json!(app.issuer)), "not registered"),
            (with("aud", json!("https://other.example")), "another audience"),
            (with("aud", json!([app.issuer, "https://other.example"])), "`aud`"),
            (with("exp", json!(now - 60)), "expired"),
            (with("exp", json!(now + 3_600)), "at most 600 seconds"),
            (with("exp", Value::Null), "exp"),
            (with("jti", Value::Null), "jti"),
            (with("sub", json!("usr_01k9p3v7h04q8m2x6c1t5zj7wd")), "speaks of nobody"),
            (with("sub", json!("li.xiaoman")), "speaks of nobody"),
            (with("sub", json!("")), "sub"),
        ] {
            ward.brings(&hospital.signs(&claims), &[]).await.assert_refused(400, "invalid_grant", why);
        }
        ward.brings(&stranger.signs(&good), &[]).await.assert_refused(400, "invalid_grant", "assertion");
        ward.brings("x", &[]).await.assert_refused(400, "invalid_grant", "JWT");
        let more = ward.brings(&hospital.signs(&good), &[("scope", "openid")]).await;
        more.assert_refused(400, "invalid_scope", "exceeds");
        ward.brings(&hospital.signs(&good), &[]).await.tokens();
        Intruder::at(&app).does("UPDATE account SET state = 'disabled' WHERE user_name = 'li.xiaoman'").await;
        let closed = ward.brings(&hospital.signs(&with("jti", json!("later"))), &[]).await;
        closed.assert_refused(400, "invalid_grant", "speaks of nobody");
    }

    async fn of_two_who_bring_the_same_assertion_one_gets_a_token(app: TestApp) {
        let hospital = Issuer::new();
        let ward = ward(&app, &hospital, "user_name").await;
        for round in 0..200 {
            let assertion = hospital.asserts(&app, "li.xiaoman", &round.to_string());
            let (first, second) = tokio::join!(ward.brings(&assertion, &[]), ward.brings(&assertion, &[]));
            let mut statuses = [first.status, second.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 400], "round {round}: {first:?}, {second:?}");
        }
    }
}

/// An application that brings assertions of `issuer`, whose subjects are accounts' `subject`.
async fn ward(app: &TestApp, issuer: &Issuer, subject: &str) -> Application {
    app.registers(json!({
        "grant_types": [GRANT], "response_types": [], "scope": "tax:read", "audiences": [RECORDS],
        "assertion_issuers": [{ "iss": HOSPITAL, "jwks": { "keys": [issuer.public] }, "subject": subject }],
    }))
    .await
}

/// Another provider, with a key of its own.
struct Issuer {
    key: EcdsaKeyPair,
    public: Value,
}

impl Issuer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        let point = key.public_key().as_ref();
        let public = json!({
            "kty": "EC", "crv": "P-256", "kid": "h1", "use": "sig", "alg": "ES256",
            "x": base64url(&point[1..33]), "y": base64url(&point[33..65]),
        });
        Self { key, public }
    }

    fn asserts(&self, app: &TestApp, subject: &str, jti: &str) -> String {
        let now = app.now().unix_seconds();
        self.signs(&json!({
            "iss": HOSPITAL, "sub": subject, "aud": app.issuer, "iat": now, "exp": now + 300, "jti": jti,
        }))
    }

    fn signs(&self, claims: &Value) -> String {
        let header = base64url(br#"{"alg":"ES256","kid":"h1"}"#);
        let input = format!("{header}.{}", base64url(claims.to_string().as_bytes()));
        let signature = self.key.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", base64url(signature.as_ref()))
    }
}

impl Application {
    async fn brings(&self, assertion: &str, form: &[(&str, &str)]) -> Answer {
        let all = [&[("grant_type", GRANT), ("assertion", assertion)][..], form].concat();
        self.asks(&all).await
    }
}
