//! What an application registered, and what it may register.

use std::fmt;
use std::str::FromStr;

use crate::redirect_uri::{ApplicationType, BadRedirectUri, check_registration};
use crate::scope::{OFFLINE_ACCESS, OPENID, Scope};

/// Longest client identifier, in bytes.
pub const CLIENT_ID_MAX_BYTES: usize = 256;
/// Longest client name, in characters.
pub const CLIENT_NAME_MAX_CHARS: usize = 100;
/// Most URIs in one list of a registration.
pub const CLIENT_URIS_MAX_COUNT: usize = 32;

/// What accounts' subject identifiers start with; no client identifier may, because a machine's token has the client as
/// its subject (RFC 9068, 5; RFC 9700, 4.15).
const ACCOUNT_PREFIX: &str = "usr_";

/// An application as registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its identifier, public.
    pub id: ClientId,
    /// What people read on the consent page.
    pub name: ClientName,
    /// Where it runs.
    pub application_type: ApplicationType,
    /// How it authenticates at the token endpoint.
    pub auth_method: AuthMethod,
    /// SM3 of its secret, which is 256 random bits; `None` for public clients.
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
    /// What its ID tokens are signed with.
    pub id_token_alg: jose::Algorithm,
    /// What its access tokens are signed with.
    pub access_token_alg: jose::Algorithm,
    /// Whether it is the government's own, so that people are not asked for consent.
    pub first_party: bool,
    /// Whether it may be used at all.
    pub enabled: bool,
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

    /// Whether the client keeps a secret (RFC 6749, 2.1).
    pub fn is_confidential(&self) -> bool {
        self.auth_method != AuthMethod::None
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
        if self.is_confidential() == self.secret_hash.is_some() {
            Ok(())
        } else {
            Err(BadRegistration::Secret(self.auth_method.as_str()))
        }
    }

    fn check_grants(&self) -> Result<(), BadRegistration> {
        let lacks = |grant: GrantType, needs| Err(BadRegistration::Grant { grant: grant.as_str(), needs });
        if self.may_use(GrantType::AuthorizationCode) && self.redirect_uris.is_empty() {
            return Err(BadRegistration::NoRedirectUri);
        }
        if self.may_use(GrantType::RefreshToken) && !self.may_use(GrantType::AuthorizationCode) {
            return lacks(GrantType::RefreshToken, "the grant `authorization_code` beside it");
        }
        if self.may_use(GrantType::ClientCredentials) && !self.is_confidential() {
            return lacks(GrantType::ClientCredentials, "a client with a secret");
        }
        if self.scopes.contains(OFFLINE_ACCESS) && !self.may_use(GrantType::RefreshToken) {
            return lacks(GrantType::RefreshToken, "to be registered for scope `offline_access`");
        }
        if self.scopes.contains(OPENID) && !self.may_use(GrantType::AuthorizationCode) {
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

/// Control characters, and those that reorder or hide text, with which one application could pass for another.
fn hides_or_reorders(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl AuthMethod {
    /// The name in metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::None => "none",
        }
    }

    /// The method named `text`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::ClientSecretBasic, Self::ClientSecretPost, Self::None].into_iter().find(|m| m.as_str() == text)
    }
}

impl GrantType {
    /// Every grant that the token endpoint knows.
    pub const ALL: [Self; 3] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// The value of `grant_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
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
        assert!(matches!(refusal(|c| c.name.zh = "印\u{202e}".into()), Bad::Name(_)));
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
