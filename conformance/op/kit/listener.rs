//! The relying party's own small server: takes logout tokens, hands out documents such as request objects.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// The longest body that is read.
const BODY_BYTES: usize = 1 << 20;

/// How often a waiting test looks whether something came.
const LOOK_MILLISECONDS: u64 = 50;

/// The relying party's server.
pub(crate) struct Listener {
    /// Where the provider reaches it.
    pub(crate) base: Url,
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Default)]
struct Shelf {
    documents: HashMap<String, (String, String)>,
    received: HashMap<String, Vec<Received>>,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl Listener {
    /// Listens on a free port of the loopback; the provider reaches it at `base` when one is given.
    pub(crate) async fn start(base: Option<Url>) -> Result<Self, String> {
        let port = base.as_ref().and_then(Url::port).unwrap_or(0);
        let socket = TcpListener::bind(("127.0.0.1", port)).await.map_err(|e| format!("listener: {e}"))?;
        let address = socket.local_addr().map_err(|e| e.to_string())?;
        let base = match base {
            Some(base) => base,
            None => Url::parse(&format!("http://{address}")).map_err(|e| e.to_string())?,
        };
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        tokio::spawn(accept(socket, Arc::clone(&shelf)));
        Ok(Self { base, shelf })
    }

    /// A path of its own for one test, and its address.
    pub(crate) fn address(&self, what: &str) -> Result<Url, String> {
        self.base.join(&format!("/{}/{what}", super::random_text(16))).map_err(|e| e.to_string())
    }

    /// Hands out `body` at `url` from now on.
    pub(crate) fn offer(&self, url: &Url, content_type: &str, body: &str) {
        let document = (content_type.to_owned(), body.to_owned());
        self.lock().documents.insert(url.path().to_owned(), document);
    }

    /// What came to `url`, once something did; nothing when nothing came within `seconds`.
    pub(crate) async fn received(&self, url: &Url, seconds: u64) -> Vec<Received> {
        for _ in 0..seconds.saturating_mul(1000) / LOOK_MILLISECONDS {
            let came = self.lock().received.get(url.path()).cloned().unwrap_or_default();
            if !came.is_empty() {
                return came;
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MILLISECONDS)).await;
        }
        Vec::new()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(socket: TcpListener, shelf: Arc<Mutex<Shelf>>) {
    while let Ok((stream, _)) = socket.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&shelf)));
    }
}

async fn serve(stream: TcpStream, shelf: Arc<Mutex<Shelf>>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&shelf)));
    // A provider that hangs up early is its own affair: the test sees that nothing came.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    shelf: Arc<Mutex<Shelf>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES).collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    let content_type = parts.headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let received = Received {
        method: parts.method.to_string(),
        content_type: content_type.to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let path = parts.uri.path().to_owned();
    let document = {
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.received.entry(path.clone()).or_default().push(received);
        shelf.documents.get(&path).cloned()
    };
    let (content_type, body) = document.unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert("cache-control", http::HeaderValue::from_static("no-store"));
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert("content-type", value);
    }
    Ok(response)
}
