//! What the paths on 256-bit registers have in common: their blocks lie in a group's vectors by twos.

use core::arch::x86_64::*;

use super::memory::load_128;

/// A table of 16 bytes in either half.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn table(bytes: &[u8; 16]) -> __m256i {
    _mm256_broadcastsi128_si256(load_128(core::array::from_ref(bytes)))
}

/// Eight big-endian counters: the blocks of a group lie in four vectors of two, and a word's vector holds the first of each
/// pair, then the second.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn counters(first: u32) -> __m256i {
    let swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    let order = _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0);
    let numbers = _mm256_add_epi32(_mm256_set1_epi32(first.cast_signed()), order);
    _mm256_shuffle_epi8(numbers, _mm256_broadcastsi128_si256(swap))
}
