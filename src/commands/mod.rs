//! One file per command. Commands print for people; what they do stands in the crates below.

pub mod audit;
pub mod policy;
pub mod serve;
pub mod tour;
pub mod verify;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;

use crate::config::ServeFlags;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Serve everything on this machine
    Serve(Box<ServeFlags>),
    /// Drive the whole main job against a server on a temporary folder, and tell what happens
    Tour(tour::TourFlags),
    /// Verify a sealed OFD document, an e-certificate or a seal
    Verify(verify::VerifyFlags),
    /// Check the log, or a proof from it
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Check the built-in policies against their cases
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
}

impl Command {
    /// Runs the command.
    pub async fn run(self) -> ExitCode {
        match self {
            Self::Serve(flags) => Box::pin(serve::run(*flags)).await,
            Self::Tour(flags) => tour::run(flags).await,
            Self::Verify(flags) => verify::run(flags).await,
            Self::Audit(command) => command.run().await,
            Self::Policy(command) => command.run(),
        }
    }
}

/// A command could not do its work: says why, and exits with 3.
pub fn failed(why: &dyn Display) -> ExitCode {
    eprintln!("yinxin: {why}");
    ExitCode::from(3)
}

/// Writes a line for people. When nobody reads any more (`| head`), what the command says with its exit code still counts.
pub(crate) fn say(line: impl Display) {
    writeln!(std::io::stdout(), "{line}").ok();
}
