//! Numbers modulo n, the order of sm2p256v1 (GB/T 32918.5-2017, 2). The multiplication is fiat-crypto's, derived with a proof.

use core::ops::{Add, Mul, Sub};

use fiat_crypto::sm2_scalar_64::{
    fiat_sm2_scalar_add, fiat_sm2_scalar_montgomery_domain_field_element as Montgomery, fiat_sm2_scalar_mul,
    fiat_sm2_scalar_non_montgomery_domain_field_element as Plain, fiat_sm2_scalar_sub,
    fiat_sm2_scalar_to_montgomery,
};
use zeroize::DefaultIsZeroes;

use super::field;
use crate::declassify::verdict;

/// n, least word first
pub(super) const N: [u64; 4] =
    [0x53bb_f409_39d5_4123, 0x7203_df6b_21c6_052b, 0xffff_ffff_ffff_ffff, 0xffff_fffe_ffff_ffff];

/// A number from 0 to n-1, least word first. Its arithmetic runs in constant time; comparing with `==` does not.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Scalar([u64; 4]);

impl DefaultIsZeroes for Scalar {}

impl Scalar {
    pub(super) const ONE: Self = Self([1, 0, 0, 0]);

    /// The number that big-endian `bytes` are; `None` when not below n. Only that is told by the time it takes.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = field::words(bytes);
        // Seen: whether the number is out of range, nothing of one that is not.
        verdict(is_below(&words, &N)).then_some(Self(words))
    }

    /// Big-endian `bytes` modulo n: since 2^256 < 2 n, one subtraction is enough.
    pub(super) fn reduced(bytes: &[u8; 32]) -> Self {
        Self::reduced_words(field::words(bytes))
    }

    /// The words modulo n.
    pub(super) fn reduced_words(words: [u64; 4]) -> Self {
        let (difference, borrow) = subtract(&words, &N);
        let mask = crate::arch::opaque(u64::from(borrow).wrapping_neg());
        Self(field::Fe::select(mask, &field::Fe(words), &field::Fe(difference)).0)
    }

    /// 32 bytes, big-endian.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        field::bytes(&self.0)
    }

    /// Least word first.
    pub(super) const fn words(&self) -> &[u64; 4] {
        &self.0
    }

    /// Whether it is 0, in constant time until the answer is looked at.
    pub(super) const fn is_zero(&self) -> bool {
        let Self([a, b, c, d]) = *self;
        a | b | c | d == 0
    }

    /// This plus n, where that is below p: the other coordinate that is this modulo n.
    pub(super) fn plus_order_below_p(&self) -> Option<[u64; 4]> {
        let mut sum = [0; 4];
        let mut carry = false;
        for (s, (a, b)) in sum.iter_mut().zip(self.0.iter().zip(&N)) {
            (*s, carry) = a.carrying_add(*b, carry);
        }
        (!carry && is_below(&sum, &field::P)).then_some(sum)
    }

    /// n less this: n itself for 0.
    pub(super) fn taken_from_n(&self) -> [u64; 4] {
        subtract(&N, &self.0).0
    }

    /// The inverse, and 0 for 0.
    pub(super) fn invert(&self) -> Self {
        Self(super::inverse::N.invert(&self.0))
    }
}

/// Whether `a < b`, in constant time until the answer is looked at.
pub(super) fn is_below(a: &[u64; 4], b: &[u64; 4]) -> bool {
    subtract(a, b).1
}

fn subtract(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let mut difference = [0; 4];
    let mut borrow = false;
    for (d, (a, b)) in difference.iter_mut().zip(a.iter().zip(b)) {
        (*d, borrow) = a.borrowing_sub(*b, borrow);
    }
    (difference, borrow)
}

impl Add<&Self> for Scalar {
    type Output = Self;

    fn add(self, other: &Self) -> Self {
        // Sums and differences are the same in and out of Montgomery form.
        let mut sum = Montgomery([0; 4]);
        fiat_sm2_scalar_add(&mut sum, &Montgomery(self.0), &Montgomery(other.0));
        Self(sum.0)
    }
}

impl Sub<&Self> for Scalar {
    type Output = Self;

    fn sub(self, other: &Self) -> Self {
        let mut difference = Montgomery([0; 4]);
        fiat_sm2_scalar_sub(&mut difference, &Montgomery(self.0), &Montgomery(other.0));
        Self(difference.0)
    }
}

impl Mul<&Self> for Scalar {
    type Output = Self;

    fn mul(self, other: &Self) -> Self {
        // (a 2^256) b 2^-256 = a b: one factor in Montgomery form is enough.
        let (mut lifted, mut product) = (Montgomery([0; 4]), Montgomery([0; 4]));
        fiat_sm2_scalar_to_montgomery(&mut lifted, &Plain(self.0));
        fiat_sm2_scalar_mul(&mut product, &lifted, &Montgomery(other.0));
        super::wipe([&mut lifted.0]);
        Self(product.0)
    }
}

macro_rules! by_value {
    ($($operation:ident :: $name:ident),*) => {$(
        impl $operation for Scalar {
            type Output = Self;

            fn $name(self, other: Self) -> Self {
                $operation::$name(self, &other)
            }
        }
    )*};
}
by_value!(Add::add, Sub::sub, Mul::mul);
