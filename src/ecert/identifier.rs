//! The certificate identifier of GB/T 36904-2018.
//!
//! `1.2.156.3005.2` `.` type (21) `.` issuer (18) `.` serial `.` version (3) `.` check character, for example
//! `1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U`. The check character is ISO/IEC 7064 MOD 37,36
//! (GB/T 17710) over type, issuer, serial and version, without the root and without dots.

use std::fmt;
use std::str::FromStr;

/// The root under which every certificate identifier stands.
pub const ROOT: &str = "1.2.156.3005.2";
/// Characters of a certificate type's code: the defining body's unified social credit code and three digits.
pub const TYPE_CODE_CHARS: usize = 21;
/// Characters of an issuer's unified social credit code.
pub const ISSUER_CHARS: usize = 18;
/// Most characters of a serial; up to 32 occur in the wild.
pub const MAX_SERIAL_CHARS: usize = 64;

/// A certificate identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateIdentifier {
    type_code: String,
    issuer: String,
    serial: String,
    version: u16,
    check: char,
}

/// What an identifier in the wild does differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// The check character counts letters as 11 to 36, as a program widespread in Shandong does.
    LettersFromEleven,
    /// The issuer is not an 18-character unified social credit code, for example an area code.
    IssuerLength {
        /// How many characters it has.
        got: usize,
    },
}

/// Why a text is not a certificate identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Another root, or another number of parts.
    #[error("expected `1.2.156.3005.2.type.issuer.serial.version.check`, got `{got}`")]
    Shape {
        /// What came, cut to 128 characters.
        got: String,
    },
    /// A part of another length.
    #[error("expected {part} of {expected} characters, got `{got}`")]
    Length {
        /// Which part.
        part: &'static str,
        /// How many characters it must have.
        expected: &'static str,
        /// What came, cut to 128 characters.
        got: String,
    },
    /// A part with characters other than `0-9A-Z`.
    #[error("expected {part} of digits and capital letters, got `{got}`")]
    Characters {
        /// Which part.
        part: &'static str,
        /// What came, cut to 128 characters.
        got: String,
    },
    /// Not a version from 001 to 999.
    #[error("expected a version from 001 to 999, got `{got}`")]
    Version {
        /// What came, cut to 128 characters.
        got: String,
    },
    /// The check character does not fit: a typing error or an invented identifier.
    #[error("expected check character `{expected}`, got `{got}`")]
    Check {
        /// What it must be.
        expected: char,
        /// What came.
        got: char,
    },
}

impl CertificateIdentifier {
    /// The identifier of the certificate `serial` in its `version`, with its check character.
    pub fn new(type_code: &str, issuer: &str, serial: &str, version: u16) -> Result<Self, IdentifierError> {
        exactly("a type code", type_code, TYPE_CODE_CHARS, "21")?;
        exactly("an issuer code", issuer, ISSUER_CHARS, "18")?;
        if !(1..=999).contains(&version) {
            return Err(IdentifierError::Version { got: version.to_string() });
        }
        Self::with_parts(type_code, issuer, serial, version)
    }

    /// Parses an identifier, and accepts what the wild does differently: the [`Deviation`]s say so.
    pub fn read(text: &str) -> Result<(Self, Vec<Deviation>), IdentifierError> {
        let shape = || IdentifierError::Shape { got: cut(text) };
        let parts: Vec<&str> = text.strip_prefix(ROOT).ok_or_else(shape)?.split('.').collect();
        let ["", type_code, issuer, serial, version, check] = parts[..] else { return Err(shape()) };
        exactly("a type code", type_code, TYPE_CODE_CHARS, "21")?;
        characters("an issuer code", issuer)?;
        let mut identifier = Self::with_parts(type_code, issuer, serial, parse_version(version)?)?;

        let mut deviations = Vec::new();
        if issuer.len() != ISSUER_CHARS {
            deviations.push(Deviation::IssuerLength { got: issuer.len() });
        }
        let mut check = check.chars();
        let (Some(got), None) = (check.next(), check.next()) else { return Err(shape()) };
        let expected = identifier.check;
        if got != expected {
            if got != letters_from_eleven(&identifier.checked_text()) {
                return Err(IdentifierError::Check { expected, got });
            }
            identifier.check = got;
            deviations.push(Deviation::LettersFromEleven);
        }
        Ok((identifier, deviations))
    }

    /// The certificate type's code.
    pub fn type_code(&self) -> &str {
        &self.type_code
    }

    /// The issuer's unified social credit code.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The serial.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The version; a changed or renewed certificate has the next one.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// The identifier of the next version; fails after 999.
    pub fn next_version(&self) -> Result<Self, IdentifierError> {
        Self::new(&self.type_code, &self.issuer, &self.serial, self.version.saturating_add(1))
    }

    fn with_parts(
        type_code: &str,
        issuer: &str,
        serial: &str,
        version: u16,
    ) -> Result<Self, IdentifierError> {
        characters("a type code", type_code)?;
        characters("an issuer code", issuer)?;
        characters("a serial", serial)?;
        if !(1..=MAX_SERIAL_CHARS).contains(&serial.len()) {
            return Err(IdentifierError::Length { part: "a serial", expected: "1 to 64", got: cut(serial) });
        }
        let (type_code, issuer, serial) = (type_code.to_owned(), issuer.to_owned(), serial.to_owned());
        let mut identifier = Self { type_code, issuer, serial, version, check: '0' };
        identifier.check = check_character(&identifier.checked_text());
        Ok(identifier)
    }

    fn checked_text(&self) -> String {
        format!("{}{}{}{:03}", self.type_code, self.issuer, self.serial, self.version)
    }
}

/// Strict: every part as the standard has it, the check character canonical.
impl FromStr for CertificateIdentifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let (identifier, deviations) = Self::read(text)?;
        exactly("an issuer code", &identifier.issuer, ISSUER_CHARS, "18")?;
        if deviations.contains(&Deviation::LettersFromEleven) {
            let expected = check_character(&identifier.checked_text());
            return Err(IdentifierError::Check { expected, got: identifier.check });
        }
        Ok(identifier)
    }
}

impl fmt::Display for CertificateIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { type_code, issuer, serial, version, check } = self;
        write!(f, "{ROOT}.{type_code}.{issuer}.{serial}.{version:03}.{check}")
    }
}

impl serde::Serialize for CertificateIdentifier {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for CertificateIdentifier {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).map(|(identifier, _)| identifier).map_err(serde::de::Error::custom)
    }
}

/// ISO/IEC 7064 MOD 37,36 over `text`, characters outside `0-9A-Z` left out.
fn check_character(text: &str) -> char {
    let product = text.chars().filter_map(value).fold(36, |product, value| {
        let sum = (product + value) % 36;
        (if sum == 0 { 36 } else { sum }) * 2 % 37
    });
    character((37 - product) % 36)
}

/// The variant: letters count 11 to 36, a letter's sum above 37 is first reduced modulo 37, and the result is written one lower.
fn letters_from_eleven(text: &str) -> char {
    let product = text.chars().filter_map(value).fold(36, |product, value| {
        let letter = value >= 10;
        let sum = if letter { product + value + 1 } else { product + value };
        let sum = if letter && sum > 37 { sum % 37 } else { sum } % 36;
        (if sum == 0 { 36 } else { sum }) * 2 % 37
    });
    character(36 - product)
}

fn value(c: char) -> Option<u32> {
    c.to_digit(36).filter(|_| c.is_ascii_digit() || c.is_ascii_uppercase())
}

fn character(value: u32) -> char {
    char::from_digit(value, 36).unwrap_or('0').to_ascii_uppercase()
}

fn parse_version(text: &str) -> Result<u16, IdentifierError> {
    let plain = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
    let version = text.parse().ok().filter(|v| plain && *v > 0);
    version.ok_or_else(|| IdentifierError::Version { got: cut(text) })
}

fn exactly(
    part: &'static str,
    text: &str,
    chars: usize,
    expected: &'static str,
) -> Result<(), IdentifierError> {
    if text.len() == chars {
        return characters(part, text);
    }
    Err(IdentifierError::Length { part, expected, got: cut(text) })
}

fn characters(part: &'static str, text: &str) -> Result<(), IdentifierError> {
    if !text.is_empty() && text.chars().all(|c| value(c).is_some()) {
        return Ok(());
    }
    Err(IdentifierError::Characters { part, got: cut(text) })
}

fn cut(text: &str) -> String {
    text.chars().take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Identifiers that public documents print (building-safety, special-work and investment certificates).
    const PUBLISHED: [&str; 4] = [
        "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
        "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.002.S",
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
        "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
    ];

    #[test]
    fn published_identifiers_have_the_check_character_we_compute() {
        for text in PUBLISHED {
            let identifier: CertificateIdentifier = text.parse().unwrap();
            assert_eq!(identifier.to_string(), text);
            let CertificateIdentifier { type_code, issuer, serial, version, .. } = &identifier;
            assert_eq!(CertificateIdentifier::new(type_code, issuer, serial, *version).unwrap(), identifier);
        }
    }

    #[test]
    fn the_variant_of_the_wild_is_read_with_a_warning_and_refused_when_strict() {
        let text =
            "1.2.156.3005.2.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M";
        let (identifier, deviations) = CertificateIdentifier::read(text).unwrap();
        assert_eq!(deviations, [Deviation::LettersFromEleven]);
        assert_eq!(identifier.to_string(), text, "printed as it came");
        let strict = text.parse::<CertificateIdentifier>();
        assert_eq!(strict, Err(IdentifierError::Check { expected: 'D', got: 'M' }));
    }

    #[test]
    fn an_area_code_for_an_issuer_is_read_with_a_warning() {
        let text = "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9";
        let (_, deviations) = CertificateIdentifier::read(text).unwrap();
        assert_eq!(deviations, [Deviation::IssuerLength { got: 6 }]);
        assert!(text.parse::<CertificateIdentifier>().is_err());
    }

    #[test]
    fn one_wrong_or_two_swapped_characters_are_noticed() {
        let text = PUBLISHED[0];
        let start = ROOT.len() + 1;
        for at in (start..text.len()).filter(|i| text.as_bytes()[*i] != b'.') {
            for other in
                "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".chars().filter(|c| !text[at..].starts_with(*c))
            {
                let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                assert!(wrong.parse::<CertificateIdentifier>().is_err(), "{wrong}");
            }
        }
        let swapped = text.replace("20230000403", "20230000430");
        assert!(matches!(swapped.parse::<CertificateIdentifier>(), Err(IdentifierError::Check { .. })));
    }

    #[test]
    fn other_shapes_are_refused_with_what_was_expected() {
        for bad in [
            "",
            "1.2.156.3005.2",
            "1.2.156.3005.3.a.b.c.001.X",
            "1.2.156.3005.2.A.B.C.001.X.Y",
            "1.2.156.3005.22",
        ] {
            assert!(bad.parse::<CertificateIdentifier>().is_err(), "{bad}");
        }
        let new = CertificateIdentifier::new;
        let (type_code, issuer) = ("11350000003591037R001", "11350100003604048M");
        assert!(matches!(
            new("1135", issuer, "1", 1),
            Err(IdentifierError::Length { part: "a type code", .. })
        ));
        assert!(matches!(new(type_code, "350100", "1", 1), Err(IdentifierError::Length { .. })));
        assert!(matches!(new(type_code, issuer, "a1", 1), Err(IdentifierError::Characters { .. })));
        assert!(matches!(new(type_code, issuer, "", 1), Err(IdentifierError::Characters { .. })));
        assert!(matches!(new(type_code, issuer, &"1".repeat(65), 1), Err(IdentifierError::Length { .. })));
        assert!(matches!(new(type_code, issuer, "1", 0), Err(IdentifierError::Version { .. })));
        let last = new(type_code, issuer, "1", 999).unwrap();
        assert!(last.next_version().is_err());
        assert_eq!(new(type_code, issuer, "1", 1).unwrap().next_version().unwrap().version(), 2);
    }
}
