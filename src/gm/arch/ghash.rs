//! GHASH on PCLMULQDQ, and on VPCLMULQDQ over 256 and 512 bits.
//!
//! A sum of products is reduced once: block `i` of `n` is multiplied by power `n - i`. Elements are as [`crate::sm4`]'s `ghash`
//! has them, in the bit order of POLYVAL (RFC 8452, appendix A), where a product needs no shift.
#![expect(unsafe_code, reason = "instructions whose presence a token proves")]
#![expect(clippy::indexing_slicing, reason = "all indices are constants")]

use core::arch::x86_64::*;

use crate::arch::cpu::{AesNi, Avx512, Vaes};
use crate::sm4::Block;

/// How many powers are kept.
pub(crate) const POWERS: usize = 16;

/// The powers, the highest first.
pub(crate) type Powers = [u128; POWERS];

/// The product of two elements.
pub(crate) fn multiply(_: AesNi, a: u128, b: u128) -> u128 {
    #[target_feature(enable = "pclmulqdq,ssse3")]
    fn product(a: u128, b: u128) -> u128 {
        let product = multiply_128(register(a), register(b));
        number(reduce(product))
    }
    // SAFETY: the token proves the features.
    unsafe { product(a, b) }
}

/// `sum` after the blocks. Of the powers, the last as many are read as there are blocks, and no more than all.
pub(crate) fn absorb(_: AesNi, powers: &Powers, sum: u128, blocks: &[Block]) -> u128 {
    // SAFETY: the token proves the features.
    unsafe { absorb_128(powers, sum, blocks) }
}

/// As [`absorb`], two blocks in a register where there are sixteen.
pub(crate) fn absorb_vaes(_: Vaes, powers: &Powers, sum: u128, blocks: &[Block]) -> u128 {
    // SAFETY: the token proves the features.
    unsafe { absorb_256(powers, sum, blocks) }
}

/// As [`absorb`], four blocks in a register where there are sixteen.
pub(crate) fn absorb_avx512(_: Avx512, powers: &Powers, sum: u128, blocks: &[Block]) -> u128 {
    // SAFETY: the token proves the features.
    unsafe { absorb_512(powers, sum, blocks) }
}

/// How many blocks are multiplied before they are reduced, in registers of 128 bits.
const BATCH: usize = 8;

#[target_feature(enable = "pclmulqdq,ssse3")]
fn absorb_128(powers: &Powers, sum: u128, blocks: &[Block]) -> u128 {
    let mut sum = register(sum);
    for batch in blocks.chunks(BATCH) {
        let mut products = [_mm_setzero_si128(); 3];
        for (block, power) in batch.iter().zip(&powers[POWERS - batch.len()..]) {
            let element = _mm_xor_si128(sum, element_128(block));
            let product = multiply_128(element, register(*power));
            products = core::array::from_fn(|i| _mm_xor_si128(products[i], product[i]));
            sum = _mm_setzero_si128();
        }
        sum = reduce(products);
    }
    number(sum)
}

#[target_feature(enable = "avx2,vpclmulqdq,pclmulqdq")]
fn absorb_256(powers: &Powers, mut sum: u128, blocks: &[Block]) -> u128 {
    let (batches, rest) = blocks.as_chunks::<POWERS>();
    for batch in batches {
        let mut carried = _mm256_set_m128i(_mm_setzero_si128(), register(sum));
        let mut products = [_mm256_setzero_si256(); 3];
        let ((pairs, _), (powers, _)) = (batch.as_chunks(), powers.as_chunks());
        for (pair, powers) in pairs.iter().zip(powers) {
            let element = _mm256_xor_si256(carried, element_256(pair));
            let product = multiply_256(element, powers_256(powers));
            products = core::array::from_fn(|i| _mm256_xor_si256(products[i], product[i]));
            carried = _mm256_setzero_si256();
        }
        sum = number(reduce(products.map(|product| {
            _mm_xor_si128(_mm256_castsi256_si128(product), _mm256_extracti128_si256::<1>(product))
        })));
    }
    absorb_128(powers, sum, rest)
}

#[target_feature(enable = "avx512f,avx512bw,vpclmulqdq,pclmulqdq")]
fn absorb_512(powers: &Powers, mut sum: u128, blocks: &[Block]) -> u128 {
    let (batches, rest) = blocks.as_chunks::<POWERS>();
    for batch in batches {
        let mut carried = _mm512_zextsi128_si512(register(sum));
        let mut products = [_mm512_setzero_si512(); 3];
        let ((fours, _), (powers, _)) = (batch.as_chunks(), powers.as_chunks());
        for (four, powers) in fours.iter().zip(powers) {
            let element = _mm512_xor_si512(carried, element_512(four));
            let product = multiply_512(element, powers_512(powers));
            products = core::array::from_fn(|i| _mm512_xor_si512(products[i], product[i]));
            carried = _mm512_setzero_si512();
        }
        sum = number(reduce(products.map(|product| {
            let half =
                _mm256_xor_si256(_mm512_castsi512_si256(product), _mm512_extracti64x4_epi64::<1>(product));
            _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half))
        })));
    }
    absorb_128(powers, sum, rest)
}

/// Low, middle and high part of products that are not reduced yet, 64 bits apart.
macro_rules! multiply {
    ($name:ident, $vector:ty, $features:literal, $multiply:ident, $xor:ident) => {
        #[inline]
        #[target_feature(enable = $features)]
        fn $name(a: $vector, b: $vector) -> [$vector; 3] {
            let middle = $xor($multiply::<0x01>(a, b), $multiply::<0x10>(a, b));
            [$multiply::<0x00>(a, b), middle, $multiply::<0x11>(a, b)]
        }
    };
}

multiply!(multiply_128, __m128i, "pclmulqdq", _mm_clmulepi64_si128, _mm_xor_si128);
multiply!(multiply_256, __m256i, "avx2,vpclmulqdq", _mm256_clmulepi64_epi128, _mm256_xor_si256);
multiply!(multiply_512, __m512i, "avx512f,vpclmulqdq", _mm512_clmulepi64_epi128, _mm512_xor_si512);

/// The element of 128 bits: twice the lowest 64 are taken off by a multiple of x^128 + x^127 + x^126 + x^121 + 1, which leaves
/// the product divided by x^128.
#[inline]
#[target_feature(enable = "pclmulqdq")]
fn reduce([low, middle, high]: [__m128i; 3]) -> __m128i {
    let polynomial = _mm_set_epi64x(0, (0xc2_u64 << 56).cast_signed());
    let low = _mm_xor_si128(low, _mm_slli_si128::<8>(middle));
    let high = _mm_xor_si128(high, _mm_srli_si128::<8>(middle));
    let fold = |x: __m128i| {
        _mm_xor_si128(_mm_shuffle_epi32::<0b01_00_11_10>(x), _mm_clmulepi64_si128::<0x00>(x, polynomial))
    };
    _mm_xor_si128(high, fold(fold(low)))
}

#[inline]
#[target_feature(enable = "sse2")]
fn register(number: u128) -> __m128i {
    _mm_set_epi64x((number >> 64) as i64, number as i64)
}

#[inline]
#[target_feature(enable = "sse2")]
fn number(register: __m128i) -> u128 {
    let low = _mm_cvtsi128_si64(register).cast_unsigned();
    let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(register, register)).cast_unsigned();
    u128::from(high) << 64 | u128::from(low)
}

#[inline]
#[target_feature(enable = "ssse3")]
fn element_128(block: &Block) -> __m128i {
    // SAFETY: a block is the 16 bytes that are read.
    let bytes = unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
    _mm_shuffle_epi8(bytes, reversed())
}

#[inline]
#[target_feature(enable = "avx2")]
fn element_256(blocks: &[Block; 2]) -> __m256i {
    // SAFETY: two blocks are the 32 bytes that are read.
    let bytes = unsafe { _mm256_loadu_si256(blocks.as_ptr().cast()) };
    _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(reversed()))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn element_512(blocks: &[Block; 4]) -> __m512i {
    // SAFETY: four blocks are the 64 bytes that are read.
    let bytes = unsafe { _mm512_loadu_si512(blocks.as_ptr().cast()) };
    _mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(reversed()))
}

#[inline]
#[target_feature(enable = "avx")]
fn powers_256(powers: &[u128; 2]) -> __m256i {
    // SAFETY: two numbers of 128 bits are the 32 bytes that are read.
    unsafe { _mm256_loadu_si256(powers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn powers_512(powers: &[u128; 4]) -> __m512i {
    // SAFETY: four numbers of 128 bits are the 64 bytes that are read.
    unsafe { _mm512_loadu_si512(powers.as_ptr().cast()) }
}

/// The last byte of a block first.
#[inline]
#[target_feature(enable = "sse2")]
fn reversed() -> __m128i {
    _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}
