//! Initial access tokens (RFC 7591, 3): given out, listed and withdrawn by administrators; each registers a number of applications.

use audit::entry::Kind;
use base::id::InitialAccess;
use base::{Id, Secret, Timestamp};
use serde_json::json;
use store::rows::initial_access::{self as rows, InitialAccessRow};

use crate::caller::Authority;
use crate::env::Env;
use crate::error::{Failure, Rejected};
use crate::log::{self, Act};
use crate::people;

/// Longest life of a token, in seconds.
pub const TTL_MAX_SECONDS: i64 = 90 * 86_400;
/// How many applications a token registers when nothing is said.
pub const APPLICATIONS_USUAL_COUNT: u32 = 20;
/// The most that may be said.
pub const APPLICATIONS_MAX_COUNT: u32 = 10_000;
/// Longest note, in characters.
pub const NOTE_MAX_CHARS: usize = 100;

/// What a new token is to be good for.
#[derive(Clone, Debug)]
pub struct Order {
    /// How long it works, in seconds.
    pub ttl_seconds: i64,
    /// How many applications it registers.
    pub applications_max: u32,
    /// What it is for; may be empty.
    pub note: String,
}

impl Order {
    /// A token that works for so long, with what is usual otherwise.
    pub fn for_seconds(ttl_seconds: i64) -> Self {
        Self { ttl_seconds, applications_max: APPLICATIONS_USUAL_COUNT, note: String::new() }
    }
}

/// A new token; it is shown once.
pub struct Given {
    /// Its identifier, by which it is withdrawn.
    pub id: Id<InitialAccess>,
    /// It.
    pub token: Secret<String>,
}

/// What a token is good for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It registers applications.
    Open,
    /// It registered as many as it may.
    UsedUp,
    /// Its time is over.
    Expired,
    /// An administrator withdrew it.
    Withdrawn,
}

impl Standing {
    /// Of the token `row`, at `now`.
    pub fn of(row: &InitialAccessRow, now: Timestamp) -> Self {
        match row {
            row if row.withdrawn.is_some() => Self::Withdrawn,
            row if row.expires <= now => Self::Expired,
            row if row.applications >= row.applications_max => Self::UsedUp,
            _ => Self::Open,
        }
    }

    /// Its name for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::UsedUp => "used_up",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Gives out a token.
pub async fn give(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    order: Order,
) -> Result<Given, Failure> {
    let bad = |message: String| Failure::from(Rejected::unprocessable("bad_registration", message));
    let Order { ttl_seconds, applications_max, note } = order;
    if !(1..=TTL_MAX_SECONDS).contains(&ttl_seconds) {
        return Err(bad(format!("expires_in: expected 1 to {TTL_MAX_SECONDS} seconds, got {ttl_seconds}")));
    }
    if !(1..=APPLICATIONS_MAX_COUNT).contains(&applications_max) {
        return Err(bad(format!(
            "applications: expected 1 to {APPLICATIONS_MAX_COUNT}, got {applications_max}"
        )));
    }
    if note.chars().count() > NOTE_MAX_CHARS || note.contains(char::is_control) {
        return Err(bad(format!("note: expected at most {NOTE_MAX_CHARS} characters on one line")));
    }
    may_administer(env, now, authority).await?;
    let token = base::entropy::token(env.entropy.as_ref());
    let row = InitialAccessRow {
        id: Id::new(now, env.entropy.as_ref()),
        note,
        made_by: authority.actor(),
        created: now,
        expires: now.plus_seconds(ttl_seconds),
        applications_max,
        applications: 0,
        withdrawn: None,
    };
    let mut tx = env.db.begin().await?;
    rows::add(&mut tx, &row, &hash(&token)).await?;
    let detail = json!({ "expires_us": row.expires.us(), "applications_max": applications_max });
    let subject = row.id.to_string();
    let act = Act { kind: Kind::ClientRegistrationOpened, actor: &row.made_by, subject: &subject, detail };
    log::write(env, &mut tx, now, act).await?;
    // COMMIT POINT: the token is shown only once it works.
    tx.commit().await?;
    Ok(Given { id: row.id, token: Secret::new(token) })
}

/// The latest tokens, also those that no longer work.
pub async fn all(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
) -> Result<Vec<InitialAccessRow>, Failure> {
    may_administer(env, now, authority).await?;
    Ok(rows::all(&mut *env.db.read().await?).await?)
}

/// Withdraws a token: it registers nothing any more. What it registered stays.
pub async fn withdraw(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    id: Id<InitialAccess>,
) -> Result<(), Failure> {
    may_administer(env, now, authority).await?;
    let mut tx = env.db.begin().await?;
    if !rows::withdraw(&mut tx, id, now).await? {
        return Err(match rows::lookup(&mut tx, id).await? {
            None => Rejected::not_found("no_such_token", format!("there is no initial access token `{id}`"))
                .into(),
            Some(row) => {
                let state = Standing::of(&row, now).as_str();
                Rejected::conflict(
                    "state_changed",
                    format!("the initial access token no longer works: it is {state}"),
                )
                .into()
            }
        });
    }
    let registered = rows::lookup(&mut tx, id).await?.map(|row| row.applications);
    let (actor, subject) = (authority.actor(), id.to_string());
    let detail = json!({ "applications": registered });
    let act = Act { kind: Kind::ClientRegistrationClosed, actor: &actor, subject: &subject, detail };
    log::write(env, &mut tx, now, act).await?;
    // COMMIT POINT: the token no longer works, and its leaf says so.
    Ok(tx.commit().await?)
}

/// Applications serve the whole province, so a caller must administer the top of the tree.
async fn may_administer(env: &Env, now: Timestamp, authority: Authority<'_>) -> Result<(), Failure> {
    if let Authority::Caller(_) = authority {
        let top = people::top_unit(env).await?;
        authority.require(env, now, "administer", "console", &top.to_string()).await?;
    }
    Ok(())
}

/// What is kept of a token.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    gm::sm3::hash(token.as_bytes())
}
