//! Which redirect URIs may be registered, and when a received one is the same.

use url::{Host, Url};

/// Longest redirect URI, in bytes.
pub const REDIRECT_URI_MAX_BYTES: usize = 2_048;
/// Most redirect URIs that one refusal names.
const LISTED_MAX_COUNT: usize = 4;

/// What kind of application registered (OIDC Dynamic Registration 1.0, 2, `application_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// Runs on a server or in a browser.
    Web,
    /// Installed on a person's device (RFC 8252).
    Native,
}

/// Why a redirect URI cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRedirectUri {
    /// It is longer than [`REDIRECT_URI_MAX_BYTES`].
    #[error("expected a redirect URI of at most {REDIRECT_URI_MAX_BYTES} bytes, got {0}")]
    TooLong(usize),
    /// It is not an absolute URL.
    #[error("expected an absolute URL like `https://app.example/callback`, got `{0}`")]
    NotAUrl(String),
    /// The scheme would run script, read files or travel in clear text.
    #[error(
        "expected https, http on a loopback address, or (native applications) a scheme with a dot like `com.example.app`, got `{0}`"
    )]
    Scheme(String),
    /// It has a fragment (RFC 6749, 3.1.2).
    #[error("expected no fragment, got `{0}`")]
    Fragment(String),
    /// It has a user name or password, which hides the real host from readers.
    #[error("expected no user name in front of the host, got `{0}`")]
    UserInfo(String),
    /// It has a wildcard, which is never matched.
    #[error("expected an exact URI without `*`, got `{0}`")]
    Wildcard(String),
    /// A browser would change it, so that what is compared is not where the browser goes.
    #[error("expected the URL's normal form `{expected}`, got `{got}`")]
    NotNormal {
        /// The normal form.
        expected: String,
        /// What came.
        got: String,
    },
}

/// Whether `text` may be registered as a redirect URI by an application of this kind.
///
/// Absolute, in the URL Standard's normal form, no fragment, no user information, no wildcard; `https`, or `http` on a
/// loopback host, or for native applications a private-use scheme with a dot.
/// Source: RFC 6749, 3.1.2; RFC 8252, 7.1 and 7.3; RFC 9700, 2.1.
pub fn check_registration(text: &str, kind: ApplicationType) -> Result<(), BadRedirectUri> {
    if text.len() > REDIRECT_URI_MAX_BYTES {
        return Err(BadRedirectUri::TooLong(text.len()));
    }
    let got = || text.to_owned();
    let url = Url::parse(text).map_err(|_| BadRedirectUri::NotAUrl(got()))?;
    if !scheme_is_allowed(&url, kind) {
        return Err(BadRedirectUri::Scheme(got()));
    }
    if text.contains('#') {
        return Err(BadRedirectUri::Fragment(got()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadRedirectUri::UserInfo(got()));
    }
    if text.contains('*') {
        return Err(BadRedirectUri::Wildcard(got()));
    }
    // `https://app.example` is the same to every browser as the normal form with its slash.
    if url.as_str() != text && url.as_str().strip_suffix('/') != Some(text) {
        return Err(BadRedirectUri::NotNormal { expected: url.into(), got: got() });
    }
    Ok(())
}

/// Whether `received` is the registered URI: the same string, or for native applications the same string but for the
/// port of a loopback IP address.
///
/// Source: RFC 9700, 4.1.3 (exact string matching); RFC 8252, 7.3 (the port may vary; 8.3: not for `localhost`).
pub fn is_same(registered: &str, received: &str, kind: ApplicationType) -> bool {
    registered == received
        || (kind == ApplicationType::Native
            && match (split_loopback_port(registered), split_loopback_port(received)) {
                (Some(registered), Some(received)) => registered == received,
                _ => false,
            })
}

/// `uris` for developers to compare with, the first few.
pub(crate) fn listed(uris: &[String]) -> String {
    let shown: Vec<String> = uris.iter().take(LISTED_MAX_COUNT).map(|uri| format!("`{uri}`")).collect();
    match uris.len().saturating_sub(shown.len()) {
        _ if uris.is_empty() => "none".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whether `url` may be called or loaded: https, or http on this machine.
pub fn is_https_or_loopback(url: &Url) -> bool {
    url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
}

/// Whether the host of `url` is this machine: `localhost`, 127.0.0.0/8 or `::1`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn scheme_is_allowed(url: &Url, kind: ApplicationType) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        private => kind == ApplicationType::Native && private.contains('.'),
    }
}

/// `http://127.0.0.1:51004/cb` as (`http://127.0.0.1`, `/cb`); `None` when the URI is not of that shape.
fn split_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let origin = ["http://127.0.0.1", "http://[::1]"].into_iter().find(|origin| uri.starts_with(origin))?;
    let rest = uri.strip_prefix(origin)?;
    let path = match rest.strip_prefix(':') {
        Some(with_port) => {
            let path = with_port.trim_start_matches(|c: char| c.is_ascii_digit());
            let port = with_port.strip_suffix(path)?;
            port.parse::<u16>().ok().filter(|port| *port != 0)?;
            path
        }
        None => rest,
    };
    (path.is_empty() || path.starts_with(['/', '?'])).then_some((origin, path))
}

#[cfg(test)]
mod tests {
    use super::ApplicationType::{Native, Web};
    use super::*;

    #[test]
    fn exact_https_and_loopback_uris_may_be_registered() {
        for good in [
            "https://app.example/cb",
            "https://app.example",
            "https://app.example/cb?tenant=1",
            "http://localhost:3000/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:9/cb",
        ] {
            assert_eq!(check_registration(good, Web), Ok(()), "{good}");
        }
        assert_eq!(check_registration("com.example.app:/cb", Native), Ok(()));
        assert!(check_registration("com.example.app:/cb", Web).is_err());
    }

    #[test]
    fn what_would_run_script_or_go_elsewhere_may_not() {
        use BadRedirectUri as Bad;
        let refused = |uri: &str| check_registration(uri, Native).unwrap_err();
        for scheme in [
            "JAVASCRIPT:alert(1)",
            "javascript://app.example/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "http://app.example/cb",
            "http://localhost.evil.example/cb",
            "myapp:/cb",
        ] {
            assert!(matches!(refused(scheme), Bad::Scheme(_)), "{scheme}");
        }
        assert!(matches!(refused("https://app.example/cb#x"), Bad::Fragment(_)));
        assert!(matches!(refused("https://app.example/cb#"), Bad::Fragment(_)));
        assert!(matches!(refused("https://app.example@evil.example/cb"), Bad::UserInfo(_)));
        assert!(matches!(refused("https://*.app.example/cb"), Bad::NotAUrl(_) | Bad::Wildcard(_)));
        assert!(matches!(refused("https://app.example/*"), Bad::Wildcard(_)));
        assert!(matches!(refused("/cb"), Bad::NotAUrl(_)));
        assert!(matches!(refused(&format!("https://app.example/{}", "x".repeat(3_000))), Bad::TooLong(_)));
        for changed in [
            "https://APP.example/cb",
            "https://app.example:443/cb",
            "https://app.example/a/../cb",
            "https://app.example/a/%2e%2e/cb",
            "https:\\\\app.example\\cb",
            "https://app.example/c\tb",
            " https://app.example/cb",
            "https://例子.example/cb",
        ] {
            assert!(matches!(refused(changed), Bad::NotNormal { .. }), "{changed}");
        }
    }

    /// The redirect lines of the advisories that other providers had to publish (CVE-2024-8883, CVE-2026-7504,
    /// CVE-2026-3872, CVE-2026-9086): prefix of localhost, user information, `..;/`, schemes in other case.
    #[test]
    fn nothing_but_the_registered_string_is_the_same() {
        let registered = "https://app.example/cb";
        for other in [
            "https://app.example/cb/",
            "https://app.example/cb/../evil",
            "https://app.example/cb/..;/evil",
            "https://app.example/cb?next=https://evil.example",
            "https://app.example/CB",
            "HTTPS://app.example/cb",
            "https://app.example:443/cb",
            "https://app.example@evil.example/cb",
            "https://app.example%40evil.example/cb",
            "https://app.example.evil.example/cb",
            "https://app.example/cb#",
            "https://app.example/cb%00",
            "http://app.example/cb",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "",
        ] {
            assert!(!is_same(registered, other, Web), "{other}");
            assert!(!is_same(registered, other, Native), "{other}");
        }
        assert!(is_same(registered, registered, Web));
    }

    #[test]
    fn only_the_port_of_a_loopback_address_may_vary_and_only_for_native_applications() {
        let registered = "http://127.0.0.1/cb";
        for same in ["http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://127.0.0.1/cb"] {
            assert!(is_same(registered, same, Native), "{same}");
        }
        assert!(is_same("http://[::1]:8/cb?a=b", "http://[::1]:51004/cb?a=b", Native));
        assert!(!is_same(registered, "http://127.0.0.1:1/cb", Web), "a web application's port is fixed");
        for other in [
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:1/evil",
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.1:1.evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost:1/cb",
            "http://[::1]:1/cb",
            "https://127.0.0.1:1/cb",
        ] {
            assert!(!is_same(registered, other, Native), "{other}");
        }
        assert!(!is_same("http://localhost/cb", "http://localhost:1/cb", Native), "a name is not an address");
        assert!(!is_same("http://localhost/cb", "http://localhost.evil.example/cb", Native));
    }
}
