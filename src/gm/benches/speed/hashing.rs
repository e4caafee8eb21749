//! SM3, beside RustCrypto and gmsm.

use std::hint::black_box;

use ::sm3::Digest as _;
use gm::cpu::Level;
use gm::sm3;

use crate::contender::{Contender, Row, Size};

/// A length, its name, and how many times as fast as RustCrypto one message must be.
const LENGTHS: [(usize, &str, Option<f64>); 2] = [(1024, "1 KiB", None), (16384, "16 KiB", Some(1.0))];

pub(crate) fn rows(highest: Level) -> Vec<Row> {
    let alone = LENGTHS.map(|(bytes, length, target)| {
        Row::new(format!("SM3 {length}"), Size::Bytes(bytes), hash(bytes))
            .beside("RustCrypto sm3", target, rustcrypto_hash(bytes))
            .beside_gmsm(None, format!("sm3-{bytes}"))
    });
    // As many at a time as the level has lanes for.
    let together = [(Level::Avx2, 8), (Level::Avx512, 16)].into_iter().filter(|(level, _)| *level <= highest);
    let together = together.flat_map(|(level, count)| {
        LENGTHS.map(|(bytes, length, _)| {
            let name = format!("SM3 {count} x {length}, {}", level.name());
            let target = (bytes == 16384).then_some(2.5);
            Row::new(name, Size::Bytes(bytes), Contender::at(level, || hash_many(bytes, count))).beside(
                "ours, one by one",
                target,
                hash(bytes),
            )
        })
    });
    alone.into_iter().chain(together).collect()
}

fn hash(bytes: usize) -> Contender {
    let message = vec![0x5a; bytes];
    assert_eq!(sm3::hash(&message), *::sm3::Sm3::digest(&message));
    Contender::once(move || {
        black_box(sm3::hash(black_box(&message)));
    })
}

fn rustcrypto_hash(bytes: usize) -> Contender {
    let message = vec![0x5a; bytes];
    Contender::once(move || {
        black_box(::sm3::Sm3::digest(black_box(&message)));
    })
}

fn hash_many(bytes: usize, count: u8) -> Contender {
    let messages: Vec<Vec<u8>> = (0..count).map(|filling| vec![filling; bytes]).collect();
    let alone: Vec<[u8; 32]> = messages.iter().map(|message| sm3::hash(message)).collect();
    assert_eq!(sm3::hash_many(&messages), alone);
    Contender::batch(count.into(), move || {
        black_box(sm3::hash_many(black_box(&messages)));
    })
}
