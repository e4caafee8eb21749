//! Login sessions.

use base::id::{Account, Session};
use base::{Id, Timestamp};

use super::accounts::AccountState;
use super::{Count, id, words};
use crate::db::{Conn, Tx, find, hold, list, run};
use crate::dialect::hold;
use crate::error::{BadRow, StoreError};

const ADD: &str = "INSERT INTO session (id, token_hash, account_id, acr, amr, network, user_agent, auth_us, expires_us, kept_us, used_us) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)";
const FIND_BY_TOKEN: &str = "SELECT id, account_id, acr, amr, network, user_agent, auth_us, expires_us, used_us FROM session \
     WHERE token_hash = $1 AND ended_us IS NULL";
const LIVE: &str = "SELECT id, account_id, acr, amr, network, user_agent, auth_us, expires_us, used_us FROM session \
     WHERE id = $1 AND ended_us IS NULL AND expires_us > $2 AND (used_us IS NULL OR used_us > $3)";
const AUTHENTICATE_AGAIN: &str = "UPDATE session SET token_hash = $2, acr = $3, amr = $4, network = $5, \
     user_agent = $6, auth_us = $7, expires_us = $8, kept_us = CASE WHEN kept_us < $8 THEN $8 ELSE kept_us END, used_us = $10 \
     WHERE id = $1 AND account_id = $9 AND ended_us IS NULL";
const HOLD: &str = "UPDATE session SET kept_us = CASE WHEN kept_us < $3 THEN $3 ELSE kept_us END \
     WHERE id = $1 AND ended_us IS NULL AND expires_us > $2 AND (used_us IS NULL OR used_us > $4)";
const USE: &str = "UPDATE session SET used_us = $3 \
     WHERE id = $1 AND ended_us IS NULL AND used_us <= $2 AND used_us > $4";
const FIND_WITH_ACCOUNT: &str = "SELECT s.id, s.account_id, s.acr, s.amr, s.network, s.user_agent, s.auth_us, s.expires_us, s.used_us, \
     s.ended_us, a.state FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = $1";
const LIST_LIVE: &str = "SELECT id, account_id, acr, amr, network, user_agent, auth_us, expires_us, used_us FROM session \
     WHERE account_id = $1 AND ended_us IS NULL AND expires_us > $2 AND (used_us IS NULL OR used_us > $3) ORDER BY auth_us LIMIT 100";
const END: &str = "UPDATE session SET ended_us = $2 WHERE id = $1 AND ended_us IS NULL";
const END_OF_ACCOUNT: &str =
    "UPDATE session SET ended_us = $3 WHERE id = $1 AND account_id = $2 AND ended_us IS NULL";
const END_ALL: &str = "UPDATE session SET ended_us = $3 \
     WHERE account_id = $1 AND id <> $2 AND ended_us IS NULL AND expires_us > $3 RETURNING id";
const LIST_LEAST_USED: &str = "SELECT id FROM session WHERE account_id = $1 AND id <> $2 \
     AND ended_us IS NULL AND expires_us > $3 AND used_us > $4 ORDER BY used_us DESC, auth_us DESC, id DESC LIMIT 1000 OFFSET $5";
const RENEW: &str = "UPDATE session SET token_hash = $2 \
     WHERE id = $1 AND ended_us IS NULL AND expires_us > $3 AND (used_us IS NULL OR used_us > $4)";
const COUNT_LIVE: &str = "SELECT COUNT(*) AS n FROM session WHERE ended_us IS NULL AND expires_us > $1 AND (used_us IS NULL OR used_us > $2)";

const DAY_US: i64 = 86_400_000_000;

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    ADD,
    AUTHENTICATE_AGAIN,
    HOLD,
    USE,
    FIND_BY_TOKEN,
    LIVE,
    FIND_WITH_ACCOUNT,
    LIST_LIVE,
    END,
    END_OF_ACCOUNT,
    END_ALL,
    LIST_LEAST_USED,
    RENEW,
    COUNT_LIVE,
];

/// A login in one browser.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Its identifier, also the `sid` of its tokens.
    pub id: Id<Session>,
    /// Who logged in.
    pub account: Id<Account>,
    /// How sure the login is (`acr`).
    pub acr: String,
    /// By which methods (`amr`, RFC 8176).
    pub amr: Vec<String>,
    /// The network it came from.
    pub network: String,
    /// The browser, as it named itself.
    pub user_agent: String,
    /// When the person authenticated (`auth_time`).
    pub authenticated: Timestamp,
    /// When it ends by itself, however often it is used.
    pub expires: Timestamp,
    /// When it was last used, give or take the step in which that is kept; `None` for one that no browser is in, which cannot stand idle.
    pub used: Option<Timestamp>,
}

impl SessionRow {
    /// Whether a session that nobody ended is live.
    pub fn is_live(&self, at: LiveAt) -> bool {
        self.expires > at.now && self.used.is_none_or(|used| used > at.idle_since)
    }
}

/// The instant at which sessions are looked at: live are those that nobody ended, whose time has not come, and that do not stand idle.
#[derive(Clone, Copy, Debug)]
pub struct LiveAt {
    /// The instant.
    pub now: Timestamp,
    /// What was last used at this time or before stands idle.
    pub idle_since: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    account_id: String,
    acr: String,
    amr: String,
    network: String,
    user_agent: String,
    auth_us: i64,
    expires_us: i64,
    used_us: Option<i64>,
}

impl TryFrom<Raw> for SessionRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            account: id("session", "account_id", &raw.account_id)?,
            amr: words("session", "amr", &raw.id, &raw.amr)?,
            id: id("session", "id", &raw.id)?,
            acr: raw.acr,
            network: raw.network,
            user_agent: raw.user_agent,
            authenticated: Timestamp::from_us(raw.auth_us),
            expires: Timestamp::from_us(raw.expires_us),
            used: raw.used_us.map(Timestamp::from_us),
        })
    }
}

/// Keeps a new session under the hash of its cookie.
pub async fn add(tx: &mut Tx, session: &SessionRow, token_hash: &[u8; 32]) -> Result<(), StoreError> {
    let amr = serde_json::Value::from(session.amr.clone()).to_string();
    run!(
        tx,
        ADD,
        session.id.to_string(),
        &token_hash[..],
        session.account.to_string(),
        &session.acr,
        amr.as_str(),
        &session.network,
        &session.user_agent,
        session.authenticated.us(),
        session.expires.us(),
        session.used.map(Timestamp::us)
    )
    .map(drop)
}

/// The person of `session` authenticated again: its cookie, its strength and its times are new; whether it had not ended.
pub async fn authenticate_again(
    tx: &mut Tx,
    session: &SessionRow,
    token_hash: &[u8; 32],
) -> Result<bool, StoreError> {
    let amr = serde_json::Value::from(session.amr.clone()).to_string();
    let changed = run!(
        tx,
        AUTHENTICATE_AGAIN,
        session.id.to_string(),
        &token_hash[..],
        &session.acr,
        amr.as_str(),
        &session.network,
        &session.user_agent,
        session.authenticated.us(),
        session.expires.us(),
        session.account.to_string(),
        session.used.map(Timestamp::us)
    )?;
    Ok(changed == 1)
}

/// Holds the session until the transaction ends, so that nobody ends it meanwhile, and keeps its row for a grant that lives `until`;
/// whether it is live.
pub async fn hold(tx: &mut Tx, id: Id<Session>, at: LiveAt, until: Timestamp) -> Result<bool, StoreError> {
    // Whole days, so that the row's index changes once a day and not with every grant.
    let kept = until.us().saturating_add(DAY_US - 1) / DAY_US * DAY_US;
    Ok(run!(tx, HOLD, id.to_string(), at.now.us(), kept, at.idle_since.us())? == 1)
}

/// The session is used, and was last written down as used at `before` or earlier; whether that was so, and it did not stand idle.
pub async fn mark_used(
    tx: &mut Tx,
    id: Id<Session>,
    before: Timestamp,
    at: LiveAt,
) -> Result<bool, StoreError> {
    Ok(run!(tx, USE, id.to_string(), before.us(), at.now.us(), at.idle_since.us())? == 1)
}

/// The session whose cookie has this hash, if nobody ended it: it need not be live.
pub async fn find_by_token(conn: &mut Conn, token_hash: &[u8; 32]) -> Result<Option<SessionRow>, StoreError> {
    find!(Raw, conn, FIND_BY_TOKEN, &token_hash[..])?.map(SessionRow::try_from).transpose()
}

/// The session `id`, if it is live.
pub async fn live(conn: &mut Conn, id: Id<Session>, at: LiveAt) -> Result<Option<SessionRow>, StoreError> {
    find!(Raw, conn, LIVE, id.to_string(), at.now.us(), at.idle_since.us())?
        .map(SessionRow::try_from)
        .transpose()
}

/// A session that is live or was, and how its account stands.
#[derive(Clone, Debug)]
pub struct KnownSession {
    /// The session.
    pub session: SessionRow,
    /// When it was ended, as against running out of time.
    pub ended: Option<Timestamp>,
    /// Whether the account is in use.
    pub account: AccountState,
}

#[derive(sqlx::FromRow)]
struct RawKnown {
    #[sqlx(flatten)]
    session: Raw,
    ended_us: Option<i64>,
    state: String,
}

/// The session `id`, live or not.
pub async fn find_with_account(conn: &mut Conn, id: Id<Session>) -> Result<Option<KnownSession>, StoreError> {
    let Some(raw) = find!(RawKnown, conn, FIND_WITH_ACCOUNT, id.to_string())? else { return Ok(None) };
    let state = AccountState::parse(&raw.state);
    let account =
        state.ok_or_else(|| BadRow::new("account", "state", &raw.session.account_id, &raw.state))?;
    let ended = raw.ended_us.map(Timestamp::from_us);
    Ok(Some(KnownSession { session: raw.session.try_into()?, ended, account }))
}

/// The live sessions of `account`.
pub async fn live_of(
    conn: &mut Conn,
    account: Id<Account>,
    at: LiveAt,
) -> Result<Vec<SessionRow>, StoreError> {
    list!(Raw, conn, LIST_LIVE, account.to_string(), at.now.us(), at.idle_since.us())?
        .into_iter()
        .map(SessionRow::try_from)
        .collect()
}

/// Ends the session; whether it was still live.
pub async fn end(tx: &mut Tx, id: Id<Session>, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, END, id.to_string(), now.us())? == 1)
}

/// Ends a session of `account`; false when it is somebody else's or over already.
pub async fn end_of_account(
    tx: &mut Tx,
    id: Id<Session>,
    account: Id<Account>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, END_OF_ACCOUNT, id.to_string(), account.to_string(), now.us())? == 1)
}

#[derive(sqlx::FromRow)]
struct RawId {
    id: String,
}

/// Ends every session of `account` but one whose time has not come, those that stand idle too: applications may still be in them. Which
/// there were.
pub async fn end_all(
    tx: &mut Tx,
    account: Id<Account>,
    but: Option<Id<Session>>,
    now: Timestamp,
) -> Result<Vec<Id<Session>>, StoreError> {
    let but = but.map(|session| session.to_string()).unwrap_or_default();
    hold!(tx, hold::SESSIONS_OF_ACCOUNT, account.to_string())?;
    let ended = list!(RawId, tx, END_ALL, account.to_string(), but.as_str(), now.us())?;
    ended.into_iter().map(|raw| Ok(id("session", "id", &raw.id)?)).collect()
}

/// The live sessions of `account` that a browser is in, beside `but` and the `kept` others that were used last; at most 1000.
pub async fn least_used(
    tx: &mut Tx,
    account: Id<Account>,
    but: Id<Session>,
    kept: u32,
    at: LiveAt,
) -> Result<Vec<Id<Session>>, StoreError> {
    let rows = list!(
        RawId,
        tx,
        LIST_LEAST_USED,
        account.to_string(),
        but.to_string(),
        at.now.us(),
        at.idle_since.us(),
        i64::from(kept)
    )?;
    rows.into_iter().map(|raw| Ok(id("session", "id", &raw.id)?)).collect()
}

/// The session is under another cookie from here on; whether it is live.
pub async fn renew(
    tx: &mut Tx,
    id: Id<Session>,
    token_hash: &[u8; 32],
    at: LiveAt,
) -> Result<bool, StoreError> {
    Ok(run!(tx, RENEW, id.to_string(), &token_hash[..], at.now.us(), at.idle_since.us())? == 1)
}

/// How many sessions are live.
pub async fn count_live(conn: &mut Conn, at: LiveAt) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT_LIVE, at.now.us(), at.idle_since.us())?.map_or(0, |c| c.n))
}
