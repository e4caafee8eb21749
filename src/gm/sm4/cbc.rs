//! SM4-CBC (GB/T 17964-2021, 6; OID 1.2.156.10197.1.104.2), with the padding of PKCS #7 (RFC 5652, 6.3) or without.
//!
//! For formats that prescribe it (GB/T 35275 envelopes, PKCS #8). It does not notice every change: where an attacker can send
//! ciphertexts and see the outcome, check a MAC first.

use alloc::vec::Vec;

use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess};
use zeroize::Zeroize;

use super::ecb::whole_blocks;
use super::partial::Partial;
use super::{BLOCK_BYTES, Block, Error, Key, xor};
use crate::Rejected;
use crate::declassify::{declassify, verdict};

/// Pads and encrypts `plaintext`; `iv` must be unpredictable. The result is 1 to 16 bytes longer, a multiple of 16.
pub fn encrypt(key: &Key, iv: &Block, plaintext: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plaintext.len() + BLOCK_BYTES);
    let mut encryptor = Encryptor::new(key, iv);
    encryptor.update(plaintext, &mut out);
    encryptor.finish(&mut out);
    out
}

/// Decrypts `ciphertext` and takes the padding off.
///
/// Fails with [`Rejected`] when it is empty, not whole blocks, or wrongly padded; the padding is looked at in constant time and
/// nothing of a rejected plaintext is left behind.
pub fn decrypt(key: &Key, iv: &Block, ciphertext: &[u8]) -> Result<Vec<u8>, Rejected> {
    let mut out = ciphertext.to_vec();
    decrypt_whole(key, iv, &mut out).map_err(|_| Rejected)?;
    match padding_length(&out) {
        Some(padding) => {
            out.truncate(out.len().saturating_sub(padding));
            Ok(out)
        }
        None => {
            out.zeroize();
            Err(Rejected)
        }
    }
}

/// Encrypts `data` in place without padding, for formats that pad in their own way.
///
/// Fails with [`Error::NotWholeBlocks`], with `data` untouched, when its length is not a multiple of 16.
pub fn encrypt_whole(key: &Key, iv: &Block, data: &mut [u8]) -> Result<(), Error> {
    let mut previous = *iv;
    encrypt_chain(key, &mut previous, whole_blocks(data)?);
    Ok(())
}

/// Decrypts `data` in place and takes nothing of it for padding. Fails as [`encrypt_whole`] does.
pub fn decrypt_whole(key: &Key, iv: &Block, data: &mut [u8]) -> Result<(), Error> {
    let mut previous = *iv;
    decrypt_chain(key, &mut previous, whole_blocks(data)?);
    Ok(())
}

/// Encryption in pieces: [`Self::update`] for each of them, then [`Self::finish`].
pub struct Encryptor<'key> {
    key: &'key Key,
    previous: Block,
    partial: Partial,
}

impl<'key> Encryptor<'key> {
    /// Begins with `iv`, which must be unpredictable.
    pub fn new(key: &'key Key, iv: &Block) -> Self {
        Self { key, previous: *iv, partial: Partial::default() }
    }

    /// Takes the next piece and appends to `out` the ciphertext of the blocks that are full by now.
    pub fn update(&mut self, plaintext: &[u8], out: &mut Vec<u8>) {
        let body = self.partial.fill(plaintext);
        let first = self.partial.take_full();
        first.into_iter().for_each(|block| self.append(&[*block], out));
        let (blocks, rest) = body.as_chunks();
        self.append(blocks, out);
        self.partial.fill(rest);
    }

    /// Pads what is left and appends the last block to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let missing = BLOCK_BYTES - self.partial.filled();
        let last = self.partial.take_with(missing as u8);
        self.append(&[*last], out);
    }

    fn append(&mut self, plaintext: &[Block], out: &mut Vec<u8>) {
        let appended = extend(out, plaintext);
        encrypt_chain(self.key, &mut self.previous, appended);
    }
}

/// Decryption in pieces: [`Self::update`] for each of them, then [`Self::finish`].
///
/// What it gives out before the end has not been checked by anything, here less than ever: use it where a MAC over the ciphertext
/// has been checked before.
pub struct Decryptor<'key> {
    key: &'key Key,
    previous: Block,
    /// The last block waits here until it is known whether it is the last.
    partial: Partial,
}

impl<'key> Decryptor<'key> {
    /// Begins with the `iv` of the encryption.
    pub fn new(key: &'key Key, iv: &Block) -> Self {
        Self { key, previous: *iv, partial: Partial::default() }
    }

    /// Takes the next piece and appends to `out` the plaintext of the blocks that others have followed by now.
    pub fn update(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) {
        let body = self.partial.fill(ciphertext);
        let Some(last_byte) = body.len().checked_sub(1) else { return };
        let first = self.partial.take_full();
        first.into_iter().for_each(|block| self.append(&[*block], out));
        let (body, rest) = body.split_at(last_byte / BLOCK_BYTES * BLOCK_BYTES);
        let (blocks, _) = body.as_chunks();
        self.append(blocks, out);
        self.partial.fill(rest);
    }

    /// Takes the padding off the last block and appends what stood before it to `out`.
    ///
    /// Fails with [`Rejected`], with `out` as it was, when there was no whole last block or it is wrongly padded.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Rejected> {
        let mut last = self.partial.take_full().ok_or(Rejected)?;
        decrypt_chain(self.key, &mut self.previous, core::slice::from_mut(&mut *last));
        let padding = padding_length(last.as_slice()).ok_or(Rejected)?;
        out.extend(last.iter().take(BLOCK_BYTES.saturating_sub(padding)));
        Ok(())
    }

    fn append(&mut self, ciphertext: &[Block], out: &mut Vec<u8>) {
        let appended = extend(out, ciphertext);
        decrypt_chain(self.key, &mut self.previous, appended);
    }
}

/// Appends `blocks` to `out`, and gives where they are now.
fn extend<'out>(out: &'out mut Vec<u8>, blocks: &[Block]) -> &'out mut [Block] {
    let from = out.len();
    out.extend_from_slice(blocks.as_flattened());
    let (_, appended) = out.split_at_mut(from);
    appended.as_chunks_mut().0
}

fn encrypt_chain(key: &Key, previous: &mut Block, blocks: &mut [Block]) {
    for block in blocks {
        xor(block, previous);
        key.encrypt_block(block);
        *previous = *block;
    }
}

/// How many blocks are decrypted at once.
const PIECE_BLOCKS: usize = 128;

fn decrypt_chain(key: &Key, previous: &mut Block, blocks: &mut [Block]) {
    // What each block is added to: the ciphertext before it.
    let mut before = [[0; BLOCK_BYTES]; PIECE_BLOCKS + 1];
    for piece in blocks.chunks_mut(PIECE_BLOCKS) {
        let [first, others @ ..] = &mut before;
        *first = *previous;
        others.iter_mut().zip(&*piece).for_each(|(to, from)| *to = *from);
        piece.last().into_iter().for_each(|last| *previous = *last);
        key.decrypt_blocks(piece);
        xor(piece.as_flattened_mut(), before.as_flattened());
    }
}

/// How many bytes of padding end `plaintext`; every byte of the last block is looked at whatever it holds.
fn padding_length(plaintext: &[u8]) -> Option<usize> {
    let last = plaintext.last_chunk::<BLOCK_BYTES>()?;
    let [.., length] = *last;
    let mut good = length.ct_gt(&0) & !length.ct_gt(&16);
    for (distance, byte) in (0u8..).zip(last.iter().rev()) {
        let in_padding: Choice = distance.ct_lt(&length);
        good &= !in_padding | byte.ct_eq(&length);
    }
    // Seen: that the padding is refused, and of a good one the length, which is the plaintext's.
    verdict(bool::from(good)).then(|| usize::from(declassify(length)))
}
