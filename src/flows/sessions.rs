//! Login sessions: found by cookie, listed, ended with everything that hangs from them.

use base::id::{Account, Session};
use base::{Id, Timestamp};
use store::rows::sessions::{self as rows, SessionRow};
use store::rows::{accounts, clients as consents, grants};
use store::{Conn, Tx};

use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};

/// Who is logged in, in this browser.
#[derive(Clone, Debug)]
pub struct Login {
    /// The session.
    pub session: SessionRow,
    /// The person.
    pub account: accounts::AccountRow,
}

/// The live login whose cookie is `token`.
pub async fn find(env: &Env, now: Timestamp, token: &str) -> Result<Option<Login>, Fault> {
    let mut conn = env.db.read().await?;
    let Some(session) = rows::find_by_token(&mut conn, &hash(token), now).await? else { return Ok(None) };
    let account = accounts::lookup(&mut conn, session.account).await?;
    // An account that was disabled is logged out everywhere at once.
    let account = account.filter(|a| a.state == accounts::AccountState::Active);
    Ok(account.map(|account| Login { session, account }))
}

/// What is kept of a session's cookie.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    gm::sm3::hash(token.as_bytes())
}

/// The live sessions of `account`.
pub async fn of_account(env: &Env, now: Timestamp, account: Id<Account>) -> Result<Vec<SessionRow>, Fault> {
    Ok(rows::live_of(&mut *env.db.read().await?, account, now).await?)
}

/// Ends a session of `account` and takes back every token that came from it, in one transaction.
pub async fn end(
    env: &Env,
    now: Timestamp,
    account: Id<Account>,
    session: Id<Session>,
) -> Result<(), Failure> {
    let mut tx = env.db.begin().await?;
    if !end_in(&mut tx, now, account, session).await? {
        return Err(
            Rejected::not_found("no_such_session", format!("you have no live session `{session}`")).into()
        );
    }
    Ok(tx.commit().await?)
}

/// As [`end`], in a transaction that does more; whether there was such a session.
pub(crate) async fn end_in(
    tx: &mut Tx,
    now: Timestamp,
    account: Id<Account>,
    session: Id<Session>,
) -> Result<bool, Fault> {
    let ended = rows::end_of_account(tx, session, account, now).await?;
    if ended {
        grants::revoke_of_session(tx, session, "session ended", now).await?;
    }
    Ok(ended)
}

/// What `account` lets applications have.
pub async fn consents(env: &Env, account: Id<Account>) -> Result<Vec<consents::ConsentRow>, Fault> {
    Ok(consents::consents_of(&mut *env.db.read().await?, account).await?)
}

/// `account` takes back what it gave the application: consent and tokens.
pub async fn withdraw(
    env: &Env,
    now: Timestamp,
    account: Id<Account>,
    client_id: &str,
) -> Result<(), Failure> {
    let mut tx = env.db.begin().await?;
    if !consents::withdraw(&mut tx, account, client_id, now).await? {
        let message = format!("you have given nothing to `{client_id}`");
        return Err(Rejected::not_found("no_such_consent", message).into());
    }
    grants::revoke_of_client(&mut tx, account, client_id, "withdrawn by the person", now).await?;
    Ok(tx.commit().await?)
}

/// Whether the session is live: tokens that came from it are good only while it is.
pub(crate) async fn is_live(conn: &mut Conn, session: Id<Session>, now: Timestamp) -> Result<bool, Fault> {
    Ok(rows::live(conn, session, now).await?.is_some())
}
