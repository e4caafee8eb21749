//! The authorization endpoint: from a request to the next page or the answer.
//!
//! Nothing is stored for a request that nobody has answered. What must survive the login and consent pages travels with them
//! as a sealed ticket: any number of tabs can be open, and a stranger can fill no table.

use std::sync::Arc;

use base::encoding::{base64url, from_base64url, same_bytes};
use base::id::{Account, Grant};
use base::{Id, Timestamp};
use identity::Assurance;
use oidc::authorize::interaction::{Consented, LoggedIn, Next, Situation, lacks_acr, next};
use oidc::authorize::{
    self as rules, AuthorizationRequest, AuthorizationResponse, Delivery, PageError, REQUEST_URI_PREFIX,
    RedirectError, Refusal, ResponseMode, Source, Via,
};
use oidc::claims::ID_TOKEN_TYP;
use oidc::lifetimes::{CODE_TTL_SECONDS, INTERACTION_TTL_SECONDS, REFRESH_ABSOLUTE_SECONDS};
use oidc::scope::OFFLINE_ACCESS;
use oidc::{Client, ErrorCode, Params, Scope};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::Tx;
use store::rows::clients as consents;
use store::rows::grants::{self, CodeRow, GrantRow};
use store::rows::{once, sessions as session_rows};

use crate::encryption::{self, Recipient};
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::sessions::Login;
use crate::{
    clients, end_session, exchange_token, metadata_documents, push_request, request_objects, session_state,
    subjects,
};

/// What the browser is to be shown next.
#[derive(Debug)]
pub enum Step {
    /// The login page; its form carries the ticket back.
    LogIn {
        /// The sealed request.
        ticket: String,
        /// Who asks.
        client: Arc<Client>,
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
        client: Arc<Client>,
        /// What is asked.
        scope: Scope,
        /// What is asked in detail (RFC 9396).
        authorization_details: Vec<Map<String, Value>>,
        /// Where the browser will be sent at the end.
        redirect_uri: String,
    },
    /// The answer goes to the application.
    Answer(Delivery),
    /// The answer is a refusal, and goes to a stranger only when the person goes there (RFC 9700, 4.11.2).
    Leave {
        /// The answer.
        to: Delivery,
        /// Whose it is.
        client: Arc<Client>,
        /// Where it leads.
        redirect_uri: String,
    },
}

/// A request on its way through the pages.
struct Pending {
    request: AuthorizationRequest,
    started: Timestamp,
    /// The hash of its name, when it was pushed.
    pushed: Option<[u8; 32]>,
    /// What the application was when the person was asked about it, when this is the answer of a consent page.
    asked_about: Option<String>,
    /// Whether the person has just said yes to it. Never part of a ticket: a ticket can be shown by anybody, at any time.
    allowed_here: bool,
}

/// What travels with the pages: the request itself, or the hash of the name under which it is kept.
#[derive(Serialize, Deserialize)]
struct Ticket {
    #[serde(flatten)]
    what: What,
    started_us: Timestamp,
    /// On a consent page what the application was when it was shown ([`Client::yes_to`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_about: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Request(Box<AuthorizationRequest>),
    Pushed([u8; 32]),
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
    let client = clients::current(env, now, &id).await.map_err(|failure| match failure {
        Failure::Rejected(bad) => {
            Failure::Rejected(PageError::Document { client_id: id.to_string(), why: bad.to_string() })
        }
        Failure::Fault(fault) => Failure::Fault(fault),
    })?;
    let read = read(env, now, &params, client.as_deref()).await;
    match (read, client) {
        (Ok((request, pushed)), Some(client)) => {
            let pending = Pending { request, started: now, pushed, asked_about: None, allowed_here: false };
            Ok(proceed(env, now, pending, client, login).await?)
        }
        (Err(Failure::Rejected(Refusal::Redirect(refusal))), Some(client)) => {
            let known = knows(env, login, &client).await?;
            Ok(refuse(env, now, &client, &refusal, known).await?)
        }
        (Err(Failure::Rejected(Refusal::Redirect(_))), None) | (Ok(_), None) => {
            Err(Fault::message("a request passed the checks without a client").into())
        }
        (Err(Failure::Rejected(Refusal::Page(page))), _) => Err(Failure::Rejected(page)),
        (Err(Failure::Fault(fault)), _) => Err(fault.into()),
    }
}

/// The request, from where its parameters are; and the hash of its name, when it was pushed.
async fn read(
    env: &Env,
    now: Timestamp,
    params: &Params,
    client: Option<&Client>,
) -> Result<(AuthorizationRequest, Option<[u8; 32]>), Failure<Refusal>> {
    let issuer = &env.settings.issuer;
    let page = |error: PageError| Failure::Rejected(Refusal::from(error));
    match (rules::source(params).map_err(page)?, client.filter(|client| client.enabled)) {
        (Source::Pushed(uri), Some(client)) => pushed(env, now, uri, client).await,
        (Source::Object(object), Some(client)) => {
            let inner = match request_objects::read(env, now, client, object).await {
                Ok(inner) => inner,
                Err(Failure::Rejected(error)) => {
                    return Err(Failure::Rejected(rules::refuse_object(params, client, error, issuer)));
                }
                Err(Failure::Fault(fault)) => return Err(fault.into()),
            };
            let via = Via { pushed: false, signed: true };
            let request = rules::check(&inner, Some(client), via, issuer).map_err(Failure::Rejected)?;
            Ok((request, None))
        }
        (_, client) => {
            let request = rules::check(params, client, Via::default(), issuer).map_err(Failure::Rejected)?;
            Ok((request, None))
        }
    }
}

/// The request that `client` pushed under this name (RFC 9126, 4), while it may be brought.
async fn pushed(
    env: &Env,
    now: Timestamp,
    uri: &str,
    client: &Client,
) -> Result<(AuthorizationRequest, Option<[u8; 32]>), Failure<Refusal>> {
    let refused = || Failure::Rejected(Refusal::from(PageError::RequestUri { received: uri.to_owned() }));
    let name = uri.strip_prefix(REQUEST_URI_PREFIX).ok_or_else(refused)?;
    let hash = push_request::name_hash(name);
    let row = once::lookup_pushed(&mut *env.db.read().await?, &hash).await?.ok_or_else(refused)?;
    if row.client_id != client.id.as_str() || row.consumed.is_some() || row.expires <= now {
        return Err(refused());
    }
    let request: AuthorizationRequest = serde_json::from_str(&row.request)?;
    // It may have been taken out of the registration since.
    let request = request.limited_to(client).ok_or_else(refused)?;
    Ok((request, Some(hash)))
}

/// A request that was at the login page.
pub async fn resume(env: &Env, now: Timestamp, ticket: &str, login: Option<&Login>) -> Result<Step, Failure> {
    let (pending, client) = open(env, now, ticket).await?;
    Ok(proceed(env, now, pending, client, login).await?)
}

/// The person at the consent page said yes.
///
/// `account` is whom the page was shown to. When the application is not any more what the page said of it, nothing was said to what it is now,
/// and the page is shown again: otherwise one that lies open would bring back what a change of the registration ended.
pub async fn allow(
    env: &Env,
    now: Timestamp,
    ticket: &str,
    login: &Login,
    account: Id<Account>,
) -> Result<Step, Failure> {
    let (mut pending, client) = open(env, now, ticket).await?;
    if account != login.account.id {
        let message =
            "this page was shown to somebody else who was logged in here: start again at the application";
        return Err(Rejected::bad_request("bad_ticket", message).into());
    }
    pending.allowed_here = true;
    let asked = asked_scope(&pending.request);
    let mut tx = env.db.begin().await?;
    metadata_documents::hold(env, &mut tx, now, &client).await?;
    // Held until the commit: a change that comes now finds the consent, and ends it.
    let is_as_shown = match clients::hold(env, &mut tx, &client).await? {
        Some(held) => pending.asked_about.as_deref() == Some(&*held.yes_to),
        None => false,
    };
    if !is_as_shown {
        drop(tx);
        env.clients.forget(client.id.as_str());
        return resume(env, now, ticket, Some(login)).await;
    }
    remember(&mut tx, now, login, &client, &asked).await?;
    // COMMIT POINT: what the person said yes to.
    tx.commit().await?;
    Ok(proceed(env, now, pending, client, Some(login)).await?)
}

/// Remembers that the person lets `client` have `asked`, beside what it was allowed before.
pub(crate) async fn remember(
    tx: &mut Tx,
    now: Timestamp,
    login: &Login,
    client: &Client,
    asked: &Scope,
) -> Result<(), Fault> {
    let mut allowed: Vec<String> = asked.iter().map(str::to_owned).collect();
    let before = consents::lookup_consent(tx, login.account.id, client.id.as_str()).await?;
    let before = before.map(|c| c.scopes).unwrap_or_default();
    allowed.extend(before.into_iter().filter(|scope| !asked.contains(scope)));
    Ok(consents::allow(tx, login.account.id, client.id.as_str(), &allowed, now).await?)
}

/// The person at the consent page said no.
pub async fn deny(env: &Env, now: Timestamp, ticket: &str) -> Result<Step, Failure> {
    let (pending, client) = open(env, now, ticket).await?;
    let refusal = pending.request.refuse(&env.settings.issuer, ErrorCode::AccessDenied, "the person said no");
    if let Some(name_hash) = &pending.pushed {
        let mut tx = env.db.begin().await?;
        once::consume_pushed(&mut tx, name_hash, now).await?;
        tx.commit().await?;
    }
    // Who says no has no wish to be taken there.
    Ok(refuse(env, now, &client, &refusal, false).await?)
}

/// Whether the person who is logged in allowed `client` something before, and so went to it of their own will.
async fn knows(env: &Env, login: Option<&Login>, client: &Client) -> Result<bool, Fault> {
    let Some(login) = login.filter(|_| !client.has_trusted_redirect_uris()) else { return Ok(false) };
    let mut conn = env.db.read().await?;
    Ok(consents::lookup_consent(&mut conn, login.account.id, client.id.as_str()).await?.is_some())
}

/// A refusal on its way: at once to an application that the province knows or the person does (`known`); to a stranger only when the person
/// goes there. A link to us must not be a way to anybody's page (RFC 9700, 4.11.2).
async fn refuse(
    env: &Env,
    now: Timestamp,
    client: &Arc<Client>,
    refusal: &RedirectError,
    known: bool,
) -> Result<Step, Fault> {
    match answer(env, now, client, AuthorizationResponse::error(refusal)).await? {
        Step::Answer(to) if !known && !client.has_trusted_redirect_uris() => {
            let redirect_uri = refusal.redirect_uri.clone();
            Ok(Step::Leave { to, client: Arc::clone(client), redirect_uri })
        }
        step => Ok(step),
    }
}

/// The login page again, for a try that failed as `user_name`.
pub async fn login_step(env: &Env, now: Timestamp, ticket: &str, user_name: &str) -> Result<Step, Failure> {
    let (opened, client) = open(env, now, ticket).await?;
    let request = AuthorizationRequest { login_hint: Some(user_name.to_owned()), ..opened.request };
    Ok(login_page(ticket.to_owned(), client, request))
}

/// What a request that waits at the login page asks of the login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginWish {
    /// The person is to authenticate again, whatever went before.
    pub again: bool,
    /// How long ago it may have been, in seconds.
    pub max_age_seconds: Option<i64>,
}

/// What the request in `ticket` asks of the login; `login` is the one that there is.
///
/// An authentication context that this one does not reach asks for one made now; with nobody logged in, one that not every login reaches. An
/// old one from elsewhere that is too weak would lead back to the login page, and the application would never hear of it.
pub async fn login_wish(
    env: &Env,
    now: Timestamp,
    ticket: &str,
    login: Option<&Login>,
) -> Result<LoginWish, Failure> {
    let (opened, _) = open(env, now, ticket).await?;
    let AuthorizationRequest { prompt, max_age_seconds, .. } = &opened.request;
    let acr = login.map_or(Assurance::Loa1.as_str(), |login| &login.session.acr);
    let offered = Assurance::ALL.map(Assurance::as_str);
    let stronger = lacks_acr(&opened.request, &offered, &Assurance::fulfilled_by(acr));
    let again = prompt.login || prompt.select_account || stronger;
    Ok(LoginWish { again, max_age_seconds: *max_age_seconds })
}

fn login_page(ticket: String, client: Arc<Client>, request: AuthorizationRequest) -> Step {
    Step::LogIn { ticket, client, login_hint: request.login_hint, redirect_uri: request.redirect_uri }
}

/// What the person is asked to allow: the scopes, and those that claims asked for one by one belong to.
fn asked_scope(request: &AuthorizationRequest) -> Scope {
    request.scope.clone().with(request.claims.scopes())
}

async fn proceed(
    env: &Env,
    now: Timestamp,
    pending: Pending,
    client: Arc<Client>,
    login: Option<&Login>,
) -> Result<Step, Fault> {
    let request = &pending.request;
    let subject = login.map(|l| subjects::of(env, &client, l.account.id));
    let consent = match login {
        Some(login) => {
            consents::lookup_consent(&mut *env.db.read().await?, login.account.id, client.id.as_str()).await?
        }
        None => None,
    };
    let known = consent.is_some();
    let refused = async |code, description: &str| {
        let refusal = request.refuse(&env.settings.issuer, code, description);
        refuse(env, now, &client, &refusal, known).await
    };
    let allowed = consent.as_ref().map(|c| c.scopes.join(" ").parse::<Scope>().unwrap_or_default());
    let hinted = request.id_token_hint.as_deref().map(|hint| end_session::hinted(env, now, hint));
    let hinted = match hinted.transpose() {
        Ok(hinted) => hinted,
        Err(_) => {
            let description = "id_token_hint is not an ID token of this issuer: send one it issued, or none";
            return refused(ErrorCode::InvalidRequest, description).await;
        }
    };
    let hinted = match hinted {
        Some(hinted) => Some(subjects::hinted(env, now, &client, hinted, login.map(|l| l.account.id)).await?),
        None => None,
    };
    let acrs = login.map(|login| Assurance::fulfilled_by(&login.session.acr)).unwrap_or_default();
    let situation = Situation {
        started: pending.started,
        now,
        logged_in: login.zip(subject.as_deref()).map(|(l, subject)| LoggedIn {
            subject,
            at: l.session.authenticated,
            acrs: &acrs,
        }),
        acrs_offered: &Assurance::ALL.map(Assurance::as_str),
        consented: allowed.as_ref().zip(consent.as_ref()).map(|(scope, _)| Consented { scope }),
        hinted_subject: hinted.as_deref(),
        allowed_here: pending.allowed_here,
    };
    match (next(request, &client, &situation), login) {
        (Err(error), _) => refused(error.code, error.description()).await,
        (Ok(Next::Answer), Some(login)) => give_code(env, now, &pending, &client, login).await,
        (Ok(Next::Consent), Some(_)) => {
            let ticket = seal(env, &pending, Some(client.yes_to.to_string()))?;
            let request = pending.request;
            Ok(Step::Consent {
                ticket,
                client,
                scope: asked_scope(&request),
                authorization_details: request.authorization_details,
                redirect_uri: request.redirect_uri,
            })
        }
        (Ok(_), _) => Ok(login_page(seal(env, &pending, None)?, client, pending.request)),
    }
}

/// Makes the grant and its one-time code.
async fn give_code(
    env: &Env,
    now: Timestamp,
    pending: &Pending,
    client: &Client,
    login: &Login,
) -> Result<Step, Fault> {
    let request = &pending.request;
    let code = base::entropy::token(env.entropy.as_ref());
    let grant = grant_for(env, now, request, login)?;
    let row = CodeRow {
        grant: grant.id,
        redirect_uri: request.redirect_uri.clone(),
        code_challenge: request.code_challenge.as_ref().map_or("", |challenge| challenge.as_str()).to_owned(),
        expires: now.plus_seconds(CODE_TTL_SECONDS),
        consumed: None,
        dpop_jkt: request.dpop_jkt.clone(),
    };
    let recipient = recipient_of(env, now, client, request.response_mode).await?;
    let of_id_token = match request.with_id_token {
        true => Some(
            exchange_token::recipient_of(env, now, client)
                .await
                .map_err(|e| Fault::message(e.description()))?,
        ),
        false => None,
    };
    let refuse = |code, description: &str| {
        let refusal = request.refuse(&env.settings.issuer, code, description);
        deliver(env, now, client, &recipient, AuthorizationResponse::error(&refusal))
    };
    let mut tx = env.db.begin().await?;
    if !session_rows::hold(&mut tx, login.session.id, env.settings.sessions.live_at(now), grant.expires)
        .await?
    {
        // Ended between the request's arrival and here: no grant may outlive the logout. The row is held until the commit, so that a logout
        // that comes now finds the grant.
        return refuse(ErrorCode::LoginRequired, "the login ended meanwhile: send the request again");
    }
    if !client.is_first_party() && !consents::hold(&mut tx, login.account.id, client.id.as_str()).await? {
        return refuse(
            ErrorCode::ConsentRequired,
            "the consent was withdrawn meanwhile: send the request again",
        );
    }
    if let Some(name_hash) = &pending.pushed
        && !once::consume_pushed(&mut tx, name_hash, now).await?
    {
        return refuse(ErrorCode::InvalidRequestUri, "the pushed request was answered before: push it again");
    }
    grants::add(&mut tx, &grant).await?;
    grants::add_code(&mut tx, &gm::sm3::hash(code.as_bytes()), &row).await?;
    // COMMIT POINT: only now does the browser carry the code away.
    tx.commit().await?;
    let session_state = session_state::of(env, request, &login.session);
    let id_token = of_id_token
        .map(|recipient| exchange_token::id_token_with_code(env, now, client, &recipient, &grant, &code))
        .transpose()?;
    let response = AuthorizationResponse::code(request, code, session_state, &env.settings.issuer);
    let response = response.with_id_token(id_token);
    deliver(env, now, client, &recipient, response)
}

/// The answer on its way: plain, or signed when the request asked for that (JARM, 2.1).
async fn answer(
    env: &Env,
    now: Timestamp,
    client: &Client,
    response: AuthorizationResponse,
) -> Result<Step, Fault> {
    let recipient = recipient_of(env, now, client, response.mode).await?;
    deliver(env, now, client, &recipient, response)
}

/// Whom a signed answer is encrypted to (JARM, 2.2). Without a usable key there is no answer that the client would take.
async fn recipient_of(
    env: &Env,
    now: Timestamp,
    client: &Client,
    mode: ResponseMode,
) -> Result<Recipient, Fault> {
    let encryption = client.encryptions.authorization.filter(|_| mode.is_signed());
    let recipient = encryption::recipient(env, now, client, encryption).await;
    recipient.map_err(|unusable| Fault::message(unusable.description()))
}

fn deliver(
    env: &Env,
    now: Timestamp,
    client: &Client,
    recipient: &Recipient,
    response: AuthorizationResponse,
) -> Result<Step, Fault> {
    if !response.mode.is_signed() {
        return Ok(Step::Answer(response.deliver()));
    }
    let keyring = env.keyring();
    let signer = keyring.token_signer(client.algorithms.authorization)?;
    let token = jose::jwt::sign(signer, ID_TOKEN_TYP, &response.claims(&client.id, now))?;
    Ok(Step::Answer(response.deliver_signed(recipient.wrap(env, token)?)))
}

/// When a grant ends whatever happens: with its login, unless it was allowed to outlive it.
pub(crate) fn grant_expires(scope: &Scope, login: &Login, now: Timestamp) -> Timestamp {
    if scope.contains(OFFLINE_ACCESS) {
        now.plus_seconds(REFRESH_ABSOLUTE_SECONDS)
    } else {
        login.session.expires
    }
}

fn grant_for(
    env: &Env,
    now: Timestamp,
    request: &AuthorizationRequest,
    login: &Login,
) -> Result<GrantRow, Fault> {
    let details = &request.authorization_details;
    Ok(GrantRow {
        id: Id::<Grant>::new(now, env.entropy.as_ref()),
        client_id: request.client_id.as_str().to_owned(),
        account: login.account.id,
        session: login.session.id,
        scopes: request.scope.iter().map(str::to_owned).collect(),
        resources: request.resources.clone(),
        nonce: request.nonce.clone(),
        acr: login.session.acr.clone(),
        amr: login.session.amr.clone(),
        authenticated: login.session.authenticated,
        created: now,
        expires: grant_expires(&request.scope, login, now),
        revoked: None,
        claims: if request.claims.is_empty() { None } else { Some(serde_json::to_string(&request.claims)?) },
        authorization_details: if details.is_empty() { None } else { Some(serde_json::to_string(details)?) },
        confirmation: None,
        elsewhere: false,
    })
}

fn seal(env: &Env, pending: &Pending, asked_about: Option<String>) -> Result<String, Fault> {
    let what = match pending.pushed {
        Some(name_hash) => What::Pushed(name_hash),
        None => What::Request(Box::new(pending.request.clone())),
    };
    let ticket = Ticket { what, started_us: pending.started, asked_about };
    let body = base64url(&serde_json::to_vec(&ticket)?);
    let mac = base64url(&mac(env, &body));
    Ok(format!("{body}.{mac}"))
}

async fn open(env: &Env, now: Timestamp, text: &str) -> Result<(Pending, Arc<Client>), Failure> {
    let ticket = unseal(env, text).ok_or_else(|| {
        Rejected::bad_request(
            "bad_ticket",
            "this page does not belong to a login: start again at the application",
        )
    })?;
    let expired = || {
        let message = "this page has been open for too long: start again at the application";
        Rejected::bad_request("expired_ticket", message)
    };
    if ticket.started_us.plus_seconds(INTERACTION_TTL_SECONDS) < now {
        return Err(expired().into());
    }
    let (request, pushed) = match ticket.what {
        What::Request(request) => (*request, None),
        What::Pushed(name_hash) => {
            let row = once::lookup_pushed(&mut *env.db.read().await?, &name_hash).await?;
            let row = row.filter(|row| row.consumed.is_none()).ok_or_else(expired)?;
            (serde_json::from_str(&row.request)?, Some(name_hash))
        }
    };
    let client = clients::current(env, now, &request.client_id).await.map_err(|failure| match failure {
        Failure::Rejected(bad) => Rejected::bad_request("unknown_client", bad.to_string()).into(),
        Failure::Fault(fault) => Failure::Fault(fault),
    })?;
    let client = client.filter(|c| c.enabled).ok_or_else(|| {
        let id = &request.client_id;
        Rejected::bad_request("unknown_client", format!("application `{id}` may no longer be used"))
    })?;
    let request = request.limited_to(&client).ok_or_else(|| {
        let message = "the application no longer takes answers at this address, or in this way, or may not ask for this any more: start again at the application";
        Rejected::bad_request("unknown_redirect_uri", message)
    })?;
    let pending = Pending {
        request,
        started: ticket.started_us,
        pushed,
        asked_about: ticket.asked_about,
        allowed_here: false,
    };
    Ok((pending, client))
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
