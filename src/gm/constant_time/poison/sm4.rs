//! The block cipher, its modes and key wrap.

use gm::memcheck;
use gm::sm4::{Block, Key, cbc, ccm, cfb, ctr, ecb, gcm, key_wrap, ofb, xts};

use crate::Operation;
use crate::dice::{Dice, published};

pub(crate) const OPERATIONS: &[Operation] = &[
    ("SM4 key schedule and one block", one_block),
    ("SM4-ECB", ecb_mode),
    ("SM4-CBC", cbc_mode),
    ("SM4-CBC with padding, and its refusal", cbc_padded),
    ("SM4-CBC in pieces", cbc_pieces),
    ("SM4-CTR", ctr_mode),
    ("SM4-CFB, SM4-OFB", feedback_modes),
    ("SM4-GCM, and its refusal", gcm_mode),
    ("SM4-GCM with other nonces, in pieces", gcm_otherwise),
    ("SM4-CCM, and its refusal", ccm_mode),
    ("SM4-XTS, GB/T 17964 and IEEE 1619", xts_mode),
    ("SM4 key wrap, and its refusal", wrap),
    ("SM4 key wrap with padding, and its refusal", wrap_padded),
];

/// Up to more blocks than any path takes in one go.
const WHOLE: &[usize] = &[16, 48, 16 * 9, 16 * 150];
const ANY: &[usize] = &[1, 16, 47, 200, 16 * 150 + 5];

fn one_block(dice: &mut Dice) {
    let key = Key::new(&dice.secret());
    let plaintext: Block = dice.secret();
    let mut block = plaintext;
    key.encrypt_block(&mut block);
    assert_ne!(published(block), published(plaintext));
    key.decrypt_block(&mut block);
    assert_eq!(published(block), published(plaintext));
}

/// Encrypts and decrypts secret data of each length in place.
fn there_and_back(
    dice: &mut Dice,
    lengths: &[usize],
    encrypt: impl Fn(&Key, &Block, &mut [u8]),
    decrypt: impl Fn(&Key, &Block, &mut [u8]),
) {
    let (key, iv) = (Key::new(&dice.secret()), dice.public());
    for length in lengths {
        let plaintext = dice.secret_bytes(*length);
        let mut data = plaintext.clone();
        encrypt(&key, &iv, &mut data);
        assert!(*length < 16 || published(&data) != published(&plaintext));
        decrypt(&key, &iv, &mut data);
        assert_eq!(published(&data), published(&plaintext));
    }
}

fn ecb_mode(dice: &mut Dice) {
    let (encrypt, decrypt) = (ecb::encrypt, ecb::decrypt);
    there_and_back(dice, WHOLE, |k, _, d| encrypt(k, d).unwrap(), |k, _, d| decrypt(k, d).unwrap());
}

fn cbc_mode(dice: &mut Dice) {
    let (encrypt, decrypt) = (cbc::encrypt_whole, cbc::decrypt_whole);
    there_and_back(dice, WHOLE, |k, iv, d| encrypt(k, iv, d).unwrap(), |k, iv, d| decrypt(k, iv, d).unwrap());
}

fn cbc_padded(dice: &mut Dice) {
    let (key, iv) = (Key::new(&dice.secret()), dice.public());
    for length in ANY {
        let plaintext = dice.secret_bytes(*length);
        let ciphertext = cbc::encrypt(&key, &iv, &plaintext);
        assert_eq!(published(cbc::decrypt(&key, &iv, &ciphertext).unwrap()), published(plaintext));
    }
    let other = Key::new(&dice.secret());
    assert!(cbc::decrypt(&other, &iv, &dice.public::<48>()).is_err());
}

fn cbc_pieces(dice: &mut Dice) {
    let (key, iv) = (Key::new(&dice.secret()), dice.public());
    let plaintext = dice.secret_bytes(300);
    let (mut ciphertext, mut back) = (Vec::new(), Vec::new());
    let mut encryptor = cbc::Encryptor::new(&key, &iv);
    plaintext.chunks(37).for_each(|piece| encryptor.update(piece, &mut ciphertext));
    encryptor.finish(&mut ciphertext);
    let mut decryptor = cbc::Decryptor::new(&key, &iv);
    ciphertext.chunks(41).for_each(|piece| decryptor.update(piece, &mut back));
    decryptor.finish(&mut back).unwrap();
    assert_eq!(published(back), published(plaintext));
}

fn ctr_mode(dice: &mut Dice) {
    there_and_back(dice, ANY, ctr::apply, ctr::apply);
    let pieces = |key: &Key, counter: &Block, data: &mut [u8]| {
        let mut stream = ctr::Stream::new(key, counter);
        data.chunks_mut(37).for_each(|piece| stream.apply(piece).unwrap());
    };
    there_and_back(dice, ANY, pieces, ctr::apply);
}

fn feedback_modes(dice: &mut Dice) {
    there_and_back(dice, ANY, cfb::encrypt, cfb::decrypt);
    there_and_back(dice, ANY, ofb::apply, ofb::apply);
}

fn gcm_mode(dice: &mut Dice) {
    let (key, nonce) = (Key::new(&dice.secret()), dice.public());
    for length in ANY {
        let (aad, plaintext) = (dice.secret_bytes(*length), dice.secret_bytes(*length));
        let mut sealed = gcm::seal(&key, &nonce, &aad, &plaintext).unwrap();
        memcheck::make_public(&sealed);
        assert_eq!(published(gcm::open(&key, &nonce, &aad, &sealed).unwrap()), published(plaintext));
        *sealed.last_mut().unwrap() ^= 1;
        assert!(gcm::open(&key, &nonce, &aad, &sealed).is_err());
    }
}

fn gcm_otherwise(dice: &mut Dice) {
    let (key, nonce) = (Key::new(&dice.secret()), dice.public::<16>());
    let plaintext = dice.secret_bytes(100);
    let sealed = gcm::seal_with_nonce(&key, &nonce, b"aad", &plaintext).unwrap();
    assert_eq!(
        published(gcm::open_with_nonce(&key, &nonce, b"aad", &sealed).unwrap()),
        published(&plaintext)
    );

    let nonce = dice.public();
    let mut data = plaintext.clone();
    let mut sealer = gcm::Sealer::new(&key, &nonce, b"aad").unwrap();
    data.chunks_mut(37).for_each(|piece| sealer.update(piece).unwrap());
    let tag = sealer.finish();
    gcm::open_in_place(&key, &nonce, b"aad", &mut data, &tag).unwrap();
    assert_eq!(published(data), published(plaintext));
}

fn ccm_mode(dice: &mut Dice) {
    let (key, nonce) = (Key::new(&dice.secret()), dice.public::<12>());
    for length in ANY {
        let (aad, plaintext) = (dice.secret_bytes(*length), dice.secret_bytes(*length));
        let mut sealed = ccm::seal(&key, &nonce, 16, &aad, &plaintext).unwrap();
        memcheck::make_public(&sealed);
        assert_eq!(published(ccm::open(&key, &nonce, 16, &aad, &sealed).unwrap()), published(plaintext));
        *sealed.last_mut().unwrap() ^= 1;
        assert!(ccm::open(&key, &nonce, 16, &aad, &sealed).is_err());
    }
}

fn xts_mode(dice: &mut Dice) {
    let key = xts::Key::new(&dice.secret()).unwrap();
    let half: [u8; 16] = dice.secret();
    assert!(xts::Key::new(&[half, half].concat().try_into().unwrap()).is_err());
    let lengths = &[16, 17, 200, 16 * 150 + 5];
    let (encrypt, decrypt) = (xts::encrypt_gb, xts::decrypt_gb);
    there_and_back(
        dice,
        lengths,
        |_, t, d| encrypt(&key, t, d).unwrap(),
        |_, t, d| decrypt(&key, t, d).unwrap(),
    );
    let (encrypt, decrypt) = (xts::encrypt_ieee, xts::decrypt_ieee);
    there_and_back(
        dice,
        lengths,
        |_, t, d| encrypt(&key, t, d).unwrap(),
        |_, t, d| decrypt(&key, t, d).unwrap(),
    );
}

fn wrap(dice: &mut Dice) {
    let key = Key::new(&dice.secret());
    for length in [16, 32, 40] {
        let wrapped = dice.secret_bytes(length);
        let mut wrapping = published(key_wrap::wrap(&key, &wrapped).unwrap());
        assert_eq!(published(&*key_wrap::unwrap(&key, &wrapping).unwrap()), published(wrapped));
        wrapping[3] ^= 1;
        assert!(key_wrap::unwrap(&key, &wrapping).is_err());
    }
}

fn wrap_padded(dice: &mut Dice) {
    let key = Key::new(&dice.secret());
    for length in [1, 8, 9, 20, 32] {
        let wrapped = dice.secret_bytes(length);
        let mut wrapping = published(key_wrap::wrap_padded(&key, &wrapped).unwrap());
        assert_eq!(published(&*key_wrap::unwrap_padded(&key, &wrapping).unwrap()), published(wrapped));
        wrapping[3] ^= 1;
        assert!(key_wrap::unwrap_padded(&key, &wrapping).is_err());
    }
}
