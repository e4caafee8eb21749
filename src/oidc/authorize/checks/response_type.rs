//! Only codes are given out at the authorization endpoint, and ID tokens with them to clients that were registered for it.

use crate::client::{CODE_ID_TOKEN, Client};
use crate::error::{ErrorCode, OauthError, invalid_request};
use crate::params::Params;
use crate::scope::OPENID;

/// `response_type` must be `code`: no tokens in URLs (RFC 6749, 3.1.1; RFC 9700, 2.1.2). A client whose registration has it may ask for
/// `code id_token`, whose ID token says which code came with it; it needs `openid` and a `nonce` (OIDC Core, 3.3.2.1 and 3.3.2.11).
pub(super) fn check(params: &Params, client: &Client) -> Result<(), OauthError> {
    let asked = params.required("response_type")?;
    if asks_for_id_token(params) {
        return hybrid(params, client);
    }
    if asked == "code" {
        return Ok(());
    }
    Err(OauthError::new(
        ErrorCode::UnsupportedResponseType,
        format!("expected response_type `code`, got `{asked}`"),
    ))
}

fn hybrid(params: &Params, client: &Client) -> Result<(), OauthError> {
    if !client.requests.hybrid {
        return Err(OauthError::new(
            ErrorCode::UnsupportedResponseType,
            "expected response_type `code`, got `code id_token`: an administrator must register it for this client",
        ));
    }
    if !params.value("scope").is_some_and(|scope| scope.split(' ').any(|scope| scope == OPENID)) {
        return Err(invalid_request("response_type `code id_token` needs the scope `openid`"));
    }
    match params.value("nonce") {
        Some(_) => Ok(()),
        None => Err(invalid_request("`nonce` is missing: response_type `code id_token` needs it")),
    }
}

/// Whether the answer is to carry an ID token beside the code; the order of the words does not matter (OAuth 2.0 Multiple Response
/// Types, 3).
pub(in crate::authorize) fn asks_for_id_token(params: &Params) -> bool {
    matches!(params.value("response_type"), Some(CODE_ID_TOKEN | "id_token code"))
}
