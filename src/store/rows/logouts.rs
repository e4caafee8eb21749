//! Clients that must still be told of a logout: written with the logout, delivered later.

use base::id::{Account, LogoutNotice, Session};
use base::{Id, Timestamp};

use super::{id, small};
use crate::db::{Conn, Tx, list, run};
use crate::error::StoreError;

const CLIENTS_OF_SESSION: &str =
    "SELECT DISTINCT client_id FROM auth_grant WHERE session_id = $1 ORDER BY client_id LIMIT 1000";
const ADD: &str = "INSERT INTO logout_notice (id, client_id, session_id, account_id, attempts, due_us) \
     VALUES ($1, $2, $3, $4, 0, $5)";
const DUE: &str = "SELECT id, client_id, session_id, account_id, attempts FROM logout_notice \
     WHERE ended_us IS NULL AND due_us <= $1 ORDER BY due_us, id LIMIT 100";
const TAKE: &str = "UPDATE logout_notice SET attempts = attempts + 1, due_us = $3 \
     WHERE id = $1 AND attempts = $2 AND ended_us IS NULL";
const END: &str = "UPDATE logout_notice SET ended_us = $2, outcome = $3 WHERE id = $1 AND ended_us IS NULL";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[CLIENTS_OF_SESSION, ADD, DUE, TAKE, END];

/// A client that must be told.
#[derive(Clone, Debug)]
pub struct NoticeRow {
    /// Its identifier, also the logout token's `jti`.
    pub id: Id<LogoutNotice>,
    /// Whom to tell.
    pub client_id: String,
    /// Which session ended.
    pub session: Id<Session>,
    /// Whose.
    pub account: Id<Account>,
    /// How often it was tried.
    pub attempts: u32,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    client_id: String,
    session_id: String,
    account_id: String,
    attempts: i64,
}

#[derive(sqlx::FromRow)]
struct RawClient {
    client_id: String,
}

impl TryFrom<Raw> for NoticeRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            id: id("logout_notice", "id", &raw.id)?,
            session: id("logout_notice", "session_id", &raw.session_id)?,
            account: id("logout_notice", "account_id", &raw.account_id)?,
            attempts: small("logout_notice", "attempts", &raw.id, raw.attempts)?,
            client_id: raw.client_id,
        })
    }
}

/// The clients that got anything in this session.
pub async fn clients_of(conn: &mut Conn, session: Id<Session>) -> Result<Vec<String>, StoreError> {
    let rows = list!(RawClient, conn, CLIENTS_OF_SESSION, session.to_string())?;
    Ok(rows.into_iter().map(|raw| raw.client_id).collect())
}

/// Keeps a notice, due at once.
pub async fn add(tx: &mut Tx, notice: &NoticeRow, now: Timestamp) -> Result<(), StoreError> {
    let (session, account) = (notice.session.to_string(), notice.account.to_string());
    run!(tx, ADD, notice.id.to_string(), &notice.client_id, session, account, now.us()).map(drop)
}

/// Notices that are due, oldest first; at most 100.
pub async fn due(conn: &mut Conn, now: Timestamp) -> Result<Vec<NoticeRow>, StoreError> {
    list!(Raw, conn, DUE, now.us())?.into_iter().map(NoticeRow::try_from).collect()
}

/// Takes a notice for one more attempt, to be due again at `retry`; true for exactly one node.
pub async fn take(tx: &mut Tx, notice: &NoticeRow, retry: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, TAKE, notice.id.to_string(), i64::from(notice.attempts), retry.us())? == 1)
}

/// Nothing more is to be done about a notice; `outcome` says why, for the operator.
pub async fn end(
    tx: &mut Tx,
    notice: Id<LogoutNotice>,
    outcome: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, END, notice.to_string(), now.us(), outcome)? == 1)
}
