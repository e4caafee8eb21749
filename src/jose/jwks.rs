//! Sets of public keys (RFC 7517, 5).
//!
//! Two documents are published. Some client libraries refuse a whole set for one key whose `crv` they do not know, so an SM2
//! key never stands in the ordinary one: [`Jwks::international`] and [`Jwks::national`] see to it.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::StrictObject;
use crate::jwk::{Jwk, JwkError};

/// The longest JSON form of a set that is read.
pub const JWKS_MAX_BYTES: usize = 262_144;
/// How many keys a set that is read may have.
pub const JWKS_MAX_KEYS: usize = 64;

/// A set of public signing keys with distinct identifiers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StrictObject")]
pub struct Jwks {
    keys: Vec<Jwk>,
}

impl Jwks {
    /// The ordinary document: of `keys`, those every standard client knows.
    pub fn international(keys: impl IntoIterator<Item = Jwk>) -> Self {
        Self { keys: keys.into_iter().filter(|key| !key.is_national()).collect() }
    }

    /// The document for clients registered for SM2: of `keys`, the SM2 ones.
    pub fn national(keys: impl IntoIterator<Item = Jwk>) -> Self {
        Self { keys: keys.into_iter().filter(|key| key.is_national()).collect() }
    }

    /// The keys.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Reads a set that someone else wrote.
    ///
    /// Keys of other kinds, algorithms and uses are passed over (RFC 7517, 5). The whole set is refused for a private member,
    /// a bad value in a key of our kinds, the same `kid` twice, or more than [`JWKS_MAX_KEYS`] keys.
    pub fn from_json(json: &[u8]) -> Result<Self, JwkError> {
        Self::of_members(members(json)?)
    }

    /// The set as the JSON document that is published.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "keys": self.keys.iter().map(Jwk::to_json).collect::<Vec<_>>() })
    }

    fn of_members(members: Vec<Value>) -> Result<Self, JwkError> {
        let mut keys = Vec::with_capacity(members.len());
        for key in members {
            match Jwk::from_value(key) {
                Ok(key) => keys.push(key),
                Err(JwkError::Unsupported { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match duplicate_kid(&keys) {
            Some(kid) => Err(JwkError::DuplicateKid { kid }),
            None => Ok(Self { keys }),
        }
    }
}

impl TryFrom<StrictObject> for Jwks {
    type Error = JwkError;

    fn try_from(set: StrictObject) -> Result<Self, JwkError> {
        Self::of_members(members_of(set)?)
    }
}

/// The members of the set `json`, of whatever kind.
pub(crate) fn members(json: &[u8]) -> Result<Vec<Value>, JwkError> {
    if json.len() > JWKS_MAX_BYTES {
        return Err(JwkError::Malformed);
    }
    members_of(StrictObject::from_slice(json).map_err(|_| JwkError::Malformed)?)
}

fn members_of(StrictObject(mut set): StrictObject) -> Result<Vec<Value>, JwkError> {
    match set.remove("keys") {
        Some(Value::Array(keys)) if keys.len() > JWKS_MAX_KEYS => {
            Err(JwkError::TooMany { limit: JWKS_MAX_KEYS, got: keys.len() })
        }
        Some(Value::Array(keys)) => Ok(keys),
        _ => Err(JwkError::Malformed),
    }
}

fn duplicate_kid(keys: &[Jwk]) -> Option<String> {
    let mut seen = HashSet::new();
    keys.iter().filter_map(Jwk::kid).find(|kid| !seen.insert(*kid)).map(str::to_owned)
}
