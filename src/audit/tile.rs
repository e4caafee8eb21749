//! The tree stored as runs of 256 hashes: which change on append, and proofs read from them (C2SP `tlog-tiles`).
//!
//! A tile at level 0 holds leaf hashes; a hash in a tile of level `n + 1` is the root of a full tile of level `n`. The
//! levels between are computed. Storage is asynchronous and this crate is not, so reading takes two steps: ask which
//! tiles are needed ([`needed_for_inclusion`] and its sisters), load them into a [`TileMap`], then compute.

use std::collections::{BTreeMap, BTreeSet};

use crate::hash::Hash;
use crate::tree::{self, Frontier, OutOfTree, TREE_SIZE_MAX};

/// Levels of the tree in one tile.
pub const TILE_HEIGHT: u8 = 8;
/// Hashes in a full tile.
pub const TILE_WIDTH_HASHES: usize = 256;
const WIDTH: u64 = TILE_WIDTH_HASHES as u64;
/// Levels of tiles in the largest tree.
const LEVELS: u8 = 8;

/// Which tile: its level, counted from the leaves, and its index within the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for leaf hashes; at most 7.
    pub level: u8,
    /// Counted from the left, from 0.
    pub index: u64,
}

impl TileId {
    /// The path under which a tile of `width` hashes is served: `tile/0/x001/x234/067` or `tile/0/000.p/112`.
    pub fn path(&self, width: usize) -> String {
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        let partial = if width < TILE_WIDTH_HASHES { format!(".p/{width}") } else { String::new() };
        format!("tile/{}/{}{partial}", self.level, groups.join("/"))
    }

    /// Reads the part of such a path after the level: `x001/x234/067` or `000.p/112`; the tile and its width.
    ///
    /// `None` for everything that [`TileId::path`] does not write.
    pub fn parse(level: u8, path: &str) -> Option<(Self, usize)> {
        let (groups, width) = match path.split_once(".p/") {
            Some((groups, width)) => {
                (groups, width.parse().ok().filter(|w| (1..TILE_WIDTH_HASHES).contains(w))?)
            }
            None => (path, TILE_WIDTH_HASHES),
        };
        let mut index = 0u64;
        for group in groups.split('/') {
            let digits: u64 = group.trim_start_matches('x').parse().ok()?;
            index = index.checked_mul(1000)?.checked_add(digits)?;
        }
        let id = Self { level, index };
        let same = id.path(width).strip_prefix(&format!("tile/{level}/")) == Some(path);
        (level < LEVELS && same).then_some((id, width))
    }

    /// How many hashes this tile has in a tree of `size` leaves; 0 when there is no such tile.
    pub fn width(&self, size: u64) -> usize {
        let hashes = hashes_at(self.level, size);
        let width = hashes.saturating_sub(self.index.saturating_mul(WIDTH)).min(WIDTH);
        usize::try_from(width).unwrap_or(TILE_WIDTH_HASHES)
    }
}

/// 1 to 256 consecutive hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile(Vec<Hash>);

impl Tile {
    /// Reads the stored form, 32 bytes a hash; `None` unless it is 1 to 256 whole hashes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let good = rest.is_empty() && (1..=TILE_WIDTH_HASHES).contains(&hashes.len());
        good.then(|| Self(hashes.iter().map(|h| Hash::from_bytes(*h)).collect()))
    }

    /// The stored form: the hashes one after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|h| *h.as_bytes()).collect()
    }

    /// The hashes, left to right.
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }
}

/// A tile that is missing, too short, or a position outside the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// The tile was not loaded, or holds fewer hashes than the tree's size demands.
    #[error("expected tile {} of level {} with at least {width} hashes", id.index, id.level)]
    Missing {
        /// The tile.
        id: TileId,
        /// How many hashes it must have.
        width: usize,
    },
    /// There is no such leaf or size.
    #[error(transparent)]
    OutOfTree(#[from] OutOfTree),
}

/// Tiles that were loaded, by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TileMap(BTreeMap<TileId, Tile>);

impl FromIterator<(TileId, Tile)> for TileMap {
    fn from_iter<I: IntoIterator<Item = (TileId, Tile)>>(tiles: I) -> Self {
        Self(tiles.into_iter().collect())
    }
}

impl TileMap {
    /// Adds or replaces tiles.
    pub fn extend(&mut self, tiles: impl IntoIterator<Item = (TileId, Tile)>) {
        self.0.extend(tiles);
    }

    /// The tile `id`, if it was loaded.
    pub fn tile(&self, id: TileId) -> Option<&Tile> {
        self.0.get(&id)
    }

    /// The root of the perfect subtree `(level, index)`.
    pub fn hash(&self, level: u8, index: u64) -> Result<Hash, TileError> {
        let (id, low, high) = place(level, index);
        let hashes = self.0.get(&id).and_then(|t| t.0.get(low..high));
        hashes.map(tree::root_of).ok_or(TileError::Missing { id, width: high })
    }

    /// The proof that leaf `index` is in the tree of `size` leaves; needs [`needed_for_inclusion`].
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, TileError> {
        tree::inclusion_proof(index, size, |level, i| self.hash(level, i))
    }

    /// The proof that the tree of `old` leaves is a prefix of that of `new`; needs [`needed_for_consistency`].
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>, TileError> {
        tree::consistency_proof(old, new, |level, i| self.hash(level, i))
    }

    /// The right edge of the tree of `size` leaves; needs [`needed_for_append`].
    pub fn frontier(&self, size: u64) -> Result<Frontier, TileError> {
        let subtrees = tree::perfect_subtrees(0, size);
        let hashes = subtrees.map(|(level, i)| self.hash(level, i)).collect::<Result<Vec<_>, _>>()?;
        Frontier::from_parts(size, hashes)
            .ok_or(TileError::OutOfTree(OutOfTree { size: TREE_SIZE_MAX, got: size }))
    }

    /// The tiles that change or appear when `leaves` are appended to the tree of `size` leaves, each whole as it is
    /// afterwards; needs [`needed_for_append`]. Nothing else in the tree changes.
    pub fn append(&self, size: u64, leaves: &[Hash]) -> Result<TileMap, TileError> {
        let mut changed = TileMap::default();
        let mut new = leaves.to_vec();
        for level in 0..LEVELS {
            if new.is_empty() {
                break;
            }
            let had = hashes_at(level, size);
            let mut id = TileId { level, index: had / WIDTH };
            let mut hashes = self.edge(id, size)?;
            let mut full = Vec::new();
            for hash in new {
                hashes.push(hash);
                if hashes.len() == TILE_WIDTH_HASHES {
                    full.push(tree::root_of(&hashes));
                    changed.0.insert(id, Tile(std::mem::take(&mut hashes)));
                    id.index += 1;
                }
            }
            if !hashes.is_empty() {
                changed.0.insert(id, Tile(hashes));
            }
            new = full;
        }
        Ok(changed)
    }

    /// The hashes that the partial tile `id` has in the tree of `size` leaves; none when it does not exist yet.
    fn edge(&self, id: TileId, size: u64) -> Result<Vec<Hash>, TileError> {
        let width = id.width(size);
        if width == 0 {
            return Ok(Vec::new());
        }
        let hashes = self.0.get(&id).and_then(|t| t.0.get(..width));
        hashes.map(<[_]>::to_vec).ok_or(TileError::Missing { id, width })
    }
}

impl IntoIterator for TileMap {
    type Item = (TileId, Tile);
    type IntoIter = std::collections::btree_map::IntoIter<TileId, Tile>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The tiles that [`TileMap::inclusion_proof`] reads.
pub fn needed_for_inclusion(index: u64, size: u64) -> Result<BTreeSet<TileId>, OutOfTree> {
    let mut needed = BTreeSet::new();
    tree::inclusion_proof(index, size, |level, i| note(&mut needed, level, i))?;
    Ok(needed)
}

/// The tiles that [`TileMap::consistency_proof`] reads.
pub fn needed_for_consistency(old: u64, new: u64) -> Result<BTreeSet<TileId>, OutOfTree> {
    let mut needed = BTreeSet::new();
    tree::consistency_proof(old, new, |level, i| note(&mut needed, level, i))?;
    Ok(needed)
}

/// The tiles at the right edge of the tree of `size` leaves: what [`TileMap::append`] and [`TileMap::frontier`] read.
pub fn needed_for_append(size: u64) -> BTreeSet<TileId> {
    tree::perfect_subtrees(0, size).map(|(level, index)| place(level, index).0).collect()
}

/// The partial tiles of the tree of `size` leaves, at most one a level, each with its width.
pub fn edge_tiles(size: u64) -> impl Iterator<Item = (TileId, usize)> {
    (0..LEVELS).filter_map(move |level| {
        let id = TileId { level, index: hashes_at(level, size) / WIDTH };
        Some((id, id.width(size))).filter(|(_, width)| *width > 0)
    })
}

/// Remembers that a subtree is read; the hash given back is never looked at.
fn note(needed: &mut BTreeSet<TileId>, level: u8, index: u64) -> Result<Hash, OutOfTree> {
    needed.insert(place(level, index).0);
    Ok(Hash::from_bytes([0; 32]))
}

/// The tile in which the subtree `(level, index)` lies, and which of its hashes make it up.
fn place(level: u8, index: u64) -> (TileId, usize, usize) {
    let inner = level % TILE_HEIGHT;
    let first = index << inner;
    let low = usize::try_from(first % WIDTH).unwrap_or(0);
    (TileId { level: level / TILE_HEIGHT, index: first / WIDTH }, low, low + (1 << inner))
}

/// How many hashes the tiles of `level` hold together: `floor(size / 256^level)`.
const fn hashes_at(level: u8, size: u64) -> u64 {
    match size.checked_shr(level as u32 * TILE_HEIGHT as u32) {
        Some(hashes) => hashes,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_back_and_nothing_else_is() {
        for (level, index, width) in [(0, 0, 256), (0, 67, 3), (2, 1_234_067, 256), (7, 999, 255)] {
            let id = TileId { level, index };
            let path = id.path(width);
            let rest = path.strip_prefix(&format!("tile/{level}/")).unwrap();
            assert_eq!(TileId::parse(level, rest), Some((id, width)), "{path}");
        }
        for bad in [
            "",
            "0",
            "00",
            "0000",
            "x000",
            "000.p/0",
            "000.p/256",
            "x001",
            "1/000",
            "x000/001",
            "-01",
            "+01",
            "000.p/",
        ] {
            assert_eq!(TileId::parse(0, bad), None, "{bad}");
        }
        assert_eq!(TileId::parse(8, "000"), None, "there is no level 8");
    }

    fn leaves(from: u64, to: u64) -> Vec<Hash> {
        (from..to).map(|i| Hash::leaf(&i.to_be_bytes())).collect()
    }

    fn id(level: u8, index: u64) -> TileId {
        TileId { level, index }
    }

    /// A log as a store keeps it: loads only what it is told to.
    struct Log {
        size: u64,
        tiles: TileMap,
    }

    impl Log {
        fn with(batches: &[u64]) -> Self {
            let mut log = Self { size: 0, tiles: TileMap::default() };
            for n in batches {
                let edge = log.load(needed_for_append(log.size));
                let changed = edge.append(log.size, &leaves(log.size, log.size + n)).unwrap();
                log.tiles.extend(changed);
                log.size += n;
            }
            log
        }

        fn load(&self, ids: BTreeSet<TileId>) -> TileMap {
            ids.into_iter().map(|id| (id, self.tiles.tile(id).unwrap().clone())).collect()
        }
    }

    #[test]
    fn a_tree_of_70000_has_the_tiles_that_the_specification_says() {
        let log = Log::with(&[70_000]);
        let widths =
            |level| (0..).map(|i| id(level, i).width(70_000)).take_while(|w| *w > 0).collect::<Vec<_>>();
        assert_eq!(widths(0), [vec![256; 273], vec![112]].concat());
        assert_eq!(widths(1), [256, 17]);
        assert_eq!(widths(2), [1]);
        assert_eq!(widths(3), [0usize; 0]);
        for level in 0..3 {
            for (index, width) in widths(level).into_iter().enumerate() {
                assert_eq!(log.tiles.tile(id(level, index as u64)).unwrap().hashes().len(), width);
            }
        }
        assert_eq!(log.tiles.0.len(), 274 + 2 + 1);
        assert_eq!(
            edge_tiles(70_000).collect::<Vec<_>>(),
            [(id(0, 273), 112), (id(1, 1), 17), (id(2, 0), 1)]
        );
        assert_eq!(edge_tiles(256).collect::<Vec<_>>(), [(id(1, 0), 1)]);
    }

    #[test]
    fn tiles_are_the_same_however_the_leaves_arrived() {
        let at_once = Log::with(&[1000]);
        let in_pieces = Log::with(&[1, 254, 1, 1, 255, 0, 256, 200, 32]);
        assert_eq!(in_pieces.size, 1000);
        assert_eq!(at_once.tiles, in_pieces.tiles);
        assert_eq!(at_once.tiles.frontier(1000).unwrap().root(), tree::root_of(&leaves(0, 1000)));
    }

    #[test]
    fn proofs_from_exactly_the_needed_tiles_hold() {
        let log = Log::with(&[66_000]);
        let all = leaves(0, 66_000);
        let root = |n: u64| tree::root_of(&all[..n as usize]);
        for size in [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000] {
            let tree_root = root(size);
            for index in
                [0, 1, size / 3, size / 2, size.saturating_sub(2), size - 1].into_iter().filter(|i| *i < size)
            {
                let tiles = log.load(needed_for_inclusion(index, size).unwrap());
                let proof = tiles.inclusion_proof(index, size).unwrap();
                assert!(
                    tree::verify_inclusion(&all[index as usize], index, size, &proof, &tree_root).is_ok()
                );
            }
            for old in [1, size / 2, size - 1, size].into_iter().filter(|o| *o > 0) {
                let tiles = log.load(needed_for_consistency(old, size).unwrap());
                let proof = tiles.consistency_proof(old, size).unwrap();
                assert!(tree::verify_consistency((old, &root(old)), (size, &tree_root), &proof).is_ok());
            }
            assert_eq!(log.load(needed_for_append(size)).frontier(size).unwrap().root(), tree_root);
        }
    }

    #[test]
    fn a_missing_or_short_tile_is_named() {
        let log = Log::with(&[300]);
        assert_eq!(
            TileMap::default().append(300, &leaves(300, 301)),
            Err(TileError::Missing { id: id(0, 1), width: 44 })
        );
        let mut short = log.tiles.clone();
        short.extend([(id(0, 1), Tile(leaves(256, 260)))]);
        assert_eq!(short.append(300, &leaves(300, 301)), Err(TileError::Missing { id: id(0, 1), width: 44 }));
        assert!(matches!(short.inclusion_proof(3, 300), Err(TileError::Missing { .. })));
        assert!(matches!(log.tiles.inclusion_proof(300, 300), Err(TileError::OutOfTree(_))));
        assert_eq!(needed_for_inclusion(0, u64::MAX), Err(OutOfTree { size: u64::MAX, got: 0 }));
    }

    #[test]
    fn a_tile_is_whole_hashes_and_its_path_is_c2sps() {
        let tile = Tile(leaves(0, 5));
        assert_eq!(Tile::from_bytes(&tile.to_bytes()), Some(tile));
        for bad in [0, 31, 33, 8192 + 32] {
            assert_eq!(Tile::from_bytes(&vec![0; bad]), None, "{bad} bytes");
        }
        assert_eq!(id(0, 1_234_067).path(256), "tile/0/x001/x234/067");
        assert_eq!(id(1, 0).path(112), "tile/1/000.p/112");
    }
}
