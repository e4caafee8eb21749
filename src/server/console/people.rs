//! People and the organisation tree: listed, added.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use base::Secret;
use flows::caller::Authority;
use flows::people::{self, NewAccount, NewUnit, Post};
use flows::self_description::SelfDescription;
use flows::{Failure, Rejected, stop_account};
use identity::{Level, RealNameLevel};
use serde::Deserialize;
use store::rows::accounts::{AccountRow, AccountState, OfficialRow};
use store::rows::units::UnitRow;

use super::{Official, Shown, done_at, refusal, state_badge, table, unit_choices};
use crate::App;
use crate::body::{Form, Received};
use crate::pages::Frame;
use crate::pages::Message;
use crate::pages::console::{Cell, Section, Table};
use crate::pages::forms::{self, AskWhy, add_account, add_unit};
use crate::pages::parts::Link;
use crate::visitor::Named;

/// How many accounts one page lists.
const PAGE_ACCOUNTS_COUNT: u16 = 50;
/// The roles that the policies know.
const ROLES: &[&str] =
    &["administrator", "application_registrar", "seal_keeper", "certificate_issuer", "impersonator"];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/console/people", get(show).post(add_person))
        .route("/console/people/units", post(add_office))
        .route("/console/people/{id}", get(show_one))
        .route("/console/people/disable", post(disable))
        .route("/console/people/enable", post(enable))
}

#[derive(Deserialize)]
struct Asked {
    done: Option<String>,
    #[serde(default)]
    after: String,
}

async fn show(State(app): State<App>, official: Official, Query(asked): Query<Asked>) -> Response {
    let shown = Shown::notice(asked.done.as_deref());
    official.answer(&app, page(&app, &official, &asked.after, shown).await)
}

async fn page(app: &App, official: &Official, after: &str, shown: Shown) -> Result<Response, Failure> {
    let frame = official.frame(app, Section::People);
    let units = official.units(app).await?;
    let mut officials = people::officials(&app.env).await?;
    officials.retain(|post| official.oversees(&post.unit_path));
    let accounts = accounts(app, official, &officials, after).await?;
    let tables =
        vec![accounts_table(&frame, official, &accounts, &officials, &units), units_table(&frame, &units)];
    let levels: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
    let csrf = official.csrf(app);
    let forms = vec![
        add_account(&frame, &csrf, unit_choices(&frame, &units), ROLES),
        add_unit(&frame, &csrf, unit_choices(&frame, &units), &levels),
    ];
    Ok(shown.list(frame, Section::People, tables, forms))
}

/// The accounts that the official sees: administrators a page of all, others those with a post in their branch.
async fn accounts(
    app: &App,
    official: &Official,
    officials: &[OfficialRow],
    after: &str,
) -> Result<Vec<AccountRow>, Failure> {
    if official.is_administrator() {
        return Ok(people::page(&app.env, after, PAGE_ACCOUNTS_COUNT).await?);
    }
    let mut accounts = Vec::new();
    for post in officials.iter().take(usize::from(PAGE_ACCOUNTS_COUNT) - 1) {
        accounts.extend(people::account(&app.env, post.account).await?);
    }
    Ok(accounts)
}

fn accounts_table(
    frame: &Frame,
    official: &Official,
    accounts: &[AccountRow],
    officials: &[OfficialRow],
    units: &[UnitRow],
) -> Table {
    let headers = [
        "person-name",
        "column-user-name",
        "person-kind",
        "column-state",
        "column-unit",
        "column-post",
        "column-clearance",
        "column-roles",
        "real-name-level",
        "column-action",
    ];
    let posts: HashMap<_, _> = officials.iter().map(|o| (o.account.to_string(), o)).collect();
    let row = |account: &AccountRow| {
        let post = posts.get(&account.id.to_string());
        let unit = post.and_then(|post| units.iter().find(|u| u.id == post.unit));
        let kind = if post.is_some() { "person-official" } else { "person-citizen" };
        let text = |value: Option<String>| Cell::Text(value.unwrap_or_default());
        vec![
            Cell::Text(account.display_name.clone()),
            Cell::Code(account.user_name.clone()),
            Cell::Text(frame.t(kind)),
            state_badge(frame, account.state.as_str()),
            text(unit.map(|u| frame.either(&u.name_zh, &u.name_en).to_owned())),
            text(post.map(|p| p.post.clone())),
            text(post.map(|p| frame.t1("grade", "grade", p.clearance))),
            text(post.map(|p| role_names(frame, &p.roles))),
            Cell::Text(account.real_name_level.to_string()),
            Cell::Links(turn(official, account).into_iter().collect()),
        ]
    };
    let mut table = table(frame, "accounts", &headers, accounts.iter().map(row).collect());
    let last = accounts.last().filter(|_| accounts.len() >= usize::from(PAGE_ACCOUNTS_COUNT));
    table.more = last
        .map(|last| Link::new(format!("{}?after={}", Section::People.path(), last.id), Message::new("more")));
    table
}

/// Where the account is taken out of use, or back into it; nobody does it to themself.
fn turn(official: &Official, account: &AccountRow) -> Option<Link> {
    let label = match account.state {
        AccountState::Active => Message::new("disable"),
        AccountState::Disabled => Message::new("enable"),
    };
    let may = official.is_administrator() && account.id != official.login.account.id;
    may.then(|| Link::new(format!("{}/{}", Section::People.path(), account.id), label))
}

fn role_names(frame: &Frame, roles: &[String]) -> String {
    let name = |role: &String| match ROLES.contains(&role.as_str()) {
        true => frame.t(&format!("role-name-{role}")),
        false => role.clone(),
    };
    roles.iter().map(name).collect::<Vec<_>>().join(frame.either("、", ", "))
}

fn units_table(frame: &Frame, units: &[UnitRow]) -> Table {
    let headers = ["unit-name", "column-level", "column-code", "uscc", "column-identifier"];
    let row = |unit: &UnitRow| {
        let name = frame.either(&unit.name_zh, &unit.name_en);
        let indent = "\u{3000}".repeat(unit.path.matches('/').count());
        vec![
            Cell::Text(format!("{indent}{name}")),
            Cell::Text(frame.t(&format!("level-{}", unit.level))),
            Cell::Code(unit.code.clone()),
            Cell::Code(unit.uscc.clone().unwrap_or_default()),
            Cell::Code(unit.id.to_string()),
        ]
    };
    table(frame, "organisation-tree", &headers, units.iter().map(row).collect())
}

async fn add_person(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        match add_entered(&app, &official, &entered).await {
            Ok(()) => Ok(done_at(Section::People, "account")),
            Err(failure) => page(&app, &official, "", Shown::refused("person", entered, failure)?).await,
        }
    };
    official.answer(&app, answer.await)
}

async fn add_entered(app: &App, official: &Official, entered: &Form) -> Result<(), Failure> {
    let post = match entered.text("kind") {
        "official" => Some(post_entered(entered)?),
        _ => None,
    };
    let citizen = post.is_none();
    let id_number = entered.optional("identity_number").filter(|_| citizen);
    let seen = citizen && entered.text("seen_in_person") == "on";
    if seen && id_number.is_none() {
        return Err(refusal::missing("identity_number"));
    }
    let account = NewAccount {
        user_name: entered.text("username").to_owned(),
        display_name: entered.text("name").to_owned(),
        password: Secret::new(entered.text("password").to_owned()),
        id_number: id_number.map(str::to_owned),
        // Nobody asked the population register: without having seen the person, nothing is proven.
        real_name: if seen { RealNameLevel::InPerson } else { RealNameLevel::Unverified },
        description: SelfDescription::default(),
    };
    let caller = official.caller();
    people::add_person(&app.env, official.visitor.now, Authority::Caller(&caller), account, post, false)
        .await?;
    Ok(())
}

fn post_entered(entered: &Form) -> Result<Post, Failure> {
    let field = |name| entered.optional(name).ok_or_else(|| refusal::missing(name));
    let roles = ROLES.iter().filter(|role| entered.text(&format!("role.{role}")) == "on");
    Ok(Post {
        unit: unit_id(field("unit")?)?,
        name: field("post")?.to_owned(),
        clearance: field("clearance")?.parse().map_err(|_| refusal::missing("clearance"))?,
        roles: roles.map(|role| (*role).to_owned()).collect(),
    })
}

async fn add_office(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        match add_unit_entered(&app, &official, &entered).await {
            Ok(()) => Ok(done_at(Section::People, "unit")),
            Err(failure) => page(&app, &official, "", Shown::refused("unit", entered, failure)?).await,
        }
    };
    official.answer(&app, answer.await)
}

async fn add_unit_entered(app: &App, official: &Official, entered: &Form) -> Result<(), Failure> {
    let field = |name| entered.optional(name).ok_or_else(|| refusal::missing(name));
    let name = field("name")?;
    let unit = NewUnit {
        // Without a unit above there would be nobody whose administration it falls under.
        parent: Some(unit_id(field("parent")?)?),
        level: Level::parse(field("level")?).ok_or_else(|| refusal::missing("level"))?,
        code: field("code")?.to_owned(),
        name_zh: name.to_owned(),
        name_en: entered.optional("name_en").unwrap_or(name).to_owned(),
        uscc: entered.optional("uscc").map(str::to_owned),
    };
    let caller = official.caller();
    people::add_unit(&app.env, official.visitor.now, Authority::Caller(&caller), unit).await?;
    Ok(())
}

/// Asks once more before an account is taken out of use, or back into it.
async fn show_one(State(app): State<App>, official: Official, Named(id): Named<String>) -> Response {
    official.answer(&app, one_page(&app, &official, &id, Shown::default()).await)
}

async fn one_page(app: &App, official: &Official, id: &str, shown: Shown) -> Result<Response, Failure> {
    official.require_administrator()?;
    let account = people::account(&app.env, account_id(id)?).await?.ok_or_else(no_such_account)?;
    let frame = official.visitor.frame(app, &format!("{}/{id}", Section::People.path()));
    let (csrf, subject) = (official.csrf(app), ("account", id));
    let form = match account.state {
        AccountState::Active => forms::with_reason(
            &frame,
            &csrf,
            &AskWhy {
                name: "disable",
                action: "/console/people/disable",
                title: "disable-account",
                lead: "disable-account-lead",
                label: "state-reason",
                hint: "state-reason-hint",
                submit: "disable",
                subject,
            },
        ),
        AccountState::Disabled => {
            let words = ("enable-account", "enable-account-lead", "enable");
            forms::button(&frame, &csrf, ("enable", "/console/people/enable"), words, subject)
        }
    };
    let name = format!("{} ({})", account.display_name, account.user_name);
    let colon = frame.either("：", ": ");
    let form = forms::Form { title: format!("{}{colon}{name}", form.title), ..form };
    Ok(shown.form(frame, Section::People, form))
}

async fn disable(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        let id = entered.text("account").to_owned();
        let (caller, now, why) = (official.caller(), official.visitor.now, entered.text("reason"));
        match stop_account::disable(&app.env, now, &caller, account_id(&id)?, why).await {
            Ok(()) => Ok(done_at(Section::People, "account-disabled")),
            Err(failure) => {
                one_page(&app, &official, &id, Shown::refused("disable", entered, failure)?).await
            }
        }
    };
    official.answer(&app, answer.await)
}

async fn enable(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        let id = entered.text("account").to_owned();
        let (caller, now) = (official.caller(), official.visitor.now);
        match stop_account::enable(&app.env, now, &caller, account_id(&id)?).await {
            Ok(()) => Ok(done_at(Section::People, "account-enabled")),
            Err(failure) => one_page(&app, &official, &id, Shown::refused("enable", entered, failure)?).await,
        }
    };
    official.answer(&app, answer.await)
}

fn account_id(text: &str) -> Result<base::Id<base::id::Account>, Failure> {
    Ok(text.parse().map_err(|_| no_such_account())?)
}

fn no_such_account() -> Rejected {
    Rejected::not_found("no_such_account", "there is no such account")
}

/// The unit that was chosen.
pub(super) fn unit_id(text: &str) -> Result<base::Id<base::id::Unit>, Failure> {
    Ok(text.parse().map_err(|e: base::id::BadId| Rejected::not_found("no_such_unit", e.to_string()))?)
}
