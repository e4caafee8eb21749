//! E-certificates and their types.

use base::id::{Entry, Seal, Unit};
use base::{Id, Timestamp};

use super::{Count, hash32, id, small};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::StoreError;

const ADD_TYPE: &str = "INSERT INTO ecert_type (code, document, unit_id, seal_id, sample, created_us) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const LOOKUP_TYPE: &str = "SELECT t.code, t.document, t.unit_id, t.seal_id, t.sample, t.created_us, u.path \
     FROM ecert_type t JOIN org_unit u ON u.id = t.unit_id WHERE t.code = $1";
const LIST_TYPES: &str = "SELECT t.code, t.document, t.unit_id, t.seal_id, t.sample, t.created_us, u.path \
     FROM ecert_type t JOIN org_unit u ON u.id = t.unit_id ORDER BY t.code LIMIT 1000";
const ADD: &str = "INSERT INTO ecert (identifier, type_code, serial, version, holder_name, holder_index, metadata, \
     file, file_digest, state, audit_entry_id, issued_us, updated_us) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)";
const LOOKUP: &str = "SELECT identifier, type_code, serial, version, holder_name, metadata, file, file_digest, state, \
     audit_entry_id, issued_us FROM ecert WHERE identifier = $1";
const FIND_BY_DIGEST: &str = "SELECT identifier, type_code, serial, version, holder_name, metadata, file, file_digest, \
     state, audit_entry_id, issued_us FROM ecert WHERE file_digest = $1 LIMIT 1";
const LIST_OF_HOLDER: &str = "SELECT identifier, type_code, serial, version, holder_name, metadata, file, file_digest, \
     state, audit_entry_id, issued_us FROM ecert WHERE holder_index = $1 ORDER BY issued_us DESC LIMIT 100";
const LIST: &str = "SELECT identifier, type_code, serial, version, holder_name, metadata, file, file_digest, state, \
     audit_entry_id, issued_us FROM ecert ORDER BY issued_us DESC LIMIT 50";
const MOVE_STATE: &str = "UPDATE ecert SET state = $3, updated_us = $4 WHERE identifier = $1 AND state = $2";
const COUNT: &str = "SELECT COUNT(*) AS n FROM ecert";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    ADD_TYPE,
    LOOKUP_TYPE,
    LIST_TYPES,
    ADD,
    LOOKUP,
    FIND_BY_DIGEST,
    LIST_OF_HOLDER,
    LIST,
    MOVE_STATE,
    COUNT,
];

/// A type of e-certificate as it is kept.
#[derive(Clone, Debug)]
pub struct TypeRow {
    /// Its 21-character code (GB/T 36904).
    pub code: String,
    /// Its definition, JSON in `ecert`'s form.
    pub document: String,
    /// The unit that issues it.
    pub unit: Id<Unit>,
    /// The identifiers from the top of the tree down to the unit, joined by `/`. Not written.
    pub unit_path: String,
    /// The seal it is sealed with.
    pub seal: Id<Seal>,
    /// Part of the sample province.
    pub sample: bool,
    /// When it was added.
    pub created: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RawType {
    code: String,
    document: String,
    unit_id: String,
    seal_id: String,
    sample: i64,
    created_us: i64,
    path: String,
}

impl TryFrom<RawType> for TypeRow {
    type Error = StoreError;
    fn try_from(raw: RawType) -> Result<Self, StoreError> {
        Ok(Self {
            unit: id("ecert_type", "unit_id", &raw.unit_id)?,
            seal: id("ecert_type", "seal_id", &raw.seal_id)?,
            code: raw.code,
            document: raw.document,
            unit_path: raw.path,
            sample: raw.sample != 0,
            created: Timestamp::from_us(raw.created_us),
        })
    }
}

/// Keeps a new type.
pub async fn add_type(tx: &mut Tx, t: &TypeRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD_TYPE,
        &t.code,
        &t.document,
        t.unit.to_string(),
        t.seal.to_string(),
        i64::from(t.sample),
        t.created.us()
    )
    .map(drop)
}

/// The type with `code`.
pub async fn lookup_type(conn: &mut Conn, code: &str) -> Result<Option<TypeRow>, StoreError> {
    find!(RawType, conn, LOOKUP_TYPE, code)?.map(TypeRow::try_from).transpose()
}

/// All types; at most 1000.
pub async fn types(conn: &mut Conn) -> Result<Vec<TypeRow>, StoreError> {
    list!(RawType, conn, LIST_TYPES)?.into_iter().map(TypeRow::try_from).collect()
}

/// An issued e-certificate.
#[derive(Clone, Debug)]
pub struct EcertRow {
    /// Its identifier (GB/T 36904), with check character.
    pub identifier: String,
    /// Its type.
    pub type_code: String,
    /// Its serial number within the type.
    pub serial: String,
    /// Its version, from 1.
    pub version: u16,
    /// The holder's name.
    pub holder_name: String,
    /// Its metadata (GB/T 36903), JSON in `ecert`'s form.
    pub metadata: String,
    /// The sealed OFD file.
    pub file: Vec<u8>,
    /// SM3 of the file.
    pub file_digest: [u8; 32],
    /// Its state, in `ecert`'s word.
    pub state: String,
    /// The log entry of its issuance.
    pub entry: Id<Entry>,
    /// When it was issued.
    pub issued: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Raw {
    identifier: String,
    type_code: String,
    serial: String,
    version: i64,
    holder_name: String,
    metadata: String,
    file: Vec<u8>,
    file_digest: Vec<u8>,
    state: String,
    audit_entry_id: String,
    issued_us: i64,
}

impl TryFrom<Raw> for EcertRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            version: small("ecert", "version", &raw.identifier, raw.version)?,
            file_digest: hash32("ecert", "file_digest", &raw.identifier, &raw.file_digest)?,
            entry: id("ecert", "audit_entry_id", &raw.audit_entry_id)?,
            identifier: raw.identifier,
            type_code: raw.type_code,
            serial: raw.serial,
            holder_name: raw.holder_name,
            metadata: raw.metadata,
            file: raw.file,
            state: raw.state,
            issued: Timestamp::from_us(raw.issued_us),
        })
    }
}

/// Keeps a newly issued certificate. `holder_index` is the keyed hash of the holder's code.
pub async fn add(tx: &mut Tx, ecert: &EcertRow, holder_index: &[u8; 32]) -> Result<(), StoreError> {
    run!(
        tx,
        ADD,
        &ecert.identifier,
        &ecert.type_code,
        &ecert.serial,
        i64::from(ecert.version),
        &ecert.holder_name,
        &holder_index[..],
        &ecert.metadata,
        &ecert.file,
        &ecert.file_digest[..],
        &ecert.state,
        ecert.entry.to_string(),
        ecert.issued.us()
    )
    .map(drop)
}

/// The certificate with `identifier`.
pub async fn lookup(conn: &mut Conn, identifier: &str) -> Result<Option<EcertRow>, StoreError> {
    find!(Raw, conn, LOOKUP, identifier)?.map(EcertRow::try_from).transpose()
}

/// The certificate whose file has this digest.
pub async fn find_by_digest(conn: &mut Conn, digest: &[u8; 32]) -> Result<Option<EcertRow>, StoreError> {
    find!(Raw, conn, FIND_BY_DIGEST, &digest[..])?.map(EcertRow::try_from).transpose()
}

/// The certificates of the holder with this index, latest first; at most 100.
pub async fn of_holder(conn: &mut Conn, holder_index: &[u8; 32]) -> Result<Vec<EcertRow>, StoreError> {
    list!(Raw, conn, LIST_OF_HOLDER, &holder_index[..])?.into_iter().map(EcertRow::try_from).collect()
}

/// The latest certificates; at most 50.
pub async fn latest(conn: &mut Conn) -> Result<Vec<EcertRow>, StoreError> {
    list!(Raw, conn, LIST)?.into_iter().map(EcertRow::try_from).collect()
}

/// Moves the certificate from one state to another; whether it was in the first.
pub async fn move_state(
    tx: &mut Tx,
    identifier: &str,
    from: &str,
    to: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, MOVE_STATE, identifier, from, to, now.us())? == 1)
}

/// How many certificates there are.
pub async fn count(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT)?.map_or(0, |c| c.n))
}
