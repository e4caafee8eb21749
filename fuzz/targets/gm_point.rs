//! Points of sm2p256v1 as keys of every kind: read in SEC 1, SubjectPublicKeyInfo and PEM, written in one encoding each, and used.
#![no_main]

use std::sync::LazyLock;

use fuzz::cryptography::{Dice, PATHS_OF_SM2, decrypting_key, on_every_path};
use gm::sm2::exchange::{Agreement, EphemeralKey};
use gm::sm2::{DEFAULT_ID, DecryptingKey, EncryptingKey, VerifyingKey};
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<DecryptingKey> = LazyLock::new(decrypting_key);

fuzz_target!(|data: &[u8]| {
    if let Some(point) = sec1(data) {
        written_as_it_was_read(data, &point);
        in_its_other_forms(&point);
        used(&point);
    }
    subject_public_key_info(data);
    if let Ok(text) = std::str::from_utf8(data) {
        pem(text);
    }
});

/// The point that `bytes` are, on every path, which is the same for keys of every kind.
fn sec1(bytes: &[u8]) -> Option<[u8; 65]> {
    let read = on_every_path(PATHS_OF_SM2, || VerifyingKey::from_sec1(bytes));
    let point = read.as_ref().map(VerifyingKey::to_sec1).map_err(Clone::clone);
    assert_eq!(EncryptingKey::from_sec1(bytes).map(|key| key.to_sec1()), point);
    assert_eq!(EphemeralKey::from_sec1(bytes).map(|key| key.to_sec1()), point);
    point.ok()
}

/// Uncompressed as it came; compressed with the same x, and the y whose lowest bit the first byte tells.
fn written_as_it_was_read(bytes: &[u8], point: &[u8; 65]) {
    match bytes {
        [4, ..] => assert_eq!(bytes, point),
        [tag, x @ ..] => {
            assert_eq!([&[4], x].concat(), point[..33]);
            assert_eq!(tag & 1, point[64] & 1);
        }
        [] => unreachable!("nothing is no point"),
    }
}

/// The same point, read from every form that there is.
fn in_its_other_forms(point: &[u8; 65]) {
    let compressed = [&[2 | point[64] & 1], &point[1..33]].concat();
    assert_eq!(sec1(&compressed).as_ref(), Some(point));
    assert_eq!(sec1(point).as_ref(), Some(point));
    let mirrored = sec1(&[&[3 ^ point[64] & 1], &point[1..33]].concat()).unwrap();
    assert_eq!((&mirrored[..33], mirrored[64] & 1), (&point[..33], 1 ^ point[64] & 1));
    for (first, length) in (0..=255).flat_map(|first| [(first, 33), (first, 65)]) {
        let read = VerifyingKey::from_sec1(&[&[first], &point[1..length]].concat());
        assert_eq!(read.is_ok(), matches!((first, length), (2 | 3, 33) | (4, 65)), "{first}, {length} bytes");
    }
    let key = VerifyingKey::from_sec1(point).unwrap();
    assert_eq!(VerifyingKey::from_spki_der(&key.to_spki_der()).as_ref(), Ok(&key));
    assert_eq!(VerifyingKey::from_spki_pem(&key.to_spki_pem()), Ok(key));
}

/// A stranger's point as the key to encrypt to, as the other side's key, and as its ephemeral one.
fn used(point: &[u8; 65]) {
    let peer = EncryptingKey::from_sec1(point).unwrap();
    let ephemeral = EphemeralKey::from_sec1(point).unwrap();
    let _ = on_every_path(PATHS_OF_SM2, || {
        let dice = Dice::default();
        let mut rng = base::entropy::rng(&dice);
        let agreement = || Agreement::new(&KEY, DEFAULT_ID, &peer, DEFAULT_ID, 16).unwrap();
        let ciphertext = peer.encrypt(b"a short secret", &mut rng).unwrap();
        let (initiator, ours) = agreement().initiate(&mut rng);
        let responded = agreement().respond(&ephemeral, &mut rng);
        let responded = responded.map(|(responder, response)| (response, responder.unconfirmed()));
        (ciphertext, ours, initiator.unconfirmed(&ephemeral), responded)
    });
}

fn subject_public_key_info(der: &[u8]) {
    let read = VerifyingKey::from_spki_der(der);
    let point = read.as_ref().map(VerifyingKey::to_sec1).map_err(Clone::clone);
    assert_eq!(EncryptingKey::from_spki_der(der).map(|key| key.to_sec1()), point);
    if let Ok(key) = &read {
        assert_eq!(key.to_spki_der(), der);
        assert!(
            VerifyingKey::from_openssl3_spki_der(der).is_err(),
            "one of the two ways to name the algorithm"
        );
    }
    let openssl3 = VerifyingKey::from_openssl3_spki_der(der);
    let point = openssl3.as_ref().map(VerifyingKey::to_sec1).map_err(Clone::clone);
    assert_eq!(EncryptingKey::from_openssl3_spki_der(der).map(|key| key.to_sec1()), point);
    if let Ok(key) = openssl3 {
        assert_eq!(VerifyingKey::from_spki_der(&key.to_spki_der()), Ok(key));
    }
}

fn pem(text: &str) {
    let read = VerifyingKey::from_spki_pem(text);
    let point = read.as_ref().map(VerifyingKey::to_sec1).map_err(Clone::clone);
    assert_eq!(EncryptingKey::from_spki_pem(text).map(|key| key.to_sec1()), point);
    if let Ok(key) = read {
        assert_eq!(VerifyingKey::from_spki_pem(&key.to_spki_pem()), Ok(key));
    }
}
