//! Requests that a person answers elsewhere, from their answer to the tokens.
//!
//! The grant is made with the answer and hangs from the session in which it was given; the application's code only fetches it, once.

use std::sync::Arc;

use base::id::Grant;
use base::{Id, Timestamp};
use oidc::deferred::{self as rules, Asked, Channel, Kept, Poll, Standing};
use oidc::details::{Details, narrowed};
use oidc::lifetimes::SLOW_DOWN_SECONDS;
use oidc::{Client, OauthError};
use serde_json::json;
use store::rows::deferred::{self as rows, Answer, DeferredRow};
use store::rows::grants::{self, GrantRow};
use store::rows::sessions as session_rows;
use store::{BadRow, Tx};

use crate::client_request::Authenticated;
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::exchange_token::{self as tokens, Given, Outcome};
use crate::log::{self, Act, Kind};
use crate::sessions::Login;
use crate::{authorize, clients};

/// What a person is asked.
#[derive(Debug)]
pub struct Question {
    /// As it is kept.
    pub row: DeferredRow,
    /// Who asks.
    pub client: Arc<Client>,
    /// For what.
    pub asked: Asked,
}

impl Question {
    /// The question that `row` keeps; `None` when nobody may answer it any more: it is too late, it has been answered, or the
    /// application is out of use.
    pub(crate) async fn open(env: &Env, now: Timestamp, row: DeferredRow) -> Result<Option<Self>, Fault> {
        if row.answer.is_some() || row.expires <= now {
            return Ok(None);
        }
        let client = match row.client_id.parse() {
            Ok(id) => clients::lookup(env, now, &id).await?.filter(|client| client.enabled),
            Err(_) => None,
        };
        let Some(client) = client else { return Ok(None) };
        let asked = serde_json::from_str(&row.asked)
            .map_err(|e| BadRow::new("deferred_request", "asked", row.id, e))?;
        Ok(Some(Self { row, client, asked }))
    }
}

/// The person of `login` says yes.
pub(crate) async fn allow(
    env: &Env,
    now: Timestamp,
    login: &Login,
    question: &Question,
) -> Result<(), Failure> {
    let Question { row, client, asked } = question;
    let grant = grant_for(env, now, question, login)?;
    let mut tx = env.db.begin().await?;
    if !session_rows::hold(&mut tx, login.session.id, env.settings.sessions.live_at(now), grant.expires)
        .await?
    {
        // Ended between the answer's arrival and here: no grant may outlive the logout. Held until the commit, so that one that comes now
        // finds the grant.
        return Err(Rejected::forbidden("not_logged_in", "the login ended meanwhile: log in again").into());
    }
    // The consent first, then the question and the grant: in this order everybody holds them.
    authorize::remember(&mut tx, now, login, client, &asked.scope).await?;
    grants::add(&mut tx, &grant).await?;
    if !rows::answer(&mut tx, row.id, Answer::Allowed, Some(grant.id), now).await? {
        return Err(answered());
    }
    let detail =
        json!({ "client": client.id.as_str(), "scope": asked.scope.to_string(), "channel": row.channel });
    let (actor, subject) = (login.account.id.to_string(), row.id.to_string());
    log::write(
        env,
        &mut tx,
        now,
        Act { kind: Kind::RequestAllowed, actor: &actor, subject: &subject, detail },
    )
    .await?;
    // COMMIT POINT: the answer, the grant, what the person sees of it under their account, and the leaf.
    tx.commit().await?;
    Ok(())
}

/// The person says no.
pub(crate) async fn deny(env: &Env, now: Timestamp, question: &Question) -> Result<(), Failure> {
    let mut tx = env.db.begin().await?;
    if !rows::answer(&mut tx, question.row.id, Answer::Denied, None, now).await? {
        return Err(answered());
    }
    // COMMIT POINT: the answer.
    tx.commit().await?;
    Ok(())
}

fn answered() -> Failure {
    Rejected::conflict("already_answered", "this request was answered before, or its time is over").into()
}

fn grant_for(env: &Env, now: Timestamp, question: &Question, login: &Login) -> Result<GrantRow, Fault> {
    let Question { client, asked, .. } = question;
    let details = &asked.authorization_details;
    Ok(GrantRow {
        id: Id::<Grant>::new(now, env.entropy.as_ref()),
        client_id: client.id.as_str().to_owned(),
        account: login.account.id,
        session: login.session.id,
        scopes: asked.scope.iter().map(str::to_owned).collect(),
        resources: asked.resources.clone(),
        nonce: None,
        acr: login.session.acr.clone(),
        amr: login.session.amr.clone(),
        authenticated: login.session.authenticated,
        created: now,
        expires: authorize::grant_expires(&asked.scope, login, now),
        revoked: None,
        claims: None,
        authorization_details: if details.is_empty() { None } else { Some(serde_json::to_string(details)?) },
        confirmation: None,
        elsewhere: true,
    })
}

/// The token endpoint: whether the person has answered yet, and the tokens once.
///
/// A code that is shown again after its tokens were fetched takes everything back, as an authorization code does: one of the two was
/// a thief (RFC 6749, 4.1.2).
pub(crate) async fn redeem(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
    channel: Channel,
    code: &str,
    details: Option<&Details>,
) -> Outcome {
    let client = &sender.client;
    let recipient = tokens::recipient_of(env, now, client).await?;
    let mut tx = env.db.begin().await?;
    let row = rows::find_by_code(&mut tx, &gm::sm3::hash(code.as_bytes())).await?;
    let row = row.ok_or_else(rules::refused)?;
    sender.record(&mut tx).await?;
    let own = channel_of(&row)?;
    let standing = match row.answer {
        None => Standing::Pending,
        Some(Answer::Allowed) => Standing::Allowed,
        Some(Answer::Denied) => Standing::Denied,
    };
    let kept = Kept { channel: own, client_id: &row.client_id, expires: row.expires, standing };
    let waits = rules::check_poll(&kept, channel, client, now)? == Poll::Wait;
    let Some(grant) = row.grant.filter(|_| !waits) else { return Err(wait(tx, &row, now).await) };
    let grant = tokens::grant_of(&mut tx, grant).await?;
    let given =
        Given { scope: tokens::scope_of(&grant)?, details: narrowed(tokens::details_of(&grant)?, details)? };
    if !rows::consume(&mut tx, row.id, now).await? {
        return Err(tokens::replayed(env, tx, &grant, now, rules::refused()).await);
    }
    if !tokens::still_stands(env, &mut tx, &grant, now).await? {
        return Err(rules::refused().into());
    }
    if let Some(bound_to) = sender.bound_to.some().filter(|_| !client.is_confidential()) {
        // A public client has nothing but its key or its certificate to be known by (RFC 9449, 5; RFC 8705, 4).
        grants::confirm(&mut tx, grant.id, &bound_to.to_string()).await?;
    }
    let refresh = tokens::first_refresh(env, &mut tx, client, &grant, now).await?;
    // COMMIT POINT: the code is used up and its successor exists. A crash after it costs the person one more answer.
    tx.commit().await?;
    let mut response = tokens::persons_tokens(env, now, sender, &recipient, &grant, given).await?;
    response.refresh_token = refresh;
    Ok(response)
}

async fn wait(mut tx: Tx, row: &DeferredRow, now: Timestamp) -> Failure<OauthError> {
    let noted = async {
        let in_time = rows::poll(&mut tx, row.id, now).await?;
        if !in_time {
            rows::slow_down(&mut tx, row.id, SLOW_DOWN_SECONDS, now).await?;
        }
        // COMMIT POINT: when the client asked, and how long it must wait.
        tx.commit().await?;
        Ok::<_, store::StoreError>(in_time)
    };
    match noted.await {
        Ok(true) => rules::pending().into(),
        Ok(false) => rules::slow_down().into(),
        Err(error) => error.into(),
    }
}

fn channel_of(row: &DeferredRow) -> Result<Channel, Fault> {
    Channel::parse(&row.channel)
        .ok_or_else(|| BadRow::new("deferred_request", "channel", row.id, &row.channel).into())
}
