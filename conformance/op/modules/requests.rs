//! Request objects without a signature, and redirect URIs that nobody registered.

use std::sync::Arc;

use serde_json::json;

use super::basic::begin;
use crate::op::clients::{Client, Wish};
use crate::op::finding::{Finding, fail, info, warn};
use crate::op::flow::Ask;
use crate::op::kit::browser::{Aim, End, Visit};
use crate::op::kit::jose::Draft;
use crate::op::kit::{Params, random_text};
use crate::op::plans::Auth;
use crate::op::test::{Step, Test};

/// The walk ended at an error page of the provider's, not at any client.
pub(super) fn error_page(visit: &Visit, name: &'static str, clause: &'static str) -> Finding {
    let got = match &visit.end {
        End::Page(page) if page.status >= 400 => return fail(name, clause).result(Ok(())),
        End::Page(page) => page.brief(),
        End::Landed(landing) => landing.brief(),
    };
    fail(name, clause).result(Err(format!("expected an error page, got {got}")))
}

/// OpenID Connect Core, 3.1.2.1: a redirect URI that is not registered is never called.
pub(super) async fn unregistered_redirect_uri(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client).with("redirect_uri", format!("{}/{}", client.redirect_uri, random_text(10)));
    let visit = test.visit(&ask, Aim::Allow).await?;
    test.note(error_page(&visit, "ExpectRedirectUriErrorPage", "OIDCC 3.1.2.1"));
    Ok(())
}

/// The request as an object without a signature (OpenID Connect Core, 6.1).
fn unsigned_object(test: &Test, ask: &Ask) -> String {
    let mut draft = Draft { header: json!({"alg": "none"}), claims: json!({}) };
    for (name, value) in ask.params.iter() {
        draft.claim(name, value);
    }
    draft.claim("iss", ask.client.id.as_str()).claim("aud", test.world.provider.issuer.as_str());
    draft.unsigned()
}

/// What still has to stand outside of the object (6.1).
fn outside(ask: &Ask) -> Params {
    let stays = ["response_type", "client_id", "scope", "redirect_uri"];
    ask.params.iter().filter(|(name, _)| stays.contains(name)).collect()
}

/// Whether the metadata offers request objects with `none`, when it speaks of algorithms at all.
fn offers_none(test: &Test) -> bool {
    let algorithms = test.world.provider.list("request_object_signing_alg_values_supported");
    algorithms.is_none_or(|algorithms| algorithms.contains(&"none"))
}

/// A request object by value is honoured, or refused as not supported (3.1.2.6).
pub(super) async fn unsigned_by_value(test: &mut Test) -> Step {
    if !offers_none(test) {
        return Err(test.skip("`none` is not among the algorithms of request objects"));
    }
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let mut sent = outside(&ask);
    sent.set("request", unsigned_object(test, &ask));
    honoured_or(test, &ask, &sent, "request_not_supported").await?;
    let offered = test.world.provider.flag("request_parameter_supported") == Some(true);
    test.note(announced("CheckDiscEndpointRequestParameterSupported", offered));
    Ok(())
}

/// A request object by reference is honoured, or refused as not supported (6.2, 3.1.2.6).
pub(super) async fn unsigned_by_reference(test: &mut Test) -> Step {
    if !offers_none(test) {
        return Err(test.skip("`none` is not among the algorithms of request objects"));
    }
    test.fetch_keys().await?;
    let address = test.world.listener.address("request.jwt");
    let address = test.obtain(info("CreateRandomRequestUriWithFragment", "OIDCC 6.2"), address)?;
    let supported = test.world.provider.flag("request_uri_parameter_supported").unwrap_or(true);
    let mut wish = Wish::new("first", Auth::SecretBasic);
    if supported {
        wish = wish.with("request_uris", json!([address.as_str()]));
    }
    let client = test.client_as(wish).await?;
    let ask = test.ask(&client);
    let object = unsigned_object(test, &ask);
    test.world.listener.offer(&address, "application/oauth-authz-req+jwt", &object);
    let mut sent = outside(&ask);
    sent.set("request_uri", address.as_str());
    honoured_or(test, &ask, &sent, "request_uri_not_supported").await?;
    test.note(announced("CheckDiscEndpointRequestUriParameterSupported", supported));
    Ok(())
}

fn announced(name: &'static str, offered: bool) -> Finding {
    warn(name, "OIDCD 3").holds(offered, || "expected the metadata to offer what was honoured".to_owned())
}

/// A request that leads to a login, or to the error `unsupported`, which ends the module as skipped.
async fn honoured_or(test: &mut Test, ask: &Ask, sent: &Params, unsupported: &str) -> Step {
    let address = test.authorization_address(sent)?;
    let visit = test.browse(&address, Aim::Allow).await?;
    let landing = test.landed(visit)?;
    if [&landing.query, &landing.form].iter().any(|answer| answer.get("error") == Some(unsupported)) {
        return Err(test.skip(format!("refused with {unsupported}, which is allowed")));
    }
    let code = test.code(ask, &landing)?;
    let granted = test.exchange(ask, &code).await?;
    test.use_token(&granted).await
}

/// OpenID Connect Core, 6.1: the redirect URI inside of the object counts; one outside that is not registered is an error at most.
pub(super) async fn redirect_uri_inside(test: &mut Test) -> Step {
    if !offers_none(test) {
        return Err(test.skip("`none` is not among the algorithms of request objects"));
    }
    let client: Arc<Client> = begin(test).await?;
    let ask = test.ask(&client);
    let mut sent = outside(&ask);
    sent.set("request", unsigned_object(test, &ask));
    sent.set("redirect_uri", format!("{}/{}", client.redirect_uri, random_text(10)));
    let address = test.authorization_address(&sent)?;
    let visit = test.browse(&address, Aim::Allow).await?;
    match &visit.end {
        End::Page(_) => {
            test.note(error_page(&visit, "ExpectRedirectUriErrorPage", "RFC 6749 3.1.2"));
            Ok(())
        }
        End::Landed(landing) => {
            let refused = [&landing.query, &landing.form]
                .iter()
                .any(|a| a.get("error") == Some("request_not_supported"));
            test.need(
                fail("EnsureOPDoesNotUseDefaultRedirectUriInCaseOfInvalidRedirectUri", "OIDCC 3.1.2.6")
                    .holds(!refused, || {
                        format!(
                            "expected no call of a redirect URI that was not asked for, got {}",
                            landing.brief()
                        )
                    }),
            )?;
            let code = test.code(&ask, landing)?;
            let granted = test.exchange(&ask, &code).await?;
            test.use_token(&granted).await
        }
    }
}
