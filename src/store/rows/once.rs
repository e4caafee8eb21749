//! Things that may be shown once: pushed authorization requests, and the identifiers of assertions and proofs.

use std::collections::HashSet;

use base::Timestamp;

use crate::db::{Conn, Held, Tx, find, run};
use crate::error::StoreError;
use crate::sqlite;

const ADD_PUSHED: &str =
    "INSERT INTO pushed_request (name_hash, client_id, request, expires_us) VALUES ($1, $2, $3, $4)";
const LOOKUP_PUSHED: &str =
    "SELECT client_id, request, expires_us, consumed_us FROM pushed_request WHERE name_hash = $1";
const CONSUME_PUSHED: &str =
    "UPDATE pushed_request SET consumed_us = $2 WHERE name_hash = $1 AND consumed_us IS NULL";
const USE_JTI: &str =
    "INSERT INTO used_jti (jti_hash, expires_us) VALUES ($1, $2) ON CONFLICT (jti_hash) DO NOTHING";
/// As [`USE_JTI`] for many, with a tail.
macro_rules! use_many {
    ($tail:literal) => {
        concat!(
            "INSERT INTO used_jti (jti_hash, expires_us) VALUES \
             ($1, $2), ($3, $4), ($5, $6), ($7, $8), ($9, $10), ($11, $12), ($13, $14), ($15, $16), \
             ($17, $18), ($19, $20), ($21, $22), ($23, $24), ($25, $26), ($27, $28), ($29, $30), ($31, $32) \
             ON CONFLICT (jti_hash) DO NOTHING",
            $tail
        )
    };
}
const USE_MANY: &str = use_many!("");
const USE_SOME: &str = use_many!(" RETURNING jti_hash");
/// How many rows [`USE_MANY`] and [`USE_SOME`] take.
const MANY: usize = 16;
/// How much of a hash is kept: no two things have the same 128 bits, and nobody finds another with those of a given one.
const KEPT_BYTES: usize = 16;

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[ADD_PUSHED, LOOKUP_PUSHED, CONSUME_PUSHED, USE_JTI, USE_MANY, USE_SOME];

/// A pushed authorization request as it is kept: by the hash of its name.
#[derive(Clone, Debug)]
pub struct PushedRow {
    /// Who pushed it.
    pub client_id: String,
    /// The request, JSON in `oidc`'s form.
    pub request: String,
    /// When it is too late to bring it.
    pub expires: Timestamp,
    /// When it was answered.
    pub consumed: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct RawPushed {
    client_id: String,
    request: String,
    expires_us: i64,
    consumed_us: Option<i64>,
}

/// Keeps a pushed request.
pub async fn add_pushed(tx: &mut Tx, name_hash: &[u8; 32], pushed: &PushedRow) -> Result<(), StoreError> {
    run!(tx, ADD_PUSHED, &name_hash[..], &pushed.client_id, &pushed.request, pushed.expires.us()).map(drop)
}

/// The pushed request with this hash, answered or not.
pub async fn lookup_pushed(conn: &mut Conn, name_hash: &[u8; 32]) -> Result<Option<PushedRow>, StoreError> {
    Ok(find!(RawPushed, conn, LOOKUP_PUSHED, &name_hash[..])?.map(|raw| PushedRow {
        client_id: raw.client_id,
        request: raw.request,
        expires: Timestamp::from_us(raw.expires_us),
        consumed: raw.consumed_us.map(Timestamp::from_us),
    }))
}

/// Uses the pushed request up: true for exactly one caller, ever.
pub async fn consume_pushed(tx: &mut Tx, name_hash: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, CONSUME_PUSHED, &name_hash[..], now.us())? == 1)
}

/// What is kept of a hash.
pub type ShownKey = [u8; KEPT_BYTES];

/// Something that was shown: its hash, and until when it is remembered.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    key: ShownKey,
    remembered_until: Timestamp,
}

impl Shown {
    /// What is shown at `now`, by the hash of who showed what, and could be shown again until `expires`.
    ///
    /// Such times are whole seconds. The part of a second at which it came is added, so that what comes one after the other lies one after
    /// the other in the index by time: a page of it is written for many, where there would be one for each.
    pub fn new(hash: [u8; 32], expires: Timestamp, now: Timestamp) -> Self {
        let mut key = [0; KEPT_BYTES];
        key.copy_from_slice(hash.split_at(KEPT_BYTES).0);
        let part = now.us().rem_euclid(MICROSECONDS);
        Self { key, remembered_until: Timestamp::from_us(expires.us().saturating_add(part)) }
    }

    /// What is kept of the hash of who showed what.
    pub const fn key(&self) -> &ShownKey {
        &self.key
    }
}

const MICROSECONDS: i64 = 1_000_000;

/// Remembers that `shown` was shown; true when it was not before, for exactly one caller.
pub async fn show(tx: &mut Tx, shown: Shown) -> Result<bool, StoreError> {
    Ok(run!(tx, USE_JTI, &shown.key[..], shown.remembered_until.us())? == 1)
}

/// Remembers that all of `shown` were shown, when none was before and no two are the same; otherwise false, and the transaction is for nothing
/// else. Costs less than [`show_some`].
pub async fn show_new(tx: &mut Tx, shown: &[Shown]) -> Result<bool, StoreError> {
    let mut new = 0;
    for some in sorted(shown).chunks(MANY) {
        let count = match tx.engine()? {
            Held::Sqlite(c) => {
                let query = filled(some).fold(sqlx::query(USE_MANY), |query, shown| {
                    query.bind(&shown.key[..]).bind(shown.remembered_until.us())
                });
                sqlite::execute(c, query).await
            }
            Held::Postgres(c) => {
                let query = filled(some).fold(sqlx::query(USE_MANY), |query, shown| {
                    query.bind(&shown.key[..]).bind(shown.remembered_until.us())
                });
                query.execute(c).await.map(|done| done.rows_affected())
            }
        };
        new += tx.outcome(count)?;
    }
    Ok(usize::try_from(new) == Ok(shown.len()))
}

/// Remembers that all of `shown` were shown; the keys of those that were not before.
pub async fn show_some(tx: &mut Tx, shown: &[Shown]) -> Result<HashSet<ShownKey>, StoreError> {
    let mut new = HashSet::with_capacity(shown.len());
    for some in sorted(shown).chunks(MANY) {
        let keys = match tx.engine()? {
            Held::Sqlite(c) => {
                let query = filled(some).fold(sqlx::query_scalar(USE_SOME), |query, shown| {
                    query.bind(&shown.key[..]).bind(shown.remembered_until.us())
                });
                query.fetch_all(c).await
            }
            Held::Postgres(c) => {
                let query = filled(some).fold(sqlx::query_scalar(USE_SOME), |query, shown| {
                    query.bind(&shown.key[..]).bind(shown.remembered_until.us())
                });
                query.fetch_all(c).await
            }
        };
        let keys: Vec<Vec<u8>> = tx.outcome(keys)?;
        new.extend(keys.iter().filter_map(|key| ShownKey::try_from(key.as_slice()).ok()));
    }
    Ok(new)
}

/// In the order of their keys, so that two nodes that are shown the same at once wait for each other and not in a circle.
fn sorted(shown: &[Shown]) -> Vec<Shown> {
    let mut shown = shown.to_vec();
    shown.sort_unstable_by_key(|shown| shown.key);
    shown
}

/// As many as a statement takes: what is missing is the last one again, which changes nothing.
fn filled(some: &[Shown]) -> impl Iterator<Item = &Shown> {
    some.iter().chain(some.last().into_iter().cycle()).take(MANY)
}
