//! When the keys that sign tokens take turns (NIST SP 800-57 part 1, 5.3.6; OIDC Core, 10.1.1).
//!
//! A key is published before it signs, so that whoever keeps the published set for a while knows it by then; and it stays published
//! after it signed, while what it signed lives. For longer still we alone remember it: an ID token comes back to us as a hint.

use base::Timestamp;

use crate::KeyState;

/// The times of a turn, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long a key signs.
    pub signs_seconds: i64,
    /// How long it is published before, and how long after.
    pub announced_seconds: i64,
    /// How long after it signed we know our own tokens by it.
    pub remembered_seconds: i64,
}

/// A key among those of its algorithm, as far as its turn goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn<K> {
    /// Which it is.
    pub key: K,
    /// Its state.
    pub state: KeyState,
    /// Since when.
    pub since: Timestamp,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due<K> {
    /// A new key is to be made and published.
    Announce,
    /// This one is to sign from now on, and those that did no more.
    Activate(K),
    /// This one has nothing left to be known by.
    Destroy(K),
}

impl Schedule {
    /// What is due at `now` with the keys of one algorithm, oldest first.
    ///
    /// One that waits is never waited for in vain: while there is one, no other is made.
    pub fn due<K: Copy>(&self, keys: &[Turn<K>], now: Timestamp) -> Vec<Due<K>> {
        let is_over = |turn: &Turn<K>, seconds| now >= turn.since.plus_seconds(seconds);
        let newest = |state| keys.iter().rfind(|turn| turn.state == state);
        let next = match (newest(KeyState::PreActive), newest(KeyState::Active)) {
            (Some(waiting), _) => {
                is_over(waiting, self.announced_seconds).then_some(Due::Activate(waiting.key))
            }
            (None, Some(signing)) => {
                is_over(signing, self.signs_seconds - self.announced_seconds).then_some(Due::Announce)
            }
            // Which kinds of keys there must be is not this table's to say.
            (None, None) => None,
        };
        let forgotten = keys
            .iter()
            .filter(|turn| turn.state == KeyState::Retired && is_over(turn, self.remembered_seconds))
            .map(|turn| Due::Destroy(turn.key));
        next.into_iter().chain(forgotten).collect()
    }

    /// Whether a key is in the published set at `now`.
    pub fn is_published(&self, state: KeyState, since: Timestamp, now: Timestamp) -> bool {
        match state {
            KeyState::PreActive | KeyState::Active => true,
            KeyState::Retired => now < since.plus_seconds(self.announced_seconds),
            KeyState::Destroyed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyState::{Active, Destroyed, PreActive, Retired};

    const DAY: i64 = 86_400;
    const SCHEDULE: Schedule =
        Schedule { signs_seconds: 90 * DAY, announced_seconds: DAY, remembered_seconds: 91 * DAY };

    fn day(n: i64) -> Timestamp {
        Timestamp::from_unix_seconds(n * DAY)
    }

    fn due(keys: &[(u8, KeyState, i64)], now: i64) -> Vec<Due<u8>> {
        let turns: Vec<_> = keys
            .iter()
            .map(|(key, state, since)| Turn { key: *key, state: *state, since: day(*since) })
            .collect();
        SCHEDULE.due(&turns, day(now))
    }

    #[test]
    fn the_next_key_is_published_a_day_before_the_present_one_has_signed_for_ninety() {
        assert_eq!(due(&[(1, Active, 0)], 88), []);
        assert_eq!(due(&[(1, Active, 0)], 89), [Due::Announce]);
        assert_eq!(due(&[(1, Active, 0), (2, PreActive, 89)], 89), []);
        assert_eq!(due(&[(1, Active, 0), (2, PreActive, 89)], 90), [Due::Activate(2)]);
        assert_eq!(due(&[(1, Retired, 90), (2, Active, 90)], 91), []);
        assert_eq!(due(&[(1, Retired, 90), (2, Active, 90)], 179), [Due::Announce]);
    }

    #[test]
    fn a_key_is_forgotten_when_no_hint_under_it_is_taken_any_more() {
        assert_eq!(due(&[(1, Retired, 90), (2, Active, 170)], 180), []);
        assert_eq!(due(&[(1, Retired, 90), (2, Active, 170)], 181), [Due::Destroy(1)]);
        assert_eq!(due(&[(1, Destroyed, 90), (2, Active, 170)], 500), [Due::Announce]);
    }

    #[test]
    fn after_a_long_sleep_a_key_is_still_published_first() {
        assert_eq!(due(&[(1, Active, 0)], 1_000), [Due::Announce]);
        assert_eq!(due(&[(1, Active, 0), (2, PreActive, 1_000)], 1_000), []);
        assert_eq!(due(&[], 1_000), []);
    }

    #[test]
    fn a_retired_key_stays_published_for_a_day() {
        let published = |state, now| SCHEDULE.is_published(state, day(90), day(now));
        assert!(published(PreActive, 90) && published(Active, 1_000) && published(Retired, 90));
        assert!(!published(Retired, 91) && !published(Destroyed, 90));
    }
}
