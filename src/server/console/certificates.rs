//! E-certificates: types, issuing, what was issued, changing its state.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use ecert::certificate_type::{CertificateType, FieldDefinition, FieldKind as SurfaceKind};
use ecert::{Date, State as EcertState};
use flows::caller::Authority;
use flows::ecerts::{self, Application, Standing};
use flows::{Failure, Rejected, people};
use serde::Deserialize;
use store::rows::ecerts::TypeRow;
use store::rows::units::UnitRow;

use super::{Official, Shown, done_at, refusal, table};
use crate::App;
use crate::body::{Form, Received};
use crate::pages::console::{Cell, Done, Section, Table};
use crate::pages::forms::{self, CertificateToIssue, Choice, Field, FieldKind};
use crate::pages::parts::{Fact, Link};
use crate::pages::{Frame, Message};
use crate::person::ofd_download;
use crate::verifying::state_words;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/console/certificates", get(show).post(issue))
        .route("/console/certificates/state", post(change_state))
        .route("/console/certificates/{identifier}/file", get(file))
}

#[derive(Deserialize)]
struct Asked {
    done: Option<String>,
    /// The certificate that was just issued.
    issued: Option<String>,
    /// The type that is about to be issued.
    #[serde(rename = "type")]
    type_code: Option<String>,
    /// The certificate whose state is about to change.
    identifier: Option<String>,
}

async fn show(State(app): State<App>, official: Official, Query(asked): Query<Asked>) -> Response {
    let page = match &asked {
        Asked { type_code: Some(code), .. } => issue_page(&app, &official, code, Shown::default()).await,
        Asked { identifier: Some(id), .. } => state_page(&app, &official, id, Shown::default()).await,
        Asked { issued: Some(id), .. } => issued_page(&app, &official, id).await,
        Asked { done, .. } => page(&app, &official, Shown::notice(done.as_deref())).await,
    };
    official.answer(&app, page)
}

async fn issued_page(app: &App, official: &Official, identifier: &str) -> Result<Response, Failure> {
    let standing = ecerts::find(&app.env, official.visitor.now, identifier).await?;
    let frame = official.frame(app, Section::Certificates);
    let done = Done {
        message: Message::new("certificate-issued"),
        facts: vec![
            Fact::new(frame.t("certificate-identifier"), &standing.identifier),
            Fact::new(frame.t("file-sm3"), &standing.file_sm3),
            Fact::new(frame.t("log-entry"), standing.log_entry.to_string()),
        ],
        links: links(&standing),
    };
    page(app, official, Shown::done(done)).await
}

async fn page(app: &App, official: &Official, shown: Shown) -> Result<Response, Failure> {
    let frame = official.frame(app, Section::Certificates);
    let mut types = ecerts::types(&app.env).await?;
    // A type is issued by the unit in charge of it and those below, so both sides of the branch see it.
    types.retain(|(row, _)| official.oversees(&row.unit_path) || official.is_under(&row.unit_path));
    let units = people::organisation(&app.env).await?;
    let mut latest = ecerts::latest(&app.env).await?;
    latest.retain(|row| types.iter().any(|(type_, _)| type_.code == row.type_code));
    let now = official.visitor.now;
    let issued = latest.iter().map(|row| ecerts::standing(row, now)).collect::<Result<Vec<_>, _>>()?;
    let tables = vec![types_table(&frame, &types, &units), issued_table(&frame, &issued)];
    Ok(shown.list(frame, Section::Certificates, tables, Vec::new()))
}

fn types_table(frame: &Frame, types: &[(TypeRow, CertificateType)], units: &[UnitRow]) -> Table {
    let headers = ["column-name", "column-code", "column-issuer", "validity", "column-action"];
    let row = |(row, type_): &(TypeRow, CertificateType)| {
        let unit = units.iter().find(|u| u.id == row.unit);
        let unit = unit.map_or("", |u| frame.either(&u.name_zh, &u.name_en));
        let href = format!("{}?type={}", Section::Certificates.path(), type_.code);
        vec![
            Cell::Text(frame.either(&type_.name, &type_.name_en).to_owned()),
            Cell::Code(type_.code.clone()),
            Cell::Text(unit.to_owned()),
            Cell::Text(validity(frame, type_)),
            Cell::Links(vec![Link::new(href, Message::new("issue"))]),
        ]
    };
    table(frame, "certificate-types", &headers, types.iter().map(row).collect())
}

fn validity(frame: &Frame, type_: &CertificateType) -> String {
    match type_.validity {
        ecert::certificate_type::Validity::LongTerm => frame.t("valid-long-term"),
        ecert::certificate_type::Validity::Years(years) => frame.t1("years", "count", years),
    }
}

/// What was issued, latest first. Holders are masked: whoever needs the name opens the file.
fn issued_table(frame: &Frame, issued: &[Standing]) -> Table {
    let headers = [
        "column-name",
        "column-holder",
        "column-state",
        "issued-date",
        "column-valid-until",
        "column-action",
        "column-issuer",
        "column-identifier",
    ];
    let row = |standing: &Standing| {
        let (key, tone) = state_words(standing.state);
        let mut links = links(standing);
        if EcertState::from_code(standing.state).is_ok_and(|state| !state.next().is_empty()) {
            let href = format!("{}?identifier={}", Section::Certificates.path(), standing.identifier);
            links.push(Link::new(href, Message::new("change-state")));
        }
        vec![
            Cell::Text(standing.name.clone()),
            Cell::Text(standing.holder_masked.clone()),
            Cell::Badge { tone, text: frame.t(key) },
            Cell::Time(standing.issued_date.clone()),
            Cell::Time(standing.validate_end.clone().unwrap_or_else(|| frame.t("valid-long-term"))),
            Cell::Links(links),
            Cell::Text(standing.issuing_authority.clone()),
            Cell::Code(standing.identifier.clone()),
        ]
    };
    table(frame, "issued-certificates", &headers, issued.iter().map(row).collect())
}

fn links(standing: &Standing) -> Vec<Link> {
    let id = &standing.identifier;
    vec![
        Link::new(format!("/certificates?identifier={id}"), Message::new("look-up")),
        Link::new(format!("/console/certificates/{id}/file"), Message::new("download")),
    ]
}

async fn issue_page(app: &App, official: &Official, code: &str, shown: Shown) -> Result<Response, Failure> {
    let (_, type_) = ecerts::lookup_type(&app.env, code).await?;
    let frame = official.frame(app, Section::Certificates);
    let until = type_.validate_end(Date::in_china(official.visitor.now));
    let certificate = CertificateToIssue {
        type_code: type_.code.clone(),
        type_name: frame.either(&type_.name, &type_.name_en).to_owned(),
        fields: type_.surface.iter().map(|field| surface_field(&frame, field)).collect(),
        valid_until: until.map_or_else(|| frame.t("valid-long-term"), |until| until.to_string()),
    };
    let form = forms::issue_certificate(&frame, &official.csrf(app), certificate);
    Ok(shown.form(frame, Section::Certificates, form))
}

fn surface_field(frame: &Frame, field: &FieldDefinition) -> Field {
    let kind = match &field.kind {
        SurfaceKind::Text { max_chars } if *max_chars > 60 => FieldKind::LongText,
        SurfaceKind::Date => FieldKind::Date,
        SurfaceKind::Choice { values } => {
            FieldKind::Choice(values.iter().map(|value| Choice::new(value, value)).collect())
        }
        _ => FieldKind::Text,
    };
    let label = frame.either(&field.label_zh, &field.label_en);
    if field.required {
        Field::required(&field.key, label, kind)
    } else {
        Field::optional(&field.key, label, kind)
    }
}

async fn issue(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        let code = entered.text("type").to_owned();
        match issue_entered(&app, &official, &entered).await {
            Ok(issued) => {
                let path = format!("{}?issued={}", Section::Certificates.path(), issued.identifier);
                Ok(Redirect::to(&path).into_response())
            }
            Err(failure) => {
                issue_page(&app, &official, &code, Shown::refused("issue", entered, failure)?).await
            }
        }
    };
    official.answer(&app, answer.await)
}

async fn issue_entered(app: &App, official: &Official, entered: &Form) -> Result<ecerts::Issued, Failure> {
    let field = |name| entered.optional(name).ok_or_else(|| refusal::missing(name));
    let surface: BTreeMap<String, String> = entered
        .pairs()
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("field.")?.to_owned(), value.clone())))
        .collect();
    let application = Application {
        type_code: field("type")?.to_owned(),
        holder_name: field("holder_name")?.to_owned(),
        holder_type: field("holder_type")?.to_owned().into(),
        holder_code: field("holder_number")?.to_owned(),
        surface,
    };
    let caller = official.caller();
    ecerts::issue(&app.env, official.visitor.now, Authority::Caller(&caller), application).await
}

async fn state_page(
    app: &App,
    official: &Official,
    identifier: &str,
    shown: Shown,
) -> Result<Response, Failure> {
    let standing = ecerts::find(&app.env, official.visitor.now, identifier).await?;
    let frame = official.frame(app, Section::Certificates);
    let state = EcertState::from_code(standing.state)
        .map_err(|e| Rejected::conflict("no_such_transition", e.to_string()))?;
    let states =
        state.next().iter().map(|next| Choice::new(next.code(), frame.t(state_words(next.code()).0)));
    let csrf = official.csrf(app);
    let form = forms::change_certificate_state(&frame, &csrf, &standing.identifier, states.collect());
    Ok(shown.form(frame, Section::Certificates, form))
}

async fn change_state(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        let identifier = entered.text("identifier").to_owned();
        match change_entered(&app, &official, &entered).await {
            Ok(()) => Ok(done_at(Section::Certificates, "certificate-state")),
            Err(failure) => {
                state_page(&app, &official, &identifier, Shown::refused("state", entered, failure)?).await
            }
        }
    };
    official.answer(&app, answer.await)
}

async fn change_entered(app: &App, official: &Official, entered: &Form) -> Result<(), Failure> {
    let field = |name| entered.optional(name).ok_or_else(|| refusal::missing(name));
    let (state, reason) = (field("state")?, field("reason")?);
    let (caller, now) = (official.caller(), official.visitor.now);
    let identifier = entered.text("identifier");
    ecerts::change_state(&app.env, now, Authority::Caller(&caller), identifier, state, reason).await?;
    Ok(())
}

async fn file(State(app): State<App>, official: Official, Path(identifier): Path<String>) -> Response {
    let caller = official.caller();
    let now = official.visitor.now;
    let found = ecerts::file(&app.env, now, Authority::Caller(&caller), &identifier).await;
    let page = found.map(|row| ofd_download(&format!("{}.ofd", row.identifier), row.file).into_response());
    official.answer(&app, page)
}
