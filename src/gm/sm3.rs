//! SM3, the hash of GB/T 32905-2016: 32 bytes, blocks of 64.

use ::sm3::Digest as _;

/// Length of a digest, in bytes.
pub const DIGEST_BYTES: usize = 32;

/// Length of the block that the compression function takes, in bytes.
pub const BLOCK_BYTES: usize = 64;

/// The digest of `message`. Source: GB/T 32905-2016, 5.
pub fn hash(message: &[u8]) -> [u8; DIGEST_BYTES] {
    hash_all(&[message])
}

/// The digest of `parts` put one after the other; where one part ends leaves no trace in it.
pub fn hash_all(parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut sm3 = Sm3::new();
    parts.iter().for_each(|part| sm3.update(part));
    sm3.finish()
}

/// A digest in the making, for messages that come in pieces. Wiped when dropped.
#[derive(Clone, Default)]
pub struct Sm3(::sm3::Sm3);

impl Sm3 {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next `bytes` of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything taken in.
    pub fn finish(self) -> [u8; DIGEST_BYTES] {
        self.0.finalize().into()
    }
}
