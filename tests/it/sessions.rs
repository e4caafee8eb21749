//! Logins: when they end by themselves, and how many there are of one person.

use base::id::Session;
use base::{Id, Timestamp};
use flows::session_limits::SessionLimits;
use serde_json::json;
use store::rows::sessions::{self, LiveAt, SessionRow};

use crate::device::television;
use crate::kit::actors::{Application, Person, Returned, Tokens, assert_shown, claims_of, cookie};
use crate::kit::app::{TestApp, stories};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
/// How long a login may stand idle unless the operator says otherwise.
const IDLE: i64 = 2 * HOUR;
/// How often two change places.
const CHANGES_COUNT: usize = 10;

stories! {
    async fn a_login_that_nobody_uses_ends(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (portal, fund) = (app.application("portal"), app.application("fund"));
        let online = portal.admits(&citizen, "openid").await;
        let offline = fund.admits(&citizen, "openid offline_access").await;
        for _ in 0..2 {
            app.advance(IDLE - 1);
            assert_eq!(silently(&citizen, &portal).await, Ok(()), "each use begins the time anew");
        }
        app.advance(IDLE);
        assert_eq!(silently(&citizen, &portal).await, Err("login_required".to_owned()));
        let account = citizen.opens("/account").await;
        assert_eq!(account.location.as_deref(), Some("/login?back=/account"));
        assert_eq!(portal.introspects(online.refresh()).await, json!({ "active": false }));
        assert_eq!(fund.introspects(offline.refresh()).await["active"], true);
        portal.refreshes(online.refresh()).await.assert_refused(400, "invalid_grant", "expired or revoked");
        let offline = fund.refreshes(offline.refresh()).await.tokens();
        assert_eq!(fund.user_info(&offline.access).await.status, 200, "it may come without the person");

        let again = portal.admits(&citizen, "openid").await;
        assert_ne!(session_of(&again), session_of(&online), "another login");
        assert!(kept(&app, session_of(&online)).await.is_none());
    }

    async fn logging_out_of_a_login_that_is_over_by_itself_ends_what_hangs_from_it(app: TestApp) {
        let (address, mut told) = listener().await;
        let listens = tells(&app, address).await;
        let [hinted, asked] = [0; 2].map(|_| app.person("li.xiaoman"));
        for (citizen, after) in [(&hinted, IDLE), (&asked, IDLE), (&hinted, 12 * HOUR)] {
            let tokens = listens.admits(citizen, "openid offline_access").await;
            app.advance(after);
            assert!(kept(&app, session_of(&tokens)).await.is_none(), "it is over by itself");
            let done = if std::ptr::eq(citizen, &hinted) {
                citizen.opens(&format!("/oauth2/logout?id_token_hint={}", tokens.id())).await
            } else {
                let page = citizen.opens("/oauth2/logout").await;
                assert_shown(&page, 200, "确定要退出登录吗？");
                citizen.submits(&page, "/logout", &[("confirm", "yes")]).await
            };
            assert_shown(&done, 200, "您已退出登录");
            listens.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
            assert_eq!(sid_of(&told.recv().await.unwrap()), session_of(&tokens).to_string());
        }
    }

    async fn whoever_logs_in_after_somebody_else_who_stands_idle_ends_that_login(app: TestApp) {
        let (address, mut told) = listener().await;
        let listens = tells(&app, address).await;
        let first = app.person("li.xiaoman");
        let tokens = listens.admits(&first, "openid offline_access").await;
        app.advance(IDLE);
        let Person { browser, .. } = first;
        app.person("chen.apo").at(browser).logs_in().await;
        listens.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        assert_eq!(sid_of(&told.recv().await.unwrap()), session_of(&tokens).to_string());
    }

    async fn a_login_ends_with_its_time_however_much_it_is_used(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        portal.admits(&citizen, "openid").await;
        for _ in 0..11 {
            app.advance(HOUR);
            assert_eq!(silently(&citizen, &portal).await, Ok(()));
        }
        app.advance(HOUR - 1);
        assert_eq!(silently(&citizen, &portal).await, Ok(()));
        app.advance(1);
        assert_eq!(silently(&citizen, &portal).await, Err("login_required".to_owned()));
    }

    async fn that_a_login_is_used_is_written_down_once_in_a_while(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let session = session_of(&app.application("portal").admits(&citizen, "openid").await);
        let began = app.now();
        for (seconds, written) in [(299, 0), (1, 300), (150, 300), (149, 300), (1, 600)] {
            app.advance(seconds);
            citizen.opens("/account").await;
            assert_eq!(used(&app, session).await, began.plus_seconds(written));
        }

        app.advance(IDLE);
        let mut tx = app.env().db.begin().await.unwrap();
        let late = sessions::mark_used(&mut tx, session, app.now(), at(&app)).await.unwrap();
        assert!(!late, "what stands idle does not come back");
        tx.commit().await.unwrap();
    }

    async fn a_login_does_not_stand_idle_while_an_application_is_there_for_the_person(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (portal, fund) = (app.application("portal"), app.application("fund"));
        let mut online = portal.admits(&citizen, "openid").await;
        let mut offline = fund.admits(&citizen, "openid offline_access").await;
        for _ in 0..3 {
            app.advance(IDLE - MINUTE);
            online = portal.refreshes(online.refresh()).await.tokens();
        }
        assert_eq!(silently(&citizen, &portal).await, Ok(()));
        for _ in 0..2 {
            app.advance(IDLE - MINUTE);
            offline = fund.refreshes(offline.refresh()).await.tokens();
        }
        let ended = silently(&citizen, &portal).await;
        assert_eq!(ended, Err("login_required".to_owned()), "one that comes without the person says nothing of them");
        portal.refreshes(online.refresh()).await.assert_refused(400, "invalid_grant", "expired or revoked");
    }

    async fn what_another_device_refreshes_says_nothing_of_who_is_in_the_browser(app: TestApp) {
        let (citizen, television) = (app.person("li.xiaoman"), television(&app).await);
        citizen.logs_in().await;
        let begun = television.begins(&[("scope", "openid")]).await;
        citizen.allows(begun.text("user_code")).await;
        let tokens = television.polls(begun.text("device_code")).await.tokens();
        let (session, began) = (session_of(&tokens), app.now());
        app.advance(IDLE - 1);
        let tokens = television.refreshes(tokens.refresh()).await.tokens();
        assert_eq!(used(&app, session).await, began);
        app.advance(1);
        television.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "expired or revoked");
    }

    async fn how_long_a_login_may_stand_idle_is_the_operators_to_say(app: TestApp) {
        let mut app = app;
        app.restart_with(|config| config.sessions = SessionLimits::new(Some(10), None).unwrap()).await;
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        portal.admits(&citizen, "openid").await;
        app.advance(10 * MINUTE - 1);
        assert_eq!(silently(&citizen, &portal).await, Ok(()));
        app.advance(10 * MINUTE);
        assert_eq!(silently(&citizen, &portal).await, Err("login_required".to_owned()));

        portal.admits(&citizen, "openid").await;
        let Person { browser, .. } = citizen;
        app.restart_with(|config| config.sessions = SessionLimits::default()).await;
        let citizen = app.person("li.xiaoman").at(browser);
        app.advance(10 * MINUTE);
        assert_eq!(silently(&citizen, &portal).await, Ok(()), "it counts at once, also for who is logged in");
    }

    async fn people_see_when_each_login_was_last_used(app: TestApp) {
        let (here, there) = (app.person("li.xiaoman"), app.person("li.xiaoman"));
        for person in [&here, &there] {
            person.opens("/display?lang=en&back=/login").await;
            person.logs_in().await;
        }
        app.advance(90 * MINUTE);
        let page = here.opens("/account").await;
        assert_shown(&page, 200, "Last used about 2026-11-24 16:00");
        assert_shown(&page, 200, "Last used about 2026-11-24 17:30");
        app.advance(IDLE - 90 * MINUTE);
        let page = here.opens("/account").await;
        assert!(!page.text.contains("2026-11-24 16:00</span>"), "the other one is over: {}", page.text);
    }

    async fn one_login_too_many_ends_the_one_that_was_used_longest_ago(app: TestApp) {
        let mut app = app;
        let (address, mut told) = listener().await;
        app.restart_with(|config| config.sessions = SessionLimits::new(None, Some(3)).unwrap()).await;
        let told_of_logouts = tells(&app, address).await;
        let places = [0; 4].map(|_| app.person("li.xiaoman"));
        let [first, second, third, fourth] = &places;
        let mut tokens = Vec::new();
        for person in [first, second, third] {
            app.advance(10 * MINUTE);
            tokens.push(told_of_logouts.admits(person, "openid offline_access").await);
        }
        app.advance(10 * MINUTE);
        first.opens("/account").await; // so that the second is the one that was used longest ago

        for wrong in ["a-wrong-password-1", "a-wrong-password-2"] {
            fourth.tries(wrong).await;
        }
        app.advance(MINUTE);
        assert_eq!(live(&app, first).await, [0, 1, 2].map(|n| session_of(&tokens[n])), "who does not get in pushes nobody out");
        let latest = told_of_logouts.admits(fourth, "openid").await;
        let left = [session_of(&tokens[0]), session_of(&tokens[2]), session_of(&latest)];
        assert_eq!(live(&app, first).await, left);
        assert!(second.opens("/account").await.location.is_some(), "to the login");
        told_of_logouts.user_info(&tokens[1].access).await.assert_problem(401, "invalid_token", "revoked");
        told_of_logouts.refreshes(tokens[1].refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        assert_eq!(sid_of(&told.recv().await.unwrap()), session_of(&tokens[1]).to_string());
        app.log_size().await;
        let entries = flows::log::latest(app.env(), 20).await.unwrap();
        let entry = entries.iter().find(|entry| entry.kind == "session_superseded").unwrap();
        assert_eq!(entry.subject, session_of(&tokens[1]).to_string());

        fourth.logs_in().await; // shown again, which is no login more
        assert_eq!(live(&app, first).await, left);
        told_of_logouts.refreshes(tokens[0].refresh()).await.tokens();
    }

    async fn of_many_logins_at_once_no_more_stay_than_there_may_be(app: TestApp) {
        let mut app = app;
        app.restart_with(|config| config.sessions = SessionLimits::new(None, Some(2)).unwrap()).await;
        let places = [0; 4].map(|_| app.person("li.xiaoman"));
        let [a, b, c, d] = &places;
        for _ in 0..5 {
            tokio::join!(a.logs_in(), b.logs_in(), c.logs_in(), d.logs_in());
            assert_eq!(live(&app, a).await.len(), 2);
            app.advance(1);
        }
    }

    async fn two_who_change_places_at_once_never_wait_in_a_circle(app: TestApp) {
        let mut app = app;
        app.restart_with(|config| config.sessions = SessionLimits::new(None, Some(1)).unwrap()).await;
        let (mut one, mut other) = (app.person("li.xiaoman"), app.person("chen.apo"));
        one.logs_in().await;
        other.logs_in().await;
        for _ in 0..CHANGES_COUNT {
            app.advance(1);
            // Each ends the other's login, where they are now, and their own, where they were.
            std::mem::swap(&mut one.browser, &mut other.browser);
            tokio::join!(one.logs_in(), other.logs_in());
            for person in [&one, &other] {
                assert_eq!(person.opens("/account").await.status, 200);
                assert_eq!(live(&app, person).await.len(), 1);
            }
        }
    }

    async fn a_smaller_number_counts_at_the_next_login(app: TestApp) {
        let mut app = app;
        let places = [0; 5].map(|_| app.person("li.xiaoman").browser);
        for browser in places {
            app.person("li.xiaoman").at(browser).logs_in().await;
            app.advance(1);
        }
        app.restart_with(|config| config.sessions = SessionLimits::new(None, Some(1)).unwrap()).await;
        let citizen = app.person("li.xiaoman");
        assert_eq!(live(&app, &citizen).await.len(), 5);
        citizen.logs_in().await;
        assert_eq!(live(&app, &citizen).await.len(), 1);
        assert_eq!(citizen.opens("/account").await.status, 200);
    }

    async fn a_new_password_puts_the_login_under_another_cookie(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let entered = citizen.enters(&citizen.opens("/login").await).await;
        let planted = cookie(&entered, "yinxin-session").unwrap();
        let tokens = portal.admits(&citizen, "openid").await;
        let page = citizen.opens("/account/password").await;
        let (current, new) = (citizen.sample.password.as_str(), "a-new-house-of-words-9");
        let fields = [("current_password", current), ("password", new), ("password_again", new)];
        let done = citizen.submits(&page, "/account/password", &fields).await;
        assert_eq!(done.location.as_deref(), Some("/account?done=password"), "{}", done.text);
        let renewed = cookie(&done, "yinxin-session").unwrap();
        assert_ne!(renewed, planted);
        assert_eq!(cookie(&done, "yinxin-session-state"), None, "applications' pages see no change");

        assert_eq!(citizen.opens("/account").await.status, 200);
        assert_eq!(silently(&citizen, &portal).await, Ok(()));
        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        let again = portal.admits(&citizen, "openid").await;
        assert_eq!(session_of(&again), session_of(&tokens), "the same login, for applications");
        let whoever_has_it = app.http().get(app.url("/account")).header("cookie", format!("yinxin-session={planted}"));
        let refused = whoever_has_it.send().await.unwrap();
        assert_eq!(refused.headers()["location"], "/login?back=/account", "the former cookie opens nothing");
    }

    async fn applications_pages_see_that_another_login_came_after_the_idle_one(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let state = async || {
            let page = citizen.enters(&citizen.opens("/login").await).await;
            cookie(&page, "yinxin-session-state").unwrap()
        };
        let first = state().await;
        app.advance(IDLE - 1);
        assert_eq!(state().await, first, "the same login, shown again");
        app.advance(IDLE);
        assert_ne!(state().await, first);
    }
}

/// Asks for an answer without a page; or why there is none.
async fn silently(person: &Person<'_>, application: &Application) -> Result<(), String> {
    let request = application.requests("openid").with("prompt", "none");
    let returned = Returned::by(&person.opens(&request.path()).await);
    if returned.value("code").is_some() { Ok(()) } else { Err(returned.error()) }
}

fn session_of(tokens: &Tokens) -> Id<Session> {
    claims_of(&tokens.access)["sid"].as_str().unwrap().parse().unwrap()
}

/// The live logins of `person`, oldest first.
async fn live(app: &TestApp, person: &Person<'_>) -> Vec<Id<Session>> {
    let mut conn = app.env().db.read().await.unwrap();
    let live = sessions::live_of(&mut conn, person.sample.id, at(app)).await.unwrap();
    live.into_iter().map(|session| session.id).collect()
}

/// Where an application listens, and the bodies that come.
async fn listener() -> (std::net::SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (say, heard) = tokio::sync::mpsc::unbounded_channel();
    let listens = async move |body: String| drop(say.send(body));
    let router = axum::Router::new().route("/backchannel", axum::routing::post(listens));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
    (address, heard)
}

/// An application that is told of logouts at `address`.
async fn tells(app: &TestApp, address: std::net::SocketAddr) -> Application {
    app.registers(json!({
        "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid offline_access",
        "grant_types": ["authorization_code", "refresh_token"],
        "backchannel_logout_uri": format!("http://{address}/backchannel"),
    }))
    .await
}

/// Of which session a notice tells.
fn sid_of(notice: &str) -> String {
    claims_of(notice.strip_prefix("logout_token=").unwrap())["sid"].as_str().unwrap().to_owned()
}

fn at(app: &TestApp) -> LiveAt {
    LiveAt { now: app.now(), idle_since: app.now().plus_seconds(-IDLE) }
}

async fn kept(app: &TestApp, session: Id<Session>) -> Option<SessionRow> {
    sessions::live(&mut app.env().db.read().await.unwrap(), session, at(app)).await.unwrap()
}

async fn used(app: &TestApp, session: Id<Session>) -> Timestamp {
    kept(app, session).await.and_then(|session| session.used).expect("a login that a browser is in")
}
