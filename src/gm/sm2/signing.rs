//! Making signatures (GB/T 32918.2-2016, 6).

use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::curve::{self, Point, SCALAR_BYTES, Scalar};
use super::nonce::{self, Nonces};
use super::{Error, Signature, VerifyingKey};
use crate::declassify::verdict;
use crate::sm3;

/// How many signatures of a batch are worked on together: their points fit the first-level cache.
const BATCH_COUNT: usize = 128;

/// Fewer are signed one by one: sharing an inversion at every step would cost more than it saves.
const BATCH_COUNT_MIN: usize = 24;

/// A private key that signs. It keeps `(1 + d)^-1` and its public key; wiped when dropped; not `Clone` and not `Debug`.
///
/// ```compile_fail
/// fn printed(key: &gm::sm2::SigningKey) -> String { format!("{key:?}") }
/// ```
/// ```compile_fail
/// fn copied(key: &gm::sm2::SigningKey) -> gm::sm2::SigningKey { key.clone() }
/// ```
pub struct SigningKey {
    d: Zeroizing<Scalar>,
    /// `(1 + d)^-1`
    inverse: Zeroizing<Scalar>,
    verifying_key: VerifyingKey,
}

impl SigningKey {
    /// Draws a new key from `rng`. Source: GB/T 32918.1-2016, 6.1.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        loop {
            if let Some(key) = Self::from_scalar(curve::generate(rng)) {
                return key;
            }
        }
    }

    /// The key with private scalar `bytes`, big-endian.
    ///
    /// Fails with [`Error::PrivateKeyRange`] for 0, n-1 and anything not below n.
    pub fn from_bytes(bytes: &[u8; SCALAR_BYTES]) -> Result<Self, Error> {
        curve::private_scalar(bytes).and_then(Self::from_scalar).ok_or(Error::PrivateKeyRange)
    }

    fn from_scalar(d: Zeroizing<Scalar>) -> Option<Self> {
        let verifying_key = VerifyingKey::from_point(Point::generator_times(&d)?.made_public());
        let inverse = curve::inverse_of_successor(&d)?;
        Some(Self { d, inverse, verifying_key })
    }

    /// The private scalar, 32 bytes big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; SCALAR_BYTES]> {
        Zeroizing::new(curve::scalar_bytes(&self.d))
    }

    /// The public key.
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    /// Signs `message` as the signer with distinguishing id `id` (mostly [`super::DEFAULT_ID`]).
    ///
    /// Fails with [`Error::IdTooLong`] only. Source: GB/T 32918.2-2016, 6.1.
    pub fn sign<R: CryptoRng + ?Sized>(
        &self,
        message: &[u8],
        id: &[u8],
        rng: &mut R,
    ) -> Result<Signature, Error> {
        Ok(self.sign_z(message, &self.verifying_key.z(id)?, rng))
    }

    /// Signs `message` after the given `z`, for protocols that hold Z ready (see [`VerifyingKey::z`]).
    pub fn sign_z<R: CryptoRng + ?Sized>(&self, message: &[u8], z: &[u8; 32], rng: &mut R) -> Signature {
        // A1, A2: e = H(Z || M)
        self.sign_digest(&sm3::hash_all(&[z, message]), rng)
    }

    /// Signs the digest `e`, which must be `SM3(Z || message)`: never bytes that someone else chose.
    pub fn sign_digest<R: CryptoRng + ?Sized>(&self, e: &[u8; 32], rng: &mut R) -> Signature {
        let e = curve::reduced(e);
        let mut nonces = Nonces::new(&self.d, &e, rng);
        loop {
            // A3: the nonce. A second one is needed about once in 2^255 signatures.
            let k = nonces.draw();
            if let Some(signature) = self.sign_with_nonce(&e, &k) {
                return signature;
            }
        }
    }

    /// Signs each of `messages`, as [`Self::sign`] does one, with less work for each: digests and nonces are hashed many at a time, and the
    /// points are added up together, which shares every inversion. 64 messages and more gain most.
    ///
    /// Fails with [`Error::IdTooLong`] only.
    pub fn sign_batch<R: CryptoRng + ?Sized>(
        &self,
        messages: &[&[u8]],
        id: &[u8],
        rng: &mut R,
    ) -> Result<Vec<Signature>, Error> {
        Ok(self.sign_digests(&self.verifying_key.digests(messages, id)?, rng))
    }

    /// Signs each of the digests, as [`Self::sign_digest`] does one; see [`Self::sign_batch`].
    pub fn sign_digests<R: CryptoRng + ?Sized>(&self, digests: &[[u8; 32]], rng: &mut R) -> Vec<Signature> {
        let mut signatures = Vec::with_capacity(digests.len());
        for digests in digests.chunks(BATCH_COUNT) {
            if digests.len() < BATCH_COUNT_MIN {
                signatures.extend(digests.iter().map(|digest| self.sign_digest(digest, rng)));
                continue;
            }
            let reduced: Vec<Scalar> = digests.iter().map(curve::reduced).collect();
            // A3 and A4 for all
            let first = nonce::first_of_each(&self.d, &reduced, rng);
            let nonces: Zeroizing<Vec<Scalar>> =
                Zeroizing::new(first.iter().map(|k| k.unwrap_or_default()).collect());
            let x1 = curve::generator_times_each(&nonces);
            for (((digest, e), k), x1) in digests.iter().zip(&reduced).zip(nonces.iter()).zip(x1.iter()) {
                // Where the first nonce will not do, which never happens, the signature is made alone with another.
                let made = if verdict(curve::is_zero(k)) { None } else { self.finish(e, k, x1) };
                signatures.push(made.unwrap_or_else(|| self.sign_digest(digest, rng)));
            }
        }
        signatures
    }

    /// Steps A4 to A7; `None` sends the caller back to A3.
    pub(super) fn sign_with_nonce(&self, e: &Scalar, k: &Scalar) -> Option<Signature> {
        // A4: (x1, y1) = [k]G
        let point = Point::generator_times(k)?;
        let (x1, _) = point.coordinates();
        self.finish(e, k, &curve::reduced(x1))
    }

    /// Steps A5 to A7; `None` sends the caller back to A3.
    fn finish(&self, e: &Scalar, k: &Scalar, x1: &Scalar) -> Option<Signature> {
        // A5: r = e + x1, back to A3 when r = 0 or r + k = n
        let r = *e + x1;
        let sum = Zeroizing::new(r + k);
        // Seen: that this nonce is thrown away.
        if verdict(curve::is_zero(&r) | curve::is_zero(&sum)) {
            return None;
        }
        // A6: s = (1 + d)^-1 (k - r d) = (1 + d)^-1 (k + r) - r, back to A3 when s = 0
        let s = *self.inverse * *sum - r;
        // A7
        Signature::from_scalars(&r, &s)
    }
}
