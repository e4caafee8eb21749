//! Messages in 16 or 8 lanes, each step one compression of every lane.
//!
//! A lane whose message ends takes the next one, so the lanes stay full until the last messages; those few that are then left go
//! through narrower steps. Which lane holds what depends on lengths alone, and lengths are not secret.

#![expect(clippy::indexing_slicing, reason = "a lane's number is below their count, which is at most 16")]

use core::{array, slice};

use zeroize::Zeroize;

use super::compress::{Block, State, compress_blocks};
use super::{BLOCK_BYTES, DIGEST_BYTES, Ending, Sm3, digest, put};
use crate::arch::cpu::{Avx2, Avx512};
use crate::arch::sm3::{compress_8, compress_16};

/// The most lanes there are.
const LANES: usize = 16;

/// Fewer messages than this are faster one after the other: a step of 8 lanes costs what two compressions cost.
pub(crate) const WORTH_A_STEP: usize = 3;

/// Hashes each of `messages` after `prefix` and hands its number and digest to `done`.
pub(super) fn finish<M: AsRef<[u8]>>(
    avx2: Avx2,
    prefix: &Sm3,
    messages: &[M],
    mut done: impl FnMut(usize, [u8; DIGEST_BYTES]),
) {
    let mut lanes = Lanes {
        avx2,
        avx512: Avx512::here(),
        used: 0,
        count: 0,
        lanes: [const { Lane::EMPTY }; LANES],
        states: [[0; 8]; LANES],
    };
    let width = if lanes.avx512.is_some() { LANES } else { LANES / 2 };
    let mut waiting = messages.iter().map(AsRef::as_ref).enumerate();
    for message in waiting.by_ref().take(width) {
        lanes.start(lanes.count, prefix, message);
        lanes.count += 1;
    }
    lanes.used = lanes.count;
    while lanes.count > 0 {
        lanes.step();
        let mut i = 0;
        while i < lanes.count {
            if !lanes.lanes[i].at_hand().is_empty() {
                i += 1;
                continue;
            }
            done(lanes.lanes[i].number, digest(&lanes.states[i]));
            match waiting.next() {
                Some(message) => lanes.start(i, prefix, message),
                None => lanes.close(i),
            }
        }
    }
}

/// The lanes; the first `count` are in use. Wiped when dropped.
struct Lanes<'a> {
    avx2: Avx2,
    avx512: Option<Avx512>,
    /// How many there were in use at most.
    used: usize,
    count: usize,
    lanes: [Lane<'a>; LANES],
    states: [State; LANES],
}

impl<'a> Lanes<'a> {
    fn start(&mut self, i: usize, prefix: &Sm3, (number, message): (usize, &'a [u8])) {
        self.lanes[i].start(number, prefix, message);
        self.states[i] = prefix.state;
    }

    /// The last lane in use takes the place of lane `i`.
    fn close(&mut self, i: usize) {
        self.count -= 1;
        if i < self.count {
            self.lanes.swap(i, self.count);
            self.states.swap(i, self.count);
        }
    }

    /// Compresses as many blocks in every lane as the lane with the fewest has at hand.
    fn step(&mut self) {
        let used = &self.lanes[..self.count];
        let blocks = used.iter().map(|lane| lane.at_hand().len()).min().unwrap_or(0);
        // A lane that is not in use does what the last one does; nobody asks for its state.
        let run = |i: usize| &used[i.min(used.len() - 1)].at_hand()[..blocks];
        match self.avx512.filter(|_| used.len() > 8) {
            Some(avx512) => compress_16(avx512, &mut self.states, &array::from_fn(run)),
            None if used.len() >= WORTH_A_STEP => {
                let (halves, _) = self.states.as_chunks_mut();
                compress_8(self.avx2, &mut halves[0], &array::from_fn(run));
            }
            None => used
                .iter()
                .zip(&mut self.states)
                .for_each(|(lane, state)| compress_blocks(state, &lane.at_hand()[..blocks])),
        }
        self.lanes[..self.count].iter_mut().for_each(|lane| lane.advance(blocks));
    }
}

impl Drop for Lanes<'_> {
    fn drop(&mut self) {
        self.states.as_flattened_mut().zeroize();
        self.lanes[..self.used].iter_mut().for_each(Lane::wipe);
    }
}

/// A message on its way: a first block that the prefix began, whole blocks where they lie, and the padded end.
struct Lane<'a> {
    number: usize,
    head: Block,
    head_waits: bool,
    body: &'a [Block],
    ending: Ending,
    /// How many blocks of the ending are compressed.
    ended: usize,
}

impl<'a> Lane<'a> {
    const EMPTY: Self = Self {
        number: 0,
        head: [0; BLOCK_BYTES],
        head_waits: false,
        body: &[],
        ending: Ending::EMPTY,
        ended: 0,
    };

    fn start(&mut self, number: usize, prefix: &Sm3, message: &'a [u8]) {
        let length = prefix.length.wrapping_add(message.len() as u64);
        let held = prefix.held();
        let split = message.split_at_checked(BLOCK_BYTES - held.len()).filter(|_| !held.is_empty());
        self.head_waits = split.is_some();
        let (held, message) = match split {
            None => (held, message),
            Some((filling, message)) => {
                let (front, back) = self.head.split_at_mut(held.len());
                put(front, held);
                put(back, filling);
                (&[][..], message)
            }
        };
        let (body, tail) = message.as_chunks();
        (self.number, self.body, self.ended) = (number, body, 0);
        self.ending.set([held, tail], length);
    }

    /// Blocks that lie one after the other and come next; none when the message is finished.
    fn at_hand(&self) -> &[Block] {
        match self.body {
            _ if self.head_waits => slice::from_ref(&self.head),
            [] => &self.ending.blocks()[self.ended..],
            body => body,
        }
    }

    /// Leaves behind the first `blocks` of those at hand.
    fn advance(&mut self, blocks: usize) {
        match self.body {
            _ if self.head_waits => self.head_waits = false,
            [] => self.ended += blocks,
            body => self.body = &body[blocks..],
        }
    }

    fn wipe(&mut self) {
        self.head.as_mut_slice().zeroize();
        self.ending.wipe();
    }
}
