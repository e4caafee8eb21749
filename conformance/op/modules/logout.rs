//! Logging out (OpenID Connect RP-Initiated, Front-Channel and Back-Channel Logout 1.0).

use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use super::config;
use super::sessions::refused_without_page;
use crate::op::checks::discovery as check;
use crate::op::clients::{Client, Wish};
use crate::op::finding::{Finding, fail, info, warn};
use crate::op::flow::Ask;
use crate::op::kit::browser::{Aim, End, Landing, Page, Visit};
use crate::op::kit::jose::{Draft, Token, hs256};
use crate::op::kit::{Params, now, random_text};
use crate::op::plans::Auth;
use crate::op::test::{Step, Test};

/// How long the provider may take to call the back channel.
const BACK_CHANNEL_SECONDS: u64 = 10;

/// The event of a logout (Back-Channel Logout, 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Who is logged in, and how the end of the session is asked for.
pub(super) struct Session {
    pub(super) client: Arc<Client>,
    pub(super) id_token: Token,
    /// The parameters of a good logout request (RP-Initiated Logout, 2).
    pub(super) params: Params,
}

/// The metadata of a provider from which one can log out (RP-Initiated Logout, 2.1).
pub(super) async fn discovery(test: &mut Test) -> Step {
    let provider = &config::document(test).await?;
    test.note_all([
        check::all_endpoints_secure(provider),
        check::endpoint(provider, "end_session_endpoint", "CheckDiscEndSessionEndpoint"),
    ]);
    Ok(())
}

/// The same, and the front channel (Front-Channel Logout, 3).
pub(super) async fn front_channel_discovery(test: &mut Test) -> Step {
    discovery(test).await?;
    let provider = &test.world.provider.clone();
    let flag = |member, name| check::is_true(provider, member, name, "OIDCFCL 3");
    test.note_all([
        flag("frontchannel_logout_supported", "CheckDiscEndpointFrontchannelLogoutSupported"),
        flag("frontchannel_logout_session_supported", "CheckDiscEndpointFrontchannelLogoutSessionSupported"),
    ]);
    Ok(())
}

/// The same, and the back channel (Back-Channel Logout, 2.1).
pub(super) async fn back_channel_discovery(test: &mut Test) -> Step {
    discovery(test).await?;
    let provider = &test.world.provider.clone();
    let flag = |member, name| check::is_true(provider, member, name, "OIDCBCL 2.1");
    test.note_all([
        flag("backchannel_logout_supported", "CheckDiscEndpointBackchannelLogoutSupported"),
        flag("backchannel_logout_session_supported", "CheckDiscEndpointBackchannelLogoutSessionSupported"),
    ]);
    Ok(())
}

/// A client that can send people out again, with more metadata when `wish` has some.
fn wish(test: &Test) -> Wish {
    let back = format!("{}/logged-out", test.new_redirect_uri());
    Wish::new("logout", Auth::SecretBasic).with("post_logout_redirect_uris", json!([back]))
}

/// A person logs in at the client that is wished for.
async fn logged_in(test: &mut Test, wish: Wish) -> Step<Session> {
    test.fetch_keys().await?;
    let client = test.client_as(wish).await?;
    let ask = test.ask(&client);
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await?;
    let id_token = test.id_token(&granted)?;
    session(test, client, id_token)
}

/// The good logout request of a client.
pub(super) fn session(test: &mut Test, client: Arc<Client>, id_token: Token) -> Step<Session> {
    let back = client.post_logout_redirect_uri.clone();
    let back = back.ok_or_else(|| "expected a `post_logout_redirect_uri` of the client".to_owned());
    let back = test.obtain(info("CreatePostLogoutRedirectUri", "OIDCRIL 2"), back)?;
    let params = [
        ("id_token_hint", id_token.compact.clone()),
        ("post_logout_redirect_uri", back),
        ("state", random_text(128)),
    ]
    .into_iter()
    .collect();
    Ok(Session { client, id_token, params })
}

/// Asks for the end of the session and confirms it.
pub(super) async fn log_out(test: &mut Test, params: &Params, aim: Aim) -> Step<Visit> {
    let endpoint = test.world.provider.endpoint("end_session_endpoint");
    let mut address = test.obtain(fail("CheckDiscEndSessionEndpoint", "OIDCRIL 2.1"), endpoint)?;
    if !params.is_empty() {
        address.query_pairs_mut().extend_pairs(params.iter());
    }
    test.browse(&address, aim).await
}

/// The browser came to the registered URI with the state alone.
pub(super) fn came_back(landing: &Landing, params: &Params) -> Vec<Finding> {
    let back = params.get("post_logout_redirect_uri").unwrap_or_default();
    let unknown: Vec<&str> = landing.query.names().filter(|name| *name != "state").collect();
    vec![
        fail("CheckPostLogoutRedirectUri", "OIDCRIL 3").equal(landing.address().as_str(), back),
        fail("CheckPostLogoutState", "OIDCRIL 2").equal(landing.query.get("state"), params.get("state")),
        warn("CheckForUnexpectedParametersInPostLogoutRedirect", "OIDCRIL 3")
            .holds(unknown.is_empty(), || format!("expected `state` alone, got also {unknown:?}")),
    ]
}

/// Nobody is logged in any more: `prompt=none` is refused.
async fn ended(test: &mut Test, client: &Arc<Client>) -> Step {
    let ask: Ask = test.ask(client).with("prompt", "none");
    refused_without_page(test, &ask).await
}

/// A logout that comes back, and ends the session.
async fn comes_back(test: &mut Test, change: fn(&mut Params)) -> Step {
    let wish = wish(test);
    let mut session = logged_in(test, wish).await?;
    change(&mut session.params);
    let visit = log_out(test, &session.params, Aim::Allow).await?;
    let landing = test.landed(visit)?;
    test.note_all(came_back(&landing, &session.params));
    ended(test, &session.client).await
}

/// A good request (RP-Initiated Logout, 2 and 3).
pub(super) async fn good(test: &mut Test) -> Step {
    comes_back(test, |_| ()).await
}

/// A good request without `state`: none comes back.
pub(super) async fn without_state(test: &mut Test) -> Step {
    comes_back(test, |params| {
        params.remove("state");
    })
    .await
}

/// A logout that must not lead to the client; the page that ends it.
async fn stays(test: &mut Test, change: impl FnOnce(&mut Session), name: &'static str) -> Step<Page> {
    let wish = wish(test);
    let mut session = logged_in(test, wish).await?;
    change(&mut session);
    let visit = log_out(test, &session.params, Aim::Allow).await?;
    let page = match visit.end {
        End::Page(page) => Ok(page),
        End::Landed(landing) => Err(format!("expected a page of the provider's, got {}", landing.brief())),
    };
    test.obtain(fail(name, "OIDCRIL 2, 3"), page)
}

/// A redirect URI that is not registered.
pub(super) async fn other_redirect_uri(test: &mut Test) -> Step {
    let change = |session: &mut Session| {
        let other = format!("{}/{}", session.client.redirect_uri, random_text(10));
        session.params.set("post_logout_redirect_uri", other);
    };
    stays(test, change, "ExpectPostLogoutRedirectUriNotRegisteredErrorPage").await.map(drop)
}

/// A registered redirect URI with a query that is not registered.
pub(super) async fn query_added(test: &mut Test) -> Step {
    let change = |session: &mut Session| {
        let back = session.params.get("post_logout_redirect_uri").unwrap_or_default();
        let back = format!("{back}?foo=bar");
        session.params.set("post_logout_redirect_uri", back);
    };
    stays(test, change, "ExpectPostLogoutRedirectUriNotRegisteredErrorPage").await.map(drop)
}

/// The ID token with `alg` none.
pub(super) async fn unsigned_hint(test: &mut Test) -> Step {
    let change = |session: &mut Session| {
        let token = &session.id_token;
        let forged = Draft { header: token.header.clone(), claims: token.claims.clone() }.unsigned();
        session.params.set("id_token_hint", forged);
    };
    stays(test, change, "ExpectInvalidIdTokenHintErrorPage").await.map(drop)
}

/// A token that the provider did not make.
pub(super) async fn foreign_hint(test: &mut Test) -> Step {
    let issuer = test.world.provider.issuer.clone();
    let change = move |session: &mut Session| {
        let claims = json!({
            "iss": session.client.id, "sub": "SubjectID", "aud": issuer, "nonce": "flibble",
            "iat": now(), "exp": now() + 300,
        });
        let secret = session.client.secret.clone().unwrap_or_default();
        session.params.set("id_token_hint", hs256(&json!({"alg": "HS256"}), &claims, secret.as_bytes()));
    };
    stays(test, change, "ExpectInvalidIdTokenHintErrorPage").await.map(drop)
}

/// No hint: the redirect URI belongs to nobody.
pub(super) async fn without_hint(test: &mut Test) -> Step {
    let change = |session: &mut Session| {
        session.params.remove("id_token_hint");
    };
    stays(test, change, "ExpectIdTokenHintRequiredErrorPage").await.map(drop)
}

/// A logout that ends at a page that says so.
async fn says_so(test: &mut Test, change: impl FnOnce(&mut Session)) -> Step {
    let page = stays(test, change, "ExpectSuccessfulLogoutPage").await?;
    test.note(
        fail("ExpectSuccessfulLogoutPage", "OIDCRIL 2")
            .holds(page.status == 200, || format!("expected a page with status 200, got {}", page.brief())),
    );
    Ok(())
}

/// No parameters at all.
pub(super) async fn without_params(test: &mut Test) -> Step {
    says_so(test, |session| session.params = Params::default()).await
}

/// No redirect URI.
pub(super) async fn without_redirect_uri(test: &mut Test) -> Step {
    let change = |session: &mut Session| {
        session.params.remove("post_logout_redirect_uri");
    };
    says_so(test, change).await
}

/// Nothing but a state.
pub(super) async fn state_alone(test: &mut Test) -> Step {
    let change = |session: &mut Session| {
        session.params.remove("post_logout_redirect_uri").remove("id_token_hint");
    };
    says_so(test, change).await
}

/// The page of the logout loads the client's frame with `iss` and `sid` (Front-Channel Logout, 2 and 3).
pub(super) async fn front_channel(test: &mut Test) -> Step {
    if test.world.provider.flag("frontchannel_logout_supported") != Some(true) {
        return Err(test.skip("the provider does not offer front-channel logout"));
    }
    let address = format!("{}/front-channel", test.new_redirect_uri());
    let wish = wish(test)
        .with("frontchannel_logout_uri", address.as_str())
        .with("frontchannel_logout_session_required", true);
    let session = logged_in(test, wish).await?;
    let visit = log_out(test, &session.params, Aim::Follow).await?;
    let loaded = visit.frames.iter().find(|frame| frame.as_str().starts_with(&address)).cloned();
    let missing = || format!("expected a frame at `{address}`, got {:?}", visit.frames);
    let loaded =
        test.obtain(fail("ExpectFrontchannelLogoutRequest", "OIDCFCL 3"), loaded.ok_or_else(missing))?;
    let issuer = test.world.provider.issuer.clone();
    test.note_all(front_channel_request(&loaded, &issuer, session.id_token.text("sid")));
    let landing = test.landed(visit)?;
    test.note_all(came_back(&landing, &session.params));
    ended(test, &session.client).await
}

fn front_channel_request(loaded: &Url, issuer: &str, sid: Option<&str>) -> Vec<Finding> {
    let query = Params::parse(loaded.query().unwrap_or_default());
    let unknown: Vec<&str> = query.names().filter(|name| !["iss", "sid"].contains(name)).collect();
    vec![
        warn("CheckForUnexpectedParametersInFrontchannelLogoutRequest", "OIDCFCL 2")
            .holds(unknown.is_empty(), || format!("expected `iss` and `sid`, got also {unknown:?}")),
        fail("ValidateFrontchannelLogoutIss", "OIDCFCL 2").equal(query.get("iss"), Some(issuer)),
        fail("CheckIdTokenSidMatchesFrontChannelLogoutRequest", "OIDCFCL 2, 3")
            .holds(sid.is_some() && query.get("sid") == sid, || {
                format!("expected the ID token's {sid:?}, got {:?}", query.get("sid"))
            }),
    ]
}

/// The provider posts a logout token (Back-Channel Logout, 2.4 and 2.5).
pub(super) async fn back_channel(test: &mut Test) -> Step {
    if test.world.provider.flag("backchannel_logout_supported") != Some(true) {
        return Err(test.skip("the provider does not offer back-channel logout"));
    }
    let address = test.world.listener.address("back-channel");
    let address = test.obtain(info("CreateBackchannelLogoutUri", "OIDCBCL 2.2"), address)?;
    let wish = wish(test)
        .with("backchannel_logout_uri", address.as_str())
        .with("backchannel_logout_session_required", true);
    let session = logged_in(test, wish).await?;
    let visit = log_out(test, &session.params, Aim::Allow).await?;
    let landing = test.landed(visit)?;
    let came = test.world.listener.received(&address, BACK_CHANNEL_SECONDS).await;
    let first =
        came.first().cloned().ok_or_else(|| format!("expected a call within {BACK_CHANNEL_SECONDS} s"));
    let call = test.obtain(fail("ExpectBackchannelLogoutRequest", "OIDCBCL 2.5"), first)?;
    let form = Params::parse(&call.body);
    let posted = call.method == "POST" && call.content_type.starts_with("application/x-www-form-urlencoded");
    let unknown: Vec<&str> = form.names().filter(|name| *name != "logout_token").collect();
    test.note_all([
        fail("CheckBackchannelLogoutRequestIsAForm", "OIDCBCL 2.5")
            .holds(posted, || format!("expected a posted form, got {} {}", call.method, call.content_type)),
        warn("CheckForUnexpectedParametersInBackchannelLogoutRequest", "OIDCBCL 2.5")
            .holds(unknown.is_empty(), || format!("expected `logout_token` alone, got also {unknown:?}")),
    ]);
    let token = form.get("logout_token").ok_or_else(|| format!("expected `logout_token`, got {}", call.body));
    let token = token.and_then(Token::read);
    let token = test.obtain(fail("ExtractLogoutTokenFromBackchannelLogoutRequest", "OIDCBCL 2.5"), token)?;
    let issuer = test.world.provider.issuer.clone();
    let findings = logout_token(&token, &issuer, &session, &test.keys);
    test.note_all(findings);
    test.note_all(came_back(&landing, &session.params));
    ended(test, &session.client).await
}

/// Everything that is looked at in a logout token (Back-Channel Logout, 2.4 and 2.6).
fn logout_token(token: &Token, issuer: &str, session: &Session, keys: &[Value]) -> Vec<Finding> {
    let client_id = session.client.id.as_str();
    let aud = token.claim("aud").cloned().unwrap_or_default();
    let meant = aud == client_id || aud.as_array().is_some_and(|list| list.iter().any(|a| a == client_id));
    let iat = token.number("iat");
    let events = token.claim("events").cloned().unwrap_or_default();
    let same =
        |claim: &str| token.claim(claim).is_none() || token.claim(claim) == session.id_token.claim(claim);
    let named = ["sub", "sid"].iter().any(|claim| token.claim(claim).is_some());
    let claims = "OIDCBCL 2.4";
    vec![
        fail("ValidateLogoutTokenSignature", claims).result(token.verify(keys)),
        fail("ValidateLogoutTokenClaims: alg", "OIDCBCL 2.6-4")
            .equal(token.alg(), session.client.id_token_alg.as_str()),
        fail("ValidateLogoutTokenClaims: iss", claims).equal(token.text("iss"), Some(issuer)),
        fail("ValidateLogoutTokenClaims: aud", claims)
            .holds(meant, || format!("expected `{client_id}`, got {aud}")),
        fail("ValidateLogoutTokenClaims: iat", claims)
            .holds(iat.is_some_and(|iat| (iat - now()).abs() <= 300), || {
                format!("expected about now, got {iat:?}")
            }),
        fail("ValidateLogoutTokenClaims: jti", claims)
            .holds(token.text("jti").is_some(), || "expected `jti`, got none".to_owned()),
        fail("ValidateLogoutTokenClaims: events", claims).equal(events, json!({LOGOUT_EVENT: {}})),
        fail("CheckIdTokenSubMatchesLogoutToken", claims)
            .holds(same("sub"), || format!("expected the ID token's, got {:?}", token.claim("sub"))),
        fail("CheckIdTokenSidMatchesLogoutToken", claims)
            .holds(same("sid"), || format!("expected the ID token's, got {:?}", token.claim("sid"))),
        fail("CheckLogoutTokenNoNonce", claims)
            .holds(token.claim("nonce").is_none(), || "expected no `nonce`, got one".to_owned()),
        fail("CheckLogoutTokenHasSubOrSid", claims)
            .holds(named, || "expected `sub` or `sid`, got neither".to_owned()),
    ]
}
