//! The provider's metadata (OpenID Connect Discovery 1.0, 3; RFC 8414, 2).

use serde_json::Value;
use url::Url;

use super::id_token::FAPI_ALGORITHMS;
use crate::op::clients::is_json;
use crate::op::finding::{Condition, Finding, fail, info, warn};
use crate::op::kit::http::Reply;
use crate::op::kit::jar::is_loopback;
use crate::op::world::Provider;

/// The document itself (Discovery, 4.2).
pub(crate) fn envelope(reply: &Reply) -> Vec<Finding> {
    vec![
        fail("EnsureDiscoveryEndpointResponseStatusCodeIs200", "OIDCD 4").equal(reply.status, 200),
        is_json(reply, fail("CheckDiscoveryEndpointReturnedJsonContentType", "OIDCD 4")),
    ]
}

/// The issuer is where the document was found (4.3, 7.2) and an address without query and fragment (RFC 8414, 2).
pub(crate) fn issuer(provider: &Provider, address: &Url) -> Vec<Finding> {
    let issuer = provider.text("issuer").unwrap_or_default();
    let found = address.as_str().trim_end_matches("/.well-known/openid-configuration");
    let parsed = Url::parse(issuer);
    let plain =
        parsed.as_ref().is_ok_and(|url| url.query().is_none() && url.fragment().is_none() && url.has_host());
    vec![
        secure(fail("CheckDiscEndpointDiscoveryUrl", "OIDCD 4"), "the discovery address", address.as_str()),
        fail("CheckDiscEndpointIssuer", "OIDCD 4.3, 7.2").equal(issuer.trim_end_matches('/'), found),
        fail("CheckDiscEndpointIssuerIsValidUrl", "RFC 8414 2")
            .holds(plain, || format!("expected an address without query and fragment, got `{issuer}`")),
    ]
}

/// An endpoint that has to be there.
pub(crate) fn endpoint(provider: &Provider, member: &'static str, name: &'static str) -> Finding {
    match provider.text(member) {
        Some(address) => secure(fail(name, "OIDCD 3"), member, address),
        None => fail(name, "OIDCD 3").result(Err(format!("expected `{member}`, got none"))),
    }
}

/// An endpoint that may be missing: `missing` says what that weighs.
pub(crate) fn optional_endpoint(
    provider: &Provider,
    member: &'static str,
    name: &'static str,
    missing: fn(&'static str, &'static str) -> Condition,
) -> Finding {
    match provider.text(member) {
        Some(_) => endpoint(provider, member, name),
        None => missing(name, "OIDCD 3").result(Err(format!("expected `{member}`, got none"))),
    }
}

/// Every member that ends in `_endpoint` is under TLS.
pub(crate) fn all_endpoints_secure(provider: &Provider) -> Finding {
    let condition = fail("CheckDiscEndpointAllEndpointsAreHttps", "OIDCD 3");
    let members = provider.metadata.as_object().into_iter().flatten();
    let endpoints = members.filter(|(name, _)| name.ends_with("_endpoint"));
    let mut plain = Vec::new();
    for (name, address) in endpoints {
        let found = secure(condition, name, address.as_str().unwrap_or_default());
        if found.is_broken() {
            return found;
        }
        if found.verdict != crate::op::finding::Verdict::Held {
            plain.push(name.as_str());
        }
    }
    match plain.as_slice() {
        [] => condition.result(Ok(())),
        plain => condition.held_but(format!("not https: loopback ({} endpoints)", plain.len())),
    }
}

/// Whether an address is under TLS; plain HTTP on the loopback is told, not held against anybody.
fn secure(condition: Condition, what: &str, address: &str) -> Finding {
    match Url::parse(address) {
        Ok(url) if url.scheme() == "https" => condition.result(Ok(())),
        Ok(url) if url.scheme() == "http" && is_loopback(&url) => {
            condition.held_but(format!("{what} is not https: loopback"))
        }
        _ => condition.result(Err(format!("expected https in {what}, got `{address}`"))),
    }
}

/// A list that has at least one of `wanted`.
pub(crate) fn lists_one_of(
    provider: &Provider,
    member: &str,
    wanted: &[&str],
    name: &'static str,
    clause: &'static str,
) -> Finding {
    let list = provider.list(member).unwrap_or_default();
    fail(name, clause).holds(wanted.iter().any(|value| list.contains(value)), || {
        format!("expected one of {wanted:?} in `{member}`, got {list:?}")
    })
}

/// A list, when there, is a list of strings that is not empty.
pub(crate) fn list_well_formed(provider: &Provider, member: &str, condition: Condition) -> Finding {
    let value = provider.metadata.get(member);
    let strings =
        |value: &Value| value.as_array().is_some_and(|a| !a.is_empty() && a.iter().all(Value::is_string));
    condition.holds(value.is_none_or(strings), || format!("expected strings in `{member}`, got {value:?}"))
}

/// The lists have strings, the flags are flags, the addresses addresses (RFC 8414, 2).
pub(crate) fn schema(provider: &Provider) -> Finding {
    let wrong =
        provider.metadata.as_object().into_iter().flatten().find(|(name, value)| !well_formed(name, value));
    fail("ValidateServerMetadataAgainstSchema", "OIDCD 3, RFC 8414 2").result(match wrong {
        Some((name, value)) => Err(format!("expected another kind of value in `{name}`, got {value}")),
        None => Ok(()),
    })
}

fn well_formed(name: &str, value: &Value) -> bool {
    let strings = || value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    if name.ends_with("_values_supported")
        || ["_types_supported", "_modes_supported", "_methods_supported", "_locales_supported"]
            .iter()
            .any(|end| name.ends_with(end))
        || ["scopes_supported", "claims_supported"].contains(&name)
    {
        return strings();
    }
    if name.ends_with("_parameter_supported")
        || name.starts_with("require_")
        || name.ends_with("_logout_supported")
        || name.ends_with("_logout_session_supported")
        || name == "tls_client_certificate_bound_access_tokens"
    {
        return value.is_boolean();
    }
    if name.ends_with("_endpoint") || ["issuer", "jwks_uri", "check_session_iframe"].contains(&name) {
        return value.as_str().is_some_and(|text| Url::parse(text).is_ok());
    }
    true
}

/// Members that nobody registered (IANA, OAuth Authorization Server Metadata).
pub(crate) fn nothing_unexpected(provider: &Provider) -> Finding {
    let members = provider.metadata.as_object().into_iter().flatten();
    let unknown: Vec<&str> =
        members.map(|(name, _)| name.as_str()).filter(|name| !REGISTERED.contains(name)).collect();
    warn("CheckForUnexpectedParametersInServerMetadata", "OIDCD 3, RFC 8414 2")
        .holds(unknown.is_empty(), || format!("expected registered members, got also {unknown:?}"))
}

/// Scopes are scope tokens (RFC 6749, 3.3) and have `openid`.
pub(crate) fn scopes(provider: &Provider) -> Vec<Finding> {
    let Some(scopes) = provider.list("scopes_supported") else {
        let missing = warn("CheckDiscEndpointScopesSupportedContainsOpenId", "OIDCD 3");
        return vec![missing.result(Err("expected `scopes_supported`, got none".to_owned()))];
    };
    let visible = |c: char| matches!(c, '\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
    let well_formed = scopes.iter().all(|scope| !scope.is_empty() && scope.chars().all(visible));
    vec![
        fail("CheckDiscEndpointScopesSupportedContainsOpenId", "OIDCD 3")
            .holds(scopes.contains(&"openid"), || format!("expected `openid`, got {scopes:?}")),
        fail("CheckDiscEndpointScopesSupportedSyntax", "RFC 6749 3.3")
            .holds(well_formed, || format!("expected scope tokens, got {scopes:?}")),
    ]
}

/// Languages are tags of BCP 47 in their usual case (RFC 5646, 2.1.1).
pub(crate) fn locales(provider: &Provider) -> Vec<Finding> {
    let tags: Vec<&str> = ["ui_locales_supported", "claims_locales_supported"]
        .iter()
        .flat_map(|member| provider.list(member).unwrap_or_default())
        .collect();
    let subtag = |s: &str| (1..=8).contains(&s.len()) && s.chars().all(|c| c.is_ascii_alphanumeric());
    let wrong: Vec<&&str> = tags.iter().filter(|tag| !tag.split('-').all(subtag)).collect();
    let unusual: Vec<&&str> = tags.iter().filter(|tag| usual_case(tag) != **tag).collect();
    vec![
        fail("CheckDiscEndpointLocalesSyntax", "RFC 8414 2")
            .holds(wrong.is_empty(), || format!("expected language tags, got {wrong:?}")),
        warn("CheckDiscEndpointLocalesCanonicalCasing", "RFC 8414 2")
            .holds(unusual.is_empty(), || format!("expected the usual case, got {unusual:?}")),
    ]
}

fn usual_case(tag: &str) -> String {
    let cased = tag.split('-').enumerate().map(|(at, subtag)| match (at, subtag.len()) {
        (1.., 2) => subtag.to_ascii_uppercase(),
        (1.., 4) => {
            let (first, rest) = subtag.split_at_checked(1).unwrap_or((subtag, ""));
            format!("{}{}", first.to_ascii_uppercase(), rest.to_ascii_lowercase())
        }
        _ => subtag.to_ascii_lowercase(),
    });
    cased.collect::<Vec<_>>().join("-")
}

/// A flag that has to be true.
pub(crate) fn is_true(
    provider: &Provider,
    member: &str,
    name: &'static str,
    clause: &'static str,
) -> Finding {
    fail(name, clause).holds(provider.flag(member) == Some(true), || {
        format!("expected `{member}` true, got {:?}", provider.metadata.get(member))
    })
}

/// A flag, when there, is a flag; what it says is only noted.
pub(crate) fn noted_flag(provider: &Provider, member: &str, name: &'static str) -> Finding {
    info(name, "OIDCD 3").holds(provider.flag(member) == Some(true), || {
        format!("expected `{member}` true, got {:?}", provider.metadata.get(member))
    })
}

/// FAPI 2.0, 5.4: the list has an allowed algorithm.
pub(crate) fn fapi_algorithms(provider: &Provider, member: &'static str, name: &'static str) -> Finding {
    lists_one_of(provider, member, FAPI_ALGORITHMS, name, "FAPI2-SP 5.4-1")
}

/// Registered names of authorization server metadata.
const REGISTERED: &[&str] = &[
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "service_documentation",
    "ui_locales_supported",
    "op_policy_uri",
    "op_tos_uri",
    "revocation_endpoint",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "introspection_endpoint",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "code_challenge_methods_supported",
    "signed_metadata",
    "device_authorization_endpoint",
    "tls_client_certificate_bound_access_tokens",
    "mtls_endpoint_aliases",
    "nfv_token_signing_alg_values_supported",
    "nfv_token_encryption_alg_values_supported",
    "nfv_token_encryption_enc_values_supported",
    "userinfo_endpoint",
    "acr_values_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "id_token_encryption_alg_values_supported",
    "id_token_encryption_enc_values_supported",
    "userinfo_signing_alg_values_supported",
    "userinfo_encryption_alg_values_supported",
    "userinfo_encryption_enc_values_supported",
    "request_object_signing_alg_values_supported",
    "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc_values_supported",
    "display_values_supported",
    "claim_types_supported",
    "claims_supported",
    "claims_locales_supported",
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
    "require_signed_request_object",
    "pushed_authorization_request_endpoint",
    "require_pushed_authorization_requests",
    "introspection_signing_alg_values_supported",
    "introspection_encryption_alg_values_supported",
    "introspection_encryption_enc_values_supported",
    "authorization_response_iss_parameter_supported",
    "check_session_iframe",
    "frontchannel_logout_supported",
    "backchannel_logout_supported",
    "frontchannel_logout_session_supported",
    "backchannel_logout_session_supported",
    "end_session_endpoint",
    "backchannel_token_delivery_modes_supported",
    "backchannel_authentication_endpoint",
    "backchannel_authentication_request_signing_alg_values_supported",
    "backchannel_user_code_parameter_supported",
    "authorization_details_types_supported",
    "dpop_signing_alg_values_supported",
    "authorization_signing_alg_values_supported",
    "authorization_encryption_alg_values_supported",
    "authorization_encryption_enc_values_supported",
    "prompt_values_supported",
    "protected_resources",
    "client_registration_types_supported",
    "federation_registration_endpoint",
    "organization_name",
    "client_id_metadata_document_supported",
    "verified_claims_supported",
    "trust_frameworks_supported",
    "evidence_supported",
    "documents_supported",
    "documents_methods_supported",
    "electronic_records_supported",
    "claims_in_verified_claims_supported",
    "challenge_endpoint",
];
