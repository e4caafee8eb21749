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
