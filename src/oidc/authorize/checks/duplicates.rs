//! No parameter comes twice.

use crate::client::Client;
use crate::error::OauthError;
use crate::params::{Params, ParamsError};

/// Request parameters must not be included more than once (RFC 6749, 3.1), `resource` excepted (RFC 8707, 2).
pub(super) fn check(params: &Params, _: &Client) -> Result<(), OauthError> {
    match params.duplicated().next() {
        Some(name) => Err(ParamsError::Duplicated(name.to_owned()).to_oauth_error()),
        None => Ok(()),
    }
}
