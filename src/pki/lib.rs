//! X.509 certificates in the SM2 profile of GB/T 20518-2018, beside P-256 and RSA: read, verify, issue. No I/O, no clock.
//!
//! - [`key`] public keys, signature algorithms, and the [`Signer`] that a key store implements; [`Sm2Key`] becomes fast when used often.
//! - [`certificate`] one certificate, parsed once, verified over its raw bytes.
//! - [`extension`] the version 3 extensions that are understood: key usage, alternative names and so on.
//! - [`name`] distinguished names: written, shown, compared.
//! - [`request`] certificate requests (PKCS#10): read, possession of the key proven.
//! - [`issue`] certificates made by profile, and checked before they leave.
//! - [`path`] from a certificate to an anchor: RFC 5280, section 6, the parts that are used.
//! - [`pem`] the text armour of certificates.
//! - [`oid`] object identifiers: constants and their dotted form.
//! - [`der`] a lenient reader and a strict writer of DER.
//! - [`cms`] signed messages of GB/T 35275 (PKCS#7 with the national identifiers).

pub mod certificate;
pub mod cms;
pub mod der;
pub mod extension;
pub mod issue;
pub mod key;
pub mod name;
pub mod oid;
pub mod path;
pub mod pem;
pub mod request;
mod sm2_key;
#[cfg(test)]
mod testing;

pub use certificate::{Certificate, CertificateError, Deviation};
pub use extension::{AltName, KeyUsage};
pub use key::{KeyError, PublicKey, Rejected, SignError, SignatureAlgorithm, Signer};
pub use name::{ExpectedName, Name};
pub use sm2_key::Sm2Key;
