//! AES-NI: 128-bit vectors, 16 blocks in turns.
#![expect(unsafe_code, reason = "instructions whose presence a token proves")]
#![expect(clippy::indexing_slicing, reason = "all indices are constants")]

use core::arch::x86_64::*;

use super::basis;
use super::lanes::{AFTER_SUB_BYTES, TURNS, after_sub_bytes, lanes, through_aes};
use super::memory::{load_128, store_128};
use crate::arch::cpu::AesNi;
use crate::sm4::definition::C;
use crate::sm4::{Block, Direction, KEY_BYTES, RoundKeys, expand_with, padded};

/// Encrypts or decrypts `blocks` in place.
pub(crate) fn crypt(_: AesNi, keys: &RoundKeys, direction: Direction, blocks: &mut [Block]) {
    // SAFETY: the token proves the features.
    unsafe { crypt_all(keys, direction, blocks) }
}

/// Encrypts or decrypts one block in place.
pub(crate) fn crypt_one(_: AesNi, keys: &RoundKeys, direction: Direction, block: &mut Block) {
    // SAFETY: the token proves the features.
    unsafe { crypt_alone(keys, direction, block) }
}

/// Adds the encrypted counters from `first` on; only their last 32 bits count.
pub(crate) fn count(_: AesNi, keys: &RoundKeys, first: &Block, batches: &mut [[Block; BATCH]]) {
    // SAFETY: the token proves the features.
    unsafe { count_all(keys, first, batches) }
}

/// The key schedule.
pub(crate) fn expand(_: AesNi, key: &[u8; KEY_BYTES]) -> [u32; 32] {
    #[target_feature(enable = "aes,ssse3,sse4.1")]
    fn expand(key: &[u8; KEY_BYTES]) -> [u32; 32] {
        expand_with(key, |word| substitute(word))
    }
    // SAFETY: the token proves the features.
    unsafe { expand(key) }
}

lanes! {
    features: "aes,ssse3,sse4.1", vector: __m128i, blocks: 1,
    load: load_128, store: store_128, set: _mm_set1_epi32, xor: _mm_xor_si128,
    unpack: [_mm_unpacklo_epi32, _mm_unpackhi_epi32, _mm_unpacklo_epi64, _mm_unpackhi_epi64],
}

through_aes! {
    features: "aes,ssse3,sse4.1", vector: __m128i, sub_bytes: sub_bytes, table: table,
    set_8: _mm_set1_epi8, and: _mm_and_si128, shift: _mm_srli_epi64, shuffle: _mm_shuffle_epi8, xor: _mm_xor_si128,
}

/// One block: each word in all four places of a vector.
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn crypt_alone(keys: &RoundKeys, direction: Direction, block: &mut Block) {
    let block = core::array::from_mut(block);
    let words = enter(load_128(block));
    let mut x = [[
        _mm_shuffle_epi32::<0b00_00_00_00>(words),
        _mm_shuffle_epi32::<0b01_01_01_01>(words),
        _mm_shuffle_epi32::<0b10_10_10_10>(words),
        _mm_shuffle_epi32::<0b11_11_11_11>(words),
    ]];
    rounds(keys, direction, &mut x);
    let [[x0, x1, x2, x3]] = x;
    let words = _mm_unpacklo_epi64(_mm_unpacklo_epi32(x3, x2), _mm_unpacklo_epi32(x1, x0));
    store_128(block, leave(words));
}

/// The S-box of each byte of a word; in all four columns it stays the same when `ShiftRows` turns the rows.
#[inline]
#[target_feature(enable = "aes,ssse3,sse4.1")]
fn substitute(word: u32) -> u32 {
    const BEFORE: [[u8; 16]; 2] = basis::nibbles(basis::ENTER, basis::INPUT_CONSTANT);
    const AFTER: [[u8; 16]; 2] = after_sub_bytes(basis::S_BOX, C);
    let x = map(split(_mm_set1_epi32(word.cast_signed())), &BEFORE);
    _mm_cvtsi128_si32(map(split(sub_bytes(x)), &AFTER)).cast_unsigned()
}

#[inline]
#[target_feature(enable = "aes,sse2")]
fn sub_bytes(x: __m128i) -> __m128i {
    _mm_aesenclast_si128(x, _mm_setzero_si128())
}

#[inline]
#[target_feature(enable = "sse2")]
fn table(bytes: &[u8; 16]) -> __m128i {
    load_128(core::array::from_ref(bytes))
}

/// Four big-endian counters, of blocks that lie one after the other.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn counters(first: u32) -> __m128i {
    let swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    _mm_shuffle_epi8(_mm_add_epi32(_mm_set1_epi32(first.cast_signed()), _mm_set_epi32(3, 2, 1, 0)), swap)
}
