//! A relying party that nobody here wrote: the `openidconnect` crate, configured from the discovery document alone.

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RefreshToken, Scope, TokenResponse,
};
use url::Url;
use yinxin::browser::Browser;
use yinxin::demo::SampleApplication;

use crate::kit::postgres::Database;
use crate::kit::program::Program;

#[tokio::test(flavor = "multi_thread")]
async fn an_application_on_the_openidconnect_crate_logs_a_citizen_in() {
    log_in(Program::serve_sample_province()).await;
}

mod postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_application_on_the_openidconnect_crate_logs_a_citizen_in() {
        let Some(database) = Database::on_the_server() else {
            return eprintln!("skipped: no YINXIN_TEST_POSTGRES");
        };
        log_in(Program::serve_sample_province_over(Some(database))).await;
    }
}

async fn log_in(program: Program) {
    let citizen = program.citizen();
    let application = program.application("portal");
    let client = client!(program, application);

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".to_owned()))
        .add_scope(Scope::new("offline_access".to_owned()))
        .add_prompt(openidconnect::core::CoreAuthPrompt::Consent)
        .set_pkce_challenge(challenge)
        .url();
    let browser = Browser::new(&program.issuer).unwrap();
    let returned = answer(&program, &browser, &url, &application.redirect_uris[0]).await;
    assert_eq!(parameter(&returned, "state").as_ref(), Some(state.secret()));
    let code = AuthorizationCode::new(parameter(&returned, "code").expect("a code"));

    let verifier_again = openidconnect::PkceCodeVerifier::new(verifier.secret().clone());
    let tokens = client.exchange_code(code.clone()).unwrap().set_pkce_verifier(verifier);
    let tokens = tokens.request_async(&http).await.unwrap();
    let id_token = tokens.id_token().expect("an ID token");
    let id_token_verifier = client.id_token_verifier();
    let claims = id_token.claims(&id_token_verifier, &nonce).unwrap();
    let algorithm = id_token.signing_alg().unwrap();
    let key = id_token.signing_key(&id_token_verifier).unwrap();
    let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).unwrap();
    assert_eq!(claims.access_token_hash(), Some(&hash), "OpenID Connect Core, 3.1.3.6");

    let subject = claims.subject().clone();
    let user_info = client.user_info(tokens.access_token().clone(), Some(subject.clone())).unwrap();
    let user_info: CoreUserInfoClaims = user_info.request_async(&http).await.unwrap();
    assert_eq!(user_info.subject(), &subject);
    let name = user_info.name().and_then(|name| name.get(None)).expect("a name");
    assert_eq!(name.as_str(), citizen.name);

    let refresh_token = RefreshToken::new(tokens.refresh_token().expect("a refresh token").secret().clone());
    let refreshed =
        client.exchange_refresh_token(&refresh_token).unwrap().request_async(&http).await.unwrap();
    assert_ne!(refreshed.access_token().secret(), tokens.access_token().secret());
    let user_info = client.user_info(refreshed.access_token().clone(), Some(subject)).unwrap();
    let user_info: CoreUserInfoClaims = user_info.request_async(&http).await.unwrap();
    assert_eq!(user_info.name().and_then(|name| name.get(None)), Some(name));

    let used_again =
        client.exchange_code(code).unwrap().set_pkce_verifier(verifier_again).request_async(&http).await;
    assert!(used_again.is_err(), "a code is used once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_worth_nothing_without_its_verifier() {
    let program = Program::serve_sample_province();
    let application = program.application("portal");
    let client = client!(program, application);

    let (challenge, _) = PkceCodeChallenge::new_random_sha256();
    let (_, verifier_of_another_login) = PkceCodeChallenge::new_random_sha256();
    let request = client.authorize_url(
        CoreAuthenticationFlow::AuthorizationCode,
        CsrfToken::new_random,
        Nonce::new_random,
    );
    let (url, ..) = request.set_pkce_challenge(challenge).url();
    let browser = Browser::new(&program.issuer).unwrap();
    let returned = answer(&program, &browser, &url, &application.redirect_uris[0]).await;

    let code = AuthorizationCode::new(parameter(&returned, "code").expect("a code"));
    let exchange = client.exchange_code(code).unwrap().set_pkce_verifier(verifier_of_another_login);
    assert!(exchange.request_async(&http).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_on_the_openidconnect_crate_logs_the_citizen_out() {
    let program = Program::serve_sample_province();
    let application = program.application("portal");
    let client = client!(program, application);

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, ..) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .set_pkce_challenge(challenge)
        .url();
    let browser = Browser::new(&program.issuer).unwrap();
    let returned = answer(&program, &browser, &url, &application.redirect_uris[0]).await;
    let code = AuthorizationCode::new(parameter(&returned, "code").expect("a code"));
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier);
    let tokens = tokens.request_async(&http).await.unwrap();
    let id_token = tokens.id_token().expect("an ID token");

    let issuer = IssuerUrl::new(program.issuer.clone()).unwrap();
    let metadata = ProviderMetadataWithLogout::discover_async(issuer, &http).await.unwrap();
    let end_session = metadata.additional_metadata().end_session_endpoint.clone().expect("it is announced");
    let (target, state) = (application.post_logout_redirect_uris[0].clone(), CsrfToken::new_random());
    let request = LogoutRequest::from(end_session)
        .set_id_token_hint(id_token)
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(target.clone()).unwrap())
        .set_state(state.clone());
    let left = browser.open(request.http_get_url().as_str()).await.unwrap().location.expect("a redirect");
    assert!(left.starts_with(&target), "{left}");
    assert_eq!(parameter(&left.parse().unwrap(), "state").as_ref(), Some(state.secret()));
    let refresh_token = tokens.refresh_token().expect("a refresh token").clone();
    let too_late = client.exchange_refresh_token(&refresh_token).unwrap().request_async(&http).await;
    assert!(too_late.is_err(), "the logout ended what came of the login");
}

/// The citizen logs in and consents; the address that the browser is then sent to.
async fn answer(program: &Program, browser: &Browser, request: &Url, redirect_uri: &str) -> Url {
    let citizen = program.citizen();
    let (answer, _) =
        browser.authorize(request.as_str(), &citizen.user_name, Some(&citizen.password)).await.unwrap();
    assert!(answer.as_str().starts_with(redirect_uri), "{answer}");
    answer
}

/// The type of a configured client names six states of its endpoints; a macro spares us writing them.
macro_rules! client {
    ($program:expr, $application:expr) => {{
        let (program, application): (&Program, &SampleApplication) = (&$program, $application);
        let issuer = IssuerUrl::new(program.issuer.clone()).unwrap();
        let metadata = CoreProviderMetadata::discover_async(issuer, &http).await.unwrap();
        let secret = ClientSecret::new(application.client_secret.clone());
        CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(application.client_id.clone()),
            Some(secret),
        )
        .set_redirect_uri(RedirectUrl::new(application.redirect_uris[0].clone()).unwrap())
    }};
}
use client;

async fn http(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let sent = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
    let response = sent.send().await?;
    let mut answer = HttpResponse::default();
    *answer.status_mut() = response.status();
    *answer.headers_mut() = response.headers().clone();
    *answer.body_mut() = response.bytes().await?.to_vec();
    Ok(answer)
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}
