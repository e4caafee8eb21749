//! Assertions as grants (RFC 7523, 2.1): an issuer that an administrator registered for the client vouches for a person.
//!
//! The token hangs from a grant in a session of its own, which the person sees and can end like any other; it lives as long as the token.

use base::id::{Grant, Session};
use base::{Id, Timestamp};
use identity::{Assurance, LoginName, RealNameLevel};
use oidc::jwt_bearer::{self as rules, AssertionRequest, SubjectMapping, TrustedIssuer};
use oidc::lifetimes::ACCESS_TOKEN_TTL_SECONDS;
use oidc::{Client, ErrorCode};
use store::Tx;
use store::rows::accounts::{self, AccountRow, AccountState};
use store::rows::grants::{self, GrantRow};
use store::rows::once::{self, Shown};
use store::rows::sessions::{self, SessionRow};

use crate::client_keys;
use crate::client_request::Authenticated;
use crate::env::Env;
use crate::error::{Failure, Fault};
use crate::exchange_token::{self as tokens, Given, Outcome};

/// Longest text about the issuer in the list of sessions, in characters.
const ISSUER_SHOWN_MAX_CHARS: usize = 200;

/// Turns the assertion into a token.
pub(crate) async fn redeem(
    env: &Env,
    now: Timestamp,
    sender: &Authenticated,
    request: &AssertionRequest,
) -> Outcome {
    let client = &sender.client;
    let assertion = request.assertion.expose();
    let trusted = rules::issuer_of(client, assertion)?;
    let check = |keys: &jose::KeySet| rules::check(trusted, assertion, keys, &env.settings.issuer, now);
    let checked = client_keys::with_keys(env, now, client, &trusted.keys, assertion, check).await;
    let asserted = checked.map_err(|failure| match failure {
        // The client is known by now; what cannot be had are its issuer's keys.
        Failure::Rejected(error) if error.code == ErrorCode::InvalidClient => {
            rules::refused(error.description()).into()
        }
        other => other,
    })?;
    let recipient = tokens::recipient_of(env, now, client).await?;
    let hash = gm::sm3::hash(format!("bearer-assertion\0{}\0{}", trusted.iss, asserted.used.jti).as_bytes());
    let mut tx = env.db.begin().await?;
    if !once::show(&mut tx, Shown::new(hash, asserted.used.expires, now)).await? {
        return Err(rules::refused("its `jti` was used before").into());
    }
    let account = account(&mut tx, trusted, &asserted.subject).await?;
    let active = match &account {
        // Held until the commit: nothing is given after the account was taken out of use.
        Some(account) => accounts::hold_active(&mut tx, account.id).await?,
        None => false,
    };
    let Some(account) = account.filter(|_| active) else {
        // COMMIT POINT: the assertion is used up, whatever it said.
        tx.commit().await?;
        return Err(rules::refused("it speaks of nobody who may log in here").into());
    };
    let session = session(env, now, trusted, &account);
    let grant = grant(env, now, client, &session, request);
    sessions::add(&mut tx, &session, &base::entropy::bytes::<32>(env.entropy.as_ref())).await?;
    grants::add(&mut tx, &grant).await?;
    // COMMIT POINT: the assertion is used up, and what hangs from it exists.
    tx.commit().await?;
    let given = Given { scope: request.scope.clone(), details: tokens::details_of(&grant)? };
    Ok(tokens::persons_tokens(env, now, sender, &recipient, &grant, given).await?)
}

async fn account(tx: &mut Tx, trusted: &TrustedIssuer, subject: &str) -> Result<Option<AccountRow>, Fault> {
    let found = match trusted.subject {
        SubjectMapping::AccountId => match subject.parse() {
            Ok(id) => accounts::lookup(tx, id).await?,
            Err(_) => None,
        },
        SubjectMapping::UserName => match subject.parse::<LoginName>() {
            Ok(name) => accounts::find_by_user_name(tx, name.as_str()).await?,
            Err(_) => None,
        },
    };
    Ok(found.filter(|account| account.state == AccountState::Active))
}

/// A session without a cookie: its hash is that of nothing.
fn session(env: &Env, now: Timestamp, trusted: &TrustedIssuer, account: &AccountRow) -> SessionRow {
    SessionRow {
        id: Id::<Session>::new(now, env.entropy.as_ref()),
        account: account.id,
        acr: Assurance::of(&[], RealNameLevel::Unverified).as_str().to_owned(),
        amr: Vec::new(),
        network: "assertion".to_owned(),
        user_agent: trusted.iss.chars().take(ISSUER_SHOWN_MAX_CHARS).collect(),
        authenticated: now,
        expires: now.plus_seconds(ACCESS_TOKEN_TTL_SECONDS),
        used: None,
    }
}

fn grant(
    env: &Env,
    now: Timestamp,
    client: &Client,
    session: &SessionRow,
    request: &AssertionRequest,
) -> GrantRow {
    GrantRow {
        id: Id::<Grant>::new(now, env.entropy.as_ref()),
        client_id: client.id.as_str().to_owned(),
        account: session.account,
        session: session.id,
        scopes: request.scope.iter().map(str::to_owned).collect(),
        resources: request.resources.clone(),
        nonce: None,
        acr: session.acr.clone(),
        amr: session.amr.clone(),
        authenticated: session.authenticated,
        created: now,
        expires: session.expires,
        revoked: None,
        claims: None,
        authorization_details: None,
        confirmation: None,
        elsewhere: false,
    }
}
