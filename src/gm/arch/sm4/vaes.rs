//! AVX2 with VAES: 256-bit vectors, 32 blocks in turns.
#![expect(unsafe_code, reason = "instructions whose presence a token proves")]
#![expect(clippy::indexing_slicing, reason = "all indices are constants")]

use core::arch::x86_64::*;

use super::basis;
use super::lanes::{AFTER_SUB_BYTES, TURNS, lanes, through_aes};
use super::memory::{load_256, store_256};
use super::ymm::{counters, table};
use crate::arch::cpu::Vaes;
use crate::sm4::{Block, Direction, RoundKeys, padded};

/// Encrypts or decrypts `blocks` in place.
pub(crate) fn crypt(_: Vaes, keys: &RoundKeys, direction: Direction, blocks: &mut [Block]) {
    // SAFETY: the token proves the features.
    unsafe { crypt_all(keys, direction, blocks) }
}

/// Adds the encrypted counters from `first` on; only their last 32 bits count.
pub(crate) fn count(_: Vaes, keys: &RoundKeys, first: &Block, batches: &mut [[Block; BATCH]]) {
    // SAFETY: the token proves the features.
    unsafe { count_all(keys, first, batches) }
}

lanes! {
    features: "avx2,vaes", vector: __m256i, blocks: 2,
    load: load_256, store: store_256, set: _mm256_set1_epi32, xor: _mm256_xor_si256,
    unpack: [_mm256_unpacklo_epi32, _mm256_unpackhi_epi32, _mm256_unpacklo_epi64, _mm256_unpackhi_epi64],
}

through_aes! {
    features: "avx2,vaes", vector: __m256i, sub_bytes: sub_bytes, table: table,
    set_8: _mm256_set1_epi8, and: _mm256_and_si256, shift: _mm256_srli_epi64, shuffle: _mm256_shuffle_epi8,
    xor: _mm256_xor_si256,
}

#[inline]
#[target_feature(enable = "avx2,vaes")]
fn sub_bytes(x: __m256i) -> __m256i {
    _mm256_aesenclast_epi128(x, _mm256_setzero_si256())
}
