//! The two structures: the seal (SESeal) and the signature made with it (SES_Signature).
//!
//! Three generations are live: v1 (GM/T 0031-2014), v4 (GB/T 38540-2020) and v5 (GM/T 0031-2025). The layout decides
//! which one it is, never `header.version`, because products get the number wrong. All raw bytes that a signature
//! covers are kept, because re-encoding real data changes them.

mod read;

use pki::der::{DerError, SignatureValue, Time, write};
use serde::{Deserialize, Serialize};

use crate::deviation::Deviation;
use read::{at, note_lengths, whole};

/// Largest seal or signature read: 16 MiB.
pub const MAX_SES_BYTES: usize = 16 << 20;
/// Most entries in a seal's list of signers.
pub const MAX_SIGNERS_COUNT: usize = 1024;
/// Most extension data of a seal or a signature.
pub const MAX_EXTENSIONS_COUNT: usize = 64;

/// A structure that does not parse: the field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {source}")]
pub struct SesError {
    /// The field of SESeal or SES_Signature.
    pub field: &'static str,
    /// What is wrong with it.
    pub source: DerError,
}

/// The generation of a seal or signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Structure {
    /// GM/T 0031-2014.
    #[serde(rename = "v1")]
    V1,
    /// GB/T 38540-2020.
    #[serde(rename = "v4")]
    V4,
    /// GM/T 0031-2025: the layout of v4, with a time stamp in the seal.
    #[serde(rename = "v5")]
    V5,
}

impl Structure {
    /// `v1`, `v4` or `v5`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V4 => "v4",
            Self::V5 => "v5",
        }
    }
}

/// Who may sign with the seal (SES_CertList).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerList {
    /// The certificates themselves, DER.
    Certificates(Vec<Vec<u8>>),
    /// Digests of the certificates.
    Digests(Vec<CertificateDigest>),
}

/// One entry of a list of certificate digests (CertDigestObj).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateDigest {
    /// The digest algorithm, free text: `SM3`, or an object identifier.
    pub algorithm: String,
    /// The digest of the DER certificate.
    pub value: Vec<u8>,
}

/// The seal's image (SES_ESPictrueInfo).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// What the seal says it is: `PNG`, `GIF`, `ofd`, ...
    pub type_: String,
    /// The bytes.
    pub data: Vec<u8>,
    /// Width when shown, in millimetres.
    pub width_mm: i64,
    /// Height when shown, in millimetres.
    pub height_mm: i64,
}

/// One extension datum (ExtData).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The object identifier, dotted.
    pub oid: String,
    /// Whether its maker wanted it understood.
    pub critical: bool,
    /// The value.
    pub value: Vec<u8>,
}

/// A signature with its algorithm, as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawSignature {
    /// The algorithm's object identifier, dotted.
    pub algorithm: String,
    /// The octets of the BIT STRING, as they stand.
    pub octets: Vec<u8>,
    /// Its count of unused bits.
    pub unused_bits: u8,
    /// The signature read leniently; `None` when it is no SM2 signature.
    pub value: Option<SignatureValue>,
}

/// An electronic seal.
#[derive(Clone, Debug)]
pub struct Seal {
    /// The whole seal, exactly as found.
    pub der: Vec<u8>,
    /// The layout.
    pub structure: Structure,
    /// The signed description (SES_SealInfo), exactly as found.
    pub info: Vec<u8>,
    /// `ES` in a well-made seal.
    pub header_id: String,
    /// What the header says.
    pub header_version: i64,
    /// The vendor's identifier.
    pub vendor: String,
    /// The seal's unique code (esID).
    pub es_id: String,
    /// The kind of seal; 1 is a unit's and 2 a person's in v1, business defined since.
    pub type_: i64,
    /// The seal's name, for display only.
    pub name: String,
    /// 1 for certificates, 2 for digests; absent in v1.
    pub cert_list_type: Option<i64>,
    /// Who may sign with it.
    pub signers: SignerList,
    /// When it was made.
    pub created: Time,
    /// First instant of validity.
    pub valid_from: Time,
    /// Last instant of validity.
    pub valid_until: Time,
    /// The image.
    pub picture: Picture,
    /// Extension data.
    pub extensions: Vec<Extension>,
    /// The seal maker's certificate, DER.
    pub maker_certificate: Vec<u8>,
    /// The maker's signature.
    pub signature: RawSignature,
    /// v5: a time stamp token over the maker's signature.
    pub time_stamp: Option<Vec<u8>>,
}

/// A signature made with a seal.
#[derive(Clone, Debug)]
pub struct SesSignature {
    /// The layout.
    pub structure: Structure,
    /// What was signed (TBS_Sign), exactly as found.
    pub tbs: Vec<u8>,
    /// The version it states.
    pub version: i64,
    /// The seal inside.
    pub seal: Seal,
    /// When it was signed, as the signer claims; `None` when v1's `timeInfo` holds a time stamp token instead.
    pub claimed_time: Option<Time>,
    /// Digest of the original, padded to 32 bytes where zero bits had been lost.
    pub data_hash: Vec<u8>,
    /// What the digest covers; in OFD the path of `Signature.xml`.
    pub property_info: String,
    /// Extension data.
    pub extensions: Vec<Extension>,
    /// The signer's certificate, DER.
    pub signer_certificate: Vec<u8>,
    /// The signer's signature.
    pub signature: RawSignature,
    /// A time stamp token over the signature value.
    pub time_stamp: Option<Vec<u8>>,
}

impl Seal {
    /// Reads a seal (`Seal.esl`, or the one inside a signature) with the departures that had to be tolerated.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Vec<Deviation>), SesError> {
        let element = whole(bytes, "SESeal")?;
        let mut deviations = Vec::new();
        let seal = Self::from_element(&element, &mut deviations)?;
        note_lengths(&element, "SESeal", &mut deviations);
        Ok((seal, deviations))
    }

    /// What the maker signed: SEQUENCE { SealInfo, cert, algorithm } in v1, SealInfo since (GB/T 38540, 6.2).
    pub fn signed_bytes(&self) -> Vec<u8> {
        match self.structure {
            Structure::V1 => self.info_certificate_algorithm(),
            Structure::V4 | Structure::V5 => self.info.clone(),
        }
    }

    /// What the maker of the other generation would have signed; some makers did.
    pub fn other_signed_bytes(&self) -> Vec<u8> {
        match self.structure {
            Structure::V1 => self.info.clone(),
            Structure::V4 | Structure::V5 => self.info_certificate_algorithm(),
        }
    }

    /// v1's message, from the raw bytes of its three parts.
    fn info_certificate_algorithm(&self) -> Vec<u8> {
        let algorithm = pki::oid::to_der(&self.signature.algorithm).unwrap_or_default();
        write::sequence(&[self.info.as_slice(), &write::octet_string(&self.maker_certificate), &algorithm])
    }

    /// Whether `certificate` (DER) may sign with this seal (GB/T 38540, 7.3 c): compared byte by byte, or by digest.
    pub fn lists(&self, certificate: &[u8]) -> bool {
        match &self.signers {
            SignerList::Certificates(list) => list.iter().any(|listed| listed == certificate),
            SignerList::Digests(list) => {
                let digest = gm::sm3::hash(certificate);
                list.iter().any(|listed| listed.is_sm3() && listed.value == digest)
            }
        }
    }
}

impl SesSignature {
    /// Reads a `SignedValue.dat` of type Seal with the departures that had to be tolerated.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Vec<Deviation>), SesError> {
        let element = whole(bytes, "SES_Signature")?;
        let mut deviations = Vec::new();
        let parts = element.elements(6).map_err(at("SES_Signature"))?;
        let signature = match parts.as_slice() {
            [tbs, value] => Self::v1(tbs, value, &mut deviations),
            [tbs, certificate, algorithm, value] => {
                Self::v4(tbs, [certificate, algorithm, value], None, &mut deviations)
            }
            [tbs, certificate, algorithm, value, stamp] if stamp.tag & 0xdf == 0x80 => {
                Self::v4(tbs, [certificate, algorithm, value], Some(stamp), &mut deviations)
            }
            _ => {
                let source = DerError::BadValue("sequence of 2, 4 or 5 elements");
                Err(SesError { field: "SES_Signature", source })
            }
        }?;
        note_lengths(&element, "SES_Signature", &mut deviations);
        Ok((signature, deviations))
    }
}

impl CertificateDigest {
    /// Whether the digest is SM3, by name or by object identifier.
    fn is_sm3(&self) -> bool {
        self.algorithm.eq_ignore_ascii_case("sm3") || self.algorithm == "1.2.156.10197.1.401"
    }
}

impl SignerList {
    /// How many signers are listed.
    pub fn count(&self) -> usize {
        match self {
            Self::Certificates(list) => list.len(),
            Self::Digests(list) => list.len(),
        }
    }
}
