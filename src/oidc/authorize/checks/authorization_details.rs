//! What is asked in detail.

use serde_json::{Map, Value};

use crate::client::Client;
use crate::error::{ErrorCode, OauthError};
use crate::params::Params;

/// Most objects in one `authorization_details`.
pub const AUTHORIZATION_DETAILS_MAX_COUNT: usize = 16;

/// `authorization_details` is an array of objects, each of a `type` that the client registered (RFC 9396, 2 and 5).
///
/// What the fields of a type mean is between the client and the API it asks for; the person sees them all before saying yes.
pub fn check(params: &Params, client: &Client) -> Result<Vec<Map<String, Value>>, OauthError> {
    let Some(json) = params.value("authorization_details") else { return Ok(Vec::new()) };
    let invalid = |description: String| OauthError::new(ErrorCode::InvalidAuthorizationDetails, description);
    let details: Vec<jose::json::StrictObject> = serde_json::from_str(json)
        .map_err(|e| invalid(format!("expected `authorization_details` as a JSON array of objects: {e}")))?;
    if details.is_empty() || details.len() > AUTHORIZATION_DETAILS_MAX_COUNT {
        let got = details.len();
        return Err(invalid(format!("expected 1 to {AUTHORIZATION_DETAILS_MAX_COUNT} objects, got {got}")));
    }
    for jose::json::StrictObject(detail) in &details {
        let kind = detail.get("type").and_then(Value::as_str);
        let kind =
            kind.ok_or_else(|| invalid("each object of `authorization_details` needs a `type`".into()))?;
        if !client.authorization_details_types.iter().any(|registered| registered == kind) {
            return Err(invalid(format!("type `{kind}` is not registered for client `{}`", client.id)));
        }
    }
    Ok(details.into_iter().map(|detail| detail.0).collect())
}
