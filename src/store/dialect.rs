//! What differs between the engines, named by intent.

/// The engine that holds the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, one machine.
    Sqlite,
    /// For more than one machine.
    Postgres,
}

impl Engine {
    /// The engine's name, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Rows that are about to be changed, held from the first to the last on an engine with many writers: two who change many of the same rows would
/// otherwise meet them in different orders, each waiting for what the other has. SQLite has one writer, and nothing to hold.
///
/// Each binds what the rows have in common.
pub(crate) mod hold {
    /// Grants of some sessions.
    pub(crate) const GRANTS_OF_SESSIONS: &str = "SELECT COUNT(*) FROM (SELECT id FROM auth_grant \
         WHERE session_id = ANY($1) AND revoked_us IS NULL ORDER BY id FOR NO KEY UPDATE) AS held";
    /// Grants of an account.
    pub(crate) const GRANTS_OF_ACCOUNT: &str = "SELECT COUNT(*) FROM (SELECT id FROM auth_grant \
         WHERE account_id = $1 AND revoked_us IS NULL ORDER BY id FOR NO KEY UPDATE) AS held";
    /// Grants to an application.
    pub(crate) const GRANTS_OF_CLIENT: &str = "SELECT COUNT(*) FROM (SELECT id FROM auth_grant \
         WHERE client_id = $1 AND revoked_us IS NULL ORDER BY id FOR NO KEY UPDATE) AS held";
    /// Sessions of an account.
    pub(crate) const SESSIONS_OF_ACCOUNT: &str = "SELECT COUNT(*) FROM (SELECT id FROM session \
         WHERE account_id = $1 AND ended_us IS NULL ORDER BY id FOR NO KEY UPDATE) AS held";
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: &[&str] =
        &[GRANTS_OF_SESSIONS, GRANTS_OF_ACCOUNT, GRANTS_OF_CLIENT, SESSIONS_OF_ACCOUNT];
}

/// The columns of every table, in order: `table`, `column`, `not null` (0/1). For the comparison of the two schemas.
pub const fn columns(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "SELECT m.name AS table_name, p.name AS column_name, p.type AS type_name, CAST(p.\"notnull\" AS INTEGER) AS required \
             FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' ORDER BY m.name, p.cid"
        }
        Engine::Postgres => {
            "SELECT table_name::TEXT AS table_name, column_name::TEXT AS column_name, data_type::TEXT AS type_name, \
             (CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END)::BIGINT AS required \
             FROM information_schema.columns WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_sqlx%' \
             ORDER BY table_name COLLATE \"C\", ordinal_position"
        }
    }
}
