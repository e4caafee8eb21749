//! SM4-ECB: whole blocks, each by itself (GB/T 17964-2021, 5; OID 1.2.156.10197.1.104.1).
//!
//! Equal blocks give equal blocks, so this hides little: it is here for protocols that build something else on it.

use super::{BLOCK_BYTES, Block, Error, Key};

/// Encrypts `data` in place.
///
/// Fails with [`Error::NotWholeBlocks`], with `data` untouched, when its length is not a multiple of 16.
pub fn encrypt(key: &Key, data: &mut [u8]) -> Result<(), Error> {
    key.encrypt_blocks(whole_blocks(data)?);
    Ok(())
}

/// Decrypts `data` in place. Fails as [`encrypt`] does.
pub fn decrypt(key: &Key, data: &mut [u8]) -> Result<(), Error> {
    key.decrypt_blocks(whole_blocks(data)?);
    Ok(())
}

/// `data` as blocks with nothing after them.
pub(super) fn whole_blocks(data: &mut [u8]) -> Result<&mut [Block], Error> {
    let got_bytes = data.len();
    match data.as_chunks_mut::<BLOCK_BYTES>() {
        (blocks, []) => Ok(blocks),
        _ => Err(Error::NotWholeBlocks { got_bytes }),
    }
}
