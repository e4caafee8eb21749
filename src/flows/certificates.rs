//! Certificates of the built-in authority: made, kept and written down together.

use audit::entry::Kind;
use base::id::{Entry, Key};
use base::{Entropy, Id, Timestamp};
use kms::{Algorithm, CertSigner, KeyProvider, KeyRecord, Purpose};
use pki::issue::{Profile, Serial, Template};
use pki::{AltName, Certificate, Name};
use serde_json::json;
use store::Tx;
use store::rows::keys::{self as rows, CertificateRow};

use crate::error::Fault;
use crate::keyring;
use crate::log::{Act, write_as};

/// A certificate to be issued.
pub(crate) struct Order<'a> {
    /// Its profile.
    pub profile: Profile,
    /// The profile's name as it is kept.
    pub profile_name: &'static str,
    /// Whom it names.
    pub subject: Name,
    /// Host names, for servers.
    pub alt_names: Vec<AltName>,
    /// The key it certifies.
    pub key: &'a KeyRecord,
    /// That key's identifier.
    pub key_id: Id<Key>,
    /// How long it is valid.
    pub valid_seconds: i64,
    /// Who ordered it.
    pub actor: &'a str,
}

/// Who issues: a certificate and the key that belongs to it; no certificate for a root.
pub(crate) struct Authority<'a> {
    pub certificate: Option<&'a Certificate>,
    pub signer: &'a CertSigner,
}

/// Signs the certificate. No transaction yet: the key may be far away.
pub(crate) fn sign(
    order: &Order<'_>,
    authority: &Authority<'_>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Certificate, Fault> {
    let until = now.plus_seconds(order.valid_seconds);
    let not_after = authority.certificate.map_or(until, |issuer| until.min(issuer.not_after()));
    let template = Template {
        profile: order.profile,
        subject: order.subject.clone(),
        public_key: order.key.public_key()?,
        serial: Serial::random(entropy),
        not_before: authority.certificate.map_or(now, |issuer| now.max(issuer.not_before())),
        not_after,
        alt_names: order.alt_names.clone(),
    };
    Ok(pki::issue::issue(&template, authority.certificate, authority.signer)?)
}

/// Keeps the certificate and writes it down.
pub(crate) async fn keep(
    tx: &mut Tx,
    order: &Order<'_>,
    issuer: Option<&Certificate>,
    certificate: &Certificate,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(), Fault> {
    let row = CertificateRow {
        serial: certificate.serial_hex(),
        profile: order.profile_name.to_owned(),
        subject: certificate.subject().to_owned(),
        issuer_serial: issuer.map(Certificate::serial_hex),
        key_id: order.key_id,
        der: certificate.der().to_vec(),
        fingerprint: certificate.fingerprint_sm3(),
        revoked: None,
        created: now,
    };
    rows::add_certificate(tx, &row).await?;
    let detail = json!({
        "profile": order.profile_name,
        "key": order.key_id,
        "fingerprint_sm3": base::encoding::hex(&certificate.fingerprint_sm3()),
        "not_after": certificate.not_after().rfc3339(),
    });
    let act = Act { kind: Kind::CertificateIssued, actor: order.actor, subject: &row.serial, detail };
    write_as(tx, Id::<Entry>::new(now, entropy), now, act).await
}

/// A new key for `purpose`, not kept yet.
pub(crate) fn new_key(
    provider: &dyn KeyProvider,
    purpose: Purpose,
    algorithm: Algorithm,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(Id<Key>, KeyRecord), Fault> {
    let id = Id::<Key>::new(now, entropy);
    let record = provider.generate(&id.to_string(), purpose, algorithm, now)?;
    Ok((id, record))
}

/// Keeps a new key and writes it down.
pub(crate) async fn keep_key(
    tx: &mut Tx,
    id: Id<Key>,
    record: &KeyRecord,
    actor: &str,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(), Fault> {
    rows::add(tx, &keyring::row(id, record)).await?;
    let kind =
        if record.purpose == Purpose::TokenSigning { Kind::TokenKeyCreated } else { Kind::KeyStateChanged };
    let detail = json!({
        "purpose": record.purpose.as_str(),
        "algorithm": record.algorithm.as_str(),
        "state": record.state.as_str(),
        "public_key_sm3": base::encoding::hex(&gm::sm3::hash(&record.public_key_der)),
    });
    let subject = id.to_string();
    write_as(tx, Id::<Entry>::new(now, entropy), now, Act { kind, actor, subject: &subject, detail }).await
}
