//! SM2 signatures and keys, beside ring's ECDSA P-256, RustCrypto and gmsm. A signature takes its hashing and its entropy along.

#![expect(clippy::indexing_slicing, reason = "a bench, which ends when a place is not there")]

use std::hint::black_box;

use gm::cpu::Level;
use gm::sm2::{DEFAULT_ID, DecryptingKey, HotVerifyingKey, Signature, SigningKey};
use ring::agreement;
use ring::rand::SystemRandom;
use ring::signature::{self as ring_signature, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey};
use signature::{RandomizedSigner as _, Verifier as _};

use crate::contender::{Contender, Row, Size};
use crate::entropy::Entropy;

const MESSAGE: &[u8; 32] = b"the digest of an application 001";
const ID: &str = "1234567812345678";

pub(crate) fn rows(highest: Level) -> Vec<Row> {
    vec![
        Row::new("SM2 sign", Size::Operations, sign())
            .beside("ring P-256", Some(1.2), ring_sign())
            .beside("RustCrypto sm2", Some(8.0), rustcrypto_sign())
            .beside_gmsm(Some(2.0), "sm2-sign"),
        Row::new("SM2 verify, cold key", Size::Operations, verify())
            .beside("ring P-256", Some(1.0), ring_verify())
            .beside("RustCrypto sm2", None, rustcrypto_verify())
            .beside_gmsm(Some(1.3), "sm2-verify"),
        Row::new("SM2 sign, 64 at once", Size::Operations, sign_batch()).beside(
            "one by one",
            Some(1.5),
            sign(),
        ),
        Row::new("SM2 verify, hot key", Size::Operations, verify_hot())
            .beside("ring P-256", Some(3.5), ring_verify())
            .beside("our cold key", None, verify()),
        Row::new("SM2 verify, 64 at once", Size::Operations, verify_batch()).beside(
            "one by one",
            None,
            verify(),
        ),
        // ring makes a pair for key agreement and nothing else; ours for signing brings Z and (1 + d)^-1 along.
        Row::new("SM2 key generation, agreement", Size::Operations, generate_for_agreement()).beside(
            "ring P-256",
            Some(1.0),
            ring_generate(),
        ),
        Row::new("SM2 key generation, signing", Size::Operations, generate())
            .beside("ring P-256", None, ring_generate())
            .beside("RustCrypto sm2", None, rustcrypto_generate())
            .beside_gmsm(None, "sm2-generate"),
        // Within 2 times of the fast path.
        Row::new("SM2 sign, portable", Size::Operations, Contender::at(Level::Portable, sign)).beside(
            "our fast path",
            Some(0.5),
            Contender::at(highest, sign),
        ),
        Row::new("SM2 verify, portable", Size::Operations, Contender::at(Level::Portable, verify)).beside(
            "our fast path",
            Some(0.5),
            Contender::at(highest, verify),
        ),
    ]
}

fn sign() -> Contender {
    let mut entropy = Entropy::new();
    let key = SigningKey::generate(&mut entropy);
    let made = key.sign(MESSAGE, DEFAULT_ID, &mut entropy).unwrap();
    let theirs = sm2::dsa::Signature::from_slice(&made.to_bytes()).unwrap();
    rustcrypto_key(&key).verifying_key().verify(MESSAGE, &theirs).expect("our signature is right");
    Contender::once(move || {
        black_box(key.sign(black_box(MESSAGE), DEFAULT_ID, &mut entropy).unwrap());
    })
}

/// Keys and signatures take turns: over one signature alone a processor learns the branches of a calculation by heart.
fn verify() -> Contender {
    let signed = signed();
    let mut turns = turns(signed.len());
    Contender::once(move || {
        let (key, message, signature) = &signed[turns()];
        key.verifying_key().verify(black_box(message), DEFAULT_ID, signature).unwrap();
    })
}

/// Messages with their signatures, each by another key.
fn signed() -> Vec<(SigningKey, [u8; 32], Signature)> {
    let mut entropy = Entropy::new();
    let sign = |message: [u8; 32]| {
        let key = SigningKey::generate(&mut entropy);
        let signature = key.sign(&message, DEFAULT_ID, &mut entropy).unwrap();
        key.verifying_key()
            .verify(b"another", DEFAULT_ID, &signature)
            .expect_err("another message is refused");
        (key, message, signature)
    };
    messages().into_iter().map(sign).collect()
}

/// 0, 1, ... and round again.
fn turns(count: usize) -> impl FnMut() -> usize {
    let mut next = 0;
    move || {
        next = (next + 1) % count;
        next
    }
}

/// The signatures of a batch, all different messages of one signer.
const BATCH: u32 = 64;

fn messages() -> Vec<[u8; 32]> {
    (0..BATCH).map(|number| [number as u8; 32]).collect()
}

fn sign_batch() -> Contender {
    let mut entropy = Entropy::new();
    let key = SigningKey::generate(&mut entropy);
    let messages = messages();
    let made = key.sign_batch(&parts(&messages), DEFAULT_ID, &mut entropy).unwrap();
    for (message, signature) in messages.iter().zip(&made) {
        key.verifying_key().verify(message, DEFAULT_ID, signature).expect("each is right");
    }
    Contender::batch(BATCH, move || {
        black_box(key.sign_batch(black_box(&parts(&messages)), DEFAULT_ID, &mut entropy).unwrap());
    })
}

fn parts(messages: &[[u8; 32]]) -> Vec<&[u8]> {
    messages.iter().map(<[u8; 32]>::as_slice).collect()
}

fn verify_hot() -> Contender {
    let mut entropy = Entropy::new();
    let key = SigningKey::generate(&mut entropy);
    let messages = messages();
    let signatures = key.sign_batch(&parts(&messages), DEFAULT_ID, &mut entropy).unwrap();
    let hot = HotVerifyingKey::new(key.verifying_key());
    hot.verify(b"another", DEFAULT_ID, &signatures[0]).expect_err("another message is refused");
    let mut turns = turns(messages.len());
    Contender::once(move || {
        let turn = turns();
        hot.verify(black_box(&messages[turn]), DEFAULT_ID, &signatures[turn]).unwrap();
    })
}

/// The digests are part of the work.
fn verify_batch() -> Contender {
    let signed = signed();
    Contender::batch(BATCH, move || {
        let signatures: Vec<_> = (signed.iter())
            .map(|(key, message, signature)| {
                let key = key.verifying_key();
                (key, key.digest(&[black_box(message)], DEFAULT_ID).unwrap(), signature)
            })
            .collect();
        assert!(gm::sm2::verify_batch(&signatures).iter().all(Result::is_ok));
    })
}

fn generate_for_agreement() -> Contender {
    let mut entropy = Entropy::new();
    Contender::once(move || {
        black_box(DecryptingKey::generate(&mut entropy).encrypting_key().to_sec1());
    })
}

fn generate() -> Contender {
    let mut entropy = Entropy::new();
    Contender::once(move || {
        black_box(SigningKey::generate(&mut entropy).verifying_key().to_sec1());
    })
}

fn rustcrypto_key(key: &SigningKey) -> sm2::dsa::SigningKey {
    sm2::dsa::SigningKey::from_slice(ID, key.to_bytes().as_slice()).unwrap()
}

fn rustcrypto_sign() -> Contender {
    let mut entropy = Entropy::new();
    let key = rustcrypto_key(&SigningKey::generate(&mut entropy));
    Contender::once(move || {
        let made: sm2::dsa::Signature = key.try_sign_with_rng(&mut entropy, black_box(MESSAGE)).unwrap();
        black_box(made);
    })
}

fn rustcrypto_verify() -> Contender {
    let mut entropy = Entropy::new();
    let key = rustcrypto_key(&SigningKey::generate(&mut entropy));
    let signature: sm2::dsa::Signature = key.try_sign_with_rng(&mut entropy, MESSAGE).unwrap();
    let public = key.verifying_key().clone();
    Contender::once(move || public.verify(black_box(MESSAGE), &signature).unwrap())
}

fn rustcrypto_generate() -> Contender {
    use sm2::elliptic_curve::Generate as _;
    use sm2::elliptic_curve::sec1::ToSec1Point as _;
    let mut entropy = Entropy::new();
    Contender::once(move || {
        let key = sm2::SecretKey::generate_from_rng(&mut entropy);
        black_box(key.public_key().to_sec1_point(false));
    })
}

fn ring_key() -> EcdsaKeyPair {
    let (algorithm, random) = (&ring_signature::ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let file = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(algorithm, file.as_ref(), &random).unwrap()
}

fn ring_sign() -> Contender {
    let (key, random) = (ring_key(), SystemRandom::new());
    Contender::once(move || {
        black_box(key.sign(&random, black_box(MESSAGE)).unwrap());
    })
}

fn ring_verify() -> Contender {
    let sign = |message: [u8; 32]| {
        let key = ring_key();
        let signature = key.sign(&SystemRandom::new(), &message).unwrap();
        let public = key.public_key().as_ref().to_vec();
        (UnparsedPublicKey::new(&ring_signature::ECDSA_P256_SHA256_FIXED, public), message, signature)
    };
    let signed: Vec<_> = messages().into_iter().map(sign).collect();
    let mut turns = turns(signed.len());
    Contender::once(move || {
        let (key, message, signature) = &signed[turns()];
        key.verify(black_box(message), signature.as_ref()).unwrap();
    })
}

/// A pair for key agreement: ring's only way of making a key without encoding it.
fn ring_generate() -> Contender {
    let random = SystemRandom::new();
    Contender::once(move || {
        let key = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &random).unwrap();
        black_box(key.compute_public_key().unwrap());
    })
}
