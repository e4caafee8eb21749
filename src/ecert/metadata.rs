//! What is recorded about one certificate: GB/T 36903-2018, with the names that implementations use.

use std::collections::BTreeMap;

use identity::{ResidentId, SocialCreditCode};

use crate::{CertificateIdentifier, Date};

/// The metadata of a certificate. In JSON the names are those of GB/T 36903 as implemented (`certificateIdentifier`, …).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The identifier (GB/T 36904).
    pub certificate_identifier: CertificateIdentifier,
    /// The certificate's name.
    pub certificate_name: String,
    /// The name of its type.
    pub certificate_type_name: String,
    /// The code of its type, 21 characters.
    pub certificate_type_code: String,
    /// The number printed on it, as the trade numbers its licences.
    pub certificate_number: String,
    /// The version, three digits.
    pub certificate_version: String,
    /// The issuing authority's name.
    pub issuing_authority_name: String,
    /// The issuing authority's unified social credit code.
    pub issuing_authority_code: String,
    /// The day of issue.
    pub issued_date: Date,
    /// The name of the body that defines the type.
    pub define_authority_name: String,
    /// That body's unified social credit code.
    pub define_authority_code: String,
    /// The first day of validity.
    pub validate_start: Date,
    /// The last day of validity; absent when there is none (长期).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_end: Option<Date>,
    /// The area, six digits (GB/T 2260).
    pub area_code: String,
    /// The holder's name.
    pub holder_name: String,
    /// The holder's number, of the kind `holder_type` says.
    pub holder_code: String,
    /// What kind of number that is.
    pub holder_type: HolderType,
    /// The service item under which the certificate was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related_item_name: Option<String>,
    /// That item's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related_item_code: Option<String>,
    /// The fields that the page shows, by key (照面字段).
    pub surface: BTreeMap<String, String>,
    /// For an annotated copy (加注件): what it was made for.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<AnnotatedCopy>,
}

/// What an annotated copy was made for; it serves nothing else.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnnotatedCopy {
    /// When it was made, RFC 3339.
    pub copy_creation_time: String,
    /// Who asked for it.
    pub copy_creator: String,
    /// The purpose.
    pub copy_cause: String,
    /// When it lapses, RFC 3339.
    pub copy_expiring_time: String,
}

/// The kind of a holder's number.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", from = "String")]
pub enum HolderType {
    /// `001`: unified social credit code (GB 32100).
    SocialCreditCode,
    /// `111`: citizen identity number (GB 11643).
    CitizenNumber,
    /// `414`: passport.
    Passport,
    /// `511`: Taiwan residents' travel permit.
    TaiwanPermit,
    /// `516`: Hong Kong and Macao residents' travel permit.
    HongKongMacaoPermit,
    /// `553`: foreigner's permanent residence card.
    PermanentResidence,
    /// Another code.
    Other(String),
}

/// A holder's number that is none of its kind. The number itself is not repeated: it is personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct BadHolderCode {
    /// What was expected.
    pub expected: &'static str,
}

impl HolderType {
    /// `code` in its one way of writing, when it is a number of this kind; the check character of those that have one is checked.
    pub fn check(&self, code: &str) -> Result<String, BadHolderCode> {
        let code = code.trim();
        match self {
            Self::SocialCreditCode => {
                let parsed = code.parse::<SocialCreditCode>().map(|c| c.as_str().to_owned());
                parsed.map_err(|_| BadHolderCode {
                    expected: "a unified social credit code with its check character",
                })
            }
            Self::CitizenNumber => {
                let parsed = code.parse::<ResidentId>().map(|c| c.as_str().to_owned());
                parsed
                    .map_err(|_| BadHolderCode { expected: "a citizen identity number with its check digit" })
            }
            _ if (4..=32).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                Ok(code.to_ascii_uppercase())
            }
            _ => Err(BadHolderCode { expected: "a document number of 4 to 32 letters and digits" }),
        }
    }

    /// The code: `111`.
    pub fn code(&self) -> &str {
        match self {
            Self::SocialCreditCode => "001",
            Self::CitizenNumber => "111",
            Self::Passport => "414",
            Self::TaiwanPermit => "511",
            Self::HongKongMacaoPermit => "516",
            Self::PermanentResidence => "553",
            Self::Other(code) => code,
        }
    }

    /// The name that a page shows: `公民身份号码`.
    pub fn name_zh(&self) -> &'static str {
        match self {
            Self::SocialCreditCode => "统一社会信用代码",
            Self::CitizenNumber => "公民身份号码",
            Self::Passport => "护照号码",
            Self::TaiwanPermit => "台湾居民来往大陆通行证号码",
            Self::HongKongMacaoPermit => "港澳居民来往内地通行证号码",
            Self::PermanentResidence => "外国人永久居留身份证号码",
            Self::Other(_) => "证件号码",
        }
    }
}

impl From<HolderType> for String {
    fn from(holder_type: HolderType) -> Self {
        holder_type.code().to_owned()
    }
}

impl From<String> for HolderType {
    fn from(code: String) -> Self {
        let known = [
            Self::SocialCreditCode,
            Self::CitizenNumber,
            Self::Passport,
            Self::TaiwanPermit,
            Self::HongKongMacaoPermit,
            Self::PermanentResidence,
        ];
        known.into_iter().find(|k| k.code() == code).unwrap_or(Self::Other(code))
    }
}

#[cfg(test)]
mod tests {
    use super::HolderType;

    #[test]
    fn holder_types_are_their_codes() {
        for code in ["001", "111", "414", "511", "516", "553", "999"] {
            assert_eq!(HolderType::from(code.to_owned()).code(), code);
        }
        assert_eq!(serde_json::to_string(&HolderType::CitizenNumber).unwrap(), "\"111\"");
    }

    #[test]
    fn a_holder_is_known_by_a_number_that_can_be_one() {
        assert_eq!(
            HolderType::CitizenNumber.check("11010519491231002x").as_deref(),
            Ok("11010519491231002X")
        );
        assert_eq!(HolderType::Passport.check(" e12345678 ").as_deref(), Ok("E12345678"));
        for (kind, bad) in [
            (HolderType::CitizenNumber, "110105194912310021"),
            (HolderType::SocialCreditCode, "11430000006122244K"),
            (HolderType::Passport, "E1<script>"),
        ] {
            let refused = kind.check(bad).unwrap_err().to_string();
            assert!(!refused.contains(bad), "the number is not repeated: {refused}");
        }
    }
}
