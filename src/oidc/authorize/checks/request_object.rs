//! Request objects are not supported, and said to be so.

use crate::client::Client;
use crate::error::{ErrorCode, OauthError};
use crate::params::Params;

/// `request`, `request_uri` and `registration` have their own refusals (OIDC Core, 3.1.2.6, 6 and 7.2.1).
const UNSUPPORTED: &[(&str, ErrorCode)] = &[
    ("request", ErrorCode::RequestNotSupported),
    ("request_uri", ErrorCode::RequestUriNotSupported),
    ("registration", ErrorCode::RegistrationNotSupported),
];

/// A parameter that would change the meaning of the others must not be overlooked.
pub(super) fn check(params: &Params, _: &Client) -> Result<(), OauthError> {
    match UNSUPPORTED.iter().find(|(name, _)| params.value(name).is_some()) {
        Some((name, code)) => {
            Err(OauthError::new(*code, format!("`{name}` is not supported: send plain parameters")))
        }
        None => Ok(()),
    }
}
