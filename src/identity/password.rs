//! Which passwords are good, and how they are kept.
//!
//! A password is normalised (NFC), keyed with the pepper by HMAC-SM3 and hashed with Argon2id, so that a stolen table is
//! worthless without the pepper and slow to guess with it. The work is heavy: callers run it off their async threads.

mod policy;

use std::fmt;
use std::str::FromStr;

use argon2::Argon2;
use base::encoding::same_bytes;
use base::{Entropy, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use policy::{BadPassword, PASSWORD_MAX_CHARS, PASSWORD_MIN_CHARS, check};

/// Longest text that is looked at as a password, in bytes; longer ones are refused unread.
pub const PASSWORD_MAX_BYTES: usize = 1_024;
/// Length of the salt, in bytes.
pub const SALT_BYTES: usize = 16;
/// Length of the hash, in bytes.
pub const HASH_BYTES: usize = 32;
/// Most memory that a stored hash may ask for, in KiB.
pub const MEMORY_MAX_KIB: u32 = 256 * 1024;
/// Most passes that a stored hash may ask for.
pub const PASSES_MAX_COUNT: u32 = 16;
/// Most lanes that a stored hash may ask for.
pub const LANES_MAX_COUNT: u32 = 4;

/// The cost of a hash (RFC 9106, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// The cost of new hashes: 19 MiB, two passes, one lane (OWASP Password Storage).
pub const COST: Cost = Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

/// A password as typed, in Unicode's composed form (RFC 8265, 4.2.2), so that it is the same from every keyboard.
pub struct Password(Secret<String>);

impl Password {
    /// Normalises `typed`; nothing is trimmed, cut or folded. Fails only when it is longer than [`PASSWORD_MAX_BYTES`].
    pub fn new(typed: &str) -> Result<Self, BadPassword> {
        if typed.len() > PASSWORD_MAX_BYTES {
            return Err(BadPassword::TooLong);
        }
        // Composing makes UTF-8 at most three times longer (Unicode's Normalization FAQ), so the secret is never moved by growing.
        let mut composed = String::with_capacity(typed.len() * 3);
        composed.extend(typed.nfc());
        Ok(Self(Secret::new(composed)))
    }

    fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Hashes and verifies passwords under one pepper.
pub struct PasswordHasher {
    pepper: Secret<[u8; 32]>,
}

/// The computation could not be done, for want of memory; it says nothing about the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password hash could not be computed")]
pub struct HashFailed;

impl PasswordHasher {
    /// A hasher under `pepper`, which is kept apart from the hashes and is the same for all of them.
    pub const fn new(pepper: Secret<[u8; 32]>) -> Self {
        Self { pepper }
    }

    /// A new hash of `password` at the present [`COST`].
    pub fn hash(&self, password: &Password, entropy: &dyn Entropy) -> Result<PasswordHash, HashFailed> {
        let salt = base::entropy::bytes::<SALT_BYTES>(entropy);
        let hash = self.derive(password, COST, &salt)?;
        Ok(PasswordHash { cost: COST, salt: salt.to_vec(), hash })
    }

    /// Whether `password` is the one that `stored` was made of; `None` when there is no such account.
    ///
    /// Without a stored hash the same work is done and the answer is no, so that nobody learns which accounts exist.
    pub fn verify(&self, password: &Password, stored: Option<&PasswordHash>) -> Result<bool, HashFailed> {
        let nobodys = PasswordHash { cost: COST, salt: vec![0; SALT_BYTES], hash: [0; HASH_BYTES] };
        let expected = stored.unwrap_or(&nobodys);
        let computed = self.derive(password, expected.cost, &expected.salt)?;
        Ok(same_bytes(&computed, &expected.hash) & stored.is_some())
    }

    /// Whether `stored` should be made anew at the next login, because it was made at another cost.
    pub fn needs_rehash(&self, stored: &PasswordHash) -> bool {
        stored.cost != COST || stored.salt.len() != SALT_BYTES
    }

    /// Argon2id(HMAC-SM3(pepper, password), salt), version 0x13 (RFC 9106, 3).
    fn derive(&self, password: &Password, cost: Cost, salt: &[u8]) -> Result<[u8; HASH_BYTES], HashFailed> {
        let keyed = Zeroizing::new(gm::hmac::hmac_sm3(self.pepper.expose(), &[password.expose().as_bytes()]));
        let params = argon2::Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES));
        let argon2 =
            Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params.map_err(|_| HashFailed)?);
        let mut hash = [0; HASH_BYTES];
        argon2.hash_password_into(keyed.as_slice(), salt, &mut hash).map_err(|_| HashFailed)?;
        Ok(hash)
    }
}

/// A stored hash with its cost and salt. As text: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash` (PHC string format).
#[derive(Clone)]
pub struct PasswordHash {
    cost: Cost,
    salt: Vec<u8>,
    hash: [u8; HASH_BYTES],
}

/// A text that is not a stored hash of ours. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a PHC string `$argon2id$v=19$m=..,t=..,p=..$salt$hash` with a bounded cost and a hash of 32 bytes"
)]
pub struct BadPasswordHash;

impl PasswordHash {
    /// The cost that it was made at.
    pub const fn cost(&self) -> Cost {
        self.cost
    }
}

impl FromStr for PasswordHash {
    type Err = BadPasswordHash;

    fn from_str(text: &str) -> Result<Self, BadPasswordHash> {
        parse_phc(text).ok_or(BadPasswordHash)
    }
}

fn parse_phc(text: &str) -> Option<PasswordHash> {
    let mut fields = text.strip_prefix("$argon2id$v=19$")?.split('$');
    let cost = parse_cost(fields.next()?)?;
    let salt = STANDARD_NO_PAD.decode(fields.next()?).ok().filter(|salt| (8..=64).contains(&salt.len()))?;
    let hash = STANDARD_NO_PAD.decode(fields.next()?).ok()?.try_into().ok()?;
    fields.next().is_none().then_some(PasswordHash { cost, salt, hash })
}

/// `m=19456,t=2,p=1`, in this order, within the limits: a row must not be able to exhaust the machine.
fn parse_cost(text: &str) -> Option<Cost> {
    let mut fields = text.split(',');
    let mut number = |name: &str, max: u32| {
        let number: u32 = fields.next()?.strip_prefix(name)?.parse().ok()?;
        (1..=max).contains(&number).then_some(number)
    };
    let cost = Cost {
        memory_kib: number("m=", MEMORY_MAX_KIB)?,
        passes: number("t=", PASSES_MAX_COUNT)?,
        lanes: number("p=", LANES_MAX_COUNT)?,
    };
    // RFC 9106, 3.1: eight blocks for each lane at least.
    (fields.next().is_none() && cost.memory_kib >= 8 * cost.lanes).then_some(cost)
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (salt, hash) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(self.hash));
        write!(f, "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("cost", &self.cost).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
