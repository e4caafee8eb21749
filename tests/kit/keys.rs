//! An application's own key: it signs assertions, request objects and proofs, also such as nobody should take.

use base::encoding::base64url;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// A P-256 key that signs under ES256.
pub(crate) struct ClientKey {
    pair: EcdsaKeyPair,
    kid: String,
}

impl ClientKey {
    pub(crate) fn new(kid: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { pair, kid: kid.to_owned() }
    }

    /// The public half (RFC 7517), bare.
    pub(crate) fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "x": base64url(&point[1..33]), "y": base64url(&point[33..]) })
    }

    /// The public half as a set of one, for a registration.
    pub(crate) fn jwks(&self) -> Value {
        let mut jwk = self.jwk();
        jwk["kid"] = self.kid.as_str().into();
        jwk["alg"] = "ES256".into();
        jwk["use"] = "sig".into();
        json!({ "keys": [jwk] })
    }

    /// RFC 7638.
    pub(crate) fn thumbprint(&self) -> String {
        jose::Jwk::from_json(self.jwk().to_string().as_bytes()).unwrap().thumbprint()
    }

    /// `claims` under the usual header, with the members of `header` put over it (null takes one away).
    pub(crate) fn signs(&self, header: &Value, claims: &Value) -> String {
        let mut usual = json!({ "alg": "ES256", "kid": self.kid });
        put_over(&mut usual, header);
        let text = |value: &Value| base64url(value.to_string().as_bytes());
        let input = format!("{}.{}", text(&usual), text(claims));
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", base64url(signature.as_ref()))
    }

    /// A proof of this key (RFC 9449, 4.2) with the members of `header` and `claims` put over what it should say.
    pub(crate) fn proves(&self, header: &Value, claims: &Value) -> String {
        let mut usual = json!({ "typ": "dpop+jwt", "jwk": self.jwk(), "kid": null });
        put_over(&mut usual, header);
        self.signs(&usual, claims)
    }
}

/// Puts the members of `over` into `value`; null takes a member away.
pub(crate) fn put_over(value: &mut Value, over: &Value) {
    let members = value.as_object_mut().expect("an object");
    for (name, new) in over.as_object().into_iter().flatten() {
        match new {
            Value::Null => drop(members.remove(name)),
            new => drop(members.insert(name.clone(), new.clone())),
        }
    }
}

/// An identifier nobody used before.
pub(crate) fn fresh() -> String {
    base::entropy::token(&base::OsEntropy)
}
