//! One data folder and port; the program starts on it, is killed, starts again.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use yinxin::demo::{ACCOUNTS_FILE, Sample};

use super::dice::Dice;
use crate::kit::postgres::Database;

/// How much of its log a failed story shows.
const LOG_TAIL_LINES: usize = 60;
/// Below the range from which the system gives ports to clients: the port must still be free after each kill.
const PORTS: (u64, u64) = (20_000, 32_000);

/// What outlives the program: data, port, and the database when it is not in the data folder.
pub(crate) struct Installation {
    folder: TempDir,
    data: PathBuf,
    database: Option<Database>,
    port: u16,
}

/// The program, while it lives.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
    /// From being started to saying that it listens.
    pub(crate) started_in: Duration,
}

impl Installation {
    /// A new one over `database`; `None` is the one in its folder.
    pub(crate) fn over(database: Option<Database>, dice: &mut Dice) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self { folder, data, database, port: free_port(dice) }
    }

    /// The same with its data, and its log, in `data`.
    pub(crate) fn keeping_data_in(self, data: &Path) -> Self {
        Self { data: data.to_owned(), ..self }
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The database's address, as `--database` takes it; `None` for the one in the data folder.
    pub(crate) fn database(&self) -> Option<String> {
        self.database.as_ref().map(Database::address)
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Who and what lives in the sample province.
    pub(crate) fn sample(&self) -> Sample {
        serde_json::from_slice(&fs::read(self.data.join(ACCOUNTS_FILE)).unwrap()).unwrap()
    }

    /// The program with the sample province; returns when it listens.
    pub(crate) fn start(&self) -> Running {
        self.start_under(&[])
    }

    /// The same, started by `launcher`: a program that becomes the one that is named behind its arguments.
    pub(crate) fn start_under(&self, launcher: &[&str]) -> Running {
        let begun = Instant::now();
        let mut child = self.serve(launcher).arg("--demo").spawn().unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        let mut running = Running { child, log: self.log(), started_in: Duration::ZERO };
        let mut lines = told.lines().map_while(Result::ok);
        let ready = lines.by_ref().any(|line| line.starts_with("console "));
        assert!(ready, "the program ended before it served");
        running.started_in = begun.elapsed();
        std::thread::spawn(move || lines.for_each(drop));
        running
    }

    /// Starts the program and kills it after `life`, however far it came.
    pub(crate) fn start_and_kill_after(&self, life: Duration) {
        let child = self.serve(&[]).stdout(Stdio::null()).spawn().unwrap();
        let running = Running { child, log: self.log(), started_in: Duration::ZERO };
        std::thread::sleep(life); // the moment of the kill is what the story is about
        running.kill();
    }

    fn serve(&self, launcher: &[&str]) -> Command {
        let mut command = self.yinxin(launcher, &["serve"]);
        command.args(["--issuer", &self.issuer(), "--listen", &format!("127.0.0.1:{}", self.port)]);
        fs::create_dir_all(self.log().parent().unwrap()).unwrap();
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        command
    }

    /// `yinxin audit verify`, run to its end.
    pub(crate) fn audit_verify(&self) -> Output {
        self.yinxin(&[], &["audit", "verify"]).output().unwrap()
    }

    fn yinxin(&self, launcher: &[&str], arguments: &[&str]) -> Command {
        let line = [launcher, &[env!("CARGO_BIN_EXE_yinxin")], arguments].concat();
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).arg("--data").arg(&self.data).current_dir(self.folder.path());
        if let Some(address) = self.database() {
            command.args(["--database", &address]);
        }
        command
    }

    /// Beside the data, so that a full disk is full for it too.
    fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }
}

impl Running {
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has ended well.
    pub(crate) fn stop(mut self) {
        let asked = Command::new("kill").arg(self.process_id().to_string()).status().unwrap();
        assert!(asked.success());
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "asked to end, it ended with {ended}");
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.child.kill().and_then(|()| self.child.wait()).ok();
        }
        if std::thread::panicking() {
            eprintln!("the program's log:\n{}", self.log_tail());
        }
    }
}

fn free_port(dice: &mut Dice) -> u16 {
    loop {
        let port = u16::try_from(dice.between(PORTS.0, PORTS.1)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
