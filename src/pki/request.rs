//! Certificate requests (PKCS#10, RFC 2986): read, and possession of the private key proven.

use x509_parser::prelude::FromDer;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Name};

use crate::certificate::{CERTIFICATE_MAX_BYTES, CertificateError};
use crate::der::{DerError, Tlv, tag};
use crate::key::{PublicKey, Rejected, SignatureAlgorithm};
use crate::name::DistinguishedName;
use crate::pem;

/// A request for a certificate. What it asks for is a wish: the authority decides the name, the validity and the uses.
#[derive(Debug)]
pub struct CertificateRequest {
    /// `certificationRequestInfo` as it stands.
    info: Vec<u8>,
    subject: DistinguishedName,
    public_key: PublicKey,
    algorithm: Option<SignatureAlgorithm>,
    /// `None` when the BIT STRING is not of whole bytes.
    signature: Option<Vec<u8>>,
}

impl CertificateRequest {
    /// Reads the DER of one request with nothing after it.
    ///
    /// Attributes are passed over unread: the widespread CFCA toolkit writes them without the SET that RFC 2986, 4.1 demands (and
    /// `x509-parser` refuses them for it).
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_MAX_BYTES {
            return Err(CertificateError::TooLong { max_bytes: CERTIFICATE_MAX_BYTES, got_bytes: der.len() });
        }
        let frame = Frame::read(der).map_err(|_| CertificateError::Malformed)?;
        let signature = frame.signature.bit_string().map_err(|_| CertificateError::Malformed)?;
        let algorithm: AlgorithmIdentifier<'_> = whole(frame.algorithm)?;
        Ok(Self {
            info: frame.info.raw.to_vec(),
            subject: DistinguishedName::read(&whole::<X509Name<'_>, _>(frame.subject)?)?,
            public_key: PublicKey::from_parsed(&whole::<SubjectPublicKeyInfo<'_>, _>(frame.public_key)?)?.0,
            algorithm: SignatureAlgorithm::from_parsed(&algorithm),
            signature: (signature.unused_bits == 0).then(|| signature.bytes.to_vec()),
        })
    }

    /// Reads the first request in `text`.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        Self::from_der(&pem::decode(text, "CERTIFICATE REQUEST")?)
    }

    /// The name asked for, like [`crate::Certificate::subject`].
    pub fn subject(&self) -> &str {
        &self.subject.text
    }

    /// The last common name asked for.
    pub fn subject_common_name(&self) -> Option<&str> {
        self.subject.common_name.as_deref()
    }

    /// The key to be certified.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Verifies that whoever made the request holds the private key (RFC 2986, 3, note 2).
    pub fn verify_possession(&self) -> Result<(), Rejected> {
        match (self.algorithm, &self.signature) {
            (Some(algorithm), Some(signature)) => self.public_key.verify(&self.info, algorithm, signature),
            _ => Err(Rejected),
        }
    }
}

/// The elements of a request (RFC 2986, 4).
struct Frame<'a> {
    info: Tlv<'a>,
    subject: Tlv<'a>,
    public_key: Tlv<'a>,
    algorithm: Tlv<'a>,
    signature: Tlv<'a>,
}

impl<'a> Frame<'a> {
    fn read(der: &'a [u8]) -> Result<Self, DerError> {
        let mut fields = Tlv::parse(der, tag::SEQUENCE)?.reader()?;
        let (info, algorithm) = (fields.expect(tag::SEQUENCE)?, fields.expect(tag::SEQUENCE)?);
        let signature = fields.expect(tag::BIT_STRING)?;
        fields.finish()?;
        let mut inside = info.reader()?;
        inside.expect(tag::INTEGER)?;
        let (subject, public_key) = (inside.expect(tag::SEQUENCE)?, inside.expect(tag::SEQUENCE)?);
        // Attributes: see `from_der`. Some leave the empty ones out.
        inside.optional(tag::context(0))?;
        inside.finish()?;
        Ok(Self { info, subject, public_key, algorithm, signature })
    }
}

/// `element` read as a `T`, to its last byte.
fn whole<'a, T: FromDer<'a, E>, E>(element: Tlv<'a>) -> Result<T, CertificateError> {
    match T::from_der(element.raw) {
        Ok(([], value)) => Ok(value),
        _ => Err(CertificateError::Malformed),
    }
}
