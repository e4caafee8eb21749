//! The shared vectors, read so that no field of any is left unread.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The vectors of `../shared/vectors/NAME.json`; `None`, said aloud, where the folder is absent.
pub(crate) fn vectors(name: &str) -> Option<Vec<Vector>> {
    let path = format!("{}/../../../shared/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no ../shared/vectors/{name}.json");
        return None;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter().enumerate();
    Some(vectors.map(|(i, v)| Vector::new(format!("{name} {i}"), v.as_object().unwrap().clone())).collect())
}

/// One vector; it remembers which fields nobody has read yet.
pub(crate) struct Vector {
    label: String,
    unread: RefCell<Map<String, Value>>,
}

impl Vector {
    fn new(label: String, mut fields: Map<String, Value>) -> Self {
        // Words for people, not inputs: they go into the label.
        let words: Vec<String> = ["source", "comment", "flags"]
            .iter()
            .filter_map(|f| fields.remove(*f))
            .map(|v| v.to_string())
            .collect();
        Self { label: format!("{label} {}", words.join(" ")), unread: RefCell::new(fields) }
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.unread.borrow().contains_key(field)
    }

    pub(crate) fn value(&self, field: &str) -> Value {
        self.unread.borrow_mut().remove(field).unwrap_or_else(|| panic!("{}: no field {field}", self.label))
    }

    pub(crate) fn text(&self, field: &str) -> String {
        self.value(field).as_str().unwrap().to_owned()
    }

    pub(crate) fn bytes(&self, field: &str) -> Vec<u8> {
        // Numbers beyond 256 bits are written with `0x` and without a first zero.
        let text = self.text(field);
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let zero = if digits.len() % 2 == 1 { "0" } else { "" };
        hex::decode(format!("{zero}{digits}")).unwrap()
    }

    pub(crate) fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().unwrap_or_else(|_| panic!("{}: {field} is not {N} bytes", self.label))
    }

    /// Whether the vector says it must hold.
    pub(crate) fn valid(&self) -> bool {
        match self.text("result").as_str() {
            "valid" => true,
            "invalid" => false,
            other => panic!("{}: result {other}", self.label),
        }
    }

    /// Every field must have been read.
    pub(crate) fn end(self) {
        let unread = self.unread.into_inner();
        assert!(unread.is_empty(), "{}: fields nobody read: {:?}", self.label, unread.keys());
    }
}

/// How many vectors were consumed, and which were left out, by name.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) consumed: usize,
    pub(crate) left_out: BTreeMap<String, usize>,
}

impl Tally {
    pub(crate) fn consume(&mut self, vector: Vector) {
        vector.end();
        self.consumed += 1;
    }

    pub(crate) fn leave_out(&mut self, why: impl Into<String>) {
        *self.left_out.entry(why.into()).or_default() += 1;
    }

    /// Says the tally and compares it with what is expected.
    pub(crate) fn expect(self, name: &str, consumed: usize, left_out: &[(&str, usize)]) {
        eprintln!("{name}: {} consumed, left out: {:?}", self.consumed, self.left_out);
        let left_out: BTreeMap<String, usize> =
            left_out.iter().map(|(why, n)| ((*why).to_owned(), *n)).collect();
        assert_eq!((self.consumed, self.left_out), (consumed, left_out), "{name}");
    }
}
