//! The published signatures and ciphertexts, made again from their nonces. Here and not in `tests/` because the public
//! interface, rightly, takes no nonce.

use super::curve;
use super::*;
use seeded_rng::SeededRng;
use support::{Tally, Vector, vectors};

#[path = "../tests/support/seeded_rng.rs"]
pub(super) mod seeded_rng;
#[path = "../tests/support/vectors.rs"]
pub(super) mod support;

const CURVE: &str = "sm2p256v1";

#[test]
fn every_published_signature_is_made_again_and_checked() {
    let Some(vectors) = vectors("sm2_sign") else { return };
    let mut tally = Tally::default();
    for v in vectors {
        let curve = v.text("curve");
        if curve != CURVE {
            tally.leave_out(curve);
            continue;
        }
        let valid = v.valid();
        if valid {
            signature_holds(&v)
        } else {
            signature_is_refused(&v)
        }
        tally.consume(v);
    }
    tally.expect("sm2_sign", 41, &[("fp256-sample (GB/T 32918.2 App A curve, NOT for production)", 1)]);
}

fn signature_holds(v: &Vector) {
    let key = SigningKey::from_bytes(&v.array("d")).unwrap();
    let der = v.bytes("der");
    let signature = Signature::from_der(&der).unwrap();
    assert_eq!(signature.to_der(), der, "{}", v.label());
    assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
    if v.has("pub") {
        let public = v.bytes("pub");
        assert_eq!(key.verifying_key().to_sec1().as_slice(), public, "{}", v.label());
        assert_eq!(&VerifyingKey::from_sec1(&public).unwrap(), key.verifying_key());
    }
    if v.has("msg") {
        let (message, id) = (v.bytes("msg"), v.bytes("id"));
        assert_eq!(key.verifying_key().verify(&message, &id, &signature), Ok(()), "{}", v.label());
        let again = key.sign(&message, &id, &mut SeededRng::new(7)).unwrap();
        assert_eq!(key.verifying_key().verify(&message, &id, &again), Ok(()), "{}", v.label());
        if v.has("za") {
            assert_eq!(key.verifying_key().z(&id), Ok(v.array("za")), "{}", v.label());
        }
        if v.has("e") {
            let e = v.array("e");
            assert_eq!(key.verifying_key().digest(&[&message], &id), Ok(e), "{}", v.label());
            made_from_nonce(v, &key, &e, &signature);
        }
    } else {
        let e = v.array("e");
        assert_eq!(key.verifying_key().verify_digest(&e, &signature), Ok(()), "{}", v.label());
    }
}

fn made_from_nonce(v: &Vector, key: &SigningKey, e: &[u8; 32], signature: &Signature) {
    let k = curve::scalar(&v.array("k")).unwrap();
    let made = key.sign_with_nonce(&curve::reduced(e), &k).unwrap();
    assert_eq!(&made, signature, "{}", v.label());
    assert_eq!(made.to_bytes().as_slice(), [v.bytes("r"), v.bytes("s")].concat(), "{}", v.label());
}

fn signature_is_refused(v: &Vector) {
    let (message, id, e) = (v.bytes("msg"), v.bytes("id"), v.array("e"));
    let key = VerifyingKey::from_sec1(&v.bytes("pub"));
    let raw: Result<[u8; 64], _> = [v.bytes("r"), v.bytes("s")].concat().try_into();
    let encodings = [
        ("raw", raw.ok().and_then(|raw| Signature::from_bytes(&raw).ok())),
        ("der", Signature::from_der(&v.bytes("der")).ok()),
    ];
    // A vector about the encoding carries good numbers beside it, so that one of the two forms may hold.
    let about_encoding = ["DER:", "BER:"].iter().any(|word| v.label().contains(word));
    for (form, signature) in encodings {
        let accepted = key.as_ref().is_ok_and(|key| {
            signature.is_some_and(|s| {
                assert_eq!(key.digest(&[&message], &id), Ok(e));
                let by_message = key.verify(&message, &id, &s);
                assert_eq!(by_message, key.verify_digest(&e, &s));
                by_message.is_ok()
            })
        });
        assert_eq!(accepted, about_encoding && form == "raw", "{form}: {}", v.label());
    }
}

#[test]
fn every_published_ciphertext_is_made_again_and_opened() {
    let Some(vectors) = vectors("sm2_enc") else { return };
    let mut tally = Tally::default();
    for v in vectors {
        let curve = v.text("curve");
        if curve != CURVE {
            tally.leave_out(curve);
            continue;
        }
        let key = DecryptingKey::from_bytes(&v.array("d")).unwrap();
        if v.valid() {
            ciphertext_opens(&v, &key);
        } else {
            let opened = Ciphertext::from_bytes(&v.bytes("c1c3c2")).map(|c| key.decrypt(&c).is_ok());
            assert_ne!(opened, Ok(true), "{}", v.label());
        }
        tally.consume(v);
    }
    tally.expect("sm2_enc", 18, &[("fp256-sample", 1)]);
}

fn ciphertext_opens(v: &Vector, key: &DecryptingKey) {
    let (plaintext, der) = (v.bytes("pt"), v.bytes("der"));
    let ciphertext = Ciphertext::from_der(&der).unwrap();
    assert_eq!(*key.decrypt(&ciphertext).unwrap(), plaintext, "{}", v.label());
    assert_eq!(ciphertext.to_der(), der, "{}", v.label());
    if v.has("k") {
        let public = v.bytes("pub");
        assert_eq!(key.encrypting_key().to_sec1().as_slice(), public);
        let k = curve::scalar(&v.array("k")).unwrap();
        let made = EncryptingKey::from_sec1(&public).unwrap().encrypt_with_nonce(&plaintext, &k).unwrap();
        assert_eq!(made, ciphertext, "{}", v.label());
        let raw = v.bytes("c1c3c2");
        assert_eq!(made.to_bytes(), raw, "{}", v.label());
        assert_eq!(raw, [v.bytes("c1"), v.bytes("c3"), v.bytes("c2")].concat());
        assert_eq!(Ciphertext::from_bytes(&raw).as_ref(), Ok(&ciphertext));
        assert_eq!(Ciphertext::from_c1c2c3(&v.bytes("c1c2c3")).as_ref(), Ok(&ciphertext));
    }
}

/// Whatever the generator hands out, two messages never share a nonce: the hedge of [`nonce::Nonces`].
#[test]
fn a_broken_generator_still_gives_each_message_its_own_nonce() {
    struct Broken;
    impl rand_core::TryRng for Broken {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            out.fill(0);
            Ok(())
        }
    }
    impl rand_core::TryCryptoRng for Broken {}

    let d = curve::private_scalar(&[7; 32]).unwrap();
    let draw = |e: u8| *nonce::Nonces::new(&d, &curve::reduced(&[e; 32]), &mut Broken).draw();
    assert!(draw(1) == draw(1), "a generator that stands still gives the deterministic nonce");
    assert!(draw(1) != draw(2), "another message, another nonce");
    let mut two = nonce::Nonces::new(&d, &curve::reduced(&[1; 32]), &mut Broken);
    assert!(*two.draw() != *two.draw(), "a second try, another nonce");
    let fresh = *nonce::Nonces::new(&d, &curve::reduced(&[1; 32]), &mut SeededRng::new(1)).draw();
    assert!(draw(1) != fresh, "fresh randomness, another nonce");
}

/// The nonce is the generator's first block over randomness, key and digest, and no other.
#[test]
fn nonces_are_those_of_the_generator_of_gm_t_0105() {
    let (d, e) = (curve::private_scalar(&[7; 32]).unwrap(), curve::reduced(&[0x5a; 32]));
    let fresh: [u8; 32] = SeededRng::new(3).array();
    let mut generator = crate::drbg::HashDrbg::instantiate(&[&fresh, &[7; 32], &[0x5a; 32]]);
    let mut nonces = nonce::Nonces::new(&d, &e, &mut SeededRng::new(3));
    for _ in 0..3 {
        let mut block = [0; 32];
        generator.generate(&mut block, &[]);
        assert!(*nonces.draw() == curve::scalar(&block).unwrap());
    }
    let first = *nonce::Nonces::new(&d, &e, &mut SeededRng::new(3)).draw();
    assert!(*nonce::first_of_each(&d, &[e], &mut SeededRng::new(3)) == [Some(first)]);
}

/// One signature over each message, whether made alone or with others; and all of them different.
#[test]
fn signatures_made_together_are_the_ones_made_alone() {
    let key = SigningKey::from_bytes(&[7; 32]).unwrap();
    let messages: Vec<Vec<u8>> = (0..67).map(|length| vec![length; usize::from(length)]).collect();
    let parts: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let together = key.sign_batch(&parts, b"id", &mut SeededRng::new(4)).unwrap();
    let mut rng = SeededRng::new(4);
    for (message, signature) in parts.iter().zip(&together) {
        assert_eq!(
            key.sign(message, b"id", &mut rng).as_ref(),
            Ok(signature),
            "the same randomness in the same order"
        );
    }
}
