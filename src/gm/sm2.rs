//! SM2 over sm2p256v1 (GB/T 32918.5-2017): signatures, public-key encryption and key exchange.
//!
//! National practice keeps two key pairs, one to sign and one to decrypt; here they are different types.
//! - [`SigningKey`], [`VerifyingKey`], [`Signature`]: GB/T 32918.2-2016, encodings of GB/T 35276-2017.
//! - [`DecryptingKey`], [`EncryptingKey`], [`Ciphertext`]: GB/T 32918.4-2016, the same encodings.
//! - [`exchange`]: GB/T 32918.3-2016, a key that both sides have and know the other to have.
//! - [`keys`]: the files and structures that keys come in (PKCS #8, SubjectPublicKeyInfo, GB/T 35276 envelopes).

mod curve;
mod encryption;
pub mod exchange;
pub(crate) mod field;
#[cfg(any(test, feature = "cpu-limit"))]
pub mod inner;
mod inverse;
pub mod keys;
#[cfg(test)]
mod known_answers;
mod nonce;
pub(crate) mod point;
mod scalar;
mod shared;
mod signature;
mod signing;
mod table;
#[cfg(test)]
mod tests;
mod verifying;

pub use encryption::{Ciphertext, DecryptingKey, EncryptingKey, MAX_PLAINTEXT_BYTES};
pub use signature::{DerSignature, Signature};
pub use signing::SigningKey;
pub use verifying::{HotVerifyingKey, VerifyingKey, verify_batch};

/// The distinguishing id of a signer who has no other (GB/T 35276-2017, 10).
pub const DEFAULT_ID: &[u8] = b"1234567812345678";

/// The longest distinguishing id, in bytes: ENTL holds its length in *bits* in 16 bits (GB/T 32918.2-2016, 5.5).
pub const MAX_ID_BYTES: usize = 8191;

/// Input that is not what an SM2 operation takes. It speaks of encodings only; a check that does not hold is [`crate::Rejected`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The scalar is 0, n-1, or not below n.
    #[error("expected a private key from 1 to n-2")]
    PrivateKeyRange,
    /// Neither an uncompressed nor a compressed point.
    #[error(
        "expected a point of 65 bytes that starts with `04`, or of 33 with `02` or `03`, got {bytes} bytes"
    )]
    PointEncoding {
        /// How many bytes came.
        bytes: usize,
    },
    /// The coordinates are not below p, or not those of a point of the curve.
    #[error("expected a point on the curve sm2p256v1")]
    PointNotOnCurve,
    /// r or s is 0 or not below n.
    #[error("expected r and s from 1 to n-1")]
    SignatureRange,
    /// Not the one DER encoding of a signature.
    #[error("expected the DER of a sequence of two integers, in its shortest form")]
    SignatureEncoding,
    /// The distinguishing id is longer than [`MAX_ID_BYTES`].
    #[error("expected a distinguishing id of at most {MAX_ID_BYTES} bytes, got {bytes}")]
    IdTooLong {
        /// How many bytes came.
        bytes: usize,
    },
    /// The plaintext is empty or longer than [`MAX_PLAINTEXT_BYTES`].
    #[error("expected a plaintext of 1 to {MAX_PLAINTEXT_BYTES} bytes, got {bytes}")]
    PlaintextLength {
        /// How many bytes came.
        bytes: usize,
    },
    /// The agreed key is to be empty or longer than [`exchange::MAX_KEY_BYTES`].
    #[error("expected a key of 1 to {max} bytes to agree on, got {bytes}", max = exchange::MAX_KEY_BYTES)]
    KeyLength {
        /// How many bytes were asked for.
        bytes: usize,
    },
    /// Not a ciphertext in the encoding asked for.
    #[error("expected an SM2 ciphertext of a point, a 32-byte digest and 1 to {MAX_PLAINTEXT_BYTES} bytes")]
    CiphertextEncoding,
}

/// Overwrites what a calculation leaves behind. Takes references: an array of the values would be one of copies.
fn wipe<T: zeroize::Zeroize, const N: usize>(secrets: [&mut T; N]) {
    secrets.into_iter().for_each(zeroize::Zeroize::zeroize);
}
