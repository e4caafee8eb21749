//! GB/T 38540-2020, 6.3: the seal itself, alone or inside a signature.

use document::ofd::Package;
use document::zip::Limits;
use pki::path::Purpose;
use pki::{Certificate, PublicKey, SignatureAlgorithm};

use super::Context;
use super::SealState;
use super::certificate::{check_chain, check_status};
use super::checks::{Checks, Outcome};
use super::rules::{
    EXTENSIONS, MAKER_CHAIN, MAKER_STATUS, MAKER_VALIDITY, SEAL_PICTURE, SEAL_SIGNATURE, SEAL_STATUS,
    SEAL_STRUCTURE, SEAL_VALIDITY,
};
use super::time::Times;
use crate::deviation::{Deviation, Quirk};
use crate::picture::PictureKind;
use crate::report::{PictureReport, SealHeader, SealReport, SubIndication, Verdicts};
use crate::ses::{RawSignature, Seal, Structure};

/// Limits for an OFD inside a seal picture: a stamp, not a document.
const NESTED_ENTRIES_COUNT: usize = 64;
const NESTED_ENTRY_BYTES: u64 = 4 << 20;
const NESTED_TOTAL_BYTES: u64 = 8 << 20;

/// What was found about a seal, for the report's fields.
pub(super) struct SealFindings {
    pub(super) signature_ok: Option<bool>,
    pub(super) over: Option<&'static str>,
    pub(super) maker: Option<Certificate>,
}

/// Verifies a seal alone, as of now.
pub(super) fn verify_alone(
    seal: &Seal,
    mut deviations: Vec<Deviation>,
    context: &Context<'_>,
) -> (SealReport, Verdicts) {
    let mut checks = Checks::default();
    let times = Times { claimed: None, proven: None, now: context.now };
    let findings = check_seal(seal, &times, &mut deviations, &mut checks, context);
    if let Some(maker) = &findings.maker {
        check_maker_now(maker, &mut checks, context);
    }
    let outcome = if context.now < seal.valid_from.instant {
        Outcome::failed(SubIndication::NotYetValid)
    } else if context.now > seal.valid_until.instant {
        Outcome::failed(SubIndication::Expired)
    } else {
        Outcome::PASSED
    };
    let window = window(seal);
    checks.add(&SEAL_VALIDITY, outcome, window.clone(), window);
    check_status_of(seal, &times, &mut checks, context);
    let checks = checks.into_list();
    let verdicts = Verdicts::of(&checks);
    (report(seal, &findings, deviations, checks), verdicts)
}

/// 6.3 a to c, the picture and the extension data; validity and status are the caller's.
pub(super) fn check_seal(
    seal: &Seal,
    times: &Times,
    deviations: &mut Vec<Deviation>,
    checks: &mut Checks,
    context: &Context<'_>,
) -> SealFindings {
    check_structure(seal, checks);
    let findings = check_maker_signature(seal, deviations, checks);
    if let Some(maker) = &findings.maker {
        // The maker's certificate is judged by the time the seal was made when that lies before the signature.
        let made = Times { claimed: Some(times.gbt38540().min(seal.created.instant)), ..*times };
        check_chain(&MAKER_CHAIN, maker, Purpose::SealMaker, &made, &[], checks, context);
        check_status(&MAKER_STATUS, maker, &made, checks, context);
    }
    check_picture(seal, checks);
    check_extensions(seal, checks);
    findings
}

/// 6.3 a, as far as parsing has not decided it.
fn check_structure(seal: &Seal, checks: &mut Checks) {
    let name = seal.structure.name();
    if seal.header_id == "ES" && seal.signers.count() > 0 {
        checks.add(&SEAL_STRUCTURE, Outcome::PASSED, name, name);
    } else {
        let detail = format!("header `{}`, {} signers", seal.header_id, seal.signers.count());
        checks.add(&SEAL_STRUCTURE, Outcome::failed(SubIndication::FormatFailure), detail.clone(), detail);
    }
}

/// 6.3 b: the maker's signature over the description, in either generation's form.
fn check_maker_signature(seal: &Seal, deviations: &mut Vec<Deviation>, checks: &mut Checks) -> SealFindings {
    let maker = match Certificate::from_der(&seal.maker_certificate) {
        Ok(maker) => maker,
        Err(error) => {
            let outcome = Outcome::indeterminate(SubIndication::NoSigningCertificateFound);
            checks.add(&SEAL_SIGNATURE, outcome, error.to_string(), format!("制章者证书无法读取：{error}"));
            return SealFindings { signature_ok: None, over: None, maker: None };
        }
    };
    let (usual, other) = match seal.structure {
        Structure::V1 => ("seq(info,cert,alg)", "info"),
        Structure::V4 | Structure::V5 => ("info", "seq(info,cert,alg)"),
    };
    let mut over = usual;
    let mut verified = verify_raw(maker.public_key(), &seal.signature, &seal.signed_bytes());
    if verified == Some(false)
        && verify_raw(maker.public_key(), &seal.signature, &seal.other_signed_bytes()) == Some(true)
    {
        deviations.push(Quirk::WrongMessage.at("seal signedValue", other));
        (verified, over) = (Some(true), other);
    }
    let subject = maker.subject();
    match verified {
        Some(true) => checks.add(&SEAL_SIGNATURE, Outcome::PASSED, subject, subject),
        Some(false) => checks.add(
            &SEAL_SIGNATURE,
            Outcome::failed(SubIndication::SealSignatureInvalid),
            format!("does not verify with the certificate of {subject}"),
            format!("使用 {subject} 的证书验证不通过"),
        ),
        None => unsupported(&SEAL_SIGNATURE, &seal.signature, checks),
    }
    SealFindings {
        signature_ok: verified,
        over: (verified == Some(true)).then_some(over),
        maker: Some(maker),
    }
}

/// A seal alone is judged by its maker's certificate today; an expired one is information (7.3 d2).
fn check_maker_now(maker: &Certificate, checks: &mut Checks, context: &Context<'_>) {
    let until = maker.not_after();
    if maker.is_valid_at(context.now) {
        let (en, zh) = (format!("until {until}"), format!("至 {until}"));
        checks.add(&MAKER_VALIDITY, Outcome::PASSED, en, zh);
    } else {
        let outcome = Outcome::strict_only(SubIndication::OutOfBoundsNoPoe);
        let detail = format!("valid from {} until {until}, not at {}", maker.not_before(), context.now);
        checks.add(&MAKER_VALIDITY, outcome, detail.clone(), detail);
    }
}

/// 7.3 d4: the state the issuer's service reports, at each policy's time.
pub(super) fn check_status_of(seal: &Seal, times: &Times, checks: &mut Checks, context: &Context<'_>) {
    let Some(statuses) = &context.trust.statuses else {
        let outcome = Outcome::strict_only(SubIndication::TryLater);
        checks.add(&SEAL_STATUS, outcome, "not checked: offline", "未检查：离线");
        return;
    };
    let Some(status) = statuses.seals.get(&seal.es_id) else {
        let outcome = Outcome::strict_only(SubIndication::TryLater);
        checks.add(&SEAL_STATUS, outcome, "not known to the status service", "状态服务没有该印章的信息");
        return;
    };
    let then = status.state_within(times.gbt38540());
    let strictly = status.state_within(times.strict());
    let outcome = match (then, strictly) {
        (Some(SealState::Normal), Some(SealState::Normal)) => Outcome::PASSED,
        (Some(SealState::Normal), _) => Outcome::strict_only(SubIndication::RevokedNoPoe),
        (None, _) => Outcome::failed(SubIndication::SealExpiredAtSigning),
        _ => Outcome::failed(SubIndication::SealRevoked),
    };
    let (at_en, at_zh) = state_words(then);
    let (now_en, now_zh) = state_words(status.state_at(times.now));
    checks.add(
        &SEAL_STATUS,
        outcome,
        format!("{at_en} at {}, {now_en} now", times.gbt38540()),
        format!("{} 时{at_zh}，当前{now_zh}", times.gbt38540()),
    );
}

const fn state_words(state: Option<SealState>) -> (&'static str, &'static str) {
    match state {
        None => ("not in use", "未启用"),
        Some(SealState::Normal) => ("in use", "正常"),
        Some(SealState::Suspended) => ("suspended", "停用"),
        Some(SealState::Revoked) => ("revoked", "已注销"),
    }
}

/// The picture is hostile: a nested OFD is opened within narrow limits, nothing is drawn.
fn check_picture(seal: &Seal, checks: &mut Checks) {
    let picture = &seal.picture;
    let kind = PictureKind::sniff(&picture.data);
    let size = format!("{} × {} mm, {} bytes", picture.width_mm, picture.height_mm, picture.data.len());
    let detail = format!("{}, {size}", kind.name());
    let limits = Limits {
        entries: NESTED_ENTRIES_COUNT,
        entry_bytes: NESTED_ENTRY_BYTES,
        total_bytes: NESTED_TOTAL_BYTES,
        ..Limits::default()
    };
    match kind {
        PictureKind::Unknown => {
            checks.add(&SEAL_PICTURE, Outcome::WARNING, detail.clone(), format!("图像格式未知：{size}"));
        }
        PictureKind::Ofd => match Package::open_within(&picture.data, &limits) {
            Ok(_) => checks.add(&SEAL_PICTURE, Outcome::PASSED, detail.clone(), detail),
            Err(error) => {
                let zh = format!("内嵌 OFD 无法安全打开：{error}");
                checks.add(&SEAL_PICTURE, Outcome::WARNING, format!("nested OFD refused: {error}"), zh);
            }
        },
        _ => checks.add(&SEAL_PICTURE, Outcome::PASSED, detail.clone(), detail),
    }
}

/// Critical extension data that nobody here understands are told, not refused: provincial seals in use carry them.
fn check_extensions(seal: &Seal, checks: &mut Checks) {
    let critical: Vec<&str> = seal.extensions.iter().filter(|e| e.critical).map(|e| e.oid.as_str()).collect();
    if seal.extensions.is_empty() {
        checks.add(&EXTENSIONS, Outcome::NOT_APPLICABLE, "none", "无");
    } else if critical.is_empty() {
        let detail = seal.extensions.iter().map(|e| e.oid.as_str()).collect::<Vec<_>>().join(", ");
        checks.add(&EXTENSIONS, Outcome::PASSED, detail.clone(), detail);
    } else {
        let list = critical.join(", ");
        let (en, zh) = (format!("critical and not understood: {list}"), format!("关键扩展未被识别：{list}"));
        checks.add(&EXTENSIONS, Outcome::WARNING, en, zh);
    }
}

/// Whether `signature` over `message` verifies under `key`; `None` for an algorithm that is not supported.
pub(super) fn verify_raw(key: &PublicKey, signature: &RawSignature, message: &[u8]) -> Option<bool> {
    let sm2 = [pki::oid::SM2_WITH_SM3, pki::oid::SM2_SIGN].contains(&signature.algorithm.as_str());
    match (key, sm2) {
        (PublicKey::Sm2(key), true) => {
            let value = signature.value.as_ref();
            Some(value.is_some_and(|value| pki::cms::verify_sm2(key, message, value)))
        }
        (_, true) => None,
        (key, false) => {
            let algorithm = SignatureAlgorithm::from_oid(&signature.algorithm)?;
            Some(key.verify(message, algorithm, &signature.octets).is_ok())
        }
    }
}

/// Notes an algorithm that is not supported with this key.
pub(super) fn unsupported(rule: &super::rules::Rule, signature: &RawSignature, checks: &mut Checks) {
    checks.add(
        rule,
        Outcome::indeterminate(SubIndication::CryptoConstraintsFailure),
        format!("algorithm `{}` is not accepted with this certificate's key", signature.algorithm),
        format!("签名算法 `{}` 与证书密钥不符或不被接受", signature.algorithm),
    );
}

/// The seal's validity for people.
pub(super) fn window(seal: &Seal) -> String {
    format!("{} – {}", seal.valid_from.rfc3339(), seal.valid_until.rfc3339())
}

fn report(
    seal: &Seal,
    findings: &SealFindings,
    deviations: Vec<Deviation>,
    checks: Vec<crate::report::Check>,
) -> SealReport {
    let written = |time: &pki::der::Time| {
        let kind = if time.tag == pki::der::tag::UTC_TIME { "UTCTime" } else { "GeneralizedTime" };
        format!("{kind}:{}", time.text)
    };
    SealReport {
        structure: seal.structure.name(),
        header: SealHeader {
            id: seal.header_id.clone(),
            version: seal.header_version,
            vid: seal.vendor.clone(),
        },
        es_id: seal.es_id.clone(),
        name: seal.name.clone(),
        type_: seal.type_,
        cert_list_type: seal.cert_list_type,
        signers_count: seal.signers.count(),
        seal_signature_ok: findings.signature_ok,
        seal_signature_over: findings.over,
        signature_encoding: seal.signature.value.as_ref().map(|value| value.encoding.to_string()),
        times: [&seal.created, &seal.valid_from, &seal.valid_until].map(written),
        valid_from: seal.valid_from.rfc3339(),
        valid_until: seal.valid_until.rfc3339(),
        picture: PictureReport {
            type_: seal.picture.type_.clone(),
            len: seal.picture.data.len(),
            w: seal.picture.width_mm,
            h: seal.picture.height_mm,
            magic: base::encoding::hex(seal.picture.data.get(..4).unwrap_or_default()),
        },
        maker: findings.maker.as_ref().map(|maker| maker.subject().to_owned()),
        deviations,
        checks,
    }
}
