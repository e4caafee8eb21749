//! An upstream provider tells that a session there is over: those here that came from it end too (OIDC Back-Channel Logout 1.0, 2.5 to 2.8).

use base::Timestamp;
use oidc::logout::{LOGOUT_TOKEN_LIFE_MAX_SECONDS, told_of};
use oidc::{ErrorCode, OauthError};
use store::rows::once::{self, Shown};
use store::rows::upstreams::{self as rows, UpstreamSessionRow};

use crate::env::Env;
use crate::error::Failure;
use crate::log_in_through::find;
use crate::relying_party::{self, CLOCK_LEEWAY_SECONDS, UpstreamError};
use crate::sessions;

/// The provider `id` shows `token`. It is taken once; that there is nothing to end is no mistake of the provider's.
pub async fn end(env: &Env, now: Timestamp, id: &str, token: &str) -> Result<(), Failure<OauthError>> {
    let refused = |why: String| Failure::from(OauthError::new(ErrorCode::InvalidRequest, why));
    let upstream = find(env, id).map_err(|rejected| refused(rejected.message))?;
    let verified = relying_party::verify_logout_token(env, now, upstream, token).await;
    let verified = verified.map_err(|error| match error {
        UpstreamError::Ours(fault) => fault.into(),
        error => {
            tracing::warn!(upstream = id, "not believed: {error}");
            refused("logout_token: it is not one of that provider for us".to_owned())
        }
    })?;
    let told = told_of(&verified.claims).map_err(|why| refused(format!("logout_token: {why}")))?;
    // INVARIANT: `verify` saw an `exp`.
    let expires = verified.time("exp").unwrap_or(now).plus_seconds(CLOCK_LEEWAY_SECONDS);
    if now.plus_seconds(LOGOUT_TOKEN_LIFE_MAX_SECONDS + 2 * CLOCK_LEEWAY_SECONDS) < expires {
        let why =
            format!("logout_token: expected `exp` at most {LOGOUT_TOKEN_LIFE_MAX_SECONDS} seconds from now");
        return Err(refused(why));
    }
    let issuer = upstream.settings.issuer.as_str();
    let hash = gm::sm3::hash(format!("logout\0{issuer}\0{}", told.jti).as_bytes());

    let mut tx = env.db.begin().await?;
    if !once::show(&mut tx, Shown::new(hash, expires, now)).await? {
        return Err(refused("logout_token: its `jti` was used before".to_owned()));
    }
    let found = match (told.session, told.subject) {
        (Some(sid), _) => rows::sessions_of_sid(&mut tx, issuer, sid).await?,
        (None, Some(subject)) => rows::sessions_of_subject(&mut tx, issuer, subject).await?,
        (None, None) => Vec::new(),
    };
    let is_meant = |row: &&UpstreamSessionRow| told.subject.is_none_or(|subject| row.subject == subject);
    let meant = found.iter().filter(is_meant).map(|row| (row.account, row.session)).collect();
    let ended = sessions::end_some_in(env, &mut tx, now, meant).await?;
    // COMMIT POINT: sessions, what came from them, the notices to those who must know; and that the token was shown.
    tx.commit().await?;
    ended.iter().for_each(|(_, ended)| ended.note(env, now));
    Ok(())
}
