//! An authority with fixed keys, and who holds certificates of it: what the cases about certificates and seals need.

use std::sync::atomic::{AtomicU64, Ordering};

use base::{Entropy, Timestamp};
use pki::issue::{IssueError, Profile, Serial, Template, issue};
use pki::{Certificate, Name, PublicKey, SignError, SignatureAlgorithm, Signer};

use crate::data::words;

/// 2026-11-24T08:00:00Z, when the cases happen.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);
/// A day.
pub(crate) const DAY_SECONDS: i64 = 86_400;

/// Dice that fall the same in every run: SM3 of how often they were thrown. For published cases only; they keep no secret.
pub(crate) static DICE: Dice = Dice(AtomicU64::new(0));

pub(crate) struct Dice(AtomicU64);

impl Entropy for Dice {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let throw = self.0.fetch_add(1, Ordering::Relaxed);
            chunk.iter_mut().zip(gm::sm3::hash(&throw.to_be_bytes())).for_each(|(to, from)| *to = from);
        }
    }
}

/// An SM2 key that follows from a name.
pub(crate) struct Key(gm::sm2::SigningKey);

impl Key {
    /// The key whose private half is SM3 of `name`.
    pub(crate) fn of(name: &str) -> Result<Self, String> {
        gm::sm2::SigningKey::from_bytes(&gm::sm3::hash(name.as_bytes())).map(Self).map_err(words)
    }
}

impl Signer for Key {
    fn public_key(&self) -> PublicKey {
        self.0.verifying_key().clone().into()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Sm2Sm3
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.0.sign(message, gm::sm2::DEFAULT_ID, &mut base::entropy::rng(&DICE));
        Ok(signature.map_err(SignError::new)?.to_der())
    }
}

/// A key and its certificate.
pub(crate) struct Holder {
    pub(crate) key: Key,
    pub(crate) certificate: Certificate,
}

/// A root, and an authority under it that issues to everybody else.
pub(crate) struct Authority {
    pub(crate) root: Holder,
    pub(crate) issuing: Holder,
}

impl Authority {
    /// The authority called `name`.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let (root, below) = (format!("{name}根"), format!("{name}签发中心"));
        let root = holder(&template(Profile::RootCa, &root, &Key::of(&root)?, 30), Key::of(&root)?, None)?;
        let wanted = template(Profile::IssuingCa, &below, &Key::of(&below)?, 20);
        let issuing = holder(&wanted, Key::of(&below)?, Some(&root))?;
        Ok(Self { root, issuing })
    }

    /// A certificate of `profile` for two years from yesterday, for the key that follows from `common_name`.
    pub(crate) fn certify(&self, profile: Profile, common_name: &str) -> Result<Holder, String> {
        let key = Key::of(common_name)?;
        let wanted = template(profile, common_name, &key, 2);
        self.certify_as(wanted, key)
    }

    /// A certificate as `wanted` for `key`.
    pub(crate) fn certify_as(&self, wanted: Template, key: Key) -> Result<Holder, String> {
        holder(&wanted, key, Some(&self.issuing))
    }

    /// What comes of issuing `wanted` under the issuing authority.
    pub(crate) fn issue(&self, wanted: &Template) -> Result<Certificate, IssueError> {
        issue(wanted, Some(&self.issuing.certificate), &self.issuing.key)
    }
}

/// A template for `years` from yesterday.
pub(crate) fn template(profile: Profile, common_name: &str, key: &Key, years: i64) -> Template {
    Template {
        profile,
        subject: Name {
            country: "CN".into(),
            province: "福建省".into(),
            organization: "福建省数据管理局".into(),
            common_name: common_name.into(),
            ..Name::default()
        },
        public_key: key.public_key(),
        serial: Serial::random(&DICE),
        not_before: NOW.plus_seconds(-DAY_SECONDS),
        not_after: NOW.plus_seconds(years * 365 * DAY_SECONDS),
        alt_names: Vec::new(),
    }
}

fn holder(wanted: &Template, key: Key, issuer: Option<&Holder>) -> Result<Holder, String> {
    let signer = issuer.map_or(&key, |issuer| &issuer.key);
    let certificate = issue(wanted, issuer.map(|issuer| &issuer.certificate), signer).map_err(words)?;
    Ok(Holder { key, certificate })
}
