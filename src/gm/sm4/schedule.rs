//! The key schedule (GB/T 32907-2016, 7.3).

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{KEY_BYTES, bitsliced};
#[cfg(target_arch = "x86_64")]
use crate::arch::{
    cpu::{AesNi, Avx512},
    sm4::{aes_ni, basis, gfni},
};

/// Which way a block goes: decryption is encryption with the round keys in reverse (GB/T 32907-2016, 7.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From plaintext to ciphertext.
    Encrypt,
    /// From ciphertext to plaintext.
    Decrypt,
}

/// The 32 round keys, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct RoundKeys {
    words: [u32; 32],
    #[cfg(target_arch = "x86_64")]
    mapped: [u32; 32],
}

/// The system parameter FK (7.3).
const FK: [u32; 4] = [0xa3b1_bac6, 0x56aa_3350, 0x677d_9197, 0xb270_22dc];

/// The fixed parameter CK (7.3): byte `j` of word `i` is `7 (4 i + j)` modulo 256.
#[expect(clippy::indexing_slicing, reason = "a quarter of a number below 128")]
const CK: [u32; 32] = {
    let (mut words, mut i) = ([0u32; 32], 0);
    while i < 128 {
        words[i / 4] = words[i / 4] << 8 | (7 * i % 256) as u32;
        i += 1;
    }
    words
};

impl RoundKeys {
    /// Expands a key.
    pub(super) fn expand(key: &[u8; KEY_BYTES]) -> Self {
        let words = Zeroizing::new(words(key));
        Self {
            words: *words,
            #[cfg(target_arch = "x86_64")]
            mapped: words.map(basis::mapped_key),
        }
    }

    /// The key of round `round`, counted from 0 in order of use.
    #[inline(always)]
    pub(super) fn word(&self, direction: Direction, round: usize) -> u32 {
        in_order(&self.words, direction, round)
    }

    /// The same as the paths of [`crate::arch::sm4`] take it.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn mapped(&self, direction: Direction, round: usize) -> u32 {
        in_order(&self.mapped, direction, round)
    }
}

/// The round keys, by the fastest path that the processor has.
#[cfg(target_arch = "x86_64")]
fn words(key: &[u8; KEY_BYTES]) -> [u32; 32] {
    match (Avx512::here(), AesNi::here()) {
        (Some(token), _) => gfni::expand(token, key),
        (None, Some(token)) => aes_ni::expand(token, key),
        (None, None) => expand_with(key, bitsliced::substitute),
    }
}

/// There is one path for this processor.
#[cfg(not(target_arch = "x86_64"))]
fn words(key: &[u8; KEY_BYTES]) -> [u32; 32] {
    expand_with(key, bitsliced::substitute)
}

/// The round keys, where `substitute` is the map tau (6.2): the S-box of each byte.
#[inline(always)]
pub(crate) fn expand_with(key: &[u8; KEY_BYTES], substitute: impl Fn(u32) -> u32) -> [u32; 32] {
    let (bytes, _) = key.as_chunks::<4>();
    let mut k = FK;
    k.iter_mut().zip(bytes).for_each(|(k, bytes)| *k ^= u32::from_be_bytes(*bytes));
    let mut words = [0; 32];
    for (word, ck) in words.iter_mut().zip(CK) {
        let [k0, k1, k2, k3] = k;
        let b = substitute(k1 ^ k2 ^ k3 ^ ck);
        *word = k0 ^ b ^ b.rotate_left(13) ^ b.rotate_left(23);
        k = [k1, k2, k3, *word];
    }
    words
}

#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the index is masked")]
fn in_order(words: &[u32; 32], direction: Direction, round: usize) -> u32 {
    match direction {
        Direction::Encrypt => words[round & 31],
        Direction::Decrypt => words[!round & 31],
    }
}
