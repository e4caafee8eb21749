//! Judges an OpenID provider from outside, over HTTP, module by module, as the OpenID Foundation's suite names them.
//!
//! `conformance oidc --issuer URL` runs the certification plans and prints a table; nothing here knows the product, and none of its
//! crates makes or judges a token.
//!
//! - [`options`] the command line, [`world`] what all modules share, [`plans`] which plans there are.
//! - [`modules`] the modules by theme, [`checks`] the conditions they look at.
//! - [`test`] one module at work, [`clients`] its clients, [`flow`] the steps of a login, [`calls`] what a client calls, [`proof`] what
//!   it proves, [`jarm`] answers that are tokens.
//! - [`finding`] conditions and what became of them, [`run`] the scheduler, [`table`] what is written.
//! - [`kit`] a relying party's tools.

mod calls;
mod checks;
mod clients;
mod finding;
mod flow;
mod jarm;
mod kit;
mod modules;
mod options;
mod plans;
mod proof;
mod run;
mod table;
mod test;
mod world;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use options::Options;
use run::Row;
use test::Outcome;
use world::World;

/// Runs what the arguments ask for; fails when a module failed, or when nothing ran.
pub(crate) fn main(arguments: &[String]) -> ExitCode {
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(error) => {
            // Nobody can be told when the streams are closed; the exit code still says it.
            let _ = error.print();
            return ExitCode::from(2);
        }
    };
    match judge(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            let _ = writeln!(io::stderr(), "{why}");
            ExitCode::from(2)
        }
    }
}

fn judge(options: Options) -> Result<bool, String> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let world = Arc::new(World::new(options).await?);
        let rows = run::all(&world).await;
        write_files(&world, &rows)?;
        Ok(told(&rows))
    })
}

fn write_files(world: &World, rows: &[Row]) -> Result<(), String> {
    let options = &world.options;
    write(options.markdown.as_deref(), || table::markdown(world, rows))?;
    write(options.tsv.as_deref(), || table::tsv(rows))?;
    write(options.json.as_deref(), || format!("{:#}\n", table::everything(world, rows)))
}

fn write(path: Option<&Path>, text: impl FnOnce() -> String) -> Result<(), String> {
    path.map_or(Ok(()), |path| std::fs::write(path, text()).map_err(|e| format!("{}: {e}", path.display())))
}

/// Prints the totals; whether something ran and nothing failed.
fn told(rows: &[Row]) -> bool {
    let outcomes = [Outcome::Passed, Outcome::Warning, Outcome::Skipped, Outcome::Failed];
    let [passed, warning, skipped, failed] = outcomes.map(|outcome| table::count(rows, outcome));
    let line = format!("{passed} passed, {warning} warning, {skipped} skipped, {failed} failed");
    writeln!(io::stdout(), "{line}").is_ok() && failed == 0 && !rows.is_empty()
}
