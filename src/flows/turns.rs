//! One at a time for each name: whoever comes second waits, and then finds what the first brought.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What those take in turn who want the same; names that nobody waits for any more are forgotten.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// What is to be locked by whoever wants what is called `name`.
    pub(crate) fn of(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let waiting = turns.get(name).and_then(Weak::upgrade);
        waiting.unwrap_or_else(|| {
            let turn = Arc::default();
            turns.insert(name.to_owned(), Arc::downgrade(&turn));
            turn
        })
    }
}
