//! Only codes are given out at the authorization endpoint.

use crate::client::Client;
use crate::error::{ErrorCode, OauthError};
use crate::params::Params;

/// `response_type` must be `code`: no tokens in URLs (RFC 6749, 3.1.1; RFC 9700, 2.1.2).
pub(super) fn check(params: &Params, _: &Client) -> Result<(), OauthError> {
    match params.required("response_type")? {
        "code" => Ok(()),
        other => Err(OauthError::new(
            ErrorCode::UnsupportedResponseType,
            format!("expected response_type `code`, got `{other}`"),
        )),
    }
}
