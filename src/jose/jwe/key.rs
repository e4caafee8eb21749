//! A client's public encryption key, and how it is found in its key set.

use serde_json::Value;

use super::KeyManagement;
use crate::JwkError;
use crate::algorithm::NATIONAL;
use crate::json::StrictObject;
use crate::jwk::JWK_MAX_BYTES;
use crate::jwks;
use crate::wire::Wire;

/// The `key_ops` that leave a public key for what we do with it (RFC 7517, 4.3).
const OPERATIONS: [&str; 4] = ["wrapKey", "encrypt", "deriveKey", "deriveBits"];

/// A public key that content keys are encrypted to, or agreed with.
#[derive(Clone, Debug, PartialEq)]
pub struct EncryptionKey {
    pub(super) key: RecipientKey,
    /// INVARIANT: some of what the key's kind can do, and never none.
    algorithms: &'static [KeyManagement],
    kid: Option<String>,
}

/// The key itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RecipientKey {
    Rsa(Box<rsa::PublicKey>),
    /// P-256: `04 || x || y`. Whether it is on the curve is seen when it is used.
    P256([u8; 65]),
    /// X25519: the u-coordinate (RFC 7748, 5).
    X25519([u8; 32]),
    /// SM2, on the curve.
    Sm2(gm::sm2::EncryptingKey),
}

/// The encryption keys of one client, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncryptionKeys {
    keys: Vec<EncryptionKey>,
}

impl EncryptionKey {
    /// Reads one JSON object. Members that are not understood are passed over (RFC 7517, 4); private ones are refused.
    pub fn from_json(json: &[u8]) -> Result<Self, JwkError> {
        if json.len() > JWK_MAX_BYTES {
            return Err(JwkError::Malformed);
        }
        StrictObject::from_slice(json).map_err(|_| JwkError::Malformed)?.try_into()
    }

    /// The algorithms that content keys reach its holder under, as its kind and its `alg` say.
    pub const fn algorithms(&self) -> &'static [KeyManagement] {
        self.algorithms
    }

    /// The key's identifier, when it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }
}

impl EncryptionKeys {
    /// The encryption keys of the key set `json`: those with `use` `enc` or without it (RFC 7517, 4.2).
    ///
    /// Others are passed over. The whole set is refused as [`crate::Jwks::from_json`] refuses it, but may repeat a `kid`, since nobody
    /// chooses among these keys by it.
    pub fn from_json(json: &[u8]) -> Result<Self, JwkError> {
        let mut keys = Vec::new();
        for value in jwks::members(json)? {
            match EncryptionKey::from_value(value) {
                Ok(key) => keys.push(key),
                Err(JwkError::Unsupported { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { keys })
    }

    /// The keys.
    pub fn keys(&self) -> &[EncryptionKey] {
        &self.keys
    }

    /// The first key for `alg`; one that says so by its `alg` goes before one that leaves it open.
    pub fn find(&self, alg: KeyManagement) -> Option<&EncryptionKey> {
        let mut named = self.keys.iter().filter(|key| key.algorithms == alg.alone());
        named.next().or_else(|| self.keys.iter().find(|key| key.algorithms.contains(&alg)))
    }
}

impl EncryptionKey {
    fn from_value(value: Value) -> Result<Self, JwkError> {
        match value {
            Value::Object(members) => StrictObject(members).try_into(),
            _ => Err(JwkError::Malformed),
        }
    }
}

impl TryFrom<StrictObject> for EncryptionKey {
    type Error = JwkError;

    fn try_from(StrictObject(members): StrictObject) -> Result<Self, JwkError> {
        let wire = Wire::public(members)?;
        wire.is_for("enc", &OPERATIONS)?;
        let unsupported = JwkError::Unsupported { member: "alg" };
        let named = match wire.alg.as_deref().map(KeyManagement::parse) {
            Some(None) => return Err(unsupported),
            Some(named) => named,
            None => None,
        };
        let key = read_key(&wire)?;
        let algorithms = match named {
            None => key.algorithms(),
            Some(alg) if key.algorithms().contains(&alg) => alg.alone(),
            Some(_) => return Err(unsupported),
        };
        Ok(Self { key, algorithms, kid: wire.kid()? })
    }
}

impl RecipientKey {
    /// What a key of this kind can be used with.
    const fn algorithms(&self) -> &'static [KeyManagement] {
        match self {
            Self::Rsa(_) => &[KeyManagement::RsaOaep256, KeyManagement::RsaOaep],
            Self::P256(_) | Self::X25519(_) => {
                &[KeyManagement::EcdhEs, KeyManagement::EcdhEsA128Kw, KeyManagement::EcdhEsA256Kw]
            }
            Self::Sm2(_) => KeyManagement::Sm2.alone(),
        }
    }
}

fn read_key(wire: &Wire) -> Result<RecipientKey, JwkError> {
    match (wire.kty.as_str(), wire.crv.as_deref()) {
        ("RSA", _) => Ok(RecipientKey::Rsa(Box::new(wire.rsa()?))),
        ("EC", Some("P-256")) => Ok(RecipientKey::P256(wire.point()?)),
        ("OKP", Some("X25519")) => Ok(RecipientKey::X25519(wire.x()?)),
        (kty, Some(crv)) if kty == NATIONAL.kty && crv == NATIONAL.crv => {
            let key = gm::sm2::EncryptingKey::from_sec1(&wire.point()?);
            key.map(RecipientKey::Sm2).map_err(|_| JwkError::Member { member: "x" })
        }
        ("EC" | "OKP", _) => Err(JwkError::Unsupported { member: "crv" }),
        _ => Err(JwkError::Unsupported { member: "kty" }),
    }
}
