//! Who is calling the token endpoint.

use base::encoding::same_bytes;
use base::{Entropy, Secret, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use jose::{Audience, Expect, KeySet, Type};

use crate::authorize::request_object::{CLOCK_LEEWAY_SECONDS, client_algorithms};
use crate::client::{AuthMethod, Client, ClientId};
use crate::error::{ErrorCode, OauthError, invalid_request};
use crate::issuer::Issuer;
use crate::params::{Params, decode};

/// Longest Authorization header, in bytes.
pub const AUTHORIZATION_MAX_BYTES: usize = 2_048;

/// What the caller showed, not yet believed.
pub struct ClientAuthentication {
    /// Who it claims to be.
    pub client_id: ClientId,
    /// What it showed as proof.
    pub proof: Proof,
}

/// What a client shows to prove who it is.
pub enum Proof {
    /// A secret, in the header.
    Basic(Secret<String>),
    /// A secret, in the body.
    Post(Secret<String>),
    /// An assertion that it signed.
    Assertion(String),
    /// Nothing in the request: a public client, or one that the certificate on its connection proves.
    None,
}

impl Proof {
    /// The method it belongs to; without one, `none`.
    pub const fn method(&self) -> AuthMethod {
        match self {
            Self::Basic(_) => AuthMethod::ClientSecretBasic,
            Self::Post(_) => AuthMethod::ClientSecretPost,
            Self::Assertion(_) => AuthMethod::PrivateKeyJwt,
            Self::None => AuthMethod::None,
        }
    }

    /// Whether it is what a client registered for `method` shows.
    fn fits(&self, method: AuthMethod) -> bool {
        self.method() == method || (method.needs_certificate() && matches!(self, Self::None))
    }

    fn secret(&self) -> &str {
        match self {
            Self::Basic(secret) | Self::Post(secret) => secret.expose(),
            Self::Assertion(_) | Self::None => "",
        }
    }
}

/// An assertion that proved who the client is. It must not be taken again while it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionUse {
    /// Its identifier, which the client chose.
    pub jti: String,
    /// Until when it could be shown again.
    pub expires: Timestamp,
}

/// The value of `client_assertion_type` (RFC 7523, 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longest life of an assertion that is left, in seconds. Widely used clients sign for an hour (authlib, and it has no setting for it);
/// since an assertion is taken once, a shorter life would only shut them out.
pub const ASSERTION_MAX_SECONDS: i64 = 3_600;
/// Longest `jti`, in bytes.
pub const JTI_MAX_BYTES: usize = 256;
/// The type that an assertion's header may have; it may also be absent, or `JWT`.
const ASSERTION_TYP: &str = "client-authentication+jwt";

/// A new client secret (256 random bits, 43 characters, shown once) and what to store of it.
pub fn new_secret(entropy: &dyn Entropy) -> (Secret<String>, [u8; 32]) {
    let secret = Secret::new(base::entropy::token(entropy));
    let hash = gm::sm3::hash(secret.expose().as_bytes());
    (secret, hash)
}

/// Reads the client's identity from the Authorization header or the body, never from both.
///
/// Fails with `invalid_client` when nothing usable came, and with `invalid_request` when two methods are mixed or the header
/// is malformed. Source: RFC 6749, 2.3.1 and 5.2; RFC 7617, 2.
pub fn parse(authorization: Option<&[u8]>, params: &Params) -> Result<ClientAuthentication, OauthError> {
    let asserts =
        params.value("client_assertion").is_some() || params.value("client_assertion_type").is_some();
    if asserts {
        return from_assertion(authorization, params);
    }
    match authorization {
        Some(header) => from_header(header, params),
        None => from_body(params),
    }
}

/// Whether `shown` proves that the caller is `client` (`None` when there is no such client), as far as a secret can: an assertion is
/// for [`check_assertion`] to look at, a certificate for [`crate::mtls`].
///
/// The method must be the registered one; the secret is compared by its SM3 in constant time, also when the client is unknown.
pub fn check(client: Option<&Client>, shown: &ClientAuthentication) -> Result<(), OauthError> {
    let registered = client.and_then(|c| c.secret_hash);
    let same = same_bytes(&gm::sm3::hash(shown.proof.secret().as_bytes()), &registered.unwrap_or_default());
    let Some(client) = client.filter(|c| c.enabled && c.id == shown.client_id) else {
        return Err(refused());
    };
    if !shown.proof.fits(client.auth_method) {
        return Err(invalid_client(format!(
            "client `{}` is registered for {} and used {}",
            client.id,
            client.auth_method.as_str(),
            shown.proof.method().as_str()
        )));
    }
    let proven = match client.auth_method {
        AuthMethod::None => registered.is_none(),
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => registered.is_some() && same,
        AuthMethod::PrivateKeyJwt | AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth => true,
    };
    if proven { Ok(()) } else { Err(refused()) }
}

/// Whether `assertion` proves that the caller is `client`, whose keys are `keys`.
///
/// Issued by and about the client, for this issuer and nobody beside it (an audience that is a list, or another endpoint's address,
/// could have been meant for someone else), alive for no more than [`ASSERTION_MAX_SECONDS`], with a `jti`: that it was not shown
/// before is the store's to say. Source: RFC 7523, 3; FAPI 2.0 Security Profile, 5.3.2.1; RFC 9700, 2.5.
pub fn check_assertion(
    client: &Client,
    assertion: &str,
    keys: &KeySet,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<AssertionUse, OauthError> {
    let algorithms = client.assertion_alg.map_or_else(client_algorithms, |alg| vec![alg]);
    let expect = Expect {
        typ: Type::IsOrPlain(ASSERTION_TYP),
        issuer: client.id.as_str(),
        audience: Audience::Is(issuer.as_str()),
        now,
        leeway_seconds: CLOCK_LEEWAY_SECONDS,
        ahead_seconds: CLOCK_LEEWAY_SECONDS,
        algorithms: &algorithms,
    };
    let wrong = |what: String| invalid_client(format!("client_assertion: {what}"));
    let verified =
        keys.verify(assertion, &expect).map_err(|rejected| wrong(rejected.reason().to_string()))?;
    if verified.text("sub") != Some(client.id.as_str()) {
        return Err(wrong(format!("expected `sub` to be `{}`", client.id)));
    }
    let jti = verified.text("jti").filter(|jti| !jti.is_empty() && jti.len() <= JTI_MAX_BYTES);
    let jti = jti.ok_or_else(|| wrong(format!("expected a `jti` of 1 to {JTI_MAX_BYTES} bytes")))?;
    // INVARIANT: `verify` saw an `exp`.
    let expires = verified.time("exp").unwrap_or(now).plus_seconds(CLOCK_LEEWAY_SECONDS);
    if now.plus_seconds(ASSERTION_MAX_SECONDS + 2 * CLOCK_LEEWAY_SECONDS) < expires {
        return Err(wrong(format!("expected `exp` at most {ASSERTION_MAX_SECONDS} seconds from now")));
    }
    Ok(AssertionUse { jti: jti.to_owned(), expires })
}

/// A public client asks for what only those that prove who they are may know.
pub fn public_client_refused() -> OauthError {
    invalid_client("this endpoint is for clients that authenticate: register for a secret or a key")
}

/// The assertion was shown before.
pub fn assertion_replayed() -> OauthError {
    invalid_client("client_assertion: its `jti` was used before: sign a new one for each request")
}

/// An assertion says whose it is itself; nothing of it is believed yet. `client_id` beside it must say the same (RFC 7521, 4.2).
fn from_assertion(authorization: Option<&[u8]>, params: &Params) -> Result<ClientAuthentication, OauthError> {
    if authorization.is_some() || params.value("client_secret").is_some() {
        return Err(invalid_request("authenticate in one way: a client_assertion or a secret, not both"));
    }
    match params.value("client_assertion_type") {
        Some(ASSERTION_TYPE) => {}
        other => {
            let got = other.unwrap_or_default();
            return Err(invalid_client(format!(
                "expected client_assertion_type `{ASSERTION_TYPE}`, got `{got}`"
            )));
        }
    }
    let assertion =
        params.value("client_assertion").ok_or_else(|| invalid_client("`client_assertion` is missing"))?;
    let issuer = jose::jws::unverified_issuer(assertion)
        .ok_or_else(|| invalid_client("client_assertion: expected a JWT with `iss`"))?;
    if params.value("client_id").is_some_and(|id| id != issuer) {
        return Err(invalid_client("client_id is not the client that signed the client_assertion"));
    }
    Ok(ClientAuthentication {
        client_id: issuer.parse().map_err(|_| refused())?,
        proof: Proof::Assertion(assertion.to_owned()),
    })
}

fn from_header(header: &[u8], params: &Params) -> Result<ClientAuthentication, OauthError> {
    if params.value("client_secret").is_some() {
        return Err(invalid_request(
            "send the client secret in the Authorization header or in the body, not in both",
        ));
    }
    let (client_id, secret) = basic(header)?;
    if params.value("client_id").is_some_and(|id| id != client_id) {
        return Err(invalid_request(
            "client_id in the body is not the one in the Authorization header: send one",
        ));
    }
    Ok(ClientAuthentication {
        client_id: client_id.parse().map_err(|_| refused())?,
        proof: Proof::Basic(Secret::new(secret)),
    })
}

fn from_body(params: &Params) -> Result<ClientAuthentication, OauthError> {
    let client_id = params.value("client_id").ok_or_else(|| {
        invalid_client(
            "no client authentication came: send an Authorization header, or client_id in the body",
        )
    })?;
    let secret = params.value("client_secret").map(|secret| Secret::new(secret.to_owned()));
    let proof = secret.map_or(Proof::None, Proof::Post);
    Ok(ClientAuthentication { client_id: client_id.parse().map_err(|_| refused())?, proof })
}

/// `Basic base64(form(client_id) ":" form(client_secret))`, both halves form-decoded (RFC 6749, 2.3.1).
fn basic(header: &[u8]) -> Result<(String, String), OauthError> {
    let malformed = || {
        invalid_request(
            "expected `Basic` and the base64 of client_id:client_secret, each form-urlencoded (RFC 6749, 2.3.1)",
        )
    };
    if header.len() > AUTHORIZATION_MAX_BYTES {
        return Err(malformed());
    }
    let (scheme, rest) = header.split_at_checked(6).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return Err(invalid_client("expected the `Basic` scheme in the Authorization header"));
    }
    let pair = Secret::new(STANDARD.decode(rest.trim_ascii()).map_err(|_| malformed())?);
    let colon = pair.expose().iter().position(|b| *b == b':').ok_or_else(malformed)?;
    let (client_id, with_colon) = pair.expose().split_at(colon);
    let secret = with_colon.strip_prefix(b":").unwrap_or_default();
    Ok((decode(client_id).ok_or_else(malformed)?, decode(secret).ok_or_else(malformed)?))
}

fn invalid_client(description: impl AsRef<str>) -> OauthError {
    OauthError::new(ErrorCode::InvalidClient, description)
}

fn refused() -> OauthError {
    invalid_client("client authentication failed: the client is unknown or disabled, or its secret is wrong")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{self, SECRET, params, web_client};

    fn basic_header(pair: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(pair)).into_bytes()
    }

    fn refusal(authorization: Option<&[u8]>, pairs: &[(&str, &str)]) -> ErrorCode {
        parse(authorization, &params(pairs)).err().unwrap().code
    }

    #[test]
    fn a_client_shows_its_secret_in_the_header_or_in_the_body() {
        let header = basic_header(&format!("tax-web:{SECRET}"));
        let shown = parse(Some(&header), &params(&[("client_id", "tax-web")])).ok().unwrap();
        assert_eq!(check(Some(&web_client()), &shown), Ok(()));

        let posted =
            parse(None, &params(&[("client_id", "tax-web"), ("client_secret", SECRET)])).ok().unwrap();
        let error = check(Some(&web_client()), &posted).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidClient);
        assert!(
            error.description().contains("registered for client_secret_basic and used client_secret_post")
        );
        let mut by_post = web_client();
        by_post.auth_method = AuthMethod::ClientSecretPost;
        assert_eq!(check(Some(&by_post), &posted), Ok(()));
    }

    #[test]
    fn both_halves_of_the_header_are_form_decoded() {
        let header = basic_header("tax%2Dweb:a%3Ab+c%2B:d");
        let shown = parse(Some(&header), &Params::default()).ok().unwrap();
        assert_eq!(shown.client_id.as_str(), "tax-web");
        assert_eq!(shown.proof.secret(), "a:b c+:d");
    }

    #[test]
    fn two_methods_at_once_and_two_identities_are_refused() {
        let header = basic_header(&format!("tax-web:{SECRET}"));
        assert_eq!(refusal(Some(&header), &[("client_secret", SECRET)]), ErrorCode::InvalidRequest);
        assert_eq!(refusal(Some(&header), &[("client_id", "other")]), ErrorCode::InvalidRequest);
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_never_guessed() {
        for header in [&b""[..], b"Basic", b"Basic \xff", b"Basic a", b"Basic YQ==", b"Basic YSU6YQ=="] {
            assert_eq!(refusal(Some(header), &[]), ErrorCode::InvalidRequest, "{header:?}");
        }
        assert_eq!(refusal(Some(&[b'B'; 3_000]), &[]), ErrorCode::InvalidRequest);
        assert_eq!(refusal(Some(b"Bearer abc.def"), &[]), ErrorCode::InvalidClient);
        assert_eq!(refusal(None, &[]), ErrorCode::InvalidClient);
        assert_eq!(refusal(None, &[("client_id", "a b")]), ErrorCode::InvalidClient);
        assert_eq!(refusal(None, &[("client_id", "x"), ("client_assertion", "y")]), ErrorCode::InvalidClient);
    }

    #[test]
    fn an_unknown_client_a_disabled_one_and_a_wrong_secret_are_told_apart_by_nobody() {
        let wrong = parse(Some(&basic_header("tax-web:wrong")), &Params::default()).ok().unwrap();
        let right =
            parse(Some(&basic_header(&format!("tax-web:{SECRET}"))), &Params::default()).ok().unwrap();
        let mut disabled = web_client();
        disabled.enabled = false;
        let refusals = [
            check(None, &right).unwrap_err(),
            check(Some(&web_client()), &wrong).unwrap_err(),
            check(Some(&disabled), &right).unwrap_err(),
            check(Some(&example::machine_client()), &right).unwrap_err(),
        ];
        assert!(refusals.iter().all(|refusal| *refusal == refused()));
    }

    #[test]
    fn a_public_client_needs_no_secret_and_a_confidential_one_cannot_go_without() {
        let public = parse(None, &params(&[("client_id", "fujian-app")])).ok().unwrap();
        assert_eq!(check(Some(&example::native_client()), &public), Ok(()));
        let bare = parse(None, &params(&[("client_id", "tax-web")])).ok().unwrap();
        assert!(check(Some(&web_client()), &bare).is_err());
    }

    #[test]
    fn a_new_secret_is_stored_as_its_sm3() {
        let (secret, hash) = new_secret(&base::OsEntropy);
        assert_eq!(secret.expose().len(), 43);
        assert_eq!(hash, gm::sm3::hash(secret.expose().as_bytes()));
    }

    /// A client's key.
    struct Ed25519(ring::signature::Ed25519KeyPair);

    impl jose::jws::JwsSigner for Ed25519 {
        fn algorithm(&self) -> jose::Algorithm {
            jose::Algorithm::EdDsa
        }

        fn kid(&self) -> &'static str {
            "of-the-client"
        }

        fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, jose::jws::SignError> {
            Ok(self.0.sign(signing_input).as_ref().to_vec())
        }
    }

    #[test]
    fn an_assertion_is_for_this_issuer_alone_and_lives_for_an_hour_at_most() {
        use ring::signature::KeyPair;
        let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let x = base::encoding::base64url(pair.public_key().as_ref());
        let key = Ed25519(pair);
        let jwks = format!(
            r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"of-the-client","use":"sig","alg":"EdDSA"}}]}}"#
        );
        let keys = KeySet::from_jwks(&jose::Jwks::from_json(jwks.as_bytes()).unwrap()).unwrap();
        let (client, now) = (web_client(), Timestamp::from_unix_seconds(1_795_507_200));
        let outcome = |audience: serde_json::Value, life_seconds: i64| {
            let (id, exp) = (client.id.as_str(), now.unix_seconds() + life_seconds);
            let claims =
                serde_json::json!({ "iss": id, "sub": id, "aud": audience, "exp": exp, "jti": "once" });
            let assertion = jose::jwt::sign(&key, "JWT", &claims).unwrap();
            check_assertion(&client, &assertion, &keys, &example::ISSUER.parse().unwrap(), now)
        };
        let issuer = || example::ISSUER.into();
        // RFC 7523, 3 and FAPI 2.0 Security Profile, 5.3.2.1; an hour is what authlib signs for.
        assert_eq!(outcome(issuer(), 60).unwrap().jti, "once");
        assert_eq!(outcome(issuer(), 3_600).unwrap().expires, now.plus_seconds(3_610));
        assert!(outcome(issuer(), 3_700).unwrap_err().description().contains("at most 3600 seconds"));
        assert!(outcome([example::ISSUER, "https://other.example"].as_slice().into(), 60).is_err());
        assert!(outcome(format!("{}/oauth2/token", example::ISSUER).into(), 60).is_err());
    }
}
