//! The random bit generator of GM/T 0105-2021 over SM3, with health tests on what seeds it.
//!
//! - [`Drbg`] the generator: seeded from one or more sources, seeded again when its seed is old.
//! - [`EntropySource`] what it is seeded from; the caller brings it, since this crate opens no device.
//! - [`Drawn`] randomness for one operation, in the form that keys and nonces take it.
//!
//! Whatever goes wrong while it is seeded puts the generator in an error state in which it gives nothing; a new one must be made.

mod hash_drbg;
mod health;
mod source;

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::{TryCryptoRng, TryRng};
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use health::{HealthTest, MinEntropy};
pub use source::{EntropySource, Unavailable};

use crate::TooLong;
pub(crate) use hash_drbg::{HashDrbg, REQUEST_BYTES, Seeded};
#[cfg(feature = "std")]
pub(crate) use health::failed_health_tests;
use source::Sources;

/// The longest personalization or additional input, in bytes.
pub const MAX_INPUT_BYTES: u64 = 65_536;

/// The min-entropy of a seed that every source brings, in bits: the strength of the generator.
const SEED_ENTROPY_BITS: usize = 256;

/// That of the nonce beside the first seed (SP 800-90A, 8.6.7: half the strength).
const NONCE_ENTROPY_BITS: usize = 128;

/// How long a seed is used. Source: GM/T 0105-2021, for software of security level one and two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityLevel {
    /// 2^20 requests or 600 seconds.
    One,
    /// 2^10 requests or 60 seconds.
    Two,
}

impl SecurityLevel {
    /// After how many requests, of up to 32 bytes each, the generator must be seeded again.
    pub const fn reseed_requests(self) -> u64 {
        match self {
            Self::One => 1 << 20,
            Self::Two => 1 << 10,
        }
    }

    /// After how many seconds.
    pub const fn reseed_seconds(self) -> u64 {
        match self {
            Self::One => 600,
            Self::Two => 60,
        }
    }
}

/// Why a generator gave nothing. All but [`Error::InputTooLong`] leave it in its error state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing to seed it from.
    #[error("expected at least one entropy source, got none")]
    NoSource,
    /// A source had nothing to give.
    #[error("entropy source {source_number} gave nothing")]
    Unavailable {
        /// Which, from 0, in the order they were handed in.
        source_number: usize,
    },
    /// A source failed a health test.
    #[error("entropy source {source_number} failed the {test}")]
    Unhealthy {
        /// Which, from 0, in the order they were handed in.
        source_number: usize,
        /// The test.
        test: HealthTest,
    },
    /// Personalization or additional input is longer than [`MAX_INPUT_BYTES`].
    #[error(transparent)]
    InputTooLong(#[from] TooLong),
    /// Something failed earlier.
    #[error("the random bit generator is in its error state")]
    ErrorState,
}

/// A random bit generator after GM/T 0105-2021 (SM3). Wiped when dropped; not `Clone` and not `Debug`.
///
/// Times are whole seconds of any clock that counts on, such as the time since the process began; a clock that went back makes a
/// new seed due.
///
/// ```compile_fail
/// fn printed(drbg: &gm::drbg::Drbg) -> String { format!("{drbg:?}") }
/// ```
/// ```compile_fail
/// fn copied(drbg: &gm::drbg::Drbg) -> gm::drbg::Drbg { drbg.clone() }
/// ```
pub struct Drbg {
    sources: Sources,
    level: SecurityLevel,
    /// None in the error state.
    state: Option<HashDrbg>,
    seeded_at_seconds: u64,
}

impl Drbg {
    /// A generator seeded from all of `sources`, each of which passes its start-up test first: 1024 samples through the health
    /// tests (SP 800-90B, 4.3). They count as independent: one good source among bad ones is enough.
    ///
    /// `personalization` sets this generator apart from others (a host's name, a purpose); it need not be secret.
    /// Fails as [`Error`] says. Source: GM/T 0105-2021, instantiation; SP 800-90A, 10.1.1.2.
    pub fn new(
        sources: Vec<Box<dyn EntropySource + Send>>,
        personalization: &[u8],
        level: SecurityLevel,
        now_seconds: u64,
    ) -> Result<Self, Error> {
        TooLong::unless_within(MAX_INPUT_BYTES, personalization.len())?;
        let mut sources = Sources::new(sources)?;
        sources.start_up_test()?;
        let entropy = sources.draw(SEED_ENTROPY_BITS)?;
        let nonce = sources.draw(NONCE_ENTROPY_BITS)?;
        let state = HashDrbg::instantiate(&[&entropy, &nonce, personalization]);
        Ok(Self { sources, level, state: Some(state), seeded_at_seconds: now_seconds })
    }

    /// Fills `out`; `additional` input (may be empty, need not be secret) is mixed in first.
    ///
    /// Seeds itself again where that is due. Each 32 bytes are one request. Fails as [`Error`] says, with `out` all zeros.
    /// Source: GM/T 0105-2021, output; SP 800-90A, 10.1.1.4.
    pub fn generate(&mut self, out: &mut [u8], additional: &[u8], now_seconds: u64) -> Result<(), Error> {
        let filled = self.fill(out, additional, now_seconds);
        if filled.is_err() {
            out.zeroize();
        }
        filled
    }

    /// Seeds the generator again from all sources, whether that is due or not.
    ///
    /// Fails as [`Error`] says. Source: GM/T 0105-2021, reseeding; SP 800-90A, 10.1.1.3.
    pub fn reseed(&mut self, additional: &[u8], now_seconds: u64) -> Result<(), Error> {
        TooLong::unless_within(MAX_INPUT_BYTES, additional.len())?;
        // Taken out, so that a failure of the sources leaves the error state behind.
        let mut state = self.state.take().ok_or(Error::ErrorState)?;
        let entropy = self.sources.draw(SEED_ENTROPY_BITS)?;
        state.reseed(&entropy, additional);
        self.state = Some(state);
        self.seeded_at_seconds = now_seconds;
        Ok(())
    }

    /// Seeds the generator again where that is due, as the next request would. Fails as [`Error`] says.
    pub fn keep_seeded(&mut self, now_seconds: u64) -> Result<(), Error> {
        if self.seed_is_due(now_seconds) {
            self.reseed(&[], now_seconds)?;
        }
        if self.in_error_state() { Err(Error::ErrorState) } else { Ok(()) }
    }

    /// Randomness for one operation: making a key, signing, encrypting. What can fail fails here, and not in the operation.
    pub fn draw(&mut self, now_seconds: u64) -> Result<Drawn, Error> {
        let mut drawn =
            Drawn { first: [0; REQUEST_BYTES], given: 0, seed: [0; REQUEST_BYTES], further: None };
        self.generate(&mut drawn.first, &[], now_seconds)?;
        self.generate(&mut drawn.seed, &[], now_seconds)?;
        Ok(drawn)
    }

    /// Runs the health tests over 1024 new samples of every source, as at the start; they are thrown away.
    pub fn health_test(&mut self) -> Result<(), Error> {
        let state = self.state.take().ok_or(Error::ErrorState)?;
        self.sources.start_up_test()?;
        self.state = Some(state);
        Ok(())
    }

    /// Whether something failed earlier, so that the generator gives nothing any more.
    pub const fn in_error_state(&self) -> bool {
        self.state.is_none()
    }

    fn fill(&mut self, out: &mut [u8], additional: &[u8], now_seconds: u64) -> Result<(), Error> {
        TooLong::unless_within(MAX_INPUT_BYTES, additional.len())?;
        let mut additional = additional;
        for chunk in out.chunks_mut(REQUEST_BYTES) {
            if self.seed_is_due(now_seconds) {
                self.reseed(additional, now_seconds)?;
                additional = &[];
            }
            let state = self.state.as_mut().ok_or(Error::ErrorState)?;
            state.generate(chunk, additional);
            additional = &[];
        }
        if self.in_error_state() { Err(Error::ErrorState) } else { Ok(()) }
    }

    fn seed_is_due(&self, now_seconds: u64) -> bool {
        let age_seconds = now_seconds.checked_sub(self.seeded_at_seconds);
        let old = age_seconds.is_none_or(|age| age >= self.level.reseed_seconds());
        old || self.state.as_ref().is_some_and(|state| state.requests() >= self.level.reseed_requests())
    }
}

/// Randomness for one operation, drawn by [`Drbg::draw`] in advance. Wiped when dropped; not `Clone` and not `Debug`.
///
/// The first 32 bytes are the generator's own. An operation that needs more, because it throws candidates away, gets them from a
/// generator of its own, seeded with 32 further bytes: so that it cannot fail half-way.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Drawn {
    first: [u8; REQUEST_BYTES],
    given: usize,
    seed: [u8; REQUEST_BYTES],
    further: Option<HashDrbg>,
}

#[cfg(feature = "std")]
impl Drawn {
    /// The same in every run, for known-answer tests that need some randomness.
    pub(crate) const fn known() -> Self {
        Self::known_from([0x5a; REQUEST_BYTES])
    }

    /// As [`Self::known`], of which `first` is drawn first: the ephemeral key of a published example.
    pub(crate) const fn known_from(first: [u8; REQUEST_BYTES]) -> Self {
        Self { first, given: 0, seed: [0xa5; REQUEST_BYTES], further: None }
    }
}

impl TryRng for Drawn {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        let mut out = out.iter_mut();
        let first = self.first.iter_mut().skip(self.given);
        for (byte, place) in first.zip(&mut out) {
            *place = core::mem::take(byte);
            self.given += 1;
        }
        let rest = out.into_slice();
        if !rest.is_empty() {
            let further = self.further.get_or_insert_with(|| HashDrbg::instantiate(&[&self.seed]));
            rest.chunks_mut(REQUEST_BYTES).for_each(|chunk| further.generate(chunk, &[]));
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
