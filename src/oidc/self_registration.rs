//! What software may register for itself (RFC 7591, 2), and the registration that follows.

use serde_json::{Map, Value};

use crate::client::GrantType;
use crate::registration::Registration;
use crate::scope;

/// The member with the name that stands for both languages; the tagged ones are among [`MEMBERS`].
pub const NAME: &str = "client_name";
/// The member with the scopes, which are cut to what may be had.
pub const SCOPE: &str = "scope";
/// What an application is called that does not say.
const UNNAMED: &str = "未命名应用 / Unnamed application";

/// The members that software may register (RFC 7591, 2; OIDC Dynamic Registration 1.0, 2 and others named in [`Registration`]), beside
/// [`NAME`] and [`SCOPE`]. Others are overlooked, as the standard asks (RFC 7591, 2).
pub const MEMBERS: &[&str] = &[
    "application_type",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "jwks",
    "jwks_uri",
    "redirect_uris",
    "post_logout_redirect_uris",
    "grant_types",
    "response_types",
    "response_modes",
    "id_token_signed_response_alg",
    "access_token_format",
    "userinfo_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
    "authorization_encrypted_response_alg",
    "authorization_encrypted_response_enc",
    "introspection_encrypted_response_alg",
    "introspection_encrypted_response_enc",
    "subject_type",
    "sector_identifier_uri",
    "request_object_signing_alg",
    "require_signed_request_object",
    "require_pushed_authorization_requests",
    "dpop_bound_access_tokens",
    "tls_client_certificate_bound_access_tokens",
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
    "default_max_age",
    "require_auth_time",
    "initiate_login_uri",
    "frontchannel_logout_uri",
    "frontchannel_logout_session_required",
    "backchannel_logout_uri",
    "backchannel_logout_session_required",
    "backchannel_token_delivery_mode",
    "backchannel_client_notification_endpoint",
    "backchannel_user_code_parameter",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "contacts",
    "software_id",
    "software_version",
    "client_name#zh-CN",
    "client_name#en",
];
/// The scopes that software may register for when nobody vouches for more.
pub const SCOPES: &[&str] =
    &[scope::OPENID, scope::PROFILE, scope::EMAIL, scope::PHONE, scope::ADDRESS, scope::OFFLINE_ACCESS];

/// The registration that `members` describe, with the standard's own values for what is absent, and at most `scopes`.
///
/// Fails with words on what was expected where a member has no meaning.
pub fn read(members: Map<String, Value>, scopes: &[&str]) -> Result<Registration, serde_json::Error> {
    let name = Value::from(members.get(NAME).and_then(Value::as_str).unwrap_or(UNNAMED));
    let asked = members.get(SCOPE).and_then(Value::as_str).map(str::to_owned);
    let mut kept: Map<String, Value> = members
        .into_iter()
        .filter(|(member, value)| MEMBERS.contains(&member.as_str()) && !value.is_null())
        .collect();
    for tagged in ["client_name#zh-CN", "client_name#en"] {
        kept.entry(tagged).or_insert_with(|| name.clone());
    }
    // OIDC Dynamic Registration 1.0, 2: RS256 is what every client understands.
    kept.entry("id_token_signed_response_alg").or_insert_with(|| jose::Algorithm::Rs256.as_str().into());
    let mut registration: Registration = serde_json::from_value(Value::Object(kept))?;
    registration.registered_itself = true;
    registration.scope = scope_of(asked.as_deref(), &registration, scopes);
    Ok(registration)
}

/// What was asked of `scopes`, or all that fit the grants (RFC 7591, 2: the server may choose).
fn scope_of(asked: Option<&str>, registration: &Registration, scopes: &[&str]) -> String {
    let has = |grant: GrantType| registration.grant_types.iter().any(|name| name == grant.as_str());
    let fits = |scope: &&&str| match **scope {
        scope::OFFLINE_ACCESS => has(GrantType::RefreshToken),
        _ => GrantType::ALL.into_iter().any(|grant| grant.is_a_persons() && has(grant)),
    };
    let wanted = |scope: &&&str| asked.is_none_or(|asked| asked.split(' ').any(|token| token == **scope));
    scopes.iter().filter(fits).filter(wanted).copied().collect::<Vec<_>>().join(" ")
}
