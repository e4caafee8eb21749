//! Who is calling the token endpoint.

use base::encoding::same_bytes;
use base::{Entropy, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::{AuthMethod, Client, ClientId};
use crate::error::{ErrorCode, OauthError, invalid_request};
use crate::params::{Params, decode};

/// Longest Authorization header, in bytes.
pub const AUTHORIZATION_MAX_BYTES: usize = 2_048;

/// What the caller showed, not yet believed.
pub struct ClientAuthentication {
    /// Who it claims to be.
    pub client_id: ClientId,
    /// What it showed as proof; `None` exactly for [`AuthMethod::None`].
    pub secret: Option<Secret<String>>,
    /// How.
    pub method: AuthMethod,
}

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
    if params.value("client_assertion").is_some() || params.value("client_assertion_type").is_some() {
        return Err(invalid_client(
            "client_assertion is not supported: use client_secret_basic or client_secret_post",
        ));
    }
    match authorization {
        Some(header) => from_header(header, params),
        None => from_body(params),
    }
}

/// Whether `shown` proves that the caller is `client` (`None` when there is no such client).
///
/// The method must be the registered one; the secret is compared by its SM3 in constant time, also when the client is unknown.
pub fn check(client: Option<&Client>, shown: &ClientAuthentication) -> Result<(), OauthError> {
    let registered = client.and_then(|c| c.secret_hash);
    let secret = shown.secret.as_ref().map_or("", |secret| secret.expose().as_str());
    let same = same_bytes(&gm::sm3::hash(secret.as_bytes()), &registered.unwrap_or_default());
    let Some(client) = client.filter(|c| c.enabled && c.id == shown.client_id) else {
        return Err(refused());
    };
    if client.auth_method != shown.method {
        return Err(invalid_client(format!(
            "client `{}` is registered for {} and used {}",
            client.id,
            client.auth_method.as_str(),
            shown.method.as_str()
        )));
    }
    let proven = match client.auth_method {
        AuthMethod::None => registered.is_none(),
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => registered.is_some() && same,
    };
    if proven { Ok(()) } else { Err(refused()) }
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
        secret: Some(Secret::new(secret)),
        method: AuthMethod::ClientSecretBasic,
    })
}

fn from_body(params: &Params) -> Result<ClientAuthentication, OauthError> {
    let client_id = params.value("client_id").ok_or_else(|| {
        invalid_client(
            "no client authentication came: send an Authorization header, or client_id in the body",
        )
    })?;
    let secret = params.value("client_secret").map(|secret| Secret::new(secret.to_owned()));
    let method = if secret.is_some() { AuthMethod::ClientSecretPost } else { AuthMethod::None };
    Ok(ClientAuthentication { client_id: client_id.parse().map_err(|_| refused())?, secret, method })
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
        assert_eq!(shown.secret.unwrap().expose(), "a:b c+:d");
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
}
