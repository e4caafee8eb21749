//! Which claims are asked for one by one.

use crate::authorize::ClaimsRequest;
use crate::client::Client;
use crate::error::OauthError;
use crate::params::Params;

/// `claims` is a JSON object (OIDC Core, 5.5); claims whose scope the client may not have are overlooked, as unknown ones are.
pub(super) fn check(params: &Params, client: &Client) -> Result<ClaimsRequest, OauthError> {
    let Some(json) = params.value("claims") else { return Ok(ClaimsRequest::default()) };
    Ok(ClaimsRequest::parse(json)?.limited_to(&client.scopes))
}
