//! What clients read about us, and the paths of the endpoints.

use jose::jwe::{ContentEncryption, KeyManagement};
use serde_json::{Value, json};

use crate::authorize::ResponseMode;
use crate::authorize::checks::prompt::PROMPT_VALUES;
use crate::authorize::request_object::client_algorithms;
use crate::claims::CLAIMS;
use crate::client::{AuthMethod, GrantType};
use crate::issuer::Issuer;
use crate::mtls::TakenAt;
use crate::scope;
use crate::subject::SubjectType;

/// Where each endpoint is, under the issuer.
pub mod paths {
    /// OIDC Discovery 1.0, 4.
    pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
    /// RFC 8414, 3 (for an issuer without a path).
    pub const OAUTH_AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
    /// The authorization endpoint, GET and POST.
    pub const AUTHORIZE: &str = "/oauth2/authorize";
    /// The token endpoint.
    pub const TOKEN: &str = "/oauth2/token";
    /// The userinfo endpoint, GET and POST.
    pub const USERINFO: &str = "/oauth2/userinfo";
    /// The keys of the international algorithms.
    pub const JWKS: &str = "/oauth2/jwks";
    /// The keys of the national algorithms, apart because some clients cannot read a set with an unknown curve.
    pub const JWKS_SM: &str = "/oauth2/jwks-sm";
    /// The pushed authorization request endpoint (RFC 9126).
    pub const PUSHED_REQUEST: &str = "/oauth2/par";
    /// The introspection endpoint (RFC 7662).
    pub const INTROSPECT: &str = "/oauth2/introspect";
    /// The revocation endpoint (RFC 7009).
    pub const REVOKE: &str = "/oauth2/revoke";
    /// The registration endpoint (RFC 7591).
    pub const REGISTER: &str = "/oauth2/register";
    /// A client's own registration (RFC 7592).
    pub const REGISTRATION: &str = "/oauth2/register/{client_id}";
    /// The page that applications load in a frame (OIDC Session Management 1.0, 3.2).
    pub const CHECK_SESSION: &str = "/oauth2/check-session";
    /// The device authorization endpoint (RFC 8628, 3.1).
    pub const DEVICE_AUTHORIZATION: &str = "/oauth2/device_authorization";
    /// The page where a person enters a device's code (RFC 8628, 3.3).
    pub const DEVICE: &str = "/device";
    /// The backchannel authentication endpoint (OIDC CIBA Core 1.0, 7).
    pub const BACKCHANNEL_AUTHENTICATION: &str = "/oauth2/bc-authorize";
    /// RP-initiated logout, GET and POST.
    pub const END_SESSION: &str = "/oauth2/logout";
}

/// What the provider offers beyond what is decided in this crate.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The authentication context classes, weakest first.
    pub acr_values: &'a [&'a str],
    /// The languages of the pages (BCP 47).
    pub ui_locales: &'a [&'a str],
    /// The scopes of the province's own APIs, beside [`scope::KNOWN`].
    pub api_scopes: &'a [&'a str],
    /// Where client certificates are taken.
    pub certificates: &'a TakenAt,
    /// Whether a client's identifier may be the address of its registration.
    pub metadata_documents: bool,
}

/// The endpoints that clients call with their certificates (RFC 8705, 5).
const WITH_CERTIFICATES: [(&str, &str); 7] = [
    ("token_endpoint", paths::TOKEN),
    ("userinfo_endpoint", paths::USERINFO),
    ("pushed_authorization_request_endpoint", paths::PUSHED_REQUEST),
    ("introspection_endpoint", paths::INTROSPECT),
    ("revocation_endpoint", paths::REVOKE),
    ("device_authorization_endpoint", paths::DEVICE_AUTHORIZATION),
    ("backchannel_authentication_endpoint", paths::BACKCHANNEL_AUTHENTICATION),
];

/// The metadata document, the same at both well-known addresses.
///
/// The national algorithms have members of their own, so that no client meets a name it does not know where it expects a
/// registered one. Source: OIDC Discovery 1.0, 3; RFC 8414, 2; RFC 9207, 3; OIDC RP-Initiated Logout 1.0, 2.1; Initiating
/// User Registration via OpenID Connect 1.0, 4 (`prompt_values_supported`); RFC 8705, 3.3 and 5; draft-ietf-oauth-client-id-metadata-document
/// (`client_id_metadata_document_supported`).
pub fn document(issuer: &Issuer, offer: &Offer<'_>) -> Value {
    let international = jose::Algorithm::INTERNATIONAL.map(jose::Algorithm::as_str);
    let key_managements = KeyManagement::INTERNATIONAL.map(KeyManagement::as_str);
    let content_encryptions = ContentEncryption::INTERNATIONAL.map(ContentEncryption::as_str);
    // Proofs, whose keys nobody registered.
    let from_clients: Vec<&str> =
        client_algorithms().into_iter().filter(|a| !a.is_national()).map(jose::Algorithm::as_str).collect();
    let offered = |method: &AuthMethod| !method.needs_certificate() || offer.certificates.is_somewhere();
    let methods: Vec<&str> = AuthMethod::ALL.into_iter().filter(offered).map(AuthMethod::as_str).collect();
    let confidential: Vec<&str> =
        methods.iter().copied().filter(|method| *method != AuthMethod::None.as_str()).collect();
    let scopes: Vec<&str> = scope::KNOWN.iter().chain(offer.api_scopes).copied().collect();
    let addresses = [
        ("authorization_endpoint", paths::AUTHORIZE),
        ("token_endpoint", paths::TOKEN),
        ("userinfo_endpoint", paths::USERINFO),
        ("jwks_uri", paths::JWKS),
        ("pushed_authorization_request_endpoint", paths::PUSHED_REQUEST),
        ("introspection_endpoint", paths::INTROSPECT),
        ("revocation_endpoint", paths::REVOKE),
        ("registration_endpoint", paths::REGISTER),
        ("end_session_endpoint", paths::END_SESSION),
        ("device_authorization_endpoint", paths::DEVICE_AUTHORIZATION),
        ("backchannel_authentication_endpoint", paths::BACKCHANNEL_AUTHENTICATION),
        ("check_session_iframe", paths::CHECK_SESSION),
        ("yinxin_sm_jwks_uri", paths::JWKS_SM),
    ];
    let members = [
        ("issuer", json!(issuer.as_str())),
        ("scopes_supported", json!(scopes)),
        ("claims_supported", json!(CLAIMS)),
        ("claim_types_supported", json!(["normal"])),
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(ResponseMode::SUPPORTED)),
        ("grant_types_supported", json!(GrantType::ALL.map(GrantType::as_str))),
        ("subject_types_supported", json!(SubjectType::NAMES)),
        ("id_token_signing_alg_values_supported", json!(international)),
        ("userinfo_signing_alg_values_supported", json!(international)),
        ("authorization_signing_alg_values_supported", json!(international)),
        ("introspection_signing_alg_values_supported", json!(international)),
        ("id_token_encryption_alg_values_supported", json!(key_managements)),
        ("id_token_encryption_enc_values_supported", json!(content_encryptions)),
        ("userinfo_encryption_alg_values_supported", json!(key_managements)),
        ("userinfo_encryption_enc_values_supported", json!(content_encryptions)),
        ("authorization_encryption_alg_values_supported", json!(key_managements)),
        ("authorization_encryption_enc_values_supported", json!(content_encryptions)),
        ("introspection_encryption_alg_values_supported", json!(key_managements)),
        ("introspection_encryption_enc_values_supported", json!(content_encryptions)),
        ("request_object_signing_alg_values_supported", json!(international)),
        ("token_endpoint_auth_methods_supported", json!(methods)),
        ("token_endpoint_auth_signing_alg_values_supported", json!(international)),
        ("introspection_endpoint_auth_methods_supported", json!(confidential)),
        ("introspection_endpoint_auth_signing_alg_values_supported", json!(international)),
        ("revocation_endpoint_auth_methods_supported", json!(methods)),
        ("revocation_endpoint_auth_signing_alg_values_supported", json!(international)),
        ("tls_client_certificate_bound_access_tokens", json!(offer.certificates.is_somewhere())),
        ("dpop_signing_alg_values_supported", json!(from_clients)),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("prompt_values_supported", json!(PROMPT_VALUES)),
        ("acr_values_supported", json!(offer.acr_values)),
        ("ui_locales_supported", json!(offer.ui_locales)),
        ("display_values_supported", json!(["page", "popup"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("claims_parameter_supported", json!(true)),
        ("request_parameter_supported", json!(true)),
        ("request_uri_parameter_supported", json!(false)),
        ("require_request_uri_registration", json!(false)),
        ("require_pushed_authorization_requests", json!(false)),
        ("client_id_metadata_document_supported", json!(offer.metadata_documents)),
        ("frontchannel_logout_supported", json!(true)),
        ("frontchannel_logout_session_supported", json!(true)),
        ("backchannel_logout_supported", json!(true)),
        ("backchannel_logout_session_supported", json!(true)),
        ("backchannel_token_delivery_modes_supported", json!(crate::ciba::Delivery::MODES)),
        ("backchannel_user_code_parameter_supported", json!(false)),
        ("yinxin_sm_signing_alg_values_supported", json!([jose::Algorithm::Sm2Sm3.as_str()])),
        ("yinxin_sm_encryption_alg_values_supported", json!([KeyManagement::Sm2.as_str()])),
        ("yinxin_sm_encryption_enc_values_supported", json!([ContentEncryption::Sm4Gcm.as_str()])),
    ];
    let addresses = addresses.into_iter().map(|(name, path)| (name, issuer.url(path).into()));
    let members = addresses.chain(members).map(|(name, value)| (name.to_owned(), value));
    let mut document: serde_json::Map<String, Value> = members.collect();
    if let Some(base) = offer.certificates.base() {
        let aliases = WITH_CERTIFICATES.map(|(name, path)| (name.to_owned(), base.url(path).into()));
        document.insert("mtls_endpoint_aliases".to_owned(), Value::Object(aliases.into_iter().collect()));
    }
    Value::Object(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::ISSUER;

    fn example() -> Value {
        with_certificates(&TakenAt::Nowhere)
    }

    fn with_certificates(certificates: &TakenAt) -> Value {
        let offer = Offer {
            acr_values: &["urn:yinxin:loa:1"],
            ui_locales: &["zh-CN", "en"],
            api_scopes: &["tax:read"],
            certificates,
            metadata_documents: false,
        };
        document(&ISSUER.parse().unwrap(), &offer)
    }

    /// The conditions of the module `oidcc-discovery-endpoint-verification`.
    #[test]
    fn the_document_has_what_the_standard_requires() {
        let document = example();
        assert_eq!(document["issuer"], ISSUER);
        for endpoint in [
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "end_session_endpoint",
        ] {
            assert!(
                document[endpoint].as_str().unwrap().starts_with("https://id.fujian.example/oauth2/"),
                "{endpoint}"
            );
        }
        for list in
            ["response_types_supported", "subject_types_supported", "claims_supported", "scopes_supported"]
        {
            assert!(document[list].as_array().unwrap().iter().all(Value::is_string), "{list}");
        }
        let algorithms = document["id_token_signing_alg_values_supported"].as_array().unwrap();
        assert!(algorithms.contains(&json!("RS256")) && algorithms.contains(&json!("ES256")));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["authorization_response_iss_parameter_supported"], json!(true));
        // Absent would mean true (OIDC Discovery 1.0, 3).
        assert_eq!(document["request_uri_parameter_supported"], json!(false));
    }

    #[test]
    fn client_certificates_are_announced_where_they_are_taken() {
        let announced = |document: &Value| {
            let methods = document["token_endpoint_auth_methods_supported"].as_array().unwrap().clone();
            (
                document["tls_client_certificate_bound_access_tokens"] == true,
                methods.contains(&json!("tls_client_auth")),
                methods.contains(&json!("self_signed_tls_client_auth")),
            )
        };
        assert_eq!(announced(&example()), (false, false, false));
        let here = with_certificates(&TakenAt::TheIssuer);
        assert_eq!(announced(&here), (true, true, true));
        assert_eq!(here.get("mtls_endpoint_aliases"), None, "the ordinary addresses serve");
        let elsewhere = with_certificates(&TakenAt::Base("https://mtls.fujian.example".parse().unwrap()));
        assert_eq!(announced(&elsewhere), (true, true, true));
        let aliases = elsewhere["mtls_endpoint_aliases"].as_object().unwrap();
        assert_eq!(aliases["token_endpoint"], "https://mtls.fujian.example/oauth2/token");
        assert!(aliases.keys().all(|name| elsewhere[name].as_str().unwrap().starts_with(ISSUER)));
    }

    #[test]
    fn the_national_keys_are_announced_apart() {
        let document = example();
        assert_ne!(document["yinxin_sm_jwks_uri"], document["jwks_uri"]);
        let ordinary = document["id_token_signing_alg_values_supported"].as_array().unwrap();
        let national = document["yinxin_sm_signing_alg_values_supported"].as_array().unwrap();
        assert!(national.iter().all(|name| !ordinary.contains(name)));
    }
}
