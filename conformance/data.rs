//! Data files: TOML with `source`, `provenance` and a list of `case` tables. A field that the runner does not name is refused.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Error};

use crate::report::{Outcome, Report};

/// A data file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    /// The standard the cases come from.
    source: String,
    /// How the values got here and what they were compared with.
    provenance: String,
    case: Vec<T>,
}

/// The cases of the data file `name` whose contents are `text`; one that cannot be read or is empty is a failed case.
pub(crate) fn cases<T: DeserializeOwned>(report: &mut Report, name: &str, text: &str) -> Vec<T> {
    match toml::from_str::<File<T>>(text) {
        Ok(file) if file.case.is_empty() => {
            report.case(
                name,
                "data file",
                Outcome::Failed("expected at least one case, got none".to_owned()),
            );
            Vec::new()
        }
        Ok(file) => {
            report.source(&format!("{} ({})", file.source, file.provenance));
            file.case
        }
        Err(error) => {
            report.case(name, "data file", Outcome::Failed(error.to_string()));
            Vec::new()
        }
    }
}

/// Bytes written in hexadecimal; spaces and line ends between them mean nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl Hex {
    /// The bytes, when there are `N` of them.
    pub(crate) fn array<const N: usize>(&self) -> Result<[u8; N], String> {
        let bytes = self.0.as_slice();
        bytes.try_into().map_err(|_| format!("expected {N} bytes in the data, got {}", bytes.len()))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: String = String::deserialize(deserializer)?;
        let digits: String = text.split_whitespace().collect();
        hex::decode(digits).map(Self).map_err(D::Error::custom)
    }
}

/// Compares `got` with what the case says.
pub(crate) fn same(what: &str, got: &[u8], expected: &Hex) -> Result<(), String> {
    if got == expected.0 {
        return Ok(());
    }
    Err(format!("{what}: expected `{}`, got `{}`", hex::encode(&expected.0), hex::encode(got)))
}

/// Compares two values that can be shown.
pub(crate) fn equal<G, E>(what: &str, got: &G, expected: &E) -> Result<(), String>
where
    G: PartialEq<E> + std::fmt::Debug + ?Sized,
    E: std::fmt::Debug + ?Sized,
{
    if got == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, got {got:?}")) }
}

/// Something that had to hold.
pub(crate) fn holds(what: &str, holds: bool) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{what} does not hold")) }
}

/// The words of an error, for `map_err`.
pub(crate) fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        value: Hex,
    }

    fn read(text: &str) -> (usize, bool) {
        let mut report = Report::new(Box::new(std::io::sink()));
        let cases = cases::<Case>(&mut report, "test.toml", text);
        for case in &cases {
            report.case("1", "value", same("value", &[1, 2], &case.value));
        }
        (cases.len(), report.finish())
    }

    #[test]
    fn a_field_that_nobody_consumes_fails_the_run() {
        let file = |case: &str| format!("source = 's'\nprovenance = 'p'\n[[case]]\n{case}");
        assert_eq!(read(&file("value = '01 02'")), (1, true));
        assert_eq!(read(&file("value = '01 03'")), (1, false));
        assert_eq!(read(&file("value = '01 02'\nextra = 1")), (0, false));
        assert_eq!(read(&file("value = '0'")), (0, false));
        assert_eq!(read("source = 's'\nprovenance = 'p'\ncase = []"), (0, false));
    }
}
