//! The modules, by theme.
//!
//! - [`config`] the metadata of every plan.
//! - [`basic`] the code flow and its parameters, [`claims`] UserInfo and scopes, [`sessions`] prompts, ages and hints,
//!   [`requests`] request objects and redirect URIs, [`codes`] codes and refresh tokens.
//! - FAPI 2.0: [`fapi_flow`] logins, [`fapi_proofs`] DPoP, [`fapi_pushed`] what must not be pushed and how often it is used,
//!   [`fapi_clients`] assertions, codes and refresh tokens, [`fapi_signed`] request objects.
//! - [`logout`] the end of a session and who is told of it, [`session`] the frame that knows, [`third_party`] logins begun elsewhere.

mod basic;
mod claims;
mod codes;
mod config;
mod fapi_clients;
mod fapi_flow;
mod fapi_proofs;
mod fapi_pushed;
mod fapi_signed;
mod logout;
mod requests;
mod session;
mod sessions;
mod third_party;

use std::pin::Pin;

use super::plans::{Auth, Bound, List, Variant};
use super::test::{Step, Test};

/// A module at work.
pub(crate) type Running<'t> = Pin<Box<dyn Future<Output = Step> + Send + 't>>;

/// A module: its name in the suite, the lists it belongs to, and what it does.
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) lists: &'static [List],
    /// The variants in which there is something to look at.
    pub(crate) applies: fn(Variant) -> bool,
    pub(crate) run: for<'t> fn(&'t mut Test) -> Running<'t>,
}

/// A line of the table.
macro_rules! module {
    ($name:literal, $lists:expr, $run:path) => {
        module!($name, $lists, ANY, $run)
    };
    ($name:literal, $lists:expr, $applies:expr, $run:path) => {
        Module { name: $name, lists: $lists, applies: $applies, run: |test| Box::pin($run(test)) }
    };
}

const ANY: fn(Variant) -> bool = |_| true;
const WITH_ASSERTION: fn(Variant) -> bool = |variant| variant.auth == Auth::PrivateKeyJwt;
const WITH_PROOF: fn(Variant) -> bool = |variant| variant.bound == Bound::Dpop;

const BASIC: &[List] = &[List::Basic];
const FAPI: &[List] = &[List::SecurityProfile, List::MessageSigning];
const RP_INITIATED: &[List] = &[List::RpInitiatedLogout];
const SIGNED: &[List] = &[List::MessageSigning];

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
    module!("fapi2-security-profile-final-discovery-end-point-verification", FAPI, config::fapi),
    module!("fapi2-security-profile-final-happy-flow", FAPI, fapi_flow::happy),
    module!("fapi2-security-profile-final-user-rejects-authentication", FAPI, fapi_flow::user_rejects),
    module!(
        "fapi2-security-profile-final-ensure-request-object-with-multiple-aud-succeeds",
        SIGNED,
        fapi_signed::several_audiences
    ),
    module!(
        "fapi2-security-profile-final-ensure-authorization-request-without-state-success",
        FAPI,
        fapi_flow::without_state
    ),
    module!(
        "fapi2-security-profile-final-ensure-authorization-request-without-nonce-success",
        FAPI,
        fapi_flow::without_nonce
    ),
    module!(
        "fapi2-security-profile-final-ensure-authorization-request-with-64-char-nonce-success",
        FAPI,
        fapi_flow::nonce_of_64
    ),
    module!(
        "fapi2-security-profile-final-ensure-other-scope-order-succeeds",
        FAPI,
        fapi_flow::other_scope_order
    ),
    module!(
        "fapi2-security-profile-final-test-claims-parameter-identity-claims",
        FAPI,
        fapi_flow::identity_claims
    ),
    module!(
        "fapi2-security-profile-final-access-token-type-header-case-sensitivity",
        FAPI,
        fapi_flow::scheme_in_other_case
    ),
    module!(
        "fapi2-security-profile-final-ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted",
        SIGNED,
        fapi_signed::nbf_8_seconds_ahead
    ),
    module!(
        "fapi2-security-profile-final-check-dpop-proof-nbf-exp",
        FAPI,
        WITH_PROOF,
        fapi_proofs::with_nbf_and_exp
    ),
    module!(
        "fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-before-succeeds",
        FAPI,
        WITH_PROOF,
        fapi_proofs::iat_10_seconds_ago
    ),
    module!(
        "fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-after-succeeds",
        FAPI,
        WITH_PROOF,
        fapi_proofs::iat_8_seconds_ahead
    ),
    module!(
        "fapi2-security-profile-final-ensure-mismatched-dpop-jkt-fails",
        FAPI,
        WITH_PROOF,
        fapi_proofs::other_jkt_pushed
    ),
    module!(
        "fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt",
        FAPI,
        WITH_PROOF,
        fapi_proofs::other_key_than_pushed
    ),
    module!(
        "fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-jkt",
        FAPI,
        WITH_PROOF,
        fapi_proofs::other_key_than_jkt
    ),
    module!(
        "fapi2-security-profile-final-ensure-dpopproof-at-par-endpoint-binding-success",
        FAPI,
        WITH_PROOF,
        fapi_proofs::bound_when_pushed
    ),
    module!(
        "fapi2-security-profile-final-ensure-dpop-auth-code-binding-success",
        FAPI,
        WITH_PROOF,
        fapi_proofs::bound_by_jkt
    ),
    module!(
        "fapi2-security-profile-final-ensure-different-nonce-inside-and-outside-request-object",
        FAPI,
        fapi_flow::other_nonce_outside
    ),
    module!(
        "fapi2-security-profile-final-ensure-different-state-inside-and-outside-request-object",
        FAPI,
        fapi_flow::other_state_outside
    ),
    module!(
        "fapi2-security-profile-final-ensure-authorization-request-with-long-nonce",
        FAPI,
        fapi_flow::long_nonce
    ),
    module!(
        "fapi2-security-profile-final-ensure-authorization-request-with-long-state",
        FAPI,
        fapi_flow::long_state
    ),
    module!(
        "fapi2-security-profile-final-ensure-request-object-without-exp-fails",
        SIGNED,
        fapi_signed::without_exp
    ),
    module!(
        "fapi2-security-profile-final-ensure-request-object-without-nbf-fails",
        SIGNED,
        fapi_signed::without_nbf
    ),
    module!(
        "fapi2-security-profile-final-state-only-outside-request-object-not-used",
        FAPI,
        fapi_flow::state_only_outside
    ),
    module!(
        "fapi2-security-profile-final-ensure-request-object-without-redirect-uri-fails",
        FAPI,
        fapi_pushed::without_redirect_uri_inside
    ),
    module!("fapi2-security-profile-final-ensure-expired-request-object-fails", SIGNED, fapi_signed::expired),
    module!(
        "fapi2-security-profile-final-ensure-request-object-with-bad-aud-fails",
        SIGNED,
        fapi_signed::wrong_audience
    ),
    module!(
        "fapi2-security-profile-final-ensure-request-object-with-exp-over-60-fails",
        SIGNED,
        fapi_signed::exp_70_minutes_ahead
    ),
    module!(
        "fapi2-security-profile-final-ensure-request-object-with-nbf-over-60-fails",
        SIGNED,
        fapi_signed::nbf_70_minutes_ago
    ),
    module!(
        "fapi2-security-profile-final-ensure-signed-request-object-with-RS256-fails",
        SIGNED,
        fapi_signed::rs256
    ),
    module!(
        "fapi2-security-profile-final-ensure-request-object-signature-algorithm-is-not-none",
        SIGNED,
        fapi_signed::unsigned
    ),
    module!(
        "fapi2-security-profile-final-ensure-request-object-with-invalid-signature-fails",
        SIGNED,
        fapi_signed::tampered
    ),
    module!(
        "fapi2-security-profile-final-ensure-matching-key-in-authorization-request",
        SIGNED,
        fapi_signed::key_of_another_client
    ),
    module!(
        "fapi2-security-profile-final-ensure-unsigned-request-at-par-endpoint-fails",
        SIGNED,
        fapi_signed::plain_parameters
    ),
    module!(
        "fapi2-security-profile-final-plain-fapi-tolerate-unregistered-redirect-uri",
        FAPI,
        fapi_pushed::unregistered_redirect_uri
    ),
    module!(
        "fapi2-security-profile-final-ensure-unsigned-authorization-request-without-using-par-fails",
        FAPI,
        fapi_pushed::not_pushed
    ),
    module!(
        "fapi2-security-profile-final-ensure-redirect-uri-in-authorization-request",
        FAPI,
        fapi_pushed::without_redirect_uri
    ),
    module!(
        "fapi2-security-profile-final-ensure-response-type-code-idtoken-fails",
        FAPI,
        fapi_pushed::response_type_code_id_token
    ),
    module!(
        "fapi2-security-profile-final-ensure-response-type-token-fails",
        FAPI,
        fapi_pushed::response_type_token
    ),
    module!(
        "fapi2-security-profile-final-ensure-client-id-in-token-endpoint",
        FAPI,
        fapi_clients::id_of_another_client
    ),
    module!("fapi2-security-profile-final-ensure-holder-of-key-required", FAPI, fapi_clients::without_proof),
    module!(
        "fapi2-security-profile-final-ensure-authorization-code-is-bound-to-client",
        FAPI,
        fapi_clients::code_of_another_client
    ),
    module!(
        "fapi2-security-profile-final-attempt-reuse-authorization-code-after-one-second",
        FAPI,
        fapi_clients::code_used_twice
    ),
    module!(
        "fapi2-security-profile-final-ensure-token-endpoint-fails-with-expired-auth-code",
        FAPI,
        fapi_clients::code_after_62_seconds
    ),
    module!(
        "fapi2-security-profile-final-ensure-signed-client-assertion-with-RS256-fails",
        FAPI,
        WITH_ASSERTION,
        fapi_clients::assertion_with_rs256
    ),
    module!(
        "fapi2-security-profile-final-ensure-client-assertion-in-token-endpoint",
        FAPI,
        WITH_ASSERTION,
        fapi_clients::without_assertion
    ),
    module!(
        "fapi2-security-profile-final-ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
        FAPI,
        WITH_ASSERTION,
        fapi_clients::assertion_expired
    ),
    module!(
        "fapi2-security-profile-final-ensure-client-assertion-with-wrong-aud-fails",
        FAPI,
        WITH_ASSERTION,
        fapi_clients::assertion_for_another
    ),
    module!(
        "fapi2-security-profile-final-ensure-client-assertion-with-no-sub-fails",
        FAPI,
        WITH_ASSERTION,
        fapi_clients::assertion_without_sub
    ),
    module!("fapi2-security-profile-final-dpop-negative-tests", FAPI, WITH_PROOF, fapi_proofs::wrong_proofs),
    module!("fapi2-security-profile-final-refresh-token", FAPI, fapi_clients::refresh),
    module!(
        "fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds",
        FAPI,
        fapi_pushed::opened_twice_before_login
    ),
    module!("fapi2-security-profile-final-par-attempt-reuse-request_uri", FAPI, fapi_pushed::used_twice),
    module!(
        "fapi2-security-profile-final-par-attempt-to-use-expired-request_uri",
        FAPI,
        fapi_pushed::used_too_late
    ),
    module!(
        "fapi2-security-profile-final-par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted",
        FAPI,
        WITH_ASSERTION,
        fapi_clients::pushed_8_seconds_ahead
    ),
    module!(
        "fapi2-security-profile-final-par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails",
        FAPI,
        WITH_ASSERTION,
        fapi_clients::pushed_over_60_seconds_ahead
    ),
    module!(
        "fapi2-security-profile-final-par-attempt-to-use-request_uri-for-different-client",
        FAPI,
        fapi_pushed::used_by_another_client
    ),
    module!(
        "fapi2-security-profile-final-par-authorization-request-containing-request_uri-form-param",
        FAPI,
        fapi_pushed::with_request_uri
    ),
    module!(
        "fapi2-security-profile-final-par-attempt-invalid-http-method",
        FAPI,
        fapi_pushed::by_another_method
    ),
    module!("fapi2-security-profile-final-par-ensure-pkce-required", FAPI, fapi_pushed::without_challenge),
    module!(
        "fapi2-security-profile-final-ensure-pkce-code-verifier-required",
        FAPI,
        fapi_clients::without_verifier
    ),
    module!(
        "fapi2-security-profile-final-incorrect-pkce-code-verifier-rejected",
        FAPI,
        fapi_clients::with_another_verifier
    ),
    module!("fapi2-security-profile-final-par-plain-pkce-rejected", FAPI, fapi_pushed::with_plain_challenge),
    module!(
        "fapi2-security-profile-final-par-authorization-request-containing-request_uri",
        SIGNED,
        fapi_signed::request_uri_inside
    ),
    module!(
        "fapi2-security-profile-final-par-without-duplicate-parameters",
        FAPI,
        fapi_flow::without_duplicates
    ),
    module!(
        "fapi2-security-profile-final-par-test-array-as-audience-fails",
        FAPI,
        WITH_ASSERTION,
        fapi_clients::pushed_for_several
    ),
    module!(
        "fapi2-security-profile-final-par-test-par-endpoint-url-as-audience-fails",
        FAPI,
        WITH_ASSERTION,
        fapi_clients::pushed_for_the_endpoint
    ),
    module!(
        "fapi2-security-profile-final-par-test-token-endpoint-url-as-audience-fails",
        FAPI,
        WITH_ASSERTION,
        fapi_clients::pushed_for_the_token_endpoint
    ),
    module!("oidcc-rp-initiated-logout-discovery-endpoint-verification", RP_INITIATED, logout::discovery),
    module!("oidcc-rp-initiated-logout", RP_INITIATED, logout::good),
    module!(
        "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
        RP_INITIATED,
        logout::other_redirect_uri
    ),
    module!("oidcc-rp-initiated-logout-modified-id-token-hint", RP_INITIATED, logout::unsigned_hint),
    module!("oidcc-rp-initiated-logout-no-id-token-hint", RP_INITIATED, logout::without_hint),
    module!("oidcc-rp-initiated-logout-no-params", RP_INITIATED, logout::without_params),
    module!(
        "oidcc-rp-initiated-logout-no-post-logout-redirect-uri",
        RP_INITIATED,
        logout::without_redirect_uri
    ),
    module!("oidcc-rp-initiated-logout-no-state", RP_INITIATED, logout::without_state),
    module!("oidcc-rp-initiated-logout-only-state", RP_INITIATED, logout::state_alone),
    module!(
        "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
        RP_INITIATED,
        logout::query_added
    ),
    module!("oidcc-rp-initiated-logout-bad-id-token-hint", RP_INITIATED, logout::foreign_hint),
    module!(
        "oidcc-frontchannel-logout-discovery-endpoint-verification",
        &[List::FrontChannelLogout],
        logout::front_channel_discovery
    ),
    module!("oidcc-frontchannel-rp-initiated-logout", &[List::FrontChannelLogout], logout::front_channel),
    module!(
        "oidcc-backchannel-logout-discovery-endpoint-verification",
        &[List::BackChannelLogout],
        logout::back_channel_discovery
    ),
    module!("oidcc-backchannel-rp-initiated-logout", &[List::BackChannelLogout], logout::back_channel),
    module!(
        "oidcc-session-management-discovery-endpoint-verification",
        &[List::SessionManagement],
        session::discovery
    ),
    module!("oidcc-session-management-rp-initiated-logout", &[List::SessionManagement], session::changes),
    module!("oidcc-3rd_party-init-login", &[List::ThirdPartyLogin], third_party::stored),
    module!("oidcc-3rd_party-init-login-nohttps", &[List::ThirdPartyLogin], third_party::not_https),
];
