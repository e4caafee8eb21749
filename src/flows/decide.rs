//! Access decisions: AuthZEN requests, answered with what the store knows of the subject and the resource.
//!
//! What is known comes from here, never from the caller, except for the properties on the store's allow-list. Decisions about
//! data of grade 3 and up are in the log before they are given.

use base::{Id, Timestamp};
use policy::authzen::{Action, BadRequest, Batch, Entity};
use policy::facts::{Assertions, TrustContribution};
use policy::vocabulary::{self as words, UnitPath};
use policy::{
    Bundle, Decision, EntityFacts, EvaluationRequest, EvaluationsRequest, Facts, Outcome, StepUp, Store,
    TrustFacts,
};
use serde_json::{Map, Value, json};
use store::rows::accounts::{self, AccountState};
use store::rows::sessions::LiveAt;
use store::rows::{clients, data_sets, ecerts, seals, sessions, signals, units};
use store::{Conn, Tx};
use trust::Severity;

use crate::caller::Caller;
use crate::clients::Registration;
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected, WantedLogin};
use crate::log::{self, Act, Kind};

/// From this grade on every decision is in the log (GB/T 43697: 1 general … 4).
pub const LOGGED_FROM_GRADE: u8 = 3;
/// Signals older than this no longer count.
const SIGNALS_FOR_SECONDS: i64 = 365 * 86_400;
/// How many contributions an explanation lists.
const CONTRIBUTIONS_MAX_COUNT: usize = 5;

/// The policies in force: several stores by name.
pub struct Policies(policy::Engine);

/// The files of one policy store: its name, and the name and text of each file in its folder.
pub type StoreFiles = (String, Vec<(String, String)>);

impl Policies {
    /// Loads and validates the stores. Refuses all of them when one is not good.
    pub fn load(stores: &[StoreFiles]) -> Result<Self, policy::BundleError> {
        let stores =
            stores.iter().map(|(name, files)| Store::load(name, files)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(policy::Engine::new(stores)))
    }

    /// The stores, by name.
    pub fn stores(&self) -> impl Iterator<Item = (&str, &Bundle)> {
        self.0.stores().map(|store| (store.name(), store.bundle()))
    }

    fn store(&self, name: &str) -> Result<&Store, Rejected> {
        self.0.store(name).ok_or_else(|| {
            Rejected::not_found("no_such_policy_store", format!("there is no policy store `{name}`"))
        })
    }
}

/// Answers one AuthZEN evaluation request (Authorization API 1.0, 6).
pub async fn evaluate(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    store: &str,
    body: &[u8],
) -> Result<Decision, Failure> {
    let store = env.policies.store(store)?;
    let request = EvaluationRequest::from_json(body).map_err(|e| bad_request(&e))?;
    check_characters(&request)?;
    Ok(answer_one(env, now, caller, store, &request).await?)
}

/// The answer to an AuthZEN evaluations request: one decision for a request without items.
#[derive(serde::Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a request without items (7.1).
    Single(Decision),
    /// To a request with items.
    Batch {
        /// One decision an item, possibly fewer.
        evaluations: Vec<Decision>,
    },
}

/// Answers an AuthZEN evaluations request (Authorization API 1.0, 7).
pub async fn evaluate_many(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    store: &str,
    body: &[u8],
) -> Result<Answer, Failure> {
    let store = env.policies.store(store)?;
    match EvaluationsRequest::from_json(body).map_err(|e| bad_request(&e))? {
        EvaluationsRequest::Single(request) => {
            check_characters(&request)?;
            Ok(Answer::Single(answer_one(env, now, caller, store, &request).await?))
        }
        EvaluationsRequest::Batch(batch) if batch.items.iter().flatten().any(has_control_characters) => {
            Err(control_characters().into())
        }
        EvaluationsRequest::Batch(batch) => {
            Ok(Answer::Batch { evaluations: answer_batch(env, now, caller, store, &batch).await? })
        }
    }
}

async fn answer_one(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    store: &Store,
    request: &EvaluationRequest,
) -> Result<Decision, Fault> {
    let at = env.settings.sessions.live_at(now);
    let judged = judge(&mut *env.db.read().await?, store, request, None, at).await?;
    if !judged.is_logged() {
        return Ok(judged.outcome.into_decision());
    }
    let mut tx = env.db.begin().await?;
    let decision = judged.log(env, &mut tx, now, &caller.actor(), store, request).await?;
    // COMMIT POINT: the decision is given only once it is in the log.
    tx.commit().await?;
    Ok(decision)
}

async fn answer_batch(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    store: &Store,
    batch: &Batch,
) -> Result<Vec<Decision>, Fault> {
    let at = env.settings.sessions.live_at(now);
    let mut judged = Vec::with_capacity(batch.items.len());
    let mut conn = env.db.read().await?;
    for item in &batch.items {
        let answer = match item {
            Ok(request) => Ok((request, judge(&mut conn, store, request, None, at).await?)),
            Err(error) => Err(Decision::from(error.clone())),
        };
        let given = answer.as_ref().map_or_else(Clone::clone, |(_, j)| Decision::new(j.outcome.decision));
        judged.push(answer);
        if batch.semantic.stops_after(&given) {
            break;
        }
    }
    drop(conn);
    let must_log = judged.iter().any(|j| j.as_ref().is_ok_and(|(_, j)| j.is_logged()));
    let mut tx = if must_log { Some(env.db.begin().await?) } else { None };
    let mut decisions = Vec::with_capacity(judged.len());
    for answer in judged {
        decisions.push(match (answer, tx.as_mut()) {
            (Ok((request, judged)), Some(tx)) if judged.is_logged() => {
                judged.log(env, tx, now, &caller.actor(), store, request).await?
            }
            (Ok((_, judged)), _) => judged.outcome.into_decision(),
            (Err(decision), _) => decision,
        });
    }
    if let Some(tx) = tx {
        // COMMIT POINT: as for one decision, for all of them at once.
        tx.commit().await?;
    }
    Ok(decisions)
}

/// May `caller` do `action` to the `kind` called `id`? For flows of our own; the refusal carries the explanation, and where a person's
/// token would do after another login, what that must be (`docs/adr/0024-step-up-is-what-the-policies-say.md`).
pub(crate) async fn require(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    action: &str,
    kind: &str,
    id: &str,
) -> Result<(), Failure> {
    let (subject_kind, subject_id) = caller.principal();
    let entity = |kind: &str, id: String| Entity { kind: kind.to_owned(), id, properties: Map::new() };
    let request = EvaluationRequest {
        subject: entity(subject_kind, subject_id),
        action: Action { name: action.to_owned(), properties: Map::new() },
        resource: entity(kind, id.to_owned()),
        context: Map::new(),
    };
    let store = env.policies.store(words::STORE)?;
    let at = env.settings.sessions.live_at(now);
    let login =
        caller.acr.as_deref().zip(caller.authenticated).map(|(acr, at)| LoginFacts::new(acr, at, now));
    let judged = judge(&mut *env.db.read().await?, store, &request, login, at).await?;
    if judged.outcome.decision {
        return Ok(());
    }
    let why = policy::explain::reason_user(&judged.outcome);
    tracing::info!(
        action,
        kind,
        id,
        actor = caller.actor(),
        reason = policy::explain::reason_admin(&judged.outcome).en,
        "refused by policy"
    );
    let message = format!("{} / {}", why.en, why.zh);
    match judged.outcome.step_up.filter(|_| caller.grant.is_some()) {
        Some(StepUp { acr_value, max_age_seconds }) => {
            let wants = WantedLogin { scheme: caller.scheme(), acr_value, max_age_seconds };
            Err(Rejected::another_login(wants, message).into())
        }
        None => Err(Rejected::forbidden("refused_by_policy", message).into()),
    }
}

/// What a login says of the moment.
#[derive(Clone, Copy)]
struct LoginFacts {
    assurance: Option<u8>,
    age_seconds: u32,
}

impl LoginFacts {
    fn new(acr: &str, authenticated: Timestamp, now: Timestamp) -> Self {
        let age = now.since(authenticated).as_secs();
        Self { assurance: assurance_level(acr), age_seconds: u32::try_from(age).unwrap_or(u32::MAX) }
    }
}

/// The policy engine's outcome and the grade of what was asked for.
struct Judged {
    outcome: Outcome,
    grade: Option<u8>,
    subject_is_known: bool,
    resource_is_known: bool,
}

async fn judge(
    conn: &mut Conn,
    store: &Store,
    request: &EvaluationRequest,
    login: Option<LoginFacts>,
    at: LiveAt,
) -> Result<Judged, Fault> {
    // Only the province's own store knows the province's people; the others stand on what they hold themselves.
    let facts =
        if store.name() == words::STORE { facts(conn, request, login, at).await? } else { bare_facts() };
    let grade = grade(request, &facts);
    Ok(Judged {
        outcome: store.decide(request, &facts, at.now),
        grade,
        subject_is_known: !facts.subject.attributes.is_empty(),
        resource_is_known: !facts.resource.ancestors.is_empty(),
    })
}

impl Judged {
    fn is_logged(&self) -> bool {
        self.grade.is_some_and(|grade| grade >= LOGGED_FROM_GRADE)
    }

    async fn log(
        self,
        env: &Env,
        tx: &mut Tx,
        now: Timestamp,
        actor: &str,
        store: &Store,
        request: &EvaluationRequest,
    ) -> Result<Decision, Fault> {
        let outcome = &self.outcome;
        let policies: Vec<&str> = outcome.determining.iter().map(|p| p.id.as_str()).collect();
        let detail = json!({
            "store": store.name(),
            "revision": &*outcome.revision,
            "action": request.action.name,
            "resource": nameable(env, &request.resource, self.resource_is_known),
            "grade": self.grade,
            "decision": outcome.decision,
            "policies": policies,
            "trust": outcome.trust.as_ref().map(|t| t.score),
        });
        let subject = nameable(env, &request.subject, self.subject_is_known);
        let act = Act { kind: Kind::Decision, actor, subject: &subject, detail };
        let entry = log::write(env, tx, now, act).await?;
        let mut decision = self.outcome.into_decision();
        decision.context.insert("log_entry".to_owned(), json!(entry));
        Ok(decision)
    }
}

/// An entity as the log names it. What this system knows stands by its own identifier; what only the caller knows may be
/// somebody's number, and the log forgets nothing: of that a keyed hash stands there.
fn nameable(env: &Env, entity: &Entity, is_known: bool) -> String {
    if is_known {
        return format!("{}:{}", entity.kind, entity.id);
    }
    let index = env.secrets.index_of(&entity.kind, &entity.id);
    format!("{}:#{}", entity.kind, base::encoding::base64url(&index))
}

fn check_characters(request: &EvaluationRequest) -> Result<(), Rejected> {
    if has_control_characters(request) { Err(control_characters()) } else { Ok(()) }
}

fn has_control_characters(request: &EvaluationRequest) -> bool {
    let texts = [
        &request.subject.kind,
        &request.subject.id,
        &request.action.name,
        &request.resource.kind,
        &request.resource.id,
    ];
    texts.iter().any(|text| text.chars().any(char::is_control))
}

fn control_characters() -> Rejected {
    Rejected::bad_request(
        "invalid_request",
        "expected types, identifiers and names without control characters",
    )
}

const fn bare_facts() -> Facts {
    Facts {
        subject: EntityFacts { attributes: std::collections::BTreeMap::new(), ancestors: Vec::new() },
        resource: EntityFacts { attributes: std::collections::BTreeMap::new(), ancestors: Vec::new() },
        context: std::collections::BTreeMap::new(),
        trust: None,
        assertions: Assertions::AllowListed,
    }
}

fn grade(request: &EvaluationRequest, facts: &Facts) -> Option<u8> {
    let known = match facts.resource.attributes.get("grade") {
        Some(policy::Value::Long(grade)) => Some(*grade),
        _ => request.resource.properties.get("grade").and_then(Value::as_i64),
    };
    // A grade that is no grade counts as the highest: better one entry too many.
    known.map(|grade| u8::try_from(grade).unwrap_or(u8::MAX))
}

async fn facts(
    conn: &mut Conn,
    request: &EvaluationRequest,
    login: Option<LoginFacts>,
    at: LiveAt,
) -> Result<Facts, Fault> {
    let subject = &request.subject;
    let trust = match subject.kind.as_str() {
        "official" | "citizen" => Some(trust_of(conn, &subject.id, at.now).await?),
        _ => None,
    };
    let login = match (login, request.context.get("sid").and_then(Value::as_str)) {
        (Some(login), _) => Some(login),
        (None, Some(sid)) => login_of_session(conn, sid, &subject.id, at).await?,
        (None, None) => None,
    };
    let situation = words::Situation {
        assurance: login.and_then(|login| login.assurance),
        login_age_seconds: login.map(|login| login.age_seconds),
    };
    Ok(Facts {
        subject: subject_facts(conn, &subject.kind, &subject.id).await?,
        resource: resource_facts(conn, &request.resource.kind, &request.resource.id).await?,
        context: situation.into(),
        trust,
        assertions: Assertions::AllowListed,
    })
}

/// The login that the caller names by `context.sid`, if it is a live one of the subject.
async fn login_of_session(
    conn: &mut Conn,
    sid: &str,
    subject: &str,
    at: LiveAt,
) -> Result<Option<LoginFacts>, Fault> {
    let Ok(sid) = sid.parse() else { return Ok(None) };
    let session = sessions::live(conn, sid, at).await?;
    // One without a method came from an assertion: nobody logged in.
    let theirs = session.filter(|session| session.account.to_string() == subject && !session.amr.is_empty());
    Ok(theirs.map(|session| LoginFacts::new(&session.acr, session.authenticated, at.now)))
}

/// The level in `urn:yinxin:loa:N`.
fn assurance_level(acr: &str) -> Option<u8> {
    acr.rsplit(':').next()?.parse().ok()
}

async fn subject_facts(conn: &mut Conn, kind: &str, id: &str) -> Result<EntityFacts, Fault> {
    Ok(match (kind, id.parse()) {
        ("official", Ok(id)) => official(conn, id).await?.map(EntityFacts::from),
        ("citizen", Ok(id)) => {
            let account = accounts::lookup(conn, id).await?;
            account.map(|a| words::Citizen { active: a.state == AccountState::Active }.into())
        }
        ("application", _) => application(conn, id).await?.map(EntityFacts::from),
        _ => None,
    }
    .unwrap_or_default())
}

async fn official(conn: &mut Conn, id: Id<base::id::Account>) -> Result<Option<words::Official>, Fault> {
    let (Some(account), Some(official)) =
        (accounts::lookup(conn, id).await?, accounts::lookup_official(conn, id).await?)
    else {
        return Ok(None);
    };
    Ok(Some(words::Official {
        unit: unit_path(&official.unit_path),
        clearance: official.clearance,
        roles: official.roles,
        active: account.state == AccountState::Active && official.state == AccountState::Active,
        serves_until: None,
    }))
}

async fn application(conn: &mut Conn, id: &str) -> Result<Option<words::Application>, Fault> {
    let Some(row) = clients::lookup(conn, id).await? else { return Ok(None) };
    let registration: Registration = serde_json::from_str(&row.metadata)
        .map_err(|e| store::BadRow::new("client", "metadata", &row.id, e))?;
    Ok(Some(words::Application {
        active: row.active,
        data_sets: registration.may_read,
        seals: registration.may_use_seals,
        certificate_types: registration.may_issue,
    }))
}

async fn resource_facts(conn: &mut Conn, kind: &str, id: &str) -> Result<EntityFacts, Fault> {
    Ok(match kind {
        "dataset" => data_sets::lookup(conn, id)
            .await?
            .map(|d| words::DataSet { unit: unit_path(&d.unit_path), grade: Some(d.grade) }.into()),
        "seal" => match id.parse() {
            Ok(id) => seals::lookup(conn, id).await?.map(|s| {
                words::Seal { unit: unit_path(&s.unit_path), active: s.state == seals::SealState::Active }
                    .into()
            }),
            Err(_) => None,
        },
        "certificate_type" => ecerts::lookup_type(conn, id)
            .await?
            .map(|t| words::CertificateType { unit: unit_path(&t.unit_path) }.into()),
        "account" => match id.parse() {
            Ok(id) => account(conn, id).await?.map(EntityFacts::from),
            Err(_) => None,
        },
        "console" => match id.parse() {
            Ok(id) => {
                units::lookup(conn, id).await?.map(|u| words::Console { unit: unit_path(&u.path) }.into())
            }
            Err(_) => None,
        },
        _ => None,
    }
    .unwrap_or_default())
}

/// Somebody who is acted for.
async fn account(conn: &mut Conn, id: Id<base::id::Account>) -> Result<Option<words::Account>, Fault> {
    if accounts::lookup(conn, id).await?.is_none() {
        return Ok(None);
    }
    let official = accounts::lookup_official(conn, id).await?;
    Ok(Some(words::Account { official: official.is_some_and(|o| o.state == AccountState::Active) }))
}

fn unit_path(path: &str) -> UnitPath {
    let (above, unit) = path.rsplit_once('/').unwrap_or(("", path));
    UnitPath::new(above.split('/').filter(|id| !id.is_empty()), unit)
}

/// How far `subject` can be trusted now.
pub(crate) async fn trust_of(conn: &mut Conn, subject: &str, now: Timestamp) -> Result<TrustFacts, Fault> {
    let rows = signals::recent(conn, subject, now.plus_seconds(-SIGNALS_FOR_SECONDS)).await?;
    let signals = rows.into_iter().map(signal).collect::<Result<Vec<_>, _>>()?;
    let trust = trust::evaluate(&signals, now);
    let contributions = trust.contributions.iter().take(CONTRIBUTIONS_MAX_COUNT).map(|c| TrustContribution {
        kind: c.kind.name().to_owned(),
        points: c.points,
        reason_zh: c.reason_zh.to_owned(),
        reason_en: c.reason_en.to_owned(),
    });
    Ok(TrustFacts {
        score: trust.score,
        after_strong_login: trust.after_strong_login,
        contributions: contributions.collect(),
    })
}

fn signal(row: signals::SignalRow) -> Result<trust::Signal, Fault> {
    let bad = |column, value: &str| store::BadRow::new("trust_signal", column, row.id, value);
    Ok(trust::Signal {
        kind: row.kind.parse().map_err(|_| bad("kind", &row.kind))?,
        severity: row.severity.parse::<Severity>().map_err(|_| bad("severity", &row.severity))?,
        subject: row.subject,
        reported_at: row.reported,
        reported_by: row.reported_by,
        resolved_at: row.resolved,
    })
}

fn bad_request(error: &BadRequest) -> Rejected {
    Rejected::bad_request("invalid_request", error.to_string())
}
