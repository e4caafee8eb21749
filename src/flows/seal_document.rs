//! Sealing a document (GB/T 38540, 7.2).

use std::sync::Arc;

use base::id::{Entry, Seal, Sealing};
use base::{Id, Timestamp};
use document::ofd::Provider;
use document::ofd::seal_layout::{Protection, StampPlacement};
use kms::{CertSigner, PrivateKey};
use pki::Certificate;
use seal::TrustAnchors;
use seal::sign::{SignError, SignRequest};
use serde::Serialize;
use serde_json::json;
use store::Tx;
use store::rows::keys;
use store::rows::seals::{self, SealRow, SealState, SealingRow};

use crate::caller::Authority;
use crate::env::Env;
use crate::error::{Failure, Fault, Reason, Rejected};
use crate::keyring;
use crate::log::{self, Act, Kind};

/// Largest document that is sealed.
pub const DOCUMENT_MAX_BYTES: usize = 32 << 20;
/// Where a seal stands when the caller does not say, in millimetres: lower right on A4.
const USUAL_PLACE_MM: (f64, f64) = (130.0, 215.0);
const USUAL_SIDE_MM: f64 = 42.0;

/// Where the seal is to stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The page, from 0.
    pub page: usize,
    /// Left edge, in millimetres.
    pub x_mm: f64,
    /// Upper edge, in millimetres.
    pub y_mm: f64,
}

impl Default for Place {
    fn default() -> Self {
        Self { page: 0, x_mm: USUAL_PLACE_MM.0, y_mm: USUAL_PLACE_MM.1 }
    }
}

/// A sealed document.
#[derive(Debug, Clone, Serialize)]
pub struct Sealed {
    /// The sealing.
    pub id: Id<Sealing>,
    /// The log entry.
    pub log_entry: Id<Entry>,
    /// SM3 of the sealed file, hexadecimal.
    pub sm3: String,
    /// The sealed file.
    #[serde(skip)]
    pub file: Vec<u8>,
}

/// Seals an OFD document with the seal `id`.
pub async fn seal(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    id: Id<Seal>,
    document: Vec<u8>,
    place: Place,
) -> Result<Sealed, Failure> {
    if document.len() > DOCUMENT_MAX_BYTES {
        let message =
            format!("expected a document of at most {DOCUMENT_MAX_BYTES} bytes, got {}", document.len());
        return Err(Rejected::new(Reason::TooLarge, "too_large", message).into());
    }
    authority.require(env, now, "use_seal", "seal", &id.to_string()).await?;
    let tool = open(env, id).await?;
    let original_digest = gm::sm3::hash(&document);
    let stamp = StampPlacement {
        page: place.page,
        x: place.x_mm,
        y: place.y_mm,
        width: USUAL_SIDE_MM,
        height: USUAL_SIDE_MM,
        clip: None,
    };
    let file = apply(env, &tool, document, stamp, now).await?;
    let digests = Digests { original: original_digest, sealed: gm::sm3::hash(&file) };
    let actor = authority.actor();
    let mut tx = env.db.begin().await?;
    let sealing = keep(env, &mut tx, now, &actor, &tool.row, digests).await?;
    // COMMIT POINT: the file is handed out only once its sealing is in the log.
    tx.commit().await?;
    Ok(Sealed {
        id: sealing.id,
        log_entry: sealing.entry,
        sm3: base::encoding::hex(&sealing.sealed_digest),
        file,
    })
}

/// A seal ready for use: its row, the certificate it is bound to, and that certificate's key.
pub(crate) struct Tool {
    pub row: SealRow,
    certificate: Certificate,
    key: Arc<dyn PrivateKey>,
}

/// Fetches the seal and opens its key. Fails when the seal is not in use.
pub(crate) async fn open(env: &Env, id: Id<Seal>) -> Result<Tool, Failure> {
    let mut conn = env.db.read().await?;
    let row = seals::lookup(&mut conn, id).await?;
    let row = row.ok_or_else(|| Rejected::not_found("no_such_seal", format!("there is no seal `{id}`")))?;
    in_use(&row)?;
    let certificate = keys::lookup_certificate(&mut conn, &row.signer_certificate).await?;
    let certificate = certificate
        .ok_or_else(|| store::BadRow::new("seal", "signer_certificate", id, &row.signer_certificate))?;
    if certificate.revoked.is_some() {
        let message = format!("the signer certificate of the seal `{id}` is revoked");
        return Err(Rejected::conflict("seal_unusable", message).into());
    }
    let key = keyring::open_key(&mut conn, env.keys.as_ref(), certificate.key_id).await?;
    Ok(Tool { row, certificate: Certificate::from_der(&certificate.der)?, key })
}

fn in_use(row: &SealRow) -> Result<(), Rejected> {
    match row.state {
        SealState::Active => Ok(()),
        other => {
            let message = format!("the seal `{}` is {}", row.id, other.as_str());
            Err(Rejected::conflict("seal_not_in_use", message))
        }
    }
}

/// Puts the seal on the document, off the async threads: a large file takes a while.
pub(crate) async fn apply(
    env: &Env,
    tool: &Tool,
    document: Vec<u8>,
    stamp: StampPlacement,
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let keyring = env.keyring();
    let trust =
        TrustAnchors { anchors: keyring.anchors(), intermediates: keyring.intermediates(), statuses: None };
    let (esl, certificate, signer) =
        (tool.row.esl.clone(), tool.certificate.clone(), CertSigner::new(Arc::clone(&tool.key))?);
    let signed = tokio::task::spawn_blocking(move || {
        let provider = Provider {
            name: "Yinxin".to_owned(),
            company: "Yinxin".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let request = SignRequest {
            ofd: &document,
            seal: &esl,
            stamps: &[stamp],
            protection: Protection::MoreSignatures,
            provider: &provider,
            now,
        };
        seal::sign_document(&request, &signer, &certificate, &trust)
    });
    signed.await?.map_err(refused)
}

fn refused(error: SignError) -> Failure {
    match error {
        SignError::Sign(error) => error.into(),
        SignError::Faulty | SignError::SignerKey => {
            Failure::Fault(Fault::message(format!("sealing: {error}")))
        }
        SignError::Layout(_) | SignError::Path(_) => {
            Rejected::unprocessable("bad_document", format!("the document cannot be sealed: {error}")).into()
        }
        other => Rejected::conflict("seal_unusable", other.to_string()).into(),
    }
}

/// SM3 of a document before and after it is sealed; taken before the transaction opens, because a large file takes a while.
#[derive(Clone, Copy)]
pub(crate) struct Digests {
    pub original: [u8; 32],
    pub sealed: [u8; 32],
}

/// Keeps the sealing and writes it down; refuses when the seal went out of use meanwhile.
pub(crate) async fn keep(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    actor: &str,
    seal: &SealRow,
    digests: Digests,
) -> Result<SealingRow, Failure> {
    if !seals::hold(tx, seal.id).await? {
        return Err(Rejected::conflict("seal_not_in_use", "the seal went out of use meanwhile").into());
    }
    let id = Id::<Sealing>::new(now, env.entropy.as_ref());
    let detail = json!({
        "sealing": id,
        "original_sm3": base::encoding::hex(&digests.original),
        "sealed_sm3": base::encoding::hex(&digests.sealed),
    });
    let subject = seal.id.to_string();
    let entry =
        log::write(env, tx, now, Act { kind: Kind::DocumentSealed, actor, subject: &subject, detail })
            .await?;
    let row = SealingRow {
        id,
        seal: seal.id,
        actor: actor.to_owned(),
        original_digest: digests.original,
        sealed_digest: digests.sealed,
        entry,
        sealed: now,
    };
    seals::add_sealing(tx, &row).await?;
    Ok(row)
}
