//! Logging in with a password.
//!
//! A try is counted before it is checked and taken back when it succeeds, so that many tries at once cannot slip past the count.

use base::id::{Account, Failure as FailureKind, Session};
use base::{Id, Secret, Timestamp};
use identity::assurance::amr_values;
use identity::password::{HashFailed, Password, PasswordHash};
use identity::throttle::{self, Failures, Network, RecentFailures, Verdict, WINDOW_SECONDS};
use identity::{Amr, Assurance, LoginName, RealNameLevel};
use oidc::lifetimes::SESSION_ABSOLUTE_SECONDS;
use store::rows::accounts::{self, AccountRow, AccountState};
use store::rows::grants;
use store::rows::sessions::{self as rows, SessionRow};
use store::rows::throttle as failures;
use store::{BadRow, Conn, Tx};

use crate::env::Env;
use crate::error::{Failure, Fault, Reason, Rejected};
use crate::passwords::Place;
use crate::report_signal;
use crate::sessions::{self, Login};

/// How long a device stays known without a login.
pub const DEVICE_KNOWN_SECONDS: i64 = 180 * 86_400;
const USER_AGENT_MAX_CHARS: usize = 200;

/// A try to log in.
pub struct Attempt {
    /// The user name as typed.
    pub user_name: String,
    /// The password as typed.
    pub password: Secret<String>,
    /// Where it comes from.
    pub network: Network,
    /// The browser, as it names itself.
    pub user_agent: String,
    /// The cookie that this device was given at an earlier login.
    pub device: Option<String>,
    /// The session that the browser is in or was in last, which this login replaces.
    pub replaces: Option<Login>,
}

/// A login that succeeded.
pub struct LoggedIn {
    /// The login.
    pub login: Login,
    /// The session cookie.
    pub session_token: Secret<String>,
    /// The device cookie.
    pub device_token: Secret<String>,
}

/// Checks the password and opens a session.
///
/// Whether the name or the password was wrong is not said, and takes the same time.
pub async fn log_in(env: &Env, now: Timestamp, attempt: Attempt) -> Result<LoggedIn, Failure> {
    let account = find_account(&mut *env.db.read().await?, &attempt.user_name).await?;
    let who = Who::new(env, now, &attempt, account.as_ref()).await?;
    let place = env.passwords.reserve()?;
    count(env, now, &who, "passwords").await?;
    let checked = verify(env, place, &attempt, account.as_ref()).await?;
    let account = account.filter(|a| checked.is_right && a.state == AccountState::Active);
    let account = account.ok_or_else(wrong_credentials)?;
    open_session(env, now, &who, account, checked.new_hash, attempt).await
}

fn wrong_credentials() -> Rejected {
    let message = "the user name or the password is wrong";
    Rejected::new(Reason::Unauthenticated, "wrong_credentials", message)
}

async fn find_account(conn: &mut Conn, typed: &str) -> Result<Option<AccountRow>, Fault> {
    // What is no login name is nobody's: it is treated as an unknown name from here on.
    match typed.trim().parse::<LoginName>() {
        Ok(name) => Ok(accounts::find_by_user_name(conn, name.as_str()).await?),
        Err(_) => Ok(None),
    }
}

/// Whose tries are counted together.
pub(crate) struct Who {
    pub(crate) account_key: [u8; 32],
    pub(crate) network: String,
    /// The hash of the device's cookie, when the account is known on it.
    pub(crate) known_device: Option<[u8; 32]>,
}

impl Who {
    pub(crate) async fn new(
        env: &Env,
        now: Timestamp,
        attempt: &Attempt,
        account: Option<&AccountRow>,
    ) -> Result<Self, Fault> {
        let known_device = match account {
            Some(account) => known_device(env, now, account.id, attempt.device.as_deref()).await?,
            None => None,
        };
        let name = attempt.user_name.trim().to_ascii_lowercase();
        Ok(Self {
            account_key: env.secrets.index_of("user-name", &name),
            network: attempt.network.to_string(),
            known_device,
        })
    }
}

/// Counts the try, then looks at the count without it: of many tries at once each sees the others, on either engine.
pub(crate) async fn count(
    env: &Env,
    now: Timestamp,
    who: &Who,
    what: &str,
) -> Result<Id<FailureKind>, Failure> {
    let since = now.plus_seconds(-WINDOW_SECONDS);
    let id = Id::<FailureKind>::new(now, env.entropy.as_ref());
    let mut tx = env.db.begin().await?;
    failures::add_failure(&mut tx, id, &who.account_key, &who.network, who.known_device.as_ref(), now)
        .await?;
    tx.commit().await?;
    let recent = recent_failures(&mut *env.db.read().await?, who, since, id).await?;
    let Verdict::Wait { seconds } = throttle::decide(&recent, now) else { return Ok(id) };
    // Not tried, so not counted.
    let mut tx = env.db.begin().await?;
    failures::take_back(&mut tx, id).await?;
    tx.commit().await?;
    let message = format!("too many wrong {what}; try again in {seconds} seconds");
    let reason = Reason::TooMany { retry_after_seconds: seconds };
    Err(Rejected::new(reason, "too_many_attempts", message).into())
}

async fn recent_failures(
    conn: &mut Conn,
    who: &Who,
    since: Timestamp,
    but: Id<FailureKind>,
) -> Result<RecentFailures, Fault> {
    let of = |count: failures::FailureCount| Failures { count: count.count, last: count.last };
    let device = who.known_device.as_ref();
    let recent = failures::recent(conn, &who.account_key, &who.network, device, since, but).await?;
    Ok(RecentFailures {
        account_on_network: of(recent.account_on_network),
        network: of(recent.network),
        known_device: device.map(|_| of(recent.device)),
    })
}

/// What the check of a password found.
pub(crate) struct Checked {
    pub(crate) is_right: bool,
    /// The hash at the present cost, when the stored one was made at another.
    new_hash: Option<String>,
}

pub(crate) async fn verify(
    env: &Env,
    place: Place,
    attempt: &Attempt,
    account: Option<&AccountRow>,
) -> Result<Checked, Failure> {
    let stored = account.and_then(|a| a.password_hash.as_ref().map(|hash| (a.id, hash)));
    let stored: Option<PasswordHash> = match stored {
        Some((id, text)) => {
            let bad = |_| BadRow::new("account", "password_hash", id, "not a hash of ours");
            Some(text.parse().map_err(bad)?)
        }
        None => None,
    };
    // A text too long to be a password costs nothing: it is nobody's, whatever the name.
    let Ok(password) = Password::new(attempt.password.expose()) else {
        return Ok(Checked { is_right: false, new_hash: None });
    };
    let entropy = std::sync::Arc::clone(&env.entropy);
    let checked = place.run(move |hasher| {
        let is_right = hasher.verify(&password, stored.as_ref())?;
        let is_old = is_right && stored.as_ref().is_some_and(|hash| hasher.needs_rehash(hash));
        let new_hash =
            if is_old { Some(hasher.hash(&password, entropy.as_ref())?.to_string()) } else { None };
        Ok::<_, HashFailed>(Checked { is_right, new_hash })
    });
    Ok(checked.await?.map_err(|e| Fault::message(e.to_string()))?)
}

async fn open_session(
    env: &Env,
    now: Timestamp,
    who: &Who,
    account: AccountRow,
    new_hash: Option<String>,
    attempt: Attempt,
) -> Result<LoggedIn, Failure> {
    let methods = [Amr::Password];
    let opening = Opening {
        acr: Assurance::of(&methods, RealNameLevel::Unverified),
        amr: amr_values(&methods),
        authenticated: now,
        network: who.network.clone(),
        user_agent: attempt.user_agent,
        device: attempt.device.filter(|_| who.known_device.is_some()),
        replaces: attempt.replaces,
    };
    let mut tx = env.db.begin().await?;
    failures::forget_failures(&mut tx, &who.account_key, &who.network, who.known_device.as_ref()).await?;
    if let Some(verified) = &account.password_hash
        && !accounts::hold_as_verified(&mut tx, account.id, verified).await?
    {
        // Taken out of use since it was read, or its password was changed: no session may outlive that. The row is held until the commit, so
        // that what comes now finds the session.
        return Err(wrong_credentials().into());
    }
    if let (Some(old), Some(new)) = (&account.password_hash, &new_hash) {
        accounts::rehash(&mut tx, account.id, old, new, now).await?;
    }
    let opened = open_in(env, &mut tx, now, account, opening).await?;
    // COMMIT POINT: the cookie is given out only for a session that exists.
    tx.commit().await?;
    Ok(opened.note(env, now))
}

/// How somebody came in.
pub(crate) struct Opening {
    /// How sure the login is.
    pub(crate) acr: Assurance,
    /// By which methods.
    pub(crate) amr: Vec<&'static str>,
    /// When the person authenticated.
    pub(crate) authenticated: Timestamp,
    /// Where they are.
    pub(crate) network: String,
    /// The browser, as it names itself.
    pub(crate) user_agent: String,
    /// The cookie of this device, when the account is known on it.
    pub(crate) device: Option<String>,
    /// The session that the browser is in or was in last, which this login replaces.
    pub(crate) replaces: Option<Login>,
}

/// A session that was opened in a transaction. Once that is committed, [`Self::note`] must be called.
#[must_use]
pub(crate) struct Opened {
    logged_in: LoggedIn,
    ended: Vec<sessions::Ended>,
}

impl Opened {
    /// Which session it is.
    pub(crate) const fn session(&self) -> Id<Session> {
        self.logged_in.login.session.id
    }

    /// The transaction was committed: the cookies may be given out, and who must hear of sessions that this one ended does.
    pub(crate) fn note(self, env: &Env, now: Timestamp) -> LoggedIn {
        self.ended.iter().for_each(|ended| ended.note(env, now));
        self.logged_in
    }
}

/// Opens a session of `account`, in a transaction that does more.
///
/// INVARIANT: the transaction holds the account, or has made it.
pub(crate) async fn open_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    account: AccountRow,
    opening: Opening,
) -> Result<Opened, Failure> {
    let session_token = Secret::new(base::entropy::token(env.entropy.as_ref()));
    // The device keeps its cookie when the account is known on it, and is given a new one otherwise.
    let device_token = opening.device.unwrap_or_else(|| base::entropy::token(env.entropy.as_ref()));
    let device_token = Secret::new(device_token);
    let at = env.settings.sessions.live_at(now);
    let again =
        opening.replaces.as_ref().filter(|old| old.account.id == account.id && old.session.is_live(at));
    let again = again.map(|old| (old.session.id, old.session.expires));
    let session = SessionRow {
        // Somebody who is logged in and shows it again keeps the session, and with it what hangs from it, under another cookie.
        id: again.map_or_else(|| Id::<Session>::new(now, env.entropy.as_ref()), |(id, _)| id),
        account: account.id,
        acr: opening.acr.as_str().to_owned(),
        amr: opening.amr.into_iter().map(str::to_owned).collect(),
        network: opening.network,
        user_agent: opening.user_agent.chars().take(USER_AGENT_MAX_CHARS).collect(),
        authenticated: opening.authenticated,
        expires: opening.authenticated.plus_seconds(SESSION_ABSOLUTE_SECONDS),
        used: Some(now),
    };
    let token_hash = sessions::hash(session_token.expose());
    failures::know_device(tx, account.id, &sessions::hash(device_token.expose()), now).await?;
    let kept = again.is_some() && rows::authenticate_again(tx, &session, &token_hash).await?;
    let session = match (kept, again) {
        (true, _) => session,
        // The session that was to be kept ended meanwhile.
        (false, Some(_)) => SessionRow { id: Id::<Session>::new(now, env.entropy.as_ref()), ..session },
        (false, None) => session,
    };
    if opening.acr >= Assurance::Loa2 {
        report_signal::strong_login(env, tx, now, &session).await?;
    }
    if let (true, Some((id, before))) = (kept, again) {
        grants::extend_with_session(tx, id, before, session.expires).await?;
    }
    let mut ended = Vec::new();
    if !kept {
        rows::add(tx, &session, &token_hash).await?;
        // Somebody else logs in on this browser: what the other had here is over, also when the other's login stood idle.
        let others = opening.replaces.as_ref().filter(|old| old.account.id != account.id);
        ended = sessions::make_room_in(env, tx, now, account.id, session.id, others).await?;
    }
    Ok(Opened {
        logged_in: LoggedIn { login: Login { session, account }, session_token, device_token },
        ended,
    })
}

/// The cookie `device`, if `account` is known on the device that it was given to.
pub(crate) async fn known_device(
    env: &Env,
    now: Timestamp,
    account: Id<Account>,
    device: Option<&str>,
) -> Result<Option<[u8; 32]>, Fault> {
    let Some(device) = device.map(sessions::hash) else { return Ok(None) };
    let since = now.plus_seconds(-DEVICE_KNOWN_SECONDS);
    let known = failures::is_known_device(&mut *env.db.read().await?, account, &device, since).await?;
    Ok(known.then_some(device))
}
