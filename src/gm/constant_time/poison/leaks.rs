//! What valgrind must report. If it does not, its silence about the rest says nothing.

use std::hint::black_box;
use std::process::ExitCode;

use gm::sm2::{DEFAULT_ID, Signature, SigningKey};

use crate::dice::{Dice, already_public, secret};

/// Leaks in the way asked for. Valgrind's own exit code tells whether it has seen it.
pub(crate) fn leak(which: &str) -> ExitCode {
    let mut dice = Dice::new();
    match which {
        "branch" => by_branch(&dice.secret()),
        "index" => by_index(&dice.secret()),
        "verify" => by_what_is_for_public_values(&mut dice),
        _ => panic!("expected branch, index or verify, got `{which}`"),
    }
    ExitCode::SUCCESS
}

/// The lowest bit of a key decides what is done.
fn by_branch(key: &[u8; 32]) {
    #[inline(never)]
    fn one() {
        black_box(1);
    }
    #[inline(never)]
    fn other() {
        black_box(2);
    }
    if key[0] & 1 == 1 { one() } else { other() }
}

/// A byte of a key decides what is read, as in an S-box that is a table.
fn by_index(key: &[u8; 32]) {
    let table: [u8; 256] = black_box(std::array::from_fn(|i| (i * 7) as u8));
    black_box(table[usize::from(key[0])]);
}

/// Verification runs in time that depends on the signature, which nobody hides; here somebody does.
fn by_what_is_for_public_values(dice: &mut Dice) {
    let key = SigningKey::generate(dice);
    let signature = key.sign(b"hidden", DEFAULT_ID, dice).unwrap().to_bytes();
    let signature: [u8; 64] = already_public(signature).try_into().unwrap();
    let hidden = Signature::from_bytes(&secret(signature)).unwrap();
    let _ = black_box(key.verifying_key().verify(b"hidden", DEFAULT_ID, &hidden));
}
