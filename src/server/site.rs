//! The pages everyone starts from: home, login, consent, enrolment; language and static files; health.

use ::oidc::discovery::paths;
use axum::Router;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base::Secret;
use cookie::{Cookie, SameSite};
use flows::log_in::{self, Attempt};
use flows::people::{self, NewAccount};
use flows::self_description::SelfDescription;
use flows::{Failure, Reason, Rejected, authorize};
use identity::RealNameLevel;

use crate::App;
use crate::body::{self, Form, Received};
use crate::oidc::{login_error, show};
use crate::openapi;
use crate::pages::Message;
use crate::pages::display::{DISPLAY_COOKIE, local_path};
use crate::pages::parts::Link;
use crate::pages::person::{Enrol, Home, Login};
use crate::problem;
use crate::refusal;
use crate::upstream;
use crate::visitor::{Visitor, append_cookie};

const STATIC_CACHING: &str = "public, max-age=31536000, immutable";
const DISPLAY_DAYS: i64 = 365;

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(home))
        .route("/login", get(login_page).post(log_in_here))
        .route("/consent", post(consent))
        .route("/enrol", get(enrol_page).post(enrol))
        .route("/display", get(display))
        .route("/static/{name}", get(file))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
}

async fn home(State(app): State<App>, visitor: Visitor) -> Response {
    let developer_links = vec![
        Link::new(paths::OPENID_CONFIGURATION, Message::new("discovery-document")),
        Link::new(paths::JWKS, Message::new("key-set")),
        Link::new(paths::JWKS_SM, Message::new("key-set-sm")),
        Link::new("/log/checkpoint", Message::new("log-checkpoint")),
        Link::new(openapi::PATH, Message::new("api-description")),
    ];
    visitor.remember(problem::html(&Home { frame: visitor.frame(&app, "/"), developer_links }))
}

/// Where a login that no application asked for leads: `back:` and a path on this server.
pub(crate) const BACK: &str = "back:";
/// The same for somebody who is to show again that it is them.
pub(crate) const AGAIN: &str = "again:";

/// The path on this server to which `flow` leads, if no application asked for it.
pub(crate) fn own_path(flow: &str) -> Option<&str> {
    flow.strip_prefix(BACK).or_else(|| flow.strip_prefix(AGAIN)).map(local_path)
}

async fn login_page(State(app): State<App>, visitor: Visitor, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let value = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
    };
    match value("flow") {
        Some(ticket) if own_path(&ticket).is_none() => {
            match authorize::resume(&app.env, visitor.now, &ticket, visitor.login.as_ref()).await {
                Ok(step) => show(&app, &visitor, step, None),
                Err(failure) => problem::page(&app, &visitor, failure),
            }
        }
        flow => {
            let back = value("back").map(|back| format!("{BACK}{}", local_path(&back)));
            let flow = back.or(flow).unwrap_or_else(|| format!("{BACK}/account"));
            plain_login(&app, &visitor, &flow, String::new(), None)
        }
    }
}

fn plain_login(
    app: &App,
    visitor: &Visitor,
    flow: &str,
    login_hint: String,
    error: Option<Message>,
) -> Response {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("flow", flow).finish();
    let view = Login {
        frame: visitor.frame(app, &format!("/login?{query}")),
        client_name: None,
        client_host: None,
        login_hint,
        error,
        flow: flow.to_owned(),
        upstreams: upstream::views(app, visitor),
        csrf: visitor.csrf(app),
    };
    visitor.remember(problem::html(&view))
}

async fn log_in_here(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let form = match body::form(&headers, received) {
        Ok(form) => form,
        Err(rejected) => return problem::page(&app, &visitor, rejected.into()),
    };
    let flow = form.text("flow");
    if visitor.check_csrf(&app, form.text("csrf")).is_err() {
        // Nothing of it is looked at. A browser that was new here and opened two pages at once has one that is not bound to the cookie it
        // kept: it gets the page again.
        return login_again(&app, &visitor, flow, "", Reason::Forbidden, Message::new("form-expired")).await;
    }
    let attempt = Attempt {
        user_name: form.text("username").to_owned(),
        password: Secret::new(form.text("password").to_owned()),
        network: visitor.network,
        user_agent: visitor.user_agent.clone(),
        device: visitor.device.clone(),
        replaces: visitor.last_login().cloned(),
    };
    match log_in::log_in(&app.env, visitor.now, attempt).await {
        Ok(logged_in) => {
            let response = go_on(&app, &visitor, flow, &logged_in.login).await;
            visitor.logged_in(&app, response, &logged_in)
        }
        Err(failure) => failed(&app, &visitor, flow, form.text("username"), failure).await,
    }
}

/// What comes after a login: the application's request, or the page on this server.
pub(crate) async fn go_on(
    app: &App,
    visitor: &Visitor,
    flow: &str,
    login: &flows::sessions::Login,
) -> Response {
    if let Some(path) = own_path(flow) {
        return Redirect::to(path).into_response();
    }
    match authorize::resume(&app.env, visitor.now, flow, Some(login)).await {
        // Consent is asked on a page of its own, so that going back or reloading does not send the password again.
        Ok(authorize::Step::Consent { ticket, .. } | authorize::Step::LogIn { ticket, .. }) => {
            Redirect::to(&format!("/login?flow={ticket}")).into_response()
        }
        Ok(step) => show(app, visitor, step, None),
        Err(failure) => problem::page(app, visitor, failure),
    }
}

/// The login page again, with what was wrong.
async fn failed(app: &App, visitor: &Visitor, flow: &str, user_name: &str, failure: Failure) -> Response {
    match login_error(failure) {
        Ok((reason, message)) => login_again(app, visitor, flow, user_name, reason, message).await,
        Err(failure) => problem::page(app, visitor, failure),
    }
}

/// The login page for `flow`, with `message` above.
pub(crate) async fn login_again(
    app: &App,
    visitor: &Visitor,
    flow: &str,
    user_name: &str,
    reason: Reason,
    message: Message,
) -> Response {
    let response = match own_path(flow) {
        Some(_) => plain_login(app, visitor, flow, user_name.to_owned(), Some(message)),
        None => match authorize::login_step(&app.env, visitor.now, flow, user_name).await {
            Ok(step) => show(app, visitor, step, Some(message)),
            Err(failure) => return problem::page(app, visitor, failure),
        },
    };
    let mut response = (problem::status(reason), response).into_response();
    problem::retry_after(&mut response, reason);
    response
}

async fn consent(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let form = match form(&app, &visitor, &headers, received) {
        Ok(form) => form,
        Err(failure) => return problem::page(&app, &visitor, failure),
    };
    let flow = form.text("flow");
    let answered = async {
        match (form.text("decision"), &visitor.login) {
            // Logged out meanwhile, in another tab perhaps: the request goes on with a login.
            ("allow", None) => authorize::resume(&app.env, visitor.now, flow, None).await,
            ("allow", Some(login)) => {
                let account = form.text("account").parse().map_err(|_| {
                    Rejected::bad_request("bad_ticket", "the form does not say whom the page was shown to")
                })?;
                authorize::allow(&app.env, visitor.now, flow, login, account).await
            }
            // Also from the login page, by somebody who is nobody yet.
            ("deny", _) => authorize::deny(&app.env, visitor.now, flow).await,
            (other, _) => {
                let message = format!("expected `decision` to be `allow` or `deny`, got `{other}`");
                Err(Rejected::bad_request("bad_decision", message).into())
            }
        }
    };
    match answered.await {
        Ok(authorize::Step::LogIn { ticket, .. }) => {
            Redirect::to(&format!("/login?flow={ticket}")).into_response()
        }
        Ok(step) => show(&app, &visitor, step, None),
        Err(failure) => problem::page(&app, &visitor, failure),
    }
}

async fn enrol_page(State(app): State<App>, visitor: Visitor) -> Response {
    enrol_view(&app, &visitor, None, None)
}

fn enrol_view(app: &App, visitor: &Visitor, entered: Option<&Form>, error: Option<Message>) -> Response {
    let text = |name| entered.map(|f| f.text(name).to_owned()).unwrap_or_default();
    let view = Enrol {
        frame: visitor.frame(app, "/enrol"),
        code: text("code"),
        name: text("name"),
        username: text("username"),
        error,
        csrf: visitor.csrf(app),
    };
    visitor.remember(problem::html(&view))
}

async fn enrol(State(app): State<App>, visitor: Visitor, headers: HeaderMap, received: Received) -> Response {
    let form = match form(&app, &visitor, &headers, received) {
        Ok(form) => form,
        Err(failure) => return problem::page(&app, &visitor, failure),
    };
    if form.text("password") != form.text("password_again") {
        let page = enrol_view(&app, &visitor, Some(&form), Some(Message::new("enrol-passwords-differ")));
        return (StatusCode::UNPROCESSABLE_ENTITY, page).into_response();
    }
    let account = NewAccount {
        user_name: form.text("username").to_owned(),
        display_name: form.text("name").to_owned(),
        password: Secret::new(form.text("password").to_owned()),
        id_number: None,
        real_name: RealNameLevel::Unverified,
        description: SelfDescription::default(),
    };
    match people::enrol_administrator(&app.env, visitor.now, form.text("code"), account).await {
        Ok(_) => Redirect::to("/login?back=/console").into_response(),
        Err(Failure::Rejected(rejected)) => {
            let words = refusal::words(&rejected, visitor.display.lang);
            let page = enrol_view(&app, &visitor, Some(&form), Some(words));
            (problem::status(rejected.reason), page).into_response()
        }
        Err(fault) => problem::page(&app, &visitor, fault),
    }
}

/// The form, if it was shown to this browser.
pub(crate) fn form(
    app: &App,
    visitor: &Visitor,
    headers: &HeaderMap,
    received: Received,
) -> Result<Form, Failure> {
    let form = body::form(headers, received)?;
    visitor.check_csrf(app, form.text("csrf"))?;
    Ok(form)
}

#[derive(serde::Deserialize)]
struct Chosen {
    lang: Option<String>,
    elder: Option<String>,
    #[serde(default)]
    back: String,
}

async fn display(State(app): State<App>, visitor: Visitor, Query(chosen): Query<Chosen>) -> Response {
    let display = visitor.display.choose(chosen.lang.as_deref(), chosen.elder.as_deref());
    let mut cookie = Cookie::new(DISPLAY_COOKIE, display.cookie_value());
    cookie.set_path("/");
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(app.env.settings.issuer.is_https());
    cookie.set_max_age(cookie::time::Duration::days(DISPLAY_DAYS));
    let mut response = Redirect::to(local_path(&chosen.back)).into_response();
    append_cookie(&mut response, &cookie);
    response
}

async fn file(State(app): State<App>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = app.pages.assets().iter().find(|a| a.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{}\"", asset.etag);
    let caching = [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, STATIC_CACHING.to_owned())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, asset.content_type)], asset.bytes).into_response()
}

/// There is no such page.
pub async fn not_found(State(app): State<App>, visitor: Option<Visitor>, headers: HeaderMap) -> Response {
    let rejected = Rejected::not_found("not_found", "there is nothing at this address");
    let wants_page =
        headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("text/html"));
    match visitor.filter(|_| wants_page) {
        Some(visitor) => problem::page(&app, &visitor, rejected.into()),
        None => problem::Problem(rejected.into()).into_response(),
    }
}

/// The process answers. No I/O.
async fn livez() -> &'static str {
    "ok\n"
}

/// The process can do its work: keys are in service, the database answers and the log can be read.
async fn readyz(State(app): State<App>) -> Response {
    let not_ready = || (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response();
    if app.env.keys.in_service().is_err() {
        // Why was said when it began; whoever asks each second must not fill the log.
        return not_ready();
    }
    match flows::log::checkpoint(&app.env).await {
        Ok(checkpoint) => format!("ok\nlog {}\n", checkpoint.size).into_response(),
        Err(fault) => {
            tracing::error!("not ready: {fault}");
            not_ready()
        }
    }
}
