//! Scalars and points: the only place that knows whose arithmetic runs underneath.

use core::fmt;

use ::sm2::elliptic_curve::ops::{MulByGeneratorVartime, Reduce};
use ::sm2::elliptic_curve::point::AffineCoordinates;
use ::sm2::elliptic_curve::sec1::FromSec1Point;
use ::sm2::elliptic_curve::{Field, Group, PrimeField};
use ::sm2::{AffinePoint, ProjectivePoint, Sec1Point};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::Error;

pub(super) use ::sm2::Scalar;

/// Length of a coordinate or scalar, in bytes.
pub(super) const SCALAR_BYTES: usize = 32;

/// Length of an uncompressed point, in bytes: `04 || x || y`.
pub(super) const POINT_BYTES: usize = 65;

/// `a || b || xG || yG`, as Z takes them in (GB/T 32918.5-2017, 2).
#[rustfmt::skip]
pub(super) const PARAMETERS: [u8; 4 * SCALAR_BYTES] = [
    // a
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc,
    // b
    0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf, 0x65, 0x09, 0xa7,
    0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41, 0x4d, 0x94, 0x0e, 0x93,
    // xG
    0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9, 0x94,
    0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7,
    // yG
    0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53,
    0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0,
];

/// The scalar that big-endian `bytes` are; `None` when not below n.
pub(super) fn scalar(bytes: &[u8; SCALAR_BYTES]) -> Option<Scalar> {
    Scalar::from_repr((*bytes).into()).into_option()
}

/// Big-endian `bytes` modulo n.
pub(super) fn reduced(bytes: &[u8; SCALAR_BYTES]) -> Scalar {
    Scalar::reduce(&::sm2::FieldBytes::from(*bytes))
}

/// The scalar big-endian.
pub(super) fn scalar_bytes(scalar: &Scalar) -> [u8; SCALAR_BYTES] {
    scalar.to_repr().into()
}

/// Whether the scalar is zero, in constant time until the answer is looked at.
pub(super) fn is_zero(scalar: &Scalar) -> bool {
    Field::is_zero(scalar).into()
}

/// A private key from 1 to n-2: with n-1 there is no `(1 + d)^-1` (GB/T 32918.2-2016, 6.1, A6).
pub(super) fn private_scalar(bytes: &[u8; SCALAR_BYTES]) -> Option<Zeroizing<Scalar>> {
    let d = Zeroizing::new(scalar(bytes)?);
    let usable = !is_zero(&d) && !is_zero(&(*d + Scalar::ONE));
    usable.then_some(d)
}

/// A private key or encryption nonce drawn evenly from 1 to n-2, by drawing again what falls outside.
pub(super) fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Zeroizing<Scalar> {
    loop {
        let mut bytes = Zeroizing::new([0; SCALAR_BYTES]);
        rng.fill_bytes(bytes.as_mut_slice());
        if let Some(d) = private_scalar(&bytes) {
            return d;
        }
    }
}

/// `(1 + d)^-1`; `None` for n-1, which is no private key.
pub(super) fn inverse_of_successor(d: &Scalar) -> Option<Zeroizing<Scalar>> {
    (*d + Scalar::ONE).invert().into_option().map(Zeroizing::new)
}

/// A point of the curve other than infinity, with its coordinates big-endian.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    affine: AffinePoint,
    x: [u8; SCALAR_BYTES],
    y: [u8; SCALAR_BYTES],
}

impl Point {
    /// Reads a SEC 1 point (GB/T 32918.1-2016, 4.2.9 and 4.2.10), uncompressed or compressed. Coordinates not below p, points off
    /// the curve, infinity and the hybrid form are refused, so that each point has one encoding of each kind.
    pub(super) fn from_sec1(bytes: &[u8]) -> Result<Self, Error> {
        if !matches!((bytes.len(), bytes.first()), (65, Some(4)) | (33, Some(2 | 3))) {
            return Err(Error::PointEncoding { bytes: bytes.len() });
        }
        let encoded = Sec1Point::from_bytes(bytes).map_err(|_| Error::PointNotOnCurve)?;
        let affine = AffinePoint::from_sec1_point(&encoded).into_option().ok_or(Error::PointNotOnCurve)?;
        Self::from_affine(affine).ok_or(Error::PointNotOnCurve)
    }

    /// `[k]G`, in constant time; `None` for `k = 0`.
    pub(super) fn generator_times(k: &Scalar) -> Option<Self> {
        Self::from_affine(ProjectivePoint::mul_by_generator(k).to_affine())
    }

    /// `[k]self`, in constant time; `None` for `k = 0`.
    pub(super) fn times(&self, k: &Scalar) -> Option<Self> {
        let product = Zeroizing::new(ProjectivePoint::from(self.affine) * k);
        Self::from_affine(product.to_affine())
    }

    /// `[a]G + [b]self`, in time that depends on all three: for public values only. `None` for infinity.
    pub(super) fn combine_vartime(&self, a: &Scalar, b: &Scalar) -> Option<Self> {
        let point = ProjectivePoint::from(self.affine);
        Self::from_affine(ProjectivePoint::mul_by_generator_and_mul_add_vartime(a, b, &point).to_affine())
    }

    /// `self + other`, whatever the two are to each other; `None` for infinity.
    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        Self::from_affine((ProjectivePoint::from(self.affine) + other.affine).to_affine())
    }

    fn from_affine(affine: AffinePoint) -> Option<Self> {
        if affine == AffinePoint::IDENTITY {
            return None;
        }
        Some(Self { affine, x: affine.x().into(), y: affine.y().into() })
    }

    /// `04 || x || y`.
    pub(super) fn sec1(&self) -> [u8; POINT_BYTES] {
        let mut out = [4; POINT_BYTES];
        out.iter_mut().skip(1).zip(self.x.iter().chain(&self.y)).for_each(|(o, b)| *o = *b);
        out
    }

    /// x and y, big-endian.
    pub(super) const fn coordinates(&self) -> (&[u8; SCALAR_BYTES], &[u8; SCALAR_BYTES]) {
        (&self.x, &self.y)
    }
}

impl Zeroize for Point {
    fn zeroize(&mut self) {
        self.affine.zeroize();
        self.x.zeroize();
        self.y.zeroize();
    }
}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sec1().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}
