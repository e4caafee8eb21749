//! `libsm` was written by others: what we make it must accept, and what it makes we must. Where it is known to be wrong
//! (GCM, padding checks, lax DER, key exchange) it is not asked.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/seeded_rng.rs"]
mod seeded_rng;

use gm::sm2::{Ciphertext, DEFAULT_ID, DecryptingKey, EncryptingKey, Signature, SigningKey};
use gm::sm4::{Key, cbc, ctr};
use gm::{hmac, sm3};
use libsm::sm2::encrypt::{DecryptCtx, EncryptCtx};
use libsm::sm2::signature::{SigCtx, Signature as TheirSignature};
use libsm::sm3::hash::Sm3Hash;
use libsm::sm4::cipher::Sm4Cipher;
use libsm::sm4::{Cipher, Mode};
use seeded_rng::SeededRng;

#[test]
fn each_side_accepts_the_other_s_signatures() {
    let mut rng = SeededRng::new(1);
    let theirs = SigCtx::new();
    for round in 0..30 {
        let key = SigningKey::generate(&mut rng);
        let their_private = theirs.load_seckey(key.to_bytes().as_slice()).unwrap();
        let their_public = theirs.load_pubkey(&key.verifying_key().to_sec1()).unwrap();
        let message = rng.bytes(round);

        let ours = key.sign(&message, DEFAULT_ID, &mut rng).unwrap();
        let read = TheirSignature::der_decode(&ours.to_der()).unwrap();
        assert!(theirs.verify(&message, &their_public, &read).unwrap(), "round {round}");

        let made = theirs.sign(&message, &their_private, &their_public).unwrap().der_encode();
        let made = Signature::from_der(&made).unwrap();
        assert_eq!(key.verifying_key().verify(&message, DEFAULT_ID, &made), Ok(()), "round {round}");

        let id = "申请人 42";
        let e = theirs.hash(id, &their_public, &message).unwrap();
        assert_eq!(key.verifying_key().digest(&[&message], id.as_bytes()), Ok(e));
    }
}

#[test]
fn each_side_reads_the_other_s_points() {
    let mut rng = SeededRng::new(2);
    let theirs = SigCtx::new();
    for _ in 0..100 {
        let key = SigningKey::generate(&mut rng);
        let point = theirs.load_pubkey(&key.verifying_key().to_sec1()).unwrap();
        let compressed = theirs.serialize_pubkey(&point, true).unwrap();
        assert_eq!(&gm::sm2::VerifyingKey::from_sec1(&compressed).unwrap(), key.verifying_key());
    }
}

#[test]
fn each_side_opens_the_other_s_ciphertexts() {
    let mut rng = SeededRng::new(3);
    let theirs = SigCtx::new();
    for length in [1, 2, 16, 31, 32, 33, 48, 64, 100, 255, 256, 1000] {
        let key = DecryptingKey::generate(&mut rng);
        let their_private = theirs.load_seckey(key.to_bytes().as_slice()).unwrap();
        let their_public = theirs.load_pubkey(&key.encrypting_key().to_sec1()).unwrap();
        let plaintext = rng.bytes(length);

        let ours = key.encrypting_key().encrypt(&plaintext, &mut rng).unwrap().to_bytes();
        // They know the old order only: C1 || C2 || C3.
        let (c1, rest) = ours.split_at(65);
        let (c3, c2) = rest.split_at(32);
        let opened = DecryptCtx::new(length, their_private).decrypt(&[c1, c2, c3].concat()).unwrap();
        assert_eq!(opened, plaintext);

        let made = EncryptCtx::new(length, their_public).encrypt(&plaintext).unwrap();
        let made = Ciphertext::from_c1c2c3(&made).unwrap();
        assert_eq!(*key.decrypt(&made).unwrap(), plaintext);
    }
}

#[test]
fn sm3_agrees_on_thousands_of_messages() {
    let mut rng = SeededRng::new(4);
    for round in 0..4000 {
        let message = rng.bytes(round % 700);
        assert_eq!(sm3::hash(&message), Sm3Hash::new(&message).get_hash(), "{} bytes", message.len());
    }
    // HMAC from its definition, over their hash.
    let (key, message) = (rng.array::<64>(), rng.bytes(200));
    let inner = Sm3Hash::new(&[key.map(|b| b ^ 0x36).as_slice(), &message].concat()).get_hash();
    let outer = Sm3Hash::new(&[key.map(|b| b ^ 0x5c).as_slice(), &inner].concat()).get_hash();
    assert_eq!(hmac::hmac_sm3(&key, &[&message]), outer);
}

#[test]
fn sm4_agrees_on_thousands_of_blocks_and_streams() {
    let mut rng = SeededRng::new(5);
    for round in 0..4000 {
        let (bytes, plaintext) = (rng.array::<16>(), rng.array::<16>());
        let (key, theirs) = (Key::new(&bytes), Sm4Cipher::new(&bytes).unwrap());
        let mut block = plaintext;
        key.encrypt_block(&mut block);
        assert_eq!(block, theirs.encrypt(&plaintext).unwrap());
        key.decrypt_block(&mut block);
        assert_eq!(block, plaintext);
        if round % 10 == 0 {
            let (iv, message) = (rng.array::<16>(), rng.bytes(round % 300));
            let their_cbc = Cipher::new(&bytes, Mode::Cbc).unwrap().encrypt(&[], &message, &iv).unwrap();
            assert_eq!(cbc::encrypt(&key, &iv, &message), their_cbc);
            let their_ctr = Cipher::new(&bytes, Mode::Ctr).unwrap().encrypt(&[], &message, &iv).unwrap();
            let mut stream = message;
            ctr::apply(&key, &iv, &mut stream);
            assert_eq!(stream, their_ctr);
        }
    }
}

/// A second opinion on encryption keys: the same scalar makes the same point under either type.
#[test]
fn a_scalar_has_one_public_key() {
    let bytes = [9; 32];
    let signing = SigningKey::from_bytes(&bytes).unwrap();
    let decrypting = DecryptingKey::from_bytes(&bytes).unwrap();
    assert_eq!(signing.verifying_key().to_sec1(), decrypting.encrypting_key().to_sec1());
    assert_eq!(
        EncryptingKey::from_sec1(&signing.verifying_key().to_sec1()).as_ref(),
        Ok(decrypting.encrypting_key())
    );
}
