//! A person at a browser, scripted: follows redirects, logs in, decides, until the relying party is reached or a page is left.

use std::sync::Arc;

use http::Method;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::Params;
use super::html::{self, Document, Field, Form, Kind};
use super::http::{Call, Http, Reply};
use super::jar::Jar;

/// The longest walk from page to page.
const STEPS: usize = 30;

/// How often the login form is filled in before the password is taken to be refused.
const LOGINS: usize = 3;

/// Who sits at the browser.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
    /// One person types one password at a time, in whatever browser: providers count tries that come at once.
    pub(crate) hands: Mutex<()>,
}

/// How the provider's pages look; the defaults do for most.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Pages {
    /// Names of the field for the user's name; the first that a form has is filled in.
    user_fields: Vec<String>,
    /// Names of the field for the password; any field of type password does too.
    password_fields: Vec<String>,
    /// What consents: a button or a hidden field of the form.
    allow: Vec<Press>,
    /// What refuses.
    deny: Vec<Press>,
    /// Parts of the address of a link that refuses.
    deny_links: Vec<String>,
    /// What confirms a logout.
    confirm_logout: Vec<Press>,
    /// What a script of the login page copies from the page's address into the form and into the form's address.
    copied_by_script: Vec<String>,
}

/// A control that tells what a form is for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Press {
    name: String,
    value: Option<String>,
}

impl Default for Pages {
    fn default() -> Self {
        let press = |name: &str, value: &str| Press { name: name.to_owned(), value: Some(value.to_owned()) };
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            user_fields: named(&["username", "login", "user", "email"]),
            password_fields: named(&["password"]),
            allow: vec![press("decision", "allow"), press("prompt", "consent"), press("consent", "allow")],
            deny: vec![press("decision", "deny"), press("consent", "deny")],
            deny_links: named(&["/abort", "/cancel"]),
            confirm_logout: vec![press("logout", "yes"), press("confirm", "yes")],
            copied_by_script: Vec::new(),
        }
    }
}

/// What the person does when asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Logs in and consents.
    #[default]
    Allow,
    /// Refuses as soon as the page offers it.
    Deny,
    /// Logs in, consents, and at the end follows a link to the relying party when the page has one.
    Follow,
    /// Does nothing: the first page is the end.
    Look,
}

/// A page that asked for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Login,
    Consent,
    Logout,
}

/// A walk through the provider's pages.
#[derive(Debug)]
pub(crate) struct Visit {
    /// What was asked on the way.
    pub(crate) asked: Vec<Asked>,
    /// The frames of the pages on the way.
    pub(crate) frames: Vec<Url>,
    /// Where it ended.
    pub(crate) end: End,
}

/// The end of a walk.
#[derive(Debug)]
pub(crate) enum End {
    /// At the relying party.
    Landed(Landing),
    /// At a page of the provider.
    Page(Page),
}

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Page {
    /// For reports.
    pub(crate) fn brief(&self) -> String {
        let words = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let words: String = words.chars().take(200).collect();
        format!("a page with status {} at {}: {words}", self.status, self.url.path())
    }
}

/// The request with which the browser comes back to the relying party.
#[derive(Clone, Debug)]
pub(crate) struct Landing {
    pub(crate) url: Url,
    pub(crate) post: bool,
    /// The content type of a posted form.
    pub(crate) enctype: Option<String>,
    pub(crate) query: Params,
    pub(crate) fragment: Params,
    pub(crate) form: Params,
}

impl Landing {
    fn at(url: Url) -> Self {
        let query = Params::parse(url.query().unwrap_or_default());
        let fragment = Params::parse(url.fragment().unwrap_or_default());
        Self { url, post: false, enctype: None, query, fragment, form: Params::default() }
    }

    fn posted(url: Url, form: &Form) -> Self {
        let enctype = form.enctype.clone().or_else(|| Some("application/x-www-form-urlencoded".to_owned()));
        let sent = form.submission(None, &[]);
        Self { post: true, enctype, form: sent, ..Self::at(url) }
    }

    /// The address without query and fragment.
    pub(crate) fn address(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.to_string()
    }

    /// For reports.
    pub(crate) fn brief(&self) -> String {
        format!("{} {} {}", if self.post { "POST" } else { "GET" }, self.url, self.form.encode())
    }
}

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    http: Arc<Http>,
    pages: Arc<Pages>,
    user: Arc<User>,
    /// Origins of the relying party: what is sent there ends the walk.
    homes: Vec<String>,
    /// The cookies.
    pub(crate) jar: Jar,
}

impl Browser {
    /// A browser without cookies.
    pub(crate) fn new(http: Arc<Http>, pages: Arc<Pages>, user: Arc<User>) -> Self {
        Self { http, pages, user, homes: Vec::new(), jar: Jar::default() }
    }

    /// Ends walks at the origin of `url`, too.
    pub(crate) fn add_home(&mut self, url: &Url) {
        self.homes.push(url.origin().ascii_serialization());
    }

    fn is_home(&self, url: &Url) -> bool {
        self.homes.contains(&url.origin().ascii_serialization())
    }

    /// Goes to `url` and on from there.
    pub(crate) async fn visit(&mut self, url: &Url, aim: Aim) -> Result<Visit, String> {
        self.walk(Call::get(url), aim).await
    }

    /// Posts `form` to `url` and goes on from there.
    pub(crate) async fn post(&mut self, url: &Url, form: &Params, aim: Aim) -> Result<Visit, String> {
        self.walk(Call::form(url, form), aim).await
    }

    async fn walk(&mut self, start: Call, aim: Aim) -> Result<Visit, String> {
        let mut walk = Walk { asked: Vec::new(), frames: Vec::new() };
        let (mut call, mut typed) = (start, false);
        for _ in 0..STEPS {
            let url = call.url.clone();
            let posted = call.method == Method::POST;
            let reply = self.load(call, typed).await?;
            (call, typed) = match self.next(&mut walk, &url, posted, &reply, aim)? {
                Next::Go(onward) => (*onward, false),
                Next::LogIn(onward) => (*onward, true),
                Next::Stop(end) => {
                    self.open_frames(&walk.frames, &url).await;
                    return Ok(Visit { asked: walk.asked, frames: walk.frames, end: *end });
                }
            };
        }
        Err(format!("expected an end of the walk, got more than {STEPS} pages"))
    }

    /// Fetches a page; a password is typed by hands that do nothing else meanwhile.
    async fn load(&mut self, call: Call, typed: bool) -> Result<Reply, String> {
        let user = Arc::clone(&self.user);
        let _typing = if typed { Some(user.hands.lock().await) } else { None };
        self.fetch(call).await
    }

    async fn fetch(&mut self, call: Call) -> Result<Reply, String> {
        let url = call.url.clone();
        let mut call =
            call.header("accept", "text/html,application/xhtml+xml").header("accept-language", "en");
        if let Some(cookies) = self.jar.header(&url) {
            call = call.header("cookie", cookies);
        }
        if call.method == Method::POST {
            call = call.header("origin", url.origin().ascii_serialization());
        }
        let reply = self.http.send(call).await?;
        self.jar.take(&url, &reply.headers);
        Ok(reply)
    }

    /// Loads the frames of a last page that belong to the provider, as a browser would; the relying party's are only noted.
    async fn open_frames(&mut self, frames: &[Url], page: &Url) {
        for frame in frames.iter().filter(|frame| frame.origin() == page.origin()) {
            // What a frame of the provider's answers does not matter to the walk.
            let _ = self.fetch(Call::get(frame)).await;
        }
    }

    fn next(
        &self,
        walk: &mut Walk,
        url: &Url,
        posted: bool,
        reply: &Reply,
        aim: Aim,
    ) -> Result<Next, String> {
        if (300..400).contains(&reply.status) {
            let to = reply
                .header("location")
                .ok_or_else(|| format!("expected a location, got {}", reply.brief()))?;
            let to = join(url, to)?;
            let repeated = posted && matches!(reply.status, 307 | 308);
            return match self.is_home(&to) {
                true => Ok(Next::Stop(Box::new(End::Landed(Landing::at(to))))),
                false if repeated => Err(format!("expected 303 after a POST, got {}", reply.status)),
                false => Ok(Next::Go(Box::new(Call::get(&to)))),
            };
        }
        let document = html::read(&reply.body);
        let page = Page { url: url.clone(), status: reply.status, text: document.text.clone() };
        walk.frames.extend(document.frames.iter().filter_map(|src| url.join(src).ok()));
        if let Some(landing) = self.form_post(url, &document) {
            return Ok(Next::Stop(Box::new(End::Landed(landing))));
        }
        if aim == Aim::Look {
            walk.asked.extend(self.asks(&document));
            return Ok(Next::Stop(Box::new(End::Page(page))));
        }
        match self.answer(walk, url, &document, aim)? {
            Some(onward) => Ok(onward),
            None => Ok(Next::Stop(Box::new(End::Page(page)))),
        }
    }

    /// OAuth 2.0 Form Post Response Mode, 2: a form that is sent to the relying party by itself.
    fn form_post(&self, url: &Url, document: &Document) -> Option<Landing> {
        document.forms.iter().find_map(|form| {
            let to = url.join(&form.action).ok()?;
            (form.post && self.is_home(&to)).then(|| Landing::posted(to, form))
        })
    }

    /// What the page asks for.
    fn asks(&self, document: &Document) -> Option<Asked> {
        let forms = &document.forms;
        if forms.iter().any(|form| self.password_field(form).is_some()) {
            return Some(Asked::Login);
        }
        let has = |presses: &[Press]| forms.iter().any(|form| pressed(form, presses).is_some());
        match (has(&self.pages.allow), has(&self.pages.confirm_logout)) {
            (true, _) => Some(Asked::Consent),
            (_, true) => Some(Asked::Logout),
            _ => None,
        }
    }

    /// The person's answer to a page; none when there is nothing to answer.
    fn answer(&self, walk: &mut Walk, url: &Url, page: &Document, aim: Aim) -> Result<Option<Next>, String> {
        if aim == Aim::Deny
            && let Some(onward) = self.refuse(url, page)?
        {
            return Ok(Some(onward));
        }
        let asked = self.asks(page);
        walk.asked.extend(asked);
        match asked {
            Some(Asked::Login) if walk.logins() <= LOGINS => self.log_in(url, page),
            Some(Asked::Login) => Ok(None),
            Some(Asked::Consent) => press_in(url, page, &self.pages.allow),
            Some(Asked::Logout) => press_in(url, page, &self.pages.confirm_logout),
            None => self.wander(url, page, aim),
        }
    }

    fn refuse(&self, url: &Url, page: &Document) -> Result<Option<Next>, String> {
        if let Some(onward) = press_in(url, page, &self.pages.deny)? {
            return Ok(Some(onward));
        }
        let refuses = |href: &str| self.pages.deny_links.iter().any(|part| href.contains(part.as_str()));
        let link = page.links.iter().find(|(href, _)| refuses(href));
        link.map(|(href, _)| Ok(Next::Go(Box::new(Call::get(&join(url, href)?))))).transpose()
    }

    fn password_field<'f>(&self, form: &'f Form) -> Option<&'f Field> {
        form.find(|f| f.kind == Kind::Password || self.pages.password_fields.contains(&f.name))
    }

    fn log_in(&self, url: &Url, page: &Document) -> Result<Option<Next>, String> {
        let form = page.forms.iter().find_map(|form| Some((form, self.password_field(form)?)));
        let Some((form, password)) = form else { return Ok(None) };
        let user = self.pages.user_fields.iter().find(|name| form.find(|f| f.name == **name).is_some());
        let mut fill = vec![(password.name.as_str(), self.user.password.as_str())];
        fill.extend(user.map(|name| (name.as_str(), self.user.name.as_str())));
        let copied =
            url.query_pairs().filter(|(name, _)| self.pages.copied_by_script.iter().any(|n| n == name));
        let copied: Vec<(String, String)> = copied.map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        fill.extend(copied.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let sent = submit(url, form, form.default_button(), &fill)?;
        Ok(Some(match sent {
            Next::Go(mut call) => {
                if !copied.is_empty() {
                    call.url.query_pairs_mut().extend_pairs(&copied);
                }
                Next::LogIn(call)
            }
            other => other,
        }))
    }

    /// Pages that move on by themselves, by a refresh or a form that a script sends; and links out, for who follows them.
    fn wander(&self, url: &Url, page: &Document, aim: Aim) -> Result<Option<Next>, String> {
        let out = page
            .links
            .iter()
            .map(|(href, _)| href)
            .find(|href| url.join(href).is_ok_and(|to| self.is_home(&to)));
        if let Some(to) = page.refresh.as_ref().or(out.filter(|_| aim == Aim::Follow)) {
            let to = join(url, to)?;
            return Ok(Some(match self.is_home(&to) {
                true => Next::Stop(Box::new(End::Landed(Landing::at(to)))),
                false => Next::Go(Box::new(Call::get(&to))),
            }));
        }
        let by_script = page.scripts.contains(".submit()");
        match page.forms.first().filter(|form| form.post && by_script) {
            Some(form) => submit(url, form, None, &[]).map(Some),
            None => Ok(None),
        }
    }
}

/// What a walk has met so far.
struct Walk {
    asked: Vec<Asked>,
    frames: Vec<Url>,
}

impl Walk {
    fn logins(&self) -> usize {
        self.asked.iter().filter(|asked| **asked == Asked::Login).count()
    }
}

enum Next {
    Go(Box<Call>),
    /// The login form, filled in.
    LogIn(Box<Call>),
    Stop(Box<End>),
}

/// The control of `form` that one of `presses` names.
fn pressed<'f>(form: &'f Form, presses: &[Press]) -> Option<&'f Field> {
    presses.iter().find_map(|press| {
        form.find(|field| {
            matches!(field.kind, Kind::Button | Kind::Hidden)
                && field.name == press.name
                && press.value.as_ref().is_none_or(|value| *value == field.value)
        })
    })
}

/// Sends the form that one of `presses` is in: its button, or the default one when a hidden field told what the form is.
fn press_in(url: &Url, page: &Document, presses: &[Press]) -> Result<Option<Next>, String> {
    let found = page.forms.iter().find_map(|form| Some((form, pressed(form, presses)?)));
    let Some((form, field)) = found else { return Ok(None) };
    let button = if field.kind == Kind::Button { Some(field) } else { form.default_button() };
    submit(url, form, button, &[]).map(Some)
}

fn submit(url: &Url, form: &Form, press: Option<&Field>, fill: &[(&str, &str)]) -> Result<Next, String> {
    let mut to = if form.action.is_empty() { url.clone() } else { join(url, &form.action)? };
    let sent = form.submission(press, fill);
    if form.post {
        return Ok(Next::Go(Box::new(Call::form(&to, &sent))));
    }
    to.set_query(Some(&sent.encode()));
    Ok(Next::Go(Box::new(Call::get(&to))))
}

fn join(url: &Url, to: &str) -> Result<Url, String> {
    url.join(to).map_err(|error| format!("expected an address, got `{to}`: {error}"))
}
