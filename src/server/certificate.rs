//! The certificate of a client: from the connection, or from a proxy that is believed.

use std::sync::Arc;

use ::oidc::mtls::ClientCertificate;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use flows::env::Certificates;

use crate::App;
use crate::visitor::Peer;

/// The certificate whose key the other end of the connection has proven to hold.
#[derive(Clone, Debug)]
pub struct OnConnection(pub Arc<ClientCertificate>);

/// The certificate that the client showed, if it did. Whom it proves is for the OAuth layer to say.
#[derive(Clone, Debug)]
pub struct Shown(pub Option<Arc<ClientCertificate>>);

impl FromRequestParts<App> for Shown {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self(shown(parts, &app.env.settings.certificates)))
    }
}

/// Of a proxy's request the header counts, and its own certificate does not; of everybody else's it is the other way round
/// (RFC 9440, 4).
fn shown(parts: &Parts, settings: &Certificates) -> Option<Arc<ClientCertificate>> {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
    if peer.is_some_and(|ip| settings.proxies.iter().any(|network| network.contains(ip))) {
        return forwarded(&parts.headers, &settings.header).map(Arc::new);
    }
    parts.extensions.get::<OnConnection>().map(|on_connection| Arc::clone(&on_connection.0))
}

/// What the proxy says that it was shown. Something that cannot be read counts as nothing, and is told to the operator.
fn forwarded(headers: &HeaderMap, name: &str) -> Option<ClientCertificate> {
    let mut values = headers.get_all(name).iter();
    let own = values.next()?;
    let chain: Vec<&str> =
        headers.get_all(format!("{name}-chain")).iter().filter_map(|value| value.to_str().ok()).collect();
    let read = |own: &HeaderValue| ClientCertificate::forwarded(own.to_str().ok()?, &chain.join(","));
    let certificate = read(own).filter(|_| values.next().is_none());
    if certificate.is_none() {
        tracing::warn!("a proxy's header `{name}` holds no certificate, or came twice: it is overlooked");
    }
    certificate
}
