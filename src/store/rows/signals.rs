//! Signals that move trust.

use base::id::Signal;
use base::{Id, Timestamp};

use super::id;
use crate::db::{Conn, Tx, list, run};
use crate::error::StoreError;

const ADD: &str = "INSERT INTO trust_signal (id, subject, kind, severity, reported_by, detail, reported_us) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const RECENT: &str = "SELECT id, subject, kind, severity, reported_by, detail, reported_us, resolved_us FROM trust_signal \
     WHERE id IN (SELECT MAX(id) FROM trust_signal WHERE subject = $1 AND (resolved_us IS NULL OR reported_us > $2) \
     GROUP BY kind, severity, CASE WHEN resolved_us IS NULL THEN 0 ELSE 1 END) ORDER BY id DESC LIMIT 1000";
const FORGET: &str = "DELETE FROM trust_signal WHERE subject = $1 AND kind = $2";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[ADD, RECENT, FORGET];

/// Something reported about somebody.
#[derive(Clone, Debug)]
pub struct SignalRow {
    /// Its identifier.
    pub id: Id<Signal>,
    /// Whom it is about.
    pub subject: String,
    /// What happened, in `trust`'s words.
    pub kind: String,
    /// How bad, in `trust`'s words.
    pub severity: String,
    /// Who reported it.
    pub reported_by: String,
    /// The reporter's own words.
    pub detail: String,
    /// When.
    pub reported: Timestamp,
    /// When it was found settled.
    pub resolved: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    subject: String,
    kind: String,
    severity: String,
    reported_by: String,
    detail: String,
    reported_us: i64,
    resolved_us: Option<i64>,
}

impl TryFrom<Raw> for SignalRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            id: id("trust_signal", "id", &raw.id)?,
            severity: raw.severity,
            resolved: raw.resolved_us.map(Timestamp::from_us),
            subject: raw.subject,
            kind: raw.kind,
            reported_by: raw.reported_by,
            detail: raw.detail,
            reported: Timestamp::from_us(raw.reported_us),
        })
    }
}

/// Keeps a new signal.
pub async fn add(tx: &mut Tx, signal: &SignalRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD,
        signal.id.to_string(),
        &signal.subject,
        &signal.kind,
        &signal.severity,
        &signal.reported_by,
        &signal.detail,
        signal.reported.us()
    )
    .map(drop)
}

/// Forgets the signals of one kind about `subject`.
pub async fn forget(tx: &mut Tx, subject: &str, kind: &str) -> Result<(), StoreError> {
    run!(tx, FORGET, subject, kind).map(drop)
}

/// The latest signal of each kind and severity about `subject`, settled and not, that nobody settled or that was reported after
/// `since`. Repeated reports add nothing to trust, so a flood of them must not push out others.
pub async fn recent(conn: &mut Conn, subject: &str, since: Timestamp) -> Result<Vec<SignalRow>, StoreError> {
    list!(Raw, conn, RECENT, subject, since.us())?.into_iter().map(SignalRow::try_from).collect()
}
