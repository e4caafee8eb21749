//! Initial access tokens, with which applications register themselves (RFC 7591, 3).

use base::id::InitialAccess;
use base::{Id, Timestamp};

use super::{id, small};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::StoreError;

const ADD: &str = "INSERT INTO initial_access \
     (id, token_hash, note, made_by, created_us, expires_us, applications_max, applications) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, 0)";
const FIND: &str = "SELECT id, note, made_by, created_us, expires_us, applications_max, applications, withdrawn_us \
     FROM initial_access WHERE token_hash = $1";
const LOOKUP: &str = "SELECT id, note, made_by, created_us, expires_us, applications_max, applications, withdrawn_us \
     FROM initial_access WHERE id = $1";
const LIST: &str = "SELECT id, note, made_by, created_us, expires_us, applications_max, applications, withdrawn_us \
     FROM initial_access ORDER BY created_us DESC, id DESC LIMIT 200";
const COUNT_ONE: &str = "UPDATE initial_access SET applications = applications + 1 \
     WHERE id = $1 AND withdrawn_us IS NULL AND expires_us > $2 AND applications < applications_max";
const WITHDRAW: &str = "UPDATE initial_access SET withdrawn_us = $2 \
     WHERE id = $1 AND withdrawn_us IS NULL AND expires_us > $2";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[ADD, FIND, LOOKUP, LIST, COUNT_ONE, WITHDRAW];

/// A token as it is kept: never itself.
#[derive(Clone, Debug)]
pub struct InitialAccessRow {
    /// Its identifier.
    pub id: Id<InitialAccess>,
    /// What it is for, in the words of who made it; may be empty.
    pub note: String,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops working.
    pub expires: Timestamp,
    /// How many applications it may register.
    pub applications_max: u32,
    /// How many it has.
    pub applications: u32,
    /// When it was withdrawn.
    pub withdrawn: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    note: String,
    made_by: String,
    created_us: i64,
    expires_us: i64,
    applications_max: i64,
    applications: i64,
    withdrawn_us: Option<i64>,
}

impl TryFrom<Raw> for InitialAccessRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let count = |column, value| small("initial_access", column, &raw.id, value);
        Ok(Self {
            applications_max: count("applications_max", raw.applications_max)?,
            applications: count("applications", raw.applications)?,
            id: id("initial_access", "id", &raw.id)?,
            note: raw.note,
            made_by: raw.made_by,
            created: Timestamp::from_us(raw.created_us),
            expires: Timestamp::from_us(raw.expires_us),
            withdrawn: raw.withdrawn_us.map(Timestamp::from_us),
        })
    }
}

/// Keeps a new token by its hash.
pub async fn add(tx: &mut Tx, row: &InitialAccessRow, token_hash: &[u8; 32]) -> Result<(), StoreError> {
    let (id, most) = (row.id.to_string(), i64::from(row.applications_max));
    run!(tx, ADD, id, &token_hash[..], &row.note, &row.made_by, row.created.us(), row.expires.us(), most)
        .map(drop)
}

/// The token with this hash. Only [`count_one`] decides whether it may register.
pub async fn find(conn: &mut Conn, token_hash: &[u8; 32]) -> Result<Option<InitialAccessRow>, StoreError> {
    find!(Raw, conn, FIND, &token_hash[..])?.map(InitialAccessRow::try_from).transpose()
}

/// The token `id`.
pub async fn lookup(conn: &mut Conn, id: Id<InitialAccess>) -> Result<Option<InitialAccessRow>, StoreError> {
    find!(Raw, conn, LOOKUP, id.to_string())?.map(InitialAccessRow::try_from).transpose()
}

/// The latest 200 tokens, the latest first.
pub async fn all(conn: &mut Conn) -> Result<Vec<InitialAccessRow>, StoreError> {
    list!(Raw, conn, LIST)?.into_iter().map(InitialAccessRow::try_from).collect()
}

/// Counts one more application; whether the token may register it.
pub async fn count_one(tx: &mut Tx, id: Id<InitialAccess>, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, COUNT_ONE, id.to_string(), now.us())? == 1)
}

/// Withdraws the token; whether it still worked.
pub async fn withdraw(tx: &mut Tx, id: Id<InitialAccess>, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, WITHDRAW, id.to_string(), now.us())? == 1)
}
