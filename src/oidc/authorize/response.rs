//! The addresses that carry the answers back.

use super::{AuthorizationRequest, RedirectError};
use crate::issuer::Issuer;
use crate::params::append;

/// Where the browser goes with the code: `code`, `state` when one came, and `iss`.
///
/// The registered URI's own query stays as it is. Source: RFC 6749, 4.1.2; RFC 9207, 2.
pub fn code_response_url(request: &AuthorizationRequest, code: &str, issuer: &Issuer) -> String {
    with_answer(&request.redirect_uri, &[("code", code)], request.state.as_deref(), issuer)
}

/// Where the browser goes with a refusal: `error`, `error_description`, `state` when one came, and `iss`.
///
/// Source: RFC 6749, 4.1.2.1; RFC 9207, 2.
pub fn error_response_url(refusal: &RedirectError) -> String {
    let answer = [("error", refusal.error.code.as_str()), ("error_description", refusal.error.description())];
    with_answer(&refusal.redirect_uri, &answer, refusal.state.as_deref(), &refusal.iss)
}

fn with_answer(redirect_uri: &str, answer: &[(&str, &str)], state: Option<&str>, issuer: &Issuer) -> String {
    let mut url = redirect_uri.to_owned();
    for (name, value) in answer {
        append(&mut url, name, value);
    }
    if let Some(state) = state {
        append(&mut url, "state", state);
    }
    append(&mut url, "iss", issuer.as_str());
    url
}
