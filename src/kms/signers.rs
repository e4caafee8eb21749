//! A key as signer of tokens and of certificates.

use std::sync::Arc;

use crate::{KmsError, PrivateKey};

/// A private key that signs tokens; its `kid` is the RFC 7638 thumbprint, computed once.
pub struct JwsKey {
    key: Arc<dyn PrivateKey>,
    jwk: jose::Jwk,
    kid: String,
}

impl JwsKey {
    /// Takes `key` for tokens. Fails when its public key has no JWK form.
    pub fn new(key: Arc<dyn PrivateKey>) -> Result<Self, KmsError> {
        let jwk = jose::Jwk::from_public(key.public_key());
        let jwk = jwk.map_err(|_| KmsError::PublicKey { id: key.id().to_owned() })?;
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
        self.jwk.algorithm()
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
pub struct CertSigner(Arc<dyn PrivateKey>);

impl CertSigner {
    /// Takes `key` for certificates.
    pub const fn new(key: Arc<dyn PrivateKey>) -> Self {
        Self(key)
    }
}

impl pki::Signer for CertSigner {
    fn public_key(&self) -> pki::PublicKey {
        self.0.public_key().clone()
    }

    fn algorithm(&self) -> pki::SignatureAlgorithm {
        self.0.algorithm().certificate()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, pki::SignError> {
        self.0.sign_der(message).map_err(pki::SignError::new)
    }
}
