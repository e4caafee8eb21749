//! Inverses modulo p and n in a fixed number of steps.
//!
//! Source: Bernstein and Yang, "Fast constant-time gcd computation and modular inversion" (2019), with the half-step start that makes
//! 590 steps enough for 256 bits (Wuille, 2021). 62 steps at a time act on the lowest words alone and are gathered into a matrix; then
//! the matrix acts on the whole numbers.

use crate::arch::opaque;

/// Steps that one matrix gathers, and bits in one limb.
const STEP_BITS: u32 = 62;
/// 10 times 62 steps, where 590 are proven enough.
const MATRICES: usize = 10;
const MASK: i64 = (1 << STEP_BITS) - 1;

/// Five limbs of 62 bits, least first; the highest carries the sign.
type Limbs = [i64; 5];

/// An odd number below 2^256 to invert by.
pub(super) struct Modulus {
    limbs: Limbs,
    /// Its inverse modulo 2^62.
    inverse: i64,
}

pub(super) const P: Modulus = Modulus::new(super::field::P);
pub(super) const N: Modulus = Modulus::new(super::scalar::N);

/// What 62 steps do to (f, g), times 2^62.
struct Matrix {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

impl Modulus {
    const fn new(words: [u64; 4]) -> Self {
        let limbs = to_limbs(words);
        // Newton's iteration: each round doubles the number of right bits, from 3.
        let [low, ..] = limbs;
        let mut inverse = low;
        let mut bits = 3;
        while bits < STEP_BITS {
            inverse = inverse.wrapping_mul(2i64.wrapping_sub(low.wrapping_mul(inverse)));
            bits *= 2;
        }
        Self { limbs, inverse: inverse & MASK }
    }

    /// `a^-1` modulo this for `a` below it, and 0 for 0. In constant time.
    pub(super) fn invert(&self, a: &[u64; 4]) -> [u64; 4] {
        let (mut f, mut g) = (self.limbs, to_limbs(*a));
        // Throughout: d * a = f and e * a = g, up to the powers of two that `apply_modulo` takes off.
        let (mut d, mut e): (Limbs, Limbs) = ([0; 5], [1, 0, 0, 0, 0]);
        let mut zeta = -1;
        for _ in 0..MATRICES {
            let matrix = gather(&mut zeta, &f, &g);
            self.apply_modulo(&matrix, &mut d, &mut e);
            apply(&matrix, &mut f, &mut g);
        }
        // f is 1 or -1 (or the modulus, when a = 0 and d = 0), so the inverse is d or -d.
        let [.., sign] = f;
        let inverse = to_words(&self.normalize(&d, sign >> 63));
        super::wipe([&mut f, &mut g, &mut d, &mut e]);
        inverse
    }

    /// `(d, e) = matrix (d, e) / 2^62` modulo this. In and out: above -2 times the modulus, below the modulus.
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
    fn apply_modulo(&self, m: &Matrix, d: &mut Limbs, e: &mut Limbs) {
        let [m0, m1, m2, m3, m4] = self.limbs;
        let ([d0, d1, d2, d3, d4], [e0, e1, e2, e3, e4]) = (*d, *e);
        // What is negative is lifted by the modulus, then enough of it is added to make the low limb vanish.
        let (d_sign, e_sign) = (d4 >> 63, e4 >> 63);
        let (mut md, mut me) = ((m.u & d_sign) + (m.v & e_sign), (m.q & d_sign) + (m.r & e_sign));
        let (cd, ce) = (wide(m.u, d0) + wide(m.v, e0), wide(m.q, d0) + wide(m.r, e0));
        md -= self.inverse.wrapping_mul(cd as i64).wrapping_add(md) & MASK;
        me -= self.inverse.wrapping_mul(ce as i64).wrapping_add(me) & MASK;
        let (mut cd, mut ce) = (cd + wide(m0, md), ce + wide(m0, me));
        let mut next = |di: i64, ei: i64, mi: i64| {
            cd = (cd >> STEP_BITS) + wide(m.u, di) + wide(m.v, ei) + wide(mi, md);
            ce = (ce >> STEP_BITS) + wide(m.q, di) + wide(m.r, ei) + wide(mi, me);
            (cd as i64 & MASK, ce as i64 & MASK, (cd >> STEP_BITS) as i64, (ce >> STEP_BITS) as i64)
        };
        let (a0, b0, ..) = next(d1, e1, m1);
        let (a1, b1, ..) = next(d2, e2, m2);
        let (a2, b2, ..) = next(d3, e3, m3);
        let (a3, b3, a4, b4) = next(d4, e4, m4);
        (*d, *e) = ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]);
    }

    /// `a`, or `-a` where `negative` is all ones, brought from (-2 M, M) into 0 to M - 1.
    fn normalize(&self, a: &Limbs, negative: i64) -> Limbs {
        let mut a = *a;
        let lifted = |a: &Limbs| {
            let [.., sign] = *a;
            let mask = opaque((sign >> 63).cast_unsigned()).cast_signed();
            let mut sum = *a;
            sum.iter_mut().zip(&self.limbs).for_each(|(s, m)| *s += m & mask);
            carried(&sum)
        };
        a = lifted(&a);
        let negative = opaque(negative.cast_unsigned()).cast_signed();
        a.iter_mut().for_each(|limb| *limb = (*limb ^ negative) - negative);
        lifted(&carried(&a))
    }
}

/// 62 division steps on the low words, in constant time. `zeta` is -(delta + 1/2) of the paper.
fn gather(zeta: &mut i64, f: &Limbs, g: &Limbs) -> Matrix {
    // 64 bits are enough: the steps look at 62.
    let low = |[l0, l1, ..]: &Limbs| *l0 as u64 | (*l1 as u64) << STEP_BITS;
    let (mut f, mut g) = (low(f), low(g));
    let (mut u, mut v, mut q, mut r) = (1u64, 0u64, 0u64, 1u64);
    for _ in 0..STEP_BITS {
        let swap = opaque((*zeta >> 63) as u64);
        let odd = opaque((g & 1).wrapping_neg());
        // g is odd: add f to it, or -f when a swap is due
        let signed = |x: u64| (x ^ swap).wrapping_sub(swap);
        g = g.wrapping_add(signed(f) & odd);
        q = q.wrapping_add(signed(u) & odd);
        r = r.wrapping_add(signed(v) & odd);
        // g is odd and a swap is due: f becomes the old g
        let swap = swap & odd;
        *zeta = (*zeta ^ swap as i64) - 1;
        f = f.wrapping_add(g & swap);
        u = u.wrapping_add(q & swap);
        v = v.wrapping_add(r & swap);
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    Matrix { u: u as i64, v: v as i64, q: q as i64, r: r as i64 }
}

/// `(f, g) = matrix (f, g) / 2^62`, which is exact.
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
fn apply(m: &Matrix, f: &mut Limbs, g: &mut Limbs) {
    let ([f0, f1, f2, f3, f4], [g0, g1, g2, g3, g4]) = (*f, *g);
    let (mut cf, mut cg) = (wide(m.u, f0) + wide(m.v, g0), wide(m.q, f0) + wide(m.r, g0));
    let mut next = |fi: i64, gi: i64| {
        cf = (cf >> STEP_BITS) + wide(m.u, fi) + wide(m.v, gi);
        cg = (cg >> STEP_BITS) + wide(m.q, fi) + wide(m.r, gi);
        (cf as i64 & MASK, cg as i64 & MASK, (cf >> STEP_BITS) as i64, (cg >> STEP_BITS) as i64)
    };
    let (a0, b0, ..) = next(f1, g1);
    let (a1, b1, ..) = next(f2, g2);
    let (a2, b2, ..) = next(f3, g3);
    let (a3, b3, a4, b4) = next(f4, g4);
    (*f, *g) = ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]);
}

const fn wide(a: i64, b: i64) -> i128 {
    (a as i128) * (b as i128)
}

/// The same number with every limb but the highest in 0 to 2^62 - 1.
const fn carried(a: &Limbs) -> Limbs {
    let [a0, a1, a2, a3, a4] = *a;
    let a1 = a1 + (a0 >> STEP_BITS);
    let a2 = a2 + (a1 >> STEP_BITS);
    let a3 = a3 + (a2 >> STEP_BITS);
    let a4 = a4 + (a3 >> STEP_BITS);
    [a0 & MASK, a1 & MASK, a2 & MASK, a3 & MASK, a4]
}

const fn to_limbs(words: [u64; 4]) -> Limbs {
    let [w0, w1, w2, w3] = words;
    let mask = MASK as u64;
    [
        (w0 & mask) as i64,
        ((w0 >> 62 | w1 << 2) & mask) as i64,
        ((w1 >> 60 | w2 << 4) & mask) as i64,
        ((w2 >> 58 | w3 << 6) & mask) as i64,
        (w3 >> 56) as i64,
    ]
}

const fn to_words(limbs: &Limbs) -> [u64; 4] {
    let [l0, l1, l2, l3, l4] = *limbs;
    let [l0, l1, l2, l3, l4] = [l0 as u64, l1 as u64, l2 as u64, l3 as u64, l4 as u64];
    [l0 | l1 << 62, l1 >> 2 | l2 << 60, l2 >> 4 | l3 << 58, l3 >> 6 | l4 << 56]
}
