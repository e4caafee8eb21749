//! What held a secret leaves nothing behind: not where it was, and not in memory that was given back.
//!
//! What a calculation leaves on the stack cannot be looked at from here; `README.md` says what is done about it.

use std::vec::Vec;

use rand_core::TryRng;
use zeroize::Zeroizing;

use crate::arch::left_behind::{MARK, given_back_with_mark, left_behind};
use crate::drbg::{Drawn, Drbg, HashDrbg, Seeded};
use crate::hmac::{Chain, HmacSm3};
use crate::sm2::exchange::{Agreement, Initiator, Responder};
use crate::sm2::{DEFAULT_ID, DecryptingKey, SigningKey};
use crate::sm3::Sm3;
use crate::sm4::{self, cbc, ccm, ctr, gcm, key_wrap, xts};
use crate::{kdf, sm2};

/// No four bytes of a secret are where they were. (Lengths and flags may stay, and what the compiler puts in their place.)
fn assert_wiped<T>(name: &str, value: T) {
    let [before, after] = left_behind(value);
    let secret = |at: usize| before.get(at..at + 4).filter(|four| !four.contains(&0));
    let places: Vec<_> = (0..before.len()).filter(|at| secret(*at).is_some()).collect();
    assert!(places.len() > 20, "{name}: nothing was there to wipe");
    let left: Vec<_> = places.iter().filter(|at| secret(**at) == after.get(**at..**at + 4)).collect();
    assert!(left.is_empty(), "{name}: left at {left:?}");
}

/// Of `secrets`, which are in `value` beside what is public, no four bytes are left anywhere in it.
fn assert_gone<T>(name: &str, value: T, secrets: &[&[u8]]) {
    let [before, after] = left_behind(value);
    for secret in secrets {
        let is_in = |memory: &[u8], part: &[u8]| memory.windows(part.len()).any(|window| window == part);
        assert!(is_in(&before, secret), "{name}: the secret was not there");
        assert!(!secret.windows(4).any(|part| is_in(&after, part)), "{name}: part of a secret is left");
    }
}

/// Does not compile when a type has the trait: then it is ambiguous which implementation is meant.
macro_rules! without {
    ($($bound:path),+: $($secret:ty),+ $(,)?) => {
        const _: fn() = || {
            trait Ambiguous<Which> {
                fn meant() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            $({
                struct Implemented;
                impl<T: ?Sized + $bound> Ambiguous<Implemented> for T {}
            })+
            $( let _ = <$secret as Ambiguous<_>>::meant; )+
        };
    };
}

// Nobody prints or copies a secret by accident.
without! {
    core::fmt::Debug, Clone:
    SigningKey, DecryptingKey, Initiator, Responder, sm4::Key, xts::Key, gcm::Sealer<'_>, ctr::Stream<'_>,
    cbc::Encryptor<'_>, cbc::Decryptor<'_>, HmacSm3, Drbg, Drawn, HashDrbg, Seeded,
}
without! { core::fmt::Debug: Sm3, Agreement<'_> }

/// A scalar as it lies in memory.
fn in_memory(big_endian: &[u8; 32]) -> [u8; 32] {
    let mut bytes = *big_endian;
    bytes.reverse();
    bytes
}

#[test]
fn nothing_at_all_is_left_of_round_keys() {
    let [before, after] = left_behind(sm4_key());
    assert!(before.iter().filter(|byte| **byte != 0).count() > before.len() / 2);
    assert!(after.iter().all(|byte| *byte == 0));
}

fn sm4_key() -> sm4::Key {
    sm4::Key::new(&[0xa5; 16])
}

#[test]
fn hash_states_codes_and_generators_are_wiped() {
    let mut sm3 = Sm3::new();
    sm3.update(&[0xa5; 100]);
    assert_wiped("a state and the rest of a block", sm3);
    let mut mac = HmacSm3::new(&[0xa5; 32]);
    mac.update(&[0xa5; 100]);
    assert_wiped("a keyed code", mac);
    assert_wiped("a chain of codes", Chain::new(&[0xa5; 32]));

    let mut drbg = HashDrbg::instantiate(&[&[0xa5; 48]]);
    drbg.generate(&mut [0; 32], &[]);
    assert_wiped("a generator", drbg);
    assert_wiped("a generator not asked yet", Seeded::new(&[&[0xa5; 48]]));
    let mut drawn = Drawn::known();
    drawn.try_fill_bytes(&mut [0; 100]).unwrap();
    assert_wiped("drawn randomness", drawn);
}

#[cfg(target_endian = "little")]
#[test]
fn private_keys_and_the_states_of_an_exchange_are_wiped() {
    let d = [0x5a; 32];
    let key = SigningKey::from_bytes(&d).unwrap();
    let mut successor = d;
    successor[31] += 1;
    let inverse = sm2::inner::invert(&successor).unwrap();
    assert_gone("a signing key", key, &[&in_memory(&d), &in_memory(&inverse)]);
    assert_gone("a decrypting key", DecryptingKey::from_bytes(&d).unwrap(), &[&in_memory(&d)]);

    let alice = DecryptingKey::from_bytes(&d).unwrap();
    let bob = DecryptingKey::from_bytes(&[0x33; 32]).unwrap();
    let agreement = |own, peer: &DecryptingKey| {
        Agreement::new(own, DEFAULT_ID, peer.encrypting_key(), DEFAULT_ID, 16).unwrap()
    };
    let (initiator, r_a) = agreement(&alice, &bob).initiate(&mut Drawn::known());
    let t = initiator.t();
    let (responder, response) = agreement(&bob, &alice).respond(&r_a, &mut Drawn::known()).unwrap();
    assert_gone("an initiator", initiator, &[&in_memory(&t)]);
    let (initiator, _) = agreement(&alice, &bob).initiate(&mut Drawn::known());
    let (_, s_a) = initiator.confirm(&response).unwrap();
    assert_gone("a responder", responder, &[&s_a]);
}

#[test]
fn keys_of_sm4_and_messages_under_way_are_wiped() {
    assert_wiped("round keys", sm4_key());
    let mut halves = [0xa5; 32];
    halves[31] = 1;
    assert_wiped("the keys of XTS", xts::Key::new(&halves).unwrap());

    let key = sm4_key();
    let mut sealer = gcm::Sealer::new(&key, &[7; 12], b"").unwrap();
    sealer.update(&mut [0xa5; 300]).unwrap();
    let [hash_key, tag_mask, stream] = gcm_secrets(&key);
    // 300 bytes end in block 18, counted from 0.
    assert_gone("a GCM message", sealer, &[&hash_key, &tag_mask, &stream]);

    let mut stream = ctr::Stream::new(&key, &[7; 16]);
    stream.apply(&mut [0; 5]).unwrap();
    let mut current = [7; 16];
    key.encrypt_block(&mut current);
    assert_gone("a key stream", stream, &[&current]);

    let mut encryptor = cbc::Encryptor::new(&key, &[7; 16]);
    encryptor.update(b"plaintext", &mut Vec::new());
    assert_gone("CBC under way", encryptor, &[b"plaintext"]);
}

/// The key of GHASH as it is kept (doubled, as a number), the mask of the tag, and the block of the stream in which the data ends.
fn gcm_secrets(key: &sm4::Key) -> [[u8; 16]; 3] {
    let counter = |last: u8| {
        let mut block = [7; 16];
        block[12..].copy_from_slice(&[0, 0, 0, last]);
        key.encrypt_block(&mut block);
        block
    };
    let mut hash_key = [0; 16];
    key.encrypt_block(&mut hash_key);
    let h = u128::from_be_bytes(hash_key);
    let doubled = h << 1 ^ ((h >> 127).wrapping_neg() & (1 << 127 | 1 << 126 | 1 << 121 | 1));
    [doubled.to_ne_bytes(), counter(1), counter(2 + 18)]
}

/// Four times the mark.
fn marked() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.as_chunks_mut().0.iter_mut().for_each(|eight| *eight = MARK);
    bytes
}

/// Runs `work`, which gives memory back, and says how many of its blocks still held the mark.
fn blocks_with_mark(work: impl FnOnce()) -> usize {
    // One test looks at a time, and no other test uses the mark.
    let before = given_back_with_mark();
    work();
    given_back_with_mark() - before
}

#[test]
fn memory_that_is_given_back_holds_no_secret() {
    assert_eq!(blocks_with_mark(|| drop(marked().to_vec())), 1, "a copy nobody wipes is noticed");
    let mut random = Drawn::known();
    let rng = &mut random;

    let signing = SigningKey::from_bytes(&in_range(marked())).unwrap();
    let decrypting = DecryptingKey::from_bytes(&in_range(marked())).unwrap();
    let count = blocks_with_mark(|| {
        let ciphertext = decrypting.encrypting_key().encrypt(&marked(), rng).unwrap();
        assert_eq!(*decrypting.decrypt(&ciphertext).unwrap(), marked());
    });
    assert_eq!(count, 0, "a plaintext of SM2");

    let iterations = core::num::NonZeroU32::MIN;
    let count = blocks_with_mark(|| {
        SigningKey::from_pkcs8_der(&signing.to_pkcs8_der()).unwrap();
        SigningKey::from_pkcs8_pem(&signing.to_pkcs8_pem()).unwrap();
        let file = signing.to_encrypted_pkcs8_der(&marked(), iterations, rng);
        SigningKey::from_encrypted_pkcs8_der(&file, &marked()).unwrap();
        let file = decrypting.to_enveloped_key_der(signing.verifying_key(), rng).unwrap();
        DecryptingKey::from_enveloped_key_der(&file, &signing).unwrap();
        signing.sign_batch(&[b"one", b"two"], DEFAULT_ID, rng).unwrap();
    });
    assert_eq!(count, 0, "a private key in its files");

    let (key, nonce) = (sm4_key(), [7; 12]);
    let count = blocks_with_mark(|| {
        let sealed = gcm::seal(&key, &nonce, b"", &marked()).unwrap();
        drop(Zeroizing::new(gcm::open(&key, &nonce, b"", &sealed).unwrap()));
        let mut sealed = ccm::seal(&key, &nonce, 16, b"", &marked()).unwrap();
        drop(Zeroizing::new(ccm::open(&key, &nonce, 16, b"", &sealed).unwrap()));
        sealed[40] ^= 1;
        ccm::open(&key, &nonce, 16, b"", &sealed).unwrap_err();
        let ciphertext = cbc::encrypt(&key, &[7; 16], &marked());
        drop(Zeroizing::new(cbc::decrypt(&key, &[7; 16], &ciphertext).unwrap()));
        let mut wrongly_padded = [marked(), marked()].concat();
        cbc::encrypt_whole(&key, &[7; 16], &mut wrongly_padded).unwrap();
        cbc::decrypt(&key, &[7; 16], &wrongly_padded).unwrap_err();
        key_wrap::unwrap(&key, &key_wrap::wrap(&key, &marked()).unwrap()).unwrap();
        key_wrap::unwrap_padded(&key, &key_wrap::wrap_padded(&key, &marked()[..31]).unwrap()).unwrap();
    });
    assert_eq!(count, 0, "a plaintext of SM4");

    let count = blocks_with_mark(|| {
        HmacSm3::new(&marked()).finish_many(&[[1; 70], [2; 70], [3; 70]]);
        kdf::sm2_kdf(&[&marked()], &mut [0; 300]).unwrap();
        kdf::pbkdf2_hmac_sm3(&marked(), b"salt", iterations, &mut [0; 300]).unwrap();
    });
    assert_eq!(count, 0, "a key of a code, a shared secret, a password");
}

/// A private key that holds the mark.
fn in_range(mut bytes: [u8; 32]) -> [u8; 32] {
    bytes[0] = 1;
    bytes
}
