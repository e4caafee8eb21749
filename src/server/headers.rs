//! What every answer carries.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::App;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const FRAMABLE_POLICY: &str = "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'";
/// Room for the headers of every answer.
const USUAL_COUNT: usize = 11;
const YEAR_SECONDS: &str = "max-age=31536000; includeSubDomains";

/// Marks a page that others may put into a frame: it shows nothing and does nothing there but answer.
#[derive(Clone, Copy, Debug)]
pub struct Framable;

/// What a request's headers ask of the answer's.
pub struct Asked {
    request_id: Option<HeaderValue>,
    wants_nonce: bool,
}

impl Asked {
    /// What the headers of a request ask.
    pub fn by(headers: &HeaderMap) -> Self {
        Self { request_id: headers.get("x-request-id").cloned(), wants_nonce: headers.contains_key("dpop") }
    }

    /// Adds the headers of every answer, and those that were asked for; a handler's own stay.
    pub fn add_to(self, app: &App, mut response: Response) -> Response {
        let framable = response.extensions().get::<Framable>().is_some();
        let headers = response.headers_mut();
        headers.reserve(USUAL_COUNT);
        let mut usual = |name: HeaderName, value: &'static str| {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        };
        usual(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        if framable {
            usual(header::CONTENT_SECURITY_POLICY, FRAMABLE_POLICY);
            usual(HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
        } else {
            usual(header::CONTENT_SECURITY_POLICY, POLICY);
            usual(header::X_FRAME_OPTIONS, "DENY");
        }
        usual(header::REFERRER_POLICY, "no-referrer");
        usual(header::CACHE_CONTROL, "no-store");
        usual(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        usual(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        usual(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
        if app.env.settings.issuer.is_https() {
            usual(header::STRICT_TRANSPORT_SECURITY, YEAR_SECONDS);
        }
        // RFC 9449, 8.2: whoever sends proofs is kept supplied with nonces.
        if self.wants_nonce
            && let Ok(nonce) = HeaderValue::from_str(&flows::dpop::nonce(&app.env, app.env.now()))
        {
            headers.insert(HeaderName::from_static("dpop-nonce"), nonce);
        }
        // AuthZEN 10.1.4: a request's own identifier comes back.
        if let Some(id) = self.request_id {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        response
    }
}

/// Lets scripts of any origin call and read: nothing here goes by cookies, so a browser adds no authority of its own.
///
/// What a browser asks before such a call is answered here.
pub async fn readable_anywhere(request: Request, next: Next) -> Response {
    let is_question = request.method() == Method::OPTIONS;
    let mut response =
        if is_question { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    say(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    say(HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
    if is_question {
        say(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE");
        say(header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop");
        say(header::ACCESS_CONTROL_MAX_AGE, "7200");
    } else {
        say(header::ACCESS_CONTROL_EXPOSE_HEADERS, "dpop-nonce, www-authenticate");
    }
    response
}

/// Whether an origin is one word of a content policy: a host may hold characters that would begin another directive.
fn is_source(origin: &str) -> bool {
    origin.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:/[]".contains(&b))
}

/// The content policy of a page that loads `pages` in frames: applications' own, at logout.
pub fn policy_for_frames(pages: &[String]) -> Option<HeaderValue> {
    let mut origins: Vec<String> = pages
        .iter()
        .filter_map(|page| url::Url::parse(page).ok())
        .map(|url| url.origin().ascii_serialization())
        .filter(|origin| is_source(origin))
        .collect();
    origins.sort();
    origins.dedup();
    if origins.is_empty() {
        return None;
    }
    HeaderValue::from_str(&format!("{POLICY}; frame-src {}", origins.join(" "))).ok()
}

/// The content policy of a page whose form may end, through redirects, at `target`: browsers hold redirects against `form-action`.
pub fn policy_for_form_to(target: &str) -> Option<HeaderValue> {
    let url = url::Url::parse(target).ok()?;
    let source = match url.host_str() {
        Some(_) => url.origin().ascii_serialization(),
        None => format!("{}:", url.scheme()),
    };
    if !is_source(&source) {
        return None;
    }
    HeaderValue::from_str(&POLICY.replace("form-action 'self'", &format!("form-action 'self' {source}"))).ok()
}
