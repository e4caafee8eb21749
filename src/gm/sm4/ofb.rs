//! SM4-OFB (GB/T 17964-2021, 8; OID 1.2.156.10197.1.104.3).
//!
//! It hides and does not protect: pair it with a MAC, or use [`super::gcm`]. [`super::ctr`] does the same many times faster.

use zeroize::Zeroizing;

use super::{BLOCK_BYTES, Block, Key, xor};

/// Encrypts or decrypts `data` of any length in place; `iv` must never repeat under a key.
pub fn apply(key: &Key, iv: &Block, data: &mut [u8]) {
    let mut stream = Zeroizing::new(*iv);
    for piece in data.chunks_mut(BLOCK_BYTES) {
        key.encrypt_block(&mut stream);
        xor(piece, stream.as_slice());
    }
}
