//! The modules, by theme.
//!
//! - [`config`] the metadata of every plan.
//! - [`basic`] the code flow and its parameters, [`claims`] UserInfo and scopes, [`sessions`] prompts, ages and hints,
//!   [`requests`] request objects and redirect URIs, [`codes`] codes and refresh tokens.

mod basic;
mod claims;
mod codes;
mod config;
mod requests;
mod sessions;

use std::pin::Pin;

use super::plans::List;
use super::test::{Step, Test};

/// A module at work.
pub(crate) type Running<'t> = Pin<Box<dyn Future<Output = Step> + Send + 't>>;

/// A module: its name in the suite, the lists it belongs to, and what it does.
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) lists: &'static [List],
    pub(crate) run: for<'t> fn(&'t mut Test) -> Running<'t>,
}

/// A line of the table.
macro_rules! module {
    ($name:literal, $lists:expr, $run:path) => {
        Module { name: $name, lists: $lists, run: |test| Box::pin($run(test)) }
    };
}

const BASIC: &[List] = &[List::Basic];

/// Every module there is.
pub(crate) const MODULES: &[Module] = &[
    module!("oidcc-discovery-endpoint-verification", &[List::Config], config::openid),
    module!("oidcc-server", BASIC, basic::server),
    module!("oidcc-response-type-missing", BASIC, basic::response_type_missing),
    module!("oidcc-idtoken-signature", BASIC, basic::id_token_signature),
    module!("oidcc-idtoken-unsigned", BASIC, basic::id_token_unsigned),
    module!("oidcc-userinfo-get", BASIC, claims::userinfo_get),
    module!("oidcc-userinfo-post-header", BASIC, claims::userinfo_post_header),
    module!("oidcc-userinfo-post-body", BASIC, claims::userinfo_post_body),
    module!("oidcc-ensure-request-without-nonce-succeeds-for-code-flow", BASIC, basic::without_nonce),
    module!("oidcc-scope-profile", BASIC, claims::scope_profile),
    module!("oidcc-scope-email", BASIC, claims::scope_email),
    module!("oidcc-scope-address", BASIC, claims::scope_address),
    module!("oidcc-scope-phone", BASIC, claims::scope_phone),
    module!("oidcc-scope-all", BASIC, claims::scope_all),
    module!("oidcc-alternate-happy-flow", BASIC, claims::other_order),
    module!("oidcc-display-page", BASIC, basic::display_page),
    module!("oidcc-display-popup", BASIC, basic::display_popup),
    module!("oidcc-prompt-login", BASIC, sessions::prompt_login),
    module!("oidcc-prompt-none-not-logged-in", BASIC, sessions::prompt_none_logged_out),
    module!("oidcc-prompt-none-logged-in", BASIC, sessions::prompt_none_logged_in),
    module!("oidcc-max-age-1", BASIC, sessions::max_age_1),
    module!("oidcc-max-age-10000", BASIC, sessions::max_age_10000),
    module!("oidcc-ensure-request-with-unknown-parameter-succeeds", BASIC, basic::unknown_parameter),
    module!("oidcc-id-token-hint", BASIC, sessions::id_token_hint),
    module!("oidcc-login-hint", BASIC, basic::login_hint),
    module!("oidcc-ui-locales", BASIC, basic::ui_locales),
    module!("oidcc-claims-locales", BASIC, basic::claims_locales),
    module!("oidcc-ensure-request-with-acr-values-succeeds", BASIC, basic::acr_values),
    module!("oidcc-codereuse", BASIC, codes::reuse),
    module!("oidcc-codereuse-30seconds", BASIC, codes::reuse_after_30_seconds),
    module!("oidcc-ensure-registered-redirect-uri", BASIC, requests::unregistered_redirect_uri),
    module!("oidcc-ensure-post-request-succeeds", BASIC, basic::posted),
    module!("oidcc-server-client-secret-post", BASIC, basic::client_secret_post),
    module!(
        "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
        BASIC,
        requests::unsigned_by_reference
    ),
    module!(
        "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
        BASIC,
        requests::unsigned_by_value
    ),
    module!("oidcc-claims-essential", BASIC, claims::essential),
    module!("oidcc-ensure-request-object-with-redirect-uri", BASIC, requests::redirect_uri_inside),
    module!("oidcc-refresh-token", BASIC, codes::refresh),
    module!("oidcc-ensure-request-with-valid-pkce-succeeds", BASIC, basic::with_pkce),
];
