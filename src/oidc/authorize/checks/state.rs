//! `state` is echoed byte for byte, so it has a limit.

use crate::client::Client;
use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// Longest `state`, in bytes.
pub const STATE_MAX_BYTES: usize = 2_048;

/// `state` is the client's own (RFC 6749, 4.1.1); at most [`STATE_MAX_BYTES`].
pub(super) fn check(params: &Params, _: &Client) -> Result<(), OauthError> {
    match params.value("state") {
        Some(state) if state.len() > STATE_MAX_BYTES => Err(invalid_request(format!(
            "expected `state` of at most {STATE_MAX_BYTES} bytes, got {}",
            state.len()
        ))),
        _ => Ok(()),
    }
}
