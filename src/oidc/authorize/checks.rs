//! One rule per file, and the table that gives their order.

pub mod acr_values;
pub mod authorization_details;
pub mod claims;
pub mod client_id;
pub mod dpop_jkt;
pub mod duplicates;
pub mod grant;
pub mod hints;
pub mod max_age;
pub mod nonce;
pub mod pkce;
pub mod prompt;
pub mod redirect_uri;
pub mod request_object;
pub mod response_mode;
pub mod response_type;
pub mod scope;
pub mod state;
pub mod ui_locales;

use super::{AuthorizationRequest, Via};
use crate::client::Client;
use crate::error::OauthError;
use crate::params::Params;
use crate::resource;

/// A rule that a request keeps or breaks.
type Rule = fn(&Params, &Client) -> Result<(), OauthError>;

/// What must hold once the redirect URI is known to be the client's, in this order.
const RULES: &[Rule] = &[
    duplicates::check,     // RFC 6749, 3.1
    request_object::check, // RFC 9101, 4; OIDC Core, 7.2.1
    state::check,          // RFC 6749, 4.1.1
    response_type::check,  // RFC 6749, 3.1.1; RFC 9700, 2.1.2
    grant::check,          // RFC 6749, 4.1.2.1
    nonce::check,          // OIDC Core, 3.1.2.1
    hints::check,          // OIDC Core, 3.1.2.1
];

/// Applies [`RULES`], then reads the values; each reader is a rule too, and the order of the fields is the order of the checks.
pub(super) fn run(
    params: &Params,
    client: &Client,
    redirect_uri: &str,
    via: Via,
) -> Result<AuthorizationRequest, OauthError> {
    request_object::came_as_registered(client, via)?; // RFC 9126, 6; RFC 9101, 10.5
    RULES.iter().try_for_each(|rule| rule(params, client))?;
    let text = |name| params.value(name).map(str::to_owned);
    Ok(AuthorizationRequest {
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        with_id_token: response_type::asks_for_id_token(params), // OIDC Core, 3.3
        response_mode: response_mode::check(params, client)?, // OAuth 2.0 Multiple Response Types, 2.1; JARM, 2.3
        code_challenge: pkce::check(params, client)?,         // RFC 7636, 4.3; RFC 9700, 2.1.1
        scope: scope::check(params, client)?,                 // RFC 6749, 3.3; OIDC Core, 3.1.2.1
        resources: resource::check(params, client)?,          // RFC 8707, 2
        prompt: prompt::check(params)?,                       // OIDC Core, 3.1.2.1
        authorization_details: authorization_details::check(params, client)?, // RFC 9396, 2
        claims: claims::check(params, client)?,               // OIDC Core, 5.5
        dpop_jkt: dpop_jkt::check(params)?,                   // RFC 9449, 10
        max_age_seconds: max_age::check(params)?.or(client.requests.default_max_age_seconds), // OIDC Core, 3.1.2.1
        acr_values: acr_values::check(params)?, // OIDC Core, 3.1.2.1
        ui_locales: ui_locales::check(params),  // OIDC Core, 3.1.2.1
        state: text("state"),
        nonce: text("nonce"),
        login_hint: text("login_hint"),
        id_token_hint: text("id_token_hint"),
    })
}
