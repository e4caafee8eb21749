//! Calls over HTTP/1.1: one connection each, no redirects followed, every answer read whole.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use super::Params;
use super::tls::{Identity, Trust};

/// How long a call may take.
const CALL_SECONDS: u64 = 60;

/// The longest body that is read.
const BODY_BYTES: usize = 4 << 20;

/// Makes calls.
pub(crate) struct Http {
    /// Whom TLS believes.
    pub(crate) trust: Trust,
}

/// A request to be made.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    /// The certificate the client shows.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Call {
    /// A request without a body.
    pub(crate) fn new(method: Method, url: &Url) -> Self {
        Self { method, url: url.clone(), headers: Vec::new(), body: None, identity: None }
    }

    /// `GET url`.
    pub(crate) fn get(url: &Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// `POST url` with a form.
    pub(crate) fn form(url: &Url, form: &Params) -> Self {
        Self { body: Some(form.encode()), ..Self::new(Method::POST, url) }
            .header("content-type", "application/x-www-form-urlencoded")
    }

    /// `POST url` with JSON.
    pub(crate) fn json(url: &Url, body: &serde_json::Value) -> Self {
        Self { body: Some(body.to_string()), ..Self::new(Method::POST, url) }
            .header("content-type", "application/json")
    }

    /// With one more header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With the client's certificate.
    pub(crate) fn identity(mut self, identity: Option<Arc<Identity>>) -> Self {
        self.identity = identity;
        self
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    /// The value of the header `name`.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The media type without its parameters, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<serde_json::Value, String> {
        serde_json::from_str(&self.body).map_err(|error| format!("{error} in {}", self.brief()))
    }

    /// The member `name` of the body, when it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.json().ok()?.get(name)?.as_str().map(str::to_owned)
    }

    /// Whether the status is 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Status and the beginning of the body, for reports.
    pub(crate) fn brief(&self) -> String {
        let body: String = self.body.split_whitespace().collect::<Vec<_>>().join(" ");
        let body: String = body.chars().take(240).collect();
        let challenge = self.header("www-authenticate").unwrap_or_default();
        format!("status {} {challenge} {body}", self.status).trim_end().to_owned()
    }
}

impl Http {
    /// Makes the call.
    pub(crate) async fn send(&self, call: Call) -> Result<Reply, String> {
        let what = format!("{} {}", call.method, call.url);
        let within = Duration::from_secs(CALL_SECONDS);
        let reply = tokio::time::timeout(within, self.exchange(call)).await;
        reply
            .unwrap_or_else(|_| Err(format!("no answer within {CALL_SECONDS} s")))
            .map_err(|e| format!("{what}: {e}"))
    }

    async fn exchange(&self, call: Call) -> Result<Reply, String> {
        let stream = self.connect(&call.url, call.identity.as_deref()).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request(call)?).await.map_err(words)?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES).collect().await.map_err(words)?.to_bytes();
        driver.abort();
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    /// Sends a `GET` written by hand, so that header names keep their case; the status of the answer.
    pub(crate) async fn get_as_written(&self, url: &Url, headers: &[(&str, &str)]) -> Result<u16, String> {
        let mut stream = self.connect(url, None).await?;
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let host = authority(url)?;
        let head =
            format!("GET {} HTTP/1.1\r\nHost: {host}\r\n{lines}Connection: close\r\n\r\n", target(url));
        stream.write_all(head.as_bytes()).await.map_err(words)?;
        let mut answer = vec![0; 64];
        let read = stream.read(&mut answer).await.map_err(words)?;
        let line = String::from_utf8_lossy(answer.get(..read).unwrap_or_default()).into_owned();
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        status.ok_or_else(|| format!("expected a status line, got `{line}`"))
    }

    /// A connection to the host of `url`, under TLS when its scheme says so.
    async fn connect(&self, url: &Url, identity: Option<&Identity>) -> Result<Box<dyn Stream>, String> {
        let socket = dial(url).await?;
        if url.scheme() != "https" {
            return Ok(Box::new(socket));
        }
        let config = identity.map_or_else(|| self.trust.anonymous(), Identity::config);
        let stream = TlsConnector::from(config).connect(server_name(url)?, socket).await.map_err(words)?;
        Ok(Box::new(stream))
    }
}

/// A TCP connection to the host of `url`.
pub(crate) async fn dial(url: &Url) -> Result<TcpStream, String> {
    let host = url.host_str().ok_or("expected a host in the address")?;
    let port = url.port_or_known_default().ok_or("expected a port in the address")?;
    let host = host.trim_matches(['[', ']']);
    let socket = TcpStream::connect((host, port)).await.map_err(words)?;
    // A missing option only costs time.
    let _ = socket.set_nodelay(true);
    Ok(socket)
}

/// The name the server's certificate has to carry.
pub(crate) fn server_name(url: &Url) -> Result<ServerName<'static>, String> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    ServerName::try_from(host).map_err(words)
}

/// A byte stream with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

fn request(call: Call) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::builder()
        .method(call.method)
        .uri(target(&call.url))
        .header("host", authority(&call.url)?)
        .header("connection", "close")
        .header("user-agent", "conformance/0.1");
    for (name, value) in &call.headers {
        request = request.header(name.as_str(), value.as_str());
    }
    request.body(Full::new(Bytes::from(call.body.unwrap_or_default()))).map_err(words)
}

fn target(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

fn authority(url: &Url) -> Result<String, String> {
    let host = url.host_str().ok_or("expected a host in the address")?;
    Ok(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
