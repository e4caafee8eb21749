//! `seal::verify_file`, as strangers' uploads reach it: a report with every check once, in words of both languages.
#![no_main]

use fuzz::{NOW, TRUST};
use libfuzzer_sys::fuzz_target;
use seal::report::{Indication, Language};
use seal::verify::{mentions, verify_file};

fuzz_target!(|data: &[u8]| {
    let Some(bytes) = fuzz::package(data) else { return };
    let report = verify_file(&bytes, &TRUST, NOW);
    let nobody = verify_file(&bytes, &seal::TrustAnchors::default(), NOW);
    assert_ne!(nobody.indication, Indication::TotalPassed, "nothing passes without trust");
    for signature in &report.signatures {
        let mut seen: Vec<&str> = signature.checks.iter().map(|check| check.id).collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count, "no check comes twice");
    }
    for language in [Language::Chinese, Language::English] {
        let text = report.to_text(language);
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']), "hostile names write no control characters");
    }
    let _ = serde_json::to_string(&report).unwrap();
    let _ = mentions(&bytes);
});
