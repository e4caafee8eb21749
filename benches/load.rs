//! How fast the main job is: `cargo bench --bench load`.
//!
//! Starts the server with the sample province on a temporary folder, drives it over HTTP from a core of its own, checks every
//! answer, and prints tables for BENCHMARKS.md. Ends with failure when any answer was wrong. Not a test: nothing is timed
//! against a limit.
//!
//! - [`http`] one connection of the generator.
//! - [`process`] the server as a process.
//! - [`browser`] a person's login.
//! - [`floor`] what sockets alone cost.
//! - [`logins`] passwords, and what many logins do to everybody else.
//! - [`accounts`] many accounts, [`crowd`] people who do nothing but log in.
//! - [`peers`] other providers, measured in the same run.
//! - [`province`] what of the sample province takes part.
//! - [`measure`] one operation under load.
//! - [`tokens`], [`bound`], [`decisions`], [`documents`] the operations.
//! - [`report`] the tables.

#![expect(unreachable_pub, reason = "a program has no outside from which its modules could be reached")]

#[path = "load/accounts.rs"]
mod accounts;
#[path = "load/bound.rs"]
mod bound;
#[path = "load/browser.rs"]
mod browser;
#[path = "load/crowd.rs"]
mod crowd;
#[path = "load/decisions.rs"]
mod decisions;
#[path = "load/documents.rs"]
mod documents;
#[path = "load/floor.rs"]
mod floor;
#[path = "load/http.rs"]
mod http;
#[path = "load/logins.rs"]
mod logins;
#[path = "load/measure.rs"]
mod measure;
#[path = "load/peers.rs"]
mod peers;
#[path = "load/process.rs"]
mod process;
#[path = "load/province.rs"]
mod province;
#[path = "load/report.rs"]
mod report;
#[path = "load/tokens.rs"]
mod tokens;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use measure::{Operation, Round};
use peers::Peer;
use process::{Cores, Plan, Server};
use province::Province;
use report::{AtRest, Conditions};
use yinxin::demo::SamplePerson;

const COLD_STARTS_COUNT: usize = 5;
/// How many logins one person has at a time, as usually set (`sessions_per_person`).
const SESSIONS_PER_PERSON: usize = 20;
/// How long an idle server is left alone before its memory is read.
const IDLE_TIME: Duration = Duration::from_secs(3);
const WRONG_SHOWN_COUNT: usize = 5;

/// Drives the server and prints how fast it was.
#[derive(Parser)]
struct Arguments {
    /// Seconds of a round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Connections at once.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Rounds of each operation.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only operations whose name contains this text; may be given several times.
    #[arg(long)]
    only: Vec<String>,
    /// An empty PostgreSQL database to use instead of SQLite, `postgres://…`.
    #[arg(long)]
    database: Option<String>,
    /// With so many accounts in the database, which must be PostgreSQL; needs `psql`.
    #[arg(long, requires = "database")]
    accounts: Option<u64>,
    /// At the end, so many live sessions, and the memory with them.
    #[arg(long)]
    sessions: Option<u64>,
    /// What the process does that only answers.
    #[arg(long, hide = true)]
    bare_answers: Option<u16>,
    /// What the process does that hashes beside the server.
    #[arg(long, hide = true)]
    bare_hashes: Option<u64>,
    /// Where `benches/peers/install` put other providers, which are then measured in turn with ours.
    #[arg(long)]
    peers: Option<PathBuf>,
    /// Put there by `cargo bench`; without it nothing is measured.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was wrong with an answer, or kept the benchmark from asking.
#[derive(Clone, Debug)]
pub struct Wrong(String);

impl Wrong {
    /// With this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for Wrong {
    fn from(error: std::io::Error) -> Self {
        Self(format!("connection: {error}"))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        eprintln!("nothing measured: run `cargo bench --bench load`");
        return ExitCode::SUCCESS;
    }
    if let Some(seconds) = arguments.bare_hashes {
        return match logins::hash_for(seconds) {
            Ok(count) => print(&format!("{count}\n")),
            Err(wrong) => {
                eprintln!("{wrong}");
                ExitCode::FAILURE
            }
        };
    }
    if let Some(port) = arguments.bare_answers {
        return match floor::answer(port) {
            Ok(()) => ExitCode::SUCCESS,
            Err(wrong) => {
                eprintln!("{wrong}");
                ExitCode::FAILURE
            }
        };
    }
    match run(&arguments) {
        Ok((report, 0)) => print(&report),
        Ok((report, wrong)) => {
            print(&report);
            eprintln!("{wrong} answers were wrong");
            ExitCode::FAILURE
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

fn print(report: &str) -> ExitCode {
    let written = std::io::stdout().write_all(report.as_bytes());
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The report, and how many answers were wrong.
fn run(arguments: &Arguments) -> Result<(String, usize), Wrong> {
    let cores = Cores::claim();
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("province");
    let (address, database) = (process::free_address()?, arguments.database.clone());
    let plan = Plan { data, address, sample_province: true, database, cores };
    // The first start enters the sample province; what is measured are the starts that follow.
    Server::start(&plan)?.stop()?;
    if let (Some(count), Some(database)) = (arguments.accounts, &arguments.database) {
        accounts::fill(database, count)?;
    }
    let crowd = arguments.sessions.map_or(arguments.connections, |count| {
        // With room to spare: not all log in equally often.
        usize::try_from(count).unwrap_or(usize::MAX) / SESSIONS_PER_PERSON * 5 / 4
    });
    let crowd = crowd::enter(&plan, crowd)?;
    let (server, cold_start_existing_ms) = cold_starts(|_| Ok(plan.clone()))?;
    std::thread::sleep(IDLE_TIME);
    let idle_mib = server.resident_mib()?;
    let peers = match &arguments.peers {
        Some(installed) => peers::start(installed, folder.path(), cores)?,
        None => Vec::new(),
    };
    let (operations, mut more) = measure_all(arguments, &server, &plan, crowd, &peers)?;
    if !peers.is_empty() {
        let time = Duration::from_secs(arguments.seconds);
        more.sockets_alone =
            Some(floor::measure(cores, folder.path(), arguments.connections, time, arguments.rounds)?);
    }
    drop(peers);
    let loaded_mib = server.resident_mib()?;
    server.stop()?;
    process::audit(&plan)?;
    let at_rest = AtRest {
        cold_start_empty_ms: empty_start_ms(arguments, &plan, folder.path())?,
        cold_start_existing_ms,
        idle_mib,
    };
    let conditions = Conditions {
        engine: if arguments.database.is_some() { "PostgreSQL" } else { "SQLite" },
        accounts: arguments.accounts,
        cores,
        connections: arguments.connections,
        seconds: arguments.seconds,
        rounds: arguments.rounds,
    };
    let wrong = operations.iter().map(|measured| measured.round.wrong.len()).sum();
    Ok((report::markdown(&conditions, &at_rest, &operations, &more, loaded_mib), wrong))
}

/// Starts a server several times; returns the last one and the median time.
fn cold_starts(plan: impl Fn(usize) -> Result<Plan, Wrong>) -> Result<(Server, f64), Wrong> {
    let mut times_ms = Vec::with_capacity(COLD_STARTS_COUNT);
    let mut server = Server::start(&plan(0)?)?;
    times_ms.push(server.started_in.as_secs_f64() * 1000.0);
    for i in 1..COLD_STARTS_COUNT {
        server.stop()?;
        server = Server::start(&plan(i)?)?;
        times_ms.push(server.started_in.as_secs_f64() * 1000.0);
    }
    Ok((server, measure::median(times_ms)))
}

/// Cold starts without any data; `None` with PostgreSQL, whose one database is not empty any more.
fn empty_start_ms(arguments: &Arguments, plan: &Plan, folder: &Path) -> Result<Option<f64>, Wrong> {
    if arguments.database.is_some() {
        return Ok(None);
    }
    let empty =
        |i| Ok(Plan { data: folder.join(format!("empty-{i}")), sample_province: false, ..plan.clone() });
    let (server, ms) = cold_starts(empty)?;
    server.stop()?;
    Ok(Some(ms))
}

/// What an operation showed.
pub struct Measured {
    /// Whose it is; `None` for ours.
    pub peer: Option<&'static str>,
    /// What the table calls it.
    pub name: &'static str,
    /// The medians of its rounds.
    pub round: Round,
}

/// An operation that is being measured.
struct Asked<'a> {
    peer: Option<&'static str>,
    server: &'a Server,
    operation: &'a dyn Operation,
    rounds: Vec<Round>,
}

/// What is measured beside the operations.
#[derive(Default)]
pub struct More {
    /// Logins beside the bare hash.
    pub beside_bare: Option<logins::BesideBare>,
    /// What many logins do to others.
    pub storms: Vec<logins::Storm>,
    /// What sockets alone cost.
    pub sockets_alone: Option<Round>,
    /// So many live sessions, and the resident memory with them, in MiB.
    pub with_sessions: Option<(u64, f64)>,
}

/// All operations in turn, round by round, so that a slow minute of the machine does not fall on one of them alone; a peer's
/// right after ours.
fn measure_all(
    arguments: &Arguments,
    server: &Server,
    plan: &Plan,
    crowd: Vec<SamplePerson>,
    peers: &[Peer],
) -> Result<(Vec<Measured>, More), Wrong> {
    let time = Duration::from_secs(arguments.seconds);
    let province = Province::enter(server, &plan.data, crowd)?;
    let operations = province.operations(time, arguments.connections)?;
    let chosen =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|text| name.contains(text));
    let mut asked: Vec<Asked<'_>> = Vec::new();
    for operation in operations.iter().filter(|operation| chosen(operation.name())) {
        asked.push(Asked { peer: None, server, operation: operation.as_ref(), rounds: Vec::new() });
        for peer in peers {
            let same = peer.operations.iter().filter(|theirs| theirs.name() == operation.name());
            asked.extend(same.map(|theirs| Asked {
                peer: Some(theirs.whose),
                server: &peer.server,
                operation: theirs,
                rounds: Vec::new(),
            }));
        }
    }
    let login = province.log_in(arguments.connections).name();
    let mut beside_bare = Vec::new();
    for number in 1..=arguments.rounds {
        for Asked { peer, server, operation, rounds } in &mut asked {
            let round = measure::run(server, *operation, arguments.connections, time)?;
            tell(peer.unwrap_or("yinxin"), operation.name(), number, &round);
            if operation.name() == login {
                beside_bare.push((round.per_cpu_second, logins::bare_hashes(plan.cores, time)?));
            }
            rounds.push(round);
        }
    }
    let mut more = More::default();
    if chosen(login) {
        more.beside_bare = Some(logins::BesideBare::of(&beside_bare));
        let others = ["discovery", "client_credentials, ES256", "userinfo", "refresh (ES256, rotation)"];
        let others: Vec<&dyn Operation> = operations
            .iter()
            .map(|operation| operation.as_ref())
            .filter(|operation| others.contains(&operation.name()))
            .collect();
        let (connections, rounds) = (arguments.connections, arguments.rounds);
        more.storms = logins::storm(server, province.crowd(), &others, connections, time, rounds)?;
    }
    if let Some(count) = arguments.sessions {
        let mut made = 0;
        while made < count {
            let round =
                measure::run(server, &province.log_in(arguments.connections), arguments.connections, time)?;
            tell("yinxin", "sessions", 0, &round);
            made += round.checked;
        }
        more.with_sessions = Some((made, server.resident_mib()?));
    }
    let measured = asked
        .into_iter()
        .map(|Asked { peer, operation, rounds, .. }| Measured {
            peer,
            name: operation.name(),
            round: measure::median_of_rounds(&rounds),
        })
        .collect();
    Ok((measured, more))
}

fn tell(whose: &str, name: &str, number: usize, round: &Round) {
    let Round { per_second, per_cpu_second, busy, checked, .. } = round;
    eprintln!(
        "round {number}: {whose}: {name}: {per_second:.0}/s, {per_cpu_second:.0} per CPU-second, busy {busy:.2}, {checked} checked"
    );
    for wrong in round.wrong.iter().take(WRONG_SHOWN_COUNT) {
        eprintln!("  wrong: {wrong}");
    }
}
