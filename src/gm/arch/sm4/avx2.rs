//! AVX2 with AES-NI: 256-bit vectors, 32 blocks in turns; the AES instruction takes each half by itself.
#![expect(unsafe_code, reason = "instructions whose presence a token proves")]
#![expect(clippy::indexing_slicing, reason = "all indices are constants")]

use core::arch::x86_64::*;

use super::basis;
use super::lanes::{AFTER_SUB_BYTES, TURNS, lanes, through_aes};
use super::memory::{load_256, store_256};
use super::ymm::{counters, table};
use crate::arch::cpu::Avx2;
use crate::sm4::{Block, Direction, RoundKeys, padded};

/// Encrypts or decrypts `blocks` in place.
pub(crate) fn crypt(_: Avx2, keys: &RoundKeys, direction: Direction, blocks: &mut [Block]) {
    // SAFETY: the token proves the features.
    unsafe { crypt_all(keys, direction, blocks) }
}

/// Adds the encrypted counters from `first` on; only their last 32 bits count.
pub(crate) fn count(_: Avx2, keys: &RoundKeys, first: &Block, batches: &mut [[Block; BATCH]]) {
    // SAFETY: the token proves the features.
    unsafe { count_all(keys, first, batches) }
}

lanes! {
    features: "aes,avx2", vector: __m256i, blocks: 2,
    load: load_256, store: store_256, set: _mm256_set1_epi32, xor: _mm256_xor_si256,
    unpack: [_mm256_unpacklo_epi32, _mm256_unpackhi_epi32, _mm256_unpacklo_epi64, _mm256_unpackhi_epi64],
}

through_aes! {
    features: "aes,avx2", vector: __m256i, sub_bytes: sub_bytes, table: table,
    set_8: _mm256_set1_epi8, and: _mm256_and_si256, shift: _mm256_srli_epi64, shuffle: _mm256_shuffle_epi8,
    xor: _mm256_xor_si256,
}

#[inline]
#[target_feature(enable = "aes,avx2")]
fn sub_bytes(x: __m256i) -> __m256i {
    let zero = _mm_setzero_si128();
    let low = _mm_aesenclast_si128(_mm256_castsi256_si128(x), zero);
    let high = _mm_aesenclast_si128(_mm256_extracti128_si256::<1>(x), zero);
    _mm256_set_m128i(high, low)
}
