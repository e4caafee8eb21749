//! Resource indicators: which API an access token is for.

use crate::client::Client;
use crate::error::{ErrorCode, OauthError};
use crate::params::Params;

/// Most `resource` parameters in one request.
pub const RESOURCES_MAX_COUNT: usize = 8;

/// The resources that `params` ask for; empty when none is named.
///
/// Each must be an absolute URI without a fragment that `client` may ask for. Source: RFC 8707, 2.
pub fn check(params: &Params, client: &Client) -> Result<Vec<String>, OauthError> {
    check_named(params, "resource", client)
}

/// The same for the parameter `name`, which names such resources (RFC 8693, 2.1, has `audience` beside `resource`).
pub(crate) fn check_named(params: &Params, name: &str, client: &Client) -> Result<Vec<String>, OauthError> {
    let mut resources: Vec<String> = Vec::new();
    for resource in params.values(name) {
        if !client.audiences.iter().any(|audience| audience == resource) {
            return Err(invalid_target(format!(
                "{name} `{resource}` is not registered for client `{}`: name one of its audiences",
                client.id
            )));
        }
        if !resources.iter().any(|r| r == resource) {
            resources.push(resource.to_owned());
        }
        if resources.len() > RESOURCES_MAX_COUNT {
            return Err(invalid_target(format!("expected at most {RESOURCES_MAX_COUNT} resources")));
        }
    }
    Ok(resources)
}

fn invalid_target(description: String) -> OauthError {
    OauthError::new(ErrorCode::InvalidTarget, description)
}
