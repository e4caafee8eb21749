//! Clients whose identifier is the address of their registration: the document there is fetched when such a client asks for something, and
//! kept for a while ([`oidc::metadata_document`] has the rules, `docs/adr/0020-registration-by-software.md` the reasons).
//!
//! Anybody can make us fetch. So it is off unless the operator turns it on, reaches no network inside the province unless the operator named
//! the host, and is bounded in size, time and number; nothing is written down before a person or a key stands for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use audit::entry::Kind;
use base::Timestamp;
use oidc::metadata_document::{self as rules, BadDocument, DOCUMENT_MAX_BYTES};
use oidc::{Client, ClientId, Registration};
use serde_json::json;
use store::rows::clients as rows;
use store::{BadRow, Tx};
use url::Url;

use crate::end_consents;
use crate::env::Env;
use crate::error::{Failure, Fault};
use crate::log::{self, Act};
use crate::look_alikes;
use crate::outbound::{Wanted, Whose};
use crate::turns::Turns;

/// The name under which such applications stand in the log as what registers.
const BY_DOCUMENT: &str = "client-metadata-document";
/// How long an address is left alone that brought nothing that can be used, in seconds. Nothing is kept of what it brought.
const PAUSE_SECONDS: i64 = 10;
/// Most documents that are kept, and addresses that are left alone.
const KEPT_MAX: usize = 1_024;
/// Most fetches in a minute of documents of applications that nobody uses yet.
const STRANGERS_PER_MINUTE_MAX: u32 = 60;
/// And of those that people let have something: strangers do not use up their share.
const KNOWN_PER_MINUTE_MAX: u32 = 240;
/// Most fetches in a minute from one host, of documents of applications that nobody uses yet.
const HOST_PER_MINUTE_MAX: u32 = 10;

/// Whether identifiers may be addresses of documents, and at which hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Documents {
    /// They may not.
    #[default]
    Off,
    /// At any host on the public internet.
    Anywhere,
    /// At these hosts, also inside the province.
    At(Vec<String>),
}

impl Documents {
    /// Whether a document at `host` counts.
    pub fn allow(&self, host: Option<&str>) -> bool {
        match self {
            Self::Off => false,
            Self::Anywhere => true,
            Self::At(hosts) => host.is_some_and(|host| hosts.iter().any(|allowed| allowed == host)),
        }
    }

    /// How far a call to `url` reaches, which such a client chose.
    pub(crate) fn whose(&self, url: &Url) -> Whose {
        match self {
            Self::At(_) if self.allow(url.host_str()) => Whose::Known,
            _ => Whose::Stranger,
        }
    }
}

/// Documents as they were read, addresses that are left alone, and how many were fetched in this minute.
#[derive(Default)]
pub struct DocumentCache {
    kept: RwLock<HashMap<String, Kept>>,
    failed: RwLock<HashMap<String, Timestamp>>,
    fetches: Mutex<Fetches>,
    turns: Turns,
}

#[derive(Clone)]
struct Kept {
    client: Arc<Client>,
    at: Timestamp,
    until: Timestamp,
}

#[derive(Default)]
struct Fetches {
    minute: i64,
    strangers: u32,
    known: u32,
    by_host: HashMap<String, u32>,
}

/// The client that the document at `id` registers now. `known` says whether somebody uses it already.
pub(crate) async fn client(
    env: &Env,
    now: Timestamp,
    id: &ClientId,
    known: bool,
) -> Result<Arc<Client>, Failure<BadDocument>> {
    let address = rules::address(id, env.settings.issuer.is_on_this_machine())?;
    if !env.settings.registration.documents.allow(address.host_str()) {
        return Err(
            BadDocument("expected an address at a host that the operator lets register".to_owned()).into()
        );
    }
    if let Some(client) = env.documents.find(id, now) {
        return Ok(client);
    }
    let turn = env.documents.turns.of(id.as_str());
    let _turn = turn.lock().await;
    // Somebody else may have brought it, or failed to, while this one waited.
    if let Some(client) = env.documents.find(id, now) {
        return Ok(client);
    }
    env.documents.may_fetch(&address, id, known, now)?;
    let read = read(env, now, id, &address).await;
    if matches!(read, Err(Failure::Rejected(_))) {
        env.documents.fail(id, now);
    }
    let kept = read?;
    if known {
        note_change(env, now, &kept.client).await?;
    }
    env.documents.keep(id, kept.clone());
    Ok(kept.client)
}

async fn read(env: &Env, now: Timestamp, id: &ClientId, address: &Url) -> Result<Kept, Failure<BadDocument>> {
    let whose = env.settings.registration.documents.whose(address);
    let wanted = Wanted { url: address, accept: "application/json", whose, max_bytes: DOCUMENT_MAX_BYTES };
    // Why is for the operator: whoever names an address would learn what only we reach.
    let document = env.outbound.fetch(wanted).await.map_err(|error| {
        tracing::info!(%address, %error, "a client's document could not be fetched");
        BadDocument(format!("expected a document there of at most {DOCUMENT_MAX_BYTES} bytes, and got none"))
    })?;
    let kind = document.content_type.as_str();
    if document.status != 200
        || !(kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")))
    {
        return Err(BadDocument(
            "document: expected status 200 and content type `application/json`".to_owned(),
        )
        .into());
    }
    let registration = rules::read(id, address, &document.body)?;
    if look_alikes::is_taken(&mut *env.db.read().await?, &registration).await? {
        return Err(BadDocument(look_alikes::TAKEN.to_owned()).into());
    }
    let client = Arc::new(rules::client(id, &registration)?);
    let until = now.plus_seconds(rules::kept_seconds(document.cache_control.as_deref()));
    Ok(Kept { client, at: now, until })
}

/// Keeps the application before something refers to it, and holds it until the transaction ends. For others than documents it does nothing.
pub(crate) async fn hold(env: &Env, tx: &mut Tx, now: Timestamp, client: &Client) -> Result<(), Fault> {
    let (id, Some(document)) = (client.id.as_str(), client.document.as_deref()) else { return Ok(()) };
    if !rows::hold_document(tx, id, now).await? && rows::add_document(tx, id, document, now).await? {
        write_down(env, tx, now, Kind::ClientRegistered, client, None).await?;
    }
    Ok(())
}

/// What is kept of an application follows its document; and what people gave to what it was ends as when it changes its registration itself.
async fn note_change(env: &Env, now: Timestamp, client: &Client) -> Result<(), Fault> {
    let (id, Some(document)) = (client.id.as_str(), client.document.as_deref()) else { return Ok(()) };
    let kept = rows::lookup(&mut *env.db.read().await?, id).await?;
    if kept.is_none_or(|row| row.metadata == document) {
        return Ok(());
    }
    let mut tx = env.db.begin().await?;
    // Held, so that of two nodes that read it at once each compares with what the other wrote.
    if !rows::hold_client(&mut tx, id).await? {
        return Ok(());
    }
    let Some(row) = rows::lookup(&mut tx, id).await? else { return Ok(()) };
    if !rows::change_document(&mut tx, id, document, now).await? {
        return Ok(());
    }
    let registration = |text: &str| -> Result<Registration, Fault> {
        serde_json::from_str(text).map_err(|e| BadRow::new("client", "metadata", id, e).into())
    };
    let (before, after) = (registration(&row.metadata)?, registration(document)?);
    let ended = end_consents::after_change(&mut tx, now, id, &before, &after).await?;
    write_down(env, &mut tx, now, Kind::ClientChanged, client, Some(ended.len())).await?;
    // COMMIT POINT: what is kept, the end of what people gave to what it was, and its leaf.
    tx.commit().await?;
    env.clients.forget(id);
    env.revocations.note_grants(ended, now);
    Ok(())
}

async fn write_down(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    kind: Kind,
    client: &Client,
    ended: Option<usize>,
) -> Result<(), Fault> {
    let uris = base::encoding::hex(&gm::sm3::hash(client.redirect_uris.join("\n").as_bytes()));
    let mut detail =
        json!({ "name": client.name.zh, "scope": client.scopes.to_string(), "redirect_uris_sm3": uris });
    if let Some((members, ended)) = detail.as_object_mut().zip(ended) {
        members.insert("grants".to_owned(), ended.into());
    }
    let act = Act { kind, actor: BY_DOCUMENT, subject: client.id.as_str(), detail };
    log::write(env, tx, now, act).await.map(drop)
}

impl From<BadDocument> for Failure<BadDocument> {
    fn from(bad: BadDocument) -> Self {
        Self::Rejected(bad)
    }
}

impl DocumentCache {
    fn find(&self, id: &ClientId, now: Timestamp) -> Option<Arc<Client>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back makes nothing live longer.
        let kept = kept.get(id.as_str()).filter(|kept| kept.at <= now && now < kept.until)?;
        Some(Arc::clone(&kept.client))
    }

    fn keep(&self, id: &ClientId, new: Kept) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, old| new.at < old.until);
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(id.as_str().to_owned(), new);
    }

    fn fail(&self, id: &ClientId, now: Timestamp) {
        let mut failed = self.failed.write().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, at| now < at.plus_seconds(PAUSE_SECONDS));
        if failed.len() >= KEPT_MAX {
            failed.clear();
        }
        failed.insert(id.as_str().to_owned(), now);
    }

    /// Counts one more fetch; or why there is none now.
    fn may_fetch(
        &self,
        address: &Url,
        id: &ClientId,
        known: bool,
        now: Timestamp,
    ) -> Result<(), BadDocument> {
        let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
        let paused =
            failed.get(id.as_str()).is_some_and(|at| *at <= now && now < at.plus_seconds(PAUSE_SECONDS));
        drop(failed);
        if paused {
            return Err(BadDocument(format!(
                "the document there could not be used a moment ago: try again in {PAUSE_SECONDS} seconds"
            )));
        }
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.unix_seconds().div_euclid(60);
        if fetches.minute != minute {
            *fetches = Fetches { minute, ..Fetches::default() };
        }
        if fetches.counts(address.host_str().unwrap_or_default(), known) {
            return Ok(());
        }
        Err(BadDocument("too many documents are being fetched: try again in a minute".to_owned()))
    }
}

impl Fetches {
    fn counts(&mut self, host: &str, known: bool) -> bool {
        if known {
            self.known += 1;
            return self.known <= KNOWN_PER_MINUTE_MAX;
        }
        if self.strangers >= STRANGERS_PER_MINUTE_MAX {
            return false;
        }
        let of_host = self.by_host.entry(host.to_owned()).or_default();
        if *of_host >= HOST_PER_MINUTE_MAX {
            return false;
        }
        *of_host += 1;
        self.strangers += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_make_us_fetch_without_end_nor_use_up_what_is_for_others() {
        let mut fetches = Fetches::default();
        let taken = (0..HOST_PER_MINUTE_MAX * 3).filter(|_| fetches.counts("one.example", false)).count();
        assert_eq!(taken, HOST_PER_MINUTE_MAX as usize, "one host is asked so often");
        let more = (0..1_000).filter(|n| fetches.counts(&format!("{n}.example"), false)).count();
        assert_eq!(taken + more, STRANGERS_PER_MINUTE_MAX as usize, "all together so often");
        assert!(fetches.by_host.len() <= 1 + STRANGERS_PER_MINUTE_MAX as usize, "and no more is remembered");
        assert!(fetches.counts("one.example", true), "what people use is fetched all the same");
        let known = (0..1_000).filter(|_| fetches.counts("one.example", true)).count();
        assert_eq!(known + 1, KNOWN_PER_MINUTE_MAX as usize);
    }

    #[test]
    fn a_host_that_the_operator_names_is_reached_and_no_other() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let named = Documents::At(vec!["apps.fujian.example".to_owned()]);
        assert!(
            named.allow(Some("apps.fujian.example"))
                && !named.allow(Some("evil.example"))
                && !named.allow(None)
        );
        assert!(
            !Documents::Off.allow(Some("apps.fujian.example"))
                && Documents::Anywhere.allow(Some("evil.example"))
        );
        assert_eq!(named.whose(&url("https://apps.fujian.example/c")), Whose::Known);
        assert_eq!(named.whose(&url("https://evil.example/c")), Whose::Stranger);
        assert_eq!(Documents::Anywhere.whose(&url("https://apps.fujian.example/c")), Whose::Stranger);
    }
}
