//! A public signing key as JSON (RFC 7517), and its thumbprint (RFC 7638).

use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::Algorithm;
use crate::algorithm::NATIONAL;
use crate::hash::sha256;
use crate::jws::{KID_MAX_BYTES, decode_base64url};
use base::encoding::base64url;

/// The longest JSON form of one key that is read.
pub const JWK_MAX_BYTES: usize = 16_384;
/// The shortest RSA modulus (RFC 7518, 3.3).
pub const RSA_MODULUS_MIN_BITS: usize = 2_048;
/// The longest RSA modulus, so that a stranger's key cannot make verification slow.
pub const RSA_MODULUS_MAX_BITS: usize = 4_096;

const COORDINATE_LEN: usize = 32;

/// A public key that verifies signatures under one algorithm of the closed list.
///
/// The algorithm follows from the key, so a token cannot choose another. Reading refuses private and symmetric members.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Jwk {
    key: VerifyingKey,
    kid: Option<String>,
}

/// The key itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum VerifyingKey {
    /// P-256: `04 || x || y`.
    P256([u8; 65]),
    /// RSA: modulus and exponent, big-endian without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
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
    #[error("expected a signing key for ES256, RS256 or SM2, got another `{member}`")]
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
    /// The JWK of a public key, with its thumbprint as `kid`. Fails for kinds of key that the closed list has no algorithm for.
    pub fn from_public(key: &pki::PublicKey) -> Result<Self, JwkError> {
        let key = match key {
            pki::PublicKey::P256(point) => VerifyingKey::P256(*point),
            pki::PublicKey::Sm2(key) => VerifyingKey::Sm2(key.clone()),
            pki::PublicKey::Rsa { spki_der } => rsa_from_spki(spki_der)?,
            pki::PublicKey::Other { .. } => return Err(JwkError::Unsupported { member: "kty" }),
        };
        let mut jwk = Self { key, kid: None };
        jwk.kid = Some(jwk.thumbprint());
        Ok(jwk)
    }

    /// The key in the form certificates carry.
    pub fn to_public(&self) -> Result<pki::PublicKey, JwkError> {
        Ok(match &self.key {
            VerifyingKey::P256(point) => pki::PublicKey::P256(*point),
            VerifyingKey::Sm2(key) => pki::PublicKey::Sm2(key.clone()),
            VerifyingKey::Rsa { n, e } => pki::PublicKey::Rsa { spki_der: rsa_to_spki(n, e)? },
        })
    }

    /// Reads one JSON object. Members that are not understood are passed over (RFC 7517, 4); private ones are refused.
    pub fn from_json(json: &[u8]) -> Result<Self, JwkError> {
        if json.len() > JWK_MAX_BYTES {
            return Err(JwkError::Malformed);
        }
        let wire: Wire = serde_json::from_slice(json).map_err(|_| JwkError::Malformed)?;
        Self::try_from(wire)
    }

    /// The key as a JSON object, with `use`, `alg` and `kid`.
    pub fn to_json(&self) -> serde_json::Value {
        // INVARIANT: a `Wire` holds texts only, so its JSON form exists.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The one algorithm that this key verifies.
    pub const fn algorithm(&self) -> Algorithm {
        match self.key {
            VerifyingKey::P256(_) => Algorithm::Es256,
            VerifyingKey::Rsa { .. } => Algorithm::Rs256,
            VerifyingKey::Sm2(_) => Algorithm::Sm2Sm3,
        }
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
        let wire = Wire::from(self.clone());
        let member = |value: &Option<String>| value.clone().unwrap_or_default();
        // Kinds, curves and base64url hold nothing that JSON would escape.
        let required = match &self.key {
            VerifyingKey::Rsa { .. } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, member(&wire.e), member(&wire.n))
            }
            VerifyingKey::P256(_) | VerifyingKey::Sm2(_) => {
                let (crv, x, y) = (member(&wire.crv), member(&wire.x), member(&wire.y));
                format!(r#"{{"crv":"{crv}","kty":"{}","x":"{x}","y":"{y}"}}"#, wire.kty)
            }
        };
        base64url(&sha256(required.as_bytes()))
    }
}

fn rsa_from_spki(spki_der: &[u8]) -> Result<VerifyingKey, JwkError> {
    let key = rsa::PublicKey::from_public_key_der(spki_der).map_err(|_| JwkError::Member { member: "n" })?;
    rsa_key(&key.n_bytes(), &key.e_bytes())
}

fn rsa_to_spki(n: &[u8], e: &[u8]) -> Result<Vec<u8>, JwkError> {
    let der = rsa_checked(n, e)?.to_public_key_der().map_err(|_| JwkError::Member { member: "n" })?;
    Ok(der.into_vec())
}

/// The RSA key of `n` and `e` with leading zeros taken away, which some writers leave in spite of RFC 7518, 2.
fn rsa_key(n: &[u8], e: &[u8]) -> Result<VerifyingKey, JwkError> {
    let key = rsa_checked(n, e)?;
    Ok(VerifyingKey::Rsa { n: key.n_bytes().into_vec(), e: key.e_bytes().into_vec() })
}

fn rsa_checked(n: &[u8], e: &[u8]) -> Result<rsa::PublicKey, JwkError> {
    if n.len() > RSA_MODULUS_MAX_BITS / 8 + 1 || e.len() > 8 {
        return Err(JwkError::Unsupported { member: "n" });
    }
    let [n, e] = [n, e].map(rsa::BoxedUint::from_be_slice_vartime);
    let sizes = RSA_MODULUS_MIN_BITS..=RSA_MODULUS_MAX_BITS;
    rsa::PublicKey::new_with_size_limits(n, e, sizes).map_err(|error| match error {
        rsa::Error::ModulusTooSmall | rsa::Error::ModulusTooLarge => JwkError::Unsupported { member: "n" },
        _ => JwkError::Member { member: "n" },
    })
}

/// A key as it stands in JSON (RFC 7517, 4; RFC 7518, 6). The private members are named only to be refused.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Wire {
    kty: String,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(skip_serializing)]
    key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing)]
    d: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    p: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    q: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    dp: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    dq: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    qi: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    oth: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    k: Option<IgnoredAny>,
}

impl Wire {
    /// The first private or symmetric member, if there is one (RFC 7518, 6.2.2, 6.3.2, 6.4.1).
    fn private_member(&self) -> Option<&'static str> {
        let members = [
            ("d", self.d),
            ("p", self.p),
            ("q", self.q),
            ("dp", self.dp),
            ("dq", self.dq),
            ("qi", self.qi),
            ("oth", self.oth),
            ("k", self.k),
        ];
        members.into_iter().find(|(_, value)| value.is_some()).map(|(name, _)| name)
    }

    /// Whether `use`, `key_ops` and `alg` leave this key for verifying under `algorithm`.
    fn verifies(&self, algorithm: Algorithm) -> Result<(), JwkError> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(JwkError::Unsupported { member: "use" });
        }
        if self.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
            return Err(JwkError::Unsupported { member: "key_ops" });
        }
        match &self.alg {
            Some(name) if Algorithm::parse(name) != Some(algorithm) => {
                Err(JwkError::Unsupported { member: "alg" })
            }
            _ => Ok(()),
        }
    }
}

impl TryFrom<Wire> for Jwk {
    type Error = JwkError;

    fn try_from(wire: Wire) -> Result<Self, JwkError> {
        if let Some(member) = wire.private_member() {
            return Err(JwkError::PrivateMember { member });
        }
        let key = read_key(&wire)?;
        if wire.kid.as_ref().is_some_and(|kid| kid.len() > KID_MAX_BYTES) {
            return Err(JwkError::Member { member: "kid" });
        }
        let jwk = Self { key, kid: wire.kid.clone() };
        wire.verifies(jwk.algorithm())?;
        Ok(jwk)
    }
}

fn read_key(wire: &Wire) -> Result<VerifyingKey, JwkError> {
    match (wire.kty.as_str(), wire.crv.as_deref()) {
        ("RSA", _) => rsa_key(&bytes(&wire.n, "n")?, &bytes(&wire.e, "e")?),
        ("EC", Some("P-256")) => Ok(VerifyingKey::P256(point(wire)?)),
        (kty, Some(crv)) if kty == NATIONAL.kty && crv == NATIONAL.crv => {
            let key = gm::sm2::VerifyingKey::from_sec1(&point(wire)?);
            key.map(|key| VerifyingKey::Sm2(key.into())).map_err(|_| JwkError::Member { member: "x" })
        }
        ("EC", _) => Err(JwkError::Unsupported { member: "crv" }),
        _ => Err(JwkError::Unsupported { member: "kty" }),
    }
}

fn bytes(value: &Option<String>, member: &'static str) -> Result<Vec<u8>, JwkError> {
    value.as_deref().and_then(decode_base64url).ok_or(JwkError::Member { member })
}

/// `04 || x || y`; each coordinate must have its full length (RFC 7518, 6.2.1.2).
fn point(wire: &Wire) -> Result<[u8; 65], JwkError> {
    let coordinate = |value, member| {
        let bytes = bytes(value, member)?;
        if bytes.len() == COORDINATE_LEN { Ok(bytes) } else { Err(JwkError::Member { member }) }
    };
    let sec1 = [vec![4], coordinate(&wire.x, "x")?, coordinate(&wire.y, "y")?].concat();
    sec1.try_into().map_err(|_| JwkError::Member { member: "x" })
}

impl From<Jwk> for Wire {
    fn from(jwk: Jwk) -> Self {
        let usage = Some("sig".to_owned());
        let alg = Some(jwk.algorithm().as_str().to_owned());
        let common = Self { usage, alg, kid: jwk.kid, ..Self::default() };
        match &jwk.key {
            VerifyingKey::Rsa { n, e } => {
                Self { kty: "RSA".to_owned(), n: Some(base64url(n)), e: Some(base64url(e)), ..common }
            }
            VerifyingKey::P256(sec1) => common.with_point("EC", "P-256", sec1),
            VerifyingKey::Sm2(key) => common.with_point(NATIONAL.kty, NATIONAL.crv, &key.to_sec1()),
        }
    }
}

impl Wire {
    fn with_point(self, kty: &str, crv: &str, sec1: &[u8; 65]) -> Self {
        let (x, y) = sec1.split_at(1).1.split_at(COORDINATE_LEN);
        let [crv, x, y] = [crv.to_owned(), base64url(x), base64url(y)].map(Some);
        Self { kty: kty.to_owned(), crv, x, y, ..self }
    }
}
