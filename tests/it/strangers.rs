//! Guessing is slowed down at every door, and at none of them does a stranger keep the owner out.

use std::time::Instant;

use identity::password::PASSWORD_MAX_BYTES;
use identity::throttle::WINDOW_SECONDS;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use yinxin::browser::Browser;

use crate::ciba::counter;
use crate::device::television;
use crate::kit::actors::{Answer, assert_shown};
use crate::kit::app::{TestApp, stories};
use crate::kit::intruder::Intruder;

const WRONG_PASSWORD: &str = "wrong-horse-battery";

/// Two networks of this machine.
const ONE_NETWORK: &str = "127.0.0.1";
const ANOTHER_NETWORK: &str = "127.0.0.2";

/// How often each login is timed.
const TIMED_ROUNDS_COUNT: usize = 21;

stories! {
    async fn wrong_secrets_in_an_applications_name_keep_it_out_of_nothing(app: TestApp) {
        let system = app.application("system");
        let ask = [("grant_type", "client_credentials")];
        for number in 0..150 {
            let guess = format!("guess-{number}");
            let request = system.token_request().basic_auth(&system.client_id, Some(guess));
            Answer::to(request.form(&ask)).await.assert_refused(401, "invalid_client", "failed");
        }
        system.asks(&ask).await.tokens(); // 256 random bits need no lock that others could turn
        app.person("li.xiaoman").logs_in().await; // nor is the network held to be one that guesses passwords
    }

    async fn whoever_guesses_a_devices_code_holds_up_nobody_but_themselves(app: TestApp) {
        let television = television(&app).await;
        let begun = television.begins(&[("scope", "openid")]).await;
        let stranger = app.person("chen.apo");
        stranger.logs_in().await;
        let mut put_off = false;
        for letter in 'B'..='K' {
            let guess: String = std::iter::repeat_n(letter, 8).collect();
            put_off |= stranger.types(&guess).await.status.as_u16() == 429;
        }
        assert!(put_off, "guessing is slowed down");
        assert_eq!(stranger.types(begun.text("user_code")).await.status.as_u16(), 429, "the right one is not looked at");

        let owner = app.person("li.xiaoman");
        owner.logs_in().await;
        owner.allows(begun.text("user_code")).await;
        television.polls(begun.text("device_code")).await.tokens();
    }

    async fn one_application_that_asks_and_asks_keeps_no_other_from_asking(app: TestApp) {
        let (hostile, another, honest) = (counter(&app).await, counter(&app).await, counter(&app).await);
        let ask = [("login_hint", "li.xiaoman"), ("scope", "openid")];
        for asking in [&hostile, &another] {
            for _ in 0..3 {
                app.advance(1);
                assert_eq!(asking.asks_for(&ask).await.status, 200);
            }
            let refused = asking.asks_for(&ask).await;
            assert_eq!((refused.status, refused.text("error")), (403, "access_denied"), "three of its own wait");
        }
        app.advance(1);
        let begun = honest.asks_for(&ask).await;
        assert_eq!(begun.status, 200, "whatever others ask: {begun:?}");
        assert_eq!(honest.asks_for(&ask).await.status, 403, "the person has enough to answer");

        let owner = app.person("li.xiaoman");
        owner.logs_in().await;
        for _ in 0..6 {
            let page = owner.opens("/approvals").await;
            owner.answers(&page, "deny").await;
        }
        let page = owner.opens("/approvals").await;
        assert_shown(&owner.answers(&page, "allow").await, 200, "已同意");
        honest.polls_for(begun.text("auth_req_id")).await.tokens();
    }

    async fn names_that_are_made_up_keep_nobody_from_being_asked(app: TestApp) {
        let counter = counter(&app).await;
        for number in 0..60 {
            let name = format!("nobody.{number}");
            let refused = counter.asks_for(&[("login_hint", &name), ("scope", "openid")]).await;
            assert_eq!((refused.status, refused.text("error")), (400, "unknown_user_id"));
        }
        assert_eq!(counter.asks_for(&[("login_hint", "li.xiaoman"), ("scope", "openid")]).await.status, 200);
        app.person("li.xiaoman").logs_in().await;
    }

    async fn wrong_enrolment_codes_keep_the_administrator_out_of_nothing(app: TestApp) {
        let stranger = app.person("zhao.yi");
        let page = stranger.opens("/enrol").await;
        for number in 0..20 {
            let guess = format!("guess-{number}");
            assert_eq!(stranger.submits(&page, "/enrol", &enrolment(&guess)).await.status.as_u16(), 403);
        }
        let done = stranger.submits(&page, "/enrol", &enrolment(&app.enrolment_code)).await;
        assert_eq!(done.status.as_u16(), 303, "{}", done.text);
    }

    async fn a_network_that_holds_its_share_of_connections_keeps_no_other_out(app: TestApp) {
        let mut app = app;
        const SHARE: usize = 20;
        app.restart_with(|config| config.connections_per_network = SHARE).await;
        let mut crowd = Vec::new();
        for _ in 0..SHARE {
            let mut held = connected(&app, ONE_NETWORK).await;
            assert!(is_served(&mut held).await);
            crowd.push(held);
        }
        for _ in 0..SHARE * 5 {
            assert!(!is_served(&mut connected(&app, ONE_NETWORK).await).await, "one more than its share");
        }
        assert!(is_served(&mut connected(&app, ANOTHER_NETWORK).await).await);
        assert!(is_served(crowd.last_mut().unwrap()).await, "and what it holds goes on");
        crowd.pop();
        let mut tries = 0;
        while !is_served(&mut connected(&app, ONE_NETWORK).await).await {
            tries += 1;
            assert!(tries < 5_000, "a place that is given up is free");
        }
        drop(crowd);

        // Behind a proxy that the operator names are many networks.
        app.restart_with(|config| config.forwarding.proxies = vec!["127.0.0.1/32".parse().unwrap()]).await;
        let mut crowd = Vec::new();
        for _ in 0..SHARE * 2 {
            let mut held = connected(&app, ONE_NETWORK).await;
            assert!(is_served(&mut held).await);
            crowd.push(held);
        }
    }

    async fn behind_a_proxy_each_network_has_its_own_tries(app: TestApp) {
        let mut app = app;
        // Until the operator says so, what a request says of its origin counts for nothing.
        for number in 0..5 {
            let guesser = app.person("li.xiaoman").at(from(&app, &format!("203.0.113.{number}")));
            assert_eq!(guesser.tries(WRONG_PASSWORD).await.status.as_u16(), 401);
        }
        let guesser = app.person("li.xiaoman").at(from(&app, "203.0.113.77"));
        assert_eq!(guesser.tries(WRONG_PASSWORD).await.status.as_u16(), 429);

        app.restart_with(|config| {
            config.forwarding.proxies = vec!["127.0.0.1/32".parse().unwrap()];
            config.forwarding.header = "x-forwarded-for".to_owned();
        })
        .await;
        let stranger = app.person("li.xiaoman").at(from(&app, "203.0.113.9"));
        for _ in 0..5 {
            assert_eq!(stranger.tries(WRONG_PASSWORD).await.status.as_u16(), 401);
        }
        assert_eq!(stranger.tries(WRONG_PASSWORD).await.status.as_u16(), 429);
        let invents = app.person("li.xiaoman").at(from(&app, "198.51.100.1, 203.0.113.9"));
        assert_eq!(invents.tries(WRONG_PASSWORD).await.status.as_u16(), 429, "the proxy's word comes last");
        app.person("li.xiaoman").at(from(&app, "198.51.100.1")).logs_in().await; // on a new device
        app.person("chen.apo").at(from(&app, "203.0.113.9")).logs_in().await;
    }
}

/// The enrolment form, filled in.
fn enrolment(code: &str) -> [(&str, &str); 5] {
    let password = "tour-of-the-house-7";
    [
        ("code", code),
        ("name", "林管理"),
        ("username", "admin.lin"),
        ("password", password),
        ("password_again", password),
    ]
}

/// A browser whose requests carry `forwarded_for`.
fn from(app: &TestApp, forwarded_for: &str) -> Browser {
    let value = HeaderValue::from_str(forwarded_for).unwrap();
    let headers =
        HeaderMap::from_iter([(reqwest::header::HeaderName::from_static("x-forwarded-for"), value)]);
    app.browser_with(|builder| builder.cookie_store(true).default_headers(headers))
}

/// ASVS 5.0 V6.3.8. It has an installation of its own, since a disk takes longer than a password.
#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_login_takes_does_not_tell_whether_there_is_such_a_name() {
    let app = TestApp::in_memory().await;
    let intruder = Intruder::at(&app);
    intruder.does("UPDATE account SET state = 'disabled' WHERE user_name = 'chen.apo'").await;
    let stranger = app.person("li.xiaoman");
    let right_but_disabled = app.person("chen.apo").sample.password.clone();
    // Nobody's password is so long, so nothing is hashed: this is what a login takes without.
    let unhashed = "x".repeat(PASSWORD_MAX_BYTES + 1);
    let wrong = "not-the-password-of-anybody";
    let tries = [
        ("li.xiaoman", wrong),
        ("nobody.here", wrong),
        ("no such name", wrong),
        ("chen.apo", wrong),
        ("chen.apo", right_but_disabled.as_str()),
        ("li.xiaoman", unhashed.as_str()),
    ];
    let mut took = tries.map(|_| Vec::new());
    for _ in 0..TIMED_ROUNDS_COUNT {
        for ((user_name, password), took) in tries.iter().zip(&mut took) {
            let page = stranger.opens("/login").await;
            let began = Instant::now();
            let answer =
                stranger.submits(&page, "/login", &[("username", user_name), ("password", password)]).await;
            took.push(began.elapsed());
            assert_shown(&answer, 401, "");
        }
        // What was tried is forgotten, so that nobody has to wait.
        app.advance(WINDOW_SECONDS + 1);
    }
    // The least of many is what it takes when nobody else wants the processor.
    let least = took.map(|took| took.into_iter().min().unwrap());
    let [known, others @ .., without] = least;
    assert!(without * 2 < known, "there is something to be seen: {least:?}");
    for (other, tried) in others.into_iter().zip(&tries[1..]) {
        assert!(other * 2 > known && other < known * 2, "{}: {least:?}", tried.0);
    }
}

/// A connection to the service from `address`, which is this machine too.
async fn connected(app: &TestApp, address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    socket.connect(app.config().listen[0]).await.unwrap()
}

/// Whether what is asked on `stream` is answered; a connection that is let go answers nothing.
async fn is_served(stream: &mut TcpStream) -> bool {
    if stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n").await.is_err() {
        return false;
    }
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).await.unwrap_or(0);
    answer[..read].starts_with(b"HTTP/1.1 200 ")
}
