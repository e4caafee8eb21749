//! What can go wrong with keys.

use crate::{Algorithm, KeyState, Purpose};

/// A key that was not made, opened or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    /// The cryptographic module is in its error state: from now on nothing is made, opened or signed.
    #[error("the cryptographic module is out of service until the process is started again")]
    OutOfService,
    /// The identifier is empty or longer than [`crate::record::KEY_ID_MAX_BYTES`].
    #[error("expected a key identifier of 1 to {limit} bytes, got {got}")]
    KeyId {
        /// The limit.
        limit: usize,
        /// The length that came.
        got: usize,
    },
    /// The purpose's standard has no place for this algorithm.
    #[error("expected an algorithm for `{purpose}`, got `{algorithm}`")]
    AlgorithmNotForPurpose {
        /// What the key is for.
        purpose: Purpose,
        /// The algorithm asked for.
        algorithm: Algorithm,
    },
    /// Certificates have no place for signatures of this key.
    #[error("expected a key that signs certificates, got key `{id}` of `{algorithm}`")]
    NotForCertificates {
        /// The key.
        id: String,
        /// Its algorithm.
        algorithm: Algorithm,
    },
    /// No key came out of the generator.
    #[error("expected a new key of `{algorithm}`, got none")]
    Generation {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// A new key's signature did not verify under its public key: the key is thrown away. (Of an SM2 key the module
    /// says so, and goes out of service.)
    #[error("key `{id}` failed the test of its two halves")]
    SelfTest {
        /// The key.
        id: String,
    },
    /// Only active keys sign.
    #[error("expected key `{id}` to be `active`, got `{state}`")]
    NotActive {
        /// The key.
        id: String,
        /// Its state.
        state: KeyState,
    },
    /// No key goes from the one state to the other.
    #[error("expected key `{id}` to go on from `{from}`, got `{to}`")]
    Transition {
        /// The key.
        id: String,
        /// Its state.
        from: KeyState,
        /// The state asked for.
        to: KeyState,
    },
    /// The envelope does not open: another master key, another place, or changed bytes. Which of them is not told.
    #[error("the envelope does not open here")]
    Envelope,
    /// What is to be sealed, or the name of its place, is too long or empty.
    #[error("expected `{what}` of 1 to {limit} bytes, got {got}")]
    Size {
        /// `context` or `secret`.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// The length that came.
        got: usize,
    },
    /// The public key in the record is not that of the private key, or no public key at all.
    #[error("expected the public key of key `{id}`, got other bytes")]
    PublicKey {
        /// The key.
        id: String,
    },
    /// The key did not sign.
    #[error("key `{id}` did not sign")]
    Signing {
        /// The key.
        id: String,
    },
}
