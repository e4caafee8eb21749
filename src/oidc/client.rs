//! What an application registered, and what it may register.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::authorize::AllowedModes;
use crate::ciba::Delivery;
use crate::encryption::ResponseEncryptions;
use crate::jwt_bearer::TrustedIssuer;
use crate::mtls::CertificateSubject;
use crate::redirect_uri::ApplicationType;
use crate::scope::Scope;
use crate::subject::SubjectType;

mod checks;

pub use checks::BadRegistration;

/// Longest client identifier, in bytes.
pub const CLIENT_ID_MAX_BYTES: usize = 256;
/// Longest client name, in characters.
pub const CLIENT_NAME_MAX_CHARS: usize = 100;
/// Longest address of a client's that is loaded or called, in bytes.
pub const CLIENT_URI_MAX_BYTES: usize = 2_048;
/// Most URIs in one list of a registration.
pub const CLIENT_URIS_MAX_COUNT: usize = 32;

/// What accounts' subject identifiers start with; no client identifier may, because a machine's token has the client as
/// its subject (RFC 9068, 5; RFC 9700, 4.15).
const ACCOUNT_PREFIX: &str = "usr_";

/// An application as registered.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its identifier, public.
    pub id: ClientId,
    /// What people read on the consent page.
    pub name: ClientName,
    /// Where it runs.
    pub application_type: ApplicationType,
    /// How it authenticates at the token endpoint and wherever else it must.
    pub auth_method: AuthMethod,
    /// What its client assertions are signed with; any accepted algorithm when `None`.
    pub assertion_alg: Option<jose::Algorithm>,
    /// What its client assertions and request objects are verified with, and what is encrypted for it with.
    pub keys: ClientKeys,
    /// SM3 of its secret, which is 256 random bits; `None` for clients without one.
    pub secret_hash: Option<[u8; 32]>,
    /// Where answers to authorization requests may go.
    pub redirect_uris: Vec<String>,
    /// Where the browser may go after logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// What it may ask of the token endpoint.
    pub grant_types: Vec<GrantType>,
    /// The most that may ever be granted to it.
    pub scopes: Scope,
    /// The APIs (absolute URIs) that it may ask access tokens for.
    pub audiences: Vec<String>,
    /// The types of `authorization_details` that it may ask for (RFC 9396).
    pub authorization_details_types: Vec<String>,
    /// What is signed for it with what.
    pub algorithms: ResponseAlgorithms,
    /// What its access tokens look like.
    pub access_token_format: AccessTokenFormat,
    /// What is encrypted for it with what.
    pub encryptions: ResponseEncryptions,
    /// Under which names it knows people.
    pub subject: SubjectType,
    /// How its authorization requests must come.
    pub requests: RequestRules,
    /// How answers to them may travel.
    pub response_modes: AllowedModes,
    /// What its certificate must say, when it authenticates with one that an authority issued.
    pub certificate_subject: Option<CertificateSubject>,
    /// What its access tokens are bound to.
    pub binding: Binding,
    /// Its page to load in the browser at logout.
    pub front_channel: Option<FrontChannel>,
    /// Where it is told of logouts.
    pub back_channel: Option<BackChannel>,
    /// Where it takes logins that start elsewhere.
    pub initiate_login_uri: Option<String>,
    /// How it learns that a person whom we asked has answered.
    pub ciba: Delivery,
    /// Whose assertions about people it may bring.
    pub assertion_issuers: Vec<TrustedIssuer>,
    /// Whether people are asked before it gets anything.
    pub approval: Approval,
    /// What people say yes to when they let it have something: another when that changes ([`crate::registration_change::yes_to`]).
    pub yes_to: Arc<str>,
    /// Whether it registered itself, so that nobody but its maker says what it is.
    pub registered_itself: bool,
    /// Its registration as it is kept, when that is the document that its identifier leads to ([`crate::metadata_document`]).
    pub document: Option<Arc<str>>,
    /// Whether somebody whom the operator trusts vouched for its redirect URIs ([`crate::software_statement`]).
    pub redirect_uris_vouched: bool,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// When it was taken back into use, if it was out of it: nothing that it was given before counts.
    pub in_use_since: Option<base::Timestamp>,
}

/// The public keys of a client.
#[derive(Debug, Clone, Default)]
pub enum ClientKeys {
    /// It has none.
    #[default]
    None,
    /// They are in its registration.
    Given {
        /// As they were registered.
        jwks: jose::Jwks,
        /// Ready to verify.
        set: Arc<jose::KeySet>,
        /// Those that are encrypted to.
        encryption: Arc<jose::jwe::EncryptionKeys>,
    },
    /// They are published there (`jwks_uri`).
    At(url::Url),
}

/// What is signed for a client with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseAlgorithms {
    /// ID tokens.
    pub id_token: jose::Algorithm,
    /// Access tokens.
    pub access_token: jose::Algorithm,
    /// Userinfo; plain JSON when `None`.
    pub userinfo: Option<jose::Algorithm>,
    /// Answers of the authorization endpoint, when signed ones are asked for (JARM).
    pub authorization: jose::Algorithm,
    /// Answers about tokens, when signed ones are asked for (RFC 9701).
    pub introspection: jose::Algorithm,
}

/// What a client's access tokens look like; what they open is the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// A signed token that says what it is good for (RFC 9068).
    #[default]
    Jwt,
    /// 256 random bits that say nothing: what they are good for is asked of us (RFC 7662).
    Opaque,
}

/// How a client's authorization requests must come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestRules {
    /// Only pushed (RFC 9126, 6).
    pub pushed_only: bool,
    /// Only signed (RFC 9101, 10.5).
    pub signed_only: bool,
    /// What they are signed with; any accepted algorithm when `None`.
    pub alg: Option<jose::Algorithm>,
    /// How old the login may be when a request does not say.
    pub default_max_age_seconds: Option<i64>,
    /// Without PKCE: for a confidential client that cannot send it (RFC 9700, 2.1.1, recommends it to them and requires it of others).
    pub pkce_waived: bool,
    /// The answer may carry an ID token beside the code (OIDC Core, 3.3): for a client that cannot do without.
    pub hybrid: bool,
}

/// The response type of the hybrid flow (OIDC Core, 3.3), as it is registered.
pub const CODE_ID_TOKEN: &str = "code id_token";

/// What a client's access tokens are bound to whatever it asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Binding {
    /// A key that it proves with each request (RFC 9449, 5.2).
    pub dpop: bool,
    /// The certificate on the connection (RFC 8705, 3.4).
    pub certificate: bool,
}

/// A page of the client's to load in the browser at logout (OIDC Front-Channel Logout 1.0, 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontChannel {
    /// Its address.
    pub uri: String,
}

impl FrontChannel {
    /// The page's address for the end of `session` (OIDC Front-Channel Logout 1.0, 2).
    pub fn address(&self, issuer: &crate::Issuer, session: &str) -> String {
        let mut url = self.uri.clone();
        crate::params::append(&mut url, "iss", issuer.as_str());
        crate::params::append(&mut url, "sid", session);
        url
    }
}

/// Where a client is told of logouts (OIDC Back-Channel Logout 1.0, 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackChannel {
    /// Its address.
    pub uri: String,
}

/// Whether people are asked before a client gets anything of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// They are.
    AskThePerson,
    /// They are not: it is the government's own.
    FirstParty,
}

/// An application's name in both languages of the pages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClientName {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// How a client authenticates (OIDC Core, 9; RFC 7591, 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// `client_secret_basic`: the secret in the Authorization header.
    ClientSecretBasic,
    /// `client_secret_post`: the secret in the body.
    ClientSecretPost,
    /// `private_key_jwt`: an assertion signed with its private key (RFC 7523, 2.2; OIDC Core, 9).
    PrivateKeyJwt,
    /// `tls_client_auth`: a certificate that an authority issued (RFC 8705, 2.1).
    TlsClientAuth,
    /// `self_signed_tls_client_auth`: a certificate whose key is registered (RFC 8705, 2.2).
    SelfSignedTlsClientAuth,
    /// `none`: a public client.
    None,
}

/// What a client may ask of the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    /// `authorization_code` (RFC 6749, 4.1).
    AuthorizationCode,
    /// `refresh_token` (RFC 6749, 6).
    RefreshToken,
    /// `client_credentials` (RFC 6749, 4.4).
    ClientCredentials,
    /// A device code (RFC 8628, 3.4).
    DeviceCode,
    /// A token of a person is exchanged for one of the client's own (RFC 8693, 2.1).
    TokenExchange,
    /// An assertion about a person by an issuer that the registration trusts (RFC 7523, 2.1).
    JwtBearer,
    /// A request by us to a person, where they are (OIDC CIBA Core 1.0, 10.1).
    Ciba,
}

impl Client {
    /// Whether `grant` is registered for this client.
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Whether `received` is one of the registered redirect URIs.
    pub fn has_redirect_uri(&self, received: &str) -> bool {
        self.redirect_uris.iter().any(|r| crate::redirect_uri::is_same(r, received, self.application_type))
    }

    /// Whether `received` is, byte for byte, one of the registered addresses to go to after logout.
    pub fn has_post_logout_redirect_uri(&self, received: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|registered| registered == received)
    }

    /// Whether the client proves who it is (RFC 6749, 2.1).
    pub fn is_confidential(&self) -> bool {
        self.auth_method != AuthMethod::None
    }

    /// Whether another application on the person's device could be asking in its name: it has nothing to prove itself with, and its answer
    /// goes to a port or a scheme that anybody there can listen on. An `https` address is its own (RFC 8252, 7.2 and 8.6).
    pub fn could_be_another(&self, redirect_uri: &str) -> bool {
        self.application_type == ApplicationType::Native
            && !self.is_confidential()
            && !redirect_uri.starts_with("https://")
    }

    /// Whether the browser may be sent to its redirect URIs without the person having said yes to anything: somebody who answers to the
    /// province says that they are what they seem.
    ///
    /// Source: RFC 9700, 4.11.2: a correctly registered redirect URI may lead to a phishing site when anybody can register.
    pub fn has_trusted_redirect_uris(&self) -> bool {
        !self.registered_itself || self.redirect_uris_vouched
    }

    /// Whether its registration is the document that its identifier leads to.
    pub fn is_document(&self) -> bool {
        self.document.is_some()
    }

    /// The host of its identifier, when that is the address of its registration: all that is known of it.
    pub fn document_host(&self) -> Option<String> {
        let url = url::Url::parse(self.id.as_str()).ok().filter(|_| self.is_document())?;
        url.host_str().map(str::to_owned)
    }

    /// Whether people are not asked for consent.
    pub fn is_first_party(&self) -> bool {
        self.approval == Approval::FirstParty
    }

    /// Whether its ID tokens name the session: it is told when one ends, or exchanges ID tokens for what was given in it.
    pub fn is_told_of_sessions(&self) -> bool {
        self.front_channel.is_some() || self.back_channel.is_some() || self.may_use(GrantType::TokenExchange)
    }

    /// Whether its refresh tokens stay as they are when used: they are of no use to who does not have the client's key.
    ///
    /// FAPI 2.0 Security Profile, 5.3.2.1 (no rotation for such clients); RFC 9700, 4.14.2 (the others' are rotated).
    pub fn keeps_refresh_tokens(&self) -> bool {
        self.auth_method == AuthMethod::PrivateKeyJwt || self.auth_method.needs_certificate()
    }
}

impl ClientKeys {
    /// Keys that are in the registration. Fails when two that sign have the same identifier.
    pub fn given(jwks: jose::Jwks, encryption: jose::jwe::EncryptionKeys) -> Result<Self, jose::KeySetError> {
        let set = Arc::new(jose::KeySet::from_jwks(&jwks)?);
        Ok(Self::Given { jwks, set, encryption: Arc::new(encryption) })
    }
}

/// Control characters, and those that reorder or hide text, with which one application could pass for another: what Unicode calls
/// default-ignorable, fillers that are drawn as nothing, and the controls of bidirectional text.
pub(crate) fn hides_or_reorders(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

impl AuthMethod {
    /// Every method that is taken.
    pub const ALL: [Self; 6] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
        Self::None,
    ];

    /// The name in metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::None => "none",
        }
    }

    /// The method named `text`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == text)
    }

    /// Whether it works with a shared secret.
    pub const fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

impl GrantType {
    /// Every grant that the token endpoint knows.
    pub const ALL: [Self; 7] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
        Self::TokenExchange,
        Self::JwtBearer,
        Self::Ciba,
    ];

    /// The value of `grant_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Ciba => "urn:openid:params:grant-type:ciba",
        }
    }

    /// Whether a person gives it, so that its tokens speak of them and may be refreshed.
    pub const fn is_a_persons(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::DeviceCode | Self::Ciba)
    }

    /// The grant whose `grant_type` is `text`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

/// A client identifier: 1 to 256 of `[A-Za-z0-9-._~:/]`, never looking like an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

/// A text that is not a client identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected 1 to {CLIENT_ID_MAX_BYTES} of letters, digits and `-._~:/` not starting with `usr_`, got `{0}`"
)]
pub struct BadClientId(pub String);

impl ClientId {
    /// The identifier as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = BadClientId;

    fn from_str(text: &str) -> Result<Self, BadClientId> {
        let length_is_good = (1..=CLIENT_ID_MAX_BYTES).contains(&text.len());
        let characters_are_good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/".contains(&b));
        if length_is_good && characters_are_good && !text.starts_with(ACCOUNT_PREFIX) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadClientId(text.chars().take(64).collect()))
        }
    }
}

impl TryFrom<String> for ClientId {
    type Error = BadClientId;

    fn try_from(text: String) -> Result<Self, BadClientId> {
        text.parse()
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_identifier_never_looks_like_an_account() {
        for bad in ["", "usr_01jd0000000000000000000000", "a b", "a\"b", "印", &"x".repeat(257)] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad}");
        }
        assert!("fujian-tax.web".parse::<ClientId>().is_ok());
    }
}
