//! SM4-GCM: authenticated encryption with a 12-byte nonce and a 16-byte tag (RFC 8998, 3.2.1; NIST SP 800-38D, 7).
//!
//! A nonce must never be used twice under one key: two messages under one nonce give away both and the power to forge.

use alloc::vec::Vec;

use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{BLOCK_BYTES, Block, Key, xor};
use crate::{Rejected, TooLong};

/// Length of a nonce, in bytes; other lengths are not offered.
pub const NONCE_BYTES: usize = 12;

/// Length of a tag, in bytes; shorter tags are not offered.
pub const TAG_BYTES: usize = 16;

/// The most one nonce may encrypt, in bytes: its block counter has 32 bits and starts at 2 (SP 800-38D, 5.2.1.1).
pub const PLAINTEXT_LIMIT_BYTES: u64 = (1 << 36) - 32;

/// The most additional data, in bytes: its length in bits is written in 64 bits.
pub const AAD_LIMIT_BYTES: u64 = (1 << 61) - 1;

/// Encrypts `plaintext` and binds it to `aad`; gives ciphertext and tag in one piece.
///
/// Fails with [`TooLong`] above [`PLAINTEXT_LIMIT_BYTES`] or [`AAD_LIMIT_BYTES`].
pub fn seal(key: &Key, nonce: &[u8; NONCE_BYTES], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, TooLong> {
    let mut out = Vec::with_capacity(plaintext.len().saturating_add(TAG_BYTES));
    out.extend_from_slice(plaintext);
    let tag = seal_in_place(key, nonce, aad, &mut out)?;
    out.extend_from_slice(&tag);
    Ok(out)
}

/// Checks and decrypts what [`seal`] made: ciphertext and tag in one piece.
///
/// Fails with [`Rejected`] when anything was changed, cut short, or made under another key, nonce or `aad`.
pub fn open(key: &Key, nonce: &[u8; NONCE_BYTES], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Rejected> {
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(Rejected)?;
    let mut out = ciphertext.to_vec();
    open_in_place(key, nonce, aad, &mut out, tag)?;
    Ok(out)
}

/// Encrypts `data` where it lies and gives the tag. Fails as [`seal`] does, with `data` untouched.
pub fn seal_in_place(
    key: &Key,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    data: &mut [u8],
) -> Result<[u8; TAG_BYTES], TooLong> {
    within_limits(aad, data)?;
    apply_counters(key, nonce, data);
    Ok(tag(key, nonce, aad, data))
}

/// Checks `tag` and only then decrypts `data` where it lies. Fails with [`Rejected`], with `data` untouched.
pub fn open_in_place(
    key: &Key,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    data: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Rejected> {
    within_limits(aad, data).map_err(|_| Rejected)?;
    let expected = Zeroizing::new(self::tag(key, nonce, aad, data));
    if !bool::from(expected.ct_eq(tag)) {
        return Err(Rejected);
    }
    apply_counters(key, nonce, data);
    Ok(())
}

fn within_limits(aad: &[u8], data: &[u8]) -> Result<(), TooLong> {
    TooLong::unless_within(AAD_LIMIT_BYTES, aad.len())?;
    TooLong::unless_within(PLAINTEXT_LIMIT_BYTES, data.len())
}

/// GCTR from the second counter on; the first one masks the tag.
fn apply_counters(key: &Key, nonce: &[u8; NONCE_BYTES], data: &mut [u8]) {
    // INVARIANT: `within_limits` has run, so the counters end before the data does not.
    for (counter, chunk) in (2..=u32::MAX).zip(data.chunks_mut(BLOCK_BYTES)) {
        xor(chunk, &*encrypted_counter(key, nonce, counter));
    }
}

/// `GHASH_H(aad, ciphertext) ^ E(nonce || 1)` (SP 800-38D, 7.1, steps 5 and 6).
fn tag(key: &Key, nonce: &[u8; NONCE_BYTES], aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_BYTES] {
    let mut h = Zeroizing::new([0; BLOCK_BYTES]);
    key.encrypt_block(&mut h);
    let mut ghash = GHash::new((&*h).into());
    ghash.update_padded(aad);
    ghash.update_padded(ciphertext);
    let mut lengths = bits(aad) << 64;
    lengths |= bits(ciphertext);
    ghash.update_padded(&lengths.to_be_bytes());
    let mut tag: Block = ghash.finalize().into();
    xor(&mut tag, &*encrypted_counter(key, nonce, 1));
    tag
}

fn bits(bytes: &[u8]) -> u128 {
    u128::try_from(bytes.len()).unwrap_or(0) * 8
}

fn encrypted_counter(key: &Key, nonce: &[u8; NONCE_BYTES], counter: u32) -> Zeroizing<Block> {
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    block.iter_mut().zip(nonce.iter().chain(&counter.to_be_bytes())).for_each(|(b, n)| *b = *n);
    key.encrypt_block(&mut block);
    block
}
