//! Reads ASN.1 as it is found, not as it should be; writes strict DER ([`write`]).
//!
//! Real seals and signatures break DER in a dozen ways (GM/T 0031 and GB/T 38540 products of several vendors), so this
//! reader keeps the raw bytes of every element, accepts what can be understood without doubt and reports each
//! departure as a flag; the caller turns the flags into named findings. Definite lengths and single-byte tags only.
//! Nothing here allocates more than it is given, recurses, or panics. Source: ITU-T X.690.

pub mod signature;
pub mod time;
pub mod write;

pub use const_oid::ObjectIdentifier;
pub use signature::{SignatureEncoding, SignatureValue};
pub use time::{Time, TimeZoneSource};

/// Largest input a [`Reader`] takes: 32 MiB, well above any seal (a picture) or CMS envelope.
pub const MAX_INPUT_BYTES: usize = 32 << 20;
/// Deepest nesting followed by [`Tlv::reader`].
pub const MAX_DEPTH_LEVELS: u8 = 32;
/// Longest object identifier read, in content bytes.
pub const MAX_OID_BYTES: usize = 64;

/// Universal tags, with the constructed bit where the type is constructed (X.690, 8).
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING.
    pub const BIT_STRING: u8 = 0x03;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// UTF8String.
    pub const UTF8_STRING: u8 = 0x0c;
    /// PrintableString.
    pub const PRINTABLE_STRING: u8 = 0x13;
    /// IA5String.
    pub const IA5_STRING: u8 = 0x16;
    /// UTCTime.
    pub const UTC_TIME: u8 = 0x17;
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: u8 = 0x18;
    /// BMPString.
    pub const BMP_STRING: u8 = 0x1e;
    /// SEQUENCE.
    pub const SEQUENCE: u8 = 0x30;
    /// SET.
    pub const SET: u8 = 0x31;

    /// The context tag `[number]`, constructed (explicit, or implicit of a constructed type). `number` is below 31.
    pub const fn context(number: u8) -> u8 {
        0xa0 | (number & 0x1f)
    }

    /// The context tag `[number]`, primitive (implicit of a primitive type). `number` is below 31.
    pub const fn context_primitive(number: u8) -> u8 {
        0x80 | (number & 0x1f)
    }
}

/// Why bytes could not be read as ASN.1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// The input ends inside an element.
    #[error("element needs {needed} bytes but {have} are left")]
    Truncated {
        /// Bytes the header announces.
        needed: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// The length form is indefinite, or longer than four bytes.
    #[error("length octet 0x{0:02x} is not a definite length of at most four bytes")]
    BadLength(u8),
    /// A tag of more than one byte.
    #[error("tag 0x{0:02x} has more than one byte")]
    LongTag(u8),
    /// Another element than the one the syntax asks for.
    #[error("expected tag 0x{expected:02x}, found 0x{found:02x}")]
    UnexpectedTag {
        /// The tag the syntax asks for.
        expected: u8,
        /// The tag that came.
        found: u8,
    },
    /// An element the syntax asks for is absent.
    #[error("expected tag 0x{expected:02x}, found the end")]
    Missing {
        /// The tag the syntax asks for.
        expected: u8,
    },
    /// Bytes after the last element.
    #[error("{0} bytes after the last element")]
    Trailing(usize),
    /// Nesting beyond [`MAX_DEPTH_LEVELS`].
    #[error("nested deeper than {MAX_DEPTH_LEVELS} levels")]
    TooDeep,
    /// Input beyond [`MAX_INPUT_BYTES`].
    #[error("{0} bytes are more than the {MAX_INPUT_BYTES} allowed")]
    TooLarge(usize),
    /// The content does not fit its type.
    #[error("content is not a valid {0}")]
    BadValue(&'static str),
}

/// One element: tag, the whole of its bytes, and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// Header and content, exactly as they stand in the input: what signatures are verified over.
    pub raw: &'a [u8],
    /// The content octets.
    pub value: &'a [u8],
    /// Whether the length is in its shortest form, as DER demands.
    pub minimal_length: bool,
    depth: u8,
}

/// Reads elements one after another from a byte string.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    depth: u8,
}

/// A BIT STRING: its octets as they stand, and how many bits of the last one are unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitString<'a> {
    /// 0 to 7.
    pub unused_bits: u8,
    /// The octets, unmasked.
    pub bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`. Fails above [`MAX_INPUT_BYTES`].
    pub fn new(bytes: &'a [u8]) -> Result<Self, DerError> {
        if bytes.len() > MAX_INPUT_BYTES {
            return Err(DerError::TooLarge(bytes.len()));
        }
        Ok(Self { rest: bytes, depth: 0 })
    }

    /// The next element, whatever its tag.
    pub fn element(&mut self) -> Result<Tlv<'a>, DerError> {
        let all = self.rest;
        let (&tag, after_tag) = all.split_first().ok_or(DerError::Truncated { needed: 2, have: 0 })?;
        if tag & 0x1f == 0x1f {
            return Err(DerError::LongTag(tag));
        }
        let (length, minimal_length, content) = length(after_tag)?;
        let (value, rest) = content
            .split_at_checked(length)
            .ok_or(DerError::Truncated { needed: length, have: content.len() })?;
        let (raw, _) = all.split_at_checked(all.len() - rest.len()).unwrap_or((all, &[]));
        self.rest = rest;
        Ok(Tlv { tag, raw, value, minimal_length, depth: self.depth })
    }

    /// The next element, which must have `tag`.
    pub fn expect(&mut self, tag: u8) -> Result<Tlv<'a>, DerError> {
        match self.peek() {
            Some(found) if found == tag => self.element(),
            Some(found) => Err(DerError::UnexpectedTag { expected: tag, found }),
            None => Err(DerError::Missing { expected: tag }),
        }
    }

    /// The next element when it has `tag`; otherwise nothing is consumed.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, DerError> {
        if self.peek() == Some(tag) { self.element().map(Some) } else { Ok(None) }
    }

    /// The tag of the next element.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The bytes not yet read.
    pub fn remaining(&self) -> &'a [u8] {
        self.rest
    }

    /// Confirms that everything has been read.
    pub fn finish(self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError::Trailing(self.rest.len())) }
    }
}

/// Content length, whether its form is the shortest, and the bytes after the length octets (X.690, 8.1.3).
fn length(bytes: &[u8]) -> Result<(usize, bool, &[u8]), DerError> {
    let (&first, rest) = bytes.split_first().ok_or(DerError::Truncated { needed: 1, have: 0 })?;
    if first < 0x80 {
        return Ok((usize::from(first), true, rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(DerError::BadLength(first));
    }
    let (octets, rest) =
        rest.split_at_checked(count).ok_or(DerError::Truncated { needed: count, have: rest.len() })?;
    let length = octets.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
    let minimal = octets.first() != Some(&0) && length >= 0x80;
    Ok((usize::try_from(length).unwrap_or(usize::MAX), minimal, rest))
}

impl<'a> Tlv<'a> {
    /// The single element that `bytes` consist of, which must have `tag`; trailing bytes are an error.
    pub fn parse(bytes: &'a [u8], tag: u8) -> Result<Self, DerError> {
        let mut reader = Reader::new(bytes)?;
        let element = reader.expect(tag)?;
        reader.finish()?;
        Ok(element)
    }

    /// A reader over the content. Fails below [`MAX_DEPTH_LEVELS`].
    pub fn reader(&self) -> Result<Reader<'a>, DerError> {
        if self.depth >= MAX_DEPTH_LEVELS {
            return Err(DerError::TooDeep);
        }
        Ok(Reader { rest: self.value, depth: self.depth + 1 })
    }

    /// All elements of the content, at most `limit_count` of them.
    pub fn elements(&self, limit_count: usize) -> Result<Vec<Tlv<'a>>, DerError> {
        let mut reader = self.reader()?;
        let mut out = Vec::new();
        while !reader.is_empty() {
            if out.len() == limit_count {
                return Err(DerError::BadValue("list within its limit"));
            }
            out.push(reader.element()?);
        }
        Ok(out)
    }

    /// Whether this element and everything that can be read inside its constructed children has shortest lengths.
    pub fn minimal_throughout(&self) -> bool {
        // At most MAX_DEPTH_LEVELS readers are open at once.
        let mut open: Vec<Reader<'a>> = self.reader().into_iter().collect();
        while let Some(reader) = open.last_mut() {
            match reader.element() {
                Ok(child) if !child.minimal_length => return false,
                Ok(child) if child.tag & 0x20 != 0 => open.extend(child.reader().ok()),
                Ok(_) => {}
                Err(_) => drop(open.pop()),
            }
        }
        self.minimal_length
    }

    /// A BOOLEAN's value; any non-zero octet is true (BER), only 0x00 and 0xff are DER.
    pub fn boolean(&self) -> Result<bool, DerError> {
        match self.value {
            [octet] => Ok(*octet != 0),
            _ => Err(DerError::BadValue("BOOLEAN")),
        }
    }

    /// An INTEGER that fits 64 bits.
    pub fn small_integer(&self) -> Result<i64, DerError> {
        let negative = self.value.first().ok_or(DerError::BadValue("INTEGER"))? & 0x80 != 0;
        if self.value.len() > 8 {
            return Err(DerError::BadValue("INTEGER of at most 8 bytes"));
        }
        Ok(self.value.iter().fold(if negative { -1 } else { 0 }, |n, b| (n << 8) | i64::from(*b)))
    }

    /// An INTEGER's magnitude read as unsigned, without leading zeros, and whether its sign bit says it is negative.
    pub fn unsigned_integer(&self) -> Result<(&'a [u8], bool), DerError> {
        let first = self.value.first().ok_or(DerError::BadValue("INTEGER"))?;
        let zeros = self.value.iter().take_while(|b| **b == 0).count();
        Ok((self.value.get(zeros..).unwrap_or_default(), first & 0x80 != 0))
    }

    /// An OBJECT IDENTIFIER in dotted form (X.690, 8.19).
    pub fn oid(&self) -> Result<String, DerError> {
        oid_text(self.value)
    }

    /// A string of any of the text types, undecodable bytes shown as U+FFFD, and whether it was clean.
    ///
    /// The second value is false when bytes had to be replaced.
    pub fn text(&self) -> (String, bool) {
        if self.tag == tag::BMP_STRING {
            let units: Vec<u16> =
                self.value.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            return match String::from_utf16(&units) {
                Ok(text) => (text, self.value.len().is_multiple_of(2)),
                Err(_) => (String::from_utf16_lossy(&units), false),
            };
        }
        match std::str::from_utf8(self.value) {
            Ok(text) => (text.to_owned(), true),
            Err(_) => (String::from_utf8_lossy(self.value).into_owned(), false),
        }
    }

    /// A BIT STRING with its count of unused bits (X.690, 8.6). Nothing is masked.
    pub fn bit_string(&self) -> Result<BitString<'a>, DerError> {
        match self.value.split_first() {
            Some((&unused_bits, bytes)) if unused_bits < 8 && (unused_bits == 0 || !bytes.is_empty()) => {
                Ok(BitString { unused_bits, bytes })
            }
            _ => Err(DerError::BadValue("BIT STRING")),
        }
    }

    /// The content of a NULL, OCTET STRING or any primitive, for symmetry with the other accessors.
    pub const fn octets(&self) -> &'a [u8] {
        self.value
    }
}

impl BitString<'_> {
    /// The octets padded with zero bytes to `bytes` in length.
    ///
    /// Some products encode as if with a named-bit list, which strips trailing zero bits (X.690, 11.2.2).
    pub fn zero_padded(&self, bytes: usize) -> Vec<u8> {
        let mut out = self.bytes.to_vec();
        if out.len() < bytes {
            out.resize(bytes.min(MAX_INPUT_BYTES), 0);
        }
        out
    }
}

/// The dotted form of an object identifier's content octets (X.690, 8.19).
pub fn oid_text(content: &[u8]) -> Result<String, DerError> {
    const BAD: DerError = DerError::BadValue("OBJECT IDENTIFIER");
    if content.is_empty() || content.len() > MAX_OID_BYTES || content.last().is_some_and(|b| b & 0x80 != 0) {
        return Err(BAD);
    }
    let mut out = String::new();
    let mut arc = 0u128;
    let mut first = true;
    for byte in content {
        arc = arc.checked_mul(128).ok_or(BAD)? | u128::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if first {
            let root = (arc / 40).min(2);
            out = format!("{root}.{}", arc - root * 40);
            first = false;
        } else {
            out.push_str(&format!(".{arc}"));
        }
        arc = 0;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_raw_bytes_and_say_when_a_length_is_not_minimal() {
        let bytes = [0x30, 0x81, 0x03, 0x02, 0x01, 0x05];
        let element = Tlv::parse(&bytes, tag::SEQUENCE).unwrap();
        assert_eq!((element.raw, element.minimal_length), (&bytes[..], false));
        let inner = element.reader().unwrap().expect(tag::INTEGER).unwrap();
        assert_eq!((inner.small_integer(), inner.minimal_length), (Ok(5), true));
        assert!(!element.minimal_throughout() && inner.minimal_throughout());
    }

    #[test]
    fn what_is_not_definite_complete_and_shallow_is_refused() {
        for (bytes, error) in [
            (&[0x30, 0x80, 0, 0][..], DerError::BadLength(0x80)),
            (&[0x30, 0x85, 1, 1, 1, 1, 1][..], DerError::BadLength(0x85)),
            (&[0x3f, 0x81, 0][..], DerError::LongTag(0x3f)),
            (&[0x04, 0x05, 1][..], DerError::Truncated { needed: 5, have: 1 }),
            (&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff][..], DerError::Truncated { needed: 0xffff_ffff, have: 0 }),
        ] {
            assert_eq!(Reader::new(bytes).unwrap().element(), Err(error));
        }
        let mut nested = vec![0x05, 0x00];
        for _ in 0..60 {
            nested = write::sequence(&[&nested]);
        }
        let mut element = Tlv::parse(&nested, tag::SEQUENCE).unwrap();
        let refused = loop {
            match element.reader() {
                Ok(mut inside) => element = inside.element().unwrap(),
                Err(error) => break error,
            }
        };
        assert_eq!(refused, DerError::TooDeep);
        assert_eq!(Tlv::parse(&[5, 0, 1], tag::NULL), Err(DerError::Trailing(1)));
    }

    #[test]
    fn object_identifiers_print_in_dotted_form() {
        let sm2_with_sm3 = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");
        assert_eq!(oid_text(sm2_with_sm3.as_bytes()).unwrap(), "1.2.156.10197.1.501");
        assert_eq!(oid_text(&[0x88, 0x37]).unwrap(), "2.999");
        assert!(oid_text(&[0x2a, 0x81]).is_err() && oid_text(&[0xff; 64]).is_err() && oid_text(&[]).is_err());
    }

    #[test]
    fn bit_strings_keep_unused_bits_and_pad_with_zeros() {
        let element = Tlv::parse(&[0x03, 0x02, 0x07, 0x80], tag::BIT_STRING).unwrap();
        let bits = element.bit_string().unwrap();
        assert_eq!((bits.unused_bits, bits.zero_padded(3)), (7, vec![0x80, 0, 0]));
        assert!(Tlv::parse(&[0x03, 0x02, 0x08, 0x80], tag::BIT_STRING).unwrap().bit_string().is_err());
    }

    #[test]
    fn integers_are_read_signed_when_small_and_unsigned_when_large() {
        let element = Tlv::parse(&[0x02, 0x02, 0xff, 0x7f], tag::INTEGER).unwrap();
        assert_eq!(element.small_integer(), Ok(-129));
        assert_eq!(element.unsigned_integer(), Ok((&[0xff, 0x7f][..], true)));
    }
}
