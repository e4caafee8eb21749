//! The check of the whole log, without the server: every entry, tile and checkpoint against each other.

use audit::checkpoint::{Checkpoint, LogKey, Origin};
use audit::entry::Entry;
use audit::hash::HASH_BYTES;
use audit::tile::{TILE_WIDTH_HASHES, TileId};
use audit::verify::{Auditor, Divergence, Verified, What};
use store::Conn;
use store::rows::audit::{self as rows, CheckpointRow};

use crate::error::Fault;

const CHECKPOINTS_AT_ONCE: u32 = 256;
/// More entries than this never wait while a server runs.
const WAITING_MAX_COUNT: u32 = 100_000;

/// What the check found.
pub enum Finding {
    /// The log agrees with everything it said of itself.
    Whole {
        /// What was compared.
        verified: Verified,
        /// How many entries wait for their place: no checkpoint vouches for them yet.
        waiting: usize,
    },
    /// An entry that waits for its place is not what was written.
    WaitingChanged {
        /// Which.
        entry: String,
    },
    /// The first place where it does not.
    Diverges(Divergence),
}

/// The name that the log's checkpoints carry; `None` for a log without any.
pub async fn origin(conn: &mut Conn) -> Result<Option<Origin>, Fault> {
    let latest = rows::latest_checkpoint(conn).await?;
    Ok(latest.map(|c| Checkpoint::peek(&c.note)).transpose()?.map(|c| c.origin().clone()))
}

/// Checks the log that `key` signs, from its first entry; `progress` hears how many entries were checked, of how many.
///
/// `kept` is a checkpoint that somebody kept elsewhere. The database alone cannot show that a log was cut back, with everything that was
/// signed since; against a kept checkpoint it is seen.
pub async fn check(
    conn: &mut Conn,
    key: LogKey,
    kept: Option<KeptCheckpoint>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Finding, Fault> {
    let size = rows::head(conn).await?;
    let mut walk = Walk { auditor: Auditor::new(key), kept, checkpoints: Vec::new(), read_up_to: None };
    let walked = async {
        walk.checkpoints_here(conn).await??;
        while walk.auditor.size() < size {
            walk.leaf_tile(conn).await??;
            progress(walk.auditor.size(), size);
        }
        walk.edges(conn).await??;
        walk.end(conn).await
    };
    let walked: Result<Result<(), Divergence>, Stop> = walked.await;
    match walked {
        Ok(Ok(())) => Ok(match walk.auditor.finish() {
            Ok(verified) => waiting(conn, verified).await?,
            Err(divergence) => Finding::Diverges(divergence),
        }),
        Ok(Err(divergence)) | Err(Stop::Diverges(divergence)) => Ok(Finding::Diverges(divergence)),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

/// A checkpoint that was kept outside the database. It counts when the walk has found its signature good.
pub struct KeptCheckpoint {
    size: u64,
    note: String,
}

impl KeptCheckpoint {
    /// The checkpoint in the signed note `note`, the text of `/log/checkpoint`.
    pub fn read(note: String) -> Result<Self, audit::checkpoint::CheckpointError> {
        Ok(Self { size: Checkpoint::peek(&note)?.size(), note })
    }
}

/// The entries behind the last place: each must be what its own hash says.
async fn waiting(conn: &mut Conn, verified: Verified) -> Result<Finding, Fault> {
    let waiting = rows::waiting(conn, WAITING_MAX_COUNT).await?;
    let changed = waiting.iter().find(|row| {
        Entry::parse(&row.body).map_or(true, |entry| *entry.leaf_hash().as_bytes() != row.leaf_hash)
    });
    Ok(match changed {
        Some(row) => Finding::WaitingChanged { entry: row.id.to_string() },
        None => Finding::Whole { verified, waiting: waiting.len() },
    })
}

enum Stop {
    Fault(Fault),
    Diverges(Divergence),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<store::StoreError> for Stop {
    fn from(error: store::StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<Divergence> for Stop {
    fn from(divergence: Divergence) -> Self {
        Self::Diverges(divergence)
    }
}

/// The walk along the log.
struct Walk {
    auditor: Auditor,
    /// What must still be reached.
    kept: Option<KeptCheckpoint>,
    /// Checkpoints read ahead, the next one last.
    checkpoints: Vec<CheckpointRow>,
    /// The size of the last checkpoint that was read.
    read_up_to: Option<u64>,
}

type Step = Result<Result<(), Divergence>, Stop>;

impl Walk {
    /// The next up to 256 entries, with the stored tile that holds their hashes and the tiles that fill up.
    async fn leaf_tile(&mut self, conn: &mut Conn) -> Step {
        let from = self.auditor.size();
        let index = from / TILE_WIDTH_HASHES as u64;
        let end = (index + 1) * TILE_WIDTH_HASHES as u64;
        let count = u32::try_from(end - from).unwrap_or(u32::MAX);
        // The entries first: while a server writes, a tile read after them holds at least their hashes.
        let entries = rows::in_order(conn, from, count).await?;
        let stored = rows::lookup_tile(conn, 0, index).await?.unwrap_or_default();
        self.auditor.leaf_tile(index, &stored)?;
        if entries.is_empty() {
            return Ok(self.auditor.entry(from, &[]));
        }
        for entry in entries {
            self.auditor.entry(entry.seq.unwrap_or(u64::MAX), &entry.body)?;
            self.checkpoints_here(conn).await??;
        }
        while let Some(id) = self.auditor.due_tile() {
            self.tile(conn, id).await??;
        }
        Ok(Ok(()))
    }

    /// Every checkpoint that was signed at the size reached.
    async fn checkpoints_here(&mut self, conn: &mut Conn) -> Step {
        if let Some(kept) = self.kept.take_if(|kept| kept.size == self.auditor.size()) {
            self.auditor.checkpoint(&kept.note)?;
        }
        loop {
            if self.checkpoints.is_empty() {
                self.read_ahead(conn).await?;
            }
            match self.checkpoints.pop() {
                Some(next) if next.size <= self.auditor.size() => self.auditor.checkpoint(&next.note)?,
                Some(later) => {
                    self.checkpoints.push(later);
                    return Ok(Ok(()));
                }
                None => return Ok(Ok(())),
            }
        }
    }

    async fn read_ahead(&mut self, conn: &mut Conn) -> Result<(), Stop> {
        let mut next = rows::checkpoints_after(conn, self.read_up_to, CHECKPOINTS_AT_ONCE).await?;
        self.read_up_to = next.last().map_or(self.read_up_to, |c| Some(c.size));
        next.reverse();
        self.checkpoints = next;
        Ok(())
    }

    async fn edges(&mut self, conn: &mut Conn) -> Step {
        let edges: Vec<TileId> = self.auditor.edge_tiles().collect();
        for id in edges {
            let mut stored = rows::lookup_tile(conn, id.level, id.index).await?.unwrap_or_default();
            // It may have grown since: a server that writes meanwhile adds to its end.
            stored.truncate(id.width(self.auditor.size()) * HASH_BYTES);
            self.auditor.tile(id, &stored)?;
        }
        Ok(Ok(()))
    }

    /// Nothing signed reaches beyond the log's head. The head is read last: it moves with every checkpoint, and never back.
    async fn end(&self, conn: &mut Conn) -> Step {
        let kept = self.kept.as_ref().map(|kept| kept.size);
        let latest = rows::latest_checkpoint(conn).await?.map(|checkpoint| checkpoint.size);
        let signed = kept.max(latest).unwrap_or(0);
        if kept.is_none() && signed <= rows::head(conn).await? {
            return Ok(Ok(()));
        }
        let what = What::CheckpointElsewhere { size: signed };
        Ok(Err(Divergence { index: self.auditor.size(), entry: None, what }))
    }

    async fn tile(&mut self, conn: &mut Conn, id: TileId) -> Step {
        let stored = rows::lookup_tile(conn, id.level, id.index).await?.unwrap_or_default();
        Ok(self.auditor.tile(id, &stored))
    }
}
