//! The binary's parts: configuration, assembly, commands, the sample province.
//!
//! - [`background`] what goes on without anybody asking.
//! - [`config`] what the operator set, from flags, environment and file.
//! - [`policies`] the policy stores that are built in.
//! - [`upstreams`] the providers through which people may log in, as the operator writes them down.
//! - [`tls`] TLS from files or from the built-in authority.
//! - [`demo`] the sample province of `serve --demo`.
//! - [`browser`] a browser without scripts, for the tour and the story tests.
//! - [`commands`] one file per command.

pub mod background;
pub mod browser;
pub mod commands;
pub mod config;
pub mod demo;
pub mod policies;
pub mod tls;
pub mod upstreams;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use base::{Clock, Entropy, OsEntropy, Secret, SystemClock};
use flows::decide::Policies;
use flows::env::{Certificates, Forwarding, Parts, SelfRegistration};
use flows::outbound::{Outbound, Reach};
use flows::rotate_keys::TokenKeyTimes;
use flows::session_limits::SessionLimits;
use flows::{Env, Fault, Settings};
use kms::{CryptoModule, SoftwareProvider};
use oidc::Issuer;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use store::Db;

const MASTER_KEY_FILE: &str = "keys/master.key";

/// What a test replaces: the clock and the dice.
pub struct Seams {
    /// Where `now` comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for Seams {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), entropy: Arc::new(OsEntropy) }
    }
}

/// Why the parts could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file or folder.
    #[error("{what} `{path}`: {source}")]
    File {
        /// What it is.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The cryptographic module's own tests.
    #[error("self-tests of the cryptographic module: {0}")]
    SelfTests(#[from] gm::module::Failure),
    /// The master key file is not one.
    #[error("master key file `{path}`: {source}")]
    MasterKey {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        source: kms::master::MasterKeyError,
    },
    /// An installation exists, but its master key does not.
    #[error(
        "the database holds an installation, but its master key `{path}` is not there: restore the key file, nothing can be opened without it"
    )]
    MasterKeyGone {
        /// Where the key should be.
        path: PathBuf,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The policies.
    #[error("policies: {0}")]
    Policies(#[from] policy::BundleError),
    /// The pages.
    #[error(transparent)]
    Pages(#[from] server::pages::PagesError),
    /// Anything a flow stumbled over.
    #[error("{0}")]
    Flow(String),
    /// What the operator asked for.
    #[error("{0}")]
    Configuration(String),
}

impl From<Fault> for StartError {
    fn from(fault: Fault) -> Self {
        Self::Flow(fault.to_string())
    }
}

impl From<flows::Failure> for StartError {
    fn from(failure: flows::Failure) -> Self {
        match failure {
            flows::Failure::Rejected(rejected) => Self::Flow(rejected.to_string()),
            flows::Failure::Fault(fault) => fault.into(),
        }
    }
}

/// Where the data is and who we are.
pub struct Place<'a> {
    /// The data folder.
    pub data: &'a Path,
    /// The database, when it is not the one in the data folder.
    pub database: Option<&'a str>,
    /// The provider's name.
    pub issuer: Issuer,
    /// Where calls to applications may go.
    pub outbound: &'a config::Outbound,
    /// Whether every proof of a key must carry a nonce of ours.
    pub dpop_nonces_required: bool,
    /// When the keys that sign tokens take turns.
    pub token_keys: TokenKeyTimes,
    /// How long logins live.
    pub sessions: SessionLimits,
    /// What is made of client certificates.
    pub certificates: &'a config::Certificates,
    /// Whom to believe where a request comes from.
    pub forwarding: &'a Forwarding,
    /// Who registers without an official.
    pub registration: &'a SelfRegistration,
    /// Providers through which people may log in.
    pub upstreams: &'a [upstreams::ConfiguredUpstream],
}

impl Place<'_> {
    fn database(&self) -> String {
        let own = || format!("sqlite:{}", self.data.join("yinxin.db").display());
        self.database.map_or_else(own, str::to_owned)
    }

    fn master_key(&self) -> PathBuf {
        self.data.join(MASTER_KEY_FILE)
    }
}

/// Puts the parts together: the only place where they are wired. Makes on the first start what is missing.
pub async fn assemble(place: &Place<'_>, seams: Seams) -> Result<Arc<Env>, StartError> {
    tls::provide();
    let module = Arc::new(power_on(&seams)?);
    private_folder(place.data)?;
    let db = Db::open(&place.database()).await?;
    let master = match read_master_key(place)? {
        Some(master) => master,
        None if flows::set_up::is_set_up(&db).await? => {
            return Err(StartError::MasterKeyGone { path: place.master_key() });
        }
        None => make_master_key(place, seams.entropy.as_ref())?,
    };
    let parts = Parts {
        clock: seams.clock,
        entropy: seams.entropy,
        db,
        keys: Arc::new(SoftwareProvider::new(master, module)),
        policies: Policies::load(&policies::stores())?,
        settings: Settings {
            dpop_nonces_required: place.dpop_nonces_required,
            token_keys: place.token_keys,
            sessions: place.sessions,
            certificates: certificates(place.certificates)?,
            forwarding: place.forwarding.clone(),
            registration: place.registration.clone(),
            ..Settings::new(place.issuer.clone())?
        },
        outbound: outbound(place)?,
        upstreams: upstreams::open(place.upstreams)?,
    };
    Ok(Arc::new(flows::set_up::set_up(parts).await?))
}

/// Tests the cryptographic module before anything else is touched, and says in the log what it runs on.
fn power_on(seams: &Seams) -> Result<CryptoModule, StartError> {
    let began = Instant::now();
    let alarm = Box::new(|failure| {
        tracing::error!("the cryptographic module is out of service until a restart: {failure}");
    });
    let module = CryptoModule::power_on(Arc::clone(&seams.entropy), Arc::clone(&seams.clock), alarm)?;
    let (took_ms, path) = (began.elapsed().as_secs_f64() * 1e3, gm::cpu::level().name());
    tracing::info!(
        "cryptographic module: self-tests passed in {took_ms:.1} ms, on the processor's `{path}` path"
    );
    Ok(module)
}

/// Client certificates, with the authorities that the operator named.
fn certificates(configured: &config::Certificates) -> Result<Certificates, StartError> {
    let config::Certificates { taken_at, roots, proxies, header, .. } = configured;
    let mut read = Certificates {
        taken_at: taken_at.clone(),
        roots: Vec::new(),
        proxies: proxies.clone(),
        header: header.clone(),
    };
    for path in roots {
        let text = fs::read_to_string(path).map_err(|source| StartError::File {
            what: "file of clients' authorities",
            path: path.clone(),
            source,
        })?;
        let wrong =
            |e| StartError::Configuration(format!("file of clients' authorities `{}`: {e}", path.display()));
        read.roots.extend(pki::Certificate::all_from_pem(&text).map_err(wrong)?);
    }
    Ok(read)
}

/// Calls to applications: over TLS, to whom the operating system or the operator trusts.
fn outbound(place: &Place<'_>) -> Result<Outbound, StartError> {
    let wrong = |e: &dyn std::fmt::Display| StartError::Configuration(format!("calls to applications: {e}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = Vec::new();
    for path in place.outbound.roots.iter() {
        let certificates =
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        roots.extend(certificates.map_err(|e| wrong(&format!("`{}`: {e}", path.display())))?);
    }
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(|e| wrong(&e))?;
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(&e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let this_machine = place.issuer.is_on_this_machine();
    let reach = Reach { this_machine, networks: place.outbound.networks.clone() };
    Outbound::new(tls, reach).map_err(|e| wrong(&e))
}

/// `None` when there is no such file.
fn read_master_key(place: &Place<'_>) -> Result<Option<Secret<[u8; 32]>>, StartError> {
    let path = place.master_key();
    match fs::read_to_string(&path) {
        Ok(text) => {
            let text = Secret::new(text);
            let key = kms::master::decode(text.expose());
            key.map(Some).map_err(|source| StartError::MasterKey { path, source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StartError::File { what: "master key file", path, source }),
    }
}

fn make_master_key(place: &Place<'_>, entropy: &dyn Entropy) -> Result<Secret<[u8; 32]>, StartError> {
    let path = place.master_key();
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    let key = kms::master::generate(entropy);
    let text = kms::master::encode(&key);
    write_private(&path, text.expose().as_bytes()).map_err(|source| StartError::File {
        what: "master key file",
        path,
        source,
    })?;
    Ok(key)
}

fn private_folder(path: &Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| StartError::File {
        what: "folder",
        path: path.to_owned(),
        source,
    })
}

/// Writes a file that only its owner may read, and that is whole on the disk when this returns.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let half = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&half, path)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}
