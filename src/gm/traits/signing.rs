//! `signature` 3 on SM2. Messages are signed and verified under [`DEFAULT_ID`]; whoever has another id digests with it and uses the
//! `Prehash` traits, or calls [`SigningKey::sign`] itself.

use alloc::boxed::Box;

use rand_core::{TryCryptoRng, TryRng};
use signature::hazmat::{PrehashVerifier, RandomizedPrehashSigner};
use signature::{
    DigestVerifier, Error, KeypairRef, MultipartVerifier, RandomizedDigestSigner, RandomizedMultipartSigner,
    RandomizedSigner, SignatureEncoding, Verifier,
};
use zeroize::Zeroizing;

use crate::hmac::hmac_sm3;
use crate::sm2::{DEFAULT_ID, DerSignature, Signature, SigningKey, VerifyingKey};
use crate::sm3::Sm3;

/// `r || s`, 64 bytes.
impl SignatureEncoding for Signature {
    type Repr = [u8; 64];
}

impl TryFrom<&[u8]> for Signature {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        let bytes = bytes.try_into().map_err(|_| Error::new())?;
        Self::from_bytes(bytes).map_err(|_| Error::new())
    }
}

impl From<Signature> for [u8; 64] {
    fn from(signature: Signature) -> Self {
        signature.to_bytes()
    }
}

/// Strict DER.
impl SignatureEncoding for DerSignature {
    type Repr = Box<[u8]>;
}

impl TryFrom<&[u8]> for DerSignature {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_bytes(bytes).map_err(|_| Error::new())
    }
}

impl From<DerSignature> for Box<[u8]> {
    fn from(signature: DerSignature) -> Self {
        signature.to_bytes().into()
    }
}

impl AsRef<VerifyingKey> for SigningKey {
    fn as_ref(&self) -> &VerifyingKey {
        self.verifying_key()
    }
}

impl KeypairRef for SigningKey {
    type VerifyingKey = VerifyingKey;
}

impl<S: From<Signature>> RandomizedSigner<S> for SigningKey {
    fn try_sign_with_rng<R: TryCryptoRng + ?Sized>(&self, rng: &mut R, msg: &[u8]) -> Result<S, Error> {
        self.try_multipart_sign_with_rng(rng, &[msg])
    }
}

impl<S: From<Signature>> RandomizedMultipartSigner<S> for SigningKey {
    fn try_multipart_sign_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        msg: &[&[u8]],
    ) -> Result<S, Error> {
        let e = self.verifying_key().digest(msg, DEFAULT_ID).map_err(|_| Error::new())?;
        self.sign_prehash_with_rng(rng, &e)
    }
}

/// The digest that the closure gets has Z in it already.
impl<S: From<Signature>> RandomizedDigestSigner<Sm3, S> for SigningKey {
    fn try_sign_digest_with_rng<R: TryCryptoRng + ?Sized, F: Fn(&mut Sm3) -> Result<(), Error>>(
        &self,
        rng: &mut R,
        f: F,
    ) -> Result<S, Error> {
        self.sign_prehash_with_rng(rng, &digest_after_z(self.verifying_key(), f)?)
    }
}

/// The prehash is `e = SM3(Z || message)`, 32 bytes.
impl<S: From<Signature>> RandomizedPrehashSigner<S> for SigningKey {
    fn sign_prehash_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        prehash: &[u8],
    ) -> Result<S, Error> {
        let e = prehash.try_into().map_err(|_| Error::new())?;
        Ok(self.sign_digest(e, &mut Fresh::draw(rng)?).into())
    }
}

impl<S: Copy + Into<Signature>> Verifier<S> for VerifyingKey {
    fn verify(&self, msg: &[u8], signature: &S) -> Result<(), Error> {
        self.multipart_verify(&[msg], signature)
    }
}

impl<S: Copy + Into<Signature>> MultipartVerifier<S> for VerifyingKey {
    fn multipart_verify(&self, msg: &[&[u8]], signature: &S) -> Result<(), Error> {
        let e = self.digest(msg, DEFAULT_ID).map_err(|_| Error::new())?;
        self.verify_prehash(&e, signature)
    }
}

/// The digest that the closure gets has Z in it already.
impl<S: Copy + Into<Signature>> DigestVerifier<Sm3, S> for VerifyingKey {
    fn verify_digest<F: Fn(&mut Sm3) -> Result<(), Error>>(&self, f: F, signature: &S) -> Result<(), Error> {
        self.verify_prehash(&digest_after_z(self, f)?, signature)
    }
}

/// The prehash is `e = SM3(Z || message)`, 32 bytes.
impl<S: Copy + Into<Signature>> PrehashVerifier<S> for VerifyingKey {
    fn verify_prehash(&self, prehash: &[u8], signature: &S) -> Result<(), Error> {
        let e = prehash.try_into().map_err(|_| Error::new())?;
        self.verify_digest(e, &(*signature).into()).map_err(|_| Error::new())
    }
}

fn digest_after_z<F: Fn(&mut Sm3) -> Result<(), Error>>(
    key: &VerifyingKey,
    message: F,
) -> Result<[u8; 32], Error> {
    let mut sm3 = Sm3::new();
    sm3.update(&key.z(DEFAULT_ID).map_err(|_| Error::new())?);
    message(&mut sm3)?;
    Ok(sm3.finish())
}

/// Thirty-two bytes of a generator that may fail, stretched to a generator that does not: HMAC-SM3 of a counter under them.
struct Fresh {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl Fresh {
    fn draw<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(seed.as_mut_slice()).map_err(|_| Error::new())?;
        Ok(Self { seed, counter: 0 })
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let Ok(()) = self.try_fill_bytes(&mut out);
        out
    }
}

impl TryRng for Fresh {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(self.bytes()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(32) {
            self.counter = self.counter.wrapping_add(1);
            let block = Zeroizing::new(hmac_sm3(self.seed.as_slice(), &[&self.counter.to_be_bytes()]));
            chunk.iter_mut().zip(block.iter()).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }
}

impl TryCryptoRng for Fresh {}
