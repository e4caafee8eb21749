//! Refusals: of the token endpoint, of pushed requests, of resources.

use crate::op::clients::is_json;
use crate::op::finding::{Finding, fail, warn};
use crate::op::kit::http::Reply;

/// `error`, `error_description` and `error_uri` use the characters they may (RFC 6749, 4.1.2.1 and 5.2).
pub(crate) fn members(member: &dyn Fn(&str) -> Option<String>, clause: &'static str) -> Vec<Finding> {
    let allowed = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
    let described = member("error_description").unwrap_or_default();
    let code = member("error").unwrap_or_default();
    let uri = member("error_uri");
    vec![
        fail("ValidateErrorResponseError", clause)
            .holds(!code.is_empty() && code.chars().all(allowed), || {
                format!("expected `error` of the allowed characters, got `{code}`")
            }),
        warn("CheckErrorDescriptionContainsCRLFTAB", clause)
            .holds(!described.contains(['\r', '\n', '\t']), || {
                format!("expected one line, got {described:?}")
            }),
        fail("ValidateErrorDescription", clause)
            .holds(described.chars().all(|c| allowed(c) || matches!(c, '\r' | '\n' | '\t')), || {
                format!("expected the allowed characters in `error_description`, got `{described}`")
            }),
        fail("ValidateErrorUri", clause)
            .holds(uri.as_ref().is_none_or(|uri| url::Url::parse(uri).is_ok()), || {
                format!("expected an address in `error_uri`, got {uri:?}")
            }),
    ]
}

/// The token endpoint refuses with 400 and one of `codes` (RFC 6749, 5.2).
pub(crate) fn token(reply: &Reply, codes: &[&str], name: &'static str, clause: &'static str) -> Vec<Finding> {
    let mut findings =
        vec![fail("CheckTokenEndpointHttpStatus400", "OIDCC 3.1.3.4").equal(reply.status, 400)];
    findings.extend(body(reply, codes, name, clause));
    findings
}

/// The same, where a client that is not recognised may be told so with 401 (RFC 6749, 5.2).
pub(crate) fn client(
    reply: &Reply,
    codes: &[&str],
    name: &'static str,
    clause: &'static str,
) -> Vec<Finding> {
    let unauthorized = reply.text("error").as_deref() == Some("invalid_client");
    let condition = fail("CheckTokenEndpointHttpStatusIs400Allowing401ForInvalidClientError", "RFC 6749 5.2");
    let right = reply.status == 400 || (reply.status == 401 && unauthorized);
    let status =
        condition.holds(right, || format!("expected 400, or 401 with invalid_client, got {}", reply.brief()));
    let mut findings = vec![status];
    findings.extend(body(reply, codes, name, clause));
    findings
}

/// A JSON body with one of `codes` that is well formed.
pub(crate) fn body(reply: &Reply, codes: &[&str], name: &'static str, clause: &'static str) -> Vec<Finding> {
    let got = reply.text("error").unwrap_or_default();
    let mut findings = vec![
        is_json(reply, fail("CheckEndpointReturnedJsonContentType", "RFC 6749 5.2")),
        fail(name, clause).holds(codes.contains(&got.as_str()), || {
            format!("expected one of {codes:?}, got {}", reply.brief())
        }),
    ];
    findings.extend(members(&|name| reply.text(name), "RFC 6749 5.2"));
    findings
}

/// A pushed authorization request is refused with 400 or 401 and one of `codes` (RFC 9126, 2.3).
pub(crate) fn pushed(
    reply: &Reply,
    codes: &[&str],
    name: &'static str,
    clause: &'static str,
) -> Vec<Finding> {
    let status = fail("EnsureHttpStatusCodeIs400or401", "RFC 9126 2.3")
        .holds(matches!(reply.status, 400 | 401), || format!("expected 400 or 401, got {}", reply.brief()));
    let mut findings = vec![status];
    findings.extend(body(reply, codes, name, clause));
    findings
}

/// A resource refuses (RFC 6750, 3.1; RFC 9449, 7.1).
pub(crate) fn resource_refused(reply: &Reply, what: &str) -> Finding {
    fail("EnsureHttpStatusCodeIs400or401", "RFC 9449 4.3").holds(matches!(reply.status, 400 | 401), || {
        format!("{what}: expected 400 or 401, got {}", reply.brief())
    })
}

/// A resource answers.
pub(crate) fn resource_served(reply: &Reply, what: &str) -> Finding {
    fail("EnsureHttpStatusCodeIs200or201", "FAPI2-SP 5.3.4")
        .holds(matches!(reply.status, 200 | 201), || format!("{what}: expected 200, got {}", reply.brief()))
}
