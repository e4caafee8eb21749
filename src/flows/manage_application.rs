//! What an official does with an application that is registered: looks at it, has a new secret made, takes it out of use.

use audit::entry::Kind;
use base::id::Account;
use base::{Id, Secret, Timestamp};
use oidc::{Client, Registration};
use serde_json::json;
use store::BadRow;
use store::rows::accounts;
use store::rows::applications::{self as rows, StandingRow};
use store::rows::clients as client_rows;

use crate::caller::{Authority, Caller};
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::log::{self, Act};
use crate::{clients, request_application};

/// An application with everything that an official sees of it.
pub struct Application {
    /// The application.
    pub client: Client,
    /// What it registered.
    pub registration: Registration,
    /// Whose it is, and how it stands.
    pub standing: StandingRow,
}

/// The application `client_id`, as it is kept now.
pub async fn lookup(env: &Env, client_id: &str) -> Result<Option<Application>, Fault> {
    let mut conn = env.db.read().await?;
    let Some(row) = client_rows::lookup(&mut conn, client_id).await? else { return Ok(None) };
    let standing = rows::standing(&mut conn, client_id).await?;
    let standing = standing.ok_or_else(|| BadRow::new("client", "id", client_id, "missing"))?;
    let registration =
        serde_json::from_str(&row.metadata).map_err(|e| BadRow::new("client", "metadata", client_id, e))?;
    Ok(Some(Application { client: clients::from_row(&row)?, registration, standing }))
}

/// How all applications stand.
pub async fn standings(env: &Env) -> Result<Vec<StandingRow>, Fault> {
    Ok(rows::standings(&mut *env.db.read().await?).await?)
}

/// Makes the application's secret anew, for an official who may ask for applications of its unit and did not approve what is registered.
///
/// It is shown once. The one before is of no use from now on: at this node at once, at others when they next look (`clients`).
pub async fn new_secret(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    client_id: &str,
) -> Result<Secret<String>, Failure> {
    let (row, unit) = request_application::application(env, client_id).await?;
    let official = request_application::require_asking(env, now, caller, unit).await?;
    if row.secret_hash.is_none() {
        let message = "this application proves who it is without a secret";
        return Err(Rejected::conflict("no_secret", message).into());
    }
    let (secret, hash) = oidc::client_authentication::new_secret(env.entropy.as_ref());
    let mut tx = env.db.begin().await?;
    if !rows::new_secret(&mut tx, client_id, &hash, official, now).await? {
        let message = "the application is out of use, or you approved what is registered: whoever approves an application does not hold its secret";
        return Err(Rejected::conflict("secret_refused", message).into());
    }
    let act = Act {
        kind: Kind::ClientSecretMade,
        actor: &official.to_string(),
        subject: client_id,
        detail: json!({}),
    };
    log::write(env, &mut tx, now, act).await?;
    // COMMIT POINT: the secret is shown only once it works.
    tx.commit().await?;
    env.clients.forget(client_id);
    Ok(secret)
}

/// Takes the application out of use at once, with everything that it was given. One administrator is enough to stop; to let in takes two.
pub async fn disable(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    client_id: &str,
    why: &str,
) -> Result<(), Failure> {
    let (_, unit) = request_application::application(env, client_id).await?;
    Authority::Caller(caller).require(env, now, "administer", "console", &unit.to_string()).await?;
    let official = official(caller)?;
    let why = request_application::reason("reason", why)?;
    let mut tx = env.db.begin().await?;
    if !accounts::hold_active(&mut tx, official).await? {
        return Err(Rejected::forbidden("not_logged_in", "the account may no longer be used").into());
    }
    if !rows::disable(&mut tx, client_id, official, &why, now).await? {
        return Err(disabled_already().into());
    }
    let ended = rows::take_back(&mut tx, client_id, "application out of use", now).await?;
    let detail = json!({ "reason": why, "grants": ended.len() });
    let act = Act { kind: Kind::ClientDisabled, actor: &official.to_string(), subject: client_id, detail };
    log::write(env, &mut tx, now, act).await?;
    // COMMIT POINT: the application is out of use, what it was given is taken back, and the leaf says so.
    tx.commit().await?;
    env.clients.forget(client_id);
    env.revocations.note_grants(ended, now);
    Ok(())
}

fn disabled_already() -> Rejected {
    Rejected::conflict("application_disabled", "the application is out of use already")
}

pub(crate) fn official(caller: &Caller) -> Result<Id<Account>, Rejected> {
    caller.account.ok_or_else(|| Rejected::forbidden("not_an_official", "this is done by officials"))
}
