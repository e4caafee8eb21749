//! Proofs of possession: DPoP (RFC 9449) at the pushed request, the token endpoint and the resource.

use std::sync::Arc;

use http::Method;

use super::fapi_flow::begin;
use crate::op::calls::Resource;
use crate::op::checks::errors;
use crate::op::finding::{Finding, Severity, fail, info, warn};
use crate::op::flow::{Ask, Granted};
use crate::op::kit::http::Reply;
use crate::op::kit::jose::{self, Draft};
use crate::op::kit::keys::{KeyPair, thumbprint};
use crate::op::kit::{now, random_token};
use crate::op::proof::{Proof, Shape};
use crate::op::test::{Step, Test};

/// The errors with which a proof that does not fit is refused (RFC 9449, 5 and 10.1).
const MISMATCH: &[&str] = &["invalid_request", "invalid_grant", "invalid_dpop_proof"];

/// A whole flow whose proofs are all changed by `edit`.
async fn with_proofs(test: &mut Test, when_pushed: bool, edit: fn(&mut Draft)) -> Step {
    let client = begin(test).await?;
    let proof = Proof::of(&client.dpop).edited(edit);
    let ask = test.ask(&client);
    let form = test.pushed_form(&ask)?;
    let mut push = test.pushing(&ask, form);
    push.proof = when_pushed.then(|| proof.clone());
    let reply = test.client_call(&push).await?;
    let request_uri = test.pushed(&reply)?;
    let code = open(test, &ask, &request_uri).await?;
    let mut call = test.code_call(&ask, &code);
    call.proof = Some(proof.clone());
    let reply = test.client_call(&call).await?;
    let granted = test.granted(&client, &reply)?;
    let reply = test.resource(&granted, &Resource { proof: Some(proof), ..Resource::default() }).await?;
    test.note(errors::resource_served(&reply, "UserInfo"));
    Ok(())
}

/// Opens a pushed request and logs in; the code.
async fn open(test: &mut Test, ask: &Ask, request_uri: &str) -> Step<String> {
    let address = test.pushed_address(ask, request_uri)?;
    let visit = test.browse(&address, Default::default()).await?;
    let landing = test.landed(visit)?;
    test.code(ask, &landing)
}

/// Proofs may carry `nbf` and `exp` (RFC 7519, 4.1).
pub(super) async fn with_nbf_and_exp(test: &mut Test) -> Step {
    with_proofs(test, false, |draft| {
        draft.claim("nbf", now()).claim("exp", now() + 300);
    })
    .await
}

/// Proofs of ten seconds ago (FAPI 2.0, 5.3.2.1).
pub(super) async fn iat_10_seconds_ago(test: &mut Test) -> Step {
    with_proofs(test, true, |draft| {
        draft.claim("iat", now() - 10);
    })
    .await
}

/// Proofs of eight seconds ahead (FAPI 2.0, 5.3.2.1).
pub(super) async fn iat_8_seconds_ahead(test: &mut Test) -> Step {
    with_proofs(test, true, |draft| {
        draft.claim("iat", now() + 8);
    })
    .await
}

fn new_key(test: &mut Test) -> Step<Arc<KeyPair>> {
    let key = KeyPair::new("ES256").map(Arc::new);
    test.obtain(info("GenerateDpopKey", "RFC 9449 2"), key)
}

/// A pushed `dpop_jkt` that is not the key of the proof is refused (RFC 9449, 10.1).
pub(super) async fn other_jkt_pushed(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let other = new_key(test)?;
    let mut ask = test.ask(&client).with("dpop_jkt", thumbprint(&other.public));
    ask.proven = true;
    let reply = test.push_raw(&ask).await?;
    let name = "EnsurePARInvalidRequestOrInvalidDpopProof";
    test.note_all(errors::pushed(&reply, &["invalid_request", "invalid_dpop_proof"], name, "RFC 9449 10.1"));
    Ok(())
}

/// The code is exchanged with a proof of `other`: refused.
async fn exchanged_with(test: &mut Test, ask: &Ask, other: &Arc<KeyPair>) -> Step {
    let code = test.authorize(ask).await?;
    let mut call = test.code_call(ask, &code);
    call.proof = Some(Proof::of(other));
    let reply = test.client_call(&call).await?;
    let name = "CheckTokenEndpointReturnedInvalidRequestGrantOrDPopProofError";
    test.note_all(errors::token(&reply, MISMATCH, name, "RFC 9449 10.1"));
    Ok(())
}

/// Another key at the token endpoint than when the request was pushed (RFC 9449, 10.1).
pub(super) async fn other_key_than_pushed(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let other = new_key(test)?;
    let mut ask = test.ask(&client);
    ask.proven = true;
    exchanged_with(test, &ask, &other).await
}

/// Another key at the token endpoint than `dpop_jkt` named (RFC 9449, 10).
pub(super) async fn other_key_than_jkt(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let other = new_key(test)?;
    let ask = test.ask(&client).with_jkt();
    exchanged_with(test, &ask, &other).await
}

/// A code bound by the proof at the pushed request (RFC 9449, 10.1).
pub(super) async fn bound_when_pushed(test: &mut Test) -> Step {
    bound(test, |ask| ask, true).await
}

/// A code bound by `dpop_jkt` (RFC 9449, 10).
pub(super) async fn bound_by_jkt(test: &mut Test) -> Step {
    bound(test, Ask::with_jkt, false).await
}

async fn bound(test: &mut Test, change: fn(Ask) -> Ask, proven: bool) -> Step {
    let client = begin(test).await?;
    let mut ask = change(test.ask(&client));
    ask.proven = proven;
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await
}

/// What a resource has to make of a proof.
#[derive(Clone, Copy)]
enum Expected {
    Refused,
    /// A resource that takes it is warned.
    ShouldBeRefused,
    Served,
    /// A resource that does not take it is warned.
    ShouldBeServed,
}

/// A change of a good proof, and what has to come of it (RFC 9449, 4.2, 4.3 and 7.1).
struct Case {
    what: &'static str,
    edit: fn(&mut Draft),
    expected: Expected,
}

const fn refused(what: &'static str, edit: fn(&mut Draft)) -> Case {
    Case { what, edit, expected: Expected::Refused }
}

/// Changes of header and claims.
const CASES: &[Case] = &[
    refused("no `typ`", |draft| jose::remove(&mut draft.header, "typ")),
    refused("no `jwk`", |draft| jose::remove(&mut draft.header, "jwk")),
    refused("no `jti`", |draft| jose::remove(&mut draft.claims, "jti")),
    refused("no `htm`", |draft| jose::remove(&mut draft.claims, "htm")),
    refused("no `htu`", |draft| jose::remove(&mut draft.claims, "htu")),
    refused("no `iat`", |draft| jose::remove(&mut draft.claims, "iat")),
    refused("no `ath`", |draft| jose::remove(&mut draft.claims, "ath")),
    refused("another `typ`", |draft| jose::set(&mut draft.header, "typ", "JWT")),
    refused("another `htm`", |draft| jose::set(&mut draft.claims, "htm", "PUT")),
    refused("another `htu`", |draft| jose::set(&mut draft.claims, "htu", "https://rp.example/elsewhere")),
    refused("another `ath`", |draft| jose::set(&mut draft.claims, "ath", random_token())),
    Case {
        what: "`htu` with query and fragment",
        edit: |draft| change_htu(draft, |htu| format!("{htu}?x=y#z")),
        expected: Expected::Served,
    },
    Case { what: "`htu` without query and fragment", edit: |_| (), expected: Expected::Served },
    Case {
        what: "claims and header members that nobody knows",
        edit: |draft| {
            jose::set(&mut draft.header, "extra", "1");
            jose::set(&mut draft.claims, "extra", "1");
        },
        expected: Expected::Served,
    },
    Case {
        what: "`htu` with scheme and host in capitals",
        edit: |draft| change_htu(draft, host_in_capitals),
        expected: Expected::ShouldBeServed,
    },
    Case {
        what: "`htu` with the port written out",
        edit: |draft| change_htu(draft, port_written_out),
        expected: Expected::ShouldBeServed,
    },
];

/// What stands after a proof has been changed.
pub(super) async fn wrong_proofs(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await?;
    in_capitals(test, &granted).await?;
    for case in CASES {
        let proof = Proof::of(&client.dpop).edited(case.edit);
        tried(test, &granted, proof, case.what, case.expected).await?;
    }
    shapes(test, &granted).await?;
    private_key(test, &granted).await?;
    for (what, seconds) in [("`iat` an hour ahead", 3600), ("`iat` an hour ago", -3600)] {
        at_another_time(test, &granted, what, seconds).await?;
    }
    replayed(test, &granted).await?;
    let downgraded = Resource {
        scheme: Some("Bearer"),
        proof: Some(Proof::of(&client.dpop).shaped(Shape::Absent)),
        ..Resource::default()
    };
    let reply = test.resource(&granted, &downgraded).await?;
    test.note(judged(&reply, "no proof and the scheme Bearer", Expected::Refused));
    tried(test, &granted, Proof::of(&client.dpop), "a good proof at last", Expected::Served).await
}

async fn tried(test: &mut Test, granted: &Granted, proof: Proof, what: &str, expected: Expected) -> Step {
    let reply = test.resource(granted, &Resource { proof: Some(proof), ..Resource::default() }).await?;
    test.note(judged(&reply, what, expected));
    Ok(())
}

fn judged(reply: &Reply, what: &str, expected: Expected) -> Finding {
    match expected {
        Expected::Refused => errors::resource_refused(reply, what),
        Expected::ShouldBeRefused => errors::resource_refused(reply, what).weighing(Severity::Warn),
        Expected::Served => errors::resource_served(reply, what),
        Expected::ShouldBeServed => errors::resource_served(reply, what).weighing(Severity::Warn),
    }
}

/// Proofs that are wrong in their shape.
async fn shapes(test: &mut Test, granted: &Granted) -> Step {
    let other = new_key(test)?;
    let key = Arc::clone(&granted.client.dpop);
    let shapes = [
        ("two proofs", Shape::Twice),
        ("not a token", Shape::NotAToken),
        ("no `alg`", Shape::WithoutAlgorithm),
        ("`alg` none", Shape::Unsigned),
        ("another signature", Shape::Tampered),
        ("signed with another key than its `jwk`", Shape::Foreign(Arc::clone(&other))),
        ("no proof", Shape::Absent),
    ];
    for (what, shape) in shapes {
        tried(test, granted, Proof::of(&key).shaped(shape), what, Expected::Refused).await?;
    }
    test.note(
        info("ChangeSignAlgorithm", "FAPI2-SP 5.4").held_but("RS256 not tried: the proof key is P-256"),
    );
    tried(test, granted, Proof::of(&other), "another key than the token's", Expected::Refused).await
}

/// RFC 9449, 4.3: the `jwk` has no private member.
async fn private_key(test: &mut Test, granted: &Granted) -> Step {
    let key = Arc::clone(&granted.client.dpop);
    let private = key.private.clone().unwrap_or_default();
    let scalar = private.get("d").cloned().unwrap_or_default();
    let proof = Proof::of(&key).edited(move |draft| {
        if let Some(jwk) = draft.header.get_mut("jwk") {
            jose::set(jwk, "d", scalar.clone());
        }
    });
    tried(test, granted, proof, "a private key in `jwk`", Expected::Refused).await
}

/// RFC 9449, 4.3 and 11.1: an hour off is refused, unless the resource goes by its nonces, where it should be served.
async fn at_another_time(test: &mut Test, granted: &Granted, what: &str, seconds: i64) -> Step {
    test.nonces[1] = None;
    test.nonce_demanded = false;
    let proof = Proof::of(&granted.client.dpop).edited(move |draft| {
        draft.claim("iat", now() + seconds);
    });
    let reply = test.resource(granted, &Resource { proof: Some(proof), ..Resource::default() }).await?;
    let expected = if test.nonce_demanded { Expected::ShouldBeServed } else { Expected::Refused };
    test.note(judged(&reply, what, expected));
    Ok(())
}

/// RFC 9449, 11.1: a proof that was seen before should be refused.
async fn replayed(test: &mut Test, granted: &Granted) -> Step {
    let jti = random_token();
    let proof = Proof::of(&granted.client.dpop).edited(move |draft| {
        draft.claim("jti", jti.as_str());
    });
    tried(test, granted, proof.clone(), "a `jti` for the first time", Expected::Served).await?;
    tried(test, granted, proof, "a `jti` for the second time", Expected::ShouldBeRefused).await
}

/// RFC 9110, 5.1: header names are the same in capitals.
async fn in_capitals(test: &mut Test, granted: &Granted) -> Step {
    let address = test.resource_address();
    let address = test.obtain(fail("SetProtectedResourceUrl", "RFC 9449 7.1"), address)?;
    let token = &granted.access_token;
    let proof = Proof::of(&granted.client.dpop);
    let headers = proof.headers(&Method::GET, &address, Some(token), test.nonces[1].as_ref());
    let headers = test.obtain(info("AddDpopHeaderAllCapital", "RFC 9449 4.1"), headers)?;
    let authorization = format!("DPoP {token}");
    let mut lines = vec![("Authorization", authorization.as_str())];
    lines.extend(headers.iter().map(|header| ("DPOP", header.as_str())));
    let status = test.world.http.get_as_written(&address, &lines).await;
    test.note(warn("AddDpopHeaderAllCapital", "RFC 9449 4.1").holds(status == Ok(200), || {
        format!("expected 200 with the header name in capitals, got {status:?}")
    }));
    Ok(())
}

fn change_htu(draft: &mut Draft, change: impl Fn(&str) -> String) {
    let htu = draft.claims.get("htu").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    draft.claim("htu", change(&htu));
}

fn host_in_capitals(htu: &str) -> String {
    let Some((scheme, rest)) = htu.split_once("://") else { return htu.to_owned() };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    format!("{}://{}/{path}", scheme.to_ascii_uppercase(), host.to_ascii_uppercase())
}

/// The default port, where the address has none (RFC 3986, 6.2.3).
fn port_written_out(htu: &str) -> String {
    let Ok(url) = url::Url::parse(htu) else { return htu.to_owned() };
    match (url.port(), url.host_str(), url.port_or_known_default()) {
        (None, Some(host), Some(port)) => format!("{}://{host}:{port}{}", url.scheme(), url.path()),
        _ => htu.to_owned(),
    }
}
