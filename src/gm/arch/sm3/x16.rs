//! Words of 16 lanes in 512-bit registers, where rotations and functions of three are one instruction each.

use core::arch::x86_64::*;
use core::array;

use super::super::cpu::Avx512;
use super::Wide;
use crate::sm3::compress::Word;

/// A 32-bit number for each of 16 lanes.
#[derive(Clone, Copy)]
pub(super) struct X16(__m512i);

/// An [`X16`] of instructions on others.
macro_rules! x16 {
    ($instructions:expr) => {
        // SAFETY: whoever has an `X16` holds the proof of AVX-512 F and BW, since it was made from one.
        X16(unsafe { $instructions })
    };
}

// Truth tables for `vpternlogd`: bit 4x + 2y + z is the function's value.
const XOR_3: i32 = 0b1001_0110;
const MAJORITY: i32 = 0b1110_1000;
const CHOICE: i32 = 0b1100_1010;

impl Word for X16 {
    #[inline(always)]
    fn all(self, constant: u32) -> Self {
        x16!(_mm512_set1_epi32(constant.cast_signed()))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        x16!(_mm512_add_epi32(self.0, other.0))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        x16!(_mm512_xor_si512(self.0, other.0))
    }

    #[inline(always)]
    fn rotated<const N: i32>(self) -> Self {
        x16!(_mm512_rol_epi32::<N>(self.0))
    }

    #[inline(always)]
    fn majority(self, y: Self, z: Self) -> Self {
        x16!(_mm512_ternarylogic_epi32::<MAJORITY>(self.0, y.0, z.0))
    }

    #[inline(always)]
    fn choice(self, y: Self, z: Self) -> Self {
        x16!(_mm512_ternarylogic_epi32::<CHOICE>(self.0, y.0, z.0))
    }

    #[inline(always)]
    fn xor3(self, y: Self, z: Self) -> Self {
        x16!(_mm512_ternarylogic_epi32::<XOR_3>(self.0, y.0, z.0))
    }
}

impl Wide<16> for X16 {
    type Proof = Avx512;

    #[inline(always)]
    fn gather(_: Avx512, quads: [__m128i; 16]) -> [Self; 4] {
        // Lane i is in row i mod 4, in its quarter i / 4.
        turned(array::from_fn(|row| {
            x16!({
                let first = _mm512_castsi128_si512(quads[row]);
                let two = _mm512_inserti32x4::<1>(first, quads[row + 4]);
                let three = _mm512_inserti32x4::<2>(two, quads[row + 8]);
                _mm512_inserti32x4::<3>(three, quads[row + 12])
            })
        }))
    }

    #[inline(always)]
    fn scatter(words: [Self; 4]) -> [__m128i; 16] {
        let rows = turned(words);
        // SAFETY: whoever has an `X16` holds the proof of AVX-512 F and BW, since it was made from one.
        array::from_fn(|lane| unsafe {
            let row = rows[lane % 4].0;
            match lane / 4 {
                0 => _mm512_extracti32x4_epi32::<0>(row),
                1 => _mm512_extracti32x4_epi32::<1>(row),
                2 => _mm512_extracti32x4_epi32::<2>(row),
                _ => _mm512_extracti32x4_epi32::<3>(row),
            }
        })
    }

    #[inline(always)]
    fn swapped(self) -> Self {
        // The order of `x8::SWAPPED`, four bytes to a number.
        x16!(_mm512_shuffle_epi8(
            self.0,
            _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203)
        ))
    }
}

/// Turns the squares of four by four that lie side by side in `rows`.
#[inline(always)]
fn turned([a, b, c, d]: [X16; 4]) -> [X16; 4] {
    let (ab, cd) = (x16!(_mm512_unpacklo_epi32(a.0, b.0)), x16!(_mm512_unpacklo_epi32(c.0, d.0)));
    let (ab_high, cd_high) = (x16!(_mm512_unpackhi_epi32(a.0, b.0)), x16!(_mm512_unpackhi_epi32(c.0, d.0)));
    [
        x16!(_mm512_unpacklo_epi64(ab.0, cd.0)),
        x16!(_mm512_unpackhi_epi64(ab.0, cd.0)),
        x16!(_mm512_unpacklo_epi64(ab_high.0, cd_high.0)),
        x16!(_mm512_unpackhi_epi64(ab_high.0, cd_high.0)),
    ]
}
