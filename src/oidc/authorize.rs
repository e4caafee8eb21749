//! The authorization request: a table of checks, then a typed request; and the two answers.
//!
//! - [`checks`] one rule per file, and the table that gives their order.
//! - [`interaction`] whether the person must log in or consent before the answer.
//! - [`response`] the addresses that carry the answers back.
//!
//! Two kinds of failure never mix: a [`PageError`] is shown to the person and goes nowhere, because who would receive it is
//! not known to be the client; a [`RedirectError`] exists only after the redirect URI has been found to be registered.

pub mod checks;
pub mod interaction;
pub mod response;

use crate::client::{Client, ClientId};
use crate::error::{ErrorCode, OauthError};
use crate::issuer::Issuer;
use crate::params::{Params, ParamsError};
use crate::pkce::CodeChallenge;
use crate::scope::{OPENID, Scope};

pub use checks::prompt::Prompts;
pub use response::{code_response_url, error_response_url};

/// An authorization request that passed every check.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Where the answer goes, as received.
    pub redirect_uri: String,
    /// What is asked, cut to what the client may be granted; never empty.
    pub scope: Scope,
    /// Which APIs the access token is for; empty when none is named (RFC 8707).
    pub resources: Vec<String>,
    /// The client's own value, echoed byte for byte.
    pub state: Option<String>,
    /// What goes into the ID token, byte for byte.
    pub nonce: Option<String>,
    /// What the token request's verifier must open.
    pub code_challenge: CodeChallenge,
    /// What the person must or must not be asked.
    pub prompt: Prompts,
    /// How long ago the login may be, in seconds.
    pub max_age_seconds: Option<i64>,
    /// The authentication context classes that are wished for, best first.
    pub acr_values: Vec<String>,
    /// The languages that are wished for, best first (BCP 47).
    pub ui_locales: Vec<String>,
    /// Who is probably about to log in.
    pub login_hint: Option<String>,
    /// An ID token that names who must be logged in; not verified here.
    pub id_token_hint: Option<String>,
}

/// Why an authorization request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Show a page; do not redirect.
    #[error(transparent)]
    Page(#[from] PageError),
    /// Redirect to the client.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
}

/// A refusal that is never redirected (RFC 6749, 4.1.2.1; RFC 9700, 4.11).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The query or body cannot be read.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// `client_id` or `redirect_uri` is not there.
    #[error("`{0}` is missing: send it with every authorization request")]
    Missing(&'static str),
    /// There is no such client, or it is disabled.
    #[error("client `{client_id}` is not registered here, or is disabled: check client_id and the issuer")]
    UnknownClient {
        /// What came.
        client_id: String,
    },
    /// The redirect URI is not one of the client's.
    #[error(
        "redirect_uri `{received}` is not registered for client `{client_id}`: register this exact string or send a registered one"
    )]
    RedirectUri {
        /// What came.
        received: String,
        /// Whose it should be.
        client_id: ClientId,
        /// What is registered; for the operator and the application's owner.
        registered: Vec<String>,
    },
}

/// A refusal that the client gets at its registered redirect URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct RedirectError {
    /// Where it goes: registered, as received.
    pub redirect_uri: String,
    /// The code and its description.
    pub error: OauthError,
    /// The client's state, byte for byte.
    pub state: Option<String>,
    /// Who answers (RFC 9207).
    pub iss: Issuer,
}

/// Reads the query or body of an authorization request.
///
/// A parameter that comes twice is remembered for [`check`], which says so to the client when it safely can.
pub fn parse(bytes: &[u8]) -> Result<Params, PageError> {
    Ok(Params::parse_keeping_duplicates(bytes)?)
}

/// Which client to look up.
pub fn client_id(params: &Params) -> Result<ClientId, PageError> {
    checks::client_id::check(params)
}

/// Walks down the table of checks; `client` is what was found under [`client_id`].
///
/// Source: RFC 6749, 4.1.1 and 4.1.2.1; OIDC Core, 3.1.2.2; RFC 9700, 2.1.
pub fn check(
    params: &Params,
    client: Option<&Client>,
    issuer: &Issuer,
) -> Result<AuthorizationRequest, Refusal> {
    let client = checks::client_id::known(params, client)?;
    let redirect_uri = checks::redirect_uri::check(params, client)?;
    let request = checks::run(params, client, redirect_uri).map_err(|error| RedirectError {
        redirect_uri: redirect_uri.to_owned(),
        error,
        state: params.value("state").map(str::to_owned),
        iss: issuer.clone(),
    })?;
    Ok(request)
}

impl AuthorizationRequest {
    /// Whether an ID token is asked for (OIDC Core, 3.1.2.1: `openid` is in the scope).
    pub fn is_openid(&self) -> bool {
        self.scope.contains(OPENID)
    }

    /// The refusal of this request for a reason found later: not logged in, no consent, access denied.
    pub fn refuse(&self, issuer: &Issuer, code: ErrorCode, description: &str) -> RedirectError {
        RedirectError {
            redirect_uri: self.redirect_uri.clone(),
            error: OauthError::new(code, description),
            state: self.state.clone(),
            iss: issuer.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
