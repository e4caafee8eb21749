//! `at_hash` and `c_hash`: what binds an access token or a code to an ID token.

use crate::Algorithm;
use base::encoding::base64url;

/// The left half of the hash of `text` as base64url: the value of `at_hash` (for an access token) and `c_hash` (for a code).
///
/// The hash is the one in the ID token's `alg`: SHA-256 for `ES256`, `PS256` and `RS256`, SHA-512 for `EdDSA` with Ed25519, which
/// has it inside (RFC 8032, 5.1). For `SM2` no document says; we take SM3, the hash in that algorithm.
/// Source: OpenID Connect Core 1.0, 3.1.3.6 and 3.3.2.11.
pub fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let text = text.as_bytes();
    match algorithm {
        Algorithm::Es256 | Algorithm::Ps256 | Algorithm::Rs256 => left_half(&sha256(text)),
        Algorithm::EdDsa => left_half(ring::digest::digest(&ring::digest::SHA512, text).as_ref()),
        Algorithm::Sm2Sm3 => left_half(&gm::sm3::hash(text)),
    }
}

fn left_half(whole: &[u8]) -> String {
    let (left, _) = whole.split_at(whole.len() / 2);
    base64url(left)
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_specifications_example_comes_out() {
        // OpenID Connect Core 1.0, A.3 and A.4: the access token and the at_hash in the ID token beside it.
        assert_eq!(
            half_hash(Algorithm::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
        // A.4 and A.6: the code and its c_hash.
        assert_eq!(
            half_hash(Algorithm::Es256, "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"),
            "LDktKdoQak3Pk0cnXxCltA"
        );
    }

    #[test]
    fn an_ed25519_id_token_is_bound_by_sha_512() {
        // FIPS 180-4's example: SHA-512("abc") begins ddaf35a1 93617aba cc417349 ae204131 12e6fa4e 89a97ea2 0a9eeee6 4b55d39a.
        assert_eq!(half_hash(Algorithm::EdDsa, "abc"), "3a81oZNherrMQXNJriBBMRLm-k6JqX6iCp7u5ktV05o");
    }

    #[test]
    fn an_sm2_id_token_is_bound_by_sm3() {
        // GB/T 32905-2016, A.1: SM3("abc") begins 66c7f0f4 62eeedd9 d1f2d46b dc10e4e2.
        assert_eq!(half_hash(Algorithm::Sm2Sm3, "abc"), "Zsfw9GLu7dnR8tRr3BDk4g");
    }
}
