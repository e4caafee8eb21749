//! SM4, the block cipher of GB/T 32907-2016 (128-bit key, 128-bit block), and its modes.
//!
//! Use [`gcm`] unless a standard asks for another mode: it alone notices a changed ciphertext.
//! - [`gcm`] authenticated encryption (GB/T 36624, RFC 8998).
//! - [`cbc`] cipher block chaining with PKCS #7 padding (GB/T 17964-2021).
//! - [`ctr`] counter mode (GB/T 17964-2021).

pub mod cbc;
pub mod ctr;
pub mod gcm;

use ::sm4::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

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
pub struct Key(::sm4::Sm4);

impl Key {
    /// Expands `bytes` into the round keys (GB/T 32907-2016, 7.3). The caller wipes `bytes`.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(::sm4::Sm4::new(bytes.into()))
    }

    /// Encrypts one `block` in place (GB/T 32907-2016, 7.1): the building block of modes, not a mode.
    pub fn encrypt_block(&self, block: &mut Block) {
        self.0.encrypt_block(block.into());
    }

    /// Decrypts one `block` in place (GB/T 32907-2016, 7.2).
    pub fn decrypt_block(&self, block: &mut Block) {
        self.0.decrypt_block(block.into());
    }
}

/// `data ^= mask`, as far as both reach.
fn xor(data: &mut [u8], mask: &[u8]) {
    data.iter_mut().zip(mask).for_each(|(d, m)| *d ^= m);
}
