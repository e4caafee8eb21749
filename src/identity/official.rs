//! Officials: their unit, post, clearance and roles.

use std::fmt;
use std::str::FromStr;

use crate::account::AccountId;
use crate::organisation::OrgPath;
use crate::person::PersonName;

/// Most roles of one official.
pub const ROLES_MAX_COUNT: usize = 32;
/// Longest role name, in characters.
pub const ROLE_MAX_CHARS: usize = 64;

/// An official: an account with a place in the organisation tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Official {
    /// Whose account it is.
    pub account: AccountId,
    /// The unit they serve in, by its path.
    pub unit: OrgPath,
    /// The post they hold there: 科长.
    pub post: PersonName,
    /// The highest grade of data they may see.
    pub clearance: Clearance,
    /// What they may do there, by name; policies give the names their meaning.
    pub roles: Vec<Role>,
}

impl Official {
    /// Whether the unit at `path` is theirs or below theirs.
    pub fn is_over(&self, path: &OrgPath) -> bool {
        self.unit.contains(path)
    }
}

/// The highest grade of data that an official may see, 1 to 4 (公共数据分级).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Clearance(u8);

/// A number that is not a grade.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a grade of 1 to 4, got {0}")]
pub struct BadClearance(pub i64);

impl Clearance {
    /// The grade, 1 to 4.
    pub const fn grade(self) -> u8 {
        self.0
    }
}

impl TryFrom<i64> for Clearance {
    type Error = BadClearance;

    fn try_from(grade: i64) -> Result<Self, BadClearance> {
        u8::try_from(grade).ok().filter(|g| (1..=4).contains(g)).map(Self).ok_or(BadClearance(grade))
    }
}

impl From<Clearance> for i64 {
    fn from(clearance: Clearance) -> Self {
        Self::from(clearance.0)
    }
}

/// A role's name: 1 to 64 of `[a-z0-9_-]`, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Role(String);

/// A text that is not a role's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a role of 1 to {ROLE_MAX_CHARS} small letters, digits, `_` and `-` starting with a letter, got `{0}`"
)]
pub struct BadRole(pub String);

impl Role {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Role {
    type Err = BadRole;

    fn from_str(text: &str) -> Result<Self, BadRole> {
        let good = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b));
        if good && text.len() <= ROLE_MAX_CHARS && text.starts_with(|c: char| c.is_ascii_lowercase()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadRole(text.chars().take(ROLE_MAX_CHARS).collect()))
        }
    }
}

impl TryFrom<String> for Role {
    type Error = BadRole;

    fn try_from(text: String) -> Result<Self, BadRole> {
        text.parse()
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_run_from_one_to_four() {
        assert_eq!((1..=4).filter_map(|g| Clearance::try_from(g).ok()).map(Clearance::grade).max(), Some(4));
        for bad in [0, 5, -1, 257] {
            assert_eq!(Clearance::try_from(bad), Err(BadClearance(bad)));
        }
    }

    #[test]
    fn a_role_is_a_plain_name() {
        assert!("seal_approver".parse::<Role>().is_ok());
        for bad in ["", "Admin", "1st", "a b", "角色", "a\"", &"a".repeat(65)] {
            assert!(bad.parse::<Role>().is_err(), "{bad}");
        }
    }
}
