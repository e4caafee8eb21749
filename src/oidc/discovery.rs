//! What clients read about us, and the paths of the endpoints.

use serde_json::{Value, json};

use crate::authorize::checks::prompt::PROMPT_VALUES;
use crate::claims::CLAIMS;
use crate::client::{AuthMethod, GrantType};
use crate::issuer::Issuer;
use crate::scope;

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
}

/// The metadata document, the same at both well-known addresses.
///
/// The national algorithms have members of their own, so that no client meets a name it does not know where it expects a
/// registered one. Source: OIDC Discovery 1.0, 3; RFC 8414, 2; RFC 9207, 3; OIDC RP-Initiated Logout 1.0, 2.1; Initiating
/// User Registration via OpenID Connect 1.0, 4 (`prompt_values_supported`).
pub fn document(issuer: &Issuer, offer: &Offer<'_>) -> Value {
    let international = jose::Algorithm::INTERNATIONAL.map(jose::Algorithm::as_str);
    let methods = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost, AuthMethod::None];
    let scopes: Vec<&str> = scope::KNOWN.iter().chain(offer.api_scopes).copied().collect();
    json!({
        "issuer": issuer.as_str(),
        "authorization_endpoint": issuer.url(paths::AUTHORIZE),
        "token_endpoint": issuer.url(paths::TOKEN),
        "userinfo_endpoint": issuer.url(paths::USERINFO),
        "jwks_uri": issuer.url(paths::JWKS),
        "end_session_endpoint": issuer.url(paths::END_SESSION),
        "scopes_supported": scopes,
        "claims_supported": CLAIMS,
        "claim_types_supported": ["normal"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": international,
        "token_endpoint_auth_methods_supported": methods.map(AuthMethod::as_str),
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": PROMPT_VALUES,
        "acr_values_supported": offer.acr_values,
        "ui_locales_supported": offer.ui_locales,
        "display_values_supported": ["page"],
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "require_request_uri_registration": false,
        "yinxin_sm_jwks_uri": issuer.url(paths::JWKS_SM),
        "yinxin_sm_signing_alg_values_supported": [jose::Algorithm::Sm2Sm3.as_str()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::ISSUER;

    fn example() -> Value {
        let offer = Offer {
            acr_values: &["urn:yinxin:loa:1"],
            ui_locales: &["zh-CN", "en"],
            api_scopes: &["tax:read"],
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
    fn the_national_keys_are_announced_apart() {
        let document = example();
        assert_ne!(document["yinxin_sm_jwks_uri"], document["jwks_uri"]);
        let ordinary = document["id_token_signing_alg_values_supported"].as_array().unwrap();
        let national = document["yinxin_sm_signing_alg_values_supported"].as_array().unwrap();
        assert!(national.iter().all(|name| !ordinary.contains(name)));
    }
}
