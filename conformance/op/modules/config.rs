//! What the provider says of itself.

use crate::op::checks::discovery as check;
use crate::op::finding::{Finding, Severity, fail, info, warn};
use crate::op::kit::http::Call;
use crate::op::plans::{Auth, Bound, Variant};
use crate::op::test::{Step, Test};
use crate::op::world::{Provider, discovery_address};

/// Fetches the document anew; the provider as it describes itself in it.
pub(super) async fn document(test: &mut Test) -> Step<Provider> {
    let address = discovery_address(&test.world.provider.issuer);
    let address = test.obtain(fail("GetDynamicServerConfiguration", "OIDCD 4"), address)?;
    let reply = test.call("GetDynamicServerConfiguration", Call::get(&address)).await?;
    test.note_all(check::envelope(&reply));
    let metadata = test.obtain(fail("GetDynamicServerConfiguration", "OIDCD 4.2"), reply.json())?;
    let provider = Provider { issuer: test.world.provider.issuer.clone(), metadata };
    test.note_all(check::issuer(&provider, &address));
    Ok(provider)
}

/// What every OpenID provider has to say (OpenID Connect Discovery, 3).
pub(super) async fn openid(test: &mut Test) -> Step {
    let provider = &document(test).await?;
    let types = ["code", "id_token", "code id_token", "id_token token", "code token", "code id_token token"];
    test.note_all([
        check::lists_one_of(
            provider,
            "response_types_supported",
            &types,
            "OIDCCCheckDiscEndpointResponseTypesSupported",
            "OIDCD 3",
        ),
        check::schema(provider),
        check::nothing_unexpected(provider),
        check::lists_one_of(
            provider,
            "subject_types_supported",
            &["public", "pairwise"],
            "CheckDiscEndpointSubjectTypesSupported",
            "OIDCD 3",
        ),
        check::lists_one_of(
            provider,
            "id_token_signing_alg_values_supported",
            &["RS256"],
            "OIDCCCheckDiscEndpointIdTokenSigningAlgValuesSupported",
            "OIDCD 3",
        ),
        check::list_well_formed(
            provider,
            "userinfo_signing_alg_values_supported",
            fail("OIDCCCheckDiscEndpointUserinfoSigningAlgValuesSupported", "OIDCD 3"),
        ),
        check::endpoint(provider, "authorization_endpoint", "CheckDiscEndpointAuthorizationEndpoint"),
        check::endpoint(provider, "token_endpoint", "CheckDiscEndpointTokenEndpoint"),
        check::optional_endpoint(provider, "userinfo_endpoint", "CheckDiscEndpointUserinfoEndpoint", warn),
        check::optional_endpoint(
            provider,
            "registration_endpoint",
            "CheckDiscEndpointRegistrationEndpoint",
            info,
        ),
        check::endpoint(provider, "jwks_uri", "CheckJwksUri"),
    ]);
    test.fetch_keys().await?;
    test.note_all([
        check::noted_flag(
            provider,
            "request_parameter_supported",
            "CheckDiscEndpointRequestParameterSupported",
        ),
        check::noted_flag(
            provider,
            "request_uri_parameter_supported",
            "CheckDiscEndpointRequestUriParameterSupported",
        ),
        check::noted_flag(
            provider,
            "claims_parameter_supported",
            "CheckDiscEndpointClaimsParameterSupported",
        ),
        check::list_well_formed(
            provider,
            "grant_types_supported",
            fail("OIDCCCheckDiscEndpointGrantTypesSupported", "OIDCD 3"),
        ),
        check::list_well_formed(
            provider,
            "code_challenge_methods_supported",
            fail(
                "EnsureServerConfigurationCodeChallengeMethodsSupportedIsAnArray",
                "RFC 8414 2, RFC 7636 4.3",
            ),
        ),
        check::all_endpoints_secure(provider),
    ]);
    test.note(claims_supported(provider));
    if provider.list("request_object_signing_alg_values_supported").is_some() {
        let weaker = check::lists_one_of(
            provider,
            "request_object_signing_alg_values_supported",
            &["RS256"],
            "CheckDiscEndpointRequestObjectSigningAlgValuesSupportedIncludesRS256",
            "OIDCD 3",
        );
        test.note(weaker.weighing(Severity::Warn));
    }
    test.note_all(check::scopes(provider));
    test.note_all(check::locales(provider));
    Ok(())
}

/// What a provider has to say under FAPI 2.0 (5.3.2, 5.4), and under its Message Signing.
pub(super) async fn fapi(test: &mut Test) -> Step {
    let provider = &document(test).await?;
    let signed = test.variant.signed;
    test.note_all(fapi_requests(provider, signed));
    test.note_all(fapi_clients(provider, test.variant));
    test.note_all([
        check::schema(provider),
        check::nothing_unexpected(provider),
        check::fapi_algorithms(
            provider,
            "id_token_signing_alg_values_supported",
            "FAPI2CheckDiscEndpointIdTokenSigningAlgValuesSupported",
        ),
        check::endpoint(provider, "authorization_endpoint", "CheckDiscEndpointAuthorizationEndpoint"),
        check::endpoint(provider, "token_endpoint", "CheckDiscEndpointTokenEndpoint"),
        check::optional_endpoint(
            provider,
            "registration_endpoint",
            "CheckDiscEndpointRegistrationEndpoint",
            info,
        ),
        check::endpoint(provider, "jwks_uri", "CheckJwksUri"),
        check::lists_one_of(
            provider,
            "subject_types_supported",
            &["public", "pairwise"],
            "CheckDiscEndpointSubjectTypesSupported",
            "OIDCD 3",
        ),
    ]);
    if provider.list("userinfo_signing_alg_values_supported").is_some() {
        let name = "FAPI2CheckDiscEndpointUserinfoSigningAlgValuesSupported";
        test.note(check::fapi_algorithms(provider, "userinfo_signing_alg_values_supported", name));
    }
    test.note_all(check::scopes(provider));
    test.note_all(check::locales(provider));
    test.fetch_keys().await
}

/// Requests are pushed, with PKCE, for codes alone; answers name the issuer, or are tokens.
fn fapi_requests(provider: &Provider, signed: bool) -> Vec<Finding> {
    let grant = "CheckDiscEndpointGrantTypesSupportedContainsAuthorizationCode";
    let pushed = "pushed_authorization_request_endpoint";
    let mut findings = vec![
        check::lists_one_of(
            provider,
            "response_types_supported",
            &["code"],
            "CheckDiscEndpointResponseTypeCodeSupported",
            "FAPI2-SP 5.3.2.2-1",
        ),
        check::lists_one_of(
            provider,
            "grant_types_supported",
            &["authorization_code"],
            grant,
            "FAPI2-SP 5.3.2.2-1",
        ),
        check::endpoint(provider, pushed, "CheckDiscEndpointPARSupported"),
        check::lists_one_of(
            provider,
            "code_challenge_methods_supported",
            &["S256"],
            "EnsureServerConfigurationSupportsCodeChallengeMethodS256",
            "FAPI2-SP 5.3.2.2-5",
        ),
    ];
    if signed {
        let lists = |member, name| check::fapi_algorithms(provider, member, name);
        findings.extend([
            check::lists_one_of(
                provider,
                "response_modes_supported",
                &["jwt"],
                "CheckDiscEndpointResponseModesSupportedContainsJwt",
                "JARM 2.3.4",
            ),
            lists(
                "authorization_signing_alg_values_supported",
                "CheckDiscEndpointAuthSignAlgValuesIsJsonArray",
            ),
            lists(
                "request_object_signing_alg_values_supported",
                "FAPI2CheckDiscEndpointRequestObjectSigningAlgValuesSupported",
            ),
        ]);
    } else {
        findings.push(check::is_true(
            provider,
            "authorization_response_iss_parameter_supported",
            "EnsureAuthorizationResponseIssParameterSupportedIsTrue",
            "RFC 9207 3, FAPI2-SP 5.3.2.2-7",
        ));
    }
    findings
}

/// Clients authenticate with a key, and tokens are bound to one.
fn fapi_clients(provider: &Provider, variant: Variant) -> Vec<Finding> {
    let methods = "token_endpoint_auth_methods_supported";
    let certificates: &[&str] = &["tls_client_auth", "self_signed_tls_client_auth"];
    let (wanted, name): (&[&str], _) = match variant.auth {
        Auth::SelfSignedTls => (certificates, "EnsureServerConfigurationSupportsMTLS"),
        _ => (&["private_key_jwt"], "EnsureServerConfigurationSupportsPrivateKeyJwt"),
    };
    let bound = if variant.bound == Bound::Certificate {
        check::is_true(
            provider,
            "tls_client_certificate_bound_access_tokens",
            "CheckTLSClientCertificateBoundAccessTokensTrue",
            "FAPI2-SP 5.3.3.1-5, RFC 8705 3.3",
        )
    } else {
        check::fapi_algorithms(
            provider,
            "dpop_signing_alg_values_supported",
            "FAPI2CheckDpopSigningAlgValuesSupported",
        )
    };
    vec![
        check::lists_one_of(provider, methods, wanted, name, "FAPI2-SP 5.3.2.1-6"),
        check::fapi_algorithms(
            provider,
            "token_endpoint_auth_signing_alg_values_supported",
            "FAPI2CheckDiscEndpointTokenEndpointAuthSigningAlgValuesSupported",
        ),
        bound,
    ]
}

/// `claims_supported` is recommended (Discovery, 3).
fn claims_supported(provider: &Provider) -> Finding {
    let claims = provider.list("claims_supported");
    warn("OIDCCCheckDiscEndpointClaimsSupported", "OIDCD 3")
        .holds(claims.is_some(), || "expected `claims_supported`, got none".to_owned())
}
