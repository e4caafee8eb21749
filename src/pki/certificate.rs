//! One certificate: read leniently, verified over the bytes that were signed.

use std::fmt;
use std::sync::Arc;

use base::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Version;

use crate::der::{BitString, DerError, Tlv, oid_text, tag};
use crate::extension::{AltName, Extensions, KeyUsage};
use crate::key::{KeyError, PublicKey, Rejected, SignatureAlgorithm};
use crate::name::{DistinguishedName, ExpectedName};
use crate::pem::{self, PemError};

/// The largest certificate that is read. Real ones have 500 to 2000 bytes.
pub const CERTIFICATE_MAX_BYTES: usize = 64 << 10;

/// The longest serial number that is read (RFC 5280, 4.1.2.2 asks for at most 20 bytes; some authorities exceed it).
pub const SERIAL_MAX_BYTES: usize = 64;

/// An X.509 certificate (RFC 5280, 4.1), parsed once. Cloning is cheap.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

struct Parsed {
    der: Vec<u8>,
    tbs: Vec<u8>,
    serial: Vec<u8>,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: PublicKey,
    extensions: Extensions,
    signature: SignatureField,
    deviations: Vec<Deviation>,
}

/// The signature, and what the certificate says of its algorithm in two places.
struct SignatureField {
    algorithm: Option<SignatureAlgorithm>,
    algorithm_oid: String,
    /// Whether `signature` inside and `signatureAlgorithm` outside are the same (RFC 5280, 4.1.1.2).
    same_inside: bool,
    /// `None` when the BIT STRING is not of whole bytes.
    value: Option<Vec<u8>>,
}

/// Bytes that are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Longer than [`CERTIFICATE_MAX_BYTES`].
    #[error("expected a certificate of at most {max_bytes} bytes, got {got_bytes}")]
    TooLong {
        /// The limit.
        max_bytes: usize,
        /// What came.
        got_bytes: usize,
    },
    /// Not the DER of a certificate.
    #[error("expected a certificate in DER")]
    Malformed,
    /// Bytes after the certificate.
    #[error("expected nothing after the certificate, got {got_bytes} bytes")]
    Trailing {
        /// How many bytes follow.
        got_bytes: usize,
    },
    /// A serial number longer than [`SERIAL_MAX_BYTES`].
    #[error("expected a serial number of at most {max_bytes} bytes, got {got_bytes}")]
    SerialTooLong {
        /// The limit.
        max_bytes: usize,
        /// What came.
        got_bytes: usize,
    },
    /// A name of too many attributes.
    #[error("expected a name of at most {max_count} attributes, got {got_count}")]
    NameTooLong {
        /// The limit.
        max_count: usize,
        /// What came.
        got_count: usize,
    },
    /// More extensions than [`crate::extension::EXTENSIONS_MAX_COUNT`].
    #[error("expected at most {max_count} extensions, got {got_count}")]
    TooManyExtensions {
        /// The limit.
        max_count: usize,
        /// What came.
        got_count: usize,
    },
    /// The same extension twice (RFC 5280, 4.2).
    #[error("expected extension `{oid}` once, got it again")]
    DuplicateExtension {
        /// Dotted identifier.
        oid: String,
    },
    /// Basic constraints, key usage or extended key usage that cannot be read.
    #[error("expected extension `{oid}` in DER")]
    MalformedExtension {
        /// Dotted identifier.
        oid: String,
    },
    /// A public key that is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Text that is not the armour of a certificate.
    #[error(transparent)]
    Pem(#[from] PemError),
}

/// How a certificate departs from GB/T 20518-2018 without being unreadable. Real ones do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deviation {
    /// The signature algorithm has NULL parameters, where there should be none; most real SM2 certificates do.
    NullParameters,
    /// The key algorithm is the curve's identifier, where id-ecPublicKey should be; OpenSSL 3 writes it.
    CurveAsKeyAlgorithm,
    /// The serial number is zero or negative.
    SerialNotPositive,
    /// The key usage is not marked critical.
    KeyUsageNotCritical,
    /// The version is not 3.
    NotVersion3,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NullParameters => "the signature algorithm has NULL parameters instead of none",
            Self::CurveAsKeyAlgorithm => {
                "the key algorithm is the curve's identifier instead of id-ecPublicKey"
            }
            Self::SerialNotPositive => "the serial number is not positive",
            Self::KeyUsageNotCritical => "the key usage is not critical",
            Self::NotVersion3 => "the version is not 3",
        })
    }
}

impl Certificate {
    /// Reads the DER of one certificate with nothing after it.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_MAX_BYTES {
            return Err(CertificateError::TooLong { max_bytes: CERTIFICATE_MAX_BYTES, got_bytes: der.len() });
        }
        match X509Certificate::from_der(der) {
            Ok(([], parsed)) => Parsed::read(der, &parsed).map(|parsed| Self(Arc::new(parsed))),
            Ok((rest, _)) => Err(CertificateError::Trailing { got_bytes: rest.len() }),
            Err(_) => Err(CertificateError::Malformed),
        }
    }

    /// Reads the first certificate in `text`.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        Self::from_der(&pem::decode(text, "CERTIFICATE")?)
    }

    /// Reads every certificate in `text`, in order; at least one.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        pem::decode_all(text, "CERTIFICATE")?.iter().map(|der| Self::from_der(der)).collect()
    }

    /// The bytes it was read from.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The certificate in PEM.
    pub fn to_pem(&self) -> String {
        pem::encode(self.der(), "CERTIFICATE")
    }

    /// The bytes that are signed: `tbsCertificate` as it stands.
    pub fn tbs(&self) -> &[u8] {
        &self.0.tbs
    }

    /// The subject for people: `C=CN,O=…,CN=…` in the encoding's order, escaped as in RFC 4514.
    pub fn subject(&self) -> &str {
        &self.0.subject.text
    }

    /// The subject in the text form of RFC 4514: `CN=…,O=…,C=CN`, the last relative name first.
    pub fn subject_rfc4514(&self) -> &str {
        &self.0.subject.text_4514
    }

    /// Whether the subject is the name `expected`.
    pub fn has_subject(&self, expected: &ExpectedName) -> bool {
        self.0.subject.is_expected(expected)
    }

    /// The last common name of the subject.
    pub fn subject_common_name(&self) -> Option<&str> {
        self.0.subject.common_name.as_deref()
    }

    /// The DER of the subject's name.
    pub fn subject_der(&self) -> &[u8] {
        &self.0.subject.der
    }

    /// The issuer for people, like [`Certificate::subject`].
    pub fn issuer(&self) -> &str {
        &self.0.issuer.text
    }

    /// The last common name of the issuer.
    pub fn issuer_common_name(&self) -> Option<&str> {
        self.0.issuer.common_name.as_deref()
    }

    /// The DER of the issuer's name.
    pub fn issuer_der(&self) -> &[u8] {
        &self.0.issuer.der
    }

    /// The content octets of the serial number's INTEGER.
    pub fn serial(&self) -> &[u8] {
        &self.0.serial
    }

    /// The serial number in lower-case hexadecimal, without the byte that only carries the sign.
    pub fn serial_hex(&self) -> String {
        match self.serial() {
            [0, magnitude @ ..] if !magnitude.is_empty() => base::encoding::hex(magnitude),
            all => base::encoding::hex(all),
        }
    }

    /// The first instant of validity.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// The last second of validity, which is part of it.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// Whether `at` is within the validity, both ends included (RFC 5280, 4.1.2.5).
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.not_before() <= at && at.unix_seconds() <= self.not_after().unix_seconds()
    }

    /// The subject's key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// What the key may be used for; `None` when the certificate does not say.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage
    }

    /// The extended purposes as dotted identifiers; `None` when the certificate does not say.
    pub fn extended_key_usage(&self) -> Option<&[String]> {
        self.0.extensions.extended_key_usage.as_deref()
    }

    /// Whether the extended purposes are critical.
    pub fn extended_key_usage_is_critical(&self) -> bool {
        self.0.extensions.extended_key_usage_critical
    }

    /// Whether basic constraints say that the subject is a certificate authority.
    pub fn is_ca(&self) -> bool {
        self.0.extensions.is_ca
    }

    /// How many authorities may stand below this one; `None` for no limit.
    pub fn path_len(&self) -> Option<u32> {
        self.0.extensions.path_len
    }

    /// The subject key identifier.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.subject_key_id.as_deref()
    }

    /// The key identifier in the authority key identifier.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.authority_key_id.as_deref()
    }

    /// The subject's other names, of the kinds in [`AltName`].
    pub fn alt_names(&self) -> &[AltName] {
        &self.0.extensions.alt_names
    }

    /// The certificate policies as dotted identifiers.
    pub fn policies(&self) -> &[String] {
        &self.0.extensions.policies
    }

    /// Critical extensions that are not understood here, dotted. Whoever validates must refuse the certificate for one.
    pub fn unknown_critical_extensions(&self) -> &[String] {
        &self.0.extensions.unknown_critical
    }

    /// How the certificate departs from the national profile.
    pub fn deviations(&self) -> &[Deviation] {
        &self.0.deviations
    }

    /// The algorithm it is signed with; `None` for one that is not verified here.
    pub fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        self.0.signature.algorithm
    }

    /// The dotted identifier of the algorithm it is signed with.
    pub fn signature_algorithm_oid(&self) -> &str {
        &self.0.signature.algorithm_oid
    }

    /// SM3 of the whole DER.
    pub fn fingerprint_sm3(&self) -> [u8; 32] {
        gm::sm3::hash(self.der())
    }

    /// Whether subject and issuer are the same name (RFC 5280, 6.1: self-issued).
    pub fn is_self_issued(&self) -> bool {
        self.0.subject.is_same(&self.0.issuer)
    }

    /// Whether the issuer's name here is `authority`'s subject.
    pub fn names_as_issuer(&self, authority: &Self) -> bool {
        self.0.issuer.is_same(&authority.0.subject)
    }

    /// Verifies the signature under the issuer's key, over the raw bytes. Names, times and rights are not looked at: see [`crate::path`].
    pub fn verify_issued_by(&self, issuer: &PublicKey) -> Result<(), Rejected> {
        let field = &self.0.signature;
        let (Some(algorithm), Some(value), true) = (field.algorithm, &field.value, field.same_inside) else {
            return Err(Rejected);
        };
        issuer.verify(self.tbs(), algorithm, value)
    }
}

impl Parsed {
    fn read(der: &[u8], parsed: &X509Certificate<'_>) -> Result<Self, CertificateError> {
        let tbs = &parsed.tbs_certificate;
        let serial = tbs.raw_serial().to_vec();
        if serial.len() > SERIAL_MAX_BYTES {
            return Err(CertificateError::SerialTooLong {
                max_bytes: SERIAL_MAX_BYTES,
                got_bytes: serial.len(),
            });
        }
        let (public_key, key_deviation) = PublicKey::from_parsed(&tbs.subject_pki)?;
        let extensions = Extensions::read(tbs)?;
        let null_parameters = parsed.signature_algorithm.parameters.is_some();
        let signature = SignatureField::read(der, parsed)?;
        let deviations = [
            (null_parameters && signature.algorithm == Some(SignatureAlgorithm::Sm2Sm3))
                .then_some(Deviation::NullParameters),
            key_deviation,
            not_positive(&serial).then_some(Deviation::SerialNotPositive),
            (extensions.key_usage.is_some() && !extensions.key_usage_critical)
                .then_some(Deviation::KeyUsageNotCritical),
            (tbs.version() != X509Version::V3).then_some(Deviation::NotVersion3),
        ];
        Ok(Self {
            der: der.to_vec(),
            tbs: tbs.as_ref().to_vec(),
            serial,
            subject: DistinguishedName::read(tbs.subject())?,
            issuer: DistinguishedName::read(tbs.issuer())?,
            not_before: Timestamp::from_unix_seconds(tbs.validity().not_before.timestamp()),
            not_after: Timestamp::from_unix_seconds(tbs.validity().not_after.timestamp()),
            public_key,
            extensions,
            signature,
            deviations: deviations.into_iter().flatten().collect(),
        })
    }
}

impl SignatureField {
    /// Reads what stands around the signed bytes. Being unsigned it must be strict DER, or one signature would fit many
    /// certificates; `x509-parser` is more lenient.
    fn read(der: &[u8], parsed: &X509Certificate<'_>) -> Result<Self, CertificateError> {
        let (algorithm, algorithm_inside, value) = frame(der).map_err(|_| CertificateError::Malformed)?;
        let oid = parsed.signature_algorithm.algorithm.as_bytes();
        Ok(Self {
            algorithm: SignatureAlgorithm::from_parsed(&parsed.signature_algorithm),
            algorithm_oid: oid_text(oid).map_err(|_| CertificateError::Malformed)?,
            same_inside: algorithm.raw == algorithm_inside.raw,
            value: (value.unused_bits == 0).then(|| value.bytes.to_vec()),
        })
    }
}

/// The algorithm outside, the algorithm inside, and the signature of a certificate whose frame is strict DER.
fn frame(der: &[u8]) -> Result<(Tlv<'_>, Tlv<'_>, BitString<'_>), DerError> {
    let whole = Tlv::parse(der, tag::SEQUENCE)?;
    let mut fields = whole.reader()?;
    let (tbs, algorithm) = (fields.expect(tag::SEQUENCE)?, fields.expect(tag::SEQUENCE)?);
    let signature = fields.expect(tag::BIT_STRING)?;
    fields.finish()?;
    let mut inside = tbs.reader()?;
    inside.optional(tag::context(0))?;
    inside.expect(tag::INTEGER)?;
    let algorithm_inside = inside.expect(tag::SEQUENCE)?;
    if [whole, tbs, algorithm, signature].iter().all(|element| element.minimal_length) {
        Ok((algorithm, algorithm_inside, signature.bit_string()?))
    } else {
        Err(DerError::BadValue("certificate"))
    }
}

/// Whether the content octets of an INTEGER are negative or zero.
fn not_positive(integer: &[u8]) -> bool {
    integer.first().is_none_or(|b| b & 0x80 != 0) || integer.iter().all(|b| *b == 0)
}

impl PartialEq for Certificate {
    /// Byte for byte.
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject(), self.serial_hex())
    }
}
