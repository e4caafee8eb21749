//! SM4-GCM envelopes under keys derived with HKDF-SM3.
//!
//! Layout: version (1 byte, `01`), nonce (12 bytes), ciphertext, tag (16 bytes). Every context has its own wrapping key, so a
//! random nonce is safe for 2^32 envelopes *per context* (NIST SP 800-38D, 8.3), and an envelope made for one context does not
//! open in another.

use base::Secret;
use gm::sm4::gcm::{NONCE_BYTES, TAG_BYTES};
use zeroize::Zeroizing;

use crate::{CryptoModule, KmsError};

/// The longest secret that is sealed.
pub const SECRET_MAX_BYTES: usize = 65_536;
/// The longest name of a context, its kind (`key/`, `blob/`) included.
pub const CONTEXT_MAX_BYTES: usize = 256;

const VERSION: u8 = 1;
const SALT: &[u8] = b"yinxin-kms-v1";

/// The root of all wrapping keys: what HKDF-SM3 extracts from the master key. The master key itself is not kept.
pub struct WrappingRoot(Zeroizing<[u8; 32]>);

impl WrappingRoot {
    /// Extracts the root from the master key (RFC 5869, 2.2).
    pub fn new(master: &Secret<[u8; 32]>) -> Self {
        Self(gm::kdf::hkdf_extract(SALT, master.expose()))
    }

    /// Seals `secret` for `context`, bound to `aad`, under a nonce of `module`.
    ///
    /// Fails when `secret` or `context` is empty or too long.
    pub fn seal(
        &self,
        context: &str,
        aad: &[u8],
        secret: &[u8],
        module: &CryptoModule,
    ) -> Result<Vec<u8>, KmsError> {
        within("context", CONTEXT_MAX_BYTES, context.len())?;
        within("secret", SECRET_MAX_BYTES, secret.len())?;
        let key = self.key(context)?;
        let sealed = module.serve(|module| module.seal(&key, aad, secret), || KmsError::Envelope)?;
        Ok([&[VERSION], sealed.as_slice()].concat())
    }

    /// Opens what [`WrappingRoot::seal`] made for the same `context` and `aad`; fails with [`KmsError::Envelope`] otherwise.
    pub fn open(
        &self,
        context: &str,
        aad: &[u8],
        envelope: &[u8],
        module: &CryptoModule,
    ) -> Result<Secret<Vec<u8>>, KmsError> {
        if context.len() > CONTEXT_MAX_BYTES
            || envelope.len() > 1 + NONCE_BYTES + SECRET_MAX_BYTES + TAG_BYTES
        {
            return Err(KmsError::Envelope);
        }
        let Some((&VERSION, sealed)) = envelope.split_first() else { return Err(KmsError::Envelope) };
        let key = self.key(context)?;
        let mut secret = module.serve(|module| module.open(&key, aad, sealed), || KmsError::Envelope)?;
        Ok(Secret::new(std::mem::take(&mut *secret)))
    }

    /// The wrapping key of `context` (RFC 5869, 2.3).
    fn key(&self, context: &str) -> Result<gm::sm4::Key, KmsError> {
        let mut key = Zeroizing::new([0; gm::sm4::KEY_BYTES]);
        gm::kdf::hkdf_expand(&self.0, &[context.as_bytes()], &mut *key).map_err(|_| KmsError::Envelope)?;
        Ok(gm::sm4::Key::new(&key))
    }
}

/// Refuses sizes of 0 and above `limit`.
pub(crate) fn within(what: &'static str, limit: usize, got: usize) -> Result<(), KmsError> {
    if (1..=limit).contains(&got) { Ok(()) } else { Err(KmsError::Size { what, limit, got }) }
}
