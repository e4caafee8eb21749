//! Backchannel authentication (OpenID Connect CIBA): an application asks for a person, who answers where they are logged in.
//!
//! The application's code is made from the request's identifier and a secret of ours, so that the application can be told of the answer
//! with a code that is kept nowhere.

use base::id::{Account, DeferredRequest};
use base::{Id, Timestamp};
use identity::LoginName;
use oidc::ciba::{
    self as rules, ASKED_WINDOW_SECONDS, AskedAlready, BackchannelAuthentication, BackchannelRequest, Hint,
};
use oidc::deferred::Channel;
use oidc::lifetimes::POLL_INTERVAL_SECONDS;
use oidc::{Client, OauthError};
use store::rows::accounts::{self, AccountState};
use store::rows::deferred::{self as rows, DeferredRow, Keys};

use crate::client_request::{self, ClientRequest};
use crate::deferred::{self, Question};
use crate::end_session;
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::sessions::Login;

/// An application asks (CIBA Core 1.0, 7).
pub async fn begin(
    env: &Env,
    now: Timestamp,
    request: ClientRequest<'_>,
    network: String,
) -> Result<BackchannelAuthentication, Failure<OauthError>> {
    let sender = client_request::authenticate(env, now, request).await?;
    let BackchannelRequest { asked, hint, notification_token, expires_in } =
        BackchannelRequest::parse(&sender.params, &sender.client)?;
    let account = hinted(env, now, &sender.client, &hint).await?.ok_or_else(rules::unknown_user)?;
    let id = Id::<DeferredRequest>::new(now, env.entropy.as_ref());
    let code = env.secrets.auth_req_id(id);
    let row = DeferredRow {
        id,
        channel: Channel::Backchannel.as_str().to_owned(),
        client_id: sender.client.id.as_str().to_owned(),
        account: Some(account),
        asked: serde_json::to_string(&asked)?,
        network,
        created: now,
        expires: now.plus_seconds(expires_in),
        answer: None,
        grant: None,
        consumed: None,
    };
    // Sealed before the transaction opens: the key may be far away.
    let sealed = match &notification_token {
        Some(token) => Some(env.keys.seal_blob(&ping_context(id), token.expose().as_bytes())?),
        None => None,
    };
    let keys = Keys {
        code_hash: &gm::sm3::hash(code.as_bytes()),
        user_code_index: None,
        interval_seconds: POLL_INTERVAL_SECONDS,
        ping_token_sealed: sealed.as_deref(),
    };
    let mut tx = env.db.begin().await?;
    // Requests about one person come one after the other from here on, so that each sees those before it.
    if !accounts::hold_active(&mut tx, account).await? {
        return Err(rules::unknown_user().into());
    }
    let since = now.plus_seconds(-ASKED_WINDOW_SECONDS);
    let already = AskedAlready {
        waiting: rows::count_waiting_of(&mut tx, account, &row.client_id, now).await?,
        waiting_in_all: rows::count_waiting(&mut tx, account, now).await?,
        lately: rows::count_since(&mut tx, account, &row.client_id, since).await?,
    };
    if let Err(refused) = rules::check_asked(already) {
        tracing::warn!(client = row.client_id, %account, "a person is asked too often");
        return Err(refused.into());
    }
    rows::add(&mut tx, &row, keys).await?;
    // COMMIT POINT: the code is told only for a request that is kept.
    tx.commit().await?;
    Ok(BackchannelAuthentication::new(code, expires_in))
}

/// Who is to be asked, if they may use their account.
async fn hinted(
    env: &Env,
    now: Timestamp,
    client: &Client,
    hint: &Hint,
) -> Result<Option<Id<Account>>, Fault> {
    let account = match hint {
        Hint::LoginName(name) => match name.trim().parse::<LoginName>() {
            Ok(name) => accounts::find_by_user_name(&mut *env.db.read().await?, name.as_str()).await?,
            Err(_) => None,
        },
        Hint::IdToken(token) => {
            // One that was issued to this client (CIBA Core 1.0, 7.1).
            let hinted = end_session::hinted(env, now, token).ok();
            let hinted = hinted.filter(|hinted| hinted.client_id == client.id);
            match hinted.and_then(|hinted| hinted.subject.parse().ok()) {
                Some(id) => accounts::lookup(&mut *env.db.read().await?, id).await?,
                None => None,
            }
        }
    };
    Ok(account.filter(|account| account.state == AccountState::Active).map(|account| account.id))
}

/// What waits for an answer of the person of `login`, oldest first.
pub async fn waiting(env: &Env, now: Timestamp, login: &Login) -> Result<Vec<Question>, Fault> {
    let rows = rows::waiting_for(&mut *env.db.read().await?, login.account.id, now).await?;
    let mut questions = Vec::with_capacity(rows.len());
    for row in rows {
        questions.extend(Question::open(env, now, row).await?);
    }
    Ok(questions)
}

/// The person of `login` says yes or no to the request `id`, if it is theirs to answer.
pub async fn answer(
    env: &Env,
    now: Timestamp,
    login: &Login,
    id: &str,
    allowed: bool,
) -> Result<Question, Failure> {
    let gone =
        || Rejected::conflict("already_answered", "this request was answered before, or its time is over");
    let id: Id<DeferredRequest> = id.parse().map_err(|_| gone())?;
    let row = rows::lookup(&mut *env.db.read().await?, id).await?;
    let row = row.filter(|row| row.account == Some(login.account.id)).ok_or_else(gone)?;
    let question = Question::open(env, now, row).await?.ok_or_else(gone)?;
    if allowed {
        deferred::allow(env, now, login, &question).await?;
    } else {
        deferred::deny(env, now, &question).await?;
    }
    env.ping_bell.notify_one();
    Ok(question)
}

/// Where an application's notification token is sealed for.
pub(crate) fn ping_context(id: Id<DeferredRequest>) -> String {
    format!("deferred-request/ping/{id}")
}
