//! SM3, beside RustCrypto and gmsm.

use std::hint::black_box;

use ::sm3::Digest as _;
use gm::cpu::Level;
use gm::sm3;

use crate::contender::{Contender, Row, Size};

pub(crate) fn rows(_: Level) -> Vec<Row> {
    let row = |name: &str, bytes: usize, target| {
        Row::new(format!("SM3 {name}"), Size::Bytes(bytes), hash(bytes))
            .beside("RustCrypto sm3", target, rustcrypto_hash(bytes))
            .beside_gmsm(None, format!("sm3-{bytes}"))
    };
    vec![row("1 KiB", 1024, None), row("16 KiB", 16384, Some(1.0))]
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
