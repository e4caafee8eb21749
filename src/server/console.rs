//! The officials' console: applications, people, seals, certificates, log, keys.
//!
//! An official sees their own branch of the organisation tree; what concerns the whole installation is for administrators. What
//! they may do is asked of the policies by the flows, for the person in front of it.
//!

mod application_form;
mod application_requests;
mod applications;
mod certificates;
mod people;
mod seals;

use audit::entry::Entry;
use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use flows::sessions::Login;
use flows::{Caller, Failure, Fault, Rejected, overview};
use store::rows::accounts::{AccountState, OfficialRow};
use store::rows::audit::EntryRow;
use store::rows::units::UnitRow;

use crate::App;
use crate::body::{self, Form, Received};
use crate::pages::console::{
    Cell, ConsoleCase, ConsoleForm, ConsoleHome, ConsoleList, ConsoleLog, Count, Done, Section, Table,
};
use crate::pages::forms::{self, Choice};
use crate::pages::parts::{Link, Tone};
use crate::pages::{Frame, Message};
use crate::problem;
use crate::refusal;
use crate::visitor::Visitor;

/// How many entries the first page shows.
const HOME_ENTRIES_COUNT: u32 = 10;
/// How many entries the log's page shows.
const LOG_ENTRIES_COUNT: u32 = 100;
const VERIFY_COMMAND: &str = "yinxin audit verify --data ./data";

/// The routes of this file and of its parts.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/console", get(home))
        .route("/console/log", get(log))
        .route("/console/keys", get(keys))
        .merge(applications::routes())
        .merge(application_requests::routes())
        .merge(people::routes())
        .merge(seals::routes())
        .merge(certificates::routes())
}

async fn home(State(app): State<App>, official: Official) -> Response {
    official.answer(&app, home_page(&app, &official).await)
}

async fn home_page(app: &App, official: &Official) -> Result<Response, Failure> {
    let overview = overview::overview(&app.env).await?;
    let frame = official.frame(app, Section::Overview);
    let count =
        |key, value, section: Section| Count { label: Message::new(key), value, href: section.path().into() };
    let counts = vec![
        count("count-accounts", overview.accounts, Section::People),
        count("count-applications", overview.applications, Section::Applications),
        count("count-seals", overview.seals, Section::Seals),
        count("count-certificates", overview.certificates, Section::Certificates),
        count("count-documents", overview.documents, Section::Seals),
        count("count-entries", overview.log_entries, Section::Log),
    ];
    let mut tables = Vec::new();
    if official.is_administrator() {
        let mut latest = entries(app, &frame, HOME_ENTRIES_COUNT).await?;
        latest.more = Some(Link::new(Section::Log.path(), Message::new("more")));
        tables.push(latest);
    }
    Ok(problem::html(&ConsoleHome { frame, counts, tables }))
}

async fn log(State(app): State<App>, official: Official) -> Response {
    official.answer(&app, log_page(&app, &official).await)
}

async fn log_page(app: &App, official: &Official) -> Result<Response, Failure> {
    official.require_administrator()?;
    let frame = official.frame(app, Section::Log);
    let checkpoint = flows::log::checkpoint(&app.env).await?;
    Ok(problem::html(&ConsoleLog {
        size: checkpoint.size,
        checkpoint: checkpoint.note,
        log_key: app.env.keyring().log_key().to_string(),
        verify_command: VERIFY_COMMAND.to_owned(),
        entries: entries(app, &frame, LOG_ENTRIES_COUNT).await?,
        frame,
    }))
}

/// The latest entries as a table, latest first.
async fn entries(app: &App, frame: &Frame, limit: u32) -> Result<Table, Fault> {
    let headers = ["column-number", "column-time", "column-event", "proof", "column-actor", "column-subject"];
    let latest = flows::log::latest(&app.env, limit).await?;
    let rows = latest.iter().map(|row| entry(frame, row)).collect::<Result<_, _>>()?;
    Ok(table(frame, "latest-entries", &headers, rows))
}

fn entry(frame: &Frame, row: &EntryRow) -> Result<Vec<Cell>, Fault> {
    let entry = Entry::parse(&row.body)?;
    let proof = Link::new(format!("/v1/log/entries/{}/proof", row.id), Message::new("proof"));
    Ok(vec![
        Cell::Text(row.seq.map(|seq| seq.to_string()).unwrap_or_default()),
        Cell::Time(row.at.minute_in_china()),
        Cell::Text(frame.t(&format!("kind-{}", row.kind))),
        Cell::Links(vec![proof]),
        Cell::Code(entry.actor().to_owned()),
        Cell::Code(row.subject.clone()),
    ])
}

async fn keys(State(app): State<App>, official: Official) -> Response {
    official.answer(&app, keys_page(&app, &official).await)
}

async fn keys_page(app: &App, official: &Official) -> Result<Response, Failure> {
    official.require_administrator()?;
    let frame = official.frame(app, Section::Keys);
    let headers =
        ["column-identifier", "column-purpose", "column-algorithm", "column-state", "column-created"];
    let keys = overview::keys(&app.env).await?;
    let rows = keys.iter().map(|key| {
        vec![
            Cell::Code(key.id.clone()),
            Cell::Text(frame.t(&format!("purpose-{}", key.purpose.as_str()))),
            Cell::Text(algorithm_name(key.algorithm.as_str()).to_owned()),
            state_badge(&frame, key.state.as_str()),
            Cell::Time(key.created.minute_in_china()),
        ]
    });
    let rows = rows.collect();
    let tables = vec![table(&frame, "section-keys", &headers, rows)];
    Ok(Shown::default().list(frame, Section::Keys, tables, Vec::new()))
}

/// A key's algorithm as its standard writes it.
fn algorithm_name(kept: &str) -> &str {
    match kept {
        "sm2" => "SM2",
        "p256" => "P-256",
        "rsa2048" => "RSA-2048",
        "rsa2048-pss" => "RSA-2048 (PSS)",
        "ed25519" => "Ed25519",
        other => other,
    }
}

/// An official in front of the console: a login whose account has a post. Others are sent to the login, or away.
struct Official {
    visitor: Visitor,
    login: Login,
    post: OfficialRow,
}

impl FromRequestParts<App> for Official {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let Some(login) = visitor.login.clone() else { return Err(to_login(parts)) };
        match flows::people::post_of(&app.env, login.account.id).await {
            Ok(Some(post)) if post.state == AccountState::Active => Ok(Self { visitor, login, post }),
            Ok(_) => Err(problem::page(app, &visitor, not_an_official().into())),
            Err(fault) => Err(problem::page(app, &visitor, fault.into())),
        }
    }
}

fn not_an_official() -> Rejected {
    Rejected::forbidden("not_an_official", "the console is for officials")
}

/// To the login, and back to the page; a form that was sent while nobody was logged in is lost.
fn to_login(parts: &Parts) -> Response {
    let here = parts.uri.path_and_query().map_or(Section::Overview.path(), |p| p.as_str());
    let back = if parts.method == Method::GET { here } else { Section::Overview.path() };
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("back", back).finish();
    Redirect::to(&format!("/login?{query}")).into_response()
}

impl Official {
    /// The caller as whom the official acts.
    fn caller(&self) -> Caller {
        Caller::at_console(&self.login)
    }

    /// Whether the unit at `path` is the official's own or below it.
    fn oversees(&self, path: &str) -> bool {
        is_at_or_below(path, &self.post.unit_path)
    }

    /// Whether the official's own unit is the one at `path` or below it.
    fn is_under(&self, path: &str) -> bool {
        is_at_or_below(&self.post.unit_path, path)
    }

    /// Whether the official administers, and so sees what concerns the whole installation.
    fn is_administrator(&self) -> bool {
        self.post.roles.iter().any(|role| role == "administrator")
    }

    /// Whether the official has to do with applications: asks for them, or administers.
    fn handles_applications(&self) -> bool {
        self.is_administrator() || self.post.roles.iter().any(|role| role == "application_registrar")
    }

    /// Refuses what only those see who have to do with applications.
    fn require_applications(&self) -> Result<(), Failure> {
        if self.handles_applications() {
            return Ok(());
        }
        let message = "this page is for application registrars and administrators";
        Err(Rejected::forbidden("registrars_only", message).into())
    }

    /// Refuses what only administrators see.
    fn require_administrator(&self) -> Result<(), Failure> {
        if self.is_administrator() {
            return Ok(());
        }
        Err(Rejected::forbidden("administrators_only", "this page is for administrators").into())
    }

    /// The organisation tree as far as the official oversees it.
    async fn units(&self, app: &App) -> Result<Vec<UnitRow>, Fault> {
        let all = flows::people::organisation(&app.env).await?;
        Ok(all.into_iter().filter(|unit| self.oversees(&unit.path)).collect())
    }

    fn csrf(&self, app: &App) -> String {
        self.visitor.csrf(app)
    }

    fn frame(&self, app: &App, section: Section) -> Frame {
        self.visitor.frame(app, section.path())
    }

    /// The form, if it was shown to this browser.
    fn form(&self, app: &App, headers: &HeaderMap, received: Received) -> Result<Form, Failure> {
        let form = body::form(headers, received)?;
        self.visitor.check_csrf(app, form.text("csrf"))?;
        Ok(form)
    }

    /// The page, or why there is none.
    fn answer(&self, app: &App, page: Result<Response, Failure>) -> Response {
        match page {
            Ok(response) => self.visitor.remember(response),
            Err(failure) => problem::page(app, &self.visitor, failure),
        }
    }
}

/// Whether the unit at `path` is the one at `above` or below it.
fn is_at_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What a page of the console shows beside what there is: what was just done, or the form that was refused.
#[derive(Default)]
struct Shown {
    done: Option<Done>,
    refused: Option<Refused>,
}

struct Refused {
    form: &'static str,
    entered: Form,
    rejected: Rejected,
}

impl Shown {
    /// Something was done, with what is to be shown now and never again.
    fn done(done: Done) -> Self {
        Self { done: Some(done), refused: None }
    }

    /// What the page before has done, by the name it passed on.
    fn notice(name: Option<&str>) -> Self {
        let message = match name {
            Some("account") => Message::new("account-added"),
            Some("unit") => Message::new("unit-added"),
            Some("account-disabled") => Message::new("account-disabled"),
            Some("account-enabled") => Message::new("account-enabled"),
            Some("asked") => Message::new("request-submitted"),
            Some("approved") => Message::new("request-approved"),
            Some("refused") => Message::new("request-refused"),
            Some("withdrawn") => Message::new("request-withdrawn"),
            Some("disabled") => Message::new("application-disabled"),
            Some("seal") => Message::new("seal-made"),
            Some("seal-state") => Message::new("seal-state-changed"),
            Some("certificate-state") => Message::new("certificate-state-changed"),
            _ => return Self::default(),
        };
        Self::done(Done { message, facts: Vec::new(), links: Vec::new() })
    }

    /// The form called `form` was refused: it is shown again as it was entered. Our own faults have a page of their own.
    fn refused(form: &'static str, entered: Form, failure: Failure) -> Result<Self, Failure> {
        match failure {
            Failure::Rejected(rejected) => {
                tracing::info!(form, code = rejected.code, "refused: {}", rejected.message);
                Ok(Self { done: None, refused: Some(Refused { form, entered, rejected }) })
            }
            fault @ Failure::Fault(_) => Err(fault),
        }
    }

    /// `form`, with what was entered and what is wrong with it when it is the one that was refused.
    fn in_form(&self, form: forms::Form) -> forms::Form {
        match &self.refused {
            Some(refused) if refused.form == form.name => {
                let form = form.filled(|name| refused.entered.optional(name).map(str::to_owned));
                match refusal::field(&refused.rejected) {
                    Some((name, message)) => form.wrong(&name, message),
                    None => form,
                }
            }
            _ => form,
        }
    }

    /// What is said above `forms`: that something is marked in them, or what is wrong when they do not ask for it.
    fn error(&self, frame: &Frame, forms: &[forms::Form]) -> Option<Message> {
        let rejected = &self.refused.as_ref()?.rejected;
        let marked = forms.iter().any(forms::Form::is_wrong);
        Some(if marked { Message::new("form-wrong") } else { refusal::words(rejected, frame.display.lang) })
    }

    fn status(&self) -> StatusCode {
        self.refused.as_ref().map_or(StatusCode::OK, |refused| problem::status(refused.rejected.reason))
    }

    /// A page of tables and forms.
    fn list(self, frame: Frame, section: Section, tables: Vec<Table>, forms: Vec<forms::Form>) -> Response {
        let forms: Vec<_> = forms.into_iter().map(|form| self.in_form(form)).collect();
        let (status, error, links) = (self.status(), self.error(&frame, &forms), Vec::new());
        let view = ConsoleList { error, frame, section, done: self.done, links, tables, forms };
        (status, problem::html(&view)).into_response()
    }

    /// A page with one form.
    fn form(self, frame: Frame, section: Section, form: forms::Form) -> Response {
        let form = self.in_form(form);
        let (status, error) = (self.status(), self.error(&frame, std::slice::from_ref(&form)));
        (status, problem::html(&ConsoleForm { form, error, frame, section })).into_response()
    }

    /// A page about one thing.
    fn case(self, mut view: ConsoleCase) -> Response {
        view.forms = std::mem::take(&mut view.forms).into_iter().map(|form| self.in_form(form)).collect();
        view.error = self.error(&view.frame, &view.forms);
        let status = self.status();
        view.done = self.done;
        (status, problem::html(&view)).into_response()
    }
}

/// Back to the list, which says that `what` was done ([`Shown::notice`]).
fn done_at(section: Section, what: &str) -> Response {
    Redirect::to(&format!("{}?done={what}", section.path())).into_response()
}

fn table(frame: &Frame, caption: &str, headers: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    let headers = headers.iter().map(|key| frame.t(key)).collect();
    Table { caption: frame.t(caption), headers, rows, more: None }
}

/// A state of a key, a seal or an account, coloured.
fn state_badge(frame: &Frame, state: &str) -> Cell {
    let tone = match state {
        "active" => Tone::Ok,
        "suspended" | "pre_active" => Tone::Warn,
        "destroyed" | "disabled" | "revoked" => Tone::Bad,
        _ => Tone::Plain,
    };
    Cell::Badge { tone, text: frame.t(&format!("state-{state}")) }
}

/// The units to choose from, those below indented.
fn unit_choices(frame: &Frame, units: &[UnitRow]) -> Vec<Choice> {
    let choice = |unit: &UnitRow| {
        let depth = unit.path.matches('/').count();
        let name = frame.either(&unit.name_zh, &unit.name_en);
        Choice::new(unit.id.to_string(), format!("{}{name}", "\u{3000}".repeat(depth)))
    };
    units.iter().map(choice).collect()
}
