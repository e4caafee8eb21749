//! Logging in through another provider, and whose account there is whose here.

use axum::Router;
use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use flows::authorize::{self, LoginWish};
use flows::link_upstream::{self, Arrival};
use flows::log_in_through::{self, Arriving, Beginning, Came, TurnedAway};
use flows::sessions::Login;
use flows::upstreams::Upstream;
use flows::{Failure, Fault, Rejected, end_by_upstream};
use url::Url;

use crate::App;
use crate::body::{self, Received};
use crate::pages::person::{Leaving, LinkPage, LinkView, UpstreamView};
use crate::pages::{Frame, Message};
use crate::person::{ACCOUNT, act};
use crate::problem;
use crate::refusal;
use crate::site::{self, AGAIN, BACK, own_path};
use crate::visitor::{Named, Now, Visitor};

const LINK: &str = "/link";

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/upstream/{id}", post(begin))
        .route("/upstream/{id}/callback", get(arrive))
        .route("/upstream/{id}/backchannel-logout", post(told_of_logout))
        .route(LINK, get(link_page).post(answer))
        .route("/account/upstreams/link", post(begin_link))
        .route("/account/upstreams/unlink", post(unlink))
}

/// The providers that a login page offers.
pub(crate) fn views(app: &App, visitor: &Visitor) -> Vec<UpstreamView> {
    let frame = visitor.frame(app, "/");
    let view = |upstream: &Upstream| UpstreamView {
        id: upstream.settings.id.as_str().to_owned(),
        name: name(&frame, upstream),
    };
    app.env.upstreams.iter().map(view).collect()
}

/// The providers on the account page: where the account is linked, and where it could be.
pub(crate) async fn link_views(app: &App, frame: &Frame, login: &Login) -> Result<Vec<LinkView>, Fault> {
    let links = link_upstream::links_of(&app.env, login.account.id).await?;
    let linked = links.iter().map(|link| {
        let upstream = app.env.upstreams.of_issuer(&link.row.issuer);
        LinkView {
            id: link.upstream.clone().unwrap_or_default(),
            name: upstream.map_or_else(|| link.row.issuer.clone(), |upstream| name(frame, upstream)),
            issuer: link.row.issuer.clone(),
            since: link.row.created.date_in_china(),
        }
    });
    let is_linked =
        |upstream: &&Upstream| links.iter().any(|link| link.row.issuer == upstream.settings.issuer.as_str());
    let others = app.env.upstreams.iter().filter(|upstream| !is_linked(upstream)).map(|upstream| LinkView {
        id: upstream.settings.id.as_str().to_owned(),
        name: name(frame, upstream),
        issuer: upstream.settings.issuer.as_str().to_owned(),
        since: String::new(),
    });
    Ok(linked.chain(others).collect())
}

fn name(frame: &Frame, upstream: &Upstream) -> String {
    frame.either(&upstream.settings.name_zh, &upstream.settings.name_en).to_owned()
}

fn name_of(app: &App, frame: &Frame, id: &str) -> String {
    app.env.upstreams.find(id).map(|upstream| name(frame, upstream)).unwrap_or_default()
}

async fn begin(
    State(app): State<App>,
    visitor: Visitor,
    Named(id): Named<String>,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let form = match site::form(&app, &visitor, &headers, received) {
        Ok(form) => form,
        Err(failure) => return problem::page(&app, &visitor, failure),
    };
    let flow = form.text("flow");
    let begun = async {
        let wish = match own_path(flow) {
            Some(_) => LoginWish { again: flow.starts_with(AGAIN), max_age_seconds: None },
            None => authorize::login_wish(&app.env, visitor.now, flow, visitor.login.as_ref()).await?,
        };
        let beginning = Beginning { wish, ..beginning(&visitor, &id, flow) };
        log_in_through::begin(&app.env, visitor.now, beginning).await
    };
    match begun.await {
        Ok(url) => leave(&app, &visitor, &id, &url),
        Err(failure) => turned_away(&app, &visitor, Some(flow), failure).await,
    }
}

fn beginning<'a>(visitor: &Visitor, upstream: &'a str, flow: &'a str) -> Beginning<'a> {
    Beginning {
        upstream,
        flow,
        wish: LoginWish::default(),
        account: None,
        browser: visitor.browser_hash(),
        network: visitor.network.to_string(),
        ui_locales: visitor.display.lang.tag(),
    }
}

/// The page that goes to the provider by itself. No redirect: browsers hold those that follow a form against its page's content policy, and
/// where the provider sends people on the way is its own affair.
fn leave(app: &App, visitor: &Visitor, id: &str, url: &Url) -> Response {
    let frame = visitor.frame(app, "/");
    let view = Leaving {
        upstream_name: name_of(app, &frame, id),
        host: url.host_str().unwrap_or_default().to_owned(),
        url: url.to_string(),
        frame,
    };
    visitor.remember(problem::html(&view))
}

async fn arrive(
    State(app): State<App>,
    visitor: Visitor,
    Named(id): Named<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    match log_in_through::arrive(&app.env, visitor.now, &id, query.as_bytes(), arriving(&visitor)).await {
        Ok(Came::In { logged_in, flow }) => {
            let response = site::go_on(&app, &visitor, &flow, &logged_in.login).await;
            visitor.logged_in(&app, response, &logged_in)
        }
        Ok(Came::Linked { flow }) => to(&flow),
        Ok(Came::Stranger { arrival }) => Redirect::to(&link_path(arrival.expose())).into_response(),
        Err(TurnedAway { flow, failure }) => turned_away(&app, &visitor, flow.as_deref(), failure).await,
    }
}

/// Called by the provider, not by a browser: what it shows proves itself.
async fn told_of_logout(
    State(app): State<App>,
    Now(now): Now,
    Named(id): Named<String>,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let form = match body::form(&headers, received) {
        Ok(form) => form,
        Err(rejected) => return problem::oauth_rejected(&rejected),
    };
    match end_by_upstream::end(&app.env, now, &id, form.text("logout_token")).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(failure) => problem::oauth(failure),
    }
}

fn arriving(visitor: &Visitor) -> Arriving {
    Arriving {
        browser: visitor.browser_hash(),
        network: visitor.network.to_string(),
        user_agent: visitor.user_agent.clone(),
        device: visitor.device.clone(),
        login: visitor.login.clone(),
        replaces: visitor.last_login().cloned(),
    }
}

fn link_path(arrival: &str) -> String {
    format!("{LINK}?arrival={arrival}")
}

/// Where `flow` goes on, for a browser in which nothing has changed.
fn to(flow: &str) -> Response {
    Redirect::to(&path_of(flow)).into_response()
}

fn path_of(flow: &str) -> String {
    match own_path(flow) {
        Some(path) => path.to_owned(),
        None => format!("/login?flow={flow}"),
    }
}

/// The login page again with the reason: whom another provider fails can still log in here. Without what would go on, a page alone.
async fn turned_away(app: &App, visitor: &Visitor, flow: Option<&str>, failure: Failure) -> Response {
    match (flow, failure) {
        (Some(flow), Failure::Rejected(rejected)) if is_about_the_login(&rejected) => {
            tracing::info!(code = rejected.code, "refused: {}", rejected.message);
            let words = refusal::words(&rejected, visitor.display.lang);
            site::login_again(app, visitor, flow, "", rejected.reason, words).await
        }
        (_, failure) => problem::page(app, visitor, failure),
    }
}

/// Whether it helps to log in otherwise: not when the request itself is not to be read.
fn is_about_the_login(rejected: &Rejected) -> bool {
    !matches!(
        rejected.code,
        "bad_ticket" | "expired_ticket" | "unknown_client" | "unknown_redirect_uri" | "no_such_upstream"
    )
}

#[derive(serde::Deserialize)]
struct Carried {
    #[serde(default)]
    arrival: String,
}

async fn link_page(State(app): State<App>, visitor: Visitor, Query(carried): Query<Carried>) -> Response {
    let (login, browser) = (visitor.login.as_ref(), visitor.browser_hash());
    match link_upstream::look(&app.env, visitor.now, &browser, &carried.arrival, login).await {
        Ok(arrival) => visitor.remember(link_view(&app, &visitor, &carried.arrival, arrival)),
        Err(failure) => problem::page(&app, &visitor, failure),
    }
}

fn link_view(app: &App, visitor: &Visitor, token: &str, arrival: Arrival) -> Response {
    let frame = visitor.frame(app, &link_path(token));
    let login = visitor.login.as_ref();
    let own = login.filter(|_| arrival.may_link);
    problem::html(&LinkPage {
        upstream_name: name_of(app, &frame, &arrival.upstream),
        their_name: arrival.name,
        own: own.map(|login| (login.account.display_name.clone(), login.account.user_name.clone())),
        login_hint: login.map(|login| login.account.user_name.clone()).unwrap_or_default(),
        may_create: arrival.may_create,
        arrival: token.to_owned(),
        flow: format!("{BACK}{}", link_path(token)),
        other: arrival.may_be_another.then(|| {
            let back = percent(&link_path(token));
            format!("/login?back={back}")
        }),
        back: path_of(&arrival.flow),
        csrf: visitor.csrf(app),
        frame,
    })
}

async fn answer(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let form = match site::form(&app, &visitor, &headers, received) {
        Ok(form) => form,
        Err(failure) => return problem::page(&app, &visitor, failure),
    };
    let (arrival, now) = (form.text("arrival"), visitor.now);
    let answered = async {
        match form.text("decision") {
            "link" => {
                let (login, browser) = (visitor.known()?, visitor.browser_hash());
                let flow = link_upstream::link(&app.env, now, &browser, arrival, login).await?;
                Ok::<_, Failure>(to(&flow))
            }
            "create" => {
                let (logged_in, flow) =
                    link_upstream::create(&app.env, now, arrival, arriving(&visitor)).await?;
                let response = site::go_on(&app, &visitor, &flow, &logged_in.login).await;
                Ok(visitor.logged_in(&app, response, &logged_in))
            }
            other => {
                let message = format!("expected `decision` to be `link` or `create`, got `{other}`");
                Err(Rejected::bad_request("bad_decision", message).into())
            }
        }
    };
    match answered.await {
        Ok(response) => response,
        // Too long ago that they logged in: the page asks for the password again.
        Err(Failure::Rejected(rejected)) if rejected.code == "authenticate_again" => {
            Redirect::to(&link_path(&percent(arrival))).into_response()
        }
        Err(failure) => problem::page(&app, &visitor, failure),
    }
}

fn percent(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn begin_link(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let flow = format!("{BACK}{ACCOUNT}");
    let begun = async {
        let (login, form) = act(&app, &visitor, &headers, received)?;
        let id = form.text("upstream").to_owned();
        let url = link_upstream::begin(&app.env, visitor.now, login, beginning(&visitor, &id, &flow)).await?;
        Ok((id, url))
    };
    match begun.await {
        Ok((id, url)) => leave(&app, &visitor, &id, &url),
        Err(failure) => again(&app, &visitor, failure).await,
    }
}

async fn unlink(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let unlinked = async {
        let (login, form) = act(&app, &visitor, &headers, received)?;
        link_upstream::unlink(&app.env, visitor.now, login, form.text("issuer")).await
    };
    match unlinked.await {
        Ok(()) => Redirect::to(ACCOUNT).into_response(),
        Err(failure) => again(&app, &visitor, failure).await,
    }
}

/// Who must show again that it is them is asked for it, and comes back to the account page.
async fn again(app: &App, visitor: &Visitor, failure: Failure) -> Response {
    match failure {
        Failure::Rejected(rejected) if rejected.code == "authenticate_again" => {
            let flow = format!("{AGAIN}{ACCOUNT}");
            let hint =
                visitor.login.as_ref().map(|login| login.account.user_name.as_str()).unwrap_or_default();
            let words = Message::new("authenticate-again");
            site::login_again(app, visitor, &flow, hint, rejected.reason, words).await
        }
        failure => problem::page(app, visitor, failure),
    }
}
