//! `yinxin audit`: the whole log checked offline, and single proofs.

use std::path::PathBuf;
use std::process::ExitCode;

use audit::checkpoint::LogKey;
use audit::proof::{InclusionProof, Leaf};
use clap::Subcommand;
use flows::log_audit::{self, Finding, KeptCheckpoint};
use kms::Purpose;
use store::Db;
use store::rows::keys;

use super::{failed, say};
use crate::StartError;

/// What to check.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Check every entry, tile and checkpoint of the log in a data folder; the server may run meanwhile
    Verify {
        /// The data folder
        #[arg(long, env = "YINXIN_DATA", default_value = "data")]
        data: PathBuf,
        /// The database, when it is not the one in the data folder
        #[arg(long, env = "YINXIN_DATABASE", hide_env_values = true)]
        database: Option<String>,
        /// The log's key as kept elsewhere (the line of /log/key), instead of the one in the database
        #[arg(long)]
        log_key: Option<String>,
        /// A checkpoint as kept elsewhere (the text of /log/checkpoint): the log must still reach it
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Check an inclusion proof (the JSON of /v1/log/entries/…/proof) with the log's key alone
    Proof {
        /// The proof
        file: PathBuf,
        /// The log's key: the line of /log/key
        #[arg(long)]
        log_key: String,
    },
}

impl AuditCommand {
    pub(super) async fn run(self) -> ExitCode {
        let done = match self {
            Self::Verify { data, database, log_key, checkpoint } => {
                verify(data, database, log_key, checkpoint).await
            }
            Self::Proof { file, log_key } => proof(file, &log_key),
        };
        done.unwrap_or_else(|error| failed(&error))
    }
}

async fn verify(
    data: PathBuf,
    database: Option<String>,
    key: Option<String>,
    checkpoint: Option<PathBuf>,
) -> Result<ExitCode, StartError> {
    let own = data.join("yinxin.db");
    if database.is_none() && !own.exists() {
        return Err(StartError::Configuration(format!("there is no database `{}`", own.display())));
    }
    let db = Db::open(&database.unwrap_or_else(|| format!("sqlite:{}", own.display()))).await?;
    let mut conn = db.read().await?;
    let key = match key {
        Some(text) => parse_key(&text)?,
        None => own_key(&mut conn).await?,
    };
    say(format!("log      {}", key.name()));
    say(format!("key      {key}"));
    let kept = checkpoint.map(kept_checkpoint).transpose()?;
    let mut told = 0;
    let finding = log_audit::check(&mut conn, key, kept, |checked, of| {
        // A line each tenth of a long log, so that nobody thinks it hangs.
        let tenth = checked * 10 / of.max(1);
        if of > 10_000 && tenth > told {
            told = tenth;
            say(format!("checked  {checked} of {of} entries"));
        }
    });
    match finding.await? {
        Finding::Whole { verified, waiting } => {
            say(format!("entries  {}", verified.entries));
            say(format!("root     {}", verified.root));
            say(format!("compared {} checkpoints, {} tiles", verified.checkpoints, verified.tiles));
            if verified.uncovered > 0 {
                say(format!("note     the last {} entries wait for a checkpoint", verified.uncovered));
            }
            if waiting > 0 {
                say(format!(
                    "note     {waiting} entries wait for their place; the server gives it within a second"
                ));
            }
            say("The log is whole: every entry, tile and checkpoint agrees.");
            Ok(ExitCode::SUCCESS)
        }
        Finding::WaitingChanged { entry } => {
            say(format!(
                "THE LOG IS NOT WHOLE: entry {entry}, which waits for its place, is not what was written"
            ));
            Ok(ExitCode::FAILURE)
        }
        Finding::Diverges(divergence) => {
            say(format!("THE LOG IS NOT WHOLE: {divergence}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn kept_checkpoint(path: PathBuf) -> Result<KeptCheckpoint, StartError> {
    match std::fs::read_to_string(&path) {
        Ok(note) => KeptCheckpoint::read(note)
            .map_err(|e| StartError::Configuration(format!("checkpoint `{}`: {e}", path.display()))),
        Err(source) => Err(StartError::File { what: "checkpoint", path, source }),
    }
}

pub(crate) async fn own_key(conn: &mut store::Conn) -> Result<LogKey, StartError> {
    let none = || StartError::Configuration("the database has no log yet".to_owned());
    let origin = log_audit::origin(conn).await?.ok_or_else(none)?;
    let rows = keys::all(conn).await?;
    let row = rows.into_iter().rfind(|k| k.purpose == Purpose::LogCheckpoint.as_str()).ok_or_else(none)?;
    match flows::keyring::record(row)?.public_key() {
        Ok(pki::PublicKey::Sm2(key)) => Ok(LogKey::new(origin, key)),
        _ => Err(StartError::Configuration("the log's key in the database is not an SM2 key".to_owned())),
    }
}

fn proof(file: PathBuf, key: &str) -> Result<ExitCode, StartError> {
    let key = parse_key(key)?;
    let bytes = std::fs::read(&file).map_err(|source| StartError::File {
        what: "proof",
        path: file.clone(),
        source,
    })?;
    let read = InclusionProof::from_json(&bytes);
    let checked = read.and_then(|proof| proof.verify(&key).map(|proven| (proof, proven)));
    match checked {
        Ok((proof, proven)) => {
            if let Leaf::Entry(entry) = &proof.leaf {
                say(format!("entry    {}  {}", entry.id(), entry.kind().as_str()));
                say(format!("by       {}", entry.actor()));
                say(format!("about    {}", entry.subject()));
                say(format!("at       {}", entry.at()));
            }
            say(format!("place    {} of {}", proof.index, proven.checkpoint.size()));
            say("The entry is in the log under a checkpoint that the log signed.");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            say(format!("NOT PROVEN: {error}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn parse_key(text: &str) -> Result<LogKey, StartError> {
    text.trim().parse().map_err(|e| StartError::Configuration(format!("log key: {e}")))
}
