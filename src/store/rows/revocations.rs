//! What was taken back while access tokens of it may still be about, for every node to know.

use base::id::Grant;
use base::{Id, Timestamp};

use super::{Count, id};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::StoreError;

const REVOKE_TOKEN: &str = "INSERT INTO revoked_token (jti, revoked_us, expires_us) VALUES ($1, $2, $3) \
     ON CONFLICT (jti) DO NOTHING";
const IS_REVOKED: &str = "SELECT COUNT(*) AS n FROM revoked_token WHERE jti = $1";
const TOKENS_SINCE: &str = "SELECT jti AS name, revoked_us FROM revoked_token \
     WHERE revoked_us >= $1 AND (revoked_us > $1 OR jti > $2) ORDER BY revoked_us, jti LIMIT 10000";
const GRANTS_SINCE: &str = "SELECT id AS name, revoked_us FROM auth_grant \
     WHERE revoked_us IS NOT NULL AND revoked_us >= $1 AND (revoked_us > $1 OR id > $2) ORDER BY revoked_us, id LIMIT 10000";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[REVOKE_TOKEN, IS_REVOKED, TOKENS_SINCE, GRANTS_SINCE];

/// Most rows of a page.
const MOST: usize = 10_000;

#[derive(sqlx::FromRow)]
struct Raw {
    name: String,
    revoked_us: i64,
}

/// Takes back one access token; whether it was not already.
pub async fn revoke_token(
    tx: &mut Tx,
    jti: &str,
    now: Timestamp,
    expires: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, REVOKE_TOKEN, jti, now.us(), expires.us())? == 1)
}

/// Whether the access token `jti` was taken back.
pub async fn is_token_revoked(conn: &mut Conn, jti: &str) -> Result<bool, StoreError> {
    Ok(find!(Count, conn, IS_REVOKED, jti)?.is_some_and(|count| count.n > 0))
}

/// Where a page of what was taken back begins: after this moment, and at it after this name.
#[derive(Clone, Debug)]
pub struct After(Timestamp, String);

impl After {
    /// Everything from `moment` on.
    pub const fn all_since(moment: Timestamp) -> Self {
        Self(moment, String::new())
    }
}

/// A page of what was taken back, oldest first, and where the next begins; `None` when this was the last.
pub struct Page<T> {
    /// What was taken back, and when.
    pub taken_back: Vec<(T, Timestamp)>,
    /// Where the next page begins.
    pub next: Option<After>,
}

/// The `jti`s taken back after `after`.
pub async fn tokens_since(conn: &mut Conn, after: &After) -> Result<Page<String>, StoreError> {
    page(list!(Raw, conn, TOKENS_SINCE, after.0.us(), &after.1)?, Ok)
}

/// The grants taken back after `after`.
pub async fn grants_since(conn: &mut Conn, after: &After) -> Result<Page<Id<Grant>>, StoreError> {
    page(list!(Raw, conn, GRANTS_SINCE, after.0.us(), &after.1)?, |name| Ok(id("auth_grant", "id", &name)?))
}

fn page<T>(rows: Vec<Raw>, read: impl Fn(String) -> Result<T, StoreError>) -> Result<Page<T>, StoreError> {
    let full = rows.len() == MOST;
    let next = rows
        .last()
        .filter(|_| full)
        .map(|last| After(Timestamp::from_us(last.revoked_us), last.name.clone()));
    let one = |raw: Raw| Ok((read(raw.name)?, Timestamp::from_us(raw.revoked_us)));
    Ok(Page { taken_back: rows.into_iter().map(one).collect::<Result<_, StoreError>>()?, next })
}
