//! The signer's interface, the protected header and the compact form (RFC 7515).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use serde::Serialize;
use serde_json::Value;

use crate::Algorithm;
use crate::algorithm::UnknownAlgorithm;
use crate::json::StrictObject;

/// The longest token read: all three parts and the dots.
pub const TOKEN_MAX_BYTES: usize = 16_384;
/// The longest protected header read, in its base64url form.
pub const HEADER_MAX_BYTES: usize = 2_048;
/// The longest `kid` read.
pub const KID_MAX_BYTES: usize = 256;

/// Header members that would make us fetch, trust, unpack or interpret what the sender chose.
///
/// `jku`, `x5u`, `x5c`: the sender's own key; `crit`, `b64`: other processing rules (RFC 7515, 4.1.11; RFC 7797);
/// `zip`, `enc`, `p2c`: encryption (RFC 7516, RFC 7518), which no token read here uses. `jwk` is refused too, but in a proof.
const REFUSED_MEMBERS: [&str; 8] = ["jku", "x5u", "x5c", "crit", "b64", "zip", "enc", "p2c"];

/// Something that signs JWS signing inputs with one key: a software key, or one inside a hardware module.
pub trait JwsSigner: Send + Sync {
    /// The algorithm of its signatures.
    fn algorithm(&self) -> Algorithm;

    /// The key's identifier, which goes into the header.
    fn kid(&self) -> &str;

    /// Signs `signing_input`: 64 bytes under ES256, EdDSA and SM2 (`r || s`), the modulus' length under PS256 and RS256.
    ///
    /// Under SM2 the distinguishing id is the default one, `1234567812345678`.
    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key could not sign.
    #[error("key `{kid}` did not sign")]
    Key {
        /// The key's identifier.
        kid: String,
        /// What the key store, or the device behind it, says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The claims have no JSON form.
    #[error("expected claims with a JSON form")]
    Claims(#[source] serde_json::Error),
}

/// What a protected header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`, at most [`KID_MAX_BYTES`].
    pub kid: Option<String>,
    /// `typ` as it was written.
    pub typ: Option<String>,
}

/// What is wrong with a token before any key is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The token or its header is longer than allowed.
    #[error("expected at most {limit} bytes, got {got}")]
    TooLong {
        /// The limit.
        limit: usize,
        /// The length that came.
        got: usize,
    },
    /// Not three parts of base64url whose first is a JSON object with each name once.
    #[error("expected three base64url parts with a JSON header")]
    Malformed,
    /// The header has a member that is not accepted here.
    #[error("expected no `{member}` in the header")]
    RefusedMember {
        /// Its name.
        member: &'static str,
    },
    /// The `alg` is not in the closed list.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
}

/// A token cut into its parts; nothing is verified yet.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) header: Header,
    /// Header and payload with the dot between them: what is signed.
    pub(crate) signing_input: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) signature: &'a str,
}

/// `payload` signed by `signer`, in compact form: `header.payload.signature` (RFC 7515, 7.1).
///
/// `typ` goes into the header. One buffer is grown into the token; the key is already parsed inside `signer`.
pub fn compact(signer: &dyn JwsSigner, typ: &str, payload: &[u8]) -> Result<String, SignError> {
    let header = WireHeader { alg: signer.algorithm(), typ, kid: signer.kid() };
    let header = serde_json::to_vec(&header).map_err(SignError::Claims)?;
    let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 96);
    BASE64URL.encode_string(header, &mut token);
    token.push('.');
    BASE64URL.encode_string(payload, &mut token);
    let signature = signer.sign(token.as_bytes())?;
    token.push('.');
    BASE64URL.encode_string(signature, &mut token);
    Ok(token)
}

#[derive(Serialize)]
struct WireHeader<'a> {
    alg: Algorithm,
    typ: &'a str,
    kid: &'a str,
}

impl<'a> Parts<'a> {
    /// Cuts `token` at its two dots and reads its header, which brings no key along.
    pub(crate) fn split(token: &'a str) -> Result<Self, FormError> {
        match Self::split_with_key(token, TOKEN_MAX_BYTES)? {
            (parts, None) => Ok(parts),
            (_, Some(_)) => Err(FormError::RefusedMember { member: "jwk" }),
        }
    }

    /// As [`Parts::split`], for a token of at most `limit` bytes whose header may have a `jwk`.
    pub(crate) fn split_with_key(token: &'a str, limit: usize) -> Result<(Self, Option<Value>), FormError> {
        within(token, limit)?;
        let (signing_input, signature) = token.rsplit_once('.').ok_or(FormError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(FormError::Malformed)?;
        if payload.contains('.') {
            return Err(FormError::Malformed);
        }
        within(header, HEADER_MAX_BYTES)?;
        let (header, key) = read_header(header)?;
        Ok((Self { header, signing_input, payload, signature }, key))
    }
}

fn within(text: &str, limit: usize) -> Result<(), FormError> {
    let got = text.len();
    if got > limit { Err(FormError::TooLong { limit, got }) } else { Ok(()) }
}

/// The header, and its `jwk`.
fn read_header(text: &str) -> Result<(Header, Option<Value>), FormError> {
    let json = decode_base64url(text).ok_or(FormError::Malformed)?;
    let StrictObject(mut members) = StrictObject::from_slice(&json).map_err(|_| FormError::Malformed)?;
    if let Some(member) = REFUSED_MEMBERS.into_iter().find(|m| members.contains_key(*m)) {
        return Err(FormError::RefusedMember { member });
    }
    let mut text = |name| match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(FormError::Malformed),
    };
    let algorithm = Algorithm::expect(&text("alg")?.ok_or(FormError::Malformed)?)?;
    let (kid, typ) = (text("kid")?, text("typ")?);
    within(kid.as_deref().unwrap_or_default(), KID_MAX_BYTES)?;
    Ok((Header { algorithm, kid, typ }, members.remove("jwk")))
}

/// The `iss` that `token` says of itself: whose keys to look up before anything of it is believed. `None` when it is no token or says none.
pub fn unverified_issuer(token: &str) -> Option<String> {
    unverified_claims(token)?.get("iss")?.as_str().map(str::to_owned)
}

/// What `token` says, of which nothing may be believed that was not verified before.
pub fn unverified_claims(token: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    let payload = Parts::split(token).ok()?.payload;
    StrictObject::from_slice(&decode_base64url(payload)?).ok().map(|object| object.0)
}

/// The bytes of canonical unpadded base64url (RFC 7515, 2).
pub(crate) fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(text).ok()
}
