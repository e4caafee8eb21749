//! What the operator set: flags, then environment, then the file, then the usual.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use flows::env::Forwarding;
use flows::env::SelfRegistration;
use flows::metadata_documents::Documents;
use flows::outbound::Network;
use flows::rotate_keys::TokenKeyTimes;
use flows::session_limits::SessionLimits;
use oidc::Issuer;
use oidc::mtls::TakenAt;
use oidc::software_statement::{ISSUERS_MAX_COUNT, StatementIssuer, USUAL_AGE_MAX_DAYS};
use serde::Deserialize;
use server::listen::CONNECTIONS_MAX_COUNT;

use crate::StartError;
use crate::upstreams::{self, ConfiguredUpstream};

/// The usual port.
pub const PORT: u16 = 8080;

/// The usual share of one network: a tenth of all connections.
pub const CONNECTIONS_PER_NETWORK_USUAL_COUNT: u32 = CONNECTIONS_MAX_COUNT / 10;

/// The usual header in which a proxy says what certificate it was shown (RFC 9440, 2.2).
const CERTIFICATE_HEADER: &str = "client-cert";

/// The usual header in which a proxy says where a request comes from.
const ADDRESS_HEADER: &str = "x-forwarded-for";

/// Flags of `serve`. Each can be set in the environment and in the file instead.
#[derive(Args, Debug, Default, Clone)]
pub struct ServeFlags {
    /// Configuration file (TOML), for what is not given here
    #[arg(long, env = "YINXIN_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for the database and the master key [usual: ./data]
    #[arg(long, env = "YINXIN_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address and port to listen on; may be repeated [usual: 127.0.0.1:8080 and [::1]:8080]
    #[arg(long, env = "YINXIN_LISTEN", value_name = "ADDR:PORT", value_delimiter = ',')]
    pub listen: Vec<SocketAddr>,
    /// The provider's name and the base of every URL [usual: http://localhost:PORT]
    #[arg(long, env = "YINXIN_ISSUER", value_name = "URL")]
    pub issuer: Option<String>,
    /// PostgreSQL instead of the embedded SQLite: postgres://…
    #[arg(long, env = "YINXIN_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// Add a small sample province, marked as such
    #[arg(long, env = "YINXIN_DEMO")]
    pub demo: bool,
    /// TLS certificate chain (PEM), or `built-in` for one from the built-in authority
    #[arg(long, env = "YINXIN_TLS_CERTIFICATE", value_name = "FILE|built-in")]
    pub tls_certificate: Option<String>,
    /// TLS private key (PEM, PKCS#8), with a certificate from a file
    #[arg(long, env = "YINXIN_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Network, inside the province, in which applications may be called (their keys, their logout endpoints): 10.20.0.0/16
    #[arg(long, env = "YINXIN_OUTBOUND_NETWORKS", value_name = "CIDR", value_delimiter = ',')]
    pub outbound_networks: Vec<Network>,
    /// Certificates (PEM) of authorities that are trusted when applications are called, beside the operating system's
    #[arg(long, env = "YINXIN_OUTBOUND_ROOTS", value_name = "FILE", value_delimiter = ',')]
    pub outbound_roots: Vec<PathBuf>,
    /// Address and port where clients are asked for certificates (RFC 8705), always over TLS; may be repeated
    #[arg(long, env = "YINXIN_MTLS_LISTEN", value_name = "ADDR:PORT", value_delimiter = ',')]
    pub mtls_listen: Vec<SocketAddr>,
    /// Base of the URLs where clients bring certificates [usual: https, the issuer's host, the port of --mtls-listen]
    #[arg(long, env = "YINXIN_MTLS_URL", value_name = "URL")]
    pub mtls_url: Option<String>,
    /// Certificates (PEM) of authorities that may issue clients' certificates, beside the built-in one
    #[arg(long, env = "YINXIN_CLIENT_CERTIFICATE_ROOTS", value_name = "FILE", value_delimiter = ',')]
    pub client_certificate_roots: Vec<PathBuf>,
    /// Network of proxies in front that are believed what certificate a client showed them: 10.20.0.1/32
    #[arg(long, env = "YINXIN_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,
    /// Header in which they say it; they must take away what clients send under this name [usual: Client-Cert]
    #[arg(long, env = "YINXIN_CLIENT_CERTIFICATE_HEADER", value_name = "NAME")]
    pub client_certificate_header: Option<String>,
    /// Network of proxies in front that are believed where a request comes from: 10.20.0.1/32
    #[arg(long, env = "YINXIN_ADDRESS_PROXIES", value_name = "CIDR", value_delimiter = ',')]
    pub address_proxies: Vec<Network>,
    /// Header to which each of them adds the address that it was called from [usual: X-Forwarded-For]
    #[arg(long, env = "YINXIN_ADDRESS_HEADER", value_name = "NAME")]
    pub address_header: Option<String>,
    /// Connections that one network holds at most, an IPv4 address or an IPv6 /64; proxies that are named hold any number [usual: 1000]
    #[arg(long, env = "YINXIN_CONNECTIONS_PER_NETWORK", value_name = "COUNT")]
    pub connections_per_network: Option<u32>,
    /// Take proofs of a key (DPoP) only with a nonce of this server
    #[arg(long, env = "YINXIN_DPOP_NONCES_REQUIRED")]
    pub dpop_nonces_required: bool,
    /// Let clients be known by the address of a document that registers them (client ID metadata documents)
    #[arg(long, env = "YINXIN_CLIENT_ID_METADATA_DOCUMENTS")]
    pub client_id_metadata_documents: bool,
    /// Host at which such documents count, also inside the province; may be repeated [usual: any on the public internet]
    #[arg(long, env = "YINXIN_CLIENT_ID_METADATA_HOSTS", value_name = "HOST", value_delimiter = ',')]
    pub client_id_metadata_hosts: Vec<String>,
    /// Let software register itself only with a statement of one of the file's `software_statement_issuer`s
    #[arg(long, env = "YINXIN_SOFTWARE_STATEMENTS_REQUIRED")]
    pub software_statements_required: bool,
    /// How many days a key signs tokens before another takes its turn [usual: 90]
    #[arg(long, env = "YINXIN_TOKEN_KEY_ROTATION_DAYS", value_name = "DAYS")]
    pub token_key_rotation_days: Option<i64>,
    /// How many hours a key is published before it signs, and after [usual: 24]
    #[arg(long, env = "YINXIN_TOKEN_KEY_ANNOUNCE_HOURS", value_name = "HOURS")]
    pub token_key_announce_hours: Option<i64>,
    /// How many minutes a login may stand idle before it ends [usual: 120; 10 to 720]
    #[arg(long, env = "YINXIN_SESSION_IDLE_MINUTES", value_name = "MINUTES")]
    pub session_idle_minutes: Option<i64>,
    /// How many logins of one person there may be at a time; one more ends the one that was used longest ago [usual: 20; 1 to 100]
    #[arg(long, env = "YINXIN_SESSIONS_PER_PERSON", value_name = "NUMBER")]
    pub sessions_per_person: Option<u32>,
    /// Log lines as JSON
    #[arg(long, env = "YINXIN_LOG_JSON")]
    pub log_json: bool,
    /// What is logged: `info`, `debug`, `flows=debug,info` …
    #[arg(long, env = "YINXIN_LOG", value_name = "FILTER")]
    pub log: Option<String>,
}

/// The configuration file. Unknown keys are refused: a misspelt setting must not be silently without effect.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    #[serde(default)]
    listen: Vec<SocketAddr>,
    issuer: Option<String>,
    database: Option<String>,
    #[serde(default)]
    demo: bool,
    tls_certificate: Option<String>,
    tls_key: Option<PathBuf>,
    #[serde(default)]
    outbound_networks: Vec<String>,
    #[serde(default)]
    outbound_roots: Vec<PathBuf>,
    #[serde(default)]
    mtls_listen: Vec<SocketAddr>,
    mtls_url: Option<String>,
    #[serde(default)]
    client_certificate_roots: Vec<PathBuf>,
    #[serde(default)]
    trusted_proxies: Vec<String>,
    client_certificate_header: Option<String>,
    #[serde(default)]
    address_proxies: Vec<String>,
    address_header: Option<String>,
    connections_per_network: Option<u32>,
    #[serde(default)]
    dpop_nonces_required: bool,
    #[serde(default)]
    client_id_metadata_documents: bool,
    #[serde(default)]
    client_id_metadata_hosts: Vec<String>,
    #[serde(default)]
    software_statements_required: bool,
    #[serde(default)]
    software_statement_issuer: Vec<StatementIssuerEntry>,
    token_key_rotation_days: Option<i64>,
    token_key_announce_hours: Option<i64>,
    session_idle_minutes: Option<i64>,
    sessions_per_person: Option<u32>,
    #[serde(default)]
    log_json: bool,
    log: Option<String>,
    #[serde(default)]
    upstream: Vec<upstreams::Table>,
}

/// Somebody who may vouch for software that registers itself (RFC 7591, 2.3).
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct StatementIssuerEntry {
    /// The statements' `iss`.
    issuer: String,
    /// File of its public keys (RFC 7517).
    jwks: Option<PathBuf>,
    /// Or where it publishes them.
    jwks_uri: Option<String>,
    /// The members that it may vouch for; all when left out.
    members: Option<Vec<String>>,
    /// The scopes that it may vouch for; those that need nobody to when left out.
    scopes: Option<Vec<String>>,
    /// How many days ago its statements may have been made.
    max_age_days: Option<i64>,
}

/// Where TLS comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP; on loopback only.
    Off,
    /// A certificate from the built-in authority, for the issuer's host.
    BuiltIn,
    /// A chain and its key from files.
    Files {
        /// The chain, PEM.
        certificate: PathBuf,
        /// The key, PEM.
        key: PathBuf,
    },
}

/// Where calls to applications may go, and whom they trust.
#[derive(Debug, Clone, Default)]
pub struct Outbound {
    /// Networks inside the province.
    pub networks: Vec<Network>,
    /// Files of authorities' certificates.
    pub roots: Vec<PathBuf>,
}

/// Client certificates: where they come from, and whose are believed.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// Where clients are asked for them.
    pub listen: Vec<SocketAddr>,
    /// Where clients learn to bring them.
    pub taken_at: TakenAt,
    /// Files of authorities' certificates.
    pub roots: Vec<PathBuf>,
    /// Proxies that are believed what they were shown.
    pub proxies: Vec<Network>,
    /// The header in which they say it, in lower case.
    pub header: String,
}

/// What `serve` runs with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// The provider's name.
    pub issuer: Issuer,
    /// The database, when it is not the one in the data folder.
    pub database: Option<String>,
    /// With the sample province.
    pub demo: bool,
    /// Where TLS comes from.
    pub tls: Tls,
    /// Where calls to applications may go.
    pub outbound: Outbound,
    /// Client certificates.
    pub certificates: Certificates,
    /// Whom to believe where a request comes from.
    pub forwarding: Forwarding,
    /// Connections that one network holds at most.
    pub connections_per_network: usize,
    /// Whether every proof of a key must carry a nonce of ours.
    pub dpop_nonces_required: bool,
    /// When the keys that sign tokens take turns.
    pub token_keys: TokenKeyTimes,
    /// How long logins live.
    pub sessions: SessionLimits,
    /// Who registers without an official.
    pub registration: SelfRegistration,
    /// Providers through which people may log in.
    pub upstreams: Vec<ConfiguredUpstream>,
    /// Log lines as JSON.
    pub log_json: bool,
    /// What is logged.
    pub log: String,
}

impl Config {
    /// Reads the file, if one is named, and settles every value.
    pub fn read(flags: ServeFlags) -> Result<Self, StartError> {
        let file = match &flags.config {
            Some(path) => read_file(path)?,
            None => File::default(),
        };
        let tls = tls(flags.tls_certificate.or(file.tls_certificate), flags.tls_key.or(file.tls_key))?;
        let listen =
            [flags.listen, file.listen].into_iter().find(|l| !l.is_empty()).unwrap_or_else(usual_addresses);
        let demo = flags.demo || file.demo;
        check_addresses(&listen, &tls, demo)?;
        let issuer = issuer(flags.issuer.or(file.issuer), &listen, &tls)?;
        let mtls_listen = [flags.mtls_listen, file.mtls_listen].concat();
        check_addresses(&mtls_listen, &Tls::BuiltIn, demo)?;
        let proxies = networks(flags.trusted_proxies, &file.trusted_proxies)?;
        let certificates = Certificates {
            taken_at: taken_at(flags.mtls_url.or(file.mtls_url), &mtls_listen, &proxies, &issuer)?,
            listen: mtls_listen,
            roots: [flags.client_certificate_roots, file.client_certificate_roots].concat(),
            proxies,
            header: header(
                "client_certificate_header",
                flags.client_certificate_header.or(file.client_certificate_header),
                CERTIFICATE_HEADER,
            )?,
        };
        let forwarding = Forwarding {
            proxies: networks(flags.address_proxies, &file.address_proxies)?,
            header: header("address_header", flags.address_header.or(file.address_header), ADDRESS_HEADER)?,
        };
        Ok(Self {
            data: flags.data.or(file.data).unwrap_or_else(|| PathBuf::from("data")),
            issuer,
            listen,
            database: flags.database.or(file.database),
            demo,
            tls,
            outbound: Outbound {
                networks: networks(flags.outbound_networks, &file.outbound_networks)?,
                roots: [flags.outbound_roots, file.outbound_roots].concat(),
            },
            certificates,
            forwarding,
            connections_per_network: connections_per_network(
                flags.connections_per_network.or(file.connections_per_network),
            )?,
            dpop_nonces_required: flags.dpop_nonces_required || file.dpop_nonces_required,
            token_keys: TokenKeyTimes::new(
                flags.token_key_rotation_days.or(file.token_key_rotation_days),
                flags.token_key_announce_hours.or(file.token_key_announce_hours),
            )
            .map_err(StartError::Configuration)?,
            sessions: SessionLimits::new(
                flags.session_idle_minutes.or(file.session_idle_minutes),
                flags.sessions_per_person.or(file.sessions_per_person),
            )
            .map_err(StartError::Configuration)?,
            registration: SelfRegistration {
                statements_required: statements_required(
                    flags.software_statements_required || file.software_statements_required,
                    &file.software_statement_issuer,
                )?,
                statement_issuers: statement_issuers(file.software_statement_issuer)?,
                documents: documents(
                    flags.client_id_metadata_documents || file.client_id_metadata_documents,
                    [flags.client_id_metadata_hosts, file.client_id_metadata_hosts].concat(),
                )?,
            },
            upstreams: upstreams::read(file.upstream)?,
            log_json: flags.log_json || file.log_json,
            log: flags.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
        })
    }
}

/// Where documents that register clients count.
fn documents(on: bool, hosts: Vec<String>) -> Result<Documents, StartError> {
    let wrong = |what: String| Err(StartError::Configuration(format!("client_id_metadata_hosts: {what}")));
    let plain =
        |host: &str| host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
    let good = |host: &String| {
        plain(host)
            && url::Url::parse(&format!("https://{host}/")).is_ok_and(|url| url.domain() == Some(host))
    };
    match (on, hosts.iter().find(|host| !good(host))) {
        (_, Some(bad)) => wrong(format!("expected a host name in lower case without a port, got `{bad}`")),
        (false, None) if !hosts.is_empty() => {
            wrong("expected `client_id_metadata_documents` with it".to_owned())
        }
        (false, None) => Ok(Documents::Off),
        (true, None) if hosts.is_empty() => Ok(Documents::Anywhere),
        (true, None) => Ok(Documents::At(hosts)),
    }
}

/// Who may vouch for software.
fn statement_issuers(entries: Vec<StatementIssuerEntry>) -> Result<Vec<StatementIssuer>, StartError> {
    let wrong = |what: String| StartError::Configuration(format!("software_statement_issuer: {what}"));
    if entries.len() > ISSUERS_MAX_COUNT {
        return Err(wrong(format!("expected at most {ISSUERS_MAX_COUNT}, got {}", entries.len())));
    }
    let mut issuers: Vec<StatementIssuer> = Vec::new();
    for entry in entries {
        if issuers.iter().any(|other| other.issuer == entry.issuer) {
            return Err(wrong(format!("expected each issuer once, got `{}` again", entry.issuer)));
        }
        issuers.push(statement_issuer(entry)?);
    }
    Ok(issuers)
}

fn statement_issuer(entry: StatementIssuerEntry) -> Result<StatementIssuer, StartError> {
    let wrong = |what: &dyn std::fmt::Display| {
        StartError::Configuration(format!("software_statement_issuer `{}`: {what}", entry.issuer))
    };
    let mut registration =
        oidc::Registration { jwks_uri: entry.jwks_uri.clone(), ..oidc::Registration::default() };
    if let Some(path) = &entry.jwks {
        let text = std::fs::read_to_string(path).map_err(|source| StartError::File {
            what: "keys of an issuer of software statements",
            path: path.clone(),
            source,
        })?;
        registration.jwks =
            Some(serde_json::from_str(&text).map_err(|e| wrong(&format!("`{}`: {e}", path.display())))?);
    }
    let issuer = StatementIssuer {
        issuer: entry.issuer.clone(),
        keys: registration.keys().map_err(|e| wrong(&e))?,
        members: entry.members.clone().unwrap_or_else(StatementIssuer::every_member),
        scopes: entry.scopes.clone().unwrap_or_else(StatementIssuer::usual_scopes),
        age_max_days: entry.max_age_days.unwrap_or(USUAL_AGE_MAX_DAYS),
    };
    issuer.check().map_err(|what| wrong(&what))?;
    Ok(issuer)
}

fn statements_required(required: bool, issuers: &[StatementIssuerEntry]) -> Result<bool, StartError> {
    if required && issuers.is_empty() {
        return Err(StartError::Configuration(
            "software_statements_required: nobody could make one: name a `software_statement_issuer`"
                .to_owned(),
        ));
    }
    Ok(required)
}

fn networks(flags: Vec<Network>, file: &[String]) -> Result<Vec<Network>, StartError> {
    let read = |text: &String| text.parse().map_err(StartError::Configuration);
    let from_file = file.iter().map(read).collect::<Result<Vec<Network>, _>>()?;
    Ok([flags, from_file].concat())
}

fn connections_per_network(given: Option<u32>) -> Result<usize, StartError> {
    let count = given.unwrap_or(CONNECTIONS_PER_NETWORK_USUAL_COUNT);
    if count == 0 || count > CONNECTIONS_MAX_COUNT {
        return Err(StartError::Configuration(format!(
            "connections_per_network: expected 1 to {CONNECTIONS_MAX_COUNT}, got {count}"
        )));
    }
    Ok(count as usize)
}

fn usual_addresses() -> Vec<SocketAddr> {
    vec![SocketAddr::from(([127, 0, 0, 1], PORT)), SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, PORT))]
}

fn read_file(path: &Path) -> Result<File, StartError> {
    let text = std::fs::read_to_string(path).map_err(|source| StartError::File {
        what: "configuration file",
        path: path.to_owned(),
        source,
    })?;
    let bad = |e: toml::de::Error| {
        StartError::Configuration(format!("configuration file `{}`: {e}", path.display()))
    };
    toml::from_str(&text).map_err(bad)
}

fn tls(certificate: Option<String>, key: Option<PathBuf>) -> Result<Tls, StartError> {
    match (certificate.as_deref(), key) {
        (None, None) => Ok(Tls::Off),
        (Some("built-in"), None) => Ok(Tls::BuiltIn),
        (Some("built-in"), Some(_)) => Err(StartError::Configuration(
            "the built-in TLS certificate brings its own key: leave `tls_key` out".into(),
        )),
        (Some(file), Some(key)) => Ok(Tls::Files { certificate: PathBuf::from(file), key }),
        _ => Err(StartError::Configuration("`tls_certificate` and `tls_key` go together".into())),
    }
}

fn check_addresses(listen: &[SocketAddr], tls: &Tls, demo: bool) -> Result<(), StartError> {
    let Some(open) = listen.iter().find(|address| !is_loopback(address.ip())) else { return Ok(()) };
    if *tls == Tls::Off {
        return Err(StartError::Configuration(format!(
            "`{open}` is not a loopback address, and plain HTTP is for loopback only: give `--tls-certificate FILE --tls-key FILE`, or `--tls-certificate built-in`"
        )));
    }
    if demo {
        return Err(StartError::Configuration(format!(
            "`{open}` is not a loopback address, and the sample province is for trying things on this machine only"
        )));
    }
    Ok(())
}

const fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn issuer(given: Option<String>, listen: &[SocketAddr], tls: &Tls) -> Result<Issuer, StartError> {
    let port = listen.first().map_or(PORT, SocketAddr::port);
    let scheme = if *tls == Tls::Off { "http" } else { "https" };
    let text = given.unwrap_or_else(|| format!("{scheme}://localhost:{port}"));
    text.parse().map_err(|e| StartError::Configuration(format!("issuer: {e}")))
}

/// Where clients bring their certificates: at the addresses that are given, or that follow from where we listen.
fn taken_at(
    given: Option<String>,
    listen: &[SocketAddr],
    proxies: &[Network],
    issuer: &Issuer,
) -> Result<TakenAt, StartError> {
    let wrong = |what: &str| StartError::Configuration(format!("mtls_url: {what}"));
    let base = match (given, listen.first()) {
        (Some(_), None) if proxies.is_empty() => {
            return Err(wrong(
                "nobody would bring a certificate there: give `mtls_listen` or `trusted_proxies`",
            ));
        }
        (Some(text), _) => text,
        (None, Some(address)) => {
            let url = issuer.to_url("").ok_or_else(|| wrong("the issuer is no URL"))?;
            format!("https://{}:{}", url.host_str().unwrap_or_default(), address.port())
        }
        (None, None) if proxies.is_empty() => return Ok(TakenAt::Nowhere),
        (None, None) => return Ok(TakenAt::TheIssuer),
    };
    let base: Issuer = base.parse().map_err(|e| wrong(&format!("{e}")))?;
    Ok(if base == *issuer { TakenAt::TheIssuer } else { TakenAt::Base(base) })
}

fn header(key: &str, given: Option<String>, usual: &str) -> Result<String, StartError> {
    let name = given.unwrap_or_else(|| usual.to_owned()).to_ascii_lowercase();
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Ok(name);
    }
    Err(StartError::Configuration(format!("{key}: expected a name of letters, digits and `-`, got `{name}`")))
}

#[cfg(test)]
mod tests;
