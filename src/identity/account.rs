//! Accounts, sessions and login names.

use std::fmt;
use std::str::FromStr;

use base::id::{Account, Session};

/// An account's identifier; as text it is the subject (`sub`) of tokens.
pub type AccountId = base::Id<Account>;
/// A session's identifier; as text it is the `sid` of ID tokens. Not a secret: the cookie holds a token of its own.
pub type SessionId = base::Id<Session>;

/// Fewest characters of a login name.
pub const LOGIN_NAME_MIN_CHARS: usize = 3;
/// Most characters of a login name.
pub const LOGIN_NAME_MAX_CHARS: usize = 64;

/// The name that a person logs in with: 3 to 64 of `[a-z0-9._@+-]`, starting with a letter or digit; capitals are folded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LoginName(String);

/// A text that is not a login name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected {LOGIN_NAME_MIN_CHARS} to {LOGIN_NAME_MAX_CHARS} letters, digits and `._@+-` starting with a letter or digit, got `{0}`"
)]
pub struct BadLoginName(pub String);

impl LoginName {
    /// The name, in small letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LoginName {
    type Err = BadLoginName;

    fn from_str(text: &str) -> Result<Self, BadLoginName> {
        let bytes = text.as_bytes();
        let length_is_good = (LOGIN_NAME_MIN_CHARS..=LOGIN_NAME_MAX_CHARS).contains(&bytes.len());
        let characters_are_good = bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"._@+-".contains(b));
        let start_is_good = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
        if length_is_good && characters_are_good && start_is_good {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(BadLoginName(text.chars().take(LOGIN_NAME_MAX_CHARS).collect()))
        }
    }
}

impl TryFrom<String> for LoginName {
    type Error = BadLoginName;

    fn try_from(text: String) -> Result<Self, BadLoginName> {
        text.parse()
    }
}

impl From<LoginName> for String {
    fn from(name: LoginName) -> Self {
        name.0
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_name_is_the_same_in_capitals() {
        assert_eq!("Lin.XiaoMan".parse::<LoginName>(), "lin.xiaoman".parse());
        assert!("13800000000".parse::<LoginName>().is_ok() && "lin@example.cn".parse::<LoginName>().is_ok());
    }

    #[test]
    fn what_people_could_confuse_is_no_login_name() {
        for bad in ["", "ab", ".lin", "lin xiao", "林小满", "lin\u{0}x", "раypal", &"x".repeat(65)] {
            assert!(bad.parse::<LoginName>().is_err(), "{bad}");
        }
    }
}
