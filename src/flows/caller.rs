//! Who calls an API with an access token.

use base::Id;
use base::Timestamp;
use base::id::Account;
use jose::{Algorithm, Audience, Expect, Type};
use oidc::Scope;
use oidc::claims::ACCESS_TOKEN_TYP;

use crate::env::Env;
use crate::error::{Failure, Reason, Rejected};
use crate::exchange_token;
use crate::sessions::Login;

/// How far clocks may be apart.
const LEEWAY_SECONDS: i64 = 5;

/// Scopes of our own APIs.
pub mod scope {
    /// Ask for decisions.
    pub const DECIDE: &str = "decision:evaluate";
    /// Report signals about people.
    pub const REPORT_SIGNAL: &str = "signal:report";
    /// Seal documents.
    pub const SEAL: &str = "seal:use";
    /// Issue e-certificates.
    pub const ISSUE_ECERT: &str = "ecert:issue";
    /// Register applications, people, seals.
    pub const ADMINISTER: &str = "admin";
    /// All of them.
    pub const ALL: &[&str] = &[DECIDE, REPORT_SIGNAL, SEAL, ISSUE_ECERT, ADMINISTER];
}

/// Who calls: an application for itself, or for a person.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The application.
    pub client_id: String,
    /// The person it acts for.
    pub account: Option<Id<Account>>,
    /// What the token allows.
    pub scope: Scope,
    /// How sure the person's login was.
    pub acr: Option<String>,
}

impl Caller {
    /// The name under which the caller stands in the log: the person when there is one, else the application.
    pub fn actor(&self) -> String {
        self.account.map_or_else(|| self.client_id.clone(), |account| account.to_string())
    }

    /// An official at the console: the person, as far as their session goes.
    pub fn at_console(login: &Login) -> Self {
        Self {
            client_id: "console".to_owned(),
            account: Some(login.account.id),
            scope: Scope::default(),
            acr: Some(login.session.acr.clone()),
        }
    }

    /// The caller's type and identifier as policies name them.
    pub fn principal(&self) -> (&'static str, String) {
        match self.account {
            Some(account) => ("official", account.to_string()),
            None => ("application", self.client_id.clone()),
        }
    }
}

/// On whose authority something is done.
#[derive(Clone, Copy, Debug)]
pub enum Authority<'a> {
    /// Whoever runs this machine: its commands, and the sample province.
    Operator,
    /// A caller, within what policies let it do.
    Caller(&'a Caller),
}

impl Authority<'_> {
    /// The name under which the act stands in the log.
    pub fn actor(&self) -> String {
        match self {
            Self::Operator => "operator".to_owned(),
            Self::Caller(caller) => caller.actor(),
        }
    }

    /// Whether policies let `action` be done to the `kind` called `id`; the operator is not asked.
    pub(crate) async fn require(
        &self,
        env: &Env,
        now: Timestamp,
        action: &str,
        kind: &str,
        id: &str,
    ) -> Result<(), Failure> {
        match self {
            Self::Operator => Ok(()),
            Self::Caller(caller) => crate::decide::require(env, now, caller, action, kind, id).await,
        }
    }
}

/// The caller whose access token is `token`, if it is ours, good, and carries `needed`.
///
/// A person's token is good while its grant stands; an application's own is good until it expires.
pub async fn authenticate(
    env: &Env,
    now: Timestamp,
    token: Option<&str>,
    needed: &str,
) -> Result<Caller, Failure> {
    let no_token = || {
        let message = "this needs an access token: send `Authorization: Bearer …`";
        Rejected::new(Reason::Unauthenticated, "no_token", message)
    };
    let token = token.ok_or_else(no_token)?;
    let caller = verify(env, now, token).await?;
    if !caller.scope.contains(needed) {
        let message =
            format!("the access token does not carry the scope `{needed}`, it has `{}`", caller.scope);
        return Err(Rejected::new(Reason::Forbidden, "insufficient_scope", message).into());
    }
    Ok(caller)
}

async fn verify(env: &Env, now: Timestamp, token: &str) -> Result<Caller, Failure> {
    let issuer = env.settings.issuer.as_str();
    let expect = Expect {
        typ: Type::Is(ACCESS_TOKEN_TYP),
        issuer,
        audience: Audience::Includes(issuer),
        now,
        leeway_seconds: LEEWAY_SECONDS,
        ahead_seconds: LEEWAY_SECONDS,
        algorithms: &Algorithm::ALL,
    };
    let keyring = env.keyring();
    let verified = keyring.verification().verify(token, &expect).map_err(|rejected| {
        tracing::info!(reason = %rejected.reason(), "an access token was refused");
        refused("the access token is not one of ours, or has expired")
    })?;
    let bad = || refused("the access token lacks a claim that ours have");
    let claim = |name| verified.text(name).ok_or_else(bad);
    let (subject, client_id) = (claim("sub")?, claim("client_id")?.to_owned());
    let scope = claim("scope")?.parse().map_err(|_| bad())?;
    let account = if subject == client_id { None } else { Some(subject.parse().map_err(|_| bad())?) };
    if let Some(account) = account {
        let grant = exchange_token::grant_of_token(claim("jti")?).ok_or_else(bad)?;
        if !exchange_token::token_stands(&mut *env.db.read().await?, grant, account, now).await? {
            return Err(refused("the access token was revoked"));
        }
    }
    Ok(Caller { client_id, account, scope, acr: verified.text("acr").map(str::to_owned) })
}

fn refused(message: &str) -> Failure {
    Rejected::new(Reason::Unauthenticated, "invalid_token", message).into()
}
