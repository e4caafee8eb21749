//! Bytes that do not fill a block yet.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{BLOCK_BYTES, Block};

/// The beginning of a block, wiped when dropped.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub(super) struct Partial {
    block: Block,
    filled: usize,
}

impl Partial {
    /// Takes of `bytes` what still fits, and gives what is left of them.
    pub(super) fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (taken, left) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.filled));
        self.block.iter_mut().skip(self.filled).zip(taken).for_each(|(to, from)| *to = *from);
        self.filled += taken.len();
        left
    }

    /// The block, when it is full; it is empty afterwards.
    pub(super) fn take_full(&mut self) -> Option<Zeroizing<Block>> {
        (self.filled == BLOCK_BYTES).then(|| self.take_with(0))
    }

    /// The block, with `padding` in the places that are not filled; it is empty afterwards.
    pub(super) fn take_with(&mut self, padding: u8) -> Zeroizing<Block> {
        let mut block = Zeroizing::new(self.block);
        block.iter_mut().skip(self.filled).for_each(|byte| *byte = padding);
        self.zeroize();
        block
    }

    /// How many bytes are in it.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }
}
