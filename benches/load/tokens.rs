//! Tokens: the client credentials grant, authorization with its code exchange, refresh, and userinfo.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base::encoding::from_base64url;
use base::{Clock, SystemClock};
use jose::{Algorithm, Audience, Expect, KeySet, Type};
use serde::Deserialize;
use yinxin::demo::SamplePerson;

use crate::Wrong;
use crate::browser::{self, Browser, CODE_VERIFIER};
use crate::http::{Answer, Connection, Request};
use crate::measure::{Operation, Worker};

const TOKEN_PATH: &str = "/oauth2/token";
const ACCESS_TOKEN_TYP: &str = "at+jwt";
/// Codes live for 60 seconds: those made before the clock starts must outlive making and using them.
const MINTING_MAX_SECONDS: u64 = 25;

/// An application registered with the server.
#[derive(Clone, Debug)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// Where its codes go; empty for an application that only speaks for itself.
    pub redirect_uri: String,
    /// What it asks for.
    pub scope: String,
    /// What its access tokens are signed with.
    pub algorithm: Algorithm,
}

impl Client {
    /// A token request with `client_secret_basic` (RFC 6749, 2.3.1); ours need no percent-encoding.
    fn token_request<'a>(&self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Request {
        let credentials = basic(&format!("{}:{}", self.id, self.secret));
        Request::post(TOKEN_PATH).header("authorization", &format!("Basic {credentials}")).form(fields)
    }

    /// The request that makes a token for the application itself.
    fn client_credentials(&self) -> Request {
        self.token_request([("grant_type", "client_credentials"), ("scope", &self.scope)])
    }

    /// A token for the application itself.
    pub fn token(&self, connection: &mut Connection) -> Result<String, Wrong> {
        let answer = connection.send(&self.client_credentials().into_bytes())?;
        read(&answer).map(|tokens| tokens.access_token.to_owned())
    }

    /// The request that exchanges a code.
    fn exchange(&self, code: &str) -> Request {
        self.token_request([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", CODE_VERIFIER),
        ])
    }

    /// The request that uses a refresh token.
    fn refresh(&self, token: &str) -> Request {
        self.token_request([("grant_type", "refresh_token"), ("refresh_token", token)])
    }
}

/// The credentials of `client_secret_basic`.
pub fn basic(credentials: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(credentials)
}

/// What tokens must be like.
pub struct Rules {
    /// The issuer.
    pub issuer: String,
    /// The keys of both published sets.
    pub keys: KeySet,
}

#[derive(Deserialize)]
struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: u64,
    id_token: Option<&'a str>,
    refresh_token: Option<&'a str>,
}

/// What every token must say.
#[derive(Deserialize)]
struct Claims<'a> {
    iss: &'a str,
    client_id: &'a str,
    exp: i64,
}

impl Rules {
    /// 200, a bearer token, and in it our issuer, the client, and a time that is not over.
    fn check(&self, answer: &Answer, client: &Client) -> Result<(), Wrong> {
        let tokens = read(answer)?;
        let payload = tokens.access_token.split('.').nth(1).and_then(from_base64url);
        let claims = payload.as_deref().and_then(|json| serde_json::from_slice::<Claims<'_>>(json).ok());
        let now = SystemClock.now().unix_seconds();
        match claims {
            Some(c) if c.iss == self.issuer && c.client_id == client.id && c.exp > now => Ok(()),
            _ => Err(unexpected("a token of this issuer for this client", answer)),
        }
    }

    /// As [`Rules::check`], and the signatures of the access token and of the ID token, if there is one.
    fn check_fully(&self, answer: &Answer, client: &Client) -> Result<(), Wrong> {
        let tokens = read(answer)?;
        self.verify(tokens.access_token, Type::Is(ACCESS_TOKEN_TYP), &self.issuer, client.algorithm)?;
        match tokens.id_token {
            Some(id_token) => self.verify(id_token, Type::Plain, &client.id, client.algorithm),
            None => Ok(()),
        }
    }

    fn verify(&self, token: &str, typ: Type<'_>, audience: &str, algorithm: Algorithm) -> Result<(), Wrong> {
        let expect = Expect {
            typ,
            issuer: &self.issuer,
            audience: Audience::Includes(audience),
            now: SystemClock.now(),
            leeway_seconds: 1,
            ahead_seconds: 1,
            algorithms: &[algorithm],
        };
        let verified = self.keys.verify(token, &expect);
        verified.map(drop).map_err(|e| Wrong::new(format!("token rejected: {}: `{token}`", e.reason())))
    }
}

fn read(answer: &Answer) -> Result<TokenAnswer<'_>, Wrong> {
    let tokens: Option<TokenAnswer<'_>> = serde_json::from_slice(&answer.body).ok();
    match tokens {
        Some(t) if answer.status == 200 && t.token_type == "Bearer" && t.expires_in > 0 => Ok(t),
        _ => Err(unexpected("200 and a token response", answer)),
    }
}

fn refresh_token(answer: &Answer) -> Result<String, Wrong> {
    let token = read(answer)?.refresh_token;
    token.map(str::to_owned).ok_or_else(|| unexpected("a refresh token", answer))
}

/// What was expected and what came.
pub fn unexpected(expected: &str, answer: &Answer) -> Wrong {
    Wrong::new(format!("expected {expected}, got {}: {}", answer.status, answer.excerpt()))
}

/// A machine gets a token for itself.
pub struct ClientCredentials<'a> {
    /// What the table calls it.
    pub name: &'static str,
    /// Who asks.
    pub client: &'a Client,
    /// What tokens must be like.
    pub rules: &'a Rules,
}

impl Operation for ClientCredentials<'_> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn worker(&self, _: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        Ok(Box::new(Machine { request: self.client.client_credentials().into_bytes(), of: self }))
    }
}

struct Machine<'a> {
    request: Vec<u8>,
    of: &'a ClientCredentials<'a>,
}

impl Worker for Machine<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        self.of.rules.check(answer, self.of.client)
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        self.of.rules.check_fully(answer, self.of.client)
    }
}

/// People who are logged in at an application, and have allowed what it asks for.
pub struct LoggedIn {
    client: Client,
    rules: Arc<Rules>,
    authorize_path: String,
    browsers: Mutex<std::iter::Cycle<std::vec::IntoIter<Browser>>>,
}

impl LoggedIn {
    /// Logs each of `people` in at `client`.
    pub fn new(
        connection: &mut Connection,
        client: Client,
        people: &[SamplePerson],
        rules: Arc<Rules>,
    ) -> Result<Self, Wrong> {
        let authorize_path = browser::authorize_path(&client.id, &client.redirect_uri, &client.scope);
        let mut browsers = Vec::with_capacity(people.len());
        for person in people {
            let mut browser = Browser::default();
            let answer = browser.log_in(connection, person, &authorize_path, &client.redirect_uri)?;
            browser::code_of(&answer, &client.redirect_uri, &rules.issuer)?;
            browsers.push(browser);
        }
        Ok(Self { client, rules, authorize_path, browsers: Mutex::new(browsers.into_iter().cycle()) })
    }

    /// The authorization request from the browser of the next person, who is logged in already.
    fn authorize(&self) -> Result<Vec<u8>, Wrong> {
        let mut browsers = self.browsers.lock().map_err(|_| Wrong::new("a thread panicked"))?;
        let browser = browsers.next().ok_or_else(|| Wrong::new("expected at least one person"))?;
        Ok(browser.with_cookies(Request::get(&self.authorize_path)).into_bytes())
    }

    fn code(&self, answer: &Answer) -> Result<String, Wrong> {
        browser::code_of(answer, &self.client.redirect_uri, &self.rules.issuer)
    }

    /// Tokens for the next person, by the whole flow.
    fn tokens(&self, connection: &mut Connection) -> Result<Answer, Wrong> {
        let answer = connection.send(&self.authorize()?)?;
        let answer = connection.send(&self.client.exchange(&self.code(&answer)?).into_bytes())?;
        self.rules.check(&answer, &self.client)?;
        Ok(answer)
    }
}

/// A person who is logged in enters another application: session, consent, a grant and its code.
pub struct Authorize<'a>(pub &'a LoggedIn);

impl Operation for Authorize<'_> {
    fn name(&self) -> &'static str {
        "authorize (logged in)"
    }

    fn worker(&self, _: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        Ok(Box::new(Arriving { request: self.0.authorize()?, of: self.0 }))
    }
}

struct Arriving<'a> {
    request: Vec<u8>,
    of: &'a LoggedIn,
}

impl Worker for Arriving<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        self.of.code(answer).map(drop)
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        // 43 characters of base64url are 256 bits.
        let code = self.of.code(answer)?;
        let unguessable = from_base64url(&code).is_some_and(|bytes| bytes.len() >= 32);
        if unguessable {
            Ok(())
        } else {
            Err(Wrong::new(format!("expected a code of 256 bits, got `{code}`")))
        }
    }
}

/// An application exchanges a code for access, ID and refresh token. The codes are made before the clock starts.
pub struct CodeExchange<'a> {
    /// Whose codes.
    pub people: &'a LoggedIn,
    /// How long a round is.
    pub time: Duration,
}

impl Operation for CodeExchange<'_> {
    fn name(&self) -> &'static str {
        "code exchange (ES256, PKCE)"
    }

    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let authorize = self.people.authorize()?;
        let minting = (self.time * 3).min(Duration::from_secs(MINTING_MAX_SECONDS));
        let (began, mut requests) = (Instant::now(), Vec::new());
        while began.elapsed() < minting {
            let answer = connection.send(&authorize)?;
            requests.push(self.people.client.exchange(&self.people.code(&answer)?).into_bytes());
        }
        Ok(Box::new(Exchanging { requests, current: Vec::new(), of: self.people }))
    }
}

struct Exchanging<'a> {
    requests: Vec<Vec<u8>>,
    current: Vec<u8>,
    of: &'a LoggedIn,
}

impl Worker for Exchanging<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        self.current = self.requests.pop()?;
        Some(&self.current)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        self.of.rules.check(answer, &self.of.client)?;
        refresh_token(answer).map(drop)
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let has_id_token = read(answer)?.id_token.is_some();
        if !has_id_token {
            return Err(unexpected("an ID token", answer));
        }
        self.of.rules.check_fully(answer, &self.of.client)
    }
}

/// An application renews its tokens; each connection has a grant of its own, whose refresh token changes with every use.
pub struct Refresh<'a>(pub &'a LoggedIn);

impl Operation for Refresh<'_> {
    fn name(&self) -> &'static str {
        "refresh (ES256, rotation)"
    }

    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let token = refresh_token(&self.0.tokens(connection)?)?;
        Ok(Box::new(Refreshing { token, current: Vec::new(), of: self.0 }))
    }
}

struct Refreshing<'a> {
    token: String,
    current: Vec<u8>,
    of: &'a LoggedIn,
}

impl Worker for Refreshing<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        self.current = self.of.client.refresh(&self.token).into_bytes();
        Some(&self.current)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        self.of.rules.check(answer, &self.of.client)?;
        let next = refresh_token(answer)?;
        if next == self.token {
            return Err(Wrong::new("expected another refresh token, got the same"));
        }
        self.token = next;
        Ok(())
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        self.of.rules.check_fully(answer, &self.of.client)
    }
}

/// An application asks who the person is.
pub struct UserInfo<'a>(pub &'a LoggedIn);

#[derive(Deserialize)]
struct Subject<'a> {
    sub: &'a str,
}

impl Operation for UserInfo<'_> {
    fn name(&self) -> &'static str {
        "userinfo"
    }

    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let answer = self.0.tokens(connection)?;
        let token = read(&answer)?.access_token;
        let subject = subject_of(token).ok_or_else(|| unexpected("a token with a subject", &answer))?;
        Ok(Box::new(Asking { request: Request::get("/oauth2/userinfo").bearer(token).into_bytes(), subject }))
    }
}

/// The `sub` of a token, not verified.
fn subject_of(token: &str) -> Option<String> {
    let payload = from_base64url(token.split('.').nth(1)?)?;
    serde_json::from_slice::<Subject<'_>>(&payload).ok().map(|claims| claims.sub.to_owned())
}

struct Asking {
    request: Vec<u8>,
    subject: String,
}

impl Worker for Asking {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let said: Option<Subject<'_>> = serde_json::from_slice(&answer.body).ok();
        match said {
            Some(said) if answer.status == 200 && said.sub == self.subject => Ok(()),
            _ => Err(unexpected("200 and the person of the token", answer)),
        }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let claims: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let named = claims.get("name").and_then(|name| name.as_str()).is_some_and(|name| !name.is_empty());
        if named { Ok(()) } else { Err(unexpected("a name, which the scope allows", answer)) }
    }
}

/// An API asks whether a token is good and what it says (RFC 7662).
pub struct Introspection<'a>(pub &'a LoggedIn);

impl Operation for Introspection<'_> {
    fn name(&self) -> &'static str {
        "introspection"
    }

    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let answer = self.0.tokens(connection)?;
        let token = read(&answer)?.access_token;
        let subject = subject_of(token).ok_or_else(|| unexpected("a token with a subject", &answer))?;
        let credentials = basic(&format!("{}:{}", self.0.client.id, self.0.client.secret));
        let request =
            Request::post("/oauth2/introspect").header("authorization", &format!("Basic {credentials}"));
        Ok(Box::new(Inquiring { request: request.form([("token", token)]).into_bytes(), subject }))
    }
}

struct Inquiring {
    request: Vec<u8>,
    subject: String,
}

#[derive(Deserialize)]
struct Said<'a> {
    active: bool,
    sub: Option<&'a str>,
}

impl Worker for Inquiring {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let said: Option<Said<'_>> = serde_json::from_slice(&answer.body).ok();
        match said {
            Some(said) if answer.status == 200 && said.active && said.sub == Some(&self.subject) => Ok(()),
            _ => Err(unexpected("200 and an active token of the person", answer)),
        }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let claims: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let whole =
            ["iss", "client_id", "scope", "exp", "token_type"].iter().all(|name| claims.get(name).is_some());
        if whole { Ok(()) } else { Err(unexpected("what the token says", answer)) }
    }
}

/// A client reads the published keys.
pub struct PublishedKeys;

impl Operation for PublishedKeys {
    fn name(&self) -> &'static str {
        "JWKS"
    }

    fn worker(&self, _: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        Ok(Box::new(Reading { request: Request::get("/oauth2/jwks").into_bytes() }))
    }
}

struct Reading {
    request: Vec<u8>,
}

impl Worker for Reading {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let good = answer.status == 200 && answer.body.starts_with(b"{\"keys\":[");
        if good { Ok(()) } else { Err(unexpected("200 and keys", answer)) }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        jose::Jwks::from_json(&answer.body).map(drop).map_err(|_| unexpected("a set of keys", answer))
    }
}
