//! A browser's cookies (RFC 6265).

use cookie::Cookie;
use http::HeaderMap;
use url::Url;

/// The cookies of one person's browser. Loopback counts as a secure place, as it does in browsers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jar(Vec<Kept>);

/// A cookie as it is kept (RFC 6265, 5.3).
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) value: String,
    /// The host, or the domain that its subdomains share.
    pub(crate) domain: String,
    host_only: bool,
    pub(crate) path: String,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: Option<cookie::SameSite>,
}

impl Jar {
    /// Takes the cookies of an answer from `url`.
    pub(crate) fn take(&mut self, url: &Url, headers: &HeaderMap) {
        for header in headers.get_all("set-cookie") {
            let parsed = header.to_str().ok().and_then(|text| Cookie::parse(text.to_owned()).ok());
            if let Some(cookie) = parsed {
                self.put(url, &cookie);
            }
        }
    }

    fn put(&mut self, url: &Url, cookie: &Cookie<'_>) {
        let host = url.host_str().unwrap_or_default();
        let domain = cookie.domain().map(|d| d.trim_start_matches('.').to_ascii_lowercase());
        if domain.as_ref().is_some_and(|domain| !within_domain(host, domain)) {
            return;
        }
        let kept = Kept {
            name: cookie.name().to_owned(),
            value: cookie.value().to_owned(),
            host_only: domain.is_none(),
            domain: domain.unwrap_or_else(|| host.to_owned()),
            path: cookie
                .path()
                .filter(|p| p.starts_with('/'))
                .map_or_else(|| default_path(url), str::to_owned),
            secure: cookie.secure().unwrap_or(false),
            http_only: cookie.http_only().unwrap_or(false),
            same_site: cookie.same_site(),
        };
        self.0.retain(|k| (&k.name, &k.domain, &k.path) != (&kept.name, &kept.domain, &kept.path));
        if !expired(cookie) {
            self.0.push(kept);
        }
    }

    /// The `Cookie` header for `url` (RFC 6265, 5.4): longer paths first.
    pub(crate) fn header(&self, url: &Url) -> Option<String> {
        let mut sent: Vec<&Kept> = self.0.iter().filter(|kept| kept.belongs_to(url)).collect();
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<String> = sent.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Every cookie, for another browser.
    pub(crate) fn all(&self) -> &[Kept] {
        &self.0
    }
}

impl Kept {
    fn belongs_to(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let right_host = if self.host_only { host == self.domain } else { within_domain(host, &self.domain) };
        right_host && self.covers(url.path()) && (!self.secure || url.scheme() == "https" || is_loopback(url))
    }

    /// RFC 6265, 5.1.4.
    fn covers(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(self.path.as_str()) else { return false };
        rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/')
    }
}

/// Whether the address is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn within_domain(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// RFC 6265, 5.1.4: the path up to its last slash.
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    }
}

/// Whether a server takes the cookie back: it does so with a lifetime of nothing or a day of 1970.
fn expired(cookie: &Cookie<'_>) -> bool {
    let no_age = cookie.max_age().is_some_and(|age| age.whole_seconds() <= 0);
    no_age || cookie.expires_datetime().is_some_and(|at| at.unix_timestamp() <= 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn set(jar: &mut Jar, from: &str, cookie: &str) {
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", cookie.parse().unwrap());
        jar.take(&url(from), &headers);
    }

    #[test]
    fn cookies_go_back_to_where_they_came_from() {
        let mut jar = Jar::default();
        set(&mut jar, "http://localhost:3000/op/login", "sid=1; Path=/; Secure; HttpOnly");
        set(&mut jar, "http://localhost:3000/op/login", "flow=2");
        assert_eq!(jar.header(&url("http://localhost:3000/op/x")).as_deref(), Some("flow=2; sid=1"));
        assert_eq!(jar.header(&url("http://localhost:3000/opera")).as_deref(), Some("sid=1"));
        assert_eq!(jar.header(&url("http://other.example/op/x")), None);
        set(&mut jar, "http://localhost:3000/", "sid=; Path=/; Max-Age=0");
        set(&mut jar, "http://localhost:3000/op/a", "flow=; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(jar.header(&url("http://localhost:3000/op/x")), None);
    }
}
