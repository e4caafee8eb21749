//! Seals and seal signatures of all three generations: read, verified. What is read holds the bytes it was read from.
#![no_main]

use fuzz::{NOW, TRUST};
use libfuzzer_sys::fuzz_target;
use seal::ses::{Seal, SesSignature};
use seal::verify::{verify_parts, verify_seal};

fuzz_target!(|data: &[u8]| {
    if let Ok((seal, deviations)) = Seal::parse(data) {
        assert_eq!(seal.der, data);
        let _ = (seal.signed_bytes(), seal.other_signed_bytes(), deviations.len(), seal.lists(data));
        let report = verify_seal(data, &TRUST, NOW);
        assert!(report.seal.is_some_and(|seal| !seal.checks.is_empty()));
    }
    if let Ok((signature, _)) = SesSignature::parse(data) {
        assert!(Seal::parse(&signature.seal.der).is_ok(), "the seal inside is a seal alone too");
    }
    let _ = verify_parts(b"<Signature/>", data, &TRUST, NOW);
});
