//! What we say to upstream providers, through the `openidconnect` crate over our own calls out: what they publish, the way to their login
//! page, the code for tokens, and who the person is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use base::Timestamp;
use base::encoding::from_base64url;
use chrono::{DateTime, Utc};
use jose::{Algorithm, Audience, Expect, Jwks, KeySet, Type, Verified};
use oidc::client_authentication::ASSERTION_TYPE;
use oidc::lifetimes::UPSTREAM_LOGIN_TTL_SECONDS;
use oidc::logout::LOGOUT_TOKEN_TYP;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
    CoreClientAuthMethod, CoreGenderClaim, CoreGrantType, CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AdditionalProviderMetadata, AsyncHttpClient, AuthType,
    AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, Scope, SignatureVerificationError,
    SubjectIdentifier, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use crate::env::Env;
use crate::error::Fault;
use crate::outbound::{Outbound, OutboundError};
use crate::upstreams::{Authentication, Upstream};

/// How long what a provider publishes is used without looking again, in seconds.
const KEPT_SECONDS: i64 = 3_600;
/// How long it is used when the provider does not answer, in seconds.
const KEPT_IN_NEED_SECONDS: i64 = 86_400;
/// How long after looking a token under an unknown key makes us look again, and a provider that did not answer is left alone, in seconds.
const LOOK_AGAIN_SECONDS: i64 = 10;
/// How far a provider's clock may be from ours, in seconds.
pub(crate) const CLOCK_LEEWAY_SECONDS: i64 = 60;
/// How long an assertion of ours is good, in seconds.
const ASSERTION_TTL_SECONDS: i64 = 60;
/// Longest subject (OIDC Core, 2: 255 ASCII characters).
const SUBJECT_MAX_BYTES: usize = 255;
/// Most methods that are read of one login.
const AMR_MAX: usize = 16;
/// What may have signed an ID token: nothing with a shared secret, and not nothing.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EdDsa,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
];

/// What RFC 9207, 3 adds to the metadata.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Announced {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Announced {}

type Metadata = ProviderMetadata<
    Announced,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What a provider publishes, as it was read last; and when it could not be read.
#[derive(Default)]
pub(crate) struct Looked {
    known: Option<Known>,
    failed: Option<Timestamp>,
}

#[derive(Clone)]
struct Known {
    metadata: Arc<Metadata>,
    at: Timestamp,
}

/// Why a provider could not be used, or what it said is not believed. The reason is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// It does not answer, or not with what it should.
    #[error("{what}: {why}")]
    Unusable {
        /// What was asked.
        what: &'static str,
        /// What came.
        why: String,
    },
    /// It answered something that must not be believed.
    #[error("{what}: {why}")]
    Unbelievable {
        /// What was looked at.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Our own fault.
    #[error("{0}")]
    Ours(Fault),
}

fn unusable(what: &'static str, why: impl std::fmt::Display) -> UpstreamError {
    UpstreamError::Unusable { what, why: why.to_string() }
}

fn unbelievable(what: &'static str, why: impl std::fmt::Display) -> UpstreamError {
    UpstreamError::Unbelievable { what, why: why.to_string() }
}

/// What a login is asked for with.
pub(crate) struct Asking<'a> {
    pub(crate) state: &'a str,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    /// The person is to authenticate again.
    pub(crate) again: bool,
    /// How long ago they may have authenticated, in seconds.
    pub(crate) max_age_seconds: i64,
    /// The language they read.
    pub(crate) ui_locales: &'a str,
}

/// Who came, as the provider says and as was verified.
pub(crate) struct Identified {
    pub(crate) subject: String,
    pub(crate) authenticated: Timestamp,
    pub(crate) acr: Option<String>,
    pub(crate) amr: Vec<String>,
    /// The session there, when it is named.
    pub(crate) sid: Option<String>,
    /// Every claim of the ID token.
    pub(crate) claims: Map<String, Value>,
    access_token: AccessToken,
}

/// The address of the provider's login page for `asking`.
pub(crate) async fn authorization_url(
    env: &Env,
    upstream: &Upstream,
    asking: Asking<'_>,
) -> Result<Url, UpstreamError> {
    let metadata = look(env, upstream, None).await?;
    let endpoint = metadata.authorization_endpoint().url();
    // The browser goes there by itself, past the place that watches over our own calls.
    if !oidc::redirect_uri::is_https_or_loopback(endpoint) {
        return Err(unbelievable("its authorization endpoint", format!("expected https, got `{endpoint}`")));
    }
    let client = client(env, upstream, &metadata)?;
    let verifier = PkceCodeVerifier::new(asking.verifier);
    let (state, nonce) = (CsrfToken::new(asking.state.to_owned()), Nonce::new(asking.nonce));
    let max_age = std::time::Duration::from_secs(u64::try_from(asking.max_age_seconds).unwrap_or(0));
    let mut request = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
        .add_scopes(upstream.settings.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        // Whoever is asked for an age must say when the person authenticated (OIDC Core, 2).
        .set_max_age(max_age)
        .add_extra_param("ui_locales", asking.ui_locales.to_owned());
    if asking.again {
        request = request.add_prompt(CoreAuthPrompt::Login);
    }
    Ok(request.url().0)
}

/// Whether `iss` is what must stand in this provider's answers (RFC 9207, 2.4).
pub(crate) async fn check_issuer(
    env: &Env,
    upstream: &Upstream,
    iss: Option<&str>,
) -> Result<(), UpstreamError> {
    let own = upstream.settings.issuer.as_str();
    let wrong = |got: &str| unbelievable("its answer", format!("expected `iss` to be `{own}`, got {got}"));
    match iss {
        Some(iss) if iss == own => Ok(()),
        Some(other) => Err(wrong(&format!("`{}`", other.chars().take(100).collect::<String>()))),
        None => {
            let metadata = look(env, upstream, None).await?;
            let announced = metadata.additional_metadata().authorization_response_iss_parameter_supported;
            if announced { Err(wrong("none")) } else { Ok(()) }
        }
    }
}

/// Gives `code` for tokens and verifies who they speak of (OIDC Core, 3.1.3.7).
pub(crate) async fn identify(
    env: &Env,
    now: Timestamp,
    upstream: &Upstream,
    code: &str,
    nonce: String,
    verifier: String,
) -> Result<Identified, UpstreamError> {
    let metadata = look(env, upstream, None).await?;
    let tokens = exchange(env, now, upstream, &metadata, code, verifier).await?;
    let id_token = tokens.id_token().ok_or_else(|| unbelievable("its answer", "expected an ID token"))?;
    let nonce = Nonce::new(nonce);
    let believed = believe(env, now, upstream, &metadata, id_token, tokens.access_token(), &nonce);
    let claims = match believed {
        // A key that is not known: it may have another since we looked.
        Err(Doubt::UnknownKey) => {
            let metadata = look(env, upstream, Some(now)).await?;
            believe(env, now, upstream, &metadata, id_token, tokens.access_token(), &nonce)
        }
        other => other,
    };
    let claims = claims.map_err(|doubt| match doubt {
        Doubt::UnknownKey => unbelievable("its ID token", "signed with a key that it does not publish"),
        Doubt::Error(error) => error,
    })?;
    identified(now, claims, tokens.access_token().clone())
}

fn identified(
    now: Timestamp,
    claims: Map<String, Value>,
    access_token: AccessToken,
) -> Result<Identified, UpstreamError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let wrong = |why: String| unbelievable("its ID token", why);
    let subject = text("sub")
        .filter(|sub| (1..=SUBJECT_MAX_BYTES).contains(&sub.len()) && !sub.contains(char::is_control));
    let subject =
        subject.ok_or_else(|| wrong(format!("expected a `sub` of 1 to {SUBJECT_MAX_BYTES} bytes")))?;
    let auth_time = claims.get("auth_time").and_then(Value::as_i64);
    let auth_time =
        auth_time.ok_or_else(|| wrong("expected `auth_time`, which `max_age` asks for".to_owned()))?;
    if auth_time > now.unix_seconds() + CLOCK_LEEWAY_SECONDS || auth_time < 0 {
        return Err(wrong(format!("expected `auth_time` not to be in the future, got {auth_time}")));
    }
    let amr = claims.get("amr").and_then(Value::as_array).into_iter().flatten();
    let amr = amr.filter_map(Value::as_str).take(AMR_MAX).map(str::to_owned).collect();
    let authenticated = Timestamp::from_unix_seconds(auth_time).min(now);
    let sid = text("sid").filter(|sid| (1..=SUBJECT_MAX_BYTES).contains(&sid.len()));
    Ok(Identified { subject, authenticated, acr: text("acr"), amr, sid, claims, access_token })
}

/// Verifies a logout token of `upstream` with the keys that it publishes (OIDC Back-Channel Logout 1.0, 2.6).
pub(crate) async fn verify_logout_token(
    env: &Env,
    now: Timestamp,
    upstream: &Upstream,
    token: &str,
) -> Result<Verified, UpstreamError> {
    const WHAT: &str = "its logout token";
    let mut keys = key_set(&*look(env, upstream, None).await?)?;
    if !keys.knows(token) {
        keys = key_set(&*look(env, upstream, Some(now)).await?)?;
    }
    let expect = Expect {
        typ: Type::IsOrPlain(LOGOUT_TOKEN_TYP),
        issuer: upstream.settings.issuer.as_str(),
        audience: Audience::Includes(&upstream.settings.client_id),
        now,
        leeway_seconds: CLOCK_LEEWAY_SECONDS,
        ahead_seconds: CLOCK_LEEWAY_SECONDS,
        algorithms: &[Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa, Algorithm::Rs256],
    };
    keys.verify(token, &expect).map_err(|rejected| unbelievable(WHAT, rejected.reason()))
}

fn key_set(metadata: &Metadata) -> Result<KeySet, UpstreamError> {
    let json = serde_json::to_vec(metadata.jwks()).map_err(|e| UpstreamError::Ours(e.into()))?;
    let jwks = Jwks::from_json(&json).map_err(|e| unusable("its keys", e))?;
    KeySet::from_jwks(&jwks).map_err(|e| unusable("its keys", e))
}

/// What else it says of the person, at its userinfo endpoint; nothing when it has none.
pub(crate) async fn user_info(
    env: &Env,
    upstream: &Upstream,
    identified: &Identified,
) -> Result<Map<String, Value>, UpstreamError> {
    let metadata = look(env, upstream, None).await?;
    if metadata.userinfo_endpoint().is_none() {
        return Ok(Map::new());
    }
    let client = client(env, upstream, &metadata)?;
    let subject = SubjectIdentifier::new(identified.subject.clone());
    let request = client.user_info(identified.access_token.clone(), Some(subject));
    let request = request.map_err(|e| unusable("its userinfo endpoint", e))?;
    let answer: Result<UserInfoClaims<OtherClaims, CoreGenderClaim>, _> =
        request.request_async(&Http(&env.outbound)).await;
    let answer = answer.map_err(|e| unusable("its userinfo endpoint", with_causes(&e)))?;
    match serde_json::to_value(&answer) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) => Err(unusable("its userinfo endpoint", "expected an object")),
        Err(error) => Err(UpstreamError::Ours(error.into())),
    }
}

/// Claims that OpenID Connect has no name for.
#[derive(Debug, Deserialize, Serialize)]
struct OtherClaims(Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

async fn exchange(
    env: &Env,
    now: Timestamp,
    upstream: &Upstream,
    metadata: &Metadata,
    code: &str,
    verifier: String,
) -> Result<CoreTokenResponse, UpstreamError> {
    const WHAT: &str = "its token endpoint";
    let client = client(env, upstream, metadata)?;
    let mut request = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .map_err(|e| unusable(WHAT, e))?
        .set_pkce_verifier(PkceCodeVerifier::new(verifier));
    if let Authentication::PrivateKeyJwt = upstream.authentication {
        let assertion = assertion(env, now, upstream).map_err(UpstreamError::Ours)?;
        request = request
            .add_extra_param("client_assertion_type", ASSERTION_TYPE)
            .add_extra_param("client_assertion", assertion);
    }
    request.request_async(&Http(&env.outbound)).await.map_err(|e| unusable(WHAT, with_causes(&e)))
}

/// Says who we are, to this provider alone, once (RFC 7523, 3).
fn assertion(env: &Env, now: Timestamp, upstream: &Upstream) -> Result<String, Fault> {
    let settings = &upstream.settings;
    let claims = json!({
        "iss": settings.client_id, "sub": settings.client_id, "aud": settings.issuer.as_str(),
        "jti": base::entropy::token(env.entropy.as_ref()),
        "iat": now.unix_seconds(), "exp": now.plus_seconds(ASSERTION_TTL_SECONDS).unix_seconds(),
    });
    let keyring = env.keyring();
    Ok(jose::jwt::sign(keyring.token_signer(Algorithm::Es256)?, "JWT", &claims)?)
}

fn client(env: &Env, upstream: &Upstream, metadata: &Metadata) -> Result<Client, UpstreamError> {
    let (secret, authentication) = match &upstream.authentication {
        Authentication::PrivateKeyJwt => (None, AuthType::RequestBody),
        Authentication::ClientSecretBasic(secret) => {
            (Some(ClientSecret::new(secret.expose().clone())), AuthType::BasicAuth)
        }
    };
    let redirect = RedirectUrl::new(upstream.redirect_uri(&env.settings.issuer));
    let redirect = redirect.map_err(|e| UpstreamError::Ours(Fault::message(e.to_string())))?;
    let id = ClientId::new(upstream.settings.client_id.clone());
    let client = CoreClient::from_provider_metadata(metadata.clone(), id, secret);
    Ok(client.set_redirect_uri(redirect).set_auth_type(authentication))
}

enum Doubt {
    /// No key that is known has signed it.
    UnknownKey,
    Error(UpstreamError),
}

/// Verifies `id_token`, and that `access_token` came with it; its claims.
fn believe(
    env: &Env,
    now: Timestamp,
    upstream: &Upstream,
    metadata: &Metadata,
    id_token: &CoreIdToken,
    access_token: &AccessToken,
    nonce: &Nonce,
) -> Result<Map<String, Value>, Doubt> {
    let wrong = |why: String| Doubt::Error(unbelievable("its ID token", why));
    let client = client(env, upstream, metadata).map_err(Doubt::Error)?;
    let verifier = verifier(&client, now);
    let verified = id_token.claims(&verifier, nonce).map_err(|error| match error {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            Doubt::UnknownKey
        }
        error => wrong(with_causes(&error)),
    })?;
    if let Some(hash) = verified.access_token_hash() {
        let algorithm = id_token.signing_alg().map_err(|e| wrong(e.to_string()))?;
        let key = id_token.signing_key(&verifier).map_err(|e| wrong(e.to_string()))?;
        let expected = AccessTokenHash::from_token(access_token, algorithm, key);
        if *hash != expected.map_err(|e| wrong(e.to_string()))? {
            return Err(wrong("expected the `at_hash` of the access token beside it".to_owned()));
        }
    }
    let claims = payload(&id_token.to_string()).ok_or_else(|| wrong("expected a JSON object".to_owned()))?;
    // OIDC Core, 3.1.3.7, 5: which the crate leaves to us.
    let client_id = &upstream.settings.client_id;
    match claims.get("azp") {
        Some(azp) if azp.as_str() != Some(client_id) => {
            Err(wrong(format!("expected `azp` to be `{client_id}`, got {azp}")))
        }
        _ => Ok(claims),
    }
}

fn verifier(client: &Client, now: Timestamp) -> CoreIdTokenVerifier<'_> {
    let seconds = now.unix_seconds();
    let oldest = seconds - UPSTREAM_LOGIN_TTL_SECONDS - CLOCK_LEEWAY_SECONDS;
    let newest = seconds + CLOCK_LEEWAY_SECONDS;
    client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || {
            DateTime::<Utc>::from_timestamp(seconds - CLOCK_LEEWAY_SECONDS, 0).unwrap_or_default()
        })
        .set_issue_time_verifier_fn(move |issued| {
            let issued = issued.timestamp();
            let good = (oldest..=newest).contains(&issued);
            let why = || format!("expected `iat` within this login, got {issued}");
            if good { Ok(()) } else { Err(why()) }
        })
}

/// The payload of a token whose signature was verified.
fn payload(token: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&from_base64url(token.split('.').nth(1)?)?).ok()
}

/// What the provider publishes; as it was read, or read again when that is too long ago or not after `newer_than`.
async fn look(
    env: &Env,
    upstream: &Upstream,
    newer_than: Option<Timestamp>,
) -> Result<Arc<Metadata>, UpstreamError> {
    // One at a time: whoever waits finds what was read meanwhile.
    let mut looked = upstream.looked.lock().await;
    let now = env.now();
    let within = |at: Timestamp, seconds| at <= now && now < at.plus_seconds(seconds);
    let kept = looked.known.clone();
    if let Some(kept) = &kept {
        let new_enough = newer_than.is_none() || within(kept.at, LOOK_AGAIN_SECONDS);
        if new_enough && within(kept.at, KEPT_SECONDS) {
            return Ok(Arc::clone(&kept.metadata));
        }
    }
    let in_need = kept.filter(|kept| newer_than.is_none() && within(kept.at, KEPT_IN_NEED_SECONDS));
    if looked.failed.is_some_and(|at| within(at, LOOK_AGAIN_SECONDS)) {
        let why = || unusable("its metadata", "it did not answer a moment ago");
        return in_need.map(|kept| kept.metadata).ok_or_else(why);
    }
    match read(env, upstream).await {
        Ok(metadata) => {
            let metadata = Arc::new(metadata);
            *looked = Looked {
                known: Some(Known { metadata: Arc::clone(&metadata), at: env.now() }),
                failed: None,
            };
            Ok(metadata)
        }
        Err(error) => {
            looked.failed = Some(env.now());
            let id = upstream.settings.id.as_str();
            tracing::warn!(upstream = id, "what the provider publishes could not be read: {error}");
            in_need.map(|kept| kept.metadata).ok_or(error)
        }
    }
}

async fn read(env: &Env, upstream: &Upstream) -> Result<Metadata, UpstreamError> {
    const WHAT: &str = "its metadata";
    let issuer = IssuerUrl::new(upstream.settings.issuer.as_str().to_owned());
    let issuer = issuer.map_err(|e| unusable(WHAT, e))?;
    let metadata = Metadata::discover_async(issuer, &Http(&env.outbound)).await;
    metadata.map_err(|e| unusable(WHAT, with_causes(&e)))
}

/// Our calls out, as `openidconnect` makes them.
struct Http<'a>(&'a Outbound);

impl<'c> AsyncHttpClient<'c> for Http<'_> {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.exchange(request))
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
