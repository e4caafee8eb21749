//! A key as it stands in JSON, before it is known what it is for.

use base::encoding::base64url;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::JwkError;
use crate::jwk::{RSA_MODULUS_MAX_BITS, RSA_MODULUS_MIN_BITS};
use crate::jws::{KID_MAX_BYTES, decode_base64url};

const COORDINATE_LEN: usize = 32;

/// A key as it stands in JSON (RFC 7517, 4; RFC 7518, 6). The private members are named only to be refused.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Wire {
    pub(crate) kty: String,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(skip_serializing)]
    key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crv: Option<String>,
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
    /// The key in `members`, which has no private ones.
    pub(crate) fn public(members: Map<String, Value>) -> Result<Self, JwkError> {
        let wire: Self = serde_json::from_value(members.into()).map_err(|_| JwkError::Malformed)?;
        match wire.private_member() {
            Some(member) => Err(JwkError::PrivateMember { member }),
            None => Ok(wire),
        }
    }

    /// The key's identifier, which is not too long.
    pub(crate) fn kid(&self) -> Result<Option<String>, JwkError> {
        match &self.kid {
            Some(kid) if kid.len() > KID_MAX_BYTES => Err(JwkError::Member { member: "kid" }),
            kid => Ok(kid.clone()),
        }
    }

    /// Whether `use` and `key_ops` leave this key for `usage`, or one of `operations` (RFC 7517, 4.2 and 4.3).
    pub(crate) fn is_for(&self, usage: &str, operations: &[&str]) -> Result<(), JwkError> {
        if self.usage.as_deref().is_some_and(|got| got != usage) {
            return Err(JwkError::Unsupported { member: "use" });
        }
        let is_one = |operation: &String| operations.contains(&operation.as_str());
        if self.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(is_one)) {
            return Err(JwkError::Unsupported { member: "key_ops" });
        }
        Ok(())
    }

    /// The RSA key of `n` and `e` (RFC 7518, 6.3.1).
    pub(crate) fn rsa(&self) -> Result<rsa::PublicKey, JwkError> {
        rsa(&bytes(&self.n, "n")?, &bytes(&self.e, "e")?)
    }

    /// `04 || x || y` (RFC 7518, 6.2.1). Whether it is on the curve is seen when it is used.
    pub(crate) fn point(&self) -> Result<[u8; 65], JwkError> {
        let [x, y] = [self.x()?, coordinate(&self.y, "y")?];
        [&[4], &x[..], &y[..]].concat().try_into().map_err(|_| JwkError::Member { member: "x" })
    }

    /// `x` alone (RFC 8037, 2).
    pub(crate) fn x(&self) -> Result<[u8; COORDINATE_LEN], JwkError> {
        coordinate(&self.x, "x")
    }

    /// What a key says of itself, without the key.
    pub(crate) fn named(usage: &str, alg: Option<&str>, kid: Option<String>) -> Self {
        Self { usage: Some(usage.to_owned()), alg: alg.map(str::to_owned), kid, ..Self::default() }
    }

    /// The same with the RSA key of `n` and `e`, big-endian without leading zeros.
    pub(crate) fn with_rsa(self, n: &[u8], e: &[u8]) -> Self {
        let [n, e] = [n, e].map(|number| Some(base64url(number)));
        Self { kty: "RSA".to_owned(), n, e, ..self }
    }

    /// The same with the point `sec1`, `04 || x || y`.
    pub(crate) fn with_point(self, kty: &str, crv: &str, sec1: &[u8; 65]) -> Self {
        let (x, y) = coordinates(sec1);
        let [crv, x, y] = [crv.to_owned(), x, y].map(Some);
        Self { kty: kty.to_owned(), crv, x, y, ..self }
    }

    /// The same with the octet key pair's `x` (RFC 8037, 2).
    pub(crate) fn with_x(self, crv: &str, x: &[u8]) -> Self {
        let [crv, x] = [crv.to_owned(), base64url(x)].map(Some);
        Self { kty: "OKP".to_owned(), crv, x, ..self }
    }

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
}

/// `x` and `y` of `04 || x || y`, as base64url.
pub(crate) fn coordinates(sec1: &[u8; 65]) -> (String, String) {
    let (x, y) = sec1.split_at(1).1.split_at(COORDINATE_LEN);
    (base64url(x), base64url(y))
}

/// The RSA key of `n` and `e`, big-endian. Refuses moduli and exponents that are weak, or slow.
pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Result<rsa::PublicKey, JwkError> {
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

fn bytes(value: &Option<String>, member: &'static str) -> Result<Vec<u8>, JwkError> {
    value.as_deref().and_then(decode_base64url).ok_or(JwkError::Member { member })
}

/// A coordinate, which must have its full length (RFC 7518, 6.2.1.2; RFC 8037, 2).
fn coordinate(value: &Option<String>, member: &'static str) -> Result<[u8; COORDINATE_LEN], JwkError> {
    bytes(value, member)?.try_into().map_err(|_| JwkError::Member { member })
}
