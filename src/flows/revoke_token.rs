//! The revocation endpoint (RFC 7009): a client gives back a token it does not need any more.

use base::Timestamp;
use oidc::{OauthError, token as rules};
use store::rows::{grants, revocations};

use crate::client_request::{self, ClientRequest};
use crate::env::Env;
use crate::error::Failure;
use crate::tokens;

/// Takes back the token that the request names, if it is one of the client's; a token that is unknown is over already.
///
/// With a refresh token goes its whole grant, with an access token that token alone (RFC 7009, 2.1). `token_type_hint` is not needed: the
/// two cannot be confused.
pub async fn revoke(
    env: &Env,
    now: Timestamp,
    request: ClientRequest<'_>,
) -> Result<(), Failure<OauthError>> {
    let sender = client_request::authenticate(env, now, request).await?;
    let token = sender.params.required("token")?;
    let client_id = sender.client.id.as_str();
    if let Some(known) = tokens::read_for_anyone(env, now, token).await? {
        if known.caller.client_id != client_id {
            return Err(rules::others_token().into());
        }
        let mut tx = env.db.begin().await?;
        revocations::revoke_token(&mut tx, &known.jti, now, known.expires).await?;
        // COMMIT POINT: no node takes the token after it has read this.
        tx.commit().await?;
        env.revocations.note_token(&known.jti, now);
        return Ok(());
    }
    let mut tx = env.db.begin().await?;
    let found = grants::find_refresh(&mut tx, &gm::sm3::hash(token.as_bytes())).await?;
    let Some((_, grant)) = found else { return Ok(()) };
    if grant.client_id != client_id {
        return Err(rules::others_token().into());
    }
    grants::revoke(&mut tx, grant.id, "revoked by the client", now).await?;
    // COMMIT POINT: everything of the grant is over.
    tx.commit().await?;
    env.revocations.note_grants([grant.id], now);
    Ok(())
}
