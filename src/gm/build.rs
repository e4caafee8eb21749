//! Makes the table of multiples of G that `sm2/table.rs` includes: for each of 37 windows w, 1, 3, ... 127 times `2^(7 w) G`.

use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;

use fiat_crypto::sm2_64::{
    fiat_sm2_add, fiat_sm2_montgomery_domain_field_element as Fe, fiat_sm2_mul,
    fiat_sm2_non_montgomery_domain_field_element as Plain, fiat_sm2_set_one, fiat_sm2_sub,
    fiat_sm2_to_montgomery,
};

/// xG (GB/T 32918.5-2017, 2), least word first
const GX: [u64; 4] =
    [0x715a_4589_334c_74c7, 0x8fe3_0bbf_f266_0be1, 0x5f99_0446_6a39_c994, 0x32c4_ae2c_1f19_8119];
/// yG
const GY: [u64; 4] =
    [0x02df_32e5_2139_f0a0, 0xd0a9_877c_c62a_4740, 0x59bd_cee3_6b69_2153, 0xbc37_36a2_f4f6_779c];
/// `p - 2`, least word first
const P_MINUS_2: [u64; 4] =
    [0xffff_ffff_ffff_fffd, 0xffff_ffff_0000_0000, 0xffff_ffff_ffff_ffff, 0xffff_fffe_ffff_ffff];

/// Affine coordinates in Montgomery form.
type Point = (Fe, Fe);

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut table = String::from("[\n");
    let mut base = (montgomery(GX), montgomery(GY));
    for _ in 0..37 {
        table.push_str("[\n");
        let (mut multiple, twice) = (base, add(&base, &base));
        for _ in 0..64 {
            let [x, y] = [multiple.0.0, multiple.1.0];
            writeln!(table, "entry({x:#x?}, {y:#x?}),")?;
            multiple = add(&multiple, &twice);
        }
        table.push_str("],\n");
        for _ in 0..7 {
            base = add(&base, &base);
        }
    }
    table.push_str("]\n");
    let folder = std::env::var_os("OUT_DIR").ok_or("cargo names no OUT_DIR")?;
    Ok(std::fs::write(PathBuf::from(folder).join("generator.rs"), table)?)
}

/// The textbook's addition; no sum here is infinity.
fn add(a: &Point, b: &Point) -> Point {
    let slope = if a.0.0 == b.0.0 {
        // (3 x^2 - 3) / 2 y
        let square = product(&a.0, &a.0);
        let difference = subtract(&square, &one());
        let three = sum(&sum(&difference, &difference), &difference);
        product(&three, &inverse(&sum(&a.1, &a.1)))
    } else {
        product(&subtract(&b.1, &a.1), &inverse(&subtract(&b.0, &a.0)))
    };
    let x = subtract(&subtract(&product(&slope, &slope), &a.0), &b.0);
    let y = subtract(&product(&slope, &subtract(&a.0, &x)), &a.1);
    (x, y)
}

fn inverse(a: &Fe) -> Fe {
    let bits = P_MINUS_2.iter().rev().flat_map(|word| (0..64).rev().map(move |bit| word >> bit & 1));
    bits.fold(one(), |power, bit| {
        let square = product(&power, &power);
        if bit == 1 { product(&square, a) } else { square }
    })
}

fn one() -> Fe {
    let mut one = Fe([0; 4]);
    fiat_sm2_set_one(&mut one);
    one
}

fn montgomery(words: [u64; 4]) -> Fe {
    let mut out = Fe([0; 4]);
    fiat_sm2_to_montgomery(&mut out, &Plain(words));
    out
}

fn product(a: &Fe, b: &Fe) -> Fe {
    let mut out = Fe([0; 4]);
    fiat_sm2_mul(&mut out, a, b);
    out
}

fn sum(a: &Fe, b: &Fe) -> Fe {
    let mut out = Fe([0; 4]);
    fiat_sm2_add(&mut out, a, b);
    out
}

fn subtract(a: &Fe, b: &Fe) -> Fe {
    let mut out = Fe([0; 4]);
    fiat_sm2_sub(&mut out, a, b);
    out
}
