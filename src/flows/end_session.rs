//! Ending the session at an application's request (OIDC RP-Initiated Logout 1.0).

use std::sync::Arc;

use base::Timestamp;
use jose::{Algorithm, Audience, Expect, Type};
use oidc::lifetimes::ID_TOKEN_HINT_MAX_AGE_SECONDS;
use oidc::logout::{Current, EndSessionRequest, Hint, LogoutPlan, LogoutRefused};
use oidc::{Client, ClientId, Params};

use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::sessions::{self, Login};
use crate::{clients, subjects};

/// What the browser is to be shown next.
#[derive(Debug)]
pub enum Step {
    /// Ask the person: anyone could have sent the browser here. The form carries the request back.
    Confirm {
        /// The application that asks, if one is named.
        client: Option<Arc<Client>>,
        /// Where the browser will be sent afterwards.
        redirect: Option<String>,
    },
    /// The session is over; go there, or show that it is over.
    Done {
        /// Where to.
        redirect: Option<String>,
        /// Applications' pages that the browser must load first (OIDC Front-Channel Logout 1.0, 3).
        front_channel: Vec<String>,
    },
}

/// Whom a verified `id_token_hint` names.
pub(crate) struct Hinted {
    pub client_id: ClientId,
    pub subject: String,
    pub session: Option<String>,
}

/// A logout request, form-encoded in query or body; `confirmed` when the person has said yes on our own page.
///
/// `login` is the one of this browser, also when it is over by itself: applications may still be in it, and what hangs from it may go on.
pub async fn end_session(
    env: &Env,
    now: Timestamp,
    encoded: &[u8],
    login: Option<&Login>,
    confirmed: bool,
) -> Result<Step, Failure> {
    let params =
        Params::parse(encoded).map_err(|e| Rejected::bad_request("invalid_request", e.to_string()))?;
    let request = EndSessionRequest::parse(&params);
    let hint = match &request.id_token_hint {
        None => Hint::Absent,
        Some(token) => hinted(env, now, token).map_or(Hint::Invalid, |h| Hint::Valid {
            client_id: h.client_id,
            subject: h.subject,
            session: h.session,
        }),
    };
    let (plan, client) = plan(env, now, &request, &hint, login).await?;
    let over = |front_channel| Step::Done { redirect: plan.redirect.clone(), front_channel };
    let Some(login) = login else { return Ok(over(Vec::new())) };
    if plan.confirm && !confirmed {
        return Ok(Step::Confirm { client, redirect: plan.redirect });
    }
    let session = login.session.id;
    let mut tx = env.db.begin().await?;
    let Some(ended) = sessions::end_in(env, &mut tx, now, login.account.id, session).await? else {
        return Ok(over(Vec::new()));
    };
    // COMMIT POINT: session, every token that came from it, and the notices to those who must know.
    tx.commit().await?;
    ended.note(env, now);
    let address = |client: &Arc<Client>| {
        let sid = subjects::session(env, client, session);
        client.front_channel.as_ref().map(|channel| channel.address(&env.settings.issuer, &sid))
    };
    Ok(over(ended.front_channel.iter().filter_map(address).collect()))
}

async fn plan(
    env: &Env,
    now: Timestamp,
    request: &EndSessionRequest,
    hint: &Hint,
    login: Option<&Login>,
) -> Result<(LogoutPlan, Option<Arc<Client>>), Failure> {
    let refused = |e: LogoutRefused| Rejected::bad_request("invalid_logout", e.to_string());
    let client_id = request.client_id(hint).map_err(refused)?;
    let client = match client_id.and_then(|id| id.parse::<ClientId>().ok()) {
        Some(id) => clients::lookup(env, now, &id).await?,
        None => None,
    };
    // As the client of the hint knows them.
    let current = login.map(|login| match &client {
        Some(client) => {
            (subjects::session(env, client, login.session.id), subjects::of(env, client, login.account.id))
        }
        None => (login.session.id.to_string(), login.account.id.to_string()),
    });
    let current = current.as_ref().map(|(session, subject)| Current { session, subject });
    let plan = request.plan(hint, client.as_deref(), current).map_err(refused)?;
    Ok((plan, client))
}

/// Whom an ID token of ours names; it may have expired, but not too long ago.
pub(crate) fn hinted(env: &Env, now: Timestamp, token: &str) -> Result<Hinted, Fault> {
    let expect = Expect {
        typ: Type::Plain,
        issuer: env.settings.issuer.as_str(),
        audience: Audience::Any,
        now,
        leeway_seconds: 5,
        ahead_seconds: 5,
        algorithms: &Algorithm::ALL,
    };
    let not_ours = || Fault::message("not an ID token of ours");
    let keyring = env.keyring();
    let verified = keyring.hints().verify_ignoring_expiry(token, &expect).map_err(|_| not_ours())?;
    let expired = verified.time("exp").ok_or_else(not_ours)?;
    if expired.plus_seconds(ID_TOKEN_HINT_MAX_AGE_SECONDS) < now {
        return Err(not_ours());
    }
    Ok(Hinted {
        client_id: verified.text("aud").and_then(|aud| aud.parse().ok()).ok_or_else(not_ours)?,
        subject: verified.text("sub").ok_or_else(not_ours)?.to_owned(),
        session: verified.text("sid").map(str::to_owned),
    })
}
