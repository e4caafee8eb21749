//! The peer in Go: the program in `benches/gmsm`, built here, asked line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The running program. It sleeps in a read while others are measured.
pub(crate) struct Gmsm {
    program: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Gmsm {
    /// Builds and starts it; fails with the reason where that cannot be.
    pub(crate) fn start() -> Result<Self, &'static str> {
        let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gmsm-peer");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&binary)
            .arg(".")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/gmsm"))
            .status();
        match built {
            Err(_) => return Err("no go"),
            Ok(status) if !status.success() => return Err("go could not build it"),
            Ok(_) => (),
        }
        let mut program = Command::new(binary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|_| "it does not start")?;
        let requests = program.stdin.take().ok_or("it has no input")?;
        let answers = BufReader::new(program.stdout.take().ok_or("it has no output")?);
        Ok(Self { program, requests, answers })
    }

    /// The version that is measured.
    pub(crate) fn version() -> &'static str {
        let module = include_str!("../gmsm/go.mod");
        let mut words = module.split_whitespace().skip_while(|word| !word.ends_with("/gmsm"));
        words.nth(1).unwrap_or("of unknown version")
    }

    /// Nanoseconds of one `operation`, measured for about `budget`. Ends the run when its result is wrong.
    pub(crate) fn measure(&mut self, operation: &str, budget: Duration) -> f64 {
        writeln!(self.requests, "{operation} {}", budget.as_millis()).expect("gmsm has ended");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("gmsm has ended");
        let nanoseconds = answer.trim().strip_prefix(operation).and_then(|figure| figure.trim().parse().ok());
        nanoseconds.unwrap_or_else(|| panic!("gmsm: expected `{operation}` and a number, got `{answer}`"))
    }
}

impl Drop for Gmsm {
    fn drop(&mut self) {
        // Nothing depends on how it ends.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
