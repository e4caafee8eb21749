//! Login sessions: found by cookie, listed, ended with everything that hangs from them.

use std::sync::Arc;

use base::id::{Account, Grant, Session};
use base::{Id, Timestamp};
use oidc::Client;
use serde_json::json;
use store::Tx;
use store::rows::logouts::{self, NoticeRow};
use store::rows::sessions::{self as rows, SessionRow};
use store::rows::{accounts, clients as consents, grants};

use crate::clients;
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::log::{self, Act, Kind};

/// Who is logged in, in this browser.
#[derive(Clone, Debug)]
pub struct Login {
    /// The session.
    pub session: SessionRow,
    /// The person.
    pub account: accounts::AccountRow,
}

/// The login that a browser's cookie names; nobody ended it.
#[derive(Clone, Debug)]
pub enum Found {
    /// Somebody is logged in.
    Live(Login),
    /// Nobody is: its time has come, or it stands idle. What hangs from it may go on, and ends when somebody ends it.
    Over(Login),
}

/// The login whose cookie is `token`.
pub async fn find(env: &Env, now: Timestamp, token: &str) -> Result<Option<Found>, Fault> {
    let mut conn = env.db.read().await?;
    let Some(session) = rows::find_by_token(&mut conn, &hash(token)).await? else { return Ok(None) };
    let account = accounts::lookup(&mut conn, session.account).await?;
    // An account that was disabled is logged out everywhere at once.
    let account = account.filter(|a| a.state == accounts::AccountState::Active);
    drop(conn);
    let Some(account) = account else { return Ok(None) };
    if !session.is_live(env.settings.sessions.live_at(now)) {
        return Ok(Some(Found::Over(Login { session, account })));
    }
    Ok(Some(Found::Live(Login { session: used(env, now, session).await?, account })))
}

/// The session, which is used now. That is written down once in a while, and not with every request.
async fn used(env: &Env, now: Timestamp, session: SessionRow) -> Result<SessionRow, Fault> {
    if !is_use_due(env, now, &session) {
        return Ok(session);
    }
    let mut tx = env.db.begin().await?;
    mark_used_in(env, &mut tx, now, &session).await?;
    // COMMIT POINT: lost in a crash, it ends the session a little early.
    tx.commit().await?;
    Ok(SessionRow { used: Some(now), ..session })
}

/// Whether the last use that was written down is long enough ago for another.
fn is_use_due(env: &Env, now: Timestamp, session: &SessionRow) -> bool {
    session.used.is_some_and(|used| used <= env.settings.sessions.written_before(now))
}

/// As for a request of its browser, in a transaction that does more.
pub(crate) async fn mark_used_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    session: &SessionRow,
) -> Result<(), Fault> {
    if is_use_due(env, now, session) {
        let limits = &env.settings.sessions;
        rows::mark_used(tx, session.id, limits.written_before(now), limits.live_at(now)).await?;
    }
    Ok(())
}

/// What is kept of a session's cookie.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    gm::sm3::hash(token.as_bytes())
}

/// The live sessions of `account`.
pub async fn of_account(env: &Env, now: Timestamp, account: Id<Account>) -> Result<Vec<SessionRow>, Fault> {
    Ok(rows::live_of(&mut *env.db.read().await?, account, env.settings.sessions.live_at(now)).await?)
}

/// Ends a session of `account` and takes back every token that came from it, in one transaction.
pub async fn end(
    env: &Env,
    now: Timestamp,
    account: Id<Account>,
    session: Id<Session>,
) -> Result<(), Failure> {
    let mut tx = env.db.begin().await?;
    let Some(ended) = end_in(env, &mut tx, now, account, session).await? else {
        return Err(
            Rejected::not_found("no_such_session", format!("you have no live session `{session}`")).into()
        );
    };
    // COMMIT POINT: the session, every token that came from it, and the notices to those who must know.
    tx.commit().await?;
    ended.note(env, now);
    Ok(())
}

/// A session that was ended in a transaction. Once that is committed, [`Self::note`] must be called.
#[must_use]
pub(crate) struct Ended {
    grants: Vec<Id<Grant>>,
    /// The clients that got anything in the session and have a page to load.
    pub(crate) front_channel: Vec<Arc<Client>>,
}

impl Ended {
    /// The transaction was committed: no access token of the session is taken from here on, and who must be told is told.
    pub(crate) fn note(&self, env: &Env, now: Timestamp) {
        env.revocations.note_grants(self.grants.iter().copied(), now);
        env.logout_bell.notify_one();
    }
}

/// As [`end`], in a transaction that does more; `None` when there was no such session.
pub(crate) async fn end_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    account: Id<Account>,
    session: Id<Session>,
) -> Result<Option<Ended>, Fault> {
    Ok(end_some_in(env, tx, now, vec![(account, session)]).await?.pop().map(|(_, ended)| ended))
}

/// Ends some sessions, each of its account, in a transaction that does more; those that were not over before.
pub(crate) async fn end_some_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    mut sessions: Vec<(Id<Account>, Id<Session>)>,
) -> Result<Vec<(Id<Session>, Ended)>, Fault> {
    // All sessions first, then all grants, each in their order: whoever ends some of the same meets them in the same order.
    sessions.sort_unstable_by_key(|(_, session)| *session);
    let mut ended = Vec::new();
    for (account, session) in sessions {
        if rows::end_of_account(tx, session, account, now).await? {
            ended.push((account, session));
        }
    }
    let ids: Vec<_> = ended.iter().map(|(_, session)| *session).collect();
    grants::hold_of_sessions(tx, &ids).await?;
    let mut all = Vec::with_capacity(ended.len());
    for (account, session) in ended {
        let grants = grants::revoke_of_session(tx, session, "session ended", now).await?;
        let front_channel = give_notice(env, tx, now, account, session).await?;
        all.push((session, Ended { grants, front_channel }));
    }
    Ok(all)
}

/// Ends every session of `account` but one, in a transaction that does more, and takes back everything that the person gave: in those that ran
/// out of time too, and in the one that stays.
pub(crate) async fn end_all_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    account: Id<Account>,
    but: Option<Id<Session>>,
    reason: &str,
) -> Result<Ended, Fault> {
    let ended = rows::end_all(tx, account, but, now).await?;
    let grants = grants::revoke_of_account(tx, account, reason, now).await?;
    let mut front_channel = Vec::new();
    for session in ended {
        front_channel.extend(give_notice(env, tx, now, account, session).await?);
    }
    Ok(Ended { grants, front_channel })
}

/// Ends the login that the new one, `latest`, replaces, and those of `account` that are more than there may be beside it: the ones that were
/// used longest ago.
///
/// INVARIANT: the transaction holds the account, so that of logins at once each sees those before it.
pub(crate) async fn make_room_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    account: Id<Account>,
    latest: Id<Session>,
    replaced: Option<&Login>,
) -> Result<Vec<Ended>, Fault> {
    let limits = &env.settings.sessions;
    let beside = limits.beside_a_new_one();
    let surplus = rows::least_used(tx, account, latest, beside, limits.live_at(now)).await?;
    let replaced = replaced.map(|login| (login.account.id, login.session.id));
    let over = surplus.iter().map(|session| (account, *session)).chain(replaced).collect();
    let ended = end_some_in(env, tx, now, over).await?;
    for (session, ended) in ended.iter().filter(|(session, _)| surplus.contains(session)) {
        let (actor, subject) = (account.to_string(), session.to_string());
        let detail = json!({ "by": latest, "grants": ended.grants.len() });
        let act = Act { kind: Kind::SessionSuperseded, actor: &actor, subject: &subject, detail };
        log::write(env, tx, now, act).await?;
    }
    Ok(ended.into_iter().map(|(_, ended)| ended).collect())
}

/// Writes a notice to each application that must be told of the end of `session`; those that have a page to load.
async fn give_notice(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    account: Id<Account>,
    session: Id<Session>,
) -> Result<Vec<Arc<Client>>, Fault> {
    let mut front_channel = Vec::new();
    for client_id in logouts::clients_of(tx, session).await? {
        let Ok(id) = client_id.parse() else { continue };
        let client = clients::lookup_in(env, tx, now, &id).await?;
        // What is out of use learns nothing more of anybody.
        let Some(client) = client.filter(|client| client.enabled) else { continue };
        if client.back_channel.is_some() {
            let id = Id::new(now, env.entropy.as_ref());
            let notice = NoticeRow { id, client_id, session, account, attempts: 0 };
            logouts::add(tx, &notice, now).await?;
        }
        if client.front_channel.is_some() {
            front_channel.push(client);
        }
    }
    Ok(front_channel)
}

/// What an application was given, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The application.
    pub client_id: String,
    /// Names of scopes.
    pub scopes: Vec<String>,
    /// Since when.
    pub since: Timestamp,
}

/// What applications have of `account`'s: what the person allowed, and what the government's own were given without asking.
pub async fn given(env: &Env, now: Timestamp, account: Id<Account>) -> Result<Vec<Given>, Fault> {
    let mut conn = env.db.read().await?;
    let consents = consents::consents_of(&mut conn, account).await?;
    let grants = grants::standing_of(&mut conn, account, env.settings.sessions.live_at(now)).await?;
    let mut given: Vec<Given> = consents
        .into_iter()
        .map(|consent| Given { client_id: consent.client_id, scopes: consent.scopes, since: consent.granted })
        .collect();
    for grant in grants {
        match given.iter_mut().find(|given| given.client_id == grant.client_id) {
            Some(known) => {
                let more = grant.scopes.into_iter().filter(|scope| !known.scopes.contains(scope));
                let more: Vec<_> = more.collect();
                known.scopes.extend(more);
                known.since = known.since.min(grant.since);
            }
            None => {
                given.push(Given { client_id: grant.client_id, scopes: grant.scopes, since: grant.since })
            }
        }
    }
    Ok(given)
}

/// `account` takes back what it gave the application: consent and tokens.
pub async fn withdraw(
    env: &Env,
    now: Timestamp,
    account: Id<Account>,
    client_id: &str,
) -> Result<(), Failure> {
    let mut tx = env.db.begin().await?;
    let consented = consents::withdraw(&mut tx, account, client_id, now).await?;
    let withdrawn =
        grants::revoke_of_client(&mut tx, account, client_id, "withdrawn by the person", now).await?;
    if !consented && withdrawn.is_empty() {
        let message = format!("you have given nothing to `{client_id}`");
        return Err(Rejected::not_found("no_such_consent", message).into());
    }
    let actor = account.to_string();
    let detail = json!({ "grants": withdrawn.len() });
    let act = Act { kind: Kind::ConsentWithdrawn, actor: &actor, subject: client_id, detail };
    log::write(env, &mut tx, now, act).await?;
    // COMMIT POINT: consent, tokens, and the leaf.
    tx.commit().await?;
    env.revocations.note_grants(withdrawn, now);
    Ok(())
}
