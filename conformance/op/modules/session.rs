//! Session management (OpenID Connect Session Management 1.0): what the provider's frame answers.

use serde_json::{Value, json};
use url::Url;

use super::config;
use super::logout::{came_back, log_out, session};
use crate::op::checks::discovery as check;
use crate::op::clients::Wish;
use crate::op::finding::{Condition, fail, info};
use crate::op::kit::browser::Aim;
use crate::op::kit::chromium::Chromium;
use crate::op::plans::Auth;
use crate::op::test::{Step, Test};

/// The page of the relying party: asks the provider's frame, and writes its answer down (Session Management, 3.1 and 3.2).
const PAGE: &str = r#"<!doctype html><title>relying party</title>
<iframe id="op" src="OP_FRAME"></iframe><p id="answer"></p>
<script>
const origin = new URL("OP_FRAME").origin;
addEventListener("message", (event) => {
  if (event.origin === origin) document.getElementById("answer").textContent = event.data;
});
const ask = () => document.getElementById("op").contentWindow.postMessage("QUESTION", origin);
document.getElementById("op").addEventListener("load", () => setTimeout(ask, 200));
</script>"#;

/// The metadata (Session Management, 3.3).
pub(super) async fn discovery(test: &mut Test) -> Step {
    let provider = &config::document(test).await?;
    test.note_all([
        check::endpoint(provider, "check_session_iframe", "CheckDiscCheckSessionIframe"),
        check::endpoint(provider, "end_session_endpoint", "CheckDiscEndSessionEndpoint"),
    ]);
    Ok(())
}

/// The frame answers `unchanged` while the person is logged in, and `changed` after the logout.
pub(super) async fn changes(test: &mut Test) -> Step {
    let Ok(frame) = test.world.provider.endpoint("check_session_iframe") else {
        return Err(test.skip("the provider does not offer session management"));
    };
    test.fetch_keys().await?;
    let Some(mut chromium) = Chromium::start().await else {
        return Err(test.skip("no chromedriver to run the provider's frame in"));
    };
    let result = asked(test, &mut chromium, &frame).await;
    chromium.quit().await;
    result
}

async fn asked(test: &mut Test, chromium: &mut Chromium, frame: &Url) -> Step {
    // The session state belongs to the origin of the redirect URI, so the client has to live where its page is.
    let address = test.world.listener.address("session");
    let home = test.obtain(info("CreateRedirectUri", "OIDCSM 3.2"), address)?;
    test.browser.add_home(&home);
    let (redirect_uri, back) = (format!("{home}/callback"), format!("{home}/logged-out"));
    let wish = Wish::new("session", Auth::SecretBasic)
        .with("redirect_uris", json!([redirect_uri]))
        .with("post_logout_redirect_uris", json!([back]));
    let client = test.client_as(wish).await?;
    let ask = test.ask(&client).with("redirect_uri", redirect_uri);
    let visit = test.visit(&ask, Aim::Allow).await?;
    let landing = test.landed(visit)?;
    let answer = test.answer(&ask, &landing)?;
    let state = answer.get("session_state").filter(|state| !state.is_empty() && !state.contains(' '));
    let state =
        state.map(str::to_owned).ok_or_else(|| format!("expected `session_state`, got {}", answer.encode()));
    let state = test.obtain(fail("ExtractSessionStateFromAuthorizationResponse", "OIDCSM 2"), state)?;
    let code = test.code(&ask, &landing)?;
    let granted = test.exchange(&ask, &code).await?;
    let id_token = test.id_token(&granted)?;
    let page = page(frame, &client.id, &state);
    test.world.listener.offer(&home, "text/html; charset=utf-8", &page);
    let unchanged = fail("CheckSessionResultIsUnchanged", "OIDCSM 3.1");
    answers(test, chromium, &home, unchanged, "unchanged").await?;
    let session = session(test, client, id_token)?;
    let visit = log_out(test, &session.params, Aim::Follow).await?;
    let landing = test.landed(visit)?;
    test.note_all(came_back(&landing, &session.params));
    let changed = fail("CheckSecondSessionResultIsChanged", "OIDCSM 3.1");
    answers(test, chromium, &home, changed, "changed").await
}

/// Opens the relying party's page with the person's cookies as they are now; what the provider's frame answers.
async fn answers(
    test: &mut Test,
    chromium: &mut Chromium,
    home: &Url,
    condition: Condition,
    expected: &str,
) -> Step {
    let issuer = test.world.provider.issuer.parse::<Url>().map_err(|error| error.to_string());
    let issuer = test.obtain(info("ParseIssuer", "OIDCSM 3.1"), issuer)?;
    let told = chromium.ask(&issuer, test.browser.jar.all(), home).await;
    let told = test.obtain(info("ChromiumVisit", "OIDCSM 3.1"), told)?;
    test.note(condition.equal(told.as_str(), expected));
    Ok(())
}

fn page(frame: &Url, client_id: &str, state: &str) -> String {
    let question = Value::from(format!("{client_id} {state}")).to_string();
    PAGE.replace("OP_FRAME", frame.as_str()).replace("\"QUESTION\"", &question)
}
