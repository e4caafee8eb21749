//! Time stamp tokens (RFC 3161; GB/T 20520-2006): what they stamp, when, and whether they are genuine.

use super::{CmsError, SignedData, at};
use crate::der::{DerError, Reader, Time, Tlv, tag};
use crate::{Certificate, oid};

/// TSTInfo as a content type (RFC 3161, 2.4.2).
pub const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
/// signingCertificateV2 attribute (RFC 5035, 3).
pub const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";

/// A time stamp token, read but not yet verified.
#[derive(Debug)]
pub struct TimeStampToken {
    signed: SignedData,
    /// The stamped digest's algorithm, dotted.
    pub imprint_algorithm: String,
    /// The stamped digest.
    pub imprint: Vec<u8>,
    /// When, as the authority states (genTime).
    pub generated: Time,
    /// The authority's policy, dotted.
    pub policy: String,
}

/// A token that proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeStampError {
    /// It does not parse.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// Its digest is of other data (GB/T 38540, 7.3 h).
    #[error("the stamped digest is not the one of the data")]
    Imprint,
    /// Its certificate is absent, or not the one its signature is bound to.
    #[error("the token does not hold the certificate its signature is bound to")]
    NoCertificate,
    /// The authority's signature is wrong.
    #[error("the signature does not verify")]
    Rejected,
    /// The certificate may not be used for time stamps (RFC 3161, 2.3).
    #[error("the certificate is not one for time stamps alone")]
    KeyUsage,
}

impl TimeStampToken {
    /// Reads a TimeStampToken, or the TimeStampResp around one.
    pub fn from_der(bytes: &[u8]) -> Result<Self, TimeStampError> {
        let signed = SignedData::from_der(token_inside(bytes))?;
        if signed.content_type != TST_INFO {
            return Err(CmsError::NotSignedData(signed.content_type).into());
        }
        let info = signed.content.as_deref().unwrap_or_default();
        let mut reader =
            Tlv::parse(info, tag::SEQUENCE).and_then(|info| info.reader()).map_err(at("TSTInfo"))?;
        reader.expect(tag::INTEGER).map_err(at("TSTInfo.version"))?;
        let policy = reader.expect(tag::OID).and_then(|policy| policy.oid()).map_err(at("TSTInfo.policy"))?;
        let (imprint_algorithm, imprint) = imprint(&mut reader).map_err(at("messageImprint"))?;
        reader.expect(tag::INTEGER).map_err(at("TSTInfo.serialNumber"))?;
        let generated = reader.expect(tag::GENERALIZED_TIME).and_then(|time| Time::read(&time));
        let generated = generated.map_err(at("TSTInfo.genTime"))?;
        Ok(Self { imprint_algorithm, imprint, generated, policy, signed })
    }

    /// Verifies that the token stamps `data`, and returns the authority's certificate; its chain is the caller's to check.
    ///
    /// The certificate must be inside, be the one the signature is bound to (signingCertificateV2, when present) and be for
    /// time stamps alone (RFC 3161, 2.3 and 2.4.2).
    pub fn verify(&self, data: &[u8]) -> Result<&Certificate, TimeStampError> {
        if self.imprint_algorithm != oid::SM3 || self.imprint != gm::sm3::hash(data) {
            return Err(TimeStampError::Imprint);
        }
        let [signer] = self.signed.signers.as_slice() else { return Err(TimeStampError::NoCertificate) };
        let certificate = self.signed.certificate_of(signer).ok_or(TimeStampError::NoCertificate)?;
        let attributes = signer.signed_attributes.as_ref().ok_or(TimeStampError::Rejected)?;
        let bound = attributes.all.iter().find(|(kind, _)| kind == SIGNING_CERTIFICATE_V2);
        if let Some((_, value)) = bound
            && !binds(value, certificate.der()).unwrap_or(false)
        {
            return Err(TimeStampError::NoCertificate);
        }
        let info = self.signed.content.as_deref().unwrap_or_default();
        let verdict = self.signed.verify(signer, info, None);
        if !verdict.content_ok || verdict.signature_ok != Some(true) {
            return Err(TimeStampError::Rejected);
        }
        if !is_for_time_stamps(certificate) {
            return Err(TimeStampError::KeyUsage);
        }
        Ok(certificate)
    }

    /// All certificates in the token, for building the authority's chain.
    pub fn certificates(&self) -> &[Certificate] {
        &self.signed.certificates
    }
}

/// The token in a TimeStampResp (RFC 3161, 2.4.2), or `bytes` themselves.
fn token_inside(bytes: &[u8]) -> &[u8] {
    let inside = || {
        let mut response = Reader::new(bytes)?.expect(tag::SEQUENCE)?.reader()?;
        response.expect(tag::SEQUENCE)?;
        response.expect(tag::SEQUENCE).map(|token| token.raw)
    };
    inside().unwrap_or(bytes)
}

fn imprint(reader: &mut Reader<'_>) -> Result<(String, Vec<u8>), DerError> {
    let mut imprint = reader.expect(tag::SEQUENCE)?.reader()?;
    let algorithm = imprint.expect(tag::SEQUENCE)?.reader()?.expect(tag::OID)?.oid()?;
    Ok((algorithm, imprint.expect(tag::OCTET_STRING)?.value.to_vec()))
}

/// Whether a signingCertificateV2 value names `certificate` first (RFC 5035, 3). Only SM3 and SHA-256 are known.
fn binds(value: &[u8], certificate: &[u8]) -> Result<bool, DerError> {
    let mut attribute = Tlv::parse(value, tag::SEQUENCE)?.reader()?;
    let mut identifiers = attribute.expect(tag::SEQUENCE)?.reader()?;
    let mut first = identifiers.expect(tag::SEQUENCE)?.reader()?;
    let algorithm = match first.optional(tag::SEQUENCE)? {
        Some(algorithm) => algorithm.reader()?.expect(tag::OID)?.oid()?,
        // The default (RFC 5035, 4).
        None => super::SHA256.to_owned(),
    };
    let stated = first.expect(tag::OCTET_STRING)?.value;
    Ok(match algorithm.as_str() {
        oid::SM3 => stated == gm::sm3::hash(certificate),
        super::SHA256 => stated == ring::digest::digest(&ring::digest::SHA256, certificate).as_ref(),
        _ => false,
    })
}

/// Whether the certificate's extended key usage is critical and is timeStamping alone (RFC 3161, 2.3).
fn is_for_time_stamps(certificate: &Certificate) -> bool {
    let usages = certificate.extended_key_usage().unwrap_or_default();
    certificate.extended_key_usage_is_critical() && usages.iter().map(String::as_str).eq([oid::TIME_STAMPING])
}
