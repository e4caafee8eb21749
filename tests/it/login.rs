//! Logging in: one login for every application, in both languages; and what strangers try at the login page.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use reqwest::ClientBuilder;
use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderValue};
use yinxin::browser::Page;

use crate::kit::actors::{Returned, assert_shown, claims_of, cookie};
use crate::kit::app::{TestApp, stories};

const WRONG_PASSWORD: &str = "wrong-horse-battery";
const NOT_RIGHT: &str = "The user name or the password is not right";

stories! {
    async fn one_login_opens_every_application_and_consent_is_asked_once(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (portal, fund) = (app.application("portal"), app.application("fund"));

        let (returned, pages) = citizen.authorizes_in_pages(&portal.requests("openid profile")).await;
        assert_eq!(pages, 2, "login and consent");
        portal.redeems(&returned.code()).await.tokens();

        app.advance(60);
        let page = citizen.opens(&fund.requests("openid profile").path()).await;
        assert_shown(&page, 200, "action=\"/consent\"");
        assert!(!page.text.contains("password"), "the second application asks for no password");
        let (returned, pages) = citizen.authorizes_in_pages(&fund.requests("openid profile")).await;
        assert_eq!(pages, 1, "consent alone");
        fund.redeems(&returned.code()).await.tokens();

        for application in [&portal, &fund] {
            let (returned, pages) =
                citizen.authorizes_in_pages(&application.requests("profile openid")).await;
            assert_eq!(pages, 0, "consent is remembered");
            application.redeems(&returned.code()).await.tokens();
        }
        let (_, pages) = citizen.authorizes_in_pages(&portal.requests("openid profile real_name")).await;
        assert_eq!(pages, 1, "more than was allowed is asked again");
        let (_, pages) = citizen.authorizes_in_pages(&portal.requests("openid real_name")).await;
        assert_eq!(pages, 0, "and then remembered beside what was allowed before");
        let elsewhere = app.person("li.xiaoman");
        let (_, pages) = elsewhere.authorizes_in_pages(&portal.requests("openid")).await;
        assert_eq!(pages, 1, "another browser is another login; the consent is the person's");
    }

    async fn the_way_to_an_application_speaks_chinese_and_english(app: TestApp) {
        let portal = app.application("portal");
        let chinese = ["<html lang=\"zh-CN\"", "登录", "市民服务门户", "希望获得您的以下信息", "不正确"];
        let english =
            ["<html lang=\"en\"", "Log in", "Citizen portal", "asks for the following", "not right"];
        for (user_name, accepted, [html, heading, application, asks, wrong]) in [
            ("li.xiaoman", "zh-CN,zh;q=0.9,en;q=0.5", chinese),
            ("chen.apo", "fr;q=0.9, en-GB;q=0.8", english),
        ] {
            let person = app.person(user_name).at(app.browser_with(|builder| speaking(builder, accepted)));
            let login = person.opens(&portal.requests("openid profile").path()).await;
            for words in [html, &format!("<h1>{heading}</h1>"), application] {
                assert_shown(&login, 200, words);
            }
            let fields = [("username", user_name), ("password", WRONG_PASSWORD)];
            let again = person.submits(&login, "/login", &fields).await;
            assert_shown(&again, 401, wrong);
            assert_shown(&again, 401, &format!("value=\"{user_name}\""));
            let done = person.enters(&again).await;
            let consent = person.opens(done.location.as_deref().expect("a redirect")).await;
            for words in [html, asks, &person.sample.name] {
                assert_shown(&consent, 200, words);
            }
            let done = person.submits(&consent, "/consent", &[("decision", "allow")]).await;
            portal.redeems(&Returned::by(&done).code()).await.tokens();
        }
        let page =
            app.person("chen.apo").opens(&portal.requests("openid").with("ui_locales", "en zh").path()).await;
        assert_shown(&page, 200, "<html lang=\"en\"");
    }

    async fn the_reader_chooses_language_and_large_text(app: TestApp) {
        let reader = app.person("chen.apo");
        assert_shown(&reader.opens("/login").await, 200, "<html lang=\"zh-CN\"");
        let back = reader.opens("/display?lang=en&elder=on&back=/login").await;
        assert_eq!((back.status.as_u16(), back.location.as_deref()), (303, Some("/login")));
        assert_shown(&reader.opens("/login").await, 200, "<html lang=\"en\" class=\"elder\"");
    }

    async fn guessing_is_slowed_down_and_waiting_is_enough(app: TestApp) {
        let citizen = app.person("li.xiaoman").at(english(&app));
        for _ in 0..5 {
            assert_shown(&citizen.tries(WRONG_PASSWORD).await, 401, NOT_RIGHT);
        }
        let refused = citizen.tries(&citizen.sample.password).await;
        assert_shown(&refused, 429, "try again in 15 seconds");
        assert_eq!(refused.headers["retry-after"], "15");
        assert_eq!(cookie(&refused, "yinxin-session"), None, "the right password is not looked at");
        app.advance(15);
        citizen.logs_in().await;
        assert_shown(&citizen.tries(WRONG_PASSWORD).await, 401, NOT_RIGHT);
    }

    async fn a_stranger_cannot_lock_the_owner_out(app: TestApp) {
        let owner = app.person("li.xiaoman");
        owner.logs_in().await;
        let stranger = app.person("li.xiaoman").at(english(&app));
        for _ in 0..5 {
            assert_shown(&stranger.tries(WRONG_PASSWORD).await, 401, NOT_RIGHT);
        }
        assert_shown(&stranger.tries(WRONG_PASSWORD).await, 429, "try again in");

        owner.logs_in().await; // on the device that the account is known on, from the stranger's own network
        let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        let elsewhere = app.browser_with(|builder| builder.cookie_store(true).local_address(elsewhere));
        app.person("li.xiaoman").at(elsewhere).logs_in().await; // on a new device, from another network
        app.person("chen.apo").logs_in().await; // another account from the stranger's network
        assert_shown(&stranger.tries(&stranger.sample.password).await, 429, "try again in");
    }

    async fn whether_a_name_exists_is_not_told(app: TestApp) {
        let stranger = app.person("li.xiaoman").at(english(&app));
        let texts = |page: Page, name: &str| page.text.replace(&format!("value=\"{name}\""), "");
        for (real, made_up) in [("li.xiaoman", "nobody.here"), ("chen.apo", "x"), ("zhao.yi", "no such name")]
        {
            let real_page = stranger.tries_as(real, WRONG_PASSWORD).await;
            let other_page = stranger.tries_as(made_up, WRONG_PASSWORD).await;
            assert_shown(&real_page, 401, NOT_RIGHT);
            assert_eq!(real_page.status, other_page.status);
            assert_eq!(texts(real_page, real), texts(other_page, made_up));
        }
        for _ in 1..5 {
            assert_shown(&stranger.tries_as("nobody.here", WRONG_PASSWORD).await, 401, NOT_RIGHT);
        }
        let refused = stranger.tries_as("nobody.here", WRONG_PASSWORD).await;
        assert_shown(&refused, 429, "try again in 15 seconds");
    }

    async fn a_login_makes_a_session_that_nobody_could_have_planted(app: TestApp) {
        let jar = Arc::new(Jar::default());
        let planted = "planted-by-somebody-else-0123456789abcdefghi";
        jar.add_cookie_str(&format!("yinxin-session={planted}; Path=/"), &app.issuer.parse().unwrap());
        let citizen = app
            .person("li.xiaoman")
            .at(app.browser_with(|builder| builder.cookie_provider(Arc::clone(&jar))));
        let first = session(&citizen.tries(&citizen.sample.password).await);
        assert_ne!(first, planted);
        assert!(sent(&jar, &app).contains(&first));

        let second = session(&citizen.tries(&citizen.sample.password).await);
        assert_ne!(second, first, "each login makes a session of its own");

        let attacker = app.person("li.xiaoman").at(app.browser_with(|builder| carrying(builder, planted)));
        let page = attacker.opens("/account").await;
        assert_eq!(page.location.as_deref(), Some("/login?back=/account"), "the planted one opens nothing");
    }

    async fn somebody_else_at_this_browser_leaves_nothing_of_the_first(app: TestApp) {
        let jar = Arc::new(Jar::default());
        let browser = || app.browser_with(|builder| builder.cookie_provider(Arc::clone(&jar)));
        let portal = app.application("portal");
        let first = app.person("li.xiaoman").at(browser());
        let tokens = portal.admits(&first, "openid profile offline_access").await;
        let second = app.person("chen.apo").at(browser());
        second.logs_in().await;

        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
        let others = portal.admits(&second, "openid profile").await;
        assert_eq!(portal.user_info(&others.access).await.text("name"), second.sample.name);
    }

    async fn cookies_are_for_this_server_alone(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let page = citizen.opens("/login").await;
        let done = citizen.enters(&page).await;
        let lines = [&page, &done].map(|page| page.headers.get_all("set-cookie").iter());
        let lines: Vec<_> = lines.into_iter().flatten().map(|line| line.to_str().unwrap()).collect();
        assert_eq!(lines.len(), 4, "{lines:?}");
        let state = lines.iter().find(|line| line.starts_with("yinxin-session-state=")).unwrap();
        assert!(state.ends_with("SameSite=None; Secure; Path=/"), "for scripts in applications' frames: {state}");
        for (name, kept) in [("yinxin-browser", false), ("yinxin-session", false), ("yinxin-device", true)] {
            let line = lines.iter().find(|line| line.starts_with(&format!("{name}="))).expect(name);
            let attributes: Vec<_> = line.split("; ").skip(1).collect();
            for expected in ["HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(attributes.contains(&expected), "{line}");
            }
            assert!(!attributes.iter().any(|a| a.starts_with("Domain")), "no other host is told it: {line}");
            assert_eq!(attributes.iter().any(|a| a.starts_with("Max-Age")), kept, "{line}");
            let value = cookie(&page, name).or_else(|| cookie(&done, name)).unwrap();
            assert!(value.len() >= 43, "256 bits: {line}");
        }
        assert_eq!(cookie(&citizen.opens("/login").await, "yinxin-browser"), None, "given once");
    }

    async fn a_form_works_only_in_the_browser_that_it_was_shown_in(app: TestApp) {
        let citizen = app.person("li.xiaoman").at(english(&app));
        let attacker = app.person("chen.apo");
        let portal = app.application("portal");
        let foreign = attacker.opens("/login").await;
        let foreign = hidden(&foreign, "/login", "csrf");

        let login = citizen.opens(&portal.requests("openid").path()).await;
        assert_bound_to_its_browser(&citizen, &login, "/login", &citizen.credentials(), &foreign).await;
        let done = citizen.enters(&login).await;
        let consent = citizen.opens(done.location.as_deref().unwrap()).await;
        assert_bound_to_its_browser(&citizen, &consent, "/consent", &[("decision", "allow")], &foreign).await;
        let logout = citizen.opens("/oauth2/logout").await;
        assert_bound_to_its_browser(&citizen, &logout, "/logout", &[("confirm", "yes")], &foreign).await;
        citizen.submits(&consent, "/consent", &[("decision", "allow")]).await;
        let account = citizen.opens("/account").await;
        assert_bound_to_its_browser(&citizen, &account, "/account/grants/withdraw", &[], &foreign).await;
        assert_shown(&citizen.opens("/account").await, 200, "Citizen portal");

        let enrol = citizen.opens("/enrol").await;
        let filled = [("code", app.enrolment_code.as_str()), ("name", "林"), ("username", "admin.lin")];
        assert_bound_to_its_browser(&citizen, &enrol, "/enrol", &filled, &foreign).await;
    }

    async fn a_login_page_is_good_for_half_an_hour_and_only_as_it_was_made(app: TestApp) {
        let citizen = app.person("li.xiaoman").at(english(&app));
        let login = citizen.opens(&app.application("portal").requests("openid").path()).await;
        let ticket = hidden(&login, "/login", "flow");
        let (body, mac) = ticket.split_once('.').unwrap();
        let (_, others) = app.issuer.split_once("://").unwrap();
        for altered in [
            &ticket[1..],
            body,
            &format!("{body}."),
            &format!("{body}A.{mac}"),
            &format!("{body}.{mac}A"),
            others,
        ] {
            let page = citizen.opens(&format!("/login?flow={altered}")).await;
            assert_shown(&page, 400, "does not belong to a login");
        }
        app.advance(30 * 60);
        assert_shown(&citizen.opens(&format!("/login?flow={ticket}")).await, 200, "action=\"/login\"");
        app.advance(1);
        assert_shown(&citizen.opens(&format!("/login?flow={ticket}")).await, 400, "open for too long");
        assert_shown(&app.person("chen.apo").opens(&format!("/login?flow={ticket}")).await, 400, "停留过久");
        for password in [WRONG_PASSWORD, &citizen.sample.password] {
            let fields = [("username", citizen.sample.user_name.as_str()), ("password", password)];
            assert_shown(&citizen.submits(&login, "/login", &fields).await, 400, "open for too long");
        }
    }

    async fn nobody_is_sent_to_another_host_after_a_login(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let elsewhere = [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "evil.example",
            "/%0d%0aLocation:https://evil.example",
            "https:evil.example",
        ];
        for back in elsewhere {
            let encoded =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("back", back).finish();
            let page = citizen.opens(&format!("/login?{encoded}")).await;
            assert_stays_here(&citizen.enters(&page).await, back);
            let mut forged = page.hidden_fields("/login").unwrap();
            forged.retain(|(name, _)| name != "flow");
            forged.push(("flow".to_owned(), format!("back:{back}")));
            forged.extend(citizen.credentials().map(|(name, value)| (name.to_owned(), value.to_owned())));
            assert_stays_here(&citizen.browser.post("/login", &forged).await.unwrap(), back);
            assert_stays_here(&citizen.opens(&format!("/display?lang=en&{encoded}")).await, back);
        }
    }

    async fn every_page_carries_what_protects_it(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let login = citizen.opens(&portal.requests("openid").path()).await;
        citizen.logs_in().await;
        let mut pages = vec![login, citizen.opens(&portal.requests("openid").path()).await];
        for path in [
            "/",
            "/login",
            "/enrol",
            "/account",
            "/verify",
            "/certificates",
            "/console",
            "/oauth2/logout",
            "/no-such-page",
            "/oauth2/authorize",
            "/login?flow=x",
        ] {
            pages.push(citizen.opens(path).await);
        }
        for page in &pages {
            let header = |name: &str| page.headers.get(name).map_or("", |value| value.to_str().unwrap());
            let url = &page.url;
            assert!(page.text.contains("<!doctype html>"), "{url} is a page");
            let policy = header("content-security-policy");
            for rule in [
                "default-src 'none'",
                "script-src 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
                "form-action 'self'",
            ] {
                assert!(policy.contains(rule), "{url}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{url}: {policy}");
            assert_eq!(header("x-frame-options"), "DENY", "{url}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{url}");
            assert_eq!(header("referrer-policy"), "no-referrer", "{url}");
            assert_eq!(header("cache-control"), "no-store", "{url}");
            assert!(
                !page.headers.contains_key("access-control-allow-origin"),
                "no script of another origin reads {url}"
            );
            assert!(
                !page.text.contains("style=\"") && !page.text.contains("onclick"),
                "{url}: nothing that the policy forbids"
            );
        }
        for page in &pages[..2] {
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(
                policy.contains("form-action 'self' http://localhost:9871;"),
                "the answer may go to the application: {policy}"
            );
        }
        let elsewhere = pages[2..]
            .iter()
            .filter(|page| page.headers["content-security-policy"].to_str().unwrap().contains("9871"));
        assert_eq!(elsewhere.count(), 0);
    }

    async fn the_first_administrator_enrols_once(app: TestApp) {
        let person = app.person("zhao.yi").at(english(&app));
        let page = person.opens("/enrol").await;
        let good = [
            ("code", app.enrolment_code.as_str()),
            ("name", "林管理"),
            ("username", "admin.lin"),
            ("password", "tour-of-the-house-7"),
            ("password_again", "tour-of-the-house-7"),
        ];
        let with = |name: &'static str, value: &'static str| {
            good.map(|(n, v)| if n == name { (n, value) } else { (n, v) })
        };
        for (status, words, fields) in [
            (403, "wrong, was used already, or is too old", with("code", "guessed")),
            (422, "The two passwords differ", with("password_again", "tour-of-the-house-8")),
            (409, "There is an account with this user name", with("username", "li.xiaoman")),
            (422, "user_name", with("username", "a b")),
        ] {
            let refused = person.submits(&page, "/enrol", &fields).await;
            assert_shown(&refused, status, words);
            assert!(!refused.text.contains("tour-of-the-house"), "a password is not sent back");
        }
        let short = good.map(|(n, v)| if n.starts_with("password") { (n, "12345678") } else { (n, v) });
        assert_shown(&person.submits(&page, "/enrol", &short).await, 422, "password");

        let done = person.submits(&page, "/enrol", &good).await;
        assert_eq!((done.status.as_u16(), done.location.as_deref()), (303, Some("/login?back=/console")));
        let done = person.tries_as("admin.lin", "tour-of-the-house-7").await;
        assert_eq!(done.location.as_deref(), Some("/account"));
        assert_shown(&person.opens("/console").await, 200, "Console");
        let again = person.submits(&page, "/enrol", &with("username", "admin.two")).await;
        assert_shown(&again, 403, "wrong, was used already, or is too old");
    }

    async fn an_enrolment_code_is_good_for_a_day(app: TestApp) {
        let person = app.person("zhao.yi").at(english(&app));
        let page = person.opens("/enrol").await;
        app.advance(24 * 3_600);
        let fields = [
            ("code", app.enrolment_code.as_str()),
            ("name", "林管理"),
            ("username", "admin.lin"),
            ("password", "tour-of-the-house-7"),
            ("password_again", "tour-of-the-house-7"),
        ];
        assert_shown(
            &person.submits(&page, "/enrol", &fields).await,
            403,
            "wrong, was used already, or is too old",
        );
    }

    async fn people_see_where_they_are_logged_in_and_end_it(app: TestApp) {
        let portal = app.application("portal");
        let (here, lost) = (app.person("li.xiaoman").at(english(&app)), app.person("li.xiaoman"));
        here.logs_in().await;
        let tokens = portal.admits(&lost, "openid profile offline_access").await;
        let page = here.opens("/account").await;
        assert_shown(&page, 200, "this device");
        let sid = claims_of(&tokens.access)["sid"].as_str().unwrap().to_owned();
        assert_shown(&page, 200, &format!("name=\"session\" value=\"{sid}\""));

        let other = app.person("chen.apo");
        other.logs_in().await;
        let csrf = hidden(&other.opens("/account").await, "/logout", "csrf");
        let forged = [("csrf".to_owned(), csrf), ("session".to_owned(), sid.clone())];
        assert_shown(&other.browser.post("/account/sessions/end", &forged).await.unwrap(), 404, "");
        assert_eq!(portal.user_info(&tokens.access).await.status, 200, "nobody ends another's session");

        let form =
            [("csrf".to_owned(), hidden(&page, "/logout", "csrf")), ("session".to_owned(), sid.clone())];
        let done = here.browser.post("/account/sessions/end", &form).await.unwrap();
        assert_eq!((done.status.as_u16(), done.location.as_deref()), (303, Some("/account")));
        assert_shown(
            &here.browser.post("/account/sessions/end", &form).await.unwrap(),
            404,
            "This session is over already",
        );
        assert_eq!(lost.opens("/account").await.location.as_deref(), Some("/login?back=/account"));
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        assert_shown(&here.opens("/account").await, 200, "this device");
    }
}

/// A browser that asks for English pages.
fn english(app: &TestApp) -> yinxin::browser::Browser {
    app.browser_with(|builder| speaking(builder, "en"))
}

fn speaking(builder: ClientBuilder, languages: &'static str) -> ClientBuilder {
    let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static(languages))]);
    builder.cookie_store(true).default_headers(headers)
}

fn carrying(builder: ClientBuilder, session: &str) -> ClientBuilder {
    let cookie = HeaderValue::from_str(&format!("yinxin-session={session}")).unwrap();
    builder.default_headers(HeaderMap::from_iter([(reqwest::header::COOKIE, cookie)]))
}

/// The hidden field `name` of the form to `action`.
fn hidden(page: &Page, action: &str, name: &str) -> String {
    let fields = page.hidden_fields(action).unwrap();
    fields.into_iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no `{name}` to {action}")).1
}

fn session(page: &Page) -> String {
    cookie(page, "yinxin-session").unwrap_or_else(|| panic!("{}", page.unexpected("a session")))
}

/// What a browser with `jar` sends.
fn sent(jar: &Jar, app: &TestApp) -> String {
    jar.cookies(&app.issuer.parse().unwrap()).unwrap().to_str().unwrap().to_owned()
}

/// The form to `action` is refused without its token and with that of another browser, and does nothing.
async fn assert_bound_to_its_browser(
    person: &crate::kit::actors::Person<'_>,
    page: &Page,
    action: &str,
    fields: &[(&str, &str)],
    foreign: &str,
) {
    let mut form = page.hidden_fields(action).unwrap();
    form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    form.retain(|(name, _)| name != "csrf");
    for token in [None, Some(""), Some("AAAA"), Some(foreign)] {
        let mut forged = form.clone();
        forged.extend(token.map(|token| ("csrf".to_owned(), token.to_owned())));
        let refused = person.browser.post(action, &forged).await.unwrap();
        assert_shown(&refused, 403, "The page has expired");
        assert_eq!(cookie(&refused, "yinxin-session"), None, "{action}");
    }
}

/// The redirect of `page` stays on this server, although `back` asked for something else.
fn assert_stays_here(page: &Page, back: &str) {
    let location =
        page.location.as_deref().unwrap_or_else(|| panic!("{back}: {}", page.unexpected("a redirect")));
    let target = page.url.join(location).unwrap();
    assert_eq!(target.origin(), page.url.origin(), "{back}: {location}");
}
