//! Answers to what is asked elsewhere: a device's code is typed here (RFC 8628, 3.3), and what applications ask of a person who is not at
//! them waits here (OIDC CIBA Core 1.0, 8).

use ::oidc::device::UserCode;
use ::oidc::discovery::paths;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use flows::deferred::Question;
use flows::sessions::Login;
use flows::{Failure, Reason, Rejected, ask_person, authorize_device};

use crate::App;
use crate::body::{self, Form, Received};
use crate::oidc::client_name;
use crate::pages::parts::Fact;
use crate::pages::person::{Answered, Approval, Approvals, Detail, Device, DeviceConsent};
use crate::pages::{Frame, Message};
use crate::problem;
use crate::visitor::Visitor;

/// Longest typed code that is shown again, in characters.
const TYPED_MAX_CHARS: usize = 32;

/// Where what applications ask of a person waits.
const APPROVALS: &str = "/approvals";

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new()
        .route(paths::DEVICE, get(device_page).post(device_code))
        .route("/device/answer", post(device_answer))
        .route(APPROVALS, get(approvals).post(approval))
}

/// Shows the form, with the code that a scanned picture carried (RFC 8628, 3.3.1). The code is looked at only when it is sent.
async fn device_page(State(app): State<App>, visitor: Visitor, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let carried = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "user_code");
    let carried = carried.map(|(_, code)| readable(&code)).unwrap_or_default();
    device_form(&app, &visitor, carried, None)
}

fn device_form(app: &App, visitor: &Visitor, user_code: String, error: Option<Message>) -> Response {
    let frame = visitor.frame(app, &with_code(&user_code));
    visitor.remember(problem::html(&Device { frame, user_code, error, csrf: visitor.csrf(app) }))
}

async fn device_code(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let form = match form(&app, &visitor, &headers, received) {
        Ok(form) => form,
        Err(failure) => return problem::page(&app, &visitor, failure),
    };
    let typed = readable(form.text("user_code"));
    let Some(login) = &visitor.login else { return to_login(&with_code(&typed)) };
    device_question(&app, &visitor, login, typed).await
}

/// What the device with this code asks of the person.
async fn device_question(app: &App, visitor: &Visitor, login: &Login, typed: String) -> Response {
    match authorize_device::look(&app.env, visitor.now, login, visitor.network, &typed).await {
        Ok(question) => device_consent(app, visitor, login, &question, typed),
        Err(failure) => not_taken(app, visitor, typed, failure),
    }
}

/// The form again, with what was wrong.
fn not_taken(app: &App, visitor: &Visitor, typed: String, failure: Failure) -> Response {
    let Failure::Rejected(rejected) = failure else { return problem::page(app, visitor, failure) };
    let message = match rejected.reason {
        Reason::TooMany { retry_after_seconds } => {
            Message::new("device-wait").with("seconds", retry_after_seconds)
        }
        _ if rejected.code == "wrong_user_code" => Message::new("device-wrong"),
        _ => return problem::page(app, visitor, rejected.into()),
    };
    let page = device_form(app, visitor, typed, Some(message));
    let mut response = (problem::status(rejected.reason), page).into_response();
    problem::retry_after(&mut response, rejected.reason);
    response
}

fn device_consent(
    app: &App,
    visitor: &Visitor,
    login: &Login,
    question: &Question,
    typed: String,
) -> Response {
    let user_code = typed.parse::<UserCode>().map_or(typed, |code| code.to_string());
    let frame = visitor.frame(app, &with_code(&user_code));
    let view = DeviceConsent {
        client_name: client_name(visitor, &question.client),
        account_name: login.account.display_name.clone(),
        account: login.account.id.to_string(),
        facts: vec![
            Fact::new(frame.t("asked-from"), &question.row.network),
            Fact::new(frame.t("asked-at"), question.row.created.minute_in_china()),
        ],
        scopes: question.asked.scope.iter().map(str::to_owned).collect(),
        details: question.asked.authorization_details.iter().map(Detail::new).collect(),
        csrf: visitor.csrf(app),
        user_code,
        frame,
    };
    visitor.remember(problem::html(&view))
}

async fn device_answer(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let form = match form(&app, &visitor, &headers, received) {
        Ok(form) => form,
        Err(failure) => return problem::page(&app, &visitor, failure),
    };
    let typed = readable(form.text("user_code"));
    let Some(login) = &visitor.login else { return to_login(&with_code(&typed)) };
    if form.text("account") != login.account.id.to_string() {
        // Shown to somebody else, who was logged in here then: whoever is here now has not been asked yet.
        return device_question(&app, &visitor, login, typed).await;
    }
    let answered = async {
        let (network, allowed) = (visitor.network, decision(&form)?);
        let question =
            authorize_device::answer(&app.env, visitor.now, login, network, &typed, allowed).await?;
        Ok::<_, Failure>((question, allowed))
    };
    match answered.await {
        Ok((question, allowed)) => {
            let client_name = client_name(&visitor, &question.client);
            let frame = visitor.frame(&app, paths::DEVICE);
            visitor.remember(problem::html(&Answered { frame, client_name, allowed }))
        }
        Err(failure) => problem::page(&app, &visitor, failure),
    }
}

async fn approvals(State(app): State<App>, visitor: Visitor) -> Response {
    let Some(login) = &visitor.login else { return to_login(APPROVALS) };
    let waiting = match ask_person::waiting(&app.env, visitor.now, login).await {
        Ok(waiting) => waiting,
        Err(fault) => return problem::page(&app, &visitor, fault.into()),
    };
    let frame = visitor.frame(&app, APPROVALS);
    let view = Approvals {
        account_name: login.account.display_name.clone(),
        approvals: waiting.iter().map(|question| approval_view(&visitor, &frame, question)).collect(),
        csrf: visitor.csrf(&app),
        frame,
    };
    visitor.remember(problem::html(&view))
}

fn approval_view(visitor: &Visitor, frame: &Frame, question: &Question) -> Approval {
    Approval {
        id: question.row.id.to_string(),
        client_name: client_name(visitor, &question.client),
        message: question.asked.binding_message.clone(),
        facts: vec![
            Fact::new(frame.t("asked-at"), question.row.created.minute_in_china()),
            Fact::new(frame.t("answer-until"), question.row.expires.minute_in_china()),
        ],
        scopes: question.asked.scope.iter().map(str::to_owned).collect(),
        details: question.asked.authorization_details.iter().map(Detail::new).collect(),
    }
}

async fn approval(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let form = match form(&app, &visitor, &headers, received) {
        Ok(form) => form,
        Err(failure) => return problem::page(&app, &visitor, failure),
    };
    let Some(login) = &visitor.login else { return to_login(APPROVALS) };
    let answered = async {
        let allowed = decision(&form)?;
        let question =
            ask_person::answer(&app.env, visitor.now, login, form.text("request"), allowed).await?;
        Ok::<_, Failure>((question, allowed))
    };
    match answered.await {
        Ok((question, allowed)) => {
            let client_name = client_name(&visitor, &question.client);
            let frame = visitor.frame(&app, APPROVALS);
            visitor.remember(problem::html(&Answered { frame, client_name, allowed }))
        }
        Err(failure) => problem::page(&app, &visitor, failure),
    }
}

/// Whether the person said yes.
fn decision(form: &Form) -> Result<bool, Rejected> {
    match form.text("decision") {
        "allow" => Ok(true),
        "deny" => Ok(false),
        other => {
            let message = format!("expected `decision` to be `allow` or `deny`, got `{other}`");
            Err(Rejected::bad_request("bad_decision", message))
        }
    }
}

/// The form, if it was shown to this browser.
fn form(app: &App, visitor: &Visitor, headers: &HeaderMap, received: Received) -> Result<Form, Failure> {
    let form = body::form(headers, received)?;
    visitor.check_csrf(app, form.text("csrf"))?;
    Ok(form)
}

fn to_login(back: &str) -> Response {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("back", back).finish();
    Redirect::to(&format!("/login?{query}")).into_response()
}

/// The path of the form with `user_code` in it.
fn with_code(user_code: &str) -> String {
    if user_code.is_empty() {
        return paths::DEVICE.to_owned();
    }
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("user_code", user_code).finish();
    format!("{}?{query}", paths::DEVICE)
}

fn readable(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(TYPED_MAX_CHARS).collect()
}
