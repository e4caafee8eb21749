//! Numbers modulo n by their definition.

use super::{number, numbers, scalar};
use crate::sm2::scalar::{N, Scalar};

const N_DIGITS: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";

#[test]
fn an_inverse_times_its_number_is_one_and_zero_has_none() {
    for words in numbers(N, 2_000) {
        let a = Scalar::reduced_words(words);
        let expected = if a.is_zero() { Scalar::default() } else { Scalar::ONE };
        assert!(a * a.invert() == expected, "{words:x?}");
    }
}

#[test]
fn products_follow_the_laws_of_rings() {
    let all: Vec<Scalar> = numbers(N, 500).map(Scalar::reduced_words).collect();
    for ((a, b), c) in all.iter().zip(all.iter().rev()).zip(all.iter().skip(7)) {
        assert!(*a * b == *b * a);
        assert!((*a * b) * c == *a * (*b * c));
        assert!(*a * (*b + c) == *a * b + *a * c);
        assert!(*a - b + b == *a);
    }
}

#[test]
fn what_is_not_below_n_is_refused_or_reduced() {
    let n = number(N_DIGITS);
    assert!(Scalar::from_bytes(&n).is_none());
    assert!(Scalar::from_bytes(&[0xff; 32]).is_none());
    assert!(Scalar::reduced(&n).is_zero());
    let mut above = n;
    above[31] += 5;
    assert!(Scalar::reduced(&above) == scalar("5"));
    assert!(
        Scalar::reduced(&[0xff; 32]) == scalar("10000000000000000000000008dfc2094de39fad4ac440bf6c62abedc")
    );
}

/// x1 of a signature is known modulo n only: below `p - n`, about 2^128, two coordinates are possible.
#[test]
fn the_second_candidate_for_a_coordinate_exists_below_p_minus_n_only() {
    let p_minus_n = "8dfc2093de39fad5ac440bf6c62abedc";
    let last = "8dfc2093de39fad5ac440bf6c62abedb";
    assert!(scalar(p_minus_n).plus_order_below_p().is_none());
    assert_eq!(scalar("0").plus_order_below_p(), Some(N));
    assert!(scalar(last).plus_order_below_p().is_some());
}
