//! Legal persons' unified social credit codes (统一社会信用代码, GB 32100-2015).

use std::fmt;
use std::str::FromStr;

use crate::region::{self, Region};

/// The characters of a code by value; I, O, S, V and Z are not used (GB 32100-2015, 4.2 and Annex A).
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Weights of the first seventeen characters: 3^(i-1) mod 31 (GB 32100-2015, Annex B).
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
/// Characters of a code.
const LENGTH: usize = 18;

/// The registering departments by the first character (GB 32100-2015, 4.3.1 and its amendments).
const DEPARTMENTS: &[(char, &str)] = &[
    ('1', "机构编制"),
    ('2', "外交"),
    ('3', "司法行政"),
    ('4', "文化"),
    ('5', "民政"),
    ('6', "旅游"),
    ('7', "宗教"),
    ('8', "工会"),
    ('9', "市场监督管理"),
    ('A', "中央军委改革和编制办公室"),
    ('N', "农业"),
    ('Y', "其他"),
];

/// A well-formed unified social credit code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SocialCreditCode(String);

/// Why a text is not a unified social credit code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSocialCreditCode {
    /// Not eighteen characters.
    #[error("expected 18 characters, got {0}")]
    Length(usize),
    /// A character that codes do not use, or a letter among the six digits of the region.
    #[error("expected digits and capital letters without I, O, S, V and Z, and digits at 3 to 8, got `{0}`")]
    Character(char),
    /// The first character is no registering department's.
    #[error("expected the code of a registering department first, got `{0}`")]
    Department(char),
    /// The last character does not follow from the others.
    #[error("the check character of `{0}` does not fit the other 17: check the code for a wrong character")]
    CheckCharacter(String),
}

impl SocialCreditCode {
    /// The code in capital letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The department that registered the holder, in Chinese.
    pub fn department(&self) -> &'static str {
        let first = self.0.chars().next();
        DEPARTMENTS.iter().find(|(code, _)| Some(*code) == first).map_or("", |(_, name)| name)
    }

    /// The province-level region of registration; `None` for registrations of the State itself (`100000`).
    pub fn region(&self) -> Option<Region> {
        self.0.split_at_checked(2).and_then(|(_, rest)| region::lookup(rest))
    }

    /// The nine characters that identify the holder (主体标识码, formerly the organisation code of GB 11714).
    pub fn organisation_code(&self) -> &str {
        self.0.get(8..17).unwrap_or_default()
    }
}

impl FromStr for SocialCreditCode {
    type Err = BadSocialCreditCode;

    /// Reads a code; small letters are taken for capitals.
    fn from_str(text: &str) -> Result<Self, BadSocialCreditCode> {
        let code = text.to_ascii_uppercase();
        let length = code.chars().count();
        if length != LENGTH {
            return Err(BadSocialCreditCode::Length(length));
        }
        let mut values = Vec::with_capacity(LENGTH);
        for (i, c) in code.chars().enumerate() {
            let good_here = !(2..8).contains(&i) || c.is_ascii_digit();
            let value = ALPHABET.find(c).filter(|_| good_here).ok_or(BadSocialCreditCode::Character(c))?;
            values.push(value);
        }
        if let Some(first) = code.chars().next().filter(|first| !DEPARTMENTS.iter().any(|(d, _)| d == first))
        {
            return Err(BadSocialCreditCode::Department(first));
        }
        if values.last() != Some(&check_value(&values)) {
            return Err(BadSocialCreditCode::CheckCharacter(code));
        }
        Ok(Self(code))
    }
}

/// The value of the check character: 31 - (sum of value times weight mod 31), where 31 is 0 (GB 32100-2015, Annex B).
fn check_value(values: &[usize]) -> usize {
    let sum: usize = values.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    (31 - sum % 31) % 31
}

impl TryFrom<String> for SocialCreditCode {
    type Error = BadSocialCreditCode;

    fn try_from(text: String) -> Result<Self, BadSocialCreditCode> {
        text.parse()
    }
}

impl From<SocialCreditCode> for String {
    fn from(code: SocialCreditCode) -> Self {
        code.0
    }
}

impl fmt::Display for SocialCreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GB 32100-2015 that its readers quote, of Fuzhou, Fujian; and public codes of two large companies.
    const EXAMPLES: [&str; 3] = ["91350100M000100Y43", "914403001922038216", "9144030071526726XG"];

    #[test]
    fn codes_in_public_use_are_read() {
        for code in EXAMPLES {
            assert_eq!(code.parse::<SocialCreditCode>().map(String::from).as_deref(), Ok(code));
        }
        let fuzhou: SocialCreditCode = EXAMPLES[0].to_lowercase().parse().unwrap();
        assert_eq!(fuzhou.department(), "市场监督管理");
        assert_eq!(fuzhou.region().unwrap().zh, "福建省");
        assert_eq!(fuzhou.organisation_code(), "M000100Y4");
    }

    #[test]
    fn one_wrong_character_is_always_noticed() {
        for code in EXAMPLES {
            for (i, c) in code.char_indices() {
                for other in ALPHABET.chars().filter(|other| *other != c) {
                    let mut wrong = code.to_owned();
                    wrong.replace_range(i..=i, &other.to_string());
                    assert!(wrong.parse::<SocialCreditCode>().is_err(), "{wrong}");
                }
            }
        }
    }

    #[test]
    fn each_refusal_says_what_was_expected() {
        let refusal = |text: &str| text.parse::<SocialCreditCode>().unwrap_err();
        assert_eq!(refusal("91350100"), BadSocialCreditCode::Length(8));
        assert_eq!(refusal("91350100M000I00Y43"), BadSocialCreditCode::Character('I'));
        assert_eq!(refusal("9135A100M000100Y43"), BadSocialCreditCode::Character('A'));
        assert_eq!(refusal("9135０100M000100Y43"), BadSocialCreditCode::Character('０'));
        assert_eq!(refusal("01350100M000100Y43"), BadSocialCreditCode::Department('0'));
        assert!(matches!(refusal("91350100M000100Y44"), BadSocialCreditCode::CheckCharacter(_)));
    }
}
