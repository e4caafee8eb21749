//! Numbers modulo p, the prime of sm2p256v1 (GB/T 32918.5-2017, 2).
//!
//! They are kept in Montgomery form, `a * 2^256 mod p`, in four words, always below p: a number has one form, whichever path made it.
//! A path is a [`Field`]: [`Portable`] here, the one with MULX and ADX in `arch/sm2.rs`. Everything above is written once, over both.

use zeroize::DefaultIsZeroes;

use super::point::{Affine, Jacobian};
use crate::arch::opaque;

/// A number modulo p in Montgomery form, least word first.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub(crate) struct Fe(pub(crate) [u64; 4]);

impl DefaultIsZeroes for Fe {}

/// p = 2^256 - 2^224 - 2^96 + 2^64 - 1
pub(crate) const P: [u64; 4] =
    [0xffff_ffff_ffff_ffff, 0xffff_ffff_0000_0000, 0xffff_ffff_ffff_ffff, 0xffff_fffe_ffff_ffff];

/// `2^256 mod p`
const ONE: [u64; 4] = [1, 0x0000_0000_ffff_ffff, 0, 0x0000_0001_0000_0000];

/// One way to calculate modulo p. In constant time, all of it.
pub(crate) trait Field: Copy {
    /// `a * b`
    fn mul(self, a: &Fe, b: &Fe) -> Fe;
    /// `a * a`
    fn square(self, a: &Fe) -> Fe;
    /// `a + b`
    fn add(self, a: &Fe, b: &Fe) -> Fe;
    /// `a - b`
    fn sub(self, a: &Fe, b: &Fe) -> Fe;
    /// Entry `index` of a window's table. Every entry is read, whichever is meant.
    fn entry(self, table: &[Affine; 64], index: u64) -> Affine;
    /// Entry `index` of a point's multiples, counted from 1; infinity for 0. Every entry is read, whichever is meant.
    fn multiple(self, table: &[Jacobian; 16], index: u64) -> Jacobian;

    /// `2 a`
    #[inline(always)]
    fn double(self, a: &Fe) -> Fe {
        self.add(a, a)
    }

    /// `-a`
    #[inline(always)]
    fn negate(self, a: &Fe) -> Fe {
        self.sub(&Fe::ZERO, a)
    }

    /// `a` squared `times` times.
    #[inline(always)]
    fn square_times(self, a: &Fe, times: u32) -> Fe {
        (0..times).fold(*a, |a, _| self.square(&a))
    }

    /// `a^-1`, and 0 for 0.
    #[inline(always)]
    fn invert(self, a: &Fe) -> Fe {
        // The inverse of a 2^256 is a^-1 2^-256; times 2^768, in Montgomery's product, it is a^-1 2^256.
        let inverse = super::inverse::P.invert(&a.0);
        self.mul(&Fe(inverse), &R_CUBED)
    }

    /// A square root of `a`, which is one only where `a` has one: `a^((p + 1) / 4)`, since p = 3 mod 4.
    #[inline(always)]
    fn square_root(self, a: &Fe) -> Fe {
        // (p + 1) / 4 = 2^254 - 2^222 - 2^94 + 2^62, which is 31 ones, a zero, 128 ones (with what follows): 2^222 (2^32 - 1) less
        // 2^62 (2^32 - 1). So a^(2^32 - 1) is made first, then a^(2^128 - 1) from it.
        let ones = |power: &Fe, length: u32, other: &Fe| self.mul(&self.square_times(power, length), other);
        let x2 = ones(a, 1, a);
        let x4 = ones(&x2, 2, &x2);
        let x8 = ones(&x4, 4, &x4);
        let x16 = ones(&x8, 8, &x8);
        let x24 = ones(&x16, 8, &x8);
        let x28 = ones(&x24, 4, &x4);
        let x30 = ones(&x28, 2, &x2);
        let x31 = ones(&x30, 1, a);
        let x32 = ones(&x31, 1, a);
        let x64 = ones(&x32, 32, &x32);
        let x128 = ones(&x64, 64, &x64);
        // 31 ones, a zero, 128 ones, 31 zeros, a one, 62 zeros: 254 bits.
        let high = ones(&self.square(&x31), 128, &x128);
        let high = ones(&high, 32, a);
        self.square_times(&high, 62)
    }

    /// The number that 32 big-endian bytes are; `None` when it is not below p. The bytes must be public.
    #[inline(always)]
    fn decode(self, bytes: &[u8; 32]) -> Option<Fe> {
        let words = words(bytes);
        super::scalar::is_below(&words, &P).then(|| self.mul(&Fe(words), &R_SQUARED))
    }

    /// The number that the words are, which must be below p.
    #[inline(always)]
    fn lift(self, words: [u64; 4]) -> Fe {
        self.mul(&Fe(words), &R_SQUARED)
    }

    /// The number out of Montgomery form.
    #[inline(always)]
    fn words_of(self, a: &Fe) -> [u64; 4] {
        self.mul(a, &Fe([1, 0, 0, 0])).0
    }

    /// 32 bytes, big-endian.
    #[inline(always)]
    fn encode(self, a: &Fe) -> [u8; 32] {
        bytes(&self.words_of(a))
    }
}

/// `2^512 mod p`
const R_SQUARED: Fe =
    Fe([0x0000_0002_0000_0003, 0x0000_0002_ffff_ffff, 0x0000_0001_0000_0001, 0x0000_0004_0000_0002]);
/// `2^768 mod p`
const R_CUBED: Fe =
    Fe([0x0000_0012_0000_0016, 0x0000_000e_ffff_fff8, 0x0000_000a_0000_000c, 0x0000_001b_0000_0009]);

impl Fe {
    pub(crate) const ZERO: Self = Self([0; 4]);
    pub(crate) const ONE: Self = Self(ONE);

    /// All ones when it is 0, else 0.
    #[inline(always)]
    pub(crate) const fn is_zero(&self) -> u64 {
        let Self([a, b, c, d]) = *self;
        let any = a | b | c | d;
        ((any | any.wrapping_neg()) >> 63).wrapping_sub(1)
    }

    /// `a` where `mask` is all ones, `b` where it is 0. The mask comes out of `opaque`.
    #[inline(always)]
    pub(crate) const fn select(mask: u64, a: &Self, b: &Self) -> Self {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a.0, b.0);
        Self([b0 ^ mask & (a0 ^ b0), b1 ^ mask & (a1 ^ b1), b2 ^ mask & (a2 ^ b2), b3 ^ mask & (a3 ^ b3)])
    }
}

/// The words of 32 big-endian bytes, least first.
#[inline(always)]
pub(super) fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let (chunks, _) = bytes.as_chunks::<8>();
    let mut words = [0; 4];
    words.iter_mut().zip(chunks.iter().rev()).for_each(|(w, c)| *w = u64::from_be_bytes(*c));
    words
}

/// 32 big-endian bytes of words, least first.
#[inline(always)]
pub(super) fn bytes(words: &[u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let (chunks, _) = bytes.as_chunks_mut::<8>();
    chunks.iter_mut().zip(words.iter().rev()).for_each(|(c, w)| *c = w.to_be_bytes());
    bytes
}

/// In safe Rust, for any processor.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Field for Portable {
    #[inline(always)]
    fn mul(self, a: &Fe, b: &Fe) -> Fe {
        let [a0, a1, a2, a3] = a.0;
        let [b0, b1, b2, b3] = b.0;
        // By rows: t = a * b
        let (t0, c) = carrying(a0, b0, 0, 0);
        let (t1, c) = carrying(a1, b0, 0, c);
        let (t2, c) = carrying(a2, b0, 0, c);
        let (t3, t4) = carrying(a3, b0, 0, c);
        let (t1, c) = carrying(a0, b1, t1, 0);
        let (t2, c) = carrying(a1, b1, t2, c);
        let (t3, c) = carrying(a2, b1, t3, c);
        let (t4, t5) = carrying(a3, b1, t4, c);
        let (t2, c) = carrying(a0, b2, t2, 0);
        let (t3, c) = carrying(a1, b2, t3, c);
        let (t4, c) = carrying(a2, b2, t4, c);
        let (t5, t6) = carrying(a3, b2, t5, c);
        let (t3, c) = carrying(a0, b3, t3, 0);
        let (t4, c) = carrying(a1, b3, t4, c);
        let (t5, c) = carrying(a2, b3, t5, c);
        let (t6, t7) = carrying(a3, b3, t6, c);
        reduce([t0, t1, t2, t3], [t4, t5, t6, t7])
    }

    #[inline(always)]
    fn square(self, a: &Fe) -> Fe {
        let [a0, a1, a2, a3] = a.0;
        // The products of different words, once each
        let (t1, c) = carrying(a0, a1, 0, 0);
        let (t2, c) = carrying(a0, a2, 0, c);
        let (t3, t4) = carrying(a0, a3, 0, c);
        let (t3, c) = carrying(a1, a2, t3, 0);
        let (t4, t5) = carrying(a1, a3, t4, c);
        let (t5, t6) = carrying(a2, a3, t5, 0);
        // doubled
        let t7 = t6 >> 63;
        let t6 = t6 << 1 | t5 >> 63;
        let t5 = t5 << 1 | t4 >> 63;
        let t4 = t4 << 1 | t3 >> 63;
        let t3 = t3 << 1 | t2 >> 63;
        let t2 = t2 << 1 | t1 >> 63;
        let t1 = t1 << 1;
        // and the squares
        let (t0, h0) = carrying(a0, a0, 0, 0);
        let ((l1, h1), (l2, h2), (l3, h3)) =
            (carrying(a1, a1, 0, 0), carrying(a2, a2, 0, 0), carrying(a3, a3, 0, 0));
        let (t1, c) = t1.carrying_add(h0, false);
        let (t2, c) = t2.carrying_add(l1, c);
        let (t3, c) = t3.carrying_add(h1, c);
        let (t4, c) = t4.carrying_add(l2, c);
        let (t5, c) = t5.carrying_add(h2, c);
        let (t6, c) = t6.carrying_add(l3, c);
        let (t7, _) = t7.carrying_add(h3, c);
        reduce([t0, t1, t2, t3], [t4, t5, t6, t7])
    }

    #[inline(always)]
    fn add(self, a: &Fe, b: &Fe) -> Fe {
        let (sum, carry) = add_words(a.0, b.0);
        subtract_p_once(sum, carry)
    }

    #[inline(always)]
    fn sub(self, a: &Fe, b: &Fe) -> Fe {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a.0, b.0);
        let (d0, c) = a0.borrowing_sub(b0, false);
        let (d1, c) = a1.borrowing_sub(b1, c);
        let (d2, c) = a2.borrowing_sub(b2, c);
        let (d3, c) = a3.borrowing_sub(b3, c);
        let mask = opaque(u64::from(c).wrapping_neg());
        let [p0, p1, p2, p3] = P;
        let (difference, _) = add_words([d0, d1, d2, d3], [p0 & mask, p1 & mask, p2 & mask, p3 & mask]);
        Fe(difference)
    }

    #[inline]
    fn entry(self, table: &[Affine; 64], index: u64) -> Affine {
        let mut found = Affine::INFINITY;
        for (number, entry) in (0..).zip(table) {
            let mask = mask_if_same(index, number);
            gather(&mut found.x, &entry.x, mask);
            gather(&mut found.y, &entry.y, mask);
        }
        found
    }

    #[inline]
    fn multiple(self, table: &[Jacobian; 16], index: u64) -> Jacobian {
        let mut found = Jacobian::INFINITY;
        for (number, entry) in (1..).zip(table) {
            let mask = mask_if_same(index, number);
            gather(&mut found.x, &entry.x, mask);
            gather(&mut found.y, &entry.y, mask);
            gather(&mut found.z, &entry.z, mask);
        }
        found
    }
}

/// All ones where the two are the same, else 0.
#[inline(always)]
fn mask_if_same(a: u64, b: u64) -> u64 {
    let different = a ^ b;
    opaque(((different | different.wrapping_neg()) >> 63).wrapping_sub(1))
}

/// Takes `entry` over where the mask is all ones; `found` is 0 until then.
#[inline(always)]
fn gather(found: &mut Fe, entry: &Fe, mask: u64) {
    found.0.iter_mut().zip(entry.0).for_each(|(f, e)| *f |= e & mask);
}

/// `a * b + c + d`, its low word and its high one.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
const fn carrying(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let t = (a as u128) * (b as u128) + (c as u128) + (d as u128);
    (t as u64, (t >> 64) as u64)
}

#[inline(always)]
fn add_words(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a, b);
    let (s0, c) = a0.carrying_add(b0, false);
    let (s1, c) = a1.carrying_add(b1, c);
    let (s2, c) = a2.carrying_add(b2, c);
    let (s3, c) = a3.carrying_add(b3, c);
    ([s0, s1, s2, s3], c)
}

/// `(low + 2^256 high) 2^-256 mod p`: Montgomery's reduction.
///
/// Since p = -1 mod 2^64, what must be added to make the lowest word m vanish is m p itself; divided by 2^64 that leaves
/// `m 2^192 - m 2^160 - m 2^32 + m`, with no multiplication.
#[inline(always)]
fn reduce(low: [u64; 4], high: [u64; 4]) -> Fe {
    let (sum, carry) = add_words(step(step(step(step(low)))), high);
    subtract_p_once(sum, carry)
}

#[inline(always)]
fn step([m, a1, a2, a3]: [u64; 4]) -> [u64; 4] {
    let (low, high) = (m << 32, m >> 32);
    let (x0, c) = m.borrowing_sub(low, false);
    let (x1, c) = 0u64.borrowing_sub(high, c);
    let (x2, c) = 0u64.borrowing_sub(low, c);
    let (x3, _) = m.borrowing_sub(high, c);
    let (sum, _) = add_words([a1, a2, a3, 0], [x0, x1, x2, x3]);
    sum
}

/// What is below 2 p, brought below p.
#[inline(always)]
fn subtract_p_once(a: [u64; 4], carry: bool) -> Fe {
    let [a0, a1, a2, a3] = a;
    let [p0, p1, p2, p3] = P;
    let (d0, c) = a0.borrowing_sub(p0, false);
    let (d1, c) = a1.borrowing_sub(p1, c);
    let (d2, c) = a2.borrowing_sub(p2, c);
    let (d3, c) = a3.borrowing_sub(p3, c);
    let (_, below) = u64::from(carry).borrowing_sub(0, c);
    Fe::select(opaque(u64::from(below).wrapping_neg()), &Fe(a), &Fe([d0, d1, d2, d3]))
}
