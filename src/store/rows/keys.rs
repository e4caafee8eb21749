//! Wrapped keys and the certificates that belong to them.

use base::id::Key;
use base::{Id, Timestamp};

use super::{hash32, id};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::StoreError;

const ADD: &str = "INSERT INTO kms_key (id, purpose, algorithm, state, public_key, wrapped, created_us) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const LIST: &str = "SELECT id, purpose, algorithm, state, public_key, wrapped, created_us \
     FROM kms_key WHERE purpose <> 'seal-signing' ORDER BY id LIMIT 10000";
const TOKEN_KEYS: &str = "SELECT id, algorithm, state, COALESCE(since_us, created_us) AS since_us FROM kms_key \
     WHERE purpose = 'token-signing' AND state <> 'destroyed' ORDER BY id LIMIT 1000";
const CHANGE_STATE: &str = "UPDATE kms_key SET state = $3, since_us = $4 WHERE id = $1 AND state = $2";
const DESTROY: &str =
    "UPDATE kms_key SET state = $2, wrapped = $3, since_us = $4 WHERE id = $1 AND state <> $2";
const LOOKUP: &str =
    "SELECT id, purpose, algorithm, state, public_key, wrapped, created_us FROM kms_key WHERE id = $1";
const ADD_CERTIFICATE: &str = "INSERT INTO certificate (serial, profile, subject, issuer_serial, key_id, der, fingerprint, created_us) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const LIST_CERTIFICATES: &str = "SELECT serial, profile, subject, issuer_serial, key_id, der, fingerprint, revoked_us, created_us \
     FROM certificate WHERE profile = $1 ORDER BY created_us, serial LIMIT 1000";
const LOOKUP_CERTIFICATE: &str = "SELECT serial, profile, subject, issuer_serial, key_id, der, fingerprint, \
     revoked_us, created_us FROM certificate WHERE serial = $1";
const FIND_CERTIFICATE: &str = "SELECT serial, profile, subject, issuer_serial, key_id, der, fingerprint, \
     revoked_us, created_us FROM certificate WHERE fingerprint = $1";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    ADD,
    LIST,
    TOKEN_KEYS,
    CHANGE_STATE,
    DESTROY,
    LOOKUP,
    ADD_CERTIFICATE,
    LIST_CERTIFICATES,
    LOOKUP_CERTIFICATE,
    FIND_CERTIFICATE,
];

/// A key as it is kept: the words are `kms`'s own.
#[derive(Clone)]
pub struct KeyRow {
    /// Its identifier.
    pub id: Id<Key>,
    /// What it is for.
    pub purpose: String,
    /// Its algorithm.
    pub algorithm: String,
    /// Its state.
    pub state: String,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// The private key under the master key.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RawKey {
    id: String,
    purpose: String,
    algorithm: String,
    state: String,
    public_key: Vec<u8>,
    wrapped: Vec<u8>,
    created_us: i64,
}

impl TryFrom<RawKey> for KeyRow {
    type Error = StoreError;
    fn try_from(raw: RawKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: id("kms_key", "id", &raw.id)?,
            purpose: raw.purpose,
            algorithm: raw.algorithm,
            state: raw.state,
            public_key: raw.public_key,
            wrapped: raw.wrapped,
            created: Timestamp::from_us(raw.created_us),
        })
    }
}

/// Keeps a new key.
pub async fn add(tx: &mut Tx, key: &KeyRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD,
        key.id.to_string(),
        &key.purpose,
        &key.algorithm,
        &key.state,
        &key.public_key,
        &key.wrapped,
        key.created.us()
    )
    .map(drop)
}

/// Every key of the installation itself, oldest first; the keys of seals are looked up one by one.
pub async fn all(conn: &mut Conn) -> Result<Vec<KeyRow>, StoreError> {
    list!(RawKey, conn, LIST)?.into_iter().map(KeyRow::try_from).collect()
}

/// A key that signs tokens, or will, or did: as far as its turn goes.
#[derive(Clone, Debug)]
pub struct TokenKeyRow {
    /// Its identifier.
    pub id: Id<Key>,
    /// Its algorithm.
    pub algorithm: String,
    /// Its state.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RawTokenKey {
    id: String,
    algorithm: String,
    state: String,
    since_us: i64,
}

/// The keys that sign tokens, will, or did, oldest first; not those that are destroyed.
pub async fn token_keys(conn: &mut Conn) -> Result<Vec<TokenKeyRow>, StoreError> {
    let row = |raw: RawTokenKey| {
        let since = Timestamp::from_us(raw.since_us);
        Ok(TokenKeyRow {
            id: id("kms_key", "id", &raw.id)?,
            algorithm: raw.algorithm,
            state: raw.state,
            since,
        })
    };
    list!(RawTokenKey, conn, TOKEN_KEYS)?.into_iter().map(row).collect()
}

/// The key goes from one state to another; whether it was in the first.
pub async fn change_state(
    tx: &mut Tx,
    id: Id<Key>,
    from: &str,
    to: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, CHANGE_STATE, id.to_string(), from, to, now.us())? == 1)
}

/// The key goes to the state `destroyed`, and its private half is gone; whether it was not there already.
pub async fn destroy(tx: &mut Tx, id: Id<Key>, destroyed: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, DESTROY, id.to_string(), destroyed, &[][..] as &[u8], now.us())? == 1)
}

/// The key `id`.
pub async fn lookup(conn: &mut Conn, id: Id<Key>) -> Result<Option<KeyRow>, StoreError> {
    find!(RawKey, conn, LOOKUP, id.to_string())?.map(KeyRow::try_from).transpose()
}

/// A certificate of the built-in authority.
#[derive(Clone)]
pub struct CertificateRow {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Which profile it follows.
    pub profile: String,
    /// The subject's name, for people.
    pub subject: String,
    /// The issuer's serial number; `None` for a root.
    pub issuer_serial: Option<String>,
    /// The key it certifies.
    pub key_id: Id<Key>,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// SM3 of the DER.
    pub fingerprint: [u8; 32],
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it was issued.
    pub created: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RawCertificate {
    serial: String,
    profile: String,
    subject: String,
    issuer_serial: Option<String>,
    key_id: String,
    der: Vec<u8>,
    fingerprint: Vec<u8>,
    revoked_us: Option<i64>,
    created_us: i64,
}

impl TryFrom<RawCertificate> for CertificateRow {
    type Error = StoreError;
    fn try_from(raw: RawCertificate) -> Result<Self, StoreError> {
        Ok(Self {
            key_id: id("certificate", "key_id", &raw.key_id)?,
            fingerprint: hash32("certificate", "fingerprint", &raw.serial, &raw.fingerprint)?,
            revoked: raw.revoked_us.map(Timestamp::from_us),
            serial: raw.serial,
            profile: raw.profile,
            subject: raw.subject,
            issuer_serial: raw.issuer_serial,
            der: raw.der,
            created: Timestamp::from_us(raw.created_us),
        })
    }
}

/// Keeps a newly issued certificate.
pub async fn add_certificate(tx: &mut Tx, certificate: &CertificateRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD_CERTIFICATE,
        &certificate.serial,
        &certificate.profile,
        &certificate.subject,
        certificate.issuer_serial.as_deref(),
        certificate.key_id.to_string(),
        &certificate.der,
        &certificate.fingerprint[..],
        certificate.created.us()
    )
    .map(drop)
}

/// Every certificate of `profile`, oldest first.
pub async fn certificates(conn: &mut Conn, profile: &str) -> Result<Vec<CertificateRow>, StoreError> {
    list!(RawCertificate, conn, LIST_CERTIFICATES, profile)?
        .into_iter()
        .map(CertificateRow::try_from)
        .collect()
}

/// The certificate with `serial`.
pub async fn lookup_certificate(conn: &mut Conn, serial: &str) -> Result<Option<CertificateRow>, StoreError> {
    find!(RawCertificate, conn, LOOKUP_CERTIFICATE, serial)?.map(CertificateRow::try_from).transpose()
}

/// The certificate with this SM3 fingerprint.
pub async fn find_certificate(
    conn: &mut Conn,
    fingerprint: &[u8; 32],
) -> Result<Option<CertificateRow>, StoreError> {
    let row = find!(RawCertificate, conn, FIND_CERTIFICATE, &fingerprint[..])?;
    row.map(CertificateRow::try_from).transpose()
}
