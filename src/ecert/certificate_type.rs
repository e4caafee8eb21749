//! A kind of certificate: an entry of the catalogue (GB/T 36902-2018).

use crate::Date;
use crate::identifier::TYPE_CODE_CHARS;

/// Most fields that a page shows.
pub const MAX_FIELDS: usize = 40;
/// Longest name or label, in characters.
pub const MAX_NAME_CHARS: usize = 60;

/// A kind of certificate.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateType {
    /// The code: the defining body's unified social credit code (18 characters) and three digits.
    pub code: String,
    /// The name that the page bears: `食品经营许可证`.
    pub name: String,
    /// The name in English, for pages in English.
    pub name_en: String,
    /// The body that defines the type; its code is the first part of `code`.
    pub define_authority_name: String,
    /// The fields that the page shows, in order.
    pub surface: Vec<FieldDefinition>,
    /// How long a certificate holds.
    pub validity: Validity,
    /// How the page lies.
    pub layout: Layout,
}

/// A field that the page shows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldDefinition {
    /// The name in data: letters and digits, beginning with a letter.
    pub key: String,
    /// The label on the page.
    pub label_zh: String,
    /// The label in English.
    pub label_en: String,
    /// What the field holds.
    pub kind: FieldKind,
    /// Whether it must be given.
    pub required: bool,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FieldKind {
    /// Text on one or more lines.
    Text {
        /// Most characters.
        max_chars: usize,
    },
    /// A date, `2026-11-24`.
    Date,
    /// A decimal number with at most 18 digits and an optional fraction.
    Number,
    /// A unified social credit code (GB 32100), its check character included.
    SocialCreditCode,
    /// A citizen identity number (GB 11643), its check digit included.
    CitizenNumber,
    /// One of a few values.
    Choice {
        /// The values.
        values: Vec<String>,
    },
}

/// How long a certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Validity {
    /// Without an end (长期).
    LongTerm,
    /// A number of years.
    Years(u8),
}

/// How the A4 page lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Layout {
    /// Upright.
    Portrait,
    /// Across.
    Landscape,
}

/// Why a type cannot stand in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// The code is not 21 digits and capital letters of which the last three are digits.
    #[error("expected a type code of 18 digits or capital letters and 3 digits, got `{got}`")]
    Code {
        /// What came, cut to 64 characters.
        got: String,
    },
    /// A name or label is empty or too long.
    #[error("expected `{field}` of 1 to 60 characters, got `{got}`")]
    Name {
        /// Which one.
        field: String,
        /// What came, cut to 64 characters.
        got: String,
    },
    /// A field's key is malformed or taken.
    #[error("expected a new key of letters and digits that begins with a letter, got `{got}`")]
    Key {
        /// What came, cut to 64 characters.
        got: String,
    },
    /// More fields than a page can show.
    #[error("expected at most 40 fields, got {got}")]
    TooManyFields {
        /// How many came.
        got: usize,
    },
}

impl CertificateType {
    /// The defining body's unified social credit code.
    pub fn define_authority_code(&self) -> &str {
        self.code.get(..18).unwrap_or_default()
    }

    /// The last day of a certificate that begins on `start`; `None` when it holds without an end.
    pub fn validate_end(&self, start: Date) -> Option<Date> {
        match self.validity {
            Validity::LongTerm => None,
            Validity::Years(years) => start.last_day_of_years(years),
        }
    }

    /// Checks what the types of the fields alone do not say; to be called when a type enters the catalogue.
    pub fn check(&self) -> Result<(), TypeError> {
        check_code(&self.code)?;
        for (field, text) in [
            ("name", &self.name),
            ("nameEn", &self.name_en),
            ("defineAuthorityName", &self.define_authority_name),
        ] {
            check_name(field, text)?;
        }
        if self.surface.len() > MAX_FIELDS {
            return Err(TypeError::TooManyFields { got: self.surface.len() });
        }
        for (i, field) in self.surface.iter().enumerate() {
            let taken = self.surface.iter().take(i).any(|earlier| earlier.key == field.key);
            if taken || !is_key(&field.key) {
                return Err(TypeError::Key { got: cut(&field.key) });
            }
            check_name(&field.key, &field.label_zh)?;
            check_name(&field.key, &field.label_en)?;
        }
        Ok(())
    }
}

fn check_code(code: &str) -> Result<(), TypeError> {
    let characters = code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let number = code.bytes().rev().take(3).all(|b| b.is_ascii_digit());
    if code.len() == TYPE_CODE_CHARS && characters && number {
        return Ok(());
    }
    Err(TypeError::Code { got: cut(code) })
}

fn check_name(field: &str, text: &str) -> Result<(), TypeError> {
    let length = text.chars().count();
    if (1..=MAX_NAME_CHARS).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(TypeError::Name { field: field.to_owned(), got: cut(text) })
}

fn is_key(key: &str) -> bool {
    let begins = key.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    begins && key.len() <= MAX_NAME_CHARS && key.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn food_licence() -> CertificateType {
        CertificateType {
            code: "11350000003591037R001".into(),
            name: "食品经营许可证".into(),
            name_en: "Food Business Licence".into(),
            define_authority_name: "福建省市场监督管理局".into(),
            surface: vec![FieldDefinition {
                key: "address".into(),
                label_zh: "经营场所".into(),
                label_en: "Place of business".into(),
                kind: FieldKind::Text { max_chars: 100 },
                required: true,
            }],
            validity: Validity::Years(5),
            layout: Layout::Landscape,
        }
    }

    #[test]
    fn a_sound_type_passes_and_survives_json() {
        let type_ = food_licence();
        assert_eq!(type_.check(), Ok(()));
        assert_eq!(type_.define_authority_code(), "11350000003591037R");
        let json = serde_json::to_string(&type_).unwrap();
        assert!(json.contains("\"defineAuthorityName\"") && json.contains("\"labelZh\""));
        assert_eq!(serde_json::from_str::<CertificateType>(&json).unwrap(), type_);
    }

    #[test]
    fn a_type_that_cannot_be_shown_is_refused() {
        let changed = |change: fn(&mut CertificateType)| {
            let mut type_ = food_licence();
            change(&mut type_);
            type_.check().unwrap_err()
        };
        assert!(matches!(changed(|t| t.code = "11350000003591037R00X".into()), TypeError::Code { .. }));
        assert!(matches!(changed(|t| t.code = "001".into()), TypeError::Code { .. }));
        assert!(matches!(changed(|t| t.name = String::new()), TypeError::Name { .. }));
        assert!(matches!(changed(|t| t.surface.push(t.surface[0].clone())), TypeError::Key { .. }));
        assert!(matches!(changed(|t| t.surface[0].key = "1a".into()), TypeError::Key { .. }));
        assert!(matches!(
            changed(|t| t.surface = vec![t.surface[0].clone(); 41]),
            TypeError::TooManyFields { got: 41 }
        ));
    }
}
