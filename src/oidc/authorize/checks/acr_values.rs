//! How sure the client wants to be.

use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// Most values in `acr_values`.
pub const ACR_VALUES_MAX_COUNT: usize = 8;

/// `acr_values` is a space-separated list, best first (OIDC Core, 3.1.2.1); names nobody knows are wishes that stay unfulfilled.
pub(super) fn check(params: &Params) -> Result<Vec<String>, OauthError> {
    let values: Vec<String> =
        params.value("acr_values").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
    if values.len() > ACR_VALUES_MAX_COUNT {
        return Err(invalid_request(format!(
            "expected at most {ACR_VALUES_MAX_COUNT} acr_values, got {}",
            values.len()
        )));
    }
    Ok(values)
}
