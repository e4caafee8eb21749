//! Logins: when they end by themselves, and how many there are of one person.

use base::id::Session;
use base::{Id, Timestamp};
use flows::session_limits::SessionLimits;
use store::rows::sessions::{self, LiveAt, SessionRow};

use crate::kit::actors::{Application, Person, Returned, Tokens, assert_shown, claims_of, cookie};
use crate::kit::app::{TestApp, stories};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
/// How long a login may stand idle unless the operator says otherwise.
const IDLE: i64 = 2 * HOUR;

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
        portal.refreshes(online.refresh()).await.assert_refused(400, "invalid_grant", "expired or revoked");
        let offline = fund.refreshes(offline.refresh()).await.tokens();
        assert_eq!(fund.user_info(&offline.access).await.status, 200, "it may come without the person");

        let again = portal.admits(&citizen, "openid").await;
        assert_ne!(session_of(&again), session_of(&online), "another login");
        assert!(kept(&app, session_of(&online)).await.is_none());
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

    async fn how_long_a_login_may_stand_idle_is_the_operators_to_say(app: TestApp) {
        let mut app = app;
        app.restart_with(|config| config.sessions = SessionLimits::new(Some(10)).unwrap()).await;
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

fn at(app: &TestApp) -> LiveAt {
    LiveAt { now: app.now(), idle_since: app.now().plus_seconds(-IDLE) }
}

async fn kept(app: &TestApp, session: Id<Session>) -> Option<SessionRow> {
    sessions::live(&mut *app.env().db.read().await.unwrap(), session, at(app)).await.unwrap()
}

async fn used(app: &TestApp, session: Id<Session>) -> Timestamp {
    kept(app, session).await.and_then(|session| session.used).expect("a login that a browser is in")
}
