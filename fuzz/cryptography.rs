//! What the targets of `gm` share: keys that are the same in every run, dice, processor paths, changed bits.

use std::sync::atomic::{AtomicU64, Ordering};

use gm::cpu::{self, Level};
use gm::sm2::{DecryptingKey, SigningKey};

/// The levels above the portable one at which SM2 takes a path of its own.
pub const PATHS_OF_SM2: &[Level] = &[Level::Avx2, Level::Avx512];
/// Those at which SM4 does.
pub const PATHS_OF_SM4: &[Level] = &[Level::AesNi, Level::Avx2, Level::Vaes, Level::Avx512];

/// What `compute` gives on the portable path, which must be the same at each of `levels` that the processor has.
pub fn on_every_path<T: PartialEq>(levels: &[Level], mut compute: impl FnMut() -> T) -> T {
    cpu::limit(Level::Portable);
    let expected = compute();
    for level in levels {
        cpu::limit(*level);
        if cpu::level() == *level {
            assert!(compute() == expected, "`{}` is not as `portable`", level.name());
        }
    }
    cpu::limit(Level::Avx512);
    expected
}

/// The signer of the seeds.
pub fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&gm::sm3::hash(b"who signs")).unwrap()
}

/// The recipient of the seeds.
pub fn decrypting_key() -> DecryptingKey {
    DecryptingKey::from_bytes(&gm::sm3::hash(b"who decrypts")).unwrap()
}

/// What the encrypted keys of the seeds are encrypted under.
pub const PASSWORD: &[u8] = b"password";

/// Dice that fall the same for every input, so that what was found is found again. They keep no secret.
#[derive(Default)]
pub struct Dice(AtomicU64);

impl base::Entropy for Dice {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let throw = self.0.fetch_add(1, Ordering::Relaxed);
            chunk.iter_mut().zip(gm::sm3::hash(&throw.to_be_bytes())).for_each(|(to, from)| *to = from);
        }
    }
}

/// `valid` with the bits turned over that `mask`, from its beginning on, has set; `None` when nothing changes.
pub fn changed(valid: &[u8], mask: &[u8]) -> Option<Vec<u8>> {
    let masks = mask.iter().copied().chain(std::iter::repeat(0));
    let changed: Vec<u8> = valid.iter().zip(masks).map(|(byte, mask)| byte ^ mask).collect();
    (changed != valid).then_some(changed)
}
