//! An administrator takes an account out of use, and back into it.
//!
//! In one transaction the account's logins end, everything that its person gave is taken back, and the applications that must know are told.
//! Every door asks for the account's state in the transaction in which it gives something, so nothing is given after.

use audit::entry::Kind;
use base::id::{Account, Unit};
use base::{Id, Timestamp};
use serde_json::json;
use store::rows::accounts::{self, AccountState};
use store::rows::units;

use crate::caller::{Authority, Caller};
use crate::env::Env;
use crate::error::{Failure, Rejected};
use crate::log::{self, Act};
use crate::manage_application::official;
use crate::request_application::reason;
use crate::{people, sessions};

/// Takes `account` out of use. Nobody does it to themself, and an administrator of the whole stays.
pub async fn disable(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    account: Id<Account>,
    why: &str,
) -> Result<(), Failure> {
    let official = may_turn(env, now, caller, account).await?;
    if official == account {
        let message = "nobody takes their own account out of use: another administrator does";
        return Err(Rejected::conflict("own_account", message).into());
    }
    let why = reason("reason", why)?;
    let mut tx = env.db.begin().await?;
    // Administrators are taken out of use one after the other, so that two who do it to each other do not leave nobody.
    units::hold_top(&mut tx).await?;
    if !accounts::hold_active(&mut tx, official).await? {
        return Err(Rejected::forbidden("not_logged_in", "the account may no longer be used").into());
    }
    if !accounts::disable(&mut tx, account, official, now).await? {
        let state = accounts::lookup(&mut tx, account).await?.map(|row| row.state);
        return Err(match state {
            Some(AccountState::Active) => last_administrator(),
            Some(AccountState::Disabled) | None => state_changed(),
        }
        .into());
    }
    let ended = sessions::end_all_in(env, &mut tx, now, account, None, "account out of use").await?;
    let detail = json!({ "reason": why });
    write_down(env, &mut tx, now, Kind::AccountDisabled, official, account, detail).await?;
    // COMMIT POINT: the account, its logins, what its person gave, the notices to those who must know, and the leaf.
    tx.commit().await?;
    env.persons.forget(&account);
    ended.note(env, now);
    Ok(())
}

/// Takes `account` back into use. What was ended stays so: the person logs in again.
pub async fn enable(env: &Env, now: Timestamp, caller: &Caller, account: Id<Account>) -> Result<(), Failure> {
    let official = may_turn(env, now, caller, account).await?;
    let mut tx = env.db.begin().await?;
    if !accounts::hold_active(&mut tx, official).await? {
        return Err(Rejected::forbidden("not_logged_in", "the account may no longer be used").into());
    }
    if !accounts::enable(&mut tx, account, now).await? {
        return Err(state_changed().into());
    }
    write_down(env, &mut tx, now, Kind::AccountEnabled, official, account, json!({})).await?;
    // COMMIT POINT: the account and the leaf.
    tx.commit().await?;
    env.persons.forget(&account);
    Ok(())
}

/// The official, if they administer the unit in which the account's person serves; the whole, for those who serve nowhere.
async fn may_turn(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    account: Id<Account>,
) -> Result<Id<Account>, Failure> {
    let unit = unit_of(env, account).await?;
    Authority::Caller(caller).require(env, now, "administer", "console", &unit.to_string()).await?;
    Ok(official(caller)?)
}

async fn unit_of(env: &Env, account: Id<Account>) -> Result<Id<Unit>, Failure> {
    let mut conn = env.db.read().await?;
    if accounts::lookup(&mut conn, account).await?.is_none() {
        return Err(Rejected::not_found("no_such_account", format!("there is no account `{account}`")).into());
    }
    let post = accounts::lookup_official(&mut conn, account).await?;
    drop(conn);
    match post {
        Some(post) => Ok(post.unit),
        None => people::top_unit(env).await,
    }
}

async fn write_down(
    env: &Env,
    tx: &mut store::Tx,
    now: Timestamp,
    kind: Kind,
    official: Id<Account>,
    account: Id<Account>,
    detail: serde_json::Value,
) -> Result<(), Failure> {
    let (actor, subject) = (official.to_string(), account.to_string());
    log::write(env, tx, now, Act { kind, actor: &actor, subject: &subject, detail }).await?;
    Ok(())
}

fn last_administrator() -> Rejected {
    let message = "this is the last administrator of the whole: make another one first";
    Rejected::conflict("last_administrator", message)
}

fn state_changed() -> Rejected {
    Rejected::conflict(
        "account_state_changed",
        "the account was taken out of use, or back into it, meanwhile",
    )
}
