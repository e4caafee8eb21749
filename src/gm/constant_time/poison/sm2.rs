//! Signatures, encryption, key exchange and keys.

use std::num::NonZeroU32;

use gm::memcheck;
use gm::sm2::exchange::{Agreement, EphemeralKey};
use gm::sm2::{self, Ciphertext, DEFAULT_ID, DecryptingKey, Signature, SigningKey};

use crate::Operation;
use crate::dice::{Dice, Unlucky, already_public, published};

pub(crate) const OPERATIONS: &[Operation] = &[
    ("SM2 keys from secret bytes", keys),
    ("SM2 key generation, candidates thrown away", generation),
    ("SM2 signature", signature),
    ("SM2 signatures of a batch", batch),
    ("SM2 multiplication of G", multiplication),
    ("SM2 inversion modulo n", inversion),
    ("SM2 encryption, nonces thrown away", encryption),
    ("SM2 decryption, and its refusal", decryption),
    ("SM2 key exchange, and its refusal", exchange),
    ("SM2 private keys in PKCS #8, DER and PEM", files),
    ("SM2 private keys under a password", encrypted_files),
    ("SM2 private keys to a recipient", enveloped),
];

fn keys(dice: &mut Dice) {
    let d = dice.secret();
    let signing = SigningKey::from_bytes(&d).unwrap();
    let decrypting = DecryptingKey::from_bytes(&d).unwrap();
    let public = already_public(signing.verifying_key().to_sec1());
    assert_eq!(already_public(decrypting.encrypting_key().to_sec1()), public);
    assert_eq!(published(*signing.to_bytes()), published(d));
}

fn generation(dice: &mut Dice) {
    let mut unlucky = Unlucky { given: 0, rest: dice };
    already_public(SigningKey::generate(&mut unlucky).verifying_key().to_sec1());
    assert_eq!(unlucky.given, 4);
    unlucky.given = 0;
    already_public(DecryptingKey::generate(&mut unlucky).encrypting_key().to_sec1());
    assert_eq!(unlucky.given, 4);
}

fn signature(dice: &mut Dice) {
    let key = SigningKey::from_bytes(&dice.secret()).unwrap();
    for _ in 0..3 {
        let message = dice.secret_bytes(100);
        let signature = key.sign(&message, DEFAULT_ID, dice).unwrap();
        verifies(&key, &message, &signature);
    }
}

fn batch(dice: &mut Dice) {
    let key = SigningKey::from_bytes(&dice.secret()).unwrap();
    for count in [1, 3, 20] {
        let messages: Vec<Vec<u8>> = (0..count).map(|_| dice.secret_bytes(70)).collect();
        let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let signatures = key.sign_batch(&slices, DEFAULT_ID, dice).unwrap();
        assert_eq!(signatures.len(), count);
        messages.iter().zip(&signatures).for_each(|(message, signature)| verifies(&key, message, signature));
    }
}

fn verifies(key: &SigningKey, message: &[u8], signature: &Signature) {
    let signature = Signature::from_bytes(&already_public(signature.to_bytes()).try_into().unwrap()).unwrap();
    key.verifying_key().verify(&published(message), DEFAULT_ID, &signature).unwrap();
}

fn multiplication(dice: &mut Dice) {
    for _ in 0..3 {
        let x = sm2::inner::generator_times_x(&dice.secret()).unwrap();
        published(x);
    }
}

fn inversion(dice: &mut Dice) {
    for _ in 0..3 {
        let a = dice.secret();
        let inverse = sm2::inner::invert(&a).unwrap();
        let back = sm2::inner::invert(&inverse).unwrap();
        assert_eq!(published(back), published(a));
    }
}

fn encryption(dice: &mut Dice) {
    let key = DecryptingKey::from_bytes(&dice.secret()).unwrap();
    for length in [1, 32, 33, 700] {
        let plaintext = dice.secret_bytes(length);
        let mut unlucky = Unlucky { given: 0, rest: dice };
        let ciphertext = key.encrypting_key().encrypt(&plaintext, &mut unlucky).unwrap();
        let ciphertext = Ciphertext::from_bytes(&published(ciphertext.to_bytes())).unwrap();
        assert_eq!(published(&*key.decrypt(&ciphertext).unwrap()), published(&plaintext));
    }
}

fn decryption(dice: &mut Dice) {
    let key = DecryptingKey::from_bytes(&dice.secret()).unwrap();
    for length in [1, 32, 300] {
        let ciphertext = key.encrypting_key().encrypt(&dice.secret_bytes(length), dice).unwrap();
        let mut bytes = published(ciphertext.to_bytes());
        key.decrypt(&Ciphertext::from_bytes(&bytes).unwrap()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        assert!(key.decrypt(&Ciphertext::from_bytes(&bytes).unwrap()).is_err());
    }
}

fn exchange(dice: &mut Dice) {
    let [alice, bob] = [(); 2].map(|()| DecryptingKey::from_bytes(&dice.secret()).unwrap());
    for honest in [true, false] {
        let agreement = |own, peer: &DecryptingKey| {
            Agreement::new(own, DEFAULT_ID, peer.encrypting_key(), DEFAULT_ID, 48).unwrap()
        };
        let (initiator, r_a) = agreement(&alice, &bob).initiate(dice);
        let r_a = EphemeralKey::from_sec1(&already_public(r_a.to_sec1())).unwrap();
        let (responder, mut response) = agreement(&bob, &alice).respond(&r_a, dice).unwrap();
        response.ephemeral = EphemeralKey::from_sec1(&already_public(response.ephemeral.to_sec1())).unwrap();
        response.confirmation = published(response.confirmation).try_into().unwrap();
        if honest {
            let (key, s_a) = initiator.confirm(&response).unwrap();
            let other = responder.confirm(&published(s_a).try_into().unwrap()).unwrap();
            assert_eq!(published(&*key), published(&*other));
        } else {
            response.confirmation[31] ^= 1;
            assert!(initiator.confirm(&response).is_err());
            assert!(responder.confirm(&response.confirmation).is_err());
        }
    }
}

fn files(dice: &mut Dice) {
    let d = dice.secret();
    let key = SigningKey::from_bytes(&d).unwrap();
    let der = key.to_pkcs8_der();
    let again = SigningKey::from_pkcs8_der(&der).unwrap();
    assert_eq!(published(*again.to_bytes()), published(d));
    let pem = key.to_pkcs8_pem();
    let again = SigningKey::from_pkcs8_pem(&pem).unwrap();
    assert_eq!(published(*again.to_bytes()), published(d));
}

fn encrypted_files(dice: &mut Dice) {
    let d = dice.secret();
    let key = SigningKey::from_bytes(&d).unwrap();
    let password = dice.secret_bytes(20);
    let iterations = NonZeroU32::new(3).unwrap();
    let der = key.to_encrypted_pkcs8_der(&password, iterations, dice);
    memcheck::make_public(&der);
    let again = SigningKey::from_encrypted_pkcs8_der(&der, &password).unwrap();
    assert_eq!(published(*again.to_bytes()), published(d));
    assert!(SigningKey::from_encrypted_pkcs8_der(&der, &dice.secret_bytes(20)).is_err());
}

fn enveloped(dice: &mut Dice) {
    let recipient = SigningKey::from_bytes(&dice.secret()).unwrap();
    let key = DecryptingKey::from_bytes(&dice.secret()).unwrap();
    let envelope = key.to_enveloped_key_der(recipient.verifying_key(), dice).unwrap();
    memcheck::make_public(&envelope);
    let again = DecryptingKey::from_enveloped_key_der(&envelope, &recipient).unwrap();
    assert_eq!(published(*again.to_bytes()), published(*key.to_bytes()));
}
