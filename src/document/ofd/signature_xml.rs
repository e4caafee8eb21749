//! `Signature.xml`: what a signature says it covers (GB/T 33190-2016, 18.2).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::package::PhysicalBox;
use crate::xml::{self, Element, XmlError};

/// Largest `Signature.xml`, in bytes: room for every file that a package may have.
const MAX_SIGNATURE_XML_BYTES: usize = 2 << 20;
/// Most references of one signature.
const MAX_REFERENCES: usize = 10_000;
/// Most stamps of one signature.
const MAX_STAMPS: usize = 10_000;

/// A signature's description, as written; nothing in it is believed before the signature value is checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignatureXml {
    /// The program that signed.
    pub provider: Provider,
    /// The signature algorithm, usually `1.2.156.10197.1.501`.
    pub signature_method: Option<String>,
    /// When it was signed, in one of many forms; for display only.
    pub date_time: Option<String>,
    /// The digest algorithm of the references: `1.2.156.10197.1.401`, `SM3`, `sm3`. Absent means MD5.
    pub check_method: Option<String>,
    /// The files covered.
    pub references: Vec<Reference>,
    /// Where the seal's picture is shown.
    pub stamp_annots: Vec<StampAnnot>,
    /// The seal file, as written.
    pub seal_base_loc: Option<String>,
    /// The file with the signature value, as written.
    pub signed_value_path: Option<String>,
}

/// The program that made a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// Who makes it.
    pub company: String,
    /// Its version.
    pub version: String,
}

/// A file and the digest it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The file, as written: absolute, or relative to `Signature.xml`.
    pub file_ref: String,
    /// The digest; empty when it was not base64, so that it equals no digest.
    pub check_value: Vec<u8>,
}

/// A place where the seal's picture is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct StampAnnot {
    /// Its identifier.
    pub id: String,
    /// The page's identifier.
    pub page_ref: String,
    /// Where on the page, in millimetres.
    pub boundary: Option<PhysicalBox>,
    /// The part of the picture that is shown, in millimetres inside the boundary; the whole when absent.
    pub clip: Option<PhysicalBox>,
}

/// Why a `Signature.xml` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureXmlError {
    /// Not well-formed XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Another root element.
    #[error("expected root element `Signature`, got `{got}`")]
    WrongRoot {
        /// What came.
        got: String,
    },
    /// Above a limit.
    #[error("the signature has more than {limit} {what}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
}

impl SignatureXml {
    /// Parses a `Signature.xml`, leniently: what is missing stays empty, both namespaces and any order are taken.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureXmlError> {
        limit("bytes", bytes.len(), MAX_SIGNATURE_XML_BYTES)?;
        let root = xml::parse(bytes)?;
        if root.name != "Signature" {
            return Err(SignatureXmlError::WrongRoot { got: root.name.chars().take(64).collect() });
        }
        let empty = Element::default();
        let info = root.child("SignedInfo").unwrap_or(&empty);
        let references = info.child("References").unwrap_or(&empty);
        let text = |name: &str| info.child_text(name).map(str::to_owned);
        let parsed = Self {
            provider: info.child("Provider").map(provider).unwrap_or_default(),
            signature_method: text("SignatureMethod"),
            date_time: text("SignatureDateTime"),
            check_method: references.attribute("CheckMethod").map(str::to_owned),
            references: references.children_named("Reference").map(reference).collect(),
            stamp_annots: info.children_named("StampAnnot").map(stamp_annot).collect(),
            seal_base_loc: info.child("Seal").and_then(|s| s.child_text("BaseLoc")).map(str::to_owned),
            signed_value_path: root.child_text("SignedValue").map(str::to_owned),
        };
        limit("references", parsed.references.len(), MAX_REFERENCES)?;
        limit("stamps", parsed.stamp_annots.len(), MAX_STAMPS)?;
        Ok(parsed)
    }
}

fn limit(what: &'static str, got: usize, limit: usize) -> Result<(), SignatureXmlError> {
    if got > limit { Err(SignatureXmlError::TooMany { what, limit }) } else { Ok(()) }
}

fn provider(element: &Element) -> Provider {
    let text = |name: &str| element.attribute(name).unwrap_or_default().to_owned();
    Provider { name: text("ProviderName"), company: text("Company"), version: text("Version") }
}

fn reference(element: &Element) -> Reference {
    let file_ref = element.attribute("FileRef").unwrap_or_default().to_owned();
    let mut base64 = element.child_text("CheckValue").unwrap_or_default().to_owned();
    base64.retain(|c| !c.is_whitespace());
    Reference { file_ref, check_value: LENIENT.decode(base64).unwrap_or_default() }
}

fn stamp_annot(element: &Element) -> StampAnnot {
    let text = |name: &str| element.attribute(name).unwrap_or_default().to_owned();
    let rectangle = |name: &str| element.attribute(name).and_then(PhysicalBox::parse);
    StampAnnot {
        id: text("ID"),
        page_ref: text("PageRef"),
        boundary: rectangle("Boundary"),
        clip: rectangle("Clip"),
    }
}

/// Base64 with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_read_in_any_namespace_and_order() {
        let xml = br#"<s:Signature xmlns:s="http://www.ofdspec.org"><s:SignedValue>/v.dat</s:SignedValue><s:SignedInfo>
            <s:StampAnnot ID="2" PageRef="1" Boundary="90 8 30 20.5" Clip="0 0 15 20"/>
            <s:References CheckMethod="SM3"><s:Reference FileRef="/OFD.xml"><s:CheckValue> AQI=
            </s:CheckValue></s:Reference><s:Reference FileRef="x"/></s:References>
            <s:Provider ProviderName="p" Version="1"/></s:SignedInfo></s:Signature>"#;
        let signature = SignatureXml::parse(xml).unwrap();
        assert_eq!(
            signature.provider,
            Provider { name: "p".into(), company: String::new(), version: "1".into() }
        );
        assert_eq!(
            signature.references[0],
            Reference { file_ref: "/OFD.xml".into(), check_value: vec![1, 2] }
        );
        assert_eq!(signature.references[1].check_value, b"");
        assert_eq!(signature.stamp_annots[0].boundary.unwrap().height, 20.5);
        assert_eq!(signature.stamp_annots[0].clip.unwrap().width, 15.0);
        assert_eq!(signature.signed_value_path.as_deref(), Some("/v.dat"));
        assert_eq!(signature.signature_method, None);
    }

    #[test]
    fn another_part_is_not_taken_for_a_signature() {
        let got = SignatureXml::parse(b"<Signatures/>").unwrap_err();
        assert_eq!(got, SignatureXmlError::WrongRoot { got: "Signatures".into() });
    }
}
