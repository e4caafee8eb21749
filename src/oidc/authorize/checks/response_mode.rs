//! How the answer travels.

use crate::authorize::ResponseMode;
use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// `response_mode` is one of [`ResponseMode::SUPPORTED`]; `query` when absent (OAuth 2.0 Multiple Response Types, 2.1: the default
/// for `code`).
pub(in crate::authorize) fn check(params: &Params) -> Result<ResponseMode, OauthError> {
    let Some(name) = params.value("response_mode") else { return Ok(ResponseMode::Query) };
    ResponseMode::parse(name).ok_or_else(|| {
        let names = ResponseMode::SUPPORTED.join(", ");
        invalid_request(format!("expected a response_mode of {names}, got `{name}`"))
    })
}
