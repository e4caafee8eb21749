//! What a client asks of the token endpoint, and the rules for codes, refresh tokens and machine clients.

use base::{Secret, Timestamp};

use crate::authorize::checks::authorization_details;
use crate::client::{Client, ClientId, GrantType};
use crate::deferred::{self, Channel};
use crate::details::{self, Details};
use crate::error::{ErrorCode, OauthError};
use crate::exchange::ExchangeRequest;
use crate::jwt_bearer::AssertionRequest;
use crate::lifetimes::{
    ACCESS_TOKEN_TTL_SECONDS, CODE_TTL_SECONDS, REFRESH_ABSOLUTE_SECONDS, REFRESH_IDLE_SECONDS,
};
use crate::params::Params;
use crate::pkce::{self, CodeChallenge, CodeVerifier};
use crate::resource;
use crate::scope::{BadScope, KNOWN, Scope};

/// Longest code or refresh token that is looked at, in bytes.
pub const GRANT_MAX_BYTES: usize = 512;

/// A token request of an authenticated client, typed. Holds secrets: not printable.
pub enum TokenRequest {
    /// Redeem a code (RFC 6749, 4.1.3; RFC 7636, 4.5).
    AuthorizationCode {
        /// The code as it came.
        code: Secret<String>,
        /// The redirect URI of the authorization request.
        redirect_uri: String,
        /// What opens the code challenge; `None` when none came.
        code_verifier: Option<CodeVerifier>,
        /// Less than what was granted in detail, when named (RFC 9396, 6).
        authorization_details: Option<Details>,
    },
    /// Rotate a refresh token (RFC 6749, 6).
    RefreshToken {
        /// The refresh token as it came.
        refresh_token: Secret<String>,
        /// Less than what was granted, when named.
        scope: Option<Scope>,
        /// Less than what was granted in detail, when named (RFC 9396, 6).
        authorization_details: Option<Details>,
    },
    /// A machine's own token (RFC 6749, 4.4).
    ClientCredentials {
        /// What is granted; never more than the client's registration.
        scope: Scope,
        /// Which APIs it is for (RFC 8707).
        resources: Vec<String>,
        /// What is granted in detail (RFC 9396, 6).
        authorization_details: Details,
    },
    /// Ask for what a person was to allow elsewhere (RFC 8628, 3.4).
    Deferred {
        /// How the person was asked.
        channel: Channel,
        /// The device code as it came.
        code: Secret<String>,
        /// Less than what was granted in detail, when named (RFC 9396, 6).
        authorization_details: Option<Details>,
    },
    /// Exchange a person's token for one of the client's own (RFC 8693, 2.1).
    Exchange(Box<ExchangeRequest>),
    /// Turn an assertion about a person into a token (RFC 7523, 2.1).
    Assertion(Box<AssertionRequest>),
}

impl TokenRequest {
    /// Reads the token request of `client`, which has authenticated.
    ///
    /// Fails with `invalid_request`, `unsupported_grant_type`, `unauthorized_client` when the grant is not registered for the
    /// client, `invalid_scope`, `invalid_target` or `invalid_authorization_details`. Source: RFC 6749, 5.2.
    pub fn parse(params: &Params, client: &Client) -> Result<Self, OauthError> {
        let grant_type = grant_type(params)?;
        if !client.may_use(grant_type) {
            return Err(OauthError::new(
                ErrorCode::UnauthorizedClient,
                format!("client `{}` is not registered for the grant {}", client.id, grant_type.as_str()),
            ));
        }
        match grant_type {
            GrantType::AuthorizationCode => Self::authorization_code(params, client),
            GrantType::RefreshToken => Self::refresh_token(params, client),
            GrantType::ClientCredentials => Self::client_credentials(params, client),
            GrantType::DeviceCode => Self::deferred(params, client, Channel::Device),
            GrantType::Ciba => Self::deferred(params, client, Channel::Backchannel),
            GrantType::JwtBearer => Ok(Self::Assertion(Box::new(AssertionRequest::parse(params, client)?))),
            GrantType::TokenExchange => Ok(Self::Exchange(Box::new(ExchangeRequest::parse(params, client)?))),
        }
    }

    /// The grant that is asked for.
    pub const fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode { .. } => GrantType::AuthorizationCode,
            Self::RefreshToken { .. } => GrantType::RefreshToken,
            Self::ClientCredentials { .. } => GrantType::ClientCredentials,
            Self::Deferred { channel, .. } => channel.grant_type(),
            Self::Exchange(_) => GrantType::TokenExchange,
            Self::Assertion(_) => GrantType::JwtBearer,
        }
    }

    fn authorization_code(params: &Params, client: &Client) -> Result<Self, OauthError> {
        // A verifier that cannot be one opens nothing: `invalid_grant`, as RFC 7636, 4.6 has it for every one that does not fit.
        let code_verifier =
            params.value("code_verifier").map(str::parse).transpose().map_err(|_| code_refused())?;
        Ok(Self::AuthorizationCode {
            code: bounded(params.required("code")?).ok_or_else(code_refused)?,
            redirect_uri: params.required("redirect_uri")?.to_owned(),
            code_verifier,
            authorization_details: details::requested(params, client)?,
        })
    }

    fn refresh_token(params: &Params, client: &Client) -> Result<Self, OauthError> {
        Ok(Self::RefreshToken {
            refresh_token: bounded(params.required("refresh_token")?).ok_or_else(refresh_token_refused)?,
            scope: requested_scope(params)?,
            authorization_details: details::requested(params, client)?,
        })
    }

    fn client_credentials(params: &Params, client: &Client) -> Result<Self, OauthError> {
        Ok(Self::ClientCredentials {
            scope: machine_scope(requested_scope(params)?, client)?,
            resources: resource::check(params, client)?,
            authorization_details: authorization_details::check(params, client)?,
        })
    }

    fn deferred(params: &Params, client: &Client, channel: Channel) -> Result<Self, OauthError> {
        let code = params.required(channel.parameter())?;
        let code = bounded(code).ok_or_else(deferred::refused)?;
        Ok(Self::Deferred { channel, code, authorization_details: details::requested(params, client)? })
    }
}

/// What was written down when a code was given out, as far as its redemption is decided here.
#[derive(Debug, Clone, Copy)]
pub struct IssuedCode<'a> {
    /// Whom it was given to.
    pub client_id: &'a ClientId,
    /// The redirect URI of the authorization request.
    pub redirect_uri: &'a str,
    /// The challenge of the authorization request; `None` when it carried none.
    pub code_challenge: Option<&'a CodeChallenge>,
    /// When.
    pub issued: Timestamp,
}

/// Why a grant is refused; for the operator. The client gets [`code_refused`] or [`refresh_token_refused`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefused {
    /// It was given to another client.
    #[error("the grant was issued to another client")]
    OtherClient,
    /// Its time is over.
    #[error("the grant has expired")]
    Expired,
    /// The redirect URI is not that of the authorization request.
    #[error("redirect_uri is not that of the authorization request")]
    RedirectUri,
    /// The verifier does not open the challenge.
    #[error("code_verifier does not open the code_challenge")]
    Verifier,
}

/// Whether `client` may redeem the code it showed. That nobody redeemed it before is the store's to say.
///
/// Source: RFC 6749, 4.1.3; RFC 7636, 4.6; RFC 9700, 2.1.1.
pub fn check_redemption(
    code: &IssuedCode<'_>,
    client: &Client,
    redirect_uri: &str,
    verifier: Option<&CodeVerifier>,
    now: Timestamp,
) -> Result<(), GrantRefused> {
    if *code.client_id != client.id {
        Err(GrantRefused::OtherClient)
    } else if now >= code.issued.plus_seconds(CODE_TTL_SECONDS) {
        Err(GrantRefused::Expired)
    } else if code.redirect_uri != redirect_uri {
        Err(GrantRefused::RedirectUri)
    } else if !opens(verifier, code.code_challenge) {
        Err(GrantRefused::Verifier)
    } else {
        Ok(())
    }
}

/// A verifier for a request without a challenge is refused too: somebody took the challenge out of it (RFC 9700, 4.8.2).
fn opens(verifier: Option<&CodeVerifier>, challenge: Option<&CodeChallenge>) -> bool {
    match (verifier, challenge) {
        (Some(verifier), Some(challenge)) => pkce::verify(verifier, challenge),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether `client` may still use a refresh token issued to `client_id` at `issued`, of a family that began at `family_began`.
///
/// Source: RFC 6749, 6; RFC 9700, 4.14.2; ASVS 5.0 V10.4.8.
pub fn check_refresh(
    client_id: &ClientId,
    issued: Timestamp,
    family_began: Timestamp,
    client: &Client,
    now: Timestamp,
) -> Result<(), GrantRefused> {
    let idle_too_long = now >= issued.plus_seconds(REFRESH_IDLE_SECONDS);
    let too_old = now >= family_began.plus_seconds(REFRESH_ABSOLUTE_SECONDS);
    if *client_id != client.id {
        Err(GrantRefused::OtherClient)
    } else if idle_too_long || too_old {
        Err(GrantRefused::Expired)
    } else {
        Ok(())
    }
}

/// What a refreshed token may do: what was granted, or less; never more (RFC 6749, 6).
pub fn refreshed_scope(granted: &Scope, requested: Option<&Scope>) -> Result<Scope, OauthError> {
    match requested {
        None => Ok(granted.clone()),
        Some(requested) if !requested.is_empty() && granted.covers(requested) => Ok(requested.clone()),
        Some(requested) => Err(OauthError::new(
            ErrorCode::InvalidScope,
            format!(
                "scope `{requested}` exceeds `{granted}`, which was granted: ask for less, or authorize again"
            ),
        )),
    }
}

/// The one refusal of codes: it does not say which condition failed.
pub fn code_refused() -> OauthError {
    OauthError::new(
        ErrorCode::InvalidGrant,
        "the code is unknown, used or expired, or was issued for another client, redirect_uri or code_challenge",
    )
}

/// The one refusal of refresh tokens: it does not say which condition failed.
pub fn refresh_token_refused() -> OauthError {
    OauthError::new(
        ErrorCode::InvalidGrant,
        "the refresh token is unknown, used, expired or revoked, or was issued to another client",
    )
}

/// The refusal to revoke a token that was given to another client (RFC 7009, 2.1).
pub fn others_token() -> OauthError {
    OauthError::new(ErrorCode::InvalidGrant, "the token was issued to another client")
}

/// A successful answer of the token endpoint (RFC 6749, 5.1; OIDC Core, 3.1.3.3). Holds tokens: not printable.
#[derive(serde::Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// `Bearer` (RFC 6750), or `DPoP` when it is bound to a key (RFC 9449, 5).
    pub token_type: &'static str,
    /// The access token's lifetime in seconds.
    pub expires_in: i64,
    /// What was granted, which may be less than what was asked.
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The ID token, when `openid` was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// The refresh token, when one was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// What was granted in detail (RFC 9396, 7).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Details,
    /// What `access_token` is, when a token was exchanged for it (RFC 8693, 2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
}

impl TokenResponse {
    /// A bearer token with the usual lifetime and nothing beside it.
    pub const fn bearer(access_token: String, scope: Scope) -> Self {
        Self {
            access_token,
            token_type: "Bearer",
            expires_in: ACCESS_TOKEN_TTL_SECONDS,
            scope,
            id_token: None,
            refresh_token: None,
            authorization_details: Vec::new(),
            issued_token_type: None,
        }
    }

    /// The same, bound to a key that its bearer must prove to hold (RFC 9449, 5).
    #[must_use]
    pub fn bound(self, is_bound: bool) -> Self {
        if is_bound { Self { token_type: crate::dpop::SCHEME, ..self } } else { self }
    }
}

fn grant_type(params: &Params) -> Result<GrantType, OauthError> {
    let text = params.required("grant_type")?;
    GrantType::parse(text).ok_or_else(|| {
        let known = GrantType::ALL.map(GrantType::as_str).join(", ");
        OauthError::new(
            ErrorCode::UnsupportedGrantType,
            format!("expected grant_type of {known}, got `{text}`"),
        )
    })
}

fn bounded(grant: &str) -> Option<Secret<String>> {
    (grant.len() <= GRANT_MAX_BYTES).then(|| Secret::new(grant.to_owned()))
}

fn requested_scope(params: &Params) -> Result<Option<Scope>, OauthError> {
    let parse = |text: &str| text.parse().map_err(|error: BadScope| error.to_oauth_error());
    params.value("scope").map(parse).transpose()
}

/// A machine gets what it names or, naming nothing, all it is registered for; never a scope that speaks of a person.
fn machine_scope(requested: Option<Scope>, client: &Client) -> Result<Scope, OauthError> {
    let allowed = client.scopes.filtered(|token| !KNOWN.contains(&token));
    match requested {
        None => Ok(allowed),
        Some(requested) if allowed.covers(&requested) => Ok(requested),
        Some(requested) => Err(OauthError::new(
            ErrorCode::InvalidScope,
            format!(
                "scope `{requested}` exceeds `{allowed}`, which client `{}` may have for itself",
                client.id
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{
        CHALLENGE, REDIRECT_URI, VERIFIER, machine_client, native_client, params, web_client,
    };

    fn refusal(client: &Client, pairs: &[(&str, &str)]) -> OauthError {
        TokenRequest::parse(&params(pairs), client).err().unwrap()
    }

    fn code_request() -> Vec<(&'static str, &'static str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("code", "c0de"),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ]
    }

    #[test]
    fn a_code_request_becomes_typed() {
        let request = TokenRequest::parse(&params(&code_request()), &web_client()).ok().unwrap();
        assert_eq!(request.grant_type(), GrantType::AuthorizationCode);
        let TokenRequest::AuthorizationCode { code, redirect_uri, .. } = request else {
            panic!("another grant")
        };
        assert_eq!((code.expose().as_str(), redirect_uri.as_str()), ("c0de", REDIRECT_URI));
    }

    #[test]
    fn every_missing_parameter_is_named() {
        for missing in ["grant_type", "code", "redirect_uri"] {
            let pairs: Vec<_> = code_request().into_iter().filter(|(name, _)| *name != missing).collect();
            let error = refusal(&web_client(), &pairs);
            assert_eq!(error.code, ErrorCode::InvalidRequest);
            assert!(error.description().contains(missing), "{error}");
        }
        assert!(
            refusal(&web_client(), &[("grant_type", "refresh_token")])
                .description()
                .contains("refresh_token")
        );
    }

    #[test]
    fn a_grant_must_be_known_and_registered() {
        for unknown in ["password", "implicit", "urn:ietf:params:oauth:grant-type:saml2-bearer"] {
            assert_eq!(
                refusal(&web_client(), &[("grant_type", unknown)]).code,
                ErrorCode::UnsupportedGrantType
            );
        }
        assert_eq!(
            refusal(&web_client(), &[("grant_type", "client_credentials")]).code,
            ErrorCode::UnauthorizedClient
        );
        for other in GrantType::ALL.into_iter().filter(|grant| !web_client().may_use(*grant)) {
            let error = refusal(&web_client(), &[("grant_type", other.as_str())]);
            assert_eq!(error.code, ErrorCode::UnauthorizedClient, "{error}");
        }
        assert_eq!(refusal(&machine_client(), &code_request()).code, ErrorCode::UnauthorizedClient);
    }

    #[test]
    fn a_code_is_redeemed_in_time_by_whom_it_was_given_to_with_what_it_was_asked_with() {
        let (client, challenge) = (web_client(), CHALLENGE.parse().unwrap());
        let issued = Timestamp::from_unix_seconds(1_795_507_200);
        let code = IssuedCode {
            client_id: &client.id,
            redirect_uri: REDIRECT_URI,
            code_challenge: Some(&challenge),
            issued,
        };
        let verifier: CodeVerifier = VERIFIER.parse().ok().unwrap();
        let at = |seconds| issued.plus_seconds(seconds);
        assert_eq!(check_redemption(&code, &client, REDIRECT_URI, Some(&verifier), at(59)), Ok(()));
        assert_eq!(
            check_redemption(&code, &client, REDIRECT_URI, Some(&verifier), at(60)),
            Err(GrantRefused::Expired)
        );
        assert_eq!(
            check_redemption(&code, &native_client(), REDIRECT_URI, Some(&verifier), at(1)),
            Err(GrantRefused::OtherClient)
        );
        assert_eq!(
            check_redemption(&code, &client, "https://app.example/cb", Some(&verifier), at(1)),
            Err(GrantRefused::RedirectUri)
        );
        let wrong = "x".repeat(43).parse().ok().unwrap();
        assert_eq!(
            check_redemption(&code, &client, REDIRECT_URI, Some(&wrong), at(1)),
            Err(GrantRefused::Verifier)
        );
        assert_eq!(
            check_redemption(&code, &client, REDIRECT_URI, None, at(1)),
            Err(GrantRefused::Verifier),
            "none came"
        );
        let unbound = IssuedCode { code_challenge: None, ..code };
        assert_eq!(check_redemption(&unbound, &client, REDIRECT_URI, None, at(1)), Ok(()));
        assert_eq!(
            check_redemption(&unbound, &client, REDIRECT_URI, Some(&verifier), at(1)),
            Err(GrantRefused::Verifier),
            "somebody took the challenge out of the request"
        );
        assert_eq!(code_refused().code, ErrorCode::InvalidGrant);
    }

    #[test]
    fn a_refresh_token_dies_unused_after_two_weeks_and_in_any_case_after_ninety_days() {
        let client = web_client();
        let began = Timestamp::from_unix_seconds(1_795_507_200);
        let day = |n: i64| began.plus_seconds(n * 86_400);
        assert_eq!(check_refresh(&client.id, day(80), began, &client, day(89)), Ok(()));
        assert_eq!(check_refresh(&client.id, day(80), began, &client, day(90)), Err(GrantRefused::Expired));
        assert_eq!(check_refresh(&client.id, began, began, &client, day(14)), Err(GrantRefused::Expired));
        assert_eq!(
            check_refresh(&client.id, began, began, &native_client(), day(1)),
            Err(GrantRefused::OtherClient)
        );
    }

    #[test]
    fn scope_shrinks_and_never_grows() {
        let granted: Scope = "openid profile".parse().unwrap();
        let ask = |text: &str| refreshed_scope(&granted, Some(&text.parse().unwrap()));
        assert_eq!(refreshed_scope(&granted, None), Ok(granted.clone()));
        assert_eq!(ask("openid").unwrap().to_string(), "openid");
        assert_eq!(ask("openid email").unwrap_err().code, ErrorCode::InvalidScope);
    }

    #[test]
    fn a_machine_gets_its_own_scopes_and_audiences_and_nothing_about_people() {
        let machine = machine_client();
        let grant = ("grant_type", "client_credentials");
        let resource = ("resource", "https://api.tax.example");
        let request = TokenRequest::parse(&params(&[grant, resource]), &machine).ok().unwrap();
        let TokenRequest::ClientCredentials { scope, resources, .. } = request else {
            panic!("another grant")
        };
        assert_eq!(
            (scope.to_string().as_str(), resources),
            ("tax:read tax:write", vec![resource.1.to_owned()])
        );

        assert_eq!(refusal(&machine, &[grant, ("scope", "tax:admin")]).code, ErrorCode::InvalidScope);
        assert_eq!(refusal(&machine, &[grant, ("scope", "openid")]).code, ErrorCode::InvalidScope);
        assert_eq!(refusal(&machine, &[grant, ("scope", "a\"b")]).code, ErrorCode::InvalidScope);
        assert_eq!(
            refusal(&machine, &[grant, ("resource", "https://other.example")]).code,
            ErrorCode::InvalidTarget
        );
    }

    #[test]
    fn a_token_response_says_what_was_granted() {
        let response = TokenResponse::bearer("at".into(), "tax:read".parse().unwrap());
        assert_eq!(
            serde_json::to_value(response).unwrap(),
            serde_json::json!({"access_token": "at", "token_type": "Bearer", "expires_in": 600, "scope": "tax:read"})
        );
    }
}
