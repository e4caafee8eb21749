//! Login, consent, enrolment, logout, account, errors.

use askama::Template;

use super::frame::Frame;
use super::parts::{Fact, Link, Tone};
use super::texts::Message;

/// The first page: `/`.
#[derive(Template)]
#[template(path = "home.html")]
pub struct Home {
    /// What every page shares.
    pub frame: Frame,
    /// Discovery document, key sets, API description.
    pub developer_links: Vec<Link>,
}

/// The login page; its form goes to `POST /login` with `csrf`, `flow`, `username`, `password`.
#[derive(Template)]
#[template(path = "login.html")]
pub struct Login {
    /// What every page shares.
    pub frame: Frame,
    /// The application that sent the reader here, if one did.
    pub client_name: Option<String>,
    /// Where it is, when it registered itself and nobody but its maker says what it is.
    pub client_host: Option<String>,
    /// The user name to start with; may be empty.
    pub login_hint: String,
    /// Why the last attempt failed.
    pub error: Option<Message>,
    /// What to go on with afterwards.
    pub flow: String,
    /// Other providers through which one may log in; each form goes to `POST /upstream/{id}` with `csrf` and `flow`.
    pub upstreams: Vec<UpstreamView>,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// A provider through which one may log in.
#[derive(Debug, Clone)]
pub struct UpstreamView {
    /// Its short name.
    pub id: String,
    /// What it is called.
    pub name: String,
}

/// The page between here and another provider; it goes on by itself, or with its link.
#[derive(Template)]
#[template(path = "leaving.html")]
pub struct Leaving {
    /// What every page shares.
    pub frame: Frame,
    /// What the provider is called.
    pub upstream_name: String,
    /// Its host.
    pub host: String,
    /// Its address.
    pub url: String,
}

/// Who somebody is here who came from another provider, `/link?arrival=…`: its forms go to `POST /link` with `csrf`, `arrival` and
/// `decision` (`link` or `create`), or to `POST /login`.
#[derive(Template)]
#[template(path = "link.html")]
pub struct LinkPage {
    /// What every page shares.
    pub frame: Frame,
    /// What the provider is called.
    pub upstream_name: String,
    /// What they are called there.
    pub their_name: Option<String>,
    /// Who is logged in here and authenticated a moment ago: name and user name.
    pub own: Option<(String, String)>,
    /// The user name to start with; may be empty.
    pub login_hint: String,
    /// Whether they may be given a new account.
    pub may_create: bool,
    /// What the page carries.
    pub arrival: String,
    /// What a login here goes on with: this page.
    pub flow: String,
    /// Where one logs in whose account the one that is shown is not.
    pub other: Option<String>,
    /// Where one goes who does neither.
    pub back: String,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// The consent page; its form goes to `POST /consent` with `csrf`, `flow` and `decision` (`allow` or `deny`).
#[derive(Template)]
#[template(path = "consent.html")]
pub struct Consent {
    /// What every page shares.
    pub frame: Frame,
    /// The application that asks.
    pub client_name: String,
    /// The host that the reader will be sent back to.
    pub client_host: String,
    /// Whose data it asks for.
    pub account_name: String,
    /// Their account, which the form carries back.
    pub account: String,
    /// Whether nobody but its maker says what it is.
    pub registered_itself: bool,
    /// The host that is all that is known of it, when its registration is a document there.
    pub document_host: Option<String>,
    /// What it asks for: scope names; those with words in `web/locales` are explained.
    pub scopes: Vec<String>,
    /// What it asks for in detail.
    pub details: Vec<Detail>,
    /// What to go on with afterwards.
    pub flow: String,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// The page where a device's code is typed, `/device`; its form goes to `POST /device` with `csrf` and `user_code`.
#[derive(Template)]
#[template(path = "device.html")]
pub struct Device {
    /// What every page shares.
    pub frame: Frame,
    /// The code to start with; may be empty.
    pub user_code: String,
    /// Why the last one was not taken.
    pub error: Option<Message>,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// The page that asks whether a device may have what it asks for; its form goes to `POST /device/answer` with `csrf`, `user_code` and
/// `decision` (`allow` or `deny`).
#[derive(Template)]
#[template(path = "device_consent.html")]
pub struct DeviceConsent {
    /// What every page shares.
    pub frame: Frame,
    /// The application that asks.
    pub client_name: String,
    /// Whose data it asks for.
    pub account_name: String,
    /// Their account, which the form carries back.
    pub account: String,
    /// The code that the device must show.
    pub user_code: String,
    /// Where the request came from, and when.
    pub facts: Vec<Fact>,
    /// What it asks for: scope names.
    pub scopes: Vec<String>,
    /// What it asks for in detail.
    pub details: Vec<Detail>,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// What applications ask of a person who is not at them: `/approvals`; each form goes to `POST /approvals` with `csrf`, `request` and
/// `decision` (`allow` or `deny`).
#[derive(Template)]
#[template(path = "approvals.html")]
pub struct Approvals {
    /// What every page shares.
    pub frame: Frame,
    /// Whose data is asked for.
    pub account_name: String,
    /// What waits for an answer.
    pub approvals: Vec<Approval>,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// One request in [`Approvals`].
#[derive(Debug, Clone)]
pub struct Approval {
    /// Its identifier.
    pub id: String,
    /// The application that asks.
    pub client_name: String,
    /// What the application shows too.
    pub message: Option<String>,
    /// When it was asked, and until when it can be answered.
    pub facts: Vec<Fact>,
    /// What it asks for: scope names.
    pub scopes: Vec<String>,
    /// What it asks for in detail.
    pub details: Vec<Detail>,
}

/// The page after an answer that goes elsewhere.
#[derive(Template)]
#[template(path = "answered.html")]
pub struct Answered {
    /// What every page shares.
    pub frame: Frame,
    /// The application that asked.
    pub client_name: String,
    /// What was said.
    pub allowed: bool,
}

/// One object of `authorization_details` (RFC 9396), as the person reads it.
#[derive(Debug, Clone)]
pub struct Detail {
    /// Its type.
    pub kind: String,
    /// Its fields, names and values.
    pub fields: Vec<(String, String)>,
}

impl Detail {
    /// The object, each of whose members is shown.
    pub fn new(object: &serde_json::Map<String, serde_json::Value>) -> Self {
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(many) if many.iter().all(serde_json::Value::is_string) => {
                many.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        let kind = object.get("type").map(text).unwrap_or_default();
        let fields = object.iter().filter(|(name, _)| *name != "type");
        Self { kind, fields: fields.map(|(name, value)| (name.clone(), text(value))).collect() }
    }
}

/// The page before a refusal leads to an application that nobody knows (RFC 9700, 4.11.2): the person goes there, or does not.
#[derive(Template)]
#[template(path = "leave.html")]
pub struct Leave {
    /// What every page shares.
    pub frame: Frame,
    /// The application's name for itself.
    pub client_name: String,
    /// The host that it leads to.
    pub host: String,
    /// The address.
    pub action: String,
    /// What is posted there; a link leads there when there is nothing.
    pub fields: Vec<(String, String)>,
}

/// The page that posts the answer to the application (OAuth 2.0 Form Post Response Mode, 2); by itself, or with its button.
#[derive(Template)]
#[template(path = "post.html")]
pub struct Post {
    /// What every page shares.
    pub frame: Frame,
    /// The application's address.
    pub action: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

/// The page in applications' frames that tells them whether the login has changed (OIDC Session Management 1.0, 3.2).
#[derive(Template)]
#[template(path = "check_session.html")]
pub struct CheckSession {
    /// The name of the cookie to look at.
    pub cookie: String,
    /// The address of the script.
    pub script: String,
}

/// The enrolment page of the first administrator, `/enrol#<code>`; its form goes to `POST /enrol` with `csrf`, `code`,
/// `name`, `username`, `password`, `password_again`.
#[derive(Template)]
#[template(path = "enrol.html")]
pub struct Enrol {
    /// What every page shares.
    pub frame: Frame,
    /// What was entered before; the passwords are entered again.
    pub code: String,
    /// The name as entered before.
    pub name: String,
    /// The user name as entered before.
    pub username: String,
    /// Why the last attempt failed.
    pub error: Option<Message>,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// The page after logging out.
#[derive(Template)]
#[template(path = "logged_out.html")]
pub struct LoggedOut {
    /// What every page shares.
    pub frame: Frame,
    /// Where the browser goes on to, once the applications' pages were loaded.
    pub back: Option<String>,
    /// Applications' pages to load (OIDC Front-Channel Logout 1.0, 3).
    pub front_channel: Vec<String>,
}

/// Asks before logging out (OpenID Connect RP-Initiated Logout, 2); its form goes to `POST /logout` with `csrf`,
/// `confirm=yes` and the hidden fields.
#[derive(Template)]
#[template(path = "confirm_logout.html")]
pub struct ConfirmLogout {
    /// What every page shares.
    pub frame: Frame,
    /// The application that asked for it, if one did.
    pub client_name: Option<String>,
    /// Names and values to hand on.
    pub hidden: Vec<(String, String)>,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// A page that says what went wrong, to people first and to developers below.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// What every page shares.
    pub frame: Frame,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, in plain words.
    pub title: Message,
    /// What was expected and what came, or what to do.
    pub detail: Option<Message>,
    /// For developers: what came beside what is registered.
    pub comparison: Option<Comparison>,
    /// The request's id, for whoever is asked for help.
    pub reference: String,
}

/// What came beside what would have been accepted.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What is compared.
    pub what: Message,
    /// What came; empty for nothing.
    pub received: String,
    /// What is registered.
    pub registered: Vec<String>,
}

/// One's own account: `/account`. Forms go to `POST /account/sessions/end` (`csrf`, `session`),
/// `POST /account/grants/withdraw` (`csrf`, `client`) and `POST /logout` (`csrf`, `confirm=yes`).
#[derive(Template)]
#[template(path = "account.html")]
pub struct Account {
    /// What every page shares.
    pub frame: Frame,
    /// The person's name.
    pub name: String,
    /// The name to log in with.
    pub user_name: String,
    /// How sure we are of the real name: `Message::new("real-name-0")` to `"real-name-3"`.
    pub real_name: Message,
    /// What else is known: unit, post, clearance.
    pub facts: Vec<Fact>,
    /// Where the account is logged in.
    pub sessions: Vec<SessionView>,
    /// Which applications were given what.
    pub grants: Vec<GrantView>,
    /// Other providers, and whether the account is linked there; forms go to `POST /account/upstreams/link` (`csrf`, `upstream`) and
    /// `POST /account/upstreams/unlink` (`csrf`, `issuer`).
    pub upstreams: Vec<LinkView>,
    /// The e-certificates of this person.
    pub certificates: Vec<CertificateView>,
    /// Whether there is a password of ours to change.
    pub has_password: bool,
    /// What was just done.
    pub done: Option<Message>,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// A new password, `/account/password`; its form goes there with `csrf`, `current_password`, `password` and `password_again`.
#[derive(Template)]
#[template(path = "change_password.html")]
pub struct ChangePassword {
    /// What every page shares.
    pub frame: Frame,
    /// Whose password: what a password manager keeps it under.
    pub user_name: String,
    /// Why it was not changed, when it is about no field.
    pub error: Option<Message>,
    /// What is wrong with the present password.
    pub current_wrong: Option<Message>,
    /// What is wrong with the new one.
    pub new_wrong: Option<Message>,
    /// What is wrong with the new one typed again.
    pub again_wrong: Option<Message>,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// One session in [`Account`].
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Its identifier.
    pub id: String,
    /// Browser and system in plain words.
    pub device: String,
    /// When it was last used; `None` when no browser is in it.
    pub used: Option<String>,
    /// Where it was last seen from.
    pub network: String,
    /// When it began.
    pub since: String,
    /// Whether it is the one that shows this page.
    pub current: bool,
}

/// One consent in [`Account`].
#[derive(Debug, Clone)]
pub struct GrantView {
    /// The application's identifier.
    pub client_id: String,
    /// The application's name.
    pub client_name: String,
    /// Scope names.
    pub scopes: Vec<String>,
    /// When it was given.
    pub since: String,
}

/// One provider in [`Account`].
#[derive(Debug, Clone)]
pub struct LinkView {
    /// Its short name; empty when it is none any more.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its issuer.
    pub issuer: String,
    /// Since when the account is linked there; empty when it is not.
    pub since: String,
}

/// One e-certificate in [`Account`].
#[derive(Debug, Clone)]
pub struct CertificateView {
    /// The identifier of GB/T 36904.
    pub identifier: String,
    /// What kind of certificate it is.
    pub type_name: String,
    /// Who issued it.
    pub issuer: String,
    /// Its state in words.
    pub state: String,
    /// The colour that goes with the state.
    pub tone: Tone,
    /// Where its file is.
    pub href: String,
}
