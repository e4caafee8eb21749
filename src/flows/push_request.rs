//! The pushed authorization request endpoint (RFC 9126): a request comes first, from a client that authenticates, and the browser only
//! carries its name.

use base::Timestamp;
use oidc::authorize::{AuthorizationRequest, REQUEST_URI_PREFIX, Via, check_pushed};
use oidc::error::invalid_request;
use oidc::lifetimes::PUSHED_REQUEST_TTL_SECONDS;
use oidc::{Client, OauthError, dpop};
use serde::Serialize;
use store::rows::once::{self, PushedRow};

use crate::client_request::{self, Authenticated, ClientRequest};
use crate::env::Env;
use crate::error::Failure;
use crate::{metadata_documents, request_objects};

/// The answer (RFC 9126, 2.2).
#[derive(Debug, Serialize)]
pub struct Pushed {
    /// The request's name, for `request_uri`.
    pub request_uri: String,
    /// How long it may be brought, in seconds.
    pub expires_in: i64,
}

/// Checks and keeps a request.
pub async fn push(
    env: &Env,
    now: Timestamp,
    request: ClientRequest<'_>,
) -> Result<Pushed, Failure<OauthError>> {
    let sender = client_request::authenticate(env, now, request).await?;
    if !sender.client.is_confidential() {
        // Anybody could fill the table in the name of a public client.
        return Err(oidc::client_authentication::public_client_refused().into());
    }
    let mut pushed = check(env, now, &sender).await?;
    if let Some(proof) = &sender.proof {
        // RFC 9449, 10.1: a proof binds the code as `dpop_jkt` would, and the two must not differ.
        match &pushed.dpop_jkt {
            Some(jkt) if *jkt != proof.jkt => return Err(dpop::other_key().into()),
            _ => pushed.dpop_jkt = Some(proof.jkt.clone()),
        }
    }
    let name = base::entropy::token(env.entropy.as_ref());
    let row = PushedRow {
        client_id: sender.client.id.as_str().to_owned(),
        request: serde_json::to_string(&pushed)?,
        expires: now.plus_seconds(PUSHED_REQUEST_TTL_SECONDS),
        consumed: None,
    };
    let mut tx = env.db.begin().await?;
    metadata_documents::hold(env, &mut tx, now, &sender.client).await?;
    once::add_pushed(&mut tx, &name_hash(&name), &row).await?;
    // COMMIT POINT: the name is told only for a request that is kept.
    tx.commit().await?;
    Ok(Pushed { request_uri: format!("{REQUEST_URI_PREFIX}{name}"), expires_in: PUSHED_REQUEST_TTL_SECONDS })
}

async fn check(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
) -> Result<AuthorizationRequest, Failure<OauthError>> {
    let (params, client): (_, &Client) = (&sender.params, &sender.client);
    if params.value("request_uri").is_some() {
        return Err(invalid_request("`request_uri` cannot be pushed: push the request itself").into());
    }
    match params.value("request") {
        None => Ok(check_pushed(params, client, Via { pushed: true, signed: false })?),
        Some(object) => {
            let params = request_objects::read(env, now, client, object).await?;
            Ok(check_pushed(&params, client, Via { pushed: true, signed: true })?)
        }
    }
}

/// What is kept of a pushed request's name.
pub(crate) fn name_hash(name: &str) -> [u8; 32] {
    gm::sm3::hash(name.as_bytes())
}
