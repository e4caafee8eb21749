//! What the bearer of a token must prove to hold (RFC 7800).

use std::fmt;

use base::encoding::same_bytes;
use serde::{Deserialize, Serialize};

/// What stands before a certificate's thumbprint in the kept form.
const CERTIFICATE_PREFIX: &str = "x5t#S256=";

/// What a token is bound to, or what a request has proven: a key, a certificate, both or neither.
///
/// Its JSON is the claim `cnf`; its text is what is kept beside a grant: the key's thumbprint bare, the certificate's after
/// `x5t#S256=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The thumbprint of a key (RFC 9449, 6.1; RFC 7638).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// The SHA-256 of a certificate (RFC 8705, 3.1).
    #[serde(rename = "x5t#S256", default, skip_serializing_if = "Option::is_none")]
    pub x5t_s256: Option<String>,
}

/// What a token is bound to and was not proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven {
    /// The key.
    Key,
    /// The certificate.
    Certificate,
}

impl Confirmation {
    /// What the kept `text` says.
    pub fn kept(text: &str) -> Self {
        let mut read = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word.strip_prefix(CERTIFICATE_PREFIX) {
                Some(thumbprint) => read.x5t_s256 = Some(thumbprint.to_owned()),
                None => read.jkt = Some(word.to_owned()),
            }
        }
        read
    }

    /// Whether bearing the token is enough.
    pub const fn is_nothing(&self) -> bool {
        self.jkt.is_none() && self.x5t_s256.is_none()
    }

    /// Whether everything that this asks for is in what was `shown`.
    pub fn check(&self, shown: &Self) -> Result<(), Unproven> {
        if !holds(self.jkt.as_deref(), shown.jkt.as_deref()) {
            Err(Unproven::Key)
        } else if !holds(self.x5t_s256.as_deref(), shown.x5t_s256.as_deref()) {
            Err(Unproven::Certificate)
        } else {
            Ok(())
        }
    }

    /// Itself, unless it is nothing.
    pub const fn some(&self) -> Option<&Self> {
        if self.is_nothing() { None } else { Some(self) }
    }
}

fn holds(asked: Option<&str>, shown: Option<&str>) -> bool {
    match (asked, shown) {
        (None, _) => true,
        (Some(asked), Some(shown)) => same_bytes(asked.as_bytes(), shown.as_bytes()),
        (Some(_), None) => false,
    }
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificate =
            self.x5t_s256.as_ref().map(|thumbprint| format!("{CERTIFICATE_PREFIX}{thumbprint}"));
        let words: Vec<&str> = [self.jkt.as_deref(), certificate.as_deref()].into_iter().flatten().collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(jkt: Option<&str>, x5t_s256: Option<&str>) -> Confirmation {
        Confirmation { jkt: jkt.map(str::to_owned), x5t_s256: x5t_s256.map(str::to_owned) }
    }

    #[test]
    fn what_is_asked_for_must_be_shown_and_more_does_not_harm() {
        let (nothing, key) = (of(None, None), of(Some("k"), None));
        let (certificate, both) = (of(None, Some("c")), of(Some("k"), Some("c")));
        for shown in [&nothing, &key, &certificate, &both] {
            assert_eq!(nothing.check(shown), Ok(()));
            assert_eq!(shown.check(&both), Ok(()));
            assert_eq!(shown.check(shown), Ok(()));
        }
        assert_eq!(key.check(&certificate), Err(Unproven::Key));
        assert_eq!(certificate.check(&key), Err(Unproven::Certificate));
        assert_eq!(both.check(&key), Err(Unproven::Certificate));
        assert_eq!(key.check(&of(Some("k2"), None)), Err(Unproven::Key));
        assert_eq!(certificate.check(&of(None, Some("c2"))), Err(Unproven::Certificate));
    }

    #[test]
    fn it_survives_being_kept_and_being_sent() {
        for one in [of(None, None), of(Some("k"), None), of(None, Some("c")), of(Some("k"), Some("c"))] {
            assert_eq!(Confirmation::kept(&one.to_string()), one);
            assert_eq!(serde_json::from_value::<Confirmation>(json!(one)).unwrap(), one);
        }
        assert_eq!(of(Some("k"), None).to_string(), "k", "as grants of earlier versions keep it");
        assert_eq!(json!(of(None, Some("c"))), json!({"x5t#S256": "c"}));
        assert!(serde_json::from_value::<Confirmation>(json!({"jwk": {}})).is_err());
    }
}
