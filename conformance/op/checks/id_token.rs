//! The ID token (OpenID Connect Core, 2 and 3.1.3.7).

use serde_json::Value;

use super::userinfo::{STANDARD_CLAIMS, claims_well_formed, updated_at};
use crate::op::finding::{Finding, Severity, fail, info, warn};
use crate::op::kit::jose::Token;
use crate::op::kit::now;

/// How far the provider's clock may be off.
const SKEW_SECONDS: i64 = 300;

/// A login longer ago than this is not believed.
const AUTH_AGE_SECONDS: i64 = 31_536_000;

/// What an ID token has to say.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) alg: &'a str,
}

/// Everything that is looked at in every ID token.
pub(crate) fn standard(token: &Token, keys: &[Value], expected: &Expected<'_>) -> Vec<Finding> {
    let mut findings = vec![issuer(token, expected.issuer), audience(token, expected.client_id)];
    findings.extend(times(token));
    findings.extend([
        fail("ValidateIdTokenNonce", "OIDCC 2").equal(token.text("nonce"), expected.nonce),
        acr(token),
        fail("CheckIdTokenSignatureAlgorithm", "OIDCC 3.1.3.7").equal(token.alg(), expected.alg),
        fail("ValidateIdTokenSignature", "OIDCC 3.1.3.7").result(signature(token, keys)),
        kid_when_needed(token, keys),
        subject(token),
        fail("ValidateIdTokenStandardClaims", "OIDCC 5.1").result(claims_well_formed(&token.claims)),
        updated_at(&token.claims, "EnsureIdTokenUpdatedAtValid"),
    ]);
    findings
}

fn issuer(token: &Token, issuer: &str) -> Finding {
    fail("ValidateIdToken: iss", "OIDCC 3.1.3.7-2").equal(token.text("iss"), Some(issuer))
}

/// `aud` has the client; `azp`, when there, is the client (3.1.3.7, 3 to 5).
fn audience(token: &Token, client_id: &str) -> Finding {
    let aud = token.claim("aud").cloned().unwrap_or(Value::Null);
    let has = aud == client_id || aud.as_array().is_some_and(|list| list.iter().any(|a| a == client_id));
    let azp = token.text("azp").unwrap_or(client_id);
    fail("ValidateIdToken: aud, azp", "OIDCC 3.1.3.7-3")
        .holds(has && azp == client_id, || format!("expected `{client_id}`, got aud {aud} and azp {azp}"))
}

fn times(token: &Token) -> Vec<Finding> {
    let now = now();
    let [exp, iat] = ["exp", "iat"].map(|name| token.number(name));
    let auth_time = token.number("auth_time");
    vec![
        fail("ValidateIdToken: exp", "OIDCC 3.1.3.7-9")
            .holds(exp.is_some_and(|exp| exp > now - SKEW_SECONDS), || {
                format!("expected a time after {now}, got {exp:?}")
            }),
        fail("ValidateIdToken: iat", "OIDCC 3.1.3.7-10")
            .holds(iat.is_some_and(|iat| (iat - now).abs() <= SKEW_SECONDS), || {
                format!("expected about {now}, got {iat:?}")
            }),
        fail("ValidateIdToken: nbf", "RFC 7519 4.1.5")
            .holds(token.number("nbf").is_none_or(|nbf| nbf <= now + SKEW_SECONDS), || {
                "expected `nbf` not after now".to_owned()
            }),
        fail("ValidateIdToken: auth_time", "OIDCC 2").holds(
            token.claim("auth_time").is_none()
                || auth_time.is_some_and(|at| at <= now + SKEW_SECONDS && at > now - AUTH_AGE_SECONDS),
            || format!("expected a time of the last year, got {:?}", token.claim("auth_time")),
        ),
    ]
}

fn acr(token: &Token) -> Finding {
    let acr = token.claim("acr");
    fail("ValidateIdTokenACRClaim", "OIDCC 2")
        .holds(acr.is_none_or(|v| v.as_str().is_some_and(|s| !s.is_empty())), || {
            format!("expected a string, got {acr:?}")
        })
}

fn subject(token: &Token) -> Finding {
    let sub = token.text("sub").unwrap_or_default();
    fail("CheckForSubjectInIdToken", "OIDCC 2")
        .holds(!sub.is_empty() && sub.len() <= 255 && sub.is_ascii(), || {
            format!("expected 1 to 255 ASCII characters, got {:?}", token.claim("sub"))
        })
}

fn signature(token: &Token, keys: &[Value]) -> Result<(), String> {
    if token.alg() == "none" { Ok(()) } else { token.verify(keys) }
}

/// OpenID Connect Core, 10.1: with several keys the token names its own.
fn kid_when_needed(token: &Token, keys: &[Value]) -> Finding {
    let named = token.header_text("kid").is_some() || keys.len() <= 1 || token.alg() == "none";
    fail("CheckForKeyIdInIdToken", "OIDCC 10.1")
        .holds(named, || "expected `kid` in the header, got none".to_owned())
}

/// `kid` is there, whatever the number of keys.
pub(crate) fn has_kid(token: &Token) -> Finding {
    fail("EnsureIdTokenContainsKid", "OIDCC 10.1")
        .holds(token.header_text("kid").is_some(), || format!("expected `kid`, got {}", token.header))
}

/// `at_hash` and `c_hash`, when there, are right (3.1.3.6, 3.3.2.11).
pub(crate) fn hashes(token: &Token, access_token: &str, code: &str) -> Vec<Finding> {
    [("at_hash", access_token, "ValidateAtHash"), ("c_hash", code, "ValidateCHash")]
        .into_iter()
        .filter_map(|(claim, value, name)| {
            let got = token.text(claim)?;
            Some(fail(name, "OIDCC 3.1.3.6, 3.3.2.11").equal(got, token.half_hash(value).as_str()))
        })
        .collect()
}

/// Claims about the person that nobody asked for stay out of the ID token.
pub(crate) fn nothing_unrequested(token: &Token) -> Finding {
    let standard: Vec<&str> = STANDARD_CLAIMS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != "sub" && token.claim(name).is_some())
        .collect();
    warn("EnsureIdTokenDoesNotContainNonRequestedClaims", "OIDCC 5.4")
        .holds(standard.is_empty(), || format!("expected none, got {standard:?}"))
}

/// A claim that belongs to UserInfo is not in the ID token (5.4, 5.5.1).
pub(crate) fn lacks(token: &Token, claim: &str, name: &'static str) -> Finding {
    warn(name, "OIDCC 5.4, 5.5").equal(token.claim(claim), None::<&Value>)
}

/// The two logins were by the same person (2).
pub(crate) fn same_subject(first: &Token, second: &Token) -> Finding {
    fail("CheckIdTokenSubConsistentForSecondAuthorization", "OIDCC 2")
        .equal(second.text("sub"), first.text("sub"))
}

/// Nobody logged in between: `auth_time` is the same when it is there (2).
pub(crate) fn same_auth_time(first: &Token, second: &Token) -> Finding {
    let both = first.number("auth_time").zip(second.number("auth_time"));
    fail("CheckIdTokenAuthTimeClaimsSameIfPresent", "OIDCC 2")
        .holds(both.is_none_or(|(a, b)| a == b), || format!("expected the same `auth_time`, got {both:?}"))
}

/// Somebody logged in again: `auth_time` is later when it is there (2).
pub(crate) fn later_auth_time(first: &Token, second: &Token) -> Finding {
    let both = first.number("auth_time").zip(second.number("auth_time"));
    fail("CheckSecondIdTokenAuthTimeIsLaterIfPresent", "OIDCC 2")
        .holds(both.is_none_or(|(a, b)| b > a), || format!("expected a later `auth_time`, got {both:?}"))
}

/// `auth_time` came because `max_age` was asked for (2, 3.1.2.1).
pub(crate) fn auth_time_present(token: &Token) -> Finding {
    fail("CheckIdTokenAuthTimeClaimPresentDueToMaxAge", "OIDCC 2, 3.1.2.1")
        .holds(token.number("auth_time").is_some(), || "expected `auth_time`, got none".to_owned())
}

/// The login was just now (2).
pub(crate) fn auth_time_recent(token: &Token) -> Finding {
    let age = token.number("auth_time").map(|at| now() - at);
    fail("CheckIdTokenAuthTimeIsRecentIfPresent", "OIDCC 2")
        .holds(age.is_none_or(|age| age.abs() <= SKEW_SECONDS), || {
            format!("expected a login just now, got {age:?} s ago")
        })
}

/// FAPI 2.0, 5.4: the algorithm is one of the allowed.
pub(crate) fn fapi_algorithm(token: &Token) -> Finding {
    fail("FAPI2ValidateIdTokenSigningAlg", "FAPI2-SP 5.4")
        .holds(FAPI_ALGORITHMS.contains(&token.alg()), || {
            format!("expected one of {FAPI_ALGORITHMS:?}, got {}", token.alg())
        })
}

/// The algorithms of FAPI 2.0, 5.4 (`Ed25519` is EdDSA by its full name, RFC 9864).
pub(crate) const FAPI_ALGORITHMS: &[&str] = &["PS256", "ES256", "EdDSA", "Ed25519"];

/// OpenID Connect Core, 12.2: an ID token of a refresh says the same of the same person.
pub(crate) fn refreshed(first: &Token, second: &Token) -> Vec<Finding> {
    let same = |claim: &str| first.claim(claim) == second.claim(claim);
    let mut differ: Vec<&str> = ["iss", "sub", "aud"].into_iter().filter(|claim| !same(claim)).collect();
    let kept = |claim: &&str| second.claim(claim).is_some() && !same(claim);
    differ.extend(["auth_time", "azp", "nonce"].into_iter().filter(kept));
    let issued = first.number("iat").zip(second.number("iat"));
    vec![
        fail("CompareIdTokenClaims", "OIDCC 12.2").holds(differ.is_empty(), || {
            format!("expected the same {differ:?}, got {} after {}", second.claims, first.claims)
        }),
        fail("CompareIdTokenClaims: iat", "OIDCC 12.2")
            .holds(issued.is_some_and(|(a, b)| b >= a), || format!("expected a later `iat`, got {issued:?}")),
    ]
}

/// A claim that is only noted.
pub(crate) fn noted(name: &'static str, token: &Token, claim: &str) -> Finding {
    info(name, "OIDCC 2")
        .holds(token.claim(claim).is_some(), || format!("expected `{claim}`, got none"))
        .weighing(Severity::Info)
}
