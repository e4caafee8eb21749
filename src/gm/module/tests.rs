//! What only a fault inside can show: an algorithm that gives a wrong answer, and a pair of keys that do not belong together.

use std::boxed::Box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::vec;
use std::vec::Vec;

use super::*;
use crate::drbg::{MinEntropy, Unavailable};
use crate::sm3;

/// A source that nothing is wrong with, the same in every run.
struct Sound(u32);

impl EntropySource for Sound {
    fn min_entropy(&self) -> MinEntropy {
        MinEntropy::FULL
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), Unavailable> {
        for chunk in out.chunks_mut(sm3::DIGEST_BYTES) {
            self.0 += 1;
            chunk.copy_from_slice(sm3::hash(&self.0.to_be_bytes()).split_at(chunk.len()).0);
        }
        Ok(())
    }
}

fn powered_on(known_answers: Vec<KnownAnswer>) -> Result<Module, Failure> {
    // A module keeps its tests for as long as the program runs.
    let known_answers = Vec::leak(known_answers);
    Module::power_on_with(known_answers, vec![Box::new(Sound(0))], b"test", Box::new(|| 0))
}

#[test]
fn any_wrong_answer_keeps_the_module_from_powering_on() {
    assert!(powered_on(KNOWN_ANSWERS.to_vec()).is_ok());
    for broken in KNOWN_ANSWERS {
        let answer = Vec::leak(broken.answer.as_bytes().to_vec());
        let last = answer.iter_mut().rfind(|digit| digit.is_ascii_hexdigit()).unwrap();
        *last = if *last == b'0' { b'1' } else { b'0' };
        let answer = std::str::from_utf8(answer).unwrap();
        let tests = KNOWN_ANSWERS
            .iter()
            .map(|t| KnownAnswer { answer: if t.test == broken.test { answer } else { t.answer }, ..*t });
        let failure = powered_on(tests.collect()).err();
        assert_eq!(failure, Some(Failure::KnownAnswer { test: broken.test }));

        let refusing = KNOWN_ANSWERS
            .iter()
            .map(|t| KnownAnswer { compute: if t.test == broken.test { || None } else { t.compute }, ..*t });
        let failure = powered_on(refusing.collect()).err();
        assert_eq!(failure, Some(Failure::KnownAnswer { test: broken.test }), "an algorithm that refuses");
    }
}

#[test]
fn every_known_answer_has_a_name_of_its_own() {
    let mut names: Vec<_> = KNOWN_ANSWERS.iter().map(|t| t.test).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KNOWN_ANSWERS.len());
}

#[test]
fn an_algorithm_that_breaks_later_is_found_by_the_self_test() {
    static BROKEN: AtomicBool = AtomicBool::new(false);
    let test = KnownAnswer {
        test: "breaks",
        compute: || Some(vec![BROKEN.load(Ordering::SeqCst).into()]),
        answer: "00",
    };
    let module = powered_on(vec![test]).unwrap();
    assert_eq!((module.self_test(), module.status()), (Ok(()), Status::Operational));
    BROKEN.store(true, Ordering::SeqCst);
    assert_eq!(module.random(&mut [0; 8]), Ok(()), "nobody has looked yet");
    assert_eq!(module.self_test(), Err(ModuleError::ErrorState));
    assert_eq!(module.status(), Status::Error(Failure::KnownAnswer { test: "breaks" }));

    BROKEN.store(false, Ordering::SeqCst);
    assert_eq!(module.self_test(), Err(ModuleError::ErrorState), "a test that passes again mends nothing");
    assert_eq!(module.random(&mut [0; 8]), Err(ModuleError::ErrorState));
}

#[test]
fn a_known_answer_test_that_panics_ends_the_service_too() {
    static BROKEN: AtomicBool = AtomicBool::new(false);
    let compute = || {
        assert!(!BROKEN.load(Ordering::SeqCst), "the algorithm broke");
        Some(vec![0])
    };
    let module = powered_on(vec![KnownAnswer { test: "panics", compute, answer: "00" }]).unwrap();
    BROKEN.store(true, Ordering::SeqCst);
    let tested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| module.self_test()));
    assert!(tested.is_err());
    assert_eq!(module.status(), Status::Error(Failure::Interrupted));
    assert_eq!(module.random(&mut [0; 8]), Err(ModuleError::ErrorState));
}

#[test]
fn a_new_key_whose_halves_disagree_is_not_let_go() {
    let module = powered_on(vec![]).unwrap();
    let generated = module.generate("signing key", SigningKey::generate, |_, _| false);
    assert_eq!(generated.err(), Some(ModuleError::ErrorState));
    assert_eq!(module.status(), Status::Error(Failure::Pairwise { key: "signing key" }));
    assert_eq!(module.generate_signing_key().err(), Some(ModuleError::ErrorState));
}

#[test]
fn the_first_failure_is_the_one_that_is_told() {
    let module = powered_on(vec![]).unwrap();
    module.fail(Failure::Interrupted);
    module.fail(Failure::Pairwise { key: "signing key" });
    assert_eq!(module.status(), Status::Error(Failure::Interrupted));
}
