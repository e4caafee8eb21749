//! Who calls an API with an access token.

use std::sync::Arc;

use base::Id;
use base::Timestamp;
use base::id::{Account, Grant};
use oidc::dpop as rules;
use oidc::mtls::ClientCertificate;
use oidc::{Confirmation, ErrorCode, OauthError, Scope};

use crate::dpop::{Bound, ProofHeader};
use crate::env::Env;
use crate::error::{Failure, Reason, Rejected};
use crate::sessions::Login;
use crate::tokens::Known;
use crate::{dpop, tokens};

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
    /// When the person authenticated.
    pub authenticated: Option<Timestamp>,
    /// The authorization that the token came from.
    pub grant: Option<Id<Grant>>,
    /// Whether the token is bound to a key, and so comes under the scheme for those (RFC 9449, 7.1).
    pub proves_key: bool,
}

/// An access token as it was shown.
#[derive(Clone, Debug, Default)]
pub struct Presented {
    /// The token.
    pub token: Option<String>,
    /// Whether it came under the scheme for bound tokens (RFC 9449, 7.1).
    pub as_bound: bool,
    /// The proof of a key that came with it.
    pub proof: ProofHeader,
    /// The certificate on its connection.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// The request's method.
    pub method: String,
    /// The request's path under the issuer.
    pub path: String,
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
            authenticated: Some(login.session.authenticated),
            grant: None,
            proves_key: false,
        }
    }

    /// The scheme under which its token comes.
    pub fn scheme(&self) -> &'static str {
        if self.proves_key { rules::SCHEME } else { "Bearer" }
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

/// The caller whose access token is shown, if it is ours, good, and carries `needed`.
///
/// A person's token is good while its grant stands; a bound one only for who proves its key with the same request.
pub async fn authenticate(
    env: &Env,
    now: Timestamp,
    presented: &Presented,
    needed: &str,
) -> Result<Caller, Failure> {
    known(env, now, presented, needed).await.map(|known| known.caller.clone())
}

/// As [`authenticate`], with everything that the token says.
pub(crate) async fn known(
    env: &Env,
    now: Timestamp,
    presented: &Presented,
    needed: &str,
) -> Result<Arc<Known>, Failure> {
    let no_token = || {
        let message = "this needs an access token: send `Authorization: Bearer …` or `Authorization: DPoP …`";
        Rejected::new(Reason::Unauthenticated, "no_token", message)
    };
    let token = presented.token.as_deref().ok_or_else(no_token)?;
    let known = tokens::read(env, now, token)
        .await?
        .ok_or_else(|| refused("the access token is not one of ours, has expired or was revoked"))?;
    check_binding(env, now, presented, token, &known).await?;
    let scope = &known.caller.scope;
    if !scope.contains(needed) {
        let message = format!("the access token does not carry the scope `{needed}`, it has `{scope}`");
        return Err(Rejected::new(Reason::Forbidden, "insufficient_scope", message).into());
    }
    Ok(known)
}

/// A token bound to a certificate is shown over a connection that proves it (RFC 8705, 3); one bound to a key under its own scheme,
/// with a fresh proof of the key for this request; any other under `Bearer` (RFC 9449, 7).
async fn check_binding(
    env: &Env,
    now: Timestamp,
    presented: &Presented,
    token: &str,
    known: &Known,
) -> Result<(), Failure> {
    let shown = presented.certificate.as_ref().map(|certificate| certificate.thumbprint().to_owned());
    let bound_to = Confirmation { jkt: None, x5t_s256: known.confirmation.x5t_s256.clone() };
    if bound_to.check(&Confirmation { jkt: None, x5t_s256: shown }).is_err() {
        let message = "the access token is bound to a client certificate: show it over a connection with that certificate";
        return Err(refused(message));
    }
    let Some(jkt) = known.confirmation.jkt.as_deref() else {
        return if presented.as_bound {
            Err(refused("the access token is not bound to a key: send it as `Bearer`"))
        } else {
            Ok(())
        };
    };
    if !presented.as_bound {
        return Err(refused("the access token is bound to a key: send it as `DPoP`, with a proof"));
    }
    let bound = Bound { method: &presented.method, path: &presented.path, token: Some(token) };
    let wrong = |error: OauthError| {
        let code =
            if error.code == ErrorCode::UseDpopNonce { "use_dpop_nonce" } else { "invalid_dpop_proof" };
        Rejected::new(Reason::Unauthenticated, code, error.description())
    };
    let proof = dpop::check(env, now, &presented.proof, bound).map_err(wrong)?;
    let proof = proof.ok_or_else(|| wrong(rules::proof_missing()))?;
    if proof.jkt != jkt {
        return Err(wrong(rules::other_key()).into());
    }
    let first_time = env.shown.first_time(&env.db, vec![dpop::shown(&proof, now)]).await?;
    if first_time { Ok(()) } else { Err(wrong(rules::proof_replayed()).into()) }
}

fn refused(message: &str) -> Failure {
    Rejected::new(Reason::Unauthenticated, "invalid_token", message).into()
}
