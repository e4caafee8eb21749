//! Refusals and faults as answers. The only place that knows HTTP statuses.
//!
//! The caller is told what was expected and what came; what went wrong on our side is logged once under a reference, and the
//! caller is told the reference.

use std::any::Any;

use ::oidc::OauthError;
use ::oidc::error::ErrorCode;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flows::error::WantedLogin;
use flows::{Failure, Fault, Reason, Rejected};
use serde_json::json;

use crate::App;
use crate::pages::person::{Comparison, ErrorPage};
use crate::pages::{Message, Template};
use crate::refusal;
use crate::visitor::Visitor;

/// The status of a refusal.
pub const fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::BadRequest => StatusCode::BAD_REQUEST,
        Reason::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        Reason::Unauthenticated => StatusCode::UNAUTHORIZED,
        Reason::Forbidden => StatusCode::FORBIDDEN,
        Reason::NotFound => StatusCode::NOT_FOUND,
        Reason::Conflict => StatusCode::CONFLICT,
        Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Reason::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Reason::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Reason::Elsewhere => StatusCode::BAD_GATEWAY,
        Reason::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// An API's answer that is not what was asked for: problem JSON (RFC 9457).
#[derive(Debug)]
pub struct Problem(pub Failure);

impl<E: Into<Failure>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self.0 {
            Failure::Rejected(rejected) => rejection(&rejected),
            Failure::Fault(fault) => match fault.out_of_service() {
                Some(rejected) => rejection(&rejected),
                None => fault_problem(&fault),
            },
        }
    }
}

fn rejection(rejected: &Rejected) -> Response {
    let status = status(rejected.reason);
    tracing::info!(status = status.as_u16(), code = rejected.code, "refused: {}", rejected.message);
    let mut response = problem_json(status, rejected.code, &rejected.message, None);
    retry_after(&mut response, rejected.reason);
    if matches!(rejected.reason, Reason::Unauthenticated | Reason::Forbidden) {
        challenge(&mut response, rejected);
    }
    response
}

/// RFC 6750, 3: that a token is wanted; and what was wrong with the one that came, if one did (3.1).
fn challenge(response: &mut Response, rejected: &Rejected) {
    if let Some(wants) = &rejected.wants {
        return ask_for_login(response, wants);
    }
    let value = match rejected.code {
        "no_token" => "Bearer",
        "invalid_token" => "Bearer error=\"invalid_token\"",
        "insufficient_scope" => "Bearer error=\"insufficient_scope\"",
        "invalid_dpop_proof" => "DPoP error=\"invalid_dpop_proof\", algs=\"ES256 PS256 EdDSA\"",
        "use_dpop_nonce" => "DPoP error=\"use_dpop_nonce\", algs=\"ES256 PS256 EdDSA\"",
        _ => return,
    };
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(value));
}

/// RFC 9470, 3: which login would do. The client asks for it at the authorization endpoint, in these very parameters (4).
fn ask_for_login(response: &mut Response, wants: &WantedLogin) {
    let mut value = format!("{} error=\"insufficient_user_authentication\"", wants.scheme);
    if let Some(acr_value) = &wants.acr_value {
        value.push_str(&format!(", acr_values=\"{acr_value}\""));
    }
    if let Some(seconds) = wants.max_age_seconds {
        value.push_str(&format!(", max_age=\"{seconds}\""));
    }
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
}

/// Says when to try again, where the reason knows it (RFC 9110, 10.2.3).
pub(crate) fn retry_after(response: &mut Response, reason: Reason) {
    if let Reason::TooMany { retry_after_seconds } | Reason::Busy { retry_after_seconds } = reason {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
    }
}

fn problem_json(status: StatusCode, code: &str, detail: &str, reference: Option<&str>) -> Response {
    let mut body = json!({
        "type": format!("urn:yinxin:problem:{code}"),
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
    });
    if let (Some(members), Some(reference)) = (body.as_object_mut(), reference) {
        members.insert("reference".to_owned(), json!(reference));
    }
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

fn fault_problem(fault: &Fault) -> Response {
    let reference = log(fault);
    let detail = "something went wrong on our side; when asking, name the reference";
    problem_json(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail, Some(&reference))
}

/// Logs the fault under a new reference.
fn log(fault: &Fault) -> String {
    let reference = reference();
    tracing::error!(reference, "fault: {fault}");
    reference
}

fn reference() -> String {
    base::encoding::hex(&base::entropy::bytes::<6>(&base::OsEntropy))
}

/// The token endpoint's refusal (RFC 6749, 5.2).
pub fn oauth(failure: Failure<OauthError>) -> Response {
    match failure {
        Failure::Rejected(error) => {
            tracing::info!(code = error.code.as_str(), "refused: {}", error.description());
            oauth_json(&error)
        }
        Failure::Fault(fault) => {
            if let Some(rejected) = fault.out_of_service() {
                return oauth_unavailable(&rejected);
            }
            let reference = log(&fault);
            let error = OauthError::new(ErrorCode::ServerError, format!("our fault; reference {reference}"));
            (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(error)).into_response()
        }
    }
}

/// The backchannel authentication endpoint's refusal: as the token endpoint's, but for one (OIDC CIBA Core 1.0, 13).
pub fn backchannel(failure: Failure<OauthError>) -> Response {
    let denied = matches!(&failure, Failure::Rejected(error) if error.code == ErrorCode::AccessDenied);
    let mut response = oauth(failure);
    if denied {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

fn oauth_json(error: &OauthError) -> Response {
    // RFC 6749, 5.2: 401 with a challenge when the client failed to authenticate, 400 for everything else.
    if error.code == ErrorCode::InvalidClient {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"yinxin\", charset=\"UTF-8\"")];
        return (StatusCode::UNAUTHORIZED, challenge, axum::Json(error)).into_response();
    }
    // RFC 7591, 3.2.2 and RFC 7592, 2: a token that does not open the registration.
    if error.code == ErrorCode::InvalidToken {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
        return (StatusCode::UNAUTHORIZED, challenge, axum::Json(error)).into_response();
    }
    (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
}

/// A refusal that has nothing to do with the request. RFC 6749, 5.2 has no code for it; that of 4.1.2.1 says what is meant.
fn oauth_unavailable(rejected: &Rejected) -> Response {
    tracing::info!(code = rejected.code, "refused: {}", rejected.message);
    let error = OauthError::new(ErrorCode::TemporarilyUnavailable, &rejected.message);
    let mut response = (status(rejected.reason), axum::Json(error)).into_response();
    retry_after(&mut response, rejected.reason);
    response
}

/// An OAuth refusal of a request that cannot be read at all.
pub fn oauth_rejected(rejected: &Rejected) -> Response {
    let error = OauthError::new(ErrorCode::InvalidRequest, &rejected.message);
    (status(rejected.reason), axum::Json(error)).into_response()
}

/// A refusal or fault as a page.
pub fn page(app: &App, visitor: &Visitor, failure: Failure) -> Response {
    match failure {
        Failure::Rejected(rejected) => {
            let status = status(rejected.reason);
            tracing::info!(status = status.as_u16(), code = rejected.code, "refused: {}", rejected.message);
            let title = match rejected.reason {
                _ if rejected.code == "out_of_service" => Message::new("error-internal"),
                Reason::NotFound => Message::new("error-not-found"),
                Reason::Forbidden | Reason::Unauthenticated => Message::new("error-forbidden"),
                Reason::TooLarge => Message::new("error-too-large"),
                Reason::TooMany { .. } | Reason::Busy { .. } => Message::new("error-too-many"),
                _ => Message::new("error-bad-request"),
            };
            let detail = refusal::words(&rejected, visitor.display.lang);
            let mut response = error_page(app, visitor, status, title, Some(detail), None, reference());
            retry_after(&mut response, rejected.reason);
            response
        }
        Failure::Fault(fault) => {
            if let Some(rejected) = fault.out_of_service() {
                return page(app, visitor, rejected.into());
            }
            let reference = log(&fault);
            let (title, detail) = (Message::new("error-internal"), Message::new("error-internal-detail"));
            error_page(app, visitor, StatusCode::INTERNAL_SERVER_ERROR, title, Some(detail), None, reference)
        }
    }
}

/// A refusal of an authorization request that is not redirected.
pub fn authorize_page(
    app: &App,
    visitor: &Visitor,
    failure: Failure<::oidc::authorize::PageError>,
) -> Response {
    use ::oidc::authorize::PageError;
    let error = match failure {
        Failure::Fault(fault) => return page(app, visitor, Failure::Fault(fault)),
        Failure::Rejected(error) => error,
    };
    tracing::info!("authorization request refused on a page: {}", error.to_string().escape_debug());
    let bad = StatusCode::BAD_REQUEST;
    let (title, detail, comparison) = match &error {
        PageError::RedirectUri { received, registered, .. } => (
            Message::new("error-redirect"),
            Message::new("error-redirect-detail"),
            Some(Comparison {
                what: Message::new("error-redirect-compare"),
                received: received.clone(),
                registered: registered.clone(),
            }),
        ),
        PageError::UnknownClient { client_id } => (
            Message::new("error-unknown-client"),
            Message::new("error-unknown-client-detail").with("client", client_id),
            None,
        ),
        PageError::Document { client_id, why } => (
            Message::new("error-unknown-client"),
            Message::new("error-document-detail").with("client", client_id).with("detail", why),
            None,
        ),
        PageError::Params(_)
        | PageError::Missing(_)
        | PageError::RequestUri { .. }
        | PageError::RequestObject(_) => (
            Message::new("error-parameter"),
            Message::new("error-parameter-detail").with("detail", &error),
            None,
        ),
    };
    error_page(app, visitor, bad, title, Some(detail), comparison, reference())
}

fn error_page(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    title: Message,
    detail: Option<Message>,
    comparison: Option<Comparison>,
    reference: String,
) -> Response {
    let frame = visitor.frame(app, "/");
    let view = ErrorPage { frame, status: status.as_u16(), title, detail, comparison, reference };
    match view.render() {
        Ok(html) => (status, axum::response::Html(html)).into_response(),
        Err(error) => fault_problem(&Fault::message(format!("rendering an error page: {error}"))),
    }
}

/// A page, or the fault of not being able to render it.
pub fn html(view: &impl Template) -> Response {
    match view.render() {
        Ok(html) => axum::response::Html(html).into_response(),
        Err(error) => fault_problem(&Fault::message(format!("rendering a page: {error}"))),
    }
}

/// The method is not one of the route's.
pub async fn method_not_allowed() -> Response {
    problem_json(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this address takes other methods",
        None,
    )
}

/// A handler panicked: a bug. The connection goes on.
pub fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    fault_problem(&Fault::message(format!("panic: {text}")))
}
