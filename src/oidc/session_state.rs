//! `session_state`: how an application's page learns that the login in the browser has changed, without asking us.

use base::encoding::hex;
use url::Url;

use crate::client::ClientId;

/// The value that goes with a code: `hash.salt`.
///
/// `browser_state` is the cookie that our page in the application's frame reads; it stands for the login and says nothing about it.
/// Absent for applications without a web origin. Source: OIDC Session Management 1.0, 2 and 3.2.
pub fn value(client_id: &ClientId, redirect_uri: &str, browser_state: &str, salt: &str) -> Option<String> {
    let url = Url::parse(redirect_uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let origin = url.origin().ascii_serialization();
    let text = format!("{client_id} {origin} {browser_state} {salt}");
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    Some(format!("{}.{salt}", hex(digest.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_depends_on_the_login_and_the_origin() {
        let client = "tax-web".parse().unwrap();
        let of = |uri, state| value(&client, uri, state, "s").unwrap();
        let one = of("https://app.example/cb?x=1", "a");
        assert_eq!(one, of("https://app.example/other", "a"), "the path does not count");
        assert_ne!(one, of("https://app.example:444/cb", "a"));
        assert_ne!(one, of("https://app.example/cb", "b"));
        assert!(one.ends_with(".s") && one.len() == 66);
        assert_eq!(value(&client, "cn.gov.app:/cb", "a", "s"), None);
    }
}
