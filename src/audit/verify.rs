//! The check of a whole log, entry by entry, that names the first divergence.
//!
//! ```text
//! for each 256 entries:  leaf_tile(stored tile of level 0)     what the log recorded
//!     for each entry:    entry(index, bytes)                   compared with it at once
//!                        checkpoint(note)                      wherever one was signed at this size
//!     while due_tile():  tile(id, stored tile)                 the tiles above, as they fill up
//! for edge tiles:        tile(id, stored tile)
//! finish()                                                     nothing was left out
//! ```
//!
//! Memory stays at a few tiles however long the log is, as long as due tiles are handed in.

use std::collections::BTreeMap;
use std::fmt;

use crate::checkpoint::{Checkpoint, CheckpointError, LogKey};
use crate::entry::{Entry, EntryError, EntryId};
use crate::hash::Hash;
use crate::tile::{TILE_WIDTH_HASHES, Tile, TileId, edge_tiles};
use crate::tree::{self, Frontier};

const WIDTH: u64 = TILE_WIDTH_HASHES as u64;

/// Recomputes a log from its entries and compares everything that the log says of itself with the result.
#[derive(Debug, Clone)]
pub struct Auditor {
    key: LogKey,
    frontier: Frontier,
    /// What the log recorded as leaf hashes of the present 256 entries.
    recorded: Option<(u64, Tile)>,
    /// The tiles being filled, from level 1 upwards, as computed.
    filling: Vec<Vec<Hash>>,
    /// Leaf hashes of the present 256 entries, as computed.
    leaves: Vec<Hash>,
    /// Full tiles above the leaves that were not compared yet.
    due: BTreeMap<TileId, Vec<Hash>>,
    /// Partial tiles that were compared, with the size at which they were.
    edge_compared: BTreeMap<TileId, u64>,
    tiles: u64,
    checkpoints: u64,
    covered: u64,
}

impl Auditor {
    /// An auditor of the log that signs with `key`, before its first entry.
    pub const fn new(key: LogKey) -> Self {
        Self {
            key,
            frontier: Frontier::new(),
            recorded: None,
            filling: Vec::new(),
            leaves: Vec::new(),
            due: BTreeMap::new(),
            edge_compared: BTreeMap::new(),
            tiles: 0,
            checkpoints: 0,
            covered: 0,
        }
    }

    /// How many entries were checked so far: the index of the next one.
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The stored tile of level 0 for the next 256 entries, full or partial.
    pub fn leaf_tile(&mut self, index: u64, stored: &[u8]) -> Result<(), Divergence> {
        let id = TileId { level: 0, index };
        let tile = Tile::from_bytes(stored).filter(|_| index == self.size() / WIDTH);
        let tile = tile.ok_or_else(|| self.here(What::TileMissing { id }))?;
        self.recorded = Some((index, tile));
        self.tiles += 1;
        Ok(())
    }

    /// The stored bytes of entry `index`, which must be the next.
    pub fn entry(&mut self, index: u64, bytes: &[u8]) -> Result<(), Divergence> {
        if index != self.size() {
            return Err(self.here(What::EntryMissing { got: index }));
        }
        let leaf = Hash::leaf(bytes);
        let id = TileId { level: 0, index: index / WIDTH };
        let parsed = Entry::parse(bytes);
        let entry = parsed.as_ref().ok().map(Entry::id);
        let at = |what| Divergence { index, entry, what };
        let recorded = self.recorded.as_ref().filter(|(tile, _)| *tile == id.index);
        let place = usize::try_from(index % WIDTH).unwrap_or(TILE_WIDTH_HASHES);
        let recorded =
            recorded.and_then(|(_, tile)| tile.hashes().get(place)).ok_or(at(What::TileMissing { id }))?;
        if leaf != *recorded {
            return Err(at(What::EntryChanged));
        }
        parsed.map_err(|e| at(What::NotEntry(e)))?;
        self.append(leaf);
        Ok(())
    }

    /// A signed note of the size reached; call it wherever the log signed one, and with notes that were kept elsewhere.
    pub fn checkpoint(&mut self, note: &str) -> Result<(), Divergence> {
        let checkpoint = Checkpoint::open(note, &self.key).map_err(|e| self.here(What::BadCheckpoint(e)))?;
        if checkpoint.size() != self.size() {
            return Err(self.here(What::CheckpointElsewhere { size: checkpoint.size() }));
        }
        if *checkpoint.root() != self.frontier.root() {
            return Err(self.here(What::RootDiffers { since: self.covered }));
        }
        self.checkpoints += 1;
        self.covered = self.size();
        Ok(())
    }

    /// The next full tile above the leaves that was not compared yet.
    pub fn due_tile(&self) -> Option<TileId> {
        self.due.keys().next().copied()
    }

    /// The partial tiles of the log as it ends here, for [`Auditor::tile`]; those of level 0 were seen already.
    pub fn edge_tiles(&self) -> impl Iterator<Item = TileId> + use<> {
        edge_tiles(self.size()).map(|(id, _)| id).filter(|id| id.level > 0)
    }

    /// A stored tile above the leaves: one that is due, or at the end a partial one.
    pub fn tile(&mut self, id: TileId, stored: &[u8]) -> Result<(), Divergence> {
        let partial = usize::from(id.level).checked_sub(1).and_then(|i| self.filling.get(i));
        let computed = self.due.get(&id).or(partial).ok_or_else(|| self.here(What::TileMissing { id }))?;
        let tile = Tile::from_bytes(stored).ok_or_else(|| self.here(What::TileMissing { id }))?;
        if tile.hashes() != computed {
            return Err(self.here(What::TileDiffers { id }));
        }
        if self.due.remove(&id).is_none() {
            self.edge_compared.insert(id, self.size());
        }
        self.tiles += 1;
        Ok(())
    }

    /// The end of the log: everything that it must hold was handed in and agreed.
    pub fn finish(self) -> Result<Verified, Divergence> {
        let size = self.size();
        let unseen_edge = self.edge_tiles().find(|id| self.edge_compared.get(id) != Some(&size));
        if let Some(id) = self.due_tile().or(unseen_edge) {
            return Err(self.here(What::TileMissing { id }));
        }
        Ok(Verified {
            entries: size,
            root: self.frontier.root(),
            checkpoints: self.checkpoints,
            tiles: self.tiles,
            uncovered: size - self.covered,
        })
    }

    fn append(&mut self, leaf: Hash) {
        self.frontier.push(leaf);
        self.leaves.push(leaf);
        if self.leaves.len() < TILE_WIDTH_HASHES {
            return;
        }
        // A carry from tile to tile: a full one becomes a hash of the one above.
        let mut root = tree::root_of(&self.leaves);
        self.leaves.clear();
        for level in 1u8.. {
            let place = usize::from(level - 1);
            if self.filling.len() == place {
                self.filling.push(Vec::new());
            }
            let Some(tile) = self.filling.get_mut(place) else { return };
            tile.push(root);
            if tile.len() < TILE_WIDTH_HASHES {
                return;
            }
            root = tree::root_of(tile);
            let index = (self.frontier.size() >> (u32::from(level + 1) * 8)) - 1;
            self.due.insert(TileId { level, index }, std::mem::take(tile));
        }
    }

    const fn here(&self, what: What) -> Divergence {
        Divergence { index: self.size(), entry: None, what }
    }
}

/// A log that agrees with everything it said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many entries.
    pub entries: u64,
    /// The root over them.
    pub root: Hash,
    /// How many checkpoints were compared.
    pub checkpoints: u64,
    /// How many tiles were compared.
    pub tiles: u64,
    /// How many entries came after the last checkpoint: nothing signed vouches for them.
    pub uncovered: u64,
}

/// The first place where the log is not what it said it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// The entry's identifier, when it can be read.
    pub entry: Option<EntryId>,
    /// What differs.
    pub what: What,
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// The entry's bytes are not those that were recorded.
    #[error("the entry was changed after it was recorded")]
    EntryChanged,
    /// The entry was recorded as it is, but is none.
    #[error("{0}")]
    NotEntry(EntryError),
    /// Entries are missing, doubled or out of order.
    #[error("expected the next entry, got number {got}")]
    EntryMissing {
        /// The index that came.
        got: u64,
    },
    /// A tile is missing, malformed or not the one expected.
    #[error("expected tile {} of level {}", id.index, id.level)]
    TileMissing {
        /// The tile.
        id: TileId,
    },
    /// A tile above the leaves is not what the entries make it.
    #[error("tile {} of level {} is not what the entries make it", id.index, id.level)]
    TileDiffers {
        /// The tile.
        id: TileId,
    },
    /// A checkpoint cannot be read or is not signed by the log.
    #[error("{0}")]
    BadCheckpoint(CheckpointError),
    /// A checkpoint of another size: when larger, the log was cut off.
    #[error("got a checkpoint of size {size}")]
    CheckpointElsewhere {
        /// Its size.
        size: u64,
    },
    /// The entries and tiles agree with one another but not with what the log signed: history was rewritten.
    #[error("the signed root differs; some entry from number {since} on was rewritten")]
    RootDiffers {
        /// Up to here an earlier checkpoint agreed.
        since: u64,
    },
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at entry number {}", self.index)?;
        if let Some(id) = self.entry {
            write!(f, " (`{id}`)")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for Divergence {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::SigningLog;
    use crate::entry::Kind;
    use crate::tile::TileMap;
    use base::Timestamp;
    use serde_json::json;

    /// A log as a store keeps it.
    #[derive(Clone)]
    struct Stored {
        entries: Vec<Vec<u8>>,
        tiles: BTreeMap<TileId, Vec<u8>>,
        checkpoints: BTreeMap<u64, String>,
    }

    fn entry(n: u64, subject: &str) -> Entry {
        let at = Timestamp::from_unix_seconds(1_795_507_200 + n as i64);
        let id = base::Id::new(at, &base::OsEntropy);
        Entry::new(id, at, Kind::Decision, "usr_official", subject, json!({"decision": !n.is_multiple_of(3)}))
            .unwrap()
    }

    fn store(log: &SigningLog, size: u64, signed_at: &[u64]) -> Stored {
        let entries: Vec<Vec<u8>> = (0..size).map(|n| entry(n, "dataset_tax").bytes().to_vec()).collect();
        stored(log, entries, signed_at)
    }

    fn stored(log: &SigningLog, entries: Vec<Vec<u8>>, signed_at: &[u64]) -> Stored {
        let leaves: Vec<_> = entries.iter().map(|e| Hash::leaf(e)).collect();
        let tiles =
            TileMap::default().append(0, &leaves).unwrap().into_iter().map(|(id, t)| (id, t.to_bytes()));
        let root = |n: u64| tree::root_of(&leaves[..n as usize]);
        let checkpoints = signed_at.iter().map(|n| (*n, log.checkpoint(*n, root(*n)))).collect();
        Stored { tiles: tiles.collect(), entries, checkpoints }
    }

    fn audit(stored: &Stored, key: &LogKey) -> Result<Verified, Divergence> {
        let mut auditor = Auditor::new(key.clone());
        if let Some(note) = stored.checkpoints.get(&0) {
            auditor.checkpoint(note)?;
        }
        for (index, bytes) in stored.entries.iter().enumerate() {
            let index = index as u64;
            if index.is_multiple_of(WIDTH) {
                let tile = TileId { level: 0, index: index / WIDTH };
                auditor.leaf_tile(tile.index, stored.tiles.get(&tile).map_or(&[], |t| t))?;
            }
            auditor.entry(index, bytes)?;
            if let Some(note) = stored.checkpoints.get(&auditor.size()) {
                auditor.checkpoint(note)?;
            }
            while let Some(id) = auditor.due_tile() {
                auditor.tile(id, stored.tiles.get(&id).map_or(&[], |t| t))?;
            }
        }
        for id in auditor.edge_tiles() {
            auditor.tile(id, stored.tiles.get(&id).map_or(&[], |t| t))?;
        }
        // Checkpoints beyond the end are the proof of a log cut off.
        if let Some((_, note)) = stored.checkpoints.range(auditor.size() + 1..).next() {
            auditor.checkpoint(note)?;
        }
        auditor.finish()
    }

    #[test]
    fn an_honest_log_verifies_at_every_size_around_the_edges_of_tiles() {
        let log = SigningLog::new("id.example.gov.cn/log");
        for size in [0, 1, 255, 256, 257, 512, 1000] {
            let verified = audit(&store(&log, size, &[0, size / 2, size]), &log.key).unwrap();
            assert_eq!((verified.entries, verified.uncovered), (size, 0));
        }
        let tail = audit(&store(&log, 300, &[290]), &log.key).unwrap();
        assert_eq!((tail.checkpoints, tail.tiles, tail.uncovered), (1, 3, 10));
    }

    #[test]
    fn a_log_long_enough_for_full_tiles_of_tiles_verifies() {
        let log = SigningLog::new("id.example.gov.cn/log");
        let mut stored = store(&log, 65_600, &[65_600]);
        assert_eq!(audit(&stored, &log.key).unwrap().tiles, 257 + 1 + 1);
        let upper = TileId { level: 1, index: 0 };
        stored.tiles.get_mut(&upper).unwrap()[8191] ^= 1;
        assert_eq!(audit(&stored, &log.key).unwrap_err().what, What::TileDiffers { id: upper });
    }

    #[test]
    fn a_changed_entry_is_named() {
        let log = SigningLog::new("id.example.gov.cn/log");
        let mut stored = store(&log, 600, &[100, 600]);
        let forged = entry(421, "dataset_weather");
        stored.entries[421] = forged.bytes().to_vec();
        let divergence = audit(&stored, &log.key).unwrap_err();
        assert_eq!((divergence.index, divergence.entry), (421, Some(forged.id())));
        assert_eq!(divergence.what, What::EntryChanged);
        assert!(
            divergence.to_string().contains("421") && divergence.to_string().contains("log_"),
            "{divergence}"
        );
    }

    #[test]
    fn an_operator_who_rewrites_entries_and_tiles_is_stopped_by_the_signed_root() {
        let log = SigningLog::new("id.example.gov.cn/log");
        let honest = store(&log, 600, &[100, 500, 600]);
        let mut entries = honest.entries.clone();
        entries[421] = entry(421, "dataset_weather").bytes().to_vec();
        let rewritten = Stored { checkpoints: honest.checkpoints, ..stored(&log, entries, &[]) };
        let divergence = audit(&rewritten, &log.key).unwrap_err();
        assert_eq!((divergence.index, divergence.what), (500, What::RootDiffers { since: 100 }));
    }

    #[test]
    fn entries_cut_off_dropped_swapped_or_added_are_noticed() {
        let log = SigningLog::new("id.example.gov.cn/log");
        let honest = store(&log, 300, &[300]);
        let mut cut = stored(&log, honest.entries[..299].to_vec(), &[]);
        cut.checkpoints = honest.checkpoints.clone();
        assert_eq!(audit(&cut, &log.key).unwrap_err().what, What::CheckpointElsewhere { size: 300 });
        let mut dropped = honest.clone();
        dropped.entries.remove(7);
        assert_eq!(audit(&dropped, &log.key).unwrap_err().index, 7);
        let mut swapped = honest.clone();
        swapped.entries.swap(7, 9);
        assert_eq!(audit(&swapped, &log.key).unwrap_err().index, 7);
        let mut added = honest.clone();
        added.entries.push(entry(300, "x").bytes().to_vec());
        let id = TileId { level: 0, index: 1 };
        assert_eq!(audit(&added, &log.key).unwrap_err().what, What::TileMissing { id });
        let mut auditor = Auditor::new(log.key.clone());
        assert_eq!(auditor.entry(1, &honest.entries[1]).unwrap_err().what, What::EntryMissing { got: 1 });
        assert!(matches!(auditor.entry(0, &honest.entries[0]).unwrap_err().what, What::TileMissing { .. }));
    }

    #[test]
    fn a_tile_left_out_and_a_strangers_checkpoint_are_noticed() {
        let log = SigningLog::new("id.example.gov.cn/log");
        let honest = store(&log, 300, &[300]);
        let edge = TileId { level: 1, index: 0 };
        let mut without = honest.clone();
        without.tiles.remove(&edge);
        assert_eq!(audit(&without, &log.key).unwrap_err().what, What::TileMissing { id: edge });
        let stranger = SigningLog::new("id.example.gov.cn/log");
        let divergence = audit(&honest, &stranger.key).unwrap_err();
        assert_eq!(divergence.what, What::BadCheckpoint(CheckpointError::NotSigned));
    }

    #[test]
    fn a_recorded_leaf_that_is_no_entry_is_named() {
        let log = SigningLog::new("id.example.gov.cn/log");
        let odd = stored(&log, vec![b"{}".to_vec()], &[1]);
        let divergence = audit(&odd, &log.key).unwrap_err();
        assert!(matches!(divergence.what, What::NotEntry(_)));
        assert_eq!((divergence.index, divergence.entry), (0, None));
    }
}
