//! SM2EnvelopedKey (GB/T 35276-2017, 7.4): how an authority that made an encryption key pair delivers it to its holder.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::spki::uncompressed;
use super::{KeyError, encoding};
use crate::declassify::verdict;
use crate::sm2::curve::SCALAR_BYTES;
use crate::sm2::{Ciphertext, DecryptingKey, EncryptingKey, Error, SigningKey, VerifyingKey};
use crate::{Rejected, der, sm4};

const EXPECTED: &str = "an SM2EnvelopedKey";

/// SM4, 1.2.156.10197.1.104, and SM4-ECB, 1.2.156.10197.1.104.1 (GB/T 33560-2017): both names are met for the same thing.
const SM4: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x68];
const SM4_ECB: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x68, 0x01];

impl DecryptingKey {
    /// Opens the encryption key that an authority delivers to the holder of `signing_key`.
    ///
    /// The private key may come in 32 bytes, or in 64 of which the first 32 are zero (the width of GM/T 0018's structures).
    /// Fails with [`KeyError::Encoding`], [`KeyError::Algorithm`], or with [`KeyError::Rejected`] when it is for another holder, was
    /// changed, or is not the private half of the public key beside it. Source: GB/T 35276-2017, 7.4.
    pub fn from_enveloped_key_der(der: &[u8], signing_key: &SigningKey) -> Result<Self, KeyError> {
        let envelope = Envelope::read(der).ok_or(encoding(EXPECTED))?;
        envelope.cipher_is_sm4().ok_or(KeyError::Algorithm)?;
        let holder = Self::from_bytes(&signing_key.to_bytes())?;
        let d = envelope.open(&holder).ok_or(KeyError::Rejected(Rejected))?;
        let key = Self::from_bytes(&d).map_err(|_| KeyError::Rejected(Rejected))?;
        if key.encrypting_key().to_sec1() == *envelope.public_key { Ok(key) } else { Err(Rejected.into()) }
    }

    /// This key, enveloped for the holder of `recipient`: encrypted with SM4 in ECB under a new key, that one with SM2.
    ///
    /// Fails as [`EncryptingKey::encrypt`] does, so never: 16 bytes are within its limits. Source: GB/T 35276-2017, 7.4.
    pub fn to_enveloped_key_der<R: CryptoRng + ?Sized>(
        &self,
        recipient: &VerifyingKey,
        rng: &mut R,
    ) -> Result<Vec<u8>, Error> {
        let mut key = Zeroizing::new([0; sm4::KEY_BYTES]);
        rng.fill_bytes(key.as_mut_slice());
        let encrypted_key = EncryptingKey::from_sec1(&recipient.to_sec1())?.encrypt(key.as_slice(), rng)?;
        let mut d = self.to_bytes();
        let cipher = sm4::Key::new(&key);
        d.as_chunks_mut().0.iter_mut().for_each(|block| cipher.encrypt_block(block));
        Ok(write(&encrypted_key, &self.encrypting_key().to_sec1(), d.as_slice()))
    }
}

fn write(encrypted_key: &Ciphertext, public_key: &[u8], encrypted_d: &[u8]) -> Vec<u8> {
    let (mut algorithm, mut contents, mut out) = (Vec::new(), Vec::new(), Vec::new());
    der::write(&mut algorithm, der::OBJECT_IDENTIFIER, SM4_ECB);
    der::write(&mut algorithm, der::NULL, &[]);
    der::write(&mut contents, der::SEQUENCE, &algorithm);
    contents.extend(encrypted_key.to_der());
    for bits in [public_key, encrypted_d] {
        der::write(&mut contents, der::BIT_STRING, &[&[0], bits].concat());
    }
    der::write(&mut out, der::SEQUENCE, &contents);
    out
}

/// The four fields of SM2EnvelopedKey.
struct Envelope<'a> {
    algorithm: &'a [u8],
    encrypted_key: Ciphertext,
    public_key: &'a [u8; 65],
    encrypted_d: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut envelope = der::Reader::of_sequence(der)?;
        let algorithm = envelope.value(der::SEQUENCE)?;
        let mut encrypted_key = Vec::new();
        der::write(&mut encrypted_key, der::SEQUENCE, envelope.value(der::SEQUENCE)?);
        let public_key = uncompressed(envelope.bits()?)?;
        let encrypted_d = envelope.bits()?;
        envelope.end()?;
        Some(Self {
            algorithm,
            encrypted_key: Ciphertext::from_der(&encrypted_key).ok()?,
            public_key,
            encrypted_d,
        })
    }

    fn cipher_is_sm4(&self) -> Option<()> {
        let mut algorithm = der::Reader::new(self.algorithm);
        let oid = algorithm.value(der::OBJECT_IDENTIFIER)?;
        algorithm.optional_null()?;
        algorithm.end()?;
        (oid == SM4 || oid == SM4_ECB).then_some(())
    }

    /// d, decrypted with the holder's key.
    fn open(&self, holder: &DecryptingKey) -> Option<Zeroizing<[u8; SCALAR_BYTES]>> {
        let key = holder.decrypt(&self.encrypted_key).ok()?;
        let cipher = sm4::Key::new(key.as_slice().try_into().ok()?);
        let mut padded = Zeroizing::new([0; 2 * SCALAR_BYTES]);
        let gap =
            padded.len().checked_sub(self.encrypted_d.len()).filter(|gap| [0, SCALAR_BYTES].contains(gap))?;
        padded.iter_mut().skip(gap).zip(self.encrypted_d).for_each(|(to, from)| *to = *from);
        let (blocks, _) = padded.as_chunks_mut();
        blocks.iter_mut().skip(gap / sm4::BLOCK_BYTES).for_each(|block| cipher.decrypt_block(block));
        let (zeros, d) = padded.split_last_chunk::<SCALAR_BYTES>()?;
        let all_zero = zeros.iter().fold(0, |seen, b| seen | b) == 0;
        // Seen: that the wide form is not one.
        verdict(all_zero).then(|| Zeroizing::new(*d))
    }
}
