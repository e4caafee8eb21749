//! The interface that software and hardware providers have in common.

use std::sync::Arc;

use base::{Secret, Timestamp};

use crate::{Algorithm, KeyRecord, KmsError, Purpose};

/// Makes keys, opens the ones that the store keeps, and seals secrets that are not keys.
///
/// Everything here fails with [`KmsError::OutOfService`], and leaves nothing half done, once the device or module behind it has failed.
pub trait KeyProvider: Send + Sync {
    /// Whether keys can be made and used now: asked before something begins that ends with a signature, and by whoever watches the server.
    fn in_service(&self) -> Result<(), KmsError>;

    /// A new key called `id` for `purpose`, active from `now` on; its two halves were tested against each other.
    ///
    /// A rotation that publishes the key first stores it as [`crate::KeyState::PreActive`].
    /// Fails when the purpose does not allow the algorithm, and when generating or testing fails.
    fn generate(
        &self,
        id: &str,
        purpose: Purpose,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<KeyRecord, KmsError>;

    /// The private key of `record`, ready to sign: open once and keep it.
    ///
    /// Fails when the record is not active, and when its envelope, names or public key were changed or moved.
    fn open(&self, record: &KeyRecord) -> Result<Arc<dyn PrivateKey>, KmsError>;

    /// `secret` in an envelope that opens for the same `context` only (a pepper, a client's data …).
    ///
    /// `context` names the place, with the row's identifier in it when there are many. Fails above the sizes in
    /// [`crate::envelope`].
    fn seal_blob(&self, context: &str, secret: &[u8]) -> Result<Vec<u8>, KmsError>;

    /// What [`KeyProvider::seal_blob`] sealed for `context`. Fails with [`KmsError::Envelope`] for anything else.
    fn open_blob(&self, context: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, KmsError>;
}

/// A private key that signs and never shows itself.
///
/// It fails with [`KmsError::OutOfService`] as its provider does; but for the key of [`Purpose::TlsServer`], without which nobody could
/// be told.
pub trait PrivateKey: Send + Sync {
    /// The identifier of its record.
    fn id(&self) -> &str;

    /// Its kind.
    fn algorithm(&self) -> Algorithm;

    /// Its public key.
    fn public_key(&self) -> &pki::PublicKey;

    /// Signs `message` (not a digest) in the form JOSE carries: `r || s`, 64 bytes, for SM2, P-256 and Ed25519; 256 bytes for RSA.
    ///
    /// SM2 signs with the distinguishing id `1234567812345678`.
    fn sign_raw(&self, message: &[u8]) -> Result<Vec<u8>, KmsError>;

    /// Signs `message` (not a digest) in the form X.509 carries: DER of `r` and `s` for SM2 and P-256; as [`PrivateKey::sign_raw`] for
    /// the others.
    ///
    /// SM2 signs with the distinguishing id `1234567812345678`.
    fn sign_der(&self, message: &[u8]) -> Result<Vec<u8>, KmsError>;
}
