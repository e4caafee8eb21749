//! Times as real seals hold them: UTCTime, GeneralizedTime, and several things that only look like them.

use base::Timestamp;

use super::{DerError, Tlv, tag};

/// Longest time text read.
pub const MAX_TIME_BYTES: usize = 40;
/// The offset of a time without a zone: Beijing time, which is what products that leave the `Z` out mean.
pub const BEIJING_OFFSET_HOURS: i8 = 8;

/// Where a time's zone comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeZoneSource {
    /// The text says `Z`.
    Utc,
    /// The text gives an offset.
    Offset,
    /// The text says nothing; Beijing time is assumed.
    Assumed,
}

/// An instant read leniently, with how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    /// The instant.
    pub instant: Timestamp,
    /// The text as found.
    pub text: String,
    /// Hours east of Greenwich that the text was read with.
    pub offset_hours: i8,
    /// Where the zone comes from.
    pub zone: TimeZoneSource,
    /// Whether the year has two digits.
    pub two_digit_year: bool,
    /// The tag that held it.
    pub tag: u8,
}

impl Time {
    /// Reads UTCTime, GeneralizedTime, a text string, or ASCII inside a BIT STRING or OCTET STRING (X.690, 11.7 and 11.8).
    pub fn read(element: &Tlv<'_>) -> Result<Self, DerError> {
        let bytes = if element.tag == tag::BIT_STRING { element.bit_string()?.bytes } else { element.value };
        let text = std::str::from_utf8(bytes).map_err(|_| DerError::BadValue("time"))?;
        Self::parse(text, element.tag)
    }

    /// Reads `text`: `YYYYMMDDHHMMSS` or `YYMMDDHHMMSS`, with separators or without, a fraction, `Z`, an offset or nothing.
    pub fn parse(text: &str, tag: u8) -> Result<Self, DerError> {
        const BAD: DerError = DerError::BadValue("time");
        if text.len() > MAX_TIME_BYTES || !text.is_ascii() {
            return Err(BAD);
        }
        let (digits, rest) = digits(text.trim());
        let two_digit_year = digits.len() == 12;
        let full = match digits.len() {
            14 => digits,
            // RFC 5280, 4.1.2.5.1: years 50 to 99 are 1950 to 1999.
            12 if digits.as_str() >= "50" => format!("19{digits}"),
            12 => format!("20{digits}"),
            _ => return Err(BAD),
        };
        let (offset_minutes, zone) = zone(fraction(rest)).ok_or(BAD)?;
        let civil = civil(&full).ok_or(BAD)?;
        let offset_hours = i8::try_from(offset_minutes.div_euclid(60)).map_err(|_| BAD)?;
        Ok(Self {
            instant: civil.plus_seconds(-60 * i64::from(offset_minutes)),
            text: text.to_owned(),
            offset_hours,
            zone,
            two_digit_year,
            tag,
        })
    }

    /// RFC 3339 with the offset the text was read with: `2022-03-18T21:32:17+08:00`.
    pub fn rfc3339(&self) -> String {
        let local = self.instant.plus_seconds(3600 * i64::from(self.offset_hours)).rfc3339();
        let sign = if self.offset_hours < 0 { '-' } else { '+' };
        format!("{}{sign}{:02}:00", local.trim_end_matches('Z'), self.offset_hours.unsigned_abs())
    }
}

/// The date and time digits of `text`, separators left out, and what follows them.
fn digits(text: &str) -> (String, &str) {
    let dashed = text.as_bytes().get(4) == Some(&b'-');
    let mut out = String::new();
    for (at, c) in text.char_indices() {
        match c {
            '0'..='9' if out.len() < 14 => out.push(c),
            '-' if dashed && out.len() < 8 => {}
            ' ' | 'T' if dashed && out.len() == 8 => {}
            ':' if dashed && out.len() > 8 => {}
            _ => return (out, text.get(at..).unwrap_or_default()),
        }
    }
    (out, "")
}

fn fraction(text: &str) -> &str {
    match text.strip_prefix(['.', ',']) {
        Some(rest) => rest.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => text,
    }
}

/// Minutes east of Greenwich and where that comes from.
fn zone(text: &str) -> Option<(i16, TimeZoneSource)> {
    match text {
        "" => return Some((i16::from(BEIJING_OFFSET_HOURS) * 60, TimeZoneSource::Assumed)),
        "Z" | "z" => return Some((0, TimeZoneSource::Utc)),
        _ => {}
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i16 = digits.parse().ok()?;
    let (hours, minutes) = (value / 100, value % 100);
    (hours < 15 && minutes < 60).then_some((sign * (hours * 60 + minutes), TimeZoneSource::Offset))
}

/// The instant of fourteen digits read as UTC.
fn civil(digits: &str) -> Option<Timestamp> {
    let year = digits.get(..4)?.parse().ok()?;
    let two = |at: usize| digits.get(at..at + 2)?.parse::<i8>().ok();
    Timestamp::from_civil((year, two(4)?, two(6)?), (two(8)?, two(10)?, two(12)?), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        Time::parse(text, tag::GENERALIZED_TIME).ok().map(|time| time.rfc3339())
    }

    #[test]
    fn every_form_seen_in_real_seals_is_read() {
        for (text, expected) in [
            ("20201010071120Z", "2020-10-10T07:11:20+00:00"),
            ("20220318213217", "2022-03-18T21:32:17+08:00"),
            ("220725214633Z", "2022-07-25T21:46:33+00:00"),
            ("991231235959Z", "1999-12-31T23:59:59+00:00"),
            ("2022-03-24 08:54:12", "2022-03-24T08:54:12+08:00"),
            ("2020-01-25T07:31:56.377Z", "2020-01-25T07:31:56+00:00"),
            ("20220505014017.041Z", "2022-05-05T01:40:17+00:00"),
            ("20220505014017+0800", "2022-05-05T01:40:17+08:00"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2022",
            "20221301000000Z",
            "20220230000000Z",
            "20220101000000X",
            "20220101000000+99",
            "二〇二二",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
