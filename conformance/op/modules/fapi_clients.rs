//! Clients at the token endpoint and when they push: assertions, codes, verifiers, refresh tokens (FAPI 2.0, 5.3.2.1).

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::fapi_flow::{begin, ready, second_client, used_by_another};
use crate::op::calls::{Assertion, ClientCall, Resource};
use crate::op::checks::{errors, id_token, tls, token};
use crate::op::clients::{Client, Wish};
use crate::op::finding::{Finding, Severity, fail, info, warn};
use crate::op::flow::{Ask, Granted};
use crate::op::kit::http::Reply;
use crate::op::kit::jose::Draft;
use crate::op::kit::{now, random_token};
use crate::op::plans::{Auth, Bound};
use crate::op::proof::Edit;
use crate::op::test::{Step, Test};

/// A code, and the request that it came for.
async fn with_code(test: &mut Test) -> Step<(Ask, String)> {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let code = test.authorize(&ask).await?;
    Ok((ask, code))
}

fn invalid_grant(reply: &Reply) -> Vec<Finding> {
    let name = "CheckErrorFromTokenEndpointResponseErrorInvalidGrant";
    errors::token(reply, &["invalid_grant"], name, "RFC 6749 5.2")
}

/// The id of another client beside the first one's code (RFC 6749, 5.2).
pub(super) async fn id_of_another_client(test: &mut Test) -> Step {
    let first = begin(test).await?;
    let second = second_client(test).await?;
    let ask = test.ask(&first);
    let code = test.authorize(&ask).await?;
    let mut call = test.code_call(&ask, &code);
    match test.variant.auth {
        // The certificate stays the first one's, and the id alone is another's.
        Auth::SelfSignedTls => call.presented_id = Some(second.id.clone()),
        _ => call.client = second,
    }
    let reply = test.client_call(&call).await?;
    let name = "CheckErrorFromTokenEndpointResponseErrorInvalidClientOrInvalidGrant";
    test.note_all(errors::client(&reply, &["invalid_client", "invalid_grant"], name, "RFC 6749 5.2"));
    Ok(())
}

/// No proof and no certificate (FAPI 2.0, 5.3.2.1): refused; and what TLS the endpoints speak.
pub(super) async fn without_proof(test: &mut Test) -> Step {
    let client = begin(test).await?;
    protected(test).await;
    let ask = test.ask(&client);
    let code = test.authorize(&ask).await?;
    let mut call = test.code_call(&ask, &code);
    call.proof = None;
    call.certificate &= test.variant.bound == Bound::Dpop;
    refused_without_proof(test, &call).await
}

async fn protected(test: &mut Test) {
    for member in ["authorization_endpoint", "userinfo_endpoint", "token_endpoint", "registration_endpoint"] {
        if let Ok(address) = test.world.provider.endpoint(member) {
            let findings = tls::all(&test.world.http.trust, &address).await;
            test.note_all(findings);
        }
    }
}

async fn refused_without_proof(test: &mut Test, call: &ClientCall) -> Step {
    let clause = "RFC 6749 5.2, RFC 9449 5, RFC 8705 3";
    let Some(reply) = answered(test, call).await? else { return Ok(()) };
    let codes: &[&str] = match (test.variant.bound, test.variant.auth) {
        (Bound::Dpop, _) => &["invalid_request", "invalid_grant", "invalid_dpop_proof"],
        (_, Auth::SelfSignedTls) => &["invalid_client", "invalid_request"],
        _ => &["invalid_client", "invalid_grant", "invalid_request"],
    };
    test.note(
        fail("EnsureHttpStatusCodeIs4xx", clause).holds((400..500).contains(&reply.status), || {
            format!("expected a refusal, got {}", reply.brief())
        }),
    );
    test.note(
        warn("CheckTokenEndpointHttpStatus400or401", clause).holds(matches!(reply.status, 400 | 401), || {
            format!("expected 400 or 401, got {}", reply.status)
        }),
    );
    test.note_all(errors::body(
        &reply,
        codes,
        "CheckTokenEndpointReturnedErrorWithoutProofOfPossession",
        clause,
    ));
    Ok(())
}

/// A reply; none when TLS itself refused the client that shows no certificate, which is a refusal too.
async fn answered(test: &mut Test, call: &ClientCall) -> Step<Option<Reply>> {
    if test.variant.needs_certificate() && !call.certificate {
        let reply = test.client_call_or_nothing(call).await?;
        if reply.is_none() {
            test.note(info("CallTokenEndpointAllowingTLSFailure", "RFC 8705 2").held_but("refused by TLS"));
        }
        return Ok(reply);
    }
    test.client_call(call).await.map(Some)
}

/// A code in the hands of another client (RFC 6749, 5.2).
pub(super) async fn code_of_another_client(test: &mut Test) -> Step {
    let first = begin(test).await?;
    let second = second_client(test).await?;
    let ask = test.ask(&first);
    let code = test.authorize(&ask).await?;
    let mut stolen = ask.clone();
    stolen.client = second;
    let call = test.code_call(&stolen, &code);
    let reply = test.client_call(&call).await?;
    test.note_all(invalid_grant(&reply));
    Ok(())
}

/// A code works once (FAPI 2.0, 5.3.2.2), and what it brought should be worth nothing after a second try.
pub(super) async fn code_used_twice(test: &mut Test) -> Step {
    let (ask, code) = with_code(test).await?;
    let granted = test.exchange(&ask, &code).await?;
    test.use_token(&granted).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let again = test.code_call(&ask, &code);
    let reply = test.client_call(&again).await?;
    if reply.status == 200 {
        let condition = fail("ServerAllowedReusingAuthorizationCode", "FAPI2-SP 5.3.2.2-9");
        test.note(condition.result(Err("expected invalid_grant, got tokens".to_owned())));
    } else {
        test.note_all(invalid_grant(&reply));
    }
    let reply = test.resource(&granted, &Resource::default()).await?;
    test.note(
        warn("EnsureHttpStatusCodeIs4xx", "RFC 6749 4.1.2, RFC 6750 3.1")
            .holds((400..500).contains(&reply.status), || {
                format!("expected a revoked token, got {}", reply.brief())
            }),
    );
    Ok(())
}

/// A code lives for a minute at most (FAPI 2.0, 5.3.2.1).
pub(super) async fn code_after_62_seconds(test: &mut Test) -> Step {
    let (ask, code) = with_code(test).await?;
    tokio::time::sleep(Duration::from_secs(62)).await;
    let call = test.code_call(&ask, &code);
    let reply = test.client_call(&call).await?;
    if reply.status == 200 {
        let condition = fail("ServerAllowedExpiredAuthorizationCode", "FAPI2-SP 5.3.2.1-11");
        test.note(condition.result(Err("expected invalid_grant after 62 s, got tokens".to_owned())));
    } else {
        test.note_all(invalid_grant(&reply));
    }
    Ok(())
}

/// A code without its verifier (RFC 7636, 4.6).
pub(super) async fn without_verifier(test: &mut Test) -> Step {
    verified_by(test, None).await
}

/// A code with a verifier that is not its own (RFC 7636, 4.6).
pub(super) async fn with_another_verifier(test: &mut Test) -> Step {
    verified_by(test, Some(random_token())).await
}

async fn verified_by(test: &mut Test, verifier: Option<String>) -> Step {
    let (mut ask, code) = with_code(test).await?;
    ask.verifier = verifier;
    let call = test.code_call(&ask, &code);
    let reply = test.client_call(&call).await?;
    test.note_all(invalid_grant(&reply));
    Ok(())
}

/// The token endpoint does not take the client for who it says it is (RFC 6749, 5.2).
async fn asserted(test: &mut Test, client: Arc<Client>, assertion: Assertion, codes: &[&str]) -> Step {
    let ask = test.ask(&client);
    let code = test.authorize(&ask).await?;
    let mut call = test.code_call(&ask, &code);
    call.assertion = assertion;
    let reply = test.client_call(&call).await?;
    let name = "CheckErrorFromTokenEndpointResponseErrorInvalidClient";
    test.note_all(errors::client(&reply, codes, name, "RFC 6749 5.2"));
    Ok(())
}

const NOT_KNOWN: &[&str] = &["invalid_client", "invalid_request"];

fn edit(change: impl Fn(&mut Draft) + Send + Sync + 'static) -> Assertion {
    let change: Edit = Arc::new(change);
    Assertion::Edited(change)
}

/// RS256, under a key that is registered (FAPI 2.0, 5.4).
pub(super) async fn assertion_with_rs256(test: &mut Test) -> Step {
    ready(test).await?;
    if test.world.clients.contains_key("fapi-first") {
        return Err(test.skip("the static client has no RSA key"));
    }
    let auth = test.variant.auth;
    let client = test.client_as(Wish::new("fapi-first", auth).with_rsa()).await?;
    asserted(test, client, Assertion::Rs256, &["invalid_client"]).await
}

/// No assertion at all.
pub(super) async fn without_assertion(test: &mut Test) -> Step {
    let client = begin(test).await?;
    asserted(test, client, Assertion::Missing, NOT_KNOWN).await
}

/// An assertion of five minutes ago (RFC 7523, 3).
pub(super) async fn assertion_expired(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let expired = edit(|draft| {
        draft.claim("exp", now() - 300);
    });
    asserted(test, client, expired, NOT_KNOWN).await
}

/// An assertion for another server (RFC 7523, 3).
pub(super) async fn assertion_for_another(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let elsewhere = edit(|draft| {
        draft.claim("aud", "https://other.example/");
    });
    asserted(test, client, elsewhere, NOT_KNOWN).await
}

/// An assertion without `sub` (RFC 7523, 3).
pub(super) async fn assertion_without_sub(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let nameless = edit(|draft| {
        draft.without("sub");
    });
    asserted(test, client, nameless, NOT_KNOWN).await
}

/// A request pushed with this assertion; the answer.
async fn pushed_with(test: &mut Test, assertion: Assertion) -> Step<(Ask, Reply)> {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let form = test.pushed_form(&ask)?;
    let mut call = test.pushing(&ask, form);
    call.assertion = assertion;
    let reply = test.client_call(&call).await?;
    Ok((ask, reply))
}

/// Eight seconds ahead are within the skew of clocks (FAPI 2.0, 5.3.2.1).
pub(super) async fn pushed_8_seconds_ahead(test: &mut Test) -> Step {
    let ahead = edit(|draft| {
        draft.claim("iat", now() + 8).claim("nbf", now() + 8);
    });
    let (_, reply) = pushed_with(test, ahead).await?;
    test.note(
        warn("CheckPAREndpointResponse201WithNoError", "FAPI2-SP 5.3.2.1-13, RFC 9126 2.2")
            .holds(reply.status == 201, || format!("expected 201, got {}", reply.brief())),
    );
    Ok(())
}

async fn not_pushed_with(test: &mut Test, assertion: Assertion, clause: &'static str) -> Step {
    let (_, reply) = pushed_with(test, assertion).await?;
    let name = "CheckErrorFromParEndpointResponseErrorInvalidClientOrInvalidRequest";
    test.note_all(errors::pushed(&reply, NOT_KNOWN, name, clause));
    Ok(())
}

/// More than a minute ahead is not (FAPI 2.0, 5.3.2.1).
pub(super) async fn pushed_over_60_seconds_ahead(test: &mut Test) -> Step {
    let ahead = edit(|draft| {
        draft.claim("iat", now() + 75).claim("nbf", now() + 75).claim("exp", now() + 135);
    });
    not_pushed_with(test, ahead, "FAPI2-SP 5.3.2.1-13").await
}

/// The audience is the issuer as a string, and not one of several (FAPI 2.0, 5.3.2.1).
pub(super) async fn pushed_for_several(test: &mut Test) -> Step {
    let issuer = test.world.provider.issuer.clone();
    let several = edit(move |draft| {
        draft.claim("aud", json!([issuer, "https://other.example/"]));
    });
    not_pushed_with(test, several, "FAPI2-SP 5.3.2.1-8").await
}

/// The address of the pushed request is no audience (FAPI 2.0, 5.3.2.1).
pub(super) async fn pushed_for_the_endpoint(test: &mut Test) -> Step {
    for_the(test, "pushed_authorization_request_endpoint").await
}

/// The address of the token endpoint is no audience (FAPI 2.0, 5.3.2.1).
pub(super) async fn pushed_for_the_token_endpoint(test: &mut Test) -> Step {
    for_the(test, "token_endpoint").await
}

async fn for_the(test: &mut Test, member: &str) -> Step {
    let endpoint = test.world.provider.endpoint(member);
    let endpoint = test.obtain(fail("CheckDiscEndpoint", "OIDCD 3"), endpoint)?;
    let addressed = edit(move |draft| {
        draft.claim("aud", endpoint.as_str());
    });
    not_pushed_with(test, addressed, "FAPI2-SP 5.3.2.1-8").await
}

/// Refresh tokens work for their client with its key, are not rotated for nothing, and are nothing to anybody else.
pub(super) async fn refresh(test: &mut Test) -> Step {
    let first = begin(test).await?;
    let second = second_client(test).await?;
    let (_, first_token) = refreshed(test, &first, true).await?;
    without_authentication(test, &first, &first_token).await?;
    let mut unproven = test.refresh_call(&first, &first_token, Some("openid"));
    unproven.proof = None;
    unproven.certificate &= test.variant.bound == Bound::Dpop;
    refused_without_proof(test, &unproven).await?;
    test.browser.jar = crate::op::kit::jar::Jar::default();
    let (granted, second_token) = refreshed(test, &second, false).await?;
    used_by_another(test, &granted, &first).await?;
    let foreign = test.refresh_call(&first, &second_token, None);
    let reply = test.client_call(&foreign).await?;
    test.note_all(invalid_grant(&reply));
    Ok(())
}

/// A refresh by nobody in particular (RFC 6749, 6).
async fn without_authentication(test: &mut Test, client: &Arc<Client>, refresh_token: &str) -> Step {
    if test.variant.auth == Auth::SelfSignedTls && test.variant.bound == Bound::Certificate {
        return Ok(());
    }
    let mut call = test.refresh_call(client, refresh_token, Some("openid"));
    call.assertion = Assertion::Missing;
    call.certificate &= client.auth != Auth::SelfSignedTls;
    let Some(reply) = answered(test, &call).await? else { return Ok(()) };
    test.note(
        fail("CheckTokenEndpointHttpStatus400or401", "RFC 6749 6")
            .holds(matches!(reply.status, 400 | 401), || {
                format!("expected 400 or 401, got {}", reply.brief())
            }),
    );
    let codes = &["invalid_client", "invalid_grant", "invalid_request"];
    let name = "CheckTokenEndpointReturnedInvalidClientGrantOrRequestError";
    test.note_all(errors::body(&reply, codes, name, "RFC 6749 6"));
    Ok(())
}

/// A login and a refresh, and one more with the old refresh token when it was rotated; what is good afterwards.
async fn refreshed(test: &mut Test, client: &Arc<Client>, with_scope: bool) -> Step<(Granted, String)> {
    let offline = test.world.provider.lists("scopes_supported", "offline_access");
    let mut ask = test.ask(client);
    if offline {
        let scope = format!("{} offline_access", ask.params.get("scope").unwrap_or("openid"));
        ask = ask.with("scope", scope).with("prompt", "consent");
    }
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await?;
    let announced = test.world.provider.lists("grant_types_supported", "refresh_token");
    let Some(before) = granted.refresh_token.clone() else {
        test.note(token::refresh_announced(announced, false));
        return Err(test.skip("no refresh token was issued"));
    };
    test.note(token::refresh_announced(announced, true));
    let scope = with_scope.then(|| ask.params.get("scope").unwrap_or("openid"));
    let renewed = renew(test, &granted, &before, scope).await?;
    let after = renewed.refresh_token.clone().unwrap_or_else(|| before.clone());
    if after == before {
        return Ok((renewed, after));
    }
    // FAPI 2.0, 5.3.2.1-9: an answer that was lost must not cost the client its grant.
    let recovered = renew(test, &granted, &before, scope).await?;
    let last = recovered.refresh_token.clone().unwrap_or(after);
    Ok((recovered, last))
}

async fn renew(
    test: &mut Test,
    granted: &Granted,
    refresh_token: &str,
    scope: Option<&str>,
) -> Step<Granted> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let call = test.refresh_call(&granted.client, refresh_token, scope);
    let reply = test.client_call(&call).await?;
    let renewed = test.granted(&granted.client, &reply)?;
    if let (Some(before), Some(after)) = (&granted.id_token, &renewed.id_token) {
        let signature = after.verify(&test.keys);
        test.note(fail("ValidateIdTokenSignature", "OIDCC 12.2").result(signature));
        test.note_all(id_token::refreshed(before, after));
    }
    test.use_token(&renewed).await?;
    let differs = renewed.access_token != granted.access_token;
    let condition = info("EnsureAccessTokenValuesAreDifferent", "RFC 6749 6");
    test.note(condition.holds(differs, || "expected a new access token".to_owned()).weighing(Severity::Info));
    Ok(renewed)
}
