//! HMAC-SM3: a message authentication code of 32 bytes (RFC 2104 over SM3; GM/T 0042-2015, Annex D.3).

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Rejected;
use crate::sm3::{self, BLOCK_BYTES, DIGEST_BYTES, Sm3};

/// The code of `parts`, put one after the other, under `key` of any length.
pub fn hmac_sm3(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut mac = HmacSm3::new(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.finish()
}

/// A code in the making. Wiped when dropped; not `Clone` and not `Debug`, since it is as good as its key.
///
/// ```compile_fail
/// let copied = gm::hmac::HmacSm3::new(b"key").clone();
/// ```
pub struct HmacSm3 {
    inner: Sm3,
    outer: Sm3,
}

impl HmacSm3 {
    /// Starts a code under `key`; a key longer than 64 bytes is hashed first (RFC 2104, 2).
    pub fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        let digest = Zeroizing::new(if key.len() > BLOCK_BYTES { sm3::hash(key) } else { [0; DIGEST_BYTES] });
        let key = if key.len() > BLOCK_BYTES { digest.as_slice() } else { key };
        block.iter_mut().zip(key).for_each(|(b, k)| *b = *k);
        Self { inner: keyed(&block, 0x36), outer: keyed(&block, 0x5c) }
    }

    /// Takes in the next `bytes` of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    /// The code of everything taken in.
    pub fn finish(self) -> [u8; DIGEST_BYTES] {
        let Self { inner, mut outer } = self;
        outer.update(&inner.finish());
        outer.finish()
    }

    /// Whether `tag` is the whole code of everything taken in; compared in constant time.
    pub fn verify(self, tag: &[u8]) -> Result<(), Rejected> {
        if bool::from(self.finish().ct_eq(tag)) { Ok(()) } else { Err(Rejected) }
    }

    /// The same key and the same bytes taken in, for functions that key once and run many times.
    pub(crate) fn fork(&self) -> Self {
        Self { inner: self.inner.clone(), outer: self.outer.clone() }
    }
}

fn keyed(key_block: &[u8; BLOCK_BYTES], pad: u8) -> Sm3 {
    let padded = Zeroizing::new(key_block.map(|b| b ^ pad));
    let mut sm3 = Sm3::new();
    sm3.update(padded.as_slice());
    sm3
}
