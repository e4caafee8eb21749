//! The place an application is returned to: it takes any request on the registered address and keeps what came.

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Html;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use url::Url;

const PAGE: &str = "<!doctype html><html lang=\"en\"><link rel=\"icon\" href=\"data:,\"><title>returned</title><h1>Returned</h1>";

/// A listening application; what it was asked, in order.
pub(crate) struct RelyingParty {
    requests: UnboundedReceiver<Uri>,
}

impl RelyingParty {
    /// Listens where `redirect_uri` (http, on this machine) leads.
    pub(crate) async fn listen(redirect_uri: &str) -> Self {
        let url = Url::parse(redirect_uri).unwrap();
        let address = (url.host_str().unwrap().to_owned(), url.port_or_known_default().unwrap());
        let listener =
            TcpListener::bind(&address).await.unwrap_or_else(|error| panic!("{address:?}: {error}"));
        let (sender, requests) = unbounded_channel();
        let router = Router::new().fallback(returned).with_state(sender);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { requests }
    }

    /// The parameters of the next return.
    pub(crate) async fn returned(&mut self) -> Vec<(String, String)> {
        let uri = self.requests.recv().await.expect("the application listens");
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
    }
}

async fn returned(State(sender): State<UnboundedSender<Uri>>, uri: Uri) -> Html<&'static str> {
    sender.send(uri).ok();
    Html(PAGE)
}
