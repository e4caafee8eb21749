//! SM2 signature values as real products encode them (GB/T 35276-2017, 7.3 asks for `SEQUENCE { r, s }`).

use super::{BitString, DerError, Reader, tag, write};

/// Longest signature value looked at: room for an RSA-4096 signature.
pub const MAX_SIGNATURE_BYTES: usize = 1024;
/// Most zero bytes put back at the end: one is lost in 256 signatures, two in 65536.
pub const MAX_LOST_BYTES: usize = 2;

/// How a signature value was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureEncoding {
    /// `r || s`, 64 bytes, instead of the SEQUENCE.
    pub raw: bool,
    /// `r` or `s` lacks its leading zero octet, so that it reads as a negative INTEGER.
    pub negative_integer: bool,
    /// Trailing zero bytes that the BIT STRING had lost.
    pub zero_padded_bytes: usize,
    /// Other departures from DER: superfluous octets, long lengths.
    pub not_minimal: bool,
}

impl SignatureEncoding {
    /// Whether it is as the standard asks.
    pub fn is_der(&self) -> bool {
        !self.raw && !self.negative_integer && self.zero_padded_bytes == 0 && !self.not_minimal
    }
}

impl std::fmt::Display for SignatureEncoding {
    /// `DER`, `raw64`, `DER(negative-int!)`, `DER(zero-padded 1B!)`, `DER(not minimal!)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.raw { "raw64" } else { "DER" })?;
        if self.negative_integer {
            f.write_str("(negative-int!)")?;
        }
        if self.zero_padded_bytes > 0 {
            write!(f, "(zero-padded {}B!)", self.zero_padded_bytes)?;
        }
        if self.not_minimal {
            f.write_str("(not minimal!)")?;
        }
        Ok(())
    }
}

/// An SM2 (or any 256-bit curve) signature read leniently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureValue {
    /// `r || s`, each 32 bytes, big-endian.
    pub bytes: [u8; 64],
    /// How it was encoded.
    pub encoding: SignatureEncoding,
}

impl SignatureValue {
    /// Reads a signature in a BIT STRING; lost trailing zero bytes are put back to the length the SEQUENCE announces.
    pub fn from_bit_string(bits: &BitString<'_>) -> Result<Self, DerError> {
        match (bits.bytes.first(), bits.bytes.get(1)) {
            // A raw signature shorter than 64 bytes can only have lost zero bytes at its end.
            _ if (62..=64).contains(&bits.bytes.len()) && bits.bytes.first() != Some(&tag::SEQUENCE) => {
                Self::padded(bits, 64)
            }
            (Some(&tag::SEQUENCE), Some(&length)) if length < 0x80 => {
                Self::padded(bits, 2 + usize::from(length))
            }
            _ => Self::from_octets(bits.bytes),
        }
    }

    fn padded(bits: &BitString<'_>, length: usize) -> Result<Self, DerError> {
        let missing = length.saturating_sub(bits.bytes.len());
        if missing > MAX_LOST_BYTES {
            return Self::from_octets(bits.bytes);
        }
        let mut value = Self::from_octets(&bits.zero_padded(length))?;
        value.encoding.zero_padded_bytes = missing;
        Ok(value)
    }

    /// Reads a signature: `SEQUENCE { r INTEGER, s INTEGER }`, or 64 raw bytes.
    pub fn from_octets(octets: &[u8]) -> Result<Self, DerError> {
        if octets.len() > MAX_SIGNATURE_BYTES {
            return Err(DerError::TooLarge(octets.len()));
        }
        let encoding = SignatureEncoding {
            raw: false,
            negative_integer: false,
            zero_padded_bytes: 0,
            not_minimal: false,
        };
        match (Self::from_sequence(octets, encoding), <[u8; 64]>::try_from(octets)) {
            (Ok(value), _) => Ok(value),
            (Err(_), Ok(bytes)) => Ok(Self { bytes, encoding: SignatureEncoding { raw: true, ..encoding } }),
            (Err(error), Err(_)) => Err(error),
        }
    }

    fn from_sequence(octets: &[u8], encoding: SignatureEncoding) -> Result<Self, DerError> {
        let mut reader = Reader::new(octets)?;
        let mut inside = reader.expect(tag::SEQUENCE)?.reader()?;
        reader.finish()?;
        let (r, s) = (inside.expect(tag::INTEGER)?, inside.expect(tag::INTEGER)?);
        inside.finish()?;
        let ((r_digits, r_negative), (s_digits, s_negative)) = (r.unsigned_integer()?, s.unsigned_integer()?);
        let mut bytes = [0; 64];
        let (left, right) = bytes.split_at_mut(32);
        place(left, r_digits)?;
        place(right, s_digits)?;
        let negative_integer = r_negative || s_negative;
        let strict = write::sequence(&[write::unsigned_integer(r_digits), write::unsigned_integer(s_digits)]);
        let not_minimal = !negative_integer && strict != octets;
        Ok(Self { bytes, encoding: SignatureEncoding { negative_integer, not_minimal, ..encoding } })
    }
}

/// `digits` right-aligned in `out`.
fn place(out: &mut [u8], digits: &[u8]) -> Result<(), DerError> {
    let start =
        out.len().checked_sub(digits.len()).ok_or(DerError::BadValue("signature integer of 32 bytes"))?;
    for (to, from) in out.iter_mut().skip(start).zip(digits) {
        *to = *from;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(bytes: &[u8]) -> BitString<'_> {
        BitString { unused_bits: 0, bytes }
    }

    #[test]
    fn der_raw_negative_and_zero_stripped_signatures_are_the_same_signature() {
        let mut raw = [0x91; 64];
        raw[63] = 0;
        let der =
            write::sequence(&[write::unsigned_integer(&raw[..32]), write::unsigned_integer(&raw[32..])]);
        let negative =
            write::sequence(&[write::tlv(tag::INTEGER, &raw[..32]), write::tlv(tag::INTEGER, &raw[32..])]);
        for (encoded, name) in [
            (&der[..], "DER"),
            (&raw[..], "raw64"),
            (&negative[..], "DER(negative-int!)"),
            (&der[..der.len() - 1], "DER(zero-padded 1B!)"),
        ] {
            let value = SignatureValue::from_bit_string(&bits(encoded)).unwrap();
            assert_eq!(value.bytes, raw, "{name}");
            assert_eq!(value.encoding.to_string(), name);
        }
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        for bad in [&[][..], &[0x30, 0x00], &[0x30, 0x46, 0x02], &[0u8; 61]] {
            assert!(SignatureValue::from_bit_string(&bits(bad)).is_err());
        }
    }
}
