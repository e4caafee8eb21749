//! The token response (RFC 6749, 5.1).

use serde_json::Value;

use crate::op::clients::is_json;
use crate::op::finding::{Finding, Severity, fail, info, warn};
use crate::op::kit::http::Reply;
use crate::op::plans::Bound;

/// Status, media type and caching.
pub(crate) fn envelope(reply: &Reply) -> Vec<Finding> {
    let cache = reply.header("cache-control").unwrap_or_default().to_ascii_lowercase();
    vec![
        is_json(reply, fail("CheckTokenEndpointReturnedJsonContentType", "RFC 6749 5.1")),
        fail("CheckTokenEndpointCacheHeaders", "RFC 6749 5.1").holds(cache.contains("no-store"), || {
            format!("expected `Cache-Control: no-store`, got `{cache}`")
        }),
    ]
}

/// The token type: `Bearer`, or `DPoP` for a token bound to a key (RFC 9449, 5).
pub(crate) fn token_type(answer: &Value, bound: Bound) -> Finding {
    let got = answer.get("token_type").and_then(Value::as_str).unwrap_or_default();
    match bound {
        Bound::Dpop => fail("CheckTokenTypeIsDpop", "RFC 9449 5")
            .holds(got.eq_ignore_ascii_case("dpop"), || format!("expected `DPoP`, got `{got}`")),
        Bound::Nobody | Bound::Certificate => fail("CheckTokenTypeIsBearer", "RFC 6750 4")
            .holds(got.eq_ignore_ascii_case("bearer"), || format!("expected `Bearer`, got `{got}`")),
    }
}

/// `expires_in`: recommended, and a positive whole number when there.
pub(crate) fn expires_in(answer: &Value, missing: Severity) -> Vec<Finding> {
    let value = answer.get("expires_in");
    let numeric = value.is_none_or(|value| value.as_u64().is_some_and(|seconds| seconds > 0));
    vec![
        info("ExtractExpiresInFromTokenEndpointResponse", "RFC 6749 5.1")
            .holds(value.is_some(), || "expected `expires_in`, got none".to_owned())
            .weighing(missing),
        fail("ValidateExpiresIn", "RFC 6749 5.1")
            .holds(numeric, || format!("expected a positive number, got {value:?}")),
    ]
}

/// `scope`, when there, is a list of scope tokens (RFC 6749, 3.3).
pub(crate) fn scope(answer: &Value) -> Finding {
    let scope = answer.get("scope").and_then(Value::as_str).unwrap_or("openid");
    let token =
        |t: &str| !t.is_empty() && t.chars().all(|c| matches!(c, '\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e'));
    fail("ValidateScopeInTokenResponse", "RFC 6749 3.3")
        .holds(scope.split(' ').all(token), || format!("expected scope tokens, got `{scope}`"))
}

/// The access token cannot be guessed and uses the characters it may (RFC 6749, 10.10 and A.12).
pub(crate) fn access_token(token: &str) -> Vec<Finding> {
    let clause = "RFC 6749 10.10, FAPI2-SP 5.4.1-4";
    vec![
        super::long_enough(fail("EnsureMinimumAccessTokenLength", clause), token),
        super::random_enough(fail("EnsureMinimumAccessTokenEntropy", clause), token),
        fail("EnsureAccessTokenContainsAllowedCharactersOnly", "RFC 6749 A.12")
            .holds(visible(token), || "expected the characters %x20-7E".to_owned()),
    ]
}

/// The refresh token likewise (RFC 6749, 10.10 and A.17).
pub(crate) fn refresh_token(token: &str) -> Vec<Finding> {
    vec![
        super::long_enough(fail("EnsureMinimumRefreshTokenLength", "RFC 6749 10.10"), token),
        super::random_enough(fail("EnsureMinimumRefreshTokenEntropy", "RFC 6749 10.10"), token),
        fail("EnsureRefreshTokenContainsAllowedCharactersOnly", "RFC 6749 A.17")
            .holds(visible(token), || "expected the characters %x20-7E".to_owned()),
    ]
}

/// Whether the metadata speaks of refresh tokens as they are (OpenID Connect Discovery, 3).
pub(crate) fn refresh_announced(announced: bool, issued: bool) -> Finding {
    let name = if issued {
        "EnsureServerConfigurationSupportsRefreshToken"
    } else {
        "EnsureServerConfigurationDoesNotSupportRefreshToken"
    };
    warn(name, "OIDCD 3").equal(announced, issued)
}

fn visible(token: &str) -> bool {
    token.chars().all(|c| matches!(c, '\x20'..='\x7e'))
}
