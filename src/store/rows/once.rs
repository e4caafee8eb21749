//! Things that may be shown once: pushed authorization requests, and the identifiers of assertions and proofs.

use base::Timestamp;

use crate::db::{Conn, Tx, find, run};
use crate::error::StoreError;

const ADD_PUSHED: &str =
    "INSERT INTO pushed_request (name_hash, client_id, request, expires_us) VALUES ($1, $2, $3, $4)";
const LOOKUP_PUSHED: &str =
    "SELECT client_id, request, expires_us, consumed_us FROM pushed_request WHERE name_hash = $1";
const CONSUME_PUSHED: &str =
    "UPDATE pushed_request SET consumed_us = $2 WHERE name_hash = $1 AND consumed_us IS NULL";
const USE_JTI: &str =
    "INSERT INTO used_jti (jti_hash, expires_us) VALUES ($1, $2) ON CONFLICT (jti_hash) DO NOTHING";
const USE_TWO: &str = "INSERT INTO used_jti (jti_hash, expires_us) VALUES ($1, $2), ($3, $4) \
     ON CONFLICT (jti_hash) DO NOTHING";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[ADD_PUSHED, LOOKUP_PUSHED, CONSUME_PUSHED, USE_JTI, USE_TWO];

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

/// Something that was shown: its hash, and until when it could be shown again.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// The hash of who showed what.
    pub hash: [u8; 32],
    /// Until when it must be remembered.
    pub expires: Timestamp,
}

/// Remembers that `first` was shown, and `second` with it; true when neither was before, for exactly one caller.
pub async fn show(tx: &mut Tx, first: Shown, second: Option<Shown>) -> Result<bool, StoreError> {
    let Some(second) = second else {
        return Ok(run!(tx, USE_JTI, &first.hash[..], first.expires.us())? == 1);
    };
    let (one, other) = (&first.hash[..], &second.hash[..]);
    Ok(run!(tx, USE_TWO, one, first.expires.us(), other, second.expires.us())? == 2)
}
