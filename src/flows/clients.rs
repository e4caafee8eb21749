//! Relying applications: registered, looked up.

use std::sync::Arc;

use audit::entry::Kind;
use base::id::Client as ClientKind;
use base::{Id, Secret, Timestamp};
pub use oidc::Registration;
use oidc::client::BadClientId;
use oidc::metadata_document::{self, BadDocument};
use oidc::{Client, ClientId, software_statement};
use serde_json::json;
use store::rows::clients::{self as rows, ClientRow};
use store::{BadRow, Conn, Tx};

use crate::caller::Authority;
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::log::{self, Act};
use crate::metadata_documents::Documents;
use crate::{look_alikes, metadata_documents, people, subjects};

/// A newly registered application.
pub struct Registered {
    /// The application.
    pub client: Client,
    /// Its secret, shown once; `None` for a public client.
    pub secret: Option<Secret<String>>,
}

/// Registers an application. Applications serve the whole province, so a caller must administer the top of the tree.
pub async fn register(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    registration: &Registration,
    sample: bool,
) -> Result<Registered, Failure> {
    if let Authority::Caller(_) = authority {
        let top = people::top_unit(env).await?;
        authority.require(env, now, "administer", "console", &top.to_string()).await?;
    }
    subjects::check_sector(env, registration).await.map_err(|e| bad(e.to_string()))?;
    let mut tx = env.db.begin().await?;
    let registered = register_in(env, &mut tx, now, &authority.actor(), registration, sample).await?;
    // COMMIT POINT: the secret is shown only once its application and leaf exist.
    tx.commit().await?;
    env.clients.forget(registered.client.id.as_str());
    Ok(registered)
}

async fn register_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    actor: &str,
    registration: &Registration,
    sample: bool,
) -> Result<Registered, Failure> {
    let id = Id::<ClientKind>::new(now, env.entropy.as_ref()).to_string();
    let mut client = registration.to_client(&id).map_err(|e| bad(e.to_string()))?;
    let mut secret = None;
    if client.auth_method.has_secret() {
        let (text, hash) = oidc::client_authentication::new_secret(env.entropy.as_ref());
        client.secret_hash = Some(hash);
        secret = Some(text);
    }
    client.check_registration().map_err(|e| bad(e.to_string()))?;
    let row = ClientRow {
        id: id.clone(),
        metadata: serde_json::to_string(registration)?,
        secret_hash: client.secret_hash,
        active: true,
        sample,
        created: now,
        in_use_since: None,
        software_statement: None,
        document: None,
    };
    rows::add(tx, &row).await?;
    look_alikes::keep(tx, &id, registration).await?;
    let detail = json!({ "name": client.name.zh, "scope": registration.scope, "redirect_uris_sm3": digest_of(&client.redirect_uris) });
    log::write(env, tx, now, Act { kind: Kind::ClientRegistered, actor, subject: &id, detail }).await?;
    Ok(Registered { client, secret })
}

/// Many long addresses do not fit into a log entry; their digest does.
fn digest_of(uris: &[String]) -> String {
    base::encoding::hex(&gm::sm3::hash(uris.join("\n").as_bytes()))
}

/// The application `id` as it registers itself at this moment: as [`lookup`], but when its registration is a document, as that reads now.
/// For who answers a request of the application itself; what only looks back takes [`lookup`].
pub(crate) async fn current(
    env: &Env,
    now: Timestamp,
    id: &ClientId,
) -> Result<Option<Arc<Client>>, Failure<BadDocument>> {
    let kept = lookup(env, now, id).await?;
    let known = kept.as_ref().map(|client| client.enabled && client.is_document());
    match known {
        // Registered otherwise, or taken out of use.
        Some(false) => Ok(kept),
        None if !metadata_document::is_address(id.as_str()) => Ok(None),
        None if env.settings.registration.documents == Documents::Off => Ok(None),
        known => metadata_documents::client(env, now, id, known == Some(true)).await.map(Some),
    }
}

/// The application `id`, if it is registered; what another node changed is seen after [`KEPT_SECONDS`](crate::remembered::KEPT_SECONDS).
pub async fn lookup(env: &Env, now: Timestamp, id: &ClientId) -> Result<Option<Arc<Client>>, Fault> {
    match env.clients.find(id.as_str(), now) {
        Some(client) => Ok(Some(client)),
        None => lookup_in(env, &mut *env.db.read().await?, now, id).await,
    }
}

/// As [`lookup`], where a connection is at hand.
pub(crate) async fn lookup_in(
    env: &Env,
    conn: &mut Conn,
    now: Timestamp,
    id: &ClientId,
) -> Result<Option<Arc<Client>>, Fault> {
    if let Some(client) = env.clients.find(id.as_str(), now) {
        return Ok(Some(client));
    }
    let Some(row) = rows::lookup(conn, id.as_str()).await? else { return Ok(None) };
    let client = Arc::new(from_row(env, &row)?);
    env.clients.keep(client.id.as_str().to_owned(), Arc::clone(&client), now);
    Ok(Some(client))
}

/// Holds the application until the transaction ends, so that no change of its registration is halfway; as it is registered now, if it is in
/// use. A document holds what its site said last, and is [held](metadata_documents::hold) by its own row.
pub(crate) async fn hold(env: &Env, tx: &mut Tx, client: &Arc<Client>) -> Result<Option<Arc<Client>>, Fault> {
    if client.is_document() {
        return Ok(Some(Arc::clone(client)));
    }
    if !rows::hold_client(tx, client.id.as_str()).await? {
        return Ok(None);
    }
    let Some(row) = rows::lookup(tx, client.id.as_str()).await? else { return Ok(None) };
    Ok(Some(Arc::new(from_row(env, &row)?)))
}

/// All applications.
pub async fn all(env: &Env) -> Result<Vec<Client>, Fault> {
    rows::all(&mut *env.db.read().await?).await?.iter().map(|row| from_row(env, row)).collect()
}

pub(crate) fn from_row(env: &Env, row: &ClientRow) -> Result<Client, Fault> {
    let bad = |why: String| Fault::from(BadRow::new("client", "metadata", &row.id, why));
    let registration: Registration = serde_json::from_str(&row.metadata).map_err(|e| bad(e.to_string()))?;
    if row.document.is_some() {
        let id: ClientId = row.id.parse().map_err(|e: BadClientId| bad(e.to_string()))?;
        let client = metadata_document::client(&id, &registration).map_err(|e| bad(e.to_string()))?;
        // What the operator turned off stays off for those that came before.
        let allowed = env.settings.registration.documents.allow(client.document_host().as_deref());
        return Ok(Client { enabled: row.active && allowed, ..client });
    }
    let mut client = registration.to_client(&row.id).map_err(|e| bad(e.to_string()))?;
    let vouched = row.software_statement.as_deref().and_then(software_statement::registered);
    client.redirect_uris_vouched = vouched.is_some_and(|vouched| vouched.vouches_for("redirect_uris"));
    client.secret_hash = row.secret_hash;
    client.enabled = row.active;
    client.in_use_since = row.in_use_since;
    Ok(client)
}

fn bad(why: String) -> Failure {
    Rejected::unprocessable("bad_registration", why).into()
}
