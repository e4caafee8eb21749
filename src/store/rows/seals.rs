//! Electronic seals and what was sealed with them.

use base::id::{Entry, Seal, Sealing, Unit};
use base::{Id, Timestamp};

use super::{Count, hash32, id, word_enum};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::{BadRow, StoreError};

const ADD: &str = "INSERT INTO seal (id, es_id, name, unit_id, signer_certificate, esl, state, sample, \
     valid_from_us, valid_until_us, created_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const LOOKUP: &str = "SELECT s.id, s.es_id, s.name, s.unit_id, s.signer_certificate, s.esl, s.state, s.sample, \
     s.valid_from_us, s.valid_until_us, s.created_us, u.path FROM seal s JOIN org_unit u ON u.id = s.unit_id \
     WHERE s.id = $1";
const FIND_BY_ES_ID: &str = "SELECT s.id, s.es_id, s.name, s.unit_id, s.signer_certificate, s.esl, s.state, s.sample, \
     s.valid_from_us, s.valid_until_us, s.created_us, u.path FROM seal s JOIN org_unit u ON u.id = s.unit_id \
     WHERE s.es_id = $1";
const LIST: &str = "SELECT s.id, s.es_id, s.name, s.unit_id, s.signer_certificate, s.esl, s.state, s.sample, \
     s.valid_from_us, s.valid_until_us, s.created_us, u.path FROM seal s JOIN org_unit u ON u.id = s.unit_id \
     ORDER BY s.id LIMIT 1000";
const MOVE_STATE: &str = "UPDATE seal SET state = $3 WHERE id = $1 AND state = $2";
const HOLD: &str = "UPDATE seal SET state = state WHERE id = $1 AND state = 'active'";
const COUNT: &str = "SELECT COUNT(*) AS n FROM seal";
const ADD_SEALING: &str = "INSERT INTO sealing (id, seal_id, actor, original_digest, sealed_digest, audit_entry_id, \
     sealed_us) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const FIND_SEALING: &str = "SELECT id, seal_id, actor, original_digest, sealed_digest, audit_entry_id, sealed_us \
     FROM sealing WHERE sealed_digest = $1 ORDER BY sealed_us LIMIT 1";
const COUNT_SEALINGS: &str = "SELECT COUNT(*) AS n FROM sealing";

/// The statements of this file.
pub const STATEMENTS: &[&str] =
    &[ADD, LOOKUP, FIND_BY_ES_ID, LIST, MOVE_STATE, HOLD, COUNT, ADD_SEALING, FIND_SEALING, COUNT_SEALINGS];

word_enum! {
    /// Where a seal stands.
    SealState {
        /// It may be used.
        Active = "active",
        /// It may not be used until it is resumed.
        Suspended = "suspended",
        /// It may never be used again.
        Destroyed = "destroyed",
    }
}

/// An electronic seal (GB/T 38540).
#[derive(Clone, Debug)]
pub struct SealRow {
    /// Its identifier here.
    pub id: Id<Seal>,
    /// Its identifier in the seal itself (`esID`).
    pub es_id: String,
    /// Its name.
    pub name: String,
    /// The unit it belongs to.
    pub unit: Id<Unit>,
    /// The identifiers from the top of the tree down to the unit, joined by `/`. Not written.
    pub unit_path: String,
    /// The serial number of the signer certificate it is bound to.
    pub signer_certificate: String,
    /// The seal itself, DER of `SESeal`.
    pub esl: Vec<u8>,
    /// Where it stands.
    pub state: SealState,
    /// Part of the sample province.
    pub sample: bool,
    /// Valid from.
    pub valid_from: Timestamp,
    /// Valid until.
    pub valid_until: Timestamp,
    /// When it was made.
    pub created: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    es_id: String,
    name: String,
    unit_id: String,
    signer_certificate: String,
    esl: Vec<u8>,
    state: String,
    sample: i64,
    valid_from_us: i64,
    valid_until_us: i64,
    created_us: i64,
    path: String,
}

impl TryFrom<Raw> for SealRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        if raw.valid_until_us <= raw.valid_from_us {
            return Err(BadRow::new("seal", "valid_until_us", &raw.id, raw.valid_until_us).into());
        }
        Ok(Self {
            id: id("seal", "id", &raw.id)?,
            unit: id("seal", "unit_id", &raw.unit_id)?,
            state: SealState::parse(&raw.state)
                .ok_or_else(|| BadRow::new("seal", "state", &raw.id, &raw.state))?,
            es_id: raw.es_id,
            name: raw.name,
            unit_path: raw.path,
            signer_certificate: raw.signer_certificate,
            esl: raw.esl,
            sample: raw.sample != 0,
            valid_from: Timestamp::from_us(raw.valid_from_us),
            valid_until: Timestamp::from_us(raw.valid_until_us),
            created: Timestamp::from_us(raw.created_us),
        })
    }
}

/// Keeps a new seal.
pub async fn add(tx: &mut Tx, seal: &SealRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD,
        seal.id.to_string(),
        &seal.es_id,
        &seal.name,
        seal.unit.to_string(),
        &seal.signer_certificate,
        &seal.esl,
        seal.state.as_str(),
        i64::from(seal.sample),
        seal.valid_from.us(),
        seal.valid_until.us(),
        seal.created.us()
    )
    .map(drop)
}

/// The seal `id`.
pub async fn lookup(conn: &mut Conn, id: Id<Seal>) -> Result<Option<SealRow>, StoreError> {
    find!(Raw, conn, LOOKUP, id.to_string())?.map(SealRow::try_from).transpose()
}

/// The seal whose own identifier is `es_id`.
pub async fn find_by_es_id(conn: &mut Conn, es_id: &str) -> Result<Option<SealRow>, StoreError> {
    find!(Raw, conn, FIND_BY_ES_ID, es_id)?.map(SealRow::try_from).transpose()
}

/// All seals; at most 1000.
pub async fn all(conn: &mut Conn) -> Result<Vec<SealRow>, StoreError> {
    list!(Raw, conn, LIST)?.into_iter().map(SealRow::try_from).collect()
}

/// Moves the seal from one state to another; whether it was in the first.
pub async fn move_state(
    tx: &mut Tx,
    id: Id<Seal>,
    from: SealState,
    to: SealState,
) -> Result<bool, StoreError> {
    Ok(run!(tx, MOVE_STATE, id.to_string(), from.as_str(), to.as_str())? == 1)
}

/// Holds the seal in its state until the transaction ends; whether it is in use. Whoever suspends it meanwhile waits.
pub async fn hold(tx: &mut Tx, id: Id<Seal>) -> Result<bool, StoreError> {
    Ok(run!(tx, HOLD, id.to_string())? == 1)
}

/// How many seals there are.
pub async fn count(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT)?.map_or(0, |c| c.n))
}

/// One sealing of one document.
#[derive(Clone, Debug)]
pub struct SealingRow {
    /// Its identifier.
    pub id: Id<Sealing>,
    /// The seal used.
    pub seal: Id<Seal>,
    /// Who used it.
    pub actor: String,
    /// SM3 of the file before.
    pub original_digest: [u8; 32],
    /// SM3 of the file after.
    pub sealed_digest: [u8; 32],
    /// The log entry.
    pub entry: Id<Entry>,
    /// When.
    pub sealed: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RawSealing {
    id: String,
    seal_id: String,
    actor: String,
    original_digest: Vec<u8>,
    sealed_digest: Vec<u8>,
    audit_entry_id: String,
    sealed_us: i64,
}

/// Keeps a sealing.
pub async fn add_sealing(tx: &mut Tx, sealing: &SealingRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD_SEALING,
        sealing.id.to_string(),
        sealing.seal.to_string(),
        &sealing.actor,
        &sealing.original_digest[..],
        &sealing.sealed_digest[..],
        sealing.entry.to_string(),
        sealing.sealed.us()
    )
    .map(drop)
}

/// The sealing that made the file with this digest.
pub async fn find_sealing(
    conn: &mut Conn,
    sealed_digest: &[u8; 32],
) -> Result<Option<SealingRow>, StoreError> {
    let Some(raw) = find!(RawSealing, conn, FIND_SEALING, &sealed_digest[..])? else { return Ok(None) };
    Ok(Some(SealingRow {
        id: id("sealing", "id", &raw.id)?,
        seal: id("sealing", "seal_id", &raw.seal_id)?,
        original_digest: hash32("sealing", "original_digest", &raw.id, &raw.original_digest)?,
        sealed_digest: hash32("sealing", "sealed_digest", &raw.id, &raw.sealed_digest)?,
        entry: id("sealing", "audit_entry_id", &raw.audit_entry_id)?,
        actor: raw.actor,
        sealed: Timestamp::from_us(raw.sealed_us),
    }))
}

/// How many documents were sealed.
pub async fn count_sealings(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT_SEALINGS)?.map_or(0, |c| c.n))
}
