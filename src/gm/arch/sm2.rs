//! SM2's field with MULX, ADCX and ADOX, and look-ups with AVX2.
//!
//! The oracle is the portable path (`sm2/field.rs`) and fiat-crypto: `sm2/field/tests.rs` compares all three. Instructions are written out
//! so that no compiler turns the masked choices into branches: what is conditional here is CMOVcc, after flags that all inputs take alike.
#![expect(unsafe_code, reason = "instructions of one processor")]

use core::arch::asm;
use core::arch::x86_64::{
    __m256i, __m512i, _mm256_add_epi64, _mm256_and_si256, _mm256_cmpeq_epi64, _mm256_load_si256,
    _mm256_or_si256, _mm256_set1_epi64x, _mm256_setzero_si256, _mm512_add_epi64, _mm512_cmpeq_epi64_mask,
    _mm512_load_si512, _mm512_mask_mov_epi64, _mm512_or_si512, _mm512_set1_epi64, _mm512_setzero_si512,
};

use super::cpu::{Avx2, Avx512};
use crate::sm2::field::{Fe, Field, P};
use crate::sm2::point::{Affine, Jacobian};

/// One step of Montgomery's reduction: with m the lowest word, `m 2^256 - m 2^224 - m 2^96 + m 2^64` is added to the words above it;
/// what would be the highest of them is kept in m's register.
macro_rules! reduction_step {
    ($m:literal, $a:literal, $b:literal, $c:literal) => {
        concat!(
            "mov {lo}, {",
            $m,
            "}\n mov {hi}, {",
            $m,
            "}\n shl {lo}, 32\n shr {hi}, 32\n",
            "add {",
            $a,
            "}, {",
            $m,
            "}\n adc {",
            $b,
            "}, 0\n adc {",
            $c,
            "}, 0\n adc {",
            $m,
            "}, 0\n",
            "sub {",
            $a,
            "}, {lo}\n sbb {",
            $b,
            "}, {hi}\n sbb {",
            $c,
            "}, {lo}\n sbb {",
            $m,
            "}, {hi}\n",
        )
    };
}

/// t0..t7 become t0..t3, below p.
macro_rules! reduction {
    () => {
        concat!(
            reduction_step!("t0", "t1", "t2", "t3"),
            reduction_step!("t1", "t2", "t3", "t0"),
            reduction_step!("t2", "t3", "t0", "t1"),
            reduction_step!("t3", "t0", "t1", "t2"),
            "add {t0}, {t4}\n adc {t1}, {t5}\n adc {t2}, {t6}\n adc {t3}, {t7}\n mov {lo:e}, 0\n adc {lo}, {lo}\n",
            // below 2 p now: p is taken off, and put back where that went below 0
            "mov {t4}, {t0}\n mov {t5}, {t1}\n mov {t6}, {t2}\n mov {t7}, {t3}\n",
            "mov {hi}, 0xffffffff00000000\n mov rdx, 0xfffffffeffffffff\n",
            "sub {t4}, -1\n sbb {t5}, {hi}\n sbb {t6}, -1\n sbb {t7}, rdx\n sbb {lo}, 0\n",
            "cmovnc {t0}, {t4}\n cmovnc {t1}, {t5}\n cmovnc {t2}, {t6}\n cmovnc {t3}, {t7}\n",
        )
    };
}

/// Adds `a * b[$at]` to four words from `$t0` on and clears and sets the fifth; low halves along OF, high halves along CF.
macro_rules! product_row {
    ($at:literal, $t0:literal, $t1:literal, $t2:literal, $t3:literal, $t4:literal) => {
        concat!(
            "mov rdx, [{b} + ",
            $at,
            "]\n xor {",
            $t4,
            ":e}, {",
            $t4,
            ":e}\n",
            "mulx {hi}, {lo}, [{a}]\n adox {",
            $t0,
            "}, {lo}\n adcx {",
            $t1,
            "}, {hi}\n",
            "mulx {hi}, {lo}, [{a} + 8]\n adox {",
            $t1,
            "}, {lo}\n adcx {",
            $t2,
            "}, {hi}\n",
            "mulx {hi}, {lo}, [{a} + 16]\n adox {",
            $t2,
            "}, {lo}\n adcx {",
            $t3,
            "}, {hi}\n",
            "mulx {hi}, {lo}, [{a} + 24]\n adox {",
            $t3,
            "}, {lo}\n adcx {",
            $t4,
            "}, {hi}\n",
            "mov {lo:e}, 0\n adox {",
            $t4,
            "}, {lo}\n",
        )
    };
}

impl Field for Avx2 {
    #[inline(always)]
    fn mul(self, a: &Fe, b: &Fe) -> Fe {
        let (t0, t1, t2, t3): (u64, u64, u64, u64);
        // SAFETY: reads four words behind each pointer, writes registers only; the token says that MULX, ADCX and ADOX are there.
        unsafe {
            asm!(
                concat!(
                    "mov rdx, [{b}]\n mulx {t1}, {t0}, [{a}]\n",
                    "mulx {t2}, {lo}, [{a} + 8]\n add {t1}, {lo}\n",
                    "mulx {t3}, {lo}, [{a} + 16]\n adc {t2}, {lo}\n",
                    "mulx {t4}, {lo}, [{a} + 24]\n adc {t3}, {lo}\n adc {t4}, 0\n",
                    product_row!(8, "t1", "t2", "t3", "t4", "t5"),
                    product_row!(16, "t2", "t3", "t4", "t5", "t6"),
                    product_row!(24, "t3", "t4", "t5", "t6", "t7"),
                    reduction!(),
                ),
                a = in(reg) a.0.as_ptr(), b = in(reg) b.0.as_ptr(), out("rdx") _,
                t0 = out(reg) t0, t1 = out(reg) t1, t2 = out(reg) t2, t3 = out(reg) t3,
                t4 = out(reg) _, t5 = out(reg) _, t6 = out(reg) _, t7 = out(reg) _, lo = out(reg) _, hi = out(reg) _,
                options(pure, readonly, nostack),
            );
        }
        Fe([t0, t1, t2, t3])
    }

    #[inline(always)]
    fn square(self, a: &Fe) -> Fe {
        let (t0, t1, t2, t3): (u64, u64, u64, u64);
        // SAFETY: reads four words behind the pointer, writes registers only; the token says that MULX, ADCX and ADOX are there.
        unsafe {
            asm!(
                concat!(
                    // the products of different words, once each
                    "mov rdx, [{a}]\n mulx {t2}, {t1}, [{a} + 8]\n mulx {t3}, {lo}, [{a} + 16]\n add {t2}, {lo}\n",
                    "mulx {t4}, {lo}, [{a} + 24]\n adc {t3}, {lo}\n adc {t4}, 0\n",
                    "mov rdx, [{a} + 8]\n mulx {hi}, {lo}, [{a} + 16]\n mulx {t5}, {t0}, [{a} + 24]\n",
                    "add {t3}, {lo}\n adc {t4}, {hi}\n adc {t5}, 0\n add {t4}, {t0}\n",
                    "mov rdx, [{a} + 16]\n mulx {t6}, {lo}, [{a} + 24]\n adc {t5}, {lo}\n adc {t6}, 0\n",
                    // doubled along CF, with the squares added along OF
                    "xor {t7:e}, {t7:e}\n",
                    "mov rdx, [{a}]\n mulx {lo}, {t0}, rdx\n adcx {t1}, {t1}\n adox {t1}, {lo}\n",
                    "mov rdx, [{a} + 8]\n mulx {hi}, {lo}, rdx\n",
                    "adcx {t2}, {t2}\n adox {t2}, {lo}\n adcx {t3}, {t3}\n adox {t3}, {hi}\n",
                    "mov rdx, [{a} + 16]\n mulx {hi}, {lo}, rdx\n",
                    "adcx {t4}, {t4}\n adox {t4}, {lo}\n adcx {t5}, {t5}\n adox {t5}, {hi}\n",
                    "mov rdx, [{a} + 24]\n mulx {hi}, {lo}, rdx\n",
                    "adcx {t6}, {t6}\n adox {t6}, {lo}\n adcx {t7}, {t7}\n adox {t7}, {hi}\n",
                    reduction!(),
                ),
                a = in(reg) a.0.as_ptr(), out("rdx") _,
                t0 = out(reg) t0, t1 = out(reg) t1, t2 = out(reg) t2, t3 = out(reg) t3,
                t4 = out(reg) _, t5 = out(reg) _, t6 = out(reg) _, t7 = out(reg) _, lo = out(reg) _, hi = out(reg) _,
                options(pure, readonly, nostack),
            );
        }
        Fe([t0, t1, t2, t3])
    }

    #[inline(always)]
    fn add(self, a: &Fe, b: &Fe) -> Fe {
        let [mut t0, mut t1, mut t2, mut t3] = a.0;
        let [_, p1, _, p3] = P;
        // SAFETY: reads four words behind the pointer, writes registers only.
        unsafe {
            asm!(
                "add {t0}, [{b}]", "adc {t1}, [{b} + 8]", "adc {t2}, [{b} + 16]", "adc {t3}, [{b} + 24]",
                "mov {c:e}, 0", "adc {c}, {c}",
                "mov {s0}, {t0}", "mov {s1}, {t1}", "mov {s2}, {t2}", "mov {s3}, {t3}",
                "sub {s0}, -1", "sbb {s1}, {p1}", "sbb {s2}, -1", "sbb {s3}, {p3}", "sbb {c}, 0",
                "cmovnc {t0}, {s0}", "cmovnc {t1}, {s1}", "cmovnc {t2}, {s2}", "cmovnc {t3}, {s3}",
                b = in(reg) b.0.as_ptr(), t0 = inout(reg) t0, t1 = inout(reg) t1, t2 = inout(reg) t2, t3 = inout(reg) t3,
                s0 = out(reg) _, s1 = out(reg) _, s2 = out(reg) _, s3 = out(reg) _, c = out(reg) _,
                p1 = in(reg) p1, p3 = in(reg) p3,
                options(pure, readonly, nostack),
            );
        }
        Fe([t0, t1, t2, t3])
    }

    #[inline(always)]
    fn sub(self, a: &Fe, b: &Fe) -> Fe {
        let [mut t0, mut t1, mut t2, mut t3] = a.0;
        // SAFETY: reads four words behind the pointer, writes registers only.
        unsafe {
            asm!(
                "sub {t0}, [{b}]", "sbb {t1}, [{b} + 8]", "sbb {t2}, [{b} + 16]", "sbb {t3}, [{b} + 24]",
                // p where it went below 0: all ones, ones above bit 32, all ones, all ones but bit 32
                "sbb {m}, {m}", "mov {m1}, {m}", "shl {m1}, 32", "mov {m3}, {m}", "btr {m3}, 32",
                "add {t0}, {m}", "adc {t1}, {m1}", "adc {t2}, {m}", "adc {t3}, {m3}",
                b = in(reg) b.0.as_ptr(), t0 = inout(reg) t0, t1 = inout(reg) t1, t2 = inout(reg) t2, t3 = inout(reg) t3,
                m = out(reg) _, m1 = out(reg) _, m3 = out(reg) _,
                options(pure, readonly, nostack),
            );
        }
        Fe([t0, t1, t2, t3])
    }

    #[inline(always)]
    fn entry(self, table: &[Affine; 64], index: u64) -> Affine {
        match Avx512::here() {
            // SAFETY: the token says that AVX-512 F is there.
            Some(_) => unsafe { entry_512(table, index) },
            // SAFETY: the token says that AVX2 is there.
            None => unsafe { entry_256(table, index) },
        }
    }

    #[inline(always)]
    fn multiple(self, table: &[Jacobian; 16], index: u64) -> Jacobian {
        // SAFETY: the token says that AVX2 is there.
        unsafe { multiple(table, index) }
    }
}

/// Every entry is loaded and masked; the right one remains.
#[target_feature(enable = "avx2")]
fn entry_256(table: &[Affine; 64], index: u64) -> Affine {
    let wanted = _mm256_set1_epi64x(index.cast_signed());
    let mut number = _mm256_setzero_si256();
    let mut found = [_mm256_setzero_si256(); 2];
    for entry in table {
        let mask = _mm256_cmpeq_epi64(number, wanted);
        number = _mm256_add_epi64(number, _mm256_set1_epi64x(1));
        let parts = core::ptr::from_ref(entry).cast::<__m256i>();
        for (i, found) in found.iter_mut().enumerate() {
            // SAFETY: an `Affine` is two words of AVX2, aligned.
            let part = unsafe { _mm256_load_si256(parts.add(i)) };
            *found = _mm256_or_si256(*found, _mm256_and_si256(mask, part));
        }
    }
    // SAFETY: an `Affine` is two words of AVX2, and any bits make one.
    unsafe { core::mem::transmute::<[__m256i; 2], Affine>(found) }
}

/// Every entry is loaded, one after the other; the right one is kept.
#[target_feature(enable = "avx512f")]
fn entry_512(table: &[Affine; 64], index: u64) -> Affine {
    // Two halves, so that no look-up waits for the one before it.
    let (wanted, wanted_high) =
        (_mm512_set1_epi64(index.cast_signed()), _mm512_set1_epi64(index.cast_signed() - 32));
    let mut number = _mm512_setzero_si512();
    let (mut found, mut found_high) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    let (low, high) = table.split_at(32);
    for (low, high) in low.iter().zip(high) {
        let [low, high] = [low, high].map(|entry| core::ptr::from_ref(entry).cast::<__m512i>());
        // SAFETY: an `Affine` is one word of AVX-512, aligned.
        let (low, high) = unsafe { (_mm512_load_si512(low), _mm512_load_si512(high)) };
        found = _mm512_mask_mov_epi64(found, _mm512_cmpeq_epi64_mask(number, wanted), low);
        found_high = _mm512_mask_mov_epi64(found_high, _mm512_cmpeq_epi64_mask(number, wanted_high), high);
        number = _mm512_add_epi64(number, _mm512_set1_epi64(1));
    }
    // SAFETY: an `Affine` is one word of AVX-512, and any bits make one; where one half found nothing it is 0.
    unsafe { core::mem::transmute::<__m512i, Affine>(_mm512_or_si512(found, found_high)) }
}

/// As [`entry_256`], from 1.
#[target_feature(enable = "avx2")]
fn multiple(table: &[Jacobian; 16], index: u64) -> Jacobian {
    let wanted = _mm256_set1_epi64x(index.cast_signed());
    let mut number = _mm256_setzero_si256();
    let mut found = [_mm256_setzero_si256(); 3];
    for entry in table {
        number = _mm256_add_epi64(number, _mm256_set1_epi64x(1));
        let mask = _mm256_cmpeq_epi64(number, wanted);
        let parts = core::ptr::from_ref(entry).cast::<__m256i>();
        for (i, found) in found.iter_mut().enumerate() {
            // SAFETY: a `Jacobian` is three words of AVX2, aligned.
            let part = unsafe { _mm256_load_si256(parts.add(i)) };
            *found = _mm256_or_si256(*found, _mm256_and_si256(mask, part));
        }
    }
    // SAFETY: a `Jacobian` is three words of AVX2, and any bits make one.
    unsafe { core::mem::transmute::<[__m256i; 3], Jacobian>(found) }
}
