//! Grants and the one-time things that hang from them: authorization codes and refresh tokens.

use base::id::{Account, Grant, Session};
use base::{Id, Timestamp};

use super::sessions::LiveAt;
use super::{id, words};
use crate::db::{Conn, Tx, find, hold, list, run};
use crate::dialect::hold;
use crate::error::StoreError;

const ADD: &str = "INSERT INTO auth_grant (id, client_id, account_id, session_id, scopes, resources, nonce, acr, amr, \
     auth_us, created_us, expires_us, claims, authorization_details, confirmation, elsewhere) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
/// A query for a grant, and what else its tail names: from `auth_grant g` on.
macro_rules! select_grant {
    ($tail:literal) => {
        concat!(
            "SELECT g.id, g.client_id, g.account_id, g.session_id, g.scopes, g.resources, g.nonce, g.acr, g.amr, g.auth_us, \
             g.created_us, g.expires_us, g.revoked_us, g.claims, g.authorization_details, g.confirmation, g.elsewhere",
            $tail
        )
    };
}
const LOOKUP: &str = select_grant!(" FROM auth_grant g WHERE g.id = $1");
const CLAIMS: &str = "SELECT claims FROM auth_grant WHERE id = $1";
const CONFIRM: &str = "UPDATE auth_grant SET confirmation = $2 WHERE id = $1 AND confirmation IS NULL";
const REVOKE: &str =
    "UPDATE auth_grant SET revoked_us = $2, revoked_reason = $3 WHERE id = $1 AND revoked_us IS NULL";
const REVOKE_OF_SESSION: &str = "UPDATE auth_grant SET revoked_us = $2, revoked_reason = $3 \
     WHERE session_id = $1 AND revoked_us IS NULL RETURNING id";
const REVOKE_OF_CLIENT: &str = "UPDATE auth_grant SET revoked_us = $3, revoked_reason = $4 \
     WHERE account_id = $1 AND client_id = $2 AND revoked_us IS NULL RETURNING id";
const EXTEND_WITH_SESSION: &str = "UPDATE auth_grant SET expires_us = $3 \
     WHERE session_id = $1 AND expires_us = $2 AND revoked_us IS NULL";
const REVOKE_OF_ACCOUNT: &str = "UPDATE auth_grant SET revoked_us = $2, revoked_reason = $3 \
     WHERE account_id = $1 AND revoked_us IS NULL AND expires_us > $2 RETURNING id";
const STANDING_OF: &str = "SELECT g.client_id, g.scopes, g.created_us FROM auth_grant g JOIN session s ON s.id = g.session_id \
     WHERE g.account_id = $1 AND g.revoked_us IS NULL AND g.expires_us > $2 AND s.ended_us IS NULL \
     AND ((s.expires_us > $2 AND (s.used_us IS NULL OR s.used_us > $3)) OR g.scopes LIKE '%\"offline_access\"%') ORDER BY g.created_us, g.id LIMIT 1000";
const ADD_CODE: &str = "INSERT INTO authorization_code (code_hash, grant_id, redirect_uri, code_challenge, expires_us, dpop_jkt) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const FIND_CODE: &str = select_grant!(
    ", c.redirect_uri, c.code_challenge, c.expires_us AS until_us, c.consumed_us, c.dpop_jkt \
     FROM authorization_code c JOIN auth_grant g ON g.id = c.grant_id WHERE c.code_hash = $1"
);
const CONSUME_CODE: &str =
    "UPDATE authorization_code SET consumed_us = $2 WHERE code_hash = $1 AND consumed_us IS NULL";
const LATEST: &str = "SELECT id FROM auth_grant WHERE session_id = $1 AND client_id = $2 AND revoked_us IS NULL \
     ORDER BY created_us DESC, id DESC LIMIT 1";
const EXTEND_REFRESH: &str =
    "UPDATE refresh_token SET expires_us = $2 WHERE token_hash = $1 AND consumed_us IS NULL";
const ADD_REFRESH: &str = "INSERT INTO refresh_token (token_hash, grant_id, expires_us) VALUES ($1, $2, $3) \
     ON CONFLICT (token_hash) DO NOTHING";
const FIND_REFRESH: &str = select_grant!(
    ", r.expires_us AS until_us, r.consumed_us \
     FROM refresh_token r JOIN auth_grant g ON g.id = r.grant_id WHERE r.token_hash = $1"
);
const CONSUME_REFRESH: &str =
    "UPDATE refresh_token SET consumed_us = $2 WHERE token_hash = $1 AND consumed_us IS NULL";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    ADD,
    LOOKUP,
    REVOKE,
    REVOKE_OF_SESSION,
    REVOKE_OF_CLIENT,
    EXTEND_WITH_SESSION,
    REVOKE_OF_ACCOUNT,
    STANDING_OF,
    LATEST,
    CLAIMS,
    CONFIRM,
    ADD_CODE,
    FIND_CODE,
    CONSUME_CODE,
    ADD_REFRESH,
    FIND_REFRESH,
    CONSUME_REFRESH,
    EXTEND_REFRESH,
];

/// One authorization by one person to one application.
#[derive(Clone, Debug)]
pub struct GrantRow {
    /// Its identifier.
    pub id: Id<Grant>,
    /// The application.
    pub client_id: String,
    /// The person.
    pub account: Id<Account>,
    /// The login it came from; it ends with it.
    pub session: Id<Session>,
    /// The scopes given.
    pub scopes: Vec<String>,
    /// The APIs that its tokens are for.
    pub resources: Vec<String>,
    /// The request's `nonce`.
    pub nonce: Option<String>,
    /// The login's `acr`.
    pub acr: String,
    /// The login's `amr`.
    pub amr: Vec<String>,
    /// When the person authenticated.
    pub authenticated: Timestamp,
    /// When it was given.
    pub created: Timestamp,
    /// When it ends whatever happens.
    pub expires: Timestamp,
    /// When it was taken back.
    pub revoked: Option<Timestamp>,
    /// The claims asked for one by one, JSON in `oidc`'s form.
    pub claims: Option<String>,
    /// What was given in detail, a JSON array (RFC 9396).
    pub authorization_details: Option<String>,
    /// The thumbprint of the key that its refresh tokens are bound to.
    pub confirmation: Option<String>,
    /// Whether the application is elsewhere than the browser of the login, as a device is.
    pub elsewhere: bool,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    client_id: String,
    account_id: String,
    session_id: String,
    scopes: String,
    resources: String,
    nonce: Option<String>,
    acr: String,
    amr: String,
    auth_us: i64,
    created_us: i64,
    expires_us: i64,
    revoked_us: Option<i64>,
    claims: Option<String>,
    authorization_details: Option<String>,
    confirmation: Option<String>,
    elsewhere: i64,
}

impl TryFrom<Raw> for GrantRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            account: id("auth_grant", "account_id", &raw.account_id)?,
            session: id("auth_grant", "session_id", &raw.session_id)?,
            scopes: words("auth_grant", "scopes", &raw.id, &raw.scopes)?,
            resources: words("auth_grant", "resources", &raw.id, &raw.resources)?,
            amr: words("auth_grant", "amr", &raw.id, &raw.amr)?,
            id: id("auth_grant", "id", &raw.id)?,
            client_id: raw.client_id,
            nonce: raw.nonce,
            acr: raw.acr,
            authenticated: Timestamp::from_us(raw.auth_us),
            created: Timestamp::from_us(raw.created_us),
            expires: Timestamp::from_us(raw.expires_us),
            revoked: raw.revoked_us.map(Timestamp::from_us),
            claims: raw.claims,
            authorization_details: raw.authorization_details,
            confirmation: raw.confirmation,
            elsewhere: raw.elsewhere != 0,
        })
    }
}

/// Keeps a new grant.
pub async fn add(tx: &mut Tx, grant: &GrantRow) -> Result<(), StoreError> {
    let scopes = serde_json::Value::from(grant.scopes.clone()).to_string();
    let resources = serde_json::Value::from(grant.resources.clone()).to_string();
    let amr = serde_json::Value::from(grant.amr.clone()).to_string();
    run!(
        tx,
        ADD,
        grant.id.to_string(),
        &grant.client_id,
        grant.account.to_string(),
        grant.session.to_string(),
        scopes.as_str(),
        resources.as_str(),
        grant.nonce.as_deref(),
        &grant.acr,
        amr.as_str(),
        grant.authenticated.us(),
        grant.created.us(),
        grant.expires.us(),
        grant.claims.as_deref(),
        grant.authorization_details.as_deref(),
        grant.confirmation.as_deref(),
        i64::from(grant.elsewhere)
    )
    .map(drop)
}

/// The grant `id`, revoked or not.
pub async fn lookup(conn: &mut Conn, id: Id<Grant>) -> Result<Option<GrantRow>, StoreError> {
    find!(Raw, conn, LOOKUP, id.to_string())?.map(GrantRow::try_from).transpose()
}

#[derive(sqlx::FromRow)]
struct RawClaims {
    claims: Option<String>,
}

/// The claims that were asked for one by one when the grant was given.
pub async fn claims_of(conn: &mut Conn, id: Id<Grant>) -> Result<Option<String>, StoreError> {
    Ok(find!(RawClaims, conn, CLAIMS, id.to_string())?.and_then(|raw| raw.claims))
}

/// Takes the grant back and with it every token; whether it still stood.
pub async fn revoke(tx: &mut Tx, id: Id<Grant>, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, REVOKE, id.to_string(), now.us(), reason)? == 1)
}

/// Holds every grant of some sessions until the transaction ends; for who takes them back one session after the other.
pub async fn hold_of_sessions(tx: &mut Tx, sessions: &[Id<Session>]) -> Result<(), StoreError> {
    hold!(tx, hold::GRANTS_OF_SESSIONS, sessions.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// Takes back every grant of a session; which there were.
pub async fn revoke_of_session(
    tx: &mut Tx,
    session: Id<Session>,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Id<Grant>>, StoreError> {
    hold_of_sessions(tx, &[session]).await?;
    ids(list!(RawId, tx, REVOKE_OF_SESSION, session.to_string(), now.us(), reason)?)
}

/// The grants that were to end with the session at `before` end with it at `after`.
pub async fn extend_with_session(
    tx: &mut Tx,
    session: Id<Session>,
    before: Timestamp,
    after: Timestamp,
) -> Result<(), StoreError> {
    hold_of_sessions(tx, &[session]).await?;
    run!(tx, EXTEND_WITH_SESSION, session.to_string(), before.us(), after.us()).map(drop)
}

/// Takes back every grant of `account` to the application; which there were.
pub async fn revoke_of_client(
    tx: &mut Tx,
    account: Id<Account>,
    client_id: &str,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Id<Grant>>, StoreError> {
    hold!(tx, hold::GRANTS_OF_ACCOUNT, account.to_string())?;
    ids(list!(RawId, tx, REVOKE_OF_CLIENT, account.to_string(), client_id, now.us(), reason)?)
}

/// Takes back every grant of `account`; which there were.
pub async fn revoke_of_account(
    tx: &mut Tx,
    account: Id<Account>,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Id<Grant>>, StoreError> {
    hold!(tx, hold::GRANTS_OF_ACCOUNT, account.to_string())?;
    ids(list!(RawId, tx, REVOKE_OF_ACCOUNT, account.to_string(), now.us(), reason)?)
}

/// What an application has been given and still has, by one grant.
#[derive(Clone, Debug)]
pub struct StandingGrant {
    /// The application.
    pub client_id: String,
    /// The scopes given.
    pub scopes: Vec<String>,
    /// Since when.
    pub since: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RawStanding {
    client_id: String,
    scopes: String,
    created_us: i64,
}

/// The grants of `account` that stand, oldest first; at most 1000.
pub async fn standing_of(
    conn: &mut Conn,
    account: Id<Account>,
    at: LiveAt,
) -> Result<Vec<StandingGrant>, StoreError> {
    let grant = |raw: RawStanding| {
        Ok(StandingGrant {
            scopes: words("auth_grant", "scopes", &raw.client_id, &raw.scopes)?,
            client_id: raw.client_id,
            since: Timestamp::from_us(raw.created_us),
        })
    };
    list!(RawStanding, conn, STANDING_OF, account.to_string(), at.now.us(), at.idle_since.us())?
        .into_iter()
        .map(grant)
        .collect()
}

#[derive(sqlx::FromRow)]
struct RawId {
    id: String,
}

fn ids(rows: Vec<RawId>) -> Result<Vec<Id<Grant>>, StoreError> {
    rows.into_iter().map(|raw| Ok(id("auth_grant", "id", &raw.id)?)).collect()
}

/// The standing grant that the application was given last in this session.
pub async fn latest(
    conn: &mut Conn,
    session: Id<Session>,
    client_id: &str,
) -> Result<Option<GrantRow>, StoreError> {
    match find!(RawId, conn, LATEST, session.to_string(), client_id)? {
        Some(raw) => lookup(conn, id("auth_grant", "id", &raw.id)?).await,
        None => Ok(None),
    }
}

/// Binds the grant's refresh tokens to a key; true for exactly one caller, ever.
pub async fn confirm(tx: &mut Tx, id: Id<Grant>, thumbprint: &str) -> Result<bool, StoreError> {
    Ok(run!(tx, CONFIRM, id.to_string(), thumbprint)? == 1)
}

/// An authorization code as it is kept: by its hash.
#[derive(Clone, Debug)]
pub struct CodeRow {
    /// The grant it stands for.
    pub grant: Id<Grant>,
    /// The redirect URI of the request, which the exchange must repeat.
    pub redirect_uri: String,
    /// The PKCE challenge; empty when the request carried none.
    pub code_challenge: String,
    /// When it is too late.
    pub expires: Timestamp,
    /// When it was used.
    pub consumed: Option<Timestamp>,
    /// The thumbprint of the key it is bound to.
    pub dpop_jkt: Option<String>,
}

#[derive(sqlx::FromRow)]
struct RawCode {
    #[sqlx(flatten)]
    grant: Raw,
    redirect_uri: String,
    code_challenge: String,
    until_us: i64,
    consumed_us: Option<i64>,
    dpop_jkt: Option<String>,
}

/// Keeps a new code by its hash.
pub async fn add_code(tx: &mut Tx, code_hash: &[u8; 32], code: &CodeRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD_CODE,
        &code_hash[..],
        code.grant.to_string(),
        &code.redirect_uri,
        &code.code_challenge,
        code.expires.us(),
        code.dpop_jkt.as_deref()
    )
    .map(drop)
}

/// The code with this hash, used or not, and its grant, revoked or not.
pub async fn find_code(
    conn: &mut Conn,
    code_hash: &[u8; 32],
) -> Result<Option<(CodeRow, GrantRow)>, StoreError> {
    let Some(raw) = find!(RawCode, conn, FIND_CODE, &code_hash[..])? else { return Ok(None) };
    let grant = GrantRow::try_from(raw.grant)?;
    let code = CodeRow {
        grant: grant.id,
        redirect_uri: raw.redirect_uri,
        code_challenge: raw.code_challenge,
        expires: Timestamp::from_us(raw.until_us),
        consumed: raw.consumed_us.map(Timestamp::from_us),
        dpop_jkt: raw.dpop_jkt,
    };
    Ok(Some((code, grant)))
}

/// Uses the code up: true for exactly one caller, ever.
pub async fn consume_code(tx: &mut Tx, code_hash: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, CONSUME_CODE, &code_hash[..], now.us())? == 1)
}

/// A refresh token as it is kept: by its hash.
#[derive(Clone, Debug)]
pub struct RefreshRow {
    /// When it is too late.
    pub expires: Timestamp,
    /// When it was used.
    pub consumed: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct RawRefresh {
    #[sqlx(flatten)]
    grant: Raw,
    until_us: i64,
    consumed_us: Option<i64>,
}

/// Keeps a new refresh token by its hash; one that is there already stays.
pub async fn add_refresh(
    tx: &mut Tx,
    token_hash: &[u8; 32],
    grant: Id<Grant>,
    expires: Timestamp,
) -> Result<(), StoreError> {
    run!(tx, ADD_REFRESH, &token_hash[..], grant.to_string(), expires.us()).map(drop)
}

/// The refresh token with this hash, used or not, and the grant that it renews, revoked or not.
pub async fn find_refresh(
    conn: &mut Conn,
    token_hash: &[u8; 32],
) -> Result<Option<(RefreshRow, GrantRow)>, StoreError> {
    let Some(raw) = find!(RawRefresh, conn, FIND_REFRESH, &token_hash[..])? else { return Ok(None) };
    let token = RefreshRow {
        expires: Timestamp::from_us(raw.until_us),
        consumed: raw.consumed_us.map(Timestamp::from_us),
    };
    Ok(Some((token, GrantRow::try_from(raw.grant)?)))
}

/// Lets a refresh token that stays as it is live until `expires`; whether it is still unused.
pub async fn extend_refresh(
    tx: &mut Tx,
    token_hash: &[u8; 32],
    expires: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, EXTEND_REFRESH, &token_hash[..], expires.us())? == 1)
}

/// Uses the refresh token up: true for exactly one caller, ever.
pub async fn consume_refresh(tx: &mut Tx, token_hash: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, CONSUME_REFRESH, &token_hash[..], now.us())? == 1)
}
