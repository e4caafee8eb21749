//! Tokens given back (RFC 7009) and asked about (RFC 7662, RFC 9701).

use jose::{Algorithm, Audience, Expect, Jwks, KeySet, Type};
use serde_json::json;

use crate::kit::actors::{Answer, Application, claims_of};
use crate::kit::app::{TestApp, stories};

stories! {
    async fn a_token_given_back_is_dead_at_once_and_at_every_node(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let other_node = app.another_node().await;
        let tokens = portal.admits(&citizen, "openid offline_access").await;
        flows::revocations::read(&other_node, app.now()).await.unwrap();
        assert_eq!(revoke(&app, &portal, &tokens.access).await, 200);
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
        flows::revocations::read(&other_node, app.now()).await.unwrap();
        assert!(!is_taken_by(&other_node, &app, &tokens.access).await, "what one node took back, no other takes");
        let renewed = portal.refreshes(tokens.refresh()).await.tokens();
        assert_eq!(portal.user_info(&renewed.access).await.status, 200, "one access token is not the grant");

        assert_eq!(revoke(&app, &portal, renewed.refresh()).await, 200);
        portal.user_info(&renewed.access).await.assert_problem(401, "invalid_token", "revoked");
        portal.refreshes(renewed.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        assert_eq!(revoke(&app, &portal, renewed.refresh()).await, 200, "again is no error (RFC 7009, 2.2)");
        assert_eq!(revoke(&app, &portal, "never-was-one").await, 200);

        let machine = app.machine_token().await;
        let system = app.application("system");
        assert_eq!(introspect(&app, &system, &machine).await.body["active"], json!(true));
        assert_eq!(revoke(&app, &system, &machine).await, 200);
        assert_eq!(introspect(&app, &system, &machine).await.body, json!({ "active": false }));
    }

    async fn nobody_gives_back_anothers_token(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (portal, fund) = (app.application("portal"), app.application("fund"));
        let tokens = portal.admits(&citizen, "openid offline_access").await;
        for token in [tokens.access.as_str(), tokens.refresh()] {
            assert_eq!(revoke(&app, &fund, token).await, 400);
        }
        assert_eq!(portal.user_info(&tokens.access).await.status, 200);
        let nobody = app.http().post(app.url("/oauth2/revoke")).form(&[("token", tokens.access.as_str())]);
        Answer::to(nobody).await.assert_refused(401, "invalid_client", "");
    }

    async fn who_it_concerns_is_told_what_a_token_says(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (portal, fund) = (app.application("portal"), app.application("fund"));
        let tokens = portal.admits(&citizen, "openid profile offline_access").await;
        let said = introspect(&app, &portal, &tokens.access).await;
        assert_eq!(said.header("cache-control"), "no-store");
        for (claim, value) in [
            ("active", json!(true)),
            ("client_id", json!(portal.client_id)),
            ("scope", json!("openid profile offline_access")),
            ("token_type", json!("Bearer")),
            ("iss", json!(app.issuer)),
            ("sub", json!(citizen.sample.id.to_string())),
        ] {
            assert_eq!(said.body[claim], value, "{claim}");
        }
        let refresh = introspect(&app, &portal, tokens.refresh()).await;
        assert_eq!((&refresh.body["active"], refresh.text("client_id")), (&json!(true), portal.client_id.as_str()));
        for other in [tokens.access.as_str(), tokens.refresh(), "x", tokens.id()] {
            assert_eq!(introspect(&app, &fund, other).await.body, json!({ "active": false }), "no more than that");
        }
        let public = app
            .registers(json!({ "token_endpoint_auth_method": "none", "redirect_uris": ["http://localhost:9873/callback"] }))
            .await;
        let asked = app.http().post(app.url("/oauth2/introspect"));
        let asked = asked.form(&[("client_id", public.client_id.as_str()), ("token", tokens.access.as_str())]);
        Answer::to(asked).await.assert_refused(401, "invalid_client", "clients that authenticate");
        app.advance(610);
        assert_eq!(introspect(&app, &portal, &tokens.access).await.body, json!({ "active": false }));
    }

    async fn an_answer_about_a_token_can_be_signed(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let tokens = portal.admits(&citizen, "openid").await;
        let asked = app.http().post(app.url("/oauth2/introspect")).form(&[("token", tokens.access.as_str())]);
        let asked = asked.basic_auth(&portal.client_id, Some(&portal.client_secret));
        let answer = asked.header("accept", "application/token-introspection+jwt").send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/token-introspection+jwt");
        let jwks = Jwks::from_json(&app.fetches("/oauth2/jwks").await).unwrap();
        let expect = Expect {
            typ: Type::Is("token-introspection+jwt"),
            issuer: &app.issuer,
            audience: Audience::Is(&portal.client_id),
            now: app.now(),
            leeway_seconds: 0,
            ahead_seconds: 0,
            algorithms: &[Algorithm::Es256],
        };
        let token = answer.text().await.unwrap();
        let set = KeySet::from_jwks(&jwks).unwrap();
        // RFC 9701, 5: no `exp`, so that nobody takes it for the token itself. That is what is missed last: type, key, signature, issuer and
        // audience are as they should be.
        let missed = set.verify(&token, &expect).unwrap_err();
        assert_eq!(*missed.reason(), jose::Reason::Claim { claim: "exp" });
        assert_eq!(claims_of(&token)["token_introspection"]["active"], json!(true));
    }
}

async fn revoke(app: &TestApp, client: &Application, token: &str) -> u16 {
    let request = app.http().post(app.url("/oauth2/revoke")).form(&[("token", token)]);
    let request = request.basic_auth(&client.client_id, Some(&client.client_secret));
    request.send().await.unwrap().status().as_u16()
}

async fn introspect(app: &TestApp, client: &Application, token: &str) -> Answer {
    let request = app.http().post(app.url("/oauth2/introspect")).form(&[("token", token)]);
    Answer::to(request.basic_auth(&client.client_id, Some(&client.client_secret))).await
}

/// Whether a node takes `token` at its APIs.
async fn is_taken_by(env: &flows::Env, app: &TestApp, token: &str) -> bool {
    let presented = flows::caller::Presented { token: Some(token.to_owned()), ..Default::default() };
    flows::caller::authenticate(env, app.now(), &presented, "openid").await.is_ok()
}
