//! The token endpoint: a code, a refresh token or a machine's own credentials become tokens.
//!
//! A machine's signed token needs no write at all, but for what its client may show only once. A one-time thing is used up by one conditional
//! UPDATE; tokens are signed after the commit, so that a key far away never holds the writer. That the keys are in service is asked
//! before anything is used up.

use base::id::Grant;
use base::{Id, Timestamp};
use oidc::authorize::ClaimsRequest;
use oidc::claims::{AccessTokenClaims, ID_TOKEN_TYP, IdTokenClaims, LogIn};
use oidc::client::GrantType;
use oidc::confirmation::Unproven;
use oidc::details::{Details, narrowed};
use oidc::dpop;
use oidc::lifetimes::{CODE_TTL_SECONDS, REFRESH_GRACE_SECONDS, REFRESH_IDLE_SECONDS};
use oidc::pkce::{CodeChallenge, CodeVerifier};
use oidc::token::{self as rules, GrantRefused, IssuedCode, TokenRequest, TokenResponse};
use oidc::{Client, Confirmation, OauthError, Scope};
use store::rows::accounts::AccountState;
use store::rows::grants::{self, GrantRow, RefreshRow};
use store::rows::revocations;
use store::rows::sessions::{self as session_rows, SessionRow};
use store::{BadRow, Conn, Tx};

use crate::client_request::{self, Authenticated, ClientRequest};
use crate::encryption::{self, Recipient};
use crate::env::Env;
use crate::error::{Failure, Fault};
use crate::{authorize_by_assertion, deferred, delegate, sessions, subjects, tokens, user_info};

pub(crate) type Outcome = Result<TokenResponse, Failure<OauthError>>;

/// How much of its idle time a refresh token that is not rotated must have used before it is written down that it was used, in seconds.
const EXTEND_AFTER_SECONDS: i64 = 3_600;

/// Answers a token request.
pub async fn exchange(env: &Env, now: Timestamp, request: ClientRequest<'_>) -> Outcome {
    let sender = client_request::authenticate(env, now, request).await?;
    env.keys.in_service()?;
    sender.check_binding()?;
    match TokenRequest::parse(&sender.params, &sender.client)? {
        TokenRequest::ClientCredentials { scope, resources, authorization_details } => {
            machine(env, now, &sender, scope, &resources, authorization_details).await
        }
        TokenRequest::AuthorizationCode { code, redirect_uri, code_verifier, authorization_details } => {
            let shown = Shown { code: code.expose(), redirect_uri: &redirect_uri, verifier: code_verifier };
            redeem(env, now, &sender, shown, authorization_details.as_ref()).await
        }
        TokenRequest::RefreshToken { refresh_token, scope, authorization_details } => {
            let less = Less { scope: scope.as_ref(), details: authorization_details.as_ref() };
            refresh(env, now, &sender, refresh_token.expose(), less).await
        }
        TokenRequest::Deferred { channel, code, authorization_details } => {
            deferred::redeem(env, now, &sender, channel, code.expose(), authorization_details.as_ref()).await
        }
        TokenRequest::Exchange(request) => delegate::delegate(env, now, &sender, &request).await,
        TokenRequest::Assertion(request) => authorize_by_assertion::redeem(env, now, &sender, &request).await,
    }
}

async fn machine(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
    scope: Scope,
    resources: &[String],
    details: Details,
) -> Outcome {
    let client = &sender.client;
    let jti = base::encoding::base64url(&base::entropy::bytes::<16>(env.entropy.as_ref()));
    let claims = AccessTokenClaims {
        cnf: sender.bound_to.some(),
        authorization_details: &details,
        ..AccessTokenClaims::new(&env.settings.issuer, &client.id, resources, &scope, &jti, now)
    };
    let token = tokens::issue(env, client, &claims).await?;
    let response = TokenResponse::bearer(token, scope).bound(sender.bound_to.jkt.is_some());
    Ok(TokenResponse { authorization_details: details, ..response })
}

/// A code, and what it is shown with.
struct Shown<'a> {
    code: &'a str,
    redirect_uri: &'a str,
    verifier: Option<CodeVerifier>,
}

async fn redeem(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
    shown: Shown<'_>,
    details: Option<&Details>,
) -> Outcome {
    let client = &sender.client;
    let Shown { code, redirect_uri, verifier } = shown;
    let verifier = verifier.as_ref();
    let recipient = recipient_of(env, now, client).await?;
    let code_hash = gm::sm3::hash(code.as_bytes());
    let mut tx = env.db.begin().await?;
    let (row, grant) = grants::find_code(&mut tx, &code_hash).await?.ok_or_else(rules::code_refused)?;
    sender.record(&mut tx).await?;
    let challenge: Option<CodeChallenge> =
        match row.code_challenge.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|e| {
                BadRow::new("authorization_code", "code_challenge", row.grant, format!("{e}"))
            })?),
        };
    let issued = row.expires.plus_seconds(-CODE_TTL_SECONDS);
    let client_id = client_id_of(&grant)?;
    let code = IssuedCode {
        client_id: &client_id,
        redirect_uri: &row.redirect_uri,
        code_challenge: challenge.as_ref(),
        issued,
    };
    let opens = rules::check_redemption(&code, client, redirect_uri, verifier, issued).is_ok();
    if row.consumed.is_some() && client_id == client.id {
        // In the name of a public client anybody could show a code from an old log, and end what came of it: only who knows the verifier is
        // believed to have had the code.
        if !client.is_confidential() && !opens {
            return Err(rules::code_refused().into());
        }
        return Err(replayed(env, tx, &grant, now, rules::code_refused()).await);
    }
    if let Err(why) = rules::check_redemption(&code, client, redirect_uri, verifier, now) {
        return Err(refused(&grant, why, rules::code_refused()));
    }
    if row.dpop_jkt.is_some() && row.dpop_jkt.as_deref() != sender.proof.as_ref().map(|p| p.jkt.as_str()) {
        return Err(dpop::other_key().into());
    }
    let given = Given { scope: scope_of(&grant)?, details: narrowed(details_of(&grant)?, details)? };
    if !grants::consume_code(&mut tx, &code_hash, now).await? {
        return Err(replayed(env, tx, &grant, now, rules::code_refused()).await);
    }
    if !still_stands(env, &mut tx, &grant, now).await? {
        return Err(rules::code_refused().into());
    }
    if let Some(bound_to) = sender.bound_to.some().filter(|_| !client.is_confidential()) {
        // A public client has nothing but its key or its certificate to be known by (RFC 9449, 5; RFC 8705, 4).
        grants::confirm(&mut tx, grant.id, &bound_to.to_string()).await?;
    }
    let refresh = first_refresh(env, &mut tx, client, &grant, now).await?;
    // COMMIT POINT: the code is used up and its successor exists. A crash after it costs the person one more login.
    tx.commit().await?;
    let mut response = persons_tokens(env, now, sender, &recipient, &grant, given).await?;
    response.refresh_token = refresh;
    Ok(response)
}

/// What is asked for of what was granted.
struct Less<'a> {
    scope: Option<&'a Scope>,
    details: Option<&'a Details>,
}

async fn refresh(env: &Env, now: Timestamp, sender: &Authenticated, token: &str, less: Less<'_>) -> Outcome {
    let client = &sender.client;
    let recipient = recipient_of(env, now, client).await?;
    let token_hash = gm::sm3::hash(token.as_bytes());
    let mut tx = env.db.begin().await?;
    let found = grants::find_refresh(&mut tx, &token_hash).await?;
    let (row, grant) = found.ok_or_else(rules::refresh_token_refused)?;
    sender.record(&mut tx).await?;
    let issued = row.expires.plus_seconds(-REFRESH_IDLE_SECONDS);
    if let Err(why) = rules::check_refresh(&client_id_of(&grant)?, issued, grant.created, client, now) {
        return Err(refused(&grant, why, rules::refresh_token_refused()));
    }
    let bound_to = grant.confirmation.as_deref().map(Confirmation::kept).unwrap_or_default();
    match bound_to.check(&sender.shown()) {
        Ok(()) => {}
        Err(Unproven::Key) => return Err(dpop::other_key().into()),
        Err(Unproven::Certificate) => return Err(rules::refresh_token_refused().into()),
    }
    let given = Given {
        scope: rules::refreshed_scope(&scope_of(&grant)?, less.scope)?,
        details: narrowed(details_of(&grant)?, less.details)?,
    };
    let next = match turn(env, &mut tx, client, token, (&row, grant.id), now).await? {
        Turn::Next(token) => token,
        Turn::Stays => token.to_owned(),
        Turn::Replayed => return Err(replayed(env, tx, &grant, now, rules::refresh_token_refused()).await),
    };
    match stands(env, &mut tx, &grant, now).await? {
        Stands::No => return Err(rules::refresh_token_refused().into()),
        Stands::OnLogin(session) if !grant.elsewhere => {
            // The application is there for somebody who is logged in: so the login does not stand idle (docs/adr/0022).
            sessions::mark_used_in(env, &mut tx, now, &session).await?;
        }
        // It may come without the person, or is on another device: it says nothing of who is in the browser.
        Stands::Alone | Stands::OnLogin(_) => {}
    }
    // COMMIT POINT: the token is used up and its successor exists.
    tx.commit().await?;
    let mut response = persons_tokens(env, now, sender, &recipient, &grant, given).await?;
    response.refresh_token = Some(next);
    Ok(response)
}

/// What becomes of a refresh token that is used.
enum Turn {
    /// It is over, and this one comes after it.
    Next(String),
    /// It stays.
    Stays,
    /// It was over already, and not just now.
    Replayed,
}

/// Uses a refresh token.
///
/// Its successor follows from it, so a second tab, or a client that did not get the answer, gets the same one for a moment after the
/// first use: nobody is logged out by it, and there are never two. Source: RFC 9700, 4.14.2.
async fn turn(
    env: &Env,
    tx: &mut Tx,
    client: &Client,
    token: &str,
    (row, grant): (&RefreshRow, Id<Grant>),
    now: Timestamp,
) -> Result<Turn, Fault> {
    let token_hash = gm::sm3::hash(token.as_bytes());
    let expires = now.plus_seconds(REFRESH_IDLE_SECONDS);
    if client.keeps_refresh_tokens() && row.consumed.is_none() {
        if row.expires.plus_seconds(EXTEND_AFTER_SECONDS) < expires {
            grants::extend_refresh(tx, &token_hash, expires).await?;
        }
        return Ok(Turn::Stays);
    }
    let successor = env.secrets.successor(token);
    if grants::consume_refresh(tx, &token_hash, now).await? {
        grants::add_refresh(tx, &gm::sm3::hash(successor.as_bytes()), grant, expires).await?;
        return Ok(Turn::Next(successor));
    }
    // Used before: by another request that was faster, or earlier.
    let consumed = grants::find_refresh(tx, &token_hash).await?.and_then(|(row, _)| row.consumed);
    let just_now = consumed.is_some_and(|at| now < at.plus_seconds(REFRESH_GRACE_SECONDS));
    Ok(if just_now { Turn::Next(successor) } else { Turn::Replayed })
}

/// Something used twice: one of the two was a thief, so everything of the grant is taken back (RFC 9700, 4.14.2; RFC 6749, 4.1.2).
pub(crate) async fn replayed(
    env: &Env,
    mut tx: Tx,
    grant: &GrantRow,
    now: Timestamp,
    answer: OauthError,
) -> Failure<OauthError> {
    tracing::warn!(grant = %grant.id, client = grant.client_id, "a one-time grant was shown twice; everything of it is revoked");
    let revoked = async {
        grants::revoke(&mut tx, grant.id, "shown twice", now).await?;
        tx.commit().await
    };
    match revoked.await {
        Ok(()) => {
            env.revocations.note_grants([grant.id], now);
            answer.into()
        }
        Err(error) => error.into(),
    }
}

fn refused(grant: &GrantRow, why: GrantRefused, answer: OauthError) -> Failure<OauthError> {
    tracing::info!(grant = %grant.id, client = grant.client_id, %why, "a grant was refused");
    answer.into()
}

/// What a grant stands on.
enum Stands {
    /// On nothing any more.
    No,
    /// On itself: it outlives its login's time, and its standing idle.
    Alone,
    /// On the login it came from.
    OnLogin(SessionRow),
}

/// Whether the grant, the login it came from, and the account are all still good.
pub(crate) async fn still_stands(
    env: &Env,
    conn: &mut Conn,
    grant: &GrantRow,
    now: Timestamp,
) -> Result<bool, Fault> {
    Ok(!matches!(stands(env, conn, grant, now).await?, Stands::No))
}

async fn stands(env: &Env, conn: &mut Conn, grant: &GrantRow, now: Timestamp) -> Result<Stands, Fault> {
    if grant.revoked.is_some() || grant.expires <= now {
        return Ok(Stands::No);
    }
    let known = session_rows::find_with_account(conn, grant.session).await?;
    // The login's being ended by hand nothing outlives, nor the account.
    let known = known.filter(|known| {
        known.session.account == grant.account
            && known.ended.is_none()
            && known.account == AccountState::Active
    });
    let Some(known) = known else { return Ok(Stands::No) };
    if grant.scopes.iter().any(|s| s == oidc::scope::OFFLINE_ACCESS) {
        return Ok(Stands::Alone);
    }
    let is_live = known.session.is_live(env.settings.sessions.live_at(now));
    Ok(if is_live { Stands::OnLogin(known.session) } else { Stands::No })
}

pub(crate) async fn first_refresh(
    env: &Env,
    tx: &mut Tx,
    client: &Client,
    grant: &GrantRow,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    if !client.may_use(GrantType::RefreshToken) {
        return Ok(None);
    }
    let token = base::entropy::token(env.entropy.as_ref());
    let expires = now.plus_seconds(REFRESH_IDLE_SECONDS);
    grants::add_refresh(tx, &gm::sm3::hash(token.as_bytes()), grant.id, expires).await?;
    Ok(Some(token))
}

/// Whom ID tokens are encrypted to; asked before anything is used up.
pub(crate) async fn recipient_of(
    env: &Env,
    now: Timestamp,
    client: &Client,
) -> Result<Recipient, OauthError> {
    encryption::recipient(env, now, client, client.encryptions.id_token).await
}

/// What tokens are to allow of what a grant does.
pub(crate) struct Given {
    pub(crate) scope: Scope,
    pub(crate) details: Details,
}

pub(crate) async fn persons_tokens(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
    recipient: &Recipient,
    grant: &GrantRow,
    given: Given,
) -> Result<TokenResponse, Fault> {
    let (keyring, client) = (env.keyring(), &sender.client);
    let (subject, session) =
        (subjects::of(env, client, grant.account), subjects::session(env, client, grant.session));
    let amr: Vec<&str> = grant.amr.iter().map(String::as_str).collect();
    let log_in = LogIn { at: grant.authenticated, acr: &grant.acr, amr: &amr, sid: &session };
    let jti = access_token_id(env, grant.id);
    let issuer = &env.settings.issuer;
    let Given { scope, details } = given;
    let claims = AccessTokenClaims {
        cnf: sender.bound_to.some(),
        authorization_details: &details,
        ..AccessTokenClaims::new(issuer, &client.id, &grant.resources, &scope, &jti, now)
    };
    let access = tokens::issue(env, client, &claims.on_behalf_of(&subject, log_in)).await?;
    let id_token = if scope.contains(oidc::scope::OPENID) {
        let asked = claims_of(grant)?.id_token;
        let claims = IdTokenClaims {
            nonce: grant.nonce.as_deref(),
            sid: client.is_told_of_sessions().then_some(session.as_str()),
            at_hash: Some(jose::hash::half_hash(client.algorithms.id_token, &access)),
            about: user_info::asked(env, now, grant.account, &asked).await?,
            ..IdTokenClaims::new(issuer, &client.id, &subject, log_in, now)
        };
        let signer = keyring.token_signer(client.algorithms.id_token)?;
        Some(recipient.wrap(env, jose::jwt::sign(signer, ID_TOKEN_TYP, &claims)?)?)
    } else {
        None
    };
    let response = TokenResponse::bearer(access, scope).bound(sender.bound_to.jkt.is_some());
    Ok(TokenResponse { id_token, authorization_details: details, ..response })
}

/// The ID token that goes with `code` through the browser (OIDC Core, 3.3.2.11): who logged in, and nothing about them.
pub(crate) fn id_token_with_code(
    env: &Env,
    now: Timestamp,
    client: &Client,
    recipient: &Recipient,
    grant: &GrantRow,
    code: &str,
) -> Result<String, Fault> {
    let (subject, session) =
        (subjects::of(env, client, grant.account), subjects::session(env, client, grant.session));
    let amr: Vec<&str> = grant.amr.iter().map(String::as_str).collect();
    let log_in = LogIn { at: grant.authenticated, acr: &grant.acr, amr: &amr, sid: &session };
    let claims = IdTokenClaims {
        nonce: grant.nonce.as_deref(),
        sid: client.is_told_of_sessions().then_some(session.as_str()),
        c_hash: Some(jose::hash::half_hash(client.algorithms.id_token, code)),
        ..IdTokenClaims::new(&env.settings.issuer, &client.id, &subject, log_in, now)
    };
    let keyring = env.keyring();
    let signer = keyring.token_signer(client.algorithms.id_token)?;
    recipient.wrap(env, jose::jwt::sign(signer, ID_TOKEN_TYP, &claims)?)
}

/// The claims that were asked for one by one when the grant was given.
fn claims_of(grant: &GrantRow) -> Result<ClaimsRequest, Fault> {
    grant.claims.as_ref().map_or_else(|| Ok(ClaimsRequest::default()), |json| read_claims(grant.id, json))
}

/// The claims that a grant's row holds.
pub(crate) fn read_claims(grant: Id<Grant>, json: &str) -> Result<ClaimsRequest, Fault> {
    serde_json::from_str(json).map_err(|e| BadRow::new("auth_grant", "claims", grant, e).into())
}

pub(crate) fn details_of(grant: &GrantRow) -> Result<Details, Fault> {
    let Some(json) = &grant.authorization_details else { return Ok(Vec::new()) };
    serde_json::from_str(json)
        .map_err(|e| BadRow::new("auth_grant", "authorization_details", grant.id, e).into())
}

/// An access token's `jti` begins with its grant, so that whoever checks it can ask whether the grant still stands.
fn access_token_id(env: &Env, grant: Id<Grant>) -> String {
    format!("{grant}.{}", base::encoding::base64url(&base::entropy::bytes::<16>(env.entropy.as_ref())))
}

/// The `jti`s of an access token and of those that it was made from by exchange: each begins with the one before it.
fn lineage(jti: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(jti), |later| {
        let (before, _) = later.rsplit_once('.')?;
        before.contains('.').then_some(before)
    })
}

/// The grant that an access token's `jti` names.
pub(crate) fn grant_of_token(jti: &str) -> Option<Id<Grant>> {
    jti.split_once('.')?.0.parse().ok()
}

/// Whether an access token of this grant, or of a machine, was not taken back.
pub(crate) async fn token_stands(
    env: &Env,
    jti: &str,
    grant: Option<Id<Grant>>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let mut unknown = false;
    for jti in lineage(jti) {
        match env.revocations.is_revoked(jti, grant, now) {
            Some(true) => return Ok(false),
            Some(false) => {}
            None => unknown = true,
        }
    }
    if !unknown {
        return Ok(true);
    }
    let mut conn = env.db.read().await?;
    for jti in lineage(jti) {
        if revocations::is_token_revoked(&mut conn, jti).await? {
            return Ok(false);
        }
    }
    let Some(grant) = grant else { return Ok(true) };
    let grant = grants::lookup(&mut conn, grant).await?;
    Ok(grant.is_some_and(|grant| grant.revoked.is_none() && grant.expires > now))
}

pub(crate) async fn grant_of(tx: &mut Tx, id: Id<Grant>) -> Result<GrantRow, Fault> {
    grants::lookup(tx, id).await?.ok_or_else(|| BadRow::new("auth_grant", "id", id, "missing").into())
}

pub(crate) fn scope_of(grant: &GrantRow) -> Result<Scope, Fault> {
    let scopes = grant.scopes.join(" ");
    scopes.parse().map_err(|_| BadRow::new("auth_grant", "scopes", grant.id, &scopes).into())
}

fn client_id_of(grant: &GrantRow) -> Result<oidc::ClientId, Fault> {
    grant
        .client_id
        .parse()
        .map_err(|_| BadRow::new("auth_grant", "client_id", grant.id, &grant.client_id).into())
}
