//! SM2 encryption of 32 bytes (a wrapped key) and key exchange, beside RustCrypto and gmsm.

use std::hint::black_box;

use gm::cpu::Level;
use gm::sm2::exchange::Agreement;
use gm::sm2::{Ciphertext, DEFAULT_ID, DecryptingKey};
use sm2::pke;

use crate::contender::{Contender, Row, Size};
use crate::entropy::Entropy;

const PLAINTEXT: &[u8; 32] = b"two SM4 keys, one after another.";

pub(crate) fn rows(highest: Level) -> Vec<Row> {
    vec![
        Row::new("SM2 encrypt 32 B", Size::Operations, encrypt())
            .beside("RustCrypto sm2", None, rustcrypto_encrypt())
            .beside_gmsm(Some(1.2), "sm2-encrypt"),
        Row::new("SM2 decrypt 32 B", Size::Operations, decrypt())
            .beside("RustCrypto sm2", None, rustcrypto_decrypt())
            .beside_gmsm(Some(1.2), "sm2-decrypt"),
        // The responder's side, with an ephemeral key of its own. Gmsm's has no confirmation.
        Row::new("SM2 key exchange, one side", Size::Operations, exchange())
            .beside_gmsm(None, "sm2-exchange"),
        // Within 2 times of the fast path.
        Row::new("SM2 decrypt 32 B, portable", Size::Operations, Contender::at(Level::Portable, decrypt))
            .beside("our fast path", Some(0.5), Contender::at(highest, decrypt)),
    ]
}

fn encrypt() -> Contender {
    let mut entropy = Entropy::new();
    let key = DecryptingKey::generate(&mut entropy);
    let made = key.encrypting_key().encrypt(PLAINTEXT, &mut entropy).unwrap();
    let opened = rustcrypto_key(&key).decrypt(&made.to_bytes()).unwrap();
    assert_eq!(opened, PLAINTEXT, "our ciphertext is right");
    Contender::once(move || {
        black_box(key.encrypting_key().encrypt(black_box(PLAINTEXT), &mut entropy).unwrap().to_bytes());
    })
}

fn decrypt() -> Contender {
    let mut entropy = Entropy::new();
    let key = DecryptingKey::generate(&mut entropy);
    let bytes = key.encrypting_key().encrypt(PLAINTEXT, &mut entropy).unwrap().to_bytes();
    Contender::once(move || {
        let ciphertext = Ciphertext::from_bytes(black_box(&bytes)).unwrap();
        assert_eq!(*key.decrypt(&ciphertext).unwrap(), PLAINTEXT);
    })
}

fn rustcrypto_key(key: &DecryptingKey) -> pke::DecryptingKey {
    pke::DecryptingKey::from_slice(key.to_bytes().as_slice()).unwrap()
}

fn rustcrypto_encrypt() -> Contender {
    let mut entropy = Entropy::new();
    let key = rustcrypto_key(&DecryptingKey::generate(&mut entropy));
    Contender::once(move || {
        black_box(key.encrypting_key().encrypt(&mut entropy, black_box(PLAINTEXT)).unwrap());
    })
}

fn rustcrypto_decrypt() -> Contender {
    let mut entropy = Entropy::new();
    let key = rustcrypto_key(&DecryptingKey::generate(&mut entropy));
    let ciphertext = key.encrypting_key().encrypt(&mut entropy, PLAINTEXT).unwrap();
    Contender::once(move || assert_eq!(key.decrypt(black_box(&ciphertext)).unwrap(), PLAINTEXT))
}

fn exchange() -> Contender {
    let mut entropy = Entropy::new();
    let [alice, bob] = [(); 2].map(|()| DecryptingKey::generate(&mut entropy));
    let begins = Agreement::new(&alice, DEFAULT_ID, bob.encrypting_key(), DEFAULT_ID, 16).unwrap();
    let (waiting, ephemeral) = begins.initiate(&mut entropy);
    let answers = Agreement::new(&bob, DEFAULT_ID, alice.encrypting_key(), DEFAULT_ID, 16).unwrap();
    let (responder, response) = answers.respond(&ephemeral, &mut entropy).unwrap();
    let (key, confirmation) = waiting.confirm(&response).expect("the responder has the key");
    assert_eq!(responder.confirm(&confirmation).expect("the initiator has it too"), key);

    let public = alice.encrypting_key().clone();
    Contender::once(move || {
        let answers = Agreement::new(&bob, DEFAULT_ID, &public, DEFAULT_ID, 16).unwrap();
        black_box(answers.respond(black_box(&ephemeral), &mut entropy).unwrap());
    })
}
