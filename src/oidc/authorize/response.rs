//! The answers to an authorization request, and the addresses and forms that carry them.

use serde::Serialize;

use super::{AuthorizationRequest, RedirectError, ResponseMode};
use crate::client::ClientId;
use crate::issuer::Issuer;
use crate::lifetimes::SIGNED_RESPONSE_TTL_SECONDS;
use crate::params::append;

/// An answer, before it is put into an address, a form or a token.
///
/// Source: RFC 6749, 4.1.2 and 4.1.2.1; RFC 9207, 2 (`iss`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// Where it goes: registered, as received.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What it says, without `iss`.
    parameters: Vec<(&'static str, String)>,
    iss: Issuer,
}

/// An answer on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The browser is redirected there.
    Redirect(String),
    /// The browser posts the fields there (OAuth 2.0 Form Post Response Mode, 2).
    Form {
        /// The redirect URI.
        action: String,
        /// Names and values.
        fields: Vec<(&'static str, String)>,
    },
}

/// The claims of a signed answer (JARM, 2.1).
#[derive(Debug, Clone, Serialize)]
pub struct SignedResponseClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    exp: i64,
    #[serde(flatten)]
    parameters: serde_json::Map<String, serde_json::Value>,
}

impl AuthorizationResponse {
    /// The answer that carries a code; `session_state` for clients that watch the session (OIDC Session Management 1.0, 2).
    pub fn code(
        request: &AuthorizationRequest,
        code: String,
        session_state: Option<String>,
        issuer: &Issuer,
    ) -> Self {
        let mut parameters = vec![("code", code)];
        parameters.extend(request.state.clone().map(|state| ("state", state)));
        parameters.extend(session_state.map(|state| ("session_state", state)));
        Self {
            redirect_uri: request.redirect_uri.clone(),
            mode: request.response_mode,
            parameters,
            iss: issuer.clone(),
        }
    }

    /// With an ID token, for the response type that has one (OIDC Core, 3.3.2.5).
    #[must_use]
    pub fn with_id_token(mut self, id_token: Option<String>) -> Self {
        self.parameters.extend(id_token.map(|token| ("id_token", token)));
        self
    }

    /// The answer that carries a refusal.
    pub fn error(refusal: &RedirectError) -> Self {
        let mut parameters = vec![
            ("error", refusal.error.code.as_str().to_owned()),
            ("error_description", refusal.error.description().to_owned()),
        ];
        parameters.extend(refusal.state.clone().map(|state| ("state", state)));
        Self {
            redirect_uri: refusal.redirect_uri.clone(),
            mode: refusal.mode,
            parameters,
            iss: refusal.iss.clone(),
        }
    }

    /// The claims to sign for `client` when the mode is a signed one.
    pub fn claims<'a>(&'a self, client: &'a ClientId, now: base::Timestamp) -> SignedResponseClaims<'a> {
        SignedResponseClaims {
            iss: self.iss.as_str(),
            aud: client.as_str(),
            exp: now.plus_seconds(SIGNED_RESPONSE_TTL_SECONDS).unix_seconds(),
            parameters: self.parameters.iter().map(|(n, v)| ((*n).to_owned(), v.as_str().into())).collect(),
        }
    }

    /// The answer on its way, as plain parameters.
    pub fn deliver(self) -> Delivery {
        let Self { redirect_uri, mode, mut parameters, iss } = self;
        parameters.push(("iss", iss.as_str().to_owned()));
        with(redirect_uri, mode, parameters)
    }

    /// The answer on its way, as the token that its claims were signed into.
    pub fn deliver_signed(self, token: String) -> Delivery {
        with(self.redirect_uri, self.mode, vec![("response", token)])
    }
}

/// The registered URI's own query stays as it is.
fn with(redirect_uri: String, mode: ResponseMode, fields: Vec<(&'static str, String)>) -> Delivery {
    if mode.is_form() {
        return Delivery::Form { action: redirect_uri, fields };
    }
    let mut url = redirect_uri;
    if mode.is_fragment() {
        // INVARIANT: a registered redirect URI has no fragment of its own (RFC 6749, 3.1.2).
        let fields = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        return Delivery::Redirect(format!("{url}#{fields}"));
    }
    for (name, value) in fields {
        append(&mut url, name, &value);
    }
    Delivery::Redirect(url)
}
