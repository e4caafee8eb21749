//! Scopes: sets of scope tokens.

use std::fmt;
use std::str::FromStr;

use crate::error::{ErrorCode, OauthError};

/// The request is an OpenID Connect one (OIDC Core, 3.1.2.1).
pub const OPENID: &str = "openid";
/// Name, birth date and the like (OIDC Core, 5.4).
pub const PROFILE: &str = "profile";
/// E-mail address (OIDC Core, 5.4).
pub const EMAIL: &str = "email";
/// Mobile number (OIDC Core, 5.4).
pub const PHONE: &str = "phone";
/// Postal address (OIDC Core, 5.4).
pub const ADDRESS: &str = "address";
/// A refresh token (OIDC Core, 11).
pub const OFFLINE_ACCESS: &str = "offline_access";
/// Real-name level and identity number; ours.
pub const REAL_NAME: &str = "real_name";
/// Place in the organisation tree; ours.
pub const ORGANISATION: &str = "organisation";

/// The scopes that this provider gives a meaning; applications' own APIs have others.
pub const KNOWN: &[&str] = &[OPENID, PROFILE, EMAIL, PHONE, ADDRESS, OFFLINE_ACCESS, REAL_NAME, ORGANISATION];

/// Most tokens in one scope.
pub const SCOPE_MAX_TOKENS: usize = 64;
/// Longest token, in bytes.
pub const SCOPE_TOKEN_MAX_BYTES: usize = 128;

/// A set of scope tokens, in the order in which they were first named. May be empty.
///
/// Source: RFC 6749, 3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`, case-sensitive, separated by spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(Vec<String>);

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadScope {
    /// A character that RFC 6749, 3.3 does not allow.
    #[error("expected scope tokens of printable ASCII without quotes and backslashes, got `{0}`")]
    Character(String),
    /// A token longer than [`SCOPE_TOKEN_MAX_BYTES`].
    #[error("expected scope tokens of at most {SCOPE_TOKEN_MAX_BYTES} bytes, got {0}")]
    TokenTooLong(usize),
    /// More than [`SCOPE_MAX_TOKENS`] tokens.
    #[error("expected at most {SCOPE_MAX_TOKENS} scope tokens")]
    TooMany,
}

impl BadScope {
    /// The error as the caller may know it.
    pub fn to_oauth_error(&self) -> OauthError {
        OauthError::new(ErrorCode::InvalidScope, self.to_string())
    }
}

impl Scope {
    /// Whether `token` is in the set.
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|t| t == token)
    }

    /// Whether every token of `other` is in this set.
    pub fn covers(&self, other: &Self) -> bool {
        other.iter().all(|token| self.contains(token))
    }

    /// The tokens that are in both, in this set's order.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.filtered(|token| other.contains(token))
    }

    /// The tokens for which `keep` is true.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|token| keep(token)).cloned().collect())
    }

    /// This set and `tokens`.
    #[must_use]
    pub fn with(mut self, tokens: impl IntoIterator<Item = &'static str>) -> Self {
        for token in tokens {
            if !self.contains(token) {
                self.0.push(token.to_owned());
            }
        }
        self
    }

    /// Whether no token is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for Scope {
    type Err = BadScope;

    /// Reads tokens separated by spaces; a token named twice counts once, spaces too many are overlooked.
    fn from_str(text: &str) -> Result<Self, BadScope> {
        let mut tokens: Vec<String> = Vec::new();
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            if token.len() > SCOPE_TOKEN_MAX_BYTES {
                return Err(BadScope::TokenTooLong(token.len()));
            }
            if !token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return Err(BadScope::Character(token.to_owned()));
            }
            if tokens.iter().any(|t| t == token) {
                continue;
            }
            if tokens.len() == SCOPE_MAX_TOKENS {
                return Err(BadScope::TooMany);
            }
            tokens.push(token.to_owned());
        }
        Ok(Self(tokens))
    }
}

impl TryFrom<String> for Scope {
    type Error = BadScope;

    fn try_from(text: String) -> Result<Self, BadScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_set_that_keeps_its_order() {
        let scope: Scope = "openid  profile openid api:read ".parse().unwrap();
        assert_eq!(scope.to_string(), "openid profile api:read");
        assert!(scope.contains("api:read") && !scope.contains("API:read"), "tokens are case-sensitive");
        let allowed: Scope = "api:read openid".parse().unwrap();
        assert_eq!(scope.intersection(&allowed).to_string(), "openid api:read");
        assert!(scope.covers(&allowed) && !allowed.covers(&scope));
        assert!("".parse::<Scope>().unwrap().is_empty());
    }

    #[test]
    fn characters_lengths_and_counts_are_bounded() {
        for bad in ["a\"b", "a\\b", "a\tb", "印", "a\u{7f}"] {
            assert!(matches!(bad.parse::<Scope>(), Err(BadScope::Character(_))), "{bad}");
        }
        assert_eq!("x".repeat(129).parse::<Scope>(), Err(BadScope::TokenTooLong(129)));
        let many: String = (0..=SCOPE_MAX_TOKENS).map(|i| format!("s{i} ")).collect();
        assert_eq!(many.parse::<Scope>(), Err(BadScope::TooMany));
    }
}
