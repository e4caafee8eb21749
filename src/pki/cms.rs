//! Signed messages of GB/T 35275-2017 (PKCS#7 with the national identifiers): read and verify.
//!
//! All variants found in sealed documents and certificate authorities' answers are read: content types under the
//! national arc 1.2.156.10197.6.1.4.2 or PKCS#7's own; signature algorithm named 1.2.156.10197.1.501 or
//! 1.2.156.10197.1.301.1; with signed attributes or without; detached, attached, or attached with the content's digest
//! in the content's place (GM/T 0099-2020). [`time_stamp`] reads RFC 3161 tokens, which are such messages.

pub mod time_stamp;

use crate::der::{DerError, Reader, SignatureEncoding, SignatureValue, Time, Tlv, oid_text, tag};
use crate::{Certificate, PublicKey, SignatureAlgorithm, Sm2Key, oid};

/// signedData of GB/T 35275-2017, 6.
pub const GM_SIGNED_DATA: &str = "1.2.156.10197.6.1.4.2.2";
/// data of GB/T 35275-2017, 6.
pub const GM_DATA: &str = "1.2.156.10197.6.1.4.2.1";
/// signedData of PKCS#7 (RFC 5652, 5.1).
pub const PKCS7_SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
/// data of PKCS#7 (RFC 5652, 4).
pub const PKCS7_DATA: &str = "1.2.840.113549.1.7.1";
/// contentType attribute (RFC 5652, 11.1).
pub const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
/// messageDigest attribute (RFC 5652, 11.2).
pub const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
/// signingTime attribute (RFC 5652, 11.3).
pub const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
/// SHA-256 (RFC 5754, 2.2).
pub const SHA256: &str = "2.16.840.1.101.3.4.2.1";

/// Most certificates read from one message.
pub const MAX_CERTIFICATES_COUNT: usize = 32;
/// Most signers read from one message.
pub const MAX_SIGNERS_COUNT: usize = 16;
/// Most attributes read from one signer.
pub const MAX_ATTRIBUTES_COUNT: usize = 64;

/// Bytes that are no signed message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// The structure does not parse.
    #[error("`{field}`: {source}")]
    Structure {
        /// The field of SignedData.
        field: &'static str,
        /// What is wrong with it.
        source: DerError,
    },
    /// The content type is another one.
    #[error("expected signedData, found content type `{0}`")]
    NotSignedData(String),
}

/// Which family of identifiers a message uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// GB/T 35275.
    Gm,
    /// PKCS#7.
    Pkcs7,
}

/// A signed message (SignedData).
#[derive(Debug)]
pub struct SignedData {
    /// Which identifiers it uses.
    pub form: Form,
    /// The syntax version.
    pub version: i64,
    /// The content's type, dotted.
    pub content_type: String,
    /// The content; `None` when detached.
    pub content: Option<Vec<u8>>,
    /// The certificates inside that could be read.
    pub certificates: Vec<Certificate>,
    /// How many certificates inside could not be read.
    pub unreadable_certificates_count: usize,
    /// The signers.
    pub signers: Vec<SignerInfo>,
}

/// How a signer names its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerId {
    /// By issuer (the raw Name) and serial number (content octets).
    IssuerAndSerial {
        /// DER of the issuer's Name.
        issuer: Vec<u8>,
        /// Content octets of the serial number.
        serial: Vec<u8>,
    },
    /// By subject key identifier.
    KeyId(Vec<u8>),
}

/// One signer of a message (SignerInfo).
#[derive(Clone, Debug)]
pub struct SignerInfo {
    /// Whose certificate.
    pub id: SignerId,
    /// The digest algorithm, dotted.
    pub digest_algorithm: String,
    /// The signed attributes, when there are any.
    pub signed_attributes: Option<SignedAttributes>,
    /// The signature algorithm, dotted.
    pub signature_algorithm: String,
    /// The signature value.
    pub signature: Vec<u8>,
}

/// The attributes a signer signed along with the content's digest.
#[derive(Clone, Debug)]
pub struct SignedAttributes {
    /// What the signature is over: the attributes under the universal SET tag (RFC 5652, 5.4).
    pub signed_bytes: Vec<u8>,
    /// The contentType attribute, dotted.
    pub content_type: Option<String>,
    /// The messageDigest attribute.
    pub message_digest: Option<Vec<u8>>,
    /// The signingTime attribute, which nobody but the signer vouches for.
    pub signing_time: Option<Time>,
    /// Every attribute: type, dotted, and the DER of its first value.
    pub all: Vec<(String, Vec<u8>)>,
}

/// How a message was tied to the document it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Detached: the document is the content.
    Detached,
    /// The document is inside.
    Attached,
    /// The document's SM3 digest is inside, in the content's place (GM/T 0099-2020).
    AttachedDigest,
    /// What is inside is neither the document nor its digest.
    Foreign,
}

impl Binding {
    /// A name for reports: `SM3(detached)`, `SM3(eContent = document)`, ...
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detached => "SM3(detached)",
            Self::Attached => "SM3(eContent = document)",
            Self::AttachedDigest => "SM3(eContent = SM3(document))",
            Self::Foreign => "eContent is not this document",
        }
    }
}

/// What became of one signer's signature.
#[derive(Clone, Debug)]
pub struct SignerVerdict {
    /// How the message is tied to the document.
    pub binding: Binding,
    /// Whether the content is this document, and its digest the one in the signed attributes.
    pub content_ok: bool,
    /// Whether the signature is right; `None` without the signer's certificate or with an algorithm that is not supported.
    pub signature_ok: Option<bool>,
    /// How an SM2 signature was encoded.
    pub encoding: Option<SignatureEncoding>,
}

impl SignedData {
    /// Reads a ContentInfo that holds SignedData, DER.
    pub fn from_der(bytes: &[u8]) -> Result<Self, CmsError> {
        let mut reader =
            Tlv::parse(bytes, tag::SEQUENCE).and_then(|info| info.reader()).map_err(at("contentInfo"))?;
        let content_type = reader.expect(tag::OID).and_then(|oid| oid.oid()).map_err(at("contentType"))?;
        let form = match content_type.as_str() {
            GM_SIGNED_DATA => Form::Gm,
            PKCS7_SIGNED_DATA => Form::Pkcs7,
            _ => return Err(CmsError::NotSignedData(content_type)),
        };
        let content = reader.expect(tag::context(0)).map_err(at("content"))?;
        reader.finish().map_err(at("contentInfo"))?;
        let mut inside = content.reader().map_err(at("content"))?;
        let signed_data = inside.expect(tag::SEQUENCE).map_err(at("signedData"))?;
        inside.finish().map_err(at("signedData"))?;
        Self::read(form, &signed_data)
    }

    fn read(form: Form, element: &Tlv<'_>) -> Result<Self, CmsError> {
        let mut reader = element.reader().map_err(at("signedData"))?;
        let version = reader.expect(tag::INTEGER).and_then(|v| v.small_integer()).map_err(at("version"))?;
        reader.expect(tag::SET).map_err(at("digestAlgorithms"))?;
        let (content_type, content) = encapsulated(&mut reader)?;
        let certificates = reader.optional(tag::context(0)).map_err(at("certificates"))?;
        let (certificates, unreadable_certificates_count) = match certificates {
            Some(list) => read_certificates(&list)?,
            None => (Vec::new(), 0),
        };
        reader.optional(tag::context(1)).map_err(at("crls"))?;
        let signers = reader.expect(tag::SET).map_err(at("signerInfos"))?;
        reader.finish().map_err(at("signedData"))?;
        let signers = signers.elements(MAX_SIGNERS_COUNT).map_err(at("signerInfos"))?;
        let signers = signers.iter().map(SignerInfo::read).collect::<Result<_, _>>()?;
        Ok(Self {
            form,
            version,
            content_type,
            content,
            certificates,
            unreadable_certificates_count,
            signers,
        })
    }

    /// The certificate inside that `signer` names.
    pub fn certificate_of(&self, signer: &SignerInfo) -> Option<&Certificate> {
        self.certificates.iter().find(|certificate| signer.id.names(certificate))
    }

    /// Verifies `signer` over `document` with the certificate it names, which must be inside or be `outside`.
    pub fn verify(
        &self,
        signer: &SignerInfo,
        document: &[u8],
        outside: Option<&Certificate>,
    ) -> SignerVerdict {
        let certificate = self.certificate_of(signer).or(outside);
        let binding = self.binding(document);
        let content = self.content.as_deref().unwrap_or(document);
        let (message, digest_ok) = match &signer.signed_attributes {
            None => (content, true),
            Some(attributes) => (
                attributes.signed_bytes.as_slice(),
                attributes.agree(self, &signer.digest_algorithm, content),
            ),
        };
        let (signature_ok, encoding) = match certificate {
            Some(certificate) => signer.check(certificate.public_key(), message),
            None => (None, SignatureValue::from_octets(&signer.signature).ok().map(|value| value.encoding)),
        };
        SignerVerdict {
            binding,
            content_ok: digest_ok && binding != Binding::Foreign,
            signature_ok,
            encoding,
        }
    }

    fn binding(&self, document: &[u8]) -> Binding {
        match self.content.as_deref() {
            None => Binding::Detached,
            Some(content) if content == document => Binding::Attached,
            Some(content) if content == gm::sm3::hash(document) => Binding::AttachedDigest,
            Some(_) => Binding::Foreign,
        }
    }
}

impl SignerId {
    /// Whether this names `certificate`.
    pub fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerial { issuer, serial } => {
                certificate.issuer_der() == issuer && same_integer(certificate.serial(), serial)
            }
            Self::KeyId(id) => certificate.subject_key_id() == Some(id.as_slice()),
        }
    }
}

impl SignerInfo {
    fn read(element: &Tlv<'_>) -> Result<Self, CmsError> {
        let mut reader = element.reader().map_err(at("signerInfo"))?;
        reader.expect(tag::INTEGER).map_err(at("signerInfo.version"))?;
        let id = signer_id(&reader.element().map_err(at("sid"))?)?;
        let digest_algorithm = algorithm(&mut reader, "digestAlgorithm")?;
        let signed_attributes = match reader.optional(tag::context(0)).map_err(at("signedAttrs"))? {
            Some(attributes) => Some(SignedAttributes::read(&attributes)?),
            None => None,
        };
        let signature_algorithm = algorithm(&mut reader, "signatureAlgorithm")?;
        let signature = reader.expect(tag::OCTET_STRING).map_err(at("signature"))?.value.to_vec();
        reader.optional(tag::context(1)).map_err(at("unsignedAttrs"))?;
        reader.finish().map_err(at("signerInfo"))?;
        Ok(Self { id, digest_algorithm, signed_attributes, signature_algorithm, signature })
    }

    /// Whether the signature is right over `message`, and how it was encoded.
    fn check(&self, key: &PublicKey, message: &[u8]) -> (Option<bool>, Option<SignatureEncoding>) {
        match (key, self.algorithm()) {
            (PublicKey::Sm2(key), Some(SignatureAlgorithm::Sm2Sm3)) => {
                match SignatureValue::from_octets(&self.signature) {
                    Ok(value) => (Some(verify_sm2(key, message, &value)), Some(value.encoding)),
                    Err(_) => (Some(false), None),
                }
            }
            (_, Some(SignatureAlgorithm::Sm2Sm3)) | (_, None) => (None, None),
            (key, Some(algorithm)) => (Some(key.verify(message, algorithm, &self.signature).is_ok()), None),
        }
    }

    /// The algorithm behind the names in use: a signature identifier, or a key identifier beside the digest's.
    fn algorithm(&self) -> Option<SignatureAlgorithm> {
        match (self.signature_algorithm.as_str(), self.digest_algorithm.as_str()) {
            (oid::SM2_WITH_SM3 | oid::SM2_SIGN | oid::SM2 | oid::EC_PUBLIC_KEY, oid::SM3) => {
                Some(SignatureAlgorithm::Sm2Sm3)
            }
            (oid::ECDSA_WITH_SHA256 | oid::EC_PUBLIC_KEY, SHA256) => Some(SignatureAlgorithm::EcdsaSha256),
            (oid::RSA_WITH_SHA256 | oid::RSA_ENCRYPTION, SHA256) => Some(SignatureAlgorithm::RsaSha256),
            _ => None,
        }
    }
}

impl SignedAttributes {
    fn read(element: &Tlv<'_>) -> Result<Self, CmsError> {
        let mut all = Vec::new();
        for attribute in element.elements(MAX_ATTRIBUTES_COUNT).map_err(at("signedAttrs"))? {
            let mut reader = attribute.reader().map_err(at("signedAttrs"))?;
            let kind = reader.expect(tag::OID).and_then(|kind| kind.oid()).map_err(at("signedAttrs"))?;
            let values = reader.expect(tag::SET).map_err(at("signedAttrs"))?;
            let value = values.reader().and_then(|mut values| values.element()).map_err(at("signedAttrs"))?;
            if all.iter().any(|(seen, _)| *seen == kind) {
                // Two of a kind would let two verifiers pick different ones (RFC 5652, 11).
                return Err(at("signedAttrs")(DerError::BadValue("set of distinct attributes")));
            }
            all.push((kind, value.raw.to_vec()));
        }
        let mut signed_bytes = element.raw.to_vec();
        if let Some(first) = signed_bytes.first_mut() {
            *first = tag::SET;
        }
        let value =
            |kind: &str| all.iter().find(|(found, _)| found == kind).map(|(_, value)| value.as_slice());
        Ok(Self {
            content_type: value(CONTENT_TYPE)
                .and_then(|v| Tlv::parse(v, tag::OID).and_then(|v| v.oid()).ok()),
            message_digest: value(MESSAGE_DIGEST)
                .and_then(|v| Tlv::parse(v, tag::OCTET_STRING).map(|v| v.value.to_vec()).ok()),
            signing_time: value(SIGNING_TIME)
                .and_then(|v| Reader::new(v).and_then(|mut v| v.element()).and_then(|v| Time::read(&v)).ok()),
            signed_bytes,
            all,
        })
    }

    /// Whether they speak of `content`: its digest and, when stated, its type.
    fn agree(&self, message: &SignedData, digest_algorithm: &str, content: &[u8]) -> bool {
        let digest = match digest_algorithm {
            oid::SM3 => gm::sm3::hash(content).to_vec(),
            SHA256 => ring::digest::digest(&ring::digest::SHA256, content).as_ref().to_vec(),
            _ => return false,
        };
        self.message_digest.as_deref() == Some(&digest)
            && self.content_type.as_ref().is_none_or(|stated| same_type(stated, &message.content_type))
    }
}

/// Verifies an SM2 signature that was read leniently, under the identity `1234567812345678` (GB/T 35276-2017, 10).
pub fn verify_sm2(key: &Sm2Key, message: &[u8], value: &SignatureValue) -> bool {
    gm::sm2::Signature::from_bytes(&value.bytes)
        .is_ok_and(|signature| key.verify(message, gm::sm2::DEFAULT_ID, &signature).is_ok())
}

/// encapContentInfo: the content's type, and the content octets when they are inside.
fn encapsulated(reader: &mut Reader<'_>) -> Result<(String, Option<Vec<u8>>), CmsError> {
    let info = reader.expect(tag::SEQUENCE).map_err(at("encapContentInfo"))?;
    let mut inside = info.reader().map_err(at("encapContentInfo"))?;
    let content_type = inside.expect(tag::OID).and_then(|oid| oid.oid()).map_err(at("eContentType"))?;
    let content = match inside.optional(tag::context(0)).map_err(at("eContent"))? {
        None => None,
        Some(wrapped) => {
            let mut wrapped = wrapped.reader().map_err(at("eContent"))?;
            let content = wrapped.element().map_err(at("eContent"))?;
            wrapped.finish().map_err(at("eContent"))?;
            Some(content.value.to_vec())
        }
    };
    inside.finish().map_err(at("encapContentInfo"))?;
    Ok((content_type, content))
}

fn read_certificates(list: &Tlv<'_>) -> Result<(Vec<Certificate>, usize), CmsError> {
    let elements = list.elements(MAX_CERTIFICATES_COUNT).map_err(at("certificates"))?;
    let read: Vec<Certificate> =
        elements.iter().filter_map(|element| Certificate::from_der(element.raw).ok()).collect();
    let unreadable = elements.len() - read.len();
    Ok((read, unreadable))
}

fn signer_id(element: &Tlv<'_>) -> Result<SignerId, CmsError> {
    match element.tag {
        tag::SEQUENCE => {
            let mut reader = element.reader().map_err(at("sid"))?;
            let issuer = reader.expect(tag::SEQUENCE).map_err(at("sid.issuer"))?;
            let serial = reader.expect(tag::INTEGER).map_err(at("sid.serialNumber"))?;
            reader.finish().map_err(at("sid"))?;
            Ok(SignerId::IssuerAndSerial { issuer: issuer.raw.to_vec(), serial: serial.value.to_vec() })
        }
        found if found & 0xdf == tag::context_primitive(0) => {
            let inner = Tlv::parse(element.value, tag::OCTET_STRING).map(|inner| inner.value);
            Ok(SignerId::KeyId(inner.unwrap_or(element.value).to_vec()))
        }
        found => Err(at("sid")(DerError::UnexpectedTag { expected: tag::SEQUENCE, found })),
    }
}

/// The identifier in an AlgorithmIdentifier; its parameters do not matter here.
fn algorithm(reader: &mut Reader<'_>, field: &'static str) -> Result<String, CmsError> {
    let sequence = reader.expect(tag::SEQUENCE).map_err(at(field))?;
    let mut inside = sequence.reader().map_err(at(field))?;
    inside.expect(tag::OID).and_then(|oid| oid_text(oid.value)).map_err(at(field))
}

/// Whether two content types mean the same: `data` has a national name and PKCS#7's, and real messages mix them.
fn same_type(a: &str, b: &str) -> bool {
    let plain = |kind: &str| kind == GM_DATA || kind == PKCS7_DATA;
    a == b || (plain(a) && plain(b))
}

/// Whether two integers' content octets are equal but for leading zeros.
fn same_integer(a: &[u8], b: &[u8]) -> bool {
    a.iter().skip_while(|octet| **octet == 0).eq(b.iter().skip_while(|octet| **octet == 0))
}

fn at(field: &'static str) -> impl Fn(DerError) -> CmsError {
    move |source| CmsError::Structure { field, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &[u8] = b"Hello Secret World!";

    /// A third-party file beside the repository.
    fn fixture(name: &str) -> Option<Vec<u8>> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/");
        let bytes = std::fs::read(format!("{path}{name}")).ok();
        if bytes.is_none() {
            eprintln!("skipped: no ../shared");
        }
        bytes
    }

    #[test]
    fn messages_of_a_national_toolkit_verify_attached_and_detached() {
        for (name, binding) in [
            ("cms/cfca_sadk_signed_attached.p7.der", Binding::Attached),
            ("cms/cfca_sadk_signed_detached.p7.der", Binding::Detached),
        ] {
            let Some(bytes) = fixture(name) else { return };
            let message = SignedData::from_der(&bytes).unwrap();
            let signer = &message.signers[0];
            assert_eq!(signer.signature_algorithm, oid::SM2_SIGN);
            let verdict = message.verify(signer, DOCUMENT, None);
            assert_eq!(
                (verdict.binding, verdict.content_ok, verdict.signature_ok),
                (binding, true, Some(true))
            );
            assert!(verdict.encoding.unwrap().is_der());
            let other = message.verify(signer, b"Hello Secret World?", None);
            assert!(!other.content_ok || other.signature_ok == Some(false), "another document must not pass");
        }
    }

    #[test]
    fn a_chain_without_signers_is_read() {
        let Some(text) = fixture("cms/gm_certchain.p7b.pem") else { return };
        let der = crate::pem::decode(&String::from_utf8(text).unwrap(), "PKCS7").unwrap();
        let message = SignedData::from_der(&der).unwrap();
        assert!(message.signers.is_empty() && !message.certificates.is_empty());
        assert_eq!(message.unreadable_certificates_count, 0);
    }

    #[test]
    fn a_time_stamp_token_verifies_over_its_data_alone() {
        let Some(bytes) = fixture("derived/tsa_token_sm2_sm3.tst.der") else { return };
        let token = time_stamp::TimeStampToken::from_der(&bytes).unwrap();
        assert_eq!(token.verify(b"hello\n").unwrap().subject_common_name(), Some("Research SM2 tsa"));
        assert_eq!(token.verify(b"hello").unwrap_err(), time_stamp::TimeStampError::Imprint);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x01;
            let _ =
                time_stamp::TimeStampToken::from_der(&changed).map(|token| token.verify(b"hello\n").is_ok());
        }
    }

    #[test]
    fn cut_short_or_changed_no_message_panics() {
        let Some(bytes) = fixture("cms/cfca_sadk_signed_attached.p7.der") else { return };
        for end in 0..bytes.len() {
            assert!(SignedData::from_der(&bytes[..end]).is_err());
            let mut changed = bytes.clone();
            changed[end] ^= 0x81;
            if let Ok(message) = SignedData::from_der(&changed) {
                for signer in &message.signers {
                    let _ = message.verify(signer, DOCUMENT, None);
                }
            }
        }
    }
}
