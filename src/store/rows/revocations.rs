//! What was taken back while access tokens of it may still be about, for every node to know.

use base::id::Grant;
use base::{Id, Timestamp};

use super::{Count, id};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::StoreError;

const REVOKE_TOKEN: &str = "INSERT INTO revoked_token (jti, revoked_us, expires_us) VALUES ($1, $2, $3) \
     ON CONFLICT (jti) DO NOTHING";
const IS_REVOKED: &str = "SELECT COUNT(*) AS n FROM revoked_token WHERE jti = $1";
const TOKENS_SINCE: &str = "SELECT jti AS name, revoked_us FROM revoked_token WHERE revoked_us >= $1 ORDER BY revoked_us LIMIT 10000";
const GRANTS_SINCE: &str = "SELECT id AS name, revoked_us FROM auth_grant \
     WHERE revoked_us IS NOT NULL AND revoked_us >= $1 ORDER BY revoked_us LIMIT 10000";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[REVOKE_TOKEN, IS_REVOKED, TOKENS_SINCE, GRANTS_SINCE];

/// Most rows that one call returns.
pub const MOST: usize = 10_000;

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

/// The `jti`s taken back at or after `since`, oldest first; at most [`MOST`].
pub async fn tokens_since(conn: &mut Conn, since: Timestamp) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let rows = list!(Raw, conn, TOKENS_SINCE, since.us())?;
    Ok(rows.into_iter().map(|raw| (raw.name, Timestamp::from_us(raw.revoked_us))).collect())
}

/// The grants taken back at or after `since`, oldest first; at most [`MOST`].
pub async fn grants_since(
    conn: &mut Conn,
    since: Timestamp,
) -> Result<Vec<(Id<Grant>, Timestamp)>, StoreError> {
    let rows = list!(Raw, conn, GRANTS_SINCE, since.us())?;
    let grant = |raw: Raw| Ok((id("auth_grant", "id", &raw.name)?, Timestamp::from_us(raw.revoked_us)));
    rows.into_iter().map(grant).collect()
}
