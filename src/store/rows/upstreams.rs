//! Logins at upstream providers on their way, and whose accounts there are whose here.

use base::id::{Account, Session};
use base::{Id, Timestamp};

use super::{Count, hash32, id, optional_id};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::{BadRow, StoreError};

const ADD: &str = "INSERT INTO upstream_login (state_hash, upstream_id, browser_hash, network, flow, account_id, \
     asked_again, created_us, expires_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const COUNT_WAITING: &str = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM upstream_login \
     WHERE network = $1 AND expires_us > $2 AND consumed_us IS NULL LIMIT 10000) t";
const LOOKUP: &str = "SELECT state_hash, upstream_id, browser_hash, network, flow, account_id, asked_again, created_us, \
     expires_us, consumed_us, arrived_sealed, finished_us FROM upstream_login WHERE state_hash = $1";
const CONSUME: &str = "UPDATE upstream_login SET consumed_us = $2 \
     WHERE state_hash = $1 AND consumed_us IS NULL AND expires_us > $2";
const ARRIVE: &str = "UPDATE upstream_login SET arrival_hash = $2, arrived_sealed = $3, expires_us = $4 \
     WHERE state_hash = $1 AND consumed_us IS NOT NULL AND arrival_hash IS NULL";
const FIND_ARRIVAL: &str = "SELECT state_hash, upstream_id, browser_hash, network, flow, account_id, asked_again, \
     created_us, expires_us, consumed_us, arrived_sealed, finished_us FROM upstream_login WHERE arrival_hash = $1";
const FINISH: &str = "UPDATE upstream_login SET finished_us = $2 \
     WHERE arrival_hash = $1 AND finished_us IS NULL AND expires_us > $2";
const ADD_LINK: &str =
    "INSERT INTO upstream_link (issuer, subject, account_id, created_us) VALUES ($1, $2, $3, $4)";
const FIND_LINK: &str =
    "SELECT issuer, subject, account_id, created_us FROM upstream_link WHERE issuer = $1 AND subject = $2";
const LINKS_OF: &str = "SELECT issuer, subject, account_id, created_us FROM upstream_link \
     WHERE account_id = $1 ORDER BY created_us, issuer LIMIT 100";
const REMOVE_LINK: &str = "DELETE FROM upstream_link WHERE account_id = $1 AND issuer = $2";
const REMEMBER_SESSION: &str = "INSERT INTO upstream_session (session_id, issuer, subject, sid) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (session_id) DO UPDATE SET issuer = $2, subject = $3, sid = $4";
const SESSIONS_OF_SUBJECT: &str = "SELECT s.id, s.account_id, u.subject, u.sid FROM upstream_session u \
     JOIN session s ON s.id = u.session_id \
     WHERE u.issuer = $1 AND u.subject = $2 AND s.ended_us IS NULL ORDER BY s.id LIMIT 1000";
const SESSIONS_OF_SID: &str = "SELECT s.id, s.account_id, u.subject, u.sid FROM upstream_session u \
     JOIN session s ON s.id = u.session_id \
     WHERE u.issuer = $1 AND u.sid = $2 AND s.ended_us IS NULL ORDER BY s.id LIMIT 1000";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    ADD,
    COUNT_WAITING,
    LOOKUP,
    CONSUME,
    ARRIVE,
    FIND_ARRIVAL,
    FINISH,
    ADD_LINK,
    FIND_LINK,
    LINKS_OF,
    REMOVE_LINK,
    REMEMBER_SESSION,
    SESSIONS_OF_SUBJECT,
    SESSIONS_OF_SID,
];

/// A login at an upstream provider on its way.
#[derive(Clone, Debug)]
pub struct UpstreamLoginRow {
    /// The hash of its state.
    pub state_hash: [u8; 32],
    /// Which provider.
    pub upstream: String,
    /// The hash of the cookie of the browser that began.
    pub browser_hash: [u8; 32],
    /// The network that it began from.
    pub network: String,
    /// What goes on afterwards.
    pub flow: String,
    /// Whose account is to be linked, when somebody who is logged in began.
    pub account: Option<Id<Account>>,
    /// Whether the person was to authenticate again there.
    pub asked_again: bool,
    /// When it began.
    pub created: Timestamp,
    /// When it is too late for the next step.
    pub expires: Timestamp,
    /// When the browser came back.
    pub consumed: Option<Timestamp>,
    /// Who came, sealed, when nobody here is linked.
    pub arrived_sealed: Option<Vec<u8>>,
    /// When it was answered who that is.
    pub finished: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    state_hash: Vec<u8>,
    upstream_id: String,
    browser_hash: Vec<u8>,
    network: String,
    flow: String,
    account_id: Option<String>,
    asked_again: i64,
    created_us: i64,
    expires_us: i64,
    consumed_us: Option<i64>,
    arrived_sealed: Option<Vec<u8>>,
    finished_us: Option<i64>,
}

impl TryFrom<Raw> for UpstreamLoginRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let row = || raw.created_us.to_string();
        let bad = |column, value: &dyn std::fmt::Display| BadRow::new("upstream_login", column, row(), value);
        if raw.consumed_us.is_none() && (raw.arrived_sealed.is_some() || raw.finished_us.is_some()) {
            return Err(bad("consumed_us", &"expected a time before what came after it").into());
        }
        Ok(Self {
            state_hash: hash32("upstream_login", "state_hash", &row(), &raw.state_hash)?,
            browser_hash: hash32("upstream_login", "browser_hash", &row(), &raw.browser_hash)?,
            account: optional_id("upstream_login", "account_id", raw.account_id.as_deref())?,
            upstream: raw.upstream_id,
            network: raw.network,
            flow: raw.flow,
            asked_again: raw.asked_again != 0,
            created: Timestamp::from_us(raw.created_us),
            expires: Timestamp::from_us(raw.expires_us),
            consumed: raw.consumed_us.map(Timestamp::from_us),
            arrived_sealed: raw.arrived_sealed,
            finished: raw.finished_us.map(Timestamp::from_us),
        })
    }
}

/// Keeps a login that begins.
pub async fn add(tx: &mut Tx, login: &UpstreamLoginRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD,
        &login.state_hash[..],
        &login.upstream,
        &login.browser_hash[..],
        &login.network,
        &login.flow,
        login.account.map(|account| account.to_string()),
        i64::from(login.asked_again),
        login.created.us(),
        login.expires.us()
    )
    .map(drop)
}

/// How many logins that began on `network` have not come back, counted no further than 10 000.
pub async fn count_waiting(conn: &mut Conn, network: &str, now: Timestamp) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT_WAITING, network, now.us())?.map_or(0, |c| c.n))
}

/// The login whose state has this hash, over or not.
pub async fn lookup(conn: &mut Conn, state_hash: &[u8; 32]) -> Result<Option<UpstreamLoginRow>, StoreError> {
    find!(Raw, conn, LOOKUP, &state_hash[..])?.map(UpstreamLoginRow::try_from).transpose()
}

/// Uses the state up: true for exactly one caller, ever, while there is time.
pub async fn consume(tx: &mut Tx, state_hash: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, CONSUME, &state_hash[..], now.us())? == 1)
}

/// Keeps who came, sealed, under the hash of what the page carries, until `expires`; false when somebody is kept already.
pub async fn arrive(
    tx: &mut Tx,
    state_hash: &[u8; 32],
    arrival_hash: &[u8; 32],
    sealed: &[u8],
    expires: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, ARRIVE, &state_hash[..], &arrival_hash[..], sealed, expires.us())? == 1)
}

/// The login in which somebody came under this hash.
pub async fn find_arrival(
    conn: &mut Conn,
    arrival_hash: &[u8; 32],
) -> Result<Option<UpstreamLoginRow>, StoreError> {
    find!(Raw, conn, FIND_ARRIVAL, &arrival_hash[..])?.map(UpstreamLoginRow::try_from).transpose()
}

/// It was answered who came: true for exactly one caller, ever, while there is time.
pub async fn finish(tx: &mut Tx, arrival_hash: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, FINISH, &arrival_hash[..], now.us())? == 1)
}

/// Somebody's account at an upstream provider, and here.
#[derive(Clone, Debug)]
pub struct UpstreamLinkRow {
    /// The provider.
    pub issuer: String,
    /// Who they are there.
    pub subject: String,
    /// Who they are here.
    pub account: Id<Account>,
    /// Since when.
    pub created: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RawLink {
    issuer: String,
    subject: String,
    account_id: String,
    created_us: i64,
}

impl TryFrom<RawLink> for UpstreamLinkRow {
    type Error = StoreError;
    fn try_from(raw: RawLink) -> Result<Self, StoreError> {
        Ok(Self {
            account: id("upstream_link", "account_id", &raw.account_id)?,
            issuer: raw.issuer,
            subject: raw.subject,
            created: Timestamp::from_us(raw.created_us),
        })
    }
}

/// Keeps a link. Another with the same issuer and subject, or issuer and account, is a duplicate ([`StoreError::is_duplicate`]).
pub async fn add_link(tx: &mut Tx, link: &UpstreamLinkRow) -> Result<(), StoreError> {
    let account = link.account.to_string();
    run!(tx, ADD_LINK, &link.issuer, &link.subject, account, link.created.us()).map(drop)
}

/// Whose account here belongs to `subject` at `issuer`.
pub async fn find_link(
    conn: &mut Conn,
    issuer: &str,
    subject: &str,
) -> Result<Option<UpstreamLinkRow>, StoreError> {
    find!(RawLink, conn, FIND_LINK, issuer, subject)?.map(UpstreamLinkRow::try_from).transpose()
}

/// The links of `account`; at most 100.
pub async fn links_of(conn: &mut Conn, account: Id<Account>) -> Result<Vec<UpstreamLinkRow>, StoreError> {
    list!(RawLink, conn, LINKS_OF, account.to_string())?.into_iter().map(UpstreamLinkRow::try_from).collect()
}

/// Takes the link of `account` at `issuer` away; whether there was one.
pub async fn remove_link(tx: &mut Tx, account: Id<Account>, issuer: &str) -> Result<bool, StoreError> {
    Ok(run!(tx, REMOVE_LINK, account.to_string(), issuer)? == 1)
}

/// A session here that came from one there.
#[derive(Clone, Debug)]
pub struct UpstreamSessionRow {
    /// The session.
    pub session: Id<Session>,
    /// Whose it is.
    pub account: Id<Account>,
    /// Who they are there.
    pub subject: String,
    /// The session there, when the provider names it.
    pub sid: Option<String>,
}

#[derive(sqlx::FromRow)]
struct RawSession {
    id: String,
    account_id: String,
    subject: String,
    sid: Option<String>,
}

impl TryFrom<RawSession> for UpstreamSessionRow {
    type Error = StoreError;
    fn try_from(raw: RawSession) -> Result<Self, StoreError> {
        Ok(Self {
            session: id("session", "id", &raw.id)?,
            account: id("session", "account_id", &raw.account_id)?,
            subject: raw.subject,
            sid: raw.sid,
        })
    }
}

/// Remembers which session at `issuer` a session here came from last.
pub async fn remember_session(
    tx: &mut Tx,
    session: Id<Session>,
    issuer: &str,
    subject: &str,
    sid: Option<&str>,
) -> Result<(), StoreError> {
    run!(tx, REMEMBER_SESSION, session.to_string(), issuer, subject, sid).map(drop)
}

/// The sessions here, not ended, that came from `subject` at `issuer`; at most 1000.
pub async fn sessions_of_subject(
    conn: &mut Conn,
    issuer: &str,
    subject: &str,
) -> Result<Vec<UpstreamSessionRow>, StoreError> {
    let found = list!(RawSession, conn, SESSIONS_OF_SUBJECT, issuer, subject)?;
    found.into_iter().map(UpstreamSessionRow::try_from).collect()
}

/// The sessions here, not ended, that came from the session `sid` at `issuer`; at most 1000.
pub async fn sessions_of_sid(
    conn: &mut Conn,
    issuer: &str,
    sid: &str,
) -> Result<Vec<UpstreamSessionRow>, StoreError> {
    let found = list!(RawSession, conn, SESSIONS_OF_SID, issuer, sid)?;
    found.into_iter().map(UpstreamSessionRow::try_from).collect()
}
