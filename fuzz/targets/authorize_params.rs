//! Requests to the endpoints of OpenID Connect: no answer goes anywhere but to a registered address.
#![no_main]

use fuzz::{ISSUER, REDIRECT_URI};
use libfuzzer_sys::fuzz_target;
use oidc::authorize::{self, AuthorizationResponse, Delivery, Refusal, Via};
use oidc::logout::{Current, EndSessionRequest, Hint};
use oidc::token::TokenRequest;
use oidc::{Issuer, Params, client_authentication};

fuzz_target!(|data: &[u8]| {
    let issuer: Issuer = ISSUER.parse().unwrap();
    if let Ok(params) = authorize::parse(data) {
        for client in &fuzz::clients() {
            let response = match authorize::check(&params, Some(client), Via::default(), &issuer) {
                Ok(request) => AuthorizationResponse::code(&request, "code".to_owned(), None, &issuer),
                Err(Refusal::Redirect(refusal)) => AuthorizationResponse::error(&refusal),
                Err(Refusal::Page(_)) => continue,
            };
            let to = match response.deliver() {
                Delivery::Redirect(url) => url,
                Delivery::Form { action, .. } if action.contains('?') => action + "&",
                Delivery::Form { action, .. } => action + "?",
            };
            assert!(is_registered(&to), "{to}");
        }
    }
    let _ = client_authentication::parse(Some(data), &Params::default());
    if let Ok(params) = Params::parse(data) {
        rest(&params);
    }
});

fn is_registered(to: &str) -> bool {
    let on_loopback = to.strip_prefix("http://127.0.0.1").is_some_and(|rest| {
        let path = rest.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit());
        path.starts_with("/cb?")
    });
    to.starts_with(&format!("{REDIRECT_URI}&")) || to.starts_with("cn.gov.fujian.app:/cb?") || on_loopback
}

fn rest(params: &Params) {
    let _ = client_authentication::parse(None, params)
        .map(|shown| client_authentication::check(None, &shown).is_err());
    for client in &fuzz::clients() {
        let _ = TokenRequest::parse(params, client).is_ok();
        let request = EndSessionRequest::parse(params);
        if let Ok(plan) =
            request.plan(&Hint::Absent, Some(client), Some(Current { session: "ses", subject: "usr" }))
            && let Some(to) = plan.redirect
        {
            assert!(to.starts_with("https://app.example/bye"), "{to}");
        }
    }
}
