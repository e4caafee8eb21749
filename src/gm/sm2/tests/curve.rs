//! Multiplication by every path against repeated addition, and where additions meet themselves.

use super::{numbers, scalar};
use crate::sm2::field::{Fe, Field, Portable};
use crate::sm2::point::{self, Affine, Jacobian};
use crate::sm2::scalar::{N, Scalar};
use crate::sm2::table;

/// Runs a test on every path there is.
macro_rules! each_path {
    ($f:ident => $test:expr) => {{
        let $f = Portable;
        $test;
        #[cfg(target_arch = "x86_64")]
        match crate::arch::cpu::Avx2::here() {
            Some($f) => $test,
            None => eprintln!("skipped: no MULX here"),
        }
    }};
}

fn generator() -> Affine {
    table::GENERATOR[0][0]
}

/// `[k]point` bit by bit, with additions that know every case.
fn by_definition<F: Field>(f: F, k: &Scalar, point: &Affine) -> Affine {
    let mut sum = Jacobian::INFINITY;
    for bit in (0..256).rev() {
        sum = sum.add_vartime(f, &sum);
        if k.words()[bit / 64] >> (bit % 64) & 1 == 1 {
            sum = sum.add_affine_vartime(f, point);
        }
    }
    sum.to_affine(f)
}

/// Scalars at which a digit, a window or the whole multiplication has its limits.
fn scalars(random_count: usize) -> Vec<Scalar> {
    let minus = |k: u64| Scalar::default() - Scalar::reduced_words([k, 0, 0, 0]);
    let windows = (0..256).map(|bit| {
        let mut words = [0; 4];
        words[bit / 64] = 1 << (bit % 64);
        Scalar::reduced_words(words)
    });
    let half_windows = (1..37).map(|w| scalar("40") * power_of_two(7 * w));
    let near_the_end = (1..=70).map(minus);
    let small = (0..=70).map(|k| Scalar::reduced_words([k, 0, 0, 0]));
    let random = numbers(N, random_count).map(Scalar::reduced_words);
    small.chain(near_the_end).chain(windows).chain(half_windows).chain(random).collect()
}

fn power_of_two(exponent: usize) -> Scalar {
    (0..exponent).fold(Scalar::ONE, |power, _| power + power)
}

#[test]
fn the_table_of_g_holds_what_it_says() {
    each_path!(f => {
        assert!(generator().is_on_curve(f));
        assert!(*table::windows_of(f, &generator()) == table::GENERATOR);
    });
}

#[test]
fn every_way_to_multiply_g_gives_the_same_point() {
    each_path!(f => {
        let all = scalars(50);
        let together = point::generator_times_each(f, &all);
        for (k, together) in all.iter().zip(together) {
            let expected = by_definition(f, k, &generator());
            let ways = [
                point::generator_times(f, k).to_affine(f),
                together,
                point::times(f, &generator(), k).to_affine(f),
                point::times_vartime(f, &generator(), k).to_affine(f),
                point::combine_vartime(f, k, &Scalar::default(), &generator()).to_affine(f),
                point::combine_vartime(f, &Scalar::default(), k, &generator()).to_affine(f),
            ];
            for (way, point) in ways.iter().enumerate() {
                assert!(*point == expected, "way {way}, k = {:x?}", k.words());
            }
        }
    });
}

/// The comb's last window and the digits' last addition are the only places where a point can meet itself (see `point.rs`).
#[test]
fn n_minus_6_and_its_like_end_with_a_doubling() {
    each_path!(f => {
        let six = Scalar::reduced_words([6, 0, 0, 0]);
        let expected = by_definition(f, &six, &generator());
        let negative = Affine { y: f.negate(&expected.y), ..expected };
        assert!(point::times(f, &generator(), &(Scalar::default() - six)).to_affine(f) == negative);
    });
}

#[test]
fn sums_in_which_the_two_halves_meet_are_right() {
    each_path!(f => {
        for k in scalars(5).into_iter().filter(|k| !k.is_zero()) {
            // P = [k]G; [s]G + [t]P with s = k t, s = -k t, and neither
            let point = point::generator_times(f, &k).to_affine(f);
            let windows = table::windows_of(f, &point);
            let t = scalar("123456789abcdef0fedcba987654321");
            for s in [k * t, Scalar::default() - k * t, k * t + Scalar::ONE, k] {
                let expected = by_definition(f, &(s + k * t), &generator());
                let ways = [
                    point::combine_vartime(f, &s, &t, &point).to_affine(f),
                    point::combine_by_table_vartime(f, &s, &t, &windows).to_affine(f),
                ];
                assert!(ways.iter().all(|way| *way == expected), "k = {:x?}", k.words());
            }
        }
    });
}

#[test]
fn the_constant_time_addition_knows_every_case() {
    each_path!(f => {
        let g = generator().lifted();
        let two = g.doubled(f, 1);
        // the same points by other coordinates: Z = 3
        let scaled = |p: &Jacobian| {
            let three = f.add(&f.double(&Fe::ONE), &Fe::ONE);
            let square = f.square(&three);
            Jacobian { x: f.mul(&p.x, &square), y: f.mul(&p.y, &f.mul(&square, &three)), z: f.mul(&p.z, &three) }
        };
        let negative = Jacobian { y: f.negate(&g.y), ..g };
        let cases = [
            (g, scaled(&g), two),
            (g, scaled(&negative), Jacobian::INFINITY),
            (g, Jacobian::INFINITY, g),
            (Jacobian::INFINITY, scaled(&g), g),
            (Jacobian::INFINITY, Jacobian::INFINITY, Jacobian::INFINITY),
            (scaled(&two), negative, g),
        ];
        for (number, (a, b, expected)) in cases.iter().enumerate() {
            assert!(a.add(f, b).to_affine(f) == expected.to_affine(f), "case {number}");
            assert!(a.add_vartime(f, b).to_affine(f) == expected.to_affine(f), "case {number}");
        }
    });
}

#[test]
fn a_shared_inversion_leaves_every_point_its_own() {
    each_path!(f => {
        let points: Vec<Jacobian> = scalars(3).iter().map(|k| point::times_vartime(f, &generator(), k)).collect();
        let alone: Vec<Affine> = points.iter().map(|point| point.to_affine(f)).collect();
        assert!(table::all_to_affine(f, &points) == alone, "infinity among them");
        assert!(table::all_to_affine(f, &[]).is_empty());
    });
}
