//! The client must be registered for the code flow.

use crate::client::{Client, GrantType};
use crate::error::{ErrorCode, OauthError};
use crate::params::Params;

/// A client without the grant `authorization_code` could not redeem what it gets (RFC 6749, 4.1.2.1).
pub(super) fn check(_: &Params, client: &Client) -> Result<(), OauthError> {
    if client.may_use(GrantType::AuthorizationCode) {
        return Ok(());
    }
    Err(OauthError::new(
        ErrorCode::UnauthorizedClient,
        format!("client `{}` is not registered for the grant authorization_code", client.id),
    ))
}
