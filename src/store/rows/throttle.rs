//! Failed logins, and the devices an account is known on.

use base::id::{Account, Failure};
use base::{Id, Timestamp};

use super::Count;
use crate::db::{Conn, Tx, find, list, run};
use crate::error::StoreError;

const ADD_FAILURE: &str = "INSERT INTO login_failure (id, account_key, network, at_us) VALUES ($1, $2, $3, $4)";
const RECENT: &str = "SELECT at_us FROM login_failure WHERE account_key = $1 AND network = $2 AND at_us > $3 \
     ORDER BY at_us DESC LIMIT 100";
const COUNT_NETWORK: &str = "SELECT COUNT(*) AS n FROM login_failure WHERE network = $1 AND at_us > $2";
const FORGET: &str = "DELETE FROM login_failure WHERE account_key = $1 AND network = $2";
const FORGET_OLD: &str = "DELETE FROM login_failure WHERE at_us < $1";
const KNOW_DEVICE: &str = "INSERT INTO known_device (account_id, device_hash, seen_us) VALUES ($1, $2, $3) \
     ON CONFLICT (account_id, device_hash) DO UPDATE SET seen_us = excluded.seen_us";
const IS_KNOWN: &str =
    "SELECT COUNT(*) AS n FROM known_device WHERE account_id = $1 AND device_hash = $2 AND seen_us > $3";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[ADD_FAILURE, RECENT, COUNT_NETWORK, FORGET, FORGET_OLD, KNOW_DEVICE, IS_KNOWN];

#[derive(sqlx::FromRow)]
struct At {
    at_us: i64,
}

/// Keeps a failure. `account_key` is a keyed hash of the user name typed, so that names that do not exist are treated alike.
pub async fn add_failure(
    tx: &mut Tx,
    id: Id<Failure>,
    account_key: &[u8; 32],
    network: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    run!(tx, ADD_FAILURE, id.to_string(), &account_key[..], network, now.us()).map(drop)
}

/// When logins to this account from this network failed after `since`, latest first; at most 100.
pub async fn recent_failures(
    conn: &mut Conn,
    account_key: &[u8; 32],
    network: &str,
    since: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    let rows = list!(At, conn, RECENT, &account_key[..], network, since.us())?;
    Ok(rows.into_iter().map(|row| Timestamp::from_us(row.at_us)).collect())
}

/// How many logins from this network failed after `since`.
pub async fn count_failures_of_network(
    conn: &mut Conn,
    network: &str,
    since: Timestamp,
) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT_NETWORK, network, since.us())?.map_or(0, |c| c.n))
}

/// Forgets the failures after a success.
pub async fn forget_failures(tx: &mut Tx, account_key: &[u8; 32], network: &str) -> Result<(), StoreError> {
    run!(tx, FORGET, &account_key[..], network).map(drop)
}

/// Forgets failures before `before`.
pub async fn forget_old_failures(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    run!(tx, FORGET_OLD, before.us())
}

/// `account` logged in on the device with this hash.
pub async fn know_device(
    tx: &mut Tx,
    account: Id<Account>,
    device_hash: &[u8; 32],
    now: Timestamp,
) -> Result<(), StoreError> {
    run!(tx, KNOW_DEVICE, account.to_string(), &device_hash[..], now.us()).map(drop)
}

/// Whether `account` has logged in on this device since `since`.
pub async fn is_known_device(
    conn: &mut Conn,
    account: Id<Account>,
    device_hash: &[u8; 32],
    since: Timestamp,
) -> Result<bool, StoreError> {
    let count = find!(Count, conn, IS_KNOWN, account.to_string(), &device_hash[..], since.us())?;
    Ok(count.is_some_and(|c| c.n > 0))
}
