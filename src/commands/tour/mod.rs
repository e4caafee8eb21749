//! `yinxin tour`: the main job over real HTTP against a server on a temporary folder, told in plain words.
//!
//! Each step says what happens and checks it; the first one that does not hold ends the tour with a non-zero exit. What comes
//! out stays in a folder that the tour names.

mod application;
mod steps;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::serve::{Running, bind};
use super::{failed, say};
use crate::browser::BrowserError;
use crate::config::{Config, Tls};
use crate::demo::Sample;
use crate::{Seams, StartError};

/// Flags of `tour`.
#[derive(Args, Default)]
pub struct TourFlags {
    /// Folder for the artefacts [usual: a new folder ./yinxin-tour-…]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// PostgreSQL instead of SQLite: an empty database, postgres://…
    #[arg(long, env = "YINXIN_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
}

/// Why the tour ended early.
#[derive(Debug, thiserror::Error)]
pub enum TourError {
    /// The server did not start or stop.
    #[error(transparent)]
    Start(#[from] StartError),
    /// HTTP, or a page that was not expected.
    #[error(transparent)]
    Browser(#[from] BrowserError),
    /// A step does not hold.
    #[error("{0}")]
    DoesNotHold(String),
}

impl From<reqwest::Error> for TourError {
    fn from(error: reqwest::Error) -> Self {
        Self::Browser(error.into())
    }
}

impl From<std::io::Error> for TourError {
    fn from(error: std::io::Error) -> Self {
        Self::DoesNotHold(format!("artefact: {error}"))
    }
}

/// Runs the tour and says how it went.
pub async fn run(flags: TourFlags) -> ExitCode {
    match tour(flags).await {
        Ok(folder) => {
            say(format!("\nEvery step held. The artefacts are in {}", folder.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(format!("\nA STEP DID NOT HOLD: {error}"));
            failed(&"the tour ended early");
            ExitCode::FAILURE
        }
    }
}

/// The tour; returns the folder with the artefacts.
pub async fn tour(flags: TourFlags) -> Result<PathBuf, TourError> {
    let folder = match flags.out {
        Some(folder) => folder,
        None => PathBuf::from(format!("yinxin-tour-{}", base::Clock::now(&base::SystemClock).unix_seconds())),
    };
    std::fs::create_dir_all(&folder)?;
    let socket = bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let port = socket.local_addr()?.port();
    let config = Config {
        data: folder.join("data"),
        listen: Vec::new(),
        issuer: format!("http://localhost:{port}")
            .parse()
            .map_err(|e| TourError::DoesNotHold(format!("issuer: {e}")))?,
        database: flags.database,
        demo: true,
        tls: Tls::Off,
        outbound: crate::config::Outbound::default(),
        certificates: crate::config::Certificates::default(),
        forwarding: flows::env::Forwarding::default(),
        connections_per_network: crate::config::CONNECTIONS_PER_NETWORK_USUAL_COUNT as usize,
        dpop_nonces_required: false,
        registration: flows::env::SelfRegistration::default(),
        token_keys: flows::rotate_keys::TokenKeyTimes::default(),
        sessions: flows::session_limits::SessionLimits::default(),
        upstreams: Vec::new(),
        log_json: false,
        log: "warn".to_owned(),
    };
    say(format!("A server with the sample province starts on {} …", config.issuer.as_str()));
    let running = Running::start(&config, vec![socket], Seams::default()).await?;
    let told = {
        let tour = Tour::new(&running, &config, &folder)?;
        tour.walk().await
    };
    running.stop().await?;
    told?;
    steps::audit_whole_log(&config).await?;
    Ok(folder)
}

/// What every step works with.
pub(crate) struct Tour<'a> {
    pub(crate) issuer: String,
    pub(crate) folder: &'a Path,
    pub(crate) sample: &'a Sample,
    pub(crate) enrolment_code: String,
}

impl<'a> Tour<'a> {
    fn new(running: &'a Running, config: &Config, folder: &'a Path) -> Result<Self, TourError> {
        let missing = |what: &str| TourError::DoesNotHold(format!("the server started without {what}"));
        let code = running.enrolment_code.as_ref().ok_or_else(|| missing("an enrolment code"))?;
        Ok(Self {
            issuer: config.issuer.as_str().to_owned(),
            folder,
            sample: running.sample.as_ref().ok_or_else(|| missing("the sample province"))?,
            enrolment_code: code.expose().clone(),
        })
    }

    async fn walk(&self) -> Result<(), TourError> {
        self.enrol().await?;
        self.single_sign_on().await?;
        self.decisions().await?;
        self.seal().await?;
        self.certificate().await?;
        self.proofs().await
    }

    /// Keeps an artefact and says so.
    pub(crate) fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), TourError> {
        std::fs::write(self.folder.join(name), bytes)?;
        say(format!("    kept {name}"));
        Ok(())
    }
}

/// The heading of a step.
pub(crate) fn chapter(title: &str) {
    say(format!("\n{title}"));
}

/// Something that was checked and holds.
pub(crate) fn holds(line: impl std::fmt::Display) {
    say(format!("  ✓ {line}"));
}

/// Ends the tour unless `condition` holds.
pub(crate) fn check(condition: bool, what: &str) -> Result<(), TourError> {
    if condition { Ok(()) } else { Err(TourError::DoesNotHold(what.to_owned())) }
}
