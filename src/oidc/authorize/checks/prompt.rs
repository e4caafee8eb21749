//! What the person must or must not be asked.

use crate::error::{OauthError, invalid_request};
use crate::params::Params;

/// The values of `prompt` (OIDC Core, 3.1.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Prompts {
    /// `none`: show nothing; fail when something would have to be shown.
    pub none: bool,
    /// `login`: log in again.
    pub login: bool,
    /// `consent`: ask for consent again.
    pub consent: bool,
    /// `select_account`: let the person choose who they are.
    pub select_account: bool,
}

/// The values that are understood, for discovery.
pub const PROMPT_VALUES: &[&str] = &["none", "login", "consent", "select_account"];

/// `prompt` is a space-separated set of [`PROMPT_VALUES`]; `none` stands alone.
pub(super) fn check(params: &Params) -> Result<Prompts, OauthError> {
    let mut prompts = Prompts::default();
    for value in params.value("prompt").unwrap_or_default().split(' ').filter(|value| !value.is_empty()) {
        *match value {
            "none" => &mut prompts.none,
            "login" => &mut prompts.login,
            "consent" => &mut prompts.consent,
            "select_account" => &mut prompts.select_account,
            other => {
                return Err(invalid_request(format!(
                    "expected prompt values of none, login, consent, select_account, got `{other}`"
                )));
            }
        } = true;
    }
    if prompts.none && (prompts.login || prompts.consent || prompts.select_account) {
        return Err(invalid_request("prompt `none` cannot be combined with another value"));
    }
    Ok(prompts)
}
