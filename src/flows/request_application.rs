//! An official asks for an application, for a change of one, or for one to be taken back into use; another official decides.
//!
//! A request does not change: who wants something else takes it back and asks anew, so what is approved is what was shown. That nobody
//! decides their own is in the UPDATE. Source: `docs/adr/0019-an-application-takes-two-officials.md`.

use audit::entry::Kind;
use base::id::{Account, ApplicationRequest, Client as ClientKind, Grant, Unit};
use base::{Id, Timestamp};
use oidc::client::BadRegistration;
use oidc::registration::BadMember;
use oidc::{Client, Registration, Scope};
use serde_json::{Value, json};
use store::rows::accounts::{self, AccountState};
use store::rows::applications::{self as rows, RequestKind, RequestRow, RequestState, SecretKept};
use store::rows::clients::{self as client_rows, ClientRow};
use store::{BadRow, Tx};

use crate::caller::{Authority, Caller, scope};
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::log::{self, Act};
use crate::{end_consents, look_alikes, people, subjects};

/// Most requests of one official that wait.
const WAITING_MAX_COUNT: i64 = 20;
/// Longest purpose or reason, in characters.
pub const REASON_MAX_CHARS: usize = 500;
/// Scopes of the province's own APIs that an official may ask for; the others are the operator's to give.
pub const ASKABLE_SCOPES: &[&str] = &[scope::DECIDE, scope::REPORT_SIGNAL];
/// Members that are the operator's to set: what policies look at, and whether people are asked.
const OPERATORS_MEMBERS: &[&str] =
    &["first_party", "may_read", "may_use_seals", "may_issue", "assertion_issuers", "registered_itself"];
/// The identifier under which a registration is tried before there is one.
const TRIED_AS: &str = "app_00000000000000000000000000";

/// An official asks for a new application of `unit`.
pub async fn ask(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    unit: Id<Unit>,
    registration: &Registration,
    purpose: &str,
) -> Result<Id<ApplicationRequest>, Failure> {
    let applicant = require(env, now, caller, ASK, unit).await?;
    check(env, registration)?;
    check_powers(&Registration::default(), registration)?;
    subjects::check_sector(env, registration).await.map_err(|e| bad_member(&e))?;
    let asked = Asked { kind: RequestKind::Register, client_id: None, unit, registered: None };
    submit(env, now, applicant, asked, serde_json::to_string(registration)?, purpose).await
}

/// An official asks for another registration of the application `client_id`.
pub async fn ask_for_change(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    client_id: &str,
    registration: &Registration,
    purpose: &str,
) -> Result<Id<ApplicationRequest>, Failure> {
    let (row, unit) = application(env, client_id).await?;
    let applicant = require(env, now, caller, ASK, unit).await?;
    let before = read(&row)?;
    if !row.active {
        return Err(out_of_use());
    }
    if before.registered_itself {
        let message = "this application registered itself, and changes its registration itself (RFC 7592)";
        return Err(Rejected::conflict("registered_itself", message).into());
    }
    check(env, registration)?;
    check_powers(&before, registration)?;
    check_names_of_people(client_id, &before, registration)?;
    subjects::check_sector(env, registration).await.map_err(|e| bad_member(&e))?;
    let after = serde_json::to_string(registration)?;
    if after == row.metadata {
        return Err(
            Rejected::unprocessable("nothing_changed", "what is asked for is registered already").into()
        );
    }
    let asked = Asked {
        kind: RequestKind::Change,
        client_id: Some(client_id.to_owned()),
        unit,
        registered: Some(row.metadata),
    };
    submit(env, now, applicant, asked, after, purpose).await
}

/// An official asks for the application `client_id`, which was taken out of use, to be taken back into it.
pub async fn ask_to_enable(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    client_id: &str,
    purpose: &str,
) -> Result<Id<ApplicationRequest>, Failure> {
    let (row, unit) = application(env, client_id).await?;
    let applicant = require(env, now, caller, ASK, unit).await?;
    let standing = rows::standing(&mut *env.db.read().await?, client_id).await?;
    if row.active || standing.is_none_or(|standing| standing.disabled.is_none()) {
        let message = "only an application that an official took out of use is taken back into it";
        return Err(Rejected::conflict("not_disabled", message).into());
    }
    let asked = Asked {
        kind: RequestKind::Enable,
        client_id: Some(client_id.to_owned()),
        unit,
        registered: Some(row.metadata.clone()),
    };
    submit(env, now, applicant, asked, row.metadata, purpose).await
}

const ASK: &str = "request_application";
const APPROVE: &str = "approve_application";

/// The person of `caller`, if policies let them do `action` for `unit`.
async fn require(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    action: &str,
    unit: Id<Unit>,
) -> Result<Id<Account>, Failure> {
    Authority::Caller(caller).require(env, now, action, "console", &unit.to_string()).await?;
    let nobody =
        || Rejected::forbidden("not_an_official", "applications are asked for and approved by officials");
    Ok(caller.account.ok_or_else(nobody)?)
}

/// May the official ask for applications of `unit`?
pub(crate) async fn require_asking(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    unit: Id<Unit>,
) -> Result<Id<Account>, Failure> {
    require(env, now, caller, ASK, unit).await
}

struct Asked {
    kind: RequestKind,
    client_id: Option<String>,
    unit: Id<Unit>,
    registered: Option<String>,
}

async fn submit(
    env: &Env,
    now: Timestamp,
    applicant: Id<Account>,
    asked: Asked,
    registration: String,
    purpose: &str,
) -> Result<Id<ApplicationRequest>, Failure> {
    let purpose = reason("purpose", purpose)?;
    let id = Id::<ApplicationRequest>::new(now, env.entropy.as_ref());
    let mut tx = env.db.begin().await?;
    let account = accounts::lookup(&mut tx, applicant).await?;
    let row = RequestRow {
        id,
        kind: asked.kind,
        client_id: asked.client_id,
        unit: asked.unit,
        unit_path: String::new(),
        registration,
        registered: asked.registered,
        purpose,
        applicant,
        state: RequestState::Submitted,
        decided: None,
        reason: None,
        sample: account.is_some_and(|account| account.sample),
        created: now,
    };
    // One official's requests come one after the other from here on, so that each sees those before it.
    if !accounts::hold_active(&mut tx, applicant).await? {
        return Err(Rejected::forbidden("not_logged_in", "the account may no longer be used").into());
    }
    if rows::count_waiting_of(&mut tx, applicant).await? >= WAITING_MAX_COUNT {
        let message = format!(
            "{WAITING_MAX_COUNT} of your requests wait already: have some decided, or take them back"
        );
        return Err(Rejected::conflict("too_many_requests", message).into());
    }
    if let Some(client_id) = &row.client_id
        && rows::count_waiting_for(&mut tx, client_id).await? > 0
    {
        let message = "a request about this application waits already: have it decided, or taken back";
        return Err(Rejected::conflict("request_waits", message).into());
    }
    rows::add(&mut tx, &row).await?;
    write_down(env, &mut tx, now, Kind::ApplicationRequested, applicant, &row).await?;
    // COMMIT POINT: the request and its leaf.
    tx.commit().await?;
    Ok(id)
}

/// Whoever asked takes the request back.
pub async fn withdraw(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    id: Id<ApplicationRequest>,
) -> Result<(), Failure> {
    let row = lookup(env, id).await?.ok_or_else(no_such_request)?;
    let applicant = caller.account.filter(|account| *account == row.applicant).ok_or_else(no_such_request)?;
    let mut tx = env.db.begin().await?;
    if !rows::withdraw(&mut tx, id, applicant, now).await? {
        return Err(decided());
    }
    write_down(env, &mut tx, now, Kind::ApplicationWithdrawn, applicant, &row).await?;
    // COMMIT POINT: the request is over.
    Ok(tx.commit().await?)
}

/// Another official says no.
pub async fn refuse(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    id: Id<ApplicationRequest>,
    why: &str,
) -> Result<(), Failure> {
    let (row, official) = to_decide(env, now, caller, id).await?;
    let why = reason("reason", why)?;
    let mut tx = env.db.begin().await?;
    if !rows::decide(&mut tx, id, RequestState::Refused, official, Some(&why), now).await? {
        return Err(decided());
    }
    write_down(env, &mut tx, now, Kind::ApplicationRefused, official, &row).await?;
    // COMMIT POINT: the request is over.
    Ok(tx.commit().await?)
}

/// Another official says yes, and it is done: the application's identifier.
pub async fn approve(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    id: Id<ApplicationRequest>,
) -> Result<String, Failure> {
    let (row, official) = to_decide(env, now, caller, id).await?;
    let registration: Registration = serde_json::from_str(&row.registration)
        .map_err(|e| BadRow::new("application_request", "registration", id, e))?;
    // What may be registered may have changed since it was asked.
    let client = check(env, &registration)?;
    let mut tx = env.db.begin().await?;
    if !accounts::hold_active(&mut tx, official).await? {
        return Err(Rejected::forbidden("not_logged_in", "the account may no longer be used").into());
    }
    let applicant = accounts::lookup(&mut tx, row.applicant).await?;
    if applicant.is_none_or(|applicant| applicant.state != AccountState::Active) {
        let message =
            "whoever asked for this may no longer use their account: refuse it, and have somebody else ask";
        return Err(Rejected::conflict("applicant_gone", message).into());
    }
    if !rows::decide(&mut tx, id, RequestState::Approved, official, None, now).await? {
        return Err(decided());
    }
    let (client_id, ended) = match row.kind {
        RequestKind::Register => (register_in(env, &mut tx, now, &row, client).await?, Vec::new()),
        RequestKind::Change => change_in(env, &mut tx, now, &row, (&registration, &client)).await?,
        RequestKind::Enable => enable_in(&mut tx, now, &row).await?,
    };
    let kind = match row.kind {
        RequestKind::Register => Kind::ClientRegistered,
        RequestKind::Change => Kind::ClientChanged,
        RequestKind::Enable => Kind::ClientEnabled,
    };
    look_alikes::keep(&mut tx, &client_id, &registration).await?;
    let detail = json!({
        "name": registration.name_zh,
        "scope": registration.scope,
        "redirect_uris_sm3": digest_of(&registration.redirect_uris),
        "request": id,
        "applicant": row.applicant,
    });
    let act = Act { kind, actor: &official.to_string(), subject: &client_id, detail };
    log::write(env, &mut tx, now, act).await?;
    // COMMIT POINT: the decision, the application and the leaf.
    tx.commit().await?;
    env.clients.forget(&client_id);
    env.revocations.note_grants(ended, now);
    Ok(client_id)
}

/// Nobody knows the secret that it starts with: the applicant has one made on the application's page.
async fn register_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    row: &RequestRow,
    client: Client,
) -> Result<String, Fault> {
    let client_id = Id::<ClientKind>::new(now, env.entropy.as_ref()).to_string();
    let new = ClientRow {
        id: client_id.clone(),
        metadata: row.registration.clone(),
        secret_hash: client.auth_method.has_secret().then(|| nobodys_secret(env)),
        active: true,
        sample: row.sample,
        created: now,
        in_use_since: None,
        software_statement: None,
        document: None,
    };
    client_rows::add(tx, &new).await?;
    rows::give_to_unit(tx, &client_id, row.unit).await?;
    rows::name_client(tx, row.id, &client_id).await?;
    Ok(client_id)
}

async fn change_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    row: &RequestRow,
    (registration, client): (&Registration, &Client),
) -> Result<(String, Vec<Id<Grant>>), Failure> {
    let client_id = about(row)?;
    let kept = client_rows::lookup(tx, client_id).await?.ok_or_else(no_such_application)?;
    let standing = rows::standing(tx, client_id).await?.ok_or_else(no_such_application)?;
    let secret = match (client.auth_method.has_secret(), kept.secret_hash) {
        (false, _) => SecretKept::default(),
        (true, Some(hash)) => SecretKept { hash: Some(hash), made: standing.secret_made },
        (true, None) => SecretKept { hash: Some(nobodys_secret(env)), made: None },
    };
    let before = row.registered.as_deref().unwrap_or_default();
    if !rows::change(tx, client_id, before, &row.registration, secret, now).await? {
        let message = "the application was changed or taken out of use since this was asked: ask anew";
        return Err(Rejected::conflict("application_changed", message).into());
    }
    let before: Registration = serde_json::from_str(before)
        .map_err(|e| BadRow::new("application_request", "registered", row.id, e))?;
    let ended = end_consents::after_change(tx, now, client_id, &before, registration).await?;
    Ok((client_id.to_owned(), ended))
}

async fn enable_in(
    tx: &mut Tx,
    now: Timestamp,
    row: &RequestRow,
) -> Result<(String, Vec<Id<Grant>>), Failure> {
    let client_id = about(row)?;
    if !rows::enable(tx, client_id, now).await? {
        let message = "the application is in use, or was taken out of it for good";
        return Err(Rejected::conflict("not_disabled", message).into());
    }
    // A node that had not learnt of it yet may have given something after it was taken out of use.
    let ended = rows::take_back(tx, client_id, "given before it was taken back into use", now).await?;
    Ok((client_id.to_owned(), ended))
}

/// The request, and the official who decides on it: not the one who asked, and over the unit, or over all when it reaches beyond it.
async fn to_decide(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    id: Id<ApplicationRequest>,
) -> Result<(RequestRow, Id<Account>), Failure> {
    let row = lookup(env, id).await?.ok_or_else(no_such_request)?;
    if caller.account == Some(row.applicant) {
        let message = "nobody decides on what they asked for: another official does";
        return Err(Rejected::forbidden("own_request", message).into());
    }
    let unit = if reaches_beyond(&row) { people::top_unit(env).await? } else { row.unit };
    let official = require(env, now, caller, APPROVE, unit).await?;
    Ok((row, official))
}

/// Whether the request is for more than a unit can answer for: APIs that concern everybody, people who are not asked, or answers without PKCE.
pub fn reaches_beyond(row: &RequestRow) -> bool {
    let Ok(registration) = serde_json::from_str::<Registration>(&row.registration) else { return true };
    let scopes = registration.scope.parse::<Scope>().unwrap_or_default();
    scope::ALL.iter().any(|api| scopes.contains(api))
        || registration.first_party
        || !registration.require_pkce
        || registration.is_hybrid()
}

/// The request `id`.
pub async fn lookup(env: &Env, id: Id<ApplicationRequest>) -> Result<Option<RequestRow>, Fault> {
    Ok(rows::lookup(&mut *env.db.read().await?, id).await?)
}

/// Requests for the unit at `path` and those below, what waits first.
pub async fn of_branch(env: &Env, path: &str) -> Result<Vec<RequestRow>, Fault> {
    Ok(rows::of_branch(&mut *env.db.read().await?, path).await?)
}

/// What was asked about the application, latest first.
pub async fn of_client(env: &Env, client_id: &str) -> Result<Vec<RequestRow>, Fault> {
    Ok(rows::of_client(&mut *env.db.read().await?, client_id).await?)
}

/// The application that a registration would make, if it holds together.
fn check(env: &Env, registration: &Registration) -> Result<Client, Failure> {
    let mut client = registration.to_client(TRIED_AS).map_err(|e| bad_member(&e))?;
    client.secret_hash = client.auth_method.has_secret().then_some([0; 32]);
    let needs_certificate = client.auth_method.needs_certificate() || client.binding.certificate;
    if needs_certificate && !env.settings.certificates.taken_at.is_somewhere() {
        let why = "expected a method without a certificate, and tokens not bound to one: none are taken here";
        return Err(bad("token_endpoint_auth_method", why));
    }
    client.check_registration().map_err(|e| bad_registration(&e))?;
    Ok(client)
}

/// What is the operator's to give, an official does not ask for.
fn check_powers(before: &Registration, after: &Registration) -> Result<(), Failure> {
    let scopes = |registration: &Registration| registration.scope.parse::<Scope>().unwrap_or_default();
    let (had, asked) = (scopes(before), scopes(after));
    let not_theirs = |token: &&str| scope::ALL.contains(token) && !ASKABLE_SCOPES.contains(token);
    if let Some(token) = asked.iter().filter(not_theirs).find(|token| !had.contains(token)) {
        return Err(bad("scope", &format!("expected none that the operator gives, got `{token}`")));
    }
    let (had, asked) = (serde_json::to_value(before)?, serde_json::to_value(after)?);
    let member = |value: &Value, name: &str| value.get(name).cloned();
    match OPERATORS_MEMBERS.iter().find(|name| member(&had, name) != member(&asked, name)) {
        Some(name) => Err(bad(name, "expected what the operator registered")),
        None => Ok(()),
    }
}

/// People would have other names at the application, which would not know them any more.
fn check_names_of_people(
    client_id: &str,
    before: &Registration,
    after: &Registration,
) -> Result<(), Failure> {
    let subject = |registration: &Registration| registration.to_client(client_id).map(|c| c.subject).ok();
    if subject(before) == subject(after) {
        return Ok(());
    }
    let why =
        "people would have other names at this application, or its sector is another one: ask for a new one";
    Err(bad("subject_type", why))
}

/// The application as it is kept, and the unit whose it is: the top of the tree for those that no official asked for.
pub(crate) async fn application(env: &Env, client_id: &str) -> Result<(ClientRow, Id<Unit>), Failure> {
    let mut conn = env.db.read().await?;
    let row = client_rows::lookup(&mut conn, client_id).await?.ok_or_else(no_such_application)?;
    let standing = rows::standing(&mut conn, client_id).await?.ok_or_else(no_such_application)?;
    drop(conn);
    let unit = match standing.unit {
        Some((unit, _)) => unit,
        None => people::top_unit(env).await?,
    };
    Ok((row, unit))
}

fn read(row: &ClientRow) -> Result<Registration, Fault> {
    serde_json::from_str(&row.metadata).map_err(|e| BadRow::new("client", "metadata", &row.id, e).into())
}

fn about(row: &RequestRow) -> Result<&str, Fault> {
    let missing = || BadRow::new("application_request", "client_id", row.id, "missing").into();
    row.client_id.as_deref().ok_or_else(missing)
}

fn nobodys_secret(env: &Env) -> [u8; 32] {
    let (_, hash) = oidc::client_authentication::new_secret(env.entropy.as_ref());
    hash
}

fn digest_of(uris: &[String]) -> String {
    base::encoding::hex(&gm::sm3::hash(uris.join("\n").as_bytes()))
}

async fn write_down(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    kind: Kind,
    actor: Id<Account>,
    row: &RequestRow,
) -> Result<(), Fault> {
    let digest = base::encoding::hex(&gm::sm3::hash(row.registration.as_bytes()));
    let detail = json!({
        "kind": row.kind.as_str(),
        "client": row.client_id,
        "unit": row.unit,
        "registration_sm3": digest,
    });
    let (actor, subject) = (actor.to_string(), row.id.to_string());
    log::write(env, tx, now, Act { kind, actor: &actor, subject: &subject, detail }).await.map(drop)
}

/// A purpose or a reason: a few words, without characters that hide or reorder them.
pub(crate) fn reason(field: &'static str, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    let good = !text.is_empty()
        && text.chars().count() <= REASON_MAX_CHARS
        && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\r');
    if good {
        return Ok(text.to_owned());
    }
    let message = format!("{field}: expected 1 to {REASON_MAX_CHARS} characters without control characters");
    Err(Rejected::unprocessable("bad_reason", message).into())
}

/// A refusal at the member where the mistake is.
fn bad_registration(error: &BadRegistration) -> Failure {
    match error {
        BadRegistration::Name(_) => bad("name", &error.to_string()),
        BadRegistration::NoRedirectUri => bad("redirect_uris", &error.to_string()),
        BadRegistration::TooManyUris(member) => bad(member, &error.to_string()),
        BadRegistration::Keys => bad("jwks", &error.to_string()),
        BadRegistration::CertificateSubject => bad("tls_client_auth_subject_dn", &error.to_string()),
        BadRegistration::Grant { .. } => bad("scope", &error.to_string()),
        BadRegistration::Secret(_) => bad("token_endpoint_auth_method", &error.to_string()),
        other => Rejected::unprocessable("bad_registration", other.to_string()).into(),
    }
}

fn bad_member(error: &BadMember) -> Failure {
    Rejected::unprocessable("bad_registration", error.to_string()).into()
}

fn bad(member: &str, why: &str) -> Failure {
    Rejected::unprocessable("bad_registration", format!("{member}: {why}")).into()
}

fn decided() -> Failure {
    Rejected::conflict("already_decided", "the request was decided or taken back meanwhile").into()
}

fn out_of_use() -> Failure {
    Rejected::conflict("application_disabled", "the application is out of use").into()
}

fn no_such_request() -> Rejected {
    Rejected::not_found("no_such_request", "there is no such request")
}

fn no_such_application() -> Rejected {
    Rejected::not_found("no_such_application", "there is no such application")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifier_under_which_a_registration_is_tried_is_one() {
        assert!(TRIED_AS.parse::<Id<ClientKind>>().is_ok());
        assert!(Registration::default().to_client(TRIED_AS).is_ok());
    }

    #[test]
    fn what_the_operator_gives_is_not_asked_for_and_stays_what_it_is() {
        let with = |change: &dyn Fn(&mut Registration)| {
            let mut registration = Registration::default();
            change(&mut registration);
            registration
        };
        let plain = Registration::default();
        assert!(check_powers(&plain, &with(&|r| r.scope = "openid decision:evaluate".to_owned())).is_ok());
        let sealing = with(&|r| r.scope = "openid seal:use".to_owned());
        assert!(check_powers(&plain, &sealing).is_err());
        assert!(check_powers(&sealing, &sealing).is_ok());
        for asked in [
            with(&|r| r.scope = "openid admin".to_owned()),
            with(&|r| r.first_party = true),
            with(&|r| r.may_use_seals = vec!["sel_x".to_owned()]),
            with(&|r| r.registered_itself = true),
        ] {
            assert!(check_powers(&plain, &asked).is_err());
            assert!(check_powers(&asked, &asked).is_ok());
            assert!(check_powers(&asked, &plain).is_err() || asked.scope != plain.scope);
        }
    }

    #[test]
    fn a_reason_is_a_few_visible_words() {
        assert_eq!(reason("reason", " 说明\n two ").unwrap(), "说明\n two");
        for bad in ["", "  ", "a\u{0}b", &"x".repeat(REASON_MAX_CHARS + 1)] {
            assert!(reason("reason", bad).is_err(), "{bad:?}");
        }
    }
}
