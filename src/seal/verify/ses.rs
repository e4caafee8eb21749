//! GB/T 38540-2020, 7.3: a signature made with a seal, step by step.

use pki::Certificate;
use pki::path::Purpose;

use super::Context;
use super::certificate::{check_chain, check_status};
use super::checks::{Checks, Outcome};
use super::rules::{
    CLAIMED_TIME, DATA_HASH, MAKER_VALIDITY, SEAL_AT_SIGNING, SEAL_VALIDITY, SIGNER_CHAIN, SIGNER_LISTED,
    SIGNER_STATUS, STRUCTURE, TBS_EXTENSIONS, VALUE,
};
use super::seal::{check_seal, check_status_of, unsupported, verify_raw, window};
use super::time::{Times, check_not_future, check_proven, check_time_stamp};
use crate::deviation::{Deviation, Quirk};
use crate::report::{SignatureReport, SubIndication};
use crate::ses::{Seal, SesSignature, Structure};

/// Judges an SES_Signature over `signature_xml`; returns the seal inside.
pub(super) fn judge(
    report: &mut SignatureReport,
    checks: &mut Checks,
    signature_xml: &[u8],
    value: &[u8],
    context: &Context<'_>,
) -> Option<Vec<u8>> {
    let (signature, mut deviations) = match SesSignature::parse(value) {
        Ok(parsed) => parsed,
        Err(error) => {
            report.structure = "unknown".to_owned();
            let outcome = Outcome::failed(SubIndication::FormatFailure);
            checks.add(&STRUCTURE, outcome, error.to_string(), format!("签章数据无法解析：{error}"));
            return None;
        }
    };
    describe(report, &signature);
    note(report, &signature, &mut deviations);
    let name = signature.structure.name();
    checks.add(&STRUCTURE, Outcome::PASSED, name, name);
    check_data_hash(report, &signature, signature_xml, checks);

    let signer = check_value(report, &signature, &mut deviations, checks);
    check_signer_listed(report, &signature, checks);
    let claimed = signature.claimed_time.as_ref().map(|time| time.instant);
    let stamped = (signature.structure != Structure::V1).then_some(signature.signature.octets.as_slice());
    let proven = check_time_stamp(signature.time_stamp.as_deref(), stamped, claimed, checks, context);
    report.proven_time = proven.map(|at| at.to_string());
    let times = Times { claimed, proven, now: context.now };
    check_not_future(&times, checks);
    if let Some(signer) = &signer {
        check_signer(report, signer, &times, checks, context);
    }

    let findings = check_seal(&signature.seal, &times, &mut deviations, checks, context);
    report.seal_signature_ok = findings.signature_ok;
    report.seal_signature_over = findings.over;
    if let Some(maker) = &findings.maker {
        report.maker = Some(maker.subject().to_owned());
        check_maker_validity(report, maker, &times, checks);
    }
    check_seal_validity(report, &signature.seal, &times, checks);
    check_status_of(&signature.seal, &times, checks, context);
    check_extensions(&signature, checks);
    report.deviations = deviations;
    Some(signature.seal.der)
}

fn describe(report: &mut SignatureReport, signature: &SesSignature) {
    let seal = &signature.seal;
    report.structure = signature.structure.name().to_owned();
    report.header_version = Some(seal.header_version);
    report.vendor = Some(seal.vendor.clone());
    report.es_id = Some(seal.es_id.clone());
    report.seal_name = Some(seal.name.clone());
    report.cert_list_type = seal.cert_list_type;
    report.claimed_time = signature.claimed_time.as_ref().map(|time| time.rfc3339());
    report.timestamp = signature.time_stamp.is_some();
    report.signature_encoding = signature.signature.value.as_ref().map(|value| value.encoding.to_string());
}

/// Departures that only show when parts are compared.
fn note(report: &SignatureReport, signature: &SesSignature, deviations: &mut Vec<Deviation>) {
    let property = signature.property_info.trim().trim_start_matches('/');
    if !report.path.is_empty() && property != report.path.trim_start_matches('/') {
        let shown: String = signature.property_info.chars().take(80).collect();
        deviations.push(Quirk::PropertyInfo.at("propertyInfo", &format!("`{shown}`")));
    }
    if signature.signer_certificate == signature.seal.maker_certificate {
        deviations.push(Quirk::SelfMade.at("cert", ""));
    }
}

/// g, first half: `dataHash` is SM3 of `Signature.xml`.
fn check_data_hash(
    report: &mut SignatureReport,
    signature: &SesSignature,
    signature_xml: &[u8],
    checks: &mut Checks,
) {
    let same = signature.data_hash == gm::sm3::hash(signature_xml);
    report.data_hash_ok = Some(same);
    if same {
        checks.add(&DATA_HASH, Outcome::PASSED, "SM3 of Signature.xml", "与 Signature.xml 的 SM3 摘要一致");
    } else {
        let outcome = Outcome::failed(SubIndication::HashFailure);
        checks.add(
            &DATA_HASH,
            outcome,
            "Signature.xml was changed after signing",
            "Signature.xml 在签章后被改动",
        );
    }
}

/// b: the signature over TBS_Sign.
fn check_value(
    report: &mut SignatureReport,
    signature: &SesSignature,
    deviations: &mut Vec<Deviation>,
    checks: &mut Checks,
) -> Option<Certificate> {
    let signer = match Certificate::from_der(&signature.signer_certificate) {
        Ok(signer) => signer,
        Err(error) => {
            let outcome = Outcome::indeterminate(SubIndication::NoSigningCertificateFound);
            checks.add(&VALUE, outcome, error.to_string(), format!("签章者证书无法读取：{error}"));
            return None;
        }
    };
    let verified = verify_raw(signer.public_key(), &signature.signature, &signature.tbs);
    report.signature_ok = verified;
    match verified {
        Some(true) => checks.add(&VALUE, Outcome::PASSED, signer.subject(), signer.subject()),
        None => unsupported(&VALUE, &signature.signature, checks),
        Some(false) => {
            let outcome = Outcome::failed(SubIndication::SigCryptoFailure);
            if verify_raw(signer.public_key(), &signature.signature, &signature.data_hash) == Some(true) {
                deviations.push(Quirk::WrongMessage.at("signature", "dataHash alone was signed"));
                let en = "covers dataHash alone: seal, time and scope are not signed";
                checks.add(&VALUE, outcome, en, "签名只覆盖原文摘要，印章、时间与范围未受保护");
            } else {
                let subject = signer.subject();
                let en = format!("does not verify with the certificate of {subject}");
                checks.add(&VALUE, outcome, en, format!("使用 {subject} 的证书验证不通过"));
            }
        }
    }
    Some(signer)
}

/// c: the seal lists the signer.
fn check_signer_listed(report: &mut SignatureReport, signature: &SesSignature, checks: &mut Checks) {
    let listed = signature.seal.lists(&signature.signer_certificate);
    report.signer_in_cert_list = Some(listed);
    let count = signature.seal.signers.count();
    if listed {
        let (en, zh) = (format!("one of {count}"), format!("列表共 {count} 项"));
        checks.add(&SIGNER_LISTED, Outcome::PASSED, en, zh);
    } else {
        checks.add(
            &SIGNER_LISTED,
            Outcome::failed(SubIndication::SealSignerNotListed),
            format!("the signer is none of the {count} that may use this seal"),
            format!("签章者不在印章授权的 {count} 个证书之内"),
        );
    }
}

/// e and f: the signer's certificate.
fn check_signer(
    report: &mut SignatureReport,
    signer: &Certificate,
    times: &Times,
    checks: &mut Checks,
    context: &Context<'_>,
) {
    describe_signer(report, signer);
    check_chain(&SIGNER_CHAIN, signer, Purpose::SealSigner, times, &[], checks, context);
    let window = format!("{} – {}", signer.not_before(), signer.not_after());
    let inside = times.claimed.map(|claimed| signer.is_valid_at(claimed));
    report.claimed_time_in_signer_cert = inside;
    // h: the time stamp's time must pass f as well.
    let proven_inside = times.proven.is_none_or(|proven| signer.is_valid_at(proven));
    let outcome = match inside {
        Some(false) => Outcome::failed(SubIndication::ClaimedTimeOutsideCert),
        _ if !proven_inside => Outcome::failed(SubIndication::ClaimedTimeOutsideCert),
        Some(true) => Outcome::PASSED,
        None => Outcome::NOT_APPLICABLE,
    };
    checks.add(&CLAIMED_TIME, outcome, window.clone(), window);
    check_status(&SIGNER_STATUS, signer, times, checks, context);
    check_proven(times, signer, checks);
}

/// The signer's fields of the report.
pub(super) fn describe_signer(report: &mut SignatureReport, signer: &Certificate) {
    report.signer = Some(signer.subject().to_owned());
    report.issuer = Some(signer.issuer().to_owned());
    report.signer_fingerprint_sm3 = Some(base::encoding::hex(&signer.fingerprint_sm3()));
}

/// d2: a maker's certificate that was already invalid at signing is information only.
fn check_maker_validity(
    report: &mut SignatureReport,
    maker: &Certificate,
    times: &Times,
    checks: &mut Checks,
) {
    let inside = times.claimed.map(|claimed| maker.is_valid_at(claimed));
    report.claimed_time_in_maker_cert = inside;
    let window = format!("{} – {}", maker.not_before(), maker.not_after());
    let outcome = if inside == Some(false) { Outcome::WARNING } else { Outcome::PASSED };
    checks.add(&MAKER_VALIDITY, outcome, window.clone(), window);
}

/// 6.3 d now, and d3 at the stated time, which decides.
fn check_seal_validity(report: &mut SignatureReport, seal: &Seal, times: &Times, checks: &mut Checks) {
    let inside = |at| seal.valid_from.instant <= at && at <= seal.valid_until.instant;
    let window = window(seal);
    let outcome = match (inside(times.strict()), inside(times.now)) {
        (true, true) => Outcome::PASSED,
        (true, false) => Outcome::WARNING,
        (false, _) => Outcome::strict_only(SubIndication::OutOfBoundsNoPoe),
    };
    checks.add(&SEAL_VALIDITY, outcome, window.clone(), window.clone());
    let at_signing = times.claimed.map(inside);
    report.claimed_time_in_seal = at_signing;
    let outcome = match at_signing {
        Some(true) => Outcome::PASSED,
        Some(false) => Outcome::failed(SubIndication::SealExpiredAtSigning),
        None => Outcome::NOT_APPLICABLE,
    };
    checks.add(&SEAL_AT_SIGNING, outcome, window.clone(), window);
}

fn check_extensions(signature: &SesSignature, checks: &mut Checks) {
    let critical: Vec<&str> =
        signature.extensions.iter().filter(|e| e.critical).map(|e| e.oid.as_str()).collect();
    let list = critical.join(", ");
    if signature.extensions.is_empty() {
        checks.add(&TBS_EXTENSIONS, Outcome::NOT_APPLICABLE, "none", "无");
    } else if critical.is_empty() {
        let (en, zh) = ("none of them is critical", "均非关键扩展");
        checks.add(&TBS_EXTENSIONS, Outcome::PASSED, en, zh);
    } else {
        let (en, zh) = (format!("critical and not understood: {list}"), format!("关键扩展未被识别：{list}"));
        checks.add(&TBS_EXTENSIONS, Outcome::WARNING, en, zh);
    }
}
