//! Access tokens of ours: made in the form that a client registered, and read back, whatever their form: who holds one, for whom, and
//! whether it is still good.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use base::id::Grant;
use base::{Id, Timestamp};
use jose::{Algorithm, Audience, Expect, Type};
use oidc::authorize::ClaimRequest;
use oidc::claims::{ACCESS_TOKEN_TYP, AccessTokenClaims};
use oidc::client::AccessTokenFormat;
use oidc::{Client, Confirmation, Scope};
use serde_json::{Map, Value};
use store::BadRow;
use store::rows::{grants, opaque_tokens};

use crate::caller::Caller;
use crate::clients;
use crate::env::Env;
use crate::error::Fault;
use crate::exchange_token::{grant_of_token, token_stands};
use crate::keyring::Keyring;

/// How far clocks may be apart.
const LEEWAY_SECONDS: i64 = 5;
/// Most tokens that are remembered to be ours.
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
    /// What userinfo was asked for one by one, once it was looked up.
    pub(crate) asked_of_user_info: OnceLock<Vec<ClaimRequest>>,
}

/// Tokens that were found to be ours, by the hash of their text: a token that comes again is not verified, or looked up, again.
///
/// Only that is remembered. Whether it was taken back, has expired, or is shown by the right one is looked at each time.
#[derive(Default)]
pub struct VerifiedTokens(RwLock<HashMap<[u8; 32], Arc<Known>>>);

/// An access token that says `claims`, in the form that `client` registered.
pub(crate) async fn issue(
    env: &Env,
    client: &Client,
    claims: &AccessTokenClaims<'_>,
) -> Result<String, Fault> {
    match client.access_token_format {
        AccessTokenFormat::Jwt => {
            let keyring = env.keyring();
            let signer = keyring.token_signer(client.algorithms.access_token)?;
            Ok(jose::jwt::sign(signer, ACCESS_TOKEN_TYP, claims)?)
        }
        AccessTokenFormat::Opaque => {
            let token = base::entropy::token(env.entropy.as_ref());
            let hash = gm::sm3::hash(token.as_bytes());
            let expires = Timestamp::from_unix_seconds(claims.exp);
            let mut tx = env.db.begin().await?;
            opaque_tokens::add(&mut tx, &hash, &serde_json::to_string(claims)?, expires).await?;
            // COMMIT POINT: the token is given out only once it works.
            tx.commit().await?;
            Ok(token)
        }
    }
}

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
    let Some(known) = verify(env, now, token).await? else { return Ok(None) };
    if now >= known.expires.plus_seconds(LEEWAY_SECONDS) || !is_for(&known, audience) {
        return Ok(None);
    }
    let client = known.caller.client_id.parse().ok();
    let client = match client {
        Some(id) => clients::lookup(env, now, &id).await?.filter(|client| is_of_its_use(client, &known)),
        None => None,
    };
    let stands = client.is_some() && token_stands(env, &known.jti, known.caller.grant, now).await?;
    Ok(stands.then_some(known))
}

/// Whether the token's client is in use, and has been since the token was issued: a machine's own token hangs from no grant that could have
/// been taken back.
fn is_of_its_use(client: &Client, known: &Known) -> bool {
    let issued = known.claims.get("iat").and_then(jose::verify::numeric_date);
    let since = client.in_use_since;
    client.enabled
        && since.is_none_or(|since| issued.is_some_and(|at| at.unix_seconds() >= since.unix_seconds()))
}

fn is_for(known: &Known, audience: Audience<'_>) -> bool {
    let (Audience::Includes(audience) | Audience::Is(audience)) = audience else { return true };
    match known.claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(many)) => many.iter().any(|value| value == audience),
        _ => false,
    }
}

async fn verify(env: &Env, now: Timestamp, token: &str) -> Result<Option<Arc<Known>>, Fault> {
    let hash = gm::sm3::hash(token.as_bytes());
    if let Some(known) = env.verified_tokens.find(&hash) {
        return Ok(Some(known));
    }
    let keyring = env.keyring();
    let said = match token.contains('.') {
        true => signed(env, &keyring, now, token),
        false => kept(env, &hash).await?,
    };
    let Some(claims) = said else { return Ok(None) };
    let Some(known) = known(env, claims).await?.map(Arc::new) else { return Ok(None) };
    env.verified_tokens.keep(hash, Arc::clone(&known), now);
    if !Arc::ptr_eq(&keyring, &env.keyring()) {
        // Other keys came into force meanwhile, and what was known by the old ones was forgotten, perhaps before this was kept.
        env.verified_tokens.forget();
    }
    Ok(Some(known))
}

/// What a token says that says nothing by itself.
async fn kept(env: &Env, hash: &[u8; 32]) -> Result<Option<Map<String, Value>>, Fault> {
    let kept = opaque_tokens::lookup(&mut *env.db.read().await?, hash).await?;
    let read = |json: String| serde_json::from_str(&json);
    let bad = |e| BadRow::new("opaque_token", "claims", base::encoding::hex(hash), e).into();
    kept.map(read).transpose().map_err(bad)
}

/// What a token that we signed says.
fn signed(env: &Env, keyring: &Keyring, now: Timestamp, token: &str) -> Option<Map<String, Value>> {
    let expect = Expect {
        typ: Type::Is(ACCESS_TOKEN_TYP),
        issuer: env.settings.issuer.as_str(),
        audience: Audience::Any,
        now,
        leeway_seconds: LEEWAY_SECONDS,
        ahead_seconds: LEEWAY_SECONDS,
        algorithms: &Algorithm::ALL,
    };
    let verified = keyring.verification().verify(token, &expect);
    let verified = verified
        .inspect_err(|rejected| tracing::info!(reason = %rejected.reason(), "an access token was refused"));
    verified.ok().map(|verified| verified.claims)
}

/// Who a token's claims speak of; `None` when one is missing that ours have.
///
/// A person's token names its grant; whoever knows people by pairwise names gets no account's name in `sub`, so it is found by the grant.
async fn known(env: &Env, claims: Map<String, Value>) -> Result<Option<Known>, Fault> {
    let Some(said) = Said::read(&claims) else { return Ok(None) };
    let account = match said.grant {
        None => None,
        Some(grant) => match said.subject.parse() {
            Ok(account) => Some(account),
            Err(_) => match grants::lookup(&mut *env.db.read().await?, grant).await? {
                Some(grant) => Some(grant.account),
                None => return Ok(None),
            },
        },
    };
    let Said { client_id, jti, grant, scope, acr, authenticated, confirmation, expires, .. } = said;
    let proves_key = confirmation.jkt.is_some();
    let caller = Caller { client_id, account, scope, acr, authenticated, grant, proves_key };
    Ok(Some(Known { caller, confirmation, jti, expires, claims, asked_of_user_info: OnceLock::new() }))
}

/// The claims that every access token of ours has.
struct Said {
    client_id: String,
    subject: String,
    jti: String,
    grant: Option<Id<Grant>>,
    scope: Scope,
    acr: Option<String>,
    authenticated: Option<Timestamp>,
    confirmation: Confirmation,
    expires: Timestamp,
}

impl Said {
    fn read(claims: &Map<String, Value>) -> Option<Self> {
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str).map(str::to_owned);
        let (client_id, subject, jti) = (text("client_id")?, text("sub")?, text("jti")?);
        let grant = grant_of_token(&jti);
        // A machine's own token speaks of itself, and any other of a person.
        if grant.is_none() != (subject == client_id) {
            return None;
        }
        // One that cannot be read must not be taken for none.
        let confirmation = match claims.get("cnf") {
            None => Confirmation::default(),
            Some(cnf) => serde_json::from_value(cnf.clone()).ok()?,
        };
        Some(Self {
            scope: text("scope").unwrap_or_default().parse().ok()?,
            acr: text("acr"),
            authenticated: claims.get("auth_time").and_then(jose::verify::numeric_date),
            confirmation,
            expires: claims.get("exp").and_then(jose::verify::numeric_date)?,
            client_id,
            subject,
            jti,
            grant,
        })
    }
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
