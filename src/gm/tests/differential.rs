//! The same input to us and to others who share no code with us: RustCrypto, `libsm`, the command `openssl`. A few cases of each
//! operation here; as many as wanted with `cargo run --release -p gm --example differential`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "differential/operations.rs"]
mod operations;

use operations::{Levels, OPERATIONS, Operation};

/// Other cases than those of the program's first seed.
const SEED: u64 = 20_261_123;

#[test]
fn rust_crypto_comes_to_the_same_results() {
    compare("RustCrypto", 400, Levels::InTurn);
}

#[test]
fn libsm_comes_to_the_same_results_where_it_is_right() {
    compare("libsm", 60, Levels::InTurn);
}

#[test]
fn openssl_comes_to_the_same_results() {
    compare("OpenSSL", 10, Levels::All);
}

#[test]
fn every_path_that_the_processor_has_is_taken() {
    let levels = operations::levels();
    eprintln!("compared at {levels:?}");
    assert_eq!(levels.last(), Some(&gm::cpu::level()));
}

fn compare(peer: &str, cases: u64, levels: Levels) {
    let of_this_peer = OPERATIONS.iter().filter(|operation| operation.peer == peer);
    let (there, absent): (Vec<_>, Vec<_>) = of_this_peer.partition(|operation| operation.can_run());
    absent.iter().for_each(|operation| eprintln!("skipped: no {peer} for {}", operation.name));
    assert!(there.len() + absent.len() >= 6, "expected the operations of {peer}");
    let all_cases = |operation: &Operation| (0..cases).for_each(|index| operation.run(SEED, index, levels));
    there.into_iter().for_each(all_cases);
}
