//! The tamper-evident log: an SM3 Merkle tree over canonical entries, with signed checkpoints and proofs. No I/O.
//!
//! The tree has the shape of RFC 9162 with SM3 (GB/T 32905) in place of SHA-256; tiles and checkpoints follow C2SP's
//! `tlog-tiles`, `tlog-checkpoint` and `signed-note`, again with SM3 and SM2. `README.md` states every byte.
//!
//! - [`entry`] what happened, and its one canonical form.
//! - [`hash`] the 32 bytes that everything here is made of: leaves, nodes, roots.
//! - [`tree`] frontier, roots, inclusion and consistency proofs, and their checks.
//! - [`tile`] the tree stored as runs of 256 hashes: which change on append, and proofs read from them.
//! - [`checkpoint`] the signed statement "at this size the root was this".
//! - [`proof`] an inclusion proof that travels with an artefact and is checked offline.
//! - [`verify`] the check of a whole log, entry by entry, that names the first divergence.

pub mod checkpoint;
pub mod entry;
pub mod hash;
pub mod proof;
pub mod tile;
pub mod tree;
pub mod verify;

mod canonical;

pub use checkpoint::{Checkpoint, LogKey};
pub use entry::{Entry, EntryId, Kind};
pub use hash::Hash;
pub use proof::InclusionProof;
pub use tile::{Tile, TileId, TileMap};
pub use tree::Frontier;
pub use verify::Auditor;
