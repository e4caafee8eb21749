//! Measures whether the time of an operation tells one class of secrets from another, in the manner of dudect (Reparaz, Balasch and
//! Verbauwhede, "Dude, is my code constant time?", 2017).
//!
//!     cargo run --release -p gm --bin timing --features cpu-limit -- [--measurements N] [--only TEXT] [--seed N]
//!
//! Each measurement draws one of two classes: mostly a secret of low weight against random ones. Welch's t-test compares the means,
//! over all measurements and over those below each of several quantiles, since what interrupts a measurement makes it longer and
//! says nothing. |t| above 10 is a difference; the run then fails. So it does when the deliberate leak stays below.
//!
//! Ratios and verdicts can be trusted on a busy machine, since both classes meet the same noise; the more of it, the smaller the
//! differences that are missed. Run it on one core: `taskset -c 1`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for developers, which ends at the first thing that is not as it should be"
)]

mod cases;
mod dice;
mod welch;

use std::process::ExitCode;
use std::time::Instant;

use cases::{CASES, Case, LEAKS};
use dice::Dice;
use gm::cpu::{self, Level};
use welch::Cropped;

/// |t| above this is a difference between the classes (dudect's `t_threshold_moderate`).
const T_LIMIT: f64 = 10.0;

/// Measurements that are prepared before they are taken.
const BATCH: usize = 500;

struct Options {
    measurements: usize,
    only: String,
    seed: u64,
}

fn main() -> ExitCode {
    let options = Options::read();
    let mut as_expected = true;
    println!("{} measurements of each, |t| above {T_LIMIT} is a leak", options.measurements);
    for level in Level::ALL {
        cpu::limit(level);
        if cpu::level() != level {
            println!("{:<9} left out: not on this processor", level.name());
            continue;
        }
        for (cases, leaks) in [(LEAKS, true), (CASES, false)] {
            for case in cases.iter().filter(|case| case.name.contains(&options.only)) {
                let t = measure(case, &options);
                as_expected &= (t > T_LIMIT) == leaks;
                let verdict = match (t > T_LIMIT, leaks) {
                    (false, false) => "ok",
                    (true, true) => "ok: the leak is seen",
                    (true, false) => "LEAKS",
                    (false, true) => "FAILED: the leak is not seen",
                };
                println!("{:<9} {:<58} |t| {t:>8.2}  {verdict}", level.name(), case.name);
            }
        }
    }
    if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The largest |t| of any cropping.
fn measure(case: &Case, options: &Options) -> f64 {
    let mut dice = Dice::new(options.seed);
    // The first measurements are thrown away: of them the quantiles are made.
    let mut cropped = Cropped::by_quantiles_of(batch(case, &mut dice));
    for _ in 0..options.measurements.div_ceil(BATCH) {
        batch(case, &mut dice).into_iter().for_each(|(class, nanoseconds)| cropped.push(class, nanoseconds));
    }
    cropped.largest_t()
}

/// Class and time, in nanoseconds, of each measurement.
fn batch(case: &Case, dice: &mut Dice) -> Vec<(bool, f64)> {
    let classes: Vec<bool> = (0..BATCH).map(|_| dice.bit()).collect();
    let mut prepared: Vec<_> = classes.iter().map(|class| (case.prepare)(dice, *class)).collect();
    let times: Vec<f64> = prepared
        .iter_mut()
        .map(|run| {
            let start = Instant::now();
            run();
            start.elapsed().as_nanos() as f64
        })
        .collect();
    classes.into_iter().zip(times).collect()
}

impl Options {
    fn read() -> Self {
        let mut options = Self { measurements: 50_000, only: String::new(), seed: 1 };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().unwrap_or_else(|| panic!("`{name}`: expected a value"));
            let number =
                || value.parse().unwrap_or_else(|_| panic!("`{name}`: expected a number, got `{value}`"));
            match name.as_str() {
                "--measurements" => options.measurements = usize::try_from(number()).unwrap(),
                "--seed" => options.seed = number(),
                "--only" => options.only = value,
                _ => panic!("expected [--measurements N] [--only TEXT] [--seed N], got `{name}`"),
            }
        }
        options
    }
}
