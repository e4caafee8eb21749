//! The life of keys through the public interface.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, OnceLock};

use base::{OsEntropy, Secret, Timestamp};
use jose::{Expect, Jwks, JwsSigner, KeySet, jwt};
use kms::{
    Algorithm, CertSigner, JwsKey, KeyProvider, KeyRecord, KeyState, KmsError, Purpose, SoftwareProvider,
};
use pki::Signer;

fn noon() -> Timestamp {
    Timestamp::from_unix_seconds(1_795_507_200)
}

fn provider(master: u8) -> SoftwareProvider {
    SoftwareProvider::new(Secret::new([master; 32]), Arc::new(OsEntropy))
}

fn token_key(algorithm: Algorithm) -> KeyRecord {
    // An RSA key takes long to make, so all tests share one.
    static RSA: OnceLock<KeyRecord> = OnceLock::new();
    let make =
        || provider(1).generate("key_1", Purpose::TokenSigning, algorithm, noon(), &OsEntropy).unwrap();
    if algorithm == Algorithm::Rsa2048 { RSA.get_or_init(make).clone() } else { make() }
}

#[test]
fn each_algorithm_signs_tokens_that_verify() {
    for algorithm in Algorithm::ALL {
        let record = token_key(algorithm);
        assert_eq!((record.state, record.created), (KeyState::Active, noon()));
        let signer = JwsKey::new(provider(1).open(&record).unwrap()).unwrap();
        assert_eq!(signer.algorithm(), algorithm.jws());
        assert_eq!(signer.kid(), record.jwk().unwrap().thumbprint());

        let exp = noon().unix_seconds() + 60;
        let claims = serde_json::json!({ "iss": "https://id.example.gov.cn", "aud": "app", "exp": exp });
        let token = jwt::sign(&signer, "JWT", &claims).unwrap();
        let mut keys = KeySet::new();
        keys.insert(&record.jwk().unwrap()).unwrap();
        let expect = Expect {
            typ: None,
            issuer: "https://id.example.gov.cn",
            audience: Some("app"),
            now: noon(),
            leeway_seconds: 0,
            algorithms: &[algorithm.jws()],
        };
        let verified = keys.verify(&token, &expect).unwrap();
        assert_eq!(serde_json::Value::Object(verified.claims), claims);
    }
}

#[test]
fn each_algorithm_signs_certificates_that_verify() {
    for algorithm in Algorithm::ALL {
        let record = token_key(algorithm);
        let signer = CertSigner::new(provider(1).open(&record).unwrap());
        assert_eq!(signer.public_key(), record.public_key().unwrap());
        assert_eq!(signer.algorithm(), algorithm.certificate());
        let signature = signer.sign(b"to be signed").unwrap();
        let public_key = signer.public_key();
        assert_eq!(public_key.verify(b"to be signed", signer.algorithm(), &signature), Ok(()));
        assert!(public_key.verify(b"to be signec", signer.algorithm(), &signature).is_err());
    }
}

#[test]
fn signatures_have_the_lengths_that_jose_expects() {
    for (algorithm, bytes) in [(Algorithm::Sm2, 64), (Algorithm::P256, 64), (Algorithm::Rsa2048, 256)] {
        let key = provider(1).open(&token_key(algorithm)).unwrap();
        for _ in 0..8 {
            assert_eq!(key.sign_raw(b"x").unwrap().len(), bytes, "{algorithm}");
        }
    }
}

#[test]
fn the_two_key_documents_share_out_the_keys() {
    let jwks: Vec<_> = Algorithm::ALL.map(|a| token_key(a).jwk().unwrap()).into();
    let ordinary = Jwks::international(jwks.clone());
    assert_eq!(
        ordinary.keys().iter().map(|k| k.algorithm().as_str()).collect::<Vec<_>>(),
        ["ES256", "RS256"]
    );
    let national = Jwks::national(jwks);
    assert_eq!(national.keys().iter().map(|k| k.algorithm().as_str()).collect::<Vec<_>>(), ["SM2"]);
}

#[test]
fn a_wrapped_key_moved_to_another_row_does_not_open() {
    let record = token_key(Algorithm::Sm2);
    let other = token_key(Algorithm::Sm2);
    let refused = |record: KeyRecord| provider(1).open(&record).err();
    assert_eq!(refused(record.clone()), None);
    let moved = [
        KeyRecord { id: "key_2".to_owned(), ..record.clone() },
        KeyRecord { id: "key_1|token-signing".to_owned(), ..record.clone() },
        KeyRecord { purpose: Purpose::RootCa, ..record.clone() },
        KeyRecord { purpose: Purpose::SealSigning, ..record.clone() },
        KeyRecord { algorithm: Algorithm::P256, ..record.clone() },
    ];
    for record in moved {
        assert_eq!(refused(record), Some(KmsError::Envelope));
    }
    let id = "key_1".to_owned();
    let swapped = KeyRecord { public_key_der: other.public_key_der.clone(), ..record };
    assert_eq!(refused(swapped), Some(KmsError::PublicKey { id }));
}

#[test]
fn a_changed_or_cut_envelope_does_not_open() {
    for algorithm in [Algorithm::Sm2, Algorithm::P256] {
        let record = token_key(algorithm);
        for at in 0..record.wrapped.len() {
            let mut changed = record.clone();
            changed.wrapped[at] ^= 1;
            assert_eq!(provider(1).open(&changed).err(), Some(KmsError::Envelope), "{at}");
            changed.wrapped.truncate(at);
            assert_eq!(provider(1).open(&changed).err(), Some(KmsError::Envelope), "{at}");
        }
        assert_eq!(provider(2).open(&record).err(), Some(KmsError::Envelope), "another master key");
    }
}

#[test]
fn the_private_key_stands_nowhere_in_the_record() {
    let record = token_key(Algorithm::P256);
    let again = token_key(Algorithm::P256);
    assert_ne!(record.public_key_der, again.public_key_der);
    assert!(!record.wrapped.windows(8).any(|w| record.public_key_der.windows(8).any(|p| p == w)));
}

#[test]
fn only_active_keys_sign_and_retired_ones_still_verify() {
    let record = token_key(Algorithm::Sm2);
    let announced = KeyRecord { state: KeyState::PreActive, ..record.clone() };
    assert!(matches!(
        provider(1).open(&announced),
        Err(KmsError::NotActive { state: KeyState::PreActive, .. })
    ));
    let record = announced.become_state(KeyState::Active).unwrap();
    let signature = provider(1).open(&record).unwrap().sign_der(b"deed").unwrap();

    let retired = record.become_state(KeyState::Retired).unwrap();
    assert!(matches!(provider(1).open(&retired), Err(KmsError::NotActive { .. })));
    let public_key = retired.public_key().unwrap();
    assert_eq!(public_key.verify(b"deed", retired.algorithm.certificate(), &signature), Ok(()));

    let destroyed = retired.become_state(KeyState::Destroyed).unwrap();
    assert!(destroyed.wrapped.is_empty());
    let revived = KeyRecord { state: KeyState::Active, ..destroyed.clone() };
    assert_eq!(provider(1).open(&revived).err(), Some(KmsError::Envelope));
    let back = destroyed.become_state(KeyState::Active).unwrap_err();
    let expected =
        KmsError::Transition { id: "key_1".to_owned(), from: KeyState::Destroyed, to: KeyState::Active };
    assert_eq!(back, expected);
}

#[test]
fn seals_and_checkpoints_are_sm2_alone() {
    for purpose in [Purpose::SealMaker, Purpose::SealSigning, Purpose::LogCheckpoint] {
        let refused = provider(1).generate("key_1", purpose, Algorithm::P256, noon(), &OsEntropy);
        assert_eq!(
            refused.err(),
            Some(KmsError::AlgorithmNotForPurpose { purpose, algorithm: Algorithm::P256 })
        );
        assert!(provider(1).generate("key_1", purpose, Algorithm::Sm2, noon(), &OsEntropy).is_ok());
    }
}

#[test]
fn a_key_has_a_name_of_bounded_length() {
    for id in [String::new(), "k".repeat(65)] {
        let refused = provider(1).generate(&id, Purpose::TokenSigning, Algorithm::Sm2, noon(), &OsEntropy);
        assert_eq!(refused.err(), Some(KmsError::KeyId { limit: 64, got: id.len() }));
    }
}

#[test]
fn a_sealed_secret_opens_in_its_own_place_only() {
    let kms = provider(1);
    let sealed = kms.seal_blob("pepper/password", b"secret").unwrap();
    assert_ne!(
        sealed,
        kms.seal_blob("pepper/password", b"secret").unwrap(),
        "each envelope has its own nonce"
    );
    assert_eq!(kms.open_blob("pepper/password", &sealed).unwrap().expose(), b"secret");
    for place in ["pepper/passwor", "pepper/password ", "", "key/token-signing"] {
        assert!(matches!(kms.open_blob(place, &sealed), Err(KmsError::Envelope)), "{place}");
    }
    assert!(provider(2).open_blob("pepper/password", &sealed).is_err());
    for bad in [&[][..], &[1], &sealed[..28], &sealed[1..]] {
        assert!(matches!(kms.open_blob("pepper/password", bad), Err(KmsError::Envelope)));
    }
    let wrapped = token_key(Algorithm::Sm2).wrapped;
    assert!(kms.open_blob("key/token-signing", &wrapped).is_err(), "a key is no blob");
}

#[test]
fn secrets_and_places_have_limits() {
    let kms = provider(1);
    assert!(matches!(kms.seal_blob("p", &[]), Err(KmsError::Size { what: "secret", got: 0, .. })));
    assert!(matches!(kms.seal_blob("p", &vec![0; 65_537]), Err(KmsError::Size { what: "secret", .. })));
    assert!(matches!(kms.seal_blob(&"p".repeat(300), b"x"), Err(KmsError::Size { what: "context", .. })));
    assert!(matches!(kms.seal_blob("", b"x"), Err(KmsError::Size { what: "context", got: 0, .. })));
    let most = kms.seal_blob("p", &vec![7; 65_536]).unwrap();
    assert_eq!(kms.open_blob("p", &most).unwrap().expose().len(), 65_536);
}
