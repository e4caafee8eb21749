//! The first start makes what an installation needs; every later start finds it.

use base::{Secret, Timestamp};
use identity::password::PasswordHasher;
use kms::{Algorithm, CertSigner, KeyRecord, KeyState, Purpose};
use pki::issue::Profile;
use pki::{Certificate, Name};
use store::rows::{accounts, keys, settings};
use store::{Conn, Db, Tx};

use crate::certificates::{self, Authority, Order};
use crate::env::{Env, Parts, Secrets};
use crate::error::Fault;
use crate::keyring::{self, Keyring, profile};
use crate::passwords::Passwords;

pub(crate) const INSTALLATION_SECRET: &str = "installation-secret";
pub(crate) const SYSTEM: &str = "system";
/// The kinds of keys that tokens are signed with, one of each. An installation that lacks one gets it at the next start.
pub(crate) const TOKEN_KEYS: [Algorithm; 5] =
    [Algorithm::P256, Algorithm::Sm2, Algorithm::Rsa2048, Algorithm::Rsa2048Pss, Algorithm::Ed25519];
const YEAR_SECONDS: i64 = 365 * 86_400;
const ROOT_YEARS: i64 = 20;
const ISSUING_YEARS: i64 = 10;
const SEAL_MAKER_YEARS: i64 = 5;
/// How long the first administrator's code works.
pub const ENROLMENT_TTL_SECONDS: i64 = 24 * 3_600;
/// The purpose under which the first administrator's code is kept.
pub(crate) const ENROL_ADMINISTRATOR: &str = "administrator";

/// The environment of this installation, made on the first start and found on every other.
pub async fn set_up(parts: Parts) -> Result<Env, Fault> {
    jose::install();
    if !is_set_up(&parts.db).await? {
        make(&parts).await?;
    }
    let mut conn = parts.db.read().await?;
    let sealed = settings::lookup(&mut conn, INSTALLATION_SECRET).await?;
    let sealed = sealed.ok_or_else(|| Fault::message("the installation's secret is not there"))?;
    let secret = parts.keys.open_blob(INSTALLATION_SECRET, &sealed).map_err(|_| {
        Fault::message(
            "the master key opens nothing of the installation in the database: it belongs to another one; restore the key file that this installation was made with",
        )
    })?;
    drop(conn);
    add_missing_token_keys(&parts).await?;
    let mut conn = parts.db.read().await?;
    let now = parts.clock.now();
    let keyring = Keyring::open(&mut conn, parts.keys.as_ref(), &parts.settings, now).await?;
    drop(conn);
    let secrets = Secrets {
        forms: derive(secret.expose(), "forms")?,
        index: derive(secret.expose(), "index")?,
        refresh: derive(secret.expose(), "refresh")?,
        nonces: derive(secret.expose(), "nonces")?,
        pairwise: derive(secret.expose(), "pairwise")?,
        sessions: derive(secret.expose(), "pairwise sessions")?,
    };
    let passwords = Passwords::new(PasswordHasher::new(derive(secret.expose(), "pepper")?));
    let passwords = passwords.map_err(|e| Fault::message(format!("threads for passwords: {e}")))?;
    Ok(Env::new(parts, keyring, secrets, passwords))
}

/// Whether the database holds an installation already.
pub async fn is_set_up(db: &Db) -> Result<bool, Fault> {
    Ok(settings::lookup(&mut *db.read().await?, INSTALLATION_SECRET).await?.is_some())
}

fn derive(secret: &[u8], use_: &str) -> Result<Secret<[u8; 32]>, Fault> {
    let mut out = [0; 32];
    gm::kdf::hkdf_sm3(b"yinxin installation", secret, use_.as_bytes(), &mut out)
        .map_err(|_| Fault::message("the installation's secret cannot be derived from"))?;
    Ok(Secret::new(out))
}

/// Keys and certificates of the built-in authority, in the order in which they are made.
struct Made {
    keys: Vec<(base::Id<base::id::Key>, KeyRecord)>,
}

async fn make(parts: &Parts) -> Result<(), Fault> {
    let (now, entropy, provider) = (parts.clock.now(), parts.entropy.as_ref(), parts.keys.as_ref());
    let mut made = Made { keys: Vec::new() };
    let authority = [Purpose::RootCa, Purpose::IssuingCa, Purpose::SealMaker, Purpose::LogCheckpoint];
    let of_authority = authority.map(|purpose| (purpose, Algorithm::Sm2));
    let of_tokens = TOKEN_KEYS.map(|algorithm| (Purpose::TokenSigning, algorithm));
    for (purpose, algorithm) in of_authority.into_iter().chain(of_tokens) {
        made.keys.push(certificates::new_key(provider, purpose, algorithm, now, entropy)?);
    }
    let secret = Secret::new(base::entropy::bytes::<32>(entropy));
    let sealed = parts.keys.seal_blob(INSTALLATION_SECRET, secret.expose())?;

    let mut tx = parts.db.begin().await?;
    if !settings::add(&mut tx, INSTALLATION_SECRET, &sealed).await? {
        // Another node made it meanwhile: everything of it is there, nothing of ours stays.
        return Ok(());
    }
    for (id, record) in &made.keys {
        certificates::keep_key(&mut tx, *id, record, SYSTEM, now, entropy).await?;
    }
    make_authorities(parts, &made, &mut tx, now).await?;
    // COMMIT POINT: the installation exists as a whole or not at all.
    Ok(tx.commit().await?)
}

/// Makes the token keys that an earlier version did not know. Nodes may start together: each kind is made once.
async fn add_missing_token_keys(parts: &Parts) -> Result<(), Fault> {
    let missing = missing_token_keys(&mut *parts.db.read().await?).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let (now, entropy, provider) = (parts.clock.now(), parts.entropy.as_ref(), parts.keys.as_ref());
    let new_key = |algorithm| certificates::new_key(provider, Purpose::TokenSigning, algorithm, now, entropy);
    let made = missing.into_iter().map(new_key).collect::<Result<Vec<_>, _>>()?;

    let mut tx = parts.db.begin().await?;
    // Whoever comes second waits here, and then finds the keys of the first.
    settings::hold(&mut tx, INSTALLATION_SECRET).await?;
    let still_missing = missing_token_keys(&mut tx).await?;
    for (id, record) in made.iter().filter(|(_, record)| still_missing.contains(&record.algorithm)) {
        certificates::keep_key(&mut tx, *id, record, SYSTEM, now, entropy).await?;
    }
    // COMMIT POINT: every kind of token has a key.
    Ok(tx.commit().await?)
}

/// The kinds of token keys of which none is active.
async fn missing_token_keys(conn: &mut Conn) -> Result<Vec<Algorithm>, Fault> {
    let records: Vec<KeyRecord> =
        keys::all(conn).await?.into_iter().map(keyring::record).collect::<Result<_, _>>()?;
    let is_there = |algorithm: &Algorithm| {
        records.iter().any(|record| {
            record.purpose == Purpose::TokenSigning
                && record.algorithm == *algorithm
                && record.state == KeyState::Active
        })
    };
    Ok(TOKEN_KEYS.into_iter().filter(|algorithm| !is_there(algorithm)).collect())
}

async fn make_authorities(parts: &Parts, made: &Made, tx: &mut Tx, now: Timestamp) -> Result<(), Fault> {
    let (root_signer, root_order) =
        made.order(parts, Purpose::RootCa, Profile::RootCa, profile::ROOT, "Yinxin Root CA", ROOT_YEARS)?;
    let root =
        issue(parts, tx, &root_order, &Authority { certificate: None, signer: &root_signer }, now).await?;
    let (issuing_signer, issuing_order) = made.order(
        parts,
        Purpose::IssuingCa,
        Profile::IssuingCa,
        profile::ISSUING,
        "Yinxin Issuing CA",
        ISSUING_YEARS,
    )?;
    let under_root = Authority { certificate: Some(&root), signer: &root_signer };
    let issuing = issue(parts, tx, &issuing_order, &under_root, now).await?;
    let (_, maker_order) = made.order(
        parts,
        Purpose::SealMaker,
        Profile::SealMaker,
        profile::SEAL_MAKER,
        "Yinxin Seal Maker",
        SEAL_MAKER_YEARS,
    )?;
    let under_issuing = Authority { certificate: Some(&issuing), signer: &issuing_signer };
    issue(parts, tx, &maker_order, &under_issuing, now).await?;
    Ok(())
}

async fn issue(
    parts: &Parts,
    tx: &mut Tx,
    order: &Order<'_>,
    authority: &Authority<'_>,
    now: Timestamp,
) -> Result<Certificate, Fault> {
    let entropy = parts.entropy.as_ref();
    let certificate = certificates::sign(order, authority, now, entropy)?;
    certificates::keep(tx, order, authority.certificate, &certificate, now, entropy).await?;
    Ok(certificate)
}

impl Made {
    fn order(
        &self,
        parts: &Parts,
        purpose: Purpose,
        profile: Profile,
        profile_name: &'static str,
        common_name: &str,
        years: i64,
    ) -> Result<(CertSigner, Order<'_>), Fault> {
        let found = self.keys.iter().find(|(_, record)| record.purpose == purpose);
        let (key_id, key) =
            found.ok_or_else(|| Fault::message(format!("no key was made for `{purpose}`")))?;
        let subject = Name {
            country: "CN".to_owned(),
            organization: "Yinxin".to_owned(),
            common_name: common_name.to_owned(),
            ..Name::default()
        };
        let order = Order {
            profile,
            profile_name,
            subject,
            alt_names: Vec::new(),
            key,
            key_id: *key_id,
            valid_seconds: years * YEAR_SECONDS,
            actor: SYSTEM,
        };
        Ok((CertSigner::new(parts.keys.open(key)?)?, order))
    }
}

/// A new one-time code for enrolling the first administrator; `None` when there is one already.
///
/// Earlier codes stop working. Shown to the operator once, kept as a hash.
pub async fn enrolment_code(env: &Env) -> Result<Option<Secret<String>>, Fault> {
    if accounts::count_administrators(&mut *env.db.read().await?).await? > 0 {
        return Ok(None);
    }
    let now = env.now();
    let code = base::entropy::token(env.entropy.as_ref());
    let hash = gm::sm3::hash(code.as_bytes());
    let mut tx = env.db.begin().await?;
    settings::withdraw_enrolments(&mut tx, ENROL_ADMINISTRATOR, now).await?;
    let expires = now.plus_seconds(ENROLMENT_TTL_SECONDS);
    settings::add_enrolment(&mut tx, &hash, ENROL_ADMINISTRATOR, now, expires).await?;
    tx.commit().await?;
    Ok(Some(Secret::new(code)))
}
