//! `pki::der`: every element, every way to read it, to the bottom. What is read again is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::der::{Reader, SignatureValue, Time, Tlv, write};

fuzz_target!(|data: &[u8]| {
    if let Ok(mut reader) = Reader::new(data) {
        while let Ok(element) = reader.element() {
            read(&element);
        }
    }
    let _ = SignatureValue::from_octets(data);
    let _ = pki::der::oid_text(data);
});

fn read(element: &Tlv<'_>) {
    assert!(element.raw.ends_with(element.value));
    assert_eq!(Tlv::parse(element.raw, element.tag).map(|again| again.raw), Ok(element.raw));
    if element.minimal_length {
        assert_eq!(write::tlv(element.tag, element.value), element.raw);
    }
    if let Ok(oid) = element.oid()
        && let Ok(parsed) = pki::der::ObjectIdentifier::new(&oid)
    {
        assert_eq!(pki::der::oid_text(parsed.as_bytes()), Ok(oid));
    }
    if let Ok(number) = element.small_integer() {
        assert_eq!(Tlv::parse(&write::integer(number), 2).unwrap().small_integer(), Ok(number));
    }
    let _ = (element.boolean(), element.unsigned_integer(), element.text(), element.minimal_throughout());
    let _ = Time::read(element).map(|time| time.rfc3339());
    if let Ok(bits) = element.bit_string() {
        let _ = SignatureValue::from_bit_string(&bits);
    }
    if let Ok(children) = element.elements(256) {
        children.iter().for_each(read);
    }
}
