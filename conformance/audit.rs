//! The log's tree, its proofs and its checkpoints, against hashes and a signature that another program computed.

use audit::checkpoint::CheckpointError;
use audit::tree::{self, Frontier, OutOfTree};
use audit::{Checkpoint, Hash, LogKey};
use serde::Deserialize;

use crate::data::{Hex, cases, equal, holds, same, words};
use crate::report::Report;

/// Runs every case.
pub(crate) fn run(report: &mut Report) {
    let mut log = Log::default();
    for case in cases::<TreeCase>(report, "audit/tree.toml", include_str!("audit/tree.toml")) {
        report.case(&case.clause, &case.what, log.grows(&case));
    }
    for case in cases::<ProofCase>(report, "audit/proof.toml", include_str!("audit/proof.toml")) {
        report.case(&case.clause, &case.what, log.proves(&case));
    }
    for case in cases::<NoteCase>(report, "audit/checkpoint.toml", include_str!("audit/checkpoint.toml")) {
        report.case(&case.clause, &case.what, note(&case));
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TreeCase {
    clause: String,
    what: String,
    size: u64,
    entry: Option<Hex>,
    leaf: Option<Hex>,
    root: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofCase {
    clause: String,
    what: String,
    inclusion_of: Option<u64>,
    consistency_with: Option<u64>,
    size: u64,
    proof: Vec<Hex>,
}

/// The leaves so far, and the root the data give for each size.
#[derive(Default)]
struct Log {
    frontier: Frontier,
    leaves: Vec<Hash>,
    roots: Vec<Hash>,
}

impl Log {
    fn grows(&mut self, case: &TreeCase) -> Result<(), String> {
        if let (Some(entry), Some(leaf)) = (&case.entry, &case.leaf) {
            let hash = Hash::leaf(&entry.0);
            same("leaf", hash.as_bytes(), leaf)?;
            self.frontier.push(hash);
            self.leaves.push(hash);
        }
        self.roots.push(Hash::from_bytes(case.root.array()?));
        equal("size", &self.frontier.size(), &case.size)?;
        same("root", self.frontier.root().as_bytes(), &case.root)?;
        same("root of all leaves at once", tree::root_of(&self.leaves).as_bytes(), &case.root)?;
        let stored = Frontier::from_parts(self.frontier.size(), self.frontier.hashes().to_vec());
        equal("the frontier as stored", &stored.as_ref(), &Some(&self.frontier))
    }

    fn proves(&self, case: &ProofCase) -> Result<(), String> {
        let expected = case.proof.iter().map(|hash| Ok(Hash::from_bytes(hash.array()?)));
        let expected: Vec<Hash> = expected.collect::<Result<_, String>>()?;
        match (case.inclusion_of, case.consistency_with) {
            (Some(index), None) => self.includes(index, case.size, &expected),
            (None, Some(old)) => self.continues(old, case.size, &expected),
            _ => Err("expected one of `inclusion_of` and `consistency_with` in the data".to_owned()),
        }
    }

    fn includes(&self, index: u64, size: u64, expected: &[Hash]) -> Result<(), String> {
        let proof = tree::inclusion_proof(index, size, |level, at| self.subtree(level, at)).map_err(words)?;
        equal("proof", proof.as_slice(), expected)?;
        let (leaf, root) = (self.leaf(index)?, self.root(size)?);
        let verifies = |at, proof: &[Hash]| tree::verify_inclusion(&leaf, at, size, proof, &root).is_ok();
        holds("the proof", verifies(index, expected))?;
        holds("the refusal at another place", !verifies(index ^ 1, expected))?;
        every_change(expected, |changed| !verifies(index, changed))
    }

    fn continues(&self, old: u64, size: u64, expected: &[Hash]) -> Result<(), String> {
        let proof = tree::consistency_proof(old, size, |level, at| self.subtree(level, at)).map_err(words)?;
        equal("proof", proof.as_slice(), expected)?;
        let (before, after) = (self.root(old)?, self.root(size)?);
        let verifies = |before: &Hash, proof: &[Hash]| {
            tree::verify_consistency((old, before), (size, &after), proof).is_ok()
        };
        holds("the proof", verifies(&before, expected))?;
        holds("the refusal of another history", !verifies(&self.root(old - 1)?, expected))?;
        every_change(expected, |changed| !verifies(&before, changed))
    }

    /// The root of the perfect subtree `at` of height `level`, hashed anew.
    fn subtree(&self, level: u8, at: u64) -> Result<Hash, OutOfTree> {
        let outside = OutOfTree { size: self.frontier.size(), got: at };
        let width = 1_usize.checked_shl(level.into()).ok_or(outside)?;
        let place = usize::try_from(at).map_err(|_| outside)?;
        self.leaves.chunks_exact(width).nth(place).map(tree::root_of).ok_or(outside)
    }

    fn leaf(&self, index: u64) -> Result<Hash, String> {
        at(&self.leaves, index)
    }

    fn root(&self, size: u64) -> Result<Hash, String> {
        at(&self.roots, size)
    }
}

fn at(hashes: &[Hash], index: u64) -> Result<Hash, String> {
    let found = usize::try_from(index).ok().and_then(|index| hashes.get(index));
    found.copied().ok_or_else(|| format!("expected a place below {}, got {index}", hashes.len()))
}

/// Whether `refuses` holds for the proof with any bit of its first bytes turned over, one hash more and one hash less.
fn every_change(proof: &[Hash], refuses: impl Fn(&[Hash]) -> bool) -> Result<(), String> {
    for place in 0..proof.len() {
        let changed = proof.iter().enumerate().map(|(i, hash)| if i == place { turned(hash) } else { *hash });
        holds("the refusal of a changed proof", refuses(&changed.collect::<Vec<_>>()))?;
    }
    let longer = [proof, &[Hash::empty_root()]].concat();
    holds("the refusal of a longer proof", refuses(&longer))?;
    let shorter = proof.split_last().map(|(_, rest)| rest);
    holds("the refusal of a shorter proof", shorter.is_none_or(refuses))
}

fn turned(hash: &Hash) -> Hash {
    Hash::from_bytes(hash.as_bytes().map(|byte| !byte))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteCase {
    clause: String,
    what: String,
    key: String,
    note: String,
    outcome: String,
    size: Option<u64>,
    root: Option<Hex>,
}

fn note(case: &NoteCase) -> Result<(), String> {
    let key: LogKey = case.key.parse().map_err(words)?;
    equal("the key's own text", &key.to_string(), &case.key)?;
    let opened = Checkpoint::open(&case.note, &key);
    let outcome = match &opened {
        Ok(_) => "opens",
        Err(CheckpointError::NotSigned) => "not signed",
        Err(CheckpointError::Malformed { .. } | CheckpointError::TooLong { .. }) => "form",
    };
    equal("outcome", &outcome, &case.outcome)?;
    let opened = opened.ok();
    equal("size", &opened.as_ref().map(Checkpoint::size), &case.size)?;
    if let Some(checkpoint) = opened {
        let root = case.root.as_ref().ok_or("expected a root in the data")?;
        same("root", checkpoint.root().as_bytes(), root)?;
        equal("origin", checkpoint.origin(), key.name())?;
        holds("that the note begins with the signed text", case.note.starts_with(&checkpoint.text()))?;
    }
    Ok(())
}
