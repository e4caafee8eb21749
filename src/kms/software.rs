//! The provider that holds keys in this process.
//!
//! SM2 keys are made, and sign, in the cryptographic module, with its randomness; envelopes are sealed and opened in it. `ring` makes
//! P-256 and Ed25519 keys and signs with them and with RSA; it cannot make RSA keys, so the `rsa` crate does that, with the module's
//! randomness, and nothing else. `ring` takes randomness from the operating system alone (its `SecureRandom` is sealed), so its keys,
//! nonces and salts come from there. When the module is out of service `ring`'s keys rest too, but for the TLS server's. `ring` does not wipe its key pairs
//! when they are dropped; the bytes they were parsed from are wiped here.

use std::sync::Arc;

use base::{Secret, Timestamp};
use gm::module::Module;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};

use crate::envelope::{CONTEXT_MAX_BYTES, WrappingRoot, within};
use crate::record::KEY_ID_MAX_BYTES;
use crate::{
    Algorithm, CryptoModule, KeyProvider, KeyRecord, KeyState, KmsError, PrivateKey, Purpose, record,
};

const RSA_BITS: usize = 2_048;

/// Keys in this process, wrapped at rest under a master key.
pub struct SoftwareProvider {
    root: WrappingRoot,
    module: Arc<CryptoModule>,
}

impl SoftwareProvider {
    /// A provider over `master` whose keys work in `module`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the master key is given up, and wiped when this returns"
    )]
    pub fn new(master: Secret<[u8; 32]>, module: Arc<CryptoModule>) -> Self {
        Self { root: WrappingRoot::new(&master), module }
    }

    /// A new private key in the form that is wrapped: 32 bytes for SM2, PKCS#8 for the others.
    fn new_private_key(&self, algorithm: Algorithm) -> Result<Secret<Vec<u8>>, KmsError> {
        let failed = || KmsError::Generation { algorithm };
        let bytes = match algorithm {
            Algorithm::Sm2 => {
                let key = self.module.serve(Module::generate_signing_key, failed)?;
                key.to_bytes().to_vec()
            }
            Algorithm::P256 => {
                self.module.in_service()?;
                let random = SystemRandom::new();
                let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                pkcs8.map_err(|_| failed())?.as_ref().to_vec()
            }
            Algorithm::Ed25519 => {
                self.module.in_service()?;
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
                pkcs8.map_err(|_| failed())?.as_ref().to_vec()
            }
            Algorithm::Rsa2048 | Algorithm::Rsa2048Pss => {
                let mut drawn = self.module.serve(Module::drawn, failed)?;
                let key = rsa::PrivateKey::new(&mut drawn, RSA_BITS).map_err(|_| failed())?;
                key.to_pkcs8_der().map_err(|_| failed())?.as_bytes().to_vec()
            }
        };
        Ok(Secret::new(bytes))
    }

    fn key(&self, id: &str, purpose: Purpose, material: Material) -> Option<SoftwareKey> {
        let public_key = material.public_key()?;
        let (id, module) = (id.to_owned(), Arc::clone(&self.module));
        Some(SoftwareKey { id, purpose, public_key, material, module, random: SystemRandom::new() })
    }
}

impl KeyProvider for SoftwareProvider {
    fn in_service(&self) -> Result<(), KmsError> {
        self.module.in_service()
    }

    fn generate(
        &self,
        id: &str,
        purpose: Purpose,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<KeyRecord, KmsError> {
        if !(1..=KEY_ID_MAX_BYTES).contains(&id.len()) {
            return Err(KmsError::KeyId { limit: KEY_ID_MAX_BYTES, got: id.len() });
        }
        if !purpose.allows(algorithm) {
            return Err(KmsError::AlgorithmNotForPurpose { purpose, algorithm });
        }
        let private = self.new_private_key(algorithm)?;
        let material = Material::parse(algorithm, private.expose());
        let key = material.and_then(|material| self.key(id, purpose, material));
        let key = key.ok_or(KmsError::Generation { algorithm })?;
        test_both_halves(&key)?;
        let aad = bound_names(id, purpose, algorithm);
        Ok(KeyRecord {
            id: id.to_owned(),
            purpose,
            algorithm,
            state: KeyState::Active,
            public_key_der: key.public_key.to_spki_der(),
            wrapped: self.root.seal(&key_context(purpose), &aad, private.expose(), &self.module)?,
            created: now,
        })
    }

    fn open(&self, record: &KeyRecord) -> Result<Arc<dyn PrivateKey>, KmsError> {
        if record.state != KeyState::Active {
            return Err(KmsError::NotActive { id: record.id.clone(), state: record.state });
        }
        let aad = bound_names(&record.id, record.purpose, record.algorithm);
        let private = self.root.open(&key_context(record.purpose), &aad, &record.wrapped, &self.module)?;
        let material = Material::parse(record.algorithm, private.expose());
        let key = material.and_then(|material| self.key(&record.id, record.purpose, material));
        let key = key.ok_or(KmsError::Envelope)?;
        if key.public_key.to_spki_der() != record.public_key_der {
            return Err(KmsError::PublicKey { id: record.id.clone() });
        }
        Ok(Arc::new(key))
    }

    fn seal_blob(&self, context: &str, secret: &[u8]) -> Result<Vec<u8>, KmsError> {
        within("context", CONTEXT_MAX_BYTES - blob_context("").len(), context.len())?;
        self.root.seal(&blob_context(context), &[], secret, &self.module)
    }

    fn open_blob(&self, context: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, KmsError> {
        self.root.open(&blob_context(context), &[], sealed, &self.module)
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

/// Pairwise consistency (GM/T 0028-2014, 7.10.3.3): what the private half signs, the public half verifies.
fn test_both_halves(key: &SoftwareKey) -> Result<(), KmsError> {
    let failed = || KmsError::SelfTest { id: key.id.clone() };
    let message = key.id.as_bytes();
    let signature = key.sign_raw(message)?;
    let jwk = record::jwk(&key.id, key.algorithm(), &key.public_key)?;
    if jwk.verifies(key.algorithm().jws(), message, &signature) { Ok(()) } else { Err(failed()) }
}

/// An opened key: parsed once, signing often.
struct SoftwareKey {
    id: String,
    purpose: Purpose,
    public_key: pki::PublicKey,
    material: Material,
    module: Arc<CryptoModule>,
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
    RsaPss(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
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
            Algorithm::Rsa2048Pss => RsaKeyPair::from_pkcs8(bytes).ok().map(Self::RsaPss),
            Algorithm::Ed25519 => Ed25519KeyPair::from_pkcs8(bytes).ok().map(Self::Ed25519),
        }
    }

    fn public_key(&self) -> Option<pki::PublicKey> {
        match self {
            Self::Sm2(key) => Some(key.verifying_key().clone().into()),
            Self::P256 { raw, .. } => raw.public_key().as_ref().try_into().ok().map(pki::PublicKey::P256),
            Self::Ed25519(key) => {
                let point = key.public_key().as_ref().try_into().ok()?;
                Some(pki::PublicKey::from_ed25519(point))
            }
            Self::Rsa(key) | Self::RsaPss(key) => {
                let key = rsa::PublicKey::from_pkcs1_der(key.public_key().as_ref()).ok()?;
                let spki_der = key.to_public_key_der().ok()?.into_vec();
                Some(pki::PublicKey::Rsa { spki_der })
            }
        }
    }
}

impl SoftwareKey {
    fn failed(&self) -> KmsError {
        KmsError::Signing { id: self.id.clone() }
    }

    fn sign_sm2(&self, key: &gm::sm2::SigningKey, message: &[u8]) -> Result<gm::sm2::Signature, KmsError> {
        self.module.serve(|module| module.sign(key, message, gm::sm2::DEFAULT_ID), || self.failed())
    }

    /// Whether a key of `ring`'s may sign: its signatures do not come out of the module, but a server that is out of service signs nothing.
    fn may_sign(&self) -> Result<(), KmsError> {
        if self.purpose == Purpose::TlsServer { Ok(()) } else { self.module.in_service() }
    }

    fn sign_p256(&self, key: &EcdsaKeyPair, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        self.may_sign()?;
        key.sign(&self.random, message).map(|s| s.as_ref().to_vec()).map_err(|_| self.failed())
    }

    fn sign_rsa(
        &self,
        key: &RsaKeyPair,
        padding: &'static dyn RsaEncoding,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        self.may_sign()?;
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(padding, &self.random, message, &mut signature).map_err(|_| self.failed())?;
        Ok(signature)
    }

    fn sign_ed25519(&self, key: &Ed25519KeyPair, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        self.may_sign()?;
        Ok(key.sign(message).as_ref().to_vec())
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
            Material::RsaPss(_) => Algorithm::Rsa2048Pss,
            Material::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    fn public_key(&self) -> &pki::PublicKey {
        &self.public_key
    }

    fn sign_raw(&self, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        match &self.material {
            Material::Sm2(key) => self.sign_sm2(key, message).map(|s| s.to_bytes().to_vec()),
            Material::P256 { raw, .. } => self.sign_p256(raw, message),
            Material::Rsa(key) => self.sign_rsa(key, &RSA_PKCS1_SHA256, message),
            Material::RsaPss(key) => self.sign_rsa(key, &RSA_PSS_SHA256, message),
            Material::Ed25519(key) => self.sign_ed25519(key, message),
        }
    }

    fn sign_der(&self, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        match &self.material {
            Material::Sm2(key) => self.sign_sm2(key, message).map(|s| s.to_der()),
            Material::P256 { der, .. } => self.sign_p256(der, message),
            Material::Rsa(_) | Material::RsaPss(_) | Material::Ed25519(_) => self.sign_raw(message),
        }
    }
}
