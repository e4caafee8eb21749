//! Seals: listed, made, suspended, resumed, destroyed, put on documents.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base::Id;
use base::id::Seal;
use flows::caller::Authority;
use flows::make_seal::{self, NewSeal};
use flows::seal_document::{self, Place, Sealed};
use flows::{Failure, Rejected};
use serde::Deserialize;
use store::rows::seals::{SealRow, SealState};
use store::rows::units::UnitRow;

use super::people::unit_id;
use super::{Official, Shown, done_at, refusal, state_badge, table, unit_choices};
use crate::App;
use crate::body::{self, Form, Received, Upload};
use crate::pages::console::{Act, Cell, ConsoleForm, Section, Table};
use crate::pages::forms::{self, Choice};
use crate::pages::parts::Link;
use crate::pages::{Frame, Message};
use crate::person::ofd_download;
use crate::problem;

pub(super) fn routes() -> Router<App> {
    let documents = Router::new()
        .route("/console/seals/documents", post(seal_a_document))
        .layer(DefaultBodyLimit::max(body::FILE_MAX_BYTES));
    Router::new()
        .route("/console/seals", get(show).post(make))
        .route("/console/seals/state", post(change_state))
        .merge(documents)
}

#[derive(Deserialize)]
struct Asked {
    done: Option<String>,
    /// The seal that is about to be destroyed.
    destroy: Option<String>,
}

async fn show(State(app): State<App>, official: Official, Query(asked): Query<Asked>) -> Response {
    let page = match asked.destroy.as_deref() {
        Some(id) => destroy_page(&app, &official, id).await,
        None => page(&app, &official, Shown::notice(asked.done.as_deref())).await,
    };
    official.answer(&app, page)
}

async fn page(app: &App, official: &Official, shown: Shown) -> Result<Response, Failure> {
    let frame = official.frame(app, Section::Seals);
    let csrf = official.csrf(app);
    let mut seals = make_seal::all(&app.env).await?;
    seals.retain(|seal| official.oversees(&seal.unit_path));
    let units = official.units(app).await?;
    // The seals of the official's own unit first; who may use which is the policies' to say.
    let mut usable: Vec<_> = seals.iter().filter(|seal| seal.state == SealState::Active).collect();
    usable.sort_by_key(|seal| seal.unit != official.post.unit);
    let usable = usable.iter().map(|seal| Choice::new(seal.id.to_string(), seal.name.clone())).collect();
    let tables = vec![seals_table(&frame, &csrf, &seals, &units)];
    let forms = vec![
        forms::seal_document(&frame, &csrf, usable),
        forms::make_seal(&frame, &csrf, unit_choices(&frame, &units)),
    ];
    Ok(shown.list(frame, Section::Seals, tables, forms))
}

fn seals_table(frame: &Frame, csrf: &str, seals: &[SealRow], units: &[UnitRow]) -> Table {
    let headers = [
        "seal-name",
        "column-unit",
        "column-valid-until",
        "column-state",
        "column-use",
        "column-action",
        "seal-code",
    ];
    let row = |seal: &SealRow| {
        let unit = units.iter().find(|u| u.id == seal.unit);
        let unit = unit.map_or("", |u| frame.either(&u.name_zh, &u.name_en));
        let file = Link::new(format!("/v1/seals/{}/file", seal.id), Message::new("download"));
        let destroy =
            Link::new(format!("{}?destroy={}", Section::Seals.path(), seal.id), Message::new("destroy"));
        let gone = seal.state == SealState::Destroyed;
        let links = if gone { vec![file] } else { vec![file, destroy] };
        vec![
            Cell::Text(seal.name.clone()),
            Cell::Text(unit.to_owned()),
            Cell::Time(seal.valid_until.date_in_china()),
            state_badge(frame, seal.state.as_str()),
            turn(csrf, seal),
            Cell::Links(links),
            Cell::Code(seal.es_id.clone()),
        ]
    };
    table(frame, "section-seals", &headers, seals.iter().map(row).collect())
}

/// The button that suspends a seal or takes it back into use.
fn turn(csrf: &str, seal: &SealRow) -> Cell {
    let (to, label) = match seal.state {
        SealState::Active => (SealState::Suspended, Message::new("suspend")),
        SealState::Suspended => (SealState::Active, Message::new("resume")),
        SealState::Destroyed => return Cell::Text(String::new()),
    };
    Cell::Act(Act {
        action: "/console/seals/state".to_owned(),
        csrf: csrf.to_owned(),
        hidden: vec![("seal".into(), seal.id.to_string()), ("state".into(), to.as_str().into())],
        label,
    })
}

async fn destroy_page(app: &App, official: &Official, id: &str) -> Result<Response, Failure> {
    let id = seal_id(id)?;
    let seals = make_seal::all(&app.env).await?;
    let seal = seals.into_iter().find(|seal| seal.id == id);
    let seal = seal.ok_or_else(|| Rejected::not_found("no_such_seal", format!("there is no seal `{id}`")))?;
    let frame = official.frame(app, Section::Seals);
    let form = forms::destroy_seal(&frame, &official.csrf(app), &id.to_string(), &seal.name);
    Ok(problem::html(&ConsoleForm { frame, section: Section::Seals, error: None, form }))
}

async fn make(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        match make_entered(&app, &official, &entered).await {
            Ok(()) => Ok(done_at(Section::Seals, "seal")),
            Err(failure) => page(&app, &official, Shown::refused("seal", entered, failure)?).await,
        }
    };
    official.answer(&app, answer.await)
}

async fn make_entered(app: &App, official: &Official, entered: &Form) -> Result<(), Failure> {
    let field = |name| entered.optional(name).ok_or_else(|| refusal::missing(name));
    let order = NewSeal {
        unit: unit_id(field("unit")?)?,
        name: field("name")?.to_owned(),
        es_id: None,
        picture_png: None,
    };
    let caller = official.caller();
    make_seal::make(&app.env, official.visitor.now, Authority::Caller(&caller), order, false).await?;
    Ok(())
}

async fn change_state(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        match change_entered(&app, &official, &entered).await {
            Ok(()) => Ok(done_at(Section::Seals, "seal-state")),
            Err(failure) => page(&app, &official, Shown::refused("state", entered, failure)?).await,
        }
    };
    official.answer(&app, answer.await)
}

async fn change_entered(app: &App, official: &Official, entered: &Form) -> Result<(), Failure> {
    let (id, caller) = (seal_id(entered.text("seal"))?, official.caller());
    let authority = Authority::Caller(&caller);
    make_seal::change_state(&app.env, official.visitor.now, authority, id, entered.text("state")).await
}

async fn seal_a_document(State(app): State<App>, official: Official, request: Request) -> Response {
    let answer = async {
        let upload = body::upload(request).await?;
        official.visitor.check_csrf(&app, upload.fields.text("csrf"))?;
        let Upload { file_name, file, fields } = upload;
        match seal_entered(&app, &official, &fields, file).await {
            Ok(sealed) => Ok(ofd_download(&sealed_name(&file_name), sealed.file).into_response()),
            Err(failure) => page(&app, &official, Shown::refused("document", fields, failure)?).await,
        }
    };
    official.answer(&app, answer.await)
}

async fn seal_entered(
    app: &App,
    official: &Official,
    fields: &Form,
    file: Vec<u8>,
) -> Result<Sealed, Failure> {
    let number = |name| {
        let number: Option<u32> = fields.optional(name).and_then(|text| text.parse().ok());
        number.ok_or_else(|| refusal::missing(name))
    };
    let id = seal_id(fields.optional("seal").ok_or_else(|| refusal::missing("seal"))?)?;
    if file.is_empty() {
        return Err(refusal::missing("file"));
    }
    // People count pages from 1.
    let page = number("page")?.checked_sub(1).ok_or_else(|| refusal::missing("page"))?;
    let place = Place {
        page: usize::try_from(page).unwrap_or(usize::MAX),
        x_mm: f64::from(number("x")?),
        y_mm: f64::from(number("y")?),
    };
    let caller = official.caller();
    seal_document::seal(&app.env, official.visitor.now, Authority::Caller(&caller), id, file, place).await
}

/// `notice.ofd` becomes `notice-sealed.ofd`.
fn sealed_name(name: &str) -> String {
    let stem = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = stem.strip_suffix(".ofd").unwrap_or(stem);
    if stem.is_empty() { "sealed.ofd".to_owned() } else { format!("{stem}-sealed.ofd") }
}

fn seal_id(text: &str) -> Result<Id<Seal>, Failure> {
    Ok(text.parse().map_err(|e: base::id::BadId| Rejected::not_found("no_such_seal", e.to_string()))?)
}

#[cfg(test)]
mod tests {
    use super::sealed_name;

    #[test]
    fn a_sealed_file_is_named_after_the_one_that_came() {
        assert_eq!(sealed_name("通知.ofd"), "通知-sealed.ofd");
        assert_eq!(sealed_name("C:\\docs\\a.ofd"), "a-sealed.ofd");
        assert_eq!(sealed_name(""), "sealed.ofd");
        assert_eq!(sealed_name("../../.ofd"), "sealed.ofd");
    }
}
