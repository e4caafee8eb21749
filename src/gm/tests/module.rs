//! The cryptographic module as its users see it: it serves after its tests, and nobody once something failed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/noise.rs"]
mod noise;
#[path = "support/seeded_rng.rs"]
mod seeded_rng;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gm::drbg::{Error, HealthTest};
use gm::module::{Failure, Module, ModuleError, Status};
use gm::sm2::{self, Ciphertext, DEFAULT_ID};
use gm::{Rejected, sm3, sm4};
use noise::{Control, Fault, Noise};

/// A module with one source that can be broken and a clock that can be moved.
struct Bench {
    module: Module,
    source: Control,
    clock: Arc<AtomicU64>,
}

impl Bench {
    fn power_on() -> Self {
        let (source, clock) = (Control::default(), Arc::new(AtomicU64::new(0)));
        let reads = Arc::clone(&clock);
        let reads = Box::new(move || reads.load(Ordering::SeqCst));
        let module = Module::power_on(vec![Noise::new(1, &source)], b"test", reads).unwrap();
        Self { module, source, clock }
    }

    /// The source breaks, and a minute passes so that a new seed is due.
    fn breaks(&self, fault: Fault) {
        self.source.set(fault);
        self.clock.fetch_add(60, Ordering::SeqCst);
    }
}

#[test]
fn after_its_tests_the_module_serves() {
    let Bench { module, .. } = Bench::power_on();
    assert_eq!(module.status(), Status::Operational);

    let key = module.generate_signing_key().unwrap();
    let signature = module.sign(&key, b"message", DEFAULT_ID).unwrap();
    assert_eq!(module.verify(key.verifying_key(), b"message", DEFAULT_ID, &signature), Ok(()));
    let refused = module.verify(key.verifying_key(), b"massage", DEFAULT_ID, &signature);
    assert_eq!(refused, Err(ModuleError::Rejected(Rejected)));
    let e = key.verifying_key().digest(&[b"message"], DEFAULT_ID).unwrap();
    let over_digest = module.sign_digest(&key, &e).unwrap();
    assert_eq!(module.verify(key.verifying_key(), b"message", DEFAULT_ID, &over_digest), Ok(()));
    assert_ne!(signature.to_bytes(), over_digest.to_bytes(), "fresh nonces");

    let key = module.generate_decrypting_key().unwrap();
    let ciphertext = module.encrypt(key.encrypting_key(), b"plaintext").unwrap();
    assert_eq!(module.decrypt(&key, &ciphertext).unwrap().as_slice(), b"plaintext");
    let mut changed = ciphertext.to_bytes();
    *changed.last_mut().unwrap() ^= 1;
    let changed = Ciphertext::from_bytes(&changed).unwrap();
    assert_eq!(module.decrypt(&key, &changed).err(), Some(ModuleError::Rejected(Rejected)));

    let key = sm4::Key::new(&module.generate_sm4_key().unwrap());
    let sealed = module.seal(&key, b"aad", b"plaintext").unwrap();
    assert_eq!(module.open(&key, b"aad", &sealed).unwrap().as_slice(), b"plaintext");
    assert_ne!(module.seal(&key, b"aad", b"plaintext").unwrap(), sealed, "fresh nonces");
    for cut in 0..sealed.len() {
        let opened = module.open(&key, b"aad", sealed.split_at(cut).0);
        assert_eq!(opened.err(), Some(ModuleError::Rejected(Rejected)), "cut to {cut} bytes");
    }

    let (mut one, mut other) = ([0; 1000], [0; 1000]);
    module.random(&mut one).unwrap();
    module.random(&mut other).unwrap();
    assert_ne!(one, other);
    assert_eq!((module.self_test(), module.status()), (Ok(()), Status::Operational));
}

#[test]
fn what_a_caller_does_wrong_is_told_and_does_the_module_no_harm() {
    let Bench { module, .. } = Bench::power_on();
    let key = module.generate_signing_key().unwrap();
    let long = vec![0; sm2::MAX_ID_BYTES + 1];
    let refused = module.sign(&key, b"", &long);
    assert_eq!(refused.err(), Some(ModuleError::Sm2(sm2::Error::IdTooLong { bytes: long.len() })));
    let key = module.generate_decrypting_key().unwrap();
    let refused = module.encrypt(key.encrypting_key(), b"");
    assert_eq!(refused.err(), Some(ModuleError::Sm2(sm2::Error::PlaintextLength { bytes: 0 })));
    assert_eq!(module.status(), Status::Operational);
}

#[test]
fn a_module_without_sound_sources_does_not_power_on() {
    let power_on = |fault| {
        let control = Control::default();
        control.set(fault);
        Module::power_on(vec![Noise::new(1, &control)], b"", Box::new(|| 0)).err()
    };
    assert_eq!(power_on(Fault::None), None);
    let unhealthy = |test| Some(Failure::Generator(Error::Unhealthy { source_number: 0, test }));
    assert_eq!(power_on(Fault::Stuck), unhealthy(HealthTest::RepetitionCount));
    assert_eq!(power_on(Fault::Favours), unhealthy(HealthTest::AdaptiveProportion));
    assert_eq!(power_on(Fault::Silent), Some(Failure::Generator(Error::Unavailable { source_number: 0 })));
    let without = Module::power_on(vec![], b"", Box::new(|| 0)).err();
    assert_eq!(without, Some(Failure::Generator(Error::NoSource)));
}

/// Security level two: a seed is good for a minute, and each source brings 256 bits to the next.
#[test]
fn every_minute_all_sources_seed_the_generator_again() {
    let (rich, poor, clock) = (Control::default(), Control::default(), Arc::new(AtomicU64::new(0)));
    let reads = Arc::clone(&clock);
    let module = Module::power_on(
        vec![Noise::new(1, &rich), Noise::new(2, &poor).promising(2)],
        b"test",
        Box::new(move || reads.load(Ordering::SeqCst)),
    )
    .unwrap();
    let key = module.generate_signing_key().unwrap();
    let taken = || [rich.taken_bytes(), poor.taken_bytes()];
    let mut before = taken();
    for minute in 1..=3 {
        clock.store(60 * minute - 1, Ordering::SeqCst);
        module.sign(&key, b"message", DEFAULT_ID).unwrap();
        assert_eq!(taken(), before, "minute {minute} is not over");
        clock.store(60 * minute, Ordering::SeqCst);
        module.sign(&key, b"message", DEFAULT_ID).unwrap();
        before = [before[0] + 32, before[1] + 128];
        assert_eq!(taken(), before, "minute {minute} is over");
    }
}

#[test]
fn in_the_error_state_every_service_says_so_and_nothing_else() {
    let bench = Bench::power_on();
    let module = &bench.module;
    let signing = module.generate_signing_key().unwrap();
    let signature = module.sign(&signing, b"", DEFAULT_ID).unwrap();
    let decrypting = module.generate_decrypting_key().unwrap();
    let ciphertext = module.encrypt(decrypting.encrypting_key(), b"plaintext").unwrap();
    let key = sm4::Key::new(&[7; 16]);
    let sealed = module.seal(&key, b"", b"plaintext").unwrap();

    bench.breaks(Fault::Stuck);
    assert_eq!(module.status(), Status::Operational, "nobody has asked the source yet");
    assert_eq!(module.generate_signing_key().err(), Some(ModuleError::ErrorState));
    let cause = Error::Unhealthy { source_number: 0, test: HealthTest::RepetitionCount };
    assert_eq!(module.status(), Status::Error(Failure::Generator(cause)));
    bench.source.set(Fault::None);

    let mut out = [0xff; 64];
    let answers = [
        module.random(&mut out).err(),
        module.generate_signing_key().err(),
        module.generate_decrypting_key().err(),
        module.generate_sm4_key().err(),
        module.sign(&signing, b"", DEFAULT_ID).err(),
        module.sign_digest(&signing, &sm3::hash(b"")).err(),
        module.verify(signing.verifying_key(), b"", DEFAULT_ID, &signature).err(),
        module.encrypt(decrypting.encrypting_key(), b"plaintext").err(),
        module.decrypt(&decrypting, &ciphertext).err(),
        module.seal(&key, b"", b"plaintext").err(),
        module.open(&key, b"", &sealed).err(),
        module.self_test().err(),
    ];
    assert!(answers.iter().all(|answer| *answer == Some(ModuleError::ErrorState)), "{answers:?}");
    assert_eq!(out, [0; 64]);
    assert_eq!(module.status(), Status::Error(Failure::Generator(cause)), "the cause stays");
}

#[test]
fn a_self_test_asks_the_sources_too() {
    let bench = Bench::power_on();
    bench.source.set(Fault::Favours);
    assert_eq!(bench.module.self_test(), Err(ModuleError::ErrorState));
    assert_eq!(bench.module.random(&mut [0; 8]), Err(ModuleError::ErrorState));
}

#[test]
fn a_source_that_panics_ends_the_service() {
    let bench = Bench::power_on();
    bench.breaks(Fault::Panics);
    let service = std::panic::AssertUnwindSafe(|| bench.module.random(&mut [0; 8]));
    assert!(std::panic::catch_unwind(service).is_err());
    bench.source.set(Fault::None);
    assert_eq!(bench.module.random(&mut [0; 8]), Err(ModuleError::ErrorState));
    assert_eq!(bench.module.status(), Status::Error(Failure::Interrupted));
}

/// Eight threads sign and test at once; when the source breaks under them each sees its services end and none goes on.
#[test]
fn threads_share_a_module_and_stop_together() {
    let bench = Bench::power_on();
    let key = bench.module.generate_signing_key().unwrap();
    let sign = || bench.module.sign(&key, b"message", DEFAULT_ID);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (sign, module, key) = (&sign, &bench.module, &key);
            scope.spawn(move || {
                for _ in 0..20 {
                    let signature = sign().unwrap();
                    let verified = module.verify(key.verifying_key(), b"message", DEFAULT_ID, &signature);
                    assert_eq!(verified, Ok(()));
                }
                assert!(thread % 4 != 0 || module.self_test().is_ok());
            });
        }
    });
    bench.breaks(Fault::Silent);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!((0..20).find_map(|_| sign().ok()), None));
        }
    });
}
