//! Distinguished names: written, shown, compared.

use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::certificate::CertificateError;
use crate::der::{oid_text, write};
use crate::oid;

mod expected;

pub use expected::{BadExpectedName, EXPECTED_NAME_MAX_BYTES, ExpectedName};

/// The most attributes a name may have that is read.
pub const NAME_ATTRIBUTES_MAX_COUNT: usize = 64;

/// A distinguished name to be written: the attributes of GB/T 20518-2018, from the country down to the subject; empty ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// Two capital letters (ISO 3166): `CN`.
    pub country: String,
    /// Province (`ST`).
    pub province: String,
    /// City or county (`L`).
    pub locality: String,
    /// The organisation's full name (`O`).
    pub organization: String,
    /// The organisation's registered identifier: `NTRCN-` and the 18 characters of the unified social credit code (GB 32100), in the
    /// form of ETSI EN 319 412-1, 5.1.4.
    pub organization_identifier: String,
    /// Department (`OU`).
    pub organizational_unit: String,
    /// What the subject is called (`CN`). Never empty.
    pub common_name: String,
}

/// A name that cannot be written into a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// An attribute longer than RFC 5280, appendix A.1 allows.
    #[error("expected `{attribute}` of at most {max_chars} characters, got {got_chars}")]
    TooLong {
        /// The attribute's short name.
        attribute: &'static str,
        /// The upper bound.
        max_chars: usize,
        /// What came.
        got_chars: usize,
    },
    /// A country that is not two capital letters.
    #[error("expected a country of two capital letters, got `{got}`")]
    Country {
        /// What came, cut to 16 characters.
        got: String,
    },
    /// A name without a common name.
    #[error("expected a common name, got none")]
    NoCommonName,
    /// A control character in a value.
    #[error("expected `{attribute}` without control characters")]
    ControlCharacter {
        /// The attribute's short name.
        attribute: &'static str,
    },
}

impl Name {
    /// The DER of the name: PrintableString for the country, UTF8String for all else (RFC 5280, 4.1.2.4 and appendix A.1).
    pub fn to_der(&self) -> Result<Vec<u8>, NameError> {
        let capitals = self.country.bytes().all(|b| b.is_ascii_uppercase());
        if !self.country.is_empty() && (self.country.len() != 2 || !capitals) {
            return Err(NameError::Country { got: self.country.chars().take(16).collect() });
        }
        if self.common_name.trim().is_empty() {
            return Err(NameError::NoCommonName);
        }
        let attributes = [
            ("C", oid::COUNTRY, &self.country, 2),
            ("ST", oid::PROVINCE, &self.province, 128),
            ("L", oid::LOCALITY, &self.locality, 128),
            ("O", oid::ORGANIZATION, &self.organization, 64),
            ("organizationIdentifier", oid::ORGANIZATION_IDENTIFIER, &self.organization_identifier, 64),
            ("OU", oid::ORGANIZATIONAL_UNIT, &self.organizational_unit, 64),
            ("CN", oid::COMMON_NAME, &self.common_name, 64),
        ];
        let present = attributes.into_iter().filter(|(_, _, value, _)| !value.is_empty());
        let rdns: Vec<Vec<u8>> =
            present.map(|(name, oid, value, max)| rdn(name, oid, value, max)).collect::<Result<_, _>>()?;
        Ok(write::sequence(&rdns))
    }
}

/// A relative distinguished name of one attribute.
fn rdn(attribute: &'static str, oid: &str, value: &str, max_chars: usize) -> Result<Vec<u8>, NameError> {
    let got_chars = value.chars().count();
    if got_chars > max_chars {
        return Err(NameError::TooLong { attribute, max_chars, got_chars });
    }
    if value.chars().any(char::is_control) {
        return Err(NameError::ControlCharacter { attribute });
    }
    let country = if oid == oid::COUNTRY { write::printable_string(value) } else { None };
    let value = country.unwrap_or_else(|| write::utf8_string(value));
    let oid = oid::to_der(oid).unwrap_or_default();
    Ok(write::set_of(&[write::sequence(&[oid, value])]))
}

/// A name that was read.
#[derive(Debug)]
pub(crate) struct DistinguishedName {
    pub(crate) der: Vec<u8>,
    /// In the order of the encoding.
    pub(crate) text: String,
    /// The other way round, as RFC 4514 has it.
    pub(crate) text_4514: String,
    pub(crate) common_name: Option<String>,
    /// What two spellings of the same name share.
    folded: Vec<u8>,
}

impl DistinguishedName {
    pub(crate) fn read(name: &X509Name<'_>) -> Result<Self, CertificateError> {
        let got_count = name.iter_attributes().count();
        if got_count > NAME_ATTRIBUTES_MAX_COUNT {
            return Err(CertificateError::NameTooLong { max_count: NAME_ATTRIBUTES_MAX_COUNT, got_count });
        }
        let (mut shown, mut folded, mut common_name) = (Vec::new(), Vec::new(), None);
        for rdn in name.iter_rdn() {
            let attributes: Vec<Attribute> = rdn.iter().map(Attribute::read).collect::<Result<_, _>>()?;
            shown.push(attributes.iter().map(Attribute::show).collect::<Vec<_>>().join("+"));
            folded.extend(fold_rdn(&attributes));
            let named = attributes.into_iter().find(|a| a.oid == oid::COMMON_NAME).and_then(|a| a.text);
            common_name = named.or(common_name);
        }
        let text = shown.join(",");
        shown.reverse();
        Ok(Self { der: name.as_raw().to_vec(), text, text_4514: shown.join(","), common_name, folded })
    }

    /// Whether it is the name that was written down, case, runs of white space and the string type put aside (RFC 5280, 7.1).
    pub(crate) fn is_expected(&self, expected: &ExpectedName) -> bool {
        self.folded == expected.folded
    }

    /// Whether both are the same name: byte for byte, or when case, runs of white space and the string type are put aside (the
    /// heart of RFC 5280, 7.1; real authorities spell one name as PrintableString here and UTF8String there).
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.der == other.der || self.folded == other.folded
    }
}

struct Attribute {
    oid: String,
    /// `None` when the value is not a character string.
    text: Option<String>,
    tag: u32,
    value: Vec<u8>,
}

impl Attribute {
    fn read(attribute: &AttributeTypeAndValue<'_>) -> Result<Self, CertificateError> {
        let oid = oid_text(attribute.attr_type().as_bytes()).map_err(|_| CertificateError::Malformed)?;
        let (tag, value) = (attribute.attr_value().tag().0, attribute.attr_value().data);
        Ok(Self { oid, text: string(tag, value), tag, value: value.to_vec() })
    }

    fn show(&self) -> String {
        let name =
            SHORT_NAMES.iter().find(|(oid, _)| *oid == self.oid).map_or(self.oid.as_str(), |(_, name)| *name);
        match &self.text {
            Some(text) => format!("{name}={}", escape(text)),
            None => format!("{name}=#{}", base::encoding::hex(&self.value)),
        }
    }

    fn fold(&self) -> Vec<u8> {
        let value = match &self.text {
            Some(text) => text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().into_bytes(),
            None => [&self.tag.to_be_bytes()[..], &self.value].concat(),
        };
        [&sized(self.oid.as_bytes())[..], &sized(&value)].concat()
    }
}

const SHORT_NAMES: [(&str, &str); 14] = [
    (oid::COUNTRY, "C"),
    (oid::PROVINCE, "ST"),
    (oid::LOCALITY, "L"),
    (oid::ORGANIZATION, "O"),
    (oid::ORGANIZATIONAL_UNIT, "OU"),
    (oid::COMMON_NAME, "CN"),
    (oid::ORGANIZATION_IDENTIFIER, "organizationIdentifier"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.42", "GN"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "E"),
];

/// The text of the string types (X.680, 41); undecodable bytes show as U+FFFD.
fn string(tag: u32, value: &[u8]) -> Option<String> {
    match tag {
        // UTF8String, NumericString, PrintableString, IA5String, VisibleString.
        12 | 18 | 19 | 22 | 26 => Some(String::from_utf8_lossy(value).into_owned()),
        // TeletexString, read as Latin-1, as everyone does.
        20 => Some(value.iter().map(|b| char::from(*b)).collect()),
        // BMPString.
        30 => {
            let units: Vec<u16> =
                value.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            Some(String::from_utf16_lossy(&units))
        }
        _ => None,
    }
}

/// RFC 4514, 2.4; also control characters and those that turn the writing direction, which would deceive the reader.
fn escape(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(text.len());
    for (i, c) in text.chars().enumerate() {
        let at_edge = (i == 0 && matches!(c, ' ' | '#')) || (i == last && c == ' ');
        if at_edge || matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            out.push('\\');
            out.push(c);
        } else if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            let mut utf8 = [0; 4];
            c.encode_utf8(&mut utf8).bytes().for_each(|b| out.push_str(&format!("\\{b:02x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// The attributes of one RDN are a set: their order does not matter.
fn fold_rdn(attributes: &[Attribute]) -> Vec<u8> {
    let mut folded: Vec<Vec<u8>> = attributes.iter().map(Attribute::fold).collect();
    folded.sort_unstable();
    sized(&folded.concat())
}

/// `bytes` after their length, so that no two lists of values look alike.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&bytes.len().to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;

    use super::*;

    fn read(der: &[u8]) -> DistinguishedName {
        DistinguishedName::read(&X509Name::from_der(der).unwrap().1).unwrap()
    }

    fn bureau() -> Name {
        Name {
            country: "CN".into(),
            province: "福建省".into(),
            organization: "福建省数据管理局".into(),
            organization_identifier: "NTRCN-11350000MB1234567X".into(),
            common_name: "福建省数据管理局电子印章".into(),
            ..Name::default()
        }
    }

    #[test]
    fn a_name_is_written_in_order_and_shown_as_it_was_meant() {
        let name = read(&bureau().to_der().unwrap());
        assert_eq!(
            name.text,
            "C=CN,ST=福建省,O=福建省数据管理局,organizationIdentifier=NTRCN-11350000MB1234567X,CN=福建省数据管理局电子印章"
        );
        assert_eq!(name.common_name.as_deref(), Some("福建省数据管理局电子印章"));
    }

    #[test]
    fn names_that_no_certificate_can_carry_are_refused_with_the_reason() {
        let refused = |change: fn(&mut Name)| {
            let mut name = bureau();
            change(&mut name);
            name.to_der().unwrap_err()
        };
        assert_eq!(refused(|n| n.country = "cn".into()), NameError::Country { got: "cn".into() });
        assert_eq!(refused(|n| n.common_name = " ".into()), NameError::NoCommonName);
        assert_eq!(refused(|n| n.locality = "a\0b".into()), NameError::ControlCharacter { attribute: "L" });
        let too_long = NameError::TooLong { attribute: "O", max_chars: 64, got_chars: 65 };
        assert_eq!(refused(|n| n.organization = "局".repeat(65)), too_long);
    }

    #[test]
    fn the_same_name_in_another_spelling_is_the_same_and_another_name_is_not() {
        let spelt = |string_tag: u8, value: &str| {
            let attribute =
                [oid::to_der(oid::COMMON_NAME).unwrap(), write::tlv(string_tag, value.as_bytes())];
            read(&write::sequence(&[write::set_of(&[write::sequence(&attribute)])]))
        };
        let utf8 = spelt(12, "CFCA SM2 OCA1");
        assert!(utf8.is_same(&spelt(19, "cfca  SM2 OCA1 ")));
        assert!(!utf8.is_same(&spelt(12, "CFCA SM2 OCA2")));
        assert!(!utf8.is_same(&read(&bureau().to_der().unwrap())));
    }

    #[test]
    fn a_shown_name_cannot_pass_for_another() {
        let mut name = bureau();
        name.organization = "甲,CN=乙".into();
        name.locality = "x\u{202e}y".into();
        let text = read(&name.to_der().unwrap()).text;
        assert!(text.contains("O=甲\\,CN=乙") && text.contains("L=x\\e2\\80\\aey"), "{text}");
    }
}
