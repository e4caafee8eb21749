//! Tokens bound to a key, got by proving another: two signatures to verify, one to make, and what was shown to remember.

use base::encoding::base64url;
use base::{Clock, SystemClock};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::Wrong;
use crate::http::{Answer, Connection, Request};
use crate::measure::{Operation, Worker};
use crate::tokens::unexpected;

const TOKEN_PATH: &str = "/oauth2/token";
const KEY_ID: &str = "bench";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A P-256 key.
pub struct Key(EcdsaKeyPair);

impl Key {
    /// A new one.
    pub fn new() -> Result<Self, Wrong> {
        let (random, failed) = (SystemRandom::new(), |_| Wrong::new("no key could be made"));
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(failed)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        pair.map(Self).map_err(|_| Wrong::new("no key could be read"))
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        json!({ "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y) })
    }

    /// A proof of it for a token request to `htu` (RFC 9449, 4.2).
    pub fn proof(&self, htu: &str) -> Result<String, Wrong> {
        let (fresh, now) = (base::entropy::token(&base::OsEntropy), SystemClock.now().unix_seconds());
        self.sign(
            &json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": self.jwk() }),
            &json!({ "jti": fresh, "htm": "POST", "htu": htu, "iat": now }),
        )
    }

    /// An assertion by which `client` proves itself to `audience` with this key (RFC 7523, 2.2).
    pub fn assertion(&self, client: &str, audience: &str) -> Result<String, Wrong> {
        let (fresh, now) = (base::entropy::token(&base::OsEntropy), SystemClock.now().unix_seconds());
        self.sign(
            &json!({ "alg": "ES256", "kid": KEY_ID }),
            &json!({
                "iss": client, "sub": client, "aud": audience,
                "jti": fresh, "iat": now, "exp": now + 60,
            }),
        )
    }

    /// The set of keys that a client registers which proves itself with this one.
    pub fn jwks(&self) -> Value {
        let mut jwk = self.jwk();
        if let Some(members) = jwk.as_object_mut() {
            members.extend([("kid".to_owned(), KEY_ID.into()), ("alg".to_owned(), "ES256".into())]);
        }
        json!({ "keys": [jwk] })
    }

    fn sign(&self, header: &Value, claims: &Value) -> Result<String, Wrong> {
        let text = |value: &Value| base64url(value.to_string().as_bytes());
        let input = format!("{}.{}", text(header), text(claims));
        let signature = self.0.sign(&SystemRandom::new(), input.as_bytes());
        let signature = signature.map_err(|_| Wrong::new("a key did not sign"))?;
        Ok(format!("{input}.{}", base64url(signature.as_ref())))
    }
}

/// The form by which a machine asks for a token that proves itself with `assertion`.
pub fn asserted(assertion: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ]
}

/// An application that proves itself with a key, and asks for tokens bound to another.
pub struct Bound {
    issuer: String,
    client_id: String,
    assertions: Key,
    proofs: Key,
}

impl Bound {
    /// Registers it, with the sample's token for registration.
    pub fn register(connection: &mut Connection, issuer: &str, token: &str) -> Result<Self, Wrong> {
        let (assertions, proofs) = (Key::new()?, Key::new()?);
        let members = json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["client_credentials"],
            "dpop_bound_access_tokens": true,
            "jwks": assertions.jwks(),
        });
        let request = Request::post("/oauth2/register").bearer(token).json(&members);
        let answer = connection.send(&request.into_bytes())?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let client_id = text_at(&said, "/client_id").ok_or_else(|| unexpected("a registration", &answer))?;
        Ok(Self { issuer: issuer.to_owned(), client_id: client_id.to_owned(), assertions, proofs })
    }

    fn request(&self) -> Result<Vec<u8>, Wrong> {
        let assertion = self.assertions.assertion(&self.client_id, &self.issuer)?;
        let proof = self.proofs.proof(&format!("{}{TOKEN_PATH}", self.issuer))?;
        Ok(Request::post(TOKEN_PATH).header("dpop", &proof).form(asserted(&assertion)).into_bytes())
    }
}

impl Operation for &Bound {
    fn name(&self) -> &'static str {
        "client_credentials, DPoP + private_key_jwt"
    }

    fn worker(&self, _: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        Ok(Box::new(Proving { current: Vec::new(), of: self }))
    }
}

struct Proving<'a> {
    current: Vec<u8>,
    of: &'a Bound,
}

impl Worker for Proving<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        self.current = self.of.request().ok()?;
        Some(&self.current)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let is_token =
            text_at(&said, "/token_type") == Some("DPoP") && text_at(&said, "/access_token").is_some();
        let good = answer.status == 200 && is_token;
        if good { Ok(()) } else { Err(unexpected("200 and a bound token", answer)) }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let payload = text_at(&said, "/access_token").and_then(|token| token.split('.').nth(1));
        let claims = payload.and_then(base::encoding::from_base64url);
        let claims: Value = claims.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        let is_ours = text_at(&claims, "/client_id") == Some(&self.of.client_id);
        if is_ours && text_at(&claims, "/cnf/jkt").is_some() {
            Ok(())
        } else {
            Err(unexpected("a token bound to the key", answer))
        }
    }
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}
