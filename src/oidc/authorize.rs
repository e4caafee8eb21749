//! The authorization request: a table of checks, then a typed request; and the two answers.
//!
//! - [`checks`] one rule per file, and the table that gives their order.
//! - [`claims_request`] claims asked for one by one.
//! - [`request_object`] a request that its client signed.
//! - [`interaction`] whether the person must log in or consent before the answer.
//! - [`response`], [`response_mode`] the answers, and how they travel.
//!
//! Two kinds of failure never mix: a [`PageError`] is shown to the person and goes nowhere, because who would receive it is
//! not known to be the client; a [`RedirectError`] exists only after the redirect URI has been found to be registered.

pub mod checks;
pub mod claims_request;
pub mod interaction;
pub mod request_object;
pub mod response;
pub mod response_mode;

use serde_json::{Map, Value};

use crate::client::{Client, ClientId, GrantType};
use crate::error::{ErrorCode, OauthError};
use crate::issuer::Issuer;
use crate::params::{Params, ParamsError};
use crate::pkce::CodeChallenge;
use crate::scope::{OPENID, Scope};

pub use checks::prompt::Prompts;
pub use claims_request::{ClaimRequest, ClaimsRequest};
pub use response::{AuthorizationResponse, Delivery};
pub use response_mode::{AllowedModes, ResponseMode};

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
    /// What is asked in detail, for the APIs (RFC 9396).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Map<String, Value>>,
    /// Claims asked for one by one.
    #[serde(default, skip_serializing_if = "ClaimsRequest::is_empty")]
    pub claims: ClaimsRequest,
    /// Whether the answer carries an ID token beside the code (OIDC Core, 3.3).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_id_token: bool,
    /// How the answer travels.
    pub response_mode: ResponseMode,
    /// The client's own value, echoed byte for byte.
    pub state: Option<String>,
    /// What goes into the ID token, byte for byte.
    pub nonce: Option<String>,
    /// What the token request's verifier must open; `None` when the client's registration waives it.
    pub code_challenge: Option<CodeChallenge>,
    /// The thumbprint of the key that the code is bound to (RFC 9449, 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// What the person must or must not be asked.
    pub prompt: Prompts,
    /// How long ago the login may be, in seconds.
    pub max_age_seconds: Option<i64>,
    /// The authentication context classes of which one must be reached, best first; those that nobody knows are wishes.
    pub acr_values: Vec<String>,
    /// The languages that are wished for, best first (BCP 47).
    pub ui_locales: Vec<String>,
    /// Who is probably about to log in.
    pub login_hint: Option<String>,
    /// An ID token that names who must be logged in; not verified here.
    pub id_token_hint: Option<String>,
}

/// How a request came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Via {
    /// To the pushed authorization request endpoint, from a client that authenticated (RFC 9126).
    pub pushed: bool,
    /// In a request object that the client signed (RFC 9101).
    pub signed: bool,
}

/// Where a request's parameters are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// In the query or body itself.
    Plain,
    /// In this request object; what stands beside it is not looked at (RFC 9101, 6.3).
    Object(&'a str),
    /// Here already: it was pushed, and this is its name (RFC 9126, 4).
    Pushed(&'a str),
}

/// How the names of pushed requests begin (RFC 9126, 2.2).
pub const REQUEST_URI_PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

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
    /// The client's identifier is an address, and no client can be made of what is there.
    #[error("client_id `{client_id}`: {why}")]
    Document {
        /// What came.
        client_id: String,
        /// What was expected.
        why: String,
    },
    /// The pushed request is unknown, used, too old, or another client's (RFC 9126, 4).
    #[error(
        "request_uri `{received}` is unknown, used or expired, or is another client's: push the request again"
    )]
    RequestUri {
        /// What came.
        received: String,
    },
    /// The request object is not good, and nothing says where its client could be told.
    #[error("request object: {0}")]
    RequestObject(String),
    /// The redirect URI is not one of the client's.
    #[error(
        "redirect_uri `{received}` is not registered for client `{client_id}`, which has {}: register this exact string or send a registered one",
        crate::redirect_uri::listed(.registered)
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
    /// How.
    pub mode: ResponseMode,
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

/// Where the parameters are.
pub fn source(params: &Params) -> Result<Source<'_>, PageError> {
    match (params.value("request_uri"), params.value("request")) {
        (Some(_), Some(_)) => {
            Err(PageError::RequestObject("expected `request` or `request_uri`, not both".into()))
        }
        (Some(uri), None) if uri.starts_with(REQUEST_URI_PREFIX) => Ok(Source::Pushed(uri)),
        (None, Some(object)) => Ok(Source::Object(object)),
        _ => Ok(Source::Plain),
    }
}

/// Walks down the table of checks; `client` is what was found under [`client_id`].
///
/// Source: RFC 6749, 4.1.1 and 4.1.2.1; OIDC Core, 3.1.2.2; RFC 9700, 2.1.
pub fn check(
    params: &Params,
    client: Option<&Client>,
    via: Via,
    issuer: &Issuer,
) -> Result<AuthorizationRequest, Refusal> {
    let client = checks::client_id::known(params, client)?;
    let redirect_uri = checks::redirect_uri::check(params, client)?;
    let request = checks::run(params, client, redirect_uri, via)
        .map_err(|error| refusal(params, client, redirect_uri, error, issuer))?;
    Ok(request)
}

/// As [`check`], for a request that a client pushed after it authenticated: there is no browser, so every refusal is the client's to
/// hear. Source: RFC 9126, 2.1 and 2.3.
pub fn check_pushed(params: &Params, client: &Client, via: Via) -> Result<AuthorizationRequest, OauthError> {
    if let Some(duplicated) = params.duplicated().next() {
        return Err(ParamsError::Duplicated(duplicated.to_owned()).to_oauth_error());
    }
    let page = |error: PageError| crate::error::invalid_request(error.to_string());
    let redirect_uri = checks::redirect_uri::check(params, client).map_err(page)?;
    checks::run(params, client, redirect_uri, via)
}

/// The refusal of a request object: told to the client when what came beside it says where, else shown.
pub fn refuse_object(params: &Params, client: &Client, error: OauthError, issuer: &Issuer) -> Refusal {
    match checks::redirect_uri::check(params, client) {
        Ok(redirect_uri) => refusal(params, client, redirect_uri, error, issuer).into(),
        Err(_) => PageError::RequestObject(error.description().to_owned()).into(),
    }
}

fn refusal(
    params: &Params,
    client: &Client,
    redirect_uri: &str,
    error: OauthError,
    issuer: &Issuer,
) -> RedirectError {
    RedirectError {
        redirect_uri: redirect_uri.to_owned(),
        mode: checks::response_mode::of_refusal(params, client),
        error,
        state: params.value("state").map(str::to_owned),
        iss: issuer.clone(),
    }
}

impl AuthorizationRequest {
    /// Whether an ID token is asked for (OIDC Core, 3.1.2.1: `openid` is in the scope).
    pub fn is_openid(&self) -> bool {
        self.scope.contains(OPENID)
    }

    /// What is left of it when `client` is registered as it is now: what was taken out of the registration since the request came is asked for
    /// no more, as if it came now. `None` when it would be refused, or its answer could not go where it wants, or the way it wants.
    #[must_use]
    pub fn limited_to(mut self, client: &Client) -> Option<Self> {
        self.scope = checks::scope::within(&self.scope, client);
        self.claims = self.claims.limited_to(&client.scopes);
        let kind =
            |detail: &Map<String, Value>| detail.get("type").and_then(Value::as_str).map(str::to_owned);
        let stays = client.may_use(GrantType::AuthorizationCode)
            && client.has_redirect_uri(&self.redirect_uri)
            && client.response_modes.allows(self.response_mode)
            && !self.scope.is_empty()
            && self.resources.iter().all(|resource| client.audiences.contains(resource))
            && self
                .authorization_details
                .iter()
                .filter_map(kind)
                .all(|kind| client.authorization_details_types.contains(&kind));
        stays.then_some(self)
    }

    /// The refusal of this request for a reason found later: not logged in, no consent, access denied.
    pub fn refuse(&self, issuer: &Issuer, code: ErrorCode, description: &str) -> RedirectError {
        RedirectError {
            redirect_uri: self.redirect_uri.clone(),
            mode: self.response_mode,
            error: OauthError::new(code, description),
            state: self.state.clone(),
            iss: issuer.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
