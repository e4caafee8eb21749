//! The hash, codes over it, keys from secrets and passwords, the generator.

use std::num::NonZeroU32;

use gm::drbg::{Drbg, SecurityLevel};
use gm::hmac::HmacSm3;
use gm::{kdf, sm3};
use rand_core::TryRng;

use crate::Operation;
use crate::dice::{Dice, published};
use crate::encoding::same_bytes;

pub(crate) const OPERATIONS: &[Operation] = &[
    ("SM3 of one secret, and of many", hash),
    ("HMAC-SM3, its check, and its refusal", hmac),
    ("SM2's KDF, HKDF, PBKDF2", derive),
    ("random bits, health tests included", random),
    ("the comparison of secrets in the rest of the house", compare),
];

fn hash(dice: &mut Dice) {
    let secrets: Vec<Vec<u8>> = [0, 1, 55, 64, 200, 1100].iter().map(|n| dice.secret_bytes(*n + 1)).collect();
    let many = sm3::hash_many(&[&secrets[..], &secrets, &secrets, &secrets].concat());
    for (secret, digest) in secrets.iter().zip(many) {
        assert_eq!(published(sm3::hash(secret)), published(digest));
    }
}

fn hmac(dice: &mut Dice) {
    for length in [16, 64, 100] {
        let mut mac = HmacSm3::new(&dice.secret_bytes(length));
        mac.update(&dice.secret_bytes(length));
        let codes = mac.finish_many(&[[1; 70], [2; 70], [3; 70]]);
        mac.update(&[1; 70]);
        mac.verify(&published(codes[0])).unwrap();
        let other = HmacSm3::new(&dice.secret_bytes(length));
        assert!(other.verify(&published(codes[1])).is_err());
    }
}

fn derive(dice: &mut Dice) {
    let (secret, mut out) = (dice.secret_bytes(64), [0; 700]);
    kdf::sm2_kdf(&[&secret], &mut out).unwrap();
    published(out);
    kdf::hkdf_sm3(&dice.secret_bytes(32), &secret, b"info", &mut out).unwrap();
    published(out);
    kdf::pbkdf2_hmac_sm3(&secret, b"salt", NonZeroU32::new(3).unwrap(), &mut out).unwrap();
    published(out);
}

fn random(_: &mut Dice) {
    let sources = vec![Box::new(Dice::new()) as _];
    let mut drbg = Drbg::new(sources, b"for whom", SecurityLevel::Two, 0).unwrap();
    let mut out = [0; 100];
    drbg.generate(&mut out, b"", 0).unwrap();
    published(out);
    drbg.reseed(b"again", 0).unwrap();
    drbg.generate(&mut out, b"more", 0).unwrap();
    published(out);
    drbg.draw(0).unwrap().try_fill_bytes(&mut out).unwrap();
    published(out);
}

/// A guess that is wrong at once, at last, or not at all looks the same until the verdict is published.
fn compare(dice: &mut Dice) {
    for length in [16, 32, 43] {
        let secret = dice.secret_bytes(length);
        let differs_at = |at: usize| {
            let mut guess = secret.clone();
            guess[at] ^= 1;
            guess
        };
        for (guess, expected) in [
            (secret.clone(), 1),
            (differs_at(0), 0),
            (differs_at(length - 1), 0),
            (differs_at(length / 2), 0),
        ] {
            assert_eq!(published([u8::from(same_bytes(&secret, &guess))]), [expected]);
        }
    }
}
