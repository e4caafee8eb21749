//! Registers from blocks and back.
#![expect(unsafe_code, reason = "vectors are read from and written to byte arrays, whatever their alignment")]

use core::arch::x86_64::*;

use crate::sm4::Block;

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load_128(blocks: &[Block; 1]) -> __m128i {
    // SAFETY: one block is the 16 bytes that are read.
    unsafe { _mm_loadu_si128(blocks.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn store_128(blocks: &mut [Block; 1], value: __m128i) {
    // SAFETY: one block is the 16 bytes that are written.
    unsafe { _mm_storeu_si128(blocks.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx")]
pub(super) fn load_256(blocks: &[Block; 2]) -> __m256i {
    // SAFETY: two blocks are the 32 bytes that are read.
    unsafe { _mm256_loadu_si256(blocks.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx")]
pub(super) fn store_256(blocks: &mut [Block; 2], value: __m256i) {
    // SAFETY: two blocks are the 32 bytes that are written.
    unsafe { _mm256_storeu_si256(blocks.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_512(blocks: &[Block; 4]) -> __m512i {
    // SAFETY: four blocks are the 64 bytes that are read.
    unsafe { _mm512_loadu_si512(blocks.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store_512(blocks: &mut [Block; 4], value: __m512i) {
    // SAFETY: four blocks are the 64 bytes that are written.
    unsafe { _mm512_storeu_si512(blocks.as_mut_ptr().cast(), value) }
}
