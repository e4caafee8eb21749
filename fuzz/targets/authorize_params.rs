//! Requests to the endpoints of OpenID Connect: no answer goes anywhere but to a registered address.
#![no_main]

use fuzz::{ISSUER, REDIRECT_URI};
use libfuzzer_sys::fuzz_target;
use oidc::authorize::{self, Refusal, code_response_url, error_response_url};
use oidc::logout::{EndSessionRequest, Hint};
use oidc::token::TokenRequest;
use oidc::{Issuer, Params, client_authentication};

fuzz_target!(|data: &[u8]| {
    let issuer: Issuer = ISSUER.parse().unwrap();
    if let Ok(params) = authorize::parse(data) {
        for client in &fuzz::clients() {
            let to = match authorize::check(&params, Some(client), &issuer) {
                Ok(request) => code_response_url(&request, "code", &issuer),
                Err(Refusal::Redirect(refusal)) => error_response_url(&refusal),
                Err(Refusal::Page(_)) => continue,
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
        if let Ok(plan) = request.plan(&Hint::Absent, Some(client), Some("ses"))
            && let Some(to) = plan.redirect
        {
            assert!(to.starts_with("https://app.example/bye"), "{to}");
        }
    }
}
