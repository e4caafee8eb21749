//! An issuer with one key of each kind, and a forger who signs whatever it likes.

use std::sync::OnceLock;

use base::encoding::base64url;
use base::{OsEntropy, Timestamp};
use jose::{Algorithm, Audience, Expect, Jwk, JwsSigner, KeySet, Reason, SignError, Type, jwt};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING as FIXED, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example.gov.cn";
pub(crate) const AUDIENCE: &str = "fu-an-tax";

pub(crate) fn noon() -> Timestamp {
    Timestamp::from_unix_seconds(1_795_507_200)
}

/// What the tax application expects of an access token at noon.
pub(crate) fn at_noon() -> Expect<'static> {
    Expect {
        typ: Type::Is("at+jwt"),
        issuer: ISSUER,
        audience: Audience::Includes(AUDIENCE),
        now: noon(),
        leeway_seconds: 10,
        ahead_seconds: 10,
        algorithms: &Algorithm::ALL,
    }
}

pub(crate) fn good_claims() -> Value {
    let now = noon().unix_seconds();
    json!({ "iss": ISSUER, "sub": "usr_1", "aud": AUDIENCE, "iat": now - 5, "exp": now + 300 })
}

pub(crate) struct EcKey {
    pair: EcdsaKeyPair,
    pub(crate) jwk: Jwk,
}

impl EcKey {
    pub(crate) fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&FIXED, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&FIXED, pkcs8.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref().try_into().unwrap();
        let jwk = Jwk::from_public(&pki::PublicKey::P256(point)).unwrap();
        Self { pair, jwk }
    }
}

impl JwsSigner for EcKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }
    fn kid(&self) -> &str {
        self.jwk.kid().unwrap()
    }
    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(self.pair.sign(&SystemRandom::new(), signing_input).unwrap().as_ref().to_vec())
    }
}

pub(crate) struct EdKey {
    pair: Ed25519KeyPair,
    pub(crate) jwk: Jwk,
}

impl EdKey {
    pub(crate) fn new() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let json = json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref()) });
        let jwk = Jwk::from_json(json.to_string().as_bytes()).unwrap();
        let jwk = jwk.clone().with_kid(&jwk.thumbprint());
        Self { pair, jwk }
    }
}

impl JwsSigner for EdKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDsa
    }
    fn kid(&self) -> &str {
        self.jwk.kid().unwrap()
    }
    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(self.pair.sign(signing_input).as_ref().to_vec())
    }
}

/// An RSA key that signs under one of its two algorithms; its JWK is good for both. All are one key, since a key takes long to make.
pub(crate) struct RsaKey {
    pair: RsaKeyPair,
    pub(crate) jwk: Jwk,
    pub(crate) algorithm: Algorithm,
}

impl RsaKey {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        static KEY: OnceLock<rsa::PrivateKey> = OnceLock::new();
        let key =
            KEY.get_or_init(|| rsa::PrivateKey::new(&mut base::entropy::rng(&OsEntropy), 2_048).unwrap());
        let spki_der = key.to_public_key().to_public_key_der().unwrap().into_vec();
        let jwk = Jwk::from_public(&pki::PublicKey::Rsa { spki_der }).unwrap();
        let pair = RsaKeyPair::from_pkcs8(key.to_pkcs8_der().unwrap().as_bytes()).unwrap();
        Self { pair, jwk, algorithm }
    }
}

impl JwsSigner for RsaKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
    fn kid(&self) -> &str {
        self.jwk.kid().unwrap()
    }
    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        let padding: &dyn ring::signature::RsaEncoding =
            if self.algorithm == Algorithm::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(padding, &SystemRandom::new(), signing_input, &mut signature).unwrap();
        Ok(signature)
    }
}

pub(crate) struct Sm2Key {
    pub(crate) key: gm::sm2::SigningKey,
    pub(crate) jwk: Jwk,
}

impl Sm2Key {
    pub(crate) fn new() -> Self {
        let key = gm::sm2::SigningKey::generate(&mut base::entropy::rng(&OsEntropy));
        let jwk = Jwk::from_public(&key.verifying_key().clone().into()).unwrap();
        Self { key, jwk }
    }
}

impl JwsSigner for Sm2Key {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Sm2Sm3
    }
    fn kid(&self) -> &str {
        self.jwk.kid().unwrap()
    }
    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut rng = base::entropy::rng(&OsEntropy);
        let signature = self.key.sign(signing_input, gm::sm2::DEFAULT_ID, &mut rng).unwrap();
        Ok(signature.to_bytes().to_vec())
    }
}

pub(crate) fn keys(keys: &[&Jwk]) -> KeySet {
    let mut set = KeySet::new();
    keys.iter().for_each(|jwk| set.insert(jwk).unwrap());
    set
}

pub(crate) fn access_token(signer: &dyn JwsSigner, claims: &Value) -> String {
    jwt::sign(signer, "at+jwt", claims).unwrap()
}

/// A token with exactly this header and payload, under a real signature of `signer`.
pub(crate) fn forge(signer: &dyn JwsSigner, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", base64url(header.as_bytes()), base64url(payload.as_bytes()));
    let signature = signer.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url(&signature))
}

pub(crate) fn refusal(keys: &KeySet, token: &str, expect: &Expect<'_>) -> Reason {
    keys.verify(token, expect).unwrap_err().reason().clone()
}
