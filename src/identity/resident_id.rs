//! Citizens' identity numbers (居民身份证号, GB 11643-1999).

use std::fmt;
use std::str::FromStr;

use base::Timestamp;

use crate::region::{self, Region};

/// Weights of the first seventeen digits: 2^(18-i) mod 11 (GB 11643-1999, 4.4; ISO 7064 MOD 11-2).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// The check character by remainder (GB 11643-1999, 4.4).
const CHECK_CHARACTERS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
/// Characters of an identity number.
const LENGTH: usize = 18;

/// A well-formed identity number of eighteen characters. Personal data: `Debug` prints the masked form.
#[derive(Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResidentId {
    number: String,
    birth: BirthDate,
}

/// A day in the civil calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BirthDate {
    /// The year.
    pub year: i16,
    /// The month, from 1.
    pub month: i8,
    /// The day, from 1.
    pub day: i8,
}

/// Sex as written in the number's seventeenth digit (GB 11643-1999, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// The digit is even.
    Female,
    /// The digit is odd.
    Male,
}

/// Why a text is not an identity number. Does not repeat the number, which is personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadResidentId {
    /// Not seventeen digits and a digit or `X`.
    #[error("expected 17 digits and a digit or `X`, got {0} characters of another form")]
    Form(usize),
    /// The first two digits are no region's.
    #[error("expected the code of a province-level region first, got `{0}`")]
    Region(String),
    /// Digits seven to fourteen are no date.
    #[error("expected a date of birth in digits 7 to 14, got `{0}`")]
    BirthDate(String),
    /// The last character does not follow from the others.
    #[error("the check character does not fit the other 17: check the number for a wrong digit")]
    CheckCharacter,
}

impl ResidentId {
    /// The number, with a capital `X`.
    pub fn as_str(&self) -> &str {
        &self.number
    }

    /// The number with all but its first and last character hidden: `3****************X`.
    pub fn masked(&self) -> String {
        let hidden = LENGTH - 2;
        let (first, last) = (self.number.chars().next(), self.number.chars().last());
        first.into_iter().chain(std::iter::repeat_n('*', hidden)).chain(last).collect()
    }

    /// The date of birth.
    pub const fn birth_date(&self) -> BirthDate {
        self.birth
    }

    /// Whole years of age at `now` in China Standard Time; `None` before the birth.
    pub fn age(&self, now: Timestamp) -> Option<u16> {
        let today = BirthDate::parse(&now.date_in_china().replace('-', ""))?;
        let had_no_birthday_yet = (today.month, today.day) < (self.birth.month, self.birth.day);
        let years = i32::from(today.year) - i32::from(self.birth.year) - i32::from(had_no_birthday_yet);
        u16::try_from(years).ok()
    }

    /// The region that gave out the number.
    pub fn region(&self) -> Option<Region> {
        region::lookup(&self.number)
    }

    /// The holder's sex.
    pub fn sex(&self) -> Sex {
        let odd =
            self.number.chars().nth(LENGTH - 2).and_then(|c| c.to_digit(10)).is_some_and(|d| d % 2 == 1);
        if odd { Sex::Male } else { Sex::Female }
    }
}

impl FromStr for ResidentId {
    type Err = BadResidentId;

    /// Reads a number; a small `x` is taken for the capital. The order of the checks is: form, region, date, check character.
    fn from_str(text: &str) -> Result<Self, BadResidentId> {
        let number = text.to_ascii_uppercase();
        let form = || BadResidentId::Form(text.chars().count());
        if number.len() != LENGTH {
            return Err(form());
        }
        let (body, check) = number.split_at_checked(LENGTH - 1).ok_or_else(form)?;
        let digits: Option<Vec<u32>> = body.chars().map(|c| c.to_digit(10)).collect();
        let digits =
            digits.filter(|_| check.chars().all(|c| c.is_ascii_digit() || c == 'X')).ok_or_else(form)?;
        if region::lookup(body).is_none() {
            return Err(BadResidentId::Region(body.chars().take(2).collect()));
        }
        let date: String = body.chars().skip(6).take(8).collect();
        let birth = BirthDate::parse(&date).ok_or(BadResidentId::BirthDate(date))?;
        if !check.chars().eq(check_character(&digits)) {
            return Err(BadResidentId::CheckCharacter);
        }
        Ok(Self { number, birth })
    }
}

impl BirthDate {
    /// Reads `YYYYMMDD`; `None` when there is no such day.
    fn parse(digits: &str) -> Option<Self> {
        let (year, rest) = digits.split_at_checked(4)?;
        let (month, day) = rest.split_at_checked(2)?;
        let date = Self { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? };
        Timestamp::from_civil((date.year, date.month, date.day), (0, 0, 0), 8).map(|_| date)
    }
}

impl fmt::Display for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The check character of the seventeen `digits`.
fn check_character(digits: &[u32]) -> Option<char> {
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    CHECK_CHARACTERS.get((sum % 11) as usize).copied()
}

impl TryFrom<String> for ResidentId {
    type Error = BadResidentId;

    fn try_from(text: String) -> Result<Self, BadResidentId> {
        text.parse()
    }
}

impl From<ResidentId> for String {
    fn from(id: ResidentId) -> Self {
        id.number
    }
}

impl fmt::Debug for ResidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GB 11643-1999, Annex A.
    const EXAMPLES: [&str; 2] = ["11010519491231002X", "440524188001010014"];

    #[test]
    fn the_standards_own_examples_are_read() {
        let [woman, man] = EXAMPLES.map(|number| number.parse::<ResidentId>().unwrap());
        assert_eq!((woman.birth_date().to_string().as_str(), woman.sex()), ("1949-12-31", Sex::Female));
        assert_eq!((man.birth_date().to_string().as_str(), man.sex()), ("1880-01-01", Sex::Male));
        assert_eq!((woman.region().unwrap().zh, man.region().unwrap().en), ("北京市", "Guangdong"));
        assert_eq!("11010519491231002x".parse::<ResidentId>(), Ok(woman));
    }

    #[test]
    fn one_wrong_digit_or_two_exchanged_are_always_noticed() {
        for number in EXAMPLES {
            for (i, c) in number.char_indices() {
                for other in ('0'..='9').chain(['X']).filter(|other| *other != c) {
                    let mut wrong = number.to_owned();
                    wrong.replace_range(i..=i, &other.to_string());
                    assert!(wrong.parse::<ResidentId>().is_err(), "{wrong}");
                }
                let mut exchanged = number.as_bytes().to_vec();
                exchanged.swap(i, (i + 1).min(17));
                let exchanged = String::from_utf8(exchanged).unwrap();
                assert!(exchanged == number || exchanged.parse::<ResidentId>().is_err(), "{exchanged}");
            }
        }
    }

    #[test]
    fn each_refusal_says_what_was_expected() {
        let refusal = |text: &str| text.parse::<ResidentId>().unwrap_err();
        assert_eq!(refusal("11010519491231002"), BadResidentId::Form(17));
        assert_eq!(refusal("1101051949123100XX"), BadResidentId::Form(18));
        assert_eq!(refusal("１1010519491231002X"), BadResidentId::Form(18));
        assert_eq!(refusal("990105194912310021"), BadResidentId::Region("99".into()));
        assert_eq!(refusal("110105194902300021"), BadResidentId::BirthDate("19490230".into()));
        assert_eq!(refusal("110105194912310021"), BadResidentId::CheckCharacter);
    }

    #[test]
    fn a_person_grows_a_year_older_at_midnight_in_china() {
        let id: ResidentId = EXAMPLES[0].parse().unwrap();
        let just_before = Timestamp::from_civil((2026, 12, 30), (23, 59, 59), 8).unwrap();
        assert_eq!(id.age(just_before), Some(76));
        assert_eq!(id.age(just_before.plus_seconds(1)), Some(77));
        assert_eq!(id.age(Timestamp::from_civil((1949, 1, 1), (0, 0, 0), 8).unwrap()), None);
    }

    #[test]
    fn the_number_is_not_printed_by_accident() {
        let id: ResidentId = EXAMPLES[0].parse().unwrap();
        assert_eq!(format!("{id:?}"), "1****************X");
    }
}
