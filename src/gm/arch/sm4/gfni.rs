//! AVX-512 with GFNI: 512-bit vectors, 64 blocks in turns; an instruction inverts and maps.
#![expect(unsafe_code, reason = "instructions whose presence a token proves")]
#![expect(clippy::indexing_slicing, reason = "all indices are constants")]

use core::arch::x86_64::*;

use super::basis;
use super::lanes::lanes;
use super::memory::{load_512, store_512};
use crate::arch::cpu::Avx512;
use crate::sm4::{Block, Direction, KEY_BYTES, RoundKeys, expand_with, padded};

/// Encrypts or decrypts `blocks` in place.
pub(crate) fn crypt(_: Avx512, keys: &RoundKeys, direction: Direction, blocks: &mut [Block]) {
    // SAFETY: the token proves the features.
    unsafe { crypt_all(keys, direction, blocks) }
}

/// Encrypts or decrypts one block in place.
pub(crate) fn crypt_one(_: Avx512, keys: &RoundKeys, direction: Direction, block: &mut Block) {
    // SAFETY: the token proves the features.
    unsafe { alone::crypt(keys, direction, block) }
}

/// Adds the encrypted counters from `first` on; only their last 32 bits count.
pub(crate) fn count(_: Avx512, keys: &RoundKeys, first: &Block, batches: &mut [[Block; BATCH]]) {
    // SAFETY: the token proves the features.
    unsafe { count_all(keys, first, batches) }
}

/// The key schedule.
pub(crate) fn expand(_: Avx512, key: &[u8; KEY_BYTES]) -> [u32; 32] {
    #[target_feature(enable = "avx512f,avx512vl,gfni")]
    fn expand(key: &[u8; KEY_BYTES]) -> [u32; 32] {
        expand_with(key, |word| alone::substitute(word))
    }
    // SAFETY: the token proves the features.
    unsafe { expand(key) }
}

lanes! {
    features: "avx512f,avx512bw,gfni", vector: __m512i, blocks: 4,
    load: load_512, store: store_512, set: _mm512_set1_epi32, xor: _mm512_xor_si512,
    unpack: [_mm512_unpacklo_epi32, _mm512_unpackhi_epi32, _mm512_unpacklo_epi64, _mm512_unpackhi_epi64],
}

const CONSTANT: i32 = basis::CONSTANT as i32;

/// The truth table of a sum of three bits.
const XOR: i32 = 0b1001_0110;

#[inline]
#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn enter(x: __m512i) -> __m512i {
    _mm512_gf2p8affine_epi64_epi8::<0>(x, _mm512_set1_epi64(const { basis::gfni(basis::ENTER) }))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn leave(x: __m512i) -> __m512i {
    _mm512_gf2p8affine_epi64_epi8::<0>(x, _mm512_set1_epi64(const { basis::gfni(basis::LEAVE) }))
}

/// `x`, and `u + R (u + v) + R^2 (u + v) + R^3 v` of the inverse. In memory's order R turns to the right.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn mixed(x: __m512i, sum: __m512i) -> __m512i {
    let (to_u, to_v) = const { (basis::gfni(basis::U), basis::gfni(basis::V)) };
    let u = _mm512_gf2p8affineinv_epi64_epi8::<CONSTANT>(sum, _mm512_set1_epi64(to_u));
    let v = _mm512_gf2p8affineinv_epi64_epi8::<0>(sum, _mm512_set1_epi64(to_v));
    let w = _mm512_xor_si512(u, v);
    let early = _mm512_ternarylogic_epi32::<XOR>(x, u, _mm512_ror_epi32::<24>(v));
    _mm512_ternarylogic_epi32::<XOR>(early, _mm512_ror_epi32::<8>(w), _mm512_ror_epi32::<16>(w))
}

/// Sixteen big-endian counters: the blocks of a group lie in four vectors of four, and a word's vector holds the first of each
/// four, then the second and so on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn counters(first: u32) -> __m512i {
    let order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    let numbers = _mm512_add_epi32(_mm512_set1_epi32(first.cast_signed()), order);
    let swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    _mm512_shuffle_epi8(numbers, _mm512_broadcast_i32x4(swap))
}

/// One block: each word in all four places of a 128-bit vector, and the shortest way from one round to the next.
mod alone {
    use core::arch::x86_64::*;

    use super::{CONSTANT, XOR, basis};
    use crate::arch::sm4::memory::{load_128, store_128};
    use crate::sm4::definition::C;
    use crate::sm4::{Block, Direction, RoundKeys};

    #[target_feature(enable = "avx512f,avx512vl,gfni")]
    pub(super) fn crypt(keys: &RoundKeys, direction: Direction, block: &mut Block) {
        let block = core::array::from_mut(block);
        let words = map(load_128(block), const { basis::gfni(basis::ENTER) });
        let mut x = [
            _mm_shuffle_epi32::<0b00_00_00_00>(words),
            _mm_shuffle_epi32::<0b01_01_01_01>(words),
            _mm_shuffle_epi32::<0b10_10_10_10>(words),
            _mm_shuffle_epi32::<0b11_11_11_11>(words),
        ];
        for quad in 0..8 {
            for j in 0..4 {
                let key = _mm_set1_epi32(keys.mapped(direction, 4 * quad + j).cast_signed());
                let known = _mm_xor_si128(_mm_xor_si128(x[(j + 1) % 4], x[(j + 2) % 4]), key);
                x[j] = mixed(x[j], _mm_xor_si128(known, x[(j + 3) % 4]));
            }
        }
        let [x0, x1, x2, x3] = x;
        let words = _mm_unpacklo_epi64(_mm_unpacklo_epi32(x3, x2), _mm_unpacklo_epi32(x1, x0));
        store_128(block, map(words, const { basis::gfni(basis::LEAVE) }));
    }

    /// As [`super::mixed`]. `u + v` has an inversion of its own: waiting for the sum would take longer.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,gfni")]
    fn mixed(x: __m128i, sum: __m128i) -> __m128i {
        let [to_u, to_v, to_w] =
            const { [basis::gfni(basis::U), basis::gfni(basis::V), basis::gfni(basis::U_V)] };
        let u = _mm_gf2p8affineinv_epi64_epi8::<CONSTANT>(sum, _mm_set1_epi64x(to_u));
        let v = _mm_gf2p8affineinv_epi64_epi8::<0>(sum, _mm_set1_epi64x(to_v));
        let w = _mm_gf2p8affineinv_epi64_epi8::<CONSTANT>(sum, _mm_set1_epi64x(to_w));
        let early = _mm_ternarylogic_epi32::<XOR>(x, u, _mm_ror_epi32::<24>(v));
        _mm_ternarylogic_epi32::<XOR>(early, _mm_ror_epi32::<8>(w), _mm_ror_epi32::<16>(w))
    }

    /// The S-box of each byte of a word.
    #[inline]
    #[target_feature(enable = "gfni,sse2")]
    pub(super) fn substitute(word: u32) -> u32 {
        const BEFORE: i32 = basis::INPUT_CONSTANT as i32;
        const AFTER: i32 = C as i32;
        let (enter, s_box) = const { (basis::gfni(basis::ENTER), basis::gfni(basis::S_BOX)) };
        let x = _mm_cvtsi32_si128(word.cast_signed());
        let x = _mm_gf2p8affine_epi64_epi8::<BEFORE>(x, _mm_set1_epi64x(enter));
        let x = _mm_gf2p8affineinv_epi64_epi8::<AFTER>(x, _mm_set1_epi64x(s_box));
        _mm_cvtsi128_si32(x).cast_unsigned()
    }

    #[inline]
    #[target_feature(enable = "gfni")]
    fn map(x: __m128i, rows: i64) -> __m128i {
        _mm_gf2p8affine_epi64_epi8::<0>(x, _mm_set1_epi64x(rows))
    }
}
