//! A database for one story on the PostgreSQL server that `YINXIN_TEST_POSTGRES` names; `scripts/test` starts one.

use std::process::Command;

use base::entropy::{OsEntropy, bytes};
use url::Url;

/// A database of its own, gone when dropped.
pub(crate) struct Database {
    server: Url,
    name: String,
}

impl Database {
    /// A new, empty database; `None` when there is no server.
    #[expect(clippy::disallowed_methods, reason = "a run is told by the environment where its PostgreSQL is")]
    pub(crate) fn on_the_server() -> Option<Self> {
        let server = std::env::var("YINXIN_TEST_POSTGRES").ok()?;
        let server = Url::parse(&server).expect("YINXIN_TEST_POSTGRES is a URL");
        let name = format!("yinxin_{}", hex::encode(bytes::<8>(&OsEntropy)));
        let database = Self { server, name };
        database.ask(&format!("create database {} template template0", database.name)).unwrap();
        Some(database)
    }

    /// Its address, as `--database` takes it.
    pub(crate) fn address(&self) -> String {
        let mut address = self.server.clone();
        address.set_path(&self.name);
        address.into()
    }

    fn ask(&self, sql: &str) -> Result<(), String> {
        let mut psql = Command::new("psql");
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--command",
            sql,
            "--dbname",
            self.server.as_str(),
        ]);
        let output = psql.output().map_err(|error| format!("psql: {error}"))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = self.ask(&format!("drop database {} with (force)", self.name)) {
            eprintln!("the database {} stays behind: {error}", self.name);
        }
    }
}
