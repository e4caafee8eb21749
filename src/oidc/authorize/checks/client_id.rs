//! The client must be known before anything else is believed.

use crate::authorize::PageError;
use crate::client::{Client, ClientId};
use crate::params::{Params, ParamsError};

/// `client_id` must be there, once, and look like one (RFC 6749, 4.1.1). Never redirected.
pub(in crate::authorize) fn check(params: &Params) -> Result<ClientId, PageError> {
    once(params, "client_id")?
        .parse()
        .map_err(|error: crate::client::BadClientId| PageError::UnknownClient { client_id: error.0 })
}

/// `client` must be the one that `client_id` names, and enabled (RFC 6749, 4.1.2.1). Never redirected.
pub(in crate::authorize) fn known<'a>(
    params: &Params,
    client: Option<&'a Client>,
) -> Result<&'a Client, PageError> {
    let id = check(params)?;
    match client {
        Some(client) if client.id == id && client.enabled => Ok(client),
        _ => Err(PageError::UnknownClient { client_id: id.into() }),
    }
}

/// The value of a parameter on which it depends whether redirecting is safe.
pub(super) fn once<'a>(params: &'a Params, name: &'static str) -> Result<&'a str, PageError> {
    if params.duplicated().any(|duplicated| duplicated == name) {
        return Err(ParamsError::Duplicated(name.to_owned()).into());
    }
    params.value(name).ok_or(PageError::Missing(name))
}
