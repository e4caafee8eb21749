//! Points of sm2p256v1: `y^2 = x^3 - 3 x + b` (GB/T 32918.5-2017, 2), and how they are added and multiplied.
//!
//! What takes secrets is branch-free and says why no exceptional case is missed. What has `vartime` in its name is for public values.

use alloc::vec::Vec;

use zeroize::{DefaultIsZeroes, Zeroizing};

use super::field::{Fe, Field};
use super::scalar::Scalar;
use super::table::{self, WINDOW_BITS, WINDOWS, Window};
use crate::arch::opaque;

/// A point by its coordinates; `(0, 0)`, which is not on the curve, stands for infinity. One cache line.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[repr(C, align(64))]
pub(crate) struct Affine {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
}

/// A point as `x = X / Z^2`, `y = Y / Z^3`; infinity has Z = 0.
#[derive(Clone, Copy, Default)]
#[repr(C, align(32))]
pub(crate) struct Jacobian {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
    pub(crate) z: Fe,
}

impl DefaultIsZeroes for Affine {}
impl DefaultIsZeroes for Jacobian {}

/// b in Montgomery form
const B: Fe =
    Fe([0x90d2_3063_2bc0_dd42, 0x71cf_379a_e9b5_37ab, 0x5279_8150_5ea5_1c3c, 0x240f_e188_ba20_e2c8]);

impl Affine {
    pub(crate) const INFINITY: Self = Self { x: Fe::ZERO, y: Fe::ZERO };

    /// Whether the coordinates satisfy the curve's equation.
    pub(super) fn is_on_curve<F: Field>(&self, f: F) -> bool {
        f.square(&self.y) == right_side(f, &self.x)
    }

    /// The point with this x and a y that is odd or even as asked, in time that depends on x; `None` when there is none.
    pub(super) fn decompress_vartime<F: Field>(f: F, x: Fe, odd: bool) -> Option<Self> {
        let right = right_side(f, &x);
        let root = f.square_root(&right);
        if f.square(&root) != right {
            return None;
        }
        let [low, ..] = f.words_of(&root);
        let y = if (low & 1 == 1) == odd { root } else { f.negate(&root) };
        // INVARIANT: y is not 0 (the order n is odd), so that -y is odd where y is even.
        Some(Self { x, y })
    }

    const fn is_infinity(&self) -> u64 {
        self.x.is_zero() & self.y.is_zero()
    }

    pub(super) const fn lifted(&self) -> Jacobian {
        Jacobian { x: self.x, y: self.y, z: Fe::ONE }
    }
}

/// `x^3 - 3 x + b`
fn right_side<F: Field>(f: F, x: &Fe) -> Fe {
    let cube = f.mul(&f.square(x), x);
    let three = f.add(&f.double(x), x);
    f.add(&f.sub(&cube, &three), &B)
}

impl Jacobian {
    pub(crate) const INFINITY: Self = Self { x: Fe::ZERO, y: Fe::ZERO, z: Fe::ZERO };

    /// All ones for infinity, else 0.
    pub(super) const fn is_infinity(&self) -> u64 {
        self.z.is_zero()
    }

    #[inline(always)]
    fn select(mask: u64, a: &Self, b: &Self) -> Self {
        let mask = opaque(mask);
        Self {
            x: Fe::select(mask, &a.x, &b.x),
            y: Fe::select(mask, &a.y, &b.y),
            z: Fe::select(mask, &a.z, &b.z),
        }
    }

    /// `2 self`, infinity included: 4 multiplications, 4 squarings. No point has order 2, so y is never 0.
    #[inline(always)]
    fn double<F: Field>(&self, f: F) -> Self {
        let y2 = f.double(&self.y);
        let z2 = f.square(&self.z);
        let yy4 = f.square(&y2);
        // 3 x^2 - 3 z^4 = 3 (x - z^2) (x + z^2)
        let m = f.mul(&f.sub(&self.x, &z2), &f.add(&self.x, &z2));
        let m = f.add(&f.double(&m), &m);
        let s = f.mul(&yy4, &self.x);
        let yyyy8 = halved(f, &f.square(&yy4));
        let x = f.sub(&f.sub(&f.square(&m), &s), &s);
        let y = f.sub(&f.mul(&m, &f.sub(&s, &x)), &yyyy8);
        Self { x, y, z: f.mul(&self.z, &y2) }
    }

    /// `self + other` for two that are not infinity; wrong for `self = other`, and right for `self = -other`. 8 multiplications, 3
    /// squarings.
    #[inline(always)]
    fn add_affine_unequal<F: Field>(&self, f: F, other: &Affine) -> Self {
        Addition::of_affine(f, self, other).sum(f)
    }

    /// `self + other` for any two that are not infinity.
    fn add_affine<F: Field>(&self, f: F, other: &Affine) -> Self {
        let addition = Addition::of_affine(f, self, other);
        Self::select(addition.is_doubling(), &self.double(f), &addition.sum(f))
    }

    /// `self + other`, either of which may be infinity; wrong for `self = other` and then infinity, and right for `self = -other`.
    /// 12 multiplications, 4 squarings.
    #[inline(always)]
    fn add_unequal<F: Field>(&self, f: F, other: &Self) -> Self {
        let sum = Addition::of(f, self, &Multiple::of(f, *other)).sum(f);
        let sum = Self::select(other.is_infinity(), self, &sum);
        Self::select(self.is_infinity(), other, &sum)
    }

    /// `self + other` whatever they are.
    pub(super) fn add<F: Field>(&self, f: F, other: &Self) -> Self {
        let addition = Addition::of(f, self, &Multiple::of(f, *other));
        let sum = Self::select(addition.is_doubling(), &self.double(f), &addition.sum(f));
        let sum = Self::select(other.is_infinity(), self, &sum);
        Self::select(self.is_infinity(), other, &sum)
    }

    /// `self + other` whatever they are, in time that depends on them.
    #[inline(always)]
    pub(super) fn add_affine_vartime<F: Field>(&self, f: F, other: &Affine) -> Self {
        match (self.is_infinity() != 0, other.is_infinity() != 0) {
            (_, true) => *self,
            (true, false) => other.lifted(),
            (false, false) => Addition::of_affine(f, self, other).sum_vartime(f, self),
        }
    }

    /// `self + other` whatever they are, in time that depends on them.
    pub(super) fn add_vartime<F: Field>(&self, f: F, other: &Self) -> Self {
        if other.is_infinity() != 0 { *self } else { self.add_multiple_vartime(f, &Multiple::of(f, *other)) }
    }

    /// `self + other` whatever they are, in time that depends on them.
    #[inline(always)]
    fn add_multiple_vartime<F: Field>(&self, f: F, other: &Multiple) -> Self {
        if self.is_infinity() != 0 {
            return other.point;
        }
        Addition::of(f, self, other).sum_vartime(f, self)
    }

    /// `2^times self`
    #[inline(always)]
    pub(super) fn doubled<F: Field>(&self, f: F, times: u32) -> Self {
        (0..times).fold(*self, |point, _| point.double(f))
    }

    fn negate<F: Field>(&self, f: F) -> Self {
        Self { y: f.negate(&self.y), ..*self }
    }

    /// The coordinates; `(0, 0)` for infinity.
    pub(super) fn to_affine<F: Field>(self, f: F) -> Affine {
        self.scaled(f, &f.invert(&self.z))
    }

    /// The coordinates, given `1 / Z`.
    pub(super) fn scaled<F: Field>(&self, f: F, z_inverse: &Fe) -> Affine {
        let z2 = f.square(z_inverse);
        Affine { x: f.mul(&self.x, &z2), y: f.mul(&self.y, &f.mul(&z2, z_inverse)) }
    }
}

/// A point other than infinity that is added often, with the powers of Z that an addition asks for.
#[derive(Clone, Copy)]
struct Multiple {
    point: Jacobian,
    z2: Fe,
    z3: Fe,
}

impl Multiple {
    fn of<F: Field>(f: F, point: Jacobian) -> Self {
        let z2 = f.square(&point.z);
        Self { point, z2, z3: f.mul(&z2, &point.z) }
    }
}

/// An addition of two points brought to one denominator: `x = u / z^2` and `y = s / z^3` of each, and the Z of their sum.
struct Addition {
    u1: Fe,
    s1: Fe,
    /// `u2 - u1`
    h: Fe,
    /// `s2 - s1`
    r: Fe,
    z: Fe,
}

impl Addition {
    #[inline(always)]
    fn of<F: Field>(f: F, a: &Jacobian, b: &Multiple) -> Self {
        let Multiple { point: b, z2, z3 } = b;
        let z1 = f.square(&a.z);
        let (u1, s1) = (f.mul(&a.x, z2), f.mul(&a.y, z3));
        let h = f.sub(&f.mul(&b.x, &z1), &u1);
        let r = f.sub(&f.mul(&b.y, &f.mul(&z1, &a.z)), &s1);
        let z = f.mul(&f.mul(&a.z, &b.z), &h);
        Self { u1, s1, h, r, z }
    }

    /// The same with 1 for the Z of `b`.
    #[inline(always)]
    fn of_affine<F: Field>(f: F, a: &Jacobian, b: &Affine) -> Self {
        let z1 = f.square(&a.z);
        let h = f.sub(&f.mul(&b.x, &z1), &a.x);
        let r = f.sub(&f.mul(&f.mul(&z1, &a.z), &b.y), &a.y);
        let z = f.mul(&a.z, &h);
        Self { u1: a.x, s1: a.y, h, r, z }
    }

    /// All ones when the points are the same, of which [`Self::sum`] knows nothing, or both infinity.
    #[inline(always)]
    const fn is_doubling(&self) -> u64 {
        self.h.is_zero() & self.r.is_zero()
    }

    #[inline(always)]
    fn sum<F: Field>(&self, f: F) -> Jacobian {
        let Self { u1, s1, h, r, z } = self;
        let hh = f.square(h);
        let hhh = f.mul(&hh, h);
        let v = f.mul(u1, &hh);
        let x = f.sub(&f.sub(&f.sub(&f.square(r), &hhh), &v), &v);
        let y = f.sub(&f.mul(r, &f.sub(&v, &x)), &f.mul(s1, &hhh));
        Jacobian { x, y, z: *z }
    }

    /// The sum also of a point with itself, in time that depends on both; `a` is the first of them.
    #[inline(always)]
    fn sum_vartime<F: Field>(&self, f: F, a: &Jacobian) -> Jacobian {
        match (self.h.is_zero() != 0, self.r.is_zero() != 0) {
            (true, true) => a.double(f),
            (true, false) => Jacobian::INFINITY,
            (false, _) => self.sum(f),
        }
    }
}

/// `a / 2`
#[inline(always)]
fn halved<F: Field>(f: F, a: &Fe) -> Fe {
    // a / 2 = (a >> 1) + (a & 1) (p + 1) / 2, and Montgomery form does not mind. (p + 1) / 2 = 2^255 - 2^223 - 2^95 + 2^63
    const HALF: [u64; 4] =
        [0x8000_0000_0000_0000, 0xffff_ffff_8000_0000, 0xffff_ffff_ffff_ffff, 0x7fff_ffff_7fff_ffff];
    let [a0, a1, a2, a3] = a.0;
    let odd = (a0 & 1).wrapping_neg();
    let [h0, h1, h2, h3] = HALF;
    let shifted = Fe([a0 >> 1 | a1 << 63, a1 >> 1 | a2 << 63, a2 >> 1 | a3 << 63, a3 >> 1]);
    f.add(&shifted, &Fe([h0 & odd, h1 & odd, h2 & odd, h3 & odd]))
}

/// `[k]G`, in constant time.
///
/// A comb over an odd number (k, or n - k with the sign turned): 36 odd signed digits of 7 bits and a last odd one, so that every digit
/// adds a point of its window's table, nothing is doubled, and infinity is never met on the way. INVARIANT: no addition but the last
/// meets two points that are equal or each other's negative. Before window w the sum is S with |S| < 2^(7w), and the digit adds D with
/// |D| >= 2^(7w): as whole numbers they differ, and before the last window |S| + |D| < n. The last addition knows every case.
pub(super) fn generator_times<F: Field>(f: F, k: &Scalar) -> Jacobian {
    let odd = OddScalar::of(k);
    let [first, middle @ .., last] = &table::GENERATOR;
    let mut sum = odd.addend(f, 0, first).lifted();
    for (window, entries) in (1..).zip(middle) {
        sum = sum.add_affine_unequal(f, &odd.addend(f, window, entries));
    }
    sum.add_affine(f, &odd.addend(f, LAST_WINDOW, last))
}

/// `[k]G` for each k, in constant time; `(0, 0)` for `k = 0`.
///
/// As [`generator_times`], window by window: each is read from memory once for all, and one inversion for all keeps the sums in plain
/// coordinates, where an addition costs 5 multiplications and a squaring.
pub(super) fn generator_times_each<F: Field>(f: F, scalars: &[Scalar]) -> Vec<Affine> {
    let odd: Zeroizing<Vec<OddScalar>> = Zeroizing::new(scalars.iter().map(OddScalar::of).collect());
    let [first, middle @ .., last] = &table::GENERATOR;
    let mut sums: Zeroizing<Vec<Affine>> =
        Zeroizing::new(odd.iter().map(|odd| odd.addend(f, 0, first)).collect());
    for (window, entries) in (1..).zip(middle) {
        let addends: Zeroizing<Vec<Affine>> =
            Zeroizing::new(odd.iter().map(|odd| odd.addend(f, window, entries)).collect());
        add_each_unequal(f, &mut sums, &addends);
    }
    let add_last =
        |(sum, odd): (&Affine, &OddScalar)| sum.lifted().add_affine(f, &odd.addend(f, LAST_WINDOW, last));
    table::all_to_affine(f, &Zeroizing::new(sums.iter().zip(odd.iter()).map(add_last).collect::<Vec<_>>()))
}

/// `sum + addend` for each pair of points, of which none is infinity and no two are equal or each other's negative.
fn add_each_unequal<F: Field>(f: F, sums: &mut [Affine], addends: &[Affine]) {
    let mut slopes: Zeroizing<Vec<Fe>> =
        Zeroizing::new(sums.iter().zip(addends).map(|(sum, addend)| f.sub(&addend.x, &sum.x)).collect());
    table::invert_all(f, &mut slopes);
    for ((sum, addend), inverse) in sums.iter_mut().zip(addends).zip(slopes.iter()) {
        let slope = f.mul(&f.sub(&addend.y, &sum.y), inverse);
        let x = f.sub(&f.sub(&f.square(&slope), &sum.x), &addend.x);
        let y = f.sub(&f.mul(&slope, &f.sub(&sum.x, &x)), &sum.y);
        *sum = Affine { x, y };
    }
}

/// The window that has no other above it.
const LAST_WINDOW: u32 = WINDOWS as u32 - 1;

/// A scalar as an odd number and a sign: of k and n - k one is odd, because n is.
#[derive(Clone, Copy, Default)]
struct OddScalar {
    words: [u64; 4],
    /// All ones when it is n - k, else 0.
    negative: u64,
}

impl DefaultIsZeroes for OddScalar {}

impl OddScalar {
    fn of(k: &Scalar) -> Self {
        let [low, ..] = *k.words();
        let negative = opaque((low & 1).wrapping_sub(1));
        let words = Fe::select(negative, &Fe(k.taken_from_n()), &Fe(*k.words())).0;
        Self { words, negative }
    }

    /// The digit of a window: all ones when it is negative and else 0, and of its odd absolute value 2 i + 1 the i.
    #[inline(always)]
    fn digit(&self, window: u32) -> (u64, u64) {
        // What is left of an odd number after its lower digits were taken off is odd, because each of them is: its bits, with the lowest
        // set, less 128 are the next digit.
        let bits = bits_from(&self.words, window as usize * WINDOW_BITS) & 0xff | 1;
        if window == LAST_WINDOW {
            return (0, bits >> 1);
        }
        let negative = opaque((bits >> 7).wrapping_sub(1));
        // 128 to 255: (bits - 128) / 2. 1 to 127: (128 - bits) / 2
        let folded = bits ^ negative;
        (negative, folded >> 1 & 0x3f)
    }

    #[inline(always)]
    fn addend<F: Field>(&self, f: F, window: u32, entries: &Window) -> Affine {
        let (negative, index) = self.digit(window);
        let entry = f.entry(entries, index);
        let negative = opaque(negative ^ self.negative);
        Affine { x: entry.x, y: Fe::select(negative, &f.negate(&entry.y), &entry.y) }
    }
}

/// `[k]point`, in constant time, for a point other than infinity.
///
/// k is read as 52 signed digits of 5 bits, highest first. No addition but the last can meet two equal points: the sum is 32 times a
/// whole number or 0, the digit at most 16, and modulo n they agree only when `k = n + 2 d` ends the multiplication (d = -3, k = n - 6).
pub(super) fn times<F: Field>(f: F, point: &Affine, k: &Scalar) -> Jacobian {
    let multiples = multiples(f, point);
    let addend = |position| {
        let (negative, digit) = booth_digit(k.words(), position);
        let mut addend = f.multiple(&multiples, digit);
        addend.y = Fe::select(negative, &f.negate(&addend.y), &addend.y);
        addend
    };
    let mut product = addend(255);
    for position in (1..51).rev().map(|digit| digit * DIGIT_BITS as usize) {
        product = product.doubled(f, DIGIT_BITS).add_unequal(f, &addend(position));
    }
    product.doubled(f, DIGIT_BITS).add(f, &addend(0))
}

/// 1 to 16 times the point.
fn multiples<F: Field>(f: F, point: &Affine) -> [Jacobian; 16] {
    let mut multiples = [point.lifted(); 16];
    for number in 2..=16usize {
        let [half, before] =
            [number / 2, number - 1].map(|n| multiples.get(n - 1).copied().unwrap_or_default());
        let next = if number % 2 == 0 { half.double(f) } else { before.add_affine_unequal(f, point) };
        if let Some(multiple) = multiples.get_mut(number - 1) {
            *multiple = next;
        }
    }
    multiples
}

/// Bits of a digit of [`times`].
const DIGIT_BITS: u32 = 5;

/// The signed digit at `position` (Booth): all ones when it is negative and else 0, and its absolute value, at most 16.
#[inline(always)]
fn booth_digit(k: &[u64; 4], position: usize) -> (u64, u64) {
    // The digit's bits and the one below them.
    let bits = if position == 0 { bits_from(k, 0) << 1 } else { bits_from(k, position - 1) } & 0x3f;
    let negative = opaque((bits >> 5).wrapping_neg());
    // Not negative: (bits + 1) / 2. Negative: (63 - bits + 1) / 2.
    let folded = bits ^ negative & 0x3f;
    (negative, (folded >> 1) + (folded & 1))
}

/// The 64 bits of k from `position` on, which is public.
#[inline(always)]
fn bits_from(k: &[u64; 4], position: usize) -> u64 {
    let [k0, k1, k2, k3] = *k;
    let (low, high) = match position / 64 {
        0 => (k0, k1),
        1 => (k1, k2),
        2 => (k2, k3),
        3 => (k3, 0),
        _ => (0, 0),
    };
    low >> (position % 64) | (high << 1) << (63 - position % 64)
}

/// `[s]G + [t]point`, in time that depends on all three.
pub(super) fn combine_vartime<F: Field>(f: F, s: &Scalar, t: &Scalar, point: &Affine) -> Jacobian {
    let product = times_vartime(f, point, t);
    add_comb_vartime(f, product, s, &table::GENERATOR)
}

/// `[s]G + [t]P` with P's own windows, in time that depends on all three.
pub(super) fn combine_by_table_vartime<F: Field>(
    f: F,
    s: &Scalar,
    t: &Scalar,
    windows: &[Window; WINDOWS],
) -> Jacobian {
    let product = add_comb_vartime(f, Jacobian::INFINITY, t, windows);
    add_comb_vartime(f, product, s, &table::GENERATOR)
}

/// `sum + [k]P` with P's windows.
fn add_comb_vartime<F: Field>(f: F, mut sum: Jacobian, k: &Scalar, windows: &[Window; WINDOWS]) -> Jacobian {
    if k.is_zero() {
        return sum;
    }
    let odd = OddScalar::of(k);
    for (number, window) in (0..).zip(windows) {
        let (negative, index) = odd.digit(number);
        let Some(entry) = usize::try_from(index).ok().and_then(|index| window.get(index)) else { continue };
        let y = if negative != odd.negative { f.negate(&entry.y) } else { entry.y };
        sum = sum.add_affine_vartime(f, &Affine { x: entry.x, y });
    }
    sum
}

/// `[k]point`, in time that depends on both.
pub(super) fn times_vartime<F: Field>(f: F, point: &Affine, k: &Scalar) -> Jacobian {
    let multiples = odd_multiples(f, point).map(|multiple| Multiple::of(f, multiple));
    sum_of_digits_vartime(f, k, |product, index, negative| {
        let Some(multiple) = multiples.get(index) else { return product };
        let point = if negative { multiple.point.negate(f) } else { multiple.point };
        product.add_multiple_vartime(f, &Multiple { point, ..*multiple })
    })
}

/// How many odd multiples digits of 5 bits ask for: 1 to 15 times the point.
const ODD_MULTIPLES: usize = 8;

/// 1, 3, ... 15 times the point.
fn odd_multiples<F: Field>(f: F, point: &Affine) -> [Jacobian; ODD_MULTIPLES] {
    let twice = Multiple::of(f, point.lifted().double(f));
    let mut multiples = [point.lifted(); ODD_MULTIPLES];
    let mut last = point.lifted();
    for multiple in multiples.iter_mut().skip(1) {
        last = last.add_multiple_vartime(f, &twice);
        *multiple = last;
    }
    multiples
}

/// `[k]P` by signed digits of 5 bits with zeros between them (width-5 NAF), highest first: `add` adds the odd multiple with that index
/// to what it is given, or takes it off.
#[inline(always)]
fn sum_of_digits_vartime<F: Field>(
    f: F,
    k: &Scalar,
    add: impl Fn(Jacobian, usize, bool) -> Jacobian,
) -> Jacobian {
    let mut product = Jacobian::INFINITY;
    for digit in non_adjacent_form(k).into_iter().rev() {
        product = product.double(f);
        if digit != 0 {
            product = add(product, usize::from(digit.unsigned_abs() / 2), digit < 0);
        }
    }
    product
}

/// Digits that are 0 or odd and from -15 to 15, least first, with `sum digit_i 2^i = k`.
fn non_adjacent_form(k: &Scalar) -> [i8; 257] {
    let mut digits = [0; 257];
    let (mut carry, mut position) = (0, 0);
    while let Some(digit) = digits.get_mut(position) {
        let bits = (bits_from(k.words(), position) & 31) + carry;
        if bits & 1 == 0 {
            // 0, or a carry into an odd bit: it goes on.
            position += 1;
            continue;
        }
        carry = u64::from(bits > 15);
        // INVARIANT: from -15 to 15.
        *digit = i8::try_from(bits).unwrap_or(0) - if carry == 1 { 32 } else { 0 };
        position += 5;
    }
    digits
}
