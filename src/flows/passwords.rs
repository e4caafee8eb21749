//! Argon2id in a bounded pool off the async threads.
//!
//! Each hash takes tens of milliseconds of one core and 19 MiB. Only as many run at once as there are cores, so that a storm of
//! logins slows logins and nothing else; who would wait too long in the queue is turned away at once.

use std::sync::Arc;

use identity::password::PasswordHasher;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

    /// Takes a place in the queue, before anything is counted against the caller.
    ///
    /// Fails with [`Reason::Busy`] when there is none.
    pub fn reserve(&self) -> Result<Place, Rejected> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        Ok(Place { _place: place, workers: Arc::clone(&self.workers), hasher: Arc::clone(&self.hasher) })
    }
}

/// A place in the queue.
pub struct Place {
    _place: OwnedSemaphorePermit,
    workers: Arc<Semaphore>,
    hasher: Arc<PasswordHasher>,
}

impl Place {
    /// Waits for a worker and runs `work` with the hasher there.
    pub async fn run<T, W>(self, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnOnce(&PasswordHasher) -> T + Send + 'static,
    {
        let worker = self.workers.acquire_owned().await.map_err(|_| busy())?;
        let hasher = self.hasher;
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&hasher);
            drop(worker);
            result
        });
        Ok(done.await?)
    }
}

fn busy() -> Rejected {
    let reason = Reason::Busy { retry_after_seconds: RETRY_AFTER_SECONDS };
    Rejected::new(reason, "busy", "too many logins at once; try again in a moment")
}
