//! Keys and a small province of certificates for this crate's tests.

use base::{OsEntropy, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use crate::certificate::Certificate;
use crate::issue::{Profile, Serial, Template, issue};
use crate::key::{PublicKey, SignError, SignatureAlgorithm, Signer};
use crate::name::Name;

/// An SM2 key held in memory.
pub(crate) struct Sm2Key(pub(crate) gm::sm2::SigningKey);

impl Sm2Key {
    pub(crate) fn new() -> Self {
        Self(gm::sm2::SigningKey::generate(&mut base::entropy::rng(&OsEntropy)))
    }
}

impl Signer for Sm2Key {
    fn public_key(&self) -> PublicKey {
        self.0.verifying_key().clone().into()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Sm2Sm3
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.0.sign(message, gm::sm2::DEFAULT_ID, &mut base::entropy::rng(&OsEntropy));
        Ok(signature.map_err(SignError::new)?.to_der())
    }
}

/// A P-256 key held in memory.
pub(crate) struct P256Key(EcdsaKeyPair);

impl P256Key {
    pub(crate) fn new() -> Self {
        let rng = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &rng).unwrap())
    }
}

impl Signer for P256Key {
    fn public_key(&self) -> PublicKey {
        PublicKey::P256(self.0.public_key().as_ref().try_into().unwrap())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha256
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature =
            self.0.sign(&SystemRandom::new(), message).map_err(|_| SignError::new("no randomness"))?;
        Ok(signature.as_ref().to_vec())
    }
}

/// 2026-11-24T08:00:00Z, when all tests happen.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);
pub(crate) const DAY_SECONDS: i64 = 86_400;

pub(crate) fn name(common_name: &str) -> Name {
    Name {
        country: "CN".into(),
        province: "福建省".into(),
        organization: "福建省数据管理局".into(),
        common_name: common_name.into(),
        ..Name::default()
    }
}

/// A template valid for ten days around now.
pub(crate) fn template(profile: Profile, common_name: &str, public_key: PublicKey) -> Template {
    Template {
        profile,
        subject: name(common_name),
        public_key,
        serial: Serial::random(&OsEntropy),
        not_before: NOW.plus_seconds(-5 * DAY_SECONDS),
        not_after: NOW.plus_seconds(5 * DAY_SECONDS),
        alt_names: Vec::new(),
    }
}

/// A root and an issuing authority under it, with their keys.
pub(crate) struct Authority {
    pub(crate) root: Certificate,
    pub(crate) issuing_key: Box<dyn Signer>,
    pub(crate) issuing: Certificate,
}

impl Authority {
    pub(crate) fn sm2() -> Self {
        Self::with_keys(Box::new(Sm2Key::new()), Box::new(Sm2Key::new()))
    }

    pub(crate) fn with_keys(root_key: Box<dyn Signer>, issuing_key: Box<dyn Signer>) -> Self {
        let root =
            issue(&template(Profile::RootCa, "测试根", root_key.public_key()), None, &*root_key).unwrap();
        let below = template(Profile::IssuingCa, "测试签发中心", issuing_key.public_key());
        let issuing = issue(&below, Some(&root), &*root_key).unwrap();
        Self { root, issuing_key, issuing }
    }

    /// A certificate of `profile` for a new SM2 key.
    pub(crate) fn certify(&self, profile: Profile, common_name: &str) -> Certificate {
        let template = template(profile, common_name, Sm2Key::new().public_key());
        issue(&template, Some(&self.issuing), &*self.issuing_key).unwrap()
    }
}
