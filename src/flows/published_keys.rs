//! Keys that others publish: fetched when they are needed, kept for a while, fetched again when one is named that is not among them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use base::Timestamp;
use jose::jwe::EncryptionKeys;
use jose::{Jwks, KeySet};
use url::Url;

use crate::env::Env;
use crate::outbound::{ANSWER_MAX_BYTES, Wanted, Whose};
use crate::turns::Turns;

/// How long published keys are used without looking again, in seconds.
const KEPT_SECONDS: i64 = 300;
/// How long after looking a token with an unknown key, or the want of one to encrypt to, makes us look again, in seconds.
const LOOK_AGAIN_SECONDS: i64 = 10;
/// Most addresses whose keys are kept, and that are remembered because nothing came.
const KEPT_MAX: usize = 4_096;

/// Keys as they were fetched, and addresses where there were none; and one fetch at a time from each.
///
/// Strangers can name a client and so have its keys fetched: what was fetched or failed a moment ago is not fetched again.
#[derive(Default)]
pub struct FetchedKeys {
    kept: RwLock<HashMap<String, Fetched>>,
    failed: RwLock<HashMap<String, Timestamp>>,
    turns: Turns,
}

#[derive(Clone)]
struct Fetched {
    keys: Arc<KeySet>,
    encryption: Arc<EncryptionKeys>,
    at: Timestamp,
}

/// Where keys are published, and by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published<'a> {
    /// The address.
    pub(crate) uri: &'a Url,
    /// Who publishes them, for the operator's log.
    pub(crate) owner: &'a str,
    /// Who chose the address.
    pub(crate) whose: Whose,
}

/// The keys cannot be had or used. Why is in the operator's log: the answer goes to whoever names the owner, and would tell them of networks
/// that only we reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unusable;

/// The keys that verify; fresh ones when those at hand are not what is `looked_for`: who changed their keys is understood at once.
pub(crate) async fn to_verify(
    env: &Env,
    now: Timestamp,
    published: Published<'_>,
    looked_for: impl Fn(&KeySet) -> bool,
) -> Result<Arc<KeySet>, Unusable> {
    let kept = env.fetched_keys.find(published.uri);
    if let Some(kept) = kept.filter(|kept| kept.at <= now && now < kept.at.plus_seconds(KEPT_SECONDS)) {
        let known = looked_for(&kept.keys) || now < kept.at.plus_seconds(LOOK_AGAIN_SECONDS);
        if known {
            return Ok(kept.keys);
        }
    }
    Ok(fetch(env, published).await?.keys)
}

/// The keys that are encrypted to; fresh ones when those at hand have none that is `looked_for`.
pub(crate) async fn to_encrypt(
    env: &Env,
    now: Timestamp,
    published: Published<'_>,
    looked_for: impl Fn(&EncryptionKeys) -> bool,
) -> Result<Arc<EncryptionKeys>, Unusable> {
    let good = |kept: &Fetched| {
        let seconds = if looked_for(&kept.encryption) { KEPT_SECONDS } else { LOOK_AGAIN_SECONDS };
        kept.at <= now && now < kept.at.plus_seconds(seconds)
    };
    match env.fetched_keys.find(published.uri).filter(good) {
        Some(kept) => Ok(kept.encryption),
        None => Ok(fetch(env, published).await?.encryption),
    }
}

async fn fetch(env: &Env, published: Published<'_>) -> Result<Fetched, Unusable> {
    let uri = published.uri;
    let asked = env.now();
    let turn = env.fetched_keys.turns.of(uri.as_str());
    let _turn = turn.lock().await;
    // Somebody else may have fetched them while this one waited.
    if let Some(kept) = env.fetched_keys.find(uri).filter(|kept| kept.at >= asked) {
        return Ok(kept);
    }
    if env.fetched_keys.has_failed(uri, env.now()) {
        return Err(Unusable);
    }
    let fetched = fetch_now(env, published).await;
    if fetched.is_err() {
        env.fetched_keys.fail(uri, env.now());
    }
    fetched
}

async fn fetch_now(env: &Env, published: Published<'_>) -> Result<Fetched, Unusable> {
    let Published { uri, owner, whose } = published;
    let now = env.now();
    let refused = |why: String| {
        tracing::warn!(owner, %uri, why, "published keys could not be fetched");
        Unusable
    };
    let accept = "application/jwk-set+json, application/json";
    let wanted = Wanted { url: uri, accept, whose, max_bytes: ANSWER_MAX_BYTES };
    let body = env.outbound.fetch(wanted).await.map_err(|e| refused(e.to_string()))?.body;
    let jwks = Jwks::from_json(&body).map_err(|e| refused(e.to_string()))?;
    let keys = Arc::new(KeySet::from_jwks(&jwks).map_err(|e| refused(e.to_string()))?);
    // A key to encrypt to that cannot be used must not stop its owner from signing.
    let encryption = EncryptionKeys::from_json(&body).unwrap_or_else(|error| {
        tracing::warn!(owner, %uri, %error, "published encryption keys cannot be used");
        EncryptionKeys::default()
    });
    let fetched = Fetched { keys, encryption: Arc::new(encryption), at: now };
    env.fetched_keys.keep(uri, fetched.clone());
    Ok(fetched)
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

    /// Whether nothing could be fetched there a moment ago.
    fn has_failed(&self, uri: &Url, now: Timestamp) -> bool {
        let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
        failed.get(uri.as_str()).is_some_and(|at| *at <= now && now < at.plus_seconds(LOOK_AGAIN_SECONDS))
    }

    fn fail(&self, uri: &Url, now: Timestamp) {
        let mut failed = self.failed.write().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, at| now < at.plus_seconds(LOOK_AGAIN_SECONDS));
        if failed.len() >= KEPT_MAX {
            failed.clear();
        }
        failed.insert(uri.as_str().to_owned(), now);
    }
}
