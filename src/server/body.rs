//! Bodies with limits and content types.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flows::{Reason, Rejected};
use serde::de::DeserializeOwned;

use crate::problem;

/// Largest form.
pub const FORM_MAX_BYTES: usize = 64 << 10;
/// Largest JSON body.
pub const JSON_MAX_BYTES: usize = 1 << 20;
/// Largest file, with room for the envelope of a form around it.
pub const FILE_MAX_BYTES: usize = (64 << 20) + (64 << 10);

/// How long a body of up to [`JSON_MAX_BYTES`] may take to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a request with a larger body, a file, may take altogether.
const FILE_TIMEOUT: Duration = Duration::from_secs(120);

/// Waits for the body before anything of the request is looked at, and not for long.
///
/// What is known of a request (the time, who is logged in) must be so when it is acted on, not when its first line came: whoever kept the
/// body back could otherwise act after a logout, or show again what had been forgotten.
pub async fn arrives<F: Future<Output = Response>>(
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    if request.body().is_end_stream() {
        return answer(request).await;
    }
    let late = || {
        let message = "the request did not arrive in time: send it in one go";
        problem::Problem(Rejected::new(Reason::TooSlow, "request_timeout", message).into()).into_response()
    };
    let is_small = request.body().size_hint().exact().is_some_and(|length| length <= JSON_MAX_BYTES as u64);
    if !is_small {
        return tokio::time::timeout(FILE_TIMEOUT, answer(request)).await.unwrap_or_else(|_| late());
    }
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(ARRIVAL_TIMEOUT, axum::body::to_bytes(body, JSON_MAX_BYTES)).await {
        Ok(Ok(body)) => answer(Request::from_parts(parts, Body::from(body))).await,
        Ok(Err(_)) => problem::Problem(unreadable(StatusCode::BAD_REQUEST).into()).into_response(),
        Err(_) => late(),
    }
}

/// A body that was read whole, or why not.
pub type Received = Result<Bytes, axum::extract::rejection::BytesRejection>;

/// The body, or the refusal of one that is too large or was cut off.
pub fn bytes(received: Received) -> Result<Bytes, Rejected> {
    received.map_err(|rejection| unreadable(rejection.status()))
}

fn unreadable(status: StatusCode) -> Rejected {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        Rejected::new(Reason::TooLarge, "too_large", "the body is larger than this endpoint takes")
    } else {
        Rejected::bad_request("unreadable_body", "the body ended early or could not be read")
    }
}

/// Whether the request says that its body is `expected` (parameters such as a character set do not count).
pub fn is_type(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(expected)
}

/// The JSON object in the body as a `T`; says what was expected and where.
pub fn json<T: DeserializeOwned>(headers: &HeaderMap, received: Received) -> Result<T, Rejected> {
    let body = bytes(received)?;
    if !is_type(headers, "application/json") {
        let message = "expected content type `application/json`";
        return Err(Rejected::new(Reason::UnsupportedMediaType, "unsupported_media_type", message));
    }
    // No text of ours holds U+0000, and not every engine can keep it.
    if body.windows(6).any(|w| w == b"\\u0000") || body.contains(&0) {
        return Err(Rejected::bad_request("bad_json", "body: expected texts without U+0000"));
    }
    // Where every member may be absent, an array would do for an object: its items would be taken for members, in order.
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|byte| *byte != b'{') {
        return Err(Rejected::bad_request("bad_json", "body: expected an object"));
    }
    serde_json::from_slice(&body).map_err(|e| Rejected::bad_request("bad_json", format!("body: {e}")))
}

/// The form-encoded body as pairs, in order.
pub fn form(headers: &HeaderMap, received: Received) -> Result<Form, Rejected> {
    let body = bytes(received)?;
    if !is_type(headers, "application/x-www-form-urlencoded") {
        let message = "expected content type `application/x-www-form-urlencoded`";
        return Err(Rejected::new(Reason::UnsupportedMediaType, "unsupported_media_type", message));
    }
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    // No text of ours holds U+0000, and not every engine can be asked for it.
    if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(Rejected::bad_request("invalid_request", "body: expected texts without U+0000"));
    }
    Ok(Form(pairs))
}

/// The fields of a form, in order.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The first value called `name`; empty when there is none.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
    }

    /// The value called `name`, if it is there and not blank.
    pub fn optional(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|v| !v.is_empty())
    }

    /// Every value called `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Every pair, in order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// A file with the other fields of its form.
pub struct Upload {
    /// The file's own name; empty when it came bare.
    pub file_name: String,
    /// The file.
    pub file: Vec<u8>,
    /// The other fields.
    pub fields: Form,
}

/// A file, from the field `file` of a multipart form or as the bare body.
pub async fn upload(request: Request) -> Result<Upload, Rejected> {
    if !is_type(request.headers(), "multipart/form-data") {
        let body = bytes(Bytes::from_request(request, &()).await)?;
        return Ok(Upload { file_name: String::new(), file: body.to_vec(), fields: Form(Vec::new()) });
    }
    let bad = |e: axum::extract::multipart::MultipartError| unreadable(e.status());
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| Rejected::bad_request("bad_form", "the multipart form has no usable boundary"))?;
    let mut upload = Upload { file_name: String::new(), file: Vec::new(), fields: Form(Vec::new()) };
    while let Some(field) = form.next_field().await.map_err(bad)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            upload.file_name = field.file_name().unwrap_or_default().to_owned();
            upload.file = field.bytes().await.map_err(bad)?.to_vec();
        } else {
            let value = field.text().await.map_err(bad)?;
            upload.fields.0.push((name, value));
        }
    }
    Ok(upload)
}
