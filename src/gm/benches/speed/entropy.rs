//! The operating system's entropy, through the very call that ring's signatures use.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Asks the operating system each time.
#[derive(Clone)]
pub(crate) struct Entropy(SystemRandom);

impl Entropy {
    pub(crate) fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl TryRng for Entropy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out).expect("the operating system has entropy");
        Ok(())
    }
}

impl TryCryptoRng for Entropy {}
