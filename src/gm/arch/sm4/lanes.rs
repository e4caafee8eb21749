//! Many blocks side by side: what the paths have in common.

/// The functions of one path, over one width of vectors.
///
/// A vector holds one word of each of [`GROUP`] blocks; four vectors are a group, and up to [`GROUPS`] groups are worked on in
/// turns, so that one can wait while another is computed. The module that calls this defines `enter` and `leave` (into the basis
/// and out of it), `mixed` (a word after a round) and `counters` (a vector of big-endian counters, from the first of them).
macro_rules! lanes {
    (
        features: $features:literal, vector: $vector:ty, blocks: $blocks:literal,
        load: $load:ident, store: $store:ident, set: $set:ident, xor: $xor:ident,
        unpack: [$low_32:ident, $high_32:ident, $low_64:ident, $high_64:ident],
    ) => {
        /// Blocks in a vector, when they lie in it one after the other.
        const BLOCKS: usize = $blocks;

        /// Blocks in a group.
        const GROUP: usize = 4 * BLOCKS;

        /// Groups worked on in turns.
        const GROUPS: usize = 4;

        /// Blocks worked on in turns.
        pub(crate) const BATCH: usize = GROUP * GROUPS;

        #[target_feature(enable = $features)]
        fn crypt_all(keys: &RoundKeys, direction: Direction, blocks: &mut [Block]) {
            let (groups, rest) = blocks.as_chunks_mut::<GROUP>();
            let (batches, groups) = groups.as_chunks_mut::<GROUPS>();
            batches.iter_mut().for_each(|batch| crypt_groups(keys, direction, batch));
            let tail = groups.len() * GROUP + rest.len();
            let (_, tail) = blocks.split_at_mut(blocks.len() - tail);
            match tail.len().div_ceil(GROUP) {
                0 => (),
                1 => padded::<GROUP, 1>(tail, |groups| crypt_groups(keys, direction, groups)),
                2 => padded::<GROUP, 2>(tail, |groups| crypt_groups(keys, direction, groups)),
                _ => padded::<GROUP, GROUPS>(tail, |groups| crypt_groups(keys, direction, groups)),
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn crypt_groups<const G: usize>(
            keys: &RoundKeys,
            direction: Direction,
            groups: &mut [[Block; GROUP]; G],
        ) {
            let mut x = groups.each_ref().map(|group| gather(group));
            rounds(keys, direction, &mut x);
            groups.iter_mut().zip(x).for_each(|(group, x)| {
                let (vectors, _) = group.as_chunks_mut::<BLOCKS>();
                vectors.iter_mut().zip(scatter(x)).for_each(|(blocks, value)| $store(blocks, value));
            });
        }

        /// Counter mode over whole batches; only the last 32 bits count, and go on from zero.
        #[target_feature(enable = $features)]
        fn count_all(keys: &RoundKeys, first: &Block, batches: &mut [[Block; BATCH]]) {
            let (words, _) = first.as_chunks::<4>();
            let fixed: [$vector; 3] = core::array::from_fn(|i| enter($set(i32::from_ne_bytes(words[i]))));
            let mut counter = u32::from_be_bytes(words[3]);
            for batch in batches {
                let x = core::array::from_fn(|_| {
                    let last = enter(counters(counter));
                    counter = counter.wrapping_add(GROUP as u32);
                    [fixed[0], fixed[1], fixed[2], last]
                });
                count_batch(keys, x, batch);
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn count_batch(keys: &RoundKeys, mut x: [[$vector; 4]; GROUPS], batch: &mut [Block; BATCH]) {
            rounds(keys, Direction::Encrypt, &mut x);
            let (groups, _) = batch.as_chunks_mut::<GROUP>();
            groups.iter_mut().zip(x).for_each(|(group, x)| {
                let (vectors, _) = group.as_chunks_mut::<BLOCKS>();
                let stream = scatter(x);
                vectors.iter_mut().zip(stream).for_each(|(blocks, s)| $store(blocks, $xor($load(blocks), s)));
            });
        }

        /// The 32 rounds (GB/T 32907-2016, 7.1), four at a time so that the words come round to where they were.
        #[inline]
        #[target_feature(enable = $features)]
        fn rounds<const G: usize>(keys: &RoundKeys, direction: Direction, groups: &mut [[$vector; 4]; G]) {
            for quad in 0..8 {
                for j in 0..4 {
                    let key = $set(keys.mapped(direction, 4 * quad + j).cast_signed());
                    for x in groups.iter_mut() {
                        // What the last round made comes last: all else is known by then.
                        let sum = $xor($xor($xor(x[(j + 1) % 4], x[(j + 2) % 4]), key), x[(j + 3) % 4]);
                        x[j] = mixed(x[j], sum);
                    }
                }
            }
        }

        /// The words of a group's blocks, one vector for each, in the basis.
        #[inline]
        #[target_feature(enable = $features)]
        fn gather(group: &[Block; GROUP]) -> [$vector; 4] {
            let (vectors, _) = group.as_chunks::<BLOCKS>();
            transpose(core::array::from_fn(|i| $load(&vectors[i]))).map(|word| enter(word))
        }

        /// The blocks of a group's words, which come last word first (7.1: the map R).
        #[inline]
        #[target_feature(enable = $features)]
        fn scatter(x: [$vector; 4]) -> [$vector; 4] {
            transpose([leave(x[3]), leave(x[2]), leave(x[1]), leave(x[0])])
        }

        /// Rows to columns, within each 128 bits; twice is nothing.
        #[inline]
        #[target_feature(enable = $features)]
        fn transpose(x: [$vector; 4]) -> [$vector; 4] {
            let (low, high) = ($low_32(x[0], x[1]), $high_32(x[0], x[1]));
            let (low_too, high_too) = ($low_32(x[2], x[3]), $high_32(x[2], x[3]));
            [$low_64(low, low_too), $high_64(low, low_too), $low_64(high, high_too), $high_64(high, high_too)]
        }
    };
}

/// Inversion by `AESENCLAST`, maps of bytes by two tables of 16: for paths without GFNI.
///
/// The tables are in registers: `PSHUFB` takes the same time whatever it looks up.
macro_rules! through_aes {
    (
        features: $features:literal, vector: $vector:ty, sub_bytes: $sub_bytes:ident, table: $table:ident,
        set_8: $set_8:ident, and: $and:ident, shift: $shift:ident, shuffle: $shuffle:ident, xor: $xor:ident,
    ) => {
        #[inline]
        #[target_feature(enable = $features)]
        fn enter(x: $vector) -> $vector {
            const TABLES: [[u8; 16]; 2] = basis::nibbles(basis::ENTER, 0);
            map(split(x), &TABLES)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn leave(x: $vector) -> $vector {
            const TABLES: [[u8; 16]; 2] = basis::nibbles(basis::LEAVE, 0);
            map(split(x), &TABLES)
        }

        /// `x`, and `u + R (u + v) + R^2 (u + v) + R^3 v` of the inverse; [`TURNS`] undo `ShiftRows` too.
        #[inline]
        #[target_feature(enable = $features)]
        fn mixed(x: $vector, sum: $vector) -> $vector {
            let halves = split($sub_bytes(sum));
            let (u, v) = (map(halves, &AFTER_SUB_BYTES[0]), map(halves, &AFTER_SUB_BYTES[1]));
            let w = $xor(u, v);
            let [t0, t1, t2, t3] = TURNS.each_ref().map(|turn| $table(turn));
            let early = $xor($xor(x, $shuffle(u, t0)), $shuffle(v, t3));
            $xor(early, $xor($shuffle(w, t1), $shuffle(w, t2)))
        }

        /// Four lower and four upper bits of each byte.
        #[inline]
        #[target_feature(enable = $features)]
        fn split(x: $vector) -> [$vector; 2] {
            let mask = $set_8(0x0f);
            [$and(x, mask), $and($shift::<4>(x), mask)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn map([low, high]: [$vector; 2], tables: &[[u8; 16]; 2]) -> $vector {
            $xor($shuffle($table(&tables[0]), low), $shuffle($table(&tables[1]), high))
        }
    };
}

pub(super) use {lanes, through_aes};

use super::basis;
use crate::sm4::definition::{Matrix, apply};

/// The tables of `u` and `v`, of what `SubBytes` gave.
pub(super) const AFTER_SUB_BYTES: [[[u8; 16]; 2]; 2] =
    [after_sub_bytes(basis::U, basis::CONSTANT), after_sub_bytes(basis::V, 0)];

/// The tables of a map and a constant, of what `SubBytes` gave.
pub(super) const fn after_sub_bytes(map: Matrix, constant: u8) -> [[u8; 16]; 2] {
    let map = basis::after_sub_bytes(map);
    basis::nibbles(map, apply(&map, basis::SUB_BYTES_CONSTANT) ^ constant)
}

/// For no turn, R, R^2 and R^3: which byte comes to each place after `ShiftRows` (FIPS 197, 5.1.2) has moved byte `r` of column
/// `c` there from column `c + r`.
#[expect(clippy::indexing_slicing, reason = "all indices are below the lengths")]
pub(super) const TURNS: [[u8; 16]; 4] = {
    let (mut turns, mut i) = ([[0; 16]; 4], 0);
    while i < 64 {
        let (turn, column, row) = (i / 16, i / 4 % 4, (i + i / 16) % 4);
        turns[turn][i % 16] = ((column + 4 - row) % 4 * 4 + row) as u8;
        i += 1;
    }
    turns
};
