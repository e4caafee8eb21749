//! The little DER that SM2 signatures, ciphertexts and keys need (X.690, 10: one encoding for one value, no other).

use alloc::vec::Vec;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// What is left to read.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader of the values in `contents`.
    pub(crate) const fn new(contents: &'a [u8]) -> Self {
        Self(contents)
    }

    /// A reader of the one SEQUENCE that `bytes` must be, with nothing after it.
    pub(crate) fn of_sequence(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Self(bytes);
        let contents = outer.value(SEQUENCE)?;
        outer.end()?;
        Some(Self(contents))
    }

    /// The contents of the next value, which must carry `tag` and a definite length in its shortest form.
    pub(crate) fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, rest) = self.0.split_first()?;
        let (length, rest) = length(rest)?;
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (*found == tag).then_some(contents)
    }

    /// The next value as a non-negative INTEGER of at most 256 bits, big-endian.
    pub(crate) fn unsigned(&mut self) -> Option<[u8; 32]> {
        let contents = self.value(INTEGER)?;
        let magnitude = match contents {
            [] | [0x80..=0xff, ..] | [0, 0..=0x7f, ..] => return None,
            [0, rest @ ..] => rest,
            whole => whole,
        };
        let mut out = [0; 32];
        let gap = out.len().checked_sub(magnitude.len())?;
        out.iter_mut().skip(gap).zip(magnitude).for_each(|(o, b)| *o = *b);
        Some(out)
    }

    /// A reader of the next value, which must be a SEQUENCE.
    pub(crate) fn sequence(&mut self) -> Option<Self> {
        self.value(SEQUENCE).map(Self)
    }

    /// The contents of the next value if it carries `tag`; `Some(None)` if it does not, or nothing is left.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        if self.0.first() == Some(&tag) { self.value(tag).map(Some) } else { Some(None) }
    }

    /// The next value as a non-negative INTEGER below 2^32.
    pub(crate) fn number(&mut self) -> Option<u32> {
        let number = self.unsigned()?;
        let (high, low) = number.split_last_chunk()?;
        high.iter().all(|b| *b == 0).then_some(u32::from_be_bytes(*low))
    }

    /// The bits of the next value, which must be a BIT STRING of whole bytes.
    pub(crate) fn bits(&mut self) -> Option<&'a [u8]> {
        self.value(BIT_STRING)?.strip_prefix(&[0])
    }

    /// The next value must be the OBJECT IDENTIFIER whose contents are `oid`.
    pub(crate) fn oid(&mut self, oid: &[u8]) -> Option<()> {
        (self.value(OBJECT_IDENTIFIER)? == oid).then_some(())
    }

    /// The next value, if there is one, must be a NULL; AlgorithmIdentifiers are met with and without.
    pub(crate) fn optional_null(&mut self) -> Option<()> {
        self.optional(NULL)?.is_none_or(<[u8]>::is_empty).then_some(())
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// A definite length of at most three octets, and what follows it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [n @ 0..=0x7f, rest @ ..] => Some((usize::from(*n), rest)),
        [0x81, n @ 0x80..=0xff, rest @ ..] => Some((usize::from(*n), rest)),
        [0x82, a @ 1..=0xff, b, rest @ ..] => Some((usize::from(u16::from_be_bytes([*a, *b])), rest)),
        [0x83, a @ 1..=0xff, b, c, rest @ ..] => {
            Some((usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).ok()?, rest))
        }
        _ => None,
    }
}

/// Appends the value `tag`, length, `contents`; contents stay far below the 2^24 bytes that a three-octet length holds.
pub(crate) fn write(out: &mut Vec<u8>, tag: u8, contents: &[u8]) {
    out.push(tag);
    let [.., a, b, c] = contents.len().to_be_bytes();
    match (a, b, c) {
        (0, 0, c @ ..=0x7f) => out.push(c),
        (0, 0, c) => out.extend([0x81, c]),
        (0, b, c) => out.extend([0x82, b, c]),
        (a, b, c) => out.extend([0x83, a, b, c]),
    }
    out.extend(contents);
}

/// Appends the non-negative INTEGER of big-endian `magnitude`.
pub(crate) fn write_unsigned(out: &mut Vec<u8>, magnitude: &[u8; 32]) {
    let zeros = magnitude.iter().take(31).take_while(|b| **b == 0).count();
    let digits = magnitude.iter().copied().skip(zeros);
    let sign = magnitude.get(zeros).is_some_and(|b| *b >= 0x80).then_some(0);
    let contents: Vec<u8> = sign.into_iter().chain(digits).collect();
    write(out, INTEGER, &contents);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_integers_survive_at_every_border() {
        for n in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let mut out = Vec::new();
            write(&mut out, SEQUENCE, &vec![7; n]);
            assert_eq!(Reader::of_sequence(&out).unwrap().0.len(), n);
        }
        for (low, high) in [(0, 0), (1, 0), (0x80, 0), (0xff, 0x7f), (0, 0x80), (3, 0xff)] {
            let mut value = [0; 32];
            (value[31], value[0]) = (low, high);
            let mut out = Vec::new();
            write_unsigned(&mut out, &value);
            assert_eq!(Reader(&out).unsigned(), Some(value));
        }
    }

    #[test]
    fn integers_with_a_sign_or_spare_zeros_or_too_many_bits_are_refused() {
        let too_long = [[2, 33, 1].as_slice(), &[0; 32]].concat();
        for bad in [&[2, 0][..], &[2, 1, 0x80], &[2, 2, 0, 0x7f], &[2, 0x81, 1, 5], &[2, 2, 1], &too_long] {
            assert_eq!(Reader(bad).unsigned(), None, "{bad:02x?}");
        }
    }
}
