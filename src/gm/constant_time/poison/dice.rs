//! Secret and public bytes.

#[path = "../../tests/support/seeded_rng.rs"]
mod seeded_rng;

use gm::drbg::{EntropySource, MinEntropy, Unavailable};
use gm::memcheck;
use rand_core::{TryCryptoRng, TryRng};
use seeded_rng::SeededRng;

/// Bytes as they are asked for. As a generator, it gives secret ones.
pub(crate) struct Dice(SeededRng);

impl Dice {
    pub(crate) fn new() -> Self {
        Self(SeededRng::new(1))
    }

    pub(crate) fn public<const N: usize>(&mut self) -> [u8; N] {
        self.0.array()
    }

    pub(crate) fn secret<const N: usize>(&mut self) -> [u8; N] {
        secret(self.0.array())
    }

    pub(crate) fn secret_bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = self.0.bytes(length);
        memcheck::make_secret(&mut bytes);
        bytes
    }
}

impl TryRng for Dice {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(self.secret()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(self.secret()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.0.try_fill_bytes(out)?;
        memcheck::make_secret(out);
        Ok(())
    }
}

impl TryCryptoRng for Dice {}

impl EntropySource for Dice {
    fn min_entropy(&self) -> MinEntropy {
        MinEntropy::FULL
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), Unavailable> {
        self.try_fill_bytes(out).map_err(|_| Unavailable)
    }
}

/// Candidates that are thrown away, all of them secret: not below n, 0, n-1; then what `rest` gives.
pub(crate) struct Unlucky<'a> {
    pub(crate) given: usize,
    pub(crate) rest: &'a mut Dice,
}

const N_LESS_1: [u8; 32] = [
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x72,
    0x03, 0xdf, 0x6b, 0x21, 0xc6, 0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x22,
];

impl TryRng for Unlucky<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.rest.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.rest.try_next_u64()
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.given += 1;
        match [[0xff; 32], [0; 32], N_LESS_1].get(self.given - 1) {
            Some(candidate) => out.copy_from_slice(&secret(*candidate)),
            None => self.rest.try_fill_bytes(out)?,
        }
        Ok(())
    }
}

impl TryCryptoRng for Unlucky<'_> {}

/// The same bytes, secret.
pub(crate) fn secret<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    memcheck::make_secret(&mut bytes);
    bytes
}

/// What must have come from a secret, made public. That it has come from one shows that nothing was declared public on the way.
pub(crate) fn published(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref().to_vec();
    assert!(memcheck::has_secret(&bytes), "what came out does not depend on the secret that went in");
    memcheck::make_public(&bytes);
    bytes
}

/// What the core has declared public.
pub(crate) fn already_public(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref().to_vec();
    assert!(!memcheck::has_secret(&bytes), "what goes out was not declared public");
    bytes
}
