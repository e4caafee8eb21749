//! The compression function (GB/T 32905-2016, 5.3), written once for one block and for many side by side.

#![expect(clippy::indexing_slicing, reason = "every index is a constant or masked to the 16 words there are")]

use zeroize::Zeroize;

use super::BLOCK_BYTES;
#[cfg(target_arch = "x86_64")]
use crate::arch::{cpu::Avx2, sm3::compress_in_turn};

/// The chaining value: A to H.
pub(crate) type State = [u32; 8];

/// One block of a message.
pub(crate) type Block = [u8; BLOCK_BYTES];

/// The chaining value before the first block (GB/T 32905-2016, 4.1).
pub(crate) const INITIAL: State =
    [0x7380_166f, 0x4914_b2b9, 0x1724_42d7, 0xda8a_0600, 0xa96f_30bc, 0x1631_38aa, 0xe38d_ee4d, 0xb0fb_0e4e];

/// `T_j <<< (j mod 32)` (GB/T 32905-2016, 4.2 and 5.3.3).
pub(crate) static ROTATED: [[u32; 16]; 4] = {
    let mut rotated = [[0; 16]; 4];
    let mut j = 0;
    while j < 64 {
        let t: u32 = if j < 16 { 0x79cc_4519 } else { 0x7a87_9d8a };
        rotated[j / 16][j % 16] = t.rotate_left(j as u32 % 32);
        j += 1;
    }
    rotated
};

/// What the compression function computes with: a 32-bit word, or the same word of several blocks at once.
pub(crate) trait Word: Copy {
    /// `constant` in every block; `self` only shows that there can be such words.
    fn all(self, constant: u32) -> Self;
    /// Addition modulo 2^32.
    fn plus(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// `self <<< N`
    fn rotated<const N: i32>(self) -> Self;
    /// FF of the late rounds (GB/T 32905-2016, 4.3).
    fn majority(self, y: Self, z: Self) -> Self;
    /// GG of the late rounds: `self` chooses between the bits of `y` and those of `z`.
    fn choice(self, y: Self, z: Self) -> Self;
    /// FF and GG of the early rounds.
    #[inline(always)]
    fn xor3(self, y: Self, z: Self) -> Self {
        self.xor(y).xor(z)
    }
    /// P0 (GB/T 32905-2016, 4.4).
    #[inline(always)]
    fn p0(self) -> Self {
        self.xor3(self.rotated::<9>(), self.rotated::<17>())
    }
    /// P1
    #[inline(always)]
    fn p1(self) -> Self {
        self.xor3(self.rotated::<15>(), self.rotated::<23>())
    }
}

impl Word for u32 {
    #[inline(always)]
    fn all(self, constant: u32) -> Self {
        constant
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }

    #[inline(always)]
    fn rotated<const N: i32>(self) -> Self {
        self.rotate_left(N.unsigned_abs())
    }

    #[inline(always)]
    fn majority(self, y: Self, z: Self) -> Self {
        (self & (y | z)) | (y & z)
    }

    #[inline(always)]
    fn choice(self, y: Self, z: Self) -> Self {
        z ^ (self & (y ^ z))
    }
}

/// Takes `blocks` into `state`, one after the other. What is left of them on the stack is wiped.
pub(crate) fn compress_blocks(state: &mut State, blocks: &[Block]) {
    #[cfg(target_arch = "x86_64")]
    let blocks = match Avx2::here() {
        Some(avx2) => compress_in_turn(avx2, state, blocks),
        None => blocks,
    };
    let mut words = [0; 16];
    for block in blocks {
        words.iter_mut().zip(block.as_chunks().0).for_each(|(w, bytes)| *w = u32::from_be_bytes(*bytes));
        compress(state, &mut words);
    }
    words.zeroize();
}

/// `CF(V, B)`: takes the block of `words` into `state`; `words` end as the last of the expanded ones.
#[inline(always)]
pub(crate) fn compress<W: Word>(state: &mut [W; 8], words: &mut [W; 16]) {
    let mut s = *state;
    let [early, late @ ..] = &ROTATED;
    s = sixteen_rounds::<W, false>(s, words, early);
    for constants in late {
        s = sixteen_rounds::<W, true>(s, words, constants);
    }
    state.iter_mut().zip(s).for_each(|(v, s)| *v = v.xor(s));
}

#[inline(always)]
fn sixteen_rounds<W: Word, const LATE: bool>(
    mut s: [W; 8],
    words: &mut [W; 16],
    constants: &[u32; 16],
) -> [W; 8] {
    macro_rules! rounds {
        ($($j:literal)*) => {$( s = round::<W, LATE>(s, words_of_round::<W, LATE>(words, $j), constants[$j]); )*};
    }
    rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    s
}

/// `W_j` and `W'_j` (GB/T 32905-2016, 5.3.2) of the j-th of sixteen rounds, `LATE` when they are not the first sixteen. `words` hold W_j to
/// W_j+15, turned so that each has its place mod 16, and are expanded by one on the way.
#[inline(always)]
pub(crate) fn words_of_round<W: Word, const LATE: bool>(words: &mut [W; 16], j: usize) -> (W, W) {
    let word = words[j];
    let ahead = if LATE || j >= 12 { expand(words, j + 4) } else { words[j + 4] };
    (word, word.xor(ahead))
}

/// One round (GB/T 32905-2016, 5.3.3), with `W_j` and `W'_j`.
#[inline(always)]
fn round<W: Word, const LATE: bool>(
    [a, b, c, d, e, f, g, h]: [W; 8],
    (word, primed): (W, W),
    constant: u32,
) -> [W; 8] {
    let a12 = a.rotated::<12>();
    let ss1 = a12.plus(a.all(constant)).plus(e).rotated::<7>();
    let ss2 = ss1.xor(a12);
    let ff = if LATE { a.majority(b, c) } else { a.xor3(b, c) };
    let gg = if LATE { e.choice(f, g) } else { e.xor3(f, g) };
    // The sums are ordered so that what is known early is added first.
    let tt1 = d.plus(primed).plus(ff).plus(ss2);
    let tt2 = h.plus(word).plus(gg).plus(ss1);
    [tt1, a, b.rotated::<9>(), c, tt2.p0(), e, f.rotated::<19>(), g]
}

/// W_j in the place of W_j-16 (GB/T 32905-2016, 5.3.2).
#[inline(always)]
fn expand<W: Word>(words: &mut [W; 16], j: usize) -> W {
    let w = |back: usize| words[(j + 16 - back) % 16];
    let mixed = w(16).xor3(w(9), w(3).rotated::<15>()).p1();
    let new = mixed.xor3(w(13).rotated::<7>(), w(6));
    words[j % 16] = new;
    new
}
