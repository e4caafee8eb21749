//! The introspection endpoint (RFC 7662): an API asks whether a token is good, and what it says.

use base::Timestamp;
use oidc::{Client, OauthError};
use serde_json::{Map, Value, json};
use store::rows::grants;

use crate::client_request::{self, ClientRequest};
use crate::env::Env;
use crate::error::{Failure, Fault};
use crate::{encryption, exchange_token, subjects, tokens};

/// The type of a signed answer (RFC 9701, 4).
const TYP: &str = "token-introspection+jwt";

/// An answer, plain or signed.
#[derive(Debug)]
pub enum Introspected {
    /// JSON (RFC 7662, 2.2).
    Plain(Map<String, Value>),
    /// A token that says it, encrypted when the client registered so (RFC 9701, 5).
    Signed(String),
}

/// Says whether the token that the request names is good, and what it says; signed when `signed` is asked for.
///
/// Only to whom it concerns: the client that it was given to, and the APIs that it is for (RFC 7662, 4: others learn no more than
/// that it is not good).
pub async fn introspect(
    env: &Env,
    now: Timestamp,
    request: ClientRequest<'_>,
    signed: bool,
) -> Result<Introspected, Failure<OauthError>> {
    let sender = client_request::authenticate(env, now, request).await?;
    if !sender.client.is_confidential() {
        return Err(oidc::client_authentication::public_client_refused().into());
    }
    let token = sender.params.required("token")?;
    let said = about(env, now, &sender.client, token).await?;
    if !signed {
        return Ok(Introspected::Plain(said));
    }
    let recipient = encryption::recipient(env, now, &sender.client, sender.client.encryptions.introspection);
    let recipient = recipient.await?;
    let claims = json!({
        "iss": env.settings.issuer.as_str(),
        "aud": sender.client.id.as_str(),
        "iat": now.unix_seconds(),
        "token_introspection": said,
    });
    let keyring = env.keyring();
    let signer = keyring.token_signer(sender.client.algorithms.introspection)?;
    Ok(Introspected::Signed(recipient.wrap(env, jose::jwt::sign(signer, TYP, &claims)?)?))
}

async fn about(env: &Env, now: Timestamp, client: &Client, token: &str) -> Result<Map<String, Value>, Fault> {
    let inactive = || Map::from_iter([("active".to_owned(), Value::Bool(false))]);
    if let Some(known) = tokens::read_for_anyone(env, now, token).await? {
        if !concerns(client, env.settings.issuer.as_str(), &known.caller.client_id, known.claims.get("aud")) {
            return Ok(inactive());
        }
        let mut said = known.claims.clone();
        said.insert("active".to_owned(), Value::Bool(true));
        let kind = if known.confirmation.jkt.is_some() { oidc::dpop::SCHEME } else { "Bearer" };
        said.insert("token_type".to_owned(), kind.into());
        return Ok(said);
    }
    refresh_token(env, now, client, token).await.map(|said| said.unwrap_or_else(inactive))
}

/// A refresh token concerns the client that it was given to, and nobody else.
async fn refresh_token(
    env: &Env,
    now: Timestamp,
    client: &Client,
    token: &str,
) -> Result<Option<Map<String, Value>>, Fault> {
    let mut conn = env.db.read().await?;
    let found = grants::find_refresh(&mut conn, &gm::sm3::hash(token.as_bytes())).await?;
    let Some((row, grant)) = found else { return Ok(None) };
    let good = row.consumed.is_none()
        && row.expires > now
        && grant.client_id == client.id.as_str()
        && exchange_token::still_stands(env, &mut conn, &grant, now).await?;
    let said = json!({
        "active": true,
        "iss": env.settings.issuer.as_str(),
        "client_id": grant.client_id,
        "sub": subjects::of(env, client, grant.account),
        "scope": grant.scopes.join(" "),
        "iat": row.expires.plus_seconds(-oidc::lifetimes::REFRESH_IDLE_SECONDS).unix_seconds(),
        "exp": row.expires.min(grant.expires).unix_seconds(),
    });
    Ok(said.as_object().filter(|_| good).cloned())
}

/// Whether `client` got the token, or is an API that it is for.
///
/// Tokens for the provider's own APIs (`aud` is the issuer) are nobody's business but their holder's.
pub(crate) fn concerns(client: &Client, issuer: &str, holder: &str, audience: Option<&Value>) -> bool {
    let is_mine = |value: &Value| {
        let named = client.audiences.iter().any(|mine| value == mine) || value == client.id.as_str();
        named && value != issuer
    };
    let addressed = match audience {
        Some(Value::Array(many)) => many.iter().any(is_mine),
        Some(one) => is_mine(one),
        None => false,
    };
    holder == client.id.as_str() || addressed
}
