//! The program's commands, given as a user gives them, and what they tell.

use std::ffi::OsStr;
use std::process::{Command, Output};

/// What a command told, and the code it ended with.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `yinxin` with `arguments` in an empty folder, told nothing by the environment.
pub(crate) fn yinxin<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Told {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_yinxin"));
    Told::by(command.args(arguments).current_dir(elsewhere.path()).env_clear().output().unwrap())
}

impl Told {
    fn by(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self {
            code: output.status.code().expect("it ended by itself"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    pub(crate) fn first_line(&self) -> &str {
        self.out.lines().next().unwrap_or_default()
    }
}
