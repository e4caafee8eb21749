//! What every module shares: the provider as it describes itself, the person, the relying party's addresses.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::kit::browser::{Browser, Pages, User};
use super::kit::http::{Call, Http};
use super::kit::jar::is_loopback;
use super::kit::listener::Listener;
use super::kit::tls::Trust;
use super::options::Options;

/// What every module shares.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) http: Arc<Http>,
    pub(crate) provider: Provider,
    pub(crate) listener: Listener,
    /// Clients that were set up by hand, by role.
    pub(crate) clients: BTreeMap<String, StaticClient>,
    /// The initial access token of registration, when there is one.
    pub(crate) registration_token: Option<String>,
    pages: Arc<Pages>,
    user: Arc<User>,
}

impl World {
    /// Reads the files and the provider's metadata.
    pub(crate) async fn new(options: Options) -> Result<Self, String> {
        let trust = Trust::new(options.ca_file.as_deref(), options.insecure_tls)?;
        let http = Arc::new(Http { trust });
        let provider = Provider::discover(&http, &options.issuer).await?;
        let pages = options.pages.as_deref().map_or_else(|| Ok(Pages::default()), toml_file)?;
        let clients = options.clients.as_deref().map_or_else(|| Ok(BTreeMap::new()), toml_file)?;
        let password = options.password_file.as_deref().map_or_else(|| Ok(String::new()), secret_file)?;
        let user = User { name: options.user.clone(), password, hands: Default::default() };
        let registration_token = options.registration_token_file.as_deref().map(secret_file).transpose()?;
        let listener = Listener::start(options.callback_base.clone()).await?;
        let (pages, user) = (Arc::new(pages), Arc::new(user));
        Ok(Self { options, http, provider, listener, clients, registration_token, pages, user })
    }

    /// A browser that nobody has used.
    pub(crate) fn browser(&self) -> Browser {
        let mut browser =
            Browser::new(Arc::clone(&self.http), Arc::clone(&self.pages), Arc::clone(&self.user));
        browser.add_home(&self.options.redirect_base);
        for client in self.clients.values() {
            browser.add_home(&client.redirect_uri);
        }
        browser
    }
}

/// The provider as its metadata describes it.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) metadata: Value,
}

impl Provider {
    async fn discover(http: &Http, issuer: &Url) -> Result<Self, String> {
        let issuer = issuer.as_str().trim_end_matches('/').to_owned();
        let reply = http.send(Call::get(&discovery_address(&issuer)?)).await?;
        let metadata = reply.json()?;
        let told = metadata.get("issuer").and_then(Value::as_str).unwrap_or(&issuer).to_owned();
        Ok(Self { issuer: told, metadata })
    }

    /// The endpoint `name`.
    pub(crate) fn endpoint(&self, name: &str) -> Result<Url, String> {
        let text = self.text(name).ok_or_else(|| format!("expected `{name}` in the metadata, got none"))?;
        text.parse().map_err(|error| format!("expected an address in `{name}`, got `{text}`: {error}"))
    }

    /// The string `name`.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.metadata.get(name)?.as_str()
    }

    /// The strings of the list `name`; none when it is not there.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<&str>> {
        Some(self.metadata.get(name)?.as_array()?.iter().filter_map(Value::as_str).collect())
    }

    /// Whether the list `name` has `value`.
    pub(crate) fn lists(&self, name: &str, value: &str) -> bool {
        self.list(name).is_some_and(|list| list.contains(&value))
    }

    /// The flag `name`.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.metadata.get(name)?.as_bool()
    }

    /// The endpoint `name` for calls with a client certificate: its alias when there is one (RFC 8705, 5).
    pub(crate) fn mtls_endpoint(&self, name: &str) -> Result<Url, String> {
        let alias = self.metadata.get("mtls_endpoint_aliases").and_then(|aliases| aliases.get(name));
        match alias.and_then(Value::as_str) {
            Some(text) => text.parse().map_err(|error| format!("expected an address, got `{text}`: {error}")),
            None => self.endpoint(name),
        }
    }

    /// Whether the provider runs on this machine without TLS.
    pub(crate) fn is_plain_loopback(&self) -> bool {
        self.issuer.parse::<Url>().is_ok_and(|url| url.scheme() == "http" && is_loopback(&url))
    }
}

/// OpenID Connect Discovery, 4.
pub(crate) fn discovery_address(issuer: &str) -> Result<Url, String> {
    let text = format!("{issuer}/.well-known/openid-configuration");
    text.parse().map_err(|error| format!("expected an issuer, got `{issuer}`: {error}"))
}

/// A client that was set up by hand.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StaticClient {
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<String>,
    pub(crate) redirect_uri: Url,
    pub(crate) post_logout_redirect_uri: Option<Url>,
    /// The private key as a JWK (P-256), in JSON.
    pub(crate) jwk: Option<String>,
    /// Whether its authorization requests use PKCE where the module is not about it.
    #[serde(default)]
    pub(crate) pkce: bool,
    /// The algorithm of its ID tokens; RS256 when nothing is said.
    pub(crate) id_token_signed_response_alg: Option<String>,
}

fn toml_file<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

fn secret_file(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
