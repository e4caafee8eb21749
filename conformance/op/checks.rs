//! Conditions: small functions, each with its weight and its clause, shared by the modules.
//!
//! - [`authorization`] the answer at the redirect URI, [`errors`] refusals of every endpoint.
//! - [`token`] the token response, [`id_token`] the ID token, [`userinfo`] claims about the person.
//! - [`discovery`] the metadata, [`jwks`] the provider's keys.
//! - [`tls`] what protects the endpoints.

pub(crate) mod authorization;
pub(crate) mod discovery;
pub(crate) mod errors;
pub(crate) mod id_token;
pub(crate) mod jwks;
pub(crate) mod tls;
pub(crate) mod token;
pub(crate) mod userinfo;

use super::finding::{Condition, Finding};
use super::kit::shannon_bits;

/// The least length of a secret value, in bits of its text (RFC 6819, 5.1.4.2.2).
const LENGTH_BITS: usize = 128;

/// The least randomness that its spread of characters has to speak for: an estimate, so 96 and not 128.
const ENTROPY_BITS: f64 = 96.0;

/// A secret value is long enough.
pub(crate) fn long_enough(condition: Condition, value: &str) -> Finding {
    let bits = value.len().saturating_mul(8);
    condition.holds(bits >= LENGTH_BITS, || format!("expected at least {LENGTH_BITS} bits, got {bits}"))
}

/// A secret value looks random.
pub(crate) fn random_enough(condition: Condition, value: &str) -> Finding {
    let bits = shannon_bits(value);
    condition
        .holds(bits > ENTROPY_BITS, || format!("expected more than {ENTROPY_BITS} bits, got about {bits:.0}"))
}
