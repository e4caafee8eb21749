//! The keys that clients sign with, and those that we encrypt to: from their registration, or from where they publish them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use base::Timestamp;
use jose::jwe::EncryptionKeys;
use jose::{Jwks, KeySet};
use oidc::client::ClientKeys;
use oidc::encryption::Encryption;
use oidc::{Client, ErrorCode, OauthError};
use url::Url;

use crate::env::Env;
use crate::error::Failure;

/// How long published keys are used without looking again, in seconds.
const KEPT_SECONDS: i64 = 300;
/// How long after looking a token with an unknown key, or the want of one to encrypt to, makes us look again, in seconds.
const LOOK_AGAIN_SECONDS: i64 = 10;
/// Most addresses whose keys are kept.
const KEPT_MAX: usize = 4_096;

/// Keys as they were fetched, and addresses where there were none; and one fetch at a time from each.
///
/// Strangers can name a client and so have its keys fetched: what was fetched or failed a moment ago is not fetched again.
#[derive(Default)]
pub struct FetchedKeys {
    kept: RwLock<HashMap<String, Fetched>>,
    failed: RwLock<HashMap<String, Timestamp>>,
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

#[derive(Clone)]
struct Fetched {
    keys: Arc<KeySet>,
    encryption: Arc<EncryptionKeys>,
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
    let uri = match keys {
        ClientKeys::None => return Err(no_keys(client).into()),
        ClientKeys::Given { set, .. } => return Ok(Arc::clone(set)),
        ClientKeys::At(uri) => uri,
    };
    let kept = env.fetched_keys.find(uri);
    if let Some(kept) = kept.filter(|kept| kept.at <= now && now < kept.at.plus_seconds(KEPT_SECONDS)) {
        let known = looked_for(&kept.keys) || now < kept.at.plus_seconds(LOOK_AGAIN_SECONDS);
        if known {
            return Ok(kept.keys);
        }
    }
    Ok(fetch(env, client, uri).await?.keys)
}

/// The keys that are encrypted to for `client`; fresh ones when those at hand have none for `wanted`.
pub(crate) async fn for_encryption(
    env: &Env,
    now: Timestamp,
    client: &Client,
    wanted: Encryption,
) -> Result<Arc<EncryptionKeys>, OauthError> {
    let uri = match &client.keys {
        ClientKeys::None => return Err(no_keys(client)),
        ClientKeys::Given { encryption, .. } => return Ok(Arc::clone(encryption)),
        ClientKeys::At(uri) => uri,
    };
    let good = |kept: &Fetched| {
        let seconds =
            if wanted.recipient(&kept.encryption).is_some() { KEPT_SECONDS } else { LOOK_AGAIN_SECONDS };
        kept.at <= now && now < kept.at.plus_seconds(seconds)
    };
    match env.fetched_keys.find(uri).filter(good) {
        Some(kept) => Ok(kept.encryption),
        None => Ok(fetch(env, client, uri).await?.encryption),
    }
}

async fn fetch(env: &Env, client: &Client, uri: &Url) -> Result<Fetched, OauthError> {
    let asked = env.now();
    let turn = env.fetched_keys.turn(uri);
    let _turn = turn.lock().await;
    // Somebody else may have fetched them while this one waited.
    if let Some(kept) = env.fetched_keys.find(uri).filter(|kept| kept.at >= asked) {
        return Ok(kept);
    }
    if env.fetched_keys.has_failed(uri, env.now()) {
        return Err(unusable());
    }
    let fetched = fetch_now(env, client, uri).await;
    if fetched.is_err() {
        env.fetched_keys.fail(uri, env.now());
    }
    fetched
}

/// Why is for the log: the answer goes to whoever names the client, and would tell them of networks that only we reach.
fn unusable() -> OauthError {
    OauthError::new(ErrorCode::InvalidClient, "the keys at the client's jwks_uri cannot be had or used")
}

async fn fetch_now(env: &Env, client: &Client, uri: &Url) -> Result<Fetched, OauthError> {
    let now = env.now();
    let refused = |why: String| {
        tracing::warn!(client = client.id.as_str(), %uri, why, "a client's keys could not be fetched");
        unusable()
    };
    let body = env.outbound.get(uri, "application/jwk-set+json, application/json").await;
    let body = body.map_err(|e| refused(e.to_string()))?;
    let jwks = Jwks::from_json(&body).map_err(|e| refused(e.to_string()))?;
    let keys = Arc::new(KeySet::from_jwks(&jwks).map_err(|e| refused(e.to_string()))?);
    // A key to encrypt to that cannot be used must not stop the client from signing.
    let encryption = EncryptionKeys::from_json(&body).unwrap_or_else(|error| {
        tracing::warn!(client = client.id.as_str(), %uri, %error, "a client's encryption keys cannot be used");
        EncryptionKeys::default()
    });
    let fetched = Fetched { keys, encryption: Arc::new(encryption), at: now };
    env.fetched_keys.keep(uri, fetched.clone());
    Ok(fetched)
}

fn no_keys(client: &Client) -> OauthError {
    let message = format!("client `{}` has no keys registered: register `jwks` or `jwks_uri`", client.id);
    OauthError::new(ErrorCode::InvalidClient, message)
}

impl FetchedKeys {
    fn find(&self, uri: &Url) -> Option<Fetched> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).get(uri.as_str()).cloned()
    }

    fn keep(&self, uri: &Url, fetched: Fetched) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(uri.as_str().to_owned(), fetched);
    }

    /// What those take in turn who want to fetch from `uri`.
    fn turn(&self, uri: &Url) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let waiting = turns.get(uri.as_str()).and_then(Weak::upgrade);
        waiting.unwrap_or_else(|| {
            let turn = Arc::default();
            turns.insert(uri.as_str().to_owned(), Arc::downgrade(&turn));
            turn
        })
    }

    /// Whether nothing could be fetched there a moment ago.
    fn has_failed(&self, uri: &Url, now: Timestamp) -> bool {
        let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
        failed.get(uri.as_str()).is_some_and(|at| *at <= now && now < at.plus_seconds(LOOK_AGAIN_SECONDS))
    }

    fn fail(&self, uri: &Url, now: Timestamp) {
        let mut failed = self.failed.write().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, at| now < at.plus_seconds(LOOK_AGAIN_SECONDS));
        failed.insert(uri.as_str().to_owned(), now);
    }
}
