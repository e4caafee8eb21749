//! Inner steps whose inputs nobody can choose from outside, for the timing test and the proof of constant time alone.

use super::curve::{self, Point, SCALAR_BYTES};
use super::{Signature, SigningKey};

/// Steps A4 to A7 of signing the digest `e` with the nonce `k`; `None` when `k` is not below n, or not to be used.
pub fn sign_with_nonce(
    key: &SigningKey,
    e: &[u8; SCALAR_BYTES],
    k: &[u8; SCALAR_BYTES],
) -> Option<Signature> {
    key.sign_with_nonce(&curve::reduced(e), &curve::scalar(k)?)
}

/// The x of `[k]G`; `None` when `k` is 0 or not below n.
pub fn generator_times_x(k: &[u8; SCALAR_BYTES]) -> Option<[u8; SCALAR_BYTES]> {
    let point = Point::generator_times(&curve::scalar(k)?)?;
    let (x, _) = point.coordinates();
    Some(*x)
}

/// `a^-1` modulo n, and 0 for 0; `None` when `a` is not below n.
pub fn invert(a: &[u8; SCALAR_BYTES]) -> Option<[u8; SCALAR_BYTES]> {
    Some(curve::scalar_bytes(&curve::scalar(a)?.invert()))
}
