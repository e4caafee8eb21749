//! The key that the code is bound to.

use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// `dpop_jkt` is the SHA-256 thumbprint of a key, 43 characters of base64url (RFC 9449, 10; RFC 7638).
pub(super) fn check(params: &Params) -> Result<Option<String>, OauthError> {
    let Some(text) = params.value("dpop_jkt") else { return Ok(None) };
    let is_thumbprint = base::encoding::from_base64url(text).is_some_and(|bytes| bytes.len() == 32);
    if is_thumbprint {
        Ok(Some(text.to_owned()))
    } else {
        Err(invalid_request("expected `dpop_jkt` to be the base64url SHA-256 thumbprint of a key"))
    }
}
