//! What a generator is seeded from, watched by health tests.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::Error;
use super::health::{HealthTests, MinEntropy};

/// Samples that a source shows before any is used (SP 800-90B, 4.3).
const START_UP_SAMPLES: usize = 1024;

/// A source of entropy: an operating system's generator, a device, a processor's instruction.
///
/// Its bytes are samples: unequal, dependent and biased as they may be, each holds the promised min-entropy.
pub trait EntropySource {
    /// What every byte holds at least.
    fn min_entropy(&self) -> MinEntropy;

    /// Fills `out` with new samples, none of which is given twice. Fails when there are none to be had; never waits for long.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Unavailable>;
}

/// A source had nothing to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entropy source has nothing to give")]
pub struct Unavailable;

/// All sources of a generator; at least one.
pub(super) struct Sources(Vec<Watched>);

impl Sources {
    pub(super) fn new(sources: Vec<Box<dyn EntropySource + Send>>) -> Result<Self, Error> {
        if sources.is_empty() {
            return Err(Error::NoSource);
        }
        Ok(Self(sources.into_iter().map(Watched::new).collect()))
    }

    /// Shows the health tests the first samples of every source and throws them away.
    pub(super) fn start_up_test(&mut self) -> Result<(), Error> {
        for (number, source) in self.0.iter_mut().enumerate() {
            source.samples(number, START_UP_SAMPLES)?;
        }
        Ok(())
    }

    /// Samples of every source, each bringing `bits` of min-entropy, one after the other.
    pub(super) fn draw(&mut self, bits: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        // Room for all from the start: growing would leave copies behind.
        let room = self.0.iter().map(|s| s.promised.bytes_for(bits)).sum();
        let mut drawn = Zeroizing::new(Vec::with_capacity(room));
        for (number, source) in self.0.iter_mut().enumerate() {
            let samples = source.samples(number, source.promised.bytes_for(bits))?;
            drawn.extend_from_slice(&samples);
        }
        Ok(drawn)
    }
}

/// A source and its health tests, which see every sample.
struct Watched {
    source: Box<dyn EntropySource + Send>,
    /// Asked once: a source that changes its promise later changes nothing.
    promised: MinEntropy,
    tests: HealthTests,
}

impl Watched {
    fn new(source: Box<dyn EntropySource + Send>) -> Self {
        let promised = source.min_entropy();
        Self { source, promised, tests: HealthTests::new(promised) }
    }

    fn samples(&mut self, source_number: usize, count: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut samples = Zeroizing::new(alloc::vec![0; count]);
        self.source.fill(&mut samples).map_err(|Unavailable| Error::Unavailable { source_number })?;
        self.tests.take(&samples).map_err(|test| Error::Unhealthy { source_number, test })?;
        Ok(samples)
    }
}
