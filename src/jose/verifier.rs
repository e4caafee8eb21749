//! A key ready to verify signatures.
//!
//! The international algorithms go through [`jsonwebtoken::crypto::verify`], and so through our [`crate::provider`]; SM2 through `gm`.
//! The library's `decode` is not used: it would read the header a second time and the claims twice, and it does not know the name
//! `Ed25519`.

use jsonwebtoken::DecodingKey;

use crate::Algorithm;
use crate::jwk::VerifyingKey;
use crate::jws::decode_base64url;

/// A key in the form that its library takes.
#[derive(Debug)]
pub(crate) enum Verifier {
    /// `jsonwebtoken` verifies.
    International(DecodingKey),
    /// We verify; a key that many tokens come under becomes fast.
    National(pki::Sm2Key),
}

impl Verifier {
    pub(crate) fn new(key: &VerifyingKey) -> Self {
        match key {
            VerifyingKey::P256(point) => Self::International(DecodingKey::from_ec_der(point)),
            VerifyingKey::Ed25519(point) => Self::International(DecodingKey::from_ed_der(point)),
            VerifyingKey::Rsa { n, e } => Self::International(DecodingKey::from_rsa_raw_components(n, e)),
            VerifyingKey::Sm2(key) => Self::National(key.clone()),
        }
    }

    /// Whether `signature`, base64url, is the key's over `message`. No key verifies under an algorithm of another kind.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &str) -> bool {
        match (self, international(algorithm)) {
            // Another provider's verdicts would not be ours.
            (Self::International(key), Some(algorithm)) if crate::provider::install() => {
                jsonwebtoken::crypto::verify(signature, message, key, algorithm).unwrap_or(false)
            }
            (Self::National(key), None) => verifies_sm2(key, message, signature).is_some(),
            _ => false,
        }
    }
}

/// The library's name of `algorithm`; `None` for the national one.
const fn international(algorithm: Algorithm) -> Option<jsonwebtoken::Algorithm> {
    match algorithm {
        Algorithm::Es256 => Some(jsonwebtoken::Algorithm::ES256),
        Algorithm::Ps256 => Some(jsonwebtoken::Algorithm::PS256),
        Algorithm::EdDsa => Some(jsonwebtoken::Algorithm::EdDSA),
        Algorithm::Rs256 => Some(jsonwebtoken::Algorithm::RS256),
        Algorithm::Sm2Sm3 => None,
    }
}

/// `r || s` over `message` under the default distinguishing id.
fn verifies_sm2(key: &pki::Sm2Key, message: &[u8], signature: &str) -> Option<()> {
    let bytes = <[u8; 64]>::try_from(decode_base64url(signature)?).ok()?;
    let signature = gm::sm2::Signature::from_bytes(&bytes).ok()?;
    key.verify(message, gm::sm2::DEFAULT_ID, &signature).ok()
}
