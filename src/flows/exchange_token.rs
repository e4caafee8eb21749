//! The token endpoint: a code, a refresh token or a machine's own credentials become tokens.
//!
//! A machine's token needs no write at all. A one-time thing is used up by one conditional UPDATE; tokens are signed after the
//! commit, so that a key far away never holds the writer. That the keys are in service is asked before anything is used up.

use base::id::{Account, Grant};
use base::{Id, Timestamp};
use oidc::claims::{ACCESS_TOKEN_TYP, AccessTokenClaims, ID_TOKEN_TYP, IdTokenClaims, LogIn};
use oidc::client::GrantType;
use oidc::lifetimes::{CODE_TTL_SECONDS, REFRESH_IDLE_SECONDS};
use oidc::pkce::{CodeChallenge, CodeVerifier};
use oidc::token::{self as rules, GrantRefused, IssuedCode, TokenRequest, TokenResponse};
use oidc::{Client, OauthError, Params, Scope, client_authentication};
use store::rows::accounts::{self, AccountState};
use store::rows::grants::{self, GrantRow};
use store::rows::sessions as session_rows;
use store::{BadRow, Tx};

use crate::env::Env;
use crate::error::{Failure, Fault};
use crate::{clients, sessions};

type Outcome = Result<TokenResponse, Failure<OauthError>>;

/// Answers a token request: the Authorization header, if there is one, and the form-encoded body.
pub async fn exchange(env: &Env, now: Timestamp, authorization: Option<&[u8]>, body: &[u8]) -> Outcome {
    let params = Params::parse(body).map_err(|e| e.to_oauth_error())?;
    let shown = client_authentication::parse(authorization, &params)?;
    let client = clients::lookup(&mut *env.db.read().await?, &shown.client_id).await?;
    client_authentication::check(client.as_ref(), &shown)?;
    let client = client.ok_or_else(|| Fault::message("an unknown client authenticated"))?;
    env.keys.in_service()?;
    match TokenRequest::parse(&params, &client)? {
        TokenRequest::ClientCredentials { scope, resources } => machine(env, now, &client, scope, &resources),
        TokenRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
            redeem(env, now, &client, code.expose(), &redirect_uri, &code_verifier).await
        }
        TokenRequest::RefreshToken { refresh_token, scope } => {
            refresh(env, now, &client, refresh_token.expose(), scope.as_ref()).await
        }
    }
}

fn machine(env: &Env, now: Timestamp, client: &Client, scope: Scope, resources: &[String]) -> Outcome {
    let jti = base::encoding::base64url(&base::entropy::bytes::<16>(env.entropy.as_ref()));
    let claims = AccessTokenClaims::new(&env.settings.issuer, &client.id, resources, &scope, &jti, now);
    let keyring = env.keyring();
    let signer = keyring.token_signer(client.access_token_alg)?;
    let token = jose::jwt::sign(signer, ACCESS_TOKEN_TYP, &claims)?;
    Ok(TokenResponse::bearer(token, scope))
}

async fn redeem(
    env: &Env,
    now: Timestamp,
    client: &Client,
    code: &str,
    redirect_uri: &str,
    verifier: &CodeVerifier,
) -> Outcome {
    let code_hash = gm::sm3::hash(code.as_bytes());
    let mut tx = env.db.begin().await?;
    let row = grants::lookup_code(&mut tx, &code_hash).await?.ok_or_else(rules::code_refused)?;
    let grant = grant_of(&mut tx, row.grant).await?;
    let challenge: CodeChallenge = row
        .code_challenge
        .parse()
        .map_err(|e| BadRow::new("authorization_code", "code_challenge", row.grant, format!("{e}")))?;
    let issued = row.expires.plus_seconds(-CODE_TTL_SECONDS);
    let client_id = client_id_of(&grant)?;
    let code = IssuedCode {
        client_id: &client_id,
        redirect_uri: &row.redirect_uri,
        code_challenge: &challenge,
        issued,
    };
    if row.consumed.is_some() && client_id == client.id {
        return Err(replayed(tx, &grant, now, rules::code_refused()).await);
    }
    if let Err(why) = rules::check_redemption(&code, client, redirect_uri, verifier, now) {
        return Err(refused(&grant, why, rules::code_refused()));
    }
    if !grants::consume_code(&mut tx, &code_hash, now).await? {
        return Err(replayed(tx, &grant, now, rules::code_refused()).await);
    }
    if !still_stands(&mut tx, &grant, now).await? {
        return Err(rules::code_refused().into());
    }
    let refresh = next_refresh(env, &mut tx, client, &grant, now).await?;
    // COMMIT POINT: the code is used up and its successor exists. A crash after it costs the person one more login.
    tx.commit().await?;
    let scope = scope_of(&grant)?;
    let mut response = persons_tokens(env, now, client, &grant, scope)?;
    response.refresh_token = refresh;
    Ok(response)
}

async fn refresh(env: &Env, now: Timestamp, client: &Client, token: &str, scope: Option<&Scope>) -> Outcome {
    let token_hash = gm::sm3::hash(token.as_bytes());
    let mut tx = env.db.begin().await?;
    let row = grants::lookup_refresh(&mut tx, &token_hash).await?.ok_or_else(rules::refresh_token_refused)?;
    let grant = grant_of(&mut tx, row.grant).await?;
    let issued = row.expires.plus_seconds(-REFRESH_IDLE_SECONDS);
    if let Err(why) = rules::check_refresh(&client_id_of(&grant)?, issued, grant.created, client, now) {
        return Err(refused(&grant, why, rules::refresh_token_refused()));
    }
    let scope = rules::refreshed_scope(&scope_of(&grant)?, scope)?;
    if !grants::consume_refresh(&mut tx, &token_hash, now).await? {
        return Err(replayed(tx, &grant, now, rules::refresh_token_refused()).await);
    }
    if !still_stands(&mut tx, &grant, now).await? {
        return Err(rules::refresh_token_refused().into());
    }
    let refresh = next_refresh(env, &mut tx, client, &grant, now).await?;
    // COMMIT POINT: the token is used up and its successor exists.
    tx.commit().await?;
    let mut response = persons_tokens(env, now, client, &grant, scope)?;
    response.refresh_token = refresh;
    Ok(response)
}

/// Something used twice: one of the two was a thief, so everything of the grant is taken back (RFC 9700, 4.14.2; RFC 6749, 4.1.2).
async fn replayed(mut tx: Tx, grant: &GrantRow, now: Timestamp, answer: OauthError) -> Failure<OauthError> {
    tracing::warn!(grant = %grant.id, client = grant.client_id, "a one-time grant was shown twice; everything of it is revoked");
    let revoked = async {
        grants::revoke(&mut tx, grant.id, "shown twice", now).await?;
        tx.commit().await
    };
    match revoked.await {
        Ok(()) => answer.into(),
        Err(error) => error.into(),
    }
}

fn refused(grant: &GrantRow, why: GrantRefused, answer: OauthError) -> Failure<OauthError> {
    tracing::info!(grant = %grant.id, client = grant.client_id, %why, "a grant was refused");
    answer.into()
}

/// Whether the grant, the login it came from, and the account are all still good.
async fn still_stands(tx: &mut Tx, grant: &GrantRow, now: Timestamp) -> Result<bool, Fault> {
    if grant.revoked.is_some() || grant.expires <= now {
        return Ok(false);
    }
    let account = accounts::lookup(tx, grant.account).await?;
    let active = account.is_some_and(|a| a.state == AccountState::Active);
    // With `offline_access` a grant outlives the login's time, but not its being ended by hand.
    let offline = grant.scopes.iter().any(|s| s == oidc::scope::OFFLINE_ACCESS);
    let login_stands = if offline {
        !session_rows::is_ended(tx, grant.session).await?
    } else {
        sessions::is_live(tx, grant.session, now).await?
    };
    Ok(active && login_stands)
}

async fn next_refresh(
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

fn persons_tokens(
    env: &Env,
    now: Timestamp,
    client: &Client,
    grant: &GrantRow,
    scope: Scope,
) -> Result<TokenResponse, Fault> {
    let keyring = env.keyring();
    let (subject, session) = (grant.account.to_string(), grant.session.to_string());
    let amr: Vec<&str> = grant.amr.iter().map(String::as_str).collect();
    let log_in = LogIn { at: grant.authenticated, acr: &grant.acr, amr: &amr, sid: &session };
    let jti = access_token_id(env, grant.id);
    let issuer = &env.settings.issuer;
    let claims = AccessTokenClaims::new(issuer, &client.id, &grant.resources, &scope, &jti, now);
    let signer = keyring.token_signer(client.access_token_alg)?;
    let access = jose::jwt::sign(signer, ACCESS_TOKEN_TYP, &claims.on_behalf_of(&subject, log_in))?;
    let id_token = if scope.contains(oidc::scope::OPENID) {
        let claims = IdTokenClaims {
            nonce: grant.nonce.as_deref(),
            at_hash: Some(jose::hash::half_hash(client.id_token_alg, &access)),
            ..IdTokenClaims::new(issuer, &client.id, &subject, log_in, now)
        };
        Some(jose::jwt::sign(keyring.token_signer(client.id_token_alg)?, ID_TOKEN_TYP, &claims)?)
    } else {
        None
    };
    Ok(TokenResponse { id_token, ..TokenResponse::bearer(access, scope) })
}

/// An access token's `jti` begins with its grant, so that whoever checks it can ask whether the grant still stands.
fn access_token_id(env: &Env, grant: Id<Grant>) -> String {
    format!("{grant}.{}", base::encoding::base64url(&base::entropy::bytes::<16>(env.entropy.as_ref())))
}

/// The grant that an access token's `jti` names.
pub(crate) fn grant_of_token(jti: &str) -> Option<Id<Grant>> {
    jti.split_once('.')?.0.parse().ok()
}

/// Whether an access token of this grant and person is still good.
pub(crate) async fn token_stands(
    conn: &mut store::Conn,
    grant: Id<Grant>,
    account: Id<Account>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let Some(grant) = grants::lookup(conn, grant).await? else { return Ok(false) };
    Ok(grant.account == account && grant.revoked.is_none() && grant.expires > now)
}

async fn grant_of(tx: &mut Tx, id: Id<Grant>) -> Result<GrantRow, Fault> {
    grants::lookup(tx, id).await?.ok_or_else(|| BadRow::new("auth_grant", "id", id, "missing").into())
}

fn scope_of(grant: &GrantRow) -> Result<Scope, Fault> {
    let scopes = grant.scopes.join(" ");
    scopes.parse().map_err(|_| BadRow::new("auth_grant", "scopes", grant.id, &scopes).into())
}

fn client_id_of(grant: &GrantRow) -> Result<oidc::ClientId, Fault> {
    grant
        .client_id
        .parse()
        .map_err(|_| BadRow::new("auth_grant", "client_id", grant.id, &grant.client_id).into())
}
