//! Tokens and keys: only what was signed verifies, and a key read again from its own JSON is the same.
#![no_main]

use std::sync::LazyLock;

use base::Timestamp;
use jose::{Algorithm, Audience, Expect, Jwk, Jwks, KeySet, Type};
use libfuzzer_sys::fuzz_target;

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let mut keys = KeySet::new();
    fuzz::jws_keys().iter().for_each(|jwk| keys.insert(jwk).unwrap());
    keys
});

static ONE_KEY: LazyLock<KeySet> = LazyLock::new(|| {
    let mut keys = KeySet::new();
    let [_, p256, _] = fuzz::jws_keys();
    keys.insert(&p256).unwrap();
    keys
});

fuzz_target!(|data: &[u8]| {
    if let Ok(token) = std::str::from_utf8(data) {
        for (keys, now) in [(&KEYS, fuzz::NOW), (&ONE_KEY, Timestamp::from_unix_seconds(1_300_819_379))] {
            verify(keys, token, now);
        }
    }
    if let Ok(jwk) = Jwk::from_json(data) {
        let again = Jwk::from_json(jwk.to_json().to_string().as_bytes()).unwrap();
        assert_eq!(again, jwk);
        assert_eq!(again.thumbprint(), jwk.thumbprint());
        let _ = KeySet::new().insert(&jwk);
    }
    let _ = Jwks::from_json(data).map(|set| KeySet::from_jwks(&set).is_ok());
});

fn verify(keys: &KeySet, token: &str, now: Timestamp) {
    let expect = Expect {
        typ: Type::Plain,
        issuer: "joe",
        audience: Audience::Any,
        now,
        leeway_seconds: 60,
        ahead_seconds: 60,
        algorithms: &Algorithm::ALL,
    };
    if let Ok(verified) = keys.verify(token, &expect) {
        assert_eq!(verified.text("iss"), Some("joe"));
        assert!(verified.time("exp").is_some_and(|exp| exp.plus_seconds(60) > now));
    }
}
