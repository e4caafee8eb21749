//! SM3, the hash of GB/T 32905-2016: 32 bytes, blocks of 64.

pub(crate) mod compress;
#[cfg(target_arch = "x86_64")]
pub(crate) mod lanes;
pub(crate) mod many;

use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroize;

use compress::{Block, INITIAL, State, compress_blocks};

/// Length of a digest, in bytes.
pub const DIGEST_BYTES: usize = 32;

/// Length of the block that the compression function takes, in bytes.
pub const BLOCK_BYTES: usize = 64;

/// The digest of `message`. Source: GB/T 32905-2016, 5.
pub fn hash(message: &[u8]) -> [u8; DIGEST_BYTES] {
    hash_all(&[message])
}

/// The digest of `parts` put one after the other; where one part ends leaves no trace in it.
pub fn hash_all(parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut sm3 = Sm3::new();
    parts.iter().for_each(|part| sm3.update(part));
    sm3.end()
}

/// The digest of each of `messages`, in their order: what [`hash`] gives, computed for 8 or 16 of them at a time where the
/// processor can.
///
/// The messages may differ in length; a place that one leaves is taken by the next. Source: GB/T 32905-2016, 5.
pub fn hash_many<M: AsRef<[u8]>>(messages: &[M]) -> Vec<[u8; DIGEST_BYTES]> {
    Sm3::new().finish_many(messages)
}

/// A digest in the making, for messages that come in pieces. Wiped when dropped.
#[derive(Clone)]
pub struct Sm3 {
    state: State,
    /// Bytes that do not make a block yet: the first `length % 64`.
    rest: Block,
    /// Bytes taken in. The standard ends at 2^64 bits, more than anyone can hand over.
    length: u64,
}

impl Sm3 {
    /// Nothing hashed yet.
    pub const fn new() -> Self {
        Self { state: INITIAL, rest: [0; BLOCK_BYTES], length: 0 }
    }

    /// Takes in the next `bytes` of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        let (_, room) = self.rest.split_at_mut(held_bytes(self.length));
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if room.len() == BLOCK_BYTES {
            return self.take_blocks(bytes);
        }
        match bytes.split_at_checked(room.len()) {
            None => put(room, bytes),
            Some((filling, bytes)) => {
                room.copy_from_slice(filling);
                compress_blocks(&mut self.state, core::slice::from_ref(&self.rest));
                self.take_blocks(bytes);
            }
        }
    }

    /// The digest of everything taken in.
    pub fn finish(mut self) -> [u8; DIGEST_BYTES] {
        self.end()
    }

    /// As [`Self::finish`], after which there is nothing to do but to drop it: where it is, since a move would leave a copy behind.
    pub(crate) fn end(&mut self) -> [u8; DIGEST_BYTES] {
        let mut ending = Ending::EMPTY;
        ending.set([self.held(), &[]], self.length);
        compress_blocks(&mut self.state, ending.blocks());
        ending.wipe();
        digest(&self.state)
    }

    /// For each of `rests` the digest of everything taken in and then that: one prefix, hashed once, before many messages.
    ///
    /// As [`hash_many`] otherwise.
    pub fn finish_many<M: AsRef<[u8]>>(&self, rests: &[M]) -> Vec<[u8; DIGEST_BYTES]> {
        let mut digests = vec![[0; DIGEST_BYTES]; rests.len()];
        many::finish(self, rests, |i, digest| {
            digests.iter_mut().skip(i).take(1).for_each(|place| *place = digest);
        });
        digests
    }

    /// Takes in `bytes` at the start of a block.
    fn take_blocks(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks();
        compress_blocks(&mut self.state, blocks);
        put(&mut self.rest, rest);
    }

    /// The chaining value: of everything taken in, when that is whole blocks.
    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    /// What was taken in after the last whole block.
    fn held(&self) -> &[u8] {
        self.rest.split_at(held_bytes(self.length)).0
    }
}

impl Default for Sm3 {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Sm3 {
    fn drop(&mut self) {
        self.state.as_mut_slice().zeroize();
        self.rest.as_mut_slice().zeroize();
    }
}

/// How many of `length` bytes come after the last whole block.
const fn held_bytes(length: u64) -> usize {
    (length % BLOCK_BYTES as u64) as usize
}

/// The end of a message: what makes no whole block, padded to one or two (GB/T 32905-2016, 5.2).
pub(crate) struct Ending {
    blocks: [Block; 2],
    /// Whether the second block is needed.
    long: bool,
}

impl Ending {
    const EMPTY: Self = Self { blocks: [[0; BLOCK_BYTES]; 2], long: false };

    /// Becomes the end of a message of `length` bytes that ends in `tails`, together fewer than 64 bytes.
    fn set(&mut self, tails: [&[u8]; 2], length: u64) {
        self.long = held_bytes(length) >= BLOCK_BYTES - 8;
        self.blocks = [[0; BLOCK_BYTES]; 2];
        let mut room = self.blocks.as_flattened_mut();
        // One bit after the message, then zeros, then its length in 64 bits.
        for part in tails.into_iter().chain([&[0x80][..]]) {
            let (place, after) = room.split_at_mut(part.len());
            put(place, part);
            room = after;
        }
        let [first, second] = &mut self.blocks;
        let last = if self.long { second } else { first };
        let (_, place) = last.split_at_mut(BLOCK_BYTES - 8);
        put(place, &length.wrapping_mul(8).to_be_bytes());
    }

    fn blocks(&self) -> &[Block] {
        let [first, _] = &self.blocks;
        if self.long { &self.blocks } else { core::slice::from_ref(first) }
    }

    fn wipe(&mut self) {
        self.blocks.as_flattened_mut().zeroize();
    }
}

/// The chaining value after the last block, as bytes.
pub(crate) fn digest(state: &State) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    let (words, _) = digest.as_chunks_mut();
    words.iter_mut().zip(state).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
    digest
}

/// Writes `bytes` to the start of `room`, which is at least as long.
fn put(room: &mut [u8], bytes: &[u8]) {
    room.iter_mut().zip(bytes).for_each(|(place, b)| *place = *b);
}
