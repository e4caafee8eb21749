//! Electronic certificates (电子证照) as GB/T 36901 to 36906 describe them. Pure.
//!
//! - [`identifier`] the identifier of GB/T 36904 and its check character.
//! - [`certificate_type`] a kind of certificate: who defines it, what it shows, how long it holds.
//! - [`date`] calendar dates, as certificates state them.
//! - [`metadata`] what GB/T 36903 records about one certificate.
//! - [`state`] the states of a certificate and the ways between them.
//! - [`surface`] the fields that the page shows, checked against the type.
//! - [`render`] the page: an OFD document ready for its seal.
//! - [`read`] the metadata back out of a document.

pub mod certificate_type;
pub mod date;
pub mod identifier;
pub mod metadata;
pub mod read;
pub mod render;
pub mod state;
pub mod surface;

pub use certificate_type::CertificateType;
pub use date::Date;
pub use identifier::CertificateIdentifier;
pub use metadata::Metadata;
pub use read::read_metadata;
pub use render::{Rendered, render};
pub use state::State;
