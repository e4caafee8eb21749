//! The OpenID provider's endpoints. Each takes the request apart, calls one flow, and renders what comes back.
//!
//! - here: metadata, keys, and the authorization endpoint with the pages it leads to.
//! - [`clients`] what applications call: tokens, pushed requests, revocation, introspection, registration.
//! - [`logout`] the end of a session, and what applications' pages learn of it.

use ::oidc::authorize::Delivery;
use ::oidc::discovery::{Offer, document, paths};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use flows::authorize::{self, Step};
use flows::caller::scope;
use flows::metadata_documents::Documents;
use flows::{Failure, Reason, Rejected, Settings};
use identity::Assurance;

use crate::App;
use crate::body::{self, Received};
use crate::headers::policy_for_form_to;
use crate::pages::person::{Consent, Detail, Leave, Login, Post};
use crate::pages::{Message, Template};
use crate::problem;
use crate::upstream;
use crate::visitor::Visitor;

mod clients;
mod logout;

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
        .merge(clients::routes())
        .merge(logout::routes())
}

/// What applications call.
pub fn client_routes() -> Router<App> {
    clients::routes()
}

/// The metadata document.
pub fn discovery_document(settings: &Settings) -> serde_json::Value {
    let acr_values = Assurance::ALL.map(Assurance::as_str);
    let offer = Offer {
        acr_values: &acr_values,
        ui_locales: UI_LOCALES,
        api_scopes: scope::ALL,
        certificates: &settings.certificates.taken_at,
        metadata_documents: settings.registration.documents != Documents::Off,
    };
    document(&settings.issuer, &offer)
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
        Step::Answer(Delivery::Redirect(url)) => Redirect::to(&url).into_response(),
        Step::Answer(Delivery::Form { action, fields }) => {
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            form_page(&Post { frame: visitor.frame(app, "/"), action: action.clone(), fields }, &action)
        }
        Step::Leave { to, client, redirect_uri } => {
            let (action, fields) = match to {
                Delivery::Redirect(url) => (url, Vec::new()),
                Delivery::Form { action, fields } => {
                    (action, fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
                }
            };
            let (client_name, host) = (client_name(visitor, &client), host(&redirect_uri));
            form_page(
                &Leave { frame: visitor.frame(app, "/"), client_name, host, action, fields },
                &redirect_uri,
            )
        }
        Step::LogIn { ticket, client, login_hint, redirect_uri } => {
            let here = format!("/login?flow={ticket}");
            let view = Login {
                frame: visitor.frame(app, &here),
                client_name: Some(client_name(visitor, &client)),
                client_host: client
                    .registered_itself
                    .then(|| client.document_host().unwrap_or_else(|| host(&redirect_uri))),
                login_hint: login_hint.unwrap_or_default(),
                error,
                flow: ticket,
                upstreams: upstream::views(app, visitor),
                csrf: visitor.csrf(app),
            };
            form_page(&view, &redirect_uri)
        }
        Step::Consent { ticket, client, scope, authorization_details, redirect_uri } => {
            let login = visitor.login.as_ref();
            let account = login.map(|l| l.account.display_name.clone()).unwrap_or_default();
            let view = Consent {
                frame: visitor.frame(app, &format!("/login?flow={ticket}")),
                client_name: client_name(visitor, &client),
                client_host: host(&redirect_uri),
                account_name: account,
                account: login.map(|l| l.account.id.to_string()).unwrap_or_default(),
                registered_itself: client.registered_itself,
                document_host: client.document_host(),
                scopes: scope.iter().map(str::to_owned).collect(),
                details: authorization_details.iter().map(Detail::new).collect(),
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

pub(crate) fn client_name(visitor: &Visitor, client: &::oidc::Client) -> String {
    match visitor.display.lang {
        crate::pages::Lang::Zh => client.name.zh.clone(),
        crate::pages::Lang::En => client.name.en.clone(),
    }
}

fn host(uri: &str) -> String {
    url::Url::parse(uri).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_else(|| uri.to_owned())
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
