//! Signed requests: FAPI 2.0 Message Signing, 5.3.1 (RFC 9101).

use std::sync::Arc;

use serde_json::json;

use super::fapi_flow::{begin, ready, second_client};
use super::fapi_pushed::{Refusal, refused, refused_with};
use crate::op::clients::{Client, Wish};
use crate::op::finding::{info, warn};
use crate::op::flow::Ask;
use crate::op::kit::jose::Draft;
use crate::op::kit::keys::KeyPair;
use crate::op::kit::{Params, now, random_token};
use crate::op::test::{Step, Test};

const OBJECT: Refusal = Refusal {
    pushed: &["invalid_request_object"],
    name: "EnsurePARInvalidRequestObjectError",
    clause: "RFC 9101 6, RFC 9126 2.3",
    opened: &["invalid_request_object"],
    known: true,
};

/// The same for a claim that is missing, where a provider may have other words when the request is opened.
const CLAIM: Refusal = Refusal {
    clause: "FAPI2-MS 5.3.1, RFC 9126 2.3",
    opened: &["invalid_request_object", "invalid_request", "invalid_request_uri", "access_denied"],
    ..OBJECT
};

/// The request of the first client, its object changed by `edit`.
async fn edited(test: &mut Test, edit: impl Fn(&mut Draft) + Send + Sync + 'static) -> Step<Ask> {
    let client = begin(test).await?;
    let mut ask = test.ask(&client);
    ask.edit = Some(Arc::new(edit));
    Ok(ask)
}

/// An object so changed has to be refused.
async fn refuses(test: &mut Test, edit: impl Fn(&mut Draft) + Send + Sync + 'static) -> Step {
    let ask = edited(test, edit).await?;
    refused(test, &ask, &OBJECT).await
}

/// An object without this claim has to be refused.
async fn refuses_without(test: &mut Test, claim: &'static str) -> Step {
    let lacking = move |draft: &mut Draft| {
        draft.without(claim);
    };
    let ask = edited(test, lacking).await?;
    refused(test, &ask, &CLAIM).await
}

/// The issuer may be one of several audiences.
pub(super) async fn several_audiences(test: &mut Test) -> Step {
    let issuer = test.world.provider.issuer.clone();
    let ask = edited(test, move |draft| {
        draft.claim("aud", json!([issuer, "https://other.example/", "invalid"]));
    })
    .await?;
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await
}

/// Eight seconds ahead are within the skew of clocks.
pub(super) async fn nbf_8_seconds_ahead(test: &mut Test) -> Step {
    let ask = edited(test, |draft| {
        draft.claim("nbf", now() + 8);
    })
    .await?;
    let reply = test.push_raw(&ask).await?;
    test.note(
        warn("CheckPAREndpointResponse201WithNoError", "FAPI2-SP 5.3.2.1-13")
            .holds(reply.status == 201, || format!("expected 201, got {}", reply.brief())),
    );
    Ok(())
}

/// No `exp` (Message Signing, 5.3.1).
pub(super) async fn without_exp(test: &mut Test) -> Step {
    refuses_without(test, "exp").await
}

/// No `nbf` (Message Signing, 5.3.1).
pub(super) async fn without_nbf(test: &mut Test) -> Step {
    refuses_without(test, "nbf").await
}

/// An `exp` that is past (RFC 7519, 4.1.4).
pub(super) async fn expired(test: &mut Test) -> Step {
    refuses(test, |draft| {
        draft.claim("exp", now() - 300);
    })
    .await
}

/// Another audience (RFC 7519, 4.1.3).
pub(super) async fn wrong_audience(test: &mut Test) -> Step {
    refuses(test, |draft| {
        draft.claim("aud", "https://other.example/");
    })
    .await
}

/// A lifetime of more than an hour (Message Signing, 5.3.1).
pub(super) async fn exp_70_minutes_ahead(test: &mut Test) -> Step {
    refuses(test, |draft| {
        draft.claim("exp", now() + 70 * 60);
    })
    .await
}

/// An `nbf` of more than an hour ago (Message Signing, 5.3.1).
pub(super) async fn nbf_70_minutes_ago(test: &mut Test) -> Step {
    refuses(test, |draft| {
        draft.claim("nbf", now() - 70 * 60);
    })
    .await
}

/// The object as `sign` makes it of a good one, pushed; it has to be refused.
async fn signed_by(
    test: &mut Test,
    ask: &Ask,
    key: &Arc<KeyPair>,
    sign: impl FnOnce(&Draft, &KeyPair) -> Result<String, String>,
    refusal: &Refusal,
) -> Step {
    let object = sign(&test.request_object(ask, key), key);
    let object = test.obtain(info("SignRequestObject", "RFC 9101 4"), object)?;
    let form: Params =
        [("client_id", ask.client.id.as_str()), ("request", object.as_str())].into_iter().collect();
    let reply = test.client_call(&test.pushing(ask, form)).await?;
    refused_with(test, ask, &reply, refusal).await
}

fn own_key(test: &mut Test, client: &Client) -> Step<Arc<KeyPair>> {
    let key = client.key.clone().ok_or_else(|| "expected a key of the client".to_owned());
    test.obtain(info("GetClientKey", "RFC 9101 4"), key)
}

/// RS256, under a key that is registered (FAPI 2.0, 5.4).
pub(super) async fn rs256(test: &mut Test) -> Step {
    ready(test).await?;
    if test.world.clients.contains_key("fapi-first") {
        return Err(test.skip("the static client has no RSA key"));
    }
    let auth = test.variant.auth;
    let client = test.client_as(Wish::new("fapi-first", auth).with_rsa()).await?;
    let key = client.rsa.clone().ok_or_else(|| "expected an RSA key".to_owned());
    let key = test.obtain(info("ChangeClientJwksAlgToRS256", "FAPI2-SP 5.4"), key)?;
    let ask = test.ask(&client);
    signed_by(test, &ask, &key, Draft::sign, &OBJECT).await
}

/// `alg` none (Message Signing, 5.4).
pub(super) async fn unsigned(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let key = own_key(test, &client)?;
    let ask = test.ask(&client);
    signed_by(test, &ask, &key, |draft, _| Ok(draft.unsigned()), &OBJECT).await
}

/// Another signature.
pub(super) async fn tampered(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let key = own_key(test, &client)?;
    let ask = test.ask(&client);
    signed_by(test, &ask, &key, Draft::tampered, &OBJECT).await
}

/// The key of another client (OpenID Connect Core, 6.3.2).
pub(super) async fn key_of_another_client(test: &mut Test) -> Step {
    let first = begin(test).await?;
    let second = second_client(test).await?;
    let key = own_key(test, &second)?;
    let ask = test.ask(&first);
    let refusal = Refusal {
        pushed: &["invalid_request_object", "invalid_request"],
        name: "EnsurePARInvalidRequestOrInvalidRequestObjectError",
        ..OBJECT
    };
    signed_by(test, &ask, &key, Draft::sign, &refusal).await
}

/// Parameters in the plain (Message Signing, 5.3.2).
pub(super) async fn plain_parameters(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let reply = test.client_call(&test.pushing(&ask, ask.params.clone())).await?;
    let refusal = Refusal {
        pushed: &["invalid_request"],
        name: "EnsurePARInvalidRequestError",
        clause: "FAPI2-MS 5.3.2-1",
        opened: &["invalid_request", "invalid_request_object", "invalid_request_uri"],
        known: true,
    };
    refused_with(test, &ask, &reply, &refusal).await
}

/// A `request_uri` inside of the object (RFC 9101, 4).
pub(super) async fn request_uri_inside(test: &mut Test) -> Step {
    refuses(test, |draft| {
        draft.claim("request_uri", format!("urn:ietf:params:oauth:request_uri:{}", random_token()));
    })
    .await
}
