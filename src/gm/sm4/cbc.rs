//! SM4-CBC with PKCS #7 padding (GB/T 17964-2021; RFC 5652, 6.3; OID 1.2.156.10197.1.104.2).
//!
//! For formats that prescribe it (GB/T 35275 envelopes, PKCS #8). It does not notice every change: where an attacker can send
//! ciphertexts and see the outcome, check a MAC first.

use alloc::vec::Vec;

use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess};
use zeroize::{Zeroize, Zeroizing};

use super::{BLOCK_BYTES, Block, Key, xor};
use crate::Rejected;

/// Pads and encrypts `plaintext`; `iv` must be unpredictable. The result is 1 to 16 bytes longer, a multiple of 16.
pub fn encrypt(key: &Key, iv: &Block, plaintext: &[u8]) -> Vec<u8> {
    let (whole, rest) = plaintext.as_chunks::<BLOCK_BYTES>();
    let mut out = Vec::with_capacity(plaintext.len() + BLOCK_BYTES);
    let mut previous = *iv;
    for block in whole.iter().chain([&padded(rest)]) {
        xor(&mut previous, block);
        key.encrypt_block(&mut previous);
        out.extend(previous);
    }
    out
}

/// Decrypts `ciphertext` and takes the padding off.
///
/// Fails with [`Rejected`] when it is empty, not whole blocks, or wrongly padded; the padding is looked at in constant time and
/// nothing of a rejected plaintext is left behind.
pub fn decrypt(key: &Key, iv: &Block, ciphertext: &[u8]) -> Result<Vec<u8>, Rejected> {
    let (blocks, []) = ciphertext.as_chunks::<BLOCK_BYTES>() else { return Err(Rejected) };
    let mut out = Vec::with_capacity(ciphertext.len());
    let mut previous = iv;
    for block in blocks {
        let mut plain = Zeroizing::new(*block);
        key.decrypt_block(&mut plain);
        xor(plain.as_mut_slice(), previous);
        out.extend_from_slice(plain.as_slice());
        previous = block;
    }
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

/// The last block: `rest`, then as many bytes as are missing, each of them saying how many.
fn padded(rest: &[u8]) -> Block {
    let missing = BLOCK_BYTES.saturating_sub(rest.len());
    let mut block = [u8::try_from(missing).unwrap_or(0); BLOCK_BYTES];
    block.iter_mut().zip(rest).for_each(|(b, r)| *b = *r);
    block
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
    bool::from(good).then_some(usize::from(length))
}
