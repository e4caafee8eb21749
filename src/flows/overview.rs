//! How many there are of what, and the keys: the console's first look.

use kms::KeyRecord;
use store::rows::{accounts, clients, ecerts, keys, seals};

use crate::env::Env;
use crate::error::Fault;
use crate::{keyring, log};

/// How many there are of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overview {
    /// Accounts, counted no further than 100 000.
    pub accounts: u64,
    /// Registered applications.
    pub applications: u64,
    /// Seals.
    pub seals: u64,
    /// Issued e-certificates.
    pub certificates: u64,
    /// Sealed documents, e-certificates among them.
    pub documents: u64,
    /// Entries of the log under its latest checkpoint.
    pub log_entries: u64,
}

/// Counts what the store holds.
pub async fn overview(env: &Env) -> Result<Overview, Fault> {
    let log_entries = log::checkpoint(env).await?.size;
    let mut conn = env.db.read().await?;
    Ok(Overview {
        accounts: accounts::count(&mut conn).await?.unsigned_abs(),
        applications: clients::count(&mut conn).await?.unsigned_abs(),
        seals: seals::count(&mut conn).await?.unsigned_abs(),
        certificates: ecerts::count(&mut conn).await?.unsigned_abs(),
        documents: seals::count_sealings(&mut conn).await?.unsigned_abs(),
        log_entries,
    })
}

/// Every key as it is recorded now, oldest first; the keys of seals made since the start included.
pub async fn keys(env: &Env) -> Result<Vec<KeyRecord>, Fault> {
    let rows = keys::all(&mut *env.db.read().await?).await?;
    rows.into_iter().map(keyring::record).collect()
}
