//! Strict DER, written (X.690, 10 and 11).

use base::Timestamp;

use super::{ObjectIdentifier, tag};

/// `content` under `tag` with the shortest length.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let octets = content.len().to_be_bytes();
            let zeros = octets.iter().take_while(|b| **b == 0).count();
            out.push(0x80 | u8::try_from(octets.len() - zeros).unwrap_or(8));
            out.extend(octets.iter().skip(zeros));
        }
    }
    out.extend_from_slice(content);
    out
}

/// SEQUENCE of the elements in `parts`, each complete.
pub fn sequence<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    tlv(tag::SEQUENCE, &concat(parts))
}

/// SET OF the elements in `parts`, sorted as DER demands (X.690, 11.6).
pub fn set_of<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    let mut sorted: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
    sorted.sort_unstable();
    tlv(tag::SET, &concat(&sorted))
}

/// The explicit context tag `[number]` around `element`. `number` is below 31.
pub fn explicit(number: u8, element: &[u8]) -> Vec<u8> {
    tlv(tag::context(number), element)
}

/// The implicit context tag `[number]` on primitive `content`. `number` is below 31.
pub fn implicit(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(tag::context_primitive(number), content)
}

/// BOOLEAN.
pub fn boolean(value: bool) -> Vec<u8> {
    tlv(tag::BOOLEAN, &[if value { 0xff } else { 0x00 }])
}

/// INTEGER, in the fewest octets.
pub fn integer(value: i64) -> Vec<u8> {
    let octets = value.to_be_bytes();
    let fill = if value < 0 { 0xff } else { 0x00 };
    let mut start = octets.iter().take_while(|b| **b == fill).count().min(octets.len() - 1);
    if start > 0 && octets.get(start).is_some_and(|b| (b ^ fill) & 0x80 != 0) {
        start -= 1;
    }
    tlv(tag::INTEGER, octets.get(start..).unwrap_or_default())
}

/// INTEGER with the unsigned big-endian value `magnitude`.
pub fn unsigned_integer(magnitude: &[u8]) -> Vec<u8> {
    let zeros = magnitude.iter().take_while(|b| **b == 0).count();
    let digits = magnitude.get(zeros..).unwrap_or_default();
    let mut content = Vec::with_capacity(digits.len() + 1);
    if digits.first().is_none_or(|b| b & 0x80 != 0) {
        content.push(0);
    }
    content.extend_from_slice(digits);
    tlv(tag::INTEGER, &content)
}

/// OBJECT IDENTIFIER.
pub fn oid(oid: &ObjectIdentifier) -> Vec<u8> {
    tlv(tag::OID, oid.as_bytes())
}

/// OCTET STRING.
pub fn octet_string(bytes: &[u8]) -> Vec<u8> {
    tlv(tag::OCTET_STRING, bytes)
}

/// BIT STRING of whole octets.
pub fn bit_string(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(bytes.len() + 1);
    content.push(0);
    content.extend_from_slice(bytes);
    tlv(tag::BIT_STRING, &content)
}

/// NULL.
pub fn null() -> Vec<u8> {
    tlv(tag::NULL, &[])
}

/// UTF8String.
pub fn utf8_string(text: &str) -> Vec<u8> {
    tlv(tag::UTF8_STRING, text.as_bytes())
}

/// IA5String; `None` when `text` is not ASCII.
pub fn ia5_string(text: &str) -> Option<Vec<u8>> {
    text.is_ascii().then(|| tlv(tag::IA5_STRING, text.as_bytes()))
}

/// PrintableString; `None` when `text` has characters outside its alphabet (X.680, 41.4).
pub fn printable_string(text: &str) -> Option<Vec<u8>> {
    let printable = |b: u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b);
    text.bytes().all(printable).then(|| tlv(tag::PRINTABLE_STRING, text.as_bytes()))
}

/// GeneralizedTime in UTC with whole seconds (X.690, 11.7).
pub fn generalized_time(at: Timestamp) -> Vec<u8> {
    tlv(tag::GENERALIZED_TIME, at.generalized_time().as_bytes())
}

fn concat<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|p| p.as_ref().len()).sum());
    for part in parts {
        out.extend_from_slice(part.as_ref());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Tlv, tag};
    use super::*;

    #[test]
    fn integers_take_the_fewest_octets_and_read_back() {
        for value in [0, 1, 127, 128, 255, 256, -1, -128, -129, i64::MAX, i64::MIN] {
            let bytes = integer(value);
            assert_eq!(Tlv::parse(&bytes, tag::INTEGER).unwrap().small_integer(), Ok(value));
        }
        assert_eq!(integer(127), [2, 1, 127]);
        assert_eq!(integer(128), [2, 2, 0, 128]);
        assert_eq!(integer(-128), [2, 1, 0x80]);
        assert_eq!(unsigned_integer(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned_integer(&[0]), [2, 1, 0]);
    }

    #[test]
    fn lengths_are_shortest() {
        for n in [0usize, 1, 127, 128, 255, 256, 65535, 65536] {
            let bytes = octet_string(&vec![7; n]);
            let element = Tlv::parse(&bytes, tag::OCTET_STRING).unwrap();
            assert!(element.minimal_length);
            assert_eq!(element.value.len(), n);
        }
    }

    #[test]
    fn strings_refuse_what_their_type_cannot_hold() {
        assert!(ia5_string("印章").is_none() && printable_string("a@b").is_none());
        assert_eq!(set_of(&[[5u8, 0], [2, 0]]), [0x31, 4, 2, 0, 5, 0]);
    }
}
