//! Providers through which people may log in: the national platform, a city's node. The operator names them; there are none otherwise.

use base::Secret;
use identity::upstream::Rules;
use oidc::Issuer;
use tokio::sync::Mutex;
use url::Url;

use crate::relying_party::Looked;

/// Longest short name, in bytes.
pub const ID_MAX_BYTES: usize = 32;
/// Most providers.
pub const UPSTREAMS_MAX: usize = 20;
const ISSUER_MAX_BYTES: usize = 256;

/// What the operator says of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// Its short name: a part of addresses.
    pub id: UpstreamId,
    /// What people call it, in Chinese.
    pub name_zh: String,
    /// What people call it, in English.
    pub name_en: String,
    /// Its issuer, byte for byte.
    pub issuer: UpstreamIssuer,
    /// What we are called there.
    pub client_id: String,
    /// What is asked for, beside `openid`.
    pub scopes: Vec<String>,
    /// Whether somebody who has no account here may be given one.
    pub strangers: Strangers,
    /// What its word is worth.
    pub rules: Rules,
}

/// What becomes of somebody whom it knows and nobody here is linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    /// They say which account here is theirs.
    Link,
    /// They may also be given a new one.
    Create,
}

/// How we show the provider who we are.
pub enum Authentication {
    /// With an assertion under the key that signs our tokens: there is no secret, and our published keys are all it needs (RFC 7523).
    PrivateKeyJwt,
    /// With a secret, in the header.
    ClientSecretBasic(Secret<String>),
}

/// A provider's short name: 1 to 32 of `[a-z0-9-]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamId(String);

/// A provider's issuer: an `https` URL, or `http` on this machine, without query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamIssuer(String);

impl UpstreamId {
    /// The name as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for UpstreamId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=ID_MAX_BYTES).contains(&text.len()) && text.bytes().all(good) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("expected 1 to {ID_MAX_BYTES} of small letters, digits and `-`, got `{text}`"))
    }
}

impl UpstreamIssuer {
    /// The issuer as it is compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for UpstreamIssuer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).ok().filter(|url| {
            let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
            text.len() <= ISSUER_MAX_BYTES && bare && oidc::redirect_uri::is_https_or_loopback(url)
        });
        match url {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(format!(
                "expected an https URL without query, like `https://id.example.gov.cn`, got `{text}`"
            )),
        }
    }
}

/// A provider, and what was read of it.
pub struct Upstream {
    /// What the operator says of it.
    pub settings: UpstreamSettings,
    pub(crate) authentication: Authentication,
    /// What it publishes, as it was read; locked while somebody reads it.
    pub(crate) looked: Mutex<Looked>,
}

impl Upstream {
    /// A provider of which nothing has been read.
    pub fn new(settings: UpstreamSettings, authentication: Authentication) -> Self {
        Self { settings, authentication, looked: Mutex::default() }
    }

    /// Where its answers go: an address for each provider, so that none can pass an answer off as another's (RFC 9700, 4.4).
    pub fn redirect_uri(&self, issuer: &Issuer) -> String {
        issuer.url(&format!("/upstream/{}/callback", self.settings.id.as_str()))
    }
}

/// All providers.
#[derive(Default)]
pub struct Upstreams(Vec<Upstream>);

impl Upstreams {
    /// These providers, in the order of their buttons.
    pub const fn new(upstreams: Vec<Upstream>) -> Self {
        Self(upstreams)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Upstream> {
        self.0.iter()
    }

    /// The one called `id`.
    pub fn find(&self, id: &str) -> Option<&Upstream> {
        self.iter().find(|upstream| upstream.settings.id.as_str() == id)
    }

    /// The one whose issuer is `issuer`.
    pub fn of_issuer(&self, issuer: &str) -> Option<&Upstream> {
        self.iter().find(|upstream| upstream.settings.issuer.as_str() == issuer)
    }
}
