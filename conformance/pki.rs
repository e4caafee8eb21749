//! Certificates in the profile of GB/T 20518: what is issued, clause by clause, and what is not.

use pki::der::{Tlv, tag};
use pki::issue::Profile;
use pki::path::{self, Anchors, Purpose};
use pki::{AltName, Certificate, SignatureAlgorithm};
use serde::Deserialize;

use crate::authority::{Authority, DAY_SECONDS, Holder, Key, NOW, template};
use crate::data::{Hex, cases, equal, holds, same, words};
use crate::report::Report;

/// Every profile, by the name the data use.
const PROFILES: &[(&str, Profile)] = &[
    ("RootCa", Profile::RootCa),
    ("IssuingCa", Profile::IssuingCa),
    ("SealMaker", Profile::SealMaker),
    ("SealSigner", Profile::SealSigner),
    ("TlsServer", Profile::TlsServer),
    ("TlsClient", Profile::TlsClient),
    ("TimeStamping", Profile::TimeStamping),
];

/// Runs every case.
pub(crate) fn run(report: &mut Report) {
    let authority = Authority::new("试验");
    let authority = authority.as_ref().map_err(Clone::clone);
    let issued = authority.clone().and_then(one_of_each);
    let issued = issued.as_ref().map_err(Clone::clone);
    for case in cases::<FactCase>(report, "pki/profile.toml", include_str!("pki/profile.toml")) {
        let certificates = authority.clone().and_then(|authority| Ok((authority, issued.clone()?)));
        let outcome = certificates.and_then(|(authority, issued)| fact(authority, issued, &case));
        report.case(&case.clause, &case.what, outcome);
    }
    for case in cases::<AttemptCase>(report, "pki/refused.toml", include_str!("pki/refused.toml")) {
        let refusal = authority.clone().and_then(|authority| attempt(authority, &case.attempt));
        let outcome = refusal.and_then(|refusal| equal("refusal", &refusal, &case.refusal));
        report.case(&case.clause, &case.what, outcome);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactCase {
    clause: String,
    what: String,
    fact: String,
    extension: Option<String>,
    critical: Option<bool>,
    value: Option<Hex>,
    of: Option<Vec<String>>,
}

fn fact(authority: &Authority, issued: &[(&str, Certificate)], case: &FactCase) -> Result<(), String> {
    let of = |name: &str| case.of.as_ref().is_none_or(|names| names.iter().any(|one| one == name));
    let looked_at: Vec<_> = issued.iter().filter(|(name, _)| of(name)).collect();
    let expected = case.of.as_ref().map_or(PROFILES.len(), Vec::len);
    equal("profiles looked at", &looked_at.len(), &expected)?;
    for (name, certificate) in looked_at {
        let parts = Parts::read(certificate.der()).map_err(words)?;
        look(authority, certificate, &parts, case).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// A certificate of each profile.
fn one_of_each(authority: &Authority) -> Result<Vec<(&'static str, Certificate)>, String> {
    let issued = |profile: Profile| -> Result<Certificate, String> {
        match profile {
            Profile::RootCa => Ok(authority.root.certificate.clone()),
            Profile::IssuingCa => Ok(authority.issuing.certificate.clone()),
            Profile::TlsServer => Ok(server(authority)?.certificate),
            profile => Ok(authority.certify(profile, "审批服务处")?.certificate),
        }
    };
    PROFILES.iter().map(|(name, profile)| Ok((*name, issued(*profile)?))).collect()
}

fn server(authority: &Authority) -> Result<Holder, String> {
    let key = Key::of("id.fujian.example")?;
    let mut wanted = template(Profile::TlsServer, "id.fujian.example", &key, 2);
    wanted.alt_names = vec![AltName::Dns("id.fujian.example".into()), AltName::Ip([127, 0, 0, 1].into())];
    authority.certify_as(wanted, key)
}

/// A certificate's elements (RFC 5280, 4.1), raw.
struct Parts<'a> {
    tbs: Vec<Tlv<'a>>,
    algorithm: Tlv<'a>,
    outer_count: usize,
    tbs_raw: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Result<Self, pki::der::DerError> {
        let outer = Tlv::parse(der, tag::SEQUENCE)?;
        let outer_count = outer.elements(8)?.len();
        let mut reader = outer.reader()?;
        let tbs = reader.expect(tag::SEQUENCE)?;
        let algorithm = reader.expect(tag::SEQUENCE)?;
        let signature = reader.expect(tag::BIT_STRING)?.bit_string()?.bytes;
        reader.finish()?;
        Ok(Self { tbs: tbs.elements(16)?, tbs_raw: tbs.raw, algorithm, outer_count, signature })
    }

    /// The element at `place` of what is signed.
    fn at(&self, place: usize) -> Result<Tlv<'a>, String> {
        self.tbs
            .get(place)
            .copied()
            .ok_or_else(|| format!("expected an element {place}, got {}", self.tbs.len()))
    }

    fn algorithm_inside(&self) -> Result<Tlv<'a>, String> {
        self.at(2)
    }

    fn extensions(&self) -> Result<Vec<ExtensionParts<'a>>, String> {
        let list = self.at(7)?;
        equal("tag of the extensions", &list.tag, &tag::context(3))?;
        let list = list.reader().and_then(|mut inside| inside.expect(tag::SEQUENCE)).map_err(words)?;
        let all = list.elements(16).map_err(words)?;
        all.iter().map(|one| ExtensionParts::read(one).map_err(words)).collect()
    }
}

struct ExtensionParts<'a> {
    oid: String,
    critical: bool,
    value: &'a [u8],
}

impl<'a> ExtensionParts<'a> {
    fn read(element: &Tlv<'a>) -> Result<Self, pki::der::DerError> {
        let mut reader = element.reader()?;
        let oid = reader.expect(tag::OID)?.oid()?;
        let critical =
            reader.optional(tag::BOOLEAN)?.map(|flag| flag.boolean()).transpose()?.unwrap_or(false);
        let value = reader.expect(tag::OCTET_STRING)?.value;
        reader.finish()?;
        Ok(Self { oid, critical, value })
    }
}

/// Looks for the case's fact in one certificate.
fn look(
    authority: &Authority,
    certificate: &Certificate,
    parts: &Parts<'_>,
    case: &FactCase,
) -> Result<(), String> {
    match case.fact.as_str() {
        "three parts" => equal("parts", &parts.outer_count, &3),
        "version 3" => same("version", parts.at(0)?.raw, &Hex(vec![0xa0, 3, 2, 1, 2])),
        "serial number" => serial_number(&parts.at(1)?),
        "same algorithm twice" => equal("algorithm", parts.algorithm_inside()?.raw, parts.algorithm.raw),
        "SM2 with SM3 without parameters" => {
            let expected = [&[0x30, 0x0a, 0x06, 0x08][..], &SM2_WITH_SM3].concat();
            same("algorithm", parts.algorithm.raw, &Hex(expected))
        }
        "self-issued" => equal("issuer", parts.at(3)?.raw, parts.at(5)?.raw),
        "issuer is the authority" => {
            equal("issuer", parts.at(3)?.raw, authority.issuing.certificate.subject_der())
        }
        "times by year" => times_by_year(&parts.at(4)?),
        "subject texts" => subject_texts(&parts.at(5)?),
        "SM2 key" => sm2_key(&parts.at(6)?),
        "no unique identifiers" => equal("elements before the extensions", &parts.tbs.len(), &8),
        "distinct extensions" => distinct_extensions(parts),
        "extension" => extension(parts, case),
        "signature" => signature(authority, certificate, parts),
        other => Err(format!("expected a known fact in the data, got `{other}`")),
    }
}

/// The content of the identifiers 1.2.156.10197.1.501 and 1.2.156.10197.1.301, and of id-ecPublicKey.
const SM2_WITH_SM3: [u8; 8] = [0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75];
const SM2_CURVE: [u8; 8] = [0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];
const EC_PUBLIC_KEY: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

fn serial_number(serial: &Tlv<'_>) -> Result<(), String> {
    let positive =
        serial.value.first().is_some_and(|byte| byte & 0x80 == 0) && serial.value.iter().any(|b| *b != 0);
    holds("that the serial number is positive", serial.tag == tag::INTEGER && positive)?;
    holds("that the serial number has at most 20 bytes", serial.value.len() <= 20)
}

fn times_by_year(validity: &Tlv<'_>) -> Result<(), String> {
    for time in validity.elements(2).map_err(words)? {
        let text = std::str::from_utf8(time.value).map_err(words)?;
        let form_holds = match time.tag {
            tag::UTC_TIME => text.len() == 13 && ("00".."50").contains(&text),
            tag::GENERALIZED_TIME => text.len() == 15 && text >= "2050",
            _ => false,
        };
        holds(&format!("that `{text}` has the form of its year"), form_holds && text.ends_with('Z'))?;
    }
    Ok(())
}

fn subject_texts(subject: &Tlv<'_>) -> Result<(), String> {
    let names = subject.elements(16).map_err(words)?;
    holds("that there is a subject", !names.is_empty())?;
    for name in names {
        let mut attribute = name
            .reader()
            .and_then(|mut set| set.expect(tag::SEQUENCE))
            .and_then(|a| a.reader())
            .map_err(words)?;
        let oid = attribute.expect(tag::OID).and_then(|oid| oid.oid()).map_err(words)?;
        let text = attribute.element().map_err(words)?;
        let expected = if oid == pki::oid::COUNTRY { tag::PRINTABLE_STRING } else { tag::UTF8_STRING };
        equal(&format!("string type of {oid}"), &text.tag, &expected)?;
    }
    Ok(())
}

fn sm2_key(spki: &Tlv<'_>) -> Result<(), String> {
    let mut reader = spki.reader().map_err(words)?;
    let algorithm = reader.expect(tag::SEQUENCE).map_err(words)?;
    let expected = [&[0x06, 7][..], &EC_PUBLIC_KEY, &[0x06, 8], &SM2_CURVE].concat();
    same("key algorithm", algorithm.value, &Hex(expected))?;
    let point = reader.expect(tag::BIT_STRING).and_then(|bits| bits.bit_string()).map_err(words)?;
    holds("that the point is 04 || x || y", point.bytes.len() == 65 && point.bytes.first() == Some(&4))
}

fn distinct_extensions(parts: &Parts<'_>) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    let twice = parts.extensions()?.into_iter().map(|one| one.oid).find(|oid| !seen.insert(oid.clone()));
    equal("extension that comes twice", &twice, &None)
}

fn extension(parts: &Parts<'_>, case: &FactCase) -> Result<(), String> {
    let wanted = case.extension.as_deref().ok_or("expected an extension in the data")?;
    let found = parts.extensions()?.into_iter().find(|one| one.oid == wanted);
    let found = found.ok_or_else(|| format!("expected an extension {wanted}, got none"))?;
    equal("critical", &Some(found.critical), &case.critical)?;
    case.value.as_ref().map_or(Ok(()), |value| same("value", found.value, value))
}

/// Verified by the key alone, over the bytes as they stand.
fn signature(authority: &Authority, certificate: &Certificate, parts: &Parts<'_>) -> Result<(), String> {
    let root_issued = [&authority.root, &authority.issuing].iter().any(|one| one.certificate == *certificate);
    let issuer = if root_issued { &authority.root } else { &authority.issuing };
    let key = issuer.certificate.public_key();
    holds("the signature", key.verify(parts.tbs_raw, SignatureAlgorithm::Sm2Sm3, parts.signature).is_ok())?;
    let other = authority.certify(Profile::SealSigner, "别处")?;
    let verifies =
        other.certificate.public_key().verify(parts.tbs_raw, SignatureAlgorithm::Sm2Sm3, parts.signature);
    holds("the refusal under another key", verifies.is_err())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttemptCase {
    clause: String,
    what: String,
    attempt: String,
    refusal: String,
}

/// The words with which the attempt called `name` is refused.
fn attempt(authority: &Authority, name: &str) -> Result<String, String> {
    let signer = authority.certify(Profile::SealSigner, "审批服务处")?.certificate;
    let key = Key::of("审批服务处")?;
    let wanted = |profile| template(profile, "审批服务处", &key, 2);
    let own: Anchors = [authority.root.certificate.clone()].into_iter().collect();
    let follow = |leaf: &Certificate, anchors: &Anchors, years: i64, purpose| {
        let below = [authority.issuing.certificate.clone()];
        let at = NOW.plus_seconds(years * 365 * DAY_SECONDS);
        refused(path::validate(leaf, &below, anchors, at, purpose))
    };
    match name {
        "issue an authority" => refused(authority.issue(&wanted(Profile::IssuingCa))),
        "issue backwards" => {
            let mut backwards = wanted(Profile::SealSigner);
            backwards.not_after = backwards.not_before.plus_seconds(-DAY_SECONDS);
            refused(authority.issue(&backwards))
        }
        "issue for thirty years" => {
            refused(authority.issue(&template(Profile::SealSigner, "审批服务处", &key, 30)))
        }
        "issue a nameless server" => refused(authority.issue(&wanted(Profile::TlsServer))),
        "issue to nobody" => refused(authority.issue(&template(Profile::SealSigner, "", &key, 2))),
        "follow a path to a namesake" => {
            let namesake = namesake(authority)?;
            let below = [namesake.issuing.certificate];
            let anchors: Anchors = [namesake.root.certificate].into_iter().collect();
            refused(path::validate(&signer, &below, &anchors, NOW, Purpose::SealSigner))
        }
        "follow a path in three years" => follow(&signer, &own, 3, Purpose::SealSigner),
        "follow a path to nobody" => follow(&signer, &Anchors::new(), 0, Purpose::SealSigner),
        "sign seals as an authority" => follow(&authority.issuing.certificate, &own, 0, Purpose::SealSigner),
        "make seals as a signer" => follow(&signer, &own, 0, Purpose::SealMaker),
        "stamp times as a signer" => follow(&signer, &own, 0, Purpose::TimeStamping),
        "serve as a TLS client" => {
            let client = authority.certify(Profile::TlsClient, "审批服务处")?.certificate;
            follow(&client, &own, 0, Purpose::TlsServer)
        }
        other => Err(format!("expected a known attempt in the data, got `{other}`")),
    }
}

/// Authorities with the same names and other keys.
fn namesake(authority: &Authority) -> Result<Authority, String> {
    let name_of = |holder: &Holder| holder.certificate.subject_common_name().unwrap_or_default().to_owned();
    let (root_key, below_key) = (Key::of("namesake root")?, Key::of("namesake below")?);
    let root = template(Profile::RootCa, &name_of(&authority.root), &root_key, 30);
    let root_certificate = pki::issue::issue(&root, None, &root_key).map_err(words)?;
    let below = template(Profile::IssuingCa, &name_of(&authority.issuing), &below_key, 20);
    let below_certificate = pki::issue::issue(&below, Some(&root_certificate), &root_key).map_err(words)?;
    Ok(Authority {
        root: Holder { key: root_key, certificate: root_certificate },
        issuing: Holder { key: below_key, certificate: below_certificate },
    })
}

fn refused<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<String, String> {
    match result {
        Ok(_) => Err("expected a refusal, got none".to_owned()),
        Err(error) => Ok(error.to_string()),
    }
}
