//! The hybrid flow (OIDC Core, 3.3), for an application that an administrator registered for it, and for nobody else.

use jose::Algorithm;
use serde_json::json;
use url::Url;

use crate::kit::actors::{Application, Returned};
use crate::kit::app::{TestApp, stories};

const CALLBACK: &str = "https://old.example/callback";

stories! {
    async fn an_id_token_comes_with_the_code_and_vouches_for_it(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let old = registered(&app).await;
        let request = old.requests("openid profile").with("response_type", "code id_token");
        let (query, answer) = in_fragment(citizen.authorizes(&request).await);
        assert_eq!(query, None, "nothing of it goes to servers and logs");
        let (code, id_token) = (answer.code(), answer.value("id_token").unwrap());
        let said = old.verifies(&id_token, Algorithm::Es256, app.now()).await;
        assert_eq!(said.text("c_hash"), Some(jose::hash::half_hash(Algorithm::Es256, &code).as_str()));
        assert_eq!((said.text("at_hash"), said.text("name")), (None, None), "who, and nothing about them");
        assert_eq!(answer.value("iss").as_deref(), Some(app.issuer.as_str()));

        let tokens = old.redeems(&code).await.tokens();
        let again = old.verifies(tokens.id(), Algorithm::Es256, app.now()).await;
        for claim in ["iss", "sub", "nonce", "acr"] {
            assert_eq!(said.text(claim), again.text(claim), "{claim}");
        }

        let other_order = request.clone().with("response_type", "id_token code");
        assert!(in_fragment(citizen.authorizes(&other_order).await).1.value("id_token").is_some());
        let plain = citizen.authorizes(&old.requests("openid")).await;
        assert_eq!((plain.value("id_token"), plain.0.fragment()), (None, None), "only who asks gets one");
    }

    async fn what_is_missing_or_would_show_the_token_is_refused(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let old = registered(&app).await;
        let request = || old.requests("openid").with("response_type", "code id_token");
        for (asked, error, why) in [
            (request().without("nonce"), "invalid_request", "`nonce`"),
            (request().with("scope", "profile"), "invalid_request", "`openid`"),
            (request().with("response_mode", "query"), "invalid_request", "fragment"),
            (request().with("response_mode", "query.jwt"), "invalid_request", "fragment"),
            (request().without("code_challenge"), "invalid_request", "`code_challenge`"),
        ] {
            let (query, answer) = in_fragment(citizen.authorizes(&asked).await);
            assert_eq!((query, answer.error()), (None, error.to_owned()));
            let said = answer.value("error_description").unwrap();
            assert!(said.contains(why), "{said}");
        }
        for kind in ["token", "id_token", "id_token token", "code token", "code id_token token", "none"] {
            let refused = citizen.authorizes(&old.requests("openid").with("response_type", kind)).await;
            assert_eq!(refused.error(), "unsupported_response_type", "{kind}");
        }
    }

    async fn it_is_off_until_an_administrator_registers_it(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let portal = app.application("portal");
        let request = portal.requests("openid").with("response_type", "code id_token");
        let (_, refused) = in_fragment(citizen.authorizes(&request).await);
        assert_eq!(refused.error(), "unsupported_response_type");
        assert!(refused.value("error_description").unwrap().contains("administrator"));

        let itself = app
            .http()
            .post(app.url("/oauth2/register"))
            .bearer_auth(&app.sample.initial_access_token)
            .json(&json!({ "redirect_uris": [CALLBACK], "response_types": ["code", "code id_token"] }));
        let answer = crate::kit::actors::Answer::to(itself).await;
        answer.assert_refused(400, "invalid_client_metadata", "administrators");
    }
}

async fn registered(app: &TestApp) -> Application {
    app.registers(json!({
        "redirect_uris": [CALLBACK], "scope": "openid profile", "response_types": ["code", "code id_token"],
    }))
    .await
}

/// The query of where the browser was sent, and what stands in the fragment.
fn in_fragment(Returned(url): Returned) -> (Option<String>, Returned) {
    let mut read = Url::parse(CALLBACK).unwrap();
    read.set_query(Some(url.fragment().unwrap_or_else(|| panic!("expected a fragment: {url}"))));
    (url.query().map(str::to_owned), Returned(read))
}
