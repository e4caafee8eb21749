//! Somebody who gets at the database past the service.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::app::{Engine, TestApp};

/// Writes what no flow would write. Each statement is on the disk at once.
pub(crate) struct Intruder {
    engine: Engine,
    address: String,
}

impl Intruder {
    pub(crate) fn at(app: &TestApp) -> Self {
        Self { engine: app.engine(), address: app.database_address() }
    }

    /// Carries out `sql`, which must read the same on both engines; bytes are written by [`Self::bytes`].
    pub(crate) async fn does(&self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self.engine {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.address).await.unwrap();
                sql.execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.address).await.unwrap();
                sql.execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// `bytes` as the engine writes them in a statement.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> String {
        match self.engine {
            Engine::Sqlite => format!("x'{}'", hex::encode(bytes)),
            Engine::Postgres => format!("'\\x{}'::bytea", hex::encode(bytes)),
        }
    }
}
