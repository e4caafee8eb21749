//! A signature and its two encodings.

use alloc::vec::Vec;
use core::fmt;

use super::Error;
use super::curve::{self, SCALAR_BYTES, Scalar};
use crate::declassify::declassify;
use crate::der;

/// A signature `(r, s)` with both numbers from 1 to n-1; that it verifies is another question.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature {
    r: [u8; SCALAR_BYTES],
    s: [u8; SCALAR_BYTES],
}

impl Signature {
    /// Reads `r || s`, each 32 bytes big-endian (the form of JWS and of many seals).
    ///
    /// Fails with [`Error::SignatureRange`]. Source: GB/T 32918.2-2016, 7.1 (B1, B2).
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, Error> {
        let (halves, _) = bytes.as_chunks();
        let [r, s] = *halves else { return Err(Error::SignatureRange) };
        Self::from_numbers(r, s)
    }

    /// Reads `SEQUENCE { r INTEGER, s INTEGER }` in strict DER: one encoding for one signature, nothing after it.
    ///
    /// Fails with [`Error::SignatureEncoding`] or [`Error::SignatureRange`]. Source: GB/T 35276-2017, 7.3.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        let (r, s) = read_der(bytes).ok_or(Error::SignatureEncoding)?;
        Self::from_numbers(r, s)
    }

    /// `r || s`, each 32 bytes big-endian.
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut out = [0; 64];
        out.iter_mut().zip(self.r.iter().chain(&self.s)).for_each(|(o, b)| *o = *b);
        out
    }

    /// `SEQUENCE { r INTEGER, s INTEGER }` in DER, at most 72 bytes. Source: GB/T 35276-2017, 7.3.
    pub fn to_der(&self) -> Vec<u8> {
        let mut numbers = Vec::with_capacity(70);
        der::write_unsigned(&mut numbers, &self.r);
        der::write_unsigned(&mut numbers, &self.s);
        let mut out = Vec::with_capacity(72);
        der::write(&mut out, der::SEQUENCE, &numbers);
        out
    }

    fn from_numbers(r: [u8; SCALAR_BYTES], s: [u8; SCALAR_BYTES]) -> Result<Self, Error> {
        for number in [&r, &s] {
            curve::scalar(number).filter(|n| !curve::is_zero(n)).ok_or(Error::SignatureRange)?;
        }
        Ok(Self { r, s })
    }

    /// The signature of two scalars, which are public from here on; `None` when one of them is zero.
    pub(super) fn from_scalars(r: &Scalar, s: &Scalar) -> Option<Self> {
        let [r, s] = declassify([*r, *s].map(|number| curve::scalar_bytes(&number)));
        Self::from_numbers(r, s).ok()
    }

    /// r and s as scalars.
    pub(super) fn scalars(&self) -> (Scalar, Scalar) {
        // INVARIANT: both are below n, so that reducing changes nothing.
        (curve::reduced(&self.r), curve::reduced(&self.s))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(")?;
        self.r.iter().chain(&self.s).try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str(")")
    }
}

/// A signature that travels as DER, for interfaces that tell a form by its type (X.509, `SignatureEncoding`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DerSignature(Signature);

impl DerSignature {
    /// Reads strict DER, as [`Signature::from_der`] does and with the same errors.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Signature::from_der(bytes).map(Self)
    }

    /// The DER, at most 72 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_der()
    }
}

impl From<Signature> for DerSignature {
    fn from(signature: Signature) -> Self {
        Self(signature)
    }
}

impl From<DerSignature> for Signature {
    fn from(signature: DerSignature) -> Self {
        signature.0
    }
}

fn read_der(bytes: &[u8]) -> Option<([u8; SCALAR_BYTES], [u8; SCALAR_BYTES])> {
    let mut sequence = der::Reader::of_sequence(bytes)?;
    let r = sequence.unsigned()?;
    let s = sequence.unsigned()?;
    sequence.end()?;
    Some((r, s))
}
