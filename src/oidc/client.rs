//! What an application registered, and what it may register.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::authorize::AllowedModes;
use crate::ciba::Delivery;
use crate::encryption::{Encryption, ResponseEncryptions};
use crate::jwt_bearer::{ISSUERS_MAX_COUNT, TrustedIssuer, is_good};
use crate::mtls::{CERTIFICATE_MEMBERS, CertificateSubject};
use crate::redirect_uri::{ApplicationType, BadRedirectUri, check_registration};
use crate::scope::{OFFLINE_ACCESS, OPENID, Scope};
use crate::subject::SubjectType;

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

/// Why a registration is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistration {
    /// A name is empty, too long or has characters that are not seen.
    #[error("expected a name of 1 to {CLIENT_NAME_MAX_CHARS} printable characters, got `{0}`")]
    Name(String),
    /// A URI cannot be a redirect URI.
    #[error("{uri_list}: {problem}")]
    RedirectUri {
        /// `redirect_uris` or `post_logout_redirect_uris`.
        uri_list: &'static str,
        /// What is wrong with it.
        problem: BadRedirectUri,
    },
    /// More than [`CLIENT_URIS_MAX_COUNT`] URIs in a list.
    #[error("expected at most {CLIENT_URIS_MAX_COUNT} `{0}`")]
    TooManyUris(&'static str),
    /// An application that logs people in has nowhere to send them back to.
    #[error("grant `authorization_code` needs at least one redirect URI")]
    NoRedirectUri,
    /// A confidential client without a secret, or a public one with.
    #[error("method `{0}` needs a secret, and `none` must not have one")]
    Secret(&'static str),
    /// A client that signs, without keys to verify it with.
    #[error(
        "methods `private_key_jwt` and `self_signed_tls_client_auth` and signed requests need `jwks` or `jwks_uri`"
    )]
    Keys,
    /// A client that wants something encrypted, without a key to encrypt it to.
    #[error("{member}: expected a key for `{alg}` in `jwks`, or `jwks_uri`")]
    EncryptionKey {
        /// The member that asks for it.
        member: &'static str,
        /// With what.
        alg: jose::jwe::KeyManagement,
    },
    /// A client that authenticates with an authority's certificate, without saying what it names; or another one that says so.
    #[error("method `tls_client_auth` needs exactly one of {}, and no other method has any", CERTIFICATE_MEMBERS.join(", "))]
    CertificateSubject,
    /// PKCE waived for a client that anybody can pretend to be.
    #[error("require_pkce: expected `true` for a client that does not authenticate")]
    Pkce,
    /// An address that is loaded or called is not https.
    #[error("{member}: expected an https URL without a fragment, got `{got}`")]
    Address {
        /// The member's name.
        member: &'static str,
        /// What came.
        got: String,
    },
    /// Issuers of assertions that cannot be told apart or verified.
    #[error(
        "assertion_issuers: expected at most {ISSUERS_MAX_COUNT} with distinct `iss`, each with `jwks` or `jwks_uri`"
    )]
    AssertionIssuers,
    /// A grant that this kind of client cannot use.
    #[error("grant `{grant}` needs {needs}")]
    Grant {
        /// The grant.
        grant: &'static str,
        /// What is missing.
        needs: &'static str,
    },
    /// An audience is not an absolute URI without a fragment (RFC 8707, 2).
    #[error("expected audiences to be absolute URIs without a fragment, got `{0}`")]
    Audience(String),
}

impl Client {
    /// Whether the registration holds together; run before it is stored.
    ///
    /// Source: RFC 6749, 2 and 3.1.2; RFC 8252, 7; RFC 9700, 2.1; OIDC Dynamic Registration 1.0, 2.
    pub fn check_registration(&self) -> Result<(), BadRegistration> {
        self.check_name()?;
        self.check_uris("redirect_uris", &self.redirect_uris)?;
        self.check_uris("post_logout_redirect_uris", &self.post_logout_redirect_uris)?;
        self.check_secret()?;
        self.check_keys()?;
        self.check_certificate()?;
        self.check_addresses()?;
        self.check_grants()?;
        self.check_audiences()
    }

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

    fn check_name(&self) -> Result<(), BadRegistration> {
        for name in [&self.name.zh, &self.name.en] {
            let length = name.chars().count();
            let printable = !name.trim().is_empty() && !name.chars().any(hides_or_reorders);
            if !printable || length > CLIENT_NAME_MAX_CHARS {
                return Err(BadRegistration::Name(name.chars().take(CLIENT_NAME_MAX_CHARS).collect()));
            }
        }
        Ok(())
    }

    fn check_uris(&self, uri_list: &'static str, uris: &[String]) -> Result<(), BadRegistration> {
        if uris.len() > CLIENT_URIS_MAX_COUNT {
            return Err(BadRegistration::TooManyUris(uri_list));
        }
        uris.iter()
            .try_for_each(|uri| check_registration(uri, self.application_type))
            .map_err(|problem| BadRegistration::RedirectUri { uri_list, problem })
    }

    fn check_secret(&self) -> Result<(), BadRegistration> {
        if self.auth_method.has_secret() == self.secret_hash.is_some() {
            Ok(())
        } else {
            Err(BadRegistration::Secret(self.auth_method.as_str()))
        }
    }

    fn check_keys(&self) -> Result<(), BadRegistration> {
        let has_keys =
            matches!(self.auth_method, AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth);
        let signs = has_keys || self.requests.signed_only;
        if self.requests.pkce_waived && !self.is_confidential() {
            return Err(BadRegistration::Pkce);
        }
        if signs && matches!(self.keys, ClientKeys::None) {
            return Err(BadRegistration::Keys);
        }
        let lacks = |(_, wanted): &(&'static str, Encryption)| match &self.keys {
            ClientKeys::None => true,
            ClientKeys::Given { encryption, .. } => wanted.recipient(encryption).is_none(),
            // What is published there may be another key tomorrow: it is looked at when it is used.
            ClientKeys::At(_) => false,
        };
        match self.encryptions.each().find(lacks) {
            Some((member, wanted)) => Err(BadRegistration::EncryptionKey { member, alg: wanted.alg }),
            None => Ok(()),
        }
    }

    fn check_certificate(&self) -> Result<(), BadRegistration> {
        let named = self.certificate_subject.is_some();
        if named == (self.auth_method == AuthMethod::TlsClientAuth) {
            Ok(())
        } else {
            Err(BadRegistration::CertificateSubject)
        }
    }

    fn check_addresses(&self) -> Result<(), BadRegistration> {
        let front = self.front_channel.as_ref().map(|c| ("frontchannel_logout_uri", &c.uri));
        let back = self.back_channel.as_ref().map(|c| ("backchannel_logout_uri", &c.uri));
        let initiate = self.initiate_login_uri.as_ref().map(|uri| ("initiate_login_uri", uri));
        let ping = match &self.ciba {
            Delivery::Ping { uri } => Some(("backchannel_client_notification_endpoint", uri)),
            Delivery::Poll => None,
        };
        for (member, uri) in [front, back, initiate, ping].into_iter().flatten() {
            let good = uri.len() <= CLIENT_URI_MAX_BYTES
                && !uri.contains('#')
                && url::Url::parse(uri).is_ok_and(|url| match member {
                    // OIDC Core, 4: https without exception.
                    "initiate_login_uri" => url.scheme() == "https",
                    _ => crate::redirect_uri::is_https_or_loopback(&url),
                });
            if !good {
                return Err(BadRegistration::Address { member, got: uri.chars().take(200).collect() });
            }
        }
        Ok(())
    }

    fn check_grants(&self) -> Result<(), BadRegistration> {
        let lacks = |grant: GrantType, needs| Err(BadRegistration::Grant { grant: grant.as_str(), needs });
        if self.may_use(GrantType::AuthorizationCode) && self.redirect_uris.is_empty() {
            return Err(BadRegistration::NoRedirectUri);
        }
        let from_persons = self.grant_types.iter().any(|grant| grant.is_a_persons());
        if self.may_use(GrantType::RefreshToken) && !from_persons {
            return lacks(GrantType::RefreshToken, "a grant beside it that a person gives");
        }
        let for_known =
            [GrantType::ClientCredentials, GrantType::TokenExchange, GrantType::JwtBearer, GrantType::Ciba];
        if let Some(grant) =
            for_known.into_iter().find(|grant| self.may_use(*grant) && !self.is_confidential())
        {
            return lacks(grant, "a client that authenticates");
        }
        if self.may_use(GrantType::TokenExchange) && self.audiences.is_empty() {
            return lacks(GrantType::TokenExchange, "`audiences` that the new tokens may be for");
        }
        let issuers = &self.assertion_issuers;
        if self.may_use(GrantType::JwtBearer) && issuers.is_empty() {
            return lacks(GrantType::JwtBearer, "`assertion_issuers`, which administrators register");
        }
        let distinct =
            issuers.iter().enumerate().all(|(n, one)| issuers.iter().take(n).all(|o| o.iss != one.iss));
        if issuers.len() > ISSUERS_MAX_COUNT || !distinct || !issuers.iter().all(is_good) {
            return Err(BadRegistration::AssertionIssuers);
        }
        if self.scopes.contains(OFFLINE_ACCESS) && !self.may_use(GrantType::RefreshToken) {
            return lacks(GrantType::RefreshToken, "to be registered for scope `offline_access`");
        }
        if self.scopes.contains(OPENID) && !from_persons {
            return lacks(GrantType::AuthorizationCode, "to be registered for scope `openid`");
        }
        Ok(())
    }

    fn check_audiences(&self) -> Result<(), BadRegistration> {
        if self.audiences.len() > CLIENT_URIS_MAX_COUNT {
            return Err(BadRegistration::TooManyUris("audiences"));
        }
        let good = |uri: &String| url::Url::parse(uri).is_ok() && !uri.contains('#');
        match self.audiences.iter().find(|uri| !good(uri)) {
            Some(bad) => Err(BadRegistration::Audience(bad.clone())),
            None => Ok(()),
        }
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
    use crate::example;

    fn refusal(change: impl FnOnce(&mut Client)) -> BadRegistration {
        let mut client = example::web_client();
        change(&mut client);
        client.check_registration().unwrap_err()
    }

    #[test]
    fn the_examples_are_good_registrations() {
        for client in [example::web_client(), example::native_client(), example::machine_client()] {
            assert_eq!(client.check_registration(), Ok(()), "{}", client.id);
        }
    }

    #[test]
    fn a_registration_that_does_not_hold_together_is_refused() {
        use BadRegistration as Bad;
        assert!(matches!(refusal(|c| c.name.en = " ".into()), Bad::Name(_)));
        for unseen in ['\u{202e}', '\u{200b}', '\u{ad}', '\u{3164}', '\u{fe0f}', '\u{e0041}', '\u{7}'] {
            let refused = refusal(|c| c.name.zh = format!("印{unseen}信"));
            assert!(matches!(refused, Bad::Name(_)), "{unseen:?}");
        }
        assert!(matches!(
            refusal(|c| c.redirect_uris = vec!["javascript:x".into()]),
            Bad::RedirectUri { .. }
        ));
        let evil = vec!["https://app.example/*".into()];
        assert!(matches!(
            refusal(|c| c.post_logout_redirect_uris = evil),
            Bad::RedirectUri { uri_list: "post_logout_redirect_uris", problem: BadRedirectUri::Wildcard(_) }
        ));
        assert_eq!(refusal(|c| c.redirect_uris.clear()), Bad::NoRedirectUri);
        let many = vec!["https://app.example/cb".to_owned(); 33];
        assert_eq!(refusal(|c| c.redirect_uris = many), Bad::TooManyUris("redirect_uris"));
        assert_eq!(refusal(|c| c.secret_hash = None), Bad::Secret("client_secret_basic"));
        assert_eq!(refusal(|c| c.auth_method = AuthMethod::None), Bad::Secret("none"));
        assert!(matches!(
            refusal(|c| {
                c.auth_method = AuthMethod::None;
                c.secret_hash = None;
                c.grant_types.push(GrantType::ClientCredentials);
            }),
            Bad::Grant { grant: "client_credentials", .. }
        ));
        assert!(matches!(
            refusal(|c| c.grant_types = vec![GrantType::AuthorizationCode]),
            Bad::Grant { grant: "refresh_token", .. }
        ));
        assert!(matches!(refusal(|c| c.audiences = vec!["api".into()]), Bad::Audience(_)));
        assert!(matches!(refusal(|c| c.audiences = vec!["https://api.example/#x".into()]), Bad::Audience(_)));
    }

    #[test]
    fn a_client_identifier_never_looks_like_an_account() {
        for bad in ["", "usr_01jd0000000000000000000000", "a b", "a\"b", "印", &"x".repeat(257)] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad}");
        }
        assert!("fujian-tax.web".parse::<ClientId>().is_ok());
    }
}
