//! The OpenID provider's endpoints. Each takes the request apart, calls one flow, and renders what comes back.

use ::oidc::Issuer;
use ::oidc::discovery::{Offer, document, paths};
use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use flows::authorize::{self, Step};
use flows::caller::scope;
use flows::{Failure, Reason, Rejected, end_session, exchange_token, user_info};
use identity::Assurance;

use crate::App;
use crate::body::{self, Received};
use crate::headers::policy_for_form_to;
use crate::pages::person::{ConfirmLogout, Consent, LoggedOut, Login};
use crate::pages::{Message, Template};
use crate::problem::{self, Problem};
use crate::visitor::{Bearer, Now, Visitor};

const UI_LOCALES: &[&str] = &["zh-CN", "en"];
/// How long clients may keep keys and metadata.
const PUBLISHED: &str = "public, max-age=300";

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new()
        .route(paths::OPENID_CONFIGURATION, get(discovery))
        .route(paths::OAUTH_AUTHORIZATION_SERVER, get(discovery))
        .route(paths::JWKS, get(jwks))
        .route(paths::JWKS_SM, get(jwks_sm))
        .route(paths::AUTHORIZE, get(authorize_query).post(authorize_body))
        .route(paths::TOKEN, post(token))
        .route(paths::USERINFO, get(userinfo).post(userinfo))
        .route(paths::END_SESSION, get(logout_query).post(logout_body))
        .route("/logout", post(logout_confirmed))
}

/// The metadata document.
pub fn discovery_document(issuer: &Issuer) -> serde_json::Value {
    let acr_values = Assurance::ALL.map(Assurance::as_str);
    document(issuer, &Offer { acr_values: &acr_values, ui_locales: UI_LOCALES, api_scopes: scope::ALL })
}

async fn discovery(State(app): State<App>) -> Response {
    published(app.discovery.to_string(), "application/json")
}

async fn jwks(State(app): State<App>) -> Response {
    published(app.env.keyring().jwks.clone(), "application/jwk-set+json")
}

async fn jwks_sm(State(app): State<App>) -> Response {
    published(app.env.keyring().jwks_sm.clone(), "application/jwk-set+json")
}

/// Public, the same for everyone, and readable by scripts of any origin.
pub(crate) fn published(body: String, content_type: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, PUBLISHED),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (headers, body).into_response()
}

async fn authorize_query(State(app): State<App>, visitor: Visitor, RawQuery(query): RawQuery) -> Response {
    authorize_with(&app, &visitor, query.unwrap_or_default().as_bytes()).await
}

async fn authorize_body(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    if !body::is_type(&headers, "application/x-www-form-urlencoded") {
        let message = "expected content type `application/x-www-form-urlencoded`";
        return problem::page(&app, &visitor, Rejected::bad_request("invalid_request", message).into());
    }
    match body::bytes(received) {
        Ok(body) => authorize_with(&app, &visitor, &body).await,
        Err(rejected) => problem::page(&app, &visitor, rejected.into()),
    }
}

async fn authorize_with(app: &App, visitor: &Visitor, encoded: &[u8]) -> Response {
    match authorize::begin(&app.env, visitor.now, encoded, visitor.login.as_ref()).await {
        Ok(step) => show(app, visitor, step, None),
        Err(failure) => problem::authorize_page(app, visitor, failure),
    }
}

/// Shows the next page of a login, or sends the browser back to the application.
pub(crate) fn show(app: &App, visitor: &Visitor, step: Step, error: Option<Message>) -> Response {
    let response = match step {
        // 303, so that a form's body is never repeated to the application (RFC 9700, 4.12).
        Step::Redirect(url) => Redirect::to(&url).into_response(),
        Step::LogIn { ticket, client, login_hint, redirect_uri } => {
            let here = format!("/login?flow={ticket}");
            let view = Login {
                frame: visitor.frame(app, &here),
                client_name: Some(client_name(visitor, &client)),
                login_hint: login_hint.unwrap_or_default(),
                error,
                flow: ticket,
                csrf: visitor.csrf(app),
            };
            form_page(&view, &redirect_uri)
        }
        Step::Consent { ticket, client, scope, redirect_uri } => {
            let account = visitor.login.as_ref().map(|l| l.account.display_name.clone()).unwrap_or_default();
            let view = Consent {
                frame: visitor.frame(app, &format!("/login?flow={ticket}")),
                client_name: client_name(visitor, &client),
                client_host: host(&redirect_uri),
                account_name: account,
                scopes: scope.iter().map(str::to_owned).collect(),
                flow: ticket,
                csrf: visitor.csrf(app),
            };
            form_page(&view, &redirect_uri)
        }
    };
    visitor.remember(response)
}

/// A page whose form may lead, after redirects, to `target`.
fn form_page(view: &impl Template, target: &str) -> Response {
    let mut response = problem::html(view);
    if let Some(policy) = policy_for_form_to(target) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn client_name(visitor: &Visitor, client: &::oidc::Client) -> String {
    match visitor.display.lang {
        crate::pages::Lang::Zh => client.name.zh.clone(),
        crate::pages::Lang::En => client.name.en.clone(),
    }
}

fn host(uri: &str) -> String {
    url::Url::parse(uri).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_else(|| uri.to_owned())
}

async fn token(State(app): State<App>, Now(now): Now, headers: HeaderMap, received: Received) -> Response {
    let body = match body::bytes(received) {
        Ok(body) => body,
        Err(rejected) => return problem::oauth_rejected(&rejected),
    };
    if !body::is_type(&headers, "application/x-www-form-urlencoded") {
        let message = "expected content type application/x-www-form-urlencoded (RFC 6749, 4.1.3)";
        return problem::oauth_rejected(&Rejected::bad_request("invalid_request", message));
    }
    let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    match exchange_token::exchange(&app.env, now, authorization, &body).await {
        Ok(tokens) => {
            let caching = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
            (caching, axum::Json(tokens)).into_response()
        }
        Err(failure) => problem::oauth(failure),
    }
}

async fn userinfo(
    State(app): State<App>,
    Now(now): Now,
    Bearer(header): Bearer,
    request: Request,
) -> Response {
    let token = match header {
        Some(token) => Some(token),
        None => match token_in_body(request).await {
            Ok(token) => token,
            Err(rejected) => return Problem(rejected.into()).into_response(),
        },
    };
    match user_info::user_info(&app.env, now, token.as_deref()).await {
        Ok(claims) => axum::Json(claims).into_response(),
        Err(failure) => Problem(failure).into_response(),
    }
}

/// RFC 6750, 2.2: the token may come in a form's body, with POST.
async fn token_in_body(request: Request) -> Result<Option<String>, Rejected> {
    use axum::extract::FromRequest;
    let is_form = body::is_type(request.headers(), "application/x-www-form-urlencoded");
    let body = body::bytes(axum::body::Bytes::from_request(request, &()).await)?;
    let mut fields = url::form_urlencoded::parse(if is_form { &body } else { &[] });
    Ok(fields.find(|(name, _)| name == "access_token").map(|(_, token)| token.into_owned()))
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
    let login = visitor.login.as_ref();
    match end_session::end_session(&app.env, visitor.now, encoded, login, confirmed).await {
        Ok(end_session::Step::Done { redirect: Some(url) }) => {
            visitor.logged_out(Redirect::to(&url).into_response())
        }
        Ok(end_session::Step::Done { redirect: None }) => {
            let frame = app.pages.frame(visitor.display, "/");
            visitor.logged_out(problem::html(&LoggedOut { frame, back: None }))
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

/// What a failed login at the login page says.
pub(crate) fn login_error(failure: Failure) -> Result<(Reason, Message), Failure> {
    match failure {
        Failure::Rejected(rejected) => match rejected.reason {
            Reason::TooMany { retry_after_seconds } => {
                Ok((rejected.reason, Message::new("login-wait").with("seconds", retry_after_seconds)))
            }
            Reason::Unauthenticated => Ok((rejected.reason, Message::new("login-wrong"))),
            _ => Err(Failure::Rejected(rejected)),
        },
        fault @ Failure::Fault(_) => Err(fault),
    }
}
