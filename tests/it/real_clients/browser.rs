//! `oidc-client-ts` in Chromium: an application that is nothing but a page of another origin.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

use crate::kit::browser::Browser;
use crate::kit::foreign::Workshop;
use crate::kit::program::Program;

const OIDC_CLIENT_TS: &str = "oidc-client-ts@3.5.0";
const LIBRARY: &str = "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js";

#[tokio::test(flavor = "multi_thread")]
async fn oidc_client_ts_logs_in_renews_and_logs_out() {
    life_of_a_page(&[], false, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidc_client_ts_with_tokens_bound_to_a_key_of_the_browser() {
    // The first proof of each kind comes without the provider's nonce, and browsers complain of every refusal.
    let refused_once =
        ["/oauth2/token - Failed to load resource", "/oauth2/userinfo - Failed to load resource"];
    life_of_a_page(&["--dpop-nonces-required"], true, &refused_once).await;
}

/// The citizen enters, the page renews its tokens in both ways, asks who it is, and the citizen leaves. Of `complaints` the browser's
/// console may tell, and of nothing else.
async fn life_of_a_page(options: &[&str], bound: bool, complaints: &[&str]) {
    let Some(workshop) = Workshop::of_node(&[OIDC_CLIENT_TS]) else { return };
    let Some(browser) = Browser::open("en").await else { return };
    let program = Program::serve_sample_province_with(options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    serve(listener, &workshop, &program, &origin, bound).await;
    let citizen = program.citizen();

    browser.go(&origin).await;
    browser.wait_for("nobody is logged in").await;
    browser.click("#log-in").await;
    browser.wait_for("Password").await;
    for (label, value) in [("User name", &citizen.user_name), ("Password", &citizen.password)] {
        browser.tab_to(label).await;
        browser.press(value.as_str()).await;
    }
    browser.enter().await;
    browser.tab_to("Allow").await;
    browser.enter().await;
    let kind = if bound { "DPoP" } else { "Bearer" };
    browser.wait_for(&format!("logged in ({kind}): {}", citizen.name)).await;

    for (button, words) in [
        ("#renew", "renewed by the refresh token".to_owned()),
        ("#who", format!("userinfo: {}", citizen.name)),
        ("#renew-in-a-frame", "renewed in a frame".to_owned()),
    ] {
        browser.click(button).await;
        browser.wait_for(&words).await;
    }

    browser.click("#log-out").await;
    browser.wait_for("logged out").await;
    browser.click("#log-in").await;
    browser.wait_for("Password").await; // one has to log in again
    browser.close_after(complaints).await;
}

/// Registers the page as an application and serves it.
async fn serve(listener: TcpListener, workshop: &Workshop, program: &Program, origin: &str, bound: bool) {
    let token = program.administrators_token().await;
    let registration = json!({
        "client_name#zh-CN": "网页应用",
        "client_name#en": "Page",
        "token_endpoint_auth_method": "none",
        "redirect_uris": [format!("{origin}/callback")],
        "post_logout_redirect_uris": [format!("{origin}/")],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile offline_access",
        "dpop_bound_access_tokens": bound,
    });
    let registered = program.posts(&token, "/v1/clients", &registration).await;
    let given = json!({ "issuer": program.issuer, "client_id": registered["client_id"], "bound": bound });
    let file = |media_type: &'static str, bytes: Vec<u8>| {
        get(move || async move { ([(CONTENT_TYPE, media_type)], bytes.clone()) })
    };
    let page = file("text/html; charset=utf-8", workshop.file("oidc_client_ts.html"));
    let router = Router::new()
        .route("/", page.clone())
        .route("/callback", page)
        .route("/oidc_client_ts.mjs", file("text/javascript", workshop.file("oidc_client_ts.mjs")))
        .route("/oidc-client-ts.min.js", file("text/javascript", workshop.file(LIBRARY)))
        .route("/given.json", file("application/json", given.to_string().into_bytes()));
    tokio::spawn(async move { axum::serve(listener, router).await });
}
