//! Words of 8 lanes in 256-bit registers.

use core::arch::x86_64::*;
use core::array;

use zeroize::Zeroize;

use super::super::cpu::Avx2;
use super::Wide;
use crate::sm3::compress::Word;

/// A 32-bit number for each of 8 lanes.
#[derive(Clone, Copy)]
pub(super) struct X8(__m256i);

/// An [`X8`] of instructions on others.
macro_rules! x8 {
    ($instructions:expr) => {
        // SAFETY: whoever has an `X8` holds the proof of AVX2, since it was made from one.
        X8(unsafe { $instructions })
    };
}

/// Each number's bytes, turned left by one: `<<< 8`.
const LEFT_8: [i8; 16] = [3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14];

/// Each number's bytes in the other order.
const SWAPPED: [i8; 16] = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

impl X8 {
    /// Moves the bytes of each half of the lanes to where `order` says.
    #[inline(always)]
    fn shuffled(self, order: [i8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = order;
        x8!(_mm256_shuffle_epi8(
            self.0,
            _mm256_setr_epi8(
                a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o,
                p
            )
        ))
    }

    /// The number of every lane.
    #[inline(always)]
    pub(super) fn lanes(self) -> [u32; 8] {
        let mut lanes = [0; 8];
        // SAFETY: 32 bytes are written where 32 bytes are; whoever has an `X8` holds the proof of AVX2.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), self.0) }
        lanes
    }

    /// Becomes 0, also where nobody looks at it again.
    #[inline(always)]
    pub(super) fn wipe(&mut self) {
        self.0.zeroize();
    }
}

impl Word for X8 {
    #[inline(always)]
    fn all(self, constant: u32) -> Self {
        x8!(_mm256_set1_epi32(constant.cast_signed()))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        x8!(_mm256_add_epi32(self.0, other.0))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        x8!(_mm256_xor_si256(self.0, other.0))
    }

    #[inline(always)]
    fn rotated<const N: i32>(self) -> Self {
        x8!({
            let left = _mm256_sll_epi32(self.0, _mm_cvtsi32_si128(N));
            let right = _mm256_srl_epi32(self.0, _mm_cvtsi32_si128(32 - N));
            _mm256_or_si256(left, right)
        })
    }

    #[inline(always)]
    fn majority(self, y: Self, z: Self) -> Self {
        x8!({
            let both = _mm256_and_si256(self.0, y.0);
            _mm256_or_si256(both, _mm256_and_si256(z.0, _mm256_xor_si256(self.0, y.0)))
        })
    }

    #[inline(always)]
    fn choice(self, y: Self, z: Self) -> Self {
        x8!(_mm256_xor_si256(z.0, _mm256_and_si256(self.0, _mm256_xor_si256(y.0, z.0))))
    }

    // Without an instruction that rotates, eight places more are one shuffle, and seventeen would be three instructions.
    #[inline(always)]
    fn p0(self) -> Self {
        let nine = self.rotated::<9>();
        self.xor3(nine, nine.shuffled(LEFT_8))
    }

    #[inline(always)]
    fn p1(self) -> Self {
        let fifteen = self.rotated::<15>();
        self.xor3(fifteen, fifteen.shuffled(LEFT_8))
    }
}

impl Wide<8> for X8 {
    type Proof = Avx2;

    #[inline(always)]
    fn gather(_: Avx2, quads: [__m128i; 8]) -> [Self; 4] {
        // Lane i is in row i mod 4, in its lower half or its upper one.
        let [a, b, c, d, e, f, g, h] = quads;
        turned([
            x8!(_mm256_set_m128i(e, a)),
            x8!(_mm256_set_m128i(f, b)),
            x8!(_mm256_set_m128i(g, c)),
            x8!(_mm256_set_m128i(h, d)),
        ])
    }

    #[inline(always)]
    fn scatter(words: [Self; 4]) -> [__m128i; 8] {
        let rows = turned(words);
        // SAFETY: whoever has an `X8` holds the proof of AVX2, since it was made from one.
        array::from_fn(|lane| match lane / 4 {
            0 => unsafe { _mm256_extracti128_si256::<0>(rows[lane % 4].0) },
            _ => unsafe { _mm256_extracti128_si256::<1>(rows[lane % 4].0) },
        })
    }

    #[inline(always)]
    fn swapped(self) -> Self {
        self.shuffled(SWAPPED)
    }
}

/// Turns the squares of four by four that lie side by side in `rows`.
#[inline(always)]
fn turned([a, b, c, d]: [X8; 4]) -> [X8; 4] {
    let (ab, cd) = (x8!(_mm256_unpacklo_epi32(a.0, b.0)), x8!(_mm256_unpacklo_epi32(c.0, d.0)));
    let (ab_high, cd_high) = (x8!(_mm256_unpackhi_epi32(a.0, b.0)), x8!(_mm256_unpackhi_epi32(c.0, d.0)));
    [
        x8!(_mm256_unpacklo_epi64(ab.0, cd.0)),
        x8!(_mm256_unpackhi_epi64(ab.0, cd.0)),
        x8!(_mm256_unpacklo_epi64(ab_high.0, cd_high.0)),
        x8!(_mm256_unpackhi_epi64(ab_high.0, cd_high.0)),
    ]
}
