//! Blocks one after the other: their words are expanded 8 blocks at a time, which leaves the rounds alone to be done in turn.
//!
//! The rounds are written out in the processor's language. Compiled, they keep words on the stack that the next round waits for.

use core::arch::asm;

use zeroize::Zeroize;

use super::x8::X8;
use super::{Avx2, load_blocks};
use crate::sm3::compress::{Block, ROTATED, State, words_of_round};

/// Of every round the `W_j` of 8 blocks, and their `W'_j` (GB/T 32905-2016, 5.3.2).
type Expanded = [[[u32; 8]; 2]; 64];

/// Fewer blocks are faster with their words expanded alone: all 8 lanes cost what the rounds save on so many.
pub(super) const WORTH_THE_LANES: usize = 6;

/// Takes the first of `blocks` into `state`, and says which are left: too few for this. The words of the others are wiped.
#[inline(always)]
pub(super) fn compress<'a>(proof: Avx2, state: &mut State, blocks: &'a [Block]) -> &'a [Block] {
    let mut expanded = [[[0; 8]; 2]; 64];
    let mut left = blocks;
    while left.len() >= WORTH_THE_LANES {
        let (run, after) = left.split_at(left.len().min(8));
        // A lane without a block does what the first one does, and nobody asks for it.
        let mut lanes = [&run[0]; 8];
        lanes.iter_mut().zip(run).for_each(|(lane, block)| *lane = block);
        expand(proof, &mut expanded, lanes);
        (0..run.len()).for_each(|lane| rounds(proof, state, &expanded, lane));
        left = after;
    }
    expanded.as_flattened_mut().as_flattened_mut().zeroize();
    left
}

#[inline(always)]
fn expand(proof: Avx2, expanded: &mut Expanded, blocks: [&Block; 8]) {
    let mut words = load_blocks::<X8, 8>(proof, blocks);
    let (early, late) = expanded.split_at_mut(16);
    for (j, place) in early.iter_mut().enumerate() {
        *place = lanes(words_of_round::<X8, false>(&mut words, j));
    }
    for (i, place) in late.iter_mut().enumerate() {
        *place = lanes(words_of_round::<X8, true>(&mut words, i % 16));
    }
    for word in &mut words {
        word.wipe();
    }
}

#[inline(always)]
fn lanes((word, primed): (X8, X8)) -> [[u32; 8]; 2] {
    [word.lanes(), primed.lanes()]
}

/// One round with the registers of A to H; `$functions` adds FF to D and GG to H.
#[rustfmt::skip]
macro_rules! round {
    ($functions:ident $first:literal $i:literal $a:literal $b:literal $c:literal $d:literal $e:literal $f:literal $g:literal $h:literal) => {
        concat!(
            // u = E + T_j <<< j, t = A <<< 12
            "rorx {t:e}, {", $a, ":e}, 20\n mov {u:e}, dword ptr [rip + {constants} + 4*(", $first, $i, ")]\n add {u:e}, {", $e, ":e}\n",
            // W_j, W'_j
            "add {", $h, ":e}, dword ptr [{words} + 64*(", $first, $i, ")]\n add {", $d, ":e}, dword ptr [{words} + 64*(", $first, $i, ") + 32]\n",
            "add {u:e}, {t:e}\n",
            $functions!($a $b $c $d $e $f $g $h),
            // u = SS1, t = SS2; D becomes TT1, H becomes TT2
            "rorx {u:e}, {u:e}, 25\n rorx {", $b, ":e}, {", $b, ":e}, 23\n add {", $h, ":e}, {u:e}\n",
            "xor {t:e}, {u:e}\n rorx {", $f, ":e}, {", $f, ":e}, 13\n add {", $d, ":e}, {t:e}\n",
            // P0
            "rorx {v:e}, {", $h, ":e}, 23\n rorx {w:e}, {", $h, ":e}, 15\n xor {", $h, ":e}, {v:e}\n xor {", $h, ":e}, {w:e}\n",
        )
    };
}

#[rustfmt::skip]
macro_rules! early {
    ($a:literal $b:literal $c:literal $d:literal $e:literal $f:literal $g:literal $h:literal) => {
        concat!(
            "mov {v:e}, {", $f, ":e}\n xor {v:e}, {", $g, ":e}\n xor {v:e}, {", $e, ":e}\n add {", $h, ":e}, {v:e}\n",
            "mov {w:e}, {", $b, ":e}\n xor {w:e}, {", $c, ":e}\n xor {w:e}, {", $a, ":e}\n add {", $d, ":e}, {w:e}\n",
        )
    };
}

/// The halves of the choice have no bit in common, nor have those of the majority, (B and C) and (A and (B xor C)): each is added alone.
#[rustfmt::skip]
macro_rules! late {
    ($a:literal $b:literal $c:literal $d:literal $e:literal $f:literal $g:literal $h:literal) => {
        concat!(
            "andn {v:e}, {", $e, ":e}, {", $g, ":e}\n mov {w:e}, {", $e, ":e}\n and {w:e}, {", $f, ":e}\n",
            "add {", $h, ":e}, {v:e}\n add {", $h, ":e}, {w:e}\n",
            "mov {v:e}, {", $b, ":e}\n mov {w:e}, {", $b, ":e}\n and {v:e}, {", $c, ":e}\n xor {w:e}, {", $c, ":e}\n",
            "add {", $d, ":e}, {v:e}\n and {w:e}, {", $a, ":e}\n add {", $d, ":e}, {w:e}\n",
        )
    };
}

/// Sixteen rounds, after which A to H are in the registers where they were.
#[rustfmt::skip]
macro_rules! sixteen {
    ($functions:ident $first:literal) => {
        concat!(
            sixteen!($functions $first "+0" "+1" "+2" "+3"), sixteen!($functions $first "+4" "+5" "+6" "+7"),
            sixteen!($functions $first "+8" "+9" "+10" "+11"), sixteen!($functions $first "+12" "+13" "+14" "+15"),
        )
    };
    ($functions:ident $first:literal $i:literal $j:literal $k:literal $l:literal) => {
        concat!(
            round!($functions $first $i "a" "b" "c" "d" "e" "f" "g" "h"), round!($functions $first $j "d" "a" "b" "c" "h" "e" "f" "g"),
            round!($functions $first $k "c" "d" "a" "b" "g" "h" "e" "f"), round!($functions $first $l "b" "c" "d" "a" "f" "g" "h" "e"),
        )
    };
}

/// `CF(V, B)` (GB/T 32905-2016, 5.3.3) for the block of one lane.
#[inline(never)]
fn rounds(_: Avx2, state: &mut State, expanded: &Expanded, lane: usize) {
    // What follows the lane's place, to the end.
    let words = &expanded.as_flattened().as_flattened()[lane % 8..];
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    // SAFETY: the token proves BMI1 and BMI2 (ANDN, RORX). Read are the first of `words` and every eighth after it, 128 in all of the
    // 1017 or more that there are, and the 64 constants. Nothing is written.
    unsafe {
        asm!(
            concat!(sixteen!(early "0"), sixteen!(late "16"), sixteen!(late "32"), sixteen!(late "48")),
            words = in(reg) words.as_ptr(), constants = sym ROTATED,
            a = inout(reg) a, b = inout(reg) b, c = inout(reg) c, d = inout(reg) d,
            e = inout(reg) e, f = inout(reg) f, g = inout(reg) g, h = inout(reg) h,
            t = out(reg) _, u = out(reg) _, v = out(reg) _, w = out(reg) _,
            options(pure, readonly, nostack),
        );
    }
    state.iter_mut().zip([a, b, c, d, e, f, g, h]).for_each(|(v, s)| *v ^= s);
}
