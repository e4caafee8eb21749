//! Chains, and the status of certificates.

use base::Timestamp;
use pki::Certificate;
use pki::path::{self, PathError, Purpose};

use super::Context;
use super::checks::{Checks, Outcome};
use super::rules::Rule;
use super::time::Times;
use crate::report::SubIndication;

/// Checks the chain of `certificate` at each policy's time. The certificate's own validity is another check, so an instant outside it
/// is moved to its nearest end.
pub(super) fn check_chain(
    rule: &Rule,
    certificate: &Certificate,
    purpose: Purpose,
    times: &Times,
    more: &[Certificate],
    checks: &mut Checks,
    context: &Context<'_>,
) {
    let intermediates: Vec<Certificate> = more.iter().chain(&context.trust.intermediates).cloned().collect();
    let validate = |at: Timestamp| {
        let at = at.clamp(certificate.not_before(), certificate.not_after().max(certificate.not_before()));
        path::validate(certificate, &intermediates, &context.trust.anchors, at, purpose)
    };
    let (gbt38540, strict) = (validate(times.gbt38540()), validate(times.strict()));
    let outcome = Outcome::by_policy(
        gbt38540.as_ref().err().map(|error| reason(error, false)),
        strict.as_ref().err().map(|error| reason(error, true)),
    );
    let (detail, detail_zh) = match gbt38540.and(strict) {
        Ok(path) => {
            let anchor = path.last().map(|anchor| anchor.subject().to_owned()).unwrap_or_default();
            (
                format!("{} under {anchor}", certificate.subject()),
                format!("{}，信任锚：{anchor}", certificate.subject()),
            )
        }
        Err(error) => (error.to_string(), in_chinese(&error)),
    };
    checks.add(rule, outcome, detail, detail_zh);
}

fn reason(error: &PathError, strict: bool) -> SubIndication {
    match error {
        PathError::NoChain { .. } | PathError::BadSignature { .. } => SubIndication::NoCertificateChainFound,
        PathError::Expired { .. } | PathError::NotYetValid { .. } if strict => {
            SubIndication::OutOfBoundsNoPoe
        }
        _ => SubIndication::ChainConstraintsFailure,
    }
}

/// `error` in Chinese.
pub(super) fn in_chinese(error: &PathError) -> String {
    match error {
        PathError::NoChain { issuer } => format!("没有到信任锚的证书链，缺少 `{issuer}` 的证书"),
        PathError::BadSignature { subject, issuer } => {
            format!("`{subject}` 的证书签名用 `{issuer}` 的密钥验证不通过")
        }
        PathError::Expired { subject, until, at } => {
            format!("`{subject}` 的证书有效期至 {until}，在 {at} 已过期")
        }
        PathError::NotYetValid { subject, from, at } => {
            format!("`{subject}` 的证书自 {from} 起有效，在 {at} 尚未生效")
        }
        PathError::NotCa { subject } => format!("`{subject}` 不是证书认证机构却签发了证书"),
        PathError::IsCa { subject } => format!("`{subject}` 是证书认证机构，应为最终用户"),
        PathError::PathLenExceeded { subject, .. } => format!("`{subject}` 之下的认证机构层级超过其限制"),
        PathError::KeyUsage { subject, got, .. } => format!("`{subject}` 的密钥用途为 `{got}`，不符合要求"),
        PathError::ExtendedKeyUsage { subject, .. } => format!("`{subject}` 的扩展密钥用途不符合要求"),
        PathError::Policy { subject, .. } => format!("`{subject}` 未被授权制作印章（证书策略不符）"),
        PathError::UnknownCriticalExtension { subject, oid } => {
            format!("`{subject}` 的证书含有无法识别的关键扩展 `{oid}`")
        }
        PathError::TooMuchWork { max_count } => format!("在 {max_count} 次验签内未找到证书链"),
    }
}

/// Checks what the status service says about `certificate`.
pub(super) fn check_status(
    rule: &Rule,
    certificate: &Certificate,
    times: &Times,
    checks: &mut Checks,
    context: &Context<'_>,
) {
    let Some(statuses) = &context.trust.statuses else {
        let outcome = Outcome::strict_only(SubIndication::TryLater);
        checks.add(rule, outcome, "not checked: offline", "未检查：离线");
        return;
    };
    match statuses.certificates.get(&certificate.fingerprint_sm3()) {
        None => checks.add(
            rule,
            Outcome::strict_only(SubIndication::TryLater),
            "not known to the status service",
            "状态服务没有该证书的信息",
        ),
        Some(None) => checks.add(rule, Outcome::PASSED, "not revoked", "未被撤销"),
        Some(Some(revoked)) => {
            let outcome = if *revoked <= times.gbt38540() {
                Outcome::failed(SubIndication::Revoked)
            } else if times.proven.is_some_and(|proven| proven < *revoked) {
                Outcome::PASSED
            } else {
                Outcome::strict_only(SubIndication::RevokedNoPoe)
            };
            checks.add(rule, outcome, format!("revoked at {revoked}"), format!("已于 {revoked} 撤销"));
        }
    }
}
