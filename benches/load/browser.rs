//! A person's browser, as far as a login needs one: cookies, redirects, and forms that are sent back as they came.

use yinxin::demo::SamplePerson;

use crate::Wrong;
use crate::http::{Answer, Connection, Request, encoded};

/// More pages than a login can have.
const PAGES_MAX_COUNT: usize = 10;

/// The verifier and its challenge of RFC 7636, appendix B: the server's work does not depend on which they are.
pub const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CODE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// What goes out as `state` and must come back.
const STATE: &str = "load-0123456789";

/// The cookies of one browser.
#[derive(Clone, Default)]
pub struct Browser {
    cookies: Vec<(String, String)>,
    address: Option<String>,
}

/// The authorization request of an application, as the path and query of the link to follow.
pub fn authorize_path(client_id: &str, redirect_uri: &str, scope: &str) -> String {
    let query = encoded([
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("scope", scope),
        ("state", STATE),
        ("nonce", "nonce-0123456789"),
        ("code_challenge", CODE_CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    format!("/oauth2/authorize?{query}")
}

/// The code in an answer that sends the browser back to `redirect_uri`; checks `state` and `iss` (RFC 9207).
pub fn code_of(answer: &Answer, redirect_uri: &str, issuer: &str) -> Result<String, Wrong> {
    let location = answer.header("location").unwrap_or_default();
    let query = location.strip_prefix(redirect_uri).and_then(|rest| rest.strip_prefix('?'));
    let (Some(query), 303) = (query, answer.status) else {
        return Err(Wrong::new(format!(
            "expected 303 to `{redirect_uri}`, got {} to `{location}`",
            answer.status
        )));
    };
    let parameter = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
    };
    let (code, state, iss) = (parameter("code"), parameter("state"), parameter("iss"));
    match code {
        Some(code) if state.as_deref() == Some(STATE) && iss.as_deref() == Some(issuer) => Ok(code),
        _ => Err(Wrong::new(format!("expected code, state and iss, got `{query}`"))),
    }
}

impl Browser {
    /// A browser at another address than the generator's.
    pub fn from(address: &str) -> Self {
        Self { cookies: Vec::new(), address: Some(address.to_owned()) }
    }

    /// Follows the authorization link as `person`, through login and consent, until the answer for `redirect_uri` comes.
    pub fn log_in(
        &mut self,
        connection: &mut Connection,
        person: &SamplePerson,
        authorize_path: &str,
        redirect_uri: &str,
    ) -> Result<Answer, Wrong> {
        let mut answer = self.send(connection, Request::get(authorize_path))?;
        for _ in 0..PAGES_MAX_COUNT {
            if answer.header("location").is_some_and(|to| to.starts_with(redirect_uri)) {
                return Ok(answer);
            }
            let next = match answer.header("location") {
                Some(to) => Request::get(to),
                None => fill_in(&answer, person)?,
            };
            answer = self.send(connection, next)?;
        }
        Err(Wrong::new(format!("a login did not end within {PAGES_MAX_COUNT} pages")))
    }

    /// The login form of this server's own pages, filled in by `person`, as this browser sends it.
    pub fn login_form(
        &mut self,
        connection: &mut Connection,
        person: &SamplePerson,
    ) -> Result<Vec<u8>, Wrong> {
        let page = self.send(connection, Request::get("/login"))?;
        Ok(self.with_cookies(fill_in(&page, person)?).into_bytes())
    }

    /// A request with this browser's cookies.
    pub fn with_cookies(&self, request: Request) -> Request {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match &self.address {
            Some(address) => request.header("x-forwarded-for", address),
            None => request,
        };
        if cookies.is_empty() { request } else { request.header("cookie", &cookies.join("; ")) }
    }

    fn send(&mut self, connection: &mut Connection, request: Request) -> Result<Answer, Wrong> {
        let answer = connection.send(&self.with_cookies(request).into_bytes())?;
        for cookie in answer.headers("set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.retain(|(n, _)| n != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(answer)
    }
}

/// The login or consent form on the page, with its hidden fields as they came and the person's own added.
fn fill_in(page: &Answer, person: &SamplePerson) -> Result<Request, Wrong> {
    let html = String::from_utf8_lossy(&page.body);
    let expected =
        || Wrong::new(format!("expected a login or consent page, got {}: {}", page.status, page.excerpt()));
    if page.status != 200 {
        return Err(expected());
    }
    let forms = html.split("<form ").skip(1).filter_map(|rest| rest.split("</form>").next());
    for form in forms {
        let mut fields: Vec<(String, String)> =
            form.split("<input ").skip(1).filter_map(hidden_field).collect();
        let mut own = |name: &str, value: &str| fields.push((name.to_owned(), value.to_owned()));
        match attribute(form, "action").as_deref() {
            Some("/login") => {
                own("username", &person.user_name);
                own("password", &person.password);
            }
            Some("/consent") => own("decision", "allow"),
            _ => continue,
        }
        let action = attribute(form, "action").unwrap_or_default();
        return Ok(Request::post(&action).form(fields.iter().map(|(n, v)| (n.as_str(), v.as_str()))));
    }
    Err(expected())
}

fn hidden_field(input: &str) -> Option<(String, String)> {
    let tag = input.split('>').next()?;
    (attribute(tag, "type")? == "hidden").then_some(())?;
    Some((attribute(tag, "name")?, attribute(tag, "value")?))
}

/// The value of an attribute; what goes into ours needs only these entities.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!("{name}=\""))?.1.split('"').next()?;
    Some(value.replace("&#38;", "&").replace("&amp;", "&").replace("&#x2F;", "/").replace("&#39;", "'"))
}
