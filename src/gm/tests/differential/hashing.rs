//! SM3 and what is built on it.

use std::num::NonZeroU32;

use ::hkdf::Hkdf;
use ::hmac::{Hmac, KeyInit as _, Mac as _};
use ::pbkdf2::pbkdf2_hmac;
use ::sm3::{Digest as _, Sm3};
use gm::kdf;
use gm::sm3 as ours;

use super::Paths;
use super::dice::Dice;

/// A message whole, and in pieces.
pub(super) fn sm3(dice: &mut Dice, paths: &Paths) {
    let limit = if dice.one_in(50) { 20_000 } else { 600 };
    let length = dice.length(limit);
    let message = dice.bytes(length);
    let cuts = [dice.below(length + 1), dice.below(length + 1)];
    let (head, tail) = message.split_at(cuts[0].min(cuts[1]));
    let (middle, tail) = tail.split_at(cuts[0].abs_diff(cuts[1]));
    let theirs: [u8; 32] = Sm3::digest(&message).into();
    paths.each(|| {
        assert_eq!(ours::hash(&message), theirs, "{length} bytes");
        assert_eq!(ours::hash_all(&[head, middle, tail]), theirs, "{length} bytes");
        let mut hash = ours::Sm3::new();
        [head, middle, tail].iter().for_each(|part| hash.update(part));
        assert_eq!(hash.clone().finish(), theirs, "{length} bytes");
    });
}

/// Up to forty messages of different lengths at a time.
pub(super) fn sm3_many(dice: &mut Dice, paths: &Paths) {
    let count = dice.below(41);
    let same = dice.one_in(2).then(|| dice.length(300));
    let messages: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let length = same.unwrap_or_else(|| dice.length(300));
            dice.bytes(length)
        })
        .collect();
    let theirs: Vec<[u8; 32]> = messages.iter().map(|message| Sm3::digest(message).into()).collect();
    paths.each(|| assert_eq!(ours::hash_many(&messages), theirs, "{count} messages"));
}

pub(super) fn hmac(dice: &mut Dice, paths: &Paths) {
    let (key_length, message) = (dice.length(200), dice.message());
    let key = dice.bytes(key_length);
    let mut theirs = Hmac::<Sm3>::new_from_slice(&key).unwrap();
    theirs.update(&message);
    let theirs: [u8; 32] = theirs.finalize().into_bytes().into();
    paths.each(|| {
        assert_eq!(gm::hmac::hmac_sm3(&key, &[&message]), theirs, "{key_length} bytes of key");
        let mut mac = gm::hmac::HmacSm3::new(&key);
        mac.update(&message);
        assert_eq!(mac.verify(&theirs), Ok(()));
    });
}

pub(super) fn hkdf(dice: &mut Dice, paths: &Paths) {
    let [salt, ikm, info] = [100, 100, 100].map(|limit| {
        let length = dice.length(limit);
        dice.bytes(length)
    });
    // The most there is: 255 digests.
    let length = if dice.one_in(50) { 255 * 32 } else { dice.length(150) };
    let mut theirs = vec![0; length];
    Hkdf::<Sm3>::new(Some(&salt), &ikm).expand(&info, &mut theirs).unwrap();
    paths.each(|| {
        let mut out = vec![0; length];
        kdf::hkdf_sm3(&salt, &ikm, &info, &mut out).unwrap();
        assert_eq!(out, theirs);
    });
}

pub(super) fn pbkdf2(dice: &mut Dice, paths: &Paths) {
    let (password, salt) = (dice.message(), dice.message());
    let (iterations, length) = (u32::try_from(1 + dice.below(12)).unwrap(), 1 + dice.below(100));
    let mut theirs = vec![0; length];
    pbkdf2_hmac::<Sm3>(&password, &salt, iterations, &mut theirs);
    paths.each(|| {
        let mut out = vec![0; length];
        kdf::pbkdf2_hmac_sm3(&password, &salt, NonZeroU32::new(iterations).unwrap(), &mut out).unwrap();
        assert_eq!(out, theirs, "{iterations} iterations, {length} bytes");
    });
}

/// The KDF of SM2, from its definition over their SM3.
pub(super) fn sm2_kdf(dice: &mut Dice, paths: &Paths) {
    let (shared, length) = (dice.array::<64>(), dice.length(1200));
    let digests = (1..=u32::try_from(length / 32 + 1).unwrap())
        .flat_map(|counter| Sm3::new().chain_update(shared).chain_update(counter.to_be_bytes()).finalize());
    let theirs: Vec<u8> = digests.take(length).collect();
    paths.each(|| {
        let mut out = vec![0; length];
        kdf::sm2_kdf(&[&shared], &mut out).unwrap();
        assert_eq!(out, theirs, "{length} bytes");
    });
}
