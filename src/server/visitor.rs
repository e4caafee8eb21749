//! What is known of a request: who, from where, in which language.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{FromRequestParts, OptionalFromRequestParts, Path, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base::{Secret, Timestamp};
use cookie::{Cookie, SameSite};
use flows::caller::Presented;
use flows::dpop::ProofHeader;
use flows::env::Forwarding;
use flows::log_in::LoggedIn;
use flows::sessions::{self, Found, Login};
use flows::{Failure, Rejected, session_state};
use identity::throttle::Network;
use serde::de::DeserializeOwned;

use crate::App;
use crate::certificate::Shown;
use crate::pages::display::DISPLAY_COOKIE;
use crate::pages::{Display, Frame};
use crate::problem::Problem;

const SESSION: &str = "yinxin-session";
const SESSION_STATE: &str = "yinxin-session-state";
const DEVICE: &str = "yinxin-device";
const BROWSER: &str = "yinxin-browser";
const DEVICE_SECONDS: i64 = flows::log_in::DEVICE_KNOWN_SECONDS;

/// The address that a connection came from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The present instant, read once per request.
#[derive(Clone, Copy, Debug)]
pub struct Now(pub Timestamp);

impl FromRequestParts<App> for Now {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self(app.env.now()))
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct FromNetwork(pub Network);

impl FromRequestParts<App> for FromNetwork {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self(network(parts, app)))
    }
}

fn network(parts: &Parts, app: &App) -> Network {
    let peer = parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    Network::of(origin(peer, &parts.headers, &app.env.settings.forwarding))
}

/// Where a request comes from: whoever is connected, or, when that is a proxy that is believed, the nearest address it names that is no
/// such proxy's.
///
/// Each proxy adds the address that it was called from at the end; what stands in front of the first address that is nobody's whom we
/// know was written by whoever sent it, and counts for nothing (RFC 7239, 8.1).
fn origin(peer: IpAddr, headers: &HeaderMap, forwarding: &Forwarding) -> IpAddr {
    let is_proxy = |ip: IpAddr| forwarding.proxies.iter().any(|network| network.contains(ip));
    if !is_proxy(peer) {
        return peer;
    }
    let lines = headers.get_all(&forwarding.header).iter().map(|line| line.to_str().unwrap_or_default());
    let named: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    let mut nearest = peer;
    for name in named.into_iter().rev() {
        let Some(ip) = address(name.trim()) else { return nearest };
        if !is_proxy(ip) {
            return ip;
        }
        nearest = ip;
    }
    nearest
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address(name: &str) -> Option<IpAddr> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.parse().ok().or_else(|| name.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
}

/// The access token in the Authorization header (RFC 6750, 2.1; RFC 9449, 7.1), with what came to prove its key or certificate.
#[derive(Clone, Debug)]
pub struct AccessToken(pub Presented);

impl FromRequestParts<App> for AccessToken {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let Shown(certificate) = Shown::from_request_parts(parts, app).await?;
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let (scheme, token) = value.and_then(|v| v.split_once(' ')).unwrap_or_default();
        let as_bound = scheme.eq_ignore_ascii_case(::oidc::dpop::SCHEME);
        let is_token = as_bound || scheme.eq_ignore_ascii_case("bearer");
        Ok(Self(Presented {
            token: is_token.then(|| token.trim().to_owned()),
            as_bound,
            proof: proof_header(&parts.headers),
            certificate,
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
        }))
    }
}

/// The proof of a key that came with a request (RFC 9449, 4.3, 1).
pub fn proof_header(headers: &HeaderMap) -> ProofHeader {
    let mut values = headers.get_all("dpop").iter();
    match (values.next(), values.next()) {
        (None, _) => ProofHeader::Absent,
        (Some(one), None) => {
            one.to_str().map_or(ProofHeader::Unusable, |proof| ProofHeader::One(proof.to_owned()))
        }
        (Some(_), Some(_)) => ProofHeader::Unusable,
    }
}

/// What the path names, without control characters: no identifier has any, and not every engine can be asked for U+0000.
#[derive(Clone, Debug)]
pub struct Named<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let refused = || {
            let message = "expected a path of percent-encoded UTF-8 without control characters";
            Rejected::bad_request("bad_path", message)
        };
        let raw = RawPathParams::from_request_parts(parts, app).await.map_err(|_| refused())?;
        if raw.iter().any(|(_, value)| value.contains(char::is_control)) {
            return Err(refused().into());
        }
        let Path(named) = <Path<T> as FromRequestParts<App>>::from_request_parts(parts, app)
            .await
            .map_err(|_| refused())?;
        Ok(Self(named))
    }
}

/// A browser in front of a page.
pub struct Visitor {
    /// The present instant.
    pub now: Timestamp,
    /// Who is logged in.
    pub login: Option<Login>,
    /// Who was, in a login that is over by itself.
    left: Option<Login>,
    /// Where it comes from.
    pub network: Network,
    /// The browser, as it names itself.
    pub user_agent: String,
    /// Language and elder mode.
    pub display: Display,
    /// The cookie of this device, from an earlier login.
    pub device: Option<String>,
    /// The cookie that forms are bound to.
    browser: String,
    browser_is_new: bool,
    secure: bool,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let now = app.env.now();
        let secure = app.env.settings.issuer.is_https();
        let cookies = Cookies::read(&parts.headers, secure);
        let found = match cookies.value(SESSION) {
            Some(token) => sessions::find(&app.env, now, &token).await?,
            None => None,
        };
        let (login, left) = match found {
            Some(Found::Live(login)) => (Some(login), None),
            Some(Found::Over(login)) => (None, Some(login)),
            None => (None, None),
        };
        let (browser, browser_is_new) = match cookies.value(BROWSER) {
            Some(browser) => (browser, false),
            None => (base::entropy::token(app.env.entropy.as_ref()), true),
        };
        Ok(Self {
            now,
            login,
            left,
            network: network(parts, app),
            user_agent: text(&parts.headers, header::USER_AGENT).to_owned(),
            display: display(parts, &cookies),
            device: cookies.value(DEVICE),
            browser,
            browser_is_new,
            secure,
        })
    }
}

impl OptionalFromRequestParts<App> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Self::Rejection> {
        Ok(<Self as FromRequestParts<App>>::from_request_parts(parts, app).await.ok())
    }
}

impl Visitor {
    /// The frame of a page shown at `here`.
    pub fn frame(&self, app: &App, here: &str) -> Frame {
        let frame = app.pages.frame(self.display, here);
        match &self.login {
            Some(login) => frame.known_as(&login.account.display_name),
            None => frame,
        }
    }

    /// What a form shown to this browser must carry back.
    pub fn csrf(&self, app: &App) -> String {
        app.env.secrets.form_token(&self.browser)
    }

    /// Refuses a form that was not shown to this browser.
    pub fn check_csrf(&self, app: &App, shown: &str) -> Result<(), Failure> {
        if !self.browser_is_new && app.env.secrets.is_form_token(&self.browser, shown) {
            return Ok(());
        }
        let message = "this form was not shown in this browser, or is too old: load the page again";
        Err(Rejected::forbidden("stale_form", message).into())
    }

    /// The hash of this browser's cookie: what begins here must end here.
    pub fn browser_hash(&self) -> [u8; 32] {
        gm::sm3::hash(self.browser.as_bytes())
    }

    /// The login that this browser is in, or was in last and nobody ended.
    pub fn last_login(&self) -> Option<&Login> {
        self.login.as_ref().or(self.left.as_ref())
    }

    /// Who is logged in, or the refusal.
    pub fn known(&self) -> Result<&Login, Failure> {
        let refused = || Rejected::new(flows::Reason::Unauthenticated, "not_logged_in", "log in first");
        Ok(self.login.as_ref().ok_or_else(refused)?)
    }

    /// Adds the cookies that this browser is to keep.
    pub fn remember(&self, mut response: Response) -> Response {
        if self.browser_is_new {
            self.set(&mut response, BROWSER, &self.browser, None);
        }
        response
    }

    /// Adds the cookies of a login.
    pub fn logged_in(&self, app: &App, mut response: Response, logged_in: &LoggedIn) -> Response {
        self.set(&mut response, SESSION, logged_in.session_token.expose(), None);
        self.set(&mut response, DEVICE, logged_in.device_token.expose(), Some(DEVICE_SECONDS));
        let state = session_state::browser_state(&app.env, logged_in.login.session.id);
        self.set_session_state(&mut response, &state, None);
        response
    }

    /// Adds the cookie under which the login goes on; for applications it is the same login.
    pub fn renewed(&self, mut response: Response, session_token: &Secret<String>) -> Response {
        self.set(&mut response, SESSION, session_token.expose(), None);
        response
    }

    /// Takes the session's cookies away.
    pub fn logged_out(&self, mut response: Response) -> Response {
        self.set(&mut response, SESSION, "", Some(0));
        self.set_session_state(&mut response, "", Some(0));
        response
    }

    /// The one cookie that a script reads, in applications' frames: it says that the login has changed, and nothing else.
    fn set_session_state(&self, response: &mut Response, value: &str, seconds: Option<i64>) {
        let mut cookie = Cookie::new(session_state_cookie(self.secure), value);
        cookie.set_path("/");
        cookie.set_same_site(SameSite::None);
        // Browsers take `SameSite=None` with `Secure` only, which loopback hosts may set without TLS.
        cookie.set_secure(true);
        if let Some(seconds) = seconds {
            cookie.set_max_age(cookie::time::Duration::seconds(seconds));
        }
        append_cookie(response, &cookie);
    }

    fn set(&self, response: &mut Response, name: &str, value: &str, seconds: Option<i64>) {
        let mut cookie = Cookie::new(cookie_name(name, self.secure), value);
        cookie.set_path("/");
        cookie.set_http_only(true);
        cookie.set_same_site(SameSite::Lax);
        cookie.set_secure(self.secure);
        if let Some(seconds) = seconds {
            cookie.set_max_age(cookie::time::Duration::seconds(seconds));
        }
        append_cookie(response, &cookie);
    }
}

/// The name of the cookie that stands for the login towards scripts.
pub fn session_state_cookie(secure: bool) -> String {
    cookie_name(SESSION_STATE, secure)
}

/// Adds a cookie to the answer.
pub fn append_cookie(response: &mut Response, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Over TLS the name carries the promise that only this host over TLS has set it (RFC 6265bis, 4.1.3.2).
fn cookie_name(name: &str, secure: bool) -> String {
    if secure { format!("__Host-{name}") } else { name.to_owned() }
}

struct Cookies {
    pairs: Vec<(String, String)>,
    secure: bool,
}

impl Cookies {
    fn read(headers: &HeaderMap, secure: bool) -> Self {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        let pairs = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
        let pairs = pairs.map(|c| (c.name().to_owned(), c.value().to_owned())).collect();
        Self { pairs, secure }
    }

    fn value(&self, name: &str) -> Option<String> {
        let name = cookie_name(name, self.secure);
        self.pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()).filter(|v| !v.is_empty())
    }
}

fn display(parts: &Parts, cookies: &Cookies) -> Display {
    let chosen = cookies.pairs.iter().find(|(name, _)| name == DISPLAY_COOKIE).map(|(_, v)| v.as_str());
    let query = parts.uri.query().unwrap_or_default();
    let wished = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "ui_locales");
    let accepted = text(&parts.headers, header::ACCEPT_LANGUAGE);
    Display::negotiate(chosen, wished.as_ref().map(|(_, v)| v.as_ref()), Some(accepted))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_from_the_nearest_address_that_no_proxy_of_ours_has() {
        let forwarding = Forwarding {
            proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            header: "x-forwarded-for".to_owned(),
        };
        let from = |peer: &str, lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", HeaderValue::from_static(line));
            }
            origin(peer.parse().unwrap(), &headers, &forwarding).to_string()
        };
        for (peer, lines, origin) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"), // nobody's proxy
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"), // the first was the sender's own
            ("10.0.0.1", &["1.1.1.1", "198.51.100.1 ,10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1", "unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["198.51.100.1,"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            ("fd00::1", &["[2001:db8::7]"], "2001:db8::7"),
            ("fd00::1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("10.0.0.1", &["198.51.100.1:51004"], "198.51.100.1"),
        ] {
            assert_eq!(from(peer, lines), origin, "{peer} {lines:?}");
        }
        assert_eq!(
            super::origin("10.0.0.1".parse().unwrap(), &HeaderMap::new(), &Forwarding::default()).to_string(),
            "10.0.0.1",
            "no proxy is believed until one is named"
        );
    }
}
