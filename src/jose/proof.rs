//! Proofs that somebody holds a key: tokens that carry the public key which verifies them (RFC 9449, 4.2).
//!
//! Such a token says nothing about who sent it. Whoever reads it compares the key's thumbprint with one bound before, and looks at the
//! claims: `htm`, `htu`, `iat`, `jti`, `ath`, `nonce` (RFC 9449, 4.3, steps 8 to 12).

use serde_json::{Map, Value};

use crate::jws::Parts;
use crate::verifier::Verifier;
use crate::verify::{Reason, Rejected, same_type, signed_claims};
use crate::{Algorithm, Jwk, JwkError};

/// The longest proof read.
pub const PROOF_MAX_BYTES: usize = 8_192;

/// The `typ` of a DPoP proof (RFC 9449, 4.2).
pub const DPOP_TYP: &str = "dpop+jwt";

/// A proof whose form, key and signature are right.
///
/// ECDSA has a second valid signature for every first one: whether a proof was seen before goes by its `jti`, never by its text.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The key that its sender holds.
    pub key: Jwk,
    /// Under which of the key's algorithms it is signed.
    pub algorithm: Algorithm,
    /// Its claims, none of which was looked at.
    pub claims: Map<String, Value>,
}

/// Checks form, type, algorithm, key and signature of `proof`, in this order.
///
/// `typ` is the one type accepted, `algorithms` those that the reader announces. The header carries a public key for the algorithm that it
/// names, and none of the members that would bring in other keys or rules. Source: RFC 9449, 4.3, steps 2 to 7.
pub fn verify(proof: &str, typ: &str, algorithms: &[Algorithm]) -> Result<Proof, Rejected> {
    // Step 2: a well-formed JWT; 5: its algorithm is one of the closed list.
    let (parts, key) = Parts::split_with_key(proof, PROOF_MAX_BYTES).map_err(Reason::Form)?;
    // Step 4: `typ`.
    if !parts.header.typ.as_deref().is_some_and(|got| same_type(got, typ)) {
        return Err(Reason::Type { got: parts.header.typ }.into());
    }
    // Step 5: `alg` is acceptable.
    let algorithm = parts.header.algorithm;
    if !algorithms.contains(&algorithm) {
        return Err(Reason::AlgorithmNotAccepted { got: algorithm }.into());
    }
    // Step 7: the key is a public one; and it is for this algorithm.
    let key = Jwk::from_value(key.ok_or(Reason::OwnKey(JwkError::Malformed))?).map_err(Reason::OwnKey)?;
    let expected = key.algorithms();
    if !expected.contains(&algorithm) {
        return Err(Reason::AlgorithmOfAnotherKey { expected, got: algorithm }.into());
    }
    // Step 6: the signature verifies.
    let claims = signed_claims(&Verifier::new(key.key()), &parts)?;
    Ok(Proof { key, algorithm, claims })
}
