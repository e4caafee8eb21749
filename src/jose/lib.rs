//! JSON Web Keys, Signatures and Tokens under a closed list of algorithms that includes SM2-with-SM3.
//!
//! - [`algorithm`] the closed list, and the one table of national names.
//! - [`jwk`] a public signing key as JSON (RFC 7517) and its thumbprint (RFC 7638).
//! - [`jwks`] sets of them: one document for standard clients, another for the national algorithm.
//! - [`jwe`] encrypts to the keys of clients (RFC 7516).
//! - [`jws`] the signer's interface, the protected header and the compact form (RFC 7515).
//! - [`jwt`] makes tokens (RFC 7519).
//! - [`verify`] checks tokens against a [`KeySet`], one rule after another.
//! - [`proof`] checks tokens that bring their own key: proofs that somebody holds it (DPoP, RFC 9449).
//! - [`hash`] `at_hash` and `c_hash` (OpenID Connect Core 1.0, 3.1.3.6).
//! - [`json`] JSON objects in which no name comes twice.
//! - [`provider`] `jsonwebtoken`'s cryptography, carried by `ring`.
//!
//! # Which parts `jsonwebtoken` does
//!
//! Signatures under ES256, PS256, EdDSA and RS256 are verified by `jsonwebtoken` (`crypto::verify`) over our [`provider`]: its keys are
//! plain bytes, which is what `ring` takes for verification, so nothing is parsed twice. Signing does not go through it: its
//! `signer_factory` is a bare function of an `EncodingKey`, which is bytes too, so every signature would parse the private key again and
//! keep a second copy of it in memory, and a key inside a hardware module could not sign at all. Tokens are signed through
//! [`JwsSigner`], behind which `kms` holds the parsed key. `jsonwebtoken`'s `Algorithm` is a closed list without SM2, so tokens under SM2
//! are verified here. Form, time, issuer and audience are [`verify`]'s for every algorithm: the library's own rules read the machine's
//! clock, pass over claims that are missing, and read header and claims more than once.

pub mod algorithm;
pub mod hash;
pub mod json;
pub mod jwe;
pub mod jwk;
pub mod jwks;
pub mod jws;
pub mod jwt;
pub mod proof;
pub mod provider;
mod verifier;
pub mod verify;
mod wire;

pub use algorithm::Algorithm;
pub use jwk::{Jwk, JwkError};
pub use jwks::Jwks;
pub use jws::{FormError, Header, JwsSigner, SignError};
pub use proof::Proof;
pub use provider::install;
pub use verify::{Audience, Expect, KeySet, KeySetError, Reason, Rejected, Type, Verified};
