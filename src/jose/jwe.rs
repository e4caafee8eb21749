//! Makes JSON Web Encryptions in compact form (RFC 7516) for keys that clients publish. We hold no key that anybody encrypts to.
//!
//! - [`algorithm`] the two closed lists: how the key reaches the recipient (`alg`), and how the content is encrypted (`enc`).
//! - [`key`] a client's public encryption key, and how it is found in its key set.
//!
//! Plaintexts are not compressed: that would tell their content by their length (RFC 8725, 3.6).

mod agreement;
pub mod algorithm;
mod content;
pub mod key;
mod management;

pub use algorithm::{ContentEncryption, KeyManagement};
pub use key::{EncryptionKey, EncryptionKeys};

use base::Entropy;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::wire::Wire;
use management::Managed;

/// The longest plaintext.
pub const PLAINTEXT_MAX_BYTES: usize = 65_536;

/// What the protected header says beside the algorithms and the recipient's key.
#[derive(Debug, Clone, Copy, Default)]
pub struct Header<'a> {
    /// The type of the whole.
    pub typ: Option<&'a str>,
    /// Who encrypted it, for a reader that must know before it decrypts (RFC 7519, 5.3).
    pub iss: Option<&'a str>,
    /// The type of the plaintext: `JWT` when a signed token is inside (RFC 7519, 5.2).
    pub cty: Option<&'a str>,
}

/// Why nothing was encrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// The recipient's key is not for this algorithm.
    #[error("expected a key for `{alg}`, got one of another kind")]
    AlgorithmOfAnotherKey {
        /// The algorithm asked for.
        alg: KeyManagement,
    },
    /// The recipient's key has the right form but nothing can be encrypted to it: a point off the curve, or one of small order.
    #[error("expected a key that can be encrypted to under `{alg}`")]
    Recipient {
        /// The algorithm asked for.
        alg: KeyManagement,
    },
    /// The plaintext is longer than allowed.
    #[error("expected a plaintext of at most {limit} bytes, got {got}")]
    TooLong {
        /// The limit.
        limit: usize,
        /// The length that came.
        got: usize,
    },
    /// The library refused lengths that are ours to get right.
    #[error("`{enc}` did not encrypt")]
    Content {
        /// How the content was to be encrypted.
        enc: ContentEncryption,
    },
}

/// `plaintext` for the holder of `recipient`'s private half: `header.encrypted_key.iv.ciphertext.tag`.
///
/// The key's `kid` goes into the header. Content keys, nonces and paddings come from `entropy`; the ephemeral keys of ECDH from the
/// operating system, since `ring` takes no other source. Source: RFC 7516, 5.1 and 7.1.
pub fn encrypt(
    recipient: &EncryptionKey,
    alg: KeyManagement,
    enc: ContentEncryption,
    header: &Header<'_>,
    plaintext: &[u8],
    entropy: &dyn Entropy,
) -> Result<String, EncryptError> {
    let got = plaintext.len();
    if got > PLAINTEXT_MAX_BYTES {
        return Err(EncryptError::TooLong { limit: PLAINTEXT_MAX_BYTES, got });
    }
    // Steps 1 to 8: the content encryption key, and the form in which it reaches the recipient.
    let Managed { cek, encrypted_key, epk } = management::manage(recipient, alg, enc, entropy)?;
    // Step 9: the initialization vector.
    let mut iv = vec![0; enc.iv_bytes()];
    entropy.fill(&mut iv);
    // Steps 12 and 13: the protected header.
    let header =
        WireHeader { alg, enc, typ: header.typ, cty: header.cty, iss: header.iss, kid: recipient.kid(), epk };
    // INVARIANT: a header holds texts only, so its JSON form exists.
    let header = BASE64URL.encode(serde_json::to_vec(&header).unwrap_or_default());
    // Steps 14 and 15: the ciphertext, and the tag over header and ciphertext.
    let sealed = content::seal(enc, &cek, &iv, header.as_bytes(), plaintext);
    let sealed = sealed.ok_or(EncryptError::Content { enc })?;
    // Step 19: the compact form.
    Ok([&encrypted_key, &iv, &sealed.ciphertext, &sealed.tag].into_iter().fold(header, |mut token, part| {
        token.push('.');
        BASE64URL.encode_string(part, &mut token);
        token
    }))
}

#[derive(Serialize)]
struct WireHeader<'a> {
    alg: KeyManagement,
    enc: ContentEncryption,
    #[serde(skip_serializing_if = "Option::is_none")]
    typ: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cty: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epk: Option<Wire>,
}

/// A key that is wiped when it is dropped.
type Secret = Zeroizing<Vec<u8>>;
