//! Checking signatures (GB/T 32918.2-2016, 7).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use super::curve::{self, PARAMETERS, POINT_BYTES, Point, Scalar, Windows};
use super::{DEFAULT_ID, Error, MAX_ID_BYTES, Signature};
use crate::{Rejected, sm3};

/// A public key that checks signatures. It keeps the Z of [`DEFAULT_ID`].
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    point: Point,
    default_z: [u8; 32],
}

impl VerifyingKey {
    /// Reads a SEC 1 point, uncompressed (65 bytes) or compressed (33).
    ///
    /// Fails with [`Error::PointEncoding`] or [`Error::PointNotOnCurve`]; infinity, the hybrid form and coordinates not below p
    /// are refused. Source: GB/T 32918.1-2016, 4.2.10 and 6.2.1.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, Error> {
        Point::from_sec1(bytes).map(Self::from_point)
    }

    pub(super) fn from_point(point: Point) -> Self {
        let default_z = z(DEFAULT_ID_BITS, DEFAULT_ID, &point);
        Self { point, default_z }
    }

    /// `04 || x || y`, 65 bytes.
    pub fn to_sec1(&self) -> [u8; POINT_BYTES] {
        self.point.sec1()
    }

    /// Z, the digest of the signer's distinguishing id, the curve and this key.
    ///
    /// Fails with [`Error::IdTooLong`]. Source: GB/T 32918.2-2016, 5.5.
    pub fn z(&self, id: &[u8]) -> Result<[u8; 32], Error> {
        if id == DEFAULT_ID {
            return Ok(self.default_z);
        }
        let bits = u16::try_from(id.len()).ok().and_then(|bytes| bytes.checked_mul(8));
        let entl = bits.ok_or(Error::IdTooLong { bytes: id.len() })?;
        Ok(z(entl, id, &self.point))
    }

    /// `e = SM3(Z || message)`, where the message comes in `parts`: what [`Self::verify_digest`] and
    /// [`super::SigningKey::sign_digest`] take. Fails with [`Error::IdTooLong`].
    pub fn digest(&self, parts: &[&[u8]], id: &[u8]) -> Result<[u8; 32], Error> {
        let mut sm3 = sm3::Sm3::new();
        sm3.update(&self.z(id)?);
        parts.iter().for_each(|part| sm3.update(part));
        Ok(sm3.finish())
    }

    /// `e = SM3(Z || message)` for each of `messages`, hashed many at a time. Fails with [`Error::IdTooLong`].
    pub fn digests(&self, messages: &[&[u8]], id: &[u8]) -> Result<Vec<[u8; 32]>, Error> {
        let mut sm3 = sm3::Sm3::new();
        sm3.update(&self.z(id)?);
        Ok(sm3.finish_many(messages))
    }

    /// Whether `signature` is this key's over `message` by the signer with `id`; an id that is too long is [`Rejected`] too.
    ///
    /// Not in constant time: everything here is public. Source: GB/T 32918.2-2016, 7.1.
    pub fn verify(&self, message: &[u8], id: &[u8], signature: &Signature) -> Result<(), Rejected> {
        // B3, B4: e = H(Z || M)
        let e = self.digest(&[message], id).map_err(|_| Rejected)?;
        self.verify_digest(&e, signature)
    }

    /// Whether `signature` is this key's over the digest `e = SM3(Z || message)`.
    pub fn verify_digest(&self, e: &[u8; 32], signature: &Signature) -> Result<(), Rejected> {
        let claim = Claim::of(e, signature)?;
        verdict(self.point.combination_has_x_vartime(&claim.s, &claim.t, &claim.x1))
    }
}

/// A public key that checks signatures four times as fast, for 148 KiB and the work of some 20 verifications once.
///
/// For keys that many signatures come from: an issuer's, an authority's, a seal-maker's.
pub struct HotVerifyingKey {
    key: VerifyingKey,
    windows: Windows,
}

impl HotVerifyingKey {
    /// Makes the table of `key`'s multiples.
    pub fn new(key: &VerifyingKey) -> Self {
        Self { key: key.clone(), windows: key.point.windows() }
    }

    /// The key without its table.
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// As [`VerifyingKey::verify`].
    pub fn verify(&self, message: &[u8], id: &[u8], signature: &Signature) -> Result<(), Rejected> {
        let e = self.key.digest(&[message], id).map_err(|_| Rejected)?;
        self.verify_digest(&e, signature)
    }

    /// As [`VerifyingKey::verify_digest`].
    pub fn verify_digest(&self, e: &[u8; 32], signature: &Signature) -> Result<(), Rejected> {
        let claim = Claim::of(e, signature)?;
        verdict(self.windows.combination_has_x_vartime(&claim.s, &claim.t, &claim.x1))
    }
}

/// Whether each of `signatures` is its key's over its digest `e = SM3(Z || message)`: for each what [`VerifyingKey::verify_digest`] says.
///
/// Nothing is bound together, so that one bad signature spoils no other. A key with 32 signatures and more among them becomes a
/// [`HotVerifyingKey`] for as long as it takes.
pub fn verify_batch(signatures: &[(&VerifyingKey, [u8; 32], &Signature)]) -> Vec<Result<(), Rejected>> {
    let mut signers: BTreeMap<[u8; POINT_BYTES], Signer> = BTreeMap::new();
    for (key, ..) in signatures {
        signers.entry(key.to_sec1()).or_default().count += 1;
    }
    let verify = |(key, e, signature): &(&VerifyingKey, [u8; 32], &Signature)| {
        let signer = signers.entry(key.to_sec1()).or_default();
        if signer.count < HOT_COUNT {
            return key.verify_digest(e, signature);
        }
        signer.hot.get_or_insert_with(|| HotVerifyingKey::new(key)).verify_digest(e, signature)
    };
    signatures.iter().map(verify).collect()
}

/// From how many signatures on making a key's table costs less than it saves.
const HOT_COUNT: usize = 32;

/// A key of a batch: how many signatures are by it, and its table once that is made.
#[derive(Default)]
struct Signer {
    count: usize,
    hot: Option<HotVerifyingKey>,
}

/// What a signature over a digest says: that the x of `[s]G + [t]P` is x1 modulo n.
struct Claim {
    s: Scalar,
    t: Scalar,
    x1: Scalar,
}

impl Claim {
    fn of(e: &[u8; 32], signature: &Signature) -> Result<Self, Rejected> {
        // B1, B2: r and s lie in [1, n-1] since the signature was read.
        let (r, s) = signature.scalars();
        // B5: t = r + s, refused when 0
        let t = r + s;
        if curve::is_zero(&t) {
            return Err(Rejected);
        }
        // B6: (x1, y1) = [s]G + [t]P; B7: R = e + x1 must be r, so x1 must be r - e modulo n
        Ok(Self { s, t, x1: r - curve::reduced(e) })
    }
}

const fn verdict(held: bool) -> Result<(), Rejected> {
    if held { Ok(()) } else { Err(Rejected) }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({:?})", self.point)
    }
}

const DEFAULT_ID_BITS: u16 = 128;
const _: () =
    assert!(DEFAULT_ID.len() * 8 == DEFAULT_ID_BITS as usize && MAX_ID_BYTES == (u16::MAX / 8) as usize);

/// `SM3(ENTL || id || a || b || xG || yG || xA || yA)`
fn z(entl: u16, id: &[u8], point: &Point) -> [u8; 32] {
    let (x, y) = point.coordinates();
    sm3::hash_all(&[&entl.to_be_bytes(), id, &PARAMETERS, x, y])
}
