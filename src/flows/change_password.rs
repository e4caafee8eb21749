//! A person changes the password: every other login is over, and whatever came from any; this one goes on under another cookie.
//!
//! The present password is asked for, and guessing it is slowed down as at the login: a browser left open is not an account given away.

use std::sync::Arc;

use audit::entry::Kind;
use base::{Secret, Timestamp};
use identity::LoginName;
use identity::password::{self, Password};
use identity::throttle::Network;
use serde_json::json;
use store::rows::accounts;
use store::rows::sessions as session_rows;
use store::rows::throttle as failures;

use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::log::{self, Act};
use crate::log_in::{self, Attempt, Who};
use crate::sessions::{self, Login};

/// What was typed, and where.
pub struct Change {
    /// The present password.
    pub current: Secret<String>,
    /// The new one.
    pub new: Secret<String>,
    /// Where it comes from.
    pub network: Network,
    /// The cookie that this device was given at an earlier login.
    pub device: Option<String>,
}

/// Replaces the password of the person of `login`; the cookie under which the login goes on.
///
/// Whoever else has the former cookie is out with the other logins (ASVS 5.0, V7.2.4), and so are the applications that they may have let
/// in with it.
pub async fn change(
    env: &Env,
    now: Timestamp,
    login: &Login,
    change: Change,
) -> Result<Secret<String>, Failure> {
    let account = &login.account;
    let stored = account.password_hash.as_deref().ok_or_else(no_password)?;
    let new = good(&account.user_name, &change.new)?;
    let is_same = change.new.expose() == change.current.expose();
    let attempt = Attempt {
        user_name: account.user_name.clone(),
        password: change.current,
        network: change.network,
        user_agent: String::new(),
        device: change.device,
        replaces: None,
    };
    let who = Who::new(env, now, &attempt, Some(account)).await?;
    let place = env.passwords.reserve()?;
    log_in::count(env, now, &who, "passwords").await?;
    if !log_in::verify(env, place, &attempt, Some(account)).await?.is_right {
        let message = "current_password: expected the password that you log in with";
        return Err(Rejected::unprocessable("wrong_password", message).into());
    }
    if is_same {
        let message = "password: expected another one than the present";
        return Err(Rejected::unprocessable("same_password", message).into());
    }
    let entropy = Arc::clone(&env.entropy);
    let hash = env.passwords.reserve()?.run(move |hasher| hasher.hash(&new, entropy.as_ref())).await?;
    let hash = hash.map_err(|e| Fault::message(e.to_string()))?.to_string();
    let cookie = Secret::new(base::entropy::token(env.entropy.as_ref()));
    let mut tx = env.db.begin().await?;
    failures::forget_failures(&mut tx, &who.account_key, &who.network, who.known_device.as_ref()).await?;
    // The account first, then its sessions: in this order everybody holds them.
    if !accounts::rehash(&mut tx, account.id, stored, &hash, now).await? {
        return Err(Rejected::conflict("state_changed", "the password was changed meanwhile").into());
    }
    let but = Some(login.session.id);
    let ended = sessions::end_all_in(env, &mut tx, now, account.id, but, "password changed").await?;
    let at = env.settings.sessions.live_at(now);
    if !session_rows::renew(&mut tx, login.session.id, &sessions::hash(cookie.expose()), at).await? {
        return Err(Rejected::forbidden("not_logged_in", "the login ended meanwhile: log in again").into());
    }
    let subject = account.id.to_string();
    let act = Act { kind: Kind::PasswordChanged, actor: &subject, subject: &subject, detail: json!({}) };
    log::write(env, &mut tx, now, act).await?;
    // COMMIT POINT: the password, this login's cookie, the other logins, what came from any, and the leaf. A crash after it costs the person one more login.
    tx.commit().await?;
    ended.note(env, now);
    Ok(cookie)
}

fn good(user_name: &str, typed: &Secret<String>) -> Result<Password, Failure> {
    let bad = |why: String| Rejected::unprocessable("bad_account", format!("password: {why}"));
    let user_name: LoginName = user_name.parse().map_err(|e| bad(format!("{e}")))?;
    let new = Password::new(typed.expose()).map_err(|e| bad(e.to_string()))?;
    password::check(&new, &user_name).map_err(|e| bad(e.to_string()))?;
    Ok(new)
}

fn no_password() -> Rejected {
    Rejected::conflict("no_password", "this account logs in without a password of ours")
}
