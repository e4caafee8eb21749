//! Object identifiers: the ones this crate speaks of, in dotted form.
//!
//! Sources: GM/T 0006-2012 and GB/T 33560-2017 for the arc 1.2.156.10197, RFC 5280 and RFC 5480 for the others.

use crate::der::{tag, write};

/// The curve sm2p256v1, and SM2 keys in general.
pub const SM2: &str = "1.2.156.10197.1.301";
/// SM2 as a digital signature (GB/T 35275 names it in signer information).
pub const SM2_SIGN: &str = "1.2.156.10197.1.301.1";
/// SM2 as public key encryption.
pub const SM2_ENCRYPT: &str = "1.2.156.10197.1.301.3";
/// The digest SM3.
pub const SM3: &str = "1.2.156.10197.1.401";
/// The signature SM2 with SM3.
pub const SM2_WITH_SM3: &str = "1.2.156.10197.1.501";

/// An elliptic curve key (`id-ecPublicKey`, RFC 5480, 2.1.1).
pub const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
/// The curve NIST P-256 (`secp256r1`).
pub const P256: &str = "1.2.840.10045.3.1.7";
/// The signature ECDSA with SHA-256.
pub const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";
/// An Ed25519 key, and its signature (`id-Ed25519`, RFC 8410, 3).
pub const ED25519: &str = "1.3.101.112";
/// An RSA key (`rsaEncryption`, RFC 3279, 2.3.1).
pub const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
/// The signature RSA PKCS#1 v1.5 with SHA-256 (RFC 4055, 5).
pub const RSA_WITH_SHA256: &str = "1.2.840.113549.1.1.11";

/// Common name (RFC 5280, appendix A.1).
pub const COMMON_NAME: &str = "2.5.4.3";
/// Country (RFC 5280, appendix A.1).
pub const COUNTRY: &str = "2.5.4.6";
/// Locality (RFC 5280, appendix A.1).
pub const LOCALITY: &str = "2.5.4.7";
/// State or province (RFC 5280, appendix A.1).
pub const PROVINCE: &str = "2.5.4.8";
/// Organisation (RFC 5280, appendix A.1).
pub const ORGANIZATION: &str = "2.5.4.10";
/// Organisational unit (RFC 5280, appendix A.1).
pub const ORGANIZATIONAL_UNIT: &str = "2.5.4.11";
/// Organisation identifier (ITU-T X.520).
pub const ORGANIZATION_IDENTIFIER: &str = "2.5.4.97";

/// Subject key identifier (RFC 5280, 4.2.1.2).
pub const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
/// Key usage (RFC 5280, 4.2.1.3).
pub const KEY_USAGE: &str = "2.5.29.15";
/// Subject alternative name (RFC 5280, 4.2.1.6).
pub const SUBJECT_ALT_NAME: &str = "2.5.29.17";
/// Basic constraints (RFC 5280, 4.2.1.9).
pub const BASIC_CONSTRAINTS: &str = "2.5.29.19";
/// Certificate policies (RFC 5280, 4.2.1.4).
pub const CERTIFICATE_POLICIES: &str = "2.5.29.32";
/// Authority key identifier (RFC 5280, 4.2.1.1).
pub const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
/// Extended key usage (RFC 5280, 4.2.1.12).
pub const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
/// Extended key usage: any (RFC 5280, 4.2.1.12).
pub const ANY_EXTENDED_KEY_USAGE: &str = "2.5.29.37.0";
/// Extended key usage: TLS server.
pub const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
/// Extended key usage: TLS client.
pub const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
/// Extended key usage: signatures on programs.
pub const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
/// Extended key usage: mail.
pub const EMAIL_PROTECTION: &str = "1.3.6.1.5.5.7.3.4";
/// Extended key usage: answers about revocation (RFC 6960, 4.2.2.2).
pub const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
/// Extended key usage: time stamping (RFC 3161, 2.3).
pub const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";

/// Certificate policy of Yinxin: the subject may make seals (it is a seal-making institution in the sense of GB/T 38540-2020, 3.6).
///
/// No national identifier says this, so the arc is made from a UUID (ITU-T X.667, 2.25), which needs no registration.
pub const POLICY_SEAL_MAKER: &str = "2.25.48284933371827353397476590421172016202";

/// The DER of the identifier with the dotted form `dotted` (X.690, 8.19); `None` when it is not one.
pub fn to_der(dotted: &str) -> Option<Vec<u8>> {
    let mut arcs = dotted.split('.').map(str::parse::<u128>);
    let (first, second) = (arcs.next()?.ok()?, arcs.next()?.ok()?);
    if first > 2 || (first < 2 && second > 39) {
        return None;
    }
    let mut content = base128((first * 40).checked_add(second)?);
    for arc in arcs {
        content.extend(base128(arc.ok()?));
    }
    Some(write::tlv(tag::OID, &content))
}

/// Groups of seven bits, high first, all but the last marked with the top bit.
fn base128(value: u128) -> Vec<u8> {
    let bits = (u128::BITS - value.leading_zeros()).max(1);
    let groups = bits.div_ceil(7);
    let group = |i: u32| u8::try_from((value >> (7 * i)) & 0x7f).unwrap_or(0);
    (0..groups).rev().map(|i| group(i) | if i > 0 { 0x80 } else { 0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::oid_text;

    #[test]
    fn identifiers_are_encoded_as_the_standard_says() {
        assert_eq!(to_der(SM2_WITH_SM3).unwrap(), [6, 8, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75]);
        // The first number may exceed 79 under the arc 2 (X.690, 8.19.4).
        assert_eq!(to_der("2.999.3").unwrap(), [6, 3, 0x88, 0x37, 0x03]);
        for dotted in [POLICY_SEAL_MAKER, SUBJECT_KEY_IDENTIFIER, RSA_ENCRYPTION, "1.0", "0.39.0"] {
            assert_eq!(oid_text(&to_der(dotted).unwrap()[2..]).unwrap(), dotted);
        }
    }

    #[test]
    fn what_is_not_an_identifier_is_not_encoded() {
        for bad in
            ["", "1", "3.1", "1.40", "1.2.", "1.-2", "1.2.x", "2.340282366920938463463374607431768211455"]
        {
            assert_eq!(to_der(bad), None, "{bad}");
        }
    }
}
