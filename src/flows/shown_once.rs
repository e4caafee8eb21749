//! What may be shown once, such as proofs and assertions: written down before anything comes of the request that showed it.
//!
//! Every request with a proof of a key waits for this, so those that come while others are being written are written together: one
//! transaction for all of them, where each of its own would cost the database several times as much.

use std::collections::HashSet;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::rows::once::{self, Shown, ShownKey};
use store::{Db, StoreError};
use tokio::sync::oneshot;

use crate::error::Fault;

/// Most things that are written in one transaction: nobody waits behind more.
const TOGETHER_MAX: usize = 512;

/// How often the task that writes gives way before it takes those who have come: a few requests' time each, and none where there are no others.
const TURNS_MAX: u32 = 8;

/// How long everybody waits for the database: one that hangs must not hold back who comes later, for whom there may be another connection.
///
/// It is less than what is shown is remembered after its time (`sweep`), so that a replay which waited so long is still found to be one.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Writes down what is shown; cheap to share.
#[derive(Default)]
pub struct ShownOnce(Arc<Mutex<Queue>>);

/// Those who wait to be written down, and whether a task is writing.
#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    busy: bool,
}

/// A request, and what it showed.
struct Waiting {
    shown: Vec<Shown>,
    tell: oneshot::Sender<Result<bool, String>>,
}

impl ShownOnce {
    /// Whether none of `shown` was shown before: true for exactly one caller, ever. When this returns, all of it counts as shown,
    /// whatever else comes of the request.
    pub(crate) async fn first_time(&self, db: &Db, shown: Vec<Shown>) -> Result<bool, Fault> {
        let (tell, told) = oneshot::channel();
        let begins = {
            let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            queue.waiting.push(Waiting { shown, tell });
            !mem::replace(&mut queue.busy, true)
        };
        if begins {
            // A task of its own: whoever is first may go away, and the others wait for it.
            let writer = Writer { db: db.clone(), queue: Arc::clone(&self.0), done: false };
            tokio::spawn(writer.write_all());
        }
        match told.await {
            Ok(result) => result.map_err(|why| StoreError::Commit(why).into()),
            Err(_) => Err(Fault::message("what was shown could not be written down")),
        }
    }
}

/// The one task that writes.
struct Writer {
    db: Db,
    queue: Arc<Mutex<Queue>>,
    done: bool,
}

impl Writer {
    /// Writes until nobody waits.
    async fn write_all(mut self) {
        loop {
            self.let_others_come_along().await;
            let Some(group) = self.next_group() else { return };
            let all: Vec<_> = group.iter().flat_map(|waiting| &waiting.shown).copied().collect();
            let written = tokio::time::timeout(WRITE_TIMEOUT, write(&self.db, &all)).await;
            let mut new = match written {
                Ok(written) => written.map_err(|error| error.to_string()),
                // Whether it was written is not known, so nobody in the group was first.
                Err(_) => Err(format!("the database did not answer within {WRITE_TIMEOUT:?}")),
            };
            for Waiting { shown, tell } in group {
                // Whoever stands first in the group was first; what it showed is new for nobody after it.
                let first_time = new.as_mut().map_err(|why| why.clone()).map(|new| are_new(new, &shown));
                tell.send(first_time).ok();
            }
        }
    }

    /// Gives way as long as more come along while others have their turn: the more are written together, the less it costs each.
    async fn let_others_come_along(&self) {
        let mut seen = 0;
        for _ in 0..TURNS_MAX {
            tokio::task::yield_now().await;
            let waiting = self.queue.lock().unwrap_or_else(PoisonError::into_inner).waiting.len();
            if waiting <= seen {
                break;
            }
            seen = waiting;
        }
    }

    /// Those who have waited longest; `None` when nobody waits, and then this task is over.
    fn next_group(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.waiting.is_empty() {
            self.done = true;
            queue.busy = false;
            return None;
        }
        let count = queue.waiting.len().min(TOGETHER_MAX);
        let later = queue.waiting.split_off(count);
        Some(mem::replace(&mut queue.waiting, later))
    }
}

impl Drop for Writer {
    /// Ended where it must not, by a panic: nobody waits for it for ever, and whoever comes next begins another.
    fn drop(&mut self) {
        if !self.done {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.waiting.clear();
            queue.busy = false;
        }
    }
}

/// Whether all of `shown` are in `new`, from which they are taken.
fn are_new(new: &mut HashSet<ShownKey>, shown: &[Shown]) -> bool {
    // All are taken, also behind one that is not there.
    shown.iter().filter(|shown| new.remove(shown.key())).count() == shown.len()
}

/// Writes down what is in `shown`; the keys of what was new.
async fn write(db: &Db, shown: &[Shown]) -> Result<HashSet<ShownKey>, StoreError> {
    let mut tx = db.begin().await?;
    let new = if once::show_new(&mut tx, shown).await? {
        shown.iter().map(|shown| *shown.key()).collect()
    } else {
        // A replay is among them, which is rare enough to begin again for.
        drop(tx);
        tx = db.begin().await?;
        once::show_some(&mut tx, shown).await?
    };
    // COMMIT POINT: all of it counts as shown.
    tx.commit().await?;
    Ok(new)
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    const LATER: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

    fn shown(number: u32) -> Shown {
        Shown::new(gm::sm3::hash(&number.to_be_bytes()), LATER, LATER)
    }

    async fn database(folder: &tempfile::TempDir) -> Db {
        Db::open(&format!("sqlite:{}", folder.path().join("test.db").display())).await.unwrap()
    }

    #[tokio::test]
    async fn of_many_that_show_the_same_at_once_exactly_one_was_first() {
        let folder = tempfile::tempdir().unwrap();
        let (db, once) = (database(&folder).await, Arc::new(ShownOnce::default()));
        for round in 0..20 {
            let asking = (0..40).map(|number| {
                let (db, once) = (db.clone(), Arc::clone(&once));
                // Each comes with something of its own as well, which makes it no newer.
                let both = vec![shown(round), shown(1_000_000 + round * 100 + number)];
                tokio::spawn(async move { once.first_time(&db, both).await.unwrap() })
            });
            let mut first = 0;
            for asked in asking.collect::<Vec<_>>() {
                first += usize::from(asked.await.unwrap());
            }
            assert_eq!(first, 1, "round {round}");
        }
    }

    #[tokio::test]
    async fn what_came_with_a_replay_counts_as_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (db, once) = (database(&folder).await, ShownOnce::default());
        assert!(once.first_time(&db, vec![shown(1)]).await.unwrap());
        assert!(!once.first_time(&db, vec![shown(1), shown(2)]).await.unwrap());
        assert!(!once.first_time(&db, vec![shown(2)]).await.unwrap());
        assert!(once.first_time(&db, vec![shown(3), shown(4)]).await.unwrap());
    }

    #[tokio::test]
    async fn more_than_are_written_together_are_all_written() {
        let folder = tempfile::tempdir().unwrap();
        let (db, once) = (database(&folder).await, Arc::new(ShownOnce::default()));
        let many = u32::try_from(TOGETHER_MAX * 2 + 7).unwrap();
        let asking: Vec<_> = (0..many)
            .map(|number| {
                let (db, once) = (db.clone(), Arc::clone(&once));
                tokio::spawn(async move { once.first_time(&db, vec![shown(number)]).await.unwrap() })
            })
            .collect();
        for asked in asking {
            assert!(asked.await.unwrap());
        }
        for number in [0, 511, 512, many - 1] {
            assert!(!once.first_time(&db, vec![shown(number)]).await.unwrap(), "{number}");
        }
    }
}
