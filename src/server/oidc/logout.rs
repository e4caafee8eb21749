//! The end of a session, and what applications' pages learn of it.

use ::oidc::discovery::paths;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use flows::end_session;

use super::{client_name, form_page};
use crate::App;
use crate::body::{self, Received};
use crate::headers::{Framable, policy_for_frames};
use crate::pages::person::{CheckSession, ConfirmLogout, LoggedOut};
use crate::problem;
use crate::visitor::{Visitor, session_state_cookie};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(paths::END_SESSION, get(logout_query).post(logout_body))
        .route("/logout", post(logout_confirmed))
        .route(paths::CHECK_SESSION, get(check_session))
}

/// The page that applications load in a frame and ask whether the login has changed (OIDC Session Management 1.0, 3.2).
async fn check_session(State(app): State<App>) -> Response {
    let cookie = session_state_cookie(app.env.settings.issuer.is_https());
    let script = app.pages.asset_path("check-session.js");
    let mut response = problem::html(&CheckSession { cookie, script });
    response.extensions_mut().insert(Framable);
    response
}

async fn logout_query(State(app): State<App>, visitor: Visitor, RawQuery(query): RawQuery) -> Response {
    logout(&app, &visitor, query.unwrap_or_default().as_bytes(), false).await
}

async fn logout_body(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    match body::form(&headers, received) {
        Ok(form) => logout(&app, &visitor, encode(form.pairs()).as_bytes(), false).await,
        Err(rejected) => problem::page(&app, &visitor, rejected.into()),
    }
}

/// The person said yes on our own page.
async fn logout_confirmed(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let form = match body::form(&headers, received) {
        Ok(form) => form,
        Err(rejected) => return problem::page(&app, &visitor, rejected.into()),
    };
    if let Err(failure) = visitor.check_csrf(&app, form.text("csrf")) {
        return problem::page(&app, &visitor, failure);
    }
    let handed_on: Vec<_> =
        form.pairs().iter().filter(|(name, _)| name != "csrf" && name != "confirm").cloned().collect();
    logout(&app, &visitor, encode(&handed_on).as_bytes(), true).await
}

async fn logout(app: &App, visitor: &Visitor, encoded: &[u8], confirmed: bool) -> Response {
    let login = visitor.last_login();
    match end_session::end_session(&app.env, visitor.now, encoded, login, confirmed).await {
        Ok(end_session::Step::Done { redirect: Some(url), front_channel }) if front_channel.is_empty() => {
            visitor.logged_out(Redirect::to(&url).into_response())
        }
        Ok(end_session::Step::Done { redirect, front_channel }) => {
            let frame = app.pages.frame(visitor.display, "/");
            let policy = policy_for_frames(&front_channel);
            let mut response = problem::html(&LoggedOut { frame, back: redirect, front_channel });
            if let Some(policy) = policy {
                response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            }
            visitor.logged_out(response)
        }
        Ok(end_session::Step::Confirm { client, redirect }) => {
            let view = ConfirmLogout {
                frame: visitor.frame(app, "/account"),
                client_name: client.map(|c| client_name(visitor, &c)),
                hidden: url::form_urlencoded::parse(encoded).into_owned().collect(),
                csrf: visitor.csrf(app),
            };
            visitor.remember(form_page(&view, redirect.as_deref().unwrap_or_default()))
        }
        Err(failure) => problem::page(app, visitor, failure),
    }
}

fn encode(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
