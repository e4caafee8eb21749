//! A seal put on an OFD document (GB/T 38540-2020, 7.2): the checks first, then the signature.

use base::Timestamp;
use document::ofd::seal_layout::{self, LayoutError, Protection, StampPlacement};
use document::ofd::{Provider, SignatureType};
use pki::der::write;
use pki::path::{self, PathError, Purpose};
use pki::{Certificate, PublicKey, SignatureAlgorithm, Signer};

use crate::make::SM2_WITH_SM3;
use crate::report::{Indication, Verdict};
use crate::ses::{Seal, SesError, SignerList, Structure};
use crate::verify::{TrustAnchors, verify_seal};

/// What to seal, with which seal, where.
#[derive(Clone, Debug)]
pub struct SignRequest<'a> {
    /// The OFD document.
    pub ofd: &'a [u8],
    /// The seal (`Seal.esl`).
    pub seal: &'a [u8],
    /// Where the seal's picture is shown; at least one place.
    pub stamps: &'a [StampPlacement],
    /// Whether more seals may follow.
    pub protection: Protection,
    /// The program that signs, as `Signature.xml` names it.
    pub provider: &'a Provider,
    /// The time of signing.
    pub now: Timestamp,
}

/// Why a document is not sealed. Nothing has been signed then.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The seal does not parse (7.2 a1).
    #[error("the seal does not parse: {0}")]
    SealFormat(#[from] SesError),
    /// The seal is of the layout of 2014, which is verified but no longer made.
    #[error("expected a seal of GB/T 38540-2020, got one of GM/T 0031-2014: have it made anew")]
    SealTooOld,
    /// The seal does not verify (7.2 a1).
    #[error("the seal may not be used: {}", .0.reason)]
    Seal(Box<Verdict>),
    /// The signer's certificate has no valid chain or may not sign (7.2 a2).
    #[error("the signer's certificate may not be used: {0}")]
    SignerCertificate(#[from] PathError),
    /// The signer's certificate is revoked (7.2 a2).
    #[error("the signer's certificate was revoked at {0}")]
    SignerRevoked(Timestamp),
    /// The seal does not list the signer (7.2 a3).
    #[error("the seal does not list the signer's certificate")]
    NotListed,
    /// The seal lists an earlier certificate of the signer (7.2 a3).
    #[error(
        "the seal lists another certificate of `{subject}`: the certificate was renewed, have the seal made anew"
    )]
    CertificateRenewed {
        /// The signer.
        subject: String,
    },
    /// The key is not the one in the signer's certificate, or is no SM2 key.
    #[error("the signing key is not the SM2 key of the signer's certificate")]
    SignerKey,
    /// The document cannot take the seal.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The signature's path in the package cannot be written as IA5String.
    #[error("the path `{0}` in the package is not ASCII, which GB/T 38540 asks for")]
    Path(String),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] pki::SignError),
    /// The signature does not verify; the key or the device behind it is faulty.
    #[error("the finished signature does not verify")]
    Faulty,
}

/// Seals a document: checks seal and signer, digests every file, signs, and returns the sealed OFD.
///
/// Existing signatures stay. Source: GB/T 38540-2020, 7.2 a1 to b6 (without b5, the time stamp).
pub fn sign_document(
    request: &SignRequest<'_>,
    signer: &dyn Signer,
    signer_certificate: &Certificate,
    trust: &TrustAnchors,
) -> Result<Vec<u8>, SignError> {
    let seal = check(request, signer, signer_certificate, trust)?;
    // b1, b2: the scope is every file of the package; Signature.xml lists them, its digest is what gets signed.
    let prepared = seal_layout::prepare(
        request.ofd,
        &seal_layout::Request {
            type_: SignatureType::Seal,
            seal: Some(request.seal),
            stamps: request.stamps,
            provider: request.provider,
            signature_method: pki::oid::SM2_WITH_SM3,
            protection: request.protection,
            now: request.now,
        },
    )?;
    // b3: TBS_Sign.
    let path = format!("/{}", prepared.signature_path);
    let tbs = write::sequence(&[
        write::integer(seal.header_version),
        seal.der,
        write::generalized_time(request.now),
        write::bit_string(&gm::sm3::hash(&prepared.signature_xml)),
        write::ia5_string(&path).ok_or(SignError::Path(path))?,
    ]);
    // b4: the signature, verified before it leaves.
    let signature = signer.sign(&tbs)?;
    if signer_certificate.public_key().verify(&tbs, SignatureAlgorithm::Sm2Sm3, &signature).is_err() {
        return Err(SignError::Faulty);
    }
    // b6: SES_Signature.
    let signed_value = write::sequence(&[
        tbs,
        write::octet_string(signer_certificate.der()),
        write::oid(&SM2_WITH_SM3),
        write::bit_string(&signature),
    ]);
    Ok(prepared.finish(&signed_value)?)
}

/// 7.2 a1 to a3.
fn check(
    request: &SignRequest<'_>,
    signer: &dyn Signer,
    certificate: &Certificate,
    trust: &TrustAnchors,
) -> Result<Seal, SignError> {
    let is_sm2 = matches!(certificate.public_key(), PublicKey::Sm2(_));
    let same_key = signer.public_key() == *certificate.public_key();
    if !is_sm2 || !same_key || signer.algorithm() != SignatureAlgorithm::Sm2Sm3 {
        return Err(SignError::SignerKey);
    }
    // a1: the seal, as of now.
    let (seal, _) = Seal::parse(request.seal)?;
    if seal.structure == Structure::V1 {
        return Err(SignError::SealTooOld);
    }
    let verdict = verify_seal(request.seal, trust, request.now).verdicts.gbt38540;
    if verdict.indication != Indication::TotalPassed {
        return Err(SignError::Seal(Box::new(verdict)));
    }
    // a2: the signer's certificate, as of now.
    path::validate(certificate, &trust.intermediates, &trust.anchors, request.now, Purpose::SealSigner)?;
    let statuses = trust.statuses.as_ref();
    let revoked =
        statuses.and_then(|known| known.certificates.get(&certificate.fingerprint_sm3()).copied()).flatten();
    if let Some(at) = revoked.filter(|at| *at <= request.now) {
        return Err(SignError::SignerRevoked(at));
    }
    // a3: the seal lists the signer.
    if seal.lists(certificate.der()) {
        return Ok(seal);
    }
    if lists_subject(&seal, certificate) {
        return Err(SignError::CertificateRenewed { subject: certificate.subject().to_owned() });
    }
    Err(SignError::NotListed)
}

/// Whether the seal lists some certificate with the signer's name.
fn lists_subject(seal: &Seal, certificate: &Certificate) -> bool {
    let SignerList::Certificates(list) = &seal.signers else { return false };
    list.iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .any(|listed| listed.subject_der() == certificate.subject_der())
}
