//! The keys that clients sign with, and those that we encrypt to: from their registration, or from where they publish them.

use std::sync::Arc;

use base::Timestamp;
use jose::KeySet;
use jose::jwe::EncryptionKeys;
use oidc::client::ClientKeys;
use oidc::encryption::Encryption;
use oidc::{Client, ErrorCode, OauthError};
use url::Url;

use crate::env::Env;
use crate::error::Failure;
use crate::outbound::Whose;
use crate::published_keys::{self, Published, Unusable};

/// `check` with the keys of `client`; with fresh ones when `token` names a key that the ones at hand do not have: a client that changed
/// its keys is understood at once.
pub(crate) async fn with<T>(
    env: &Env,
    now: Timestamp,
    client: &Client,
    token: &str,
    check: impl Fn(&KeySet) -> Result<T, OauthError>,
) -> Result<T, Failure<OauthError>> {
    with_keys(env, now, client, &client.keys, token, check).await
}

/// As [`with`], with `keys` that are in the registration of `client` but are another's.
pub(crate) async fn with_keys<T>(
    env: &Env,
    now: Timestamp,
    client: &Client,
    keys: &ClientKeys,
    token: &str,
    check: impl Fn(&KeySet) -> Result<T, OauthError>,
) -> Result<T, Failure<OauthError>> {
    let keys = look(env, now, client, keys, |keys| keys.knows(token)).await?;
    Ok(check(&keys)?)
}

/// The keys of `client`; fresh ones when those at hand are not what is `looked_for`.
pub(crate) async fn all(
    env: &Env,
    now: Timestamp,
    client: &Client,
    looked_for: impl Fn(&KeySet) -> bool,
) -> Result<Arc<KeySet>, Failure<OauthError>> {
    look(env, now, client, &client.keys, looked_for).await
}

async fn look(
    env: &Env,
    now: Timestamp,
    client: &Client,
    keys: &ClientKeys,
    looked_for: impl Fn(&KeySet) -> bool,
) -> Result<Arc<KeySet>, Failure<OauthError>> {
    match keys {
        ClientKeys::None => Err(no_keys(client).into()),
        ClientKeys::Given { set, .. } => Ok(Arc::clone(set)),
        ClientKeys::At(uri) => {
            let keys = published_keys::to_verify(env, now, published(env, client, uri), looked_for).await;
            keys.map_err(|Unusable| unusable().into())
        }
    }
}

/// The keys that are encrypted to for `client`; fresh ones when those at hand have none for `wanted`.
pub(crate) async fn for_encryption(
    env: &Env,
    now: Timestamp,
    client: &Client,
    wanted: Encryption,
) -> Result<Arc<EncryptionKeys>, OauthError> {
    match &client.keys {
        ClientKeys::None => Err(no_keys(client)),
        ClientKeys::Given { encryption, .. } => Ok(Arc::clone(encryption)),
        ClientKeys::At(uri) => {
            let has = |keys: &EncryptionKeys| wanted.recipient(keys).is_some();
            let keys = published_keys::to_encrypt(env, now, published(env, client, uri), has).await;
            keys.map_err(|Unusable| unusable())
        }
    }
}

/// Where the keys are: a client whose registration is a document is a stranger, unless the operator named its host.
fn published<'a>(env: &Env, client: &'a Client, uri: &'a Url) -> Published<'a> {
    let whose =
        if client.is_document() { env.settings.registration.documents.whose(uri) } else { Whose::Known };
    Published { uri, owner: client.id.as_str(), whose }
}

fn unusable() -> OauthError {
    OauthError::new(ErrorCode::InvalidClient, "the keys at the client's jwks_uri cannot be had or used")
}

fn no_keys(client: &Client) -> OauthError {
    let message = format!("client `{}` has no keys registered: register `jwks` or `jwks_uri`", client.id);
    OauthError::new(ErrorCode::InvalidClient, message)
}
