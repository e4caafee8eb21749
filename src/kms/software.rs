//! The provider that holds keys in this process.
//!
//! SM2 is `gm`'s. `ring` makes P-256 keys and signs with P-256 and RSA; it cannot make RSA keys, so the `rsa` crate does that,
//! and nothing else. `ring` takes randomness from the operating system alone (its `SecureRandom` is sealed), so P-256 keys and
//! nonces come from there and not from the [`Entropy`] handed in. `ring` does not wipe its key pairs when they are dropped;
//! the bytes they were parsed from are wiped here.

use std::sync::Arc;

use base::{Entropy, Secret, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};

use crate::envelope::{CONTEXT_MAX_BYTES, WrappingRoot, within};
use crate::record::KEY_ID_MAX_BYTES;
use crate::{Algorithm, KeyProvider, KeyRecord, KeyState, KmsError, PrivateKey, Purpose};

const RSA_BITS: usize = 2_048;

/// Keys in this process, wrapped at rest under a master key.
pub struct SoftwareProvider {
    root: WrappingRoot,
    entropy: Arc<dyn Entropy>,
}

impl SoftwareProvider {
    /// A provider over `master`; `entropy` is what SM2 signatures and envelopes draw their nonces from.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the master key is given up, and wiped when this returns"
    )]
    pub fn new(master: Secret<[u8; 32]>, entropy: Arc<dyn Entropy>) -> Self {
        Self { root: WrappingRoot::new(&master), entropy }
    }
}

impl KeyProvider for SoftwareProvider {
    fn generate(
        &self,
        id: &str,
        purpose: Purpose,
        algorithm: Algorithm,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<KeyRecord, KmsError> {
        if !(1..=KEY_ID_MAX_BYTES).contains(&id.len()) {
            return Err(KmsError::KeyId { limit: KEY_ID_MAX_BYTES, got: id.len() });
        }
        if !purpose.allows(algorithm) {
            return Err(KmsError::AlgorithmNotForPurpose { purpose, algorithm });
        }
        let private = new_private_key(algorithm, entropy)?;
        let material =
            Material::parse(algorithm, private.expose()).ok_or(KmsError::Generation { algorithm })?;
        let key = SoftwareKey::new(id, material, Arc::clone(&self.entropy))
            .ok_or(KmsError::Generation { algorithm })?;
        test_both_halves(&key)?;
        let aad = bound_names(id, purpose, algorithm);
        Ok(KeyRecord {
            id: id.to_owned(),
            purpose,
            algorithm,
            state: KeyState::Active,
            public_key_der: key.public_key.to_spki_der(),
            wrapped: self.root.seal(&key_context(purpose), &aad, private.expose(), entropy)?,
            created: now,
        })
    }

    fn open(&self, record: &KeyRecord) -> Result<Arc<dyn PrivateKey>, KmsError> {
        if record.state != KeyState::Active {
            return Err(KmsError::NotActive { id: record.id.clone(), state: record.state });
        }
        let aad = bound_names(&record.id, record.purpose, record.algorithm);
        let private = self.root.open(&key_context(record.purpose), &aad, &record.wrapped)?;
        let material = Material::parse(record.algorithm, private.expose()).ok_or(KmsError::Envelope)?;
        let key =
            SoftwareKey::new(&record.id, material, Arc::clone(&self.entropy)).ok_or(KmsError::Envelope)?;
        if key.public_key.to_spki_der() != record.public_key_der {
            return Err(KmsError::PublicKey { id: record.id.clone() });
        }
        Ok(Arc::new(key))
    }

    fn seal_blob(&self, context: &str, secret: &[u8]) -> Result<Vec<u8>, KmsError> {
        within("context", CONTEXT_MAX_BYTES - blob_context("").len(), context.len())?;
        self.root.seal(&blob_context(context), &[], secret, &*self.entropy)
    }

    fn open_blob(&self, context: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, KmsError> {
        self.root.open(&blob_context(context), &[], sealed)
    }
}

fn key_context(purpose: Purpose) -> String {
    format!("key/{purpose}")
}

fn blob_context(context: &str) -> String {
    format!("blob/{context}")
}

/// What binds a wrapped key to its row. Only `id` can hold a `|`, and it comes first, so no two rows share these bytes.
fn bound_names(id: &str, purpose: Purpose, algorithm: Algorithm) -> Vec<u8> {
    format!("{id}|{purpose}|{algorithm}").into_bytes()
}

/// A new private key in the form that is wrapped: 32 bytes for SM2, PKCS#8 for the others.
fn new_private_key(algorithm: Algorithm, entropy: &dyn Entropy) -> Result<Secret<Vec<u8>>, KmsError> {
    let failed = || KmsError::Generation { algorithm };
    let mut rng = base::entropy::rng(entropy);
    let bytes = match algorithm {
        Algorithm::Sm2 => gm::sm2::SigningKey::generate(&mut rng).to_bytes().to_vec(),
        Algorithm::P256 => {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
            pkcs8.map_err(|_| failed())?.as_ref().to_vec()
        }
        Algorithm::Rsa2048 => {
            let key = rsa::PrivateKey::new(&mut rng, RSA_BITS).map_err(|_| failed())?;
            key.to_pkcs8_der().map_err(|_| failed())?.as_bytes().to_vec()
        }
    };
    Ok(Secret::new(bytes))
}

/// Pairwise consistency (GM/T 0028-2014, 7.10.3.3): what the private half signs, the public half verifies.
fn test_both_halves(key: &SoftwareKey) -> Result<(), KmsError> {
    let failed = || KmsError::SelfTest { id: key.id.clone() };
    let message = key.id.as_bytes();
    let signature = key.sign_der(message)?;
    key.public_key.verify(message, key.algorithm().certificate(), &signature).map_err(|_| failed())
}

/// An opened key: parsed once, signing often.
struct SoftwareKey {
    id: String,
    public_key: pki::PublicKey,
    material: Material,
    entropy: Arc<dyn Entropy>,
    random: SystemRandom,
}

#[expect(clippy::large_enum_variant, reason = "a process opens a handful of keys, each behind one `Arc`")]
enum Material {
    Sm2(gm::sm2::SigningKey),
    /// The same key twice, since `ring` fixes the form of the signature when it parses.
    P256 {
        raw: EcdsaKeyPair,
        der: EcdsaKeyPair,
    },
    Rsa(RsaKeyPair),
}

impl Material {
    /// The key in `bytes`; `None` when they are no key of `algorithm`.
    fn parse(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let random = SystemRandom::new();
        match algorithm {
            Algorithm::Sm2 => gm::sm2::SigningKey::from_bytes(bytes.try_into().ok()?).ok().map(Self::Sm2),
            Algorithm::P256 => Some(Self::P256 {
                raw: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &random).ok()?,
                der: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, bytes, &random).ok()?,
            }),
            Algorithm::Rsa2048 => RsaKeyPair::from_pkcs8(bytes).ok().map(Self::Rsa),
        }
    }

    fn public_key(&self) -> Option<pki::PublicKey> {
        match self {
            Self::Sm2(key) => Some(pki::PublicKey::Sm2(key.verifying_key().clone())),
            Self::P256 { raw, .. } => raw.public_key().as_ref().try_into().ok().map(pki::PublicKey::P256),
            Self::Rsa(key) => {
                let key = rsa::PublicKey::from_pkcs1_der(key.public_key().as_ref()).ok()?;
                let spki_der = key.to_public_key_der().ok()?.into_vec();
                Some(pki::PublicKey::Rsa { spki_der })
            }
        }
    }
}

impl SoftwareKey {
    fn new(id: &str, material: Material, entropy: Arc<dyn Entropy>) -> Option<Self> {
        let public_key = material.public_key()?;
        Some(Self { id: id.to_owned(), public_key, material, entropy, random: SystemRandom::new() })
    }

    fn failed(&self) -> KmsError {
        KmsError::Signing { id: self.id.clone() }
    }

    fn sign_sm2(&self, key: &gm::sm2::SigningKey, message: &[u8]) -> Result<gm::sm2::Signature, KmsError> {
        let mut rng = base::entropy::rng(&*self.entropy);
        key.sign(message, gm::sm2::DEFAULT_ID, &mut rng).map_err(|_| self.failed())
    }

    fn sign_p256(&self, key: &EcdsaKeyPair, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        key.sign(&self.random, message).map(|s| s.as_ref().to_vec()).map_err(|_| self.failed())
    }

    fn sign_rsa(&self, key: &RsaKeyPair, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature).map_err(|_| self.failed())?;
        Ok(signature)
    }
}

impl PrivateKey for SoftwareKey {
    fn id(&self) -> &str {
        &self.id
    }

    fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Sm2(_) => Algorithm::Sm2,
            Material::P256 { .. } => Algorithm::P256,
            Material::Rsa(_) => Algorithm::Rsa2048,
        }
    }

    fn public_key(&self) -> &pki::PublicKey {
        &self.public_key
    }

    fn sign_raw(&self, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        match &self.material {
            Material::Sm2(key) => self.sign_sm2(key, message).map(|s| s.to_bytes().to_vec()),
            Material::P256 { raw, .. } => self.sign_p256(raw, message),
            Material::Rsa(key) => self.sign_rsa(key, message),
        }
    }

    fn sign_der(&self, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        match &self.material {
            Material::Sm2(key) => self.sign_sm2(key, message).map(|s| s.to_der()),
            Material::P256 { der, .. } => self.sign_p256(der, message),
            Material::Rsa(key) => self.sign_rsa(key, message),
        }
    }
}
