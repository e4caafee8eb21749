//! The names under which applications know people and their logins (OIDC Core, 8).

use base::id::{Account, Session};
use base::{Id, Timestamp};
use oidc::registration::BadMember;
use oidc::subject::{self, SECTOR_IDENTIFIER_URI};
use oidc::{Client, Registration};

use crate::clients;
use crate::end_session::Hinted;
use crate::env::Env;
use crate::error::Fault;

/// The `sub` under which `client` knows `account`.
///
/// Nothing is kept of a pairwise one: it follows from the account, and so does the answer to whether one that comes back is somebody's
/// (`docs/adr/0013-pairwise-subjects.md`).
pub(crate) fn of(env: &Env, client: &Client, account: Id<Account>) -> String {
    match client.subject.sector() {
        None => account.to_string(),
        Some(sector) => env.secrets.pairwise_subject(sector, account),
    }
}

/// The `sid` under which `client` knows `session`: it must not say more than `sub` does.
pub(crate) fn session(env: &Env, client: &Client, session: Id<Session>) -> String {
    match client.subject.sector() {
        None => session.to_string(),
        Some(sector) => env.secrets.pairwise_session(sector, session),
    }
}

/// The session that `client` knows as `sid`, if there is one.
pub(crate) fn session_known_as(env: &Env, client: &Client, sid: &str) -> Option<Id<Session>> {
    match client.subject.sector() {
        None => sid.parse().ok(),
        Some(sector) => env.secrets.session_in(sector, sid),
    }
}

/// Looks whether the sector that `registration` names lists its redirect URIs (OIDC Core, 8.1). Before a transaction opens: it is a call.
pub(crate) async fn check_sector(env: &Env, registration: &Registration) -> Result<(), BadMember> {
    let Some(uri) = &registration.sector_identifier_uri else { return Ok(()) };
    let url = subject::sector_identifier_uri(uri)?;
    let document = env.outbound.get(&url, "application/json").await;
    let document = document.map_err(|error| BadMember {
        member: SECTOR_IDENTIFIER_URI,
        expected: "an address that answers".to_owned(),
        got: {
            tracing::warn!(%uri, %error, "a sector's list could not be fetched");
            "no usable answer".to_owned()
        },
    })?;
    subject::check_list(&document, &registration.redirect_uris)
}

/// The person whom `hinted` names, as `client` knows them, given that `account` is logged in: the hint may have been another client's, in
/// whose sector people have other names.
pub(crate) async fn hinted(
    env: &Env,
    now: Timestamp,
    client: &Client,
    hinted: Hinted,
    account: Option<Id<Account>>,
) -> Result<String, Fault> {
    if hinted.client_id == client.id {
        return Ok(hinted.subject);
    }
    let theirs = clients::lookup(env, now, &hinted.client_id).await?;
    let is_theirs = |account: &Id<Account>| {
        theirs.as_ref().is_some_and(|theirs| of(env, theirs, *account) == hinted.subject)
    };
    Ok(account.filter(is_theirs).map_or_else(|| hinted.subject.clone(), |account| of(env, client, account)))
}
