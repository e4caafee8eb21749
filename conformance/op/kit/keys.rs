//! Key pairs of the relying party, and what they sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

/// The size of RSA keys: 2048 is the least that FAPI 2.0 (5.4.1) allows.
const RSA_BITS: usize = 2048;

/// Where ring's own PKCS #8 template for P-256 holds the private scalar.
const P256_SCALAR: std::ops::Range<usize> = 36..68;

/// A key pair with its JWK.
pub(crate) struct KeyPair {
    secret: Secret,
    /// The algorithm its JWK names.
    pub(crate) alg: String,
    /// The public JWK, with `kid`, `use` and `alg`.
    pub(crate) public: Value,
    /// The private JWK; only P-256 keys have it.
    pub(crate) private: Option<Value>,
    /// The key in PKCS #8.
    pub(crate) pkcs8: Vec<u8>,
}

enum Secret {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl KeyPair {
    /// A new key for `alg`: ES256, EdDSA, PS256 or RS256.
    pub(crate) fn new(alg: &str) -> Result<Self, String> {
        let made = match alg {
            "ES256" => Self::p256(),
            "EdDSA" => Self::ed25519(),
            "PS256" | "RS256" => Self::rsa(alg),
            _ => return Err(format!("expected ES256, EdDSA, PS256 or RS256, got `{alg}`")),
        }?;
        Ok(made.named(alg))
    }

    fn p256() -> Result<Self, String> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(words)?;
        let pkcs8 = pkcs8.as_ref().to_vec();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random).map_err(words)?;
        let point = pair.public_key().as_ref();
        let (x, y) = point.get(1..33).zip(point.get(33..65)).ok_or("expected an uncompressed point")?;
        let public = json!({"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)});
        let private = pkcs8.get(P256_SCALAR).map(|scalar| with(&public, "d", b64(scalar)));
        Ok(Self { secret: Secret::P256(pair), alg: String::new(), public, private, pkcs8 })
    }

    fn ed25519() -> Result<Self, String> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(words)?.as_ref().to_vec();
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(words)?;
        let public = json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref())});
        Ok(Self { secret: Secret::Ed25519(pair), alg: String::new(), public, private: None, pkcs8 })
    }

    fn rsa(alg: &str) -> Result<Self, String> {
        let mut rng = base::entropy::rng(&base::OsEntropy);
        let made = rsa::PrivateKey::new(&mut rng, RSA_BITS).map_err(words)?;
        let pkcs8 = made.to_pkcs8_der().map_err(words)?.as_bytes().to_vec();
        let pair = RsaKeyPair::from_pkcs8(&pkcs8).map_err(words)?;
        let [n, e] = [made.n_bytes(), made.e_bytes()].map(b64);
        let public = json!({"kty": "RSA", "n": n, "e": e});
        Ok(Self { secret: Secret::Rsa(pair), alg: alg.to_owned(), public, private: None, pkcs8 })
    }

    /// The P-256 key of a private JWK; it keeps the `kid` that the JWK has.
    pub(crate) fn from_jwk(text: &str) -> Result<Self, String> {
        let jwk: Value = serde_json::from_str(text).map_err(words)?;
        let member = |name: &str| {
            let value = jwk
                .get(name)
                .and_then(Value::as_str)
                .ok_or_else(|| format!("expected `{name}` in the JWK"))?;
            URL_SAFE_NO_PAD.decode(value).map_err(words)
        };
        let point = [vec![4], member("x")?, member("y")?].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &member("d")?,
            &point,
            &SystemRandom::new(),
        );
        let mut public = with(&jwk, "alg", "ES256");
        super::jose::remove(&mut public, "d");
        let secret = Secret::P256(pair.map_err(words)?);
        Ok(Self { secret, alg: "ES256".to_owned(), public, private: Some(jwk), pkcs8: Vec::new() })
    }

    fn named(mut self, alg: &str) -> Self {
        let kid = super::random_token();
        alg.clone_into(&mut self.alg);
        for jwk in std::iter::once(&mut self.public).chain(&mut self.private) {
            for (name, value) in [("kid", kid.as_str()), ("use", "sig"), ("alg", alg)] {
                *jwk = with(jwk, name, value);
            }
        }
        self
    }

    /// The key's id.
    pub(crate) fn kid(&self) -> &str {
        self.public.get("kid").and_then(Value::as_str).unwrap_or_default()
    }

    /// The public key without `kid`, `use` and `alg`, as proofs carry it.
    pub(crate) fn bare(&self) -> Value {
        let mut jwk = self.public.clone();
        if let Some(members) = jwk.as_object_mut() {
            members.retain(|name, _| !["kid", "use", "alg"].contains(&name.as_str()));
        }
        jwk
    }

    /// The public key as it stands in a certificate: the bits of its SubjectPublicKey.
    pub(crate) fn public_bits(&self) -> Option<&[u8]> {
        match &self.secret {
            Secret::P256(pair) => Some(pair.public_key().as_ref()),
            Secret::Ed25519(_) | Secret::Rsa(_) => None,
        }
    }

    /// Signs `message` under `alg` (RFC 7518, 3).
    pub(crate) fn sign(&self, alg: &str, message: &[u8]) -> Result<Vec<u8>, String> {
        let random = SystemRandom::new();
        match (&self.secret, alg) {
            (Secret::P256(pair), "ES256") => {
                pair.sign(&random, message).map(|s| s.as_ref().to_vec()).map_err(words)
            }
            (Secret::Ed25519(pair), "EdDSA" | "Ed25519") => Ok(pair.sign(message).as_ref().to_vec()),
            (Secret::Rsa(pair), "PS256") => rsa_signature(pair, &RSA_PSS_SHA256, message),
            (Secret::Rsa(pair), "RS256") => rsa_signature(pair, &RSA_PKCS1_SHA256, message),
            _ => Err(format!("expected a key for `{alg}`, got one for `{}`", self.alg)),
        }
    }
}

fn rsa_signature(
    pair: &RsaKeyPair,
    padding: &'static dyn ring::signature::RsaEncoding,
    message: &[u8],
) -> Result<Vec<u8>, String> {
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature).map_err(words)?;
    Ok(signature)
}

/// The thumbprint of a public JWK (RFC 7638).
pub(crate) fn thumbprint(jwk: &Value) -> String {
    let kty = jwk.get("kty").and_then(Value::as_str).unwrap_or_default();
    let required: &[&str] = match kty {
        "EC" => &["crv", "kty", "x", "y"],
        "RSA" => &["e", "kty", "n"],
        _ => &["crv", "kty", "x"],
    };
    let members: Vec<String> =
        required.iter().map(|name| format!("\"{name}\":{}", jwk.get(name).unwrap_or(&Value::Null))).collect();
    sha256_b64(format!("{{{}}}", members.join(",")).as_bytes())
}

/// SHA-256 in base64url.
pub(crate) fn sha256_b64(bytes: &[u8]) -> String {
    b64(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// Base64url without padding.
pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `object` with one more member.
pub(crate) fn with(object: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
    object
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_of_rfc_7638_comes_out() {
        let jwk = json!({
            "kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB",
            "n": concat!("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP",
                "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQ",
                "MicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcR",
                "wr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"),
        });
        assert_eq!(thumbprint(&jwk), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
