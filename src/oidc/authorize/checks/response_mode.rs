//! How the answer travels.

use super::response_type;
use crate::authorize::ResponseMode;
use crate::client::Client;
use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// `response_mode` is one of those of the response type, and of those that the client registered; when absent `query`, and `fragment` for an
/// answer with an ID token (OAuth 2.0 Multiple Response Types, 2.1 and 5; ASVS 5.0, V10.4.12).
pub(in crate::authorize) fn check(params: &Params, client: &Client) -> Result<ResponseMode, OauthError> {
    let (usual, names) = match response_type::asks_for_id_token(params) {
        true => (ResponseMode::Fragment, ResponseMode::SUPPORTED_WITH_ID_TOKEN),
        false => (ResponseMode::Query, ResponseMode::SUPPORTED),
    };
    let name = params.value("response_mode");
    let mode = named(params).ok_or_else(|| {
        let got = name.unwrap_or_default();
        invalid_request(format!("expected a response_mode of {}, got `{got}`", names.join(", ")))
    })?;
    if client.response_modes.allows(mode) {
        return Ok(mode);
    }
    let registered = client.response_modes.names(response_type::asks_for_id_token(params));
    let registered =
        if registered.is_empty() { "none of this response type".to_owned() } else { registered.join(", ") };
    let got = name.map_or_else(|| format!("none, which means `{usual}`"), |name| format!("`{name}`"));
    Err(invalid_request(format!(
        "expected a response_mode that client `{}` is registered for: {registered}; got {got}",
        client.id
    )))
}

/// How a refusal travels, whatever else is wrong with the request: as was asked, or else in a way that the client takes, if need be one of
/// the other response type: who registered signed answers takes no others.
pub(in crate::authorize) fn of_refusal(params: &Params, client: &Client) -> ResponseMode {
    let with_id_token = response_type::asks_for_id_token(params);
    let usual = if with_id_token { ResponseMode::Fragment } else { ResponseMode::Query };
    let asked = named(params).unwrap_or(usual);
    let first = |with_id_token| client.response_modes.first(with_id_token);
    let registered = || first(with_id_token).or_else(|| first(!with_id_token)).unwrap_or(usual);
    if client.response_modes.allows(asked) { asked } else { registered() }
}

/// The mode that is asked for, if it is one of the response type.
fn named(params: &Params) -> Option<ResponseMode> {
    match (response_type::asks_for_id_token(params), params.value("response_mode")) {
        (true, None) => Some(ResponseMode::Fragment),
        (true, Some(name)) => ResponseMode::parse_with_id_token(name),
        (false, None) => Some(ResponseMode::Query),
        (false, Some(name)) => ResponseMode::parse(name),
    }
}
