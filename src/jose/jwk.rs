//! A public signing key as JSON (RFC 7517), and its thumbprint (RFC 7638).

use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Algorithm;
use crate::algorithm::NATIONAL;
use crate::hash::sha256;
use crate::json::StrictObject;
use crate::verifier::Verifier;
use crate::wire::{self, Wire, coordinates};
use base::encoding::base64url;

/// The longest JSON form of one key that is read.
pub const JWK_MAX_BYTES: usize = 16_384;
/// The shortest RSA modulus (RFC 7518, 3.3).
pub const RSA_MODULUS_MIN_BITS: usize = 2_048;
/// The longest RSA modulus, so that a stranger's key cannot make verification slow.
pub const RSA_MODULUS_MAX_BITS: usize = 4_096;

/// A public key that verifies signatures under algorithms of the closed list.
///
/// Which ones follows from its kind and its `alg`, so a token cannot choose another: one algorithm, but for an RSA key without `alg`,
/// which is good for two. Reading refuses private and symmetric members.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "StrictObject", into = "Wire")]
pub struct Jwk {
    key: VerifyingKey,
    /// INVARIANT: some of what the key's kind can do, and never none.
    algorithms: &'static [Algorithm],
    kid: Option<String>,
}

/// The key itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum VerifyingKey {
    /// P-256: `04 || x || y`.
    P256([u8; 65]),
    /// RSA: modulus and exponent, big-endian without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// Ed25519: the point as RFC 8032 writes it. Whether it is on the curve is seen when it is used.
    Ed25519([u8; 32]),
    /// SM2, on the curve.
    Sm2(pki::Sm2Key),
}

/// Why a JSON object or a public key is not a [`Jwk`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Not the JSON of a key, or longer than allowed.
    #[error("expected a JSON Web Key of at most {JWK_MAX_BYTES} bytes")]
    Malformed,
    /// A member that only a private or a symmetric key has.
    #[error("expected a public key, got the private member `{member}`")]
    PrivateMember {
        /// Its name.
        member: &'static str,
    },
    /// A key of another kind, for another algorithm or another use. RFC 7517 (5) wants such keys passed over in a set.
    #[error("expected a key for one of our algorithms and for this use, got another `{member}`")]
    Unsupported {
        /// The member, or the property, that says so.
        member: &'static str,
    },
    /// A member that is missing or has no valid value.
    #[error("expected a valid `{member}`")]
    Member {
        /// Its name.
        member: &'static str,
    },
    /// More keys in a set than allowed.
    #[error("expected at most {limit} keys, got {got}")]
    TooMany {
        /// The limit.
        limit: usize,
        /// How many came.
        got: usize,
    },
    /// Two keys of a set have the same `kid`.
    #[error("expected distinct key identifiers, got `{kid}` twice")]
    DuplicateKid {
        /// The identifier.
        kid: String,
    },
}

impl Jwk {
    /// The JWK of a public key, with its thumbprint as `kid`; an RSA key is good for both its algorithms ([`Jwk::only_for`]).
    ///
    /// Fails for kinds of key that the closed list has no algorithm for.
    pub fn from_public(key: &pki::PublicKey) -> Result<Self, JwkError> {
        let key = match key {
            pki::PublicKey::P256(point) => VerifyingKey::P256(*point),
            pki::PublicKey::Sm2(key) => VerifyingKey::Sm2(key.clone()),
            pki::PublicKey::Rsa { spki_der } => rsa_from_spki(spki_der)?,
            pki::PublicKey::Other { .. } => {
                let point = key.as_ed25519().ok_or(JwkError::Unsupported { member: "kty" })?;
                VerifyingKey::Ed25519(point)
            }
        };
        let mut jwk = Self { algorithms: key.algorithms(), key, kid: None };
        jwk.kid = Some(jwk.thumbprint());
        Ok(jwk)
    }

    /// The key in the form certificates carry.
    pub fn to_public(&self) -> Result<pki::PublicKey, JwkError> {
        Ok(match &self.key {
            VerifyingKey::P256(point) => pki::PublicKey::P256(*point),
            VerifyingKey::Sm2(key) => pki::PublicKey::Sm2(key.clone()),
            VerifyingKey::Rsa { n, e } => pki::PublicKey::Rsa { spki_der: rsa_to_spki(n, e)? },
            VerifyingKey::Ed25519(point) => pki::PublicKey::from_ed25519(point),
        })
    }

    /// Reads one JSON object. Members that are not understood are passed over (RFC 7517, 4); private ones are refused.
    pub fn from_json(json: &[u8]) -> Result<Self, JwkError> {
        if json.len() > JWK_MAX_BYTES {
            return Err(JwkError::Malformed);
        }
        StrictObject::from_slice(json).map_err(|_| JwkError::Malformed)?.try_into()
    }

    /// As [`Jwk::from_json`], of a value that has been read already, within limits.
    pub(crate) fn from_value(value: Value) -> Result<Self, JwkError> {
        match value {
            Value::Object(members) => StrictObject(members).try_into(),
            _ => Err(JwkError::Malformed),
        }
    }

    /// The key as a JSON object, with `use` and `kid`, and with `alg` when it is for one algorithm.
    pub fn to_json(&self) -> Value {
        // INVARIANT: a `Wire` holds texts only, so its JSON form exists.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The algorithms that this key verifies.
    pub const fn algorithms(&self) -> &'static [Algorithm] {
        self.algorithms
    }

    /// The same key for `algorithm` alone (RFC 8725, 3.1). Fails when it is not one of the key's.
    pub fn only_for(mut self, algorithm: Algorithm) -> Result<Self, JwkError> {
        if !self.algorithms.contains(&algorithm) {
            return Err(JwkError::Unsupported { member: "alg" });
        }
        self.algorithms = algorithm.alone();
        Ok(self)
    }

    /// Whether `signature`, in the form JOSE carries, is this key's over `message` under `algorithm`.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.algorithms.contains(&algorithm)
            && Verifier::new(&self.key).verifies(algorithm, message, &base64url(signature))
    }

    /// Whether the key is an SM2 one, which stands in a document of its own.
    pub const fn is_national(&self) -> bool {
        matches!(self.key, VerifyingKey::Sm2(_))
    }

    /// The key's identifier, when it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The same key under another identifier.
    #[must_use]
    pub fn with_kid(mut self, kid: &str) -> Self {
        self.kid = Some(kid.to_owned());
        self
    }

    pub(crate) const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The SHA-256 of the required members in the order of their names, as base64url: 43 characters (RFC 7638, 3).
    ///
    /// SHA-256 for SM2 keys too, since that is the hash RFC 7638's users expect.
    pub fn thumbprint(&self) -> String {
        // Kinds, curves and base64url hold nothing that JSON would escape.
        let required = match &self.key {
            VerifyingKey::Rsa { n, e } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, base64url(e), base64url(n))
            }
            VerifyingKey::P256(sec1) => required_of_point("EC", "P-256", sec1),
            VerifyingKey::Sm2(key) => required_of_point(NATIONAL.kty, NATIONAL.crv, &key.to_sec1()),
            VerifyingKey::Ed25519(point) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(point))
            }
        };
        base64url(&sha256(required.as_bytes()))
    }
}

impl VerifyingKey {
    /// What a key of this kind can verify.
    const fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::P256(_) => Algorithm::Es256.alone(),
            Self::Rsa { .. } => &[Algorithm::Ps256, Algorithm::Rs256],
            Self::Ed25519(_) => Algorithm::EdDsa.alone(),
            Self::Sm2(_) => Algorithm::Sm2Sm3.alone(),
        }
    }
}

fn required_of_point(kty: &str, crv: &str, sec1: &[u8; 65]) -> String {
    let (x, y) = coordinates(sec1);
    format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}"#)
}

fn rsa_from_spki(spki_der: &[u8]) -> Result<VerifyingKey, JwkError> {
    let key = rsa::PublicKey::from_public_key_der(spki_der).map_err(|_| JwkError::Member { member: "n" })?;
    wire::rsa(&key.n_bytes(), &key.e_bytes()).map(|key| rsa_key(&key))
}

fn rsa_to_spki(n: &[u8], e: &[u8]) -> Result<Vec<u8>, JwkError> {
    let der = wire::rsa(n, e)?.to_public_key_der().map_err(|_| JwkError::Member { member: "n" })?;
    Ok(der.into_vec())
}

/// Modulus and exponent without leading zeros, which some writers leave in spite of RFC 7518, 2.
fn rsa_key(key: &rsa::PublicKey) -> VerifyingKey {
    VerifyingKey::Rsa { n: key.n_bytes().into_vec(), e: key.e_bytes().into_vec() }
}

impl TryFrom<StrictObject> for Jwk {
    type Error = JwkError;

    fn try_from(StrictObject(members): StrictObject) -> Result<Self, JwkError> {
        let wire = Wire::public(members)?;
        wire.is_for("sig", &["verify"])?;
        let key = read_key(&wire)?;
        let jwk = Self { algorithms: key.algorithms(), key, kid: wire.kid()? };
        match wire.alg.as_deref().map(Algorithm::parse) {
            None => Ok(jwk),
            Some(Some(algorithm)) => jwk.only_for(algorithm),
            Some(None) => Err(JwkError::Unsupported { member: "alg" }),
        }
    }
}

fn read_key(wire: &Wire) -> Result<VerifyingKey, JwkError> {
    match (wire.kty.as_str(), wire.crv.as_deref()) {
        ("RSA", _) => Ok(rsa_key(&wire.rsa()?)),
        ("EC", Some("P-256")) => Ok(VerifyingKey::P256(wire.point()?)),
        ("OKP", Some("Ed25519")) => Ok(VerifyingKey::Ed25519(wire.x()?)),
        (kty, Some(crv)) if kty == NATIONAL.kty && crv == NATIONAL.crv => {
            let key = gm::sm2::VerifyingKey::from_sec1(&wire.point()?);
            key.map(|key| VerifyingKey::Sm2(key.into())).map_err(|_| JwkError::Member { member: "x" })
        }
        ("EC" | "OKP", _) => Err(JwkError::Unsupported { member: "crv" }),
        _ => Err(JwkError::Unsupported { member: "kty" }),
    }
}

impl From<Jwk> for Wire {
    fn from(jwk: Jwk) -> Self {
        let alg = match jwk.algorithms {
            [one] => Some(one.as_str()),
            _ => None,
        };
        let common = Self::named("sig", alg, jwk.kid);
        match &jwk.key {
            VerifyingKey::Rsa { n, e } => common.with_rsa(n, e),
            VerifyingKey::P256(sec1) => common.with_point("EC", "P-256", sec1),
            VerifyingKey::Sm2(key) => common.with_point(NATIONAL.kty, NATIONAL.crv, &key.to_sec1()),
            VerifyingKey::Ed25519(point) => common.with_x("Ed25519", point),
        }
    }
}
