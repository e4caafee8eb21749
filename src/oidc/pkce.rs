//! Proof Key for Code Exchange, S256 only.

use std::str::FromStr;

use base::Secret;
use base::encoding::{base64url, from_base64url, same_bytes};

/// Shortest verifier, in characters (RFC 7636, 4.1).
pub const VERIFIER_MIN_CHARS: usize = 43;
/// Longest verifier, in characters (RFC 7636, 4.1).
pub const VERIFIER_MAX_CHARS: usize = 128;

/// The hash that the client committed to: SHA-256 as base64url, 43 characters (RFC 7636, 4.2).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge(String);

/// The secret that opens the challenge: 43 to 128 unreserved characters (RFC 7636, 4.1).
pub struct CodeVerifier(Secret<String>);

/// A text that is not a code challenge of method S256.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected the SHA-256 of the code_verifier as base64url without padding, 43 characters, got {0} characters"
)]
pub struct BadChallenge(usize);

/// A text that is not a code verifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadVerifier {
    /// Too short or too long.
    #[error("expected {VERIFIER_MIN_CHARS} to {VERIFIER_MAX_CHARS} characters, got {0}")]
    Length(usize),
    /// A character outside `[A-Za-z0-9-._~]`.
    #[error("expected letters, digits, `-`, `.`, `_` and `~` only")]
    Character,
}

/// Whether `verifier` opens `challenge`, in constant time: BASE64URL(SHA256(ASCII(verifier))) == challenge (RFC 7636, 4.6).
pub fn verify(verifier: &CodeVerifier, challenge: &CodeChallenge) -> bool {
    same_bytes(verifier.challenge().0.as_bytes(), challenge.0.as_bytes())
}

impl CodeVerifier {
    /// The challenge that this verifier opens.
    pub fn challenge(&self) -> CodeChallenge {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.0.expose().as_bytes());
        CodeChallenge(base64url(digest.as_ref()))
    }
}

impl CodeChallenge {
    /// The challenge as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CodeVerifier {
    type Err = BadVerifier;

    fn from_str(text: &str) -> Result<Self, BadVerifier> {
        if !(VERIFIER_MIN_CHARS..=VERIFIER_MAX_CHARS).contains(&text.len()) {
            return Err(BadVerifier::Length(text.len()));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) {
            return Err(BadVerifier::Character);
        }
        Ok(Self(Secret::new(text.to_owned())))
    }
}

impl FromStr for CodeChallenge {
    type Err = BadChallenge;

    fn from_str(text: &str) -> Result<Self, BadChallenge> {
        match from_base64url(text) {
            Some(digest) if digest.len() == ring::digest::SHA256_OUTPUT_LEN => Ok(Self(text.to_owned())),
            _ => Err(BadChallenge(text.chars().count())),
        }
    }
}

impl TryFrom<String> for CodeChallenge {
    type Error = BadChallenge;

    fn try_from(text: String) -> Result<Self, BadChallenge> {
        text.parse()
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        challenge.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_rfc_7636_opens_and_no_other_verifier_does() {
        let challenge: CodeChallenge = CHALLENGE.parse().unwrap();
        assert!(verify(&VERIFIER.parse().ok().unwrap(), &challenge));
        let other = VERIFIER.replace('d', "e");
        assert!(!verify(&other.parse().ok().unwrap(), &challenge));
        assert!(!verify(&CHALLENGE.parse().ok().unwrap(), &challenge), "`plain` is not a method");
    }

    #[test]
    fn a_verifier_keeps_to_the_grammar() {
        let refusal = |text: &str| text.parse::<CodeVerifier>().err();
        assert_eq!(refusal(&"a".repeat(42)), Some(BadVerifier::Length(42)));
        assert_eq!(refusal(&"a".repeat(129)), Some(BadVerifier::Length(129)));
        assert_eq!(refusal(&"a".repeat(128)), None);
        for bad in ["+", "/", "=", " ", "\u{0}"] {
            assert_eq!(refusal(&format!("{}{bad}", "a".repeat(43))), Some(BadVerifier::Character), "{bad}");
        }
    }

    #[test]
    fn a_challenge_is_a_whole_sha256() {
        for bad in [
            "",
            &CHALLENGE[..42],
            &format!("{CHALLENGE}="),
            &format!("{CHALLENGE}A"),
            &CHALLENGE.replace('-', "+"),
        ] {
            assert!(bad.parse::<CodeChallenge>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<CodeChallenge>("\"short\"").is_err(), "rows are untrusted too");
    }
}
