//! How the answer travels.

use crate::client::Client;
use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// `response_mode` must be `query` or absent (OAuth 2.0 Multiple Response Types, 2.1: the default for `code`).
pub(super) fn check(params: &Params, _: &Client) -> Result<(), OauthError> {
    match params.value("response_mode") {
        None | Some("query") => Ok(()),
        Some(other) => Err(invalid_request(format!("expected response_mode `query` or none, got `{other}`"))),
    }
}
