//! OFD, the fixed-layout document of GB/T 33190-2016.
//!
//! - [`Package`] a package as it is: files, document bodies, the signatures it names and those nobody names.
//! - [`path`] how one part names another.
//! - [`SignatureXml`] what a signature says it covers and where its stamps are.
//! - [`coverage`] which files a reader shows, and which of them a signature leaves out.
//! - [`write`] a new document: text, lines, boxes, pictures, attachments, semantic tags.
//! - [`seal_layout`] a package made ready for a seal, and the seal put in.

pub mod coverage;
mod number;
mod package;
pub mod path;
pub mod seal_layout;
mod signature_xml;
pub mod write;

pub use package::{
    DocBody, DocInfo, OfdError, Package, PackageWarning, Page, PhysicalBox, SignatureRef, SignatureType,
};
pub use signature_xml::{Provider, Reference, SignatureXml, SignatureXmlError, StampAnnot};
