//! What every answer carries.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::App;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const YEAR_SECONDS: &str = "max-age=31536000; includeSubDomains";

/// Adds the headers of every answer; a handler's own stay.
pub async fn add(State(app): State<App>, request: Request, next: Next) -> Response {
    let request_id = request.headers().get("x-request-id").cloned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut usual = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    usual(header::CONTENT_SECURITY_POLICY, POLICY);
    usual(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    usual(header::X_FRAME_OPTIONS, "DENY");
    usual(header::REFERRER_POLICY, "no-referrer");
    usual(header::CACHE_CONTROL, "no-store");
    usual(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    usual(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    usual(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    if app.env.settings.issuer.is_https() {
        usual(header::STRICT_TRANSPORT_SECURITY, YEAR_SECONDS);
    }
    // AuthZEN 10.1.4: a request's own identifier comes back.
    if let Some(id) = request_id {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

/// The content policy of a page whose form may end, through redirects, at `target`: browsers hold redirects against `form-action`.
pub fn policy_for_form_to(target: &str) -> Option<HeaderValue> {
    let url = url::Url::parse(target).ok()?;
    let source = match url.host_str() {
        Some(_) => url.origin().ascii_serialization(),
        None => format!("{}:", url.scheme()),
    };
    HeaderValue::from_str(&POLICY.replace("form-action 'self'", &format!("form-action 'self' {source}"))).ok()
}
