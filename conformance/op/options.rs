//! The command line of `conformance oidc --issuer URL`.

use std::path::PathBuf;

use clap::Parser;
use url::Url;

/// Judges an OpenID provider over HTTP, module by module, as the OpenID Foundation's suite names them.
#[derive(Parser)]
#[command(name = "conformance oidc", no_binary_name = true)]
pub(crate) struct Options {
    /// The provider's issuer.
    #[arg(long)]
    pub(crate) issuer: Url,
    /// Plans to run, by name or by the beginning of the name; all without one.
    #[arg(long)]
    pub(crate) plan: Vec<String>,
    /// Modules to run, by a part of the name; all of the plans without one.
    #[arg(long)]
    pub(crate) module: Vec<String>,
    /// Variants to run, such as `private_key_jwt, dpop`; all without one.
    #[arg(long)]
    pub(crate) variant: Vec<String>,
    /// The person who logs in.
    #[arg(long, env = "CONFORMANCE_USER", default_value = "alice")]
    pub(crate) user: String,
    /// A file with the person's password.
    #[arg(long, env = "CONFORMANCE_PASSWORD_FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// A file with the initial access token of dynamic registration (RFC 7591, 3).
    #[arg(long)]
    pub(crate) registration_token_file: Option<PathBuf>,
    /// A TOML file with clients that were set up by hand; they are used instead of registration.
    #[arg(long)]
    pub(crate) clients: Option<PathBuf>,
    /// A TOML file that says how the provider's pages look.
    #[arg(long)]
    pub(crate) pages: Option<PathBuf>,
    /// The origin of redirect URIs that are registered; nobody has to listen there.
    #[arg(long, default_value = "https://rp.conformance.example/")]
    pub(crate) redirect_base: Url,
    /// Where the provider reaches this machine for back-channel logout; a free port of the loopback without it.
    #[arg(long)]
    pub(crate) callback_base: Option<Url>,
    /// A PEM file with the roots that TLS believes.
    #[arg(long)]
    pub(crate) ca_file: Option<PathBuf>,
    /// Believes every certificate.
    #[arg(long)]
    pub(crate) insecure_tls: bool,
    /// Clients that are registered use PKCE in every authorization request, not only where the module is about it.
    #[arg(long)]
    pub(crate) pkce: bool,
    /// How many modules run at once.
    #[arg(long, default_value_t = 12)]
    pub(crate) jobs: usize,
    /// Writes the table in Markdown.
    #[arg(long)]
    pub(crate) markdown: Option<PathBuf>,
    /// Writes the table with tabs.
    #[arg(long)]
    pub(crate) tsv: Option<PathBuf>,
    /// Writes everything, every condition too, in JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Prints every condition that was looked at.
    #[arg(long)]
    pub(crate) verbose: bool,
}
