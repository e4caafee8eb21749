//! A database of either engine.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection, Postgres, SqliteConnection};

use crate::dialect::Engine;
use crate::error::StoreError;
use crate::readers::SqliteReader;
use crate::sqlite::{Sqlite, SqliteTx};

const POSTGRES_CONNECTIONS: u32 = 24;
/// How long a connection to PostgreSQL is believed to be still there: it was when it was given back.
const BELIEVED_TIME: Duration = Duration::from_secs(1);

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// A database, cheap to clone.
#[derive(Clone)]
pub struct Db(Inner);

#[derive(Clone)]
enum Inner {
    Sqlite(Sqlite),
    Postgres(PgPool),
}

/// A connection to read through; the row functions that only read take it.
pub struct Conn {
    link: Link,
    /// Whether a statement was begun of which is not known that it succeeded.
    unsure: bool,
}

enum Link {
    SqliteRead(SqliteReader),
    SqliteWrite(SqliteTx),
    PostgresRead(PoolConnection<Postgres>),
    PostgresWrite(sqlx::Transaction<'static, Postgres>),
}

/// A connection for reading, outside any transaction.
pub struct Reader(Conn);

/// A transaction. Dropped without [`Tx::commit`], nothing of it stays.
pub struct Tx(Conn);

impl Db {
    /// Opens the database at `address` and brings its schema up to date.
    ///
    /// `sqlite:PATH` (made when missing) or `postgres://…`. Fails on a schema newer than this program.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        let scheme = address.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" => Self::open_sqlite(address).await,
            "postgres" | "postgresql" => Self::open_postgres(address).await,
            other => Err(StoreError::UnknownEngine(other.to_owned())),
        }
    }

    async fn open_sqlite(address: &str) -> Result<Self, StoreError> {
        let path = address.trim_start_matches("sqlite:").trim_start_matches("//");
        if let Some(folder) = Path::new(path).parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let sqlite = Sqlite::open(address).await?;
        SQLITE_MIGRATIONS.run(sqlite.lock().await.connection()).await?;
        Ok(Self(Inner::Sqlite(sqlite)))
    }

    async fn open_postgres(address: &str) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .test_before_acquire(false)
            .before_acquire(|connection, known| {
                Box::pin(async move {
                    if known.idle_for > BELIEVED_TIME {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect(address)
            .await?;
        POSTGRES_MIGRATIONS.run(&pool).await?;
        Ok(Self(Inner::Postgres(pool)))
    }

    /// The engine that holds the data.
    pub const fn engine(&self) -> Engine {
        match &self.0 {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// A connection to read through. It sees everything that was acknowledged before.
    pub async fn read(&self) -> Result<Reader, StoreError> {
        let link = match &self.0 {
            Inner::Sqlite(sqlite) => Link::SqliteRead(sqlite.readers().lend().await?),
            Inner::Postgres(pool) => Link::PostgresRead(pool.acquire().await?),
        };
        Ok(Reader(Conn { link, unsure: false }))
    }

    /// A transaction to change things in. Hold it briefly: on SQLite all others wait.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let link = match &self.0 {
            Inner::Sqlite(sqlite) => Link::SqliteWrite(sqlite.begin().await?),
            Inner::Postgres(pool) => Link::PostgresWrite(pool.begin().await?),
        };
        Ok(Tx(Conn { link, unsure: false }))
    }

    /// Finishes what is under way and lets go of the files.
    pub async fn close(&self) {
        match &self.0 {
            Inner::Sqlite(sqlite) => sqlite.close().await,
            Inner::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// COMMIT POINT: when this returns `Ok`, everything done in the transaction is on the disk.
    ///
    /// On `Err` nothing is kept, or (PostgreSQL, connection lost) it is not known: look before you repeat. Nothing can be committed after a
    /// statement that failed, on either engine.
    pub async fn commit(self) -> Result<(), StoreError> {
        if self.0.unsure {
            return Err(failed_before());
        }
        match self.0.link {
            Link::SqliteWrite(tx) => tx.commit().await,
            Link::PostgresWrite(tx) => Ok(tx.commit().await?),
            Link::SqliteRead(_) | Link::PostgresRead(_) => Ok(()),
        }
    }
}

fn failed_before() -> StoreError {
    StoreError::Commit("a statement of the transaction failed".to_owned())
}

impl Conn {
    /// The engine's connection, for one statement, whose outcome is told to [`Self::outcome`]. In a transaction there is none after one that
    /// failed: SQLite may have rolled everything back, and what came now would stand alone.
    pub(crate) fn engine(&mut self) -> Result<Held<'_>, StoreError> {
        if std::mem::replace(&mut self.unsure, true)
            && matches!(self.link, Link::SqliteWrite(_) | Link::PostgresWrite(_))
        {
            return Err(failed_before());
        }
        Ok(match &mut self.link {
            Link::SqliteRead(reader) => Held::Sqlite(reader.connection()?),
            Link::SqliteWrite(tx) => Held::Sqlite(tx.connection()?),
            Link::PostgresRead(c) => Held::Postgres(c),
            Link::PostgresWrite(tx) => Held::Postgres(tx),
        })
    }

    /// What came of a statement.
    pub(crate) fn outcome<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        self.unsure = result.is_err();
        if let Link::SqliteRead(reader) = &mut self.link {
            reader.done(result.is_ok());
        }
        Ok(result?)
    }
}

/// The engine's own connection.
pub(crate) enum Held<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

impl Deref for Reader {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.0
    }
}
impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}
impl Deref for Tx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.0
    }
}
impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}

/// Runs a statement; how many rows it touched.
macro_rules! run {
    ($conn:expr, $sql:expr $(, $bind:expr)* $(,)?) => {{
        let result = match $conn.engine()? {
            $crate::db::Held::Sqlite(c) => {
                $crate::sqlite::execute(c, sqlx::query($sql)$(.bind($bind))*).await
            }
            $crate::db::Held::Postgres(c) => {
                sqlx::query($sql)$(.bind($bind))*.execute(c).await.map(|done| done.rows_affected())
            }
        };
        $conn.outcome(result)
    }};
}

/// Runs a query; at most one row, as `$row`.
macro_rules! find {
    ($row:ty, $conn:expr, $sql:expr $(, $bind:expr)* $(,)?) => {{
        let result = match $conn.engine()? {
            $crate::db::Held::Sqlite(c) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(c).await
            }
            $crate::db::Held::Postgres(c) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(c).await
            }
        };
        $conn.outcome(result)
    }};
}

/// Runs a query; all its rows, as `$row`s. The statement carries its own LIMIT.
macro_rules! list {
    ($row:ty, $conn:expr, $sql:expr $(, $bind:expr)* $(,)?) => {{
        let result = match $conn.engine()? {
            $crate::db::Held::Sqlite(c) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_all(c).await
            }
            $crate::db::Held::Postgres(c) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_all(c).await
            }
        };
        $conn.outcome(result)
    }};
}

/// Holds rows in their order, by a statement of [`crate::dialect::hold`], where the engine has many writers.
macro_rules! hold {
    ($tx:expr, $sql:expr, $bind:expr) => {{
        let result = match $tx.engine()? {
            $crate::db::Held::Sqlite(_) => Ok(()),
            $crate::db::Held::Postgres(c) => sqlx::query($sql).bind($bind).execute(c).await.map(drop),
        };
        $tx.outcome(result)
    }};
}

pub(crate) use {find, hold, list, run};
