//! Verifying a file: the seals on it, the log's word on it, and the standing of the e-certificate it is.

use std::sync::Arc;

use audit::proof::InclusionProof;
use base::Timestamp;
use seal::verify::{self, SealState as Standing, SealStatus, Statuses};
use seal::{Report, TrustAnchors};
use serde::Serialize;
use store::Conn;
use store::rows::audit as log_rows;
use store::rows::ecerts::{self as ecert_rows, EcertRow};
use store::rows::keys;
use store::rows::seals::{self, SealRow, SealState};

use crate::ecerts::{self, Standing as EcertStanding};
use crate::env::Env;
use crate::error::{Failure, Fault, Reason, Rejected};
use crate::log::{self, Kind};

/// What is known of a file.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// The graded report.
    #[serde(flatten)]
    pub report: Report,
    /// What the log says of exactly this file; absent when it is not one that was sealed here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<InclusionProof>,
    /// Whether this is byte for byte the file that was issued; absent when the file is no e-certificate of ours. Otherwise somebody
    /// has packed, sealed or written it anew: look the certificate up by its identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_issued_file: Option<bool>,
    /// The e-certificate that this file says it is, as it stands now; absent when it is none of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<EcertStanding>,
}

/// Verifies a file. What cannot be read is reported as such; only a file beyond the limit is refused.
pub async fn verify(env: &Env, now: Timestamp, file: Vec<u8>) -> Result<Verified, Failure> {
    if file.len() > verify::MAX_FILE_BYTES {
        let message =
            format!("expected a file of at most {} bytes, got {}", verify::MAX_FILE_BYTES, file.len());
        return Err(Rejected::new(Reason::TooLarge, "too_large", message).into());
    }
    let file = Arc::new(file);
    let digest = gm::sm3::hash(&file);
    let (mentions, claims) = {
        let file = Arc::clone(&file);
        tokio::task::spawn_blocking(move || (verify::mentions(&file), claimed_identifier(&file))).await?
    };
    let mut conn = env.db.read().await?;
    let statuses = statuses(&mut conn, &mentions).await?;
    let sealing = seals::find_sealing(&mut conn, &digest).await?;
    let ecert = match ecert_rows::find_by_digest(&mut conn, &digest).await? {
        Some(row) => Some(row),
        None => claimed(&mut conn, claims.as_deref()).await?,
    };
    drop(conn);
    let keyring = env.keyring();
    let trust = TrustAnchors {
        anchors: keyring.anchors(),
        intermediates: keyring.intermediates(),
        statuses: Some(statuses),
    };
    let report = tokio::task::spawn_blocking(move || seal::verify_file(&file, &trust, now)).await?;
    // The log speaks of whole files: of one that was packed anew it says nothing.
    let issued = ecert.as_ref().filter(|e| e.file_digest == digest);
    let entry = issued.map(|e| e.entry).or(sealing.map(|s| s.entry));
    Ok(Verified {
        report,
        log: match entry {
            Some(entry) => Some(log::prove(env, entry).await?),
            None => None,
        },
        is_issued_file: ecert.as_ref().map(|row| row.file_digest == digest),
        certificate: ecert.map(|row| ecerts::standing(&row, now)).transpose()?,
    })
}

/// The identifier of the e-certificate that the file says it is. A claim: the report says what is behind it.
fn claimed_identifier(file: &[u8]) -> Option<String> {
    let package = document::ofd::Package::open(file).ok()?;
    Some(ecert::read_metadata(&package)?.certificate_identifier.to_string())
}

async fn claimed(conn: &mut Conn, identifier: Option<&str>) -> Result<Option<EcertRow>, Fault> {
    match identifier {
        Some(identifier) => Ok(ecert_rows::lookup(conn, identifier).await?),
        None => Ok(None),
    }
}

async fn statuses(conn: &mut Conn, mentions: &verify::Mentions) -> Result<Statuses, Fault> {
    let mut statuses = Statuses::default();
    for es_id in &mentions.seals {
        if let Some(row) = seals::find_by_es_id(conn, es_id).await? {
            statuses.seals.insert(es_id.clone(), seal_status(conn, &row).await?);
        }
    }
    for fingerprint in &mentions.certificates {
        if let Some(row) = keys::find_certificate(conn, fingerprint).await? {
            statuses.certificates.insert(*fingerprint, row.revoked);
        }
    }
    Ok(statuses)
}

/// The states a seal has been in, as the log tells.
async fn seal_status(conn: &mut Conn, row: &SealRow) -> Result<SealStatus, Fault> {
    let mut changes = vec![(row.created, Standing::Normal)];
    let entries = log_rows::of_subject(conn, &row.id.to_string(), Kind::SealStateChanged.as_str()).await?;
    for entry in entries {
        let parsed = audit::entry::Entry::parse(&entry.body)?;
        let to = parsed.detail().get("to").and_then(|v| v.as_str()).and_then(SealState::parse);
        let to = to.ok_or_else(|| Fault::message(format!("log entry `{}` names no seal state", entry.id)))?;
        changes.push((entry.at, standing(to)));
    }
    Ok(SealStatus { changes })
}

const fn standing(state: SealState) -> Standing {
    match state {
        SealState::Active => Standing::Normal,
        SealState::Suspended => Standing::Suspended,
        SealState::Destroyed => Standing::Revoked,
    }
}
