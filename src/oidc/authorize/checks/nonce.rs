//! `nonce` goes into the ID token byte for byte, so it has a limit.

use crate::client::Client;
use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// Longest `nonce`, in bytes.
pub const NONCE_MAX_BYTES: usize = 1_024;

/// `nonce` is optional in the code flow (OIDC Core, 3.1.2.1); at most [`NONCE_MAX_BYTES`].
pub(super) fn check(params: &Params, _: &Client) -> Result<(), OauthError> {
    match params.value("nonce") {
        Some(nonce) if nonce.len() > NONCE_MAX_BYTES => Err(invalid_request(format!(
            "expected `nonce` of at most {NONCE_MAX_BYTES} bytes, got {}",
            nonce.len()
        ))),
        _ => Ok(()),
    }
}
