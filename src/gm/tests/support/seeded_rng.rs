//! A generator that can be replayed.

use gm::sm3;
use rand_core::{TryCryptoRng, TryRng};

/// SM3 of a seed and a counter: random enough for tests, the same in every run.
pub(crate) struct SeededRng {
    seed: u64,
    counter: u64,
}

impl SeededRng {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut out = vec![0; length];
        self.try_fill_bytes(&mut out).unwrap();
        out
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes(N).try_into().unwrap()
    }
}

impl TryRng for SeededRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(self.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(self.array()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(32) {
            self.counter += 1;
            let block = sm3::hash_all(&[&self.seed.to_be_bytes(), &self.counter.to_be_bytes()]);
            chunk.iter_mut().zip(block).for_each(|(out, b)| *out = b);
        }
        Ok(())
    }
}

impl TryCryptoRng for SeededRng {}
