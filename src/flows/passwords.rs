//! Argon2id in a bounded pool off the async threads.
//!
//! Each hash takes tens of milliseconds of one core and 19 MiB. Only as many run at once as there are cores, on threads that the system
//! lets run after all others, so that a storm of logins slows logins and nothing else; who would wait too long in the queue is
//! turned away at once.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use identity::password::PasswordHasher;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{Failure, Fault, Reason, Rejected};

/// How many may wait for each one that is being worked on.
const QUEUE_PER_WORKER: usize = 32;
const RETRY_AFTER_SECONDS: u32 = 2;
/// How far behind other threads those of the pool stand (setpriority(2)): as far as there is. They get a sixtieth of a core that others want all
/// the time, and all of one that nobody else does.
const NICENESS: i32 = 19;

type Job = Box<dyn FnOnce(&PasswordHasher) + Send>;

/// The pool.
pub struct Passwords {
    jobs: Sender<Job>,
    places: Arc<Semaphore>,
}

impl Passwords {
    /// A pool of one worker a core; its threads end with it.
    pub fn new(hasher: PasswordHasher) -> io::Result<Self> {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (jobs, waiting) = mpsc::channel();
        let (hasher, waiting) = (Arc::new(hasher), Arc::new(Mutex::new(waiting)));
        for _ in 0..workers {
            let (hasher, waiting) = (Arc::clone(&hasher), Arc::clone(&waiting));
            std::thread::Builder::new()
                .name("passwords".to_owned())
                .spawn(move || work(&hasher, &waiting))?;
        }
        Ok(Self { jobs, places: Arc::new(Semaphore::new(workers * (1 + QUEUE_PER_WORKER))) })
    }

    /// Takes a place in the queue, before anything is counted against the caller.
    ///
    /// Fails with [`Reason::Busy`] when there is none.
    pub fn reserve(&self) -> Result<Place, Rejected> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        Ok(Place { place, jobs: self.jobs.clone() })
    }
}

/// Does one job after another until the pool is gone.
fn work(hasher: &PasswordHasher, waiting: &Mutex<Receiver<Job>>) {
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!("passwords are hashed at the priority of everything else: {error}");
    }
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A panic is one caller's, who is told by the answer that never comes; the thread goes on for the others.
        catch_unwind(AssertUnwindSafe(|| job(hasher))).ok();
    }
}

/// A place in the queue.
pub struct Place {
    place: OwnedSemaphorePermit,
    jobs: Sender<Job>,
}

impl Place {
    /// Waits for a worker and runs `work` with the hasher there.
    pub async fn run<T, W>(self, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnOnce(&PasswordHasher) -> T + Send + 'static,
    {
        let Self { place, jobs } = self;
        let (answer, answered) = oneshot::channel();
        let job = move |hasher: &PasswordHasher| {
            // Whoever left the queue costs nothing more.
            if answer.is_closed() {
                return;
            }
            let result = work(hasher);
            // Before the answer: whoever has it finds the place free.
            drop(place);
            answer.send(result).ok();
        };
        jobs.send(Box::new(job)).map_err(|_| busy())?;
        answered.await.map_err(|_| Fault::message("a password could not be looked at").into())
    }
}

fn busy() -> Rejected {
    let reason = Reason::Busy { retry_after_seconds: RETRY_AFTER_SECONDS };
    Rejected::new(reason, "busy", "too many logins at once; try again in a moment")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Passwords {
        Passwords::new(PasswordHasher::new(base::Secret::new([7; 32]))).unwrap()
    }

    #[tokio::test]
    async fn who_finds_no_place_is_turned_away_and_places_come_free() {
        let pool = pool();
        let mut places: Vec<Place> = std::iter::from_fn(|| pool.reserve().ok()).collect();
        assert!(places.len() > QUEUE_PER_WORKER);
        assert!(matches!(pool.reserve().map(drop).unwrap_err().reason, Reason::Busy { .. }));
        assert_eq!(places.pop().unwrap().run(|_| 7).await.unwrap(), 7);
        places.push(pool.reserve().unwrap());
        drop(places);
        pool.reserve().unwrap();
    }

    #[tokio::test]
    async fn a_job_that_panics_takes_no_worker_and_no_place_along() {
        let pool = pool();
        for _ in 0..QUEUE_PER_WORKER * 64 {
            let failed = pool.reserve().unwrap().run(|_| std::panic::resume_unwind(Box::new(()))).await;
            let failed: Result<(), Failure> = failed;
            assert!(matches!(failed, Err(Failure::Fault(_))));
        }
        assert_eq!(pool.reserve().unwrap().run(|_| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn who_leaves_the_queue_is_not_worked_for() {
        let pool = pool();
        let (hold, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let busy: Vec<_> = (0..workers)
            .map(|_| {
                let (place, held) = (pool.reserve().unwrap(), Arc::clone(&held));
                tokio::spawn(place.run(move |_| held.lock().unwrap().recv().ok()))
            })
            .collect();
        tokio::task::yield_now().await;
        let (worked, seen) = mpsc::channel();
        let left = tokio::spawn(pool.reserve().unwrap().run(move |_| worked.send(()).ok()));
        tokio::task::yield_now().await;
        left.abort();
        assert!(left.await.is_err());
        drop(hold);
        for job in busy {
            job.await.unwrap().unwrap();
        }
        pool.reserve().unwrap().run(|_| ()).await.unwrap();
        assert!(seen.try_recv().is_err(), "nobody waits for it any more");
    }
}
