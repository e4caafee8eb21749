//! Proofs of a key, to which tokens are bound (RFC 9449).

use base::Timestamp;
use base::encoding::{base64url, same_bytes};
use jose::proof;
use serde_json::Value;
use url::Url;

use crate::authorize::request_object::client_algorithms;
use crate::client_authentication::JTI_MAX_BYTES;
use crate::error::{ErrorCode, OauthError};

/// The type in a proof's header (RFC 9449, 4.2).
pub const TYP: &str = "dpop+jwt";
/// The `token_type` and Authorization scheme of bound tokens (RFC 9449, 5 and 7.1).
pub const SCHEME: &str = "DPoP";
/// How long ago a proof may have been made, in seconds (RFC 9449, 11.1).
pub const PROOF_MAX_AGE_SECONDS: i64 = 60;
/// How far in the future a proof may have been made, in seconds: clocks differ (FAPI 2.0 Security Profile, 5.3.2.1: 10 accepted).
pub const PROOF_LEEWAY_SECONDS: i64 = 15;

/// How long a nonce may be used, at most, in seconds.
pub const NONCE_MAX_AGE_SECONDS: i64 = 600;

/// A proof that held. It must not be taken again while it is fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DpopProof {
    /// The thumbprint of its key (RFC 7638).
    pub jkt: String,
    /// Its identifier, which the client chose.
    pub jti: String,
    /// Until when it could be shown again.
    pub expires: Timestamp,
    /// Whether it carries a nonce of ours that is still good.
    pub has_nonce: bool,
}

/// What a proof must be made for.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The request's method, `POST`.
    pub method: &'a str,
    /// The addresses that the request may have been sent to; the first is the usual one.
    pub addresses: &'a [String],
    /// The access token that it carries.
    pub access_token: Option<&'a str>,
    /// The present.
    pub now: Timestamp,
}

/// Whether `proof` holds for this request: made just now, with a key of its own, for this method and address and, at an API, for this
/// access token. `is_nonce` says whether a nonce is ours and good: then it is that, and not the client's clock, that says when the proof
/// was made (RFC 9449, 11.1). Source: RFC 9449, 4.3.
pub fn check(
    proof: &str,
    expected: Expected<'_>,
    is_nonce: impl Fn(&str) -> bool,
) -> Result<DpopProof, OauthError> {
    let Expected { method, addresses, access_token, now } = expected;
    let shown =
        proof::verify(proof, TYP, &client_algorithms()).map_err(|r| invalid(&r.reason().to_string()))?;
    let text = |claim: &str| shown.claims.get(claim).and_then(Value::as_str);
    let jti = text("jti").filter(|jti| !jti.is_empty() && jti.len() <= JTI_MAX_BYTES);
    let jti = jti.ok_or_else(|| invalid(&format!("expected a `jti` of 1 to {JTI_MAX_BYTES} bytes")))?;
    if text("htm") != Some(method) {
        return Err(invalid(&format!("expected `htm` to be `{method}`")));
    }
    if !text("htu").is_some_and(|htu| addresses.iter().any(|address| is_same_address(htu, address))) {
        let usual = addresses.first().map_or("", String::as_str);
        return Err(invalid(&format!("expected `htu` to be `{usual}`")));
    }
    let made = jose::verify::numeric_date(shown.claims.get("iat").unwrap_or(&Value::Null));
    let made = made.ok_or_else(|| invalid("expected an `iat`"))?;
    let has_nonce = match text("nonce") {
        Some(nonce) if is_nonce(nonce) => true,
        Some(_) => return Err(use_nonce()),
        None => false,
    };
    let fresh =
        made.plus_seconds(-PROOF_LEEWAY_SECONDS) <= now && now <= made.plus_seconds(PROOF_MAX_AGE_SECONDS);
    if !fresh && !has_nonce {
        return Err(invalid(
            "expected an `iat` of just now: make a new proof for each request, and set the clock",
        ));
    }
    if let Some(token) = access_token {
        let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
        let expected = base64url(digest.as_ref());
        if !text("ath").is_some_and(|ath| same_bytes(ath.as_bytes(), expected.as_bytes())) {
            return Err(invalid("expected `ath` to be the SHA-256 of the access token"));
        }
    }
    Ok(DpopProof {
        jkt: shown.key.thumbprint(),
        jti: jti.to_owned(),
        expires: if has_nonce {
            now.plus_seconds(NONCE_MAX_AGE_SECONDS)
        } else {
            made.plus_seconds(PROOF_MAX_AGE_SECONDS + PROOF_LEEWAY_SECONDS)
        },
        has_nonce,
    })
}

/// The request came with something that is not one proof (RFC 9449, 4.3, 1).
pub fn not_one_proof() -> OauthError {
    invalid("expected one `DPoP` header, got several, or one that is not ASCII")
}

/// The request came without a proof, and must have one.
pub fn proof_missing() -> OauthError {
    invalid("this client's tokens are bound to a key: send a `DPoP` header (RFC 9449)")
}

/// The proof's nonce is missing, old or not ours: the answer carries a new one (RFC 9449, 8).
pub fn use_nonce() -> OauthError {
    OauthError::new(ErrorCode::UseDpopNonce, "send the proof again with the nonce in the `DPoP-Nonce` header")
}

/// The proof was shown before.
pub fn proof_replayed() -> OauthError {
    invalid("its `jti` was used before: make a new proof for each request")
}

/// The proof is of another key than the one that what is shown is bound to.
pub fn other_key() -> OauthError {
    invalid("it proves another key than the one that was bound")
}

/// Scheme, host, port and path are the same after normalization; query and fragment do not count (RFC 9449, 4.3, 9).
fn is_same_address(htu: &str, address: &str) -> bool {
    let bare = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    htu == address || bare(htu).is_some_and(|htu| Some(htu) == bare(address))
}

fn invalid(description: &str) -> OauthError {
    OauthError::new(ErrorCode::InvalidDpopProof, format!("DPoP proof: {description}"))
}
