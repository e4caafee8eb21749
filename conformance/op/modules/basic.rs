//! The code flow, and parameters that must not disturb it.

use std::sync::Arc;

use crate::op::checks::{authorization, id_token};
use crate::op::clients::{Client, Wish};
use crate::op::finding::{fail, info, warn};
use crate::op::flow::{Ask, Granted};
use crate::op::kit::Params;
use crate::op::kit::browser::{Aim, End};
use crate::op::plans::Auth;
use crate::op::test::{Step, Test};

/// Keys and a client: the beginning of every module of the Basic plan.
pub(super) async fn begin(test: &mut Test) -> Step<Arc<Client>> {
    test.fetch_keys().await?;
    test.client("first").await
}

/// A login with the request changed by `change`, and the access token used.
async fn succeeds(test: &mut Test, change: impl FnOnce(Ask) -> Ask) -> Step<Granted> {
    let client = begin(test).await?;
    let ask = change(test.ask(&client));
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await?;
    Ok(granted)
}

/// The whole flow with everything looked at.
pub(super) async fn server(test: &mut Test) -> Step {
    let granted = succeeds(test, |ask| ask).await?;
    let token = test.id_token(&granted)?;
    let lifetime = granted.answer.get("expires_in").is_some();
    test.note(
        warn("ExtractExpiresInFromTokenEndpointResponse", "RFC 6749 5.1")
            .holds(lifetime, || "expected `expires_in`, got none".to_owned()),
    );
    test.note_all([
        id_token::noted("ExtractAtHash", &token, "at_hash"),
        id_token::noted("ExtractCHash", &token, "c_hash"),
        id_token::lacks(&token, "name", "EnsureIdTokenDoesNotContainName"),
        id_token::nothing_unrequested(&token),
    ]);
    Ok(())
}

/// RFC 6749, 3.1.1: without `response_type` there is an error, at the client or on a page.
pub(super) async fn response_type_missing(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client).without("response_type");
    let visit = test.visit(&ask, Aim::Allow).await?;
    match visit.end {
        End::Page(page) => {
            let failed = page.status >= 400;
            test.note(
                fail("ExpectResponseTypeMissingErrorPage", "RFC 6749 3.1.1")
                    .holds(failed, || format!("expected an error page, got {}", page.brief())),
            );
        }
        End::Landed(landing) => {
            let answer = test.answer(&ask, &landing)?;
            test.note_all(authorization::error(
                &answer,
                &["invalid_request", "unsupported_response_type"],
                "CheckErrorFromAuthorizationEndpointErrorInvalidRequestOrUnsupportedResponseType",
                "RFC 6749 3.1.1",
            ));
        }
    }
    Ok(())
}

/// OpenID Connect Core, 3.1.3.7 and 10.1: RS256 unless another algorithm was registered, under a key that is named.
pub(super) async fn id_token_signature(test: &mut Test) -> Step {
    let granted = succeeds(test, |ask| ask).await?;
    let token = test.id_token(&granted)?;
    test.note(id_token::has_kid(&token));
    test.note(fail("EnsureIdTokenSignatureIsRS256", "OIDCC 3.1.3.7").equal(token.alg(), "RS256"));
    Ok(())
}

/// OpenID Connect Core, 3.1.3.7: unsigned ID tokens, where a provider offers them to who registers for them.
pub(super) async fn id_token_unsigned(test: &mut Test) -> Step {
    test.fetch_keys().await?;
    let offered = test.world.provider.lists("id_token_signing_alg_values_supported", "none");
    test.note(
        info("OIDCCCheckIdTokenSigningAlgValuesSupportedAlgNone", "OIDCD 3")
            .holds(offered, || "expected `none`, got no offer of it".to_owned()),
    );
    if !offered {
        return Err(test.skip("the provider does not offer ID tokens without a signature"));
    }
    let wish = Wish::new("unsigned", Auth::SecretBasic).with("id_token_signed_response_alg", "none");
    let client = test.client_as(wish).await?;
    let ask = test.ask(&client);
    let granted = test.log_in(&ask).await?;
    let token = test.id_token(&granted)?;
    test.note(fail("CheckIdTokenSignatureAlgorithm", "OIDCC 3.1.3.7").equal(token.alg(), "none"));
    Ok(())
}

/// OpenID Connect Core, 3.1.2.1: the nonce is optional in the code flow.
pub(super) async fn without_nonce(test: &mut Test) -> Step {
    succeeds(test, |ask| ask.without("nonce")).await.map(drop)
}

/// `display=page` is accepted (3.1.2.1).
pub(super) async fn display_page(test: &mut Test) -> Step {
    succeeds(test, |ask| ask.with("display", "page")).await.map(drop)
}

/// `display=popup` is accepted (3.1.2.1).
pub(super) async fn display_popup(test: &mut Test) -> Step {
    succeeds(test, |ask| ask.with("display", "popup")).await.map(drop)
}

/// RFC 6749, 3.1: parameters that nobody knows are ignored.
pub(super) async fn unknown_parameter(test: &mut Test) -> Step {
    succeeds(test, |ask| ask.with("extra", "foobar")).await.map(drop)
}

/// `login_hint` is accepted (3.1.2.1).
pub(super) async fn login_hint(test: &mut Test) -> Step {
    let user = test.world.options.user.clone();
    succeeds(test, |ask| ask.with("login_hint", user)).await.map(drop)
}

/// `ui_locales` is accepted (3.1.2.1).
pub(super) async fn ui_locales(test: &mut Test) -> Step {
    succeeds(test, |ask| ask.with("ui_locales", "se zh-CN en")).await.map(drop)
}

/// `claims_locales` is accepted (5.2).
pub(super) async fn claims_locales(test: &mut Test) -> Step {
    succeeds(test, |ask| ask.with("claims_locales", "se")).await.map(drop)
}

/// `acr_values` are accepted, and one of them should be reached (3.1.2.1, 15.1).
pub(super) async fn acr_values(test: &mut Test) -> Step {
    let offered = test.world.provider.list("acr_values_supported").unwrap_or_default();
    let wanted: Vec<String> = offered.iter().map(|acr| (*acr).to_owned()).collect();
    let wanted = if wanted.is_empty() { vec!["1".to_owned(), "2".to_owned()] } else { wanted };
    let granted = succeeds(test, |ask| ask.with("acr_values", wanted.join(" "))).await?;
    let token = test.id_token(&granted)?;
    let acr = token.text("acr");
    test.note(
        warn("ValidateIdTokenACRClaimAgainstAcrValuesRequest", "OIDCC 3.1.2.1, 15.1")
            .holds(acr.is_some_and(|acr| wanted.iter().any(|w| w == acr)), || {
                format!("expected one of {wanted:?}, got {acr:?}")
            }),
    );
    Ok(())
}

/// OpenID Connect Core, 3.1.2.1: the authorization endpoint takes POST.
pub(super) async fn posted(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let endpoint = test.authorization_address(&Params::default())?;
    let visit = test.browser.post(&endpoint, &ask.params, Aim::Allow).await;
    let visit = test.obtain(info("BrowserVisit", "OIDCC 3.1.2.1"), visit)?;
    let landing = match visit.end {
        End::Landed(landing) => landing,
        End::Page(page) => {
            let why = format!("expected a way back to the client, got {}", page.brief());
            test.note(warn("ExpectRedirectUriHasBeenCalled", "OIDCC 3.1.2.1").result(Err(why)));
            return Ok(());
        }
    };
    let code = test.code(&ask, &landing)?;
    let granted = test.exchange(&ask, &code).await?;
    test.use_token(&granted).await
}

/// OpenID Connect Core, 9: a client that sends its secret in the body.
pub(super) async fn client_secret_post(test: &mut Test) -> Step {
    test.fetch_keys().await?;
    let offered = test.world.provider.lists("token_endpoint_auth_methods_supported", "client_secret_post");
    test.note(
        fail("EnsureServerConfigurationSupportsClientSecretPost", "OIDCC 9")
            .holds(offered, || "expected `client_secret_post` in the metadata, got none".to_owned()),
    );
    let client = test.client_as(Wish::new("post", Auth::SecretPost)).await?;
    let ask = test.ask(&client);
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await
}

/// RFC 7636: a code challenge is honoured.
pub(super) async fn with_pkce(test: &mut Test) -> Step {
    succeeds(test, Ask::with_challenge).await.map(drop)
}
