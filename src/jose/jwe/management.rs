//! How the content encryption key is made and reaches the recipient (RFC 7518, 4).

use aes::{Aes128, Aes256};
use aes_kw::AesKw;
use aes_kw::cipher::array::sizes::U16;
use aes_kw::cipher::{BlockCipherEncrypt, KeyInit};
use base::Entropy;
use sha1::Sha1;
use sha2::Sha256;

use super::key::RecipientKey;
use super::{ContentEncryption, EncryptError, EncryptionKey, KeyManagement, Secret, agreement};
use crate::wire::Wire;

/// A content encryption key and what the recipient needs to have it too.
pub(super) struct Managed {
    pub(super) cek: Secret,
    /// Empty when the content encryption key is what was agreed.
    pub(super) encrypted_key: Vec<u8>,
    /// Our half of an agreement.
    pub(super) epk: Option<Wire>,
}

/// A content encryption key for `enc` that `recipient` learns under `alg`.
pub(super) fn manage(
    recipient: &EncryptionKey,
    alg: KeyManagement,
    enc: ContentEncryption,
    entropy: &dyn Entropy,
) -> Result<Managed, EncryptError> {
    if !recipient.algorithms().contains(&alg) {
        return Err(EncryptError::AlgorithmOfAnotherKey { alg });
    }
    let managed = match alg {
        KeyManagement::RsaOaep256 | KeyManagement::RsaOaep | KeyManagement::Sm2 => {
            encrypted(&recipient.key, alg, enc, entropy)
        }
        KeyManagement::EcdhEs => agreed(&recipient.key, enc),
        KeyManagement::EcdhEsA128Kw => wrapped::<Aes128>(&recipient.key, alg, enc, entropy),
        KeyManagement::EcdhEsA256Kw => wrapped::<Aes256>(&recipient.key, alg, enc, entropy),
    };
    managed.ok_or(EncryptError::Recipient { alg })
}

/// Key encryption: a new key under the recipient's (RFC 7518, 4.3; GB/T 32918.4-2016, 6.1).
fn encrypted(
    key: &RecipientKey,
    alg: KeyManagement,
    enc: ContentEncryption,
    entropy: &dyn Entropy,
) -> Option<Managed> {
    let cek = random(enc.key_bytes(), entropy);
    let mut rng = base::entropy::rng(entropy);
    let encrypted_key = match (key, alg) {
        (RecipientKey::Rsa(key), KeyManagement::RsaOaep256) => {
            key.oaep_encrypt_with_rng::<Sha256, _>(&mut rng, &cek).ok()?
        }
        (RecipientKey::Rsa(key), KeyManagement::RsaOaep) => {
            key.oaep_encrypt_with_rng::<Sha1, _>(&mut rng, &cek).ok()?
        }
        (RecipientKey::Sm2(key), KeyManagement::Sm2) => key.encrypt(&cek, &mut rng).ok()?.to_der(),
        _ => return None,
    };
    Some(Managed { cek, encrypted_key, epk: None })
}

/// Direct key agreement: what is agreed is the key (RFC 7518, 4.6).
fn agreed(key: &RecipientKey, enc: ContentEncryption) -> Option<Managed> {
    let (cek, epk) = agreement::agree(key, enc.as_str(), enc.key_bytes())?;
    Some(Managed { cek, encrypted_key: Vec::new(), epk: Some(epk) })
}

/// Key agreement with key wrapping: a new key under what is agreed (RFC 7518, 4.6; RFC 3394, 2.2.1).
fn wrapped<C: KeyInit + BlockCipherEncrypt<BlockSize = U16>>(
    key: &RecipientKey,
    alg: KeyManagement,
    enc: ContentEncryption,
    entropy: &dyn Entropy,
) -> Option<Managed> {
    let (kek, epk) = agreement::agree(key, alg.as_str(), C::key_size())?;
    let cek = random(enc.key_bytes(), entropy);
    let encrypted_key = wrap::<C>(&kek, &cek)?;
    Some(Managed { cek, encrypted_key, epk: Some(epk) })
}

/// `cek` under `kek`, 8 bytes longer.
fn wrap<C: KeyInit + BlockCipherEncrypt<BlockSize = U16>>(kek: &[u8], cek: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; cek.len() + aes_kw::IV_LEN];
    AesKw::<C>::new_from_slice(kek).ok()?.wrap_key(cek, &mut out).ok()?;
    Some(out)
}

fn random(bytes: usize, entropy: &dyn Entropy) -> Secret {
    let mut key = Secret::new(vec![0; bytes]);
    entropy.fill(&mut key);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn rfc_3394s_keys_are_wrapped_as_it_prints_them() {
        let kek = bytes("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
        let key = bytes("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
        // 4.1: 128 bits under 128; 4.3: 128 under 256; 4.6: 256 under 256.
        let of_4_1 = bytes("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5");
        assert_eq!(wrap::<Aes128>(&kek[..16], &key[..16]), Some(of_4_1));
        let of_4_3 = bytes("64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7");
        assert_eq!(wrap::<Aes256>(&kek, &key[..16]), Some(of_4_3));
        let of_4_6 =
            bytes("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21");
        assert_eq!(wrap::<Aes256>(&kek, &key), Some(of_4_6));
    }
}
