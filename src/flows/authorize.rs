//! The authorization endpoint: from a request to the next page or the answer.
//!
//! Nothing is stored for a request that nobody has answered. What must survive the login and consent pages travels with them
//! as a sealed ticket: any number of tabs can be open, and a stranger can fill no table.

use base::encoding::{base64url, from_base64url, same_bytes};
use base::id::{Grant, Session};
use base::{Id, Timestamp};
use oidc::authorize::interaction::{Consented, LoggedIn, Next, Situation, next};
use oidc::authorize::{self as rules, AuthorizationRequest, PageError, RedirectError, Refusal};
use oidc::client::GrantType;
use oidc::lifetimes::{CODE_TTL_SECONDS, INTERACTION_TTL_SECONDS, REFRESH_ABSOLUTE_SECONDS};
use oidc::{Client, ErrorCode, OauthError, Scope};
use serde::{Deserialize, Serialize};
use store::rows::clients as consents;
use store::rows::grants::{self, CodeRow, GrantRow};

use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::sessions::Login;
use crate::{clients, end_session, sessions};

/// What the browser is to be shown next.
#[derive(Debug)]
pub enum Step {
    /// The login page; its form carries the ticket back.
    LogIn {
        /// The sealed request.
        ticket: String,
        /// Who asks.
        client: Client,
        /// Who is probably about to log in.
        login_hint: Option<String>,
        /// Where the browser will be sent at the end.
        redirect_uri: String,
    },
    /// The consent page; its form carries the ticket back.
    Consent {
        /// The sealed request.
        ticket: String,
        /// Who asks.
        client: Client,
        /// What is asked.
        scope: Scope,
        /// Where the browser will be sent at the end.
        redirect_uri: String,
    },
    /// Go there: the answer to the application.
    Redirect(String),
}

#[derive(Serialize, Deserialize)]
struct Ticket {
    request: AuthorizationRequest,
    started_us: Timestamp,
}

/// A new request, form-encoded in query or body.
///
/// A refusal that must not be redirected is the `Err`; one that the application may hear is a [`Step::Redirect`].
pub async fn begin(
    env: &Env,
    now: Timestamp,
    encoded: &[u8],
    login: Option<&Login>,
) -> Result<Step, Failure<PageError>> {
    let params = rules::parse(encoded).map_err(Failure::Rejected)?;
    let id = rules::client_id(&params).map_err(Failure::Rejected)?;
    let client = clients::lookup(&mut *env.db.read().await?, &id).await?;
    match (rules::check(&params, client.as_ref(), &env.settings.issuer), client) {
        (Ok(request), Some(client)) => {
            Ok(proceed(env, now, Ticket { request, started_us: now }, client, login).await?)
        }
        (Err(Refusal::Redirect(refusal)), _) => Ok(redirect(&refusal)),
        (Err(Refusal::Page(page)), _) => Err(Failure::Rejected(page)),
        (Ok(_), None) => Err(Fault::message("a request passed the checks without a client").into()),
    }
}

/// A request that was at the login page.
pub async fn resume(env: &Env, now: Timestamp, ticket: &str, login: Option<&Login>) -> Result<Step, Failure> {
    let (ticket, client) = open(env, now, ticket).await?;
    Ok(proceed(env, now, ticket, client, login).await?)
}

/// The person at the consent page said yes.
pub async fn allow(env: &Env, now: Timestamp, ticket: &str, login: &Login) -> Result<Step, Failure> {
    let (ticket, client) = open(env, now, ticket).await?;
    let mut allowed: Vec<String> = ticket.request.scope.iter().map(str::to_owned).collect();
    let mut tx = env.db.begin().await?;
    let before = consents::lookup_consent(&mut tx, login.account.id, client.id.as_str()).await?;
    let before = before.map(|c| c.scopes).unwrap_or_default();
    allowed.extend(before.into_iter().filter(|scope| !ticket.request.scope.contains(scope)));
    consents::allow(&mut tx, login.account.id, client.id.as_str(), &allowed, now).await?;
    tx.commit().await?;
    Ok(proceed(env, now, ticket, client, Some(login)).await?)
}

/// The person at the consent page said no.
pub async fn deny(env: &Env, now: Timestamp, ticket: &str) -> Result<Step, Failure> {
    let (ticket, _) = open(env, now, ticket).await?;
    let refusal = ticket.request.refuse(&env.settings.issuer, ErrorCode::AccessDenied, "the person said no");
    Ok(redirect(&refusal))
}

/// The login page again, for a try that failed as `user_name`.
pub async fn login_step(env: &Env, now: Timestamp, ticket: &str, user_name: &str) -> Result<Step, Failure> {
    let (opened, client) = open(env, now, ticket).await?;
    let request = AuthorizationRequest { login_hint: Some(user_name.to_owned()), ..opened.request };
    Ok(login_page(ticket.to_owned(), client, request))
}

fn login_page(ticket: String, client: Client, request: AuthorizationRequest) -> Step {
    Step::LogIn { ticket, client, login_hint: request.login_hint, redirect_uri: request.redirect_uri }
}

async fn proceed(
    env: &Env,
    now: Timestamp,
    ticket: Ticket,
    client: Client,
    login: Option<&Login>,
) -> Result<Step, Fault> {
    let request = &ticket.request;
    let subject = login.map(|l| l.account.id.to_string());
    let consent = match login {
        Some(login) => {
            consents::lookup_consent(&mut *env.db.read().await?, login.account.id, client.id.as_str()).await?
        }
        None => None,
    };
    let allowed = consent.as_ref().map(|c| c.scopes.join(" ").parse::<Scope>().unwrap_or_default());
    let hinted = request.id_token_hint.as_deref().map(|hint| end_session::hinted(env, now, hint));
    let hinted = match hinted.transpose() {
        Ok(hinted) => hinted,
        Err(_) => {
            let description = "id_token_hint is not an ID token of this issuer: send one it issued, or none";
            return Ok(redirect(&request.refuse(
                &env.settings.issuer,
                ErrorCode::InvalidRequest,
                description,
            )));
        }
    };
    let situation = Situation {
        started: ticket.started_us,
        now,
        logged_in: login
            .zip(subject.as_deref())
            .map(|(l, subject)| LoggedIn { subject, at: l.session.authenticated }),
        consented: allowed
            .as_ref()
            .zip(consent.as_ref())
            .map(|(scope, c)| Consented { scope, at: c.granted }),
        hinted_subject: hinted.as_ref().map(|h| h.subject.as_str()),
    };
    match (next(request, &client, &situation), login) {
        (Err(error), _) => Ok(redirect(&refuse(env, request, error))),
        (Ok(Next::Answer), Some(login)) => answer(env, now, request, &client, login).await,
        (Ok(Next::Consent), Some(_)) => {
            let (ticket, request) = (seal(env, &ticket)?, ticket.request);
            Ok(Step::Consent { ticket, client, scope: request.scope, redirect_uri: request.redirect_uri })
        }
        (Ok(_), _) => Ok(login_page(seal(env, &ticket)?, client, ticket.request)),
    }
}

/// Makes the grant and its one-time code.
async fn answer(
    env: &Env,
    now: Timestamp,
    request: &AuthorizationRequest,
    client: &Client,
    login: &Login,
) -> Result<Step, Fault> {
    let code = base::entropy::token(env.entropy.as_ref());
    let grant = grant_for(env, now, request, client, login);
    let row = CodeRow {
        grant: grant.id,
        redirect_uri: request.redirect_uri.clone(),
        code_challenge: request.code_challenge.as_str().to_owned(),
        expires: now.plus_seconds(CODE_TTL_SECONDS),
        consumed: None,
    };
    let mut tx = env.db.begin().await?;
    if !sessions::is_live(&mut tx, login.session.id, now).await? {
        // Ended between the request's arrival and here: no grant may outlive the logout.
        let ended = "the login ended meanwhile: send the request again";
        return Ok(redirect(&request.refuse(&env.settings.issuer, ErrorCode::LoginRequired, ended)));
    }
    grants::add(&mut tx, &grant).await?;
    grants::add_code(&mut tx, &gm::sm3::hash(code.as_bytes()), &row).await?;
    // COMMIT POINT: only now does the browser carry the code away.
    tx.commit().await?;
    Ok(Step::Redirect(rules::code_response_url(request, &code, &env.settings.issuer)))
}

fn grant_for(
    env: &Env,
    now: Timestamp,
    request: &AuthorizationRequest,
    client: &Client,
    login: &Login,
) -> GrantRow {
    let session: Id<Session> = login.session.id;
    let lives = if client.may_use(GrantType::RefreshToken) {
        now.plus_seconds(REFRESH_ABSOLUTE_SECONDS)
    } else {
        login.session.expires
    };
    GrantRow {
        id: Id::<Grant>::new(now, env.entropy.as_ref()),
        client_id: request.client_id.as_str().to_owned(),
        account: login.account.id,
        session,
        scopes: request.scope.iter().map(str::to_owned).collect(),
        resources: request.resources.clone(),
        nonce: request.nonce.clone(),
        acr: login.session.acr.clone(),
        amr: login.session.amr.clone(),
        authenticated: login.session.authenticated,
        created: now,
        expires: lives,
        revoked: None,
    }
}

fn refuse(env: &Env, request: &AuthorizationRequest, error: OauthError) -> RedirectError {
    RedirectError {
        redirect_uri: request.redirect_uri.clone(),
        error,
        state: request.state.clone(),
        iss: env.settings.issuer.clone(),
    }
}

fn redirect(refusal: &RedirectError) -> Step {
    Step::Redirect(rules::error_response_url(refusal))
}

fn seal(env: &Env, ticket: &Ticket) -> Result<String, Fault> {
    let body = base64url(&serde_json::to_vec(ticket)?);
    let mac = base64url(&mac(env, &body));
    Ok(format!("{body}.{mac}"))
}

async fn open(env: &Env, now: Timestamp, text: &str) -> Result<(Ticket, Client), Failure> {
    let ticket = unseal(env, text).ok_or_else(|| {
        Rejected::bad_request(
            "bad_ticket",
            "this page does not belong to a login: start again at the application",
        )
    })?;
    if ticket.started_us.plus_seconds(INTERACTION_TTL_SECONDS) < now {
        let message = "this page has been open for too long: start again at the application";
        return Err(Rejected::bad_request("expired_ticket", message).into());
    }
    let client = clients::lookup(&mut *env.db.read().await?, &ticket.request.client_id).await?;
    let client = client.filter(|c| c.enabled).ok_or_else(|| {
        let id = &ticket.request.client_id;
        Rejected::bad_request("unknown_client", format!("application `{id}` may no longer be used"))
    })?;
    if !client.has_redirect_uri(&ticket.request.redirect_uri) {
        let message =
            "the application no longer takes answers at this address: start again at the application";
        return Err(Rejected::bad_request("unknown_redirect_uri", message).into());
    }
    Ok((ticket, client))
}

fn unseal(env: &Env, text: &str) -> Option<Ticket> {
    let (body, shown) = text.split_once('.')?;
    let shown = from_base64url(shown)?;
    if !same_bytes(&mac(env, body), &shown) {
        return None;
    }
    serde_json::from_slice(&from_base64url(body)?).ok()
}

fn mac(env: &Env, body: &str) -> [u8; 32] {
    gm::hmac::hmac_sm3(env.secrets.forms.expose(), &[b"ticket", &[0], body.as_bytes()])
}
