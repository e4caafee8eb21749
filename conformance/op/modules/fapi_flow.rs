//! Logins under FAPI 2.0, and what must not disturb them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::op::calls::Resource;
use crate::op::checks::{authorization, errors, id_token, tls, userinfo};
use crate::op::clients::{Client, Wish};
use crate::op::finding::{Finding, Severity, fail, warn};
use crate::op::flow::{Ask, Granted};
use crate::op::kit::browser::{Aim, End};
use crate::op::kit::http::Call;
use crate::op::kit::{Params, random_text};
use crate::op::plans::{Auth, Bound};
use crate::op::test::{Step, Test};

/// The query in the second client's redirect URI (RFC 6749, 3.1.2).
const QUERY: &str = "?dummy1=lorem&dummy2=ipsum";

/// Keys and a client: the beginning of every module.
pub(super) async fn begin(test: &mut Test) -> Step<Arc<Client>> {
    ready(test).await?;
    test.client("fapi-first").await
}

/// Keys, and that the provider offers what the variant is about: certificates need TLS, and a provider that reads them.
pub(super) async fn ready(test: &mut Test) -> Step {
    let provider = &test.world.provider;
    let bound = provider.flag("tls_client_certificate_bound_access_tokens") == Some(true);
    let authenticates = provider.lists("token_endpoint_auth_methods_supported", test.variant.auth.as_str());
    if test.variant.needs_certificate() && !provider.issuer.starts_with("https:") {
        return Err(test.skip("client certificates need an issuer under https"));
    }
    if test.variant.bound == Bound::Certificate && !bound {
        return Err(test.skip("the provider does not offer tokens bound to certificates"));
    }
    if test.variant.auth == Auth::SelfSignedTls && !authenticates {
        return Err(test.skip("the provider does not offer `self_signed_tls_client_auth`"));
    }
    test.fetch_keys().await
}

/// A second client, whose redirect URI has a query.
pub(super) async fn second_client(test: &mut Test) -> Step<Arc<Client>> {
    let auth = test.variant.auth;
    test.client_as(Wish::new("fapi-second", auth).with_query(QUERY)).await
}

/// A login with the request changed by `change`, and the access token used.
pub(super) async fn succeeds(test: &mut Test, change: impl FnOnce(Ask) -> Ask) -> Step<Granted> {
    let client = begin(test).await?;
    let ask = change(test.ask(&client));
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await?;
    Ok(granted)
}

/// Two clients end to end; what protects the resource; a token of the second is nothing in the hands of the first.
pub(super) async fn happy(test: &mut Test) -> Step {
    let first = begin(test).await?;
    let second = second_client(test).await?;
    let ask = test.ask(&first);
    let granted = test.log_in(&ask).await?;
    let token = test.id_token(&granted)?;
    protected(test).await?;
    test.use_token(&granted).await?;
    not_in_the_query(test, &granted).await?;
    for accept in ["application/json; charset=UTF-8", "application/json, application/*+json, */*"] {
        let reply = test.resource(&granted, &Resource { accept, ..Resource::default() }).await?;
        test.note(errors::resource_served(&reply, accept));
    }
    if test.ask(&first).params.get("scope") == Some("openid") {
        test.note(id_token::nothing_unrequested(&token));
    }
    let mut ask = test.ask(&second).with("state", random_text(128)).with("nonce", random_text(43));
    if test.variant.bound == Bound::Dpop {
        ask = ask.with_jkt();
    }
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await?;
    used_by_another(test, &granted, &first).await
}

/// A token bound to one client's key is refused with another's (RFC 9449, 7.1; RFC 8705, 3).
pub(super) async fn used_by_another(test: &mut Test, granted: &Granted, other: &Arc<Client>) -> Step {
    let stolen = Resource { client: Some(Arc::clone(other)), ..Resource::default() };
    let reply = test.resource(granted, &stolen).await?;
    test.note(
        fail("EnsureHttpStatusCodeIs4xx", "RFC 9449 7.1, RFC 8705 3")
            .holds((400..500).contains(&reply.status), || {
                format!("expected a refusal, got {}", reply.brief())
            }),
    );
    Ok(())
}

/// What TLS the resource speaks (FAPI 2.0, 5.2).
async fn protected(test: &mut Test) -> Step {
    let address = test.resource_address();
    let address =
        test.obtain(fail("ExtractTLSTestValuesFromResourceConfiguration", "FAPI2-SP 5.2"), address)?;
    let findings = tls::all(&test.world.http.trust, &address).await;
    test.note_all(findings);
    Ok(())
}

/// FAPI 2.0, 5.3.4: an access token in the query is not taken.
async fn not_in_the_query(test: &mut Test, granted: &Granted) -> Step {
    let address = test.resource_address();
    let mut address = test.obtain(fail("SetProtectedResourceUrl", "FAPI2-SP 5.3.4-2"), address)?;
    address.query_pairs_mut().append_pair("access_token", &granted.access_token);
    let identity = granted.client.identity.clone();
    let reply = test.call("DisallowAccessTokenInQuery", Call::get(&address).identity(identity)).await?;
    test.note(
        fail("DisallowAccessTokenInQuery", "FAPI2-SP 5.3.4-2")
            .holds((400..500).contains(&reply.status), || {
                format!("expected a refusal, got {}", reply.brief())
            }),
    );
    Ok(())
}

/// The person refuses: `access_denied`, for both clients (RFC 6749, 4.1.2.1).
pub(super) async fn user_rejects(test: &mut Test) -> Step {
    let first = begin(test).await?;
    let second = second_client(test).await?;
    for client in [first, second] {
        test.browser.jar = crate::op::kit::jar::Jar::default();
        let ask = test.ask(&client).with("state", random_text(128));
        let visit = test.visit(&ask, Aim::Deny).await?;
        let landing = test.landed(visit)?;
        let mut answer = test.answer(&ask, &landing)?;
        let own = Params::parse(client.redirect_uri.split_once('?').map_or("", |(_, query)| query));
        for name in own.names() {
            answer.remove(name);
        }
        test.note_all(authorization::error(
            &answer,
            &["access_denied"],
            "ExpectAccessDeniedErrorFromAuthorizationEndpointDueToUserRejectingRequest",
            "OIDCC 3.1.2.6, RFC 6749 4.1.2.1",
        ));
    }
    Ok(())
}

/// `state` is optional, and does not come back when it was not sent.
pub(super) async fn without_state(test: &mut Test) -> Step {
    succeeds(test, |ask| ask.without("state")).await.map(drop)
}

/// `nonce` is optional in the code flow.
pub(super) async fn without_nonce(test: &mut Test) -> Step {
    succeeds(test, |ask| ask.without("nonce")).await.map(drop)
}

/// A nonce of 64 characters comes back whole.
pub(super) async fn nonce_of_64(test: &mut Test) -> Step {
    succeeds(test, |ask| ask.with("nonce", random_text(64))).await.map(drop)
}

/// The order of scopes does not matter (RFC 6749, 3.3).
pub(super) async fn other_scope_order(test: &mut Test) -> Step {
    let reversed = |ask: Ask| {
        let scope: Vec<&str> = ask.params.get("scope").unwrap_or("openid").split(' ').rev().collect();
        let scope = scope.join(" ");
        ask.with("scope", scope)
    };
    succeeds(test, reversed).await.map(drop)
}

/// Only `client_id` and `request_uri` at the authorization endpoint (RFC 9126, 4).
pub(super) async fn without_duplicates(test: &mut Test) -> Step {
    let alone = |mut ask: Ask| {
        ask.outside = Some(Params::default());
        ask
    };
    succeeds(test, alone).await.map(drop)
}

/// The authentication scheme in another case (RFC 9110, 11.1).
pub(super) async fn scheme_in_other_case(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let granted = test.log_in(&ask).await?;
    let scheme = if test.variant.bound == Bound::Dpop { "dPOp" } else { "bEARER" };
    let reply = test.resource(&granted, &Resource { scheme: Some(scheme), ..Resource::default() }).await?;
    test.note(errors::resource_served(&reply, scheme));
    Ok(())
}

/// `claims` asks for everything that is offered, and for something that nobody has (OpenID Connect Core, 5.5).
pub(super) async fn identity_claims(test: &mut Test) -> Step {
    if test.world.provider.flag("claims_parameter_supported") != Some(true) {
        return Err(test.skip("the provider does not offer the `claims` parameter"));
    }
    let offered = test.world.provider.list("claims_supported").unwrap_or_default();
    let standard = userinfo::STANDARD_CLAIMS.iter().map(|(name, _)| *name);
    let wanted: Vec<&'static str> =
        standard.filter(|name| *name != "sub" && offered.contains(name)).collect();
    if wanted.is_empty() {
        return Err(test.skip("the provider offers no standard claims"));
    }
    let mut members: Map<String, Value> =
        wanted.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    let unknown = format!("https://rp.example/{}", random_text(8));
    members.insert(unknown, json!({"essential": true}));
    let claims = json!({"id_token": members, "userinfo": members}).to_string();
    let client = begin(test).await?;
    let ask = test.ask(&client).with("claims", claims);
    let granted = test.log_in(&ask).await?;
    let token = test.id_token(&granted)?;
    let told = test.userinfo(&granted).await?;
    test.note_all([
        userinfo::nothing_unknown(&told, "CheckForUnexpectedClaimsInUserinfo"),
        userinfo::nothing_unknown(&token.claims, "CheckForUnexpectedClaimsInIdToken"),
    ]);
    let missing: Vec<&&str> =
        wanted.iter().filter(|name| token.claim(name).is_none() && told.get(name).is_none()).collect();
    test.note(
        warn("EnsureIdentityClaimsContainRequestedClaims", "OIDCC 5.5").holds(missing.is_empty(), || {
            format!("expected also {missing:?}, got {told} and {}", token.claims)
        }),
    );
    Ok(())
}

/// Values outside of what was pushed are ignored, or refused; they never win (RFC 9126, 4; OpenID Connect Core, 6.1).
async fn outside(test: &mut Test, inside: impl FnOnce(Ask) -> Ask, name: &str) -> Step {
    let client = begin(test).await?;
    let mut ask = inside(test.ask(&client));
    let duplicates = ["response_type", "client_id", "scope", "redirect_uri"];
    let mut outside: Params = ask.params.iter().filter(|(n, _)| duplicates.contains(n)).collect();
    outside.set(name, random_text(20));
    ask.outside = Some(outside);
    let visit = test.visit(&ask, Aim::Allow).await?;
    let landing = match visit.end {
        End::Landed(landing) => landing,
        End::Page(page) => {
            let failed = page.status >= 400;
            test.note(
                fail("ExpectRequestDifferentInsideAndOutsideErrorPage", "OIDCC 6.1")
                    .holds(failed, || format!("expected an error page, got {}", page.brief())),
            );
            return Ok(());
        }
    };
    let answer = test.answer(&ask, &landing)?;
    if answer.has("error") {
        test.note_all(authorization::error(
            &answer,
            &["invalid_request"],
            "EnsureInvalidRequestError",
            "OIDCC 3.3.2.6",
        ));
        return Ok(());
    }
    let code =
        test.obtain(fail("ExtractAuthorizationCode", "RFC 6749 4.1.2"), authorization::code(&answer))?;
    let granted = test.exchange(&ask, &code).await?;
    test.use_token(&granted).await
}

/// Another nonce outside.
pub(super) async fn other_nonce_outside(test: &mut Test) -> Step {
    outside(test, |ask| ask, "nonce").await
}

/// Another state outside.
pub(super) async fn other_state_outside(test: &mut Test) -> Step {
    outside(test, |ask| ask, "state").await
}

/// A state outside, and none inside.
pub(super) async fn state_only_outside(test: &mut Test) -> Step {
    outside(test, |ask| ask.without("state"), "state").await
}

/// A nonce of 384 characters is taken whole, or refused.
pub(super) async fn long_nonce(test: &mut Test) -> Step {
    long(test, "nonce", 384, None).await
}

/// A state of 1000 characters is taken whole, or refused, which is a warning.
pub(super) async fn long_state(test: &mut Test) -> Step {
    let clause = "FAPI2-SP 5.3.2.2";
    let warning = warn("WarningAboutRejectingLongState", clause);
    long(
        test,
        "state",
        1000,
        Some(warning.result(Err("expected the state to be taken, got a refusal".to_owned()))),
    )
    .await
}

async fn long(test: &mut Test, name: &str, length: usize, when_refused: Option<Finding>) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client).with(name, random_text(length));
    let reply = test.push_raw(&ask).await?;
    if !reply.is_success() {
        test.note_all(errors::pushed(
            &reply,
            &["invalid_request"],
            "EnsurePARInvalidRequestError",
            "RFC 9126 2.3",
        ));
        return Ok(());
    }
    let request_uri = test.pushed(&reply)?;
    let address = test.pushed_address(&ask, &request_uri)?;
    let visit = test.browse(&address, Aim::Allow).await?;
    let landing = match visit.end {
        End::Landed(landing) => landing,
        End::Page(page) => {
            let condition = warn("ExpectRequestObjectWithLongValueErrorPage", "FAPI2-SP 5.3.2.2");
            test.note(condition.result(Err(format!("expected a login, got {}", page.brief()))));
            return Ok(());
        }
    };
    let answer = test.answer(&ask, &landing)?;
    if answer.has("error") {
        let refused =
            authorization::error(&answer, &["invalid_request"], "EnsureInvalidRequestError", "OIDCC 3.3.2.6");
        test.note_all(refused.into_iter().map(|finding| finding.weighing(Severity::Warn)));
        test.note_all(when_refused);
        return Ok(());
    }
    let code = test.code(&ask, &landing)?;
    let granted = test.exchange(&ask, &code).await?;
    test.use_token(&granted).await
}
