//! The basis in which the state is kept, and what becomes of the round function in it.
//!
//! The S-box is `A(1 / (A x + C)) + C` in SM4's field. AES and GFNI invert in another field of 256 elements; `M`, an isomorphism,
//! leads there and commutes with inversion: `1 / y = M'(1 / M y)`, where `M'` is the inverse of `M`. So with every byte `x` of
//! the state kept as `P x`, `P = M A`, the sum of three words and a round key is what is to be inverted, if the key is kept as
//! `P k + M C`. All maps are linear but for constants, and the constants are added where it costs nothing.
//!
//! After the inversion stand `A M'`, the linear map L of the round and `P`. L turns by bits only in
//! `b <<< 2 = l(b) ^ R r(b)`: within each byte `l` shifts left by 2 and `r` right by 6, and R turns the word by a byte. R commutes
//! with whatever is done to each byte alike. Sorted by powers of R,
//!
//! ```text
//! L = b ^ b <<< 2 ^ b <<< 10 ^ b <<< 18 ^ b <<< 24
//!   = (1 + l) + R (l + r) + R^2 (l + r) + R^3 (1 + r)
//! ```
//!
//! and since `l + r` is the sum of the other two maps, two maps of each byte are enough: `u = P (1 + l) A M'` and
//! `v = P (1 + r) A M'` of the inverse. The round adds `u + R (u + v) + R^2 (u + v) + R^3 v`.
//!
//! Words stay in memory's order, first byte first. There `R`, a turn to the left of a big-endian word, moves bytes to lower
//! addresses, and the round keys are swapped once and for all.
#![expect(clippy::indexing_slicing, reason = "all indices are loop counters below the length")]

use crate::sm4::definition::{A, C, FIELD, Matrix, apply, cyclic, multiply};

/// x^8 + x^4 + x^3 + x + 1: the field of AES (FIPS 197, 4.2) and of GFNI.
const AES_FIELD: u16 = 0x11b;

/// `M`: x goes to a root of SM4's polynomial, its powers to the root's powers.
const M: Matrix = {
    let mut root = 0;
    while !is_root(root) {
        root += 1;
    }
    powers(root)
};

const fn powers(of: u8) -> Matrix {
    let (mut powers, mut bit) = ([1; 8], 1);
    while bit < 8 {
        powers[bit] = multiply(powers[bit - 1], of, AES_FIELD);
        bit += 1;
    }
    powers
}

/// Whether SM4's polynomial is zero there; its part of degree 7 and less is an element of the field, written as its own bits.
const fn is_root(x: u8) -> bool {
    let powers = powers(x);
    apply(&powers, FIELD as u8) ^ multiply(powers[7], x, AES_FIELD) == 0
}

/// `P`: into the basis.
pub(super) const ENTER: Matrix = compose(M, A);

/// Out of it.
pub(super) const LEAVE: Matrix = invert(ENTER);

/// `u`, of the inverse.
pub(super) const U: Matrix = after_inversion(2, 0);

/// `v`, of the inverse.
pub(super) const V: Matrix = after_inversion(0, 6);

/// `u + v`, of the inverse.
pub(super) const U_V: Matrix = add(U, V);

/// What the `C` after the inversion becomes, `P L(C, C, C, C)`: L of four bytes alike turns each of them by 2. It is added to
/// `u`, of which the round takes an odd number.
pub(super) const CONSTANT: u8 = apply(&ENTER, C.rotate_left(2));

/// What is added between `P` and the inversion: `M C`.
pub(super) const INPUT_CONSTANT: u8 = apply(&M, C);

/// `A M'`: of the inverse, the value of the S-box but for its last `C`.
pub(super) const S_BOX: Matrix = compose(A, invert(M));

/// `P (1 + s) A M'`, where `s` shifts by `left` or by `right`.
const fn after_inversion(left: u32, right: u32) -> Matrix {
    let (mut shifted, mut bit) = ([0; 8], 0);
    while bit < 8 {
        shifted[bit] = 1 << bit ^ 1 << bit << left >> right;
        bit += 1;
    }
    compose(ENTER, compose(shifted, S_BOX))
}

/// The inverse, of what `SubBytes` gave: it is `1 / y` through an affine map (FIPS 197, 5.1.1) whose constant is 0x63.
pub(super) const fn after_sub_bytes(map: Matrix) -> Matrix {
    compose(map, invert(cyclic([0, 4, 5, 6, 7])))
}

/// The constant of [`after_sub_bytes`].
pub(super) const SUB_BYTES_CONSTANT: u8 = 0x63;

/// A round key in the basis and in memory's order, with the constant before the inversion.
pub(crate) const fn mapped_key(key: u32) -> u32 {
    let (mut mapped, mut bit) = (u32::from_ne_bytes([INPUT_CONSTANT; 4]), 0);
    while bit < 8 {
        // A mask, not a choice: this runs on secrets.
        mapped ^= (key >> bit & 0x0101_0101) * ENTER[bit] as u32;
        bit += 1;
    }
    mapped.to_be()
}

/// A map as two tables: of the lower four bits, and of the upper four with `constant` added.
pub(super) const fn nibbles(map: Matrix, constant: u8) -> [[u8; 16]; 2] {
    let (mut tables, mut n) = ([[0; 16]; 2], 0);
    while n < 16 {
        tables[0][n] = apply(&map, n as u8);
        tables[1][n] = apply(&map, (n as u8) << 4) ^ constant;
        n += 1;
    }
    tables
}

/// A map as GFNI reads it: bit `i` of the image is the sum of the bits of `x` that byte `7 - i` chooses.
pub(super) const fn gfni(map: Matrix) -> i64 {
    let (mut rows, mut i) = (0u64, 0);
    while i < 64 {
        if map[i % 8] >> (i / 8) & 1 == 1 {
            rows |= 1 << (56 - i / 8 * 8 + i % 8);
        }
        i += 1;
    }
    rows as i64
}

const fn add(a: Matrix, b: Matrix) -> Matrix {
    let (mut sum, mut bit) = (a, 0);
    while bit < 8 {
        sum[bit] ^= b[bit];
        bit += 1;
    }
    sum
}

/// `outer(inner(x))`.
const fn compose(outer: Matrix, inner: Matrix) -> Matrix {
    let (mut map, mut bit) = ([0; 8], 0);
    while bit < 8 {
        map[bit] = apply(&outer, inner[bit]);
        bit += 1;
    }
    map
}

/// The map that undoes `map`: of each bit, what is sent there.
const fn invert(map: Matrix) -> Matrix {
    let (mut inverse, mut bit) = ([0; 8], 0);
    while bit < 8 {
        while apply(&map, inverse[bit]) != 1 << bit {
            inverse[bit] += 1;
        }
        bit += 1;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sm4::definition::tests::{inverse, sbox};

    fn inverse_in_aes_field(x: u8) -> u8 {
        (0..254).fold(1, |power, _| multiply(power, x, AES_FIELD))
    }

    #[test]
    fn the_isomorphism_keeps_products() {
        for (a, b) in (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b))) {
            let product = apply(&M, multiply(a, b, FIELD));
            assert_eq!(product, multiply(apply(&M, a), apply(&M, b), AES_FIELD));
        }
        assert!((0..=255).all(|x| apply(&M, inverse(x)) == inverse_in_aes_field(apply(&M, x))));
    }

    /// One round's `L(S(word))`, and the same through the basis.
    #[test]
    fn u_and_v_make_the_round_function() {
        for seed in 0..=255u8 {
            let word = u32::from_be_bytes([seed, seed.wrapping_mul(7), seed ^ 0x5a, !seed]);
            let b = u32::from_be_bytes(word.to_be_bytes().map(sbox));
            let plain = b ^ b.rotate_left(2) ^ b.rotate_left(10) ^ b.rotate_left(18) ^ b.rotate_left(24);

            let inverted = u32::from_be(mapped_key(word)).to_be_bytes().map(inverse_in_aes_field);
            let [u, v] = [(U, CONSTANT), (V, 0)]
                .map(|(map, constant)| u32::from_be_bytes(inverted.map(|x| apply(&map, x) ^ constant)));
            let mixed = u ^ (u ^ v).rotate_left(8) ^ (u ^ v).rotate_left(16) ^ v.rotate_left(24);
            assert_eq!(u32::from_be_bytes(mixed.to_be_bytes().map(|x| apply(&LEAVE, x))), plain);
            assert!(inverted.iter().all(|x| apply(&U_V, *x) == apply(&U, *x) ^ apply(&V, *x)));
        }
    }

    #[test]
    fn what_sub_bytes_adds_is_taken_off_again() {
        let aes = cyclic([0, 4, 5, 6, 7]);
        assert_eq!(apply(&aes, inverse_in_aes_field(0x53)) ^ SUB_BYTES_CONSTANT, 0xed, "FIPS 197, 5.1.1");
        assert!((0..=255).all(|x| apply(&after_sub_bytes(aes), x) == x));
        let [low, high] = nibbles(V, 0x63);
        assert!(
            (0..=255u8).all(|x| low[usize::from(x & 15)] ^ high[usize::from(x >> 4)] == apply(&V, x) ^ 0x63)
        );
    }
}
