//! The cryptographic module of this process (GM/T 0028-2014): its self-tests come before anything is served, and all keys work in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Clock, Entropy};
use gm::drbg::{EntropySource, MinEntropy, Unavailable};
use gm::module::{Failure, Module, ModuleError, Status};

use crate::KmsError;

/// Sets this generator apart from others that are seeded alike (GM/T 0105-2021, instantiation).
const PERSONALIZATION: &[u8] = b"yinxin kms";

/// Who is told why the module fell into its error state. Told once, by the operation that found it so.
pub type Alarm = Box<dyn Fn(Failure) + Send + Sync>;

/// A `gm` module over this process's randomness and clock: one for each process, shared by whatever needs it.
pub struct CryptoModule {
    module: Module,
    alarm: Alarm,
    alarmed: AtomicBool,
}

impl CryptoModule {
    /// A module whose self-tests have passed; its generator is seeded from `entropy`, under health tests, and again when `clock` says so.
    ///
    /// Takes a few milliseconds. Fails with the first test that did; then nothing may be served.
    pub fn power_on(entropy: Arc<dyn Entropy>, clock: Arc<dyn Clock>, alarm: Alarm) -> Result<Self, Failure> {
        let seconds = move || u64::try_from(clock.now().unix_seconds()).unwrap_or(0);
        let module = Module::power_on(vec![Box::new(Source(entropy))], PERSONALIZATION, Box::new(seconds))?;
        Ok(Self { module, alarm, alarmed: AtomicBool::new(false) })
    }

    /// Whether keys can be used and made. Fails with [`KmsError::OutOfService`].
    ///
    /// The generator learns that its source broke when it needs a new seed; one that is due is drawn here.
    pub fn in_service(&self) -> Result<(), KmsError> {
        self.serve(Module::in_service, || KmsError::OutOfService)
    }

    /// What `service` gives; `refused()` where the module served and its answer was no.
    pub(crate) fn serve<T>(
        &self,
        service: impl FnOnce(&Module) -> Result<T, ModuleError>,
        refused: impl FnOnce() -> KmsError,
    ) -> Result<T, KmsError> {
        service(&self.module).map_err(|error| match error {
            ModuleError::ErrorState => self.out_of_service(),
            ModuleError::Rejected(_) | ModuleError::Sm2(_) | ModuleError::TooLong(_) => refused(),
        })
    }

    fn out_of_service(&self) -> KmsError {
        if let Status::Error(failure) = self.module.status()
            && !self.alarmed.swap(true, Ordering::Relaxed)
        {
            (self.alarm)(failure);
        }
        KmsError::OutOfService
    }
}

/// The process's randomness as the module's source. The operating system's generator gives bytes of full entropy.
struct Source(Arc<dyn Entropy>);

impl EntropySource for Source {
    fn min_entropy(&self) -> MinEntropy {
        MinEntropy::FULL
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), Unavailable> {
        self.0.fill(out);
        Ok(())
    }
}
