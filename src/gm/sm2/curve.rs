//! Private scalars and public points as the schemes use them, and the choice of the path that calculates.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::Error;
use super::field::Field;
use super::point::{self, Affine, Jacobian};
use super::table::{self, WINDOWS, Window};

pub(super) use super::scalar::Scalar;
use crate::declassify::{declassify, verdict};

/// Runs `$work` on the fastest field there is.
macro_rules! on_field {
    ($f:ident => $work:expr) => {{
        #[cfg(target_arch = "x86_64")]
        let found = crate::arch::cpu::Avx2::here();
        #[cfg(not(target_arch = "x86_64"))]
        let found: Option<super::field::Portable> = None;
        match found {
            Some($f) => $work,
            None => {
                let $f = super::field::Portable;
                $work
            }
        }
    }};
}

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
    Scalar::from_bytes(bytes)
}

/// Big-endian `bytes` modulo n.
pub(super) fn reduced(bytes: &[u8; SCALAR_BYTES]) -> Scalar {
    Scalar::reduced(bytes)
}

/// The scalar big-endian.
pub(super) fn scalar_bytes(scalar: &Scalar) -> [u8; SCALAR_BYTES] {
    scalar.to_bytes()
}

/// Whether the scalar is zero, in constant time until the answer is looked at.
pub(super) const fn is_zero(scalar: &Scalar) -> bool {
    scalar.is_zero()
}

/// A private key from 1 to n-2: with n-1 there is no `(1 + d)^-1` (GB/T 32918.2-2016, 6.1, A6).
pub(super) fn private_scalar(bytes: &[u8; SCALAR_BYTES]) -> Option<Zeroizing<Scalar>> {
    let d = Zeroizing::new(scalar(bytes)?);
    // Seen: whether it is refused (or, when drawn, thrown away), nothing of one that is not.
    let usable = !d.is_zero() & !Zeroizing::new(*d + Scalar::ONE).is_zero();
    verdict(usable).then_some(d)
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
    let inverse = Zeroizing::new((*d + Scalar::ONE).invert());
    // Seen: that d is n-1, which is no key.
    verdict(!inverse.is_zero()).then_some(inverse)
}

/// A point of the curve other than infinity, with its coordinates big-endian.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    affine: Affine,
    x: [u8; SCALAR_BYTES],
    y: [u8; SCALAR_BYTES],
}

impl Point {
    /// Reads a SEC 1 point (GB/T 32918.1-2016, 4.2.9 and 4.2.10), uncompressed or compressed. Coordinates not below p, points off
    /// the curve, infinity and the hybrid form are refused, so that each point has one encoding of each kind.
    pub(super) fn from_sec1(bytes: &[u8]) -> Result<Self, Error> {
        let (tag, coordinates) = bytes.split_first().ok_or(Error::PointEncoding { bytes: 0 })?;
        let (coordinates, rest) = coordinates.as_chunks::<SCALAR_BYTES>();
        let affine = match (tag, coordinates, rest) {
            (4, [x, y], []) => on_field!(f => Self::uncompressed(f, x, y)),
            (2 | 3, [x], []) => on_field!(f => Self::decompressed(f, x, *tag == 3)),
            _ => return Err(Error::PointEncoding { bytes: bytes.len() }),
        };
        affine.map(|affine| on_field!(f => Self::from_affine(f, affine))).ok_or(Error::PointNotOnCurve)
    }

    fn uncompressed<F: Field>(f: F, x: &[u8; SCALAR_BYTES], y: &[u8; SCALAR_BYTES]) -> Option<Affine> {
        let affine = Affine { x: f.decode(x)?, y: f.decode(y)? };
        affine.is_on_curve(f).then_some(affine)
    }

    fn decompressed<F: Field>(f: F, x: &[u8; SCALAR_BYTES], odd: bool) -> Option<Affine> {
        Affine::decompress_vartime(f, f.decode(x)?, odd)
    }

    /// `[k]G`, in constant time; `None` for `k = 0`.
    pub(super) fn generator_times(k: &Scalar) -> Option<Self> {
        on_field!(f => Self::from_jacobian(f, point::generator_times(f, k)))
    }

    /// `[k]self`, in constant time; `None` for `k = 0`.
    pub(super) fn times(&self, k: &Scalar) -> Option<Self> {
        on_field!(f => Self::from_jacobian(f, point::times(f, &self.affine, k)))
    }

    /// `self + [k]other` whatever they are to each other, in time that depends on all three; `None` for infinity.
    pub(super) fn plus_times_vartime(&self, k: &Scalar, other: &Self) -> Option<Self> {
        on_field!(f => {
            let product = point::times_vartime(f, &other.affine, k);
            Self::from_jacobian(f, product.add_affine_vartime(f, &self.affine))
        })
    }

    fn from_jacobian<F: Field>(f: F, point: Jacobian) -> Option<Self> {
        let point = Zeroizing::new(point);
        // Seen: that the product is infinity, which the caller is told. It is not for scalars from 1 to n-1.
        verdict(point.is_infinity() == 0).then(|| Self::from_affine(f, point.to_affine(f)))
    }

    fn from_affine<F: Field>(f: F, affine: Affine) -> Self {
        Self { affine, x: f.encode(&affine.x), y: f.encode(&affine.y) }
    }

    /// Whether the x of `[s]G + [t]self` is `x` modulo n, in time that depends on all four: for public values only.
    pub(super) fn combination_has_x_vartime(&self, s: &Scalar, t: &Scalar, x: &Scalar) -> bool {
        on_field!(f => has_x_vartime(f, &point::combine_vartime(f, s, t, &self.affine), x))
    }

    /// The windows of this point's multiples, for public points.
    pub(super) fn windows(&self) -> Windows {
        Windows(on_field!(f => table::windows_of(f, &self.affine)))
    }

    /// The same point, which is on its way out: a public key, an ephemeral key, C1.
    pub(super) fn made_public(self) -> Self {
        declassify(self)
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

/// The x of `[k]G` modulo n for each k, in constant time; 0 for `k = 0`.
pub(super) fn generator_times_each(scalars: &[Scalar]) -> Zeroizing<Vec<Scalar>> {
    on_field!(f => {
        let points = Zeroizing::new(point::generator_times_each(f, scalars));
        Zeroizing::new(points.iter().map(|point| Scalar::reduced_words(f.words_of(&point.x))).collect())
    })
}

/// What makes a multiplication by one point four times as fast: its multiples, 148 KiB.
pub(super) struct Windows(Box<[Window; WINDOWS]>);

impl Windows {
    /// As [`Point::combination_has_x_vartime`].
    pub(super) fn combination_has_x_vartime(&self, s: &Scalar, t: &Scalar, x: &Scalar) -> bool {
        on_field!(f => has_x_vartime(f, &point::combine_by_table_vartime(f, s, t, &self.0), x))
    }
}

/// Whether the point is not infinity and its x, which is below p, is `x` modulo n.
fn has_x_vartime<F: Field>(f: F, point: &Jacobian, x: &Scalar) -> bool {
    // X = x Z^2 spares the inversion. Between n and p lies a second candidate, x + n, for x < p - n.
    let z2 = f.square(&point.z);
    let is = |words: [u64; 4]| f.mul(&f.lift(words), &z2) == point.x;
    point.is_infinity() == 0 && (is(*x.words()) || x.plus_order_below_p().is_some_and(is))
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
