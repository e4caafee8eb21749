//! How old the login may be.

use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// Longest `max_age`, in digits: some three hundred years.
const MAX_AGE_MAX_DIGITS: usize = 10;

/// `max_age` is a number of seconds, zero or more (OIDC Core, 3.1.2.1).
pub(super) fn check(params: &Params) -> Result<Option<i64>, OauthError> {
    let Some(text) = params.value("max_age") else {
        return Ok(None);
    };
    let digits = text.len() <= MAX_AGE_MAX_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(seconds) if digits => Ok(Some(seconds)),
        _ => Err(invalid_request(format!("expected `max_age` in whole seconds, got `{text}`"))),
    }
}
