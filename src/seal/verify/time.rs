//! Which time is claimed, which is proven, and which each policy judges by.

use base::Timestamp;
use pki::cms::time_stamp::TimeStampToken;
use pki::path::{self, Purpose};

use super::Context;
use super::certificate::in_chinese;
use super::checks::{Checks, Outcome};
use super::rules::{NOT_FUTURE, PROVEN, TIME_STAMP};
use crate::report::SubIndication;

/// A stated time may be this far ahead: clocks differ.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// The times of one signature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// What the signer states.
    pub(super) claimed: Option<Timestamp>,
    /// When it provably existed.
    pub(super) proven: Option<Timestamp>,
    /// The present.
    pub(super) now: Timestamp,
}

impl Times {
    /// The instant GB/T 38540 judges by: what the signer states, else the present.
    pub(super) fn gbt38540(&self) -> Timestamp {
        self.claimed.unwrap_or(self.now)
    }

    /// The instant the strict policy judges by: what is proven, else the present.
    pub(super) fn strict(&self) -> Timestamp {
        self.proven.unwrap_or(self.now)
    }
}

/// GB/T 38540-2020, 7.3 h, over the token on the signature value `stamped`; returns the proven time.
pub(super) fn check_time_stamp(
    token: Option<&[u8]>,
    stamped: Option<&[u8]>,
    claimed: Option<Timestamp>,
    checks: &mut Checks,
    context: &Context<'_>,
) -> Option<Timestamp> {
    let Some(token) = token else {
        checks.add(&TIME_STAMP, Outcome::NOT_APPLICABLE, "none present", "无时间戳");
        return None;
    };
    let Some(stamped) = stamped else {
        // GM/T 0031-2014 allows a token in the place of the time, but does not say what it stamps.
        let outcome = Outcome::indeterminate(SubIndication::NoPoe);
        checks.add(
            &TIME_STAMP,
            outcome,
            "a token in the place of the stated time",
            "时间信息为时间戳，无法确定其对象",
        );
        return None;
    };
    let verified = TimeStampToken::from_der(token)
        .and_then(|token| token.verify(stamped).cloned().map(|authority| (token, authority)));
    let (token, authority) = match verified {
        Ok(verified) => verified,
        Err(error) => {
            let outcome = Outcome::failed(SubIndication::TimestampImprint);
            checks.add(&TIME_STAMP, outcome, error.to_string(), format!("时间戳无效：{error}"));
            return None;
        }
    };
    let generated = token.generated.instant;
    let extra: Vec<_> = token.certificates().iter().chain(&context.trust.intermediates).cloned().collect();
    let chain = path::validate(&authority, &extra, &context.trust.anchors, generated, Purpose::TimeStamping);
    let at = token.generated.rfc3339();
    match chain {
        Err(error) => {
            let outcome = Outcome::indeterminate(SubIndication::NoCertificateChainFound);
            checks.add(
                &TIME_STAMP,
                outcome,
                error.to_string(),
                format!("时间戳机构证书：{}", in_chinese(&error)),
            );
            None
        }
        Ok(_) if claimed.is_some_and(|claimed| claimed > generated) => {
            let outcome = Outcome::failed(SubIndication::TimestampOrderFailure);
            let detail = format!("stated time is after the time stamp of {at}");
            checks.add(&TIME_STAMP, outcome, detail, format!("声称时间晚于时间戳 {at}"));
            Some(generated)
        }
        Ok(_) => {
            let by = authority.subject();
            checks.add(&TIME_STAMP, Outcome::PASSED, format!("{at} by {by}"), format!("{at}，{by}"));
            Some(generated)
        }
    }
}

/// The stated time against the present.
pub(super) fn check_not_future(times: &Times, checks: &mut Checks) {
    let Some(claimed) = times.claimed else {
        checks.add(&NOT_FUTURE, Outcome::NOT_APPLICABLE, "no time is stated", "未声明时间");
        return;
    };
    if claimed > times.now.plus_seconds(CLOCK_SKEW_SECONDS) {
        let outcome = Outcome::strict_only(SubIndication::TimestampOrderFailure);
        let detail = format!("{claimed} is after {}", times.now);
        checks.add(&NOT_FUTURE, outcome, detail, format!("{claimed} 晚于 {}", times.now));
    } else {
        checks.add(&NOT_FUTURE, Outcome::PASSED, claimed.to_string(), claimed.to_string());
    }
}

/// Whether the time is proven, and whether the signer's certificate was valid at the time the strict policy judges by.
pub(super) fn check_proven(times: &Times, signer: &pki::Certificate, checks: &mut Checks) {
    let at = times.strict();
    let valid = signer.is_valid_at(at);
    match (times.proven, valid) {
        (Some(_), true) => checks.add(&PROVEN, Outcome::PASSED, at.to_string(), at.to_string()),
        (None, true) => checks.add(
            &PROVEN,
            Outcome::WARNING,
            "no proof; judged strictly as of now",
            "无可信时间证明，严格策略按当前时间判断",
        ),
        (_, false) => checks.add(
            &PROVEN,
            Outcome::strict_only(SubIndication::OutOfBoundsNoPoe),
            format!(
                "the signer's certificate is not valid at {at} and nothing proves that the signature is older"
            ),
            format!("签章者证书在 {at} 不在有效期内，且无法证明签章在此之前已存在"),
        ),
    }
}
