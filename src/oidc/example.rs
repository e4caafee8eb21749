//! Three registrations that the tests share.

use crate::client::{AuthMethod, Client, GrantType};
use crate::params::Params;
use crate::redirect_uri::ApplicationType;
use crate::registration::Registration;

pub(crate) const ISSUER: &str = "https://id.fujian.example";
pub(crate) const SECRET: &str = "q3Yk8oKq2m7nTqQ0yqgS0X0nT3l5v6w7x8y9z0A1B2C";
pub(crate) const REDIRECT_URI: &str = "https://app.example/cb?tenant=1";
/// RFC 7636, Appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636, Appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// An application on a server: confidential, code and refresh.
pub(crate) fn web_client() -> Client {
    let registration = Registration {
        name_zh: "税务服务".into(),
        name_en: "Tax service".into(),
        redirect_uris: vec![REDIRECT_URI.into()],
        post_logout_redirect_uris: vec!["https://app.example/bye".into()],
        grant_types: vec!["authorization_code".into(), "refresh_token".into()],
        scope: "openid profile phone offline_access tax:read".into(),
        audiences: vec!["https://api.tax.example".into()],
        ..Registration::default()
    };
    let secret_hash = Some(gm::sm3::hash(SECRET.as_bytes()));
    Client { secret_hash, ..registration.to_client("tax-web").unwrap() }
}

/// An application on a phone: public, redirected to a loopback port.
pub(crate) fn native_client() -> Client {
    Client {
        id: "fujian-app".parse().unwrap(),
        application_type: ApplicationType::Native,
        auth_method: AuthMethod::None,
        secret_hash: None,
        redirect_uris: vec!["http://127.0.0.1/cb".into(), "cn.gov.fujian.app:/cb".into()],
        ..web_client()
    }
}

/// A department's batch job: its own tokens only.
pub(crate) fn machine_client() -> Client {
    Client {
        id: "tax-batch".parse().unwrap(),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        grant_types: vec![GrantType::ClientCredentials],
        scopes: "tax:read tax:write".parse().unwrap(),
        ..web_client()
    }
}

/// The parameters `pairs`, through the wire form.
pub(crate) fn params(pairs: &[(&str, &str)]) -> Params {
    Params::parse(query(pairs).as_bytes()).unwrap()
}

/// `pairs` in wire form.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let mut url = String::from("?");
    for (name, value) in pairs {
        crate::params::append(&mut url, name, value);
    }
    url.split_off(1)
}
