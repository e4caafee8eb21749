//! How the answer travels.

use super::response_type;
use crate::authorize::ResponseMode;
use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// `response_mode` is one of those of the response type; when absent `query`, and `fragment` for an answer with an ID token (OAuth 2.0
/// Multiple Response Types, 2.1 and 5).
pub(in crate::authorize) fn check(params: &Params) -> Result<ResponseMode, OauthError> {
    let with_id_token = response_type::asks_for_id_token(params);
    let (usual, names) = match with_id_token {
        true => (ResponseMode::Fragment, ResponseMode::SUPPORTED_WITH_ID_TOKEN),
        false => (ResponseMode::Query, ResponseMode::SUPPORTED),
    };
    let Some(name) = params.value("response_mode") else { return Ok(usual) };
    let mode =
        if with_id_token { ResponseMode::parse_with_id_token(name) } else { ResponseMode::parse(name) };
    mode.ok_or_else(|| {
        invalid_request(format!("expected a response_mode of {}, got `{name}`", names.join(", ")))
    })
}

/// How a refusal travels, whatever else is wrong with the request.
pub(in crate::authorize) fn of_refusal(params: &Params) -> ResponseMode {
    let usual =
        if response_type::asks_for_id_token(params) { ResponseMode::Fragment } else { ResponseMode::Query };
    check(params).unwrap_or(usual)
}
