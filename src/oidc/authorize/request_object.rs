//! A request that its client signed (RFC 9101).

use base::Timestamp;
use jose::{Algorithm, Audience, Expect, KeySet, Type, Verified};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::error::{ErrorCode, OauthError};
use crate::issuer::Issuer;
use crate::params::Params;

/// The type of a request object's header (RFC 9101, 10.8); it may also be absent, or `JWT`.
const TYP: &str = "oauth-authz-req+jwt";
/// How long a request object may live, and how long ago its life may have begun, in seconds (FAPI 2.0 Message Signing, 5.3.1: 60 minutes).
pub const REQUEST_OBJECT_MAX_SECONDS: i64 = 3_600;
/// How far the client's clock may be from ours, in seconds (FAPI 2.0 Security Profile, 5.3.2.1: 10 accepted, 60 refused).
pub const CLOCK_LEEWAY_SECONDS: i64 = 10;

/// The algorithms that a client may sign with without having registered one.
///
/// RS256 is not among them (FAPI 2.0 Security Profile, 5.4.1: RSASSA-PKCS1-v1_5 has no proof of security): who registers it may use it.
pub fn client_algorithms() -> Vec<Algorithm> {
    Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::Rs256).collect()
}

/// The parameters in a request object of `client`, verified with `keys`.
///
/// It must be signed by the client (`iss`) for this issuer (`aud`), live (`exp`), not for longer than an hour, and, from clients that
/// sign everything, say since when (`nbf`). Every failure is `invalid_request_object`. Source: RFC 9101, 4, 6 and 10.2.
pub fn verify(
    object: &str,
    client: &Client,
    keys: &KeySet,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<Params, OauthError> {
    let algorithms = client.requests.alg.map_or_else(client_algorithms, |alg| vec![alg]);
    let expect = Expect {
        typ: Type::IsOrPlain(TYP),
        issuer: client.id.as_str(),
        audience: Audience::Includes(issuer.as_str()),
        now,
        leeway_seconds: CLOCK_LEEWAY_SECONDS,
        ahead_seconds: CLOCK_LEEWAY_SECONDS,
        algorithms: &algorithms,
    };
    let verified = keys.verify(object, &expect).map_err(|rejected| invalid(rejected.reason().to_string()))?;
    check_life(&verified, client, now)?;
    let params = Params::from_members(parameters(&verified.claims)?).map_err(|e| invalid(e.to_string()))?;
    match params.value("client_id") {
        Some(id) if id == client.id.as_str() => Ok(params),
        _ => Err(invalid(format!("expected `client_id` to be `{}`", client.id))),
    }
}

fn check_life(verified: &Verified, client: &Client, now: Timestamp) -> Result<(), OauthError> {
    let begins = verified.time("nbf");
    if begins.is_none() && client.requests.signed_only {
        return Err(invalid("expected `nbf`: say since when the request is good".to_owned()));
    }
    let begins = begins.or_else(|| verified.time("iat"));
    let too_old = begins.is_some_and(|at| at.plus_seconds(REQUEST_OBJECT_MAX_SECONDS) < now);
    let from = begins.unwrap_or(now);
    let too_long = verified.time("exp").is_none_or(|exp| from.plus_seconds(REQUEST_OBJECT_MAX_SECONDS) < exp);
    if too_old || too_long {
        let most = REQUEST_OBJECT_MAX_SECONDS;
        return Err(invalid(format!(
            "expected a life of at most {most} seconds, begun at most {most} seconds ago"
        )));
    }
    Ok(())
}

/// The request's parameters: every claim that is not about the object itself, as the text that a query would have.
fn parameters(claims: &Map<String, Value>) -> Result<Vec<(String, String)>, OauthError> {
    const ABOUT_THE_OBJECT: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"];
    let mut pairs = Vec::new();
    if claims.contains_key("sub") {
        // With a `sub` it could be shown as a client assertion by whoever sees it in the browser (RFC 9101, 10.8).
        return Err(invalid("expected no `sub` in it".to_owned()));
    }
    if let Some(inner) = ["request", "request_uri"].into_iter().find(|name| claims.contains_key(*name)) {
        return Err(invalid(format!("expected no `{inner}` in it (RFC 9101, 4)")));
    }
    for (name, value) in claims.iter().filter(|(name, _)| !ABOUT_THE_OBJECT.contains(&name.as_str())) {
        match value {
            Value::Null => {}
            Value::String(text) => pairs.push((name.clone(), text.clone())),
            Value::Array(values) if name == "resource" => {
                for value in values {
                    let text =
                        value.as_str().ok_or_else(|| invalid("expected `resource` to hold texts".into()))?;
                    pairs.push((name.clone(), text.to_owned()));
                }
            }
            other => pairs.push((name.clone(), other.to_string())),
        }
    }
    Ok(pairs)
}

fn invalid(description: String) -> OauthError {
    OauthError::new(ErrorCode::InvalidRequestObject, format!("request object: {description}"))
}
