//! Public-key encryption (GB/T 32918.4-2016). For keys and other short secrets; bulk data belongs under SM4.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Error;
use super::curve::{self, POINT_BYTES, Point, SCALAR_BYTES, Scalar};
use super::shared::Shared;
use crate::declassify::verdict;
use crate::sm3::DIGEST_BYTES;
use crate::{Rejected, der, kdf, sm3};

/// The longest plaintext, in bytes. The standard has no limit; ours keeps hostile ciphertexts cheap to refuse.
pub const MAX_PLAINTEXT_BYTES: usize = 65_536;

/// A public key that encrypts.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptingKey(Point);

impl EncryptingKey {
    /// Reads a SEC 1 point, as [`super::VerifyingKey::from_sec1`] does and with the same errors.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, Error> {
        Point::from_sec1(bytes).map(Self)
    }

    /// `04 || x || y`, 65 bytes.
    pub fn to_sec1(&self) -> [u8; POINT_BYTES] {
        self.0.sec1()
    }

    pub(super) const fn point(&self) -> &Point {
        &self.0
    }

    /// Encrypts `plaintext` for the holder of the private key.
    ///
    /// Fails with [`Error::PlaintextLength`] when it is empty or longer than [`MAX_PLAINTEXT_BYTES`].
    /// Source: GB/T 32918.4-2016, 6.1.
    pub fn encrypt<R: CryptoRng + ?Sized>(&self, plaintext: &[u8], rng: &mut R) -> Result<Ciphertext, Error> {
        if !(1..=MAX_PLAINTEXT_BYTES).contains(&plaintext.len()) {
            return Err(Error::PlaintextLength { bytes: plaintext.len() });
        }
        loop {
            // A1: the nonce. A second one is needed when the mask is all zeros: for a one-byte plaintext once in 256 times.
            let k = curve::generate(rng);
            if let Some(ciphertext) = self.encrypt_with_nonce(plaintext, &k) {
                return Ok(ciphertext);
            }
        }
    }

    /// Steps A2 to A8; `None` sends the caller back to A1.
    pub(super) fn encrypt_with_nonce(&self, plaintext: &[u8], k: &Scalar) -> Option<Ciphertext> {
        // A2: C1 = [k]G
        let c1 = Point::generator_times(k)?.made_public();
        // A3: S = [h]P is P, since h = 1, and P is not infinity.
        // A4: (x2, y2) = [k]P
        let shared = Shared::new(&self.0, k)?;
        // A5: t = KDF(x2 || y2), back to A1 when all zeros
        let mask = shared.mask(plaintext.len())?;
        // Seen: that this nonce is thrown away.
        if verdict(all_zeros(&mask)) {
            return None;
        }
        // A6: C2 = M ^ t; A7: C3 = H(x2 || M || y2)
        let c2 = plaintext.iter().zip(mask.iter()).map(|(m, t)| m ^ t).collect();
        Some(Ciphertext { c1, c3: shared.digest(plaintext), c2 })
    }
}

impl fmt::Debug for EncryptingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptingKey({:?})", self.0)
    }
}

/// A private key that decrypts. Wiped when dropped; not `Clone` and not `Debug`.
///
/// ```compile_fail
/// fn printed(key: &gm::sm2::DecryptingKey) -> String { format!("{key:?}") }
/// ```
/// ```compile_fail
/// fn copied(key: &gm::sm2::DecryptingKey) -> gm::sm2::DecryptingKey { key.clone() }
/// ```
pub struct DecryptingKey {
    d: Zeroizing<Scalar>,
    encrypting_key: EncryptingKey,
}

impl DecryptingKey {
    /// Draws a new key from `rng`.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        loop {
            if let Some(key) = Self::from_scalar(curve::generate(rng)) {
                return key;
            }
        }
    }

    /// The key with private scalar `bytes`, big-endian. Fails with [`Error::PrivateKeyRange`] as a signing key does.
    pub fn from_bytes(bytes: &[u8; SCALAR_BYTES]) -> Result<Self, Error> {
        curve::private_scalar(bytes).and_then(Self::from_scalar).ok_or(Error::PrivateKeyRange)
    }

    fn from_scalar(d: Zeroizing<Scalar>) -> Option<Self> {
        let encrypting_key = EncryptingKey(Point::generator_times(&d)?.made_public());
        Some(Self { d, encrypting_key })
    }

    /// The private scalar, 32 bytes big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; SCALAR_BYTES]> {
        Zeroizing::new(curve::scalar_bytes(&self.d))
    }

    /// The public key.
    pub const fn encrypting_key(&self) -> &EncryptingKey {
        &self.encrypting_key
    }

    pub(super) fn scalar(&self) -> &Scalar {
        &self.d
    }

    /// Decrypts `ciphertext`. The plaintext leaves only after C3 was found right, in constant time; else it is wiped.
    ///
    /// Fails with [`Rejected`]. Source: GB/T 32918.4-2016, 7.1.
    pub fn decrypt(&self, ciphertext: &Ciphertext) -> Result<Zeroizing<Vec<u8>>, Rejected> {
        let Ciphertext { c1, c3, c2 } = ciphertext;
        // B1, B2: C1 is on the curve since the ciphertext was read, and h = 1.
        // B3: (x2, y2) = [d]C1
        let shared = Shared::new(c1, &self.d).ok_or(Rejected)?;
        // B4: t = KDF(x2 || y2), refused when all zeros
        let mut plaintext = shared.mask(c2.len()).ok_or(Rejected)?;
        let zeros = all_zeros(&plaintext);
        // B5: M = C2 ^ t
        plaintext.iter_mut().zip(c2).for_each(|(t, c)| *t ^= c);
        // B6: u = H(x2 || M || y2) must be C3
        let same = shared.digest(&plaintext).ct_eq(c3);
        // Seen: that it is refused, not which of the two it was.
        if verdict(!zeros & bool::from(same)) { Ok(plaintext) } else { Err(Rejected) }
    }
}

/// A ciphertext: the point C1, the digest C3 and the masked plaintext C2.
#[derive(Clone, PartialEq, Eq)]
pub struct Ciphertext {
    c1: Point,
    c3: [u8; DIGEST_BYTES],
    c2: Vec<u8>,
}

impl Ciphertext {
    /// Reads `C1 || C3 || C2`, the order of GB/T 32918.4-2016, with C1 uncompressed or compressed.
    ///
    /// Fails with [`Error::CiphertextEncoding`], or as [`super::VerifyingKey::from_sec1`] does for C1.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (c1, rest) = split_point(bytes)?;
        let (c3, c2) = rest.split_first_chunk().ok_or(Error::CiphertextEncoding)?;
        Self::from_parts(c1, *c3, c2)
    }

    /// Reads `C1 || C2 || C3`, the order before GM/T 0003-2012 that old systems still send. Never written.
    pub fn from_c1c2c3(bytes: &[u8]) -> Result<Self, Error> {
        let (c1, rest) = split_point(bytes)?;
        let (c2, c3) = rest.split_last_chunk().ok_or(Error::CiphertextEncoding)?;
        Self::from_parts(c1, *c3, c2)
    }

    /// Reads `SEQUENCE { x INTEGER, y INTEGER, c3 OCTET STRING, c2 OCTET STRING }` in strict DER.
    ///
    /// Fails with [`Error::CiphertextEncoding`] or [`Error::PointNotOnCurve`]. Source: GB/T 35276-2017, 7.2.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        let (x, y, c3, c2) = read_der(bytes).ok_or(Error::CiphertextEncoding)?;
        let c1: Vec<u8> = [4].into_iter().chain(x).chain(y).collect();
        Self::from_parts(&c1, c3, c2)
    }

    fn from_parts(c1: &[u8], c3: [u8; DIGEST_BYTES], c2: &[u8]) -> Result<Self, Error> {
        if !(1..=MAX_PLAINTEXT_BYTES).contains(&c2.len()) {
            return Err(Error::CiphertextEncoding);
        }
        Ok(Self { c1: Point::from_sec1(c1)?, c3, c2: c2.to_vec() })
    }

    /// `C1 || C3 || C2`, with C1 uncompressed: 97 bytes longer than the plaintext.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.c1.sec1().as_slice(), &self.c3, &self.c2].concat()
    }

    /// `SEQUENCE { x, y, c3, c2 }` in DER. Source: GB/T 35276-2017, 7.2.
    pub fn to_der(&self) -> Vec<u8> {
        let (x, y) = self.c1.coordinates();
        let mut contents = Vec::with_capacity(self.c2.len() + 112);
        der::write_unsigned(&mut contents, x);
        der::write_unsigned(&mut contents, y);
        der::write(&mut contents, der::OCTET_STRING, &self.c3);
        der::write(&mut contents, der::OCTET_STRING, &self.c2);
        let mut out = Vec::with_capacity(contents.len() + 4);
        der::write(&mut out, der::SEQUENCE, &contents);
        out
    }
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ciphertext({:?}, {} bytes)", self.c1, self.c2.len())
    }
}

/// What is made of (x2, y2).
impl Shared {
    /// `KDF(x2 || y2)`, `length` bytes.
    fn mask(&self, length: usize) -> Option<Zeroizing<Vec<u8>>> {
        let mut mask = Zeroizing::new(vec![0; length]);
        kdf::sm2_kdf(&[self.x.as_slice(), self.y.as_slice()], &mut mask).ok()?;
        Some(mask)
    }

    /// `H(x2 || M || y2)`
    fn digest(&self, plaintext: &[u8]) -> [u8; DIGEST_BYTES] {
        sm3::hash_all(&[self.x.as_slice(), plaintext, self.y.as_slice()])
    }
}

/// Whether every byte of `mask` is zero; looks at all of them.
fn all_zeros(mask: &[u8]) -> bool {
    mask.iter().fold(0, |seen, b| seen | b) == 0
}

/// The point that starts a raw ciphertext, and what follows it.
fn split_point(bytes: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let length = match bytes.first() {
        Some(4) => POINT_BYTES,
        Some(2 | 3) => 1 + SCALAR_BYTES,
        _ => return Err(Error::CiphertextEncoding),
    };
    bytes.split_at_checked(length).ok_or(Error::CiphertextEncoding)
}

type DerParts<'a> = ([u8; SCALAR_BYTES], [u8; SCALAR_BYTES], [u8; DIGEST_BYTES], &'a [u8]);

fn read_der(bytes: &[u8]) -> Option<DerParts<'_>> {
    let mut sequence = der::Reader::of_sequence(bytes)?;
    let x = sequence.unsigned()?;
    let y = sequence.unsigned()?;
    let c3 = sequence.value(der::OCTET_STRING)?.try_into().ok()?;
    let c2 = sequence.value(der::OCTET_STRING)?;
    sequence.end()?;
    Some((x, y, c3, c2))
}
