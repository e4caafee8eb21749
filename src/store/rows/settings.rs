//! Named values of this installation, and one-time enrolment codes.

use base::Timestamp;

use super::Count;
use crate::db::{Conn, Tx, find, run};
use crate::error::StoreError;

const FIND: &str = "SELECT value FROM setting WHERE name = $1";
const ADD: &str = "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const HOLD: &str = "UPDATE setting SET value = value WHERE name = $1";
const ADD_ENROLMENT: &str =
    "INSERT INTO enrolment (code_hash, purpose, created_us, expires_us) VALUES ($1, $2, $3, $4)";
const CONSUME_ENROLMENT: &str = "UPDATE enrolment SET consumed_us = $3 \
     WHERE code_hash = $1 AND purpose = $2 AND consumed_us IS NULL AND expires_us > $3";
const IS_ENROLMENT_OPEN: &str = "SELECT COUNT(*) AS n FROM enrolment \
     WHERE code_hash = $1 AND purpose = $2 AND consumed_us IS NULL AND expires_us > $3";
const WITHDRAW_ENROLMENTS: &str =
    "UPDATE enrolment SET consumed_us = $2 WHERE purpose = $1 AND consumed_us IS NULL";

/// The statements of this file.
pub const STATEMENTS: &[&str] =
    &[FIND, ADD, HOLD, ADD_ENROLMENT, CONSUME_ENROLMENT, IS_ENROLMENT_OPEN, WITHDRAW_ENROLMENTS];

#[derive(sqlx::FromRow)]
struct Row {
    value: Vec<u8>,
}

/// The value kept under `name`.
pub async fn lookup(conn: &mut Conn, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(find!(Row, conn, FIND, name)?.map(|row| row.value))
}

/// Keeps `value` under `name` if nothing is there yet; whether it was kept.
pub async fn add(tx: &mut Tx, name: &str, value: &[u8]) -> Result<bool, StoreError> {
    Ok(run!(tx, ADD, name, value)? == 1)
}

/// Holds the value under `name` until the transaction ends; others that hold it wait, and then see what this one did.
pub async fn hold(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    run!(tx, HOLD, name).map(drop)
}

/// Keeps the hash of a one-time code for `purpose`.
pub async fn add_enrolment(
    tx: &mut Tx,
    code_hash: &[u8; 32],
    purpose: &str,
    now: Timestamp,
    expires: Timestamp,
) -> Result<(), StoreError> {
    run!(tx, ADD_ENROLMENT, &code_hash[..], purpose, now.us(), expires.us()).map(drop)
}

/// Whether the code would work now. Only [`consume_enrolment`] decides.
pub async fn is_enrolment_open(
    conn: &mut Conn,
    code_hash: &[u8; 32],
    purpose: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let count = find!(Count, conn, IS_ENROLMENT_OPEN, &code_hash[..], purpose, now.us())?;
    Ok(count.is_some_and(|c| c.n > 0))
}

/// Uses up the code: true once, and only before it expires.
pub async fn consume_enrolment(
    tx: &mut Tx,
    code_hash: &[u8; 32],
    purpose: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, CONSUME_ENROLMENT, &code_hash[..], purpose, now.us())? == 1)
}

/// Makes every unused code for `purpose` useless.
pub async fn withdraw_enrolments(tx: &mut Tx, purpose: &str, now: Timestamp) -> Result<(), StoreError> {
    run!(tx, WITHDRAW_ENROLMENTS, purpose, now.us()).map(drop)
}
