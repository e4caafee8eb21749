//! Tokens made and judged by hand, so that wrong ones can be made too.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Value, json};

use super::keys::{KeyPair, b64};

/// A token before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl Draft {
    /// A token with this `typ`, to be signed by `key` under its own algorithm.
    pub(crate) fn new(key: &KeyPair, typ: Option<&str>, claims: Value) -> Self {
        let mut header = json!({"alg": key.alg, "kid": key.kid()});
        if let Some(typ) = typ {
            set(&mut header, "typ", typ);
        }
        Self { header, claims }
    }

    /// Gives a claim this value.
    pub(crate) fn claim(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        set(&mut self.claims, name, value);
        self
    }

    /// Takes a claim away.
    pub(crate) fn without(&mut self, name: &str) -> &mut Self {
        remove(&mut self.claims, name);
        self
    }

    /// Signed under the algorithm that the header names.
    pub(crate) fn sign(&self, key: &KeyPair) -> Result<String, String> {
        self.sign_as(key, self.alg())
    }

    /// Signed under `alg`, whatever the header says.
    pub(crate) fn sign_as(&self, key: &KeyPair, alg: &str) -> Result<String, String> {
        let input = self.input();
        let signature = key.sign(alg, input.as_bytes())?;
        Ok(format!("{input}.{}", b64(signature)))
    }

    /// With `alg` none and no signature (RFC 7515, A.5).
    pub(crate) fn unsigned(&self) -> String {
        let mut none = self.clone();
        set(&mut none.header, "alg", "none");
        remove(&mut none.header, "kid");
        format!("{}.", none.input())
    }

    /// Signed, with one bit of the signature turned over.
    pub(crate) fn tampered(&self, key: &KeyPair) -> Result<String, String> {
        let input = self.input();
        let mut signature = key.sign(self.alg(), input.as_bytes())?;
        if let Some(byte) = signature.get_mut(10) {
            *byte ^= 0x5a;
        }
        Ok(format!("{input}.{}", b64(signature)))
    }

    fn alg(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or_default()
    }

    fn input(&self) -> String {
        format!("{}.{}", b64(self.header.to_string()), b64(self.claims.to_string()))
    }
}

/// Gives a member of an object this value.
pub(crate) fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

/// Takes a member of an object away.
pub(crate) fn remove(object: &mut Value, name: &str) {
    if let Some(members) = object.as_object_mut() {
        members.remove(name);
    }
}

/// A token that came from a provider; nothing of it is believed yet.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// As it came.
    pub(crate) compact: String,
    pub(crate) header: Value,
    pub(crate) claims: Value,
    input: String,
    signature: Vec<u8>,
}

impl Token {
    /// Reads the compact serialization (RFC 7515, 7.1).
    pub(crate) fn read(compact: &str) -> Result<Self, String> {
        let parts: Vec<&str> = compact.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else {
            return Err(format!("expected three parts, got {}", parts.len()));
        };
        Ok(Self {
            compact: compact.to_owned(),
            header: part(header)?,
            claims: part(claims)?,
            input: format!("{header}.{claims}"),
            signature: bytes(signature)?,
        })
    }

    /// The string in the header's member `name`.
    pub(crate) fn header_text(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// The algorithm it names.
    pub(crate) fn alg(&self) -> &str {
        self.header_text("alg").unwrap_or_default()
    }

    /// The claim `name`.
    pub(crate) fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// The string in the claim `name`.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// The number in the claim `name`.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        let value = self.claims.get(name)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a NumericDate with a fraction counts in whole seconds"
        )]
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
    }

    /// Whether one of `keys` signed it: the one with its `kid`, or any of its kind when it names none.
    pub(crate) fn verify(&self, keys: &[Value]) -> Result<(), String> {
        let kid = self.header_text("kid");
        let named = |jwk: &&Value| kid.is_none() || jwk.get("kid").and_then(Value::as_str) == kid;
        let mut found: Vec<&Value> = keys.iter().filter(named).collect();
        found.retain(|jwk| jwk.get("use").is_none_or(|u| u == "sig"));
        if found.is_empty() {
            return Err(format!("expected a key with kid {kid:?} in the JWKS, got none"));
        }
        let verified = found.iter().any(|jwk| self.verify_with(jwk).is_ok());
        if verified {
            Ok(())
        } else {
            Err(format!("expected a signature under {}, got one that does not verify", self.alg()))
        }
    }

    fn verify_with(&self, jwk: &Value) -> Result<(), String> {
        if jwk.get("alg").and_then(Value::as_str).is_some_and(|alg| alg != self.alg()) {
            return Err(format!("expected a key for {}", self.alg()));
        }
        verify(self.alg(), jwk, self.input.as_bytes(), &self.signature)
    }

    /// `SHA-2(value)`, its left half (OpenID Connect Core, 3.1.3.6), under the hash of this token's algorithm.
    pub(crate) fn half_hash(&self, value: &str) -> String {
        let algorithm = match self.alg() {
            alg if alg.ends_with("384") => &ring::digest::SHA384,
            alg if alg.ends_with("512") || alg == "EdDSA" || alg == "Ed25519" => &ring::digest::SHA512,
            _ => &ring::digest::SHA256,
        };
        let digest = ring::digest::digest(algorithm, value.as_bytes());
        let half = digest.as_ref().len() / 2;
        b64(digest.as_ref().get(..half).unwrap_or_default())
    }
}

/// Whether `jwk` made `signature` over `message` under `alg`.
fn verify(alg: &str, jwk: &Value, message: &[u8], signature: &[u8]) -> Result<(), String> {
    let member = |name: &str| {
        let value =
            jwk.get(name).and_then(Value::as_str).ok_or_else(|| format!("expected `{name}` in the key"))?;
        bytes(value)
    };
    let kind = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let failed = |_| "signature".to_owned();
    let rsa = |parameters| {
        let components = RsaPublicKeyComponents { n: member("n")?, e: member("e")? };
        components.verify(parameters, message, signature).map_err(failed)
    };
    match (alg, kind("kty"), kind("crv")) {
        ("RS256", "RSA", _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        ("RS384", "RSA", _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        ("RS512", "RSA", _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        ("PS256", "RSA", _) => rsa(&signature::RSA_PSS_2048_8192_SHA256),
        ("PS384", "RSA", _) => rsa(&signature::RSA_PSS_2048_8192_SHA384),
        ("PS512", "RSA", _) => rsa(&signature::RSA_PSS_2048_8192_SHA512),
        ("ES256", "EC", "P-256") => {
            let point = [vec![4], member("x")?, member("y")?].concat();
            UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .map_err(failed)
        }
        ("ES384", "EC", "P-384") => {
            let point = [vec![4], member("x")?, member("y")?].concat();
            UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point)
                .verify(message, signature)
                .map_err(failed)
        }
        ("EdDSA" | "Ed25519", "OKP", "Ed25519") => UnparsedPublicKey::new(&signature::ED25519, member("x")?)
            .verify(message, signature)
            .map_err(failed),
        _ => Err(format!("expected a key for {alg}, got {} {}", kind("kty"), kind("crv"))),
    }
}

/// A token signed with a shared secret (HS256): what a provider with asymmetric keys must not take.
pub(crate) fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let input = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    format!("{input}.{}", b64(ring::hmac::sign(&key, input.as_bytes())))
}

fn part(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_slice(&bytes(text)?).map_err(|e| e.to_string())?;
    if value.is_object() { Ok(value) } else { Err("expected an object in a part of the token".to_owned()) }
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text).map_err(|e| format!("expected base64url without padding: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_verifies_and_what_is_broken_does_not() {
        for alg in ["ES256", "EdDSA", "PS256", "RS256"] {
            let key = KeyPair::new(alg).unwrap();
            let draft = Draft::new(&key, Some("JWT"), json!({"iss": "a"}));
            let keys = [key.public.clone()];
            let read = |compact: &str| Token::read(compact).unwrap();
            assert_eq!(read(&draft.sign(&key).unwrap()).verify(&keys), Ok(()), "{alg}");
            assert!(read(&draft.tampered(&key).unwrap()).verify(&keys).is_err(), "{alg}");
            assert!(read(&draft.unsigned()).verify(&keys).is_err(), "{alg}");
            let other = KeyPair::new(alg).unwrap();
            assert!(read(&draft.sign(&key).unwrap()).verify(&[other.public]).is_err(), "{alg}");
        }
    }

    #[test]
    fn the_half_hash_of_the_core_specification_comes_out() {
        let key = KeyPair::new("ES256").unwrap();
        let token = Token::read(&Draft::new(&key, None, json!({})).sign(&key).unwrap()).unwrap();
        assert_eq!(token.half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(
            token.half_hash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"),
            "LDktKdoQak3Pk0cnXxCltA"
        );
    }
}
