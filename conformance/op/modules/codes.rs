//! Codes are used once, refresh tokens belong to their client.

use std::sync::Arc;
use std::time::Duration;

use super::basic::begin;
use crate::op::calls::Resource;
use crate::op::checks::{errors, id_token, token};
use crate::op::clients::{Client, Wish};
use crate::op::finding::{fail, info, warn};
use crate::op::flow::Granted;
use crate::op::kit::http::Reply;
use crate::op::plans::Auth;
use crate::op::test::{Step, Test};

/// A code used, and used again after `seconds`: the answer to the second use, and what the first had brought.
async fn used_twice(test: &mut Test, seconds: u64) -> Step<(Granted, Reply)> {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let code = test.authorize(&ask).await?;
    let granted = test.exchange(&ask, &code).await?;
    test.use_token(&granted).await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let again = test.code_call(&ask, &code);
    let reply = test.client_call(&again).await?;
    Ok((granted, reply))
}

fn refused(reply: &Reply) -> Vec<crate::op::finding::Finding> {
    let name = "CheckErrorFromTokenEndpointResponseErrorInvalidGrant";
    errors::token(reply, &["invalid_grant"], name, "RFC 6749 5.2")
}

/// RFC 6749, 4.1.2: a second use at once is refused; a provider that does not is warned.
pub(super) async fn reuse(test: &mut Test) -> Step {
    let (_, reply) = used_twice(test, 0).await?;
    if reply.status == 200 {
        let condition = warn("ServerAllowedReusingAuthorizationCode", "RFC 6749 4.1.2");
        test.note(condition.result(Err("expected invalid_grant, got tokens".to_owned())));
    } else {
        test.note_all(refused(&reply));
    }
    Ok(())
}

/// After half a minute a second use has to be refused, and what the first brought should be worth nothing.
pub(super) async fn reuse_after_30_seconds(test: &mut Test) -> Step {
    let (granted, reply) = used_twice(test, 30).await?;
    test.note_all(refused(&reply));
    let reply = test.resource(&granted, &Resource::default()).await?;
    test.note(
        warn("EnsureHttpStatusCodeIs4xx", "RFC 6749 4.1.2, RFC 6750 3.1")
            .holds((400..500).contains(&reply.status), || {
                format!("expected a revoked token, got {}", reply.brief())
            }),
    );
    Ok(())
}

/// RFC 6749, 6 and OpenID Connect Core, 12: a refresh works for its client and for no other.
pub(super) async fn refresh(test: &mut Test) -> Step {
    test.fetch_keys().await?;
    let first = refreshing_client(test, "first").await?;
    let second = refreshing_client(test, "second").await?;
    refreshed(test, &first, true).await?;
    let latest = refreshed(test, &second, false).await?;
    let foreign = test.refresh_call(&first, &latest, None);
    let reply = test.client_call(&foreign).await?;
    test.note_all(refused(&reply));
    Ok(())
}

async fn refreshing_client(test: &mut Test, role: &'static str) -> Step<Arc<Client>> {
    let grants = serde_json::json!(["authorization_code", "refresh_token"]);
    test.client_as(Wish::new(role, Auth::SecretBasic).with("grant_types", grants)).await
}

/// A login and a refresh; the refresh token that is good afterwards.
async fn refreshed(test: &mut Test, client: &Arc<Client>, with_scope: bool) -> Step<String> {
    let offline = test.world.provider.lists("scopes_supported", "offline_access");
    let mut ask = test.ask(client);
    if offline {
        ask = ask.with("scope", "openid offline_access").with("prompt", "consent");
    }
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await?;
    let announced = test.world.provider.lists("grant_types_supported", "refresh_token");
    let Some(refresh_token) = granted.refresh_token.clone() else {
        test.note(token::refresh_announced(announced, false));
        return Err(test.skip("no refresh token was issued"));
    };
    test.note(token::refresh_announced(announced, true));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let scope = with_scope.then(|| ask.params.get("scope").unwrap_or("openid"));
    let call = test.refresh_call(client, &refresh_token, scope);
    let reply = test.client_call(&call).await?;
    let renewed = test.granted(client, &reply)?;
    let differs = renewed.access_token != granted.access_token;
    test.note(
        info("EnsureAccessTokenValuesAreDifferent", "RFC 6749 6")
            .holds(differs, || "expected a new access token, got the same".to_owned()),
    );
    if let (Some(before), Some(after)) = (&granted.id_token, &renewed.id_token) {
        let signature = after.verify(&test.keys);
        test.note(fail("ValidateIdTokenSignature", "OIDCC 12.2").result(signature));
        test.note_all(id_token::refreshed(before, after));
    }
    test.use_token(&renewed).await?;
    Ok(renewed.refresh_token.unwrap_or(refresh_token))
}
