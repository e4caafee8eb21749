//! What the provider says of itself.

use crate::op::checks::discovery as check;
use crate::op::finding::{fail, info, warn};
use crate::op::kit::http::Call;
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
        test.note(weaker.weighing(crate::op::finding::Severity::Warn));
    }
    test.note_all(check::scopes(provider));
    test.note_all(check::locales(provider));
    Ok(())
}

/// `claims_supported` is recommended (Discovery, 3).
fn claims_supported(provider: &Provider) -> crate::op::finding::Finding {
    let claims = provider.list("claims_supported");
    warn("OIDCCCheckDiscEndpointClaimsSupported", "OIDCD 3")
        .holds(claims.is_some(), || "expected `claims_supported`, got none".to_owned())
}
