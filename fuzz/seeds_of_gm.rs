//! The seeds of the targets of `gm`: what its own keys sign, encrypt and write, and a case for each mode of SM4.

use std::num::NonZeroU32;

use base::entropy::rng;
use gm::sm2::DEFAULT_ID;
use gm::sm4;
use pki::der::write;

use crate::cryptography::{Dice, PASSWORD, decrypting_key, signing_key};
use crate::seeds_of::Seed;

pub(crate) fn add(all: &mut Vec<Seed>) {
    signatures(all);
    points(all);
    ciphertexts(all);
    modes(all);
    keys(all);
}

fn signatures(all: &mut Vec<Seed>) {
    let dice = Dice::default();
    let signature = signing_key().sign(b"message", DEFAULT_ID, &mut rng(&dice)).unwrap();
    let (der, raw) = (signature.to_der(), signature.to_bytes());
    all.push(("gm_signature", "der", der));
    all.push(("gm_signature", "raw", [&raw, b"message".as_slice()].concat()));
    // As a mask this changes nothing; as a signature it is none.
    all.push(("gm_signature", "unchanged", [&[0; 64], b"message".as_slice()].concat()));
    let ones = write::sequence(&[write::integer(1), write::integer(1)]);
    all.push(("gm_signature", "ones", ones));
}

fn points(all: &mut Vec<Seed>) {
    let key = signing_key().verifying_key().clone();
    let point = key.to_sec1();
    all.push(("gm_point", "uncompressed", point.to_vec()));
    all.push(("gm_point", "compressed", [&[2 | point[64] & 1], &point[1..33]].concat()));
    all.push(("gm_point", "spki", key.to_spki_der()));
    all.push(("gm_point", "pem", key.to_spki_pem().into_bytes()));
    // The curve has a point with x = 0: p would be another way to write it.
    all.push(("gm_point", "x_is_p", [&[2], P.map(u64::to_be_bytes).as_flattened()].concat()));
    let curve = write::oid(&pki::der::ObjectIdentifier::new("1.2.156.10197.1.301").unwrap());
    let openssl3 = write::sequence(&[write::sequence(&[curve.clone(), curve]), write::bit_string(&point)]);
    all.push(("gm_point", "openssl3", openssl3));
}

/// The prime p of the field, big-endian (GB/T 32918.5-2017, 2).
const P: [u64; 4] = [0xffff_fffe_ffff_ffff, u64::MAX, 0xffff_ffff_0000_0000, u64::MAX];

fn ciphertexts(all: &mut Vec<Seed>) {
    let (key, dice) = (decrypting_key(), Dice::default());
    let ciphertext = key.encrypting_key().encrypt(b"sixteen byte key", &mut rng(&dice)).unwrap();
    let bytes = ciphertext.to_bytes();
    let (c1, rest) = bytes.split_at(65);
    let (c3, c2) = rest.split_at(32);
    all.push(("gm_ciphertext", "der", ciphertext.to_der()));
    all.push(("gm_ciphertext", "compressed", [&[2 | c1[64] & 1], &c1[1..33], c3, c2].concat()));
    all.push(("gm_ciphertext", "c1c2c3", [c1, c2, c3].concat()));
    all.push(("gm_ciphertext", "c1c3c2", bytes));
    all.push(("gm_ciphertext", "plaintext", b"\x10sixteen byte key".to_vec()));
    all.push(("gm_ciphertext", "changed", [b"\x01p".as_slice(), &[0; 96], &[1]].concat()));
}

/// The first bytes are those of `targets/gm_aead.rs`; data of 16 bytes, eight times.
fn modes(all: &mut Vec<Seed>) {
    let names = ["gcm", "gcm_with_nonce", "ccm", "cbc", "xts", "key_wrap", "key_wrap_padded", "streams"];
    for (mode, name) in (0..).zip(names) {
        let header = [mode, 16, 12, 3, 5, 7, 1, 40, 1, 16, 33];
        let (iv, nonce) = ([0xf0; 16], [9; 12]);
        all.push(("gm_aead", name, [header.as_slice(), &iv, &nonce, b"aad..", &[0x6b; 16]].concat()));
    }
    // Counters that come round within the data.
    let header = [7, 0, 0, 3, 0, 255, 1, 40, 0, 0, 255];
    all.push(("gm_aead", "last_counters", [header.as_slice(), &[0xff; 16], &[0x6b; 16]].concat()));
    // What is unwrapped, unsealed and unpadded, rather than the other way round.
    let key = sm4::Key::new(gm::sm3::hash(&[3]).first_chunk().unwrap());
    let sealed = |mode, data: &[u8]| {
        let header = [mode, 16, 12, 3, 0, 0, 1, 40, 1, 16, 33];
        [header.as_slice(), &[0xf0; 16], &[9; 12], data].concat()
    };
    let wrapped = sm4::key_wrap::wrap(&key, b"sixteen byte key").unwrap();
    all.push(("gm_aead", "wrapped", sealed(5, &wrapped)));
    let wrapped = sm4::key_wrap::wrap_padded(&key, b"a key").unwrap();
    all.push(("gm_aead", "wrapped_padded", sealed(6, &wrapped)));
    all.push(("gm_aead", "encrypted_cbc", sealed(3, &sm4::cbc::encrypt(&key, &[0xf0; 16], b"plaintext"))));
    let with_tag = sm4::gcm::seal(&key, &[0xf0; 12], b"", b"plaintext").unwrap();
    all.push(("gm_aead", "sealed_gcm", sealed(0, &with_tag)));
    let with_tag = sm4::ccm::seal(&key, &[9; 12], 16, b"", b"plaintext").unwrap();
    all.push(("gm_aead", "sealed_ccm", sealed(2, &with_tag)));
}

fn keys(all: &mut Vec<Seed>) {
    let (key, holder, dice) = (decrypting_key(), signing_key(), Dice::default());
    all.push(("gm_keys", "pkcs8", key.to_pkcs8_der().to_vec()));
    all.push(("gm_keys", "pem", key.to_pkcs8_pem().as_bytes().to_vec()));
    let encrypted = key.to_encrypted_pkcs8_der(PASSWORD, NonZeroU32::MIN, &mut rng(&dice));
    all.push(("gm_keys", "encrypted", encrypted));
    let enveloped = key.to_enveloped_key_der(holder.verifying_key(), &mut rng(&dice)).unwrap();
    all.push(("gm_keys", "enveloped", enveloped));
    all.push(("gm_keys", "enveloped_in_64_bytes", wide_envelope()));
    all.push(("gm_keys", "changed", [[0; 60].as_slice(), &[1]].concat()));
}

/// An SM2EnvelopedKey whose private key comes in the width of GM/T 0018: 32 zeros before it.
fn wide_envelope() -> Vec<u8> {
    let (key, holder) = (decrypting_key(), signing_key());
    let recipient = gm::sm2::EncryptingKey::from_sec1(&holder.verifying_key().to_sec1()).unwrap();
    let encrypted_key = recipient.encrypt(&[7; 16], &mut rng(&Dice::default())).unwrap();
    let mut encrypted_d = [0; 64];
    encrypted_d[32..].copy_from_slice(key.to_bytes().as_slice());
    sm4::ecb::encrypt(&sm4::Key::new(&[7; 16]), &mut encrypted_d).unwrap();
    let sm4 = write::oid(&pki::der::ObjectIdentifier::new("1.2.156.10197.1.104").unwrap());
    write::sequence(&[
        write::sequence(&[sm4]),
        encrypted_key.to_der(),
        write::bit_string(&key.encrypting_key().to_sec1()),
        write::bit_string(&encrypted_d),
    ])
}
