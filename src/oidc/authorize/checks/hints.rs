//! The hints that travel to the login page.

use crate::client::Client;
use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// Longest `login_hint`, in bytes.
pub const LOGIN_HINT_MAX_BYTES: usize = 256;

/// `login_hint` is shown on the login page (OIDC Core, 3.1.2.1): short, and without control characters.
pub(super) fn check(params: &Params, _: &Client) -> Result<(), OauthError> {
    match params.value("login_hint") {
        Some(hint) if hint.len() > LOGIN_HINT_MAX_BYTES || hint.chars().any(char::is_control) => {
            Err(invalid_request(format!(
                "expected `login_hint` of at most {LOGIN_HINT_MAX_BYTES} printable bytes"
            )))
        }
        _ => Ok(()),
    }
}
