//! Hash states, keys of codes and generators leave nothing behind.

use crate::arch::left_behind::left_behind;
use crate::drbg::{Drawn, HashDrbg};
use crate::hmac::{Chain, HmacSm3};
use crate::sm3::Sm3;
use rand_core::TryRng;
use std::vec::Vec;

/// No four bytes of a secret are where they were. (Lengths and flags may stay, and what the compiler puts in their place.)
fn assert_wiped<T>(name: &str, value: T) {
    let [before, after] = left_behind(value);
    let secret = |at: usize| before.get(at..at + 4).filter(|four| !four.contains(&0));
    let places: Vec<_> = (0..before.len()).filter(|at| secret(*at).is_some()).collect();
    assert!(places.len() > 20, "{name}: nothing was there to wipe");
    let left: Vec<_> = places.iter().filter(|at| secret(**at) == after.get(**at..**at + 4)).collect();
    assert!(left.is_empty(), "{name}: left at {left:?}");
}

#[test]
fn what_held_a_secret_is_zeros_when_it_is_gone() {
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
    let mut drawn = Drawn::known();
    drawn.try_fill_bytes(&mut [0; 100]).unwrap();
    assert_wiped("drawn randomness", drawn);
}
