//! SM4 and its modes.

use ::cbc::cipher::block_padding::Pkcs7;
use ::cbc::cipher::{
    BlockCipherDecrypt as _, BlockCipherEncrypt as _, BlockModeDecrypt as _, BlockModeEncrypt as _,
    KeyIvInit as _, StreamCipher as _,
};
use ::sm4::Sm4;
use aes_gcm::aead::AeadInOut as _;
use aes_gcm::aead::consts::U12;
use aes_gcm::{AesGcm, KeyInit as _};
use gm::sm4::{self, Key};

use super::Paths;
use super::dice::Dice;

pub(super) fn block(dice: &mut Dice, paths: &Paths) {
    let (key, plain) = (dice.array::<16>(), dice.array::<16>());
    let theirs = Sm4::new(&key.into());
    let (mut encrypted, mut decrypted) = (plain.into(), plain.into());
    theirs.encrypt_block(&mut encrypted);
    theirs.decrypt_block(&mut decrypted);
    paths.each(|| {
        let ours = Key::new(&key);
        let mut block = plain;
        ours.encrypt_block(&mut block);
        assert_eq!(block, *encrypted);
        block = plain;
        ours.decrypt_block(&mut block);
        assert_eq!(block, *decrypted);
    });
}

/// Both directions; half of the time with a bit turned over or the end cut off, so that the padding may be wrong.
pub(super) fn cbc(dice: &mut Dice, paths: &Paths) {
    let (key, iv, plain) = (dice.array::<16>(), dice.array::<16>(), bulk(dice));
    let encrypted = ::cbc::Encryptor::<Sm4>::new(&key.into(), &iv.into()).encrypt_padded_vec::<Pkcs7>(&plain);
    let mut received = encrypted.clone();
    match dice.below(4) {
        // The last byte of the block before the last is that of the padding.
        0 => {
            let last = received.len().saturating_sub(32);
            dice.spoil(received.get_mut(last..).unwrap());
        }
        1 => received.truncate(dice.below(encrypted.len())),
        _ => (),
    }
    let mode = ::cbc::Decryptor::<Sm4>::new(&key.into(), &iv.into());
    let decrypted = mode.decrypt_padded_vec::<Pkcs7>(&received).ok();
    paths.each(|| {
        let ours = Key::new(&key);
        assert_eq!(sm4::cbc::encrypt(&ours, &iv, &plain), encrypted);
        assert_eq!(sm4::cbc::decrypt(&ours, &iv, &received).ok(), decrypted, "{received:02x?}");
    });
}

/// Also from counters that carry far, or come round to zero.
pub(super) fn ctr(dice: &mut Dice, paths: &Paths) {
    let (key, plain, mut counter) = (dice.array::<16>(), bulk(dice), dice.array::<16>());
    if dice.one_in(3) {
        let ones = 1 + dice.below(16);
        counter.iter_mut().rev().take(ones).for_each(|byte| *byte = 0xff);
        counter[15] = counter[15].wrapping_sub(dice.pick(&[0, 1, 3, 7, 15, 31, 63]));
    }
    let mut theirs = plain.clone();
    ::ctr::Ctr128BE::<Sm4>::new(&key.into(), &counter.into()).apply_keystream(&mut theirs);
    paths.each(|| {
        let mut data = plain.clone();
        sm4::ctr::apply(&Key::new(&key), &counter, &mut data);
        assert_eq!(data, theirs, "from {counter:02x?}");
    });
}

/// Sealed alike; opened, and half of the time refused, alike.
pub(super) fn gcm(dice: &mut Dice, paths: &Paths) {
    let (key, nonce, plain, aad) = (dice.array::<16>(), dice.array::<12>(), bulk(dice), dice.message());
    let theirs = AesGcm::<Sm4, U12>::from(Sm4::new(&key.into()));
    let mut sealed = plain.clone();
    let tag = theirs.encrypt_inout_detached(&nonce.into(), &aad, sealed.as_mut_slice().into()).unwrap();
    sealed.extend_from_slice(&tag);
    let (mut received, mut received_aad) = (sealed.clone(), aad.clone());
    match dice.below(8) {
        0..3 => dice.spoil(&mut received),
        3 if !aad.is_empty() => dice.spoil(&mut received_aad),
        4 => received.truncate(dice.below(sealed.len())),
        _ => (),
    }
    let right = received == sealed && received_aad == aad;
    paths.each(|| {
        let ours = Key::new(&key);
        assert_eq!(sm4::gcm::seal(&ours, &nonce, &aad, &plain).unwrap(), sealed);
        let opened = sm4::gcm::open(&ours, &nonce, &received_aad, &received).ok();
        assert_eq!(opened.as_deref(), right.then_some(plain.as_slice()));
    });
}

/// Data of up to a kilobyte, now and then more: several times what goes through at once.
fn bulk(dice: &mut Dice) -> Vec<u8> {
    let limit = if dice.one_in(20) { 8000 } else { 1000 };
    let length = dice.length(limit);
    dice.bytes(length)
}
