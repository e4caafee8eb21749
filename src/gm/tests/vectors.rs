//! Every published vector of SM3, HMAC, HKDF, PBKDF2 and the SM4 modes; those of SM2 are in `sm2/known_answers.rs`.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "support/vectors.rs"]
#[expect(dead_code, reason = "nothing is left out here")]
mod support;

use std::num::NonZeroU32;

use gm::hmac::{HmacSm3, hmac_sm3};
use gm::kdf::{hkdf_sm3, pbkdf2_hmac_sm3};
use gm::sm3::{Sm3, hash};
use gm::sm4::{self, cbc, ccm, cfb, ctr, ecb, gcm, ofb, xts};
use support::{Tally, Vector, vectors};

#[test]
fn sm3_gives_the_published_digests_however_the_message_is_cut() {
    let Some(vectors) = vectors("sm3") else { return };
    let mut tally = Tally::default();
    for v in vectors {
        let message = if v.has("msg") { v.bytes("msg") } else { repeated(&v) };
        let digest = v.array("digest");
        assert_eq!(hash(&message), digest, "{}", v.label());
        for cut in [1, 63, 64, 65] {
            let mut sm3 = Sm3::new();
            message.chunks(cut).for_each(|piece| sm3.update(piece));
            assert_eq!(sm3.finish(), digest, "{} in pieces of {cut}", v.label());
        }
        tally.consume(v);
    }
    tally.expect("sm3", 151, &[]);
}

fn repeated(v: &Vector) -> Vec<u8> {
    let repeat = v.value("msg_repeat");
    let byte = hex::decode(repeat["byte"].as_str().unwrap()).unwrap();
    byte.repeat(repeat["count"].as_u64().unwrap() as usize)
}

#[test]
fn hmac_gives_the_published_codes_and_refuses_the_changed_ones() {
    let Some(vectors) = vectors("hmac_sm3") else { return };
    let mut tally = Tally::default();
    for v in vectors {
        let (key, message, tag) = (v.bytes("key"), v.bytes("msg"), v.bytes("tag"));
        let bits = if v.has("tag_bits") { number(&v, "tag_bits") } else { 256 };
        assert_eq!(tag.len() * 8, bits);
        let code = hmac_sm3(&key, &[&message]);
        let valid = v.valid();
        assert_eq!(code[..tag.len()] == tag, valid, "{}", v.label());
        let mut mac = HmacSm3::new(&key);
        message.chunks(7).for_each(|piece| mac.update(piece));
        // A code cut to 128 bits is never taken for a whole one.
        assert_eq!(mac.verify(&tag).is_ok(), valid && bits == 256, "{}", v.label());
        tally.consume(v);
    }
    tally.expect("hmac_sm3", 178, &[]);
}

#[test]
fn hkdf_gives_the_published_keys_and_no_more_than_255_blocks() {
    let Some(vectors) = vectors("hkdf_sm3") else { return };
    let mut tally = Tally::default();
    for v in vectors {
        let mut okm = vec![0; number(&v, "size")];
        let result = hkdf_sm3(&v.bytes("salt"), &v.bytes("ikm"), &v.bytes("info"), &mut okm);
        assert_eq!(result.is_ok(), v.valid(), "{}", v.label());
        let expected = v.bytes("okm");
        match result {
            Ok(()) => assert_eq!(okm, expected, "{}", v.label()),
            Err(too_long) => {
                assert_eq!(too_long.got_bytes, okm.len() as u64);
                assert!(expected.is_empty() && okm.iter().all(|b| *b == 0), "nothing is given out");
            }
        }
        tally.consume(v);
    }
    tally.expect("hkdf_sm3", 86, &[]);
}

#[test]
fn pbkdf2_gives_the_published_keys() {
    let Some(vectors) = vectors("pbkdf2_hmac_sm3") else { return };
    let mut tally = Tally::default();
    for v in vectors {
        let iterations = NonZeroU32::new(number(&v, "iterations") as u32).unwrap();
        let mut key = vec![0; number(&v, "dk_len")];
        pbkdf2_hmac_sm3(&v.bytes("password"), &v.bytes("salt"), iterations, &mut key).unwrap();
        assert!(v.valid());
        assert_eq!(key, v.bytes("dk"), "{}", v.label());
        tally.consume(v);
    }
    tally.expect("pbkdf2_hmac_sm3", 60, &[]);
}

#[test]
fn sm4_modes_give_the_published_ciphertexts_and_refuse_the_changed_ones() {
    let Some(vectors) = vectors("sm4_modes") else { return };
    let mut tally = Tally::default();
    for v in vectors {
        match v.text("mode").as_str() {
            "ecb" => ecb_block(&v),
            "ecb-iterated" => ecb_iterated(&v),
            "cbc" => cbc_whole_blocks(&v),
            "cbc-pkcs7" => cbc_padded(&v),
            "cfb" => cfb_stream(&v),
            "ofb" => ofb_stream(&v),
            "ctr" => ctr_stream(&v),
            "xts" => xts_unit(&v),
            "gcm" => gcm_sealed(&v),
            "ccm" => ccm_sealed(&v),
            mode => panic!("{}: mode {mode}", v.label()),
        }
        tally.consume(v);
    }
    tally.expect("sm4_modes", 374, &[]);
}

fn ecb_block(v: &Vector) {
    assert!(v.valid() && v.bytes("iv").is_empty());
    let (key, plaintext) = (sm4::Key::new(&v.array("key")), v.array("pt"));
    let (mut block, ciphertext) = (plaintext, v.array("ct"));
    key.encrypt_block(&mut block);
    assert_eq!(block, ciphertext);
    key.decrypt_block(&mut block);
    assert_eq!(block, plaintext);
    ecb::encrypt(&key, &mut block).unwrap();
    assert_eq!(block, ciphertext);
    ecb::decrypt(&key, &mut block).unwrap();
    assert_eq!(block, plaintext);
}

fn ecb_iterated(v: &Vector) {
    assert!(v.valid());
    let (key, mut block) = (sm4::Key::new(&v.array("key")), v.array("pt"));
    (0..number(v, "iterations")).for_each(|_| key.encrypt_block(&mut block));
    assert_eq!(block, v.array("ct"));
}

fn cbc_whole_blocks(v: &Vector) {
    assert!(v.valid());
    let (key, iv, plaintext) = (sm4::Key::new(&v.array("key")), v.array("iv"), v.bytes("pt"));
    let ciphertext = cbc::encrypt(&key, &iv, &plaintext);
    let (whole, padding) = ciphertext.split_at(plaintext.len());
    assert_eq!((whole, padding.len()), (v.bytes("ct").as_slice(), 16), "{}", v.label());
    assert_eq!(cbc::decrypt(&key, &iv, &ciphertext).as_ref(), Ok(&plaintext));
    let mut data = plaintext.clone();
    cbc::encrypt_whole(&key, &iv, &mut data).unwrap();
    assert_eq!(data, whole, "{}", v.label());
    cbc::decrypt_whole(&key, &iv, &mut data).unwrap();
    assert_eq!(data, plaintext);
}

fn cbc_padded(v: &Vector) {
    let (key, iv) = (sm4::Key::new(&v.array("key")), v.array("iv"));
    let (plaintext, ciphertext) = (v.bytes("pt"), v.bytes("ct"));
    if v.valid() {
        assert_eq!(cbc::encrypt(&key, &iv, &plaintext), ciphertext, "{}", v.label());
        assert_eq!(cbc::decrypt(&key, &iv, &ciphertext), Ok(plaintext), "{}", v.label());
    } else {
        assert_eq!(cbc::decrypt(&key, &iv, &ciphertext), Err(gm::Rejected), "{}", v.label());
    }
}

fn ctr_stream(v: &Vector) {
    assert!(v.valid());
    let (key, counter, plaintext) = (sm4::Key::new(&v.array("key")), v.array("iv"), v.bytes("pt"));
    let mut data = plaintext.clone();
    ctr::apply(&key, &counter, &mut data);
    assert_eq!(data, v.bytes("ct"));
    ctr::apply(&key, &counter, &mut data);
    assert_eq!(data, plaintext);
}

fn cfb_stream(v: &Vector) {
    assert!(v.valid());
    let (key, iv, plaintext) = (sm4::Key::new(&v.array("key")), v.array("iv"), v.bytes("pt"));
    let mut data = plaintext.clone();
    cfb::encrypt(&key, &iv, &mut data);
    assert_eq!(data, v.bytes("ct"));
    cfb::decrypt(&key, &iv, &mut data);
    assert_eq!(data, plaintext);
}

fn ofb_stream(v: &Vector) {
    assert!(v.valid());
    let (key, iv, plaintext) = (sm4::Key::new(&v.array("key")), v.array("iv"), v.bytes("pt"));
    let mut data = plaintext.clone();
    ofb::apply(&key, &iv, &mut data);
    assert_eq!(data, v.bytes("ct"));
    ofb::apply(&key, &iv, &mut data);
    assert_eq!(data, plaintext);
}

fn xts_unit(v: &Vector) {
    assert!(v.valid());
    let (key, tweak, plaintext) = (xts::Key::new(&v.array("key")).unwrap(), v.array("iv"), v.bytes("pt"));
    let (encrypt, decrypt): (Xts, Xts) = match v.text("xts_standard").as_str() {
        "GB" => (xts::encrypt_gb, xts::decrypt_gb),
        "IEEE" => (xts::encrypt_ieee, xts::decrypt_ieee),
        other => panic!("{}: standard {other}", v.label()),
    };
    let mut data = plaintext.clone();
    encrypt(&key, &tweak, &mut data).unwrap();
    assert_eq!(data, v.bytes("ct"), "{}", v.label());
    decrypt(&key, &tweak, &mut data).unwrap();
    assert_eq!(data, plaintext, "{}", v.label());
}

type Xts = fn(&xts::Key, &sm4::Block, &mut [u8]) -> Result<(), sm4::Error>;

fn gcm_sealed(v: &Vector) {
    if v.has("tag_bits") {
        assert_eq!(number(v, "tag_bits"), 128);
    }
    let (key, nonce) = (sm4::Key::new(&v.array("key")), v.bytes("iv"));
    let (aad, plaintext, valid) = (v.bytes("aad"), v.bytes("pt"), v.valid());
    let sealed = [v.bytes("ct"), v.bytes("tag")].concat();
    // A nonce of no bytes is a vector that must be refused.
    let made = gcm::seal_with_nonce(&key, &nonce, &aad, &plaintext);
    assert_eq!(made.is_err(), nonce.is_empty(), "{}", v.label());
    assert_eq!(made.as_ref() == Ok(&sealed), valid, "{}", v.label());
    let expected = if valid { Ok(plaintext.clone()) } else { Err(gm::Rejected) };
    assert_eq!(gcm::open_with_nonce(&key, &nonce, &aad, &sealed), expected, "{}", v.label());
    if let Ok(nonce) = nonce.try_into() {
        assert_eq!(gcm::seal(&key, &nonce, &aad, &plaintext).unwrap(), made.unwrap(), "{}", v.label());
        assert_eq!(gcm::open(&key, &nonce, &aad, &sealed), expected, "{}", v.label());
    }
}

fn ccm_sealed(v: &Vector) {
    let (key, nonce, tag) = (sm4::Key::new(&v.array("key")), v.bytes("iv"), v.bytes("tag"));
    if v.has("tag_bits") {
        assert_eq!(number(v, "tag_bits"), tag.len() * 8);
    }
    let (aad, plaintext, valid) = (v.bytes("aad"), v.bytes("pt"), v.valid());
    let sealed = [v.bytes("ct"), tag.clone()].concat();
    let made = ccm::seal(&key, &nonce, tag.len(), &aad, &plaintext);
    let lengths = (7..=13).contains(&nonce.len()) && [4, 6, 8, 10, 12, 14, 16].contains(&tag.len());
    assert_eq!(made.is_ok(), lengths, "{}", v.label());
    assert_eq!(made.as_ref() == Ok(&sealed), valid, "{}", v.label());
    let expected = if valid { Ok(plaintext) } else { Err(gm::Rejected) };
    assert_eq!(ccm::open(&key, &nonce, tag.len(), &aad, &sealed), expected, "{}", v.label());
}

fn number(v: &Vector, field: &str) -> usize {
    v.value(field).as_u64().unwrap() as usize
}
