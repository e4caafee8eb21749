//! JSON Web Signatures and Keys: the RFCs' own examples, and the same with one thing changed.

use base::Timestamp;
use base::encoding::from_base64url;
use jose::proof::{self, DPOP_TYP};
use jose::{Algorithm, Audience, Expect, FormError, Jwk, JwkError, KeySet, Reason, Type};
use serde::Deserialize;
use serde_json::Value;

use crate::data::{cases, equal, words};
use crate::report::Report;

/// Runs every case.
pub(crate) fn run(report: &mut Report) {
    for case in cases::<TokenCase>(report, "jose/token.toml", include_str!("jose/token.toml")) {
        report.case(&case.clause, &case.what, token(&case));
    }
    for case in cases::<SignatureCase>(report, "jose/signature.toml", include_str!("jose/signature.toml")) {
        report.case(&case.clause, &case.what, signature(&case));
    }
    for case in cases::<ProofCase>(report, "jose/proof.toml", include_str!("jose/proof.toml")) {
        report.case(&case.clause, &case.what, proof(&case));
    }
    for case in cases::<KeyCase>(report, "jose/key.toml", include_str!("jose/key.toml")) {
        report.case(&case.clause, &case.what, key(&case));
    }
    for case in cases::<HashCase>(report, "jose/half_hash.toml", include_str!("jose/half_hash.toml")) {
        report.case(&case.clause, &case.what, half_hash(&case));
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenCase {
    clause: String,
    what: String,
    key: String,
    token: String,
    /// Seconds since 1970.
    now: i64,
    outcome: String,
}

fn token(case: &TokenCase) -> Result<(), String> {
    let mut keys = KeySet::new();
    keys.insert(&Jwk::from_json(case.key.as_bytes()).map_err(words)?).map_err(words)?;
    let expect = Expect {
        typ: Type::Plain,
        issuer: "joe",
        audience: Audience::Any,
        now: Timestamp::from_unix_seconds(case.now),
        leeway_seconds: 0,
        ahead_seconds: 0,
        algorithms: &Algorithm::INTERNATIONAL,
    };
    let outcome = match keys.verify(&case.token, &expect) {
        Ok(verified) => {
            equal("`iss`", &verified.text("iss"), &Some("joe"))?;
            equal("another claim", &verified.claims.get("http://example.com/is_root"), &Some(&true.into()))?;
            "verified"
        }
        Err(rejected) => {
            equal("what a stranger is told", &rejected.to_string(), "token rejected")?;
            rule(rejected.reason())
        }
    };
    equal("outcome", &outcome, &case.outcome)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureCase {
    clause: String,
    what: String,
    key: String,
    /// In compact form; its payload is any bytes.
    jws: String,
    outcome: String,
}

fn signature(case: &SignatureCase) -> Result<(), String> {
    let key = Jwk::from_json(case.key.as_bytes()).map_err(words)?;
    let (input, signature) = case.jws.rsplit_once('.').ok_or("expected three parts in the data")?;
    let bytes = |part: &str| from_base64url(part).ok_or("expected base64url in the data");
    let header = bytes(input.split('.').next().unwrap_or_default())?;
    let header: Value = serde_json::from_slice(&header).map_err(words)?;
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
    let outcome = match algorithm.filter(|algorithm| key.algorithms().contains(algorithm)) {
        None => "algorithm",
        Some(algorithm) if key.verifies(algorithm, input.as_bytes(), &bytes(signature)?) => "verified",
        Some(_) => "signature",
    };
    equal("outcome", &outcome, &case.outcome)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofCase {
    clause: String,
    what: String,
    proof: String,
    thumbprint: Option<String>,
    refused: Option<String>,
}

fn proof(case: &ProofCase) -> Result<(), String> {
    let read = proof::verify(&case.proof, DPOP_TYP, &Algorithm::INTERNATIONAL);
    let thumbprint = read.as_ref().ok().map(|proof| proof.key.thumbprint());
    equal("thumbprint", &thumbprint, &case.thumbprint)?;
    equal("refusal", &read.err().map(|rejected| rule(rejected.reason())), &case.refused.as_deref())
}

/// The rule that was broken, in the data's words.
fn rule(reason: &Reason) -> &'static str {
    match reason {
        Reason::Form(FormError::Algorithm { .. }) => "algorithm",
        Reason::Form(FormError::RefusedMember { .. }) => "header",
        Reason::Form(_) => "form",
        Reason::UnknownKey { .. } | Reason::AlgorithmOfAnotherKey { .. } => "no key",
        Reason::Signature => "signature",
        Reason::Expired { .. } => "expired",
        Reason::OwnKey(_) => "key",
        Reason::Type { .. } => "type",
        _ => "another rule",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyCase {
    clause: String,
    what: String,
    key: String,
    thumbprint: Option<String>,
    refused: Option<String>,
}

fn key(case: &KeyCase) -> Result<(), String> {
    let read = Jwk::from_json(case.key.as_bytes());
    let refused = match &read {
        Ok(_) => None,
        Err(JwkError::PrivateMember { .. }) => Some("a private member"),
        Err(JwkError::Unsupported { .. }) => Some("not supported"),
        Err(JwkError::Member { .. }) => Some("a bad member"),
        Err(_) => Some("not the JSON of a key"),
    };
    equal("refusal", &refused, &case.refused.as_deref())?;
    let Ok(jwk) = read else { return equal("thumbprint", &case.thumbprint, &None) };
    equal("thumbprint", &Some(jwk.thumbprint()), &case.thumbprint)?;
    let again = Jwk::from_public(&jwk.to_public().map_err(words)?).map_err(words)?;
    equal("thumbprint through SubjectPublicKeyInfo", &Some(again.thumbprint()), &case.thumbprint)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HashCase {
    clause: String,
    what: String,
    algorithm: Algorithm,
    text: String,
    value: String,
}

fn half_hash(case: &HashCase) -> Result<(), String> {
    equal("value", &jose::hash::half_hash(case.algorithm, &case.text), &case.value)
}
