//! SQLite with one writer that commits in groups.
//!
//! SQLite writes one transaction at a time, and a durable commit costs an `fsync`. So writers queue for one connection, each
//! works inside a savepoint of a shared outer transaction, and the outer transaction is committed once for all who were waiting
//! when the first of them was done. A commit is acknowledged only after the `fsync` of the group it is in.
//!
//! Every statement costs two turns between threads, so there are as few as can be: the first of a group needs no savepoint, because it alone
//! would be undone, and a savepoint is released by whoever opens the next, or with the commit.
//!
//! INVARIANT: whoever holds the lock is the only one to touch the connection. What is begun by then is finished or undone before anybody does
//! something else: [`Sqlite::lock`] sees to it.

use std::future::poll_fn;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Either, Execute, Executor, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::error::StoreError;
use crate::readers::Readers;

const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// After how many pages of the log (64 MiB) they are brought into the file: the more, the more of them are of the same page, which is brought
/// there once.
const WAL_AUTOCHECKPOINT_PAGES: &str = "16000";
/// What the writer keeps of the file, in KiB, which SQLite spells as a negative number: what is written next has no order, so that a page that
/// was let go is read again soon.
const WRITER_CACHE_KIB: &str = "-16384";
const GROUP_LIMIT: usize = 512;

/// A SQLite database: one writer, a few readers.
#[derive(Clone)]
pub(crate) struct Sqlite {
    writer: Arc<Mutex<Writer>>,
    waiting: Arc<AtomicUsize>,
    readers: Readers,
}

/// The writing connection, and those who wait for its outer transaction to be committed.
pub(crate) struct Writer {
    connection: SqliteConnection,
    outer_open: bool,
    savepoint: Option<Savepoint>,
    /// Whether a transaction is begun that is neither finished nor undone.
    unfinished: bool,
    pending: Vec<oneshot::Sender<Result<(), String>>>,
}

/// The open savepoint. They take turns, so that nobody can undo what is in another's.
#[derive(Clone, Copy)]
enum Savepoint {
    One,
    Other,
}

impl Savepoint {
    /// The one after `last`, and what opens it.
    const fn after(last: Option<Self>) -> (Self, &'static str) {
        match last {
            None => (Self::One, "SAVEPOINT one"),
            Some(Self::One) => (Self::Other, "RELEASE one; SAVEPOINT other"),
            Some(Self::Other) => (Self::One, "RELEASE other; SAVEPOINT one"),
        }
    }

    const fn undo(self) -> &'static str {
        match self {
            Self::One => "ROLLBACK TO one",
            Self::Other => "ROLLBACK TO other",
        }
    }
}

/// A transaction: the lock on the writer, inside a savepoint unless it is the first of its group.
pub(crate) struct SqliteTx {
    store: Sqlite,
    /// `None` once committed.
    guard: Option<OwnedMutexGuard<Writer>>,
}

impl Sqlite {
    /// Opens (or makes) the database at `address` (`sqlite:PATH`).
    pub(crate) async fn open(address: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(address)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit is on the disk when it is acknowledged.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("wal_autocheckpoint", WAL_AUTOCHECKPOINT_PAGES)
            // What a statement needs to undo itself half-way fits into memory; otherwise each makes a file and removes it.
            .pragma("temp_store", "MEMORY")
            .statement_cache_capacity(256);
        let writing = options.clone().pragma("cache_size", WRITER_CACHE_KIB);
        let connection = SqliteConnection::connect_with(&writing).await?;
        let readers = Readers::new(options.create_if_missing(false).pragma("query_only", "1"));
        let writer =
            Writer { connection, outer_open: false, savepoint: None, unfinished: false, pending: Vec::new() };
        Ok(Self { writer: Arc::new(Mutex::new(writer)), waiting: Arc::default(), readers })
    }

    pub(crate) const fn readers(&self) -> &Readers {
        &self.readers
    }

    /// The writer alone, outside any transaction.
    pub(crate) async fn lock(&self) -> OwnedMutexGuard<Writer> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        if writer.unfinished {
            // Whoever had it went away where nothing could be undone any more, as when the runtime ends.
            writer.undo().await;
        }
        writer
    }

    pub(crate) async fn begin(&self) -> Result<SqliteTx, StoreError> {
        let waiting = Waiting::enter(&self.waiting);
        let guard = self.lock().await;
        drop(waiting);
        let tx = SqliteTx { store: self.clone(), guard: Some(guard) };
        // By a task of its own: a caller who goes away meanwhile must not stop between the two statements of which it may consist.
        let opened = tokio::spawn(tx.open()).await;
        opened.unwrap_or_else(|e| Err(StoreError::Commit(e.to_string())))
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        let mut writer = self.lock().await;
        if writer.outer_open {
            writer.commit_group().await.ok();
        }
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut writer.connection).await.ok();
    }
}

impl Writer {
    pub(crate) const fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// COMMIT POINT of everything in the group. A crash before it loses only what nobody was told of.
    async fn commit_group(&mut self) -> Result<(), String> {
        let result = execute(&mut self.connection, sqlx::query("COMMIT")).await;
        let result = result.map(drop).map_err(|e| e.to_string());
        if result.is_err() {
            sqlx::query("ROLLBACK").execute(&mut self.connection).await.ok();
        }
        self.end_group(&result);
        result
    }

    async fn fail_group(&mut self, why: String) {
        sqlx::query("ROLLBACK").execute(&mut self.connection).await.ok();
        self.end_group(&Err(why));
    }

    fn end_group(&mut self, result: &Result<(), String>) {
        (self.outer_open, self.savepoint, self.unfinished) = (false, None, false);
        for waiter in self.pending.drain(..) {
            waiter.send(result.clone()).ok();
        }
    }

    /// Undoes what is unfinished. When even that fails the engine has already rolled everything back: the whole group fails.
    async fn undo(&mut self) {
        let Some(savepoint) = self.savepoint else {
            // The first of its group: there is nothing else.
            return self.fail_group("rolled back".to_owned()).await;
        };
        match sqlx::query(savepoint.undo()).execute(&mut self.connection).await {
            Ok(_) => self.unfinished = false,
            Err(e) => self.fail_group(e.to_string()).await,
        }
    }
}

impl SqliteTx {
    async fn open(mut self) -> Result<Self, StoreError> {
        if let Some(writer) = self.guard.as_mut() {
            // Noted before it is so: when it fails it is undone like everything else.
            writer.unfinished = true;
            if writer.outer_open {
                let (savepoint, statements) = Savepoint::after(writer.savepoint);
                writer.savepoint = Some(savepoint);
                sqlx::query(statements).execute(&mut writer.connection).await?;
            } else {
                writer.outer_open = true;
                execute(&mut writer.connection, sqlx::query("BEGIN IMMEDIATE")).await?;
            }
        }
        Ok(self)
    }

    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        match self.guard.as_mut() {
            Some(guard) => Ok(&mut guard.connection),
            None => Err(StoreError::Commit("the transaction is over".to_owned())),
        }
    }

    /// Finished by a task of its own: a caller who goes away meanwhile must not leave the outcome of a group unknown.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let finished = tokio::spawn(self.finish()).await;
        finished.unwrap_or_else(|e| Err(StoreError::Commit(e.to_string())))
    }

    async fn finish(mut self) -> Result<(), StoreError> {
        let Some(mut guard) = self.guard.take() else { return Ok(()) };
        guard.unfinished = false;
        let others_wait = self.store.waiting.load(Ordering::Acquire) > 0;
        if !others_wait || guard.pending.len() >= GROUP_LIMIT {
            return guard.commit_group().await.map_err(StoreError::Commit);
        }
        let (sender, receiver) = oneshot::channel();
        guard.pending.push(sender);
        let first = guard.pending.len() == 1;
        drop(guard);
        if first {
            self.store.close_group_after_those_waiting();
        }
        match receiver.await {
            Ok(result) => result.map_err(StoreError::Commit),
            Err(_) => Err(StoreError::Commit("the writer went away".to_owned())),
        }
    }
}

impl Sqlite {
    /// The lock is fair: this takes its place behind all who wait now, and commits what they have joined by then.
    fn close_group_after_those_waiting(&self) {
        let store = self.clone();
        tokio::spawn(async move {
            let mut guard = store.lock().await;
            if guard.outer_open {
                guard.commit_group().await.ok();
            }
        });
    }
}

impl Drop for SqliteTx {
    /// Not committed: undone, by a task of its own because undoing needs the engine. Without a runtime whoever comes next does it.
    fn drop(&mut self) {
        if let (Some(mut guard), Ok(runtime)) = (self.guard.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { guard.undo().await });
        }
    }
}

/// Runs one statement; how many rows it touched.
///
/// `sqlx`'s own way waits for the end of what it is told, which comes after the one thing that there is to tell and costs two more turns between
/// threads. A text of several statements would be left after the first.
pub(crate) async fn execute<'q>(
    connection: &mut SqliteConnection,
    statement: impl Execute<'q, sqlx::Sqlite> + 'q,
) -> Result<u64, sqlx::Error> {
    let mut told = connection.fetch_many(statement);
    loop {
        match poll_fn(|context| told.as_mut().poll_next(context)).await {
            Some(Ok(Either::Left(done))) => return Ok(done.rows_affected()),
            Some(Ok(Either::Right(_row))) => {}
            Some(Err(error)) => return Err(error),
            None => return Ok(0),
        }
    }
}

/// Counts those who wait for the writer, also when they give up.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn enter(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
