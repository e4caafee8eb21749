//! The two closed lists of encryption. The national names are in [`crate::algorithm::NATIONAL`].

use std::fmt;

use crate::algorithm::NATIONAL;

/// How the content encryption key reaches the recipient: `alg` (RFC 7518, 4).
///
/// There is no `dir`, no symmetric wrapping and no password, since we share no secret with a recipient; and no `RSA1_5`, whose padding
/// tells too much to whoever decrypts carelessly (RFC 8725, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyManagement {
    /// RSAES OAEP with SHA-256 and MGF1 with SHA-256 (RFC 7518, 4.3).
    RsaOaep256,
    /// RSAES OAEP with SHA-1 and MGF1 with SHA-1 (RFC 7518, 4.3). OAEP needs no hash that resists collisions.
    RsaOaep,
    /// ECDH with an ephemeral key; what is agreed encrypts the content (RFC 7518, 4.6). On P-256 or X25519 (RFC 8037, 3.2).
    EcdhEs,
    /// ECDH with an ephemeral key; what is agreed wraps a content key with AES-128 (RFC 7518, 4.6).
    EcdhEsA128Kw,
    /// ECDH with an ephemeral key; what is agreed wraps a content key with AES-256 (RFC 7518, 4.6).
    EcdhEsA256Kw,
    /// SM2 encryption of a content key (GB/T 32918.4); the encrypted key is the DER of SM2Cipher (GB/T 35276-2017, 7.2), in which the
    /// order of its parts cannot be mistaken.
    Sm2,
}

/// How the content is encrypted: `enc` (RFC 7518, 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ContentEncryption {
    /// AES-128 in CBC with HMAC-SHA-256 (RFC 7518, 5.2.3): what a client that registers only `alg` gets (OpenID Connect Dynamic Client
    /// Registration 1.0, 2).
    #[default]
    A128CbcHs256,
    /// AES-256 in CBC with HMAC-SHA-512 (RFC 7518, 5.2.5).
    A256CbcHs512,
    /// AES-128 in GCM (RFC 7518, 5.3).
    A128Gcm,
    /// AES-256 in GCM (RFC 7518, 5.3).
    A256Gcm,
    /// SM4 in GCM (GB/T 32907, RFC 8998), with a nonce of 12 bytes and a tag of 16 as AES has them.
    Sm4Gcm,
}

impl KeyManagement {
    /// Every one there is.
    pub const ALL: [Self; 6] =
        [Self::RsaOaep256, Self::RsaOaep, Self::EcdhEs, Self::EcdhEsA128Kw, Self::EcdhEsA256Kw, Self::Sm2];

    /// Those that standard clients know.
    pub const INTERNATIONAL: [Self; 5] =
        [Self::RsaOaep256, Self::RsaOaep, Self::EcdhEs, Self::EcdhEsA128Kw, Self::EcdhEsA256Kw];

    /// The name that goes into `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::RsaOaep => "RSA-OAEP",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
            Self::Sm2 => NATIONAL.encryption_alg,
        }
    }

    /// The one called `name`, exactly. `None` for every other name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == name)
    }

    /// The list of this one alone.
    pub const fn alone(self) -> &'static [Self] {
        match self {
            Self::RsaOaep256 => &[Self::RsaOaep256],
            Self::RsaOaep => &[Self::RsaOaep],
            Self::EcdhEs => &[Self::EcdhEs],
            Self::EcdhEsA128Kw => &[Self::EcdhEsA128Kw],
            Self::EcdhEsA256Kw => &[Self::EcdhEsA256Kw],
            Self::Sm2 => &[Self::Sm2],
        }
    }
}

impl ContentEncryption {
    /// Every one there is.
    pub const ALL: [Self; 5] =
        [Self::A128CbcHs256, Self::A256CbcHs512, Self::A128Gcm, Self::A256Gcm, Self::Sm4Gcm];

    /// Those that standard clients know.
    pub const INTERNATIONAL: [Self; 4] =
        [Self::A128CbcHs256, Self::A256CbcHs512, Self::A128Gcm, Self::A256Gcm];

    /// The name that goes into `enc`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
            Self::Sm4Gcm => NATIONAL.enc,
        }
    }

    /// The one called `name`, exactly. `None` for every other name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|enc| enc.as_str() == name)
    }

    /// The length of its key; CBC's has the MAC's key before its own.
    pub(super) const fn key_bytes(self) -> usize {
        match self {
            Self::A128Gcm | Self::Sm4Gcm => 16,
            Self::A256Gcm | Self::A128CbcHs256 => 32,
            Self::A256CbcHs512 => 64,
        }
    }

    /// The length of its initialization vector.
    pub(super) const fn iv_bytes(self) -> usize {
        match self {
            Self::A128Gcm | Self::A256Gcm | Self::Sm4Gcm => 12,
            Self::A128CbcHs256 | Self::A256CbcHs512 => 16,
        }
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ContentEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for KeyManagement {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl serde::Serialize for ContentEncryption {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    #[test]
    fn only_the_listed_names_are_read() {
        for alg in KeyManagement::ALL {
            assert_eq!(KeyManagement::parse(alg.as_str()), Some(alg));
            assert_eq!(KeyManagement::INTERNATIONAL.contains(&alg), alg != KeyManagement::Sm2);
            assert_eq!(alg.alone(), [alg]);
            assert_eq!(Algorithm::parse(alg.as_str()), None, "a name says what it is for");
        }
        for enc in ContentEncryption::ALL {
            assert_eq!(ContentEncryption::parse(enc.as_str()), Some(enc));
            assert_eq!(ContentEncryption::INTERNATIONAL.contains(&enc), enc != ContentEncryption::Sm4Gcm);
        }
        for refused in ["", "dir", "RSA1_5", "A128KW", "PBES2-HS256+A128KW", "rsa-oaep", "A192GCM", "SM2"] {
            assert_eq!(KeyManagement::parse(refused), None, "{refused}");
            assert_eq!(ContentEncryption::parse(refused), None, "{refused}");
        }
    }
}
