//! One's own account: sessions, consents, certificates.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base::{Secret, Timestamp};
use flows::change_password::{self, Change};
use flows::sessions::{self, Login};
use flows::{Failure, Fault, Rejected, clients, ecerts, people};
use serde::Deserialize;

use crate::App;
use crate::body::{self, Form, Received};
use crate::pages::parts::Fact;
use crate::pages::person::{Account, CertificateView, ChangePassword, GrantView, SessionView};
use crate::pages::{Frame, Message};
use crate::problem;
use crate::refusal;
use crate::upstream;
use crate::verifying::state_words;
use crate::visitor::Visitor;

pub(crate) const ACCOUNT: &str = "/account";
const PASSWORD: &str = "/account/password";
/// A browser that is none of the known ones is shown by the beginning of its own name.
const DEVICE_NAME_MAX_CHARS: usize = 60;

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new()
        .route(ACCOUNT, get(account))
        .route("/account/sessions/end", post(end_session))
        .route("/account/grants/withdraw", post(withdraw))
        .route(PASSWORD, get(password_page).post(new_password))
        .route("/account/certificates/{identifier}", get(certificate))
}

#[derive(Deserialize)]
struct Asked {
    done: Option<String>,
}

async fn account(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Response {
    let Some(login) = &visitor.login else { return to_login() };
    let done = match asked.done.as_deref() {
        Some("password") => Some(Message::new("password-changed")),
        _ => None,
    };
    match account_view(&app, &visitor, login, done).await {
        Ok(view) => visitor.remember(problem::html(&view)),
        Err(fault) => problem::page(&app, &visitor, fault.into()),
    }
}

fn to_login() -> Response {
    Redirect::to("/login?back=/account").into_response()
}

async fn account_view(
    app: &App,
    visitor: &Visitor,
    login: &Login,
    done: Option<Message>,
) -> Result<Account, Fault> {
    let frame = visitor.frame(app, ACCOUNT);
    Ok(Account {
        name: login.account.display_name.clone(),
        user_name: login.account.user_name.clone(),
        real_name: real_name(login.account.real_name_level),
        facts: facts(app, &frame, login).await?,
        sessions: session_views(app, visitor, &frame, login).await?,
        grants: grant_views(app, visitor, &frame, login).await?,
        upstreams: upstream::link_views(app, &frame, login).await?,
        certificates: certificate_views(app, visitor, &frame, login).await?,
        has_password: login.account.password_hash.is_some(),
        done,
        csrf: visitor.csrf(app),
        frame,
    })
}

/// The words for a real-name level, a place in [`identity::RealNameLevel::ALL`].
fn real_name(level: u8) -> Message {
    match level {
        0 => Message::new("real-name-0"),
        1 => Message::new("real-name-1"),
        2 => Message::new("real-name-2"),
        _ => Message::new("real-name-3"),
    }
}

async fn facts(app: &App, frame: &Frame, login: &Login) -> Result<Vec<Fact>, Fault> {
    let mut facts = Vec::new();
    if let Some(number) = people::masked_id_number(&app.env, &login.account)? {
        facts.push(Fact::new(frame.t("identity-number"), number));
    }
    if let Some(post) = people::post_of(&app.env, login.account.id).await? {
        let units = people::organisation(&app.env).await?;
        if let Some(unit) = units.into_iter().find(|unit| unit.id == post.unit) {
            facts.push(Fact::new(frame.t("unit"), frame.either(&unit.name_zh, &unit.name_en)));
        }
        facts.push(Fact::new(frame.t("post"), post.post));
        facts.push(Fact::new(frame.t("clearance"), frame.t1("grade", "grade", post.clearance)));
    }
    Ok(facts)
}

async fn session_views(
    app: &App,
    visitor: &Visitor,
    frame: &Frame,
    login: &Login,
) -> Result<Vec<SessionView>, Fault> {
    let sessions = sessions::of_account(&app.env, visitor.now, login.account.id).await?;
    let view = |session: &store::rows::sessions::SessionRow| SessionView {
        id: session.id.to_string(),
        device: device(&session.user_agent).unwrap_or_else(|| frame.t("unknown-device")),
        network: session.network.clone(),
        since: session.authenticated.minute_in_china(),
        used: session.used.map(Timestamp::minute_in_china),
        current: session.id == login.session.id,
    };
    Ok(sessions.iter().map(view).collect())
}

async fn grant_views(
    app: &App,
    visitor: &Visitor,
    frame: &Frame,
    login: &Login,
) -> Result<Vec<GrantView>, Fault> {
    let given = sessions::given(&app.env, visitor.now, login.account.id).await?;
    let clients = clients::all(&app.env).await?;
    let view = |given: sessions::Given| {
        let client = clients.iter().find(|client| client.id.as_str() == given.client_id);
        let name = client.map(|client| frame.either(&client.name.zh, &client.name.en).to_owned());
        GrantView {
            client_name: name.unwrap_or_else(|| given.client_id.clone()),
            client_id: given.client_id,
            scopes: given.scopes,
            since: given.since.date_in_china(),
        }
    };
    Ok(given.into_iter().map(view).collect())
}

async fn certificate_views(
    app: &App,
    visitor: &Visitor,
    frame: &Frame,
    login: &Login,
) -> Result<Vec<CertificateView>, Fault> {
    let rows = ecerts::of_account(&app.env, &login.account).await?;
    let view = |row: &store::rows::ecerts::EcertRow| {
        let standing = ecerts::standing(row, visitor.now)?;
        let (key, tone) = state_words(standing.state);
        Ok(CertificateView {
            href: format!("/account/certificates/{}", standing.identifier),
            identifier: standing.identifier,
            type_name: standing.name,
            issuer: standing.issuing_authority,
            state: frame.t(key),
            tone,
        })
    };
    rows.iter().map(view).collect()
}

async fn end_session(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let ended = async {
        let (login, form) = act(&app, &visitor, &headers, received)?;
        let session = form
            .text("session")
            .parse()
            .map_err(|e: base::id::BadId| Rejected::not_found("no_such_session", e.to_string()))?;
        sessions::end(&app.env, visitor.now, login.account.id, session).await
    };
    back_to_account(&app, &visitor, ended.await)
}

async fn withdraw(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let withdrawn = async {
        let (login, form) = act(&app, &visitor, &headers, received)?;
        sessions::withdraw(&app.env, visitor.now, login.account.id, form.text("client")).await
    };
    back_to_account(&app, &visitor, withdrawn.await)
}

async fn password_page(State(app): State<App>, visitor: Visitor) -> Response {
    if visitor.login.is_none() {
        return to_login();
    }
    password_view(&app, &visitor, None)
}

/// The form; and the field of it where something is wrong, with what.
fn password_view(app: &App, visitor: &Visitor, wrong: Option<(String, Message)>) -> Response {
    let at = |name: &str| wrong.as_ref().filter(|(field, _)| field == name).map(|(_, what)| what.clone());
    let fields = ["current_password", "password", "password_again"];
    let elsewhere = wrong.as_ref().filter(|(field, _)| !fields.contains(&field.as_str()));
    let [current_wrong, new_wrong, again_wrong] = fields.map(at);
    let view = ChangePassword {
        frame: visitor.frame(app, PASSWORD),
        user_name: visitor.login.as_ref().map(|login| login.account.user_name.clone()).unwrap_or_default(),
        error: elsewhere.map(|(_, what)| what.clone()),
        current_wrong,
        new_wrong,
        again_wrong,
        csrf: visitor.csrf(app),
    };
    visitor.remember(problem::html(&view))
}

async fn new_password(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let (login, form) = match act(&app, &visitor, &headers, received) {
        Ok(acting) => acting,
        Err(failure) => return problem::page(&app, &visitor, failure),
    };
    if form.text("password") != form.text("password_again") {
        let wrong = Some(("password_again".to_owned(), Message::new("enrol-passwords-differ")));
        return (StatusCode::UNPROCESSABLE_ENTITY, password_view(&app, &visitor, wrong)).into_response();
    }
    let secret = |name| Secret::new(form.text(name).to_owned());
    let change = Change {
        current: secret("current_password"),
        new: secret("password"),
        network: visitor.network,
        device: visitor.device.clone(),
    };
    match change_password::change(&app.env, visitor.now, login, change).await {
        Ok(cookie) => visitor.renewed(Redirect::to("/account?done=password").into_response(), &cookie),
        Err(Failure::Rejected(rejected)) => {
            let wrong = refusal::field(&rejected);
            let wrong =
                wrong.unwrap_or_else(|| (String::new(), refusal::words(&rejected, visitor.display.lang)));
            let page = password_view(&app, &visitor, Some(wrong));
            let mut response = (problem::status(rejected.reason), page).into_response();
            problem::retry_after(&mut response, rejected.reason);
            response
        }
        Err(fault) => problem::page(&app, &visitor, fault),
    }
}

/// Who acts, and the form that was shown to them.
pub(crate) fn act<'a>(
    app: &App,
    visitor: &'a Visitor,
    headers: &HeaderMap,
    received: Received,
) -> Result<(&'a Login, Form), Failure> {
    let form = body::form(headers, received)?;
    visitor.check_csrf(app, form.text("csrf"))?;
    Ok((visitor.known()?, form))
}

fn back_to_account(app: &App, visitor: &Visitor, done: Result<(), Failure>) -> Response {
    match done {
        Ok(()) => Redirect::to(ACCOUNT).into_response(),
        Err(failure) => problem::page(app, visitor, failure),
    }
}

async fn certificate(State(app): State<App>, visitor: Visitor, Path(identifier): Path<String>) -> Response {
    let Some(login) = &visitor.login else { return to_login() };
    let rows = match ecerts::of_account(&app.env, &login.account).await {
        Ok(rows) => rows,
        Err(fault) => return problem::page(&app, &visitor, fault.into()),
    };
    match rows.into_iter().find(|row| row.identifier == identifier) {
        Some(row) => ofd_download(&format!("{identifier}.ofd"), row.file).into_response(),
        // Whose it is, if anybody's, is not told.
        None => {
            let rejected = Rejected::not_found("no_such_certificate", "you have no such certificate");
            problem::page(&app, &visitor, rejected.into())
        }
    }
}

/// An OFD file to be saved as `name` (RFC 6266, 4; RFC 8187 for what is not ASCII).
pub fn ofd_download(name: &str, file: Vec<u8>) -> impl IntoResponse + use<> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let encoded: String = name.bytes().map(attribute_char).collect();
    let disposition = format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}");
    ([(header::CONTENT_TYPE, crate::api::OFD.to_owned()), (header::CONTENT_DISPOSITION, disposition)], file)
}

/// RFC 8187, 3.2.1: letters, digits and a few marks stand for themselves.
fn attribute_char(byte: u8) -> String {
    match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

/// Browser and system in plain words, as far as the browser's own name tells.
fn device(user_agent: &str) -> Option<String> {
    // Browsers name those they descend from too, so that the youngest comes first.
    const BROWSERS: &[(&str, &str)] = &[
        ("MicroMessenger/", "WeChat"),
        ("Edg/", "Edge"),
        ("EdgA/", "Edge"),
        ("HuaweiBrowser/", "Huawei Browser"),
        ("QQBrowser/", "QQ Browser"),
        ("UCBrowser/", "UC Browser"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("HeadlessChrome/", "Chromium"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: &[(&str, &str)] = &[
        ("HarmonyOS", "HarmonyOS"),
        ("OpenHarmony", "HarmonyOS"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let named = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (named(BROWSERS), named(SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} · {system}")),
        (Some(name), None) | (None, Some(name)) => Some(name.to_owned()),
        (None, None) => {
            let own: String = user_agent.chars().take(DEVICE_NAME_MAX_CHARS).collect();
            if own.trim().is_empty() { None } else { Some(own) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_in_plain_words() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36",
                "Chrome · Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0",
                "Edge · Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1",
                "Safari · iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/116.0 Safari/537.36 MicroMessenger/8.0",
                "WeChat · Android",
            ),
            ("curl/8.5.0", "curl"),
            ("minister's own browser", "minister's own browser"),
        ] {
            assert_eq!(device(user_agent).as_deref(), Some(expected));
        }
        assert_eq!(device(" "), None);
    }

    #[test]
    fn a_download_keeps_its_chinese_name_and_cannot_break_its_header() {
        let name = |name| {
            let response = ofd_download(name, Vec::new()).into_response();
            response.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().to_owned()
        };
        assert_eq!(name("a.ofd"), "attachment; filename=\"a.ofd\"; filename*=UTF-8''a.ofd");
        assert_eq!(
            name("通知.ofd"),
            "attachment; filename=\"__.ofd\"; filename*=UTF-8''%E9%80%9A%E7%9F%A5.ofd"
        );
        assert_eq!(
            name("a\"\r\nx: y.ofd"),
            "attachment; filename=\"a___x__y.ofd\"; filename*=UTF-8''a%22%0D%0Ax%3A%20y.ofd"
        );
    }
}
