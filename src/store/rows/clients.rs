//! Relying applications, and what people consented to.

use base::id::Account;
use base::{Id, Timestamp};

use super::{Count, hash32, words};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::{BadRow, StoreError};

const ADD: &str = "INSERT INTO client (id, metadata, secret_hash, state, sample, created_us, updated_us, software_statement) \
     VALUES ($1, $2, $3, 'active', $4, $5, $5, $6)";
const LOOKUP: &str = "SELECT id, metadata, secret_hash, state, sample, created_us, in_use_since_us, software_statement, document_us \
     FROM client WHERE id = $1";
const LIST: &str = "SELECT id, metadata, secret_hash, state, sample, created_us, in_use_since_us, software_statement, document_us \
     FROM client ORDER BY id LIMIT 1000";
const FIND_MANAGED: &str = "SELECT id, metadata, secret_hash, state, sample, created_us, in_use_since_us, software_statement, document_us \
     FROM client WHERE id = $1 AND registration_token_hash = $2";
const ADD_DOCUMENT: &str = "INSERT INTO client (id, metadata, state, sample, created_us, updated_us, document_us, name_skeleton_zh, name_skeleton_en) \
     VALUES ($1, $2, 'active', 0, $3, $3, $3, '', '') ON CONFLICT (id) DO NOTHING";
const CHANGE_DOCUMENT: &str = "UPDATE client SET metadata = $2, updated_us = $3 \
     WHERE id = $1 AND document_us IS NOT NULL AND metadata <> $2";
const HOLD_DOCUMENT: &str = "UPDATE client SET document_us = $2 WHERE id = $1 AND document_us IS NOT NULL";
const HOLD_CLIENT: &str = "UPDATE client SET updated_us = updated_us WHERE id = $1 AND state = 'active'";
const STATE_SOFTWARE: &str = "UPDATE client SET software_statement = $2 WHERE id = $1";
const NAME: &str = "UPDATE client SET name_skeleton_zh = $2, name_skeleton_en = $3 WHERE id = $1";
const LIST_UNNAMED: &str = "SELECT id, metadata, secret_hash, state, sample, created_us, in_use_since_us, software_statement, document_us \
     FROM client WHERE name_skeleton_zh IS NULL OR name_skeleton_en IS NULL ORDER BY id LIMIT 200";
const COUNT_NAMED: &str = "SELECT COUNT(*) AS n FROM client \
     WHERE name_skeleton_zh = $1 OR name_skeleton_zh = $2 OR name_skeleton_en = $1 OR name_skeleton_en = $2";
const MANAGE_WITH: &str = "UPDATE client SET registration_token_hash = $2 WHERE id = $1";
const CHANGE: &str =
    "UPDATE client SET metadata = $3, updated_us = $4 WHERE id = $1 AND metadata = $2 AND state = 'active'";
const DISABLE: &str =
    "UPDATE client SET state = 'disabled', updated_us = $2 WHERE id = $1 AND state = 'active'";
const COUNT: &str = "SELECT COUNT(*) AS n FROM client";
const ALLOW: &str = "INSERT INTO consent (account_id, client_id, scopes, granted_us) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (account_id, client_id) DO UPDATE SET scopes = excluded.scopes, granted_us = excluded.granted_us, \
     withdrawn_us = NULL";
const WITHDRAW: &str = "UPDATE consent SET withdrawn_us = $3 \
     WHERE account_id = $1 AND client_id = $2 AND withdrawn_us IS NULL";
const WITHDRAW_ALL: &str =
    "UPDATE consent SET withdrawn_us = $2 WHERE client_id = $1 AND withdrawn_us IS NULL";
const HOLD_CONSENT: &str = "UPDATE consent SET granted_us = granted_us \
     WHERE account_id = $1 AND client_id = $2 AND withdrawn_us IS NULL";
const LOOKUP_CONSENT: &str = "SELECT client_id, scopes, granted_us FROM consent \
     WHERE account_id = $1 AND client_id = $2 AND withdrawn_us IS NULL";
const LIST_CONSENTS: &str = "SELECT client_id, scopes, granted_us FROM consent \
     WHERE account_id = $1 AND withdrawn_us IS NULL ORDER BY granted_us LIMIT 100";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    ADD,
    LOOKUP,
    LIST,
    FIND_MANAGED,
    MANAGE_WITH,
    ADD_DOCUMENT,
    CHANGE_DOCUMENT,
    HOLD_DOCUMENT,
    HOLD_CLIENT,
    STATE_SOFTWARE,
    NAME,
    LIST_UNNAMED,
    COUNT_NAMED,
    CHANGE,
    DISABLE,
    COUNT,
    ALLOW,
    WITHDRAW,
    WITHDRAW_ALL,
    HOLD_CONSENT,
    LOOKUP_CONSENT,
    LIST_CONSENTS,
];

/// A relying application as it is kept.
#[derive(Clone)]
pub struct ClientRow {
    /// Its `client_id`.
    pub id: String,
    /// Its registration, JSON in `oidc`'s form.
    pub metadata: String,
    /// SM3 of its secret; `None` for a public client.
    pub secret_hash: Option<[u8; 32]>,
    /// Whether it may be used.
    pub active: bool,
    /// Part of the sample province.
    pub sample: bool,
    /// When it was registered.
    pub created: Timestamp,
    /// When it was taken back into use; nothing that it was given before counts.
    pub in_use_since: Option<Timestamp>,
    /// The statement that vouches for it.
    pub software_statement: Option<String>,
    /// When the document was last held that is its registration; `None` for who has none.
    pub document: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    metadata: String,
    secret_hash: Option<Vec<u8>>,
    state: String,
    sample: i64,
    created_us: i64,
    in_use_since_us: Option<i64>,
    software_statement: Option<String>,
    document_us: Option<i64>,
}

impl TryFrom<Raw> for ClientRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let active = match raw.state.as_str() {
            "active" => true,
            "disabled" => false,
            other => return Err(BadRow::new("client", "state", &raw.id, other).into()),
        };
        let hash = raw.secret_hash.as_deref();
        Ok(Self {
            secret_hash: hash.map(|b| hash32("client", "secret_hash", &raw.id, b)).transpose()?,
            id: raw.id,
            metadata: raw.metadata,
            active,
            sample: raw.sample != 0,
            created: Timestamp::from_us(raw.created_us),
            in_use_since: raw.in_use_since_us.map(Timestamp::from_us),
            software_statement: raw.software_statement,
            document: raw.document_us.map(Timestamp::from_us),
        })
    }
}

/// Keeps a new application.
pub async fn add(tx: &mut Tx, client: &ClientRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD,
        &client.id,
        &client.metadata,
        client.secret_hash.as_ref().map(|h| h.to_vec()),
        i64::from(client.sample),
        client.created.us(),
        client.software_statement.as_deref()
    )
    .map(drop)
}

/// Keeps an application whose registration is a document, if it is not kept yet; whether it was added.
pub async fn add_document(tx: &mut Tx, id: &str, metadata: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, ADD_DOCUMENT, id, metadata, now.us())? == 1)
}

/// The document says something else now; whether it does, and its application is kept.
pub async fn change_document(
    tx: &mut Tx,
    id: &str,
    metadata: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, CHANGE_DOCUMENT, id, metadata, now.us())? == 1)
}

/// Holds an application whose registration is a document until the transaction ends, so that it is not swept meanwhile; whether it is kept.
pub async fn hold_document(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, HOLD_DOCUMENT, id, now.us())? == 1)
}

/// Holds an application that is in use until the transaction ends; whether it is.
pub async fn hold_client(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    Ok(run!(tx, HOLD_CLIENT, id)? == 1)
}

/// Another statement vouches for the application from now on, or none.
pub async fn state_software(tx: &mut Tx, id: &str, statement: Option<&str>) -> Result<(), StoreError> {
    run!(tx, STATE_SOFTWARE, id, statement).map(drop)
}

/// Keeps what the application's two names look like; empty for a stranger's.
pub async fn name(tx: &mut Tx, id: &str, zh: &str, en: &str) -> Result<(), StoreError> {
    run!(tx, NAME, id, zh, en).map(drop)
}

/// Applications of whose names it was not yet worked out what they look like; at most 200.
pub async fn unnamed(conn: &mut Conn) -> Result<Vec<ClientRow>, StoreError> {
    list!(Raw, conn, LIST_UNNAMED)?.into_iter().map(ClientRow::try_from).collect()
}

/// Whether an application of the province has a name that looks like one of these two, which are not empty.
pub async fn is_named(conn: &mut Conn, one: &str, other: &str) -> Result<bool, StoreError> {
    Ok(find!(Count, conn, COUNT_NAMED, one, other)?.is_some_and(|count| count.n > 0))
}

/// The application `id`.
pub async fn lookup(conn: &mut Conn, id: &str) -> Result<Option<ClientRow>, StoreError> {
    find!(Raw, conn, LOOKUP, id)?.map(ClientRow::try_from).transpose()
}

/// The application `id`, if its registration is managed with the token that has this hash.
pub async fn find_managed(
    conn: &mut Conn,
    id: &str,
    token_hash: &[u8; 32],
) -> Result<Option<ClientRow>, StoreError> {
    find!(Raw, conn, FIND_MANAGED, id, &token_hash[..])?.map(ClientRow::try_from).transpose()
}

/// The application's registration is managed with the token that has this hash from now on.
pub async fn manage_with(tx: &mut Tx, id: &str, token_hash: &[u8; 32]) -> Result<(), StoreError> {
    run!(tx, MANAGE_WITH, id, &token_hash[..]).map(drop)
}

/// Replaces the registration `before`; whether that is what an application in use has.
pub async fn change(
    tx: &mut Tx,
    id: &str,
    before: &str,
    metadata: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, CHANGE, id, before, metadata, now.us())? == 1)
}

/// Takes the application out of use; whether it was in use.
pub async fn disable(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, DISABLE, id, now.us())? == 1)
}

/// All applications; at most 1000.
pub async fn all(conn: &mut Conn) -> Result<Vec<ClientRow>, StoreError> {
    list!(Raw, conn, LIST)?.into_iter().map(ClientRow::try_from).collect()
}

/// How many applications there are.
pub async fn count(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT)?.map_or(0, |c| c.n))
}

/// What a person lets an application have.
#[derive(Clone, Debug)]
pub struct ConsentRow {
    /// The application.
    pub client_id: String,
    /// The scopes allowed.
    pub scopes: Vec<String>,
    /// Since when.
    pub granted: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RawConsent {
    client_id: String,
    scopes: String,
    granted_us: i64,
}

impl TryFrom<RawConsent> for ConsentRow {
    type Error = StoreError;
    fn try_from(raw: RawConsent) -> Result<Self, StoreError> {
        Ok(Self {
            scopes: words("consent", "scopes", &raw.client_id, &raw.scopes)?,
            client_id: raw.client_id,
            granted: Timestamp::from_us(raw.granted_us),
        })
    }
}

/// `account` allows `scopes` to the application.
pub async fn allow(
    tx: &mut Tx,
    account: Id<Account>,
    client_id: &str,
    scopes: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let scopes = serde_json::Value::from(scopes.to_vec()).to_string();
    run!(tx, ALLOW, account.to_string(), client_id, scopes.as_str(), now.us()).map(drop)
}

/// `account` takes back what it allowed; whether there was anything.
pub async fn withdraw(
    tx: &mut Tx,
    account: Id<Account>,
    client_id: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, WITHDRAW, account.to_string(), client_id, now.us())? == 1)
}

/// What everybody allowed the application is withdrawn.
pub async fn withdraw_all(tx: &mut Tx, client_id: &str, now: Timestamp) -> Result<(), StoreError> {
    run!(tx, WITHDRAW_ALL, client_id, now.us()).map(drop)
}

/// Holds what `account` allows the application until the transaction ends; whether it allows anything.
pub async fn hold(tx: &mut Tx, account: Id<Account>, client_id: &str) -> Result<bool, StoreError> {
    Ok(run!(tx, HOLD_CONSENT, account.to_string(), client_id)? == 1)
}

/// What `account` allows the application.
pub async fn lookup_consent(
    conn: &mut Conn,
    account: Id<Account>,
    client_id: &str,
) -> Result<Option<ConsentRow>, StoreError> {
    find!(RawConsent, conn, LOOKUP_CONSENT, account.to_string(), client_id)?
        .map(ConsentRow::try_from)
        .transpose()
}

/// Everything that `account` allows.
pub async fn consents_of(conn: &mut Conn, account: Id<Account>) -> Result<Vec<ConsentRow>, StoreError> {
    list!(RawConsent, conn, LIST_CONSENTS, account.to_string())?
        .into_iter()
        .map(ConsentRow::try_from)
        .collect()
}
