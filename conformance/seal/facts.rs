//! The steps of making a seal (GB/T 38540-2020, 6.2) and of sealing a document (7.2), looked for in what came out.

use document::ofd::{Package, Reference, SignatureXml};
use pki::der::{Tlv, tag, write};
use pki::issue::Profile;
use pki::{SignatureAlgorithm, Signer};
use seal::make::MakeError;
use seal::sign::SignError;
use seal::verify::SealState;
use seal::{SealTemplate, TrustAnchors};

use super::cast::{Cast, ES_ID, SM2_WITH_SM3, made, sealed};
use crate::authority::{DAY_SECONDS, Holder, Key, NOW, template};
use crate::data::{equal, holds, words};

/// Whether `fact` holds of the cast's seal.
pub(super) fn of_a_seal(cast: &Cast, fact: &str) -> Result<(), String> {
    let esl = cast.seal()?;
    let seal = children(&Tlv::parse(&esl, tag::SEQUENCE).map_err(words)?)?;
    let info = nth(&seal, 0)?;
    let inside = children(&info)?;
    match fact {
        "info" => {
            equal("tags", &tags(&inside), &vec![tag::SEQUENCE, tag::IA5_STRING, tag::SEQUENCE, tag::SEQUENCE])
                .and_then(|()| equal("esID", nth(&inside, 1)?.value, ES_ID.as_bytes()))
        }
        "header" => {
            let parts = [write::ia5_string("ES"), Some(write::integer(4)), write::ia5_string("YINXIN")];
            let expected = write::sequence(&parts.into_iter().flatten().collect::<Vec<_>>());
            equal("header", nth(&inside, 0)?.raw, expected.as_slice())
        }
        "property" => property(cast, &nth(&inside, 2)?),
        "picture" => {
            let picture = children(&nth(&inside, 3)?)?;
            let expected = vec![tag::IA5_STRING, tag::OCTET_STRING, tag::INTEGER, tag::INTEGER];
            equal("tags", &tags(&picture), &expected)?;
            equal("width", &nth(&picture, 2)?.small_integer().map_err(words)?, &42)
        }
        "maker's signature" => {
            let signature = nth(&seal, 3)?.bit_string().map_err(words)?;
            let verifies = |holder: &Holder, bytes| {
                holder
                    .certificate
                    .public_key()
                    .verify(bytes, SignatureAlgorithm::Sm2Sm3, signature.bytes)
                    .is_ok()
            };
            holds("the maker's signature", verifies(&cast.maker, info.raw))?;
            holds("the refusal under another key", !verifies(&cast.bureau, info.raw))?;
            holds("the refusal over the content alone", !verifies(&cast.maker, info.value))
        }
        "seal" => {
            equal("parts", &seal.len(), &4)?;
            equal("certificate", nth(&seal, 1)?.value, cast.maker.certificate.der())?;
            equal("algorithm", nth(&seal, 2)?.raw, write::oid(&SM2_WITH_SM3).as_slice())
        }
        refusal => of_a_refused_seal(cast, refusal),
    }
}

fn property(cast: &Cast, element: &Tlv<'_>) -> Result<(), String> {
    let parts = children(element)?;
    let time = tag::GENERALIZED_TIME;
    let expected = vec![tag::INTEGER, tag::UTF8_STRING, tag::INTEGER, tag::SEQUENCE, time, time, time];
    equal("tags", &tags(&parts), &expected)?;
    equal("certListType", &nth(&parts, 2)?.small_integer().map_err(words)?, &1)?;
    let listed = children(&nth(&parts, 3)?)?;
    equal("listed certificate", nth(&listed, 0)?.value, cast.bureau.certificate.der())?;
    equal("validStart", nth(&parts, 5)?.value, b"20261124070000Z".as_slice())?;
    equal("validEnd", nth(&parts, 6)?.value, b"20271124080000Z".as_slice())
}

fn of_a_refused_seal(cast: &Cast, refusal: &str) -> Result<(), String> {
    let make = |change: &dyn Fn(&mut SealTemplate)| {
        let mut template = cast.template();
        change(&mut template);
        seal::make(&template, &cast.maker.key, &cast.maker.certificate)
    };
    let refused = match refusal {
        "another's key is refused" => {
            let made = seal::make(&cast.template(), &cast.bureau.key, &cast.maker.certificate);
            matches!(made, Err(MakeError::MakerKey))
        }
        "no signer is refused" => {
            matches!(make(&|wanted| wanted.signer_certificates.clear()), Err(MakeError::NoSigner))
        }
        "a backward validity is refused" => {
            matches!(make(&|wanted| wanted.valid_until = wanted.valid_from), Err(MakeError::Validity { .. }))
        }
        "a misnamed picture is refused" => {
            matches!(make(&|wanted| wanted.picture.type_ = "GIF".into()), Err(MakeError::Picture { .. }))
        }
        other => return Err(format!("expected a known fact in the data, got `{other}`")),
    };
    holds("the refusal", refused)
}

/// Whether `fact` holds of a document that is sealed, or refused to be.
pub(super) fn of_a_sealing(cast: &Cast, fact: &str) -> Result<(), String> {
    if fact.ends_with("is refused") || fact.ends_with("is told so") {
        return of_a_refused_sealing(cast, fact);
    }
    let ofd = sealed(&cast.seal()?, &cast.bureau, &cast.online(), NOW)?.map_err(words)?;
    let package = Package::open(&ofd).map_err(words)?;
    let path = &package.signatures().first().ok_or("expected a signature")?.base_loc;
    let xml = package.file(path).ok_or("expected a Signature.xml")?;
    let parsed = SignatureXml::parse(xml).map_err(words)?;
    let value = parsed
        .signed_value_path
        .as_deref()
        .and_then(|at| package.locate(path, at))
        .and_then(|at| package.file(at));
    let value = Tlv::parse(value.ok_or("expected a SignedValue.dat")?, tag::SEQUENCE).map_err(words)?;
    let signature = children(&value)?;
    let tbs = nth(&signature, 0)?;
    let signed = children(&tbs)?;
    match fact {
        "scope" => scope(&package, path, &parsed.references),
        "digest" => equal(
            "dataHash",
            nth(&signed, 3)?.bit_string().map_err(words)?.bytes,
            gm::sm3::hash(xml).as_slice(),
        ),
        "what is signed" => {
            equal("parts", &signed.len(), &5)?;
            equal("version", &nth(&signed, 0)?.small_integer().map_err(words)?, &4)?;
            holds("that the seal is inside", nth(&signed, 1)?.raw.starts_with(&[tag::SEQUENCE]))?;
            equal("timeInfo", nth(&signed, 2)?.raw, write::generalized_time(NOW).as_slice())?;
            equal("propertyInfo", nth(&signed, 4)?.value, format!("/{path}").as_bytes())
        }
        "signature" => {
            let signature = nth(&signature, 3)?.bit_string().map_err(words)?;
            let verifies = |holder: &Holder| {
                holder
                    .certificate
                    .public_key()
                    .verify(tbs.raw, SignatureAlgorithm::Sm2Sm3, signature.bytes)
                    .is_ok()
            };
            holds("the signature", verifies(&cast.bureau))?;
            holds("the refusal under another key", !verifies(&cast.maker))
        }
        "assembly" => {
            equal("parts", &signature.len(), &4)?;
            equal("certificate", nth(&signature, 1)?.value, cast.bureau.certificate.der())?;
            equal("algorithm", nth(&signature, 2)?.raw, write::oid(&SM2_WITH_SM3).as_slice())
        }
        other => Err(format!("expected a known fact in the data, got `{other}`")),
    }
}

/// Every file but the signature's own two and the list of signatures, which more seals may follow in.
fn scope(package: &Package, path: &str, references: &[Reference]) -> Result<(), String> {
    let mut listed: Vec<&str> = references.iter().map(|one| one.file_ref.trim_start_matches('/')).collect();
    let outside =
        |name: &str| name == path || name.ends_with("/Signatures.xml") || name.ends_with("/SignedValue.dat");
    let mut expected: Vec<&str> =
        package.files().map(|(name, _)| name).filter(|name| !outside(name)).collect();
    listed.sort_unstable();
    expected.sort_unstable();
    equal("listed files", &listed, &expected)
}

fn of_a_refused_sealing(cast: &Cast, fact: &str) -> Result<(), String> {
    let esl = cast.seal()?;
    let days = |days: i64| NOW.plus_seconds(days * DAY_SECONDS);
    let attempt = |holder: &Holder, trust: &TrustAnchors, at| match sealed(&esl, holder, trust, at)? {
        Ok(_) => Err("expected a refusal, got a sealed document".to_owned()),
        Err(error) => Ok(error),
    };
    let refused = match fact {
        "an unreadable seal is refused" => {
            let sealed = sealed(b"no seal", &cast.bureau, &cast.online(), NOW)?;
            matches!(sealed, Err(SignError::SealFormat(_)))
        }
        "an expired seal is refused" => {
            matches!(attempt(&cast.bureau, &cast.offline(), days(366))?, SignError::Seal(_))
        }
        "a suspended seal is refused" => {
            let trust = cast.told((SealState::Suspended, NOW), None);
            matches!(attempt(&cast.bureau, &trust, NOW)?, SignError::Seal(_))
        }
        "a stranger is refused" => {
            let stranger = cast.elsewhere.certify(Profile::SealSigner, "审批服务处")?;
            matches!(attempt(&stranger, &cast.online(), NOW)?, SignError::SignerCertificate(_))
        }
        "an expired signer is refused" => expired_signer(cast)?,
        "a revoked signer is refused" => {
            let trust = cast.told((SealState::Normal, NOW), Some((&cast.bureau.certificate, NOW)));
            matches!(attempt(&cast.bureau, &trust, NOW)?, SignError::SignerRevoked(_))
        }
        "an authority is refused" => {
            matches!(attempt(&cast.authority.issuing, &cast.online(), NOW)?, SignError::SignerCertificate(_))
        }
        "an unlisted signer is refused" => {
            let other = cast.authority.certify(Profile::SealSigner, "财务处")?;
            matches!(attempt(&other, &cast.online(), NOW)?, SignError::NotListed)
        }
        "a renewed signer is told so" => {
            let renewed = cast.authority.certify(Profile::SealSigner, "审批服务处")?;
            matches!(attempt(&renewed, &cast.online(), NOW)?, SignError::CertificateRenewed { .. })
        }
        other => return Err(format!("expected a known fact in the data, got `{other}`")),
    };
    holds("the refusal", refused)
}

/// A signer whose certificate ends before the seal that lists it.
fn expired_signer(cast: &Cast) -> Result<bool, String> {
    let key = Key::of("短期签章人")?;
    let mut wanted = template(Profile::SealSigner, "短期签章人", &key, 1);
    wanted.not_after = NOW.plus_seconds(DAY_SECONDS);
    let signer = cast.authority.certify_as(wanted, key)?;
    let listing = SealTemplate { signer_certificates: vec![signer.certificate.clone()], ..cast.template() };
    let esl = made(&listing, &cast.maker)?;
    holds("that the key is the certificate's", signer.key.public_key() == *signer.certificate.public_key())?;
    let sealed = sealed(&esl, &signer, &cast.offline(), NOW.plus_seconds(2 * DAY_SECONDS))?;
    Ok(matches!(sealed, Err(SignError::SignerCertificate(_))))
}

fn children<'a>(element: &Tlv<'a>) -> Result<Vec<Tlv<'a>>, String> {
    element.elements(64).map_err(words)
}

fn nth<'a>(elements: &[Tlv<'a>], place: usize) -> Result<Tlv<'a>, String> {
    elements.get(place).copied().ok_or_else(|| format!("expected an element {place}, got {}", elements.len()))
}

fn tags(elements: &[Tlv<'_>]) -> Vec<u8> {
    elements.iter().map(|element| element.tag).collect()
}
