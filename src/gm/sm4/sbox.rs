//! The S-box as a circuit: 113 gates, no table, the same gates whatever the bits are.
//!
//! It works on eight planes at once, plane `i` holding bit `i` of as many bytes as a plane has bits. The inversion in the middle
//! is Boyar and Peralta's ("A small depth-16 circuit for the AES S-box", 2012, figure 2): 32 AND and 30 XOR over a tower of
//! fields. Inversion does not care how the field is written down, so only what is linear differs from AES: the 22 sums before it
//! and the 29 after, found for the polynomial of SM4 by a search for the shortest program. Its constants are left to the caller:
//! what the circuit computes is `S(x + D) + C`, and they vanish in the round keys ([`super::bitsliced`]).

use core::ops::{BitAnd, BitXor};

/// What is added to every byte before the circuit: `A(D) = C`.
pub(super) const INPUT_CONSTANT: u8 = 0x75;

/// What is added to every byte after it: `C`.
pub(super) const OUTPUT_CONSTANT: u8 = 0xd3;

/// `S(x + D) + C` of every byte in the planes `x`.
#[inline(always)]
pub(super) fn sbox<T>(x: [T; 8]) -> [T; 8]
where
    T: Copy + BitXor<Output = T> + BitAnd<Output = T>,
{
    let [x0, x1, x2, x3, x4, x5, x6, x7] = x;

    // Into the tower: each of the sums that the multiplications share.
    let y1 = x6 ^ x2;
    let y7 = y1 ^ x1;
    let y20 = x7 ^ x2;
    let y8 = y20 ^ x4;
    let y2 = y8 ^ x0;
    let y18 = y2 ^ y7;
    let a0 = x7 ^ x3;
    let y4 = a0 ^ x1;
    let y9 = y4 ^ y2;
    let y11 = y9 ^ y20;
    let y0 = y11 ^ y7;
    let y14 = y11 ^ x4;
    let y5 = a0 ^ x5;
    let y21 = y9 ^ x5;
    let y13 = y5 ^ y2;
    let y12 = y13 ^ y14;
    let y15 = y12 ^ x6;
    let y6 = y15 ^ y0;
    let y17 = y15 ^ x1;
    let y3 = y13 ^ x0;
    let y10 = y6 ^ y1;
    let y19 = y10 ^ y8;

    // The inverse of the norm, in GF(2^4).
    let t2 = y12 & y15;
    let t3 = y3 & y6;
    let t4 = t3 ^ t2;
    let t5 = y4 & y0;
    let t6 = t5 ^ t2;
    let t7 = y13 & x1;
    let t8 = y5 & y1;
    let t9 = t8 ^ t7;
    let t10 = y2 & y7;
    let t11 = t10 ^ t7;
    let t12 = y9 & y11;
    let t13 = y14 & y17;
    let t14 = t13 ^ t12;
    let t15 = y8 & y10;
    let t16 = t15 ^ t12;
    let t17 = t4 ^ t14;
    let t18 = t6 ^ t16;
    let t19 = t9 ^ t14;
    let t20 = t11 ^ t16;
    let t21 = t17 ^ y20;
    let t22 = t18 ^ y19;
    let t23 = t19 ^ y21;
    let t24 = t20 ^ y18;
    let t25 = t21 ^ t22;
    let t26 = t21 & t23;
    let t27 = t24 ^ t26;
    let t28 = t25 & t27;
    let t29 = t28 ^ t22;
    let t30 = t23 ^ t24;
    let t31 = t22 ^ t26;
    let t32 = t31 & t30;
    let t33 = t32 ^ t24;
    let t34 = t23 ^ t33;
    let t35 = t27 ^ t33;
    let t36 = t24 & t35;
    let t37 = t36 ^ t34;
    let t38 = t27 ^ t36;
    let t39 = t29 & t38;
    let t40 = t25 ^ t39;
    let t41 = t40 ^ t37;
    let t42 = t29 ^ t33;
    let t43 = t29 ^ t40;
    let t44 = t33 ^ t37;
    let t45 = t42 ^ t41;

    // Times the conjugate, back in GF(2^8).
    let z0 = t44 & y15;
    let z1 = t37 & y6;
    let z2 = t33 & y0;
    let z3 = t43 & x1;
    let z4 = t40 & y1;
    let z5 = t29 & y7;
    let z6 = t42 & y11;
    let z7 = t45 & y17;
    let z8 = t41 & y10;
    let z9 = t44 & y12;
    let z10 = t37 & y3;
    let z11 = t33 & y4;
    let z12 = t43 & y13;
    let z13 = t40 & y5;
    let z14 = t29 & y2;
    let z15 = t42 & y9;
    let z16 = t45 & y14;
    let z17 = t41 & y8;

    // Out of the tower and through `A`.
    let b0 = z0 ^ z6;
    let b1 = z8 ^ b0;
    let b2 = z15 ^ z16;
    let s3 = z2 ^ b1;
    let b3 = z4 ^ z5;
    let b4 = z13 ^ z14;
    let b5 = z13 ^ b2;
    let b6 = z1 ^ b1;
    let b7 = b3 ^ b6;
    let b8 = s3 ^ b4;
    let b9 = z12 ^ b5;
    let b10 = z9 ^ z10;
    let b11 = b10 ^ b2;
    let s5 = b11 ^ b7;
    let b12 = s5 ^ z16;
    let b13 = b12 ^ z17;
    let s1 = b13 ^ b8;
    let s2 = b7 ^ b9;
    let b14 = s5 ^ z10;
    let b15 = b14 ^ z11;
    let s6 = b15 ^ b8;
    let b16 = s1 ^ z2;
    let b17 = b16 ^ z7;
    let b18 = b17 ^ b0;
    let s4 = b18 ^ b3;
    let b19 = z3 ^ z4;
    let b20 = b19 ^ z6;
    let s7 = b20 ^ z7;
    let s0 = s4 ^ b9;
    [s0, s1, s2, s3, s4, s5, s6, s7]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sm4::definition;

    #[test]
    fn the_circuit_is_the_s_box_of_every_byte() {
        assert_eq!(definition::apply(&definition::A, INPUT_CONSTANT), definition::C);
        assert_eq!(OUTPUT_CONSTANT, definition::C);
        for byte in 0..=255u8 {
            let planes = sbox([0, 1, 2, 3, 4, 5, 6, 7].map(|bit| (byte ^ INPUT_CONSTANT) >> bit & 1));
            let image = planes.iter().rev().fold(0, |image, plane| image << 1 | plane);
            assert_eq!(image ^ definition::C, definition::tests::sbox(byte), "{byte:02x}");
        }
    }
}
