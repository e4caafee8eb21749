//! Both paths of the field against fiat-crypto, whose code comes with a proof.

use fiat_crypto::sm2_64::{
    fiat_sm2_add, fiat_sm2_from_montgomery, fiat_sm2_montgomery_domain_field_element as Proven, fiat_sm2_mul,
    fiat_sm2_non_montgomery_domain_field_element as Plain, fiat_sm2_square, fiat_sm2_sub,
    fiat_sm2_to_montgomery,
};

use super::numbers;
use crate::sm2::field::{Fe, Field, P, Portable};

/// Pairs that a run compares; the million of the record is made by `examples/differential.rs`.
const RANDOM_COUNT: usize = 20_000;

fn each_path(test: impl Fn(&str, &dyn Fn(Operation) -> Fe)) {
    test("portable", &|operation| operation.run(Portable));
    #[cfg(target_arch = "x86_64")]
    match crate::arch::cpu::Avx2::here() {
        Some(avx2) => test("MULX", &|operation| operation.run(avx2)),
        None => eprintln!("skipped: no MULX here"),
    }
}

#[derive(Clone, Copy)]
enum Operation {
    Add(Fe, Fe),
    Subtract(Fe, Fe),
    Multiply(Fe, Fe),
    Square(Fe),
    Lift([u64; 4]),
    Words(Fe),
    Invert(Fe),
    SquareRoot(Fe),
}

impl Operation {
    fn run<F: Field>(self, f: F) -> Fe {
        match self {
            Self::Add(a, b) => f.add(&a, &b),
            Self::Subtract(a, b) => f.sub(&a, &b),
            Self::Multiply(a, b) => f.mul(&a, &b),
            Self::Square(a) => f.square(&a),
            Self::Lift(words) => f.lift(words),
            Self::Words(a) => Fe(f.words_of(&a)),
            Self::Invert(a) => f.invert(&a),
            Self::SquareRoot(a) => f.square_root(&a),
        }
    }

    /// The same by fiat-crypto.
    fn proven(self) -> Option<Fe> {
        let mut out = Proven([0; 4]);
        match self {
            Self::Add(a, b) => fiat_sm2_add(&mut out, &Proven(a.0), &Proven(b.0)),
            Self::Subtract(a, b) => fiat_sm2_sub(&mut out, &Proven(a.0), &Proven(b.0)),
            Self::Multiply(a, b) => fiat_sm2_mul(&mut out, &Proven(a.0), &Proven(b.0)),
            Self::Square(a) => fiat_sm2_square(&mut out, &Proven(a.0)),
            Self::Lift(words) => fiat_sm2_to_montgomery(&mut out, &Plain(words)),
            Self::Words(a) => {
                let mut plain = Plain([0; 4]);
                fiat_sm2_from_montgomery(&mut plain, &Proven(a.0));
                return Some(Fe(plain.0));
            }
            Self::Invert(_) | Self::SquareRoot(_) => return None,
        }
        Some(Fe(out.0))
    }
}

#[test]
fn every_operation_gives_what_is_proven_right() {
    each_path(|path, run| {
        let all: Vec<[u64; 4]> = numbers(P, RANDOM_COUNT).collect();
        for (a, b) in all.iter().zip(all.iter().rev()) {
            compare(path, run, *a, *b);
        }
        let edges = super::edges(&P);
        edges.iter().for_each(|a| edges.iter().for_each(|b| compare(path, run, *a, *b)));
    });
}

fn compare(path: &str, run: &dyn Fn(Operation) -> Fe, a: [u64; 4], b: [u64; 4]) {
    let (x, y) = (Fe(a), Fe(b));
    let operations = [
        Operation::Add(x, y),
        Operation::Subtract(x, y),
        Operation::Multiply(x, y),
        Operation::Square(x),
        Operation::Lift(a),
        Operation::Words(x),
    ];
    for operation in operations {
        assert_eq!(Some(run(operation).0), operation.proven().map(|p| p.0), "{path}: {a:x?} {b:x?}");
    }
}

#[test]
fn an_inverse_times_its_number_is_one_and_zero_has_none() {
    each_path(|path, run| {
        for a in numbers(P, 2_000).map(Fe) {
            let inverse = run(Operation::Invert(a));
            let expected = if a == Fe::ZERO { Fe::ZERO } else { Fe::ONE };
            assert_eq!(run(Operation::Multiply(a, inverse)).0, expected.0, "{path}: {:x?}", a.0);
        }
    });
}

#[test]
fn the_root_of_a_square_is_one_of_its_two_roots() {
    each_path(|path, run| {
        for a in numbers(P, 500).map(Fe) {
            let root = run(Operation::SquareRoot(run(Operation::Square(a))));
            let other = run(Operation::Subtract(Fe::ZERO, root));
            assert!(root == a || other == a, "{path}: {:x?}", a.0);
        }
    });
}
