//! SM3 one at a time and many at once, on every level the processor has, against RustCrypto's `sm3`, which others wrote.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/seeded_rng.rs"]
mod seeded_rng;

use std::num::NonZeroU32;

use gm::hmac::{HmacSm3, hmac_sm3};
use gm::kdf::{pbkdf2_hmac_sm3, sm2_kdf};
use gm::sm3::{Sm3, hash, hash_all, hash_many};
use seeded_rng::SeededRng;

/// Runs `check` on every level up to the processor's, where the build can choose; else on the processor's own.
fn on_every_level(check: impl Fn()) {
    #[cfg(feature = "cpu-limit")]
    {
        use gm::cpu::{self, Level};
        use std::sync::{Mutex, PoisonError};
        // The level holds for the whole process: one test at a time.
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        for level in Level::ALL {
            cpu::limit(level);
            if cpu::level() == level {
                eprintln!("on level {}", level.name());
                check();
            }
        }
    }
    #[cfg(not(feature = "cpu-limit"))]
    check();
}

fn theirs(message: &[u8]) -> [u8; 32] {
    use ::sm3::Digest;
    ::sm3::Sm3::digest(message).into()
}

fn messages(rng: &mut SeededRng, count: usize, longest: usize) -> Vec<Vec<u8>> {
    let mut message = || {
        let length = usize::from(u16::from_le_bytes(rng.array())) % (longest + 1);
        rng.bytes(length)
    };
    (0..count).map(|_| message()).collect()
}

#[test]
fn one_message_has_the_digest_that_others_compute_however_it_comes() {
    on_every_level(|| {
        let mut rng = SeededRng::new(1);
        for length in 0..=2_000 {
            let message = rng.bytes(length);
            assert_eq!(hash(&message), theirs(&message), "{length} bytes");
        }
        for message in messages(&mut rng, 100, 40_000) {
            let cut = usize::from(u16::from_le_bytes(rng.array())) % (message.len() + 1);
            let (left, right) = message.split_at(cut);
            assert_eq!(hash_all(&[left, right]), theirs(&message), "{} bytes cut at {cut}", message.len());
        }
    });
}

#[test]
fn many_messages_of_any_lengths_have_the_digests_they_have_alone() {
    on_every_level(|| {
        let mut rng = SeededRng::new(2);
        for count in 0..=40 {
            for round in 0..10 {
                let messages = messages(&mut rng, count, 300);
                let alone: Vec<_> = messages.iter().map(|m| theirs(m)).collect();
                assert_eq!(hash_many(&messages), alone, "{count} messages, round {round}");
            }
        }
        let longer = messages(&mut rng, 37, 20_000);
        assert_eq!(hash_many(&longer), longer.iter().map(|m| theirs(m)).collect::<Vec<_>>());
    });
}

#[test]
fn a_prefix_of_any_length_comes_before_each_message() {
    on_every_level(|| {
        let mut rng = SeededRng::new(3);
        for length in 0..=130 {
            let prefix = rng.bytes(length);
            let mut begun = Sm3::new();
            begun.update(&prefix);
            for count in [1, 2, 3, 8, 9, 19] {
                let messages = messages(&mut rng, count, 200);
                let alone: Vec<_> =
                    messages.iter().map(|m| theirs(&[&prefix, m.as_slice()].concat())).collect();
                assert_eq!(begun.finish_many(&messages), alone, "{count} after {length} bytes");
            }
            assert_eq!(begun.finish(), theirs(&prefix), "what was begun is as it was");
        }
    });
}

#[test]
fn many_codes_under_one_key_are_those_they_are_alone() {
    on_every_level(|| {
        let mut rng = SeededRng::new(4);
        for count in [0, 1, 2, 3, 7, 8, 16, 17, 33] {
            let (key, header) = (rng.bytes(count * 3), rng.bytes(count));
            let messages = messages(&mut rng, count, 200);
            let mut mac = HmacSm3::new(&key);
            mac.update(&header);
            let alone: Vec<_> = messages.iter().map(|m| hmac_sm3(&key, &[&header, m])).collect();
            assert_eq!(mac.finish_many(&messages), alone, "{count} messages");
        }
    });
}

/// The definitions of both, block by block: GB/T 32918.4-2016, 5.4.3, and RFC 8018, 5.2.
#[test]
fn derived_keys_of_any_length_are_those_of_the_definition() {
    on_every_level(|| {
        let mut rng = SeededRng::new(5);
        for length in (0..=100).chain([255, 256, 257, 511, 512, 513, 600, 1100]) {
            let shared = rng.bytes(length % 131);
            let mut out = vec![0; length];
            sm2_kdf(&[&shared], &mut out).unwrap();
            let block = |i: u32| theirs(&[shared.as_slice(), &i.to_be_bytes()].concat());
            let defined: Vec<u8> = (1..).flat_map(block).take(length).collect();
            assert_eq!(out, defined, "KDF, {length} bytes");

            let (password, salt) = (rng.bytes(length % 80), rng.bytes(length % 70));
            pbkdf2_hmac_sm3(&password, &salt, NonZeroU32::new(3).unwrap(), &mut out).unwrap();
            let block = |i: u32| {
                let first = hmac_sm3(&password, &[&salt, &i.to_be_bytes()]);
                let second = hmac_sm3(&password, &[&first]);
                let third = hmac_sm3(&password, &[&second]);
                first.into_iter().zip(second).zip(third).map(|((a, b), c)| a ^ b ^ c)
            };
            let defined: Vec<u8> = (1..).flat_map(block).take(length).collect();
            assert_eq!(out, defined, "PBKDF2, {length} bytes");
        }
    });
}
