//! Natural and legal persons.

use std::fmt;
use std::str::FromStr;

use crate::resident_id::ResidentId;
use crate::social_credit_code::SocialCreditCode;

/// Most characters of a person's name.
pub const PERSON_NAME_MAX_CHARS: usize = 100;

/// Whom an account, a certificate or a seal belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// A human being.
    Natural(NaturalPerson),
    /// A company, authority or association.
    Legal(LegalPerson),
}

/// A human being, as the population register knows them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NaturalPerson {
    /// The full name.
    pub name: PersonName,
    /// The identity number.
    pub id: ResidentId,
}

/// A company, authority or association, as its register knows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LegalPerson {
    /// The full name.
    pub name: PersonName,
    /// The unified social credit code.
    pub code: SocialCreditCode,
}

impl Person {
    /// The full name.
    pub const fn name(&self) -> &PersonName {
        match self {
            Self::Natural(person) => &person.name,
            Self::Legal(person) => &person.name,
        }
    }
}

/// A person's full name: 1 to 100 characters that are seen, no spaces around.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonName(String);

/// A text that is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a name of 1 to {PERSON_NAME_MAX_CHARS} visible characters without spaces around it, got {0} characters"
)]
pub struct BadPersonName(pub usize);

impl PersonName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = BadPersonName;

    fn from_str(text: &str) -> Result<Self, BadPersonName> {
        let length = text.chars().count();
        let length_is_good = (1..=PERSON_NAME_MAX_CHARS).contains(&length);
        if length_is_good && text.trim() == text && !text.chars().any(is_unseen) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadPersonName(length))
        }
    }
}

/// Control characters, and those that reorder or hide text.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl TryFrom<String> for PersonName {
    type Error = BadPersonName;

    fn try_from(text: String) -> Result<Self, BadPersonName> {
        text.parse()
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> Self {
        name.0
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_people_are_names() {
        for good in ["林小满", "买买提·阿不都拉", "Ann O'Neil", "福州市鼓楼区人民政府", "𠮷野"]
        {
            assert!(good.parse::<PersonName>().is_ok(), "{good}");
        }
        for bad in ["", " 林", "林\n", "林\u{202e}小", "林\u{200b}", &"林".repeat(101)] {
            assert!(bad.parse::<PersonName>().is_err(), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}", digits in "[0-9Xx]{18}") {
            let _ = (text.parse::<PersonName>(), text.parse::<ResidentId>(), text.parse::<SocialCreditCode>());
            let _ = (text.parse::<crate::LoginName>(), text.parse::<crate::OrgPath>(), text.parse::<crate::PasswordHash>());
            let _ = (digits.parse::<ResidentId>(), digits.parse::<SocialCreditCode>());
        }
    }
}
