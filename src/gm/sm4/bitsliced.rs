//! SM4 without any instruction of a particular processor: bits side by side instead of tables.
//!
//! Eight blocks make a group. Of each of the four words of the state a group has eight planes of 32 bits: bit `8 j + b` of plane
//! `i` is bit `i` of byte `j` of block `b`'s word. So a turn of the word by whole bytes is a turn of every plane, a turn by bits
//! another order of the planes, and the S-box the circuit of [`super::sbox`]. [`WIDE`] groups stand side by side in arrays,
//! which the compiler turns into whatever vectors the target has.
#![expect(
    clippy::indexing_slicing,
    reason = "all indices are constants, loop counters below an array's length, or masked"
)]

use zeroize::Zeroizing;

use super::sbox::{INPUT_CONSTANT, OUTPUT_CONSTANT, sbox};
use super::schedule::{Direction, RoundKeys};
use super::{Block, padded};

/// How many groups are worked on at once when there are enough blocks.
const WIDE: usize = 8;

/// Blocks in a group.
const GROUP: usize = 8;

/// Encrypts or decrypts `blocks` in place.
pub(super) fn crypt(keys: &RoundKeys, direction: Direction, blocks: &mut [Block]) {
    if let [block] = blocks {
        return crypt_one(keys, direction, block);
    }
    let masks = masks(keys, direction);
    let (groups, rest) = blocks.as_chunks_mut::<GROUP>();
    let (wide, narrow) = groups.as_chunks_mut::<WIDE>();
    wide.iter_mut().for_each(|groups| crypt_groups(&masks, groups));
    narrow.iter_mut().for_each(|group| crypt_groups(&masks, core::array::from_mut(group)));
    padded::<GROUP, 1>(rest, |group| crypt_groups(&masks, group));
}

/// The byte `byte` in all four places.
const fn everywhere(byte: u8) -> u32 {
    u32::from_ne_bytes([byte; 4])
}

/// `S` of each byte of `word` (GB/T 32907-2016, 6.2: the map tau).
///
/// Planes need not be dense: bit `i` of every byte is wherever a shift by `i` leaves it, and the bits between are not looked at.
pub(super) fn substitute(word: u32) -> u32 {
    let word = word ^ everywhere(INPUT_CONSTANT);
    let planes = sbox([0, 1, 2, 3, 4, 5, 6, 7].map(|bit| word >> bit));
    let bytes = (0..).zip(planes).fold(0, |bytes, (bit, plane)| bytes | (plane & everywhere(1)) << bit);
    bytes ^ everywhere(OUTPUT_CONSTANT)
}

/// One block, where filling a group would be waste.
fn crypt_one(keys: &RoundKeys, direction: Direction, block: &mut Block) {
    let (words, _) = block.as_chunks_mut::<4>();
    let mut x: [u32; 4] = core::array::from_fn(|word| u32::from_be_bytes(words[word]));
    for round in 0..32 {
        let b = substitute(x[1] ^ x[2] ^ x[3] ^ keys.word(direction, round));
        let mixed = b ^ b.rotate_left(2) ^ b.rotate_left(10) ^ b.rotate_left(18) ^ b.rotate_left(24);
        x = [x[1], x[2], x[3], x[0] ^ mixed];
    }
    words.iter_mut().zip(x.iter().rev()).for_each(|(word, x)| *word = x.to_be_bytes());
}

/// Round keys as planes: all ones in byte `j` of plane `i` where bit `i` of byte `j` is one.
type Masks = [[u32; 8]; 32];

/// The round keys in order of use, with the constants that the circuit leaves out.
///
/// Every word lacks `L(C, C, C, C)` after its first round and has it back after its second, so each round key makes up for the
/// words that lack it; after 32 rounds none does.
fn masks(keys: &RoundKeys, direction: Direction) -> Zeroizing<Masks> {
    let mut masks = Zeroizing::new([[0; 8]; 32]);
    for (round, planes) in masks.iter_mut().enumerate() {
        let lacking = (round / 4 + round) % 2 == 1;
        let constant = INPUT_CONSTANT ^ if lacking { OUTPUT_CONSTANT.rotate_left(2) } else { 0 };
        let key = keys.word(direction, round) ^ everywhere(constant);
        for (bit, plane) in planes.iter_mut().enumerate() {
            *plane = (key >> bit & everywhere(1)) * 0xff;
        }
    }
    masks
}

/// Eight planes of `N` groups.
type Planes<const N: usize> = [[u32; N]; 8];

fn crypt_groups<const N: usize>(masks: &Masks, groups: &mut [[Block; GROUP]; N]) {
    let mut x: [Planes<N>; 4] = core::array::from_fn(|word| gather(groups, word));
    let (quads, _) = masks.as_chunks::<4>();
    for quad in quads {
        let [x0, x1, x2, x3] = &mut x;
        round(x0, x1, x2, x3, &quad[0]);
        round(x1, x2, x3, x0, &quad[1]);
        round(x2, x3, x0, x1, &quad[2]);
        round(x3, x0, x1, x2, &quad[3]);
    }
    x.iter().rev().enumerate().for_each(|(word, planes)| scatter(planes, groups, word));
}

/// `x0 ^= L(S(x1 ^ x2 ^ x3 ^ key))` (GB/T 32907-2016, 6.2).
#[inline(always)]
fn round<const N: usize>(x0: &mut Planes<N>, x1: &Planes<N>, x2: &Planes<N>, x3: &Planes<N>, key: &[u32; 8]) {
    for n in 0..N {
        let b = sbox(core::array::from_fn(|i| x1[i][n] ^ x2[i][n] ^ x3[i][n] ^ key[i]));
        let mixed = mix(b);
        for i in 0..8 {
            x0[i][n] ^= mixed[i];
        }
    }
}

/// `L(b) = b ^ b <<< 2 ^ b <<< 10 ^ b <<< 18 ^ b <<< 24` (GB/T 32907-2016, 6.2) in three turns.
///
/// With R for a turn by 8 and v = b ^ R b: b ^ b <<< 24 is v <<< 24, and b ^ R b ^ R R b, to be turned by 2, is b ^ R v.
#[inline(always)]
fn mix(b: [u32; 8]) -> [u32; 8] {
    let v = b.map(|b| b ^ b.rotate_left(8));
    let w: [u32; 8] = core::array::from_fn(|i| b[i] ^ v[i].rotate_left(8));
    core::array::from_fn(|i| {
        // Two bits up: the upper two of a byte go into the next byte.
        let turned = if i < 2 { w[i + 6].rotate_left(8) } else { w[i - 2] };
        v[i].rotate_left(24) ^ turned
    })
}

/// The planes of word `word` of each block.
#[inline(always)]
fn gather<const N: usize>(groups: &[[Block; GROUP]; N], word: usize) -> Planes<N> {
    let mut planes = [[0; N]; 8];
    for (n, group) in groups.iter().enumerate() {
        let words = group.map(|block| u32::from_be_bytes(block.as_chunks::<4>().0[word]));
        (0..8).zip(transpose(words)).for_each(|(i, plane)| planes[i][n] = plane);
    }
    planes
}

/// The way back.
#[inline(always)]
fn scatter<const N: usize>(planes: &Planes<N>, groups: &mut [[Block; GROUP]; N], word: usize) {
    for (n, group) in groups.iter_mut().enumerate() {
        let words = transpose(core::array::from_fn(|i| planes[i][n]));
        for (block, value) in group.iter_mut().zip(words) {
            block.as_chunks_mut::<4>().0[word] = value.to_be_bytes();
        }
    }
}

/// Turns each byte of eight words over, as four squares of eight by eight bits; twice is nothing.
#[inline(always)]
fn transpose(mut words: [u32; 8]) -> [u32; 8] {
    for (distance, mask) in [(1, everywhere(0x55)), (2, everywhere(0x33)), (4, everywhere(0x0f))] {
        for low in (0..8).filter(|word| word & distance == 0) {
            let high = low | distance;
            let moved = (words[low] >> distance ^ words[high]) & mask;
            words[high] ^= moved;
            words[low] ^= moved << distance;
        }
    }
    words
}
