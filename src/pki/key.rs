//! Public keys, signature algorithms, and what signs.

use ring::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use crate::certificate::Deviation;
use crate::der::oid_text;
use crate::{Sm2Key, oid};

/// The largest SubjectPublicKeyInfo that is read: an RSA key of 16384 bits takes 2.1 KB.
pub const SPKI_MAX_BYTES: usize = 4096;

const POINT_LEN: usize = 65;

/// SubjectPublicKeyInfo up to the point: id-ecPublicKey with the named curve secp256r1 (RFC 5480, 2.1.1).
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// SubjectPublicKeyInfo up to the key: id-Ed25519 without parameters (RFC 8410, 4).
const ED25519_SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A public key as a certificate carries it.
#[derive(Clone, Debug, PartialEq)]
pub enum PublicKey {
    /// SM2, on the curve.
    Sm2(Sm2Key),
    /// NIST P-256: the uncompressed point `04 || x || y`. Whether it is on the curve is seen when it is used.
    P256([u8; POINT_LEN]),
    /// RSA: the whole SubjectPublicKeyInfo.
    Rsa {
        /// DER of SubjectPublicKeyInfo.
        spki_der: Vec<u8>,
    },
    /// A key that nothing here verifies certificates with; Ed25519 is among them ([`PublicKey::as_ed25519`]).
    Other {
        /// The key algorithm, or the curve when the algorithm is an elliptic one; dotted.
        algorithm_oid: String,
        /// DER of SubjectPublicKeyInfo.
        spki_der: Vec<u8>,
    },
}

/// Bytes that are not a public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Longer than [`SPKI_MAX_BYTES`].
    #[error("expected a public key of at most {max_bytes} bytes, got {got_bytes}")]
    TooLong {
        /// The limit.
        max_bytes: usize,
        /// What came.
        got_bytes: usize,
    },
    /// Not the DER of a SubjectPublicKeyInfo, or bytes follow it.
    #[error("expected a SubjectPublicKeyInfo in DER")]
    Malformed,
    /// The point is not an uncompressed one of 65 bytes, or is not on the curve.
    #[error("expected a point of the curve `{curve}`, got {got_bytes} bytes that are none")]
    Point {
        /// `SM2` or `P-256`.
        curve: &'static str,
        /// How many bytes came.
        got_bytes: usize,
    },
}

/// A signature that does not verify. Why is not told: whoever forges would learn from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct Rejected;

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    ///
    /// OpenSSL 3 writes SM2 keys with the curve's identifier in the algorithm's place; such keys are read too.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        if der.len() > SPKI_MAX_BYTES {
            return Err(KeyError::TooLong { max_bytes: SPKI_MAX_BYTES, got_bytes: der.len() });
        }
        match SubjectPublicKeyInfo::from_der(der) {
            Ok(([], spki)) => Self::from_parsed(&spki).map(|(key, _)| key),
            _ => Err(KeyError::Malformed),
        }
    }

    /// The key of a parsed SubjectPublicKeyInfo, and how its form departs from the profile.
    pub(crate) fn from_parsed(
        spki: &SubjectPublicKeyInfo<'_>,
    ) -> Result<(Self, Option<Deviation>), KeyError> {
        if spki.subject_public_key.unused_bits != 0 || spki.raw.len() > SPKI_MAX_BYTES {
            return Err(KeyError::Malformed);
        }
        let algorithm = oid_text(spki.algorithm.algorithm.as_bytes()).map_err(|_| KeyError::Malformed)?;
        let curve = spki.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
        let curve = curve.and_then(|c| oid_text(c.as_bytes()).ok());
        let point = spki.subject_public_key.data.as_ref();
        match (algorithm.as_str(), curve.as_deref()) {
            (oid::EC_PUBLIC_KEY, Some(oid::SM2)) => Ok((sm2_key(point)?, None)),
            (oid::SM2, None | Some(oid::SM2)) => Ok((sm2_key(point)?, Some(Deviation::CurveAsKeyAlgorithm))),
            (oid::EC_PUBLIC_KEY, Some(oid::P256)) => Ok((p256_key(point)?, None)),
            (oid::RSA_ENCRYPTION, _) => Ok((Self::Rsa { spki_der: spki.raw.to_vec() }, None)),
            _ => {
                let algorithm_oid = curve.unwrap_or(algorithm);
                Ok((Self::Other { algorithm_oid, spki_der: spki.raw.to_vec() }, None))
            }
        }
    }

    /// The key of an Ed25519 point as RFC 8032 writes it (RFC 8410, 4).
    pub fn from_ed25519(point: &[u8; 32]) -> Self {
        let spki_der = [&ED25519_SPKI_PREFIX[..], point].concat();
        Self::Other { algorithm_oid: oid::ED25519.to_owned(), spki_der }
    }

    /// The point of an Ed25519 key; `None` for every other key. Whether it is on the curve is seen when it is used.
    pub fn as_ed25519(&self) -> Option<[u8; 32]> {
        match self {
            Self::Other { spki_der, .. } => spki_der.strip_prefix(&ED25519_SPKI_PREFIX)?.try_into().ok(),
            Self::Sm2(_) | Self::P256(_) | Self::Rsa { .. } => None,
        }
    }

    /// The DER of SubjectPublicKeyInfo: for SM2 and P-256 always id-ecPublicKey, the named curve and the uncompressed point.
    pub fn to_spki_der(&self) -> Vec<u8> {
        match self {
            Self::Sm2(key) => key.to_spki_der(),
            Self::P256(point) => [&P256_SPKI_PREFIX[..], &point[..]].concat(),
            Self::Rsa { spki_der } | Self::Other { spki_der, .. } => spki_der.clone(),
        }
    }

    /// Verifies `signature` (in the form X.509 carries: DER of `r` and `s` for SM2 and ECDSA) over `message`.
    ///
    /// SM2 uses the distinguishing id `1234567812345678` for Z (GB/T 35276-2017). Fails with [`Rejected`] also when the
    /// key is not one for `algorithm`.
    pub fn verify(
        &self,
        message: &[u8],
        algorithm: SignatureAlgorithm,
        signature: &[u8],
    ) -> Result<(), Rejected> {
        match (self, algorithm) {
            (Self::Sm2(key), SignatureAlgorithm::Sm2Sm3) => {
                let signature = gm::sm2::Signature::from_der(signature).map_err(|_| Rejected)?;
                key.verify(message, gm::sm2::DEFAULT_ID, &signature).map_err(|_| Rejected)
            }
            (Self::P256(point), SignatureAlgorithm::EcdsaSha256) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
                key.verify(message, signature).map_err(|_| Rejected)
            }
            (Self::Rsa { spki_der }, SignatureAlgorithm::RsaSha256) => {
                let (_, spki) = SubjectPublicKeyInfo::from_der(spki_der).map_err(|_| Rejected)?;
                let key = UnparsedPublicKey::new(
                    &RSA_PKCS1_2048_8192_SHA256,
                    spki.subject_public_key.data.as_ref(),
                );
                key.verify(message, signature).map_err(|_| Rejected)
            }
            _ => Err(Rejected),
        }
    }

    /// The key identifier that certificates name the key by: the left 160 bits of the SM3 of the key's BIT STRING content.
    ///
    /// RFC 7093, 2, method 1 with SM3 in the place of SHA-256.
    pub fn key_identifier(&self) -> [u8; 20] {
        let spki_der = self.to_spki_der();
        let key = match SubjectPublicKeyInfo::from_der(&spki_der) {
            Ok((_, spki)) => gm::sm3::hash(spki.subject_public_key.data.as_ref()),
            Err(_) => gm::sm3::hash(&spki_der),
        };
        let mut id = [0; 20];
        id.iter_mut().zip(key).for_each(|(to, from)| *to = from);
        id
    }
}

impl From<gm::sm2::VerifyingKey> for PublicKey {
    fn from(key: gm::sm2::VerifyingKey) -> Self {
        Self::Sm2(key.into())
    }
}

fn sm2_key(point: &[u8]) -> Result<PublicKey, KeyError> {
    let bad = || KeyError::Point { curve: "SM2", got_bytes: point.len() };
    gm::sm2::VerifyingKey::from_sec1(point).map(PublicKey::from).map_err(|_| bad())
}

fn p256_key(point: &[u8]) -> Result<PublicKey, KeyError> {
    match <[u8; POINT_LEN]>::try_from(point) {
        Ok(bytes) if bytes.first() == Some(&4) => Ok(PublicKey::P256(bytes)),
        _ => Err(KeyError::Point { curve: "P-256", got_bytes: point.len() }),
    }
}

/// A signature algorithm that certificates here are signed and verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// SM2 with SM3 (GB/T 32918.2, GB/T 32905).
    Sm2Sm3,
    /// ECDSA on P-256 with SHA-256.
    EcdsaSha256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
}

impl SignatureAlgorithm {
    /// The dotted object identifier.
    pub const fn oid(self) -> &'static str {
        match self {
            Self::Sm2Sm3 => oid::SM2_WITH_SM3,
            Self::EcdsaSha256 => oid::ECDSA_WITH_SHA256,
            Self::RsaSha256 => oid::RSA_WITH_SHA256,
        }
    }

    /// The algorithm of a dotted object identifier; `None` when it is none of ours.
    pub fn from_oid(oid: &str) -> Option<Self> {
        [Self::Sm2Sm3, Self::EcdsaSha256, Self::RsaSha256].into_iter().find(|a| a.oid() == oid)
    }

    /// The DER of AlgorithmIdentifier as it is written: no parameters (GB/T 20518-2018; RFC 5758, 3.2), but NULL for RSA, where
    /// RFC 4055, 5 demands it.
    pub const fn to_der(self) -> &'static [u8] {
        match self {
            Self::Sm2Sm3 => &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75],
            Self::EcdsaSha256 => &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
            Self::RsaSha256 => {
                &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00]
            }
        }
    }

    /// Reads the DER of an AlgorithmIdentifier; parameters may be absent or NULL, since real SM2 certificates have both.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        match AlgorithmIdentifier::from_der(der) {
            Ok(([], parsed)) => Self::from_parsed(&parsed),
            _ => None,
        }
    }

    pub(crate) fn from_parsed(parsed: &AlgorithmIdentifier<'_>) -> Option<Self> {
        let parameters_fit = parsed.parameters.as_ref().is_none_or(|p| p.as_null().is_ok());
        parameters_fit
            .then(|| oid_text(parsed.algorithm.as_bytes()).ok().and_then(|oid| Self::from_oid(&oid)))?
    }
}

/// A private key that signs certificates and messages; the key store implements it.
pub trait Signer: Send + Sync {
    /// The public key that verifies what this signs.
    fn public_key(&self) -> PublicKey;

    /// The algorithm it signs with.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Signs `message` (not a digest) and returns the form that X.509 carries: DER of `r` and `s` for SM2 and ECDSA.
    ///
    /// SM2 signs with the distinguishing id `1234567812345678`.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A key that did not sign: the key store or the device behind it says why.
#[derive(Debug, thiserror::Error)]
#[error("the key did not sign")]
pub struct SignError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl SignError {
    /// Wraps what the key store says.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::certificate::Certificate;
    use crate::testing::{P256Key, Sm2Key};

    #[test]
    fn a_key_verifies_what_it_signed_and_nothing_else() {
        let signers: [Box<dyn Signer>; 2] = [Box::new(Sm2Key::new()), Box::new(P256Key::new())];
        for signer in signers {
            let (key, algorithm) = (signer.public_key(), signer.algorithm());
            let signature = signer.sign(b"message").unwrap();
            assert_eq!(key.verify(b"message", algorithm, &signature), Ok(()));
            assert_eq!(key.verify(b"massage", algorithm, &signature), Err(Rejected));
            assert_eq!(key.verify(b"message", SignatureAlgorithm::RsaSha256, &signature), Err(Rejected));
            assert_eq!(key.verify(b"message", algorithm, &[&signature[..], &[0]].concat()), Err(Rejected));
            assert_eq!(Sm2Key::new().public_key().verify(b"message", algorithm, &signature), Err(Rejected));
        }
    }

    #[test]
    fn keys_survive_their_der() {
        for key in [Sm2Key::new().public_key(), P256Key::new().public_key()] {
            assert_eq!(PublicKey::from_spki_der(&key.to_spki_der()), Ok(key.clone()));
            assert_eq!(
                key.key_identifier(),
                PublicKey::from_spki_der(&key.to_spki_der()).unwrap().key_identifier()
            );
        }
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        let spki = Sm2Key::new().public_key().to_spki_der();
        for length in 0..spki.len() {
            assert_eq!(PublicKey::from_spki_der(&spki[..length]), Err(KeyError::Malformed));
        }
        assert_eq!(PublicKey::from_spki_der(&[&spki[..], &[0]].concat()), Err(KeyError::Malformed));
        let mut off_curve = spki.clone();
        *off_curve.last_mut().unwrap() ^= 1;
        let refused = PublicKey::from_spki_der(&off_curve);
        assert_eq!(refused, Err(KeyError::Point { curve: "SM2", got_bytes: POINT_LEN }));
        let too_long = KeyError::TooLong { max_bytes: SPKI_MAX_BYTES, got_bytes: 5000 };
        assert_eq!(PublicKey::from_spki_der(&[0x30; 5000]), Err(too_long));
    }

    #[test]
    fn a_key_on_another_curve_is_kept_but_verifies_nothing() {
        // secp256k1 (1.3.132.0.10), which no Chinese or international certificate here uses.
        let mut spki = vec![0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
        spki.extend([0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x03, 0x42, 0x00, 0x04]);
        spki.extend([7; 64]);
        let key = PublicKey::from_spki_der(&spki).unwrap();
        assert_eq!(key, PublicKey::Other { algorithm_oid: "1.3.132.0.10".into(), spki_der: spki });
        assert_eq!(key.verify(b"", SignatureAlgorithm::EcdsaSha256, &[]), Err(Rejected));
    }

    #[test]
    fn an_ed25519_key_is_known_by_its_point() {
        // RFC 8410, 10.1: the example of a public key.
        let spki = "302a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        let spki: Vec<u8> =
            (0..44).map(|i| u8::from_str_radix(&spki[2 * i..2 * i + 2], 16).unwrap()).collect();
        let key = PublicKey::from_spki_der(&spki).unwrap();
        let point = key.as_ed25519().unwrap();
        assert_eq!((&point[..], PublicKey::from_ed25519(&point)), (&spki[12..], key));
        assert_eq!(P256Key::new().public_key().as_ed25519(), None);
    }

    #[test]
    fn algorithm_identifiers_read_with_null_or_no_parameters_and_with_no_others() {
        for algorithm in
            [SignatureAlgorithm::Sm2Sm3, SignatureAlgorithm::EcdsaSha256, SignatureAlgorithm::RsaSha256]
        {
            assert_eq!(SignatureAlgorithm::from_der(algorithm.to_der()), Some(algorithm));
        }
        let oid = &SignatureAlgorithm::Sm2Sm3.to_der()[2..];
        let with_null = [&[0x30, 0x0c], oid, &[0x05, 0x00]].concat();
        assert_eq!(SignatureAlgorithm::from_der(&with_null), Some(SignatureAlgorithm::Sm2Sm3));
        let with_integer = [&[0x30, 0x0d], oid, &[0x02, 0x01, 0x01]].concat();
        assert_eq!(SignatureAlgorithm::from_der(&with_integer), None);
        assert_eq!(SignatureAlgorithm::from_oid(oid::SM2_SIGN), None);
    }

    #[test]
    fn international_certificates_that_openssl_made_verify() {
        let made = |key: &[&str]| {
            let mut command = Command::new("openssl");
            command.args([
                "req",
                "-x509",
                "-sha256",
                "-nodes",
                "-subj",
                "/CN=elsewhere",
                "-keyout",
                "/dev/null",
            ]);
            Some(String::from_utf8(command.args(key).output().ok()?.stdout).unwrap())
        };
        for key in [&["-newkey", "rsa:2048"][..], &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]] {
            let Some(text) = made(key) else {
                eprintln!("skipped: no openssl command");
                return;
            };
            let certificate = Certificate::from_pem(&text).unwrap();
            assert_eq!(certificate.verify_issued_by(certificate.public_key()), Ok(()));
            let mut changed = certificate.der().to_vec();
            *changed.last_mut().unwrap() ^= 1;
            let changed = Certificate::from_der(&changed).unwrap();
            assert_eq!(changed.verify_issued_by(certificate.public_key()), Err(Rejected));
        }
    }
}
