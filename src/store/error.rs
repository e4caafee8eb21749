//! What can go wrong with what is kept.

/// A failure of the store. None of these is the caller's fault.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine refused or could not be reached.
    #[error("database: {0}")]
    Engine(#[from] sqlx::Error),
    /// The schema could not be brought up to date, or is newer than this program.
    #[error("database migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row that cannot be.
    #[error(transparent)]
    BadRow(#[from] BadRow),
    /// The group that this transaction was committed with failed; nothing of it was kept.
    #[error("commit: {0}")]
    Commit(String),
    /// The database address is of no engine we know.
    #[error("expected a database address `sqlite:PATH` or `postgres://…`, got scheme `{0}`")]
    UnknownEngine(String),
    /// The folder for the database could not be made.
    #[error("database folder: {0}")]
    Folder(#[from] std::io::Error),
}

impl StoreError {
    /// Whether a unique constraint refused the row: the thing exists already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Engine(sqlx::Error::Database(e)) if e.is_unique_violation())
    }
}

/// A row whose columns contradict each other or hold an impossible value: the database is untrusted input.
#[derive(Debug, thiserror::Error)]
#[error("impossible row in `{table}`, column `{column}`, row `{row}`: `{value}`")]
pub struct BadRow {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key, for the operator.
    pub row: String,
    /// What stands there, cut short.
    pub value: String,
}

impl BadRow {
    /// The value `value` of `column` in the row `row` of `table` cannot be.
    pub fn new(table: &'static str, column: &'static str, row: impl ToString, value: impl ToString) -> Self {
        Self { table, column, row: row.to_string(), value: value.to_string().chars().take(80).collect() }
    }
}
