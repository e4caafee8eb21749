//! ECDH with an ephemeral key of ours, and the Concat KDF (RFC 7518, 4.6; NIST SP 800-56A, 5.8.1).

use ring::agreement::{self, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, X25519};
use ring::digest::{Context, SHA256};
use ring::rand::SystemRandom;

use super::Secret;
use super::key::RecipientKey;
use crate::wire::Wire;

const HASH_BYTES: usize = 32;

/// `bytes` bytes that only the holder of `recipient` and we know, and our public half for `epk`. The private half is gone.
///
/// `algorithm` is the name in AlgorithmID: the `enc` in direct agreement, else the `alg`. `None` when the point is off the curve, or
/// nothing secret would be agreed.
pub(super) fn agree(recipient: &RecipientKey, algorithm: &str, bytes: usize) -> Option<(Secret, Wire)> {
    let (curve, point): (&'static agreement::Algorithm, &[u8]) = match recipient {
        RecipientKey::P256(point) => (&ECDH_P256, point),
        RecipientKey::X25519(point) => (&X25519, point),
        RecipientKey::Rsa(_) | RecipientKey::Sm2(_) => return None,
    };
    let ours = EphemeralPrivateKey::generate(curve, &SystemRandom::new()).ok()?;
    let epk = public(recipient, ours.compute_public_key().ok()?.as_ref())?;
    let theirs = UnparsedPublicKey::new(curve, point);
    let derive = |z: &[u8]| concat_kdf(z, algorithm, b"", b"", bytes);
    let key = agreement::agree_ephemeral(ours, &theirs, derive).ok()??;
    Some((key, epk))
}

/// The public half as a JWK of the recipient's kind (RFC 7518, 4.6.1.1).
fn public(recipient: &RecipientKey, point: &[u8]) -> Option<Wire> {
    match recipient {
        RecipientKey::P256(_) => Some(Wire::default().with_point("EC", "P-256", point.try_into().ok()?)),
        RecipientKey::X25519(_) => Some(Wire::default().with_x("X25519", point)),
        RecipientKey::Rsa(_) | RecipientKey::Sm2(_) => None,
    }
}

/// `bytes` bytes derived from `z`: SHA-256 over a counter, `z` and OtherInfo, as often as it takes (RFC 7518, 4.6.2).
///
/// `None` when a length does not fit its 32 bits.
fn concat_kdf(z: &[u8], algorithm: &str, apu: &[u8], apv: &[u8], bytes: usize) -> Option<Secret> {
    let bits = u32::try_from(bytes).ok()?.checked_mul(8)?;
    let mut key = Secret::new(Vec::with_capacity(bytes.next_multiple_of(HASH_BYTES)));
    for counter in 1..=u32::try_from(bytes.div_ceil(HASH_BYTES)).ok()? {
        let mut hash = Context::new(&SHA256);
        hash.update(&counter.to_be_bytes());
        hash.update(z);
        // AlgorithmID, PartyUInfo, PartyVInfo: each with its length before it.
        for info in [algorithm.as_bytes(), apu, apv] {
            hash.update(&u32::try_from(info.len()).ok()?.to_be_bytes());
            hash.update(info);
        }
        // SuppPubInfo: the length of what is derived. SuppPrivInfo is empty.
        hash.update(&bits.to_be_bytes());
        key.extend_from_slice(hash.finish().as_ref());
    }
    key.truncate(bytes);
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::encoding::base64url;

    #[test]
    fn rfc_7518_appendix_cs_key_is_derived() {
        let z = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163,
            218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let key = concat_kdf(&z, "A128GCM", b"Alice", b"Bob", 16).unwrap();
        assert_eq!(base64url(&key), "VqqN6vgjbSBcIijNcacQGg");
    }

    #[test]
    fn longer_keys_take_more_rounds_and_say_so() {
        let derive = |bytes| concat_kdf(&[7; 32], "A256CBC-HS512", b"", b"", bytes).unwrap();
        assert_eq!([16, 32, 64].map(|bytes| derive(bytes).len()), [16, 32, 64]);
        assert_ne!(derive(64)[..32], derive(64)[32..]);
        assert_ne!(derive(64)[..32], derive(32)[..], "the length is hashed too");
    }

    #[test]
    fn nothing_is_agreed_with_points_that_are_none() {
        let mut off_curve = [7; 65];
        off_curve[0] = 4;
        // RFC 7748, 6.1: the point of order 4 at u = 1, and zero.
        let mut of_order_4 = [0; 32];
        of_order_4[0] = 1;
        for point in [
            RecipientKey::P256(off_curve),
            RecipientKey::P256([0; 65]),
            RecipientKey::X25519([0; 32]),
            RecipientKey::X25519(of_order_4),
        ] {
            assert!(agree(&point, "A128GCM", 16).is_none(), "{point:?}");
        }
    }
}
