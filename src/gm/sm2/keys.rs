//! The forms that SM2 keys are kept and sent in, read strictly and written in one form each.
//!
//! | form | source | written and read as |
//! |---|---|---|
//! | public key | SubjectPublicKeyInfo (RFC 5280, 4.1.2.7; GB/T 20518-2018) | id-ecPublicKey, curve 1.2.156.10197.1.301, uncompressed point |
//! | private key | PKCS #8 (RFC 5958) around an ECPrivateKey (RFC 5915) | version 0, the public key beside the private one |
//! | under a password | PKCS #8 (RFC 5958, 3) with PBES2 (RFC 8018, 6.2) | PBKDF2 with HMAC-SM3, SM4-CBC |
//! | to a recipient | SM2EnvelopedKey (GB/T 35276-2017, 7.4) | SM4-ECB under a key encrypted to the recipient's signing key |
//!
//! PEM (RFC 7468) is read and written with base64 in constant time. Reading looks at a private key in constant time too: only its
//! length and place decide what is done, and that it is in the range.

mod enveloped;
mod pbes2;
mod pkcs8;
mod spki;

use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{DecryptingKey, EncryptingKey, Error, SigningKey, VerifyingKey};
use crate::Rejected;

pub use pbes2::{MAX_ITERATIONS, PBKDF2_ITERATIONS};

/// The PEM label of a SubjectPublicKeyInfo (RFC 7468, 13).
pub const PUBLIC_KEY_LABEL: &str = "PUBLIC KEY";
/// The PEM label of an unencrypted PKCS #8 key (RFC 7468, 10).
pub const PRIVATE_KEY_LABEL: &str = "PRIVATE KEY";
/// The PEM label of an encrypted PKCS #8 key (RFC 7468, 11).
pub const ENCRYPTED_PRIVATE_KEY_LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// id-ecPublicKey, 1.2.840.10045.2.1 (RFC 5480, 2.1.1).
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// The curve sm2p256v1, 1.2.156.10197.1.301 (GB/T 33560-2017).
const SM2_CURVE: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];

/// Bytes or text that are not a key in the form asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the DER of the structure, or not in its one encoding, or something follows it.
    #[error("expected {expected} in DER")]
    Encoding {
        /// The structure that was expected.
        expected: &'static str,
    },
    /// Not one PEM block with the label.
    #[error("expected one PEM block labelled `{label}`")]
    Armour {
        /// The label that was expected.
        label: &'static str,
    },
    /// A key of another algorithm or on another curve.
    #[error("expected an elliptic-curve key on the curve sm2p256v1")]
    Algorithm,
    /// The private scalar is out of range, or the public point is not one.
    #[error(transparent)]
    Key(#[from] Error),
    /// The public key beside the private key belongs to another.
    #[error("expected the private key's own public key beside it")]
    ForeignPublicKey,
    /// The key is encrypted in another way.
    #[error("expected encryption under PBES2 with PBKDF2 over HMAC-SM3 and SM4-CBC")]
    Encryption,
    /// More iterations than are carried out.
    #[error("expected at most {MAX_ITERATIONS} iterations of PBKDF2, got {iterations}")]
    Iterations {
        /// How many the file asks for.
        iterations: u32,
    },
    /// The password or private key that should open it does not, or the bytes were changed.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// `From<Error>` and `From<Rejected>` above make `?` work; this makes the third kind.
const fn encoding(expected: &'static str) -> KeyError {
    KeyError::Encoding { expected }
}

/// The same forms for either kind of private key.
macro_rules! private_key_forms {
    ($key:ident, $public:ident) => {
        impl $key {
            /// Reads an unencrypted PKCS #8 key. A public key beside it must be its own; attributes are passed over.
            ///
            /// Fails with [`KeyError`]. Source: RFC 5958, 2, with RFC 5915, 3 inside.
            pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
                let file = pkcs8::PrivateKeyFile::read(der)?;
                let key = Self::from_bytes(&file.d)?;
                file.belongs_to(&key.$public().to_sec1())?;
                Ok(key)
            }

            /// The unencrypted PKCS #8 key with its public key beside it, 138 bytes.
            pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
                pkcs8::write(&self.to_bytes(), &self.$public().to_sec1())
            }

            /// Reads [`PRIVATE_KEY_LABEL`] in PEM. Fails as [`Self::from_pkcs8_der`], or with [`KeyError::Armour`].
            pub fn from_pkcs8_pem(pem: &str) -> Result<Self, KeyError> {
                Self::from_pkcs8_der(&from_pem(pem, PRIVATE_KEY_LABEL)?)
            }

            /// [`Self::to_pkcs8_der`] in PEM.
            pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
                Zeroizing::new(to_pem(&self.to_pkcs8_der(), PRIVATE_KEY_LABEL))
            }

            /// Opens a PKCS #8 key encrypted under `password`, as [`Self::to_encrypted_pkcs8_der`] makes it.
            ///
            /// Fails with [`KeyError`]; with [`KeyError::Rejected`] when the password is wrong or the bytes were changed, which
            /// cannot be told apart. Source: RFC 5958, 3; RFC 8018, 6.2.2.
            pub fn from_encrypted_pkcs8_der(der: &[u8], password: &[u8]) -> Result<Self, KeyError> {
                let plaintext = pbes2::open(der, password)?;
                Self::from_pkcs8_der(&plaintext).map_err(|_| KeyError::Rejected(Rejected))
            }

            /// The PKCS #8 key encrypted under `password`: PBKDF2 with HMAC-SM3 (mostly [`PBKDF2_ITERATIONS`] times), SM4-CBC.
            ///
            /// Source: RFC 5958, 3; RFC 8018, 6.2.1 and A.4; identifiers 1.2.156.10197.1.401.2 and 1.2.156.10197.1.104.2.
            pub fn to_encrypted_pkcs8_der<R: CryptoRng + ?Sized>(
                &self,
                password: &[u8],
                iterations: NonZeroU32,
                rng: &mut R,
            ) -> Vec<u8> {
                pbes2::seal(&self.to_pkcs8_der(), password, iterations, rng)
            }

            /// Opens [`ENCRYPTED_PRIVATE_KEY_LABEL`] in PEM. Fails as [`Self::from_encrypted_pkcs8_der`], or with
            /// [`KeyError::Armour`].
            pub fn from_encrypted_pkcs8_pem(pem: &str, password: &[u8]) -> Result<Self, KeyError> {
                Self::from_encrypted_pkcs8_der(&from_pem(pem, ENCRYPTED_PRIVATE_KEY_LABEL)?, password)
            }

            /// [`Self::to_encrypted_pkcs8_der`] in PEM.
            pub fn to_encrypted_pkcs8_pem<R: CryptoRng + ?Sized>(
                &self,
                password: &[u8],
                iterations: NonZeroU32,
                rng: &mut R,
            ) -> String {
                to_pem(&self.to_encrypted_pkcs8_der(password, iterations, rng), ENCRYPTED_PRIVATE_KEY_LABEL)
            }
        }
    };
}

private_key_forms!(SigningKey, verifying_key);
private_key_forms!(DecryptingKey, encrypting_key);

/// The same forms for either kind of public key.
macro_rules! public_key_forms {
    ($key:ident) => {
        impl $key {
            /// Reads a SubjectPublicKeyInfo: id-ecPublicKey, the curve sm2p256v1, and an uncompressed point.
            ///
            /// Fails with [`KeyError`]. Source: RFC 5280, 4.1.2.7; GB/T 20518-2018; the point as in GB/T 35276-2017, 7.1.
            pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
                Ok(Self::from_sec1(spki::read(der)?)?)
            }

            /// Reads what OpenSSL 3 and its kin write into certificates: the curve's identifier in the algorithm's place, with
            /// the curve or nothing as its parameters. Never written. Fails as [`Self::from_spki_der`].
            pub fn from_openssl3_spki_der(der: &[u8]) -> Result<Self, KeyError> {
                Ok(Self::from_sec1(spki::read_openssl3(der)?)?)
            }

            /// The SubjectPublicKeyInfo, 91 bytes.
            pub fn to_spki_der(&self) -> Vec<u8> {
                spki::write(&self.to_sec1())
            }

            /// Reads [`PUBLIC_KEY_LABEL`] in PEM. Fails as [`Self::from_spki_der`], or with [`KeyError::Armour`].
            pub fn from_spki_pem(pem: &str) -> Result<Self, KeyError> {
                Self::from_spki_der(&from_pem(pem, PUBLIC_KEY_LABEL)?)
            }

            /// [`Self::to_spki_der`] in PEM.
            pub fn to_spki_pem(&self) -> String {
                to_pem(&self.to_spki_der(), PUBLIC_KEY_LABEL)
            }
        }
    };
}

public_key_forms!(VerifyingKey);
public_key_forms!(EncryptingKey);

/// The bytes of the one block in `pem`, which must carry `label`; what stands before it is passed over (RFC 7468, 2).
fn from_pem(pem: &str, label: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let refused = KeyError::Armour { label };
    let mut decoder = pem_rfc7468::Decoder::new(pem.as_bytes()).map_err(|_| refused.clone())?;
    if decoder.type_label() != label {
        return Err(refused);
    }
    // As large as it will be, since growing would leave a copy behind.
    let mut der = Zeroizing::new(alloc::vec![0; decoder.remaining_len()]);
    decoder.decode(&mut der).map_err(|_| refused)?;
    Ok(der)
}

/// `der` as a block with `label`, in lines of 64 characters.
#[expect(
    clippy::expect_used,
    reason = "only a bad label or a length beyond `usize` is refused; both are ours"
)]
fn to_pem(der: &[u8], label: &'static str) -> String {
    pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, der)
        .expect("a label of capitals and spaces")
}
