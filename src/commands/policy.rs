//! `yinxin policy`: the built-in policies against the cases beside them.

use std::process::ExitCode;

use clap::Subcommand;
use policy::Store;

use super::{failed, say};
use crate::policies;

/// What to do with policies.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Load every store, validate it, and run its cases
    Test,
}

impl PolicyCommand {
    pub(super) fn run(self) -> ExitCode {
        let (mut passed, mut failures) = (0, 0);
        for (name, files) in policies::stores() {
            let store = match Store::load(&name, &files) {
                Ok(store) => store,
                Err(error) => return failed(&format!("store `{name}`: {error}")),
            };
            say(format!("{name}  revision {}", store.bundle().revision()));
            for (file, text) in files.iter().filter(|(file, _)| file.ends_with(".cases.json")) {
                let results = match store.bundle().run_cases(text) {
                    Ok(results) => results,
                    Err(error) => return failed(&format!("store `{name}`, `{file}`: {error}")),
                };
                for case in results {
                    match case.failure {
                        None => passed += 1,
                        Some(why) => {
                            failures += 1;
                            say(format!("  FAILED  {file}: {}: {why}", case.name));
                        }
                    }
                }
            }
        }
        say(format!("{passed} passed, {failures} failed"));
        if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
