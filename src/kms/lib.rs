//! Key management: what keys are for, the states they pass through, how they are kept, and what signs with them.
//!
//! Three levels: the master key, which stands in a file of its own; wrapping keys derived from it, one for each purpose; and the
//! keys that sign, which the store keeps wrapped. Whoever steals the database alone has no key, and whoever changes a row makes
//! it unusable.
//!
//! - [`record`] purposes, algorithms, states, and the record of a key that the store keeps.
//! - [`rotation`] when the keys that sign tokens take turns.
//! - [`provider`] the interface that software and hardware providers have in common.
//! - [`software`] the provider that holds keys in this process.
//! - [`module`] the cryptographic module that they work in: self-tests, randomness, the error state.
//! - [`envelope`] SM4-GCM envelopes under keys derived with HKDF-SM3.
//! - [`master`] the text of the master key file.
//! - [`signers`] a key as signer of tokens ([`JwsKey`]) and of certificates ([`CertSigner`]).
//! - [`error`] what can go wrong.

pub mod envelope;
pub mod error;
pub mod master;
pub mod module;
pub mod provider;
pub mod record;
pub mod rotation;
pub mod signers;
pub mod software;

pub use error::KmsError;
pub use module::CryptoModule;
pub use provider::{KeyProvider, PrivateKey};
pub use record::{Algorithm, KeyRecord, KeyState, Purpose};
pub use signers::{CertSigner, JwsKey};
pub use software::SoftwareProvider;
