//! Calendar dates, as certificates state them.

use std::fmt;
use std::str::FromStr;

use base::Timestamp;

/// A day of the Gregorian calendar from 1900 to 2999. In text: `2026-11-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: i16,
    month: i8,
    day: i8,
}

/// A text that is no date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a date like `2026-11-24`, got `{got}`")]
pub struct BadDate {
    /// What came, cut to 64 characters.
    pub got: String,
}

impl Date {
    /// The day that `instant` falls on in China.
    pub fn in_china(instant: Timestamp) -> Self {
        instant.date_in_china().parse().unwrap_or(Self { year: 1900, month: 1, day: 1 })
    }

    /// The last day of `years` years that begin on this day: five years from 2026-11-24 end on 2031-11-23.
    pub fn last_day_of_years(self, years: u8) -> Option<Self> {
        let year = self.year.checked_add(years.into())?;
        // What begins on 29 February ends on the last of February.
        let (month, day) = match Self::new(year, self.month, self.day) {
            Some(_) => (self.month, self.day),
            None => (3, 1),
        };
        let anniversary = Timestamp::from_civil((year, month, day), (12, 0, 0), 8)?;
        anniversary.plus_seconds(-86_400).date_in_china().parse().ok()
    }

    /// As certificates print it: `2026年11月24日`.
    pub fn chinese(self) -> String {
        format!("{}年{}月{}日", self.year, self.month, self.day)
    }

    fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        let known = (1900..=2999).contains(&year)
            && Timestamp::from_civil((year, month, day), (0, 0, 0), 0).is_some();
        known.then_some(Self { year, month, day })
    }
}

impl FromStr for Date {
    type Err = BadDate;

    fn from_str(text: &str) -> Result<Self, BadDate> {
        let bad = || BadDate { got: text.chars().take(64).collect() };
        let mut parts = text.split('-');
        let mut number = |digits: usize| {
            let part = parts.next().filter(|p| p.len() == digits && p.bytes().all(|b| b.is_ascii_digit()));
            part.and_then(|p| p.parse::<i16>().ok()).ok_or_else(bad)
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        let (month, day) = (i8::try_from(month).map_err(|_| bad())?, i8::try_from(day).map_err(|_| bad())?);
        if parts.next().is_some() {
            return Err(bad());
        }
        Self::new(year, month, day).ok_or_else(bad)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl serde::Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Date {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn dates_that_exist_survive_text_and_others_are_refused() {
        assert_eq!(date("2024-02-29").to_string(), "2024-02-29");
        assert_eq!(date("2026-01-05").chinese(), "2026年1月5日");
        for bad in [
            "2026-02-29",
            "2026-13-01",
            "2026-1-5",
            "26-01-05",
            "2026-01-05-01",
            "1899-01-01",
            "2026年1月5日",
            "",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_period_of_years_ends_the_day_before_its_anniversary() {
        assert_eq!(date("2026-11-24").last_day_of_years(5), Some(date("2031-11-23")));
        assert_eq!(date("2026-01-01").last_day_of_years(1), Some(date("2026-12-31")));
        assert_eq!(date("2024-02-29").last_day_of_years(1), Some(date("2025-02-28")));
    }

    #[test]
    fn the_day_in_china_begins_eight_hours_early() {
        assert_eq!(
            Date::in_china(Timestamp::parse_rfc3339("2026-11-24T16:00:00Z").unwrap()),
            date("2026-11-25")
        );
    }
}
