//! Multiples of a point, ready to be looked up: those of G made when the crate is built, those of a key when its owner asks for them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::field::{Fe, Field};
use super::point::{Affine, Jacobian};
use crate::arch::opaque;

/// Bits that one window covers.
pub(super) const WINDOW_BITS: usize = 7;
/// Windows that cover 256 bits and the carry of the signed digits.
pub(super) const WINDOWS: usize = 37;

/// 1, 3, ... 127 times `2^(7 w)` times the point.
pub(super) type Window = [Affine; 64];

/// Those of G: 148 KiB of constants (`build.rs`; compared with [`windows_of`] in a test).
pub(super) static GENERATOR: [Window; WINDOWS] = include!(concat!(env!("OUT_DIR"), "/generator.rs"));

const fn entry(x: [u64; 4], y: [u64; 4]) -> Affine {
    Affine { x: Fe(x), y: Fe(y) }
}

/// Those of a public point, in time that depends on it: 148 KiB, and as much work as some 20 verifications.
pub(super) fn windows_of<F: Field>(f: F, point: &Affine) -> Box<[Window; WINDOWS]> {
    let mut multiples = Vec::with_capacity(WINDOWS * 64);
    let mut base = point.lifted();
    for _ in 0..WINDOWS {
        let (mut multiple, twice) = (base, base.doubled(f, 1));
        for _ in 0..64 {
            multiples.push(multiple);
            multiple = multiple.add_vartime(f, &twice);
        }
        base = base.doubled(f, 7);
    }
    let mut affine = all_to_affine(f, &multiples).into_iter();
    let mut windows = Box::new([[Affine::INFINITY; 64]; WINDOWS]);
    windows.as_flattened_mut().iter_mut().zip(&mut affine).for_each(|(entry, multiple)| *entry = multiple);
    windows
}

/// The coordinates of all points with one inversion, in constant time; infinity becomes `(0, 0)` and spoils nothing.
pub(super) fn all_to_affine<F: Field>(f: F, points: &[Jacobian]) -> Vec<Affine> {
    let z_or_one = |point: &Jacobian| Fe::select(opaque(point.is_infinity()), &Fe::ONE, &point.z);
    let mut inverses: Zeroizing<Vec<Fe>> = Zeroizing::new(points.iter().map(z_or_one).collect());
    invert_all(f, &mut inverses);
    let affine = points.iter().zip(inverses.iter()).map(|(point, inverse)| {
        point.scaled(f, &Fe::select(opaque(point.is_infinity()), &Fe::ZERO, inverse))
    });
    affine.collect()
}

/// Replaces each number, of which none may be 0, by its inverse, with one inversion for all (Montgomery's trick).
pub(super) fn invert_all<F: Field>(f: F, numbers: &mut [Fe]) {
    // The product of all is inverted and taken apart again from the end.
    let mut before = Zeroizing::new(Vec::with_capacity(numbers.len()));
    let product = numbers.iter().fold(Fe::ONE, |product, number| {
        before.push(product);
        f.mul(&product, number)
    });
    let mut inverse = f.invert(&product);
    for (number, before) in numbers.iter_mut().zip(before.iter()).rev() {
        let next = f.mul(&inverse, number);
        *number = f.mul(&inverse, before);
        inverse = next;
    }
}
