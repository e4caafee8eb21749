//! The operating system's randomness, until a story breaks it.

use std::sync::atomic::{AtomicBool, Ordering};

use base::{Entropy, OsEntropy};

/// Randomness that can get stuck.
#[derive(Debug, Default)]
pub(crate) struct Randomness {
    stuck: AtomicBool,
}

impl Randomness {
    /// From now on it says one byte for ever.
    pub(crate) fn sticks(&self) {
        self.stuck.store(true, Ordering::SeqCst);
    }

    /// It is sound again.
    pub(crate) fn recovers(&self) {
        self.stuck.store(false, Ordering::SeqCst);
    }
}

impl Entropy for Randomness {
    fn fill(&self, out: &mut [u8]) {
        if self.stuck.load(Ordering::SeqCst) {
            out.fill(7);
        } else {
            OsEntropy.fill(out);
        }
    }
}
