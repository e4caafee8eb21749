//! SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) of an SM2 key (GB/T 20518-2018).

use alloc::vec::Vec;

use super::{EC_PUBLIC_KEY, KeyError, SM2_CURVE, encoding};
use crate::der;
use crate::sm2::curve::POINT_BYTES;

const EXPECTED: &str = "a SubjectPublicKeyInfo";

/// Everything before the point:
/// `SEQUENCE (89) { SEQUENCE (19) { id-ecPublicKey, sm2p256v1 }, BIT STRING (66) { 0 unused bits, ...`
#[rustfmt::skip]
const PREFIX: [u8; 26] = [
    0x30, 0x59,
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d,
    0x03, 0x42, 0x00,
];

/// The SubjectPublicKeyInfo of `point`.
pub(super) fn write(point: &[u8; POINT_BYTES]) -> Vec<u8> {
    [PREFIX.as_slice(), point].concat()
}

/// The point in `der`, not yet looked at but for its length and form.
pub(super) fn read(der: &[u8]) -> Result<&[u8; POINT_BYTES], KeyError> {
    let (algorithm, point) = parts(der).ok_or(encoding(EXPECTED))?;
    named_curve(algorithm).ok_or(KeyError::Algorithm)?;
    uncompressed(point).ok_or(encoding(EXPECTED))
}

/// As [`read`], where the algorithm is named by the curve's identifier.
pub(super) fn read_openssl3(der: &[u8]) -> Result<&[u8; POINT_BYTES], KeyError> {
    let (algorithm, point) = parts(der).ok_or(encoding(EXPECTED))?;
    curve_as_algorithm(algorithm).ok_or(KeyError::Algorithm)?;
    uncompressed(point).ok_or(encoding(EXPECTED))
}

/// The contents of AlgorithmIdentifier and of the BIT STRING.
fn parts(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut info = der::Reader::of_sequence(der)?;
    let algorithm = info.value(der::SEQUENCE)?;
    let point = info.bits()?;
    info.end()?;
    Some((algorithm, point))
}

/// `AlgorithmIdentifier { id-ecPublicKey, sm2p256v1 }`: what names an SM2 key, in SubjectPublicKeyInfo and PKCS #8 alike.
pub(super) fn named_curve(algorithm: &[u8]) -> Option<()> {
    let mut algorithm = der::Reader::new(algorithm);
    algorithm.oid(EC_PUBLIC_KEY)?;
    algorithm.oid(SM2_CURVE)?;
    algorithm.end()
}

fn curve_as_algorithm(algorithm: &[u8]) -> Option<()> {
    let mut algorithm = der::Reader::new(algorithm);
    algorithm.oid(SM2_CURVE)?;
    if algorithm.end().is_none() {
        algorithm.oid(SM2_CURVE)?;
    }
    algorithm.end()
}

/// GB/T 35276-2017, 7.1: `04 || x || y`, in no other form.
pub(super) fn uncompressed(point: &[u8]) -> Option<&[u8; POINT_BYTES]> {
    point.first_chunk().filter(|_| point.len() == POINT_BYTES && point.first() == Some(&4))
}
