//! Connections through which SQLite is read, kept open and lent out one at a time.
//!
//! A connection of `sqlx` is a thread, and every word with it costs two turns between threads. So nothing is asked of one but what is to be
//! read: that it is still there shows when it is not, and then it is not lent again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::StoreError;

const READERS: u32 = 4;
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

/// The connections, cheap to share.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Lending>);

struct Lending {
    options: SqliteConnectOptions,
    places: Arc<Semaphore>,
    /// The one that was given back last is lent next: what it read last is still in its memory.
    idle: Mutex<Vec<SqliteConnection>>,
}

/// A connection, lent.
pub(crate) struct SqliteReader {
    /// `None` once it is not to be given back.
    connection: Option<SqliteConnection>,
    /// Whether a statement is under way.
    busy: bool,
    lending: Arc<Lending>,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    /// None is open yet.
    pub(crate) fn new(options: SqliteConnectOptions) -> Self {
        let places = Arc::new(Semaphore::new(READERS as usize));
        Self(Arc::new(Lending { options, places, idle: Mutex::default() }))
    }

    /// One that nobody reads through.
    pub(crate) async fn lend(&self) -> Result<SqliteReader, StoreError> {
        let lending = Arc::clone(&self.0);
        let place = tokio::time::timeout(WAIT_TIMEOUT, Arc::clone(&lending.places).acquire_owned()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = lending.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&lending.options).await?,
        };
        Ok(SqliteReader { connection: Some(connection), busy: false, lending, _place: place })
    }

    /// Waits for those that are lent, and closes all.
    pub(crate) async fn close(&self) {
        let all = self.0.places.acquire_many(READERS).await;
        self.0.places.close();
        drop(all);
        let idle = std::mem::take(&mut *self.0.idle());
        for connection in idle {
            connection.close().await.ok();
        }
    }
}

impl Lending {
    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqliteReader {
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.busy = true;
        self.connection.as_mut().ok_or_else(|| sqlx::Error::WorkerCrashed.into())
    }

    /// What came of the statement. Whatever made it fail may stay with the connection: nobody else shall have it.
    pub(crate) fn done(&mut self, good: bool) {
        self.busy = false;
        if !good {
            self.connection = None;
        }
    }
}

impl Drop for SqliteReader {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let mut idle = self.lending.idle();
        // In the middle of a statement its thread ends that before it begins another, so it is lent last.
        let place = if self.busy { 0 } else { idle.len() };
        idle.insert(place, connection);
    }
}
