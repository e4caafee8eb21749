//! What is compared, with whom, and how a case is run so that it can be run again.
//!
//! Each side gets the same input and must come to the same result, refusals included. The input of a case follows from a seed,
//! the operation's name and the case's number alone. Ours takes the paths of every level of the processor, from the same input.
//!
//! - [`dice`] random input, with the numbers that break arithmetic mixed in.
//! - [`signatures`], [`keys`], [`encryption`], [`exchange`], [`hashing`], [`ciphers`] beside RustCrypto.
//! - [`libsm`] beside `libsm`, where it is right.
//! - [`openssl`] beside the command `openssl`, where there is one.

#[path = "ciphers.rs"]
mod ciphers;
#[path = "dice.rs"]
mod dice;
#[path = "encryption.rs"]
mod encryption;
#[path = "exchange.rs"]
mod exchange;
#[path = "hashing.rs"]
mod hashing;
#[path = "keys.rs"]
mod keys;
#[path = "libsm.rs"]
mod libsm;
#[path = "openssl.rs"]
mod openssl;
#[path = "signatures.rs"]
mod signatures;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{LazyLock, Mutex, PoisonError};

use gm::cpu::{self, Level};

use dice::Dice;

/// Something that we and somebody else can do.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// Who the other is.
    pub(crate) peer: &'static str,
    /// Of how many cases asked for one is run: more than 1 where a case starts a process.
    pub(crate) share: u64,
    case: fn(&mut Dice, &Paths),
}

/// All of them.
#[rustfmt::skip]
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation { name: "sm2-key", peer: "RustCrypto", share: 1, case: keys::public_key },
    Operation { name: "sm2-point", peer: "RustCrypto", share: 1, case: keys::point },
    Operation { name: "sm2-sign", peer: "RustCrypto", share: 1, case: signatures::sign },
    Operation { name: "sm2-sign-digest", peer: "RustCrypto", share: 1, case: signatures::sign_digest },
    Operation { name: "sm2-verify", peer: "RustCrypto", share: 1, case: signatures::verify },
    Operation { name: "sm2-encrypt", peer: "RustCrypto", share: 1, case: encryption::encrypt },
    Operation { name: "sm2-decrypt", peer: "RustCrypto", share: 1, case: encryption::decrypt },
    Operation { name: "sm2-exchange", peer: "RustCrypto", share: 1, case: exchange::exchange },
    Operation { name: "sm3", peer: "RustCrypto", share: 1, case: hashing::sm3 },
    Operation { name: "sm3-many", peer: "RustCrypto", share: 1, case: hashing::sm3_many },
    Operation { name: "hmac-sm3", peer: "RustCrypto", share: 1, case: hashing::hmac },
    Operation { name: "hkdf-sm3", peer: "RustCrypto", share: 1, case: hashing::hkdf },
    Operation { name: "pbkdf2-sm3", peer: "RustCrypto", share: 1, case: hashing::pbkdf2 },
    Operation { name: "sm2-kdf", peer: "RustCrypto", share: 1, case: hashing::sm2_kdf },
    Operation { name: "sm4-block", peer: "RustCrypto", share: 1, case: ciphers::block },
    Operation { name: "sm4-cbc", peer: "RustCrypto", share: 1, case: ciphers::cbc },
    Operation { name: "sm4-ctr", peer: "RustCrypto", share: 1, case: ciphers::ctr },
    Operation { name: "sm4-gcm", peer: "RustCrypto", share: 1, case: ciphers::gcm },
    Operation { name: "libsm-key", peer: "libsm", share: 1, case: libsm::key },
    Operation { name: "libsm-sign", peer: "libsm", share: 1, case: libsm::sign },
    Operation { name: "libsm-encrypt", peer: "libsm", share: 1, case: libsm::encrypt },
    Operation { name: "libsm-decrypt", peer: "libsm", share: 1, case: libsm::decrypt },
    Operation { name: "libsm-sm3", peer: "libsm", share: 1, case: libsm::sm3 },
    Operation { name: "libsm-sm4", peer: "libsm", share: 1, case: libsm::sm4 },
    Operation { name: "openssl-sign", peer: "OpenSSL", share: 100, case: openssl::sign },
    Operation { name: "openssl-verify", peer: "OpenSSL", share: 100, case: openssl::verify },
    Operation { name: "openssl-encrypt", peer: "OpenSSL", share: 100, case: openssl::encrypt },
    Operation { name: "openssl-decrypt", peer: "OpenSSL", share: 100, case: openssl::decrypt },
    Operation { name: "openssl-sm3", peer: "OpenSSL", share: 100, case: openssl::sm3 },
    Operation { name: "openssl-sm4-cbc", peer: "OpenSSL", share: 100, case: openssl::sm4_cbc },
    Operation { name: "openssl-sm4-ctr", peer: "OpenSSL", share: 100, case: openssl::sm4_ctr },
];

impl Operation {
    /// Whether the other is on this machine.
    pub(crate) fn can_run(&self) -> bool {
        self.peer != "OpenSSL" || openssl::is_there()
    }

    /// Runs case number `index` under `seed`. Where the sides differ it says how to see it again, and panics.
    pub(crate) fn run(&self, seed: u64, index: u64, levels: Levels) {
        // The level is that of the whole program: one case at a time.
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let paths = Paths::new(levels, index);
        let mut dice = Dice::new(seed, self.name, index);
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.case)(&mut dice, &paths)));
        let level = cpu::level();
        cpu::limit(*HIGHEST);
        if let Err(difference) = outcome {
            let from = index * self.share;
            eprintln!("they differ at level {}; again:", level.name());
            eprintln!("--only {} --seed {seed} --from {from} --cases {}", self.name, from + 1);
            resume_unwind(difference);
        }
    }
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The level at which the program was when it began to compare.
static HIGHEST: LazyLock<Level> = LazyLock::new(cpu::level);

/// The levels that are compared.
pub(crate) fn levels() -> Vec<Level> {
    Level::ALL.into_iter().filter(|level| *level <= *HIGHEST).collect()
}

/// Under which levels of the processor a case runs.
#[derive(Clone, Copy)]
pub(crate) enum Levels {
    /// One after the other, from the same input.
    All,
    /// One, the next with the next case.
    InTurn,
}

/// The paths through ours that a case takes.
struct Paths(Vec<Level>);

impl Paths {
    fn new(chosen: Levels, index: u64) -> Self {
        let mut levels = levels();
        if let Levels::InTurn = chosen {
            let turn = usize::try_from(index).unwrap() % levels.len();
            levels = vec![levels[turn]];
        }
        Self(levels)
    }

    /// `ours` on each path.
    fn each(&self, mut ours: impl FnMut()) {
        for level in &self.0 {
            cpu::limit(*level);
            ours();
        }
    }

    /// What `ours` makes on each path, which must be the same.
    fn agree<T: PartialEq + Debug>(&self, mut ours: impl FnMut() -> T) -> T {
        let mut first = None;
        self.each(|| {
            let made = ours();
            match &first {
                None => first = Some(made),
                Some(first) => assert_eq!(*first, made, "not the same as on a lower level"),
            }
        });
        first.unwrap()
    }
}
