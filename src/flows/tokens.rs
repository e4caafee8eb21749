//! Access tokens of ours, read back: who holds one, for whom, and whether it is still good.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use base::Timestamp;
use jose::{Algorithm, Audience, Expect, Type, Verified};
use oidc::Confirmation;
use oidc::claims::ACCESS_TOKEN_TYP;
use serde_json::{Map, Value};

use crate::caller::Caller;
use crate::clients;
use crate::env::Env;
use crate::error::Fault;
use crate::exchange_token::{grant_of_token, token_stands};

/// How far clocks may be apart.
const LEEWAY_SECONDS: i64 = 5;
/// Most tokens whose signature is remembered to be good.
const REMEMBERED_MAX: usize = 16_384;

/// What an access token of ours says.
#[derive(Debug)]
pub(crate) struct Known {
    /// Who holds it.
    pub(crate) caller: Caller,
    /// What it is bound to.
    pub(crate) confirmation: Confirmation,
    /// Its identifier.
    pub(crate) jti: String,
    /// When it is over.
    pub(crate) expires: Timestamp,
    /// Everything it says.
    pub(crate) claims: Map<String, Value>,
}

/// Tokens whose signature was found good, by the hash of their text: a token that comes again is not verified again.
///
/// Only that is remembered. Whether it was taken back, has expired, or is shown by the right one is looked at each time.
#[derive(Default)]
pub struct VerifiedTokens(RwLock<HashMap<[u8; 32], Arc<Known>>>);

/// What `token` says, if it is ours for our own APIs and still good.
pub(crate) async fn read(env: &Env, now: Timestamp, token: &str) -> Result<Option<Arc<Known>>, Fault> {
    let issuer = env.settings.issuer.as_str();
    read_for(env, now, token, Audience::Includes(issuer)).await
}

/// As [`read`], whomever it is for.
pub(crate) async fn read_for_anyone(
    env: &Env,
    now: Timestamp,
    token: &str,
) -> Result<Option<Arc<Known>>, Fault> {
    read_for(env, now, token, Audience::Any).await
}

async fn read_for(
    env: &Env,
    now: Timestamp,
    token: &str,
    audience: Audience<'_>,
) -> Result<Option<Arc<Known>>, Fault> {
    let Some(known) = verify(env, now, token) else { return Ok(None) };
    if now >= known.expires.plus_seconds(LEEWAY_SECONDS) || !is_for(&known, audience) {
        return Ok(None);
    }
    let client = known.caller.client_id.parse().ok();
    let client = match client {
        Some(id) => clients::lookup(env, now, &id).await?.filter(|client| client.enabled),
        None => None,
    };
    let stands = client.is_some() && token_stands(env, &known.jti, known.caller.grant, now).await?;
    Ok(stands.then_some(known))
}

fn is_for(known: &Known, audience: Audience<'_>) -> bool {
    let (Audience::Includes(audience) | Audience::Is(audience)) = audience else { return true };
    match known.claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(many)) => many.iter().any(|value| value == audience),
        _ => false,
    }
}

fn verify(env: &Env, now: Timestamp, token: &str) -> Option<Arc<Known>> {
    let hash = gm::sm3::hash(token.as_bytes());
    if let Some(known) = env.verified_tokens.find(&hash) {
        return Some(known);
    }
    let expect = Expect {
        typ: Type::Is(ACCESS_TOKEN_TYP),
        issuer: env.settings.issuer.as_str(),
        audience: Audience::Any,
        now,
        leeway_seconds: LEEWAY_SECONDS,
        ahead_seconds: LEEWAY_SECONDS,
        algorithms: &Algorithm::ALL,
    };
    let verified = env.keyring().verification().verify(token, &expect);
    let verified = verified
        .inspect_err(|rejected| tracing::info!(reason = %rejected.reason(), "an access token was refused"))
        .ok()?;
    let known = Arc::new(known(verified)?);
    env.verified_tokens.keep(hash, Arc::clone(&known), now);
    Some(known)
}

/// `None` when a claim is missing that ours have.
fn known(verified: Verified) -> Option<Known> {
    let client_id = verified.text("client_id")?.to_owned();
    let jti = verified.text("jti")?.to_owned();
    let subject = verified.text("sub")?;
    let account = if subject == client_id { None } else { Some(subject.parse().ok()?) };
    let grant = if account.is_some() { Some(grant_of_token(&jti)?) } else { None };
    let scope = verified.text("scope").unwrap_or_default().parse().ok()?;
    // One that cannot be read must not be taken for none.
    let confirmation = match verified.claims.get("cnf") {
        None => Confirmation::default(),
        Some(cnf) => serde_json::from_value(cnf.clone()).ok()?,
    };
    Some(Known {
        confirmation,
        expires: verified.time("exp")?,
        caller: Caller { client_id, account, scope, acr: verified.text("acr").map(str::to_owned), grant },
        jti,
        claims: verified.claims,
    })
}

impl VerifiedTokens {
    fn find(&self, hash: &[u8; 32]) -> Option<Arc<Known>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    fn keep(&self, hash: [u8; 32], known: Arc<Known>, now: Timestamp) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= REMEMBERED_MAX {
            kept.retain(|_, known| known.expires > now);
        }
        if kept.len() >= REMEMBERED_MAX {
            kept.clear();
        }
        kept.insert(hash, known);
    }

    /// Forgets all: the keys have changed.
    pub(crate) fn forget(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
