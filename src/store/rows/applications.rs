//! Requests for applications, and what officials do to applications.

use base::id::{Account, ApplicationRequest, Grant, Unit};
use base::{Id, Timestamp};

use super::{Count, id, optional_id, word_enum};
use crate::db::{Conn, Tx, find, hold, list, run};
use crate::dialect::hold;
use crate::error::{BadRow, StoreError};

const ADD: &str = "INSERT INTO application_request (id, kind, client_id, unit_id, registration, registered, purpose, \
     applicant_id, state, sample, created_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'submitted', $9, $10)";
const LOOKUP: &str = "SELECT r.id, r.kind, r.client_id, r.unit_id, u.path, r.registration, r.registered, r.purpose, \
     r.applicant_id, r.state, r.decided_by, r.decided_us, r.reason, r.sample, r.created_us \
     FROM application_request r JOIN org_unit u ON u.id = r.unit_id WHERE r.id = $1";
const OF_CLIENT: &str = "SELECT r.id, r.kind, r.client_id, r.unit_id, u.path, r.registration, r.registered, r.purpose, \
     r.applicant_id, r.state, r.decided_by, r.decided_us, r.reason, r.sample, r.created_us \
     FROM application_request r JOIN org_unit u ON u.id = r.unit_id \
     WHERE r.client_id = $1 ORDER BY r.created_us DESC, r.id DESC LIMIT 100";
const OF_BRANCH: &str = "SELECT r.id, r.kind, r.client_id, r.unit_id, u.path, r.registration, r.registered, r.purpose, \
     r.applicant_id, r.state, r.decided_by, r.decided_us, r.reason, r.sample, r.created_us \
     FROM application_request r JOIN org_unit u ON u.id = r.unit_id \
     WHERE u.path = $1 OR u.path LIKE $2 \
     ORDER BY CASE r.state WHEN 'submitted' THEN 0 ELSE 1 END, r.created_us DESC, r.id DESC LIMIT 100";
const COUNT_WAITING_OF: &str =
    "SELECT COUNT(*) AS n FROM application_request WHERE applicant_id = $1 AND state = 'submitted'";
const COUNT_WAITING_FOR: &str =
    "SELECT COUNT(*) AS n FROM application_request WHERE client_id = $1 AND state = 'submitted'";
const DECIDE: &str = "UPDATE application_request SET state = $2, decided_by = $3, decided_us = $4, reason = $5 \
     WHERE id = $1 AND state = 'submitted' AND applicant_id <> $3";
const WITHDRAW: &str = "UPDATE application_request SET state = 'withdrawn', decided_by = $2, decided_us = $3 \
     WHERE id = $1 AND state = 'submitted' AND applicant_id = $2";
const NAME_CLIENT: &str = "UPDATE application_request SET client_id = $2 WHERE id = $1";
const STANDING: &str = "SELECT c.id, c.unit_id, u.path, c.secret_us, c.disabled_by, c.disabled_us, c.disabled_reason, \
     c.created_us FROM client c LEFT JOIN org_unit u ON u.id = c.unit_id WHERE c.id = $1";
const STANDINGS: &str = "SELECT c.id, c.unit_id, u.path, c.secret_us, c.disabled_by, c.disabled_us, c.disabled_reason, \
     c.created_us FROM client c LEFT JOIN org_unit u ON u.id = c.unit_id ORDER BY c.id LIMIT 1000";
const GIVE_TO_UNIT: &str = "UPDATE client SET unit_id = $2 WHERE id = $1";
const CHANGE: &str = "UPDATE client SET metadata = $3, secret_hash = $4, secret_us = $5, updated_us = $6 \
     WHERE id = $1 AND metadata = $2 AND state = 'active'";
const NEW_SECRET: &str = "UPDATE client SET secret_hash = $2, secret_us = $3, updated_us = $3 \
     WHERE id = $1 AND state = 'active' AND secret_hash IS NOT NULL AND NOT EXISTS ( \
       SELECT 1 FROM application_request r WHERE r.client_id = $1 AND r.state = 'approved' AND r.kind <> 'enable' \
       AND r.decided_by = $4 AND NOT EXISTS ( \
         SELECT 1 FROM application_request l WHERE l.client_id = $1 AND l.state = 'approved' AND l.kind <> 'enable' \
         AND l.decided_us > r.decided_us))";
const DISABLE: &str = "UPDATE client SET state = 'disabled', disabled_by = $2, disabled_us = $3, disabled_reason = $4, \
     updated_us = $3 WHERE id = $1 AND state = 'active'";
const ENABLE: &str = "UPDATE client SET state = 'active', in_use_since_us = $2, disabled_by = NULL, disabled_us = NULL, \
     disabled_reason = NULL, updated_us = $2 WHERE id = $1 AND state = 'disabled' AND disabled_by IS NOT NULL";
const REVOKE_GRANTS: &str = "UPDATE auth_grant SET revoked_us = $2, revoked_reason = $3 \
     WHERE client_id = $1 AND revoked_us IS NULL AND expires_us > $2 RETURNING id";
const END_PUSHED: &str =
    "UPDATE pushed_request SET consumed_us = $2 WHERE client_id = $1 AND consumed_us IS NULL";
const END_DEFERRED: &str = "UPDATE deferred_request SET expires_us = $2, ping_due_us = NULL WHERE client_id = $1 AND expires_us > $2";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    ADD,
    LOOKUP,
    OF_CLIENT,
    OF_BRANCH,
    COUNT_WAITING_OF,
    COUNT_WAITING_FOR,
    DECIDE,
    WITHDRAW,
    NAME_CLIENT,
    STANDING,
    STANDINGS,
    GIVE_TO_UNIT,
    CHANGE,
    NEW_SECRET,
    DISABLE,
    ENABLE,
    REVOKE_GRANTS,
    END_PUSHED,
    END_DEFERRED,
];

word_enum! {
    /// What is asked for.
    RequestKind {
        /// A new application.
        Register = "register",
        /// Another registration of an application.
        Change = "change",
        /// An application back into use.
        Enable = "enable",
    }
}

word_enum! {
    /// What became of a request.
    RequestState {
        /// It waits.
        Submitted = "submitted",
        /// It was done.
        Approved = "approved",
        /// It was not.
        Refused = "refused",
        /// Whoever asked took it back.
        Withdrawn = "withdrawn",
    }
}

/// A request as it is kept.
#[derive(Clone, Debug)]
pub struct RequestRow {
    /// Its identifier.
    pub id: Id<ApplicationRequest>,
    /// What is asked for.
    pub kind: RequestKind,
    /// The application; of a registration, once there is one.
    pub client_id: Option<String>,
    /// The unit whose application it is.
    pub unit: Id<Unit>,
    /// The identifiers from the top of the tree down to the unit, joined by `/`.
    pub unit_path: String,
    /// The registration asked for, JSON in `oidc`'s form.
    pub registration: String,
    /// What was registered when it was asked.
    pub registered: Option<String>,
    /// What it is for, in the applicant's words.
    pub purpose: String,
    /// Who asked.
    pub applicant: Id<Account>,
    /// What became of it.
    pub state: RequestState,
    /// Who decided, or took it back; and when.
    pub decided: Option<(Id<Account>, Timestamp)>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// Part of the sample province.
    pub sample: bool,
    /// When it was asked.
    pub created: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    kind: String,
    client_id: Option<String>,
    unit_id: String,
    path: String,
    registration: String,
    registered: Option<String>,
    purpose: String,
    applicant_id: String,
    state: String,
    decided_by: Option<String>,
    decided_us: Option<i64>,
    reason: Option<String>,
    sample: i64,
    created_us: i64,
}

impl TryFrom<Raw> for RequestRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        const TABLE: &str = "application_request";
        let bad = |column, value: &str| BadRow::new(TABLE, column, &raw.id, value);
        let kind = RequestKind::parse(&raw.kind).ok_or_else(|| bad("kind", &raw.kind))?;
        let state = RequestState::parse(&raw.state).ok_or_else(|| bad("state", &raw.state))?;
        let decided_by = optional_id(TABLE, "decided_by", raw.decided_by.as_deref())?;
        let decided = decided_by.zip(raw.decided_us.map(Timestamp::from_us));
        if decided.is_some() == (state == RequestState::Submitted) {
            return Err(bad("decided_by", raw.decided_by.as_deref().unwrap_or("none")).into());
        }
        if (kind == RequestKind::Register) == raw.registered.is_some() {
            return Err(
                bad("registered", "expected of all but a new application, and of nothing else").into()
            );
        }
        Ok(Self {
            id: id(TABLE, "id", &raw.id)?,
            kind,
            client_id: raw.client_id,
            unit: id(TABLE, "unit_id", &raw.unit_id)?,
            unit_path: raw.path,
            registration: raw.registration,
            registered: raw.registered,
            purpose: raw.purpose,
            applicant: id(TABLE, "applicant_id", &raw.applicant_id)?,
            state,
            decided,
            reason: raw.reason,
            sample: raw.sample != 0,
            created: Timestamp::from_us(raw.created_us),
        })
    }
}

/// Keeps a new request.
pub async fn add(tx: &mut Tx, request: &RequestRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD,
        request.id.to_string(),
        request.kind.as_str(),
        request.client_id.as_deref(),
        request.unit.to_string(),
        &request.registration,
        request.registered.as_deref(),
        &request.purpose,
        request.applicant.to_string(),
        i64::from(request.sample),
        request.created.us()
    )
    .map(drop)
}

/// The request `id`.
pub async fn lookup(conn: &mut Conn, id: Id<ApplicationRequest>) -> Result<Option<RequestRow>, StoreError> {
    find!(Raw, conn, LOOKUP, id.to_string())?.map(RequestRow::try_from).transpose()
}

/// What was asked about the application, latest first; at most 100.
pub async fn of_client(conn: &mut Conn, client_id: &str) -> Result<Vec<RequestRow>, StoreError> {
    list!(Raw, conn, OF_CLIENT, client_id)?.into_iter().map(RequestRow::try_from).collect()
}

/// What was asked for the unit at `path` and those below, what waits first, then the latest; at most 100.
pub async fn of_branch(conn: &mut Conn, path: &str) -> Result<Vec<RequestRow>, StoreError> {
    // INVARIANT: a path is of identifiers, in which `%` does not occur, and `_` only where every identifier has it.
    let below = format!("{path}/%");
    list!(Raw, conn, OF_BRANCH, path, below.as_str())?.into_iter().map(RequestRow::try_from).collect()
}

/// How many requests of `applicant` wait.
pub async fn count_waiting_of(conn: &mut Conn, applicant: Id<Account>) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT_WAITING_OF, applicant.to_string())?.map_or(0, |count| count.n))
}

/// How many requests about the application wait.
pub async fn count_waiting_for(conn: &mut Conn, client_id: &str) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT_WAITING_FOR, client_id)?.map_or(0, |count| count.n))
}

/// Approves or refuses a request that waits: true for exactly one official, who is not the one who asked.
pub async fn decide(
    tx: &mut Tx,
    id: Id<ApplicationRequest>,
    state: RequestState,
    official: Id<Account>,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, DECIDE, id.to_string(), state.as_str(), official.to_string(), now.us(), reason)? == 1)
}

/// Takes a request that waits back, for the one who asked; true once.
pub async fn withdraw(
    tx: &mut Tx,
    id: Id<ApplicationRequest>,
    applicant: Id<Account>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, WITHDRAW, id.to_string(), applicant.to_string(), now.us())? == 1)
}

/// The application `client_id` came of the request.
pub async fn name_client(tx: &mut Tx, id: Id<ApplicationRequest>, client_id: &str) -> Result<(), StoreError> {
    run!(tx, NAME_CLIENT, id.to_string(), client_id).map(drop)
}

/// Whose an application is, and how it stands.
#[derive(Clone, Debug)]
pub struct StandingRow {
    /// The application.
    pub client_id: String,
    /// The unit whose it is, and the identifiers from the top of the tree down to it; none of an application that no official asked for.
    pub unit: Option<(Id<Unit>, String)>,
    /// When its secret was last made for somebody.
    pub secret_made: Option<Timestamp>,
    /// Which official took it out of use, when and why.
    pub disabled: Option<Disabled>,
    /// When it was registered.
    pub created: Timestamp,
}

/// How an application was taken out of use.
#[derive(Clone, Debug)]
pub struct Disabled {
    /// By whom.
    pub by: Id<Account>,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

#[derive(sqlx::FromRow)]
struct RawStanding {
    id: String,
    unit_id: Option<String>,
    path: Option<String>,
    secret_us: Option<i64>,
    disabled_by: Option<String>,
    disabled_us: Option<i64>,
    disabled_reason: Option<String>,
    created_us: i64,
}

impl TryFrom<RawStanding> for StandingRow {
    type Error = StoreError;
    fn try_from(raw: RawStanding) -> Result<Self, StoreError> {
        let by = optional_id("client", "disabled_by", raw.disabled_by.as_deref())?;
        let disabled = match (by, raw.disabled_us, raw.disabled_reason) {
            (Some(by), Some(at), Some(reason)) => Some(Disabled { by, at: Timestamp::from_us(at), reason }),
            (None, None, None) => None,
            _ => {
                return Err(
                    BadRow::new("client", "disabled_by", &raw.id, "expected with when and why").into()
                );
            }
        };
        Ok(Self {
            unit: optional_id("client", "unit_id", raw.unit_id.as_deref())?.zip(raw.path),
            secret_made: raw.secret_us.map(Timestamp::from_us),
            disabled,
            created: Timestamp::from_us(raw.created_us),
            client_id: raw.id,
        })
    }
}

/// How the application stands.
pub async fn standing(conn: &mut Conn, client_id: &str) -> Result<Option<StandingRow>, StoreError> {
    find!(RawStanding, conn, STANDING, client_id)?.map(StandingRow::try_from).transpose()
}

/// How all applications stand; at most 1000.
pub async fn standings(conn: &mut Conn) -> Result<Vec<StandingRow>, StoreError> {
    list!(RawStanding, conn, STANDINGS)?.into_iter().map(StandingRow::try_from).collect()
}

/// The application is the unit's.
pub async fn give_to_unit(tx: &mut Tx, client_id: &str, unit: Id<Unit>) -> Result<(), StoreError> {
    run!(tx, GIVE_TO_UNIT, client_id, unit.to_string()).map(drop)
}

/// An application's secret as it is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecretKept {
    /// SM3 of it.
    pub hash: Option<[u8; 32]>,
    /// When it was made for somebody; never, when nobody knows it.
    pub made: Option<Timestamp>,
}

/// Replaces the registration `before` of an application in use; whether it still was `before`.
pub async fn change(
    tx: &mut Tx,
    client_id: &str,
    before: &str,
    after: &str,
    secret: SecretKept,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (hash, made) = (secret.hash.map(|hash| hash.to_vec()), secret.made.map(Timestamp::us));
    Ok(run!(tx, CHANGE, client_id, before, after, hash, made, now.us())? == 1)
}

/// Replaces the secret of an application in use that has one, unless `official` approved what is registered now.
pub async fn new_secret(
    tx: &mut Tx,
    client_id: &str,
    hash: &[u8; 32],
    official: Id<Account>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, NEW_SECRET, client_id, &hash[..], now.us(), official.to_string())? == 1)
}

/// Takes an application out of use; whether it was in use.
pub async fn disable(
    tx: &mut Tx,
    client_id: &str,
    official: Id<Account>,
    reason: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, DISABLE, client_id, official.to_string(), now.us(), reason)? == 1)
}

/// Takes an application back into use that an official took out of it; whether it was.
pub async fn enable(tx: &mut Tx, client_id: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, ENABLE, client_id, now.us())? == 1)
}

#[derive(sqlx::FromRow)]
struct RawId {
    id: String,
}

/// Takes back everything that the application was given and has still, and ends the requests that it has under way; which grants there were.
pub async fn take_back(
    tx: &mut Tx,
    client_id: &str,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Id<Grant>>, StoreError> {
    run!(tx, END_PUSHED, client_id, now.us())?;
    run!(tx, END_DEFERRED, client_id, now.us())?;
    hold!(tx, hold::GRANTS_OF_CLIENT, client_id)?;
    let grants = list!(RawId, tx, REVOKE_GRANTS, client_id, now.us(), reason)?;
    grants.into_iter().map(|raw| Ok(id("auth_grant", "id", &raw.id)?)).collect()
}
