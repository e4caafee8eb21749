//! SM4-CTR: a key stream of encrypted counters (GB/T 17964-2021; OID 1.2.156.10197.1.104.7).
//!
//! It hides and does not protect: pair it with a MAC, or use [`super::gcm`].

use super::{BLOCK_BYTES, Block, Key, xor};

/// Encrypts or decrypts `data` in place, starting from `counter`, a 128-bit big-endian number that must never repeat under a key.
///
/// Past the last block the counter goes on from zero; no slice is long enough to come round to where it started.
pub fn apply(key: &Key, counter: &Block, data: &mut [u8]) {
    let mut counter = u128::from_be_bytes(*counter);
    for chunk in data.chunks_mut(BLOCK_BYTES) {
        let mut stream = counter.to_be_bytes();
        key.encrypt_block(&mut stream);
        xor(chunk, &stream);
        counter = counter.wrapping_add(1);
    }
}
