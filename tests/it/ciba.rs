//! Backchannel authentication (OpenID Connect CIBA): an application asks for a person, who answers where they are logged in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use oidc::lifetimes::{DEFERRED_REQUEST_TTL_SECONDS, POLL_INTERVAL_SECONDS};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use yinxin::browser::Page;

use crate::kit::actors::{Answer, Application, Person, assert_shown};
use crate::kit::app::{TestApp, stories};
use crate::kit::intruder::Intruder;

pub(crate) const GRANT: &str = "urn:openid:params:grant-type:ciba";
const NOTIFICATION_TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";
/// How often two redeem the same code at once.
const RACES_COUNT: usize = 200;

stories! {
    async fn a_person_answers_where_they_are_logged_in(app: TestApp) {
        let counter = counter(&app).await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        assert_shown(&citizen.opens("/approvals").await, 200, "目前没有等待您答复的请求");
        let begun = counter
            .asks_for(&[("login_hint", "li.xiaoman"), ("scope", "openid profile"), ("binding_message", "柜台 7 W4SCT")])
            .await;
        assert_eq!((begun.status, begun.header("cache-control")), (200, "no-store"), "{begun:?}");
        assert_eq!((&begun.body["expires_in"], &begun.body["interval"]), (&json!(600), &json!(5)));
        let id = begun.text("auth_req_id");
        assert!(id.len() >= 22, "128 bits at least");
        counter.polls_for(id).await.assert_refused(400, "authorization_pending", "");
        counter.polls_for(id).await.assert_refused(400, "slow_down", "");

        let page = citizen.opens("/approvals").await;
        for shown in ["办事窗口", "柜台 7 W4SCT", "您的姓名和用户名", &citizen.sample.name] {
            assert_shown(&page, 200, shown);
        }
        assert_shown(&citizen.answers(&page, "allow").await, 200, "已同意");
        let tokens = counter.polls_for(id).await.tokens();
        assert_eq!(counter.user_info(&tokens.access).await.text("name"), citizen.sample.name);
        let claims = counter.verifies(tokens.id(), jose::Algorithm::Es256, app.now()).await;
        assert_eq!(claims.text("sub"), Some(citizen.sample.id.to_string().as_str()));
        counter.refreshes(tokens.refresh()).await.tokens();
        assert_shown(&citizen.opens("/approvals").await, 200, "目前没有等待您答复的请求");
        assert_shown(&citizen.answers(&page, "deny").await, 409, "已经答复过");

        let hint = ("id_token_hint", tokens.id());
        let begun = counter.asks_for(&[hint, ("scope", "openid")]).await;
        let page = citizen.opens("/approvals").await;
        assert_shown(&citizen.answers(&page, "deny").await, 200, "已拒绝");
        counter.polls_for(begun.text("auth_req_id")).await.assert_refused(400, "access_denied", "said no");
        let others = self::counter(&app).await.asks_for(&[hint, ("scope", "openid")]).await;
        assert_eq!((others.status, others.text("error")), (400, "unknown_user_id"), "another's ID token");
    }

    async fn a_request_is_its_clients_its_persons_and_soon_over(app: TestApp) {
        let counter = counter(&app).await;
        let (citizen, another) = (app.person("li.xiaoman"), app.person("chen.apo"));
        assert!(citizen.opens("/approvals").await.location.unwrap().starts_with("/login?back="));
        citizen.logs_in().await;
        another.logs_in().await;
        let begun = counter.asks_for(&[("login_hint", "li.xiaoman"), ("scope", "openid"), ("requested_expiry", "60")]).await;
        assert_eq!(begun.body["expires_in"], 60);
        let id = begun.text("auth_req_id");
        let page = citizen.opens("/approvals").await;
        assert_shown(&another.opens("/approvals").await, 200, "目前没有等待您答复的请求");
        let form = another.opens("/account").await;
        let mut stolen: Vec<_> = page.hidden_fields("/approvals").unwrap();
        let own = form.hidden_fields("/logout").unwrap();
        stolen.retain(|(name, _)| name != "csrf");
        stolen.extend(own.into_iter().filter(|(name, _)| name == "csrf"));
        stolen.push(("decision".into(), "allow".into()));
        assert_shown(&another.browser.post("/approvals", &stolen).await.unwrap(), 409, "已经答复过");

        self::counter(&app).await.polls_for(id).await.assert_refused(400, "invalid_grant", "another client");
        app.advance(60);
        counter.polls_for(id).await.assert_refused(400, "expired_token", "start again");
        assert_shown(&citizen.answers(&page, "allow").await, 409, "已过期");
        counter.polls_for("no-such-request").await.assert_refused(400, "invalid_grant", "unknown");
    }

    async fn nobody_is_flooded_and_whose_account_is_closed_is_asked_nothing(app: TestApp) {
        let counter = counter(&app).await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let ask = async |whom: &str| counter.asks_for(&[("login_hint", whom), ("scope", "openid")]).await;
        for _ in 0..3 {
            assert_eq!(ask("li.xiaoman").await.status, 200);
        }
        let refused = ask("li.xiaoman").await;
        assert_eq!((refused.status, refused.text("error")), (403, "access_denied"), "three wait");
        assert_eq!(ask("chen.apo").await.status, 200, "others are asked");

        let mut asked = 3;
        while asked < 20 {
            app.advance(1);
            let page = citizen.opens("/approvals").await;
            assert_shown(&citizen.answers(&page, "deny").await, 200, "已拒绝");
            assert_eq!(ask("li.xiaoman").await.status, 200, "{asked}");
            asked += 1;
        }
        let page = citizen.opens("/approvals").await;
        assert_shown(&citizen.answers(&page, "deny").await, 200, "已拒绝");
        assert_eq!(ask("li.xiaoman").await.status, 403, "twenty within an hour");
        app.advance(3_600);
        assert_eq!(ask("li.xiaoman").await.status, 200);

        for nobody in ["nobody", "", "李小满", "a b"] {
            let refused = ask(nobody).await;
            let expected = if nobody.is_empty() { "invalid_request" } else { "unknown_user_id" };
            assert_eq!((refused.status, refused.text("error")), (400, expected), "{nobody}");
        }
        let waiting = ask("chen.apo").await;
        let elder = app.person("chen.apo");
        elder.logs_in().await;
        let page = elder.opens("/approvals").await;
        assert_shown(&elder.answers(&page, "allow").await, 200, "已同意");
        Intruder::at(&app).does("UPDATE account SET state = 'disabled' WHERE user_name = 'chen.apo'").await;
        assert_eq!(ask("chen.apo").await.text("error"), "unknown_user_id");
        counter.polls_for(waiting.text("auth_req_id")).await.assert_refused(400, "invalid_grant", "");
    }

    async fn an_application_that_wants_to_be_told_is_told(app: TestApp) {
        let mut listener = Listener::listen().await;
        let counter = app
            .registers(json!({
                "grant_types": [GRANT], "response_types": [], "scope": "openid",
                "backchannel_token_delivery_mode": "ping",
                "backchannel_client_notification_endpoint": listener.address,
            }))
            .await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let form = [("login_hint", "li.xiaoman"), ("scope", "openid")];
        let refused = counter.asks_for(&form).await;
        assert_eq!((refused.status, refused.text("error")), (400, "invalid_request"), "{refused:?}");
        let form = [&form[..], &[("client_notification_token", NOTIFICATION_TOKEN)]].concat();
        for decision in ["allow", "deny"] {
            let begun = counter.asks_for(&form).await;
            let page = citizen.opens("/approvals").await;
            citizen.answers(&page, decision).await;
            let (authorization, told) = listener.told().await;
            assert_eq!(authorization, format!("Bearer {NOTIFICATION_TOKEN}"));
            assert_eq!(told, json!({"auth_req_id": begun.text("auth_req_id")}));
            let polled = counter.polls_for(begun.text("auth_req_id")).await;
            assert_eq!(polled.status, if decision == "allow" { 200 } else { 400 }, "{polled:?}");
        }

        listener.answers(503);
        let begun = counter.asks_for(&form).await;
        let page = citizen.opens("/approvals").await;
        citizen.answers(&page, "allow").await;
        listener.told().await;
        listener.answers(204);
        app.advance(POLL_INTERVAL_SECONDS);
        flows::ping_clients::ping(app.env(), app.now()).await.unwrap();
        let (_, told) = listener.told().await;
        assert_eq!(told, json!({"auth_req_id": begun.text("auth_req_id")}), "again");
        app.advance(DEFERRED_REQUEST_TTL_SECONDS / 2);
        flows::ping_clients::ping(app.env(), app.now()).await.unwrap();
        listener.told_nothing();
    }

    async fn of_two_redemptions_of_a_request_one_wins(app: TestApp) {
        let counter = counter(&app).await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        for round in 0..RACES_COUNT {
            let begun = counter.asks_for(&[("login_hint", "li.xiaoman"), ("scope", "openid")]).await;
            assert_eq!(begun.status, 200, "round {round}: {begun:?}");
            let page = citizen.opens("/approvals").await;
            citizen.answers(&page, "allow").await;
            let id = begun.text("auth_req_id");
            let (first, second) = tokio::join!(counter.polls_for(id), counter.polls_for(id));
            let mut statuses = [first.status, second.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 400], "round {round}: {first:?}, {second:?}");
            app.advance(200);
        }
    }

    async fn many_requests_at_once_ask_a_person_no_more_often(app: TestApp) {
        let counter = Arc::new(counter(&app).await);
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let counter = Arc::clone(&counter);
            asking.spawn(async move {
                counter.asks_for(&[("login_hint", "li.xiaoman"), ("scope", "openid")]).await.status
            });
        }
        let statuses = asking.join_all().await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 3, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 9, "{statuses:?}");
    }
}

/// A new application behind a counter.
pub(crate) async fn counter(app: &TestApp) -> Application {
    let members = json!({
        "grant_types": [GRANT, "refresh_token"], "response_types": [],
        "scope": "openid profile offline_access",
    });
    app.registers_as("办事窗口", members).await
}

impl Application {
    pub(crate) async fn asks_for(&self, form: &[(&str, &str)]) -> Answer {
        let request = self.request("/oauth2/bc-authorize");
        Answer::to(request.basic_auth(&self.client_id, Some(&self.client_secret)).form(form)).await
    }

    pub(crate) async fn polls_for(&self, auth_req_id: &str) -> Answer {
        self.asks(&[("grant_type", GRANT), ("auth_req_id", auth_req_id)]).await
    }
}

impl Person<'_> {
    /// Answers the first request of `page`.
    pub(crate) async fn answers(&self, page: &Page, decision: &str) -> Page {
        self.submits(page, "/approvals", &[("decision", decision)]).await
    }
}

/// Where an application is told.
struct Listener {
    address: String,
    told: UnboundedReceiver<(String, Value)>,
    answer: Arc<AtomicU16>,
}

#[derive(Clone)]
struct Heard {
    sender: UnboundedSender<(String, Value)>,
    answer: Arc<AtomicU16>,
}

impl Listener {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/ping", listener.local_addr().unwrap());
        let (sender, told) = unbounded_channel();
        let answer = Arc::new(AtomicU16::new(204));
        let router = Router::new().fallback(hear).with_state(Heard { sender, answer: Arc::clone(&answer) });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, told, answer }
    }

    fn answers(&self, status: u16) {
        self.answer.store(status, Ordering::SeqCst);
    }

    async fn told(&mut self) -> (String, Value) {
        let told = tokio::time::timeout(std::time::Duration::from_secs(30), self.told.recv()).await;
        told.expect("told in time").expect("the application listens")
    }

    fn told_nothing(&mut self) {
        assert!(self.told.try_recv().is_err());
    }
}

async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: Bytes) -> StatusCode {
    // Before the story goes on and changes it.
    let status = heard.answer.load(Ordering::SeqCst);
    let authorization = headers["authorization"].to_str().unwrap().to_owned();
    assert_eq!(headers["content-type"], "application/json");
    heard.sender.send((authorization, serde_json::from_slice(&body).unwrap())).ok();
    StatusCode::from_u16(status).unwrap()
}
