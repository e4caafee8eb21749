//! Shows that no branch and no address depends on a secret. To be run under valgrind, as `scripts/constant-time` does:
//!
//!     constant_time               every operation at every level that valgrind executes
//!     constant_time --leak WHICH  a deliberate leak, which must be reported: branch, index, verify
//!
//! Keys, nonces, entropy and plaintexts are marked as secret; valgrind follows them and reports every jump and every address that
//! depends on one, with the place in the source. What may be seen, the core declares (`declassify.rs`); what comes out is
//! made public here, and then compared with what it must be, so that nothing passes that was not computed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for developers, which ends at the first thing that is not as it should be"
)]

mod dice;
#[path = "../../../base/encoding.rs"]
#[expect(dead_code, unreachable_pub, reason = "another crate's, of which the comparison alone takes secrets")]
mod encoding;
mod hashing;
mod leaks;
mod sm2;
mod sm4;

use std::process::ExitCode;

use dice::Dice;
use gm::cpu::{self, Level};
use gm::memcheck;

/// Something that takes secrets.
type Operation = (&'static str, fn(&mut Dice));

/// The levels whose instructions valgrind executes. It knows neither VAES nor AVX-512.
const LEVELS: [Level; 3] = [Level::Portable, Level::AesNi, Level::Avx2];

fn main() -> ExitCode {
    assert!(memcheck::is_running(), "expected to be run under valgrind: scripts/constant-time");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => every_operation(),
        ["--leak", which] => leaks::leak(which),
        _ => panic!("expected nothing or --leak WHICH"),
    }
}

fn every_operation() -> ExitCode {
    let mut leaking = 0;
    for level in LEVELS {
        cpu::limit(level);
        assert_eq!(cpu::level(), level, "this processor and valgrind lack the instructions of the level");
        for (name, run) in [sm2::OPERATIONS, sm4::OPERATIONS, hashing::OPERATIONS].concat() {
            let before = memcheck::errors();
            run(&mut Dice::new());
            let reports = memcheck::errors() - before;
            leaking += usize::from(reports > 0);
            let verdict = if reports == 0 { "ok".into() } else { format!("{reports} reports") };
            println!("{:<9} {name:<44} {verdict}", level.name());
        }
    }
    if leaking == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
