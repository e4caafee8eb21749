//! A relying application and a system, as the tour plays them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jose::{Algorithm, Audience, Expect, Jwks, KeySet, Type, Verified};
use reqwest::Url;
use serde_json::Value;

use super::{TourError, check};
use crate::browser::Browser;
use crate::demo::SampleApplication;

/// Tokens as an application receives them.
pub(crate) struct Tokens {
    pub access: String,
    pub id: Option<String>,
    pub refresh: Option<String>,
}

/// An application that logs people in.
pub(crate) struct RelyingApplication<'a> {
    pub registration: &'a SampleApplication,
    pub issuer: &'a str,
    verifier: String,
    nonce: String,
}

impl<'a> RelyingApplication<'a> {
    pub(crate) fn new(registration: &'a SampleApplication, issuer: &'a str) -> Self {
        let token = || base::entropy::token(&base::OsEntropy);
        Self { registration, issuer, verifier: token(), nonce: token() }
    }

    fn redirect_uri(&self) -> &str {
        self.registration.redirect_uris.first().map_or("", String::as_str)
    }

    /// The address that starts a login for `scope`.
    pub(crate) fn request(&self, scope: &str) -> Result<String, TourError> {
        let verifier: oidc::pkce::CodeVerifier =
            self.verifier.parse().map_err(|e| TourError::DoesNotHold(format!("code verifier: {e}")))?;
        let mut url = Url::parse(&format!("{}/oauth2/authorize", self.issuer))
            .map_err(|e| TourError::DoesNotHold(e.to_string()))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.registration.client_id)
            .append_pair("redirect_uri", self.redirect_uri())
            .append_pair("scope", scope)
            .append_pair("state", "tour-state")
            .append_pair("nonce", &self.nonce)
            .append_pair("code_challenge_method", "S256")
            .append_pair("code_challenge", verifier.challenge().as_str());
        Ok(url.into())
    }

    /// The code in the answer; state and issuer are checked as an application must (RFC 9207).
    pub(crate) fn code(&self, answer: &Url) -> Result<String, TourError> {
        let value = |name: &str| answer.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        check(value("state").as_deref() == Some("tour-state"), "the answer carries the application's state")?;
        check(value("iss").as_deref() == Some(self.issuer), "the answer names its issuer (RFC 9207)")?;
        value("code").ok_or_else(|| TourError::DoesNotHold(format!("expected a code, got {answer}")))
    }

    /// Redeems the code; the status and the body of the answer.
    pub(crate) async fn redeem(&self, browser: &Browser, code: &str) -> Result<(u16, Value), TourError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri()),
            ("code_verifier", &self.verifier),
        ];
        self.token_request(browser, &form).await
    }

    /// Refreshes.
    pub(crate) async fn refresh(&self, browser: &Browser, token: &str) -> Result<(u16, Value), TourError> {
        self.token_request(browser, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn token_request(
        &self,
        browser: &Browser,
        form: &[(&str, &str)],
    ) -> Result<(u16, Value), TourError> {
        token_request(browser, self.issuer, self.registration, form).await
    }

    /// Verifies the ID token with the published keys alone, as the application does.
    pub(crate) async fn verify_id_token(
        &self,
        browser: &Browser,
        token: &str,
        algorithm: Algorithm,
    ) -> Result<Verified, TourError> {
        let path = if algorithm.is_national() { "/oauth2/jwks-sm" } else { "/oauth2/jwks" };
        let body = browser.client().get(browser.url(path)?).send().await?.bytes().await?;
        let jwks = Jwks::from_json(&body).map_err(|e| TourError::DoesNotHold(format!("key set: {e}")))?;
        let keys = KeySet::from_jwks(&jwks).map_err(|e| TourError::DoesNotHold(format!("key set: {e}")))?;
        let expect = Expect {
            typ: Type::Plain,
            issuer: self.issuer,
            audience: Audience::Includes(&self.registration.client_id),
            now: base::Clock::now(&base::SystemClock),
            leeway_seconds: 5,
            ahead_seconds: 5,
            algorithms: &[algorithm],
        };
        let verified = keys.verify(token, &expect);
        let verified = verified.map_err(|e| TourError::DoesNotHold(format!("ID token: {}", e.reason())))?;
        check(verified.text("nonce") == Some(&self.nonce), "the ID token carries the application's nonce")?;
        Ok(verified)
    }
}

/// The tokens in an answer of the token endpoint.
pub(crate) fn tokens((status, body): (u16, Value)) -> Result<Tokens, TourError> {
    check(status == 200, &format!("expected tokens, got {status}: {body}"))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let access = text("access_token").ok_or_else(|| TourError::DoesNotHold("no access token".to_owned()))?;
    Ok(Tokens { access, id: text("id_token"), refresh: text("refresh_token") })
}

/// A machine's own token.
pub(crate) async fn machine_token(
    browser: &Browser,
    issuer: &str,
    application: &SampleApplication,
) -> Result<String, TourError> {
    let answer = token_request(browser, issuer, application, &[("grant_type", "client_credentials")]).await?;
    Ok(tokens(answer)?.access)
}

async fn token_request(
    browser: &Browser,
    issuer: &str,
    application: &SampleApplication,
    form: &[(&str, &str)],
) -> Result<(u16, Value), TourError> {
    let credentials = STANDARD.encode(format!("{}:{}", application.client_id, application.client_secret));
    let request = browser.client().post(format!("{issuer}/oauth2/token")).form(form);
    let response = request.header("authorization", format!("Basic {credentials}")).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}
