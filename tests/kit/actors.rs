//! Who acts in a story: people at their browsers, and applications.

use base::{Secret, Timestamp};
use flows::caller::Authority;
use flows::clients::{self, Registration};
use flows::people::{self, NewAccount, Post};
use flows::self_description::SelfDescription;
use identity::RealNameLevel;
use jose::{Algorithm, Audience, Expect, Jwks, KeySet, Type, Verified};
use oidc::pkce::CodeVerifier;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Url};
use serde_json::Value;
use url::form_urlencoded::Serializer;
use yinxin::browser::{Browser, Page};
use yinxin::demo::SamplePerson;

use super::app::TestApp;

/// Somebody of the sample province at a browser.
pub(crate) struct Person<'a> {
    pub(crate) sample: &'a SamplePerson,
    pub(crate) browser: Browser,
}

impl TestApp {
    /// The person called `user_name` at a browser of their own.
    pub(crate) fn person(&self, user_name: &str) -> Person<'_> {
        let sample = self.sample.person(user_name).unwrap_or_else(|| panic!("no `{user_name}`"));
        Person { sample, browser: self.browser() }
    }

    /// The application of the sample province with the short name `name`.
    pub(crate) fn application(&self, name: &str) -> Application {
        let sample = self.sample.application(name).unwrap_or_else(|| panic!("no `{name}`"));
        Application::new(self, &sample.client_id, &sample.client_secret, sample.redirect_uris.first())
    }

    /// The application that knows itself by `client_id` and `client_secret`.
    pub(crate) fn application_known_as(
        &self,
        client_id: &str,
        client_secret: &str,
        redirect_uri: &str,
    ) -> Application {
        Application::new(self, client_id, client_secret, Some(&redirect_uri.to_owned()))
    }

    /// A new official of `unit` with `roles`, at a browser of their own.
    pub(crate) async fn official(&self, user_name: &str, unit: &str, roles: &[&str]) -> Person<'static> {
        let password = format!("the-house-of-{user_name}");
        let account = NewAccount {
            user_name: user_name.to_owned(),
            display_name: format!("官员 {user_name}"),
            password: Secret::new(password.clone()),
            id_number: None,
            real_name: RealNameLevel::Unverified,
            description: SelfDescription::default(),
        };
        let post = Post {
            unit: self.sample.units[unit],
            name: "科员".to_owned(),
            clearance: 1,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        let made = people::add_person(self.env(), self.now(), Authority::Operator, account, Some(post), true);
        let id = made.await.unwrap_or_else(|failure| panic!("{failure:?}"));
        let sample = SamplePerson {
            id,
            user_name: user_name.to_owned(),
            password,
            name: format!("官员 {user_name}"),
            kind: "official".to_owned(),
            role: String::new(),
            id_number: None,
            clearance: Some(1),
        };
        // As long as the test, which is over soon.
        Person { sample: Box::leak(Box::new(sample)), browser: self.browser() }
    }

    /// As [`Self::official`], logged in.
    pub(crate) async fn official_logged_in(
        &self,
        user_name: &str,
        unit: &str,
        roles: &[&str],
    ) -> Person<'static> {
        let official = self.official(user_name, unit, roles).await;
        official.logs_in().await;
        official
    }

    /// A new application, registered by the operator with these members (RFC 7591, 2) and a name.
    pub(crate) async fn registers(&self, members: Value) -> Application {
        self.registers_as("新应用", members).await
    }

    /// As [`Self::registers`], under this Chinese name.
    pub(crate) async fn registers_as(&self, name: &str, mut members: Value) -> Application {
        members["client_name#zh-CN"] = name.into();
        members["client_name#en"] = "New application".into();
        let registration: Registration = serde_json::from_value(members).unwrap();
        let registered =
            clients::register(self.env(), self.now(), Authority::Operator, &registration, true).await;
        let registered = registered.unwrap_or_else(|failure| panic!("{failure:?}"));
        let secret = registered.secret.map(|secret| secret.expose().clone()).unwrap_or_default();
        Application::new(self, registered.client.id.as_str(), &secret, registration.redirect_uris.first())
    }

    /// An access token with `scope` that `user_name` lets the portal have.
    pub(crate) async fn token_of(&self, user_name: &str, scope: &str) -> String {
        self.application("portal").admits(&self.person(user_name), scope).await.access
    }

    /// The access token of the machine that the sample has for all that machines do.
    pub(crate) async fn machine_token(&self) -> String {
        let answer = self.application("system").asks(&[("grant_type", "client_credentials")]).await;
        answer.tokens().access
    }
}

impl Person<'_> {
    /// The same person at `browser`.
    pub(crate) fn at(self, browser: Browser) -> Self {
        Self { browser, ..self }
    }

    pub(crate) async fn opens(&self, path: &str) -> Page {
        self.browser.open(path).await.unwrap()
    }

    pub(crate) async fn submits(&self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        self.browser.submit(page, action, fields).await.unwrap()
    }

    /// Name and password, as the login form asks for them.
    pub(crate) fn credentials(&self) -> [(&str, &str); 2] {
        [("username", &self.sample.user_name), ("password", &self.sample.password)]
    }

    /// Types name and password into the login form of `page`.
    pub(crate) async fn enters(&self, page: &Page) -> Page {
        self.submits(page, "/login", &self.credentials()).await
    }

    /// Types the right password at our own login page.
    pub(crate) async fn logs_in(&self) {
        let done = self.enters(&self.opens("/login").await).await;
        assert_eq!(
            (done.status.as_u16(), done.location.as_deref()),
            (303, Some("/account")),
            "{}",
            done.text
        );
    }

    /// Types `password` at our own login page; what comes then.
    pub(crate) async fn tries(&self, password: &str) -> Page {
        self.tries_as(&self.sample.user_name, password).await
    }

    /// Types `user_name` and `password` at our own login page; what comes then.
    pub(crate) async fn tries_as(&self, user_name: &str, password: &str) -> Page {
        let page = self.opens("/login").await;
        self.submits(&page, "/login", &[("username", user_name), ("password", password)]).await
    }

    /// Follows `request` to its answer: logs in and consents where asked.
    pub(crate) async fn authorizes(&self, request: &Request) -> Returned {
        self.authorizes_in_pages(request).await.0
    }

    /// As [`Self::authorizes`]; and how many pages there were.
    pub(crate) async fn authorizes_in_pages(&self, request: &Request) -> (Returned, u32) {
        let (user_name, password) = (&self.sample.user_name, Some(self.sample.password.as_str()));
        let (url, pages) = self.browser.authorize(&request.path(), user_name, password).await.unwrap();
        (Returned(url), pages)
    }
}

/// Where the browser is sent in the end, at the application.
#[derive(Debug)]
pub(crate) struct Returned(pub(crate) Url);

impl Returned {
    /// The answer that `page` redirects to.
    pub(crate) fn by(page: &Page) -> Self {
        let location = page.location.as_deref();
        let location = location.unwrap_or_else(|| panic!("{}", page.unexpected("a redirect")));
        Self(Url::parse(location).unwrap_or_else(|error| panic!("{location}: {error}")))
    }

    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let mut values = self.0.query_pairs().filter(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        let value = values.next();
        assert_eq!(values.next(), None, "`{name}` once: {}", self.0);
        value
    }

    pub(crate) fn code(&self) -> String {
        self.value("code").unwrap_or_else(|| panic!("expected a code, got {}", self.0))
    }

    pub(crate) fn error(&self) -> String {
        assert_eq!(self.value("code"), None, "no code beside an error");
        self.value("error").unwrap_or_else(|| panic!("expected an error, got {}", self.0))
    }
}

/// An authorization request.
#[derive(Clone, Debug)]
pub(crate) struct Request(Vec<(String, String)>);

impl Request {
    /// With `value` for `name`, and no other.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// With one more `name`.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(n, _)| n != name);
        self
    }

    /// Form-encoded.
    pub(crate) fn encoded(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    pub(crate) fn path(&self) -> String {
        format!("/oauth2/authorize?{}", self.encoded())
    }
}

/// An application: the part of it that talks to the provider.
pub(crate) struct Application {
    issuer: String,
    http: reqwest::Client,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) redirect_uri: String,
    verifier: String,
}

/// What applications send as `state` unless a story says otherwise.
pub(crate) const STATE: &str = "af0ifjsldkj";
/// What applications send as `nonce` unless a story says otherwise.
pub(crate) const NONCE: &str = "n-0S6_WzA2Mj";

impl Application {
    fn new(app: &TestApp, client_id: &str, client_secret: &str, redirect_uri: Option<&String>) -> Self {
        Self {
            issuer: app.issuer.clone(),
            http: app.http(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            redirect_uri: redirect_uri.cloned().unwrap_or_default(),
            verifier: base::entropy::token(&base::OsEntropy),
        }
    }

    /// An authorization request for `scope`, as it should be.
    pub(crate) fn requests(&self, scope: &str) -> Request {
        let verifier: CodeVerifier = self.verifier.parse().expect("43 characters");
        let challenge = verifier.challenge();
        let usual = [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", scope),
            ("state", STATE),
            ("nonce", NONCE),
            ("code_challenge_method", "S256"),
            ("code_challenge", challenge.as_str()),
        ];
        Request(usual.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    /// The whole way: `person` logs in and consents where asked, and the code becomes tokens.
    pub(crate) async fn admits(&self, person: &Person<'_>, scope: &str) -> Tokens {
        let returned = person.authorizes(&self.requests(scope)).await;
        self.redeems(&returned.code()).await.tokens()
    }

    /// The parameters that redeem `code`.
    pub(crate) fn redemption<'a>(&'a self, code: &'a str) -> [(&'a str, &'a str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &self.verifier),
        ]
    }

    pub(crate) async fn redeems(&self, code: &str) -> Answer {
        self.asks(&self.redemption(code)).await
    }

    pub(crate) async fn refreshes(&self, refresh_token: &str) -> Answer {
        self.asks(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    /// Asks the token endpoint, with the secret in the Authorization header.
    pub(crate) async fn asks(&self, form: &[(&str, &str)]) -> Answer {
        let request = self.token_request().basic_auth(&self.client_id, Some(&self.client_secret));
        Answer::to(request.form(form)).await
    }

    /// A request to the token endpoint with nothing in it.
    pub(crate) fn token_request(&self) -> RequestBuilder {
        self.request("/oauth2/token")
    }

    /// A POST request to `path` with nothing in it.
    pub(crate) fn request(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.issuer))
    }

    pub(crate) async fn user_info(&self, access_token: &str) -> Answer {
        let request = self.http.get(format!("{}/oauth2/userinfo", self.issuer));
        Answer::to(request.bearer_auth(access_token)).await
    }

    /// Verifies an ID token for this application with the published keys alone.
    pub(crate) async fn verifies(&self, id_token: &str, algorithm: Algorithm, now: Timestamp) -> Verified {
        let keys = if algorithm.is_national() { "jwks-sm" } else { "jwks" };
        let response = self.http.get(format!("{}/oauth2/{keys}", self.issuer)).send().await.unwrap();
        let jwks = Jwks::from_json(&response.bytes().await.unwrap()).unwrap();
        let expect = Expect {
            typ: Type::Plain,
            issuer: &self.issuer,
            audience: Audience::Includes(&self.client_id),
            now,
            leeway_seconds: 0,
            ahead_seconds: 0,
            algorithms: &[algorithm],
        };
        let verified = KeySet::from_jwks(&jwks).unwrap().verify(id_token, &expect);
        verified.unwrap_or_else(|rejected| panic!("{}: {id_token}", rejected.reason()))
    }
}

/// What an endpoint answers, in JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// What comes to `request`.
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        let told = || String::from_utf8_lossy(&body).into_owned();
        let body = serde_json::from_slice(&body).unwrap_or_else(|e| panic!("{status}, {e}: {}", told()));
        Self { status, headers, body }
    }

    /// The member `name`, which is a text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("expected `{name}`: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("expected `{name}`: {self:?}")).to_str().unwrap()
    }

    /// The tokens in a good answer of the token endpoint.
    pub(crate) fn tokens(&self) -> Tokens {
        assert_eq!(self.status, 200, "{self:?}");
        let text = |name: &str| self.body[name].as_str().map(str::to_owned);
        Tokens {
            access: text("access_token").expect("an access token"),
            id: text("id_token"),
            refresh: text("refresh_token"),
            scope: text("scope").unwrap_or_default(),
        }
    }

    /// The token endpoint refused with `error` (RFC 6749, 5.2), for a reason that has `why` in it.
    pub(crate) fn assert_refused(&self, status: u16, error: &str, why: &str) {
        assert_eq!((self.status, self.text("error")), (status, error), "{self:?}");
        assert!(self.text("error_description").contains(why), "expected `{why}`: {self:?}");
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(self.body.get("access_token").is_none(), "{self:?}");
    }

    /// An API refused with the problem `code` (RFC 9457), for a reason that has `why` in it.
    pub(crate) fn assert_problem(&self, status: u16, code: &str, why: &str) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!((self.status, self.text("code")), (status, code), "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert!(self.text("detail").contains(why), "expected `{why}`: {self:?}");
    }
}

/// What an application gets.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) id: Option<String>,
    pub(crate) refresh: Option<String>,
    pub(crate) scope: String,
}

impl Tokens {
    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().expect("an ID token")
    }

    pub(crate) fn refresh(&self) -> &str {
        self.refresh.as_deref().expect("a refresh token")
    }
}

/// The person is shown a page with `status` and `words`, and is sent nowhere.
#[track_caller]
pub(crate) fn assert_shown(page: &Page, status: u16, words: &str) {
    assert_eq!(page.status.as_u16(), status, "{}", page.unexpected(words));
    assert_eq!(page.location, None, "{} leads elsewhere", page.url);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8", "{}", page.url);
    assert!(page.text.contains(words), "{}", page.unexpected(words));
}

/// The value that `page` gives the cookie `name`, if it gives one.
pub(crate) fn cookie(page: &Page, name: &str) -> Option<String> {
    let lines = page.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')?.split(';').next());
    let values: Vec<_> = values.collect();
    assert!(values.len() < 2, "`{name}` once: {values:?}");
    values.first().map(|value| (*value).to_owned())
}

/// What a token says, unverified.
pub(crate) fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).and_then(base::encoding::from_base64url).expect("a token");
    serde_json::from_slice(&payload).unwrap()
}
