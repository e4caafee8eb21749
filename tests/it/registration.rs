//! Applications that register themselves (RFC 7591) and manage what they registered (RFC 7592).

use serde_json::{Value, json};

use crate::kit::actors::Answer;
use crate::kit::app::{TestApp, stories};
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
}

async fn register(app: &TestApp, token: Option<&str>, members: &Value) -> Answer {
    let request = app.http().post(app.url("/oauth2/register")).json(members);
    Answer::to(token.into_iter().fold(request, |request, token| request.bearer_auth(token))).await
}
