//! A key as signer of tokens and of certificates.

use std::sync::Arc;

use crate::{KmsError, PrivateKey, record};

/// A private key that signs tokens; its `kid` is the RFC 7638 thumbprint, computed once.
pub struct JwsKey {
    key: Arc<dyn PrivateKey>,
    jwk: jose::Jwk,
    kid: String,
}

impl JwsKey {
    /// Takes `key` for tokens. Fails when its public key has no JWK form.
    pub fn new(key: Arc<dyn PrivateKey>) -> Result<Self, KmsError> {
        let jwk = record::jwk(key.id(), key.algorithm(), key.public_key())?;
        let kid = jwk.thumbprint();
        Ok(Self { key, jwk, kid })
    }

    /// The public key, as it is published.
    pub const fn jwk(&self) -> &jose::Jwk {
        &self.jwk
    }
}

impl jose::JwsSigner for JwsKey {
    fn algorithm(&self) -> jose::Algorithm {
        self.key.algorithm().jws()
    }

    fn kid(&self) -> &str {
        &self.kid
    }

    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, jose::SignError> {
        let signed = self.key.sign_raw(signing_input);
        signed.map_err(|source| jose::SignError::Key { kid: self.kid.clone(), source: source.into() })
    }
}

/// A private key that signs certificates and messages in their form.
#[derive(Clone)]
pub struct CertSigner {
    key: Arc<dyn PrivateKey>,
    algorithm: pki::SignatureAlgorithm,
}

impl CertSigner {
    /// Takes `key` for certificates. Fails with [`KmsError::NotForCertificates`] when they have no place for its signatures.
    pub fn new(key: Arc<dyn PrivateKey>) -> Result<Self, KmsError> {
        let algorithm = key.algorithm();
        match algorithm.certificate() {
            Some(algorithm) => Ok(Self { key, algorithm }),
            None => Err(KmsError::NotForCertificates { id: key.id().to_owned(), algorithm }),
        }
    }
}

impl pki::Signer for CertSigner {
    fn public_key(&self) -> pki::PublicKey {
        self.key.public_key().clone()
    }

    fn algorithm(&self) -> pki::SignatureAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, pki::SignError> {
        self.key.sign_der(message).map_err(pki::SignError::new)
    }
}
