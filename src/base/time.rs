//! Instants and the clock they are read from.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
///
/// Microseconds because both SQLite and PostgreSQL hold them exactly in a `BIGINT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `us` microseconds after the epoch.
    pub const fn from_us(us: i64) -> Self {
        Self(us)
    }

    /// The instant `seconds` seconds after the epoch (a JWT `NumericDate`).
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn us(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down (a JWT `NumericDate`).
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant and `seconds` more (or fewer, when negative).
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        u64::try_from(self.0.saturating_sub(earlier.0)).map_or(Duration::ZERO, Duration::from_micros)
    }

    /// RFC 3339 in UTC with whole seconds: `2026-11-24T08:00:00Z`.
    pub fn rfc3339(self) -> String {
        self.in_offset(0).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The date alone, in China Standard Time: `2026-11-24`.
    pub fn date_in_china(self) -> String {
        self.in_offset(8).strftime("%Y-%m-%d").to_string()
    }

    /// Date and minute in China Standard Time, for people: `2026-11-24 16:00`.
    pub fn minute_in_china(self) -> String {
        self.in_offset(8).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// ASN.1 GeneralizedTime in UTC: `20261124080000Z` (X.690, 11.7).
    pub fn generalized_time(self) -> String {
        self.in_offset(0).strftime("%Y%m%d%H%M%SZ").to_string()
    }

    /// The instant of a civil date and time at `offset_hours` east of Greenwich; `None` when there is no such time.
    pub fn from_civil(date: (i16, i8, i8), time: (i8, i8, i8), offset_hours: i8) -> Option<Self> {
        let civil = DateTime::new(date.0, date.1, date.2, time.0, time.1, time.2, 0).ok()?;
        let offset = Offset::from_hours(offset_hours).ok()?;
        Some(Self(offset.to_timestamp(civil).ok()?.as_microsecond()))
    }

    /// Parses RFC 3339: `2026-11-24T08:00:00Z` or with an offset.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_microsecond()))
    }

    fn in_offset(self, hours: i8) -> DateTime {
        let instant = jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        Offset::from_hours(hours).unwrap_or(Offset::UTC).to_datetime(instant)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// Where `now` comes from. One reading per request, at the edge; everything below is given the value.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    fn now(&self) -> Timestamp {
        let us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
        Timestamp(i64::try_from(us).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_prints_in_each_form_the_standards_ask_for() {
        let t = Timestamp::from_unix_seconds(1_795_507_200);
        assert_eq!(t.rfc3339(), "2026-11-24T08:00:00Z");
        assert_eq!(t.generalized_time(), "20261124080000Z");
        assert_eq!(t.date_in_china(), "2026-11-24");
        assert_eq!(Timestamp::parse_rfc3339("2026-11-24T16:00:00+08:00"), Some(t));
        assert_eq!(Timestamp::from_civil((2026, 11, 24), (16, 0, 0), 8), Some(t));
        assert_eq!(Timestamp::from_civil((2026, 2, 30), (0, 0, 0), 0), None);
    }

    #[test]
    fn extreme_instants_neither_wrap_nor_panic() {
        assert_eq!(Timestamp::from_us(i64::MAX).plus_seconds(1).us(), i64::MAX);
        assert!(!Timestamp::from_us(i64::MIN).rfc3339().is_empty());
        assert_eq!(Timestamp::from_us(1).since(Timestamp::from_us(5)), Duration::ZERO);
    }
}
