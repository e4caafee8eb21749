//! UserInfo, and the claims that scopes bring (OpenID Connect Core, 5).

use http::Method;

use super::basic::begin;
use crate::op::calls::Resource;
use crate::op::checks::{id_token, userinfo};
use crate::op::finding::{fail, info, warn};
use crate::op::flow::{Ask, Granted};
use crate::op::kit::Params;
use crate::op::kit::http::Call;
use crate::op::test::{Step, Test};

async fn logged_in(test: &mut Test) -> Step<Granted> {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    test.log_in(&ask).await
}

/// UserInfo by GET (5.3.1).
pub(super) async fn userinfo_get(test: &mut Test) -> Step {
    let granted = logged_in(test).await?;
    test.userinfo(&granted).await.map(drop)
}

/// UserInfo by POST with the token in the header (5.3.1).
pub(super) async fn userinfo_post_header(test: &mut Test) -> Step {
    let granted = logged_in(test).await?;
    let post = Resource { method: Method::POST, ..Resource::default() };
    let reply = test.resource(&granted, &post).await?;
    test.judge_userinfo(&granted, &reply).map(drop)
}

/// UserInfo by POST with the token in the body, which need not be offered (RFC 6750, 2.2).
pub(super) async fn userinfo_post_body(test: &mut Test) -> Step {
    let granted = logged_in(test).await?;
    let address =
        test.obtain(fail("SetProtectedResourceUrlToUserInfoEndpoint", "OIDCC 5.3"), test.resource_address())?;
    let form: Params = [("access_token", granted.access_token.as_str())].into_iter().collect();
    let reply = test.call("CallUserInfoEndpointWithBearerTokenInBody", Call::form(&address, &form)).await?;
    if !reply.is_success() {
        test.note(
            warn("UserInfoEndpointWithAccessTokenInBodyNotSupported", "RFC 6750 2.2")
                .result(Err(format!("expected 200, got {}", reply.brief()))),
        );
        return Ok(());
    }
    test.judge_userinfo(&granted, &reply).map(drop)
}

/// A login with `scopes` beside `openid`, and what UserInfo says then (5.4).
async fn scope(test: &mut Test, scopes: &[&'static str], change: fn(Ask) -> Ask) -> Step<Granted> {
    let offered = test.world.provider.list("scopes_supported");
    let missing = offered.is_some_and(|offered| scopes.iter().any(|scope| !offered.contains(scope)));
    test.note(
        info("OIDCCCheckScopesSupportedContainScopeTest", "OIDCD 3")
            .holds(!missing, || format!("expected {scopes:?} in `scopes_supported`")),
    );
    if missing {
        return Err(test.skip(format!("the provider does not offer the scopes {scopes:?}")));
    }
    let client = begin(test).await?;
    let wanted = std::iter::once("openid").chain(scopes.iter().copied()).collect::<Vec<_>>().join(" ");
    let ask = change(test.ask(&client).with("scope", wanted));
    let granted = test.log_in(&ask).await?;
    let claims = test.userinfo(&granted).await?;
    test.note_all(userinfo::claims_of_scopes(&claims, scopes));
    if scopes == ["email"] {
        let token = test.id_token(&granted)?;
        test.note_all([
            id_token::lacks(&token, "name", "EnsureIdTokenDoesNotContainName"),
            id_token::lacks(&token, "email", "EnsureIdTokenDoesNotContainEmailForScopeEmail"),
            userinfo::contains(&claims, "name", false, "EnsureUserInfoDoesNotContainName"),
        ]);
    }
    Ok(granted)
}

const SAME: fn(Ask) -> Ask = |ask| ask;

/// The scope `profile`.
pub(super) async fn scope_profile(test: &mut Test) -> Step {
    scope(test, &["profile"], SAME).await.map(drop)
}

/// The scope `email`.
pub(super) async fn scope_email(test: &mut Test) -> Step {
    scope(test, &["email"], SAME).await.map(drop)
}

/// The scope `address`.
pub(super) async fn scope_address(test: &mut Test) -> Step {
    scope(test, &["address"], SAME).await.map(drop)
}

/// The scope `phone`.
pub(super) async fn scope_phone(test: &mut Test) -> Step {
    scope(test, &["phone"], SAME).await.map(drop)
}

/// Every scope that brings claims.
pub(super) async fn scope_all(test: &mut Test) -> Step {
    scope(test, &["email", "phone", "address", "profile"], SAME).await.map(drop)
}

/// The scopes and the parameters in another order (RFC 6749, 3.3: the order does not matter).
pub(super) async fn other_order(test: &mut Test) -> Step {
    let reversed: fn(Ask) -> Ask = |mut ask| {
        ask.params.set("scope", "email openid");
        ask.params = ask.params.reversed();
        ask
    };
    scope(test, &["email"], reversed).await.map(drop)
}

/// `claims` asks for the name in UserInfo (5.5).
pub(super) async fn essential(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client).with("claims", r#"{"userinfo":{"name":{"essential":true}}}"#);
    let granted = test.log_in(&ask).await?;
    let claims = test.userinfo(&granted).await?;
    let token = test.id_token(&granted)?;
    test.note_all([
        userinfo::contains(&claims, "name", true, "EnsureUserInfoContainsName"),
        id_token::lacks(&token, "name", "EnsureIdTokenDoesNotContainName"),
    ]);
    Ok(())
}
