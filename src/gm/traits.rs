//! RustCrypto's traits on the types of this crate, so that what is written over those traits (`x509-cert`, `cms`, `hmac`, `ctr`)
//! works over SM2, SM3 and SM4. Under the feature `rustcrypto`; nothing here computes, it only hands on.
//!
//! | trait | type |
//! |---|---|
//! | `signature` 3: [`signature::RandomizedSigner`] and kin, [`signature::Verifier`] and kin, [`signature::Keypair`] | [`sm2::SigningKey`], [`sm2::VerifyingKey`], over [`sm2::Signature`] and [`sm2::DerSignature`] |
//! | `spki` 0.8, `pkcs8` 0.11: encoding, decoding, algorithm identifiers | the four keys of [`sm2`], [`sm2::DerSignature`] as BIT STRING |
//! | `digest` 0.11: [`digest::Digest`], [`digest::Mac`] | [`sm3::Sm3`], [`hmac::HmacSm3`] |
//! | `cipher` 0.5: block encryption and decryption | [`sm4::Key`] |
//! | `aead` 0.6: [`aead::AeadInOut`], [`aead::Aead`] | [`Sm4Gcm`] |
//!
//! What is not here, and why:
//! - **`signature::Signer`**: a signature needs a source of randomness, and here that is always the caller's.
//! - **`kem`**: no standard says what an SM2 KEM would send and derive. GB/T 32918.4 encrypts chosen plaintexts, GB/T 32918.3 is an
//!   authenticated exchange of three messages; a KEM made up from either would talk to nobody.
//! - **`hmac::Hmac`** over [`sm3::Sm3`] wants the hash's inner blocks, which stay inside; `hmac::SimpleHmac` works, and
//!   [`hmac::HmacSm3`] is a [`digest::Mac`] itself.
//!
//! [`sm2`]: crate::sm2
//! [`sm2::SigningKey`]: crate::sm2::SigningKey
//! [`sm2::VerifyingKey`]: crate::sm2::VerifyingKey
//! [`sm2::Signature`]: crate::sm2::Signature
//! [`sm2::DerSignature`]: crate::sm2::DerSignature
//! [`sm3::Sm3`]: crate::sm3::Sm3
//! [`hmac::HmacSm3`]: crate::hmac::HmacSm3
//! [`sm4::Key`]: crate::sm4::Key

mod block_cipher;
mod gcm;
mod hash;
mod keys;
mod signing;

pub use gcm::Sm4Gcm;

pub use {aead, cipher, digest, pkcs8, signature};
