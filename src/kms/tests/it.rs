//! The life of keys through the public interface.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use base::{Clock, Entropy, OsEntropy, Secret, SystemClock, Timestamp};
use gm::drbg::{self, HealthTest};
use gm::module::Failure;
use jose::{Audience, Expect, Jwks, JwsSigner, KeySet, Type, jwt};
use kms::{
    Algorithm, CertSigner, CryptoModule, JwsKey, KeyProvider, KeyRecord, KeyState, KmsError, Purpose,
    SoftwareProvider,
};
use pki::Signer;

fn noon() -> Timestamp {
    Timestamp::from_unix_seconds(1_795_507_200)
}

/// All providers of a process share its module.
fn provider(master: u8) -> SoftwareProvider {
    static MODULE: OnceLock<Arc<CryptoModule>> = OnceLock::new();
    let power_on = || {
        let alarm = Box::new(|failure: Failure| panic!("{failure}"));
        Arc::new(CryptoModule::power_on(Arc::new(OsEntropy), Arc::new(SystemClock), alarm).unwrap())
    };
    SoftwareProvider::new(Secret::new([master; 32]), Arc::clone(MODULE.get_or_init(power_on)))
}

fn token_key(algorithm: Algorithm) -> KeyRecord {
    // An RSA key takes long to make, so all tests share one of each kind.
    static RSA: OnceLock<KeyRecord> = OnceLock::new();
    static RSA_PSS: OnceLock<KeyRecord> = OnceLock::new();
    let make = || provider(1).generate("key_1", Purpose::TokenSigning, algorithm, noon()).unwrap();
    match algorithm {
        Algorithm::Rsa2048 => RSA.get_or_init(make).clone(),
        Algorithm::Rsa2048Pss => RSA_PSS.get_or_init(make).clone(),
        Algorithm::Sm2 | Algorithm::P256 | Algorithm::Ed25519 => make(),
    }
}

#[test]
fn each_algorithm_signs_tokens_that_verify() {
    for algorithm in Algorithm::ALL {
        let record = token_key(algorithm);
        assert_eq!((record.state, record.created), (KeyState::Active, noon()));
        let signer = JwsKey::new(provider(1).open(&record).unwrap()).unwrap();
        assert_eq!(signer.algorithm(), algorithm.jws());
        assert_eq!(signer.kid(), record.jwk().unwrap().thumbprint());

        let exp = noon().unix_seconds() + 60;
        let claims = serde_json::json!({ "iss": "https://id.example.gov.cn", "aud": "app", "exp": exp });
        let token = jwt::sign(&signer, "JWT", &claims).unwrap();
        let mut keys = KeySet::new();
        keys.insert(&record.jwk().unwrap()).unwrap();
        let expect = Expect {
            typ: Type::Plain,
            issuer: "https://id.example.gov.cn",
            audience: Audience::Includes("app"),
            now: noon(),
            leeway_seconds: 0,
            ahead_seconds: 0,
            algorithms: &[algorithm.jws()],
        };
        let verified = keys.verify(&token, &expect).unwrap();
        assert_eq!(serde_json::Value::Object(verified.claims), claims);
    }
}

#[test]
fn each_algorithm_signs_certificates_that_verify() {
    let certifies = [Algorithm::Sm2, Algorithm::P256, Algorithm::Rsa2048];
    for algorithm in certifies {
        let record = token_key(algorithm);
        let signer = CertSigner::new(provider(1).open(&record).unwrap()).unwrap();
        assert_eq!(signer.public_key(), record.public_key().unwrap());
        assert_eq!(Some(signer.algorithm()), algorithm.certificate());
        let signature = signer.sign(b"to be signed").unwrap();
        let public_key = signer.public_key();
        assert_eq!(public_key.verify(b"to be signed", signer.algorithm(), &signature), Ok(()));
        assert!(public_key.verify(b"to be signec", signer.algorithm(), &signature).is_err());
    }
}

#[test]
fn keys_for_tokens_alone_sign_no_certificates() {
    for algorithm in [Algorithm::Rsa2048Pss, Algorithm::Ed25519] {
        let key = provider(1).open(&token_key(algorithm)).unwrap();
        let refused = CertSigner::new(key).err();
        assert_eq!(refused, Some(KmsError::NotForCertificates { id: "key_1".to_owned(), algorithm }));
        for purpose in Purpose::ALL.into_iter().filter(|p| *p != Purpose::TokenSigning) {
            let refused = provider(1).generate("key_1", purpose, algorithm, noon()).err();
            assert_eq!(refused, Some(KmsError::AlgorithmNotForPurpose { purpose, algorithm }));
        }
    }
}

#[test]
fn signatures_have_the_lengths_that_jose_expects() {
    for algorithm in Algorithm::ALL {
        let bytes = match algorithm {
            Algorithm::Sm2 | Algorithm::P256 | Algorithm::Ed25519 => 64,
            Algorithm::Rsa2048 | Algorithm::Rsa2048Pss => 256,
        };
        let key = provider(1).open(&token_key(algorithm)).unwrap();
        for _ in 0..8 {
            assert_eq!(key.sign_raw(b"x").unwrap().len(), bytes, "{algorithm}");
        }
    }
}

#[test]
fn the_two_key_documents_share_out_the_keys() {
    let jwks: Vec<_> = Algorithm::ALL.map(|a| token_key(a).jwk().unwrap()).into();
    let ordinary = Jwks::international(jwks.clone());
    assert_eq!(
        ordinary.keys().iter().map(|k| k.algorithms()).collect::<Vec<_>>(),
        ["ES256", "RS256", "PS256", "EdDSA"].map(|name| jose::Algorithm::parse(name).unwrap().alone())
    );
    let national = Jwks::national(jwks);
    assert_eq!(
        national.keys().iter().map(|k| k.algorithms()).collect::<Vec<_>>(),
        [[jose::Algorithm::Sm2Sm3]]
    );
}

#[test]
fn a_wrapped_key_moved_to_another_row_does_not_open() {
    let record = token_key(Algorithm::Sm2);
    let other = token_key(Algorithm::Sm2);
    let refused = |record: KeyRecord| provider(1).open(&record).err();
    assert_eq!(refused(record.clone()), None);
    let moved = [
        KeyRecord { id: "key_2".to_owned(), ..record.clone() },
        KeyRecord { id: "key_1|token-signing".to_owned(), ..record.clone() },
        KeyRecord { purpose: Purpose::RootCa, ..record.clone() },
        KeyRecord { purpose: Purpose::SealSigning, ..record.clone() },
        KeyRecord { algorithm: Algorithm::P256, ..record.clone() },
        KeyRecord { algorithm: Algorithm::Ed25519, ..record.clone() },
    ];
    for record in moved {
        assert_eq!(refused(record), Some(KmsError::Envelope));
    }
    let id = "key_1".to_owned();
    let swapped = KeyRecord { public_key_der: other.public_key_der.clone(), ..record };
    assert_eq!(refused(swapped), Some(KmsError::PublicKey { id }));
}

#[test]
fn a_changed_or_cut_envelope_does_not_open() {
    for algorithm in [Algorithm::Sm2, Algorithm::P256, Algorithm::Ed25519] {
        let record = token_key(algorithm);
        for at in 0..record.wrapped.len() {
            let mut changed = record.clone();
            changed.wrapped[at] ^= 1;
            assert_eq!(provider(1).open(&changed).err(), Some(KmsError::Envelope), "{at}");
            changed.wrapped.truncate(at);
            assert_eq!(provider(1).open(&changed).err(), Some(KmsError::Envelope), "{at}");
        }
        assert_eq!(provider(2).open(&record).err(), Some(KmsError::Envelope), "another master key");
    }
}

#[test]
fn the_private_key_stands_nowhere_in_the_record() {
    let record = token_key(Algorithm::P256);
    let again = token_key(Algorithm::P256);
    assert_ne!(record.public_key_der, again.public_key_der);
    assert!(!record.wrapped.windows(8).any(|w| record.public_key_der.windows(8).any(|p| p == w)));
}

#[test]
fn only_active_keys_sign_and_retired_ones_still_verify() {
    let record = token_key(Algorithm::Sm2);
    let announced = KeyRecord { state: KeyState::PreActive, ..record.clone() };
    assert!(matches!(
        provider(1).open(&announced),
        Err(KmsError::NotActive { state: KeyState::PreActive, .. })
    ));
    let record = announced.become_state(KeyState::Active).unwrap();
    let signature = provider(1).open(&record).unwrap().sign_der(b"deed").unwrap();

    let retired = record.become_state(KeyState::Retired).unwrap();
    assert!(matches!(provider(1).open(&retired), Err(KmsError::NotActive { .. })));
    let public_key = retired.public_key().unwrap();
    let algorithm = retired.algorithm.certificate().unwrap();
    assert_eq!(public_key.verify(b"deed", algorithm, &signature), Ok(()));

    let destroyed = retired.become_state(KeyState::Destroyed).unwrap();
    assert!(destroyed.wrapped.is_empty());
    let revived = KeyRecord { state: KeyState::Active, ..destroyed.clone() };
    assert_eq!(provider(1).open(&revived).err(), Some(KmsError::Envelope));
    let back = destroyed.become_state(KeyState::Active).unwrap_err();
    let expected =
        KmsError::Transition { id: "key_1".to_owned(), from: KeyState::Destroyed, to: KeyState::Active };
    assert_eq!(back, expected);
}

#[test]
fn seals_and_checkpoints_are_sm2_alone() {
    for purpose in [Purpose::SealMaker, Purpose::SealSigning, Purpose::LogCheckpoint] {
        let refused = provider(1).generate("key_1", purpose, Algorithm::P256, noon());
        assert_eq!(
            refused.err(),
            Some(KmsError::AlgorithmNotForPurpose { purpose, algorithm: Algorithm::P256 })
        );
        assert!(provider(1).generate("key_1", purpose, Algorithm::Sm2, noon()).is_ok());
    }
}

#[test]
fn a_key_has_a_name_of_bounded_length() {
    for id in [String::new(), "k".repeat(65)] {
        let refused = provider(1).generate(&id, Purpose::TokenSigning, Algorithm::Sm2, noon());
        assert_eq!(refused.err(), Some(KmsError::KeyId { limit: 64, got: id.len() }));
    }
}

#[test]
fn a_sealed_secret_opens_in_its_own_place_only() {
    let kms = provider(1);
    let sealed = kms.seal_blob("pepper/password", b"secret").unwrap();
    assert_ne!(
        sealed,
        kms.seal_blob("pepper/password", b"secret").unwrap(),
        "each envelope has its own nonce"
    );
    assert_eq!(kms.open_blob("pepper/password", &sealed).unwrap().expose(), b"secret");
    for place in ["pepper/passwor", "pepper/password ", "", "key/token-signing"] {
        assert!(matches!(kms.open_blob(place, &sealed), Err(KmsError::Envelope)), "{place}");
    }
    assert!(provider(2).open_blob("pepper/password", &sealed).is_err());
    for bad in [&[][..], &[1], &sealed[..28], &sealed[1..]] {
        assert!(matches!(kms.open_blob("pepper/password", bad), Err(KmsError::Envelope)));
    }
    let wrapped = token_key(Algorithm::Sm2).wrapped;
    assert!(kms.open_blob("key/token-signing", &wrapped).is_err(), "a key is no blob");
}

#[test]
fn secrets_and_places_have_limits() {
    let kms = provider(1);
    assert!(matches!(kms.seal_blob("p", &[]), Err(KmsError::Size { what: "secret", got: 0, .. })));
    assert!(matches!(kms.seal_blob("p", &vec![0; 65_537]), Err(KmsError::Size { what: "secret", .. })));
    assert!(matches!(kms.seal_blob(&"p".repeat(300), b"x"), Err(KmsError::Size { what: "context", .. })));
    assert!(matches!(kms.seal_blob("", b"x"), Err(KmsError::Size { what: "context", got: 0, .. })));
    let most = kms.seal_blob("p", &vec![7; 65_536]).unwrap();
    assert_eq!(kms.open_blob("p", &most).unwrap().expose().len(), 65_536);
}

/// Randomness that is the same in every run, until it gets stuck.
#[derive(Default)]
struct Dice {
    seed: u64,
    thrown: AtomicU64,
    stuck: AtomicBool,
}

impl Entropy for Dice {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(gm::sm3::DIGEST_BYTES) {
            let throw = self.thrown.fetch_add(1, Ordering::SeqCst);
            let digest = gm::sm3::hash_all(&[&self.seed.to_be_bytes(), &throw.to_be_bytes()]);
            chunk.iter_mut().zip(digest).for_each(|(byte, d)| *byte = d);
        }
        if self.stuck.load(Ordering::SeqCst) {
            out.fill(7);
        }
    }
}

#[derive(Default)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// A provider whose randomness can be broken, and what its operator was told.
struct Bench {
    kms: SoftwareProvider,
    dice: Arc<Dice>,
    clock: Arc<HandClock>,
    told: Arc<Mutex<Vec<Failure>>>,
}

impl Bench {
    fn new() -> Self {
        let (dice, clock) = (Arc::new(Dice::default()), Arc::new(HandClock::default()));
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&told);
        let alarm = Box::new(move |failure| hears.lock().unwrap().push(failure));
        let (entropy, time) = (Arc::<Dice>::clone(&dice), Arc::<HandClock>::clone(&clock));
        let module = CryptoModule::power_on(entropy, time, alarm).unwrap();
        let kms = SoftwareProvider::new(Secret::new([1; 32]), Arc::new(module));
        Self { kms, dice, clock, told }
    }

    fn told(&self) -> Vec<Failure> {
        self.told.lock().unwrap().clone()
    }
}

const STUCK: Failure =
    Failure::Generator(drbg::Error::Unhealthy { source_number: 0, test: HealthTest::RepetitionCount });

#[test]
fn seeded_randomness_is_sound_for_the_module_and_makes_the_same_keys_again() {
    let keys = |seed| {
        let dice = Arc::new(Dice { seed, ..Dice::default() });
        let alarm = Box::new(|failure: Failure| panic!("{failure}"));
        let module = CryptoModule::power_on(dice, Arc::new(HandClock::default()), alarm).unwrap();
        let kms = SoftwareProvider::new(Secret::new([1; 32]), Arc::new(module));
        let make = |id: &str| kms.generate(id, Purpose::SealSigning, Algorithm::Sm2, noon()).unwrap();
        [make("key_1"), make("key_2")]
    };
    for seed in 0..20 {
        let [one, other] = keys(seed);
        assert_ne!(one.public_key_der, other.public_key_der);
        assert_eq!(keys(seed), [one, other]);
    }
}

#[test]
fn once_its_randomness_is_stuck_nothing_is_made_opened_or_signed_any_more() {
    let bench = Bench::new();
    let make = |id, purpose, algorithm| bench.kms.generate(id, purpose, algorithm, noon());
    let open = |record: &KeyRecord| bench.kms.open(record);
    let sm2 = make("sm2", Purpose::TokenSigning, Algorithm::Sm2).unwrap();
    let p256 = make("p256", Purpose::TokenSigning, Algorithm::P256).unwrap();
    let ed25519 = make("ed25519", Purpose::TokenSigning, Algorithm::Ed25519).unwrap();
    let tls = make("tls", Purpose::TlsServer, Algorithm::P256).unwrap();
    let [sm2_key, p256_key, ed25519_key, tls_key] =
        [&sm2, &p256, &ed25519, &tls].map(|record| open(record).unwrap());
    let blob = bench.kms.seal_blob("place", b"secret").unwrap();

    bench.dice.stuck.store(true, Ordering::SeqCst);
    assert!(sm2_key.sign_raw(b"x").is_ok(), "the seed is young, and the source has not been asked");
    bench.clock.0.fetch_add(60, Ordering::SeqCst);
    assert_eq!(bench.told(), []);
    assert_eq!(sm2_key.sign_raw(b"x"), Err(KmsError::OutOfService));
    assert_eq!(bench.told(), [STUCK], "the operator hears why");
    bench.dice.stuck.store(false, Ordering::SeqCst);

    let refused = Algorithm::ALL.map(|a| make("new", Purpose::TokenSigning, a).err());
    assert_eq!(refused, [const { Some(KmsError::OutOfService) }; Algorithm::ALL.len()]);
    for key in [&sm2_key, &p256_key, &ed25519_key] {
        assert_eq!(key.sign_der(b"x"), Err(KmsError::OutOfService), "{}", key.id());
        assert_eq!(key.sign_raw(b"x"), Err(KmsError::OutOfService), "{}", key.id());
    }
    assert_eq!([&sm2, &p256].map(|record| open(record).err()), [const { Some(KmsError::OutOfService) }; 2]);
    assert_eq!(bench.kms.seal_blob("place", b"secret"), Err(KmsError::OutOfService));
    assert_eq!(bench.kms.open_blob("place", &blob).err(), Some(KmsError::OutOfService));
    assert_eq!(bench.kms.in_service(), Err(KmsError::OutOfService));
    let token = jwt::sign(&JwsKey::new(sm2_key).unwrap(), "JWT", &serde_json::json!({}));
    let source = std::error::Error::source(&token.unwrap_err()).map(ToString::to_string);
    assert_eq!(source, Some(KmsError::OutOfService.to_string()), "a token's signer says why it did not sign");
    assert!(tls_key.sign_der(b"x").is_ok(), "somebody must be able to tell");
    assert_eq!(bench.told(), [STUCK], "and hears it once");
}

#[test]
fn whoever_asks_whether_it_serves_finds_a_broken_source_before_a_key_does() {
    let bench = Bench::new();
    assert_eq!(bench.kms.in_service(), Ok(()));
    bench.dice.stuck.store(true, Ordering::SeqCst);
    bench.clock.0.fetch_add(60, Ordering::SeqCst);
    assert_eq!((bench.kms.in_service(), bench.told()), (Err(KmsError::OutOfService), vec![STUCK]));
}

#[test]
fn a_module_over_stuck_randomness_does_not_power_on() {
    let dice = Arc::new(Dice { stuck: AtomicBool::new(true), ..Dice::default() });
    let alarm = Box::new(|failure: Failure| panic!("nobody relied on it: {failure}"));
    let refused = CryptoModule::power_on(dice, Arc::new(HandClock::default()), alarm).err();
    assert_eq!(refused, Some(STUCK));
}
