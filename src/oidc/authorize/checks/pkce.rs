//! Every client proves at the token endpoint that it made the request.

use crate::client::Client;
use crate::error::{OauthError, invalid_request};
use crate::params::Params;
use crate::pkce::{BadChallenge, CodeChallenge};

/// `code_challenge` with method `S256` is required of every client, confidential ones too, but for those whose registration waives it.
///
/// An absent method means `plain` (RFC 7636, 4.3), which shows the verifier to whoever sees the request, so it is refused
/// (RFC 9700, 2.1.1). A challenge that comes although it is waived holds like any other.
pub(super) fn check(params: &Params, client: &Client) -> Result<Option<CodeChallenge>, OauthError> {
    let Some(challenge) = params.value("code_challenge") else {
        if client.requests.pkce_waived {
            return Ok(None);
        }
        return Err(invalid_request(
            "`code_challenge` is missing: every client must use PKCE with S256 (RFC 7636)",
        ));
    };
    match params.value("code_challenge_method") {
        Some("S256") => {}
        Some(other) => {
            return Err(invalid_request(format!("expected code_challenge_method `S256`, got `{other}`")));
        }
        None => {
            return Err(invalid_request(
                "`code_challenge_method` is missing, which means `plain`: send `S256`",
            ));
        }
    }
    challenge
        .parse()
        .map(Some)
        .map_err(|error: BadChallenge| invalid_request(format!("code_challenge: {error}")))
}
