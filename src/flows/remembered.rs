//! What was read from the database a moment ago and is believed for a second: what comes again and again costs no look.
//!
//! Only what exists is kept, so that what strangers make up fills nothing. What this process changes it forgets, after the commit; what
//! another process changed is seen when the second is over.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use base::Timestamp;

/// How long something is believed to be as it was read, in seconds.
pub const KEPT_SECONDS: i64 = 1;
/// Most things of a kind that are kept.
const KEPT_MAX: usize = 4_096;

/// Things of one kind, by what they are looked up with.
pub struct Remembered<K, V>(RwLock<HashMap<K, Kept<V>>>);

struct Kept<V> {
    what: Arc<V>,
    read: Timestamp,
}

impl<V> Kept<V> {
    /// A clock that was set back makes nothing live longer.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.read <= now && now < self.read.plus_seconds(KEPT_SECONDS)
    }
}

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(RwLock::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V> Remembered<K, V> {
    /// What was read under `key` less than a second ago.
    pub(crate) fn find<Q>(&self, key: &Q, now: Timestamp) -> Option<Arc<V>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|kept| kept.is_fresh(now)).map(|kept| Arc::clone(&kept.what))
    }

    /// Keeps what was read under `key` at `now`.
    pub(crate) fn keep(&self, key: K, what: Arc<V>, now: Timestamp) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, kept| kept.is_fresh(now));
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, Kept { what, read: now });
    }

    /// Forgets what is under `key`, which has changed.
    pub(crate) fn forget<Q>(&self, key: &Q)
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

    #[test]
    fn what_was_read_is_believed_for_a_second_and_no_longer() {
        let remembered = Remembered::default();
        remembered.keep("a", Arc::new(1), NOW);
        assert_eq!(remembered.find("a", NOW).as_deref(), Some(&1));
        assert_eq!(remembered.find("b", NOW), None);
        assert_eq!(remembered.find("a", NOW.plus_seconds(1)), None);
        assert_eq!(remembered.find("a", NOW.plus_seconds(-1)), None, "the clock was set back");
        remembered.forget("a");
        assert_eq!(remembered.find("a", NOW), None);
    }

    #[test]
    fn there_are_never_more_than_the_most() {
        let remembered = Remembered::default();
        for number in 0..KEPT_MAX * 2 + 7 {
            remembered.keep(number, Arc::new(number), NOW);
        }
        assert!(remembered.0.read().unwrap().len() <= KEPT_MAX);
        assert!(remembered.find(&(KEPT_MAX * 2 + 6), NOW).is_some());
    }
}
