//! Several tabs of one browser: each goes on with what it showed, whatever happened in the others meanwhile.

use std::sync::Arc;

use reqwest::cookie::Jar;
use serde_json::json;
use yinxin::browser::{Browser, Page};

use crate::ciba::counter;
use crate::device::television;
use crate::kit::actors::{Application, Person, Returned, assert_shown, claims_of, cookie};
use crate::kit::app::{TestApp, stories};

stories! {
    async fn the_logins_of_two_applications_are_finished_in_either_order(app: TestApp) {
        for the_other_first in [false, true] {
            let (one, other) = (application(&app, 9_873).await, application(&app, 9_874).await);
            let citizen = app.person("li.xiaoman");
            let logins = [begins(&citizen, &one).await, begins(&citizen, &other).await];
            let (mine, rest) = if the_other_first { (1, 0) } else { (0, 1) };
            let both = [&one, &other];

            // The first form that is sent logs in; the second one, shown before that, logs the same person in again.
            let consent = logged_in(&citizen, &logins[mine]).await;
            let first = allowed(&citizen, &consent, both[mine]).await;
            let consent = logged_in(&citizen, &logins[rest]).await;
            let second = allowed(&citizen, &consent, both[rest]).await;
            assert_eq!(claims_of(&first)["sid"], claims_of(&second)["sid"], "it is one login still");
            for (client, token) in [(both[mine], &first), (both[rest], &second)] {
                assert_eq!(client.user_info(token).await.status, 200, "{the_other_first}");
            }
        }
    }

    async fn a_tab_that_is_loaded_again_needs_no_second_login(app: TestApp) {
        let (one, other) = (application(&app, 9_873).await, application(&app, 9_874).await);
        let citizen = app.person("li.xiaoman");
        let logins = [begins(&citizen, &one).await, begins(&citizen, &other).await];
        logged_in(&citizen, &logins[0]).await;
        let again = citizen.opens(&other.requests("openid profile").with("state", &other.client_id).path()).await;
        allowed(&citizen, &again, &other).await;
        let flow = hidden(&logins[0], "/login", "flow");
        let again = citizen.opens(&format!("/login?flow={flow}")).await;
        allowed(&citizen, &again, &one).await;
    }

    async fn consents_that_cross_answer_each_its_own_application(app: TestApp) {
        let (one, other) = (application(&app, 9_873).await, application(&app, 9_874).await);
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let asked = [begins(&citizen, &one).await, begins(&citizen, &other).await, begins(&citizen, &one).await];
        allowed(&citizen, &asked[1], &other).await;
        let denied = citizen.submits(&asked[2], "/consent", &[("decision", "deny")]).await;
        assert_eq!(answer(&denied, &one).error(), "access_denied");
        allowed(&citizen, &asked[0], &one).await;
        // A form that is sent twice, by a double click, is answered twice, each time with a code of its own.
        let [first, second] = [answer(&sent(&citizen, &asked[0]).await, &one), answer(&sent(&citizen, &asked[0]).await, &one)];
        assert_ne!(first.code(), second.code());
        one.redeems(&first.code()).await.tokens();
        one.redeems(&second.code()).await.tokens();
    }

    async fn after_a_logout_in_one_tab_the_others_lead_back_to_the_login(app: TestApp) {
        let (one, other) = (application(&app, 9_873).await, application(&app, 9_874).await);
        let citizen = app.person("li.xiaoman");
        let login = begins(&citizen, &one).await;
        citizen.logs_in().await;
        let (consent, unwanted) = (begins(&citizen, &other).await, begins(&citizen, &other).await);
        let account = citizen.opens("/account").await;
        let device = television(&app).await;
        let begun = device.begins(&[("scope", "openid")]).await;
        let on_device = citizen.types(begun.text("user_code")).await;
        let approvals = citizen.opens("/approvals").await;
        let page = citizen.opens("/oauth2/logout").await;
        assert_shown(&citizen.submits(&page, "/logout", &[("confirm", "yes")]).await, 200, "您已退出登录");

        let led = sent(&citizen, &consent).await;
        let led = led.location.as_deref().unwrap_or_else(|| panic!("{}", led.unexpected("the login page")));
        assert!(led.starts_with("/login?flow="), "{led}");
        let led = citizen.opens(led).await;
        assert_shown(&led, 200, "action=\"/login\"");
        let denied = citizen.submits(&unwanted, "/consent", &[("decision", "deny")]).await;
        assert_eq!(answer(&denied, &other).error(), "access_denied", "to say no needs no login");
        let answered = citizen.submits(&on_device, "/device/answer", &[("decision", "allow")]).await;
        assert!(answered.location.is_some_and(|to| to.starts_with("/login?back=%2Fdevice%3Fuser_code%3D")));
        device.polls(begun.text("device_code")).await.assert_refused(400, "authorization_pending", "");
        let mut answers = vec![("csrf".to_owned(), hidden(&consent, "/consent", "csrf"))];
        answers.push(("decision".to_owned(), "allow".to_owned()));
        let answered = citizen.browser.post("/approvals", &answers).await.unwrap();
        assert_eq!(answered.location.as_deref(), Some("/login?back=%2Fapprovals"), "{}", approvals.url);
        let ended = vec![("csrf".to_owned(), hidden(&account, "/logout", "csrf"))];
        assert_shown(&citizen.browser.post("/account/grants/withdraw", &ended).await.unwrap(), 401, "请先登录");

        // And from each the person goes on: the login page that was open all the time, and the one that was led to.
        let asked = logged_in(&citizen, &led).await;
        allowed(&citizen, &asked, &other).await;
        let asked = logged_in(&citizen, &login).await;
        allowed(&citizen, &asked, &one).await;
    }

    async fn what_was_shown_to_one_person_is_not_answered_in_anothers_name(app: TestApp) {
        let one = application(&app, 9_873).await;
        let (device, shop) = (television(&app).await, counter(&app).await);
        let [first, second] = two_at_one_browser(&app);
        first.logs_in().await;
        let consent = begins(&first, &one).await;
        let begun = device.begins(&[("scope", "openid profile")]).await;
        let on_device = first.types(begun.text("user_code")).await;
        assert_shown(&on_device, 200, &first.sample.name);
        let asked = shop.asks_for(&[("login_hint", "li.xiaoman"), ("scope", "openid")]).await;
        let waiting = first.opens("/approvals").await;
        second.logs_in().await; // in another tab

        assert_shown(&sent(&second, &consent).await, 400, "");
        let silent = one.requests("openid profile").with("prompt", "none").path();
        assert_eq!(Returned::by(&second.opens(&silent).await).error(), "consent_required", "nothing was allowed");
        assert_shown(&second.answers(&waiting, "allow").await, 409, "");
        shop.polls_for(asked.text("auth_req_id")).await.assert_refused(400, "authorization_pending", "");

        let shown_again = second.submits(&on_device, "/device/answer", &[("decision", "allow")]).await;
        assert_shown(&shown_again, 200, &second.sample.name);
        assert!(!shown_again.text.contains(&first.sample.name), "{}", shown_again.text);
        device.polls(begun.text("device_code")).await.assert_refused(400, "authorization_pending", "");
        let done = second.submits(&shown_again, "/device/answer", &[("decision", "allow")]).await;
        assert_shown(&done, 200, "已同意");
        app.advance(5);
        let tokens = device.polls(begun.text("device_code")).await.tokens();
        assert_eq!(claims_of(&tokens.access)["sub"], json!(second.sample.id.to_string()));
    }

    async fn two_tabs_that_ask_for_a_fresh_login_are_each_asked_for_one(app: TestApp) {
        let portal = app.application("portal");
        let citizen = app.person("li.xiaoman");
        portal.admits(&citizen, "openid").await;
        app.advance(60);
        let fresh = portal.requests("openid").with("prompt", "login");
        let tabs = [citizen.opens(&fresh.path()).await, citizen.opens(&fresh.path()).await];
        for (tab, at) in tabs.iter().zip([60, 120]) {
            let done = citizen.enters(tab).await;
            let tokens = portal.redeems(&Returned::by(&done).code()).await.tokens();
            let auth_time = claims_of(tokens.id())["auth_time"].as_i64().unwrap();
            assert_eq!(auth_time, app.now().unix_seconds(), "{at}");
            app.advance(60);
        }
    }

    async fn two_login_pages_that_a_new_browser_opens_at_once_both_work(app: TestApp) {
        let one = application(&app, 9_873).await;
        // Both came without a cookie, each answer brought one, and the browser kept the second.
        let first = begins(&app.person("li.xiaoman"), &one).await;
        let citizen = app.person("li.xiaoman");
        let second = begins(&citizen, &one).await;
        let again = citizen.enters(&first).await;
        assert_shown(&again, 403, "action=\"/login\"");
        assert_eq!(cookie(&again, "yinxin-session"), None, "nothing of it was looked at");
        let asked = logged_in(&citizen, &again).await;
        allowed(&citizen, &asked, &one).await;
        assert_eq!(Returned::by(&citizen.enters(&second).await).code().len(), 43);
    }

    async fn a_wrong_password_in_one_tab_takes_nothing_from_the_other(app: TestApp) {
        let one = application(&app, 9_873).await;
        let citizen = app.person("li.xiaoman");
        let login = begins(&citizen, &one).await;
        let tokens = app.application("portal").admits(&citizen, "openid").await;
        let fields = [("username", "li.xiaoman"), ("password", "wrong-horse-battery")];
        let refused = citizen.submits(&login, "/login", &fields).await;
        assert_shown(&refused, 401, "action=\"/login\"");
        assert_eq!(cookie(&refused, "yinxin-session"), None);
        assert_eq!(app.application("portal").user_info(&tokens.access).await.status, 200);
        let asked = begins(&citizen, &one).await;
        allowed(&citizen, &asked, &one).await;
    }
}

/// A new application with an address of its own.
async fn application(app: &TestApp, port: u16) -> Application {
    let callback = format!("http://localhost:{port}/callback");
    app.registers(json!({ "redirect_uris": [callback], "scope": "openid profile" })).await
}

/// Two people who take turns at one browser.
fn two_at_one_browser(app: &TestApp) -> [Person<'_>; 2] {
    let jar = Arc::new(Jar::default());
    let browser = || -> Browser { app.browser_with(|builder| builder.cookie_provider(Arc::clone(&jar))) };
    [app.person("li.xiaoman").at(browser()), app.person("chen.apo").at(browser())]
}

/// The page that comes when `client` asks; its `state` is its own name.
async fn begins(person: &Person<'_>, client: &Application) -> Page {
    let page = person.opens(&client.requests("openid profile").with("state", &client.client_id).path()).await;
    assert_shown(&page, 200, "<form");
    page
}

/// Types the password into `login`; the consent page that follows.
async fn logged_in(person: &Person<'_>, login: &Page) -> Page {
    let done = person.enters(login).await;
    let next = done.location.as_deref().unwrap_or_else(|| panic!("{}", done.unexpected("the consent page")));
    let page = person.opens(next).await;
    assert_shown(&page, 200, "action=\"/consent\"");
    page
}

/// Says yes on `consent`.
async fn sent(person: &Person<'_>, consent: &Page) -> Page {
    person.submits(consent, "/consent", &[("decision", "allow")]).await
}

/// Says yes on `consent`; `client` gets an access token for it.
async fn allowed(person: &Person<'_>, consent: &Page, client: &Application) -> String {
    let returned = answer(&sent(person, consent).await, client);
    client.redeems(&returned.code()).await.tokens().access
}

/// The answer that `page` brings to `client`, and to no other.
fn answer(page: &Page, client: &Application) -> Returned {
    let returned = Returned::by(page);
    assert!(returned.0.as_str().starts_with(&client.redirect_uri), "{}", returned.0);
    assert_eq!(returned.value("state").as_ref(), Some(&client.client_id));
    returned
}

/// The hidden field `name` of the form to `action`.
fn hidden(page: &Page, action: &str, name: &str) -> String {
    let fields = page.hidden_fields(action).unwrap();
    fields.into_iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no `{name}` to {action}")).1
}
