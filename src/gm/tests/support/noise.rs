//! An entropy source that a test can break while it is in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gm::drbg::{EntropySource, MinEntropy, Unavailable};

use super::seeded_rng::SeededRng;

/// What is wrong with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Fault {
    None,
    /// It says one byte for ever.
    Stuck,
    /// Every eighth byte is the same.
    Favours,
    /// It gives nothing.
    Silent,
    /// It panics.
    Panics,
}

/// The handle by which a test breaks a source and counts what was taken from it.
#[derive(Clone, Default)]
pub(crate) struct Control {
    fault: Arc<AtomicU64>,
    taken: Arc<AtomicU64>,
}

impl Control {
    pub(crate) fn set(&self, fault: Fault) {
        self.fault.store(fault as u64, Ordering::SeqCst);
    }

    pub(crate) fn taken_bytes(&self) -> u64 {
        self.taken.load(Ordering::SeqCst)
    }
}

/// A seeded source under a [`Control`].
pub(crate) struct Noise {
    rng: SeededRng,
    control: Control,
    promises: MinEntropy,
}

impl Noise {
    pub(crate) fn new(seed: u64, control: &Control) -> Box<Self> {
        Box::new(Self { rng: SeededRng::new(seed), control: control.clone(), promises: MinEntropy::FULL })
    }

    pub(crate) fn promising(mut self: Box<Self>, bits_per_byte: u8) -> Box<Self> {
        self.promises = MinEntropy::bits_per_byte(bits_per_byte).unwrap();
        self
    }
}

impl EntropySource for Noise {
    fn min_entropy(&self) -> MinEntropy {
        self.promises
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), Unavailable> {
        self.control.taken.fetch_add(out.len() as u64, Ordering::SeqCst);
        out.copy_from_slice(&self.rng.bytes(out.len()));
        match self.control.fault.load(Ordering::SeqCst) {
            f if f == Fault::Stuck as u64 => out.fill(7),
            f if f == Fault::Favours as u64 => out.iter_mut().step_by(8).for_each(|b| *b = 7),
            f if f == Fault::Silent as u64 => return Err(Unavailable),
            f if f == Fault::Panics as u64 => panic!("the source broke"),
            _ => {}
        }
        Ok(())
    }
}
