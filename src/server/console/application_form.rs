//! What was entered in an application's form as a registration, and the other way round.

use flows::Failure;
use flows::Rejected;
use flows::caller::scope as api;
use flows::clients::Registration;
use oidc::client::{AccessTokenFormat, CODE_ID_TOKEN, GrantType};
use oidc::redirect_uri::ApplicationType;
use oidc::{Scope, scope};

use super::refusal;
use crate::body::Form;
use crate::pages::application_form::{CERTIFICATE_MEMBERS, RESPONSE_MODES};

/// What ID tokens may be signed with, the usual one first.
pub(super) const ALGORITHMS: &[&str] = &["ES256", "SM2", "PS256", "EdDSA", "RS256"];
/// What an application may be asked for here; `openid` goes without saying.
pub(super) const SCOPES: &[&str] = &[
    scope::PROFILE,
    scope::EMAIL,
    scope::PHONE,
    scope::ADDRESS,
    scope::REAL_NAME,
    scope::ORGANISATION,
    scope::OFFLINE_ACCESS,
    api::DECIDE,
    api::REPORT_SIGNAL,
];
/// Those that the application uses for itself, with a token of its own.
const OWN_SCOPES: &[&str] = &[api::DECIDE, api::REPORT_SIGNAL];
/// The grants that follow from what is entered; others stay as they are registered.
const GRANTS: [GrantType; 4] = [
    GrantType::AuthorizationCode,
    GrantType::RefreshToken,
    GrantType::ClientCredentials,
    GrantType::DeviceCode,
];

/// The registration that `entered` asks for; what the form does not ask is as in `before`.
pub(super) fn registration(
    entered: &Form,
    before: &Registration,
    issuer: &str,
) -> Result<Registration, Failure> {
    let name = entered.optional("name").ok_or_else(|| refusal::missing("name"))?;
    let redirect_uris = lines(entered, "redirect_uris");
    let on = |field: &str| entered.text(field) == "on";
    let method = entered.optional("token_endpoint_auth_method");
    let method = method.ok_or_else(|| refusal::missing("token_endpoint_auth_method"))?;
    let chosen: Vec<&str> = SCOPES.iter().copied().filter(|scope| on(&format!("scope.{scope}"))).collect();
    let acts_for_itself = chosen.iter().any(|scope| OWN_SCOPES.contains(scope));
    let logs_in = !redirect_uris.is_empty() || on("device");
    if !logs_in && !acts_for_itself && !before.grant_types.iter().any(|name| is_other(name)) {
        return Err(refusal::missing("redirect_uris"));
    }
    let grants =
        [!redirect_uris.is_empty(), chosen.contains(&scope::OFFLINE_ACCESS), acts_for_itself, on("device")];
    let mut registration = Registration {
        name_zh: name.to_owned(),
        name_en: entered.optional("name_en").unwrap_or(name).to_owned(),
        application_type: application_type(method, &redirect_uris),
        token_endpoint_auth_method: method.to_owned(),
        jwks: keys(entered)?,
        jwks_uri: text(entered, "jwks_uri"),
        redirect_uris,
        post_logout_redirect_uris: lines(entered, "post_logout_redirect_uris"),
        grant_types: grant_types(grants, before),
        scope: scopes(&chosen, logs_in, before),
        audiences: audiences(acts_for_itself, before, issuer),
        backchannel_logout_uri: text(entered, "backchannel_logout_uri"),
        frontchannel_logout_uri: text(entered, "frontchannel_logout_uri"),
        initiate_login_uri: text(entered, "initiate_login_uri"),
        require_pushed_authorization_requests: on("require_pushed_authorization_requests"),
        require_signed_request_object: on("require_signed_request_object"),
        require_pkce: !on("pkce_waived"),
        response_types: response_types(on("hybrid")),
        response_modes: response_modes(entered, before),
        dpop_bound_access_tokens: on("dpop_bound_access_tokens"),
        tls_client_certificate_bound_access_tokens: on("tls_client_certificate_bound_access_tokens"),
        default_max_age: age(entered)?,
        ..before.clone()
    };
    if let Some(algorithm) = entered.optional("id_token_signed_response_alg") {
        algorithm.clone_into(&mut registration.id_token_signed_response_alg);
        algorithm.clone_into(&mut registration.access_token_signed_response_alg);
    }
    registration.access_token_format = match entered.text("access_token_format") {
        "opaque" => AccessTokenFormat::Opaque,
        _ => AccessTokenFormat::Jwt,
    };
    if on("pairwise") {
        registration.subject_type = Some("pairwise".to_owned());
    }
    certificate(entered, &mut registration)?;
    Ok(registration)
}

/// What the form of `registration` holds in the field `name`.
pub(super) fn value(registration: &Registration, name: &str) -> Option<String> {
    let flag = |flag: bool| flag.then(|| "on".to_owned());
    if let Some(token) = name.strip_prefix("scope.") {
        return flag(scope_of(registration).contains(token));
    }
    if let Some(mode) = name.strip_prefix("response_mode.") {
        return flag(names_mode(registration, mode));
    }
    match name {
        "name" => Some(registration.name_zh.clone()),
        "name_en" => Some(registration.name_en.clone()),
        "token_endpoint_auth_method" => Some(registration.token_endpoint_auth_method.clone()),
        "redirect_uris" => Some(registration.redirect_uris.join("\n")),
        "post_logout_redirect_uris" => Some(registration.post_logout_redirect_uris.join("\n")),
        "jwks" => registration.jwks.as_ref().and_then(|jwks| serde_json::to_string_pretty(jwks).ok()),
        "jwks_uri" => registration.jwks_uri.clone(),
        "certificate_member" => named_certificate(registration).map(|(member, _)| member.to_owned()),
        "tls_client_auth_subject_dn" => named_certificate(registration).map(|(_, value)| value),
        "backchannel_logout_uri" => registration.backchannel_logout_uri.clone(),
        "frontchannel_logout_uri" => registration.frontchannel_logout_uri.clone(),
        "initiate_login_uri" => registration.initiate_login_uri.clone(),
        "id_token_signed_response_alg" => Some(registration.id_token_signed_response_alg.clone()),
        "access_token_format" => Some(match registration.access_token_format {
            AccessTokenFormat::Jwt => "jwt".to_owned(),
            AccessTokenFormat::Opaque => "opaque".to_owned(),
        }),
        "dpop_bound_access_tokens" => flag(registration.dpop_bound_access_tokens),
        "tls_client_certificate_bound_access_tokens" => {
            flag(registration.tls_client_certificate_bound_access_tokens)
        }
        "require_pushed_authorization_requests" => flag(registration.require_pushed_authorization_requests),
        "require_signed_request_object" => flag(registration.require_signed_request_object),
        "default_max_age" => registration.default_max_age.map(|age| age.to_string()),
        "device" => flag(has(registration, GrantType::DeviceCode)),
        "pkce_waived" => flag(!registration.require_pkce),
        "hybrid" => flag(registration.is_hybrid()),
        _ => None,
    }
}

fn response_types(hybrid: bool) -> Vec<String> {
    let kinds = ["code"].into_iter().chain(hybrid.then_some(CODE_ID_TOKEN));
    kinds.map(str::to_owned).collect()
}

/// The modes that are ticked, all when none is; what is registered stays as it is written when nothing else is meant.
fn response_modes(entered: &Form, before: &Registration) -> Option<Vec<String>> {
    let ticked = |mode: &str| entered.text(&format!("response_mode.{mode}")) == "on";
    if RESPONSE_MODES.iter().all(|mode| ticked(mode) == names_mode(before, mode)) {
        return before.response_modes.clone();
    }
    let chosen: Vec<_> =
        RESPONSE_MODES.iter().filter(|mode| ticked(mode)).map(|mode| (*mode).to_owned()).collect();
    Some(chosen).filter(|modes| !modes.is_empty())
}

/// Whether `mode` is among those that are registered by name; `jwt` names the one in the query, and in the fragment where there is one.
fn names_mode(registration: &Registration, mode: &str) -> bool {
    let by_short_name = match mode {
        "query.jwt" => true,
        "fragment.jwt" => registration.is_hybrid(),
        _ => false,
    };
    registration.response_modes.iter().flatten().any(|name| name == mode || (by_short_name && name == "jwt"))
}

fn text(entered: &Form, name: &str) -> Option<String> {
    entered.optional(name).map(str::to_owned)
}

fn lines(entered: &Form, name: &str) -> Vec<String> {
    let lines = entered.text(name).lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn keys(entered: &Form) -> Result<Option<serde_json::Value>, Failure> {
    let Some(text) = entered.optional("jwks") else { return Ok(None) };
    let wrong = |e: serde_json::Error| {
        Rejected::unprocessable("bad_registration", format!("jwks: expected a JSON Web Key Set: {e}"))
    };
    Ok(Some(serde_json::from_str(text).map_err(wrong)?))
}

fn age(entered: &Form) -> Result<Option<i64>, Failure> {
    let Some(text) = entered.optional("default_max_age") else { return Ok(None) };
    let age = text.parse().ok().filter(|age: &i64| *age >= 0);
    let wrong = || {
        let message = format!("default_max_age: expected a number of seconds, got `{text}`");
        Rejected::unprocessable("bad_registration", message)
    };
    Ok(Some(age.ok_or_else(wrong)?))
}

/// What the certificate must say stands under one of five members; the form has one field for which, and one for what.
fn certificate(entered: &Form, registration: &mut Registration) -> Result<(), Failure> {
    let (member, value) =
        (entered.optional("certificate_member"), entered.optional("tls_client_auth_subject_dn"));
    let places = [
        &mut registration.tls_client_auth_subject_dn,
        &mut registration.tls_client_auth_san_dns,
        &mut registration.tls_client_auth_san_uri,
        &mut registration.tls_client_auth_san_ip,
        &mut registration.tls_client_auth_san_email,
    ];
    match (member, value) {
        (None, Some(_)) => return Err(refusal::missing("certificate_member")),
        (Some(_), None) => return Err(refusal::missing("tls_client_auth_subject_dn")),
        _ => {}
    }
    for (name, place) in CERTIFICATE_MEMBERS.iter().zip(places) {
        *place = value.filter(|_| member == Some(*name)).map(str::to_owned);
    }
    Ok(())
}

fn named_certificate(registration: &Registration) -> Option<(&'static str, String)> {
    let values = [
        &registration.tls_client_auth_subject_dn,
        &registration.tls_client_auth_san_dns,
        &registration.tls_client_auth_san_uri,
        &registration.tls_client_auth_san_ip,
        &registration.tls_client_auth_san_email,
    ];
    let mut named = CERTIFICATE_MEMBERS.iter().zip(values);
    named.find_map(|(member, value)| Some((*member, value.clone()?)))
}

/// Whether a grant is none of those that the form decides about.
fn is_other(name: &str) -> bool {
    GRANTS.iter().all(|grant| grant.as_str() != name)
}

fn grant_types(chosen: [bool; 4], before: &Registration) -> Vec<String> {
    let chosen = GRANTS.iter().zip(chosen).filter(|(_, wanted)| *wanted).map(|(g, _)| g.as_str().to_owned());
    chosen.chain(before.grant_types.iter().filter(|name| is_other(name)).cloned()).collect()
}

/// What was chosen, and what the operator gave beside.
fn scopes(chosen: &[&str], logs_in: bool, before: &Registration) -> String {
    let openid = std::iter::once(scope::OPENID).filter(|_| logs_in);
    let had = scope_of(before);
    let others = had.iter().filter(|token| *token != scope::OPENID && !SCOPES.contains(token));
    openid.chain(chosen.iter().copied()).chain(others).collect::<Vec<_>>().join(" ")
}

fn audiences(acts_for_itself: bool, before: &Registration, issuer: &str) -> Vec<String> {
    let mut audiences = before.audiences.clone();
    if acts_for_itself && !audiences.iter().any(|audience| audience == issuer) {
        audiences.push(issuer.to_owned());
    }
    audiences
}

/// An application without a server runs in a browser when all its addresses are https, else on a device (RFC 8252).
fn application_type(method: &str, redirect_uris: &[String]) -> ApplicationType {
    let on_the_web = redirect_uris.iter().all(|uri| uri.starts_with("https:"));
    if method != "none" || on_the_web { ApplicationType::Web } else { ApplicationType::Native }
}

fn has(registration: &Registration, grant: GrantType) -> bool {
    registration.grant_types.iter().any(|name| name == grant.as_str())
}

fn scope_of(registration: &Registration) -> Scope {
    registration.scope.parse().unwrap_or_default()
}
