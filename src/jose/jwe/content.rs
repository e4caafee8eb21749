//! How the content is encrypted (RFC 7518, 5).

use aes::{Aes128, Aes256};
use cbc::Encryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherEncrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

use super::ContentEncryption;

/// Ciphertext and authentication tag.
#[derive(Debug, PartialEq)]
pub(super) struct Sealed {
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

/// `plaintext` under the content encryption key `cek` and `iv`, bound to `aad`.
///
/// `None` when a length is not the one of `enc`. A key must not see the same `iv` twice: each message has a key of its own.
pub(super) fn seal(
    enc: ContentEncryption,
    cek: &[u8],
    iv: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Option<Sealed> {
    if cek.len() != enc.key_bytes() || iv.len() != enc.iv_bytes() {
        return None;
    }
    match enc {
        ContentEncryption::A128CbcHs256 => cbc_hmac::<Aes128>(hmac::HMAC_SHA256, cek, iv, aad, plaintext),
        ContentEncryption::A256CbcHs512 => cbc_hmac::<Aes256>(hmac::HMAC_SHA512, cek, iv, aad, plaintext),
        ContentEncryption::A128Gcm => aes_gcm(&aead::AES_128_GCM, cek, iv, aad, plaintext),
        ContentEncryption::A256Gcm => aes_gcm(&aead::AES_256_GCM, cek, iv, aad, plaintext),
        ContentEncryption::Sm4Gcm => sm4_gcm(cek, iv, aad, plaintext),
    }
}

/// AES in CBC, then HMAC over everything (RFC 7518, 5.2.2.1).
fn cbc_hmac<C: BlockCipherEncrypt + KeyInit>(
    hash: hmac::Algorithm,
    cek: &[u8],
    iv: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Option<Sealed> {
    // Step 1: the first half is the MAC's key, the second the cipher's.
    let (mac_key, enc_key) = cek.split_at(cek.len() / 2);
    // Steps 2 and 3: PKCS #7 padding and CBC.
    let encryptor = Encryptor::<C>::new_from_slices(enc_key, iv).ok()?;
    let ciphertext = encryptor.encrypt_padded_vec::<Pkcs7>(plaintext);
    // Step 4: AL, the length of the additional data in bits.
    let al = u64::try_from(aad.len()).ok()?.checked_mul(8)?.to_be_bytes();
    // Step 5: the MAC, cut to its first half.
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hash, mac_key));
    [aad, iv, &ciphertext, &al].into_iter().for_each(|part| mac.update(part));
    let mac = mac.sign();
    let (tag, _) = mac.as_ref().split_at(mac.as_ref().len() / 2);
    Some(Sealed { ciphertext, tag: tag.to_vec() })
}

/// RFC 7518, 5.3.
fn aes_gcm(
    algorithm: &'static aead::Algorithm,
    cek: &[u8],
    iv: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Option<Sealed> {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, cek).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(iv).ok()?;
    let mut ciphertext = plaintext.to_vec();
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut ciphertext).ok()?;
    Some(Sealed { ciphertext, tag: tag.as_ref().to_vec() })
}

/// As AES-GCM, with SM4 in AES's place.
fn sm4_gcm(cek: &[u8], iv: &[u8], aad: &[u8], plaintext: &[u8]) -> Option<Sealed> {
    let key = gm::sm4::Key::new(cek.try_into().ok()?);
    let mut ciphertext = plaintext.to_vec();
    let tag = gm::sm4::gcm::seal_in_place(&key, iv.try_into().ok()?, aad, &mut ciphertext).ok()?;
    Some(Sealed { ciphertext, tag: tag.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::encoding::base64url;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    /// RFC 7518, B.1 and B.3: the same text under keys of 0, 1, 2 …
    const KERCKHOFFS: &[u8] = b"A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy without inconvenience";
    const PRINCIPLE: &[u8] = b"The second principle of Auguste Kerckhoffs";
    const IV: &str = "1af38c2dc2b96ffdd86694092341bc04";

    #[test]
    fn rfc_7518_appendix_bs_texts_come_out() {
        let keys: Vec<u8> = (0..64).collect();
        let b1 = Sealed {
            ciphertext: bytes(
                "c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9a94ac9b47ad2655c5f10f9aef71427e2\
                 fc6f9b3f399a221489f16362c703233609d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b\
                 384c486f3a54c51078158ee5d79de59fbd34d848b3d69550a67646344427ade54b8851ffb598f7f80074b9473c82e2db",
            ),
            tag: bytes("652c3fa36b0a7c5b3219fab3a30bc1c4"),
        };
        let seal_as =
            |enc, bytes_of_key: usize| seal(enc, &keys[..bytes_of_key], &bytes(IV), PRINCIPLE, KERCKHOFFS);
        assert_eq!(seal_as(ContentEncryption::A128CbcHs256, 32), Some(b1));
        let b3 = Sealed {
            ciphertext: bytes(
                "4affaaadb78c31c5da4b1b590d10ffbd3dd8d5d302423526912da037ecbcc7bd822c301dd67c373bccb584ad3e9279c2\
                 e6d12a1374b77f077553df829410446b36ebd97066296ae6427ea75c2e0846a11a09ccf5370dc80bfecbad28c73f09b3\
                 a3b75e662a2594410ae496b2e2e6609e31e6e02cc837f053d21f37ff4f51950bbe2638d09dd7a4930930806d0703b1f6",
            ),
            tag: bytes("4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5"),
        };
        assert_eq!(seal_as(ContentEncryption::A256CbcHs512, 64), Some(b3));
    }

    #[test]
    fn rfc_7516_appendix_a_1s_text_comes_out() {
        let cek = [
            177, 161, 244, 128, 84, 143, 225, 115, 63, 180, 3, 255, 107, 154, 212, 246, 138, 7, 110, 91, 112,
            46, 34, 105, 47, 130, 203, 46, 122, 234, 64, 252,
        ];
        let iv = [227, 197, 117, 252, 2, 219, 233, 68, 180, 225, 77, 219];
        let header = b"eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ";
        let plaintext = b"The true sign of intelligence is not knowledge but imagination.";
        let sealed = seal(ContentEncryption::A256Gcm, &cek, &iv, header, plaintext).unwrap();
        assert_eq!(
            base64url(&sealed.ciphertext),
            "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A"
        );
        assert_eq!(base64url(&sealed.tag), "XFBoMYUZodetZdvTiFvSkQ");
    }

    #[test]
    fn rfc_8998_appendix_a_1s_text_comes_out() {
        let key = bytes("0123456789ABCDEFFEDCBA9876543210");
        let plaintext: Vec<u8> =
            [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0xee, 0xaa].map(|byte| [byte; 8]).concat();
        let aad = bytes("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2");
        let iv = bytes("00001234567800000000ABCD");
        let expected = Sealed {
            ciphertext: bytes(
                "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735\
                 D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D",
            ),
            tag: bytes("83DE3541E4C2B58177E065A9BF7B62EC"),
        };
        assert_eq!(seal(ContentEncryption::Sm4Gcm, &key, &iv, &aad, &plaintext), Some(expected));
    }

    #[test]
    fn other_lengths_of_key_and_iv_encrypt_nothing() {
        for enc in ContentEncryption::ALL {
            let (key, iv) = (vec![7; enc.key_bytes()], vec![9; enc.iv_bytes()]);
            assert!(seal(enc, &key, &iv, b"", b"").is_some());
            assert_eq!(seal(enc, &key[1..], &iv, b"", b""), None, "{enc}");
            assert_eq!(seal(enc, &key, &iv[1..], b"", b""), None, "{enc}");
        }
    }
}
