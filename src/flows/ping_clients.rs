//! Tells applications in ping mode that a person has answered (OpenID Connect CIBA Core 1.0, 10.2).
//!
//! That there is something to tell was written with the answer; here it is told, again and again while the application could still fetch
//! the answer, by whichever node takes it. An application that was told twice is told the same.

use base::Timestamp;
use oidc::ciba::{Delivery, Notification};
use store::BadRow;
use store::rows::deferred::{self as rows, PingRow};
use url::Url;

use crate::ask_person::ping_context;
use crate::clients;
use crate::env::Env;
use crate::error::Fault;

/// How long after an attempt the next is made, in seconds; each time twice as long.
const FIRST_RETRY_SECONDS: i64 = 5;
const RETRY_MAX_SECONDS: i64 = 120;

/// Tells what is due to be told.
pub async fn ping(env: &Env, now: Timestamp) -> Result<(), Fault> {
    let due = rows::due_pings(&mut *env.db.read().await?, now).await?;
    for ping in due {
        deliver(env, now, &ping).await?;
    }
    Ok(())
}

async fn deliver(env: &Env, now: Timestamp, ping: &PingRow) -> Result<(), Fault> {
    let mut tx = env.db.begin().await?;
    let retry = FIRST_RETRY_SECONDS.saturating_mul(1 << ping.attempts.min(16)).min(RETRY_MAX_SECONDS);
    if !rows::take_ping(&mut tx, ping, now.plus_seconds(retry)).await? {
        return Ok(());
    }
    // COMMIT POINT: the attempt is ours. A crash after it costs no more than the wait for the next.
    tx.commit().await?;
    if let Err(why) = call(env, now, ping).await? {
        tracing::warn!(client = ping.client_id, request = %ping.id, attempt = ping.attempts + 1, why, "an application could not be told of an answer");
        return Ok(());
    }
    let mut tx = env.db.begin().await?;
    rows::end_ping(&mut tx, ping.id).await?;
    // COMMIT POINT: it is told.
    Ok(tx.commit().await?)
}

async fn call(env: &Env, now: Timestamp, ping: &PingRow) -> Result<Result<(), String>, Fault> {
    let client = match ping.client_id.parse() {
        Ok(id) => clients::lookup(env, now, &id).await?.filter(|client| client.enabled),
        Err(_) => None,
    };
    let Some(Delivery::Ping { uri }) = client.as_ref().map(|client| &client.ciba) else {
        // It was taken out of the registration meanwhile: there is nobody to tell.
        return Ok(Ok(()));
    };
    let Ok(url) = Url::parse(uri) else { return Ok(Err(format!("`{uri}` is no URL"))) };
    let token = env.keys.open_blob(&ping_context(ping.id), &ping.token_sealed)?;
    let token = std::str::from_utf8(token.expose())
        .map_err(|e| BadRow::new("deferred_request", "ping_token_sealed", ping.id, e))?;
    let body = serde_json::to_vec(&Notification { auth_req_id: env.secrets.auth_req_id(ping.id) })?;
    let answer = env.outbound.post_json(&url, token, body).await;
    Ok(answer.map(drop).map_err(|error| error.to_string()))
}
