//! Requests whose answer may never come, and the person at a browser.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use oidc::pkce::CodeVerifier;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode};
use serde_json::Value;
use url::Url;
use yinxin::browser::{Browser, BrowserError, Page};
use yinxin::demo::{Sample, SampleApplication, SamplePerson};

/// More than any login shows.
const STEPS_MAX_COUNT: usize = 12;
/// How much of an answer a failed story shows.
const SHOWN_MAX_CHARS: usize = 1000;

/// Why there is no good answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// None came, or half of one: nobody knows what was done.
    Silent(reqwest::Error),
    /// One came, with another status than the good one.
    Refused(Box<Answer>),
    /// One came that must not.
    Unexpected(String),
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        Self::Silent(error)
    }
}

impl From<BrowserError> for Broken {
    fn from(error: BrowserError) -> Self {
        match error {
            BrowserError::Http(error) => Self::Silent(error),
            BrowserError::Unexpected(what) => Self::Unexpected(what),
        }
    }
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Sends `request` and waits for the last byte of the answer.
    pub(crate) async fn to(request: RequestBuilder) -> Result<Self, Broken> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await?.to_vec() })
    }

    /// This answer, when its status is `expected`.
    pub(crate) fn with(self, expected: u16) -> Result<Self, Broken> {
        if self.status.as_u16() == expected { Ok(self) } else { Err(Broken::Refused(Box::new(self))) }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }
}

impl From<Page> for Answer {
    fn from(page: Page) -> Self {
        Self { status: page.status, headers: page.headers, body: page.text.into_bytes() }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.text().chars().take(SHOWN_MAX_CHARS).collect();
        write!(f, "{}: {text}", self.status)
    }
}

/// What everyone who works with the program knows.
pub(crate) struct World {
    pub(crate) issuer: String,
    pub(crate) sample: Sample,
    /// The access token of the sample's system, which seals, issues and asks for decisions.
    pub(crate) token: String,
    http: Client,
}

impl World {
    /// Enters: fetches the system's token, which costs the program no write.
    pub(crate) async fn enter(issuer: String, sample: Sample) -> Self {
        let http = client_from(Ipv4Addr::LOCALHOST).build().unwrap();
        let mut world = Self { issuer, sample, token: String::new(), http };
        let form = [("grant_type", "client_credentials")];
        let answer =
            world.token_request(world.application("system"), &form).await.unwrap().with(200).unwrap();
        world.token = answer.json()["access_token"].as_str().expect("a token").to_owned();
        world
    }

    pub(crate) fn application(&self, name: &str) -> &SampleApplication {
        self.sample.application(name).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    /// As the system.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(self.url(path)).bearer_auth(&self.token)
    }

    pub(crate) async fn token_request(
        &self,
        application: &SampleApplication,
        form: &[(&str, &str)],
    ) -> Result<Answer, Broken> {
        let request = self.http.post(self.url("/oauth2/token")).form(form);
        Answer::to(request.basic_auth(&application.client_id, Some(&application.client_secret))).await
    }

    /// The address that starts a login for the application; what its code is bound to.
    pub(crate) fn login_address(&self, application: &SampleApplication) -> (Url, String) {
        let verifier = base::entropy::token(&base::OsEntropy);
        let challenge = verifier.parse::<CodeVerifier>().unwrap().challenge();
        let parameters = [
            ("response_type", "code"),
            ("client_id", &application.client_id),
            ("redirect_uri", &application.redirect_uris[0]),
            ("scope", "openid profile"),
            ("code_challenge_method", "S256"),
            ("code_challenge", challenge.as_str()),
        ];
        let address = Url::parse_with_params(&self.url("/oauth2/authorize"), parameters).unwrap();
        (address, verifier)
    }
}

/// Somebody at a browser of their own, in a network of their own: nobody else's failed logins slow theirs.
pub(crate) struct Person {
    browser: Browser,
    user_name: String,
    password: String,
    /// The program has answered a right password with a session.
    pub(crate) is_logged_in: bool,
    /// Comes again after each kill.
    pub(crate) is_regular: bool,
}

impl Person {
    pub(crate) fn new(world: &World, person: &SamplePerson, network: u8) -> Self {
        let client = client_from(Ipv4Addr::new(127, 0, 1, network)).cookie_store(true);
        Self {
            browser: Browser::over(client, &world.issuer).unwrap(),
            user_name: person.user_name.clone(),
            password: person.password.clone(),
            is_logged_in: false,
            is_regular: false,
        }
    }

    /// The same, as a regular.
    pub(crate) fn who_comes_again(self) -> Self {
        Self { is_regular: true, ..self }
    }

    /// Goes to `address`, logs in and consents where asked, and returns the code that comes to the application.
    ///
    /// To be asked for the password again is a broken promise once a login was acknowledged.
    pub(crate) async fn code_at(
        &mut self,
        address: Url,
        application: &SampleApplication,
    ) -> Result<String, Broken> {
        let mut page = self.browser.open(address.as_str()).await?;
        for _ in 0..STEPS_MAX_COUNT {
            page = match page.location.as_deref() {
                Some(location) if location.starts_with(&application.redirect_uris[0]) => {
                    return code_in(location);
                }
                Some(location) => self.browser.open(location).await?,
                None if page.status != 200 => return Err(Broken::Refused(Box::new(page.into()))),
                None if page.text.contains("action=\"/login\"") => self.log_in(&page).await?,
                None => self.browser.submit(&page, "/consent", &[("decision", "allow")]).await?,
            };
        }
        Err(Broken::Unexpected(page.unexpected("a code after a few pages").to_string()))
    }

    async fn log_in(&mut self, page: &Page) -> Result<Page, Broken> {
        if self.is_logged_in {
            return Err(Broken::Unexpected(format!("the acknowledged login of {} is gone", self.user_name)));
        }
        let fields = [("username", self.user_name.as_str()), ("password", &self.password)];
        let page = self.browser.submit(page, "/login", &fields).await?;
        self.is_logged_in = page.status.is_redirection();
        Ok(page)
    }
}

fn code_in(location: &str) -> Result<String, Broken> {
    let url = Url::parse(location).unwrap();
    let code = url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
    code.ok_or_else(|| Broken::Unexpected(format!("expected a code, got {location}")))
}

/// From `address`, with a connection for each request: one kept from before a kill would answer nothing.
fn client_from(address: Ipv4Addr) -> ClientBuilder {
    yinxin::tls::provide();
    let client = Client::builder().redirect(Policy::none()).no_proxy();
    client.pool_max_idle_per_host(0).local_address(IpAddr::V4(address))
}
