//! SM4, the block cipher of GB/T 32907-2016 (128-bit key, 128-bit block), and its modes.
//!
//! Use [`gcm`] unless a standard asks for another mode: it notices a changed ciphertext.
//! - [`gcm`] and [`ccm`] authenticated encryption (GB/T 36624, RFC 8998).
//! - [`cbc`] cipher block chaining, with PKCS #7 padding or without (GB/T 17964-2021).
//! - [`ctr`] counter mode, [`cfb`] cipher feedback, [`ofb`] output feedback (GB/T 17964-2021).
//! - [`xts`] for sectors of a disk (GB/T 17964-2021; IEEE Std 1619).
//! - [`key_wrap`] keys under keys (RFC 3394, RFC 5649).
//! - [`ecb`] blocks one by one, for protocols that build on it (GB/T 17964-2021).
//!
//! All of it takes the same time whatever key and data are: no table is read at a secret place and no branch depends on a secret.

mod bitsliced;
pub mod cbc;
pub mod ccm;
pub mod cfb;
pub mod ctr;
#[cfg(any(test, target_arch = "x86_64"))]
pub(crate) mod definition;
pub mod ecb;
mod error;
pub mod gcm;
mod ghash;
pub mod key_wrap;
pub mod ofb;
mod partial;
mod sbox;
mod schedule;
pub mod xts;

pub use error::Error;
#[cfg(target_arch = "x86_64")]
pub(crate) use schedule::expand_with;
pub(crate) use schedule::{Direction, RoundKeys};

#[cfg(target_arch = "x86_64")]
use crate::arch::cpu::{AesNi, Avx2, Avx512, Vaes};
#[cfg(target_arch = "x86_64")]
use crate::arch::sm4::{aes_ni, avx2, gfni, vaes};

/// Length of a key, in bytes.
pub const KEY_BYTES: usize = 16;

/// Length of a block, in bytes.
pub const BLOCK_BYTES: usize = 16;

/// One block.
pub type Block = [u8; BLOCK_BYTES];

/// An expanded key. Wiped when dropped; not `Clone` and not `Debug`.
///
/// ```compile_fail
/// let copied = gm::sm4::Key::new(&[0; 16]).clone();
/// ```
/// ```compile_fail
/// fn printed(key: &gm::sm4::Key) -> String { format!("{key:?}") }
/// ```
pub struct Key(RoundKeys);

impl Key {
    /// Expands `bytes` into the round keys (GB/T 32907-2016, 7.3). The caller wipes `bytes`.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(RoundKeys::expand(bytes))
    }

    /// Encrypts one `block` in place (GB/T 32907-2016, 7.1): the building block of modes, not a mode.
    pub fn encrypt_block(&self, block: &mut Block) {
        self.crypt(Direction::Encrypt, core::slice::from_mut(block));
    }

    /// Decrypts one `block` in place (GB/T 32907-2016, 7.2).
    pub fn decrypt_block(&self, block: &mut Block) {
        self.crypt(Direction::Decrypt, core::slice::from_mut(block));
    }

    /// Encrypts each of `blocks` in place: as [`Self::encrypt_block`], many at once and therefore many times faster.
    pub fn encrypt_blocks(&self, blocks: &mut [Block]) {
        self.crypt(Direction::Encrypt, blocks);
    }

    /// Decrypts each of `blocks` in place: as [`Self::decrypt_block`], many at once and therefore many times faster.
    pub fn decrypt_blocks(&self, blocks: &mut [Block]) {
        self.crypt(Direction::Decrypt, blocks);
    }

    /// Takes the fastest path that the processor has.
    #[cfg(target_arch = "x86_64")]
    fn crypt(&self, direction: Direction, blocks: &mut [Block]) {
        match (blocks, Avx512::here(), AesNi::here()) {
            ([block], Some(token), _) => gfni::crypt_one(token, &self.0, direction, block),
            ([block], None, Some(token)) => aes_ni::crypt_one(token, &self.0, direction, block),
            (blocks, Some(token), _) => gfni::crypt(token, &self.0, direction, blocks),
            (blocks, None, Some(token)) => match (Vaes::here(), Avx2::here()) {
                (Some(token), _) => vaes::crypt(token, &self.0, direction, blocks),
                (None, Some(token)) => avx2::crypt(token, &self.0, direction, blocks),
                (None, None) => aes_ni::crypt(token, &self.0, direction, blocks),
            },
            (blocks, None, None) => bitsliced::crypt(&self.0, direction, blocks),
        }
    }

    /// There is one path for this processor.
    #[cfg(not(target_arch = "x86_64"))]
    fn crypt(&self, direction: Direction, blocks: &mut [Block]) {
        bitsliced::crypt(&self.0, direction, blocks);
    }

    /// Counter mode over as many whole batches as a path takes in one go, the last 32 bits of `first` counting; says how many
    /// blocks were done.
    #[cfg(target_arch = "x86_64")]
    fn count_batches(&self, first: &Block, blocks: &mut [Block]) -> usize {
        macro_rules! batches {
            ($path:ident, $token:expr) => {{
                let (batches, _) = blocks.as_chunks_mut::<{ $path::BATCH }>();
                $path::count($token, &self.0, first, batches);
                batches.len() * $path::BATCH
            }};
        }
        if let Some(token) = Avx512::here() {
            batches!(gfni, token)
        } else if let Some(token) = Vaes::here() {
            batches!(vaes, token)
        } else if let Some(token) = Avx2::here() {
            batches!(avx2, token)
        } else if let Some(token) = AesNi::here() {
            batches!(aes_ni, token)
        } else {
            0
        }
    }

    /// There is no such path for this processor.
    #[cfg(not(target_arch = "x86_64"))]
    fn count_batches(&self, _first: &Block, _blocks: &mut [Block]) -> usize {
        0
    }
}

/// `data ^= mask`, as far as both reach.
fn xor(data: &mut [u8], mask: &[u8]) {
    data.iter_mut().zip(mask).for_each(|(d, m)| *d ^= m);
}

/// Runs `whole` over `blocks` as if there were `G` times `W` of them, the others being zero; of no blocks it makes nothing.
pub(crate) fn padded<const W: usize, const G: usize>(
    blocks: &mut [Block],
    whole: impl FnOnce(&mut [[Block; W]; G]),
) {
    if blocks.is_empty() {
        return;
    }
    let mut all = [[[0; BLOCK_BYTES]; W]; G];
    all.as_flattened_mut().iter_mut().zip(&*blocks).for_each(|(to, from)| *to = *from);
    whole(&mut all);
    blocks.iter_mut().zip(all.as_flattened()).for_each(|(to, from)| *to = *from);
    wipe(all.as_flattened_mut());
}

/// Leaves nothing of `blocks`: as `Zeroize` does, not byte by byte.
fn wipe(blocks: &mut [Block]) {
    blocks.fill([0; BLOCK_BYTES]);
    zeroize::optimization_barrier(blocks);
}
