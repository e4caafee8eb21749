//! The log: entries, tiles, checkpoints, and the head that only one sequencer can move.

use base::id::Entry;
use base::{Id, Timestamp};

use super::{hash32, id, small};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::StoreError;

const ADD: &str =
    "INSERT INTO audit_entry (id, kind, subject, body, leaf_hash, at_us) VALUES ($1, $2, $3, $4, $5, $6)";
const UNSEQUENCED: &str = "SELECT id, leaf_hash FROM audit_entry WHERE seq IS NULL ORDER BY id LIMIT $1";
const WAITING: &str = "SELECT id, kind, subject, body, leaf_hash, at_us, seq FROM audit_entry \
     WHERE seq IS NULL ORDER BY id LIMIT $1";
const PLACE: &str = "UPDATE audit_entry SET seq = $2 WHERE id = $1 AND seq IS NULL";
const LOOKUP: &str = "SELECT id, kind, subject, body, leaf_hash, at_us, seq FROM audit_entry WHERE id = $1";
const IN_ORDER: &str = "SELECT id, kind, subject, body, leaf_hash, at_us, seq FROM audit_entry \
     WHERE seq >= $1 ORDER BY seq LIMIT $2";
const LATEST: &str = "SELECT id, kind, subject, body, leaf_hash, at_us, seq FROM audit_entry \
     WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT $1";
const OF_SUBJECT: &str = "SELECT id, kind, subject, body, leaf_hash, at_us, seq FROM audit_entry \
     WHERE subject = $1 AND kind = $2 ORDER BY at_us DESC, id DESC LIMIT 1000";
const LOOKUP_TILE: &str = "SELECT hashes FROM audit_tile WHERE level = $1 AND idx = $2";
const PUT_TILE: &str = "INSERT INTO audit_tile (level, idx, hashes) VALUES ($1, $2, $3) \
     ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes";
const HEAD: &str = "SELECT size FROM audit_head WHERE id = 1";
const MOVE_HEAD: &str = "UPDATE audit_head SET size = $2 WHERE id = 1 AND size = $1";
const ADD_CHECKPOINT: &str =
    "INSERT INTO audit_checkpoint (size, root, note, created_us) VALUES ($1, $2, $3, $4)";
const LATEST_CHECKPOINT: &str =
    "SELECT size, root, note, created_us FROM audit_checkpoint ORDER BY size DESC LIMIT 1";
const CHECKPOINTS: &str =
    "SELECT size, root, note, created_us FROM audit_checkpoint WHERE size > $1 ORDER BY size LIMIT $2";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    ADD,
    UNSEQUENCED,
    WAITING,
    PLACE,
    LOOKUP,
    IN_ORDER,
    LATEST,
    OF_SUBJECT,
    LOOKUP_TILE,
    PUT_TILE,
    HEAD,
    MOVE_HEAD,
    ADD_CHECKPOINT,
    LATEST_CHECKPOINT,
    CHECKPOINTS,
];

/// An entry as it is kept.
#[derive(Clone, Debug)]
pub struct EntryRow {
    /// Its identifier.
    pub id: Id<Entry>,
    /// What kind of act, in `audit`'s word.
    pub kind: String,
    /// What or whom the act was about.
    pub subject: String,
    /// The canonical bytes that are hashed.
    pub body: Vec<u8>,
    /// SM3(0x00 || body).
    pub leaf_hash: [u8; 32],
    /// When.
    pub at: Timestamp,
    /// Its place in the log, once it has one.
    pub seq: Option<u64>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    kind: String,
    subject: String,
    body: Vec<u8>,
    leaf_hash: Vec<u8>,
    at_us: i64,
    seq: Option<i64>,
}

impl TryFrom<Raw> for EntryRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            leaf_hash: hash32("audit_entry", "leaf_hash", &raw.id, &raw.leaf_hash)?,
            seq: raw.seq.map(|s| small("audit_entry", "seq", &raw.id, s)).transpose()?,
            id: id("audit_entry", "id", &raw.id)?,
            kind: raw.kind,
            subject: raw.subject,
            body: raw.body,
            at: Timestamp::from_us(raw.at_us),
        })
    }
}

/// Writes an entry, in the transaction of its effect.
pub async fn add(tx: &mut Tx, entry: &EntryRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD,
        entry.id.to_string(),
        &entry.kind,
        &entry.subject,
        &entry.body,
        &entry.leaf_hash[..],
        entry.at.us()
    )
    .map(drop)
}

/// An entry that waits for its place.
#[derive(Clone, Debug)]
pub struct Unplaced {
    /// The entry.
    pub id: Id<Entry>,
    /// Its leaf hash.
    pub leaf_hash: [u8; 32],
}

#[derive(sqlx::FromRow)]
struct RawUnplaced {
    id: String,
    leaf_hash: Vec<u8>,
}

/// Entries without a place, oldest first.
pub async fn unplaced(conn: &mut Conn, limit: u32) -> Result<Vec<Unplaced>, StoreError> {
    let rows = list!(RawUnplaced, conn, UNSEQUENCED, i64::from(limit))?;
    rows.into_iter()
        .map(|raw| {
            let leaf_hash = hash32("audit_entry", "leaf_hash", &raw.id, &raw.leaf_hash)?;
            Ok(Unplaced { id: id("audit_entry", "id", &raw.id)?, leaf_hash })
        })
        .collect()
}

/// Entries without a place, whole, oldest first.
pub async fn waiting(conn: &mut Conn, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
    list!(Raw, conn, WAITING, i64::from(limit))?.into_iter().map(EntryRow::try_from).collect()
}

/// Gives the entry its place; false when it had one.
pub async fn place(tx: &mut Tx, entry: Id<Entry>, seq: u64) -> Result<bool, StoreError> {
    Ok(run!(tx, PLACE, entry.to_string(), seq.cast_signed())? == 1)
}

/// The entry `id`.
pub async fn lookup(conn: &mut Conn, id: Id<Entry>) -> Result<Option<EntryRow>, StoreError> {
    find!(Raw, conn, LOOKUP, id.to_string())?.map(EntryRow::try_from).transpose()
}

/// Entries from place `from` on, in order.
pub async fn in_order(conn: &mut Conn, from: u64, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
    let rows = list!(Raw, conn, IN_ORDER, from.cast_signed(), i64::from(limit))?;
    rows.into_iter().map(EntryRow::try_from).collect()
}

/// The latest placed entries, latest first.
pub async fn latest(conn: &mut Conn, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
    list!(Raw, conn, LATEST, i64::from(limit))?.into_iter().map(EntryRow::try_from).collect()
}

/// The latest 1000 entries of one kind about `subject`, oldest first, placed or not.
pub async fn of_subject(conn: &mut Conn, subject: &str, kind: &str) -> Result<Vec<EntryRow>, StoreError> {
    list!(Raw, conn, OF_SUBJECT, subject, kind)?.into_iter().rev().map(EntryRow::try_from).collect()
}

#[derive(sqlx::FromRow)]
struct RawTile {
    hashes: Vec<u8>,
}

/// The hashes of a tile, 32 bytes each.
pub async fn lookup_tile(conn: &mut Conn, level: u8, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let tile = find!(RawTile, conn, LOOKUP_TILE, i64::from(level), index.cast_signed())?;
    Ok(tile.map(|t| t.hashes))
}

/// Writes a tile.
pub async fn put_tile(tx: &mut Tx, level: u8, index: u64, hashes: &[u8]) -> Result<(), StoreError> {
    run!(tx, PUT_TILE, i64::from(level), index.cast_signed(), hashes).map(drop)
}

#[derive(sqlx::FromRow)]
struct RawHead {
    size: i64,
}

/// The size of the placed log.
pub async fn head(conn: &mut Conn) -> Result<u64, StoreError> {
    let size = find!(RawHead, conn, HEAD)?.map_or(0, |h| h.size);
    Ok(small("audit_head", "size", "1", size)?)
}

/// Moves the head from `from` to `to`; false when somebody else moved it first.
pub async fn move_head(tx: &mut Tx, from: u64, to: u64) -> Result<bool, StoreError> {
    Ok(run!(tx, MOVE_HEAD, from.cast_signed(), to.cast_signed())? == 1)
}

/// A signed checkpoint.
#[derive(Clone, Debug)]
pub struct CheckpointRow {
    /// How many entries it covers.
    pub size: u64,
    /// The root of the tree over them.
    pub root: [u8; 32],
    /// The signed note.
    pub note: String,
    /// When it was signed.
    pub created: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RawCheckpoint {
    size: i64,
    root: Vec<u8>,
    note: String,
    created_us: i64,
}

impl TryFrom<RawCheckpoint> for CheckpointRow {
    type Error = StoreError;
    fn try_from(raw: RawCheckpoint) -> Result<Self, StoreError> {
        let row = raw.size.to_string();
        Ok(Self {
            size: small("audit_checkpoint", "size", &row, raw.size)?,
            root: hash32("audit_checkpoint", "root", &row, &raw.root)?,
            note: raw.note,
            created: Timestamp::from_us(raw.created_us),
        })
    }
}

/// Keeps a checkpoint.
pub async fn add_checkpoint(tx: &mut Tx, checkpoint: &CheckpointRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD_CHECKPOINT,
        checkpoint.size.cast_signed(),
        &checkpoint.root[..],
        &checkpoint.note,
        checkpoint.created.us()
    )
    .map(drop)
}

/// The latest checkpoint.
pub async fn latest_checkpoint(conn: &mut Conn) -> Result<Option<CheckpointRow>, StoreError> {
    find!(RawCheckpoint, conn, LATEST_CHECKPOINT)?.map(CheckpointRow::try_from).transpose()
}

/// Checkpoints over more than `size` entries (all, with `None`), in order.
pub async fn checkpoints_after(
    conn: &mut Conn,
    size: Option<u64>,
    limit: u32,
) -> Result<Vec<CheckpointRow>, StoreError> {
    let after = size.map_or(-1, u64::cast_signed);
    let rows = list!(RawCheckpoint, conn, CHECKPOINTS, after, i64::from(limit))?;
    rows.into_iter().map(CheckpointRow::try_from).collect()
}
