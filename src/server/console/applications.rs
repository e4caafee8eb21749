//! Applications: listed, looked at, with a new secret, out of use.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base::Id;
use base::id::Account;
use flows::caller::scope as api;
use flows::manage_application::{self, Application};
use flows::{Failure, Fault, Rejected, clients, people, request_application};
use oidc::registration::Registration;
use oidc::{Client, concerns};
use serde::Deserialize;
use serde_json::Value;
use store::rows::applications::{RequestKind, RequestRow, RequestState, StandingRow};
use store::rows::units::UnitRow;

use super::{Official, Shown, table};
use crate::App;
use crate::body::Received;
use crate::pages::application_form::response_mode;
use crate::pages::console::{Cell, Change, ConsoleCase, ConsoleList, Done, Member, Section, Table};
use crate::pages::forms::{self, AskWhy};
use crate::pages::parts::{Fact, Link, Tone};
use crate::pages::{Frame, Message};
use crate::problem;
use crate::visitor::Named;

pub(super) const PATH: &str = "/console/applications";
/// Members of a registration in the order in which they are judged; others come after them.
const MEMBERS: &[&str] = &[
    "client_name#zh-CN",
    "client_name#en",
    "redirect_uris",
    "scope",
    "token_endpoint_auth_method",
    "jwks",
    "jwks_uri",
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
    "application_type",
    "grant_types",
    "response_modes",
    "audiences",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
    "initiate_login_uri",
];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(PATH, get(show))
        .route("/console/applications/{id}", get(show_one))
        .route("/console/applications/secret", post(new_secret))
        .route("/console/applications/disable", post(disable))
}

#[derive(Deserialize)]
pub(super) struct Asked {
    pub(super) done: Option<String>,
}

async fn show(State(app): State<App>, official: Official, Query(asked): Query<Asked>) -> Response {
    let shown = Shown::notice(asked.done.as_deref());
    official.answer(&app, page(&app, &official, shown).await)
}

async fn page(app: &App, official: &Official, shown: Shown) -> Result<Response, Failure> {
    official.require_applications()?;
    let frame = official.frame(app, Section::Applications);
    let units = official.units(app).await?;
    let requests = request_application::of_branch(&app.env, &official.post.unit_path).await?;
    let names = names(app, requests.iter().map(|request| request.applicant).collect()).await?;
    let standings = manage_application::standings(&app.env).await?;
    let clients = clients::all(&app.env).await?;
    let tables = vec![
        requests_table(&frame, "application-requests", &requests, &units, &names),
        applications_table(&frame, official, &clients, &standings, &units),
    ];
    let links = vec![Link::new("/console/applications/new", Message::new("register-application"))];
    let section = Section::Applications;
    let (forms, done) = (Vec::new(), shown.done);
    Ok(problem::html(&ConsoleList { frame, section, done, error: None, links, tables, forms }))
}

/// Requests as a table, each with a link to it.
pub(super) fn requests_table(
    frame: &Frame,
    caption: &str,
    requests: &[RequestRow],
    units: &[UnitRow],
    names: &HashMap<Id<Account>, String>,
) -> Table {
    let headers =
        ["column-name", "request-kind", "column-unit", "request-applicant", "column-time", "column-state"];
    let row = |request: &RequestRow| {
        let registration = serde_json::from_str::<Registration>(&request.registration).unwrap_or_default();
        let name = frame.either(&registration.name_zh, &registration.name_en);
        let link = Link::new(format!("{PATH}/requests/{}", request.id), Message::verbatim(name));
        let (tone, state) = request_state(frame, request.state);
        vec![
            Cell::Links(vec![link]),
            Cell::Text(frame.t(request_kind(request.kind))),
            Cell::Text(unit_name(frame, units, request.unit)),
            Cell::Text(names.get(&request.applicant).cloned().unwrap_or_default()),
            Cell::Time(request.created.minute_in_china()),
            Cell::Badge { tone, text: state },
        ]
    };
    table(frame, caption, &headers, requests.iter().map(row).collect())
}

fn applications_table(
    frame: &Frame,
    official: &Official,
    clients: &[Client],
    standings: &[StandingRow],
    units: &[UnitRow],
) -> Table {
    let headers = ["column-name", "column-identifier", "column-unit", "column-scopes", "column-state"];
    let standing_of = |client: &Client| standings.iter().find(|row| row.client_id == client.id.as_str());
    let visible = |client: &&Client| standing_of(client).is_some_and(|row| sees(official, row, units));
    let row = |client: &Client| {
        let name = frame.either(&client.name.zh, &client.name.en);
        let link = Link::new(format!("{PATH}/{}", client.id), Message::verbatim(name));
        let unit = standing_of(client).and_then(|row| row.unit.as_ref());
        let (tone, state) = state(frame, client.enabled);
        vec![
            Cell::Links(vec![link]),
            Cell::Code(client.id.to_string()),
            Cell::Text(unit.map(|(unit, _)| unit_name(frame, units, *unit)).unwrap_or_default()),
            Cell::Text(scope_titles(frame, &client.scopes.to_string()).join(frame.either("、", ", "))),
            Cell::Badge { tone, text: state },
        ]
    };
    let more = official
        .is_administrator()
        .then(|| Link::new(super::registration::PATH, Message::new("initial-access-tokens")));
    let rows = clients.iter().filter(visible).map(row).collect();
    Table { more, ..table(frame, "section-applications", &headers, rows) }
}

/// Whether the official sees the application: it is of their branch, or nobody's and they are at the top.
fn sees(official: &Official, standing: &StandingRow, units: &[UnitRow]) -> bool {
    match &standing.unit {
        Some((_, path)) => official.oversees(path),
        None => units.iter().any(|unit| unit.parent.is_none()),
    }
}

pub(super) fn state(frame: &Frame, enabled: bool) -> (Tone, String) {
    if enabled { (Tone::Ok, frame.t("state-active")) } else { (Tone::Bad, frame.t("state-disabled")) }
}

pub(super) fn request_state(frame: &Frame, state: RequestState) -> (Tone, String) {
    match state {
        RequestState::Submitted => (Tone::Warn, frame.t("request-state-submitted")),
        RequestState::Approved => (Tone::Ok, frame.t("request-state-approved")),
        RequestState::Refused => (Tone::Bad, frame.t("request-state-refused")),
        RequestState::Withdrawn => (Tone::Plain, frame.t("request-state-withdrawn")),
    }
}

pub(super) const fn request_kind(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Register => "request-kind-register",
        RequestKind::Change => "request-kind-change",
        RequestKind::Enable => "request-kind-enable",
    }
}

pub(super) fn unit_name(frame: &Frame, units: &[UnitRow], id: Id<base::id::Unit>) -> String {
    let unit = units.iter().find(|unit| unit.id == id);
    unit.map(|unit| frame.either(&unit.name_zh, &unit.name_en).to_owned()).unwrap_or_default()
}

/// The names of accounts.
pub(super) async fn names(
    app: &App,
    accounts: Vec<Id<Account>>,
) -> Result<HashMap<Id<Account>, String>, Fault> {
    let mut names = HashMap::new();
    for account in accounts {
        if !names.contains_key(&account)
            && let Some(row) = people::account(&app.env, account).await?
        {
            names.insert(account, row.display_name);
        }
    }
    Ok(names)
}

/// What a scope is called at the console: those of our own APIs have no words on the consent page.
pub(super) fn scope_title(frame: &Frame, scope: &str) -> String {
    match scope {
        api::DECIDE => frame.t("api-decide"),
        api::REPORT_SIGNAL => frame.t("api-report-signal"),
        api::SEAL => frame.t("api-seal"),
        api::ISSUE_ECERT => frame.t("api-issue-ecert"),
        api::ADMINISTER => frame.t("api-administer"),
        other => frame.scope_title(other),
    }
}

fn scope_titles(frame: &Frame, scopes: &str) -> Vec<String> {
    scopes.split(' ').filter(|scope| !scope.is_empty()).map(|scope| scope_title(frame, scope)).collect()
}

async fn show_one(
    State(app): State<App>,
    official: Official,
    Named(id): Named<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let shown = Shown::notice(asked.done.as_deref());
    official.answer(&app, one_page(&app, &official, &id, shown).await)
}

/// The application, if the official sees it; others learn no more than that they see none.
pub(super) async fn find(app: &App, official: &Official, id: &str) -> Result<Application, Failure> {
    official.require_applications()?;
    let units = official.units(app).await?;
    let application = manage_application::lookup(&app.env, id).await?;
    let application = application.filter(|application| sees(official, &application.standing, &units));
    let none = || Rejected::not_found("no_such_application", "there is no such application");
    Ok(application.ok_or_else(none)?)
}

pub(super) async fn one_page(
    app: &App,
    official: &Official,
    id: &str,
    shown: Shown,
) -> Result<Response, Failure> {
    let application = find(app, official, id).await?;
    let frame = official.visitor.frame(app, &format!("{PATH}/{id}"));
    let units = official.units(app).await?;
    let requests = request_application::of_client(&app.env, id).await?;
    let people = requests.iter().flat_map(|r| [Some(r.applicant), r.decided.map(|(by, _)| by)]);
    let disabled_by = application.standing.disabled.as_ref().map(|disabled| disabled.by);
    let names = names(app, people.chain([disabled_by]).flatten().collect()).await?;
    let Application { client, registration, standing } = &application;
    let mut links = Vec::new();
    if client.enabled && !registration.registered_itself {
        links.push(Link::new(format!("{PATH}/{id}/change"), Message::new("ask-for-change")));
    }
    let csrf = official.csrf(app);
    let waits = requests.iter().any(|request| request.state == RequestState::Submitted);
    Ok(shown.case(ConsoleCase {
        section: Section::Applications,
        title: frame.either(&client.name.zh, &client.name.en).to_owned(),
        state: state(&frame, client.enabled),
        done: None,
        error: None,
        facts: facts(&frame, &application, &requests, &units, &names),
        concerns: concern_words(&frame, client),
        changes: Vec::new(),
        members: members(&frame, registration),
        tables: vec![requests_table(&frame, "application-history", &requests, &units, &names)],
        links,
        forms: acts(&frame, &csrf, client, standing, waits),
        frame,
    }))
}

fn facts(
    frame: &Frame,
    application: &Application,
    requests: &[RequestRow],
    units: &[UnitRow],
    names: &HashMap<Id<Account>, String>,
) -> Vec<Fact> {
    let Application { client, standing, .. } = application;
    let name = |account: &Id<Account>| names.get(account).cloned().unwrap_or_default();
    let mut facts = vec![Fact::new(frame.t("client-id"), client.id.to_string())];
    if let Some((unit, _)) = &standing.unit {
        facts.push(Fact::new(frame.t("unit"), unit_name(frame, units, *unit)));
    }
    facts.push(Fact::new(frame.t("registered-at"), standing.created.minute_in_china()));
    let decided = |request: &&RequestRow| {
        request.state == RequestState::Approved && request.kind != RequestKind::Enable
    };
    match requests.iter().filter(decided).max_by_key(|request| request.decided.map(|(_, at)| at)) {
        Some(RequestRow { applicant, decided: Some((by, at)), .. }) => {
            facts.push(Fact::new(frame.t("request-applicant"), name(applicant)));
            facts.push(Fact::new(frame.t("approved-by"), name(by)));
            facts.push(Fact::new(frame.t("approved-at"), at.minute_in_china()));
        }
        _ => facts.push(Fact::new(frame.t("request-applicant"), frame.t(source(application)))),
    }
    if client.secret_hash.is_some() {
        let made = standing.secret_made.map(|at| at.minute_in_china());
        let words = made.unwrap_or_else(|| {
            frame.t(if decided_is_none(requests) { "secret-elsewhere" } else { "secret-none" })
        });
        facts.push(Fact::new(frame.t("secret-made"), words));
    }
    if let Some(disabled) = &standing.disabled {
        facts.push(Fact::new(frame.t("disabled-by"), name(&disabled.by)));
        facts.push(Fact::new(frame.t("disabled-at"), disabled.at.minute_in_china()));
        facts.push(Fact::new(frame.t("disabled-reason"), disabled.reason.clone()));
    }
    facts
}

/// No request made this application: its secret was given out where it was registered.
fn decided_is_none(requests: &[RequestRow]) -> bool {
    !requests.iter().any(|r| r.kind == RequestKind::Register && r.state == RequestState::Approved)
}

const fn source(application: &Application) -> &'static str {
    if application.registration.registered_itself {
        "registered-itself-source"
    } else {
        "registered-by-operator"
    }
}

/// What can be done: a new secret, out of use, back into it. Who may is the policies' to say.
fn acts(frame: &Frame, csrf: &str, client: &Client, standing: &StandingRow, waits: bool) -> Vec<forms::Form> {
    let id = client.id.as_str();
    let mut acts = Vec::new();
    if client.enabled && client.secret_hash.is_some() {
        let words = match standing.secret_made {
            None => ("collect-secret", "collect-secret-lead", "make-secret"),
            Some(_) => ("new-secret", "new-secret-lead", "make-secret"),
        };
        let place = ("secret", "/console/applications/secret");
        acts.push(forms::button(frame, csrf, place, words, ("client", id)));
    }
    if client.enabled {
        acts.push(forms::with_reason(
            frame,
            csrf,
            &AskWhy {
                name: "disable",
                action: "/console/applications/disable",
                title: "disable-application",
                lead: "disable-application-lead",
                label: "state-reason",
                hint: "state-reason-hint",
                submit: "disable",
                subject: ("client", id),
            },
        ));
    } else if standing.disabled.is_some() && !waits {
        acts.push(forms::with_reason(
            frame,
            csrf,
            &AskWhy {
                name: "enable",
                action: "/console/applications/enable",
                title: "enable-application",
                lead: "enable-application-lead",
                label: "purpose",
                hint: "enable-hint",
                submit: "submit-request",
                subject: ("client", id),
            },
        ));
    }
    acts
}

async fn new_secret(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        let id = entered.text("client").to_owned();
        find(&app, &official, &id).await?;
        let caller = official.caller();
        let made = manage_application::new_secret(&app.env, official.visitor.now, &caller, &id).await;
        let shown = match made {
            Ok(secret) => {
                let frame = official.frame(&app, Section::Applications);
                let facts = vec![
                    Fact::new(frame.t("client-id"), id.clone()),
                    Fact::new(frame.t("client-secret"), secret.expose().clone()),
                ];
                Shown::done(Done { message: Message::new("secret-made-now"), facts, links: Vec::new() })
            }
            Err(failure) => Shown::refused("secret", entered, failure)?,
        };
        one_page(&app, &official, &id, shown).await
    };
    official.answer(&app, answer.await)
}

async fn disable(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        let id = entered.text("client").to_owned();
        find(&app, &official, &id).await?;
        let (caller, now) = (official.caller(), official.visitor.now);
        let why = entered.text("reason").to_owned();
        match manage_application::disable(&app.env, now, &caller, &id, &why).await {
            Ok(()) => Ok(back_to(&id, "disabled")),
            Err(failure) => {
                one_page(&app, &official, &id, Shown::refused("disable", entered, failure)?).await
            }
        }
    };
    official.answer(&app, answer.await)
}

/// Back to the application's page, which says that `what` was done.
pub(super) fn back_to(id: &str, what: &str) -> Response {
    Redirect::to(&format!("{PATH}/{id}?done={what}")).into_response()
}

pub(super) fn concern_words(frame: &Frame, client: &Client) -> Vec<String> {
    concerns::of(client).iter().map(|concern| frame.t(&format!("concern-{}", concern.as_str()))).collect()
}

/// Every member of a registration that says something, those first that are looked at first.
pub(super) fn members(frame: &Frame, registration: &Registration) -> Vec<Member> {
    let json = json(registration);
    let shown = |name: &String| {
        let lines = json.get(name).map(|value| lines(frame, name, value)).unwrap_or_default();
        (!lines.is_empty()).then(|| Member { label: member_name(frame, name), lines })
    };
    in_order(&json).iter().filter_map(shown).collect()
}

/// The members in which `after` is another than `before`.
pub(super) fn changes(frame: &Frame, before: &Registration, after: &Registration) -> Vec<Change> {
    let (before, after) = (json(before), json(after));
    let mut names = in_order(&before);
    names.extend(in_order(&after).into_iter().filter(|name| !before.contains_key(name)));
    let changed = names.into_iter().filter(|name| before.get(name) != after.get(name));
    let side = |name: &str, own: Option<&Value>, other: Option<&Value>| {
        let lines = match (own, other) {
            // A flag that is not there is the other one.
            (None, Some(Value::Bool(flag))) => lines(frame, name, &Value::Bool(!flag)),
            (own, _) => own.map(|value| lines(frame, name, value)).unwrap_or_default(),
        };
        if lines.is_empty() { vec![frame.t("error-nothing")] } else { lines }
    };
    changed
        .map(|name| Change {
            label: member_name(frame, &name),
            before: side(&name, before.get(&name), after.get(&name)),
            after: side(&name, after.get(&name), before.get(&name)),
        })
        .collect()
}

fn json(registration: &Registration) -> serde_json::Map<String, Value> {
    match serde_json::to_value(registration) {
        Ok(Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    }
}

fn in_order(json: &serde_json::Map<String, Value>) -> Vec<String> {
    let first = MEMBERS.iter().filter(|name| json.contains_key(**name)).map(|name| (*name).to_owned());
    first.chain(json.keys().filter(|name| !MEMBERS.contains(&name.as_str())).cloned()).collect()
}

fn member_name(frame: &Frame, name: &str) -> String {
    let key = match name {
        "client_name#zh-CN" => "application-name",
        "client_name#en" => "application-name-en",
        other => return frame.word_or(&format!("member-{other}"), other),
    };
    frame.t(key)
}

/// A member's values, one a line.
fn lines(frame: &Frame, name: &str, value: &Value) -> Vec<String> {
    match (name, value) {
        ("scope", Value::String(scopes)) => {
            let named = |scope: &str| {
                let title = scope_title(frame, scope);
                if title == scope { title } else { format!("{title} ({scope})") }
            };
            scopes.split(' ').filter(|scope| !scope.is_empty()).map(named).collect()
        }
        ("token_endpoint_auth_method", Value::String(method)) => {
            vec![frame.word_or(&format!("method-{method}"), method)]
        }
        ("application_type", Value::String(kind)) => vec![frame.word_or(&format!("type-{kind}"), kind)],
        ("access_token_format", Value::String(form)) => vec![frame.word_or(&format!("format-{form}"), form)],
        ("grant_types", Value::Array(grants)) => {
            grants.iter().map(|grant| grant_name(frame, &plain(grant))).collect()
        }
        ("response_modes", Value::Array(modes)) => {
            modes.iter().map(|mode| response_mode(frame, &plain(mode))).collect()
        }
        // `code` and nothing else: there is nothing to judge.
        ("response_types", _) => Vec::new(),
        ("jwks", set) => set
            .get("keys")
            .and_then(Value::as_array)
            .map(|keys| keys.iter().map(key).collect())
            .unwrap_or_default(),
        (_, Value::Null) => Vec::new(),
        (_, Value::Bool(flag)) => vec![frame.t(if *flag { "yes" } else { "no" })],
        (_, Value::String(text)) => vec![text.clone()],
        (_, Value::Array(many)) => many.iter().map(plain).collect(),
        (_, other) => vec![other.to_string()],
    }
}

/// A grant by the last part of its name (RFC 8628 and others name theirs by a URN).
fn grant_name(frame: &Frame, grant: &str) -> String {
    let last = grant.rsplit(':').next().unwrap_or(grant);
    frame.word_or(&format!("grant-{last}"), grant)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A public key with the whole of what tells it from another.
fn key(key: &Value) -> String {
    let parts = ["kid", "kty", "crv", "alg", "use", "x", "y", "n", "e"];
    let part = |name: &&str| Some(format!("{name}={}", key.get(*name)?.as_str()?));
    parts.iter().filter_map(part).collect::<Vec<_>>().join(" ")
}
