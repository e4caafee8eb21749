//! Requests for applications: asked, looked at, approved, refused, taken back.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base::Id;
use base::id::ApplicationRequest;
use flows::clients::Registration;
use flows::{Failure, Fault, Rejected, clients, request_application};
use store::BadRow;
use store::rows::applications::{RequestKind, RequestRow, RequestState};

use super::application_form::{ALGORITHMS, SCOPES, registration, value};
use super::applications::{
    Asked, PATH, back_to, changes, concern_words, find, members, names, one_page, request_kind,
    request_state, scope_title, unit_name,
};
use super::people::unit_id;
use super::{Official, Shown, refusal, unit_choices};
use crate::App;
use crate::body::{Form, Received};
use crate::pages::application_form::{self, Offered};
use crate::pages::console::{ConsoleCase, Section};
use crate::pages::forms::{self, AskWhy, Choice};
use crate::pages::parts::{Fact, Link};
use crate::pages::{Frame, Message};
use crate::visitor::Named;

/// The form in which one asks.
const FORM: &str = "ask";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/console/applications/new", get(new))
        .route("/console/applications/{id}/change", get(change))
        .route("/console/applications/enable", post(enable))
        .route("/console/applications/requests", post(ask))
        .route("/console/applications/requests/{id}", get(show))
        .route("/console/applications/requests/approve", post(approve))
        .route("/console/applications/requests/refuse", post(refuse))
        .route("/console/applications/requests/withdraw", post(withdraw))
}

async fn new(State(app): State<App>, official: Official) -> Response {
    official.answer(&app, new_page(&app, &official, Shown::default()).await)
}

async fn new_page(app: &App, official: &Official, shown: Shown) -> Result<Response, Failure> {
    official.require_applications()?;
    let frame = official.visitor.frame(app, "/console/applications/new");
    let units = official.units(app).await?;
    let offered = offered(app, &frame, unit_choices(&frame, &units));
    let form = application_form::ask(&frame, &official.csrf(app), &offered);
    Ok(shown.form(frame, Section::Applications, form))
}

fn offered(app: &App, frame: &Frame, units: Vec<Choice>) -> Offered {
    let scopes = SCOPES.iter().map(|scope| Choice::new(*scope, scope_title(frame, scope))).collect();
    let certificates = app.env.settings.certificates.taken_at.is_somewhere();
    Offered { units, scopes, algorithms: ALGORITHMS, certificates }
}

async fn change(State(app): State<App>, official: Official, Named(id): Named<String>) -> Response {
    official.answer(&app, change_page(&app, &official, &id, Shown::default()).await)
}

async fn change_page(app: &App, official: &Official, id: &str, shown: Shown) -> Result<Response, Failure> {
    let application = find(app, official, id).await?;
    let frame = official.visitor.frame(app, &format!("{PATH}/{id}/change"));
    let offered = offered(app, &frame, Vec::new());
    let name = frame.either(&application.client.name.zh, &application.client.name.en).to_owned();
    let form = application_form::change(&frame, &official.csrf(app), &offered, id, &name);
    let form = form.filled(|field| value(&application.registration, field));
    Ok(shown.form(frame, Section::Applications, form))
}

async fn ask(State(app): State<App>, official: Official, headers: HeaderMap, received: Received) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        match asked(&app, &official, &entered).await {
            Ok(id) => Ok(to_request(id, "asked")),
            Err(failure) => {
                let client = entered.optional("client").map(str::to_owned);
                let shown = Shown::refused(FORM, entered, failure)?;
                match client {
                    Some(client) => change_page(&app, &official, &client, shown).await,
                    None => new_page(&app, &official, shown).await,
                }
            }
        }
    };
    official.answer(&app, answer.await)
}

async fn asked(app: &App, official: &Official, entered: &Form) -> Result<Id<ApplicationRequest>, Failure> {
    official.require_applications()?;
    let (caller, now) = (official.caller(), official.visitor.now);
    let purpose = entered.optional("purpose").ok_or_else(|| refusal::missing("purpose"))?;
    let issuer = app.env.settings.issuer.as_str();
    match entered.optional("client") {
        Some(client) => {
            let before = find(app, official, client).await?.registration;
            let after = registration(entered, &before, issuer)?;
            request_application::ask_for_change(&app.env, now, &caller, client, &after, purpose).await
        }
        None => {
            let unit = entered.optional("unit").ok_or_else(|| refusal::missing("unit"))?;
            let wanted = registration(entered, &Registration::default(), issuer)?;
            request_application::ask(&app.env, now, &caller, unit_id(unit)?, &wanted, purpose).await
        }
    }
}

async fn enable(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        let id = entered.text("client").to_owned();
        find(&app, &official, &id).await?;
        let (caller, now, why) = (official.caller(), official.visitor.now, entered.text("reason").to_owned());
        match request_application::ask_to_enable(&app.env, now, &caller, &id, &why).await {
            Ok(request) => Ok(to_request(request, "asked")),
            Err(failure) => one_page(&app, &official, &id, Shown::refused("enable", entered, failure)?).await,
        }
    };
    official.answer(&app, answer.await)
}

fn to_request(id: Id<ApplicationRequest>, what: &str) -> Response {
    Redirect::to(&format!("{PATH}/requests/{id}?done={what}")).into_response()
}

async fn show(
    State(app): State<App>,
    official: Official,
    Named(id): Named<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let shown = Shown::notice(asked.done.as_deref());
    let answer = async {
        let request = lookup(&app, &official, &id).await?;
        page(&app, &official, &request, shown).await
    };
    official.answer(&app, answer.await)
}

/// The request, if it is of the official's branch.
async fn lookup(app: &App, official: &Official, id: &str) -> Result<RequestRow, Failure> {
    official.require_applications()?;
    let none = || Rejected::not_found("no_such_request", "there is no such request");
    let id = id.parse().map_err(|_| none())?;
    let request = request_application::lookup(&app.env, id).await?;
    Ok(request.filter(|request| official.oversees(&request.unit_path)).ok_or_else(none)?)
}

async fn page(
    app: &App,
    official: &Official,
    request: &RequestRow,
    shown: Shown,
) -> Result<Response, Failure> {
    let frame = official.visitor.frame(app, &format!("{PATH}/requests/{}", request.id));
    let asked = read(request, &request.registration)?;
    let before = request.registered.as_deref().map(|json| read(request, json)).transpose()?;
    let client = asked
        .to_client("app")
        .map_err(|e| BadRow::new("application_request", "registration", request.id, e))?;
    let mut concerns = concern_words(&frame, &client);
    if request_application::reaches_beyond(request) {
        concerns.push(frame.t("concern-beyond"));
    }
    concerns.extend(namesake(app, &frame, request, &asked).await?);
    let links = request.client_id.iter();
    let links = links.map(|id| Link::new(format!("{PATH}/{id}"), Message::new("show-application"))).collect();
    Ok(shown.case(ConsoleCase {
        section: Section::Applications,
        title: titled(&frame, request, &asked),
        state: request_state(&frame, request.state),
        done: None,
        error: None,
        facts: facts(app, official, &frame, request).await?,
        concerns,
        changes: before.map(|before| changes(&frame, &before, &asked)).unwrap_or_default(),
        members: members(&frame, &asked),
        tables: Vec::new(),
        links,
        forms: acts(&frame, &official.csrf(app), official, request),
        frame,
    }))
}

fn titled(frame: &Frame, request: &RequestRow, asked: &Registration) -> String {
    let (kind, colon) = (frame.t(request_kind(request.kind)), frame.either("：", ": "));
    format!("{kind}{colon}{}", frame.either(&asked.name_zh, &asked.name_en))
}

fn read(request: &RequestRow, json: &str) -> Result<Registration, Fault> {
    serde_json::from_str(json)
        .map_err(|e| BadRow::new("application_request", "registration", request.id, e).into())
}

/// Another application of the same name: people could not tell the two apart.
async fn namesake(
    app: &App,
    frame: &Frame,
    request: &RequestRow,
    asked: &Registration,
) -> Result<Option<String>, Fault> {
    let all = clients::all(&app.env).await?;
    let mut others = all.iter().filter(|client| request.client_id.as_deref() != Some(client.id.as_str()));
    let same = |one: &str, other: &str| one.trim().to_lowercase() == other.trim().to_lowercase();
    let other =
        others.find(|other| same(&other.name.zh, &asked.name_zh) || same(&other.name.en, &asked.name_en));
    Ok(other.map(|other| frame.t1("concern-namesake", "client", other.id.as_str())))
}

async fn facts(
    app: &App,
    official: &Official,
    frame: &Frame,
    request: &RequestRow,
) -> Result<Vec<Fact>, Fault> {
    let people = [Some(request.applicant), request.decided.map(|(by, _)| by)];
    let names = names(app, people.into_iter().flatten().collect()).await?;
    let name = |account| names.get(account).cloned().unwrap_or_default();
    let post = flows::people::post_of(&app.env, request.applicant).await?;
    let units = official.units(app).await?;
    let applicant = match post {
        Some(post) => format!("{} ({})", name(&request.applicant), post.post),
        None => name(&request.applicant),
    };
    let mut facts = vec![
        Fact::new(frame.t("unit"), unit_name(frame, &units, request.unit)),
        Fact::new(frame.t("request-applicant"), applicant),
        Fact::new(frame.t("asked-at"), request.created.minute_in_china()),
        Fact::new(frame.t("purpose"), request.purpose.clone()),
    ];
    if let Some((by, at)) = &request.decided {
        let key = match request.state {
            RequestState::Withdrawn => "withdrawn-by",
            _ => "decided-by",
        };
        facts.push(Fact::new(frame.t(key), name(by)));
        facts.push(Fact::new(frame.t("decided-at"), at.minute_in_china()));
    }
    if let Some(reason) = &request.reason {
        facts.push(Fact::new(frame.t("state-reason"), reason.clone()));
    }
    Ok(facts)
}

/// Whoever asked takes it back; others decide.
fn acts(frame: &Frame, csrf: &str, official: &Official, request: &RequestRow) -> Vec<forms::Form> {
    let id = request.id.to_string();
    let subject = ("request", id.as_str());
    if request.state != RequestState::Submitted {
        return Vec::new();
    }
    if request.applicant == official.login.account.id {
        let words = ("withdraw-request", "withdraw-request-lead", "withdraw-request");
        let place = ("withdraw", "/console/applications/requests/withdraw");
        return vec![forms::button(frame, csrf, place, words, subject)];
    }
    if !official.is_administrator() {
        return Vec::new();
    }
    let lead = match request.kind {
        RequestKind::Register => "approve-register-lead",
        RequestKind::Change => "approve-change-lead",
        RequestKind::Enable => "approve-enable-lead",
    };
    let place = ("approve", "/console/applications/requests/approve");
    vec![
        forms::button(frame, csrf, place, ("approve", lead, "approve"), subject),
        forms::with_reason(
            frame,
            csrf,
            &AskWhy {
                name: "refuse",
                action: "/console/applications/requests/refuse",
                title: "refuse",
                lead: "refuse-lead",
                label: "state-reason",
                hint: "refuse-hint",
                submit: "refuse",
                subject,
            },
        ),
    ]
}

async fn approve(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    decide(&app, &official, &headers, received, "approve").await
}

async fn refuse(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    decide(&app, &official, &headers, received, "refuse").await
}

async fn withdraw(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    decide(&app, &official, &headers, received, "withdraw").await
}

async fn decide(
    app: &App,
    official: &Official,
    headers: &HeaderMap,
    received: Received,
    act: &'static str,
) -> Response {
    let answer = async {
        let entered = official.form(app, headers, received)?;
        let request = lookup(app, official, entered.text("request")).await?;
        let (caller, now, id) = (official.caller(), official.visitor.now, request.id);
        let done = match act {
            "approve" => {
                let approved = request_application::approve(&app.env, now, &caller, id).await;
                approved.map(|client| back_to(&client, "approved"))
            }
            "refuse" => {
                let why = entered.text("reason");
                let refused = request_application::refuse(&app.env, now, &caller, id, why).await;
                refused.map(|()| to_request(id, "refused"))
            }
            _ => {
                let withdrawn = request_application::withdraw(&app.env, now, &caller, id).await;
                withdrawn.map(|()| to_request(id, "withdrawn"))
            }
        };
        match done {
            Ok(response) => Ok(response),
            Err(failure) => {
                // As it is now: another may have been faster.
                let request = lookup(app, official, entered.text("request")).await?;
                page(app, official, &request, Shown::refused(act, entered, failure)?).await
            }
        }
    };
    official.answer(app, answer.await)
}
