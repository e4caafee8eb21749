//! The redirect URI must be registered before anything may be sent to it.

use super::client_id::once;
use crate::authorize::PageError;
use crate::client::Client;
use crate::params::Params;

/// `redirect_uri` must be there, once, and be one of the client's. Never redirected.
///
/// Required even when only one is registered (OIDC Core, 3.1.2.1), compared as a string (RFC 9700, 4.1.3) but for the port of
/// a loopback address of a native application (RFC 8252, 7.3).
pub(in crate::authorize) fn check<'a>(params: &'a Params, client: &Client) -> Result<&'a str, PageError> {
    let received = once(params, "redirect_uri")?;
    if client.has_redirect_uri(received) {
        Ok(received)
    } else {
        Err(PageError::RedirectUri {
            received: received.to_owned(),
            client_id: client.id.clone(),
            registered: client.redirect_uris.clone(),
        })
    }
}
