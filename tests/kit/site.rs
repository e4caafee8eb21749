//! What an application publishes on its own site, and where it is told something.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use url::form_urlencoded;

/// A site on this machine, until dropped.
pub(crate) struct Site {
    address: String,
    shelf: Arc<Shelf>,
    posted: UnboundedReceiver<Bytes>,
}

struct Shelf {
    documents: Mutex<HashMap<String, Published>>,
    fetches: AtomicUsize,
    posts: UnboundedSender<Bytes>,
}

/// What is at one path.
#[derive(Clone)]
struct Published {
    status: u16,
    headers: Vec<(&'static str, String)>,
    text: String,
}

impl Site {
    /// A site with nothing on it.
    pub(crate) async fn opens() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (posts, posted) = unbounded_channel();
        let shelf = Arc::new(Shelf { documents: Mutex::default(), fetches: AtomicUsize::new(0), posts });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shelf));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shelf, posted }
    }

    /// The address of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// From now on `document` is at `path`.
    pub(crate) fn publishes(&self, path: &str, document: &Value) {
        self.answers(path, 200, &[("content-type", "application/json")], &document.to_string());
    }

    /// From now on whoever asks for `path` is answered so.
    pub(crate) fn answers(&self, path: &str, status: u16, headers: &[(&'static str, &str)], text: &str) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let published = Published { status, headers, text: text.to_owned() };
        self.shelf.documents.lock().unwrap().insert(path.to_owned(), published);
    }

    /// How often something was fetched.
    pub(crate) fn fetches(&self) -> usize {
        self.shelf.fetches.load(Ordering::SeqCst)
    }

    /// The fields of the next form that is posted.
    pub(crate) async fn is_posted(&mut self) -> Vec<(String, String)> {
        let form = self.posted.recv().await.expect("the site is open");
        form_urlencoded::parse(&form).into_owned().collect()
    }
}

async fn answer(State(shelf): State<Arc<Shelf>>, method: Method, uri: Uri, body: Bytes) -> Response {
    if method == Method::POST {
        shelf.posts.send(body).ok();
        return StatusCode::OK.into_response();
    }
    shelf.fetches.fetch_add(1, Ordering::SeqCst);
    match shelf.documents.lock().unwrap().get(uri.path()) {
        Some(Published { status, headers, text }) => {
            let mut response = (StatusCode::from_u16(*status).unwrap(), text.clone()).into_response();
            response.headers_mut().remove(header::CONTENT_TYPE);
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            response
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
