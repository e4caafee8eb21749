//! Ciphertexts made on one side and opened on the other, in all encodings, whole and spoilt.

use gm::sm2::{Ciphertext, DecryptingKey};
use sm2::pke;

use super::Paths;
use super::dice::Dice;

/// Ours opened by them, raw and in DER.
pub(super) fn encrypt(dice: &mut Dice, paths: &Paths) {
    let d = dice.private_key();
    let length = 1 + dice.length(200);
    let plaintext = dice.bytes(length);
    let ours = paths.agree(|| {
        let key = DecryptingKey::from_bytes(&d).unwrap();
        let made = key.encrypting_key().encrypt(&plaintext, &mut dice.clone()).unwrap();
        assert_eq!(key.decrypt(&made).unwrap().as_slice(), plaintext);
        made
    });
    let theirs = pke::DecryptingKey::from_slice(&d).unwrap();
    if dice.one_in(2) {
        assert_eq!(theirs.decrypt(&ours.to_bytes()).expect("they open ours"), plaintext);
    } else {
        assert_eq!(theirs.decrypt_der(&ours.to_der()).expect("they open ours"), plaintext);
    }
}

/// Theirs opened by us; half of the time with a bit turned over.
pub(super) fn decrypt(dice: &mut Dice, paths: &Paths) {
    let d = dice.private_key();
    let length = 1 + dice.length(200);
    let plaintext = dice.bytes(length);
    let theirs = pke::DecryptingKey::from_slice(&d).unwrap();
    let der = dice.one_in(2);
    let public = theirs.encrypting_key();
    let made = if der { public.encrypt_der(dice, &plaintext) } else { public.encrypt(dice, &plaintext) };
    let mut made = made.unwrap();
    let spoilt = dice.one_in(2);
    if spoilt {
        // Not the tag: they know a form of points that we do not.
        let (_, body) = made.split_first_mut().unwrap();
        dice.spoil(body);
    }
    let opened = if der { theirs.decrypt_der(&made) } else { theirs.decrypt(&made) }.ok();
    assert_eq!(opened.is_some(), !spoilt, "their own");
    paths.each(|| {
        let key = DecryptingKey::from_bytes(&d).unwrap();
        let read = if der { Ciphertext::from_der(&made) } else { Ciphertext::from_bytes(&made) };
        let ours = read.ok().and_then(|read| key.decrypt(&read).ok());
        assert_eq!(ours.as_ref().map(|ours| ours.as_slice()), opened.as_deref(), "{made:02x?}");
    });
}
