//! The opened keys, and what is published of them.

use std::collections::HashMap;
use std::sync::Arc;

use audit::checkpoint::LogKey;
use base::id::Key;
use base::{Id, Timestamp};
use jose::{Jwks, KeySet};
use kms::rotation::Turn;
use kms::{Algorithm, CertSigner, JwsKey, KeyProvider, KeyRecord, KeyState, PrivateKey, Purpose};
use pki::Certificate;
use pki::path::Anchors;
use store::Conn;
use store::rows::keys::{self as rows, CertificateRow, KeyRow};

use crate::env::Settings;
use crate::error::Fault;
use crate::rotate_keys;

/// Names of certificate profiles as they are kept.
pub mod profile {
    /// The root authority.
    pub const ROOT: &str = "root";
    /// The issuing authority.
    pub const ISSUING: &str = "issuing";
    /// The maker of seals.
    pub const SEAL_MAKER: &str = "seal-maker";
    /// A unit that signs with its seal.
    pub const SEAL_SIGNER: &str = "seal-signer";
    /// The root above this server's TLS certificate.
    pub const TLS_ROOT: &str = "tls-root";
    /// This server, in TLS.
    pub const TLS_SERVER: &str = "tls-server";
}

/// Every key that this node signs with, opened, and the published halves.
pub struct Keyring {
    tokens: HashMap<jose::Algorithm, Arc<JwsKey>>,
    verification: KeySet,
    hints: KeySet,
    token_key_states: Vec<TokenKeyState>,
    /// The ordinary key set, JSON.
    pub jwks: String,
    /// The key set of the national algorithm, JSON.
    pub jwks_sm: String,
    log: Arc<dyn PrivateKey>,
    log_key: LogKey,
    /// The root certificate of the built-in authority.
    pub root: Certificate,
    /// The issuing authority's certificate.
    pub issuing: Certificate,
    issuing_signer: CertSigner,
    /// The seal maker's certificate.
    pub seal_maker: Certificate,
    seal_maker_signer: CertSigner,
    /// The key records, oldest first.
    pub records: Vec<KeyRecord>,
}

impl Keyring {
    /// Opens what the store holds, in the states of `now`.
    pub async fn open(
        conn: &mut Conn,
        provider: &dyn KeyProvider,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        // States first: a key that comes between the two readings is found by the next look at the states.
        let states = rotate_keys::states(settings, conn, now).await?;
        let records: Vec<KeyRecord> =
            rows::all(conn).await?.into_iter().map(record).collect::<Result<_, Fault>>()?;
        let TokenKeys { tokens, verification, hints, jwks, jwks_sm } =
            open_token_keys(&records, &states, provider)?;
        let log = open_one(&records, provider, Purpose::LogCheckpoint)?;
        let pki::PublicKey::Sm2(log_public) = log.public_key() else {
            return Err(Fault::message("the log's key is not an SM2 key"));
        };
        let log_key = LogKey::new(settings.log_origin.clone(), log_public.clone());
        let root = only_certificate(conn, profile::ROOT).await?;
        let issuing = only_certificate(conn, profile::ISSUING).await?;
        let seal_maker = only_certificate(conn, profile::SEAL_MAKER).await?;
        Ok(Self {
            tokens,
            verification,
            hints,
            token_key_states: states,
            jwks,
            jwks_sm,
            log,
            log_key,
            root,
            issuing,
            issuing_signer: CertSigner::new(open_one(&records, provider, Purpose::IssuingCa)?)?,
            seal_maker,
            seal_maker_signer: CertSigner::new(open_one(&records, provider, Purpose::SealMaker)?)?,
            records,
        })
    }

    /// The key that signs tokens under `algorithm`.
    pub fn token_signer(&self, algorithm: jose::Algorithm) -> Result<&JwsKey, Fault> {
        let key = self.tokens.get(&algorithm);
        key.map(Arc::as_ref)
            .ok_or_else(|| Fault::message(format!("no key signs tokens under `{}`", algorithm.as_str())))
    }

    /// The record's identifier of the token key that is published as `kid`.
    pub fn token_key_id(&self, kid: &str) -> Option<&str> {
        let of_tokens = self.records.iter().filter(|r| r.purpose == Purpose::TokenSigning);
        let mut named = of_tokens.filter(|r| r.jwk().is_ok_and(|jwk| jwk.thumbprint() == kid));
        named.next().map(|record| record.id.as_str())
    }

    /// The keys that verify our own tokens: those that are published.
    pub const fn verification(&self) -> &KeySet {
        &self.verification
    }

    /// The keys that we know our own ID tokens by when they come back as hints: also those that are published no more.
    pub const fn hints(&self) -> &KeySet {
        &self.hints
    }

    /// The states of the token keys as they were when this was opened.
    pub(crate) const fn token_key_states(&self) -> &Vec<TokenKeyState> {
        &self.token_key_states
    }

    /// The log's name and public key.
    pub const fn log_key(&self) -> &LogKey {
        &self.log_key
    }

    /// Signs a checkpoint's text.
    pub fn sign_checkpoint(&self, text: &str) -> Result<gm::sm2::Signature, Fault> {
        let raw = self.log.sign_raw(text.as_bytes())?;
        let raw: [u8; 64] =
            raw.try_into().map_err(|_| Fault::message("a checkpoint signature is not 64 bytes"))?;
        gm::sm2::Signature::from_bytes(&raw)
            .map_err(|_| Fault::message("a checkpoint signature is out of range"))
    }

    /// The issuing authority as a signer of certificates.
    pub fn issuing_signer(&self) -> CertSigner {
        self.issuing_signer.clone()
    }

    /// The seal maker as a signer.
    pub fn seal_maker_signer(&self) -> CertSigner {
        self.seal_maker_signer.clone()
    }

    /// What is trusted without further proof when files are verified: the built-in root.
    pub fn anchors(&self) -> Anchors {
        Anchors::from_iter([self.root.clone()])
    }

    /// The issuing certificate, which chains of our own leaves need.
    pub fn intermediates(&self) -> Vec<Certificate> {
        vec![self.issuing.clone()]
    }
}

/// Where a token key stands in its turn, and whether it is in the published set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenKeyState {
    pub(crate) algorithm: Algorithm,
    pub(crate) turn: Turn<Id<Key>>,
    pub(crate) published: bool,
}

/// Opens the key `id` for signing.
pub async fn open_key(
    conn: &mut Conn,
    provider: &dyn KeyProvider,
    id: Id<Key>,
) -> Result<Arc<dyn PrivateKey>, Fault> {
    let row =
        rows::lookup(conn, id).await?.ok_or_else(|| Fault::message(format!("key `{id}` is not there")))?;
    Ok(provider.open(&record(row)?)?)
}

/// The row as `kms` knows it.
pub fn record(row: KeyRow) -> Result<KeyRecord, Fault> {
    let bad = |column, value: &str| Fault::from(store::BadRow::new("kms_key", column, row.id, value));
    Ok(KeyRecord {
        purpose: Purpose::parse(&row.purpose).ok_or_else(|| bad("purpose", &row.purpose))?,
        algorithm: Algorithm::parse(&row.algorithm).ok_or_else(|| bad("algorithm", &row.algorithm))?,
        state: KeyState::parse(&row.state).ok_or_else(|| bad("state", &row.state))?,
        id: row.id.to_string(),
        public_key_der: row.public_key,
        wrapped: row.wrapped,
        created: row.created,
    })
}

/// The record as the store keeps it.
pub fn row(id: Id<Key>, record: &KeyRecord) -> KeyRow {
    KeyRow {
        id,
        purpose: record.purpose.as_str().to_owned(),
        algorithm: record.algorithm.as_str().to_owned(),
        state: record.state.as_str().to_owned(),
        public_key: record.public_key_der.clone(),
        wrapped: record.wrapped.clone(),
        created: record.created,
    }
}

struct TokenKeys {
    tokens: HashMap<jose::Algorithm, Arc<JwsKey>>,
    verification: KeySet,
    hints: KeySet,
    jwks: String,
    jwks_sm: String,
}

fn open_token_keys(
    records: &[KeyRecord],
    states: &[TokenKeyState],
    provider: &dyn KeyProvider,
) -> Result<TokenKeys, Fault> {
    let mut tokens = HashMap::new();
    let (mut verification, mut hints) = (KeySet::new(), KeySet::new());
    let mut published = Vec::new();
    // Oldest first, so that the newest active key of each algorithm signs.
    for key in states {
        let id = key.turn.key.to_string();
        let Some(record) = records.iter().find(|record| record.id == id) else { continue };
        let jwk = record.jwk()?;
        let jwk = jwk.clone().with_kid(&jwk.thumbprint());
        hints.insert(&jwk)?;
        if key.published {
            verification.insert(&jwk)?;
            published.push(jwk);
        }
        if key.turn.state == KeyState::Active && record.state == KeyState::Active {
            tokens.insert(record.algorithm.jws(), Arc::new(JwsKey::new(provider.open(record)?)?));
        }
    }
    let jwks = Jwks::international(published.iter().cloned()).to_json().to_string();
    let jwks_sm = Jwks::national(published).to_json().to_string();
    Ok(TokenKeys { tokens, verification, hints, jwks, jwks_sm })
}

fn open_one(
    records: &[KeyRecord],
    provider: &dyn KeyProvider,
    purpose: Purpose,
) -> Result<Arc<dyn PrivateKey>, Fault> {
    let newest = records.iter().rfind(|r| r.purpose == purpose && r.state == KeyState::Active);
    let record = newest.ok_or_else(|| Fault::message(format!("no active key for `{purpose}`")))?;
    Ok(provider.open(record)?)
}

async fn only_certificate(conn: &mut Conn, profile: &str) -> Result<Certificate, Fault> {
    let newest: Option<CertificateRow> = rows::certificates(conn, profile).await?.pop();
    let row = newest.ok_or_else(|| Fault::message(format!("no certificate of profile `{profile}`")))?;
    Ok(Certificate::from_der(&row.der)?)
}
