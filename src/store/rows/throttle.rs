//! Failed logins, and the devices an account is known on.

use base::id::{Account, Failure};
use base::{Id, Timestamp};

use super::Count;
use crate::db::{Conn, Tx, find, list, run};
use crate::error::StoreError;

const ADD_FAILURE: &str =
    "INSERT INTO login_failure (id, account_key, network, device, at_us) VALUES ($1, $2, $3, $4, $5)";
const RECENT: &str = "SELECT 'account' AS whose, COUNT(*) AS n, MAX(at_us) AS last_us FROM login_failure \
     WHERE account_key = $1 AND network = $2 AND device IS NULL AND at_us > $4 AND id <> $5 \
     UNION ALL SELECT 'network', COUNT(*), MAX(at_us) FROM login_failure WHERE network = $2 AND at_us > $4 AND id <> $5 \
     UNION ALL SELECT 'device', COUNT(*), MAX(at_us) FROM login_failure \
     WHERE account_key = $1 AND device = $3 AND at_us > $4 AND id <> $5";
const FORGET_ON_NETWORK: &str =
    "DELETE FROM login_failure WHERE account_key = $1 AND network = $2 AND device IS NULL";
const FORGET_ON_DEVICE: &str = "DELETE FROM login_failure WHERE account_key = $1 AND device = $2";
const TAKE_BACK: &str = "DELETE FROM login_failure WHERE id = $1";
const KNOW_DEVICE: &str = "INSERT INTO known_device (account_id, device_hash, seen_us) VALUES ($1, $2, $3) \
     ON CONFLICT (account_id, device_hash) DO UPDATE SET seen_us = excluded.seen_us";
const IS_KNOWN: &str =
    "SELECT COUNT(*) AS n FROM known_device WHERE account_id = $1 AND device_hash = $2 AND seen_us > $3";

/// The statements of this file.
pub const STATEMENTS: &[&str] =
    &[ADD_FAILURE, RECENT, FORGET_ON_NETWORK, FORGET_ON_DEVICE, TAKE_BACK, KNOW_DEVICE, IS_KNOWN];

/// How many logins failed, and when the last one did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureCount {
    /// How many.
    pub count: u32,
    /// The last one.
    pub last: Option<Timestamp>,
}

/// Recent failures, by whose they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// Of the account from the network, on devices that are not known.
    pub account_on_network: FailureCount,
    /// Of any account from the network.
    pub network: FailureCount,
    /// Of the account on the known device.
    pub device: FailureCount,
}

#[derive(sqlx::FromRow)]
struct RawCount {
    whose: String,
    n: i64,
    last_us: Option<i64>,
}

/// Keeps a try. `account_key` is a keyed hash of the user name typed, so that names that do not exist are treated alike; `device`
/// is the hash of the device's cookie when the account is known on it.
pub async fn add_failure(
    tx: &mut Tx,
    id: Id<Failure>,
    account_key: &[u8; 32],
    network: &str,
    device: Option<&[u8; 32]>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let device = device.map(|d| d.to_vec());
    run!(tx, ADD_FAILURE, id.to_string(), &account_key[..], network, device, now.us()).map(drop)
}

/// Failures since `since`, without the try `but`.
pub async fn recent(
    conn: &mut Conn,
    account_key: &[u8; 32],
    network: &str,
    device: Option<&[u8; 32]>,
    since: Timestamp,
    but: Id<Failure>,
) -> Result<Recent, StoreError> {
    let device = device.map(|d| d.to_vec());
    let mut recent = Recent::default();
    for raw in list!(RawCount, conn, RECENT, &account_key[..], network, device, since.us(), but.to_string())?
    {
        let counted = match raw.whose.as_str() {
            "account" => &mut recent.account_on_network,
            "network" => &mut recent.network,
            _ => &mut recent.device,
        };
        *counted = FailureCount {
            count: u32::try_from(raw.n).unwrap_or(u32::MAX),
            last: raw.last_us.map(Timestamp::from_us),
        };
    }
    Ok(recent)
}

/// Forgets the failures after a success: the device's own when it was known, else the network's.
pub async fn forget_failures(
    tx: &mut Tx,
    account_key: &[u8; 32],
    network: &str,
    device: Option<&[u8; 32]>,
) -> Result<(), StoreError> {
    match device {
        Some(device) => run!(tx, FORGET_ON_DEVICE, &account_key[..], &device[..]).map(drop),
        None => run!(tx, FORGET_ON_NETWORK, &account_key[..], network).map(drop),
    }
}

/// Takes a try back: it was not made.
pub async fn take_back(tx: &mut Tx, id: Id<Failure>) -> Result<(), StoreError> {
    run!(tx, TAKE_BACK, id.to_string()).map(drop)
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
