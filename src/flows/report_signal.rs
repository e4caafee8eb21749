//! What moves trust: something reported about an account.

use base::id::{Account, Signal};
use base::{Id, Timestamp};
use policy::TrustFacts;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::rows::accounts;
use store::rows::sessions::SessionRow;
use store::rows::signals::{self, SignalRow};
use store::{StoreError, Tx};
use trust::{Kind, Severity};

use crate::caller::Caller;
use crate::decide;
use crate::env::Env;
use crate::error::{Failure, Rejected};
use crate::log::{self, Act};

const DETAIL_MAX_CHARS: usize = 500;

/// A report.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The account it is about: `usr_…`.
    pub subject: String,
    /// What happened: `device_lost`, `password_leaked` …
    pub kind: String,
    /// `low`, `medium` or `high`.
    pub severity: String,
    /// The reporter's own words.
    #[serde(default)]
    pub detail: String,
}

/// What became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Reported {
    /// The signal.
    pub id: Id<Signal>,
    /// The log entry.
    pub log_entry: Id<base::id::Entry>,
    /// How far the account can be trusted now.
    pub trust: TrustFacts,
}

/// Keeps the report and writes it down; decisions see it at once.
///
/// Systems report, under their own name; and only what lowers trust: what raises it is known here from logins.
pub async fn report(env: &Env, now: Timestamp, caller: &Caller, report: Report) -> Result<Reported, Failure> {
    if caller.account.is_some() {
        let message = "signals are reported by systems in their own name: use a client_credentials token";
        return Err(Rejected::forbidden("not_a_system", message).into());
    }
    let bad = |message: String| Rejected::unprocessable("bad_signal", message);
    let kind: Kind = report.kind.parse().map_err(|e: trust::UnknownKind| bad(e.to_string()))?;
    if kind == Kind::StrongLogin {
        return Err(bad("`strong_login` is known from logins here and cannot be reported".to_owned()).into());
    }
    let severity: Severity =
        report.severity.parse().map_err(|e: trust::UnknownSeverity| bad(e.to_string()))?;
    if report.detail.chars().count() > DETAIL_MAX_CHARS {
        return Err(bad(format!("expected a detail of at most {DETAIL_MAX_CHARS} characters")).into());
    }
    let subject: Id<Account> = report.subject.parse().map_err(|e: base::id::BadId| bad(e.to_string()))?;
    let mut tx = env.db.begin().await?;
    if accounts::lookup(&mut tx, subject).await?.is_none() {
        return Err(Rejected::not_found("no_such_account", format!("there is no account `{subject}`")).into());
    }
    let row = SignalRow {
        id: Id::<Signal>::new(now, env.entropy.as_ref()),
        subject: subject.to_string(),
        kind: kind.name().to_owned(),
        severity: severity.name().to_owned(),
        reported_by: caller.actor(),
        detail: report.detail,
        reported: now,
        resolved: None,
    };
    signals::add(&mut tx, &row).await?;
    let detail = json!({ "signal": row.id, "kind": row.kind, "severity": row.severity });
    let act = Act { kind: log::Kind::SignalReported, actor: &row.reported_by, subject: &row.subject, detail };
    let log_entry = log::write(env, &mut tx, now, act).await?;
    let trust = decide::trust_of(&mut tx, &row.subject, now).await?;
    // COMMIT POINT: from here on every decision sees the signal.
    tx.commit().await?;
    Ok(Reported { id: row.id, log_entry, trust })
}

/// Keeps that the person of `session` logged in strongly, in place of what was kept of an earlier time: it gives back part of the trust that
/// fading signals took, and fades itself.
pub(crate) async fn strong_login(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    session: &SessionRow,
) -> Result<(), StoreError> {
    let row = SignalRow {
        id: Id::<Signal>::new(now, env.entropy.as_ref()),
        subject: session.account.to_string(),
        kind: Kind::StrongLogin.name().to_owned(),
        severity: Severity::High.name().to_owned(),
        reported_by: "login".to_owned(),
        detail: String::new(),
        reported: session.authenticated,
        resolved: None,
    };
    signals::forget(tx, &row.subject, &row.kind).await?;
    signals::add(tx, &row).await
}
