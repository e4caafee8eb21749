//! A new seal (GB/T 38540-2020, 6.2): described, signed by the seal maker, strict DER.

use base::Timestamp;
use pki::der::{ObjectIdentifier, write};
use pki::{Certificate, PublicKey, SignatureAlgorithm, Signer};

use crate::picture::PictureKind;
use crate::ses::{MAX_SES_BYTES, Picture, Seal};

/// SM2 with SM3 (GB/T 33560-2017).
pub(crate) const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");
/// `header.version` of GB/T 38540-2020.
const VERSION: i64 = 4;
/// Longest esID and vendor identifier, in characters.
pub const MAX_IDENTIFIER_CHARS: usize = 64;
/// Longest seal name, in characters.
pub const MAX_NAME_CHARS: usize = 128;
/// Largest side of the picture when shown, in millimetres.
pub const MAX_PICTURE_MM: i64 = 200;
/// Largest picture, in bytes.
pub const MAX_PICTURE_BYTES: usize = 4 << 20;

/// What a seal is to say.
#[derive(Clone, Debug)]
pub struct SealTemplate {
    /// The seal's unique code (esID), ASCII.
    pub es_id: String,
    /// The vendor's identifier, ASCII.
    pub vendor: String,
    /// The kind of seal, business defined.
    pub type_: i64,
    /// The seal's name; the registered one when it is registered.
    pub name: String,
    /// Who may sign with it; at least one.
    pub signer_certificates: Vec<Certificate>,
    /// When it is made.
    pub created: Timestamp,
    /// First instant of validity.
    pub valid_from: Timestamp,
    /// Last instant of validity.
    pub valid_until: Timestamp,
    /// The image, in a kind that its type names.
    pub picture: Picture,
}

/// Why a seal is not made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// An identifier that is empty, too long or not ASCII.
    #[error("`{field}`: expected 1 to {MAX_IDENTIFIER_CHARS} visible ASCII characters, got `{got}`")]
    Identifier {
        /// `esID` or `vendor`.
        field: &'static str,
        /// What came.
        got: String,
    },
    /// A name that is empty, too long, padded with blanks, or has control characters.
    #[error(
        "expected a seal name of 1 to {MAX_NAME_CHARS} characters without control characters or blanks around it, got `{0}`"
    )]
    Name(String),
    /// Nobody may sign with it.
    #[error("expected at least one signer certificate, got none")]
    NoSigner,
    /// The validity ends before it begins.
    #[error("expected a validity that ends after it begins, got {from} to {until}")]
    Validity {
        /// First instant.
        from: Timestamp,
        /// Last instant.
        until: Timestamp,
    },
    /// A picture that is too large, or that its type does not name.
    #[error("picture: expected {expected}, got {got}")]
    Picture {
        /// What was expected.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// The key is not the one in the maker's certificate, or is no SM2 key.
    #[error("the seal maker's key is not the SM2 key of the seal maker's certificate")]
    MakerKey,
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] pki::SignError),
    /// What was made does not read back as it should; the key or the device behind it is faulty.
    #[error("the finished seal does not verify")]
    Faulty,
}

/// Makes a seal and returns `Seal.esl`.
///
/// The finished seal is read back and its signature verified before it leaves. Source: GB/T 38540-2020, 6.2 a to c.
pub fn make(
    template: &SealTemplate,
    maker: &dyn Signer,
    maker_certificate: &Certificate,
) -> Result<Vec<u8>, MakeError> {
    let is_sm2 = matches!(maker_certificate.public_key(), PublicKey::Sm2(_));
    let same_key = maker.public_key() == *maker_certificate.public_key();
    if !is_sm2 || !same_key || maker.algorithm() != SignatureAlgorithm::Sm2Sm3 {
        return Err(MakeError::MakerKey);
    }
    // a: SES_SealInfo.
    let info = seal_info(template)?;
    // b: the maker's signature over it.
    let signature = maker.sign(&info)?;
    // c: all together.
    let seal = write::sequence(&[
        info.as_slice(),
        &write::octet_string(maker_certificate.der()),
        &write::oid(&SM2_WITH_SM3),
        &write::bit_string(&signature),
    ]);
    let (read, deviations) = Seal::parse(&seal).map_err(|_| MakeError::Faulty)?;
    let key = maker_certificate.public_key();
    let verified = key.verify(&read.info, SignatureAlgorithm::Sm2Sm3, &read.signature.octets).is_ok();
    if verified && deviations.is_empty() && seal.len() <= MAX_SES_BYTES {
        Ok(seal)
    } else {
        Err(MakeError::Faulty)
    }
}

fn seal_info(template: &SealTemplate) -> Result<Vec<u8>, MakeError> {
    let header = write::sequence(&[
        identifier("ID", "ES")?,
        write::integer(VERSION),
        identifier("vendor", &template.vendor)?,
    ]);
    Ok(write::sequence(&[
        header,
        identifier("esID", &template.es_id)?,
        property(template)?,
        picture(&template.picture)?,
    ]))
}

fn property(template: &SealTemplate) -> Result<Vec<u8>, MakeError> {
    let name = &template.name;
    let too_long = name.chars().count() > MAX_NAME_CHARS;
    if name.is_empty() || name.trim() != name || too_long || name.contains(char::is_control) {
        return Err(MakeError::Name(name.clone()));
    }
    if template.signer_certificates.is_empty() {
        return Err(MakeError::NoSigner);
    }
    let (from, until) = (template.valid_from, template.valid_until);
    if from >= until {
        return Err(MakeError::Validity { from, until });
    }
    let list: Vec<Vec<u8>> = template
        .signer_certificates
        .iter()
        .map(|certificate| write::octet_string(certificate.der()))
        .collect();
    Ok(write::sequence(&[
        write::integer(template.type_),
        write::utf8_string(name),
        write::integer(1),
        write::sequence(&list),
        write::generalized_time(template.created),
        write::generalized_time(from),
        write::generalized_time(until),
    ]))
}

fn picture(picture: &Picture) -> Result<Vec<u8>, MakeError> {
    let bad = |expected, got| Err(MakeError::Picture { expected, got });
    let kind = PictureKind::sniff(&picture.data);
    if !kind.is_named_by(&picture.type_) || kind == PictureKind::Unknown {
        return bad("data of the kind its type names", format!("`{}` with {}", picture.type_, kind.name()));
    }
    if picture.data.len() > MAX_PICTURE_BYTES {
        return bad("at most 4 MiB", format!("{} bytes", picture.data.len()));
    }
    let sides = [picture.width_mm, picture.height_mm];
    if sides.iter().any(|side| !(1..=MAX_PICTURE_MM).contains(side)) {
        return bad("sides of 1 to 200 mm", format!("{} × {}", picture.width_mm, picture.height_mm));
    }
    Ok(write::sequence(&[
        identifier("picture.type", &picture.type_)?,
        write::octet_string(&picture.data),
        write::integer(picture.width_mm),
        write::integer(picture.height_mm),
    ]))
}

/// An IA5String of visible characters.
fn identifier(field: &'static str, text: &str) -> Result<Vec<u8>, MakeError> {
    let fits = (1..=MAX_IDENTIFIER_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let written = if fits { write::ia5_string(text) } else { None };
    written.ok_or_else(|| MakeError::Identifier { field, got: text.to_owned() })
}
