//! The answer to an authorization request.

use crate::op::finding::{Finding, fail, warn};
use crate::op::kit::Params;
use crate::op::kit::browser::Landing;

/// The browser came back to the very URI that was asked for, its own query kept (RFC 6749, 3.1.2).
pub(crate) fn came_to(landing: &Landing, redirect_uri: &str) -> Finding {
    let (address, query) = redirect_uri.split_once('?').unwrap_or((redirect_uri, ""));
    let keeps = Params::parse(query).iter().all(|(name, value)| landing.query.get(name) == Some(value));
    fail("CheckMatchingCallbackParameters", "RFC 6749 3.1.2")
        .holds(landing.address() == address && keeps, || {
            format!("expected `{redirect_uri}`, got `{}`", landing.url)
        })
}

/// OAuth 2.0 Form Post Response Mode, 2.
pub(crate) fn posted(landing: &Landing) -> Vec<Finding> {
    let enctype = landing.enctype.as_deref().unwrap_or_default();
    vec![
        fail("CheckCallbackHttpMethodIsPost", "OAuth2-FP 2")
            .holds(landing.post, || format!("expected a POST, got {}", landing.brief())),
        fail("CheckCallbackContentTypeIsFormUrlEncoded", "OAuth2-FP 2")
            .equal(enctype, "application/x-www-form-urlencoded"),
        fail("RejectAuthCodeInUrlQuery", "OIDCC 3.3.2.5").equal(landing.query.get("code"), None::<&str>),
        fail("RejectErrorInUrlQuery", "OAuth2-RT 5").equal(landing.query.get("error"), None::<&str>),
    ]
}

/// OAuth 2.0 Multiple Response Types, 5: an answer in the query leaves the fragment empty.
pub(crate) fn nothing_in_fragment(landing: &Landing) -> Vec<Finding> {
    vec![
        fail("RejectErrorInUrlFragment", "OAuth2-RT 5").equal(landing.fragment.get("error"), None::<&str>),
        fail("RejectAuthCodeInUrlFragment", "OIDCC 3.3.2.5")
            .equal(landing.fragment.get("code"), None::<&str>),
        fail("RejectStateInUrlFragmentForCodeFlow", "OIDCC 3.3.2.5")
            .equal(landing.fragment.get("state"), None::<&str>),
    ]
}

/// RFC 6749, 4.1.2: `state` comes back as it was sent, and not when it was not.
pub(crate) fn state_returned(answer: &Params, sent: Option<&str>) -> Finding {
    fail("CheckStateInAuthorizationResponse", "RFC 6749 4.1.2").equal(answer.get("state"), sent)
}

/// RFC 9207, 2.4: an `iss` that comes is the issuer.
pub(crate) fn issuer_if_told(answer: &Params, issuer: &str) -> Finding {
    let condition = fail("ValidateIssIfPresentInAuthorizationResponse", "RFC 9207 2.4");
    condition.equal(answer.get("iss").unwrap_or(issuer), issuer)
}

/// FAPI 2.0, 5.3.2.2: `iss` comes, in success and in error.
pub(crate) fn issuer_told(answer: &Params, issuer: &str) -> Finding {
    fail("RequireIssInAuthorizationResponse", "FAPI2-SP 5.3.2.2-7").equal(answer.get("iss"), Some(issuer))
}

/// No error came (RFC 6749, 4.1.2.1).
pub(crate) fn no_error(answer: &Params) -> Finding {
    fail("CheckIfAuthorizationEndpointError", "RFC 6749 4.1.2.1")
        .holds(!answer.has("error"), || format!("expected a code, got {}", answer.encode()))
}

/// Only what the standards name comes back.
pub(crate) fn nothing_unexpected(answer: &Params, redirect_uri: &str) -> Finding {
    let own = Params::parse(redirect_uri.split_once('?').map_or("", |(_, query)| query));
    let known = ["code", "state", "iss", "session_state"];
    let unknown: Vec<&str> = answer.names().filter(|n| !known.contains(n) && !own.has(n)).collect();
    warn("ValidateSuccessfulAuthCodeFlowResponseFromAuthorizationEndpoint", "RFC 6749 4.1.2")
        .holds(unknown.is_empty(), || format!("expected code, state and iss, got also {unknown:?}"))
}

/// The code is there (RFC 6749, 4.1.2).
pub(crate) fn code(answer: &Params) -> Result<String, String> {
    let code = answer.get("code").filter(|code| !code.is_empty());
    code.map(str::to_owned).ok_or_else(|| format!("expected `code`, got {}", answer.encode()))
}

/// The code cannot be guessed (RFC 6749, 10.10).
pub(crate) fn code_unguessable(code: &str) -> Vec<Finding> {
    let clause = "RFC 6749 10.10, RFC 6819 5.1.4.2.2";
    vec![
        super::long_enough(fail("EnsureMinimumAuthorizationCodeLength", clause), code),
        super::random_enough(fail("EnsureMinimumAuthorizationCodeEntropy", clause), code),
    ]
}

/// An error that is well formed (RFC 6749, 4.1.2.1), one of `codes`.
pub(crate) fn error(
    answer: &Params,
    codes: &[&str],
    name: &'static str,
    clause: &'static str,
) -> Vec<Finding> {
    let got = answer.get("error").unwrap_or_default();
    let known = ["error", "error_description", "error_uri", "state", "iss", "session_state"];
    let unknown: Vec<&str> = answer.names().filter(|n| !known.contains(n)).collect();
    let mut findings = vec![
        fail(name, clause)
            .holds(codes.contains(&got), || format!("expected one of {codes:?}, got {}", answer.encode())),
        warn("CheckForUnexpectedParametersInErrorResponseFromAuthorizationEndpoint", "OIDCC 3.1.2.6")
            .holds(unknown.is_empty(), || format!("expected error parameters, got also {unknown:?}")),
    ];
    let member = |name: &str| answer.get(name).map(str::to_owned);
    findings.extend(super::errors::members(&member, "RFC 6749 4.1.2.1"));
    findings
}

/// The errors with which `prompt=none` may be refused (OpenID Connect Core, 3.1.2.6).
pub(crate) const NEEDS_A_PAGE: &[&str] =
    &["interaction_required", "login_required", "account_selection_required", "consent_required"];
