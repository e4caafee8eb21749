//! Plain signatures: GB/T 35275 messages over `Signature.xml`.

use pki::cms::{SignedData, SignerInfo};
use pki::path::Purpose;

use super::Context;
use super::certificate::{check_chain, check_status};
use super::checks::{Checks, Outcome};
use super::rules::{
    CLAIMED_TIME, CMS_CONTENT, CMS_STRUCTURE, CMS_VALUE, SIGNER_CHAIN, SIGNER_STATUS, TIME_STAMP,
};
use super::ses::describe_signer;
use super::time::{Times, check_not_future, check_proven};
use crate::report::{SignatureReport, SubIndication};

/// Judges a GB/T 35275 message over `signature_xml`.
pub(super) fn judge(
    report: &mut SignatureReport,
    checks: &mut Checks,
    signature_xml: &[u8],
    value: &[u8],
    context: &Context<'_>,
) {
    report.structure = "CMS (GB/T 35275)".to_owned();
    let message = match SignedData::from_der(value) {
        Ok(message) => message,
        Err(error) => {
            let outcome = Outcome::failed(SubIndication::FormatFailure);
            checks.add(&CMS_STRUCTURE, outcome, error.to_string(), format!("签名数据无法解析：{error}"));
            return;
        }
    };
    let [signer] = message.signers.as_slice() else {
        let detail = format!("{} signers, expected one", message.signers.len());
        let zh = format!("签名者数量为 {}，应为 1", message.signers.len());
        checks.add(&CMS_STRUCTURE, Outcome::failed(SubIndication::FormatFailure), detail, zh);
        return;
    };
    let form = format!("{:?}", message.form);
    checks.add(&CMS_STRUCTURE, Outcome::PASSED, form.clone(), form);
    judge_signer(report, checks, &message, signer, signature_xml, context);
}

fn judge_signer(
    report: &mut SignatureReport,
    checks: &mut Checks,
    message: &SignedData,
    signer: &SignerInfo,
    signature_xml: &[u8],
    context: &Context<'_>,
) {
    let verdict = message.verify(signer, signature_xml, None);
    report.message_binding = Some(verdict.binding.name());
    report.data_hash_ok = Some(verdict.content_ok);
    report.signature_ok = verdict.signature_ok;
    report.signature_encoding = verdict.encoding.map(|encoding| encoding.to_string());
    let binding = verdict.binding.name();
    let content =
        if verdict.content_ok { Outcome::PASSED } else { Outcome::failed(SubIndication::HashFailure) };
    checks.add(&CMS_CONTENT, content, binding, binding);
    let certificate = message.certificate_of(signer);
    let (outcome, en, zh) = match (certificate, verdict.signature_ok) {
        (None, _) => (
            Outcome::indeterminate(SubIndication::NoSigningCertificateFound),
            "the message does not hold the signer's certificate",
            "签名数据中没有签名者证书",
        ),
        (Some(_), None) => (
            Outcome::indeterminate(SubIndication::CryptoConstraintsFailure),
            "the algorithm is not accepted",
            "签名算法不被接受",
        ),
        (Some(_), Some(false)) => {
            (Outcome::failed(SubIndication::SigCryptoFailure), "does not verify", "验证不通过")
        }
        (Some(certificate), Some(true)) => (Outcome::PASSED, certificate.subject(), certificate.subject()),
    };
    checks.add(&CMS_VALUE, outcome, en, zh);
    let Some(certificate) = certificate else { return };
    describe_signer(report, certificate);
    let stated = signer.signed_attributes.as_ref().and_then(|attributes| attributes.signing_time.as_ref());
    report.claimed_time = stated.map(|time| time.rfc3339());
    let times = Times { claimed: stated.map(|time| time.instant), proven: None, now: context.now };
    checks.add(&TIME_STAMP, Outcome::NOT_APPLICABLE, "none present", "无时间戳");
    check_not_future(&times, checks);
    let inside = times.claimed.map(|claimed| certificate.is_valid_at(claimed));
    report.claimed_time_in_signer_cert = inside;
    let outcome = match inside {
        Some(true) => Outcome::PASSED,
        Some(false) => Outcome::failed(SubIndication::ClaimedTimeOutsideCert),
        // Without a stated time the present is all there is to judge by.
        None if certificate.is_valid_at(context.now) => Outcome::PASSED,
        None => Outcome::indeterminate(SubIndication::OutOfBoundsNoPoe),
    };
    let window = format!("{} – {}", certificate.not_before(), certificate.not_after());
    checks.add(&CLAIMED_TIME, outcome, window.clone(), window);
    check_chain(
        &SIGNER_CHAIN,
        certificate,
        Purpose::SealSigner,
        &times,
        &message.certificates,
        checks,
        context,
    );
    check_status(&SIGNER_STATUS, certificate, &times, checks, context);
    check_proven(&times, certificate, checks);
}
