//! The cryptographic module: the algorithms of this crate behind one door that self-tests guard (GM/T 0028-2014,
//! GB/T 37092-2018, level two).
//!
//! [`Module::power_on`] runs every known-answer test and the start-up tests of the entropy sources before anyone is served. A
//! self-test, a pairwise test of a new key or a health test that fails moves the module into its error state: from then on every
//! service answers [`ModuleError::ErrorState`] and nothing else, until a new module is powered on. [`Module::status`] tells the
//! operator why.
//!
//! Threads share a module by reference. Its generator is locked while it is drawn from and not while keys work; nothing is served
//! while a self-test runs. Integrity of the program file, roles and key storage are the caller's part of the standard.

mod known_answers;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::vec::Vec;
use std::sync::{Mutex, PoisonError, RwLock};

use zeroize::{Zeroize, Zeroizing};

use crate::drbg::{self, Drawn, Drbg, EntropySource, SecurityLevel};
use crate::sm2::{self, Ciphertext, DecryptingKey, EncryptingKey, Signature, SigningKey, VerifyingKey};
use crate::sm4::{self, gcm};
use crate::{Rejected, TooLong};
use known_answers::{KNOWN_ANSWERS, KnownAnswer};

/// How the module stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Every self-test passed; it serves.
    Operational,
    /// It serves nobody any more.
    Error(Failure),
}

/// What brought a module into its error state, for its operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// An algorithm gave something other than its known answer.
    #[error("the known-answer test of {test} failed")]
    KnownAnswer {
        /// The algorithm.
        test: &'static str,
    },
    /// The halves of a new key do not belong together.
    #[error("the pairwise test of a new {key} failed")]
    Pairwise {
        /// What the key was for.
        key: &'static str,
    },
    /// The random bit generator or one of its sources failed.
    #[error("{0}")]
    Generator(drbg::Error),
    /// A service ended where it must not.
    #[error("a service was interrupted")]
    Interrupted,
}

/// Why a service gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// The module is in its error state, or has just entered it.
    #[error("the cryptographic module is in its error state")]
    ErrorState,
    /// A signature, ciphertext or tag does not hold.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// Not what SM2 takes.
    #[error(transparent)]
    Sm2(#[from] sm2::Error),
    /// More bytes than the algorithm's counter allows.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// A module in operation or in its error state.
///
/// ```compile_fail
/// fn printed(module: &gm::module::Module) -> String { format!("{module:?}") }
/// ```
pub struct Module {
    generator: Mutex<Drbg>,
    clock: Clock,
    known_answers: &'static [KnownAnswer],
    /// None while operational. Read by every service for as long as it lasts, written by self-tests and failures.
    failure: RwLock<Option<Failure>>,
}

/// Whole seconds of a clock that counts on; it tells how old a seed is.
pub type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

impl Module {
    /// A module whose self-tests have all passed and whose generator was seeded from `sources` under security level two.
    ///
    /// `personalization` as in [`Drbg::new`]. Fails with the first [`Failure`]; then there is no module.
    /// Source: GM/T 0028-2014, 7.10.2 (self-tests before operation).
    pub fn power_on(
        sources: Vec<Box<dyn EntropySource + Send>>,
        personalization: &[u8],
        clock: Clock,
    ) -> Result<Self, Failure> {
        Self::power_on_with(KNOWN_ANSWERS, sources, personalization, clock)
    }

    fn power_on_with(
        known_answers: &'static [KnownAnswer],
        sources: Vec<Box<dyn EntropySource + Send>>,
        personalization: &[u8],
        clock: Clock,
    ) -> Result<Self, Failure> {
        known_answers::check(known_answers)?;
        let generator = Drbg::new(sources, personalization, SecurityLevel::Two, clock());
        let generator = Mutex::new(generator.map_err(Failure::Generator)?);
        Ok(Self { generator, clock, known_answers, failure: RwLock::new(None) })
    }

    /// How the module stands.
    pub fn status(&self) -> Status {
        match self.failure.read().map(|failure| *failure) {
            Ok(None) => Status::Operational,
            Ok(Some(failure)) => Status::Error(failure),
            Err(_) => Status::Error(Failure::Interrupted),
        }
    }

    /// Runs the known-answer tests and the health tests again; no service is given meanwhile (GM/T 0028-2014, 7.10.3.8).
    pub fn self_test(&self) -> Result<(), ModuleError> {
        let mut state = self.failure.write().map_err(|_| ModuleError::ErrorState)?;
        if state.is_some() {
            return Err(ModuleError::ErrorState);
        }
        let tested = known_answers::check(self.known_answers).and_then(|()| self.test_generator());
        *state = tested.err();
        tested.map_err(|_| ModuleError::ErrorState)
    }

    /// Whether the module gives services. A generator whose seed has had its time learns here whether its sources still give one, so
    /// that whoever asks this in time is not told of it by the next service.
    pub fn in_service(&self) -> Result<(), ModuleError> {
        self.serve(|| Ok(self.with_generator(Drbg::keep_seeded)?))
    }

    /// Fills `out` with random bytes; with zeros when it fails.
    pub fn random(&self, out: &mut [u8]) -> Result<(), ModuleError> {
        let filled = self.serve(|| {
            let fill = |generator: &mut Drbg, now_seconds| generator.generate(&mut *out, &[], now_seconds);
            Ok(self.with_generator(fill)?)
        });
        if filled.is_err() {
            out.zeroize();
        }
        filled
    }

    /// Randomness for one operation of the caller's own, such as making a key of an algorithm that is not the module's.
    pub fn drawn(&self) -> Result<Drawn, ModuleError> {
        self.serve(|| Ok(self.draw()?))
    }

    /// A new key that signs; what it signs was verified with its public half (GM/T 0028-2014, 7.10.3.3).
    pub fn generate_signing_key(&self) -> Result<SigningKey, ModuleError> {
        self.generate("signing key", SigningKey::generate, |key, drawn| {
            let signature = key.sign(PAIRWISE, sm2::DEFAULT_ID, drawn);
            let verified = |s| key.verifying_key().verify(PAIRWISE, sm2::DEFAULT_ID, &s);
            signature.is_ok_and(|s| verified(s).is_ok())
        })
    }

    /// A new key that decrypts; what was encrypted with its public half came back (GM/T 0028-2014, 7.10.3.3).
    pub fn generate_decrypting_key(&self) -> Result<DecryptingKey, ModuleError> {
        self.generate("decrypting key", DecryptingKey::generate, |key, drawn| {
            let ciphertext = key.encrypting_key().encrypt(PAIRWISE, drawn);
            ciphertext.is_ok_and(|c| key.decrypt(&c).is_ok_and(|plaintext| plaintext.as_slice() == PAIRWISE))
        })
    }

    /// A new SM4 key.
    pub fn generate_sm4_key(&self) -> Result<Zeroizing<[u8; sm4::KEY_BYTES]>, ModuleError> {
        let mut key = Zeroizing::new([0; sm4::KEY_BYTES]);
        self.random(key.as_mut_slice())?;
        Ok(key)
    }

    /// As [`SigningKey::sign`], with a nonce of this module.
    pub fn sign(&self, key: &SigningKey, message: &[u8], id: &[u8]) -> Result<Signature, ModuleError> {
        self.serve(|| Ok(key.sign(message, id, &mut self.draw()?)?))
    }

    /// As [`SigningKey::sign_digest`], with a nonce of this module.
    pub fn sign_digest(&self, key: &SigningKey, e: &[u8; 32]) -> Result<Signature, ModuleError> {
        self.serve(|| Ok(key.sign_digest(e, &mut self.draw()?)))
    }

    /// As [`VerifyingKey::verify`].
    pub fn verify(
        &self,
        key: &VerifyingKey,
        message: &[u8],
        id: &[u8],
        signature: &Signature,
    ) -> Result<(), ModuleError> {
        self.serve(|| Ok(key.verify(message, id, signature)?))
    }

    /// As [`EncryptingKey::encrypt`], with a nonce of this module.
    pub fn encrypt(&self, key: &EncryptingKey, plaintext: &[u8]) -> Result<Ciphertext, ModuleError> {
        self.serve(|| Ok(key.encrypt(plaintext, &mut self.draw()?)?))
    }

    /// As [`DecryptingKey::decrypt`].
    pub fn decrypt(
        &self,
        key: &DecryptingKey,
        ciphertext: &Ciphertext,
    ) -> Result<Zeroizing<Vec<u8>>, ModuleError> {
        self.serve(|| Ok(key.decrypt(ciphertext)?))
    }

    /// SM4-GCM under a random nonce: nonce, ciphertext and tag in one piece. For at most 2^32 messages under one key (NIST SP
    /// 800-38D, 8.3). Fails as [`gcm::seal`] does.
    pub fn seal(&self, key: &sm4::Key, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, ModuleError> {
        self.serve(|| {
            let mut nonce = [0; gcm::NONCE_BYTES];
            self.with_generator(|generator, now_seconds| generator.generate(&mut nonce, &[], now_seconds))?;
            Ok([nonce.as_slice(), &gcm::seal(key, &nonce, aad, plaintext)?].concat())
        })
    }

    /// Opens what [`Module::seal`] made; fails with [`Rejected`] for anything else.
    pub fn open(&self, key: &sm4::Key, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, ModuleError> {
        self.serve(|| {
            let (nonce, sealed) = sealed.split_first_chunk().ok_or(Rejected)?;
            Ok(Zeroizing::new(gcm::open(key, nonce, aad, sealed)?))
        })
    }

    /// Makes a key and lets it go only when its halves agree.
    fn generate<K>(
        &self,
        name: &'static str,
        make: impl FnOnce(&mut Drawn) -> K,
        agree: impl FnOnce(&K, &mut Drawn) -> bool,
    ) -> Result<K, ModuleError> {
        self.serve(|| {
            let key = make(&mut self.draw()?);
            if agree(&key, &mut self.draw()?) { Ok(key) } else { Err(Failure::Pairwise { key: name }.into()) }
        })
    }

    /// Gives `service` unless the module is in its error state, and enters it when the service failed.
    fn serve<T>(&self, service: impl FnOnce() -> Result<T, Trouble>) -> Result<T, ModuleError> {
        let served = {
            let state = self.failure.read().map_err(|_| ModuleError::ErrorState)?;
            if state.is_some() {
                return Err(ModuleError::ErrorState);
            }
            service()
        };
        served.map_err(|trouble| match trouble {
            Trouble::OfTheCaller(error) => error,
            Trouble::OfTheModule(failure) => self.fail(failure),
        })
    }

    /// Enters the error state; the first failure is the one that is told.
    fn fail(&self, failure: Failure) -> ModuleError {
        let mut state = self.failure.write().unwrap_or_else(PoisonError::into_inner);
        state.get_or_insert(failure);
        ModuleError::ErrorState
    }

    fn draw(&self) -> Result<Drawn, Failure> {
        self.with_generator(Drbg::draw)
    }

    fn test_generator(&self) -> Result<(), Failure> {
        self.with_generator(|generator, _| generator.health_test())
    }

    /// The generator for one use. A use that ended where it must not, by a panic in a source, has left it in an unknown state.
    fn with_generator<T>(
        &self,
        use_it: impl FnOnce(&mut Drbg, u64) -> Result<T, drbg::Error>,
    ) -> Result<T, Failure> {
        let now_seconds = (self.clock)();
        let mut generator = self.generator.lock().map_err(|_| Failure::Interrupted)?;
        use_it(&mut generator, now_seconds).map_err(Failure::Generator)
    }
}

/// What a new key is tried on.
const PAIRWISE: &[u8] = b"pairwise consistency test";

/// Whose fault it is that a service gave nothing.
enum Trouble {
    OfTheCaller(ModuleError),
    OfTheModule(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::OfTheModule(failure)
    }
}

impl<E: Into<ModuleError>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::OfTheCaller(error.into())
    }
}
