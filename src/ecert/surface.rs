//! The fields that the page shows, checked against the type (照面要素).

use std::collections::BTreeMap;

use crate::certificate_type::{CertificateType, FieldDefinition, FieldKind};
use crate::date::Date;
use crate::metadata::HolderType;

/// Longest value of any field, in characters, whatever its type allows.
const MAX_VALUE_CHARS: usize = 2000;

/// A field that does not fit the type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SurfaceError {
    /// A required field is absent or empty.
    #[error("field `{key}` ({label}) is required")]
    Missing {
        /// The field.
        key: String,
        /// Its label.
        label: String,
    },
    /// A field that the type does not have.
    #[error("field `{key}` is not one of this type's fields: {known}")]
    Unknown {
        /// The field, cut to 64 characters.
        key: String,
        /// The type's fields.
        known: String,
    },
    /// A value of another form.
    #[error("field `{key}` ({label}): expected {expected}, got `{got}`")]
    Malformed {
        /// The field.
        key: String,
        /// Its label.
        label: String,
        /// What was expected.
        expected: String,
        /// What came, cut to 64 characters.
        got: String,
    },
}

/// Checks `fields` against the type's definition and returns them as they go on the page: trimmed, empty ones left out.
///
/// Fails with the first field that does not fit.
pub fn check(
    type_: &CertificateType,
    fields: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, SurfaceError> {
    if let Some(key) = fields.keys().find(|key| type_.surface.iter().all(|f| f.key != **key)) {
        let known: Vec<&str> = type_.surface.iter().map(|f| f.key.as_str()).collect();
        return Err(SurfaceError::Unknown { key: cut(key), known: known.join(", ") });
    }
    let mut checked = BTreeMap::new();
    for field in &type_.surface {
        let value = fields.get(&field.key).map(|v| v.trim()).filter(|v| !v.is_empty());
        match value {
            Some(value) => {
                checked.insert(field.key.clone(), check_value(field, value)?);
            }
            None if field.required => {
                let (key, label) = (field.key.clone(), field.label_zh.clone());
                return Err(SurfaceError::Missing { key, label });
            }
            None => {}
        }
    }
    Ok(checked)
}

/// The value as it goes on the page: numbers and codes in their one way of writing.
fn check_value(field: &FieldDefinition, value: &str) -> Result<String, SurfaceError> {
    let checked = match &field.kind {
        FieldKind::Text { max_chars } => check_text(value, (*max_chars).min(MAX_VALUE_CHARS)),
        FieldKind::Date => {
            value.parse::<Date>().map(|d| d.to_string()).map_err(|_| "a date like `2026-11-24`".into())
        }
        FieldKind::Number if is_number(value) => Ok(value.to_owned()),
        FieldKind::Number => Err("a decimal number".to_owned()),
        FieldKind::SocialCreditCode => {
            HolderType::SocialCreditCode.check(value).map_err(|e| e.expected.to_owned())
        }
        FieldKind::CitizenNumber => HolderType::CitizenNumber.check(value).map_err(|e| e.expected.to_owned()),
        FieldKind::Choice { values } if values.iter().any(|v| v == value) => Ok(value.to_owned()),
        FieldKind::Choice { values } => Err(format!("one of {}", values.join(", "))),
    };
    checked.map_err(|expected| {
        let (key, label) = (field.key.clone(), field.label_zh.clone());
        SurfaceError::Malformed { key, label, expected, got: cut(value) }
    })
}

fn check_text(value: &str, max_chars: usize) -> Result<String, String> {
    let plain = value.chars().all(|c| !c.is_control() || c == '\n');
    if plain && value.chars().count() <= max_chars {
        return Ok(value.to_owned());
    }
    Err(format!("text of at most {max_chars} characters without control characters"))
}

fn is_number(text: &str) -> bool {
    let digits =
        |part: &str| !part.is_empty() && part.len() <= 18 && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate_type::{Layout, Validity};

    fn type_() -> CertificateType {
        let field = |key: &str, kind, required| FieldDefinition {
            key: key.into(),
            label_zh: format!("标签{key}"),
            label_en: key.into(),
            kind,
            required,
        };
        let values = vec!["热食类".to_owned(), "冷食类".to_owned()];
        CertificateType {
            code: "11350000003591037R001".into(),
            name: "食品经营许可证".into(),
            name_en: "Food Business Licence".into(),
            define_authority_name: "福建省市场监督管理局".into(),
            surface: vec![
                field("address", FieldKind::Text { max_chars: 10 }, true),
                field("since", FieldKind::Date, false),
                field("area", FieldKind::Number, false),
                field("kind", FieldKind::Choice { values }, false),
                field("company", FieldKind::SocialCreditCode, false),
                field("citizen", FieldKind::CitizenNumber, false),
            ],
            validity: Validity::LongTerm,
            layout: Layout::Portrait,
        }
    }

    fn check_of(fields: &[(&str, &str)]) -> Result<BTreeMap<String, String>, SurfaceError> {
        check(&type_(), &fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn fields_that_fit_come_back_trimmed() {
        let checked = check_of(&[
            ("address", " 福州市 "),
            ("since", "2026-11-24"),
            ("area", "-12.50"),
            ("kind", "热食类"),
            ("company", "11430000006122244l"),
        ]);
        let checked = checked.unwrap();
        assert_eq!(checked["address"], "福州市");
        assert_eq!(checked["company"], "11430000006122244L", "a code is written in one way");
        assert_eq!(
            check_of(&[("address", "x"), ("since", " ")]).unwrap().len(),
            1,
            "an empty field is left out"
        );
    }

    #[test]
    fn a_field_that_does_not_fit_is_named_with_what_was_expected() {
        let (key, label) = ("address".to_owned(), "标签address".to_owned());
        assert_eq!(check_of(&[]), Err(SurfaceError::Missing { key: key.clone(), label: label.clone() }));
        assert_eq!(check_of(&[("address", "  ")]), Err(SurfaceError::Missing { key, label }));
        let unknown = check_of(&[("address", "x"), ("adress", "x")]).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "field `adress` is not one of this type's fields: address, since, area, kind, company, citizen"
        );
        for (key, bad) in [
            ("address", "12345678901"),
            ("address", "a\u{7}b"),
            ("since", "2026-02-30"),
            ("area", "1e5"),
            ("area", "."),
            ("kind", "熟食"),
            ("company", "11430000006122244K"),
            ("citizen", "11010519491231002Y"),
        ] {
            // The later value of a key stands: a bad address replaces the good one.
            let refused = check_of(&[("address", "x"), (key, bad)]);
            assert!(matches!(refused, Err(SurfaceError::Malformed { .. })), "{key} {bad}");
        }
        let error = check_of(&[("address", "x"), ("kind", "熟食")]).unwrap_err();
        assert_eq!(error.to_string(), "field `kind` (标签kind): expected one of 热食类, 冷食类, got `熟食`");
    }
}
