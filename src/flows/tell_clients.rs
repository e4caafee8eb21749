//! Tells applications that a person logged out (OIDC Back-Channel Logout 1.0).
//!
//! The notice was written with the logout; here it is delivered, again and again for a day, by whichever node takes it. An application
//! that was told twice sees the same `jti`.

use std::sync::Arc;

use base::Timestamp;
use oidc::logout::{LOGOUT_TOKEN_TYP, LogoutTokenClaims};
use store::rows::logouts::{self, NoticeRow};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::Url;

use crate::env::Env;
use crate::error::Fault;
use crate::{clients, encryption, subjects};

/// Most attempts; the last is about a day after the first.
const ATTEMPTS_MAX: u32 = 12;
/// How long after an attempt the next is made, in seconds; each time twice as long.
const FIRST_RETRY_SECONDS: i64 = 30;
const RETRY_MAX_SECONDS: i64 = 4 * 3_600;

/// How many applications are told at once.
const AT_ONCE: usize = 32;

/// Delivers the notices that are due, many at once: one application that does not answer keeps no other waiting.
pub async fn tell(env: &Arc<Env>, now: Timestamp) -> Result<(), Fault> {
    let due = logouts::due(&mut *env.db.read().await?, now).await?;
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut deliveries = JoinSet::new();
    for notice in due {
        let (env, room) = (Arc::clone(env), Arc::clone(&room));
        deliveries.spawn(async move {
            let _place = room.acquire_owned().await;
            // Read when its turn comes: what is signed must be fresh when it arrives.
            let delivered = deliver(&env, env.now().max(now), &notice).await;
            delivered.map_err(|fault| (notice, fault))
        });
    }
    while let Some(done) = deliveries.join_next().await {
        match done {
            Ok(Ok(())) => {}
            Ok(Err((_, fault))) if fault.out_of_service().is_some() => return Err(fault),
            Ok(Err((notice, fault))) => {
                tracing::error!(client = notice.client_id, session = %notice.session, "telling an application of a logout: {fault}");
            }
            Err(error) => tracing::error!("telling an application of a logout: {error}"),
        }
    }
    Ok(())
}

async fn deliver(env: &Env, now: Timestamp, notice: &NoticeRow) -> Result<(), Fault> {
    let mut tx = env.db.begin().await?;
    if !logouts::take(&mut tx, notice, now.plus_seconds(retry_seconds(notice.attempts))).await? {
        return Ok(());
    }
    // COMMIT POINT: the attempt is ours. A crash after it costs no more than the wait for the next.
    tx.commit().await?;
    let outcome = match call(env, now, notice).await? {
        Ok(()) => "told",
        Err(why) => {
            tracing::warn!(client = notice.client_id, session = %notice.session, attempt = notice.attempts + 1, why, "an application could not be told of a logout");
            if notice.attempts + 1 < ATTEMPTS_MAX {
                return Ok(());
            }
            "given up"
        }
    };
    let mut tx = env.db.begin().await?;
    logouts::end(&mut tx, notice.id, outcome, now).await?;
    Ok(tx.commit().await?)
}

async fn call(env: &Env, now: Timestamp, notice: &NoticeRow) -> Result<Result<(), String>, Fault> {
    let client = match notice.client_id.parse() {
        Ok(id) => clients::lookup(env, now, &id).await?.filter(|client| client.enabled),
        Err(_) => None,
    };
    let uri = client.as_ref().and_then(|client| client.back_channel.as_ref()).map(|channel| &channel.uri);
    let (Some(client), Some(uri)) = (&client, uri) else {
        // It was taken out of the registration, or the client out of use, meanwhile: there is nobody to tell.
        return Ok(Ok(()));
    };
    let Ok(url) = Url::parse(uri) else { return Ok(Err(format!("`{uri}` is no URL"))) };
    let recipient = match encryption::recipient(env, now, client, client.encryptions.id_token).await {
        Ok(recipient) => recipient,
        Err(unusable) => return Ok(Err(unusable.description().to_owned())),
    };
    let subject = subjects::of(env, client, notice.account);
    let (jti, session) = (notice.id.to_string(), subjects::session(env, client, notice.session));
    let claims = LogoutTokenClaims::new(&env.settings.issuer, &client.id, &jti, &subject, &session, now);
    let keyring = env.keyring();
    let token =
        jose::jwt::sign(keyring.token_signer(client.algorithms.id_token)?, LOGOUT_TOKEN_TYP, &claims)?;
    let token = match recipient.wrap_notice(env, token) {
        Ok(token) => token,
        // A key that cannot be encrypted to is the application's own doing.
        Err(error) => return Ok(Err(error.to_string())),
    };
    let answer = env.outbound.post_form(&url, &[("logout_token", &token)]).await;
    Ok(answer.map(drop).map_err(|error| error.to_string()))
}

fn retry_seconds(attempts: u32) -> i64 {
    FIRST_RETRY_SECONDS.saturating_mul(1 << attempts.min(16)).min(RETRY_MAX_SECONDS)
}
