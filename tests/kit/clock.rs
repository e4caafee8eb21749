//! A clock that stands still until a story moves it.

use std::sync::atomic::{AtomicI64, Ordering};

use base::{Clock, Timestamp};

/// When every story begins: 2026-11-24T08:00:00Z, a Tuesday afternoon in China.
pub(crate) const BEGINNING: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

/// A clock that stands still until [`FixedClock::advance`].
#[derive(Debug)]
pub(crate) struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that stands at `instant`.
    pub(crate) fn at(instant: Timestamp) -> Self {
        Self(AtomicI64::new(instant.us()))
    }

    /// Time passes.
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_us(self.0.load(Ordering::SeqCst))
    }
}
