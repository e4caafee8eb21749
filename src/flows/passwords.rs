//! Argon2id in a bounded pool off the async threads.
//!
//! Each hash takes tens of milliseconds of one core and 19 MiB. Only as many run at once as there are cores, so that a storm of
//! logins slows logins and nothing else; who would wait too long in the queue is turned away at once.

use std::sync::Arc;

use identity::password::PasswordHasher;
use tokio::sync::Semaphore;

use crate::error::{Failure, Reason, Rejected};

/// How many may wait for each one that is being worked on.
const QUEUE_PER_WORKER: usize = 32;
const RETRY_AFTER_SECONDS: u32 = 2;

/// The pool.
pub struct Passwords {
    hasher: Arc<PasswordHasher>,
    workers: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Passwords {
    /// A pool of one worker a core.
    pub fn new(hasher: PasswordHasher) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            hasher: Arc::new(hasher),
            workers: Arc::new(Semaphore::new(workers)),
            places: Arc::new(Semaphore::new(workers * QUEUE_PER_WORKER)),
        }
    }

    /// Runs `work` with the hasher in the pool.
    ///
    /// Fails with [`Reason::Busy`] when the queue is full.
    pub async fn run<T, W>(&self, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnOnce(&PasswordHasher) -> T + Send + 'static,
    {
        let busy = || {
            let reason = Reason::Busy { retry_after_seconds: RETRY_AFTER_SECONDS };
            Rejected::new(reason, "busy", "too many logins at once; try again in a moment")
        };
        let _place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| busy())?;
        let hasher = Arc::clone(&self.hasher);
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&hasher);
            drop(worker);
            result
        });
        Ok(done.await?)
    }
}
