//! Tokens with which applications register themselves: given out, listed, withdrawn.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use base::id::BadId;
use flows::caller::Authority;
use flows::initial_access::{self, APPLICATIONS_USUAL_COUNT, Given, Order, Standing};
use flows::{Failure, Rejected};
use store::rows::initial_access::InitialAccessRow;

use super::{Official, Shown, refusal, table};
use crate::App;
use crate::body::{Form, Received};
use crate::pages::console::{Act, Cell, Done, Section, Table};
use crate::pages::forms::give_initial_access;
use crate::pages::parts::{Fact, Tone};
use crate::pages::{Frame, Message};

/// Where the page is.
pub(super) const PATH: &str = "/console/registration";
const WITHDRAW: &str = "/console/registration/withdraw";
const FORM: &str = "initial-access";
const DAY_SECONDS: i64 = 86_400;

pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(give)).route(WITHDRAW, post(withdraw))
}

async fn show(State(app): State<App>, official: Official) -> Response {
    official.answer(&app, page(&app, &official, Shown::default()).await)
}

async fn page(app: &App, official: &Official, shown: Shown) -> Result<Response, Failure> {
    official.require_administrator()?;
    let (frame, csrf) = (official.frame(app, Section::Applications), official.csrf(app));
    let now = official.visitor.now;
    let rows = initial_access::all(&app.env, now, Authority::Caller(&official.caller())).await?;
    let headers = [
        "column-purpose",
        "column-valid-until",
        "initial-access-applications",
        "column-state",
        "column-action",
        "column-identifier",
    ];
    let rows = rows.iter().map(|row| line(&frame, &csrf, row, Standing::of(row, now))).collect();
    let tokens: Table = table(&frame, "initial-access-tokens", &headers, rows);
    let forms = vec![give_initial_access(&frame, &csrf, initial_access::TTL_MAX_SECONDS / DAY_SECONDS)];
    Ok(shown.list(frame, Section::Applications, vec![tokens], forms))
}

fn line(frame: &Frame, csrf: &str, row: &InitialAccessRow, standing: Standing) -> Vec<Cell> {
    let tone = if standing == Standing::Open { Tone::Ok } else { Tone::Bad };
    let act = match standing {
        Standing::Open | Standing::UsedUp => Cell::Act(Act {
            action: WITHDRAW.to_owned(),
            csrf: csrf.to_owned(),
            hidden: vec![("id".to_owned(), row.id.to_string())],
            label: Message::new("withdraw-initial-access"),
        }),
        Standing::Expired | Standing::Withdrawn => Cell::Text(String::new()),
    };
    vec![
        Cell::Text(row.note.clone()),
        Cell::Time(row.expires.minute_in_china()),
        Cell::Text(format!("{} / {}", row.applications, row.applications_max)),
        Cell::Badge { tone, text: frame.t(&format!("initial-access-{}", standing.as_str())) },
        act,
        Cell::Code(row.id.to_string()),
    ]
}

async fn give(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        let shown = match give_entered(&app, &official, &entered).await {
            Ok(given) => Shown::done(done(&official.frame(&app, Section::Applications), &given)),
            Err(failure) => Shown::refused(FORM, entered, failure)?,
        };
        page(&app, &official, shown).await
    };
    official.answer(&app, answer.await)
}

async fn give_entered(app: &App, official: &Official, entered: &Form) -> Result<Given, Failure> {
    let days: i64 =
        entered.optional("days").and_then(|n| n.parse().ok()).ok_or_else(|| refusal::missing("days"))?;
    let applications = entered
        .optional("applications")
        .map_or(Ok(APPLICATIONS_USUAL_COUNT), |n| n.parse().map_err(|_| refusal::missing("applications")));
    let order = Order {
        ttl_seconds: days.saturating_mul(DAY_SECONDS),
        applications_max: applications?,
        note: entered.optional("note").unwrap_or_default().to_owned(),
    };
    let caller = official.caller();
    initial_access::give(&app.env, official.visitor.now, Authority::Caller(&caller), order).await
}

fn done(frame: &Frame, given: &Given) -> Done {
    let facts = vec![
        Fact::new(frame.t("initial-access-token"), given.token.expose().clone()),
        Fact::new(frame.t("column-identifier"), given.id.to_string()),
    ];
    Done { message: Message::new("initial-access-given"), facts, links: Vec::new() }
}

async fn withdraw(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        official.require_administrator()?;
        let entered = official.form(&app, &headers, received)?;
        let id = entered.text("id").parse();
        let id = id.map_err(|e: BadId| Rejected::bad_request("bad_identifier", e.to_string()))?;
        let caller = official.caller();
        initial_access::withdraw(&app.env, official.visitor.now, Authority::Caller(&caller), id).await?;
        let message = Message::new("initial-access-was-withdrawn");
        page(&app, &official, Shown::done(Done { message, facts: Vec::new(), links: Vec::new() })).await
    };
    official.answer(&app, answer.await)
}
