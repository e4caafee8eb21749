//! What answers are encrypted for a client with, beyond being signed.

use jose::jwe::{ContentEncryption, EncryptionKey, EncryptionKeys, KeyManagement};

/// How one kind of answer is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encryption {
    /// How the content's key reaches the client (`…_encrypted_response_alg`).
    pub alg: KeyManagement,
    /// How the content is encrypted (`…_encrypted_response_enc`).
    pub enc: ContentEncryption,
}

/// Which answers are encrypted for a client, and how.
///
/// Source: OIDC Dynamic Registration 1.0, 2; JARM, 3; RFC 9701, 6.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResponseEncryptions {
    /// ID tokens, and logout tokens with them (OIDC Back-Channel Logout 1.0, 2.4).
    pub id_token: Option<Encryption>,
    /// Userinfo; signed inside when it is signed at all.
    pub userinfo: Option<Encryption>,
    /// Answers of the authorization endpoint, when signed ones are asked for (JARM, 2.2).
    pub authorization: Option<Encryption>,
    /// Answers about tokens, when signed ones are asked for (RFC 9701, 5).
    pub introspection: Option<Encryption>,
}

impl ResponseEncryptions {
    /// Each that is there, with the member that registers its `alg`.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, Encryption)> {
        let all = [
            ("id_token_encrypted_response_alg", self.id_token),
            ("userinfo_encrypted_response_alg", self.userinfo),
            ("authorization_encrypted_response_alg", self.authorization),
            ("introspection_encrypted_response_alg", self.introspection),
        ];
        all.into_iter().filter_map(|(member, encryption)| Some((member, encryption?)))
    }
}

impl Encryption {
    /// The key of `keys` that is encrypted to.
    pub fn recipient(self, keys: &EncryptionKeys) -> Option<&EncryptionKey> {
        keys.find(self.alg)
    }
}
