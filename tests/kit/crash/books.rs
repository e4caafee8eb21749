//! What the database says when one looks into it without the program.

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::installation::Installation;
use super::journal::{Journal, size_of};

/// What must not be there, and how many of it there are.
const HALF_DONE: &[(&str, &str)] = &[
    (
        "sealings without their log entry",
        "SELECT COUNT(*) FROM sealing s WHERE NOT EXISTS \
         (SELECT 1 FROM audit_entry e WHERE e.id = s.audit_entry_id AND e.kind = 'document_sealed')",
    ),
    (
        "log entries without their sealing",
        "SELECT COUNT(*) FROM audit_entry e WHERE e.kind = 'document_sealed' AND NOT EXISTS \
         (SELECT 1 FROM sealing s WHERE s.audit_entry_id = e.id)",
    ),
    (
        "certificates without their log entry",
        "SELECT COUNT(*) FROM ecert c WHERE NOT EXISTS \
         (SELECT 1 FROM audit_entry e WHERE e.id = c.audit_entry_id AND e.kind = 'ecert_issued')",
    ),
    (
        "log entries without their certificate",
        "SELECT COUNT(*) FROM audit_entry e WHERE e.kind = 'ecert_issued' AND NOT EXISTS \
         (SELECT 1 FROM ecert c WHERE c.audit_entry_id = e.id)",
    ),
    (
        "certificates without the sealing of their file",
        "SELECT COUNT(*) FROM ecert c WHERE NOT EXISTS \
         (SELECT 1 FROM sealing s WHERE s.sealed_digest = c.file_digest)",
    ),
    (
        "grants without a code",
        "SELECT COUNT(*) FROM auth_grant g WHERE NOT EXISTS \
         (SELECT 1 FROM authorization_code c WHERE c.grant_id = g.id)",
    ),
    (
        "codes that are used up and have no successor",
        "SELECT COUNT(*) FROM authorization_code c WHERE c.consumed_us IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM refresh_token r WHERE r.grant_id = c.grant_id)",
    ),
    (
        "successors of codes that are not used up",
        "SELECT COUNT(*) FROM authorization_code c WHERE c.consumed_us IS NULL AND EXISTS \
         (SELECT 1 FROM refresh_token r WHERE r.grant_id = c.grant_id)",
    ),
    (
        "grants with other than one refresh token to go on with",
        "SELECT COUNT(*) FROM (SELECT grant_id FROM refresh_token GROUP BY grant_id \
         HAVING SUM(CASE WHEN consumed_us IS NULL THEN 1 ELSE 0 END) <> 1) t",
    ),
    ("log entries without a place", "SELECT COUNT(*) FROM audit_entry WHERE seq IS NULL"),
    (
        "a head that is not the log's length",
        "SELECT COUNT(*) FROM audit_head WHERE size <> (SELECT COUNT(*) FROM audit_entry WHERE seq IS NOT NULL)",
    ),
];

/// The database of an installation whose program has ended.
pub(crate) enum Books {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Books {
    pub(crate) async fn open(installation: &Installation) -> Self {
        if let Some(address) = installation.database() {
            return Self::Postgres(PgConnection::connect(&address).await.unwrap());
        }
        let file = installation.data().join("yinxin.db");
        Self::Sqlite(SqliteConnectOptions::new().filename(file).read_only(true).connect().await.unwrap())
    }

    /// The file is whole, and nothing in it is half done.
    pub(crate) async fn assert_whole(&mut self) {
        if let Self::Sqlite(file) = self {
            let found: Vec<String> =
                sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut *file).await.unwrap();
            assert_eq!(found, ["ok"]);
            let dangling = sqlx::query("PRAGMA foreign_key_check").fetch_all(file).await.unwrap();
            assert_eq!(dangling.len(), 0, "rows that refer to nothing");
        }
        for (what, sql) in HALF_DONE {
            assert_eq!(self.count(sql).await, 0, "{what}");
        }
    }

    /// Every checkpoint that was published is one of the log's, to the byte: `audit verify` has compared those with the entries.
    pub(crate) async fn assert_published(&mut self, journal: &Journal) {
        for checkpoint in &journal.checkpoints {
            let sql = "SELECT note FROM audit_checkpoint WHERE size = $1";
            let size = size_of(checkpoint).cast_signed();
            let kept: Option<String> = match self {
                Self::Sqlite(c) => sqlx::query_scalar(sql).bind(size).fetch_optional(c).await.unwrap(),
                Self::Postgres(c) => sqlx::query_scalar(sql).bind(size).fetch_optional(c).await.unwrap(),
            };
            assert_eq!(kept.as_ref(), Some(checkpoint), "the published checkpoint of {size} entries");
        }
    }

    /// There is no sealing, certificate or decision but those that were acknowledged.
    pub(crate) async fn assert_holds_just(&mut self, journal: &Journal) {
        let certificates = journal.certificates.len();
        for (sql, acknowledged) in [
            ("SELECT COUNT(*) FROM ecert", certificates),
            ("SELECT COUNT(*) FROM sealing", journal.sealings.len() + certificates),
            ("SELECT COUNT(*) FROM audit_entry WHERE kind = 'decision'", journal.decisions.len()),
        ] {
            assert_eq!(usize::try_from(self.count(sql).await), Ok(acknowledged), "{sql}");
        }
    }

    /// The number that `sql` counts.
    pub(crate) async fn count(&mut self, sql: &'static str) -> i64 {
        match self {
            Self::Sqlite(c) => sqlx::query_scalar(sql).fetch_one(c).await.unwrap(),
            Self::Postgres(c) => sqlx::query_scalar(sql).fetch_one(c).await.unwrap(),
        }
    }
}
