//! Access tokens that say nothing by themselves: what they say is kept here, by their hash.

use base::Timestamp;

use crate::db::{Conn, Tx, find, run};
use crate::error::StoreError;

const ADD: &str = "INSERT INTO opaque_token (token_hash, claims, expires_us) VALUES ($1, $2, $3)";
const LOOKUP: &str = "SELECT claims FROM opaque_token WHERE token_hash = $1";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[ADD, LOOKUP];

#[derive(sqlx::FromRow)]
struct Raw {
    claims: String,
}

/// Keeps what a new token says, a JSON object, until it `expires`.
pub async fn add(
    tx: &mut Tx,
    token_hash: &[u8; 32],
    claims: &str,
    expires: Timestamp,
) -> Result<(), StoreError> {
    run!(tx, ADD, &token_hash[..], claims, expires.us()).map(drop)
}

/// What the token with this hash says; whether its time is over is in there.
pub async fn lookup(conn: &mut Conn, token_hash: &[u8; 32]) -> Result<Option<String>, StoreError> {
    Ok(find!(Raw, conn, LOOKUP, &token_hash[..])?.map(|raw| raw.claims))
}
