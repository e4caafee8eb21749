//! Purposes, algorithms, states, and the record of a key that the store keeps.

use std::fmt;

use base::Timestamp;
use zeroize::Zeroize;

use crate::KmsError;

/// The longest key identifier.
pub const KEY_ID_MAX_BYTES: usize = 64;

/// What a key is for. A key has one purpose for life: its wrapping is bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signs ID tokens, access tokens and logout tokens.
    TokenSigning,
    /// Signs the certificates of issuing authorities.
    RootCa,
    /// Signs certificates of seal makers, seal signers and servers.
    IssuingCa,
    /// Signs seals when they are made (GB/T 38540, 6).
    SealMaker,
    /// Signs documents with a seal (GB/T 38540, 7).
    SealSigning,
    /// Signs checkpoints of the log.
    LogCheckpoint,
    /// Authenticates this server in TLS.
    TlsServer,
}

impl Purpose {
    /// Every purpose there is.
    pub const ALL: [Self; 7] = [
        Self::TokenSigning,
        Self::RootCa,
        Self::IssuingCa,
        Self::SealMaker,
        Self::SealSigning,
        Self::LogCheckpoint,
        Self::TlsServer,
    ];

    /// The name under which the store keeps it. Part of every wrapping: it must never change.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenSigning => "token-signing",
            Self::RootCa => "root-ca",
            Self::IssuingCa => "issuing-ca",
            Self::SealMaker => "seal-maker",
            Self::SealSigning => "seal-signing",
            Self::LogCheckpoint => "log-checkpoint",
            Self::TlsServer => "tls-server",
        }
    }

    /// The purpose called `name`; `None` for every other name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }

    /// Whether keys for this may be of `algorithm`: seals and checkpoints are SM2 alone, and what signs in certificates has a name there.
    pub const fn allows(self, algorithm: Algorithm) -> bool {
        match self {
            Self::SealMaker | Self::SealSigning | Self::LogCheckpoint => matches!(algorithm, Algorithm::Sm2),
            Self::RootCa | Self::IssuingCa | Self::TlsServer => algorithm.certificate().is_some(),
            Self::TokenSigning => true,
        }
    }
}

/// The kinds of key pair that are made here. A key signs under one algorithm for life (RFC 8725, 3.1), so RSA has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// SM2 (GB/T 32918), signing with SM3 under the default distinguishing id.
    Sm2,
    /// ECDSA on P-256 with SHA-256.
    P256,
    /// RSA of 2048 bits, PKCS#1 v1.5 with SHA-256.
    Rsa2048,
    /// RSA of 2048 bits, PSS with SHA-256. For tokens alone.
    Rsa2048Pss,
    /// Ed25519 (RFC 8032). For tokens alone.
    Ed25519,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 5] = [Self::Sm2, Self::P256, Self::Rsa2048, Self::Rsa2048Pss, Self::Ed25519];

    /// The name under which the store keeps it. Part of every wrapping: it must never change.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sm2 => "sm2",
            Self::P256 => "p256",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa2048Pss => "rsa2048-pss",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The algorithm called `name`; `None` for every other name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// The algorithm of this key's JWS signatures.
    pub const fn jws(self) -> jose::Algorithm {
        match self {
            Self::Sm2 => jose::Algorithm::Sm2Sm3,
            Self::P256 => jose::Algorithm::Es256,
            Self::Rsa2048 => jose::Algorithm::Rs256,
            Self::Rsa2048Pss => jose::Algorithm::Ps256,
            Self::Ed25519 => jose::Algorithm::EdDsa,
        }
    }

    /// The algorithm of this key's signatures in certificates; `None` when our certificates have no place for it.
    pub const fn certificate(self) -> Option<pki::SignatureAlgorithm> {
        match self {
            Self::Sm2 => Some(pki::SignatureAlgorithm::Sm2Sm3),
            Self::P256 => Some(pki::SignatureAlgorithm::EcdsaSha256),
            Self::Rsa2048 => Some(pki::SignatureAlgorithm::RsaSha256),
            Self::Rsa2048Pss | Self::Ed25519 => None,
        }
    }
}

/// Where a key stands in its life (GB/T 39786-2021, 6.8; NIST SP 800-57 part 1, 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Published so that verifiers learn it, but not signing yet.
    PreActive,
    /// Signing.
    Active,
    /// No longer signing; its public key still verifies.
    Retired,
    /// The private key is gone.
    Destroyed,
}

impl KeyState {
    /// Every state there is.
    pub const ALL: [Self; 4] = [Self::PreActive, Self::Active, Self::Retired, Self::Destroyed];

    /// The name under which the store keeps it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreActive => "pre-active",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Destroyed => "destroyed",
        }
    }

    /// The state called `name`; `None` for every other name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether a key goes from this state to `next`. There is no way back, and none out of destruction.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::PreActive, Self::Active)
                | (Self::Active, Self::Retired)
                | (Self::PreActive | Self::Active | Self::Retired, Self::Destroyed)
        )
    }
}

/// A key as the store keeps it. Nothing in it is secret without the master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its identifier, 1 to [`KEY_ID_MAX_BYTES`].
    pub id: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Its kind.
    pub algorithm: Algorithm,
    /// Where it stands in its life.
    pub state: KeyState,
    /// DER of its SubjectPublicKeyInfo.
    pub public_key_der: Vec<u8>,
    /// The private key in an envelope that opens for this `id`, `purpose` and `algorithm` only; empty once destroyed.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created: Timestamp,
}

impl KeyRecord {
    /// The public key; it stays readable in every state.
    pub fn public_key(&self) -> Result<pki::PublicKey, KmsError> {
        pki::PublicKey::from_spki_der(&self.public_key_der)
            .map_err(|_| KmsError::PublicKey { id: self.id.clone() })
    }

    /// The public key as a JWK for its one algorithm, whose `kid` is its thumbprint: for the published key documents, in every state.
    pub fn jwk(&self) -> Result<jose::Jwk, KmsError> {
        jwk(&self.id, self.algorithm, &self.public_key()?)
    }

    /// The record in the state `next`; destruction wipes the wrapped key. Fails when no key goes there from its state.
    pub fn become_state(mut self, next: KeyState) -> Result<Self, KmsError> {
        if !self.state.may_become(next) {
            return Err(KmsError::Transition { id: self.id, from: self.state, to: next });
        }
        if next == KeyState::Destroyed {
            self.wrapped.zeroize();
        }
        self.state = next;
        Ok(self)
    }
}

/// The JWK of the public half of key `id`.
pub(crate) fn jwk(id: &str, algorithm: Algorithm, public: &pki::PublicKey) -> Result<jose::Jwk, KmsError> {
    let jwk = jose::Jwk::from_public(public).and_then(|jwk| jwk.only_for(algorithm.jws()));
    jwk.map_err(|_| KmsError::PublicKey { id: id.to_owned() })
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_store() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.as_str()), Some(purpose));
        }
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
        }
        for state in KeyState::ALL {
            assert_eq!(KeyState::parse(state.as_str()), Some(state));
        }
        assert_eq!(Purpose::parse("Root-CA"), None);
    }

    #[test]
    fn every_token_algorithm_has_one_kind_of_key() {
        for algorithm in jose::Algorithm::ALL {
            assert_eq!(
                Algorithm::ALL.iter().filter(|kind| kind.jws() == algorithm).count(),
                1,
                "{algorithm}"
            );
        }
    }

    #[test]
    fn a_key_never_goes_back() {
        use KeyState::{Active, Destroyed, PreActive, Retired};
        let allowed = [
            (PreActive, Active),
            (PreActive, Destroyed),
            (Active, Retired),
            (Active, Destroyed),
            (Retired, Destroyed),
        ];
        for from in KeyState::ALL {
            for to in KeyState::ALL {
                assert_eq!(from.may_become(to), allowed.contains(&(from, to)), "{from} to {to}");
            }
        }
    }
}
