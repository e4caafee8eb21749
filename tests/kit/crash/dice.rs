//! Choices that a printed seed repeats (SplitMix64). Moments do not repeat: the machine has a will of its own.

use base::entropy::{OsEntropy, bytes};

#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice of `seed`.
    pub(crate) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed that nobody chose.
    pub(crate) fn any_seed() -> u64 {
        u64::from_le_bytes(bytes(&OsEntropy)) >> 16
    }

    /// A number in `low..high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }

    /// True once in `n` times.
    pub(crate) fn once_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }

    /// Dice for somebody else, of this seed too.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
