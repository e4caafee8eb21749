//! Token exchange (RFC 8693): who was called for a person calls the next one for them, under a token that says so.
//!
//! The new token hangs from the person's grant as the old one does, and its `jti` begins with the old one's: it ends with either.
//! Delegation writes nothing. A token that does not say who acts is for policies to permit, and is in the log before it is given.

use std::sync::Arc;

use base::id::Account;
use base::{Id, Timestamp};
use jose::{Algorithm, Audience, Expect, Type};
use oidc::claims::{AccessTokenClaims, LogIn};
use oidc::details::{self, Details};
use oidc::exchange::{self as rules, ACTORS_MAX_COUNT, Actor, ExchangeRequest, TokenType};
use oidc::token::TokenResponse;
use oidc::{OauthError, Scope};
use serde_json::{Map, Value, json};
use store::rows::grants::{self, GrantRow};

use crate::caller::Caller;
use crate::client_request::Authenticated;
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::exchange_token::{self as grants_of, Outcome};
use crate::introspect::concerns;
use crate::log::{self, Act, Kind};
use crate::tokens::Known;
use crate::{decide, subjects, tokens};

/// How far clocks may be apart.
const LEEWAY_SECONDS: i64 = 5;

/// The person for whom something is done, as their token says.
struct Subject {
    account: Id<Account>,
    grant: GrantRow,
    scope: Scope,
    details: Details,
    expires: Timestamp,
    /// What the new token's identifier begins with.
    origin: String,
    claims: Map<String, Value>,
}

/// Exchanges the token that the request names.
pub(crate) async fn delegate(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
    request: &ExchangeRequest,
) -> Outcome {
    let client = &sender.client;
    let subject = match request.subject_type {
        TokenType::Access => by_access_token(env, now, sender, request.subject_token.expose()).await?,
        TokenType::Id => by_id_token(env, now, sender, request.subject_token.expose()).await?,
    };
    let actor = match &request.actor_token {
        Some(token) => actor(env, now, sender, token.expose()).await?,
        None => itself(sender),
    };
    let acts = actor.actor();
    rules::check_may_act(&subject.claims, &acts, client, &env.settings.issuer)?;
    if exchanges_count(&subject.origin) >= ACTORS_MAX_COUNT {
        return Err(rules::too_deep().into());
    }
    let action = if request.impersonates { "impersonate" } else { "delegate" };
    permitted(env, now, &actor, action, subject.account).await?;
    let scope = rules::scope(&subject.scope, client, request.scope.as_ref())?;
    let details = details::of_client(subject.details.clone(), client);
    let details = details::narrowed(details, request.authorization_details.as_ref())?;
    let jti = format!("{}.{}", subject.origin, random(env));
    let act = if request.impersonates {
        write_down(env, now, &acts, &subject, client, &request.audiences, &jti).await?;
        None
    } else {
        Some(rules::delegate(&acts, &subject.claims)?)
    };
    sign(env, now, sender, &subject, Given { scope, details, audiences: &request.audiences, jti: &jti, act })
        .await
}

/// What the new token says, beside of whom.
struct Given<'a> {
    scope: Scope,
    details: Details,
    audiences: &'a [String],
    jti: &'a str,
    act: Option<Actor>,
}

async fn sign(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
    subject: &Subject,
    given: Given<'_>,
) -> Outcome {
    let client = &sender.client;
    let grant = &subject.grant;
    let lives = rules::lifetime(subject.expires, now);
    let (person, session) =
        (subjects::of(env, client, grant.account), subjects::session(env, client, grant.session));
    let amr: Vec<&str> = grant.amr.iter().map(String::as_str).collect();
    let log_in = LogIn { at: grant.authenticated, acr: &grant.acr, amr: &amr, sid: &session };
    let Given { scope, details, audiences, jti, act } = given;
    let claims = AccessTokenClaims {
        exp: now.plus_seconds(lives).unix_seconds(),
        cnf: sender.bound_to.some(),
        act: act.as_ref(),
        authorization_details: &details,
        ..AccessTokenClaims::new(&env.settings.issuer, &client.id, audiences, &scope, jti, now)
    };
    let token = tokens::issue(env, client, &claims.on_behalf_of(&person, log_in)).await?;
    let response = TokenResponse::bearer(token, scope).bound(sender.bound_to.jkt.is_some());
    Ok(TokenResponse {
        expires_in: lives,
        issued_token_type: Some(rules::ACCESS_TOKEN),
        authorization_details: details,
        ..response
    })
}

/// The person of an access token that was given to this client, or that is for it.
async fn by_access_token(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
    token: &str,
) -> Result<Subject, Failure<OauthError>> {
    let known = tokens::read_for_anyone(env, now, token).await?.ok_or_else(rules::subject_refused)?;
    let client = &sender.client;
    // Whom the token was given to proves its key; whom it is for has seen the proof, and has none of its own (RFC 9449, 7).
    let is_own = known.caller.client_id == client.id.as_str();
    if !concerns(client, env.settings.issuer.as_str(), &known.caller.client_id, known.claims.get("aud"))
        || (is_own && !proves(sender, &known))
    {
        return Err(rules::subject_refused().into());
    }
    let (Some(account), Some(grant)) = (known.caller.account, known.caller.grant) else {
        return Err(rules::subject_refused().into());
    };
    let grant =
        grants::lookup(&mut *env.db.read().await?, grant).await?.ok_or_else(rules::subject_refused)?;
    let subject = Subject {
        account,
        grant,
        scope: known.caller.scope.clone(),
        details: details_in(&known.claims).ok_or_else(rules::subject_refused)?,
        expires: known.expires,
        origin: known.jti.clone(),
        claims: known.claims.clone(),
    };
    standing(env, now, subject).await
}

/// What an access token allows in detail; `None` when that cannot be read.
fn details_in(claims: &Map<String, Value>) -> Option<Details> {
    let Some(details) = claims.get("authorization_details") else { return Some(Details::new()) };
    serde_json::from_value(details.clone()).ok()
}

/// The person of an ID token that was given to this client: what the client was given with it is what there is to exchange.
async fn by_id_token(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
    token: &str,
) -> Result<Subject, Failure<OauthError>> {
    let client = &sender.client;
    let expect = Expect {
        typ: Type::Plain,
        issuer: env.settings.issuer.as_str(),
        audience: Audience::Includes(client.id.as_str()),
        now,
        leeway_seconds: LEEWAY_SECONDS,
        ahead_seconds: LEEWAY_SECONDS,
        algorithms: &Algorithm::ALL,
    };
    let verified = env.keyring().verification().verify(token, &expect).map_err(|rejected| {
        tracing::info!(reason = %rejected.reason(), "an ID token to be exchanged was refused");
        rules::subject_refused()
    })?;
    let subject = verified.text("sub").ok_or_else(rules::subject_refused)?;
    let session = verified.text("sid").and_then(|sid| subjects::session_known_as(env, client, sid));
    let session = session.ok_or_else(rules::subject_refused)?;
    let expires = verified.time("exp").ok_or_else(rules::subject_refused)?;
    let mut conn = env.db.read().await?;
    let latest = grants::latest(&mut conn, session, client.id.as_str()).await?;
    drop(conn);
    let grant = latest
        .filter(|grant| subjects::of(env, client, grant.account) == subject)
        .ok_or_else(rules::subject_refused)?;
    let scope = grants_of::scope_of(&grant)?;
    let subject = Subject {
        account: grant.account,
        scope,
        details: grants_of::details_of(&grant)?,
        expires,
        origin: grant.id.to_string(),
        grant,
        claims: verified.claims,
    };
    standing(env, now, subject).await
}

/// `subject`, if its grant, its login and its account are good now.
async fn standing(env: &Env, now: Timestamp, subject: Subject) -> Result<Subject, Failure<OauthError>> {
    let stands = grants_of::still_stands(env, &mut *env.db.read().await?, &subject.grant, now).await?;
    // Between its end and the end of what clocks may be apart, a token is taken but nothing is made of it.
    if stands && subject.expires > now { Ok(subject) } else { Err(rules::subject_refused().into()) }
}

/// Who acts, by an access token that was given to this client.
async fn actor(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
    token: &str,
) -> Result<Caller, Failure<OauthError>> {
    let known: Option<Arc<Known>> = tokens::read_for_anyone(env, now, token).await?;
    let known = known.filter(|known| known.caller.client_id == sender.client.id.as_str());
    let known = known.filter(|known| proves(sender, known));
    Ok(known.ok_or_else(rules::actor_refused)?.caller.clone())
}

/// The client acts itself.
fn itself(sender: &Authenticated) -> Caller {
    Caller {
        client_id: sender.client.id.as_str().to_owned(),
        account: None,
        scope: Scope::default(),
        acr: None,
        authenticated: None,
        grant: None,
        proves_key: false,
    }
}

/// Whether the sender proved what the token is bound to, if it is.
fn proves(sender: &Authenticated, known: &Known) -> bool {
    known.confirmation.check(&sender.shown()).is_ok()
}

async fn permitted(
    env: &Env,
    now: Timestamp,
    actor: &Caller,
    action: &str,
    account: Id<Account>,
) -> Result<(), Failure<OauthError>> {
    let decided = decide::require(env, now, actor, action, "account", &account.to_string()).await;
    decided.map_err(|failure| match failure {
        // The explanation comes in both languages; OAuth knows ASCII only.
        Failure::Rejected(Rejected { message, .. }) => {
            rules::not_permitted(message.split(" / ").next().unwrap_or_default()).into()
        }
        Failure::Fault(fault) => fault.into(),
    })
}

async fn write_down(
    env: &Env,
    now: Timestamp,
    actor: &str,
    subject: &Subject,
    client: &oidc::Client,
    audiences: &[String],
    jti: &str,
) -> Result<(), Fault> {
    let detail = json!({ "client": client.id.as_str(), "audiences": audiences, "jti": jti });
    let (kind, account) = (Kind::Impersonated, subject.account.to_string());
    let mut tx = env.db.begin().await?;
    log::write(env, &mut tx, now, Act { kind, actor, subject: &account, detail }).await?;
    // COMMIT POINT: a token that does not say who acts is given only once the log says it.
    Ok(tx.commit().await?)
}

/// How often what this identifier names was exchanged: each time it grew by one part; the grant and the first token are two.
fn exchanges_count(origin: &str) -> usize {
    origin.split('.').count().saturating_sub(2)
}

fn random(env: &Env) -> String {
    base::encoding::base64url(&base::entropy::bytes::<16>(env.entropy.as_ref()))
}
