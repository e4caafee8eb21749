//! Applications: listed, registered.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use flows::Failure;
use flows::caller::{Authority, scope as api};
use flows::clients::{self, Registered, Registration};
use oidc::client::{AuthMethod, GrantType};
use oidc::redirect_uri::ApplicationType;
use oidc::{Client, scope};

use super::{Official, Shown, refusal, table};
use crate::App;
use crate::body::{Form, Received};
use crate::pages::console::{Cell, Done, Section, Table};
use crate::pages::forms::{Choice, register_application};
use crate::pages::parts::{Fact, Link, Tone};
use crate::pages::{Frame, Message};

const FORM: &str = "register";
/// What ID tokens may be signed with, the usual one first.
const ALGORITHMS: &[&str] = &["ES256", "SM2", "PS256", "EdDSA", "RS256"];
/// What an application may be registered for here; `openid` goes without saying.
const SCOPES: &[&str] = &[
    scope::PROFILE,
    scope::REAL_NAME,
    scope::ORGANISATION,
    scope::OFFLINE_ACCESS,
    api::DECIDE,
    api::REPORT_SIGNAL,
];
/// Those that the application uses for itself, with a token of its own.
const OWN_SCOPES: &[&str] = &[api::DECIDE, api::REPORT_SIGNAL];

pub(super) fn routes() -> Router<App> {
    Router::new().route("/console/applications", get(show).post(register))
}

async fn show(State(app): State<App>, official: Official) -> Response {
    official.answer(&app, page(&app, &official, Shown::default()).await)
}

async fn page(app: &App, official: &Official, shown: Shown) -> Result<Response, Failure> {
    official.require_administrator()?;
    let frame = official.frame(app, Section::Applications);
    let tables = vec![applications(&frame, &clients::all(&app.env).await?)];
    let scopes = SCOPES.iter().map(|scope| Choice::new(*scope, scope_title(&frame, scope))).collect();
    let forms = vec![register_application(&frame, &official.csrf(app), ALGORITHMS, scopes)];
    Ok(shown.list(frame, Section::Applications, tables, forms))
}

fn applications(frame: &Frame, clients: &[Client]) -> Table {
    let headers = [
        "column-name",
        "column-identifier",
        "column-scopes",
        "column-algorithm",
        "column-state",
        "column-redirect-uris",
    ];
    let row = |client: &Client| {
        let scopes = client.scopes.to_string();
        let titles: Vec<_> = scopes.split(' ').map(|scope| scope_title(frame, scope)).collect();
        let (tone, state) =
            if client.enabled { (Tone::Ok, "state-active") } else { (Tone::Bad, "state-disabled") };
        vec![
            Cell::Text(frame.either(&client.name.zh, &client.name.en).to_owned()),
            Cell::Code(client.id.to_string()),
            Cell::Text(titles.join(frame.either("、", ", "))),
            Cell::Text(client.algorithms.id_token.as_str().to_owned()),
            Cell::Badge { tone, text: frame.t(state) },
            Cell::Text(client.redirect_uris.join(" ")),
        ]
    };
    let rows = clients.iter().map(row).collect();
    let more = Some(Link::new(super::registration::PATH, Message::new("initial-access-tokens")));
    Table { more, ..table(frame, "section-applications", &headers, rows) }
}

/// What a scope is called at the console: those of our own APIs have no words on the consent page.
fn scope_title(frame: &Frame, scope: &str) -> String {
    match scope {
        api::DECIDE => frame.t("api-decide"),
        api::REPORT_SIGNAL => frame.t("api-report-signal"),
        api::SEAL => frame.t("api-seal"),
        api::ISSUE_ECERT => frame.t("api-issue-ecert"),
        api::ADMINISTER => frame.t("api-administer"),
        other => frame.scope_title(other),
    }
}

async fn register(
    State(app): State<App>,
    official: Official,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let answer = async {
        let entered = official.form(&app, &headers, received)?;
        let shown = match register_entered(&app, &official, &entered).await {
            Ok(registered) => Shown::done(done(&official.frame(&app, Section::Applications), &registered)),
            Err(failure) => Shown::refused(FORM, entered, failure)?,
        };
        page(&app, &official, shown).await
    };
    official.answer(&app, answer.await)
}

async fn register_entered(app: &App, official: &Official, entered: &Form) -> Result<Registered, Failure> {
    let registration = registration(entered, app.env.settings.issuer.as_str())?;
    let caller = official.caller();
    clients::register(&app.env, official.visitor.now, Authority::Caller(&caller), &registration, false).await
}

fn registration(entered: &Form, issuer: &str) -> Result<Registration, Failure> {
    let name = entered.optional("name").ok_or_else(|| refusal::missing("name"))?;
    let lines = |field| {
        let text = entered.text(field).lines();
        text.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let redirect_uris = lines("redirect_uris");
    if redirect_uris.is_empty() {
        return Err(refusal::missing("redirect_uris"));
    }
    let confidential = entered.text("kind") != "public";
    let chosen = SCOPES.iter().copied().filter(|scope| entered.text(&format!("scope.{scope}")) == "on");
    let chosen: Vec<&str> = std::iter::once(scope::OPENID).chain(chosen).collect();
    let acts_for_itself = chosen.iter().any(|scope| OWN_SCOPES.contains(scope));
    let grants = [
        (GrantType::AuthorizationCode, true),
        (GrantType::RefreshToken, chosen.contains(&scope::OFFLINE_ACCESS)),
        (GrantType::ClientCredentials, acts_for_itself),
    ];
    let method = if confidential { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
    Ok(Registration {
        name_zh: name.to_owned(),
        name_en: entered.optional("name_en").unwrap_or(name).to_owned(),
        application_type: application_type(confidential, &redirect_uris),
        token_endpoint_auth_method: method.as_str().to_owned(),
        redirect_uris,
        post_logout_redirect_uris: lines("post_logout_redirect_uris"),
        grant_types: grants
            .iter()
            .filter(|(_, use_it)| *use_it)
            .map(|(g, _)| g.as_str().to_owned())
            .collect(),
        scope: chosen.join(" "),
        audiences: if acts_for_itself { vec![issuer.to_owned()] } else { Vec::new() },
        id_token_signed_response_alg: entered.text("id_token_alg").to_owned(),
        access_token_signed_response_alg: entered.text("id_token_alg").to_owned(),
        ..Registration::default()
    })
}

/// An application without a server runs in a browser when all its addresses are https, else on a device (RFC 8252).
fn application_type(confidential: bool, redirect_uris: &[String]) -> ApplicationType {
    let on_the_web = redirect_uris.iter().all(|uri| uri.starts_with("https:"));
    if confidential || on_the_web { ApplicationType::Web } else { ApplicationType::Native }
}

fn done(frame: &Frame, registered: &Registered) -> Done {
    let mut facts = vec![Fact::new(frame.t("client-id"), registered.client.id.to_string())];
    let key = match &registered.secret {
        Some(secret) => {
            facts.push(Fact::new(frame.t("client-secret"), secret.expose().clone()));
            "application-registered"
        }
        None => "application-registered-public",
    };
    Done { message: Message::new(key), facts, links: Vec::new() }
}
