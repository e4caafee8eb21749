//! The page of a certificate: an OFD document with its metadata inside, ready for its seal (GB/T 36905-2018).
//!
//! The same request gives the same bytes.

mod layout;

use std::collections::BTreeMap;

use base::Timestamp;
use document::ofd::seal_layout::StampPlacement;
use document::ofd::write::{Attachment, Builder, CustomTag, Info, ObjectRef};
use document::zip::ZipError;

use crate::certificate_type::CertificateType;
use crate::metadata::Metadata;

/// The attachment that carries the metadata.
pub const METADATA_FILE: &str = "certificate-metadata.json";
/// The kind of our semantic tags.
const TAG_TYPE: &str = "yinxin.ecert";
/// Their namespace.
const TAG_NAMESPACE: &str = "urn:yinxin:ecert:1";

/// What goes on the page.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The kind of certificate.
    pub type_: &'a CertificateType,
    /// The certificate; its surface fields have passed [`surface::check`](crate::surface::check).
    pub metadata: &'a Metadata,
    /// The document's identifier: 16 random bytes.
    pub doc_id: [u8; 16],
    /// When it is made.
    pub now: Timestamp,
    /// A mark across the page's corner, such as `示例数据` on sample data.
    pub mark: Option<&'a str>,
}

/// A certificate without its seal.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The OFD document.
    pub ofd: Vec<u8>,
    /// Where the issuing authority's seal belongs.
    pub seal_place: StampPlacement,
}

/// Why a certificate cannot be put on a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The metadata are those of another type.
    #[error("expected metadata of type `{expected}`, got `{got}`")]
    OtherType {
        /// The type's code.
        expected: String,
        /// The metadata's.
        got: String,
    },
    /// The fields do not fit on one page even in the smallest print.
    #[error("the fields need {needed_mm} mm of the page, there are {available_mm}")]
    TooMuchText {
        /// What the fields need, in millimetres.
        needed_mm: u32,
        /// What the page has, in millimetres.
        available_mm: u32,
    },
    /// The metadata cannot be written as JSON.
    #[error("the metadata cannot be written as JSON: {reason}")]
    Metadata {
        /// Why.
        reason: String,
    },
    /// The package cannot be written.
    #[error(transparent)]
    Package(#[from] ZipError),
}

/// Puts a certificate on an A4 page.
///
/// The document carries the metadata as an attachment, semantic tags from each metadata name to the text that shows it, and the
/// identifier in its own description; a seal then covers all of it.
pub fn render(request: &Request<'_>) -> Result<Rendered, RenderError> {
    let Request { type_, metadata, .. } = request;
    if type_.code != metadata.certificate_type_code {
        let (expected, got) = (type_.code.clone(), metadata.certificate_type_code.clone());
        return Err(RenderError::OtherType { expected, got });
    }
    let json =
        serde_json::to_vec_pretty(metadata).map_err(|e| RenderError::Metadata { reason: e.to_string() })?;
    let mut builder = Builder::new(info(request));
    let mut tags: BTreeMap<String, Vec<ObjectRef>> = BTreeMap::new();
    let seal_place = layout::draw(&mut builder, request, &mut tags)?;
    builder.attach(Attachment {
        name: "电子证照元数据".to_owned(),
        file_name: METADATA_FILE.to_owned(),
        format: "json".to_owned(),
        data: json,
    });
    builder.tag(CustomTag {
        type_id: TAG_TYPE.to_owned(),
        namespace: TAG_NAMESPACE.to_owned(),
        entries: tags.into_iter().collect(),
    });
    Ok(Rendered { ofd: builder.build()?, seal_place })
}

fn info(request: &Request<'_>) -> Info {
    let metadata = request.metadata;
    let custom = [
        ("certificateIdentifier", metadata.certificate_identifier.to_string()),
        ("certificateTypeCode", metadata.certificate_type_code.clone()),
        ("certificateNumber", metadata.certificate_number.clone()),
    ];
    Info {
        doc_id: request.doc_id,
        title: metadata.certificate_name.clone(),
        author: metadata.issuing_authority_name.clone(),
        created: request.now,
        creator: ("Yinxin".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        custom_data: custom.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}
