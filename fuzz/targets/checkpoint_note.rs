//! The log's texts: notes, keys, entries, proofs. Only the log's own note opens; an entry and a key have one text each.
#![no_main]

use std::sync::LazyLock;

use audit::{Checkpoint, Entry, InclusionProof, LogKey};
use libfuzzer_sys::fuzz_target;

static LOG: LazyLock<LogKey> = LazyLock::new(fuzz::log_key);

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(checkpoint) = Checkpoint::open(text, &LOG) {
            assert!(text.starts_with(&checkpoint.text()));
            assert_eq!(checkpoint.size(), 1, "the log signed one note");
        }
        if let Ok(checkpoint) = Checkpoint::peek(text) {
            assert!(text.starts_with(&checkpoint.text()));
        }
        if let Ok(key) = text.parse::<LogKey>() {
            assert_eq!(key.to_string(), text);
        }
    }
    if let Ok(entry) = Entry::parse(data) {
        assert_eq!(entry.bytes(), data);
    }
    if let Ok(proof) = InclusionProof::from_json(data) {
        let again = InclusionProof::from_json(proof.to_json().to_string().as_bytes()).unwrap();
        assert_eq!(again, proof);
        let _ = proof.verify(&LOG).is_ok();
    }
});
