//! Assertions about people by issuers that a client's registration trusts, as grants (RFC 7523, 2.1).

use base::{Secret, Timestamp};
use jose::{Audience, Expect, KeySet, Type};
use serde::{Deserialize, Serialize};

use crate::authorize::request_object::{CLOCK_LEEWAY_SECONDS, client_algorithms};
use crate::client::{Client, ClientKeys};
use crate::client_authentication::{AssertionUse, JTI_MAX_BYTES};
use crate::error::{ErrorCode, OauthError};
use crate::issuer::Issuer;
use crate::params::Params;
use crate::resource;
use crate::scope::{BadScope, OFFLINE_ACCESS, OPENID, Scope};

/// Most issuers in one registration.
pub const ISSUERS_MAX_COUNT: usize = 8;
/// Longest life of an assertion that is left, in seconds.
pub const ASSERTION_MAX_SECONDS: i64 = 600;
/// Longest issuer, in bytes.
const ISSUER_MAX_BYTES: usize = 512;

/// What `sub` of an assertion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectMapping {
    /// An account's identifier.
    AccountId,
    /// The name that the person logs in with.
    UserName,
}

/// An issuer whose assertions a client may bring, as it is registered; for administrators to say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredIssuer {
    /// Its name, the assertions' `iss`.
    pub iss: String,
    /// Its public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where its public keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// What its subjects are.
    pub subject: SubjectMapping,
}

/// An issuer whose assertions a client may bring.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// Its name, the assertions' `iss`.
    pub iss: String,
    /// What its assertions are verified with.
    pub keys: ClientKeys,
    /// What its subjects are.
    pub subject: SubjectMapping,
}

/// A request to turn an assertion into a token, typed. Holds a secret: not printable.
pub struct AssertionRequest {
    /// The assertion as it came.
    pub assertion: Secret<String>,
    /// What is granted; never more than the client's registration.
    pub scope: Scope,
    /// Which APIs the token is for (RFC 8707).
    pub resources: Vec<String>,
}

impl AssertionRequest {
    /// Reads the request of `client`, which has authenticated and is registered for the grant.
    ///
    /// Nobody logged in, so there is no ID token, and whoever asserts once must assert again, so there is no refreshing
    /// (RFC 7521, 4.1). Source: RFC 7523, 2.1.
    pub fn parse(params: &Params, client: &Client) -> Result<Self, OauthError> {
        let assertion = params.required("assertion")?;
        let most = client.scopes.filtered(|token| token != OPENID && token != OFFLINE_ACCESS);
        let parse = |text: &str| text.parse().map_err(|error: BadScope| error.to_oauth_error());
        let scope = match params.value("scope").map(parse).transpose()? {
            None => most,
            Some(requested) if most.covers(&requested) => requested,
            Some(requested) => {
                let description = format!(
                    "scope `{requested}` exceeds `{most}`, which client `{}` may have by assertion",
                    client.id
                );
                return Err(OauthError::new(ErrorCode::InvalidScope, description));
            }
        };
        Ok(Self {
            assertion: Secret::new(assertion.to_owned()),
            scope,
            resources: resource::check(params, client)?,
        })
    }
}

/// The issuer that `assertion` names, if `client` may bring its assertions. Nothing of the assertion is believed yet.
pub fn issuer_of<'a>(client: &'a Client, assertion: &str) -> Result<&'a TrustedIssuer, OauthError> {
    let named =
        jose::jws::unverified_issuer(assertion).ok_or_else(|| refused("expected a JWT with `iss`"))?;
    let trusted = client.assertion_issuers.iter().find(|issuer| issuer.iss == named);
    trusted.ok_or_else(|| refused("its issuer is not registered for this client"))
}

/// What an assertion says, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asserted {
    /// Of whom it speaks, in the issuer's words.
    pub subject: String,
    /// Its identifier, which must not be taken again while it lives.
    pub used: AssertionUse,
}

/// Whether `assertion` is one of `trusted`, whose keys are `keys`, for this provider, and alive.
///
/// That it was not shown before is the store's to say. Source: RFC 7523, 3.
pub fn check(
    trusted: &TrustedIssuer,
    assertion: &str,
    keys: &KeySet,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<Asserted, OauthError> {
    let algorithms = client_algorithms();
    let expect = Expect {
        typ: Type::Plain,
        issuer: &trusted.iss,
        audience: Audience::Is(issuer.as_str()),
        now,
        leeway_seconds: CLOCK_LEEWAY_SECONDS,
        ahead_seconds: CLOCK_LEEWAY_SECONDS,
        algorithms: &algorithms,
    };
    let verified =
        keys.verify(assertion, &expect).map_err(|rejected| refused(&rejected.reason().to_string()))?;
    let subject =
        verified.text("sub").filter(|sub| !sub.is_empty()).ok_or_else(|| refused("expected a `sub`"))?;
    let jti = verified.text("jti").filter(|jti| !jti.is_empty() && jti.len() <= JTI_MAX_BYTES);
    let jti = jti.ok_or_else(|| refused(&format!("expected a `jti` of 1 to {JTI_MAX_BYTES} bytes")))?;
    // INVARIANT: `verify` saw an `exp`.
    let expires = verified.time("exp").unwrap_or(now).plus_seconds(CLOCK_LEEWAY_SECONDS);
    if now.plus_seconds(ASSERTION_MAX_SECONDS + 2 * CLOCK_LEEWAY_SECONDS) < expires {
        return Err(refused(&format!("expected `exp` at most {ASSERTION_MAX_SECONDS} seconds from now")));
    }
    Ok(Asserted { subject: subject.to_owned(), used: AssertionUse { jti: jti.to_owned(), expires } })
}

/// Whether the issuer may be registered: a name, and keys of its own.
pub(crate) fn is_good(trusted: &TrustedIssuer) -> bool {
    let named = !trusted.iss.is_empty()
        && trusted.iss.len() <= ISSUER_MAX_BYTES
        && !trusted.iss.contains(char::is_control);
    named && !matches!(trusted.keys, ClientKeys::None)
}

/// Why an assertion is not taken (RFC 7521, 4.1.1).
pub fn refused(why: &str) -> OauthError {
    OauthError::new(ErrorCode::InvalidGrant, format!("assertion: {why}"))
}
