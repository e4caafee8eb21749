//! The random bit generator: published answers, when it is seeded again, and what it does when a source breaks.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/noise.rs"]
mod noise;
#[path = "support/seeded_rng.rs"]
mod seeded_rng;

use gm::drbg::{
    Drbg, EntropySource, Error, HealthTest, MAX_INPUT_BYTES, MinEntropy, SecurityLevel, Unavailable,
};
use gm::sm2::{DEFAULT_ID, SigningKey};
use noise::{Control, Fault, Noise};
use rand_core::TryRng;
use seeded_rng::SeededRng;

const START_UP_BYTES: u64 = 1024;
const ENTROPY_BYTES: u64 = 32;
const NONCE_BYTES: u64 = 16;

fn started(control: &Control, level: SecurityLevel) -> Drbg {
    Drbg::new(vec![Noise::new(1, control)], b"test", level, 1_000).unwrap()
}

fn bytes(drbg: &mut Drbg, now_seconds: u64) -> Result<[u8; 32], Error> {
    let mut out = [0; 32];
    drbg.generate(&mut out, &[], now_seconds).map(|()| out)
}

/// A source that gives what a vector says, after the start-up samples that nobody uses.
struct Scripted {
    start_up: Option<SeededRng>,
    script: Vec<Vec<u8>>,
}

impl Scripted {
    fn new(script: &[&str]) -> Box<Self> {
        let script = script.iter().rev().map(|part| hex::decode(part).unwrap()).collect();
        Box::new(Self { start_up: Some(SeededRng::new(9)), script })
    }
}

impl EntropySource for Scripted {
    fn min_entropy(&self) -> MinEntropy {
        MinEntropy::FULL
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), Unavailable> {
        let samples = match self.start_up.take() {
            Some(mut rng) => rng.bytes(out.len()),
            None => self.script.pop().ok_or(Unavailable)?,
        };
        out.copy_from_slice(&samples);
        Ok(())
    }
}

/// The two SM3 cases of `emmansun/gmsm` (drbg/hash_drbg_test.go), recomputed from GM/T 0105's formulas with OpenSSL's SM3; each
/// publishes the second request after a reseed. The first request's bits come from the same computation.
#[test]
fn the_published_bits_come_out() {
    let mut drbg = Drbg::new(
        vec![Scripted::new(&[
            "63363377e41e86468deb0ab4a8ed683f6a134e47e014c700454e81e95358a569",
            "808aa38f2a72a62359915a9f8a04ca68",
            "e62b8a8ee8f141b6980566e3bfe3c04903dad4ac2cdf9f2280010a6739bc83d3",
        ])],
        b"",
        SecurityLevel::One,
        0,
    )
    .unwrap();
    drbg.reseed(b"", 0).unwrap();
    let first = "8f3b97bc83c7a3a83fc9861c82d84bb862a6753b125482be718f55a039895b74";
    let second = "00d98d35a2fab8df23e9e1fb9aad143d62c0759eb79e15c37e8f2bc5064e68da";
    let mut both = [0; 64];
    drbg.generate(&mut both, b"", 0).unwrap();
    assert_eq!(hex::encode(both), [first, second].concat(), "64 bytes are two requests");

    let mut drbg = Drbg::new(
        vec![Scripted::new(&[
            "9cfb7ad03be487a3b42be06e9ae44f283c2b1458cec801da2ae6532fcb56cc4c",
            "a20765538e8db31295747ec922c13a69",
            "96bc8014f90ebdf690db0e171b59cc46c75e2e9b8e1dc699c65c03ceb2f4d7dc",
        ])],
        b"",
        SecurityLevel::One,
        0,
    )
    .unwrap();
    let additional = |text: &str| hex::decode(text).unwrap();
    drbg.reseed(&additional("6fea0894052dab3c44d503950c7c72bd7b87de87cb81d3bb51c32a62f742286d"), 0).unwrap();
    let mut out = [0; 32];
    let first = additional("d3467c78563b74c13db7af36c2a964820f2a9b1b167474906508fdac9b2049a6");
    drbg.generate(&mut out, &first, 0).unwrap();
    assert_eq!(hex::encode(out), "8b0c52ee88fb558b9dc6f674bf1121f6f7975757c159c0c385e907613c76c465");
    let second = additional("5840a11cc9ebf77b963854726a826370ffdb2fc2b3d8479e1df5dcfa3dddd10b");
    drbg.generate(&mut out, &second, 0).unwrap();
    assert_eq!(hex::encode(out), "48709db5509a03d6131775fbbfe74fe52611e760d22fde61e274a295f4354d67");
}

/// Personalization, additional input in the second request, a short third request. Computed apart from this code, with OpenSSL's
/// SM3: `v = df(entropy, nonce, personalization)`, `c = df(0, v)`, and for the i-th request `v += H(2, v, additional)` where there
/// is any, `out = H(v)`, `v += H(3, v) + c + i`, modulo 2^440.
#[test]
fn personalization_and_additional_input_go_where_they_belong() {
    let entropy: Vec<u8> = (0..48).collect();
    let (entropy, nonce) = entropy.split_at(32);
    let source = Scripted::new(&[&hex::encode(entropy), &hex::encode(nonce)]);
    let mut drbg = Drbg::new(vec![source], b"yinxin", SecurityLevel::One, 0).unwrap();
    let mut out = [0; 32];
    drbg.generate(&mut out, b"", 0).unwrap();
    assert_eq!(hex::encode(out), "483dd380d69a49c9041692d08cdc3851910de4b2efeb4b577a33f9e5ba0dd7ad");
    drbg.generate(&mut out, b"additional", 0).unwrap();
    assert_eq!(hex::encode(out), "e49b0ea75aac19d529dc86e78f866a0aaac8e75704a473cc4837161664edf5fa");
    let mut short = [0; 20];
    drbg.generate(&mut short, b"", 0).unwrap();
    assert_eq!(hex::encode(short), "11ef3fc04954f5d58b83742b8824f7b041804b58");
}

#[test]
fn a_seed_is_replaced_after_its_requests_and_after_its_time() {
    for level in [SecurityLevel::One, SecurityLevel::Two] {
        let control = Control::default();
        let mut drbg = started(&control, level);
        let begun = START_UP_BYTES + ENTROPY_BYTES + NONCE_BYTES;
        assert_eq!(control.taken_bytes(), begun);

        let requests = usize::try_from(level.reseed_requests()).unwrap();
        drbg.generate(&mut vec![0; 32 * requests], b"", 1_000).unwrap();
        assert_eq!(control.taken_bytes(), begun, "as many requests as a seed is good for");
        bytes(&mut drbg, 1_000).unwrap();
        assert_eq!(control.taken_bytes(), begun + ENTROPY_BYTES, "one more");

        bytes(&mut drbg, 1_000 + level.reseed_seconds() - 1).unwrap();
        assert_eq!(control.taken_bytes(), begun + ENTROPY_BYTES, "not old yet");
        bytes(&mut drbg, 1_000 + level.reseed_seconds()).unwrap();
        assert_eq!(control.taken_bytes(), begun + 2 * ENTROPY_BYTES, "old");
        bytes(&mut drbg, 999).unwrap();
        assert_eq!(control.taken_bytes(), begun + 3 * ENTROPY_BYTES, "a clock that went back");
    }
}

#[test]
fn a_generator_is_kept_seeded_without_being_asked_for_anything() {
    let control = Control::default();
    let mut drbg = started(&control, SecurityLevel::Two);
    let mut same = started(&Control::default(), SecurityLevel::Two);
    let begun = control.taken_bytes();
    drbg.keep_seeded(1_059).unwrap();
    assert_eq!(control.taken_bytes(), begun, "not due");
    assert_eq!(bytes(&mut drbg, 1_059), bytes(&mut same, 1_059), "and nothing was given");
    drbg.keep_seeded(1_060).unwrap();
    drbg.keep_seeded(1_060).unwrap();
    assert_eq!(control.taken_bytes(), begun + ENTROPY_BYTES, "due, once");
    control.set(Fault::Silent);
    drbg.keep_seeded(1_119).unwrap();
    assert_eq!(drbg.keep_seeded(1_120), Err(Error::Unavailable { source_number: 0 }));
    assert_eq!(drbg.keep_seeded(1_120), Err(Error::ErrorState));
}

#[test]
fn a_source_that_promises_less_is_asked_for_more() {
    let (poor, rich) = (Control::default(), Control::default());
    let sources: Vec<Box<dyn EntropySource + Send>> =
        vec![Noise::new(1, &poor).promising(3), Noise::new(2, &rich)];
    Drbg::new(sources, b"", SecurityLevel::Two, 0).unwrap();
    assert_eq!(poor.taken_bytes(), START_UP_BYTES + 256u64.div_ceil(3) + 128u64.div_ceil(3));
    assert_eq!(rich.taken_bytes(), START_UP_BYTES + ENTROPY_BYTES + NONCE_BYTES);
}

#[test]
fn every_source_and_every_word_of_the_caller_changes_what_comes_out() {
    let out = |seeds: [u64; 2], personalization: &[u8], additional: &[u8]| {
        let sources: Vec<Box<dyn EntropySource + Send>> =
            seeds.map(|seed| Noise::new(seed, &Control::default()) as _).into();
        let mut drbg = Drbg::new(sources, personalization, SecurityLevel::Two, 0).unwrap();
        let mut out = [0; 32];
        drbg.generate(&mut out, additional, 0).unwrap();
        out
    };
    let all = [
        out([1, 2], b"", b""),
        out([1, 3], b"", b""),
        out([4, 2], b"", b""),
        out([1, 2], b"p", b""),
        out([1, 2], b"", b"a"),
    ];
    assert!(all.iter().enumerate().all(|(i, one)| all.iter().skip(i + 1).all(|other| one != other)));
    assert_eq!(out([1, 2], b"", b""), all[0], "and nothing else does");
}

#[test]
fn a_source_that_breaks_stops_the_generator_for_good() {
    let unhealthy = |test| Error::Unhealthy { source_number: 1, test };
    for (fault, error) in [
        (Fault::Stuck, unhealthy(HealthTest::RepetitionCount)),
        (Fault::Silent, Error::Unavailable { source_number: 1 }),
    ] {
        let control = Control::default();
        let sources: Vec<Box<dyn EntropySource + Send>> =
            vec![Noise::new(1, &Control::default()), Noise::new(2, &control)];
        let mut drbg = Drbg::new(sources, b"", SecurityLevel::Two, 0).unwrap();
        control.set(fault);
        bytes(&mut drbg, 59).unwrap();
        let mut out = [0xff; 100];
        assert_eq!(drbg.generate(&mut out, b"", 60), Err(error), "{fault:?}");
        assert_eq!(out, [0; 100], "nothing is given out");
        assert!(drbg.in_error_state());

        control.set(Fault::None);
        assert_eq!(bytes(&mut drbg, 60), Err(Error::ErrorState), "it does not come back by itself");
        assert_eq!(drbg.reseed(b"", 60), Err(Error::ErrorState));
        assert_eq!(drbg.health_test(), Err(Error::ErrorState));
        assert_eq!(drbg.draw(60).err(), Some(Error::ErrorState));
        assert_eq!(drbg.generate(&mut [], b"", 60), Err(Error::ErrorState), "not even nothing");
    }
}

#[test]
fn a_source_that_panics_leaves_the_error_state_behind() {
    let control = Control::default();
    let mut drbg = started(&control, SecurityLevel::Two);
    control.set(Fault::Panics);
    let reseed = std::panic::AssertUnwindSafe(|| drbg.reseed(b"", 1_000));
    assert!(std::panic::catch_unwind(reseed).is_err());
    control.set(Fault::None);
    assert_eq!(bytes(&mut drbg, 1_000), Err(Error::ErrorState));
}

#[test]
fn a_source_that_is_broken_from_the_start_seeds_nothing() {
    let start = |fault| {
        let control = Control::default();
        control.set(fault);
        Drbg::new(vec![Noise::new(1, &control)], b"", SecurityLevel::Two, 0).err()
    };
    let unhealthy = |test| Some(Error::Unhealthy { source_number: 0, test });
    assert_eq!(start(Fault::None), None);
    assert_eq!(start(Fault::Stuck), unhealthy(HealthTest::RepetitionCount));
    assert_eq!(start(Fault::Favours), unhealthy(HealthTest::AdaptiveProportion));
    assert_eq!(start(Fault::Silent), Some(Error::Unavailable { source_number: 0 }));
    assert_eq!(Drbg::new(vec![], b"", SecurityLevel::Two, 0).err(), Some(Error::NoSource));
}

#[test]
fn a_slow_loss_of_entropy_is_noticed_while_in_use() {
    let control = Control::default();
    let mut drbg = started(&control, SecurityLevel::Two);
    control.set(Fault::Favours);
    // 32 samples a seed, four of them the same: the window that begins with one fills within 16 seeds.
    let noticed = (0..40).map(|_| drbg.reseed(b"", 1_000)).find_map(Result::err);
    assert_eq!(noticed, Some(Error::Unhealthy { source_number: 0, test: HealthTest::AdaptiveProportion }));
    assert!(drbg.in_error_state());
}

#[test]
fn a_test_on_demand_notices_too() {
    let control = Control::default();
    let mut drbg = started(&control, SecurityLevel::Two);
    assert_eq!(drbg.health_test(), Ok(()));
    control.set(Fault::Favours);
    assert!(drbg.health_test().is_err() && drbg.in_error_state());
}

#[test]
fn what_is_too_long_is_refused_and_harms_nothing() {
    let control = Control::default();
    let mut drbg = started(&control, SecurityLevel::Two);
    let longest = vec![1; usize::try_from(MAX_INPUT_BYTES).unwrap()];
    let longer = [longest.as_slice(), &[1]].concat();
    assert_eq!(drbg.generate(&mut [0; 8], &longest, 1_000), Ok(()));
    assert_eq!(drbg.reseed(&longest, 1_000), Ok(()));
    for error in [drbg.generate(&mut [0; 8], &longer, 1_000), drbg.reseed(&longer, 1_000)] {
        assert!(matches!(error, Err(Error::InputTooLong(_))));
    }
    let refused = Drbg::new(vec![Noise::new(1, &control)], &longer, SecurityLevel::Two, 0);
    assert!(matches!(refused.err(), Some(Error::InputTooLong(_))));
    assert!(!drbg.in_error_state());
}

#[test]
fn an_operation_draws_what_it_needs_in_one_piece() {
    let control = Control::default();
    let (mut one, mut other) = (started(&control, SecurityLevel::Two), started(&control, SecurityLevel::Two));
    let (mut drawn, mut same) = (one.draw(1_000).unwrap(), other.draw(1_000).unwrap());
    let mut whole = [0; 200];
    drawn.try_fill_bytes(&mut whole).unwrap();
    let mut pieces = Vec::new();
    for length in [1, 3, 0, 28, 0, 1, 31, 33, 96, 7] {
        let mut piece = vec![0; length];
        same.try_fill_bytes(&mut piece).unwrap();
        pieces.extend(piece);
    }
    assert_eq!(
        pieces.first_chunk::<32>(),
        whole.first_chunk(),
        "the generator's own bytes, however they are asked for"
    );
    let blocks: Vec<_> = whole.chunks(8).collect();
    assert!(blocks.iter().enumerate().all(|(i, b)| !blocks.iter().skip(i + 1).any(|c| b == c)));

    let key = SigningKey::generate(&mut one.draw(1_000).unwrap());
    let signature = key.sign(b"message", DEFAULT_ID, &mut one.draw(1_000).unwrap()).unwrap();
    assert_eq!(key.verifying_key().verify(b"message", DEFAULT_ID, &signature), Ok(()));
    let again = SigningKey::generate(&mut one.draw(1_000).unwrap());
    assert_ne!(*key.to_bytes(), *again.to_bytes());
}
