//! Clients that hold a private key and read what is encrypted to them, over other libraries than those that encrypt where there are
//! others.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use aes::{Aes128, Aes256};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use base::OsEntropy;
use base::encoding::{base64url, from_base64url};
use p256::elliptic_curve::sec1::ToSec1Point;
use ring::hmac;
use rsa::BoxedUint;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A private key, and the public half as its holder publishes it.
pub(super) struct Holder {
    pub(super) jwk: Value,
    key: Key,
}

enum Key {
    Rsa(Box<rsa::PrivateKey>),
    P256(p256::SecretKey),
    Sm2(gm::sm2::DecryptingKey),
}

impl Holder {
    pub(super) fn one_of_each_kind() -> Vec<Self> {
        let random = base::entropy::bytes::<32>(&OsEntropy);
        let p256 = p256::SecretKey::from_slice(&random).unwrap();
        let rsa = rsa::PrivateKey::new(&mut base::entropy::rng(&OsEntropy), 2_048).unwrap();
        let sm2 = gm::sm2::DecryptingKey::generate(&mut base::entropy::rng(&OsEntropy));
        vec![Self::of_p256(p256), Self::of_rsa(rsa), Self::of_sm2(sm2)]
    }

    fn of_p256(key: p256::SecretKey) -> Self {
        let sec1 = key.public_key().to_sec1_point(false);
        Self { jwk: of_point("P-256", sec1.as_bytes()), key: Key::P256(key) }
    }

    fn of_sm2(key: gm::sm2::DecryptingKey) -> Self {
        Self { jwk: of_point("SM2", &key.encrypting_key().to_sec1()), key: Key::Sm2(key) }
    }

    fn of_rsa(key: rsa::PrivateKey) -> Self {
        use rsa::traits::PublicKeyParts;
        let (n, e) = (base64url(&key.n_bytes()), base64url(&key.e_bytes()));
        let jwk = json!({ "kty": "RSA", "use": "enc", "kid": "rsa", "n": n, "e": e });
        Self { jwk, key: Key::Rsa(Box::new(key)) }
    }

    pub(super) fn rsa(public: &str, d: &str) -> Self {
        let public: Value = serde_json::from_str(public).unwrap();
        let number = |text: &str| BoxedUint::from_be_slice_vartime(&from_base64url(text).unwrap());
        let [n, e] = ["n", "e"].map(|member| number(public[member].as_str().unwrap()));
        Self::of_rsa(rsa::PrivateKey::from_components(n, e, number(d), Vec::new()).unwrap())
    }

    pub(super) fn p256(d: &str) -> Self {
        Self::of_p256(p256::SecretKey::from_slice(&from_base64url(d).unwrap()).unwrap())
    }

    /// Header and plaintext of `token`; `None` when anything about it is wrong (RFC 7516, 5.2).
    pub(super) fn reads(&self, token: &str) -> Option<(Value, Vec<u8>)> {
        let parts: Vec<&str> = token.split('.').collect();
        let [protected, encrypted_key, iv, ciphertext, tag] = parts.try_into().ok()?;
        let header: Value = serde_json::from_slice(&from_base64url(protected)?).ok()?;
        let [encrypted_key, iv, ciphertext, tag] = [encrypted_key, iv, ciphertext, tag].map(from_base64url);
        let (alg, enc) = (header["alg"].as_str()?, header["enc"].as_str()?);
        let cek = self.cek(alg, enc, &header["epk"], &encrypted_key?)?;
        let plaintext = open(enc, &cek, &iv?, protected.as_bytes(), &ciphertext?, &tag?)?;
        Some((header, plaintext))
    }

    fn cek(&self, alg: &str, enc: &str, epk: &Value, encrypted: &[u8]) -> Option<Vec<u8>> {
        match (&self.key, alg) {
            (Key::Rsa(key), "RSA-OAEP") => key.oaep_decrypt::<Sha1>(encrypted).ok(),
            (Key::Rsa(key), "RSA-OAEP-256") => key.oaep_decrypt::<Sha256>(encrypted).ok(),
            (Key::Sm2(key), "SM2-KE") => {
                let ciphertext = gm::sm2::Ciphertext::from_der(encrypted).ok()?;
                key.decrypt(&ciphertext).ok().map(|cek| cek.to_vec())
            }
            (Key::P256(key), "ECDH-ES") if encrypted.is_empty() => {
                derive(&agree(key, epk)?, enc, key_bytes(enc)?)
            }
            (Key::P256(key), "ECDH-ES+A128KW") => {
                unwrap::<Aes128>(&derive(&agree(key, epk)?, alg, 16)?, encrypted)
            }
            (Key::P256(key), "ECDH-ES+A256KW") => {
                unwrap::<Aes256>(&derive(&agree(key, epk)?, alg, 32)?, encrypted)
            }
            _ => None,
        }
    }
}

fn of_point(crv: &str, sec1: &[u8]) -> Value {
    let (x, y) = (base64url(&sec1[1..33]), base64url(&sec1[33..]));
    json!({ "kty": "EC", "use": "enc", "kid": crv, "crv": crv, "x": x, "y": y })
}

fn agree(key: &p256::SecretKey, epk: &Value) -> Option<Vec<u8>> {
    if (epk["kty"].as_str()?, epk["crv"].as_str()?) != ("EC", "P-256") {
        return None;
    }
    let coordinate = |member: &str| from_base64url(epk[member].as_str()?);
    let sec1 = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    let theirs = p256::PublicKey::from_sec1_bytes(&sec1).ok()?;
    Some(p256::ecdh::diffie_hellman(key.to_nonzero_scalar(), theirs.as_affine()).raw_secret_bytes().to_vec())
}

/// The Concat KDF without party information, up to 64 bytes.
fn derive(z: &[u8], algorithm: &str, bytes: usize) -> Option<Vec<u8>> {
    let length = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    let info = [&length(algorithm.len())[..], algorithm.as_bytes(), &[0; 8], &length(8 * bytes)].concat();
    let rounds = [1_u8, 2].map(|counter| Sha256::digest([&[0, 0, 0, counter], z, &info].concat()));
    rounds.concat().get(..bytes).map(<[u8]>::to_vec)
}

fn unwrap<
    C: aes_kw::cipher::KeyInit + aes_kw::cipher::BlockCipherDecrypt<BlockSize = aes::cipher::consts::U16>,
>(
    kek: &[u8],
    wrapped: &[u8],
) -> Option<Vec<u8>> {
    let mut out = vec![0; wrapped.len().checked_sub(8)?];
    let kek = <aes_kw::AesKw<C> as aes_kw::cipher::KeyInit>::new_from_slice(kek).ok()?;
    kek.unwrap_key(wrapped, &mut out).ok()?;
    Some(out)
}

fn key_bytes(enc: &str) -> Option<usize> {
    match enc {
        "A128GCM" | "SM4GCM" => Some(16),
        "A256GCM" | "A128CBC-HS256" => Some(32),
        "A256CBC-HS512" => Some(64),
        _ => None,
    }
}

fn open(enc: &str, cek: &[u8], iv: &[u8], aad: &[u8], ciphertext: &[u8], tag: &[u8]) -> Option<Vec<u8>> {
    let sealed = [ciphertext, tag].concat();
    let message = Payload { msg: &sealed, aad };
    let tag_bytes = if enc == "A256CBC-HS512" { 32 } else { 16 };
    if cek.len() != key_bytes(enc)? || tag.len() != tag_bytes {
        return None;
    }
    match enc {
        "A128GCM" => Aes128Gcm::new_from_slice(cek).ok()?.decrypt(iv.try_into().ok()?, message).ok(),
        "A256GCM" => Aes256Gcm::new_from_slice(cek).ok()?.decrypt(iv.try_into().ok()?, message).ok(),
        "SM4GCM" => {
            let key = gm::sm4::Key::new(cek.try_into().ok()?);
            gm::sm4::gcm::open(&key, iv.try_into().ok()?, aad, &sealed).ok()
        }
        _ => open_cbc(enc, cek, iv, aad, ciphertext, tag),
    }
}

fn open_cbc(enc: &str, cek: &[u8], iv: &[u8], aad: &[u8], ciphertext: &[u8], tag: &[u8]) -> Option<Vec<u8>> {
    let (mac_key, enc_key) = cek.split_at(cek.len() / 2);
    let al = (8 * aad.len() as u64).to_be_bytes();
    let input = [aad, iv, ciphertext, &al].concat();
    let hash = if enc == "A128CBC-HS256" { hmac::HMAC_SHA256 } else { hmac::HMAC_SHA512 };
    let mac = hmac::sign(&hmac::Key::new(hash, mac_key), &input);
    if &mac.as_ref()[..mac.as_ref().len() / 2] != tag {
        return None;
    }
    match enc {
        "A128CBC-HS256" => cbc::Decryptor::<Aes128>::new_from_slices(enc_key, iv)
            .ok()?
            .decrypt_padded_vec::<Pkcs7>(ciphertext)
            .ok(),
        "A256CBC-HS512" => cbc::Decryptor::<Aes256>::new_from_slices(enc_key, iv)
            .ok()?
            .decrypt_padded_vec::<Pkcs7>(ciphertext)
            .ok(),
        _ => None,
    }
}
