//! When a login ends by itself: at its time (`oidc::lifetimes::SESSION_ABSOLUTE_SECONDS`), when nobody used it for long enough, or when
//! its person logs in at more places than there may be.

use base::Timestamp;
use oidc::lifetimes::{ACCESS_TOKEN_TTL_SECONDS, SESSION_ABSOLUTE_SECONDS};
use store::rows::sessions::LiveAt;

/// The usual time for which a login may stand idle, in minutes.
const IDLE_MINUTES: i64 = 120;
/// The shortest such time, in minutes: that of an access token, which would otherwise outlive what it came from.
const IDLE_MINUTES_MIN: i64 = ACCESS_TOKEN_TTL_SECONDS / 60;
/// The longest, in minutes: later the login is over anyway.
const IDLE_MINUTES_MAX: i64 = SESSION_ABSOLUTE_SECONDS / 60;
/// Most seconds after which it is written down again that a login is used.
const STEP_MAX_SECONDS: i64 = 300;
/// How many such steps there are at least in the time for which it may stand idle.
const STEPS_MIN: i64 = 12;

/// How many logins of one person there usually may be at a time.
const SIDE_BY_SIDE: u32 = 20;
/// The most that may be set: as many as the account page lists.
const SIDE_BY_SIDE_MAX: u32 = 100;

/// How long logins live, and how many there may be of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    idle_seconds: i64,
    side_by_side: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle_seconds: IDLE_MINUTES * 60, side_by_side: SIDE_BY_SIDE }
    }
}

impl SessionLimits {
    /// Logins that end after standing idle for so long, and of which a person has so many at a time; the usual for what is `None`.
    pub fn new(idle_minutes: Option<i64>, side_by_side: Option<u32>) -> Result<Self, String> {
        let idle_minutes = idle_minutes.unwrap_or(IDLE_MINUTES);
        if !(IDLE_MINUTES_MIN..=IDLE_MINUTES_MAX).contains(&idle_minutes) {
            return Err(format!(
                "session_idle_minutes: expected {IDLE_MINUTES_MIN} to {IDLE_MINUTES_MAX}, got `{idle_minutes}`"
            ));
        }
        let side_by_side = side_by_side.unwrap_or(SIDE_BY_SIDE);
        if !(1..=SIDE_BY_SIDE_MAX).contains(&side_by_side) {
            return Err(format!(
                "sessions_per_person: expected 1 to {SIDE_BY_SIDE_MAX}, got `{side_by_side}`"
            ));
        }
        Ok(Self { idle_seconds: idle_minutes * 60, side_by_side })
    }

    /// How many logins a person keeps beside a new one.
    pub(crate) const fn beside_a_new_one(&self) -> u32 {
        self.side_by_side.saturating_sub(1)
    }

    /// What makes a login live at `now`.
    pub(crate) const fn live_at(&self, now: Timestamp) -> LiveAt {
        LiveAt { now, idle_since: now.plus_seconds(-self.idle_seconds) }
    }

    /// A use at `now` is written down when the last that was is from this time or before.
    ///
    /// So a login costs a write in five minutes however much it is used, and ends at most so much earlier than it should, never later.
    pub(crate) fn written_before(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(-STEP_MAX_SECONDS.min(self.idle_seconds / STEPS_MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

    #[test]
    fn a_use_is_written_down_twelve_times_in_the_idle_time_and_once_in_five_minutes_at_most() {
        for (minutes, step_seconds) in [(10, 50), (30, 150), (60, 300), (120, 300), (720, 300)] {
            let limits = SessionLimits::new(Some(minutes), None).unwrap();
            assert_eq!(limits.live_at(NOW).idle_since, NOW.plus_seconds(-60 * minutes));
            assert_eq!(limits.written_before(NOW), NOW.plus_seconds(-step_seconds), "{minutes}");
        }
        assert_eq!(SessionLimits::new(None, None), SessionLimits::new(Some(120), Some(20)));
        assert_eq!(SessionLimits::new(None, None), Ok(SessionLimits::default()));
    }

    #[test]
    fn a_login_stands_idle_for_ten_minutes_at_least_and_for_its_whole_time_at_most() {
        for minutes in [i64::MIN, -1, 0, 9, 721, i64::MAX] {
            let refused = SessionLimits::new(Some(minutes), None).unwrap_err();
            assert!(refused.starts_with("session_idle_minutes: expected 10 to 720, got"), "{refused}");
        }
    }

    #[test]
    fn a_person_has_one_login_at_least_and_no_more_than_their_page_lists() {
        for (number, beside) in [(1, 0), (2, 1), (100, 99)] {
            assert_eq!(SessionLimits::new(None, Some(number)).unwrap().beside_a_new_one(), beside);
        }
        for number in [0, 101, u32::MAX] {
            let refused = SessionLimits::new(None, Some(number)).unwrap_err();
            assert!(refused.starts_with("sessions_per_person: expected 1 to 100, got"), "{refused}");
        }
    }
}
