//! Requests that a person answers elsewhere, while the application polls.

use base::id::{Account, DeferredRequest, Grant};
use base::{Id, Timestamp};

use super::{Count, id, optional_id, small, word_enum};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::{BadRow, StoreError};

const ADD: &str = "INSERT INTO deferred_request (id, code_hash, channel, client_id, user_code_index, account_id, asked, \
     network, created_us, expires_us, interval_us, ping_token_sealed, ping_attempts) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0) \
     ON CONFLICT (user_code_index) DO NOTHING";
const FIND_BY_CODE: &str = "SELECT id, channel, client_id, account_id, asked, network, created_us, expires_us, answer, \
     grant_id, consumed_us FROM deferred_request WHERE code_hash = $1";
const FIND_BY_USER_CODE: &str = "SELECT id, channel, client_id, account_id, asked, network, created_us, expires_us, \
     answer, grant_id, consumed_us FROM deferred_request WHERE user_code_index = $1";
const LOOKUP: &str = "SELECT id, channel, client_id, account_id, asked, network, created_us, expires_us, answer, \
     grant_id, consumed_us FROM deferred_request WHERE id = $1";
const WAITING_FOR: &str = "SELECT id, channel, client_id, account_id, asked, network, created_us, expires_us, answer, \
     grant_id, consumed_us FROM deferred_request \
     WHERE account_id = $1 AND answer IS NULL AND expires_us > $2 ORDER BY created_us, id LIMIT 100";
const COUNT_WAITING: &str = "SELECT COUNT(*) AS n FROM deferred_request \
     WHERE account_id = $1 AND answer IS NULL AND expires_us > $2";
const COUNT_WAITING_OF: &str = "SELECT COUNT(*) AS n FROM deferred_request \
     WHERE account_id = $1 AND client_id = $2 AND answer IS NULL AND expires_us > $3";
const COUNT_SINCE: &str = "SELECT COUNT(*) AS n FROM deferred_request \
     WHERE account_id = $1 AND client_id = $2 AND created_us > $3";
const DUE_PINGS: &str = "SELECT id, client_id, ping_token_sealed, ping_attempts FROM deferred_request \
     WHERE ping_due_us IS NOT NULL AND ping_due_us <= $1 AND expires_us > $1 AND ping_token_sealed IS NOT NULL \
     ORDER BY ping_due_us, id LIMIT 100";
const TAKE_PING: &str = "UPDATE deferred_request SET ping_attempts = ping_attempts + 1, ping_due_us = $3 \
     WHERE id = $1 AND ping_attempts = $2 AND ping_due_us IS NOT NULL";
const END_PING: &str = "UPDATE deferred_request SET ping_due_us = NULL WHERE id = $1";
const COUNT_OF_CLIENT: &str = "SELECT COUNT(*) AS n FROM deferred_request \
     WHERE client_id = $1 AND network = $2 AND expires_us > $3";
const POLL: &str = "UPDATE deferred_request SET polled_us = $2 \
     WHERE id = $1 AND (polled_us IS NULL OR polled_us + interval_us <= $2)";
const SLOW_DOWN: &str =
    "UPDATE deferred_request SET polled_us = $2, interval_us = interval_us + $3 WHERE id = $1";
const ANSWER: &str = "UPDATE deferred_request SET answer = $2, answered_us = $3, grant_id = $4, \
     ping_due_us = CASE WHEN ping_token_sealed IS NOT NULL THEN $3 END \
     WHERE id = $1 AND answer IS NULL AND expires_us > $3";
const CONSUME: &str = "UPDATE deferred_request SET consumed_us = $2 \
     WHERE id = $1 AND answer = 'allowed' AND consumed_us IS NULL";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    LOOKUP,
    WAITING_FOR,
    COUNT_WAITING,
    COUNT_WAITING_OF,
    COUNT_SINCE,
    DUE_PINGS,
    TAKE_PING,
    END_PING,
    ADD,
    FIND_BY_CODE,
    FIND_BY_USER_CODE,
    COUNT_OF_CLIENT,
    POLL,
    SLOW_DOWN,
    ANSWER,
    CONSUME,
];

word_enum! {
    /// What a person said.
    Answer {
        /// Yes.
        Allowed = "allowed",
        /// No.
        Denied = "denied",
    }
}

/// A request as it is kept.
#[derive(Clone, Debug)]
pub struct DeferredRow {
    /// Its identifier.
    pub id: Id<DeferredRequest>,
    /// How the person is asked: a word of `oidc`'s.
    pub channel: String,
    /// Whose request it is.
    pub client_id: String,
    /// Who is asked; whoever has the code when `None`.
    pub account: Option<Id<Account>>,
    /// What is asked, JSON in `oidc`'s form.
    pub asked: String,
    /// Where the request came from.
    pub network: String,
    /// When.
    pub created: Timestamp,
    /// When it is too late.
    pub expires: Timestamp,
    /// What the person said.
    pub answer: Option<Answer>,
    /// What was given; there when the answer is yes.
    pub grant: Option<Id<Grant>>,
    /// When the tokens were fetched.
    pub consumed: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    channel: String,
    client_id: String,
    account_id: Option<String>,
    asked: String,
    network: String,
    created_us: i64,
    expires_us: i64,
    answer: Option<String>,
    grant_id: Option<String>,
    consumed_us: Option<i64>,
}

impl TryFrom<Raw> for DeferredRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let bad = |column, value: &str| BadRow::new("deferred_request", column, &raw.id, value);
        let answer = match raw.answer.as_deref() {
            Some(word) => Some(Answer::parse(word).ok_or_else(|| bad("answer", word))?),
            None => None,
        };
        if (answer == Some(Answer::Allowed)) != raw.grant_id.is_some() {
            return Err(bad("grant_id", raw.grant_id.as_deref().unwrap_or("none")).into());
        }
        Ok(Self {
            account: optional_id("deferred_request", "account_id", raw.account_id.as_deref())?,
            grant: optional_id("deferred_request", "grant_id", raw.grant_id.as_deref())?,
            id: id("deferred_request", "id", &raw.id)?,
            channel: raw.channel,
            client_id: raw.client_id,
            asked: raw.asked,
            network: raw.network,
            created: Timestamp::from_us(raw.created_us),
            expires: Timestamp::from_us(raw.expires_us),
            answer,
            consumed: raw.consumed_us.map(Timestamp::from_us),
        })
    }
}

/// What a new request is found by, and how often it may be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// The hash of the application's code.
    pub code_hash: &'a [u8; 32],
    /// The keyed hash of what the person types.
    pub user_code_index: Option<&'a [u8; 32]>,
    /// How long the application waits between two polls, in seconds.
    pub interval_seconds: i64,
    /// What the application is told with that there is an answer, sealed; when it wants to be told.
    pub ping_token_sealed: Option<&'a [u8]>,
}

/// Keeps a new request; false when another one has the same user code.
pub async fn add(tx: &mut Tx, request: &DeferredRow, keys: Keys<'_>) -> Result<bool, StoreError> {
    let user_code_index = keys.user_code_index.map(|index| index.to_vec());
    let account = request.account.map(|account| account.to_string());
    Ok(run!(
        tx,
        ADD,
        request.id.to_string(),
        &keys.code_hash[..],
        &request.channel,
        &request.client_id,
        user_code_index,
        account.as_deref(),
        &request.asked,
        &request.network,
        request.created.us(),
        request.expires.us(),
        microseconds(keys.interval_seconds),
        keys.ping_token_sealed
    )? == 1)
}

/// The request with this hash of its application's code, answered or not, in time or not.
pub async fn find_by_code(conn: &mut Conn, code_hash: &[u8; 32]) -> Result<Option<DeferredRow>, StoreError> {
    find!(Raw, conn, FIND_BY_CODE, &code_hash[..])?.map(DeferredRow::try_from).transpose()
}

/// The request with this keyed hash of what the person types, answered or not, in time or not.
pub async fn find_by_user_code(conn: &mut Conn, index: &[u8; 32]) -> Result<Option<DeferredRow>, StoreError> {
    find!(Raw, conn, FIND_BY_USER_CODE, &index[..])?.map(DeferredRow::try_from).transpose()
}

/// The request `id`, answered or not, in time or not.
pub async fn lookup(conn: &mut Conn, id: Id<DeferredRequest>) -> Result<Option<DeferredRow>, StoreError> {
    find!(Raw, conn, LOOKUP, id.to_string())?.map(DeferredRow::try_from).transpose()
}

/// What waits for an answer of `account`, oldest first; at most 100.
pub async fn waiting_for(
    conn: &mut Conn,
    account: Id<Account>,
    now: Timestamp,
) -> Result<Vec<DeferredRow>, StoreError> {
    list!(Raw, conn, WAITING_FOR, account.to_string(), now.us())?
        .into_iter()
        .map(DeferredRow::try_from)
        .collect()
}

/// How many requests wait for an answer of `account`.
pub async fn count_waiting(conn: &mut Conn, account: Id<Account>, now: Timestamp) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT_WAITING, account.to_string(), now.us())?.map_or(0, |count| count.n))
}

/// How many requests of the application `client_id` wait for an answer of `account`.
pub async fn count_waiting_of(
    conn: &mut Conn,
    account: Id<Account>,
    client_id: &str,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let count = find!(Count, conn, COUNT_WAITING_OF, account.to_string(), client_id, now.us())?;
    Ok(count.map_or(0, |count| count.n))
}

/// How often the application `client_id` asked `account` since `since`, whatever became of it.
pub async fn count_since(
    conn: &mut Conn,
    account: Id<Account>,
    client_id: &str,
    since: Timestamp,
) -> Result<i64, StoreError> {
    let count = find!(Count, conn, COUNT_SINCE, account.to_string(), client_id, since.us())?;
    Ok(count.map_or(0, |count| count.n))
}

/// An application that must still be told of an answer.
#[derive(Clone, Debug)]
pub struct PingRow {
    /// The request that was answered.
    pub id: Id<DeferredRequest>,
    /// Whom to tell.
    pub client_id: String,
    /// What with, sealed.
    pub token_sealed: Vec<u8>,
    /// How often it was tried.
    pub attempts: u32,
}

#[derive(sqlx::FromRow)]
struct RawPing {
    id: String,
    client_id: String,
    ping_token_sealed: Vec<u8>,
    ping_attempts: i64,
}

/// Applications that are due to be told, oldest first; at most 100.
pub async fn due_pings(conn: &mut Conn, now: Timestamp) -> Result<Vec<PingRow>, StoreError> {
    let ping = |raw: RawPing| {
        Ok(PingRow {
            attempts: small("deferred_request", "ping_attempts", &raw.id, raw.ping_attempts)?,
            id: id("deferred_request", "id", &raw.id)?,
            client_id: raw.client_id,
            token_sealed: raw.ping_token_sealed,
        })
    };
    list!(RawPing, conn, DUE_PINGS, now.us())?.into_iter().map(ping).collect()
}

/// Takes a ping for one more attempt, to be due again at `retry`; true for exactly one node.
pub async fn take_ping(tx: &mut Tx, ping: &PingRow, retry: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, TAKE_PING, ping.id.to_string(), i64::from(ping.attempts), retry.us())? == 1)
}

/// The application was told.
pub async fn end_ping(tx: &mut Tx, id: Id<DeferredRequest>) -> Result<(), StoreError> {
    run!(tx, END_PING, id.to_string()).map(drop)
}

/// How many requests of the application from this network have time left.
pub async fn count_of_client(
    conn: &mut Conn,
    client_id: &str,
    network: &str,
    now: Timestamp,
) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT_OF_CLIENT, client_id, network, now.us())?.map_or(0, |count| count.n))
}

/// Notes a poll; false when it came before the interval was over.
pub async fn poll(tx: &mut Tx, id: Id<DeferredRequest>, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, POLL, id.to_string(), now.us())? == 1)
}

/// Notes a poll that came too soon: the interval is `seconds` longer from now on.
pub async fn slow_down(
    tx: &mut Tx,
    id: Id<DeferredRequest>,
    seconds: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    run!(tx, SLOW_DOWN, id.to_string(), now.us(), microseconds(seconds)).map(drop)
}

/// Notes what the person said, with the grant when it was yes; true for exactly one answer, in time.
pub async fn answer(
    tx: &mut Tx,
    id: Id<DeferredRequest>,
    answer: Answer,
    grant: Option<Id<Grant>>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let grant = grant.map(|grant| grant.to_string());
    Ok(run!(tx, ANSWER, id.to_string(), answer.as_str(), now.us(), grant.as_deref())? == 1)
}

/// Uses an allowed request up: true for exactly one caller, ever.
pub async fn consume(tx: &mut Tx, id: Id<DeferredRequest>, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, CONSUME, id.to_string(), now.us())? == 1)
}

const fn microseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000)
}
