//! Self-signed client certificates: the least that RFC 8705 needs.

use ring::digest::{SHA256, digest};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::keys::{KeyPair, with};

/// DER tags (X.690).
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const UTF8: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT_0: u8 = 0xa0;

/// ecdsa-with-SHA256, id-ecPublicKey, prime256v1 and commonName.
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The certificate of `key`, a P-256 key, for the common name `name`, signed by the key itself.
pub(crate) fn self_signed(key: &KeyPair, name: &str) -> Result<Vec<u8>, String> {
    let bits = key.public_bits().ok_or("expected a P-256 key")?;
    let tbs = to_be_signed(bits, name);
    let signature = key.sign("ES256", &tbs)?;
    let (r, s) = signature.split_at_checked(32).ok_or("expected a signature of 64 bytes")?;
    let signature = tlv(SEQUENCE, &[unsigned(r), unsigned(s)].concat());
    Ok(tlv(SEQUENCE, &[tbs, algorithm(), bit_string(&signature)].concat()))
}

/// The JWK that registers the certificate (RFC 8705, 2.2.2).
pub(crate) fn jwk(key: &KeyPair, certificate: &[u8]) -> Value {
    with(&key.public, "x5c", json!([STANDARD.encode(certificate)]))
}

fn to_be_signed(bits: &[u8], name: &str) -> Vec<u8> {
    let serial: Vec<u8> = digest(&SHA256, bits).as_ref().iter().take(16).copied().collect();
    let common_name = tlv(SEQUENCE, &[tlv(OBJECT, COMMON_NAME), tlv(UTF8, name.as_bytes())].concat());
    let name = tlv(SEQUENCE, &tlv(SET, &common_name));
    let validity = [b"250101000000Z", b"490101000000Z"].map(|time| tlv(UTC_TIME, time)).concat();
    let key_kind = tlv(SEQUENCE, &[tlv(OBJECT, EC_PUBLIC_KEY), tlv(OBJECT, P256)].concat());
    let key = tlv(SEQUENCE, &[key_kind, bit_string(bits)].concat());
    let version = tlv(EXPLICIT_0, &tlv(INTEGER, &[2]));
    let members =
        [version, unsigned(&serial), algorithm(), name.clone(), tlv(SEQUENCE, &validity), name, key];
    tlv(SEQUENCE, &members.concat())
}

fn algorithm() -> Vec<u8> {
    tlv(SEQUENCE, &tlv(OBJECT, ECDSA_SHA256))
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], bytes].concat())
}

/// An INTEGER that is not negative.
fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    match digits.first() {
        Some(first) if *first < 0x80 => tlv(INTEGER, &digits),
        _ => tlv(INTEGER, &[&[0], digits.as_slice()].concat()),
    }
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ ..0x80) => out.push(short),
        Ok(length) => out.extend([0x81, length]),
        Err(_) => {
            // A certificate with one name and one P-256 key is far below 64 KiB.
            let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
            out.extend([0x82, high, low]);
        }
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strict_reader_takes_the_certificate() {
        let key = KeyPair::new("ES256").unwrap();
        let certificate = self_signed(&key, "rp").unwrap();
        let trust = super::super::tls::Trust::new(None, true).unwrap();
        assert!(trust.identity(certificate, key.pkcs8.clone()).is_ok());
    }
}
