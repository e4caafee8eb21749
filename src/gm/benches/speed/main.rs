//! How fast the national algorithms are, beside the best of others: `cargo bench -p gm`.
//!
//! Every row sets ours beside its peers: `ring` (ECDSA P-256, the usual signature), RustCrypto, and `gmsm` (Go with its own
//! assembly; where there is `go`). In each round all of a row run one after the other on one core, in CPU time of the thread; the
//! ratio is taken within the round, and the table gives the medians of all rounds. A wrong result ends the run.
//!
//!     cargo bench -p gm -- --rounds 9 --only verify --level avx2 --core 1
//!
//! Without cargo's `--bench` (as `cargo test --all-targets` runs it) every row runs once, briefly, and nothing is said of speed.
//!
//! - [`cpu_time`] the clock, and the core.
//! - [`contender`] one way of doing one operation, and how it is measured.
//! - [`gmsm`] the Go program beside this folder.
//! - [`entropy`] the operating system's, the same for all.
//! - [`signatures`], [`encryption`], [`hashing`], [`cipher`] the rows.
//! - [`table`] the figures and the targets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot do what it measures must end, and say where"
)]

mod cipher;
mod contender;
mod cpu_time;
mod encryption;
mod entropy;
mod gmsm;
mod hashing;
mod signatures;
mod table;

use std::env;
use std::fs;
use std::io::Write as _;

use gm::cpu::{self, Level};

use contender::{Plan, Row};
use gmsm::Gmsm;
use table::Table;

/// What the command line asks for.
struct Options {
    rounds: usize,
    only: String,
    level: Level,
    core: usize,
    plan: Plan,
}

fn main() {
    let options = Options::read();
    cpu_time::stay_on_core(options.core);
    // Nothing above this level is used in the whole run; rows that show a lower one limit themselves.
    let highest = cpu::level().min(options.level);
    cpu::limit(highest);
    let gmsm = if options.plan == Plan::FULL { Gmsm::start() } else { Err("not in a brief run") };
    say(&conditions(&options, highest, &gmsm));

    let mut rows: Vec<Row> = [signatures::rows, encryption::rows, hashing::rows, cipher::rows]
        .iter()
        .flat_map(|rows| rows(highest))
        .filter(|row| row.operation.to_lowercase().contains(&options.only))
        .collect();
    assert!(!rows.is_empty(), "`--only {}`: expected part of an operation's name", options.only);

    let mut gmsm = gmsm.ok();
    let mut table = Table::default();
    for _ in 0..options.rounds {
        for row in &mut rows {
            let round = row.measure(options.plan, gmsm.as_mut());
            table.add(row, round);
        }
    }
    match options.plan {
        Plan::FULL => say(&table.to_string()),
        _ => say(&format!("{} rows ran and were right\n", rows.len())),
    }
}

impl Options {
    const USAGE: &str = "expected [--rounds N] [--only TEXT] [--level LEVEL] [--core N]";

    fn read() -> Self {
        let mut this =
            Self { rounds: 1, only: String::new(), level: Level::Avx512, core: 0, plan: Plan::BRIEF };
        let mut rounds = 7;
        let mut arguments = env::args().skip(1);
        while let Some(option) = arguments.next() {
            if option == "--bench" {
                this.plan = Plan::FULL;
                continue;
            }
            let value = arguments.next().expect(Self::USAGE);
            match option.as_str() {
                "--rounds" => rounds = value.parse().expect("`--rounds`: expected a number"),
                "--only" => this.only = value.to_lowercase(),
                "--core" => this.core = value.parse().expect("`--core`: expected a number"),
                "--level" => {
                    let level = Level::ALL.into_iter().find(|level| level.name() == value);
                    this.level = level.expect("`--level`: expected portable, aesni, avx2, vaes or avx512");
                }
                _ => panic!("`{option}`: {}", Self::USAGE),
            }
        }
        if this.plan == Plan::FULL {
            this.rounds = rounds;
        }
        this
    }
}

/// Under which conditions the figures were measured.
fn conditions(options: &Options, highest: Level, gmsm: &Result<Gmsm, &'static str>) -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let gmsm = match gmsm {
        Ok(_) => format!("gmsm {}", Gmsm::version()),
        Err(why) => format!("gmsm skipped: {why}"),
    };
    format!(
        "{}, core {}, up to {}; {} rounds; {gmsm}\n\n",
        model.map_or("processor unknown", |(_, model)| model),
        options.core,
        highest.name(),
        options.rounds,
    )
}

/// To standard output; a reader that has gone ends the run.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).expect("standard output");
}
