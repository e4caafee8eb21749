//! Requests that their client signed (RFC 9101).

use base::Timestamp;
use oidc::authorize::request_object;
use oidc::{Client, ErrorCode, OauthError, Params};

use crate::client_keys;
use crate::env::Env;
use crate::error::Failure;

/// The parameters in a request object of `client`.
pub(crate) async fn read(
    env: &Env,
    now: Timestamp,
    client: &Client,
    object: &str,
) -> Result<Params, Failure<OauthError>> {
    let issuer = &env.settings.issuer;
    let verify = |keys: &jose::KeySet| request_object::verify(object, client, keys, issuer, now);
    client_keys::with(env, now, client, object, verify).await.map_err(|failure| match failure {
        // Without keys nothing it signs can be verified: it is the object that is no good (RFC 9101, 7).
        Failure::Rejected(error) if error.code == ErrorCode::InvalidClient => {
            OauthError::new(ErrorCode::InvalidRequestObject, error.description()).into()
        }
        other => other,
    })
}
