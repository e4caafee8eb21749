//! Access tokens that say nothing by themselves, for applications that registered them.

use base::encoding::from_base64url;
use jose::Algorithm;
use serde_json::{Value, json};
use store::rows::opaque_tokens;

use crate::kit::actors::{Answer, Application};
use crate::kit::app::{TestApp, stories};
use crate::kit::documents::one_page;

const CALLBACK: &str = "http://localhost:9873/callback";

stories! {
    async fn a_token_that_says_nothing_opens_what_a_signed_one_does(app: TestApp) {
        let mut app = app;
        let application = registered(&app).await;
        let official = app.person("chen.ruoshui");
        let tokens = application.admits(&official, "openid profile seal:use").await;
        assert_eq!(from_base64url(&tokens.access).map(|bytes| bytes.len()), Some(32), "{tokens:?}");
        let id_token = application.verifies(tokens.id(), Algorithm::Es256, app.now()).await;
        let at_hash = jose::hash::half_hash(Algorithm::Es256, &tokens.access);
        assert_eq!(id_token.text("at_hash"), Some(at_hash.as_str()));

        let user_info = application.user_info(&tokens.access).await;
        assert_eq!((user_info.status, user_info.text("name")), (200, official.sample.name.as_str()));
        let sealed = app.seals(&tokens.access, app.sample.seals[0].id, one_page("一份公文")).await;
        sealed.unwrap_or_else(|answer| panic!("{answer:?}"));

        let told = introspects(&app, &application, &tokens.access).await;
        let account = official.sample.id.to_string();
        assert_eq!(
            json!([told["active"], told["sub"], told["scope"], told["client_id"], told["token_type"]]),
            json!([true, account, "openid profile seal:use", application.client_id, "Bearer"])
        );
        assert_eq!(introspects(&app, &app.application("fund"), &tokens.access).await, json!({ "active": false }));

        let (client_id, secret) = (application.client_id.clone(), application.client_secret.clone());
        app.stop().await;
        app.start().await;
        let request = app.http().get(app.url("/oauth2/userinfo")).bearer_auth(&tokens.access);
        assert_eq!(Answer::to(request).await.status, 200, "it is kept");

        let form = [("token", tokens.access.as_str())];
        let revoked = app.http().post(app.url("/oauth2/revoke")).basic_auth(client_id, Some(secret)).form(&form);
        assert_eq!(revoked.send().await.unwrap().status(), 200);
        application.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
    }

    async fn it_lives_as_long_as_any_other_and_is_swept_away(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let application = registered(&app).await;
        let tokens = application.admits(&citizen, "openid").await;
        let hash = gm::sm3::hash(tokens.access.as_bytes());
        let is_kept = async || {
            opaque_tokens::lookup(&mut app.env().db.read().await.unwrap(), &hash).await.unwrap().is_some()
        };
        app.advance(599);
        assert_eq!(application.user_info(&tokens.access).await.status, 200);
        app.advance(7);
        application.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "expired");
        assert!(is_kept().await);
        app.advance(60);
        flows::sweep::sweep(app.env(), app.now()).await.unwrap();
        assert!(!is_kept().await);
        application.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "expired");
    }

    async fn it_ends_with_its_grant_and_its_session(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let application = registered(&app).await;
        let code = citizen.authorizes(&application.requests("openid")).await.code();
        let tokens = application.redeems(&code).await.tokens();
        assert_eq!(application.user_info(&tokens.access).await.status, 200);
        application.redeems(&code).await.assert_refused(400, "invalid_grant", "used");
        application.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");

        let tokens = application.admits(&citizen, "openid").await;
        citizen.opens(&format!("/oauth2/logout?id_token_hint={}", tokens.id())).await;
        application.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
        application.user_info(&tokens.access[1..]).await.assert_problem(401, "invalid_token", "not one of ours");
    }

    async fn a_machine_may_have_one_too(app: TestApp) {
        let machine = app
            .registers(json!({
                "grant_types": ["client_credentials"], "response_types": [], "scope": "decision:evaluate",
                "access_token_format": "opaque",
            }))
            .await;
        let tokens = machine.asks(&[("grant_type", "client_credentials")]).await.tokens();
        let told = introspects(&app, &machine, &tokens.access).await;
        assert_eq!(json!([told["active"], told["sub"]]), json!([true, machine.client_id]));
        machine.user_info(&tokens.access).await.assert_problem(403, "insufficient_scope", "`openid`");
    }
}

async fn registered(app: &TestApp) -> Application {
    app.registers(json!({
        "redirect_uris": [CALLBACK], "scope": "openid profile seal:use", "access_token_format": "opaque",
    }))
    .await
}

async fn introspects(app: &TestApp, application: &Application, token: &str) -> Value {
    let request = app.http().post(app.url("/oauth2/introspect"));
    let request = request.basic_auth(&application.client_id, Some(&application.client_secret));
    Answer::to(request.form(&[("token", token)])).await.body
}
