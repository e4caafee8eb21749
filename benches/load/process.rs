//! The server as a process of its own: started, watched through `/proc`, stopped.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Wrong;
use crate::http::{Connection, Request};

/// The program that is measured, built by the same command with the same profile.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_yinxin");

const START_TIMEOUT_SECONDS: u64 = 120;
const STOP_TIMEOUT_SECONDS: u64 = 30;
const POLL_INTERVAL_US: u64 = 500;
/// `/proc/PID/stat` counts in ticks of `USER_HZ`, which is 100 on every architecture that we know (proc_pid_stat(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// Which processor cores server and generator have to themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// Server on core 0, generator on core 1.
    Apart,
    /// Wherever the system puts them: one core only, or no `taskset`.
    Shared,
}

impl Cores {
    /// Moves this process, and so every thread that it starts from now on, to core 1.
    pub fn claim() -> Self {
        let enough = std::thread::available_parallelism().is_ok_and(|count| count.get() >= 2);
        let own = std::process::id().to_string();
        let moved = enough && run("taskset", &["--cpu-list", "--pid", "1", &own]);
        if moved { Self::Apart } else { Self::Shared }
    }

    /// `program`, to run where a server does.
    pub fn command(self, program: &Path) -> Command {
        match self {
            Self::Apart => {
                let mut pinned = Command::new("taskset");
                pinned.args(["--cpu-list", "0"]).arg(program);
                pinned
            }
            Self::Shared => Command::new(program),
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let quiet = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

/// How a server is to be started.
#[derive(Clone)]
pub struct Plan {
    /// Its data folder.
    pub data: PathBuf,
    /// Where it listens: the same at every start, because the issuer's name depends on it.
    pub address: SocketAddr,
    /// With the sample province.
    pub sample_province: bool,
    /// The PostgreSQL database; `None` for SQLite in the data folder.
    pub database: Option<String>,
    /// On which cores.
    pub cores: Cores,
}

/// A server that runs; it ends with this value.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// The issuer that it speaks for.
    pub issuer: String,
    /// From the start of the process to the first good answer of `/livez`.
    pub started_in: Duration,
}

impl Server {
    /// Starts the server and waits until it answers.
    pub fn start(plan: &Plan) -> Result<Self, Wrong> {
        let issuer = issuer(plan);
        let mut command = plan.cores.command(Path::new(PROGRAM));
        command.args(arguments(plan, &issuer));
        Self::launch(command, plan.address, issuer, "/livez", &log_path(&plan.data))
    }

    /// Starts `command`, ours or a peer's, and waits until `ready` is answered with 200.
    pub fn launch(
        mut command: Command,
        address: SocketAddr,
        issuer: String,
        ready: &str,
        log: &Path,
    ) -> Result<Self, Wrong> {
        let said = std::fs::File::create(log).map_err(|e| Wrong::new(format!("server log: {e}")))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        let began = Instant::now();
        let child = command.spawn().map_err(|e| Wrong::new(format!("cannot start `{command:?}`: {e}")))?;
        let mut server = Self { child, address, issuer, started_in: Duration::ZERO };
        server.wait_until_ready(began, ready, log)?;
        server.started_in = began.elapsed();
        Ok(server)
    }

    fn wait_until_ready(&mut self, began: Instant, ready: &str, log: &Path) -> Result<(), Wrong> {
        let request = Request::get(ready).into_bytes();
        while began.elapsed().as_secs() < START_TIMEOUT_SECONDS {
            let answer = Connection::open(self.address).and_then(|mut connection| connection.send(&request));
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = std::fs::read_to_string(log).unwrap_or_default();
                return Err(Wrong::new(format!("the server ended at its start ({status}):\n{log}")));
            }
            std::thread::sleep(Duration::from_micros(POLL_INTERVAL_US));
        }
        Err(Wrong::new(format!("the server did not answer `{ready}` within {START_TIMEOUT_SECONDS} seconds")))
    }

    /// Processor time used so far, in seconds, in user and kernel mode, by all threads.
    pub fn cpu_seconds(&self) -> Result<f64, Wrong> {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Resident memory now, in MiB.
    pub fn resident_mib(&self) -> Result<f64, Wrong> {
        resident_mib(&self.child.id().to_string())
    }

    /// Asks the server to end and waits until it has.
    pub fn stop(mut self) -> Result<(), Wrong> {
        if !run("kill", &["-TERM", &self.child.id().to_string()]) {
            return Err(Wrong::new("the server was gone before it was asked to end"));
        }
        let asked = Instant::now();
        while asked.elapsed().as_secs() < STOP_TIMEOUT_SECONDS {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => {
                    return Err(Wrong::new(format!("asked to end, the server ended with {status}")));
                }
                _ => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        Err(Wrong::new(format!("the server did not end within {STOP_TIMEOUT_SECONDS} seconds")))
    }
}

/// Processor time that this process used so far, in seconds.
pub fn own_cpu_seconds() -> Result<f64, Wrong> {
    cpu_seconds("self")
}

fn cpu_seconds(process: &str) -> Result<f64, Wrong> {
    let path = format!("/proc/{process}/stat");
    let stat = std::fs::read_to_string(&path).map_err(|e| Wrong::new(format!("`{path}`: {e}")))?;
    // The second field is the program's name in parentheses and may hold anything; `utime` and `stime` are 14 and 15.
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    match ticks.as_slice() {
        [user, kernel] => Ok((user + kernel) / TICKS_PER_SECOND),
        _ => Err(Wrong::new(format!("expected `utime` and `stime` in `{path}`, got `{stat}`"))),
    }
}

fn resident_mib(process: &str) -> Result<f64, Wrong> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path).map_err(|e| Wrong::new(format!("`{path}`: {e}")))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok(kib.ok_or_else(|| Wrong::new(format!("expected `VmRSS` in `{path}`")))? / 1024.0)
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The issuer that a server speaks for.
pub fn issuer(plan: &Plan) -> String {
    format!("http://localhost:{}", plan.address.port())
}

fn arguments(plan: &Plan, issuer: &str) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["serve".into(), "--data".into(), plan.data.clone().into()];
    arguments.extend(["--listen".into(), plan.address.to_string().into(), "--issuer".into(), issuer.into()]);
    // The generator says for whom it asks: people log in from networks of their own.
    arguments.extend(["--address-proxies".into(), "127.0.0.1/32".into()]);
    if plan.sample_province {
        arguments.push("--demo".into());
    }
    if let Some(database) = &plan.database {
        arguments.extend(["--database".into(), database.into()]);
    }
    arguments
}

fn log_path(data: &Path) -> PathBuf {
    data.with_extension("log")
}

/// Checks every entry, tile and checkpoint of the log that a stopped server left behind.
pub fn audit(plan: &Plan) -> Result<(), Wrong> {
    let mut command = Command::new(PROGRAM);
    command.args(["audit", "verify", "--data"]).arg(&plan.data);
    if let Some(database) = &plan.database {
        command.args(["--database", database]);
    }
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Wrong::new(format!("the log does not verify:\n{}", String::from_utf8_lossy(&said))))
}

/// A port of the loopback interface that nobody listens on.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
