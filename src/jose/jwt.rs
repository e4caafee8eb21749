//! Makes tokens (RFC 7519). [`crate::verify`] checks them.

use serde::Serialize;

use crate::jws::{JwsSigner, SignError, compact};

/// A token that says `claims`, of type `typ` (`JWT`, `at+jwt`, `logout+jwt` …), signed by `signer`.
///
/// Fails when `claims` has no JSON form or the key does not sign. The caller puts `iss`, `aud`, `iat` and `exp` into `claims`.
pub fn sign(signer: &dyn JwsSigner, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
    let payload = serde_json::to_vec(claims).map_err(SignError::Claims)?;
    compact(signer, typ, &payload)
}
