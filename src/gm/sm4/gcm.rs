//! SM4-GCM: authenticated encryption (RFC 8998, 3.2.1; NIST SP 800-38D, 7; OID 1.2.156.10197.1.104.8).
//!
//! A nonce must never be used twice under one key: two messages under one nonce give away both and the power to forge. Nonces have
//! 12 bytes and tags 16; a tag cut short is refused. [`seal_with_nonce`] and [`open_with_nonce`] take nonces of other lengths, for
//! formats that have them.
//!
//! [`Sealer`] encrypts in pieces. Decryption has no such form: it would hand out plaintext before the tag has been checked, and
//! whoever acts on that has no authentication at all. Cut long data into messages of their own, or open them where they lie.

use alloc::vec::Vec;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::ctr::{apply_32, with_counter};
use super::ghash::Ghash;
use super::{BLOCK_BYTES, Block, Error, Key, xor};
use crate::declassify::verdict;
use crate::{Rejected, TooLong};

/// Length of a nonce, in bytes.
pub const NONCE_BYTES: usize = 12;

/// Length of a tag, in bytes; shorter tags are not offered.
pub const TAG_BYTES: usize = 16;

/// The most one nonce may encrypt, in bytes: its block counter has 32 bits and starts at 2 (SP 800-38D, 5.2.1.1).
pub const PLAINTEXT_LIMIT_BYTES: u64 = (1 << 36) - 32;

/// The most additional data, in bytes: its length in bits is written in 64 bits.
pub const AAD_LIMIT_BYTES: u64 = (1 << 61) - 1;

/// The longest nonce of [`seal_with_nonce`], in bytes: its length in bits is written in 64 bits.
pub const NONCE_LIMIT_BYTES: u64 = (1 << 61) - 1;

/// Encrypts `plaintext` and binds it to `aad`; gives ciphertext and tag in one piece.
///
/// Fails with [`TooLong`] above [`PLAINTEXT_LIMIT_BYTES`] or [`AAD_LIMIT_BYTES`].
pub fn seal(key: &Key, nonce: &[u8; NONCE_BYTES], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, TooLong> {
    within_limits(aad, plaintext)?;
    Ok(Message::new(key, nonce, aad).seal(plaintext))
}

/// Checks and decrypts what [`seal`] made: ciphertext and tag in one piece.
///
/// Fails with [`Rejected`] when anything was changed, cut short, or made under another key, nonce or `aad`.
pub fn open(key: &Key, nonce: &[u8; NONCE_BYTES], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Rejected> {
    within_limits(aad, sealed).map_err(|_| Rejected)?;
    Message::new(key, nonce, aad).open(sealed)
}

/// Encrypts `data` where it lies and gives the tag. Fails as [`seal`] does, with `data` untouched.
pub fn seal_in_place(
    key: &Key,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    data: &mut [u8],
) -> Result<[u8; TAG_BYTES], TooLong> {
    within_limits(aad, data)?;
    Ok(Message::new(key, nonce, aad).seal_in_place(data))
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
    Message::new(key, nonce, aad).open_in_place(data, tag)
}

/// As [`seal`], under a nonce of any length from 1 byte on; of random nonces 16 bytes are not better than 12 (SP 800-38D, 8.3).
///
/// Fails with [`Error::NonceLength`] for an empty nonce and with [`Error::TooLong`].
pub fn seal_with_nonce(key: &Key, nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    if nonce.is_empty() {
        return Err(Error::NonceLength { least_bytes: 1, most_bytes: usize::MAX, got_bytes: 0 });
    }
    TooLong::unless_within(NONCE_LIMIT_BYTES, nonce.len())?;
    within_limits(aad, plaintext)?;
    Ok(Message::with_nonce(key, nonce, aad).seal(plaintext))
}

/// As [`open`], for what [`seal_with_nonce`] made; an empty nonce is [`Rejected`].
pub fn open_with_nonce(key: &Key, nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Rejected> {
    let fits = !nonce.is_empty() && TooLong::unless_within(NONCE_LIMIT_BYTES, nonce.len()).is_ok();
    if !fits || within_limits(aad, sealed).is_err() {
        return Err(Rejected);
    }
    Message::with_nonce(key, nonce, aad).open(sealed)
}

/// Encryption in pieces, where they lie: [`Self::update`] for each of them, then [`Self::finish`] for the tag.
///
/// ```
/// use gm::sm4::{Key, gcm};
/// let (key, nonce, mut data) = (Key::new(&[7; 16]), [9; 12], *b"in two pieces");
/// let mut sealer = gcm::Sealer::new(&key, &nonce, b"for whom")?;
/// let (head, tail) = data.split_at_mut(5);
/// sealer.update(head)?;
/// sealer.update(tail)?;
/// let tag = sealer.finish();
/// assert_eq!(gcm::open(&key, &nonce, b"for whom", &[&data[..], &tag].concat())?, b"in two pieces");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sealer<'key>(Message<'key>);

impl<'key> Sealer<'key> {
    /// Begins a message under `nonce`, bound to `aad`. Fails with [`TooLong`] above [`AAD_LIMIT_BYTES`].
    pub fn new(key: &'key Key, nonce: &[u8; NONCE_BYTES], aad: &[u8]) -> Result<Self, TooLong> {
        TooLong::unless_within(AAD_LIMIT_BYTES, aad.len())?;
        Ok(Self(Message::new(key, nonce, aad)))
    }

    /// Encrypts the next piece where it lies.
    ///
    /// Fails with [`TooLong`], with `data` untouched, when all pieces together would be above [`PLAINTEXT_LIMIT_BYTES`].
    pub fn update(&mut self, data: &mut [u8]) -> Result<(), TooLong> {
        let before = self.0.data_bytes;
        TooLong::unless_within(PLAINTEXT_LIMIT_BYTES - before, data.len()).map_err(|e| TooLong {
            limit_bytes: PLAINTEXT_LIMIT_BYTES,
            got_bytes: before.saturating_add(e.got_bytes),
        })?;
        self.0.encrypt(data);
        Ok(())
    }

    /// The tag of all that was encrypted.
    pub fn finish(self) -> [u8; TAG_BYTES] {
        *self.0.tag()
    }
}

fn within_limits(aad: &[u8], data: &[u8]) -> Result<(), TooLong> {
    TooLong::unless_within(AAD_LIMIT_BYTES, aad.len())?;
    TooLong::unless_within(PLAINTEXT_LIMIT_BYTES, data.len())
}

/// How much is encrypted before it is hashed, in bytes: little enough to be in the nearest cache still.
const PIECE_BYTES: usize = 4096;

/// One message under way.
struct Message<'key> {
    key: &'key Key,
    ghash: Ghash,
    secrets: Secrets,
    /// J0: the counter that masks the tag; those of the data follow it.
    first_counter: Block,
    aad_bytes: u64,
    data_bytes: u64,
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct Secrets {
    /// `E(J0)`.
    tag_mask: Block,
    /// The encrypted counter in the middle of which the data ends so far.
    stream: Block,
}

impl<'key> Message<'key> {
    /// J0 is the nonce and a one (SP 800-38D, 7.1, step 2).
    fn new(key: &'key Key, nonce: &[u8; NONCE_BYTES], aad: &[u8]) -> Self {
        let first_counter = with_counter(*nonce, 1);
        let mut secrets = Zeroizing::new([[0; BLOCK_BYTES], first_counter]);
        key.encrypt_blocks(secrets.as_mut_slice());
        let [hash_key, tag_mask] = &*secrets;
        Self::begin(key, Ghash::new(hash_key), first_counter, *tag_mask, aad)
    }

    /// J0 is the hash of the nonce, unless that has 12 bytes.
    fn with_nonce(key: &'key Key, nonce: &[u8], aad: &[u8]) -> Self {
        if let Ok(nonce) = nonce.try_into() {
            return Self::new(key, nonce, aad);
        }
        let mut hash_key = Zeroizing::new([0; BLOCK_BYTES]);
        key.encrypt_block(&mut hash_key);
        let mut ghash = Ghash::new(&hash_key);
        ghash.update(nonce);
        ghash.pad();
        ghash.update_lengths(0, nonce.len() as u64);
        let first_counter = ghash.finish();
        let mut tag_mask = Zeroizing::new(first_counter);
        key.encrypt_block(&mut tag_mask);
        Self::begin(key, Ghash::new(&hash_key), first_counter, *tag_mask, aad)
    }

    fn begin(key: &'key Key, mut ghash: Ghash, first_counter: Block, tag_mask: Block, aad: &[u8]) -> Self {
        ghash.update(aad);
        ghash.pad();
        let secrets = Secrets { tag_mask, stream: [0; BLOCK_BYTES] };
        Self { key, ghash, secrets, first_counter, aad_bytes: aad.len() as u64, data_bytes: 0 }
    }

    fn seal(self, plaintext: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(plaintext.len().saturating_add(TAG_BYTES));
        out.extend_from_slice(plaintext);
        let tag = self.seal_in_place(&mut out);
        out.extend_from_slice(&tag);
        out
    }

    fn seal_in_place(mut self, data: &mut [u8]) -> [u8; TAG_BYTES] {
        self.encrypt(data);
        *self.tag()
    }

    fn open(self, sealed: &[u8]) -> Result<Vec<u8>, Rejected> {
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(Rejected)?;
        let mut out = ciphertext.to_vec();
        self.open_in_place(&mut out, tag)?;
        Ok(out)
    }

    fn open_in_place(mut self, data: &mut [u8], tag: &[u8; TAG_BYTES]) -> Result<(), Rejected> {
        self.ghash.update(data);
        self.data_bytes = data.len() as u64;
        let (key, first) = (self.key, self.counter(0));
        // Seen: that the tag is refused.
        if !verdict(bool::from(self.tag().ct_eq(tag))) {
            return Err(Rejected);
        }
        apply_32(key, &first, data);
        Ok(())
    }

    /// Encrypts the next piece and hashes what came of it, a little at a time.
    fn encrypt(&mut self, data: &mut [u8]) {
        for piece in data.chunks_mut(PIECE_BYTES) {
            self.apply_stream(piece);
            self.ghash.update(piece);
        }
    }

    /// GCTR from where it stopped (SP 800-38D, 6.5).
    // INVARIANT: the limits have been checked, so the counters do not come round before the data ends.
    fn apply_stream(&mut self, data: &mut [u8]) {
        let offset = (self.data_bytes % BLOCK_BYTES as u64) as usize;
        let left = (BLOCK_BYTES - offset) % BLOCK_BYTES;
        let (head, body) = data.split_at_mut(left.min(data.len()));
        let (_, stream) = self.secrets.stream.split_at(offset);
        xor(head, stream);
        self.data_bytes += head.len() as u64;
        if body.is_empty() {
            return;
        }
        apply_32(self.key, &self.counter(self.data_bytes / BLOCK_BYTES as u64), body);
        self.data_bytes += body.len() as u64;
        if body.len() % BLOCK_BYTES != 0 {
            self.secrets.stream = self.counter(self.data_bytes / BLOCK_BYTES as u64);
            self.key.encrypt_block(&mut self.secrets.stream);
        }
    }

    /// The counter of block `block` of the data (SP 800-38D, 6.2: only the last 32 bits count).
    fn counter(&self, block: u64) -> Block {
        let [fixed @ .., _, _, _, _] = self.first_counter;
        let [.., a, b, c, d] = self.first_counter;
        let first = u32::from_be_bytes([a, b, c, d]);
        with_counter(fixed, first.wrapping_add(1).wrapping_add(block as u32))
    }

    /// `GHASH(aad, ciphertext, lengths) ^ E(J0)` (SP 800-38D, 7.1, steps 4 to 6).
    fn tag(mut self) -> Zeroizing<[u8; TAG_BYTES]> {
        self.ghash.pad();
        self.ghash.update_lengths(self.aad_bytes, self.data_bytes);
        let mut tag = Zeroizing::new(self.ghash.finish());
        xor(tag.as_mut_slice(), &self.secrets.tag_mask);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SP 800-38D, 5.2.1.1: 2^32 - 2 blocks, of which most are skipped here.
    #[test]
    fn the_last_counters_of_a_nonce_are_used_and_none_comes_round() {
        let key = Key::new(&[7; 16]);
        let mut sealer = Sealer::new(&key, &[9; NONCE_BYTES], b"").unwrap();
        sealer.0.data_bytes = PLAINTEXT_LIMIT_BYTES - 20;
        let mut data = [3; 21];
        let error = TooLong { limit_bytes: PLAINTEXT_LIMIT_BYTES, got_bytes: PLAINTEXT_LIMIT_BYTES + 1 };
        assert_eq!((sealer.update(&mut data), data), (Err(error), [3; 21]));
        assert_eq!(sealer.update(&mut data[..20]), Ok(()));
        let mut last = with_counter([9; NONCE_BYTES], u32::MAX);
        key.encrypt_block(&mut last);
        assert_eq!(data[4..20], last.map(|byte| byte ^ 3));
        assert_eq!(sealer.update(&mut data[..1]), Err(error));
    }
}
