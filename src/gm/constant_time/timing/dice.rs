//! Random inputs, cheap to make and the same in every run.

use rand_core::{TryCryptoRng, TryRng};

/// The generator SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bit(&mut self) -> bool {
        self.next() >> 63 == 1
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.try_fill_bytes(&mut bytes).unwrap();
        bytes
    }

    /// A private key or nonce: of low weight, or random.
    pub(crate) fn scalar(&mut self, low_weight: bool) -> [u8; 32] {
        // Drawn for either class, so that the generator does not tell them apart.
        let mut random: [u8; 32] = self.array();
        random[0] &= 0x7f;
        if low_weight { std::array::from_fn(|i| u8::from(i == 31)) } else { random }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

impl TryRng for Dice {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.next() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.chunks_mut(8).for_each(|chunk| {
            let bytes = self.next().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        });
        Ok(())
    }
}

impl TryCryptoRng for Dice {}
