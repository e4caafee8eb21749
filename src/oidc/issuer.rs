//! The provider's own name, from which every endpoint's address is made.

use std::fmt;
use std::str::FromStr;

use crate::redirect_uri::is_loopback;

/// Longest issuer, in bytes.
pub const ISSUER_MAX_BYTES: usize = 256;

/// An issuer identifier: an `https` URL (`http` on loopback only) without query, fragment, user or trailing slash.
///
/// Compared as a string, never as a URL. Source: OIDC Discovery 1.0, 3; RFC 8414, 2; RFC 9207, 2.4.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer(String);

/// Why a text is not an issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadIssuer {
    /// It is longer than [`ISSUER_MAX_BYTES`].
    #[error("expected an issuer of at most {ISSUER_MAX_BYTES} bytes, got {0}")]
    TooLong(usize),
    /// It is not an absolute URL.
    #[error("expected an absolute URL like `https://id.example.gov.cn`, got `{0}`")]
    NotAUrl(String),
    /// Clear text on a network.
    #[error("expected https (http is for loopback addresses only), got `{0}`")]
    NotHttps(String),
    /// It has a part that an issuer must not have, or is not in the URL's normal form.
    #[error("expected scheme, host and path only and no trailing slash, like `{expected}`, got `{got}`")]
    NotBare {
        /// The nearest good issuer.
        expected: String,
        /// What came.
        got: String,
    },
}

impl Issuer {
    /// The issuer as clients compare it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of `path`, which starts with a slash, under this issuer.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The address of `path` as a URL; `None` for a path that makes none.
    pub fn to_url(&self, path: &str) -> Option<url::Url> {
        self.url(path).parse().ok()
    }

    /// Whether the issuer is on this machine, as in development.
    pub fn is_on_this_machine(&self) -> bool {
        self.to_url("").is_some_and(|url| is_loopback(&url))
    }

    /// Whether the issuer is served over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for Issuer {
    type Err = BadIssuer;

    fn from_str(text: &str) -> Result<Self, BadIssuer> {
        if text.len() > ISSUER_MAX_BYTES {
            return Err(BadIssuer::TooLong(text.len()));
        }
        let mut url = url::Url::parse(text).map_err(|_| BadIssuer::NotAUrl(text.to_owned()))?;
        let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        if !secure {
            return Err(BadIssuer::NotHttps(text.to_owned()));
        }
        url.set_query(None);
        url.set_fragment(None);
        let without_user = url.set_username("").is_ok() && url.set_password(None).is_ok();
        let expected = url.as_str().trim_end_matches('/');
        if !without_user || expected != text {
            return Err(BadIssuer::NotBare { expected: expected.to_owned(), got: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Issuer {
    type Error = BadIssuer;

    fn try_from(text: String) -> Result<Self, BadIssuer> {
        text.parse()
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_https_url_or_a_loopback_one_is_an_issuer() {
        for good in [
            "https://id.fujian.gov.cn",
            "https://id.example/realm",
            "http://localhost:8080",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
        ] {
            assert_eq!(good.parse::<Issuer>().map(String::from).as_deref(), Ok(good));
        }
    }

    #[test]
    fn anything_more_than_a_bare_url_is_not() {
        let not_bare = [
            "https://id.example/",
            "https://id.example?x",
            "https://id.example#",
            "https://ID.example",
            "https://id.example:443",
            "https://u:p@id.example",
            "https://id.example/a/../b",
        ];
        for bad in not_bare {
            assert!(matches!(bad.parse::<Issuer>(), Err(BadIssuer::NotBare { .. })), "{bad}");
        }
        assert!(matches!("http://id.example".parse::<Issuer>(), Err(BadIssuer::NotHttps(_))));
        assert!(matches!("id.example".parse::<Issuer>(), Err(BadIssuer::NotAUrl(_))));
        assert!(matches!("x".repeat(999).parse::<Issuer>(), Err(BadIssuer::TooLong(999))));
    }
}
