//! The S-box as arithmetic: what the circuit and the processor's instructions are derived from and compared with.
//!
//! GB/T 32907-2016, 6.2 gives the S-box as a table. It is `A(1 / (A(x) + C)) + C` in GF(2^8) modulo
//! x^8 + x^7 + x^6 + x^5 + x^4 + x^2 + 1 (Liu et al., "Analysis of the SMS4 block cipher", ACISP 2007, 3). Everything here is
//! worked out by the compiler or in tests; nothing of it runs on a secret.
#![expect(clippy::indexing_slicing, reason = "all indices are loop counters below 8")]

/// x^8 + x^7 + x^6 + x^5 + x^4 + x^2 + 1: the field of SM4.
pub(crate) const FIELD: u16 = 0x1f5;

/// The constant `C`.
pub(crate) const C: u8 = 0xd3;

/// A linear map of GF(2)^8: what it makes of bit 0, bit 1, ... bit 7.
pub(crate) type Matrix = [u8; 8];

/// The cyclic map `A`.
pub(crate) const A: Matrix = cyclic([0, 1, 2, 5, 7]);

/// `x + x >>> n`, summed over the turns `n`.
pub(crate) const fn cyclic<const N: usize>(turns: [u32; N]) -> Matrix {
    let mut map = [0; 8];
    let mut bit = 0;
    while bit < 8 {
        let mut turn = 0;
        while turn < N {
            map[bit] ^= (1u8 << bit).rotate_right(turns[turn]);
            turn += 1;
        }
        bit += 1;
    }
    map
}

/// `map(x)`.
pub(crate) const fn apply(map: &Matrix, x: u8) -> u8 {
    let (mut image, mut bit) = (0, 0);
    while bit < 8 {
        if x >> bit & 1 == 1 {
            image ^= map[bit];
        }
        bit += 1;
    }
    image
}

/// The product of two elements of the field of polynomials modulo `field`.
pub(crate) const fn multiply(a: u8, b: u8, field: u16) -> u8 {
    let (mut product, mut bit) = (0u16, 8);
    while bit > 0 {
        bit -= 1;
        product <<= 1;
        if product >> 8 == 1 {
            product ^= field;
        }
        if b >> bit & 1 == 1 {
            product ^= a as u16;
        }
    }
    product as u8
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The S-box, from its definition.
    pub(crate) fn sbox(x: u8) -> u8 {
        apply(&A, inverse(apply(&A, x) ^ C)) ^ C
    }

    /// `1 / x` in the field of SM4, and 0 for 0.
    pub(crate) fn inverse(x: u8) -> u8 {
        (0..254).fold(1, |power, _| multiply(power, x, FIELD))
    }

    /// GB/T 32907-2016, 6.2: the first row, the last, and the example beneath the table (EF becomes 84).
    #[test]
    fn the_arithmetic_gives_the_table_of_the_standard() {
        let first: Vec<u8> = (0..16).map(sbox).collect();
        assert_eq!(hex::encode(first), "d690e9fecce13db716b614c228fb2c05");
        let last: Vec<u8> = (0xf0..=0xff).map(sbox).collect();
        assert_eq!(hex::encode(last), "18f07dec3adc4d2079ee5f3ed7cb3948");
        assert_eq!(sbox(0xef), 0x84);
    }
}
