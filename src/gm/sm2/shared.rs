//! The secret that a private key and somebody's public point come to.

use zeroize::{Zeroize, Zeroizing};

use super::curve::{Point, SCALAR_BYTES, Scalar};

/// The coordinates of the point that both sides arrive at. Wiped when dropped.
pub(super) struct Shared {
    pub(super) x: Zeroizing<[u8; SCALAR_BYTES]>,
    pub(super) y: Zeroizing<[u8; SCALAR_BYTES]>,
}

impl Shared {
    /// `[secret]public`; `None` for `secret = 0`.
    pub(super) fn new(public: &Point, secret: &Scalar) -> Option<Self> {
        let mut point = public.times(secret)?;
        let (x, y) = point.coordinates();
        let shared = Self { x: Zeroizing::new(*x), y: Zeroizing::new(*y) };
        point.zeroize();
        Some(shared)
    }
}
