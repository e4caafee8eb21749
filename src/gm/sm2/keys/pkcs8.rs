//! OneAsymmetricKey (RFC 5958, 2; PKCS #8 of RFC 5208) around an ECPrivateKey (RFC 5915, 3).

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::spki::{named_curve, uncompressed};
use super::{KeyError, SM2_CURVE, encoding};
use crate::declassify::declassify_bytes;
use crate::der;
use crate::sm2::curve::{POINT_BYTES, SCALAR_BYTES};

const EXPECTED: &str = "a PKCS #8 key around an ECPrivateKey";

/// `[0]` and `[1]`, constructed: attributes and parameters; the ECPrivateKey's public key.
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
/// `[1] IMPLICIT BIT STRING`: the public key of version 2.
const PUBLIC_KEY_1: u8 = 0x81;

/// Everything before d:
/// `SEQUENCE (135) { 0, SEQUENCE (19) { id-ecPublicKey, sm2p256v1 }, OCTET STRING (109) { SEQUENCE (107) { 1, OCTET STRING (32) {`
#[rustfmt::skip]
const BEFORE_D: [u8; 36] = [
    0x30, 0x81, 0x87,
    0x02, 0x01, 0x00,
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d,
    0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
];

/// Everything between d and the point: `}, [1] (68) { BIT STRING (66) { 0 unused bits, ...`
const BEFORE_POINT: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];

/// The key file of private scalar `d` and its `point`.
pub(super) fn write(d: &[u8; SCALAR_BYTES], point: &[u8; POINT_BYTES]) -> Zeroizing<Vec<u8>> {
    let parts = [BEFORE_D.as_slice(), d, &BEFORE_POINT, point];
    // As large as it will be, since growing would leave a copy behind.
    let mut out = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// A key file whose numbers nobody has looked at yet.
pub(super) struct PrivateKeyFile<'a> {
    pub(super) d: Zeroizing<[u8; SCALAR_BYTES]>,
    /// The public key of the ECPrivateKey and that of OneAsymmetricKey.
    public_keys: [Option<&'a [u8]>; 2],
}

impl<'a> PrivateKeyFile<'a> {
    /// Reads `der`; fails with [`KeyError::Encoding`] or [`KeyError::Algorithm`].
    pub(super) fn read(der: &'a [u8]) -> Result<Self, KeyError> {
        // Seen: what stands around d, which is the same in every file that is written here.
        let (before, rest) = der.split_at(der.len().min(BEFORE_D.len()));
        declassify_bytes(before);
        declassify_bytes(rest.split_at(rest.len().min(SCALAR_BYTES)).1);
        let info = Info::read(der).ok_or(encoding(EXPECTED))?;
        named_curve(info.algorithm).ok_or(KeyError::Algorithm)?;
        let key = EcPrivateKey::read(info.private_key).ok_or(encoding(EXPECTED))?;
        if key.parameters.is_some_and(|parameters| !is_sm2_curve(parameters)) {
            return Err(KeyError::Algorithm);
        }
        Ok(Self { d: Zeroizing::new(*key.d), public_keys: [key.public_key, info.public_key] })
    }

    /// Each public key in the file must be `point`.
    pub(super) fn belongs_to(&self, point: &[u8; POINT_BYTES]) -> Result<(), KeyError> {
        for public_key in self.public_keys.into_iter().flatten() {
            let public_key = uncompressed(public_key).ok_or(encoding(EXPECTED))?;
            if public_key != point {
                return Err(KeyError::ForeignPublicKey);
            }
        }
        Ok(())
    }
}

/// ECParameters may be the named curve only (RFC 5915, 3; RFC 5480, 2.1.1).
fn is_sm2_curve(parameters: &[u8]) -> bool {
    let mut parameters = der::Reader::new(parameters);
    parameters.oid(SM2_CURVE).is_some() && parameters.end().is_some()
}

/// OneAsymmetricKey: version 0 without, version 1 with a public key (RFC 5958, 2).
struct Info<'a> {
    algorithm: &'a [u8],
    private_key: &'a [u8],
    public_key: Option<&'a [u8]>,
}

impl<'a> Info<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut info = der::Reader::of_sequence(der)?;
        let version = info.number()?;
        let algorithm = info.value(der::SEQUENCE)?;
        let private_key = info.value(der::OCTET_STRING)?;
        info.optional(CONTEXT_0)?;
        let public_key = info.optional(PUBLIC_KEY_1)?;
        info.end()?;
        if version != u32::from(public_key.is_some()) {
            return None;
        }
        let public_key = match public_key {
            Some(bits) => Some(bits.strip_prefix(&[0])?),
            None => None,
        };
        Some(Self { algorithm, private_key, public_key })
    }
}

/// ECPrivateKey (RFC 5915, 3), with d in exactly 32 bytes.
struct EcPrivateKey<'a> {
    d: &'a [u8; SCALAR_BYTES],
    parameters: Option<&'a [u8]>,
    public_key: Option<&'a [u8]>,
}

impl<'a> EcPrivateKey<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut key = der::Reader::of_sequence(der)?;
        if key.number()? != 1 {
            return None;
        }
        let d = key.value(der::OCTET_STRING)?.try_into().ok()?;
        let parameters = key.optional(CONTEXT_0)?;
        let public_key = match key.optional(CONTEXT_1)? {
            Some(wrapped) => {
                let mut wrapped = der::Reader::new(wrapped);
                let bits = wrapped.bits()?;
                wrapped.end()?;
                Some(bits)
            }
            None => None,
        };
        key.end()?;
        Some(Self { d, parameters, public_key })
    }
}
