//! The keys that clients sign with: from their registration, or from where they publish them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use base::Timestamp;
use jose::{Jwks, KeySet};
use oidc::client::ClientKeys;
use oidc::{Client, ErrorCode, OauthError};
use url::Url;

use crate::env::Env;
use crate::error::Failure;

/// How long published keys are used without looking again, in seconds.
const KEPT_SECONDS: i64 = 300;
/// How long after looking a token with an unknown key makes us look again, in seconds.
const LOOK_AGAIN_SECONDS: i64 = 10;
/// Most addresses whose keys are kept.
const KEPT_MAX: usize = 4_096;

/// Keys as they were fetched.
#[derive(Default)]
pub struct FetchedKeys(RwLock<HashMap<String, Fetched>>);

#[derive(Clone)]
struct Fetched {
    keys: Arc<KeySet>,
    at: Timestamp,
}

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
    let uri = match keys {
        ClientKeys::None => return Err(no_keys(client).into()),
        ClientKeys::Given { set, .. } => return Ok(check(set)?),
        ClientKeys::At(uri) => uri,
    };
    let kept = env.fetched_keys.find(uri);
    if let Some(kept) = kept.filter(|kept| kept.at <= now && now < kept.at.plus_seconds(KEPT_SECONDS)) {
        let known = kept.keys.knows(token) || now < kept.at.plus_seconds(LOOK_AGAIN_SECONDS);
        if known {
            return Ok(check(&kept.keys)?);
        }
    }
    let keys = fetch(env, now, client, uri).await?;
    Ok(check(&keys)?)
}

async fn fetch(env: &Env, now: Timestamp, client: &Client, uri: &Url) -> Result<Arc<KeySet>, OauthError> {
    let unusable = |why: String| {
        tracing::warn!(client = client.id.as_str(), %uri, why, "a client's keys could not be fetched");
        OauthError::new(ErrorCode::InvalidClient, format!("the keys at jwks_uri cannot be used: {why}"))
    };
    let body = env.outbound.get(uri, "application/jwk-set+json, application/json").await;
    let body = body.map_err(|e| unusable(e.to_string()))?;
    let jwks = Jwks::from_json(&body).map_err(|e| unusable(e.to_string()))?;
    let keys = Arc::new(KeySet::from_jwks(&jwks).map_err(|e| unusable(e.to_string()))?);
    env.fetched_keys.keep(uri, Fetched { keys: Arc::clone(&keys), at: now });
    Ok(keys)
}

fn no_keys(client: &Client) -> OauthError {
    let message = format!("client `{}` has no keys registered: register `jwks` or `jwks_uri`", client.id);
    OauthError::new(ErrorCode::InvalidClient, message)
}

impl FetchedKeys {
    fn find(&self, uri: &Url) -> Option<Fetched> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(uri.as_str()).cloned()
    }

    fn keep(&self, uri: &Url, fetched: Fetched) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(uri.as_str().to_owned(), fetched);
    }
}
