//! What was acknowledged, kept on the client's side; and the program held to it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use audit::checkpoint::LogKey;
use audit::proof::{InclusionProof, Leaf};

use super::client::{Answer, World};
use super::dice::Dice;
use super::grant::{Grant, Held};

/// How long an entry waits for its place at most; usually a second.
const PLACED_WITHIN: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Everything that clients were told of.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) grants: Vec<Grant>,
    pub(crate) sealings: Vec<Sealing>,
    pub(crate) certificates: Vec<Certificate>,
    /// Log entries of decisions.
    pub(crate) decisions: Vec<String>,
    /// Checkpoints that were published, as they came.
    pub(crate) checkpoints: Vec<String>,
    /// What the kills fell into, and how often.
    pub(crate) cut_off: BTreeMap<&'static str, usize>,
    /// Answers that must not be.
    pub(crate) complaints: Vec<String>,
}

/// A sealed document that was handed out.
#[derive(Debug)]
pub(crate) struct Sealing {
    pub(crate) entry: String,
    pub(crate) file: Vec<u8>,
}

/// A certificate that was issued.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) identifier: String,
    pub(crate) sm3: String,
    pub(crate) entry: String,
}

impl Journal {
    pub(crate) fn append(&mut self, mut other: Self) {
        self.grants.append(&mut other.grants);
        self.sealings.append(&mut other.sealings);
        self.certificates.append(&mut other.certificates);
        self.decisions.append(&mut other.decisions);
        self.checkpoints.append(&mut other.checkpoints);
        self.complaints.append(&mut other.complaints);
        for (what, count) in other.cut_off {
            *self.cut_off.entry(what).or_default() += count;
        }
    }

    /// How many of each, in words.
    pub(crate) fn sum(&self) -> String {
        let (grants, sealings) = (self.grants.len(), self.sealings.len());
        let (certificates, decisions) = (self.certificates.len(), self.decisions.len());
        let cut_off: Vec<_> = self.cut_off.iter().map(|(what, count)| format!("{what} ({count})")).collect();
        let cut_off = cut_off.join(", ");
        format!(
            "acknowledged {grants} grants, {sealings} sealings, {certificates} certificates, {decisions} decisions; \
             cut off while {cut_off}"
        )
    }

    /// Every log entry that somebody was told of.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &str> {
        let sealings = self.sealings.iter().map(|sealing| &sealing.entry);
        let certificates = self.certificates.iter().map(|certificate| &certificate.entry);
        sealings.chain(certificates).chain(&self.decisions).map(String::as_str)
    }

    /// Nobody got an answer that must not be, and what was acknowledged is there.
    pub(crate) async fn hold_to_it(&self, world: &World, dice: &mut Dice, held: &mut Held) {
        assert_eq!(self.complaints, Vec::<String>::new());
        for grant in &self.grants {
            grant.hold_to_it(world, dice, held).await;
        }
        for sealing in &self.sealings {
            sealing.hold_to_it(world).await;
        }
        for certificate in &self.certificates {
            certificate.hold_to_it(world).await;
        }
        self.hold_to_entries(world).await;
        for checkpoint in &self.checkpoints {
            let (now, then) = (size_of(&world.checkpoint().await), size_of(checkpoint));
            assert!(now >= then, "a log of {then} entries was published, and now it has {now}");
        }
    }

    /// Every entry that somebody was told of is in the log, which a verifier with the log's key alone believes.
    pub(crate) async fn hold_to_entries(&self, world: &World) {
        let key = world.log_key().await;
        for entry in self.entries() {
            let answer = Answer::to(world.get(&format!("/v1/log/entries/{entry}/proof"))).await.unwrap();
            assert_eq!(answer.status, 200, "the acknowledged entry {entry}: {}", answer.text());
            assert_proven(&answer.body, entry, &key);
        }
    }
}

impl Sealing {
    /// The file verifies, and the report carries the log's proof of exactly this sealing.
    pub(crate) async fn hold_to_it(&self, world: &World) {
        let answer = Answer::to(world.post("/v1/verify").body(self.file.clone())).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let report = answer.json();
        assert_eq!(report["indication"], "TOTAL-PASSED", "{report}");
        assert_proven(report["log"].to_string().as_bytes(), &self.entry, &world.log_key().await);
    }
}

impl Certificate {
    /// It stands as it was issued.
    pub(crate) async fn hold_to_it(&self, world: &World) {
        let path = format!("/v1/certificates/{}", self.identifier);
        let answer = Answer::to(world.get(&path)).await.unwrap();
        assert_eq!(answer.status, 200, "the acknowledged certificate {}: {}", self.identifier, answer.text());
        let standing = answer.json();
        let told = [&standing["state"], &standing["file_sm3"], &standing["log_entry"]];
        assert_eq!(told, ["01", self.sm3.as_str(), self.entry.as_str()], "{standing}");
    }
}

impl World {
    pub(crate) async fn log_key(&self) -> LogKey {
        let answer = Answer::to(self.get("/log/key")).await.unwrap().with(200).unwrap();
        answer.text().trim().parse().unwrap()
    }

    pub(crate) async fn checkpoint(&self) -> String {
        Answer::to(self.get("/log/checkpoint")).await.unwrap().with(200).unwrap().text()
    }

    /// Waits until the log is longer than `old`, without asking for anything's place: the program sees to that by itself.
    pub(crate) async fn wait_for_checkpoint_after(&self, old: u64) {
        let give_up = Instant::now() + PLACED_WITHIN;
        while size_of(&self.checkpoint().await) <= old {
            assert!(
                Instant::now() < give_up,
                "no checkpoint after the one of {old} entries in {PLACED_WITHIN:?}"
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// How many entries the log had when it signed `checkpoint`.
pub(crate) fn size_of(checkpoint: &str) -> u64 {
    audit::checkpoint::Checkpoint::peek(checkpoint).unwrap().size()
}

fn assert_proven(proof: &[u8], entry: &str, key: &LogKey) {
    let proof =
        InclusionProof::from_json(proof).unwrap_or_else(|error| panic!("the proof of {entry}: {error}"));
    proof.verify(key).unwrap_or_else(|error| panic!("the proof of {entry}: {error}"));
    assert!(
        matches!(&proof.leaf, Leaf::Entry(leaf) if leaf.id().to_string() == entry),
        "a proof of another entry"
    );
}
