//! Compares the national algorithms, case by random case, with those of RustCrypto, `libsm` and the command `openssl`.
//!
//!     cargo run --release -p gm --example differential -- --cases 1000000
//!     cargo run --release -p gm --example differential -- --only sm2-verify --from 400000 --seed 7
//!
//! Each operation runs the cases `--from` to `--cases` of `--seed`, each case under every level of the processor up to `GM_CPU` (or,
//! quicker, `--in-turn`); of those for which `openssl` is started, one in a hundred. Every few seconds it says how far it is, so that a run can be broken off
//! and taken up again, or split over processes. It ends at the first difference and says how to see it again.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for developers, which ends at the first thing that is not as it should be"
)]

#[path = "../tests/differential/operations.rs"]
mod operations;

use std::env;
use std::time::{Duration, Instant};

use operations::{Levels, OPERATIONS, Operation};

const PROGRESS_EVERY: Duration = Duration::from_secs(5);

const USAGE: &str = "expected [--cases N] [--from N] [--only TEXT] [--seed N] [--in-turn]";

struct Options {
    cases: u64,
    from: u64,
    seed: u64,
    only: String,
    levels: Levels,
}

fn main() {
    let options = Options::read();
    let levels: Vec<&str> = operations::levels().into_iter().map(gm::cpu::Level::name).collect();
    println!("seed {}, levels {}", options.seed, levels.join(" "));
    let chosen: Vec<&Operation> =
        OPERATIONS.iter().filter(|operation| operation.name.contains(&options.only)).collect();
    assert!(!chosen.is_empty(), "`--only {}`: expected part of an operation's name", options.only);
    let (there, absent): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|operation| operation.can_run());
    there.iter().for_each(|operation| compare(operation, &options));
    absent.iter().for_each(|operation| println!("{:<18} skipped: no {}", operation.name, operation.peer));
}

/// Runs the cases of one operation, and says so in a line.
fn compare(operation: &Operation, options: &Options) {
    let start = Instant::now();
    let mut said = start;
    let indices = options.from.div_ceil(operation.share)..options.cases.div_ceil(operation.share);
    let mut done = 0;
    for index in indices.clone() {
        operation.run(options.seed, index, options.levels);
        done += 1;
        if said.elapsed() >= PROGRESS_EVERY {
            said = Instant::now();
            let left = start.elapsed().as_secs() * (indices.end - index) / done;
            eprintln!("{:<18} case {index} of {}, {left} s left", operation.name, indices.end);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{:<18} {done:>9} cases as {:<10} {:>9.0} a second",
        operation.name,
        operation.peer,
        f64::from(u32::try_from(done).unwrap_or(u32::MAX)) / seconds
    );
}

impl Options {
    fn read() -> Self {
        let mut this = Self { cases: 10_000, from: 0, seed: 1, only: String::new(), levels: Levels::All };
        let mut arguments = env::args().skip(1);
        while let Some(option) = arguments.next() {
            if option == "--in-turn" {
                this.levels = Levels::InTurn;
                continue;
            }
            let value = arguments.next().expect(USAGE);
            let number = || value.parse().expect(USAGE);
            match option.as_str() {
                "--cases" => this.cases = number(),
                "--from" => this.from = number(),
                "--seed" => this.seed = number(),
                "--only" => this.only = value,
                _ => panic!("`{option}`: {USAGE}"),
            }
        }
        this
    }
}
