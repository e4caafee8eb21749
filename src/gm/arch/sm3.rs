//! SM3's compression function over 8 blocks (AVX2) or 16 (AVX-512) at a time; of one message ([`in_turn`]) the words alone.
//!
//! The rounds are those of `sm3::compress`. Here are the words that hold one number for each block, and how blocks and chaining
//! values get into them and out: as matrices that are turned, four words of every lane at a time.

#![expect(unsafe_code, reason = "vector instructions, behind the tokens that prove them")]
#![expect(clippy::indexing_slicing, reason = "lanes and words are numbered by constants")]

mod in_turn;
mod x16;
mod x8;

use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};
use core::array;

use super::cpu::{Avx2, Avx512};
use crate::hmac::{self, Chain};
use crate::sm3::compress::{Block, State, Word, compress};
use x8::X8;
use x16::X16;

/// Takes the first of `blocks` into `state`, one after the other, and says which are left: fewer than are worth it. The words of
/// the others are wiped.
pub(crate) fn compress_in_turn<'a>(proof: Avx2, state: &mut State, blocks: &'a [Block]) -> &'a [Block] {
    #[target_feature(enable = "avx2")]
    fn with_avx2<'a>(proof: Avx2, state: &mut State, blocks: &'a [Block]) -> &'a [Block] {
        in_turn::compress(proof, state, blocks)
    }
    if blocks.len() < in_turn::WORTH_THE_LANES {
        return blocks;
    }
    // SAFETY: the token proves AVX2.
    unsafe { with_avx2(proof, state, blocks) }
}

/// Takes the blocks of `runs[i]` into `states[i]`; all runs are of one length.
pub(crate) fn compress_8(proof: Avx2, states: &mut [State; 8], runs: &[&[Block]; 8]) {
    #[target_feature(enable = "avx2")]
    fn with_avx2(proof: Avx2, states: &mut [State; 8], runs: &[&[Block]; 8]) {
        compress_runs::<X8, 8>(proof, states, runs);
    }
    // SAFETY: the token proves AVX2.
    unsafe { with_avx2(proof, states, runs) }
}

/// As [`compress_8`], for 16.
pub(crate) fn compress_16(proof: Avx512, states: &mut [State; 16], runs: &[&[Block]; 16]) {
    #[target_feature(enable = "avx512f,avx512bw")]
    fn with_avx512(proof: Avx512, states: &mut [State; 16], runs: &[&[Block]; 16]) {
        compress_runs::<X16, 16>(proof, states, runs);
    }
    // SAFETY: the token proves AVX-512 F and BW.
    unsafe { with_avx512(proof, states, runs) }
}

/// [`hmac::run_chain`] on 8 chains under one key.
pub(crate) fn run_chains_8(proof: Avx2, key: &[State; 2], chains: &mut [Chain; 8], times: u32) {
    #[target_feature(enable = "avx2")]
    fn with_avx2(proof: Avx2, key: &[State; 2], chains: &mut [Chain; 8], times: u32) {
        run_chains::<X8, 8>(proof, key, chains, times);
    }
    // SAFETY: the token proves AVX2.
    unsafe { with_avx2(proof, key, chains, times) }
}

/// As [`run_chains_8`], for 16.
pub(crate) fn run_chains_16(proof: Avx512, key: &[State; 2], chains: &mut [Chain; 16], times: u32) {
    #[target_feature(enable = "avx512f,avx512bw")]
    fn with_avx512(proof: Avx512, key: &[State; 2], chains: &mut [Chain; 16], times: u32) {
        run_chains::<X16, 16>(proof, key, chains, times);
    }
    // SAFETY: the token proves AVX-512 F and BW.
    unsafe { with_avx512(proof, key, chains, times) }
}

/// Words of `N` lanes.
trait Wide<const N: usize>: Word {
    /// What proves that the processor has the instructions; no word is made without it.
    type Proof: Copy;
    /// Four words of every lane turned into one word of all lanes, four times.
    fn gather(proof: Self::Proof, quads: [__m128i; N]) -> [Self; 4];
    /// The way back.
    fn scatter(words: [Self; 4]) -> [__m128i; N];
    /// The bytes of every number the other way round.
    fn swapped(self) -> Self;
}

#[inline(always)]
fn compress_runs<W: Wide<N>, const N: usize>(proof: W::Proof, states: &mut [State; N], runs: &[&[Block]; N]) {
    let mut state = load_states::<W, N>(proof, array::from_fn(|lane| &states[lane]));
    for (i, _) in runs[0].iter().enumerate() {
        let mut words = load_blocks::<W, N>(proof, runs.map(|run| &run[i]));
        compress(&mut state, &mut words);
    }
    store_states(state, states.each_mut());
}

#[inline(always)]
fn run_chains<W: Wide<N>, const N: usize>(
    proof: W::Proof,
    key: &[State; 2],
    chains: &mut [Chain; N],
    times: u32,
) {
    let key = [load_states::<W, N>(proof, [&key[0]; N]), load_states::<W, N>(proof, [&key[1]; N])];
    let mut last = load_states::<W, N>(proof, array::from_fn(|lane| &chains[lane].last));
    let mut sum = load_states::<W, N>(proof, array::from_fn(|lane| &chains[lane].sum));
    hmac::run_chain(&key, &mut last, &mut sum, times);
    store_states(last, chains.each_mut().map(|chain| &mut chain.last));
    store_states(sum, chains.each_mut().map(|chain| &mut chain.sum));
}

#[inline(always)]
fn load_states<W: Wide<N>, const N: usize>(proof: W::Proof, states: [&State; N]) -> [W; 8] {
    let quad = |i: usize| W::gather(proof, states.map(|state| load(&state.as_chunks().0[i])));
    let ([a, b, c, d], [e, f, g, h]) = (quad(0), quad(1));
    [a, b, c, d, e, f, g, h]
}

#[inline(always)]
fn store_states<W: Wide<N>, const N: usize>([a, b, c, d, e, f, g, h]: [W; 8], states: [&mut State; N]) {
    let (left, right) = (W::scatter([a, b, c, d]), W::scatter([e, f, g, h]));
    for ((state, left), right) in states.into_iter().zip(left).zip(right) {
        let (quads, _) = state.as_chunks_mut();
        store(left, &mut quads[0]);
        store(right, &mut quads[1]);
    }
}

/// The sixteen words of every block.
#[inline(always)]
fn load_blocks<W: Wide<N>, const N: usize>(proof: W::Proof, blocks: [&Block; N]) -> [W; 16] {
    // Loops, since what goes through the functions of arrays may not be compiled for the vector instructions.
    let mut words = [W::gather(proof, [load_bytes(&[0; 16]); N]); 4];
    for (i, four) in words.iter_mut().enumerate() {
        let mut quads = [load_bytes(&[0; 16]); N];
        for (quad, block) in quads.iter_mut().zip(blocks) {
            *quad = load_bytes(&block.as_chunks().0[i]);
        }
        *four = W::gather(proof, quads);
        for word in four {
            *word = word.swapped();
        }
    }
    let [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]] = words;
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

#[inline(always)]
fn load(words: &[u32; 4]) -> __m128i {
    // SAFETY: 16 bytes are read where 16 bytes are; SSE2 is part of x86-64.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[inline(always)]
fn load_bytes(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes are read where 16 bytes are; SSE2 is part of x86-64.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline(always)]
fn store(quad: __m128i, words: &mut [u32; 4]) {
    // SAFETY: 16 bytes are written where 16 bytes are; SSE2 is part of x86-64.
    unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), quad) }
}
