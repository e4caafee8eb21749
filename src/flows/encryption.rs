//! Answers encrypted for the client that they are for (RFC 7516), signed inside.
//!
//! The key is fetched before a transaction opens and before anything is used up: a client whose keys are out of reach loses nothing.

use std::sync::Arc;

use base::Timestamp;
use jose::jwe::{self, EncryptionKeys, Header};
use oidc::encryption::Encryption;
use oidc::{Client, ErrorCode, OauthError};

use crate::client_keys;
use crate::env::Env;
use crate::error::Fault;

/// Whom an answer is for, as far as it is encrypted.
pub(crate) enum Recipient {
    /// Whoever reads it.
    Anyone,
    /// The holder of one of the client's keys.
    Holder(Encryption, Arc<EncryptionKeys>),
}

/// The recipient of what `client` wants to be encrypted so.
pub(crate) async fn recipient(
    env: &Env,
    now: Timestamp,
    client: &Client,
    encryption: Option<Encryption>,
) -> Result<Recipient, OauthError> {
    let Some(encryption) = encryption else { return Ok(Recipient::Anyone) };
    let keys = client_keys::for_encryption(env, now, client, encryption).await?;
    if encryption.recipient(&keys).is_none() {
        let message =
            format!("client `{}` has no key for `{}`: publish one at jwks_uri", client.id, encryption.alg);
        tracing::warn!(client = client.id.as_str(), alg = %encryption.alg, "a client has no key to encrypt to");
        return Err(OauthError::new(ErrorCode::InvalidClient, message));
    }
    Ok(Recipient::Holder(encryption, keys))
}

impl Recipient {
    /// `token`, which is signed, for this recipient (RFC 7519, 5.2: `cty` says that a token is inside).
    pub(crate) fn wrap(&self, env: &Env, token: String) -> Result<String, Fault> {
        let header = Header { typ: None, cty: Some("JWT"), iss: None };
        match self {
            Self::Anyone => Ok(token),
            Self::Holder(..) => self.encrypt(env, &header, token.as_bytes()),
        }
    }

    /// A logout token for this recipient. Its header says whose it is, since the client may have several providers (OIDC Back-Channel
    /// Logout 1.0, 2.4).
    pub(crate) fn wrap_notice(&self, env: &Env, token: String) -> Result<String, Fault> {
        let header = Header { typ: None, cty: Some("JWT"), iss: Some(env.settings.issuer.as_str()) };
        match self {
            Self::Anyone => Ok(token),
            Self::Holder(..) => self.encrypt(env, &header, token.as_bytes()),
        }
    }

    /// `claims`, which nobody signed, for this recipient.
    pub(crate) fn wrap_claims(&self, env: &Env, claims: &[u8]) -> Result<String, Fault> {
        self.encrypt(env, &Header { typ: Some("JWT"), cty: None, iss: None }, claims)
    }

    fn encrypt(&self, env: &Env, header: &Header<'_>, plaintext: &[u8]) -> Result<String, Fault> {
        let no_key = || Fault::message("nobody to encrypt to");
        let Self::Holder(Encryption { alg, enc }, keys) = self else { return Err(no_key()) };
        let key = keys.find(*alg).ok_or_else(no_key)?;
        Ok(jwe::encrypt(key, *alg, *enc, header, plaintext, env.entropy.as_ref())?)
    }
}
