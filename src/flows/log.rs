//! The log: entries written with their effect, the sequencer that places them, proofs of their places.

use audit::checkpoint::Checkpoint;
use audit::entry::Entry;
pub use audit::entry::Kind;
use audit::hash::Hash;
use audit::proof::{InclusionProof, Leaf};
use audit::tile::{self, Tile, TileId, TileMap};
use base::id::Entry as EntryKind;
use base::{Id, Timestamp};
use serde_json::Value;
use store::rows::audit as rows;
use store::rows::audit::{CheckpointRow, EntryRow};
use store::{Conn, Tx};

use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};

/// How many entries one round of the sequencer places at most: it holds the writer meanwhile.
const ROUND_MAX_COUNT: u32 = 1024;
/// How often a round is tried again after another sequencer was faster.
const ROUND_TRIES: u32 = 5;

/// An act to be written down.
pub struct Act<'a> {
    /// What happened.
    pub kind: Kind,
    /// Who did it.
    pub actor: &'a str,
    /// What it was done to.
    pub subject: &'a str,
    /// What else matters: a JSON object without personal data.
    pub detail: Value,
}

/// Writes `act` into the transaction of its effect. The entry is in the log when the transaction commits.
pub async fn write(env: &Env, tx: &mut Tx, now: Timestamp, act: Act<'_>) -> Result<Id<EntryKind>, Fault> {
    let id = Id::<EntryKind>::new(now, env.entropy.as_ref());
    write_as(tx, id, now, act).await?;
    env.log_bell.notify_one();
    Ok(id)
}

/// As [`write`], under an identifier chosen before, and without ringing for the sequencer.
pub async fn write_as(tx: &mut Tx, id: Id<EntryKind>, now: Timestamp, act: Act<'_>) -> Result<(), Fault> {
    let entry = Entry::new(id, now, act.kind, act.actor, act.subject, act.detail)?;
    let row = EntryRow {
        id,
        kind: act.kind.as_str().to_owned(),
        subject: act.subject.to_owned(),
        body: entry.bytes().to_vec(),
        leaf_hash: *entry.leaf_hash().as_bytes(),
        at: now,
        seq: None,
    };
    Ok(rows::add(tx, &row).await?)
}

/// Places every entry that waits, and signs a checkpoint over the log as it is then; the size of the log.
pub async fn sequence(env: &Env) -> Result<u64, Fault> {
    // Within a process they take turns: all but one would do the work in vain, holding the writer.
    let _turn = env.sequencing.lock().await;
    let mut lost = 0;
    loop {
        match sequence_round(env).await? {
            Round::Done { size } => return Ok(size),
            Round::More => lost = 0,
            Round::Lost if lost < ROUND_TRIES => lost += 1,
            Round::Lost => return Err(Fault::message("other sequencers keep moving the log's head")),
        }
    }
}

enum Round {
    /// Nothing waits any more.
    Done { size: u64 },
    /// A round was placed; there may be more.
    More,
    /// Another sequencer was faster.
    Lost,
}

async fn sequence_round(env: &Env) -> Result<Round, Fault> {
    let mut conn = env.db.read().await?;
    // The head is read before the entries: an entry placed in between makes the compare-and-swap below fail, nothing worse.
    let size = rows::head(&mut conn).await?;
    let waiting = rows::unplaced(&mut conn, ROUND_MAX_COUNT).await?;
    let signed = rows::latest_checkpoint(&mut conn).await?;
    if waiting.is_empty() && signed.is_some() {
        return Ok(Round::Done { size });
    }
    let edge = load_tiles(&mut conn, tile::needed_for_append(size)).await?;
    drop(conn);
    let leaves: Vec<Hash> = waiting.iter().map(|w| Hash::from_bytes(w.leaf_hash)).collect();
    let changed = edge.append(size, &leaves)?;
    let mut frontier = edge.frontier(size)?;
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    // Signed before the transaction opens: the key may be far away.
    let checkpoint = sign(env, frontier.size(), frontier.root())?;

    let mut tx = env.db.begin().await?;
    if !rows::move_head(&mut tx, size, frontier.size()).await? {
        return Ok(Round::Lost);
    }
    for (seq, entry) in (size..).zip(&waiting) {
        if !rows::place(&mut tx, entry.id, seq).await? {
            return Ok(Round::Lost);
        }
    }
    for (id, tile) in changed {
        rows::put_tile(&mut tx, id.level, id.index, &tile.to_bytes()).await?;
    }
    rows::add_checkpoint(&mut tx, &checkpoint).await?;
    // COMMIT POINT: places, tiles and checkpoint appear together. A crash before it leaves the entries waiting.
    tx.commit().await?;
    Ok(Round::More)
}

fn sign(env: &Env, size: u64, root: Hash) -> Result<CheckpointRow, Fault> {
    let keyring = env.keyring();
    let checkpoint = Checkpoint::new(env.settings.log_origin.clone(), size, root);
    let signature = keyring.sign_checkpoint(&checkpoint.text())?;
    let note = checkpoint.note(keyring.log_key(), &signature);
    Ok(CheckpointRow { size, root: *root.as_bytes(), note, created: env.now() })
}

async fn load_tiles(conn: &mut Conn, ids: impl IntoIterator<Item = TileId>) -> Result<TileMap, Fault> {
    let mut tiles = Vec::new();
    for id in ids {
        let bytes = rows::lookup_tile(conn, id.level, id.index).await?;
        let tile = bytes.and_then(|b| Tile::from_bytes(&b));
        let missing =
            || Fault::message(format!("tile {} of level {} is missing or damaged", id.index, id.level));
        tiles.push((id, tile.ok_or_else(missing)?));
    }
    Ok(tiles.into_iter().collect())
}

/// The proof that entry `id` is in the log; places it first if it still waits.
pub async fn prove(env: &Env, id: Id<EntryKind>) -> Result<InclusionProof, Failure> {
    let not_there = || Rejected::not_found("no_such_entry", format!("the log has no entry `{id}`"));
    let mut conn = env.db.read().await?;
    let mut row = rows::lookup(&mut conn, id).await?.ok_or_else(not_there)?;
    if row.seq.is_none() {
        drop(conn);
        sequence(env).await?;
        conn = env.db.read().await?;
        row = rows::lookup(&mut conn, id).await?.ok_or_else(not_there)?;
    }
    let index = row.seq.ok_or_else(|| Fault::message(format!("entry `{id}` found no place")))?;
    let checkpoint = rows::latest_checkpoint(&mut conn).await?;
    let checkpoint = checkpoint.ok_or_else(|| Fault::message("a placed log without a checkpoint"))?;
    let tiles = load_tiles(&mut conn, tile::needed_for_inclusion(index, checkpoint.size)?).await?;
    Ok(InclusionProof {
        leaf: Leaf::Entry(Box::new(Entry::parse(&row.body)?)),
        index,
        hashes: tiles.inclusion_proof(index, checkpoint.size)?,
        checkpoint: checkpoint.note,
    })
}

/// Something that was made here and whose making is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Artefact {
    /// A key that signs tokens, by its `kid`.
    TokenKey(String),
    /// An electronic seal, by its identifier.
    Seal(String),
    /// An X.509 certificate of the built-in authority, by its serial number in hexadecimal.
    Certificate(String),
    /// An e-certificate, by its identifier.
    Ecert(String),
}

/// The proof that the making of `artefact` is in the log.
pub async fn prove_artefact(env: &Env, artefact: &Artefact) -> Result<InclusionProof, Failure> {
    let not_there = || Rejected::not_found("no_such_artefact", "the log tells of no such thing");
    let (kind, subject) = match artefact {
        Artefact::TokenKey(kid) => {
            let keyring = env.keyring();
            let id = keyring.token_key_id(kid).ok_or_else(not_there)?;
            (Kind::TokenKeyCreated, id.to_owned())
        }
        Artefact::Seal(id) => (Kind::SealMade, id.clone()),
        Artefact::Certificate(serial) => (Kind::CertificateIssued, serial.clone()),
        Artefact::Ecert(identifier) => (Kind::EcertIssued, identifier.clone()),
    };
    let entries = rows::of_subject(&mut *env.db.read().await?, &subject, kind.as_str()).await?;
    let entry = entries.first().ok_or_else(not_there)?;
    prove(env, entry.id).await
}

/// The latest signed checkpoint.
pub async fn checkpoint(env: &Env) -> Result<CheckpointRow, Fault> {
    let latest = rows::latest_checkpoint(&mut *env.db.read().await?).await?;
    if let Some(latest) = latest {
        return Ok(latest);
    }
    sequence(env).await?;
    let latest = rows::latest_checkpoint(&mut *env.db.read().await?).await?;
    latest.ok_or_else(|| Fault::message("no checkpoint after sequencing"))
}

/// The stored hashes of a tile of at least `width`, cut to `width`: a partial tile only grows, so its beginning never changes.
pub async fn tile(env: &Env, id: TileId, width: usize) -> Result<Vec<u8>, Failure> {
    let stored = rows::lookup_tile(&mut *env.db.read().await?, id.level, id.index).await?;
    let hashes = stored.as_deref().and_then(|bytes| bytes.get(..width * audit::hash::HASH_BYTES));
    let not_there = || Rejected::not_found("no_such_tile", "the log has no such tile");
    Ok(hashes.ok_or_else(not_there)?.to_vec())
}

/// The latest entries, latest first.
pub async fn latest(env: &Env, limit: u32) -> Result<Vec<EntryRow>, Fault> {
    Ok(rows::latest(&mut *env.db.read().await?, limit).await?)
}
