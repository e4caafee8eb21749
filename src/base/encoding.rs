//! Text forms of bytes, and the comparison that takes the same time whatever it finds.

use subtle::ConstantTimeEq;

const URL_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// `bytes` as base64url without padding (RFC 4648, 5; RFC 7515, 2).
pub fn base64url(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |w, b| (w << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            let index = (word >> (18 - 6 * i)) & 63;
            out.extend(URL_ALPHABET.get(index as usize).map(|c| char::from(*c)));
        }
    }
    out
}

/// The bytes of unpadded base64url `text`; `None` for anything else, non-canonical trailing bits included.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut word = 0u32;
        for &c in chunk {
            word = (word << 6) | sextet(c)?;
        }
        word <<= 6 * (4 - chunk.len());
        let [_, a, b, c] = word.to_be_bytes();
        let whole = [a, b, c];
        let (kept, spare) = whole.split_at(chunk.len() - 1);
        if spare.iter().any(|b| *b != 0) {
            return None;
        }
        out.extend_from_slice(kept);
    }
    Some(out)
}

fn sextet(c: u8) -> Option<u32> {
    Some(u32::from(match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    }))
}

/// `bytes` as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// Whether `a` and `b` are the same bytes, in time that depends only on their lengths.
pub fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_round_trips_every_length() {
        for n in 0..70u8 {
            let bytes: Vec<u8> = (0..n).map(|i| i.wrapping_mul(73)).collect();
            assert_eq!(from_base64url(&base64url(&bytes)), Some(bytes));
        }
        assert_eq!(base64url(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw");
    }

    #[test]
    fn the_same_bytes_are_the_same_in_every_one_of_them_and_in_number() {
        let bytes: Vec<u8> = (0..43).collect();
        assert!(same_bytes(&bytes, &bytes) && same_bytes(&[], &[]));
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x80;
            assert!(!same_bytes(&bytes, &other), "{at}");
            assert!(!same_bytes(&bytes, &bytes[..at]), "{at}");
        }
    }

    #[test]
    fn base64url_refuses_padding_other_alphabets_and_spare_bits() {
        for bad in ["YQ==", "Y", "+/8", "YR", "Y Q"] {
            assert_eq!(from_base64url(bad), None, "{bad}");
        }
    }
}
