//! A request must come the way its client registered, and say nothing that would be overlooked.

use crate::authorize::Via;
use crate::client::Client;
use crate::error::{ErrorCode, OauthError, invalid_request};
use crate::params::Params;

/// A client may be registered for pushed (RFC 9126, 6) or signed (RFC 9101, 10.5) requests only.
pub(in crate::authorize) fn came_as_registered(client: &Client, via: Via) -> Result<(), OauthError> {
    if client.requests.pushed_only && !via.pushed {
        return Err(invalid_request(format!(
            "client `{}` is registered for pushed authorization requests: push the request, then send its request_uri",
            client.id
        )));
    }
    if client.requests.signed_only && !via.signed {
        return Err(invalid_request(format!(
            "client `{}` is registered for signed requests: send them as `request`",
            client.id
        )));
    }
    Ok(())
}

/// A request object cannot hold another, or point to one (RFC 9101, 4); nothing is fetched from a client's `request_uri`, and
/// `registration` is for self-issued providers (OIDC Core, 7.2.1).
pub(super) fn check(params: &Params, _: &Client) -> Result<(), OauthError> {
    const UNSUPPORTED: &[(&str, ErrorCode)] = &[
        ("request", ErrorCode::InvalidRequestObject),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ];
    match UNSUPPORTED.iter().find(|(name, _)| params.value(name).is_some()) {
        Some((name, code)) => {
            Err(OauthError::new(*code, format!("`{name}` is not supported here: send plain parameters")))
        }
        None => Ok(()),
    }
}
