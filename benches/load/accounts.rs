//! Many accounts, so that it shows whether anything costs more with their number.

use std::process::{Command, Stdio};

use crate::Wrong;

/// Puts `count` accounts into the PostgreSQL database, with an identity number each, spread over their indexes as real ones are.
pub fn fill(database: &str, count: u64) -> Result<(), Wrong> {
    eprintln!("{count} accounts are put into the database");
    let sql = format!(
        "INSERT INTO account (id, user_name, display_name, real_name_level, id_number_sealed, id_number_index, state, \
         sample, created_us, updated_us) \
         SELECT 'usr_0' || substr(h, 1, 25), 'u' || substr(h, 1, 20), 'A person of the bench', 3, \
         decode(h || h || h, 'hex'), decode(h || md5(h), 'hex'), 'active', 0, 1795507200000000, 1795507200000000 \
         FROM (SELECT md5(n::text) AS h FROM generate_series(1, {count}) n) numbers; ANALYZE account;"
    );
    let mut command = Command::new("psql");
    command.args([
        "--quiet",
        "--no-psqlrc",
        "--set=ON_ERROR_STOP=1",
        "--dbname",
        database,
        "--command",
        &sql,
    ]);
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(Wrong::new(format!("psql: {}", String::from_utf8_lossy(&output.stderr))))
}
