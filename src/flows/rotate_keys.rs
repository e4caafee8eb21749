//! The keys that sign tokens take turns: by the calendar, or because somebody says so (`docs/adr/0014-token-keys-take-turns.md`).
//!
//! Every node looks for what is due. Keys are made before the transaction opens; then one node after the other holds the installation,
//! looks again, and does what is still due, each change by one conditional UPDATE: it happens once, whoever does it. Other nodes see
//! that the keys are others when they next look, and open them.

use std::sync::Arc;

use audit::entry::Kind;
use base::id::Key;
use base::{Id, Timestamp};
use kms::rotation::{Due, Schedule, Turn};
use kms::{Algorithm, KeyRecord, KeyState, Purpose};
use oidc::lifetimes::{ID_TOKEN_HINT_MAX_AGE_SECONDS, ID_TOKEN_TTL_SECONDS};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::rows::keys::{self as rows, TokenKeyRow};
use store::rows::settings;
use store::{BadRow, Conn, Tx};

use crate::caller::Authority;
use crate::env::{Env, Settings};
use crate::error::{Failure, Fault, Rejected};
use crate::keyring::{Keyring, TokenKeyState};
use crate::log::{self, Act};
use crate::set_up::{INSTALLATION_SECRET, SYSTEM, TOKEN_KEYS};
use crate::{certificates, people};

/// How long a token key signs, in days.
const ROTATION_DAYS: i64 = 90;
/// And at most.
const ROTATION_DAYS_MAX: i64 = 730;
/// How long it is published before, in hours.
const ANNOUNCE_HOURS: i64 = 24;
const HOUR_SECONDS: i64 = 3_600;
const DAY_SECONDS: i64 = 86_400;

/// When the keys that sign tokens take turns, as the operator set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenKeyTimes {
    rotation_days: i64,
    announce_hours: i64,
}

impl Default for TokenKeyTimes {
    fn default() -> Self {
        Self { rotation_days: ROTATION_DAYS, announce_hours: ANNOUNCE_HOURS }
    }
}

impl TokenKeyTimes {
    /// Keys that sign for `rotation_days`, and are published `announce_hours` before and after; the usual for what is `None`.
    ///
    /// An hour is more than the published set may be kept (300 seconds) and more than any token lives (600).
    pub fn new(rotation_days: Option<i64>, announce_hours: Option<i64>) -> Result<Self, String> {
        let rotation_days = rotation_days.unwrap_or(ROTATION_DAYS);
        let announce_hours = announce_hours.unwrap_or(ANNOUNCE_HOURS);
        if !(1..=ROTATION_DAYS_MAX).contains(&rotation_days) {
            return Err(format!(
                "token_key_rotation_days: expected 1 to {ROTATION_DAYS_MAX}, got `{rotation_days}`"
            ));
        }
        let hours_max = rotation_days * 12;
        if !(1..=hours_max).contains(&announce_hours) {
            return Err(format!(
                "token_key_announce_hours: expected 1 to {hours_max}, half of the rotation, got `{announce_hours}`"
            ));
        }
        Ok(Self { rotation_days, announce_hours })
    }

    pub(crate) const fn schedule(self) -> Schedule {
        Schedule {
            signs_seconds: self.rotation_days * DAY_SECONDS,
            announced_seconds: self.announce_hours * HOUR_SECONDS,
            remembered_seconds: ID_TOKEN_TTL_SECONDS + ID_TOKEN_HINT_MAX_AGE_SECONDS,
        }
    }
}

/// What is asked for besides the calendar.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Of which algorithm; of all when absent.
    #[serde(default)]
    pub alg: Option<jose::Algorithm>,
    /// Somebody else may have the keys: new ones sign at once, and the old ones are destroyed with everything that they signed.
    pub compromised: bool,
}

/// A key that is new.
#[derive(Clone, Debug, Serialize)]
pub struct Rotated {
    /// What it signs under.
    pub alg: jose::Algorithm,
    /// Its name in the published set.
    pub kid: String,
    /// `pre-active` while it is only published, `active` when it signs.
    pub state: &'static str,
    /// When it is to sign, or when it began to, UTC (RFC 3339).
    pub signs_from: String,
}

/// Whose doing a change is, and why it is made.
#[derive(Clone, Copy)]
struct Cause<'a> {
    actor: &'a str,
    why: &'a str,
}

const BY_CALENDAR: Cause<'_> = Cause { actor: SYSTEM, why: "turn" };

/// Does what is due by the calendar, and opens the keys if they are others than before.
pub async fn turn(env: &Env, now: Timestamp) -> Result<(), Fault> {
    let due = due(env, &mut *env.db.read().await?, now).await?;
    if !due.is_empty() {
        let missing = due.iter().filter(|(_, due)| *due == Due::Announce).map(|(algorithm, _)| *algorithm);
        let made = make(env, now, missing.collect()).await?;
        let mut tx = hold(env).await?;
        let still_due = self::due(env, &mut tx, now).await?;
        for (algorithm, due) in still_due {
            carry_out(env, &mut tx, now, algorithm, due, &made).await?;
        }
        // COMMIT POINT: keys, states and their leaves.
        tx.commit().await?;
    }
    follow(env, now).await
}

/// Opens the keys if they, or what is published of them, are others than those at hand.
pub async fn follow(env: &Env, now: Timestamp) -> Result<(), Fault> {
    let mut conn = env.db.read().await?;
    let kept = states(&env.settings, &mut conn, now).await?;
    if *env.keyring().token_key_states() == kept {
        return Ok(());
    }
    let keyring = Keyring::open(&mut conn, env.keys.as_ref(), &env.settings, now).await?;
    drop(conn);
    env.replace_keyring(keyring);
    tracing::info!("the keys that sign tokens are others");
    Ok(())
}

/// Begins a turn now, whatever the calendar says.
///
/// In the ordinary way the new keys are only published, and sign when everybody has had time to learn them. What was announced before
/// stays announced.
pub async fn rotate(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    asked: Rotation,
) -> Result<Vec<Rotated>, Failure> {
    let top = people::top_unit(env).await?;
    authority.require(env, now, "administer", "console", &top.to_string()).await?;
    let chosen = |algorithm: &Algorithm| asked.alg.is_none_or(|alg| algorithm.jws() == alg);
    let algorithms: Vec<Algorithm> = TOKEN_KEYS.into_iter().filter(chosen).collect();
    let made = make(env, now, algorithms).await?;
    let actor = authority.actor();
    let mut tx = hold(env).await?;
    let kept = rows::token_keys(&mut tx).await?;
    let mut rotated = Vec::new();
    for (id, record) in &made {
        let of_kind: Vec<&TokenKeyRow> =
            kept.iter().filter(|row| row.algorithm == record.algorithm.as_str()).collect();
        if asked.compromised {
            for row in of_kind {
                let cause = Cause { actor: &actor, why: "compromised" };
                destroy(env, &mut tx, now, cause, row.id, record.algorithm).await?;
            }
            certificates::keep_key(&mut tx, *id, record, &actor, now, env.entropy.as_ref()).await?;
            rotated.push(told(record, now)?);
        } else if of_kind.iter().any(|row| row.state == KeyState::PreActive.as_str()) {
            continue;
        } else {
            let record = announced(record);
            certificates::keep_key(&mut tx, *id, &record, &actor, now, env.entropy.as_ref()).await?;
            let announced_seconds = env.settings.token_keys.schedule().announced_seconds;
            rotated.push(told(&record, now.plus_seconds(announced_seconds))?);
        }
    }
    if rotated.is_empty() {
        let message = "the next keys are published already, and wait to sign";
        return Err(Rejected::conflict("rotation_under_way", message).into());
    }
    // COMMIT POINT: keys, states and their leaves.
    tx.commit().await?;
    env.log_bell.notify_one();
    follow(env, now).await?;
    Ok(rotated)
}

fn told(record: &KeyRecord, signs_from: Timestamp) -> Result<Rotated, Fault> {
    Ok(Rotated {
        alg: record.algorithm.jws(),
        kid: record.jwk()?.thumbprint(),
        state: record.state.as_str(),
        signs_from: signs_from.rfc3339(),
    })
}

/// What is due by the calendar, by algorithm.
async fn due(env: &Env, conn: &mut Conn, now: Timestamp) -> Result<Vec<(Algorithm, Due<Id<Key>>)>, Fault> {
    let kept = states(&env.settings, conn, now).await?;
    let schedule = env.settings.token_keys.schedule();
    let of = |algorithm: Algorithm| {
        let turns: Vec<Turn<Id<Key>>> =
            kept.iter().filter(|key| key.algorithm == algorithm).map(|key| key.turn).collect();
        schedule.due(&turns, now).into_iter().map(move |due| (algorithm, due))
    };
    Ok(TOKEN_KEYS.into_iter().flat_map(of).collect())
}

/// The states of the token keys, oldest first.
pub(crate) async fn states(
    settings: &Settings,
    conn: &mut Conn,
    now: Timestamp,
) -> Result<Vec<TokenKeyState>, Fault> {
    let kept = rows::token_keys(conn).await?;
    let schedule = settings.token_keys.schedule();
    kept.iter().map(|row| state_of(row, schedule, now)).collect()
}

fn state_of(row: &TokenKeyRow, schedule: Schedule, now: Timestamp) -> Result<TokenKeyState, Fault> {
    let bad = |column, value: &str| Fault::from(BadRow::new("kms_key", column, row.id, value));
    let state = KeyState::parse(&row.state).ok_or_else(|| bad("state", &row.state))?;
    Ok(TokenKeyState {
        algorithm: Algorithm::parse(&row.algorithm).ok_or_else(|| bad("algorithm", &row.algorithm))?,
        turn: Turn { key: row.id, state, since: row.since },
        published: schedule.is_published(state, row.since, now),
    })
}

/// New keys, not kept yet. Those for RSA take a while.
async fn make(
    env: &Env,
    now: Timestamp,
    algorithms: Vec<Algorithm>,
) -> Result<Vec<(Id<Key>, KeyRecord)>, Fault> {
    if algorithms.is_empty() {
        return Ok(Vec::new());
    }
    let (provider, entropy) = (Arc::clone(&env.keys), Arc::clone(&env.entropy));
    tokio::task::spawn_blocking(move || {
        let new = |algorithm| {
            certificates::new_key(provider.as_ref(), Purpose::TokenSigning, algorithm, now, entropy.as_ref())
        };
        algorithms.into_iter().map(new).collect()
    })
    .await?
}

/// A transaction that no other node's turn comes between.
async fn hold(env: &Env) -> Result<Tx, Fault> {
    let mut tx = env.db.begin().await?;
    settings::hold(&mut tx, INSTALLATION_SECRET).await?;
    Ok(tx)
}

async fn carry_out(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    algorithm: Algorithm,
    due: Due<Id<Key>>,
    made: &[(Id<Key>, KeyRecord)],
) -> Result<(), Fault> {
    match due {
        Due::Announce => {
            // One that fell due while this node was making others is made the next time.
            let Some((id, record)) = made.iter().find(|(_, record)| record.algorithm == algorithm) else {
                return Ok(());
            };
            certificates::keep_key(tx, *id, &announced(record), SYSTEM, now, env.entropy.as_ref()).await?;
        }
        Due::Activate(key) => {
            for row in rows::token_keys(tx).await? {
                if row.algorithm == algorithm.as_str() && row.state == KeyState::Active.as_str() {
                    change(env, tx, now, row.id, algorithm, [KeyState::Active, KeyState::Retired]).await?;
                }
            }
            change(env, tx, now, key, algorithm, [KeyState::PreActive, KeyState::Active]).await?;
        }
        Due::Destroy(key) => destroy(env, tx, now, BY_CALENDAR, key, algorithm).await?,
    }
    env.log_bell.notify_one();
    Ok(())
}

fn announced(record: &KeyRecord) -> KeyRecord {
    KeyRecord { state: KeyState::PreActive, ..record.clone() }
}

async fn change(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    key: Id<Key>,
    algorithm: Algorithm,
    [from, to]: [KeyState; 2],
) -> Result<(), Fault> {
    if rows::change_state(tx, key, from.as_str(), to.as_str(), now).await? {
        write_down(env, tx, now, BY_CALENDAR, key, algorithm, to).await?;
    }
    Ok(())
}

async fn destroy(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    cause: Cause<'_>,
    key: Id<Key>,
    algorithm: Algorithm,
) -> Result<(), Fault> {
    if rows::destroy(tx, key, KeyState::Destroyed.as_str(), now).await? {
        write_down(env, tx, now, cause, key, algorithm, KeyState::Destroyed).await?;
    }
    Ok(())
}

async fn write_down(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    cause: Cause<'_>,
    key: Id<Key>,
    algorithm: Algorithm,
    state: KeyState,
) -> Result<(), Fault> {
    let detail = json!({
        "purpose": Purpose::TokenSigning.as_str(),
        "algorithm": algorithm.as_str(),
        "state": state.as_str(),
        "why": cause.why,
    });
    let act = Act { kind: Kind::KeyStateChanged, actor: cause.actor, subject: &key.to_string(), detail };
    log::write(env, tx, now, act).await.map(drop)
}
