//! SM4-CCM: authenticated encryption (RFC 8998, 3.2.2; NIST SP 800-38C; RFC 3610; OID 1.2.156.10197.1.104.9).
//!
//! For protocols that prescribe it; it reads everything twice, once for the tag and block by block. A nonce must never be used
//! twice under one key. RFC 8998 has nonces of 12 bytes and tags of 16; other lengths are parameters here, and both sides must mean
//! the same: a tag of 4 bytes is guessed once in 2^32 tries.

use alloc::vec::Vec;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::{BLOCK_BYTES, Block, Error, Key, ctr, xor};
use crate::declassify::verdict;
use crate::{Rejected, TooLong};

/// The shortest nonce, in bytes.
pub const NONCE_LEAST_BYTES: usize = 7;

/// The longest nonce, in bytes.
pub const NONCE_MOST_BYTES: usize = 13;

/// The most that one nonce of `nonce_bytes` may encrypt, in bytes: a block holds the nonce, a byte and the length
/// (SP 800-38C, A.1). Of no length that a nonce cannot have it says anything but 0.
pub const fn plaintext_limit_bytes(nonce_bytes: usize) -> u64 {
    match nonce_bytes {
        NONCE_LEAST_BYTES => u64::MAX,
        8..=NONCE_MOST_BYTES => (1 << (8 * (15 - nonce_bytes))) - 1,
        _ => 0,
    }
}

/// Encrypts `plaintext` and binds it to `aad`; gives ciphertext and a tag of `tag_bytes` in one piece.
///
/// Fails with [`Error::NonceLength`] outside of 7 to 13 bytes, with [`Error::TagLength`] unless the tag has 4, 6, 8, 10, 12, 14 or
/// 16, and with [`Error::TooLong`] above [`plaintext_limit_bytes`].
pub fn seal(
    key: &Key,
    nonce: &[u8],
    tag_bytes: usize,
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    let message = Message::new(key, nonce, tag_bytes, plaintext.len())?;
    let mut out = Vec::with_capacity(plaintext.len().saturating_add(tag_bytes));
    out.extend_from_slice(plaintext);
    let tag = message.seal(aad, &mut out);
    out.extend(tag.iter().take(tag_bytes));
    Ok(out)
}

/// Decrypts and checks what [`seal`] made: ciphertext and a tag of `tag_bytes` in one piece.
///
/// Fails with [`Rejected`] when anything was changed, cut short, or made under another key, nonce, `aad` or length of tag, and for
/// lengths that [`seal`] refuses. Nothing of a rejected plaintext is left behind.
pub fn open(
    key: &Key,
    nonce: &[u8],
    tag_bytes: usize,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, Rejected> {
    let ciphertext_bytes = sealed.len().checked_sub(tag_bytes).ok_or(Rejected)?;
    let (ciphertext, tag) = sealed.split_at(ciphertext_bytes);
    let mut out = ciphertext.to_vec();
    open_in_place(key, nonce, aad, &mut out, tag)?;
    Ok(out)
}

/// Encrypts `data` where it lies and writes the tag over `tag`, whose length is the tag's.
///
/// Fails as [`seal`] does, with both untouched.
pub fn seal_in_place(
    key: &Key,
    nonce: &[u8],
    aad: &[u8],
    data: &mut [u8],
    tag: &mut [u8],
) -> Result<(), Error> {
    let message = Message::new(key, nonce, tag.len(), data.len())?;
    let made = message.seal(aad, data);
    tag.iter_mut().zip(made.iter()).for_each(|(to, from)| *to = *from);
    Ok(())
}

/// Decrypts `data` where it lies and checks `tag`, whose length is the one agreed on.
///
/// Fails with [`Rejected`] as [`open`] does. The tag is that of the plaintext, so there must be one before it can be checked:
/// `data` is all zeros when it does not hold, and untouched when a length is refused.
pub fn open_in_place(
    key: &Key,
    nonce: &[u8],
    aad: &[u8],
    data: &mut [u8],
    tag: &[u8],
) -> Result<(), Rejected> {
    let message = Message::new(key, nonce, tag.len(), data.len()).map_err(|_| Rejected)?;
    message.apply_stream(data);
    let expected = message.tag(aad, data);
    let (expected, _) = expected.split_at(tag.len());
    // Seen: that the tag is refused.
    if verdict(bool::from(expected.ct_eq(tag))) {
        return Ok(());
    }
    data.zeroize();
    Err(Rejected)
}

/// What the blocks of one message have in common.
struct Message<'key> {
    key: &'key Key,
    /// Flags of a counter block, the nonce, and zeros to count in (SP 800-38C, A.3).
    counters: Block,
    tag_bytes: usize,
}

impl<'key> Message<'key> {
    /// Checks all lengths.
    fn new(key: &'key Key, nonce: &[u8], tag_bytes: usize, data_bytes: usize) -> Result<Self, Error> {
        let (least_bytes, most_bytes, got_bytes) = (NONCE_LEAST_BYTES, NONCE_MOST_BYTES, nonce.len());
        if !(least_bytes..=most_bytes).contains(&got_bytes) {
            return Err(Error::NonceLength { least_bytes, most_bytes, got_bytes });
        }
        if !matches!(tag_bytes, 4 | 6 | 8 | 10 | 12 | 14 | 16) {
            return Err(Error::TagLength { got_bytes: tag_bytes });
        }
        TooLong::unless_within(plaintext_limit_bytes(got_bytes), data_bytes)?;
        let mut counters = [0; BLOCK_BYTES];
        let flags = (14 - got_bytes) as u8; // q - 1, where q bytes hold the length
        counters.iter_mut().zip(core::iter::once(&flags).chain(nonce)).for_each(|(c, n)| *c = *n);
        Ok(Self { key, counters, tag_bytes })
    }

    fn seal(&self, aad: &[u8], data: &mut [u8]) -> Zeroizing<Block> {
        let tag = self.tag(aad, data);
        self.apply_stream(data);
        tag
    }

    /// The counters from 1 on (SP 800-38C, 6.1, steps 6 to 8); `new` has seen to it that they do not reach into the nonce.
    fn apply_stream(&self, data: &mut [u8]) {
        let first = u128::from_be_bytes(self.counters) + 1;
        ctr::apply(self.key, &first.to_be_bytes(), data);
    }

    /// The tag: CBC-MAC, under the counter 0 (SP 800-38C, 6.1, steps 1 to 4 and 8).
    fn tag(&self, aad: &[u8], plaintext: &[u8]) -> Zeroizing<Block> {
        let mut mac = Mac { key: self.key, sum: Zeroizing::new(self.first_block(aad, plaintext)), filled: 0 };
        mac.finish_block();
        if !aad.is_empty() {
            mac.update_length(aad.len() as u64);
            mac.update(aad);
            mac.pad();
        }
        mac.update(plaintext);
        mac.pad();
        let mut mask = Zeroizing::new(self.counters);
        self.key.encrypt_block(&mut mask);
        xor(mac.sum.as_mut_slice(), mask.as_slice());
        mac.sum
    }

    /// B0: flags, nonce and the length of the plaintext (SP 800-38C, A.2.1).
    fn first_block(&self, aad: &[u8], plaintext: &[u8]) -> Block {
        let block = u128::from_be_bytes(self.counters) | plaintext.len() as u128;
        let mut block = block.to_be_bytes();
        let [flags, ..] = &mut block;
        *flags |= if aad.is_empty() { 0 } else { 0x40 };
        *flags |= ((self.tag_bytes - 2) / 2 * 8) as u8;
        block
    }
}

/// CBC-MAC of bytes.
struct Mac<'key> {
    key: &'key Key,
    sum: Zeroizing<Block>,
    /// How many bytes of the next block have been added.
    filled: usize,
}

impl Mac<'_> {
    /// The length of additional data in the shortest of three forms (SP 800-38C, A.2.2).
    fn update_length(&mut self, bytes: u64) {
        match (u16::try_from(bytes), u32::try_from(bytes)) {
            (Ok(short @ ..0xff00), _) => self.update(&short.to_be_bytes()),
            (_, Ok(medium)) => {
                self.update(&[0xff, 0xfe]);
                self.update(&medium.to_be_bytes());
            }
            (_, Err(_)) => {
                self.update(&[0xff, 0xff]);
                self.update(&bytes.to_be_bytes());
            }
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        let (_, free) = self.sum.split_at_mut(self.filled);
        let (head, body) = bytes.split_at(free.len().min(bytes.len()));
        xor(free, head);
        self.filled += head.len();
        if self.filled == BLOCK_BYTES {
            self.finish_block();
        }
        let (blocks, rest) = body.as_chunks::<BLOCK_BYTES>();
        for block in blocks {
            xor(self.sum.as_mut_slice(), block);
            self.finish_block();
        }
        xor(self.sum.as_mut_slice(), rest);
        self.filled += rest.len();
    }

    /// Zeros up to a whole block, if one has begun.
    fn pad(&mut self) {
        if self.filled > 0 {
            self.finish_block();
        }
    }

    fn finish_block(&mut self) {
        self.key.encrypt_block(&mut self.sum);
        self.filled = 0;
    }
}
