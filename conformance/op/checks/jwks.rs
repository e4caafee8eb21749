//! The provider's keys (RFC 7517).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::op::finding::{Finding, fail, warn};

/// Members of a JWK that are private (RFC 7518, 6; RFC 8037, 2).
const PRIVATE: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What every kind of key has to have; other kinds and curves are unknown here, which is a warning.
const KNOWN: &[(&str, &[&str], &[&str])] = &[
    ("RSA", &["n", "e"], &[]),
    ("EC", &["crv", "x", "y"], &["P-256", "P-384", "P-521", "secp256k1"]),
    ("OKP", &["crv", "x"], &["Ed25519", "Ed448", "X25519", "X448"]),
];

/// Everything that is looked at in a JWKS.
pub(crate) fn all(keys: &[Value]) -> Vec<Finding> {
    let text = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
    let kids: Vec<Option<String>> = keys.iter().map(|key| text(key, "kid")).collect();
    let distinct: BTreeSet<&String> = kids.iter().flatten().collect();
    let named = kids.iter().flatten().count();
    let secret: Vec<&str> =
        PRIVATE.iter().copied().filter(|name| keys.iter().any(|key| key.get(name).is_some())).collect();
    let broken: Vec<&Value> = keys.iter().filter(|key| !has_members(key)).collect();
    let unknown: Vec<&Value> = keys.iter().filter(|key| !is_known(key)).collect();
    vec![
        fail("ValidateJwksStructure", "RFC 7517 5")
            .holds(!keys.is_empty() && keys.iter().all(Value::is_object), || {
                "expected keys, got none".to_owned()
            }),
        fail("EnsureJwksHasNoPrivateOrSymmetricKeyMaterial", "RFC 7517 1.1")
            .holds(secret.is_empty(), || format!("expected public members only, got {secret:?}")),
        fail("CheckForKeyIdInServerJWKs", "OIDCC 10.1")
            .holds(named == keys.len(), || format!("expected a `kid` in {} keys, got {named}", keys.len())),
        fail("CheckDistinctKeyIdValueInServerJWKs", "RFC 7517 4.5")
            .holds(distinct.len() == named, || format!("expected distinct `kid`s, got {kids:?}")),
        fail("ParseUsableJwksKeys", "RFC 7518 6")
            .holds(broken.is_empty(), || format!("expected the members of their kind, got {broken:?}")),
        warn("WarnOnUnusableJwksKeys", "RFC 7517 5")
            .holds(unknown.is_empty(), || format!("expected registered kinds and curves, got {unknown:?}")),
    ]
}

/// FAPI 2.0, 5.4.1: RSA keys have 2048 bits, curves 224.
pub(crate) fn long_enough(keys: &[Value]) -> Finding {
    let short = |key: &&Value| key.get("n").and_then(Value::as_str).is_some_and(|n| n.len() * 6 < 2048);
    let short: Vec<&Value> = keys.iter().filter(short).collect();
    fail("FAPI2FinalEnsureMinimumServerKeyLength", "FAPI2-SP 5.4.1")
        .holds(short.is_empty(), || format!("expected 2048 bits, got {short:?}"))
}

fn kind(key: &Value) -> Option<&'static (&'static str, &'static [&'static str], &'static [&'static str])> {
    let kty = key.get("kty").and_then(Value::as_str)?;
    KNOWN.iter().find(|(name, _, _)| *name == kty)
}

fn has_members(key: &Value) -> bool {
    key.get("kty").is_some_and(Value::is_string)
        && kind(key)
            .is_none_or(|(_, members, _)| members.iter().all(|m| key.get(m).is_some_and(Value::is_string)))
}

fn is_known(key: &Value) -> bool {
    let curve = key.get("crv").and_then(Value::as_str);
    kind(key).is_some_and(|(_, _, curves)| curve.is_none_or(|curve| curves.contains(&curve)))
}
