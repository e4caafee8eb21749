//! The error codes of OAuth 2.0 and OpenID Connect, and what may stand in a description.

use std::fmt;

/// Longest `error_description`, in characters.
pub const DESCRIPTION_MAX_CHARS: usize = 600;

/// Declares the codes with their wire names and sources in one table.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal;)+) => {
        /// An `error` value. HTTP statuses are not decided here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)+
        }

        impl ErrorCode {
            /// The value of `error` on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $wire,)+
                }
            }
        }
    };
}

error_codes! {
    /// A parameter is missing, repeated or malformed (RFC 6749, 4.1.2.1 and 5.2).
    InvalidRequest = "invalid_request";
    /// Client authentication failed (RFC 6749, 5.2).
    InvalidClient = "invalid_client";
    /// The code or refresh token is not good, or not for this client (RFC 6749, 5.2).
    InvalidGrant = "invalid_grant";
    /// This client may not do this (RFC 6749, 4.1.2.1 and 5.2).
    UnauthorizedClient = "unauthorized_client";
    /// The `grant_type` is not one of ours (RFC 6749, 5.2).
    UnsupportedGrantType = "unsupported_grant_type";
    /// The scope is malformed or exceeds what may be granted (RFC 6749, 4.1.2.1 and 5.2).
    InvalidScope = "invalid_scope";
    /// The `response_type` is not one of ours (RFC 6749, 4.1.2.1).
    UnsupportedResponseType = "unsupported_response_type";
    /// The person or the provider said no (RFC 6749, 4.1.2.1).
    AccessDenied = "access_denied";
    /// Our fault (RFC 6749, 4.1.2.1).
    ServerError = "server_error";
    /// Try again later (RFC 6749, 4.1.2.1).
    TemporarilyUnavailable = "temporarily_unavailable";
    /// The person must do something, and `prompt=none` forbids asking (OIDC Core, 3.1.2.6).
    InteractionRequired = "interaction_required";
    /// The person must log in, and `prompt=none` forbids asking (OIDC Core, 3.1.2.6).
    LoginRequired = "login_required";
    /// The person must choose an account, and `prompt=none` forbids asking (OIDC Core, 3.1.2.6).
    AccountSelectionRequired = "account_selection_required";
    /// The person must consent, and `prompt=none` forbids asking (OIDC Core, 3.1.2.6).
    ConsentRequired = "consent_required";
    /// The `request` parameter is not supported (OIDC Core, 3.1.2.6).
    RequestNotSupported = "request_not_supported";
    /// The `request_uri` parameter is not supported (OIDC Core, 3.1.2.6).
    RequestUriNotSupported = "request_uri_not_supported";
    /// The `registration` parameter is not supported (OIDC Core, 3.1.2.6).
    RegistrationNotSupported = "registration_not_supported";
    /// The request object is not good (RFC 9101, 7).
    InvalidRequestObject = "invalid_request_object";
    /// The pushed request is not good (RFC 9101, 7; RFC 9126, 4).
    InvalidRequestUri = "invalid_request_uri";
    /// The `authorization_details` are malformed or not for this client (RFC 9396, 5).
    InvalidAuthorizationDetails = "invalid_authorization_details";
    /// The proof of the key is not good (RFC 9449, 5).
    InvalidDpopProof = "invalid_dpop_proof";
    /// The proof must carry the nonce that is in the answer (RFC 9449, 8).
    UseDpopNonce = "use_dpop_nonce";
    /// Tokens of this kind are not revoked here (RFC 7009, 2.2.1).
    UnsupportedTokenType = "unsupported_token_type";
    /// The registration holds together but for a redirect URI (RFC 7591, 3.2.2).
    InvalidRedirectUri = "invalid_redirect_uri";
    /// The registration does not hold together (RFC 7591, 3.2.2).
    InvalidClientMetadata = "invalid_client_metadata";
    /// The software statement cannot be read, or is not what its issuer signed, or its time is over (RFC 7591, 3.2.2).
    InvalidSoftwareStatement = "invalid_software_statement";
    /// The software statement is by somebody who may not vouch here, or not for this (RFC 7591, 3.2.2).
    UnapprovedSoftwareStatement = "unapproved_software_statement";
    /// The `resource` is unknown, malformed or not for this client (RFC 8707, 2).
    InvalidTarget = "invalid_target";
    /// The asked `acr` cannot be reached (OpenID Connect Core Error Code `unmet_authentication_requirements` 1.0).
    UnmetAuthenticationRequirements = "unmet_authentication_requirements";
    /// The person has not answered yet (RFC 8628, 3.5).
    AuthorizationPending = "authorization_pending";
    /// As before, and asked too soon: the interval grows (RFC 8628, 3.5).
    SlowDown = "slow_down";
    /// The person did not answer in time (RFC 8628, 3.5).
    ExpiredToken = "expired_token";
    /// The hint names nobody who can be asked (OIDC CIBA Core 1.0, 13).
    UnknownUserId = "unknown_user_id";
    /// The message to be shown cannot be (OIDC CIBA Core 1.0, 13).
    InvalidBindingMessage = "invalid_binding_message";
    /// The access token is expired, revoked, malformed or not ours (RFC 6750, 3.1).
    InvalidToken = "invalid_token";
    /// The access token does not carry the scope (RFC 6750, 3.1).
    InsufficientScope = "insufficient_scope";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// An OAuth error as the caller may know it. Serialises to the JSON body of RFC 6749, 5.2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{code}: {description}")]
pub struct OauthError {
    /// The code, which programs read.
    #[serde(rename = "error")]
    pub code: ErrorCode,
    /// What was expected and what came, which the application's developers read; only characters of RFC 6749, 5.2.
    #[serde(rename = "error_description")]
    description: String,
}

impl OauthError {
    /// An error with `description`, in which characters that RFC 6749 forbids are replaced and which is cut at
    /// [`DESCRIPTION_MAX_CHARS`].
    pub fn new(code: ErrorCode, description: impl AsRef<str>) -> Self {
        let description = description.as_ref().chars().take(DESCRIPTION_MAX_CHARS).map(allowed).collect();
        Self { code, description }
    }

    /// The description: printable ASCII without `"` and `\`.
    pub fn description(&self) -> &str {
        &self.description
    }
}

/// `%x20-21 / %x23-5B / %x5D-7E` (RFC 6749, 4.1.2.1 and 5.2); anything else becomes its nearest relative.
const fn allowed(c: char) -> char {
    match c {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        _ => '?',
    }
}

/// Shorthand for the most common error.
pub fn invalid_request(description: impl AsRef<str>) -> OauthError {
    OauthError::new(ErrorCode::InvalidRequest, description)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_keeps_to_the_characters_the_standard_allows() {
        let error = invalid_request("the \"scope\" a\\b 印\r\nSet-Cookie: x");
        assert_eq!(error.description(), "the 'scope' a/b ???Set-Cookie: x");
        assert_eq!(OauthError::new(ErrorCode::ServerError, "x".repeat(9_999)).description().len(), 600);
    }

    #[test]
    fn an_error_serialises_to_the_two_members_of_rfc_6749() {
        let json = serde_json::to_value(invalid_request("`code` is missing")).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"error": "invalid_request", "error_description": "`code` is missing"})
        );
    }
}
