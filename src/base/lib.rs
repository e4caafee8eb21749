//! What every other crate stands on: time, randomness, identifiers, secrets. No I/O.
//!
//! - [`time`] an instant in microseconds, and the clock it is read from.
//! - [`entropy`] where random bytes come from.
//! - [`id`] identifiers that know what they identify.
//! - [`secret`] values that are wiped when dropped and never printed.
//! - [`network`] networks that an operator names.
//! - [`encoding`] base64url and hexadecimal, and the constant-time comparison.

pub mod encoding;
pub mod entropy;
pub mod id;
pub mod network;
pub mod secret;
pub mod time;

pub use entropy::{Entropy, OsEntropy};
pub use id::Id;
pub use network::Network;
pub use secret::Secret;
pub use time::{Clock, SystemClock, Timestamp};
