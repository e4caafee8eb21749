//! SM4-CTR: a key stream of encrypted counters (GB/T 17964-2021, 9; OID 1.2.156.10197.1.104.7).
//!
//! It hides and does not protect: pair it with a MAC, or use [`super::gcm`].

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{BLOCK_BYTES, Block, Key, wipe, xor};
use crate::TooLong;

/// Encrypts or decrypts `data` in place, starting from `counter`, a 128-bit big-endian number that must never repeat under a key.
///
/// Past the last block the counter goes on from zero; no slice is long enough to come round to where it started.
pub fn apply(key: &Key, counter: &Block, data: &mut [u8]) {
    let mut counter = u128::from_be_bytes(*counter);
    let mut rest = data;
    while !rest.is_empty() {
        // `apply_32` counts in the last 32 bits: a piece ends where they come round.
        let blocks = (1 << 32) - u64::from(counter as u32);
        let bytes = usize::try_from(blocks * BLOCK_BYTES as u64).unwrap_or(usize::MAX);
        let (piece, after) = rest.split_at_mut(bytes.min(rest.len()));
        apply_32(key, &counter.to_be_bytes(), piece);
        counter = counter.wrapping_add(u128::from(blocks));
        rest = after;
    }
}

/// A key stream in pieces, from wherever it is wanted. What is left of a block between two pieces is wiped when dropped.
///
/// ```
/// use gm::sm4::{Key, ctr};
/// let key = Key::new(&[7; 16]);
/// let (mut whole, mut pieces) = ([0; 100], [0; 100]);
/// ctr::apply(&key, &[9; 16], &mut whole);
/// let mut stream = ctr::Stream::new(&key, &[9; 16]);
/// stream.seek(33);
/// stream.apply(&mut pieces[33..])?;
/// stream.seek(0);
/// stream.apply(&mut pieces[..33])?;
/// assert_eq!(whole, pieces);
/// # Ok::<(), gm::TooLong>(())
/// ```
pub struct Stream<'key> {
    key: &'key Key,
    first: u128,
    position_bytes: u64,
    /// The encrypted counter in the middle of which `position_bytes` is; of no meaning where that is a multiple of 16.
    current: Current,
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct Current(Block);

impl<'key> Stream<'key> {
    /// The stream that starts with `counter`, at its beginning.
    pub fn new(key: &'key Key, counter: &Block) -> Self {
        Self {
            key,
            first: u128::from_be_bytes(*counter),
            position_bytes: 0,
            current: Current([0; BLOCK_BYTES]),
        }
    }

    /// Where in the stream the next byte is, in bytes from its beginning.
    pub fn position_bytes(&self) -> u64 {
        self.position_bytes
    }

    /// Goes to a place in the stream, in bytes from its beginning.
    pub fn seek(&mut self, position_bytes: u64) {
        self.position_bytes = position_bytes;
        if self.offset() != 0 {
            self.load();
        }
    }

    /// Encrypts or decrypts the next `data` in place.
    ///
    /// Fails with [`TooLong`], with `data` untouched, where it would go beyond the last position that 64 bits can tell.
    pub fn apply(&mut self, data: &mut [u8]) -> Result<(), TooLong> {
        TooLong::unless_within(u64::MAX - self.position_bytes, data.len())?;
        let offset = self.offset();
        let left = (BLOCK_BYTES - offset) % BLOCK_BYTES;
        let (head, body) = data.split_at_mut(left.min(data.len()));
        let (_, stream) = self.current.0.split_at(offset);
        xor(head, stream);
        self.position_bytes += head.len() as u64;
        if !body.is_empty() {
            apply(self.key, &self.counter(), body);
            self.seek(self.position_bytes + body.len() as u64);
        }
        Ok(())
    }

    fn offset(&self) -> usize {
        (self.position_bytes % BLOCK_BYTES as u64) as usize
    }

    fn counter(&self) -> Block {
        let blocks = self.position_bytes / BLOCK_BYTES as u64;
        self.first.wrapping_add(u128::from(blocks)).to_be_bytes()
    }

    fn load(&mut self) {
        self.current.0 = self.counter();
        self.key.encrypt_block(&mut self.current.0);
    }
}

/// How many counters are encrypted at once where the processor has no way of its own to count.
const SCRATCH_BLOCKS: usize = 64;

/// Counter mode in which the last 32 bits of the counter go on from zero and the rest never changes, as GCM has it
/// (NIST SP 800-38D, 6.2 and 6.5).
pub(super) fn apply_32(key: &Key, first: &Block, data: &mut [u8]) {
    let (blocks, _) = data.as_chunks_mut::<BLOCK_BYTES>();
    let done = key.count_batches(first, blocks);
    let [fixed @ .., _, _, _, _] = *first;
    let [.., a, b, c, d] = *first;
    let mut counter = u32::from_be_bytes([a, b, c, d]).wrapping_add(done as u32);
    let (_, rest) = data.split_at_mut(done * BLOCK_BYTES);
    if rest.is_empty() {
        return;
    }
    let mut scratch = [[0; BLOCK_BYTES]; SCRATCH_BLOCKS];
    for piece in rest.chunks_mut(BLOCK_BYTES * SCRATCH_BLOCKS) {
        let (stream, _) = scratch.split_at_mut(piece.len().div_ceil(BLOCK_BYTES));
        for block in stream.iter_mut() {
            *block = with_counter(fixed, counter);
            counter = counter.wrapping_add(1);
        }
        key.encrypt_blocks(stream);
        xor(piece, stream.as_flattened());
    }
    let (used, _) = scratch.split_at_mut(rest.len().div_ceil(BLOCK_BYTES).min(SCRATCH_BLOCKS));
    wipe(used);
}

/// A block of a fixed part and a counter.
pub(super) fn with_counter(fixed: [u8; 12], counter: u32) -> Block {
    let mut block = [0; BLOCK_BYTES];
    block.iter_mut().zip(fixed.iter().chain(&counter.to_be_bytes())).for_each(|(b, f)| *b = *f);
    block
}
