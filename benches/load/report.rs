//! The figures as a Markdown table, with the machine that they were measured on.

use std::fmt::Write as _;
use std::path::Path;

use base::{Clock, SystemClock};

use crate::process::{Cores, PROGRAM};
use crate::{Measured, More};

/// How a run was made, for the reader of its figures.
pub struct Conditions {
    /// `SQLite` or `PostgreSQL`.
    pub engine: &'static str,
    /// Accounts that were put into the database beside the sample's.
    pub accounts: Option<u64>,
    /// Where server and generator ran.
    pub cores: Cores,
    /// Connections of the generator.
    pub connections: usize,
    /// Seconds of a round.
    pub seconds: u64,
    /// Rounds of an operation.
    pub rounds: usize,
}

/// What is measured without load.
pub struct AtRest {
    /// From the start of the process to the first answer of `/livez`, on an empty data folder; in milliseconds.
    pub cold_start_empty_ms: Option<f64>,
    /// The same on an existing data folder.
    pub cold_start_existing_ms: f64,
    /// Resident memory of an idle server, in MiB.
    pub idle_mib: f64,
}

/// The whole report.
pub fn markdown(
    conditions: &Conditions,
    at_rest: &AtRest,
    operations: &[Measured],
    more: &More,
    loaded_mib: f64,
) -> String {
    let mut out = String::new();
    // Writing to a `String` cannot fail.
    let _ = writeln!(out, "{}\n", heading(conditions));
    out.push_str("| operation | per second | per server CPU-second | server busy | p50 ms | p99 ms | checked | fully |\n");
    out.push_str("|---|--:|--:|--:|--:|--:|--:|--:|\n");
    for Measured { name, round, .. } in operations.iter().filter(|measured| measured.peer.is_none()) {
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {:.0}% | {:.1} | {:.1} | {} | {} |",
            whole(round.per_second),
            whole(round.per_cpu_second),
            round.busy * 100.0,
            round.p50_ms,
            round.p99_ms,
            whole(round.checked as f64),
            whole(round.checked_fully as f64),
        );
    }
    out.push_str(&beside_peers(operations));
    if let Some(round) = &more.sockets_alone {
        let _ = writeln!(
            out,
            "\nSockets alone, one read and one write of a kilobyte without looking at it: {} per CPU-second.",
            whole(round.per_cpu_second)
        );
    }
    out.push_str(&logins(operations, more));
    out.push_str("\n| at rest | |\n|---|--:|\n");
    if let Some(ms) = at_rest.cold_start_empty_ms {
        let _ =
            writeln!(out, "| cold start, empty data folder (keys and authorities are made) | {ms:.0} ms |");
    }
    let _ = writeln!(out, "| cold start, existing data folder | {:.0} ms |", at_rest.cold_start_existing_ms);
    let _ = writeln!(out, "| resident memory, idle | {:.1} MiB |", at_rest.idle_mib);
    let _ = writeln!(out, "| resident memory after the load | {loaded_mib:.1} MiB |");
    if let Some((count, mib)) = more.with_sessions {
        let count = whole(count as f64);
        let _ = writeln!(out, "| resident memory with {count} more live sessions | {mib:.1} MiB |");
    }
    let _ = writeln!(out, "| the program | {:.1} MiB |", program_mib());
    out
}

/// Our figures beside the peers' of the same run; nothing without peers.
fn beside_peers(operations: &[Measured]) -> String {
    let mut out = String::new();
    let mut ours = None;
    for Measured { peer, name, round } in operations {
        match (peer, ours) {
            (None, _) => ours = Some(round),
            (Some(peer), Some(ours)) => {
                if out.is_empty() {
                    out.push_str("\n| operation, per server CPU-second | ours | peer | its | ours are |\n|---|--:|---|--:|--:|\n");
                }
                let times = ours.per_cpu_second / round.per_cpu_second.max(1.0);
                let (ours, theirs) = (whole(ours.per_cpu_second), whole(round.per_cpu_second));
                let _ = writeln!(out, "| {name} | {ours} | {peer} | {theirs} | {times:.1} times |");
            }
            (Some(_), None) => {}
        }
    }
    out
}

/// Logins beside the bare hash, and what many of them do to others.
fn logins(operations: &[Measured], more: &More) -> String {
    let mut out = String::new();
    let login = operations.iter().find(|measured| measured.name == "password login");
    if let (Some(login), Some(beside)) = (login, &more.beside_bare) {
        let (logins, bare, ratio) = (login.round.per_cpu_second, beside.bare_per_cpu_second, beside.ratio);
        let _ = writeln!(
            out,
            "\nPassword logins per server CPU-second: {logins:.1}; bare Argon2id on the same core: {bare:.1}; round by round {ratio:.2} of it."
        );
    }
    if more.storms.is_empty() {
        return out;
    }
    out.push_str("\n| while others log in | p99 ms, quiet | p99 ms, storm | times |\n|---|--:|--:|--:|\n");
    for storm in &more.storms {
        let (name, quiet, stormy) = (storm.name, storm.quiet_p99_ms, storm.storm_p99_ms);
        let _ = writeln!(out, "| {name} | {quiet:.1} | {stormy:.1} | {:.1} |", stormy / quiet.max(0.001));
    }
    out
}

fn heading(conditions: &Conditions) -> String {
    let Conditions { engine, connections, seconds, rounds, .. } = conditions;
    let accounts =
        conditions.accounts.map(|count| format!(", {} accounts", whole(count as f64))).unwrap_or_default();
    let place = match conditions.cores {
        Cores::Apart => "server on core 0, generator on core 1",
        Cores::Shared => "server and generator share the cores",
    };
    format!(
        "{engine}{accounts}, {} on {}. {place}; {connections} keep-alive connections on loopback, medians of {rounds} rounds of \
         {seconds} s. Every answer is checked for status and content, one in 100 fully (signatures, digests, log proofs). \
         Where the server was not busy, the generator, the disk or the machine's other work was the limit, and the \
         figure per CPU-second tells more.",
        SystemClock.now().date_in_china(),
        machine(),
    )
}

fn machine() -> String {
    let of = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let cores = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default().matches("processor\t").count();
    let memory = of("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<f64>().unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = of("/proc/cpuinfo", "model name");
    format!("{model}, {cores} cores, {:.0} GiB, Linux {}", memory / f64::from(1 << 20), kernel.trim())
}

fn program_mib() -> f64 {
    std::fs::metadata(Path::new(PROGRAM)).map_or(0.0, |file| file.len() as f64 / f64::from(1 << 20))
}

/// A number without decimals and with its thousands set apart: `12,345`.
fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
