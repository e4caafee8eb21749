//! An inclusion proof that travels with an artefact and is checked offline.

use crate::checkpoint::{Checkpoint, CheckpointError, LogKey, NOTE_LENGTH_MAX_BYTES};
use crate::entry::{ENTRY_LENGTH_MAX_BYTES, Entry};
use crate::hash::Hash;
use crate::tree::{self, NotProven, PROOF_LENGTH_MAX_HASHES};

/// The `format` member of the JSON form.
pub const FORMAT: &str = "yinxin-inclusion-proof-v1";
/// The longest JSON that [`InclusionProof::from_json`] reads: entry, note and hashes, each escaped at its worst.
pub const PROOF_JSON_LENGTH_MAX_BYTES: usize =
    6 * (ENTRY_LENGTH_MAX_BYTES + NOTE_LENGTH_MAX_BYTES) + 64 * 1024;

/// What is said to be in the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf {
    /// The entry itself: whoever reads the proof may read the entry.
    Entry(Box<Entry>),
    /// Only its leaf hash: the entry is shown elsewhere or not at all.
    Hash(Hash),
}

/// "This leaf is number `index` of the log, under this checkpoint": everything a verifier needs besides the log's key.
///
/// As JSON: `{"format", "entry" (canonical text) or "leaf_hash", "index", "hashes" (base64, from the leaf upwards),
/// "checkpoint" (signed note)}`. The size of the tree stands in the checkpoint alone, so that it cannot contradict itself.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct InclusionProof {
    /// The leaf.
    pub leaf: Leaf,
    /// Its place in the log, from 0.
    pub index: u64,
    /// The proof, from the leaf upwards (RFC 9162, 2.1.3).
    pub hashes: Vec<Hash>,
    /// The signed note that it leads to.
    pub checkpoint: String,
}

/// What a proof that holds has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Proven {
    /// The leaf's hash, whichever form the proof carried.
    pub leaf_hash: Hash,
    /// The checkpoint that the log signed.
    pub checkpoint: Checkpoint,
}

impl InclusionProof {
    /// Reads the JSON form; nothing is believed before [`InclusionProof::verify`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > PROOF_JSON_LENGTH_MAX_BYTES {
            return Err(ProofError::TooLong { got_bytes: bytes.len() });
        }
        serde_json::from_slice(bytes).map_err(|e| ProofError::Malformed(e.to_string()))
    }

    /// The JSON form.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!(Wire::from(self.clone()))
    }

    /// The hash of the leaf.
    pub fn leaf_hash(&self) -> Hash {
        match &self.leaf {
            Leaf::Entry(entry) => entry.leaf_hash(),
            Leaf::Hash(hash) => *hash,
        }
    }

    /// Checks the proof with nothing but the log's key: the checkpoint's signature, then the way from leaf to root.
    pub fn verify(&self, log: &LogKey) -> Result<Proven, ProofError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, log)?;
        let leaf_hash = self.leaf_hash();
        tree::verify_inclusion(&leaf_hash, self.index, checkpoint.size(), &self.hashes, checkpoint.root())?;
        Ok(Proven { leaf_hash, checkpoint })
    }
}

/// A proof that cannot be read or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Longer than [`PROOF_JSON_LENGTH_MAX_BYTES`].
    #[error("expected a proof of at most {PROOF_JSON_LENGTH_MAX_BYTES} bytes, got {got_bytes}")]
    TooLong {
        /// The length that came.
        got_bytes: usize,
    },
    /// Not the JSON form.
    #[error("expected an inclusion proof: {0}")]
    Malformed(String),
    /// The checkpoint is not one of this log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead to the checkpoint's root.
    #[error(transparent)]
    NotProven(#[from] NotProven),
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    format: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    entry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    leaf_hash: Option<Hash>,
    index: u64,
    hashes: Vec<Hash>,
    checkpoint: String,
}

impl From<InclusionProof> for Wire {
    fn from(proof: InclusionProof) -> Self {
        let (entry, leaf_hash) = match proof.leaf {
            Leaf::Entry(entry) => (Some(String::from_utf8_lossy(entry.bytes()).into_owned()), None),
            Leaf::Hash(hash) => (None, Some(hash)),
        };
        let format = FORMAT.into();
        Self {
            format,
            entry,
            leaf_hash,
            index: proof.index,
            hashes: proof.hashes,
            checkpoint: proof.checkpoint,
        }
    }
}

impl TryFrom<Wire> for InclusionProof {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        if wire.format != FORMAT {
            return Err(format!(
                "expected format `{FORMAT}`, got `{}`",
                wire.format.chars().take(64).collect::<String>()
            ));
        }
        if wire.hashes.len() > PROOF_LENGTH_MAX_HASHES {
            return Err(format!(
                "expected at most {PROOF_LENGTH_MAX_HASHES} hashes, got {}",
                wire.hashes.len()
            ));
        }
        let leaf = match (wire.entry, wire.leaf_hash) {
            (Some(text), None) => {
                Leaf::Entry(Box::new(Entry::parse(text.as_bytes()).map_err(|e| e.to_string())?))
            }
            (None, Some(hash)) => Leaf::Hash(hash),
            _ => return Err("expected either `entry` or `leaf_hash`".into()),
        };
        Ok(Self { leaf, index: wire.index, hashes: wire.hashes, checkpoint: wire.checkpoint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::SigningLog;
    use crate::entry::Kind;
    use crate::tile::TileMap;
    use base::Timestamp;
    use serde_json::json;

    fn entry(n: i64) -> Entry {
        let now = Timestamp::from_unix_seconds(1_795_507_200 + n);
        let id = base::Id::new(now, &base::OsEntropy);
        Entry::new(id, now, Kind::EcertIssued, "usr_clerk", format!("cert_{n}"), json!({"n": n})).unwrap()
    }

    fn proof_of_a_licence() -> (SigningLog, InclusionProof) {
        let log = SigningLog::new("id.example.gov.cn/log");
        let entries: Vec<_> = (0..700).map(entry).collect();
        let leaves: Vec<_> = entries.iter().map(Entry::leaf_hash).collect();
        let tiles = TileMap::default().append(0, &leaves).unwrap();
        let proof = InclusionProof {
            leaf: Leaf::Entry(Box::new(entries[300].clone())),
            index: 300,
            hashes: tiles.inclusion_proof(300, 700).unwrap(),
            checkpoint: log.checkpoint(700, tiles.frontier(700).unwrap().root()),
        };
        (log, proof)
    }

    #[test]
    fn a_citizen_shows_that_a_licence_was_issued_without_asking_the_log() {
        let (log, proof) = proof_of_a_licence();
        let json = proof.to_json().to_string();
        let read = InclusionProof::from_json(json.as_bytes()).unwrap();
        assert_eq!(read, proof);
        assert_eq!(read.verify(&log.key).unwrap().checkpoint.size(), 700);
        let hash_only = InclusionProof { leaf: Leaf::Hash(proof.leaf_hash()), ..proof };
        let read = InclusionProof::from_json(hash_only.to_json().to_string().as_bytes()).unwrap();
        assert!(read.verify(&log.key).is_ok());
    }

    #[test]
    fn no_changed_byte_of_the_proof_goes_unnoticed() {
        let (log, proof) = proof_of_a_licence();
        let json = proof.to_json().to_string().into_bytes();
        for at in 0..json.len() {
            let mut bad = json.clone();
            bad[at] ^= 1;
            if let Ok(read) = InclusionProof::from_json(&bad) {
                assert!(read.verify(&log.key).is_err(), "byte {at} of {}", String::from_utf8_lossy(&json));
            }
        }
    }

    #[test]
    fn what_is_not_one_proof_is_refused() {
        let (log, proof) = proof_of_a_licence();
        let with = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut json = proof.to_json();
            change(&mut json);
            InclusionProof::from_json(json.to_string().as_bytes())
        };
        assert!(with(&|_| ()).is_ok());
        assert!(with(&|j| j["leaf_hash"] = json!(Hash::leaf(b""))).is_err(), "both leaf and hash");
        assert!(with(&|j| drop(j.as_object_mut().unwrap().remove("entry"))).is_err(), "neither");
        assert!(with(&|j| j["format"] = json!("v2")).is_err());
        assert!(with(&|j| j["size"] = json!(700)).is_err(), "an unknown member");
        assert!(with(&|j| j["hashes"] = json!(vec![Hash::leaf(b""); 129])).is_err());
        assert!(matches!(InclusionProof::from_json(&vec![b' '; 600_000]), Err(ProofError::TooLong { .. })));
        let moved = InclusionProof { index: 301, ..proof.clone() };
        assert_eq!(moved.verify(&log.key), Err(ProofError::NotProven(NotProven)));
        let stranger = SigningLog::new("id.example.gov.cn/log");
        assert_eq!(proof.verify(&stranger.key), Err(ProofError::Checkpoint(CheckpointError::NotSigned)));
    }
}
