//! What applications call: tokens, pushed requests, revocation, introspection, userinfo, registration.

use std::sync::Arc;

use ::oidc::discovery::paths;
use ::oidc::mtls::ClientCertificate;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use flows::caller::Presented;
use flows::client_request::ClientRequest;
use flows::dpop::ProofHeader;
use flows::introspect::{Introspected, introspect};
use flows::user_info::{self, Claims};
use flows::{
    Rejected, ask_person, authorize_device, exchange_token, push_request, register_client, revoke_token,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::App;
use crate::body::{self, Received};
use crate::certificate::Shown;
use crate::headers;
use crate::problem::{self, Problem};
use crate::visitor::{FromNetwork, Named, Now, proof_header};

/// The type of a signed answer about a token (RFC 9701, 4 and 8.1).
const INTROSPECTION_JWT: &str = "application/token-introspection+jwt";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(paths::TOKEN, post(token))
        .route(paths::PUSHED_REQUEST, post(push))
        .route(paths::DEVICE_AUTHORIZATION, post(device))
        .route(paths::BACKCHANNEL_AUTHENTICATION, post(backchannel))
        .route(paths::REVOKE, post(revoke))
        .route(paths::INTROSPECT, post(introspected))
        .route(paths::USERINFO, get(userinfo).post(userinfo))
        .route(paths::REGISTER, post(register))
        .route(paths::REGISTRATION, get(registered).put(change_registration).delete(remove_registration))
        // Set before the layer, so that a browser's question, which comes with OPTIONS, gets to it too.
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn(headers::readable_anywhere))
}

/// What the request of a client is made of.
struct FromClient {
    authorization: Option<HeaderValue>,
    accepted: Option<HeaderValue>,
    proof: ProofHeader,
    certificate: Option<Arc<ClientCertificate>>,
    body: Bytes,
}

impl FromRequest<App> for FromClient {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let Ok(Shown(certificate)) = Shown::from_request_parts(&mut parts, app).await;
        let (authorization, accepted) =
            [header::AUTHORIZATION, header::ACCEPT].map(|name| parts.headers.get(name).cloned()).into();
        let (proof, is_form) = (proof_header(&parts.headers), is_form(&parts.headers));
        let received = Bytes::from_request(Request::from_parts(parts, body), app).await;
        let body = form(is_form, received).map_err(|rejected| problem::oauth_rejected(&rejected))?;
        Ok(Self { authorization, accepted, proof, certificate, body })
    }
}

impl FromClient {
    fn to(&self, path: &'static str) -> ClientRequest<'_> {
        ClientRequest {
            path,
            authorization: self.authorization.as_ref().map(HeaderValue::as_bytes),
            proof: &self.proof,
            certificate: self.certificate.as_deref(),
            body: &self.body,
        }
    }
}

async fn token(State(app): State<App>, Now(now): Now, sent: FromClient) -> Response {
    match exchange_token::exchange(&app.env, now, sent.to(paths::TOKEN)).await {
        Ok(tokens) => unstored(StatusCode::OK, &tokens),
        Err(failure) => problem::oauth(failure),
    }
}

async fn push(State(app): State<App>, Now(now): Now, sent: FromClient) -> Response {
    match push_request::push(&app.env, now, sent.to(paths::PUSHED_REQUEST)).await {
        Ok(pushed) => unstored(StatusCode::CREATED, &pushed),
        Err(failure) => problem::oauth(failure),
    }
}

async fn revoke(State(app): State<App>, Now(now): Now, sent: FromClient) -> Response {
    match revoke_token::revoke(&app.env, now, sent.to(paths::REVOKE)).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(failure) => problem::oauth(failure),
    }
}

async fn device(
    State(app): State<App>,
    Now(now): Now,
    FromNetwork(network): FromNetwork,
    sent: FromClient,
) -> Response {
    match authorize_device::begin(&app.env, now, sent.to(paths::DEVICE_AUTHORIZATION), network).await {
        Ok(answer) => unstored(StatusCode::OK, &answer),
        Err(failure) => problem::oauth(failure),
    }
}

async fn backchannel(
    State(app): State<App>,
    Now(now): Now,
    FromNetwork(network): FromNetwork,
    sent: FromClient,
) -> Response {
    let request = sent.to(paths::BACKCHANNEL_AUTHENTICATION);
    match ask_person::begin(&app.env, now, request, network.to_string()).await {
        Ok(answer) => unstored(StatusCode::OK, &answer),
        Err(failure) => problem::backchannel(failure),
    }
}

async fn introspected(State(app): State<App>, Now(now): Now, sent: FromClient) -> Response {
    let accepted = sent.accepted.as_ref().and_then(|v| v.to_str().ok()).unwrap_or_default();
    let wants_signed = accepted.contains(INTROSPECTION_JWT);
    match introspect(&app.env, now, sent.to(paths::INTROSPECT), wants_signed).await {
        Ok(Introspected::Plain(said)) => unstored(StatusCode::OK, &said),
        Ok(Introspected::Signed(token)) => {
            ([(header::CONTENT_TYPE, INTROSPECTION_JWT)], token).into_response()
        }
        Err(failure) => problem::oauth(failure),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    body::is_type(headers, "application/x-www-form-urlencoded")
}

/// The form-encoded body.
fn form(is_form: bool, received: Received) -> Result<Bytes, Rejected> {
    let body = body::bytes(received)?;
    if is_form {
        return Ok(body);
    }
    let message = "expected content type application/x-www-form-urlencoded (RFC 6749, 4.1.3)";
    Err(Rejected::bad_request("invalid_request", message))
}

/// JSON that no cache keeps (RFC 6749, 5.1).
fn unstored(status: StatusCode, said: &impl Serialize) -> Response {
    let caching = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    (status, caching, axum::Json(said)).into_response()
}

async fn userinfo(
    State(app): State<App>,
    Now(now): Now,
    presented: crate::visitor::AccessToken,
    request: Request,
) -> Response {
    let presented = match in_body(presented.0, request).await {
        Ok(presented) => presented,
        Err(rejected) => return Problem(rejected.into()).into_response(),
    };
    match user_info::user_info(&app.env, now, &presented).await {
        Ok(Claims::Plain(claims)) => axum::Json(claims).into_response(),
        Ok(Claims::Token(token)) => ([(header::CONTENT_TYPE, "application/jwt")], token).into_response(),
        Err(failure) => Problem(failure).into_response(),
    }
}

/// RFC 6750, 2.2: the token may come in a form's body, with POST, but not in two places.
async fn in_body(presented: Presented, request: Request) -> Result<Presented, Rejected> {
    let is_form = is_form(request.headers());
    let body = body::bytes(axum::body::Bytes::from_request(request, &()).await)?;
    let mut fields = url::form_urlencoded::parse(if is_form { &body } else { &[] });
    let mut inside =
        fields.by_ref().filter(|(name, _)| name == "access_token").map(|(_, token)| token.into_owned());
    match (presented.token.is_some(), inside.next(), inside.next()) {
        (_, None, _) => Ok(presented),
        (false, inside, None) => Ok(Presented { token: inside, ..presented }),
        (true, Some(_), None) => {
            let message = "send the access token in the header or in the body, not in both (RFC 6750, 2)";
            Err(Rejected::bad_request("invalid_request", message))
        }
        (_, Some(_), Some(_)) => {
            let message = "expected `access_token` once (RFC 6749, 3.1)";
            Err(Rejected::bad_request("invalid_request", message))
        }
    }
}

async fn register(
    State(app): State<App>,
    Now(now): Now,
    presented: crate::visitor::AccessToken,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let members = match members(&headers, received) {
        Ok(members) => members,
        Err(refusal) => return problem::oauth(refusal.into()),
    };
    match register_client::register(&app.env, now, presented.0.token.as_deref(), members).await {
        Ok(said) => unstored(StatusCode::CREATED, &said),
        Err(failure) => problem::oauth(failure),
    }
}

async fn registered(
    State(app): State<App>,
    presented: crate::visitor::AccessToken,
    Named(id): Named<String>,
) -> Response {
    match register_client::show(&app.env, &id, presented.0.token.as_deref()).await {
        Ok(said) => unstored(StatusCode::OK, &said),
        Err(failure) => problem::oauth(failure),
    }
}

async fn change_registration(
    State(app): State<App>,
    Now(now): Now,
    presented: crate::visitor::AccessToken,
    Named(id): Named<String>,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let members = match members(&headers, received) {
        Ok(members) => members,
        Err(refusal) => return problem::oauth(refusal.into()),
    };
    let token = presented.0.token;
    match register_client::change(&app.env, now, &id, token.as_deref(), members).await {
        Ok(said) => unstored(StatusCode::OK, &said),
        Err(failure) => problem::oauth(failure),
    }
}

async fn remove_registration(
    State(app): State<App>,
    Now(now): Now,
    presented: crate::visitor::AccessToken,
    Named(id): Named<String>,
) -> Response {
    match register_client::remove(&app.env, now, &id, presented.0.token.as_deref()).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(failure) => problem::oauth(failure),
    }
}

/// The members of a registration (RFC 7591, 3.1).
fn members(headers: &HeaderMap, received: Received) -> Result<Map<String, Value>, ::oidc::OauthError> {
    // Each name once, at every level: what one reader checks, another must not overlook.
    let members: Result<jose::json::StrictObject, _> = body::json(headers, received);
    members.map(|members| members.0).map_err(|rejected| {
        ::oidc::OauthError::new(::oidc::ErrorCode::InvalidClientMetadata, rejected.message)
    })
}
