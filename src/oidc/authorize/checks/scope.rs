//! What is asked, cut to what the client may have.

use crate::client::{Client, GrantType};
use crate::error::{ErrorCode, OauthError};
use crate::params::Params;
use crate::scope::{BadScope, OFFLINE_ACCESS, Scope};

/// Scope tokens that the client may not have are left out (RFC 6749, 3.3; OIDC Core, 3.1.2.1: not understood, so ignored),
/// and the token response says what was granted; nothing left is an error.
///
/// `offline_access` stays only when the client could use a refresh token (OIDC Core, 11).
pub(crate) fn check(params: &Params, client: &Client) -> Result<Scope, OauthError> {
    let invalid = |description| OauthError::new(ErrorCode::InvalidScope, description);
    let Some(text) = params.value("scope") else {
        return Err(invalid("`scope` is missing: send `openid` and what else is needed".to_owned()));
    };
    let asked: Scope = text.parse().map_err(|error: BadScope| error.to_oauth_error())?;
    let scope = within(&asked, client);
    if scope.is_empty() {
        return Err(invalid(format!(
            "none of `{asked}` may be granted to client `{}`: it is registered for `{}`",
            client.id, client.scopes
        )));
    }
    Ok(scope)
}

/// What `client` may have of `asked`.
pub(crate) fn within(asked: &Scope, client: &Client) -> Scope {
    let may_refresh = client.may_use(GrantType::RefreshToken);
    asked.intersection(&client.scopes).filtered(|token| token != OFFLINE_ACCESS || may_refresh)
}
