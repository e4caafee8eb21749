//! Device authorization (RFC 8628): a device shows a code, and its owner types it elsewhere.

use oidc::lifetimes::{DEFERRED_REQUEST_TTL_SECONDS, POLL_INTERVAL_SECONDS, SLOW_DOWN_SECONDS};
use serde_json::json;
use yinxin::browser::Page;

use crate::kit::actors::{Answer, Application, Person, assert_shown};
use crate::kit::app::{TestApp, stories};

pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How often two redeem the same code at once.
const RACES_COUNT: usize = 200;

stories! {
    async fn a_device_gets_tokens_once_its_owner_has_typed_the_code_and_said_yes(app: TestApp) {
        let television = television(&app).await;
        let begun = television.begins(&[("scope", "openid profile offline_access")]).await;
        assert_eq!(begun.status, 200, "{begun:?}");
        assert_eq!((begun.header("cache-control"), &begun.body["expires_in"]), ("no-store", &json!(600)));
        assert_eq!(begun.body["interval"], 5);
        assert!(begun.text("device_code").len() >= 22, "128 bits at least");
        assert_eq!(begun.text("verification_uri"), app.url("/device"));
        let (user_code, complete) = (begun.text("user_code"), begun.text("verification_uri_complete"));
        assert_eq!(complete, app.url(&format!("/device?user_code={user_code}")));
        let code = begun.text("device_code");
        television.polls(code).await.assert_refused(400, "authorization_pending", "not answered yet");

        // The picture is scanned by somebody who is not logged in yet.
        let citizen = app.person("li.xiaoman");
        let form = citizen.opens(&format!("/device?user_code={user_code}")).await;
        assert_shown(&form, 200, user_code);
        let sent = citizen.submits(&form, "/device", &[("user_code", user_code)]).await;
        let login = sent.location.expect("the login page first");
        assert!(login.starts_with("/login?back="), "{login}");
        let sent = citizen.enters(&citizen.opens(&login).await).await;
        let back = sent.location.expect("the code's page again");
        let form = citizen.opens(&back).await;
        assert_shown(&form, 200, user_code);
        let consent = citizen.submits(&form, "/device", &[("user_code", &user_code.to_lowercase())]).await;
        for shown in ["电视", user_code, "127.0.0.1", "不要继续", "您的姓名和用户名", &citizen.sample.name] {
            assert_shown(&consent, 200, shown);
        }
        app.advance(POLL_INTERVAL_SECONDS);
        television.polls(code).await.assert_refused(400, "authorization_pending", "");
        let done = citizen.submits(&consent, "/device/answer", &[("decision", "allow")]).await;
        assert_shown(&done, 200, "已同意");

        let tokens = television.polls(code).await.tokens();
        assert_eq!(tokens.scope, "openid profile offline_access");
        assert_eq!(television.user_info(&tokens.access).await.text("name"), citizen.sample.name);
        let claims = television.verifies(tokens.id(), jose::Algorithm::Es256, app.now()).await;
        assert_eq!(claims.text("sub"), Some(citizen.sample.id.to_string().as_str()));
        assert_eq!(claims.claims.get("nonce"), None);
        let renewed = television.refreshes(tokens.refresh()).await.tokens();

        assert_shown(&citizen.opens("/account").await, 200, "电视");
        let account = citizen.opens("/account").await;
        citizen
            .submits(&account, "/account/grants/withdraw", &[("client", &television.client_id)])
            .await;
        television.user_info(&renewed.access).await.assert_problem(401, "invalid_token", "revoked");
    }

    async fn what_the_person_says_no_to_is_denied_and_what_nobody_answers_expires(app: TestApp) {
        let television = television(&app).await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let begun = television.begins(&[("scope", "openid")]).await;
        let page = citizen.types(begun.text("user_code")).await;
        let done = citizen.submits(&page, "/device/answer", &[("decision", "deny")]).await;
        assert_shown(&done, 200, "已拒绝");
        for _ in 0..2 {
            let polled = television.polls(begun.text("device_code")).await;
            polled.assert_refused(400, "access_denied", "said no");
        }
        assert_shown(&citizen.types(begun.text("user_code")).await, 422, "没有这个代码");

        let begun = television.begins(&[("scope", "openid")]).await;
        let page = citizen.types(begun.text("user_code")).await;
        app.advance(DEFERRED_REQUEST_TTL_SECONDS);
        television.polls(begun.text("device_code")).await.assert_refused(400, "expired_token", "start again");
        let late = citizen.submits(&page, "/device/answer", &[("decision", "allow")]).await;
        assert_shown(&late, 422, "没有这个代码");
        television.polls(begun.text("device_code")).await.assert_refused(400, "expired_token", "start again");
    }

    async fn who_polls_too_often_waits_longer_each_time(app: TestApp) {
        let television = television(&app).await;
        let begun = television.begins(&[("scope", "openid")]).await;
        let code = begun.text("device_code");
        let poll = async |after: i64| {
            app.advance(after);
            television.polls(code).await.text("error").to_owned()
        };
        assert_eq!(poll(0).await, "authorization_pending");
        assert_eq!(poll(POLL_INTERVAL_SECONDS).await, "authorization_pending");
        assert_eq!(poll(POLL_INTERVAL_SECONDS - 1).await, "slow_down");
        assert_eq!(poll(POLL_INTERVAL_SECONDS).await, "slow_down", "it is 5 seconds longer now");
        let longer = POLL_INTERVAL_SECONDS + 2 * SLOW_DOWN_SECONDS;
        assert_eq!(poll(longer).await, "authorization_pending");
        assert_eq!(poll(longer - 1).await, "slow_down");
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        citizen.allows(begun.text("user_code")).await;
        television.polls(code).await.tokens(); // an answer is told at once
    }

    async fn a_device_code_is_its_clients_alone(app: TestApp) {
        let television = television(&app).await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let begun = television.begins(&[("scope", "openid")]).await;
        citizen.allows(begun.text("user_code")).await;
        let code = begun.text("device_code");
        let another = self::television(&app).await;
        another.polls(code).await.assert_refused(400, "invalid_grant", "issued to another client");
        for wrong in ["no-such-code", begun.text("user_code"), &"c".repeat(600)] {
            television.polls(wrong).await.assert_refused(400, "invalid_grant", "unknown");
        }
        let portal = app.application("portal");
        portal.polls(code).await.assert_refused(400, "unauthorized_client", "not registered for the grant");
        let refused = portal.begins(&[("scope", "openid")]).await;
        assert_eq!((refused.status, refused.text("error")), (400, "unauthorized_client"));
        let tokens = television.polls(code).await.tokens();
        another.polls(code).await.assert_refused(400, "invalid_grant", "issued to another client");
        assert_eq!(television.user_info(&tokens.access).await.status, 200);
        television.polls(code).await.assert_refused(400, "invalid_grant", "used");
        television.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
    }

    async fn the_request_says_what_is_wrong(app: TestApp) {
        let television = television(&app).await;
        for (form, error) in [
            (vec![], "invalid_scope"),
            (vec![("scope", "admin")], "invalid_scope"),
            (vec![("scope", "openid"), ("resource", "https://other.example")], "invalid_target"),
            (vec![("scope", "openid"), ("authorization_details", "[{}]")], "invalid_authorization_details"),
            (vec![("scope", "openid"), ("scope", "openid")], "invalid_request"),
        ] {
            let refused = television.begins(&form).await;
            assert_eq!((refused.status, refused.text("error")), (400, error), "{form:?}");
        }
        let url = app.url("/oauth2/device_authorization");
        let stranger = Answer::to(app.http().post(url).form(&[("client_id", "app_nobody"), ("scope", "openid")]));
        let stranger = stranger.await;
        assert_eq!((stranger.status, stranger.text("error")), (401, "invalid_client"));
    }

    async fn guessing_codes_is_slowed_down(app: TestApp) {
        let television = television(&app).await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let begun = television.begins(&[("scope", "openid")]).await;
        let user_code = begun.text("user_code");
        for guess in ["BCDF-GHJK", "bcdfghjl", "", "12345678", "BBBB-BBBB"] {
            let page = citizen.opens("/device").await;
            let page = citizen.submits(&page, "/device", &[("user_code", guess)]).await;
            assert_shown(&page, 422, "没有这个代码");
        }
        let page = citizen.types(user_code).await;
        assert_shown(&page, 429, "秒后再试");
        assert!(page.headers.contains_key("retry-after"));
        citizen.at(app.browser()).logs_in().await; // passwords are counted apart
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        app.advance(15);
        citizen.allows(user_code).await;
        television.polls(begun.text("device_code")).await.tokens();
    }

    async fn a_public_device_needs_no_secret_and_its_refresh_tokens_are_bound_to_its_key_if_it_has_one(app: TestApp) {
        let lamp = app
            .registers(json!({
                "grant_types": [GRANT, "refresh_token"], "token_endpoint_auth_method": "none",
                "application_type": "native", "scope": "openid offline_access",
            }))
            .await;
        let id = ("client_id", lamp.client_id.as_str());
        let begin = app.http().post(app.url("/oauth2/device_authorization"));
        let begun = Answer::to(begin.form(&[id, ("scope", "openid offline_access")])).await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        citizen.allows(begun.text("user_code")).await;
        let form = [id, ("grant_type", GRANT), ("device_code", begun.text("device_code"))];
        let tokens = Answer::to(lamp.token_request().form(&form)).await.tokens();
        assert!(tokens.refresh.is_some() && tokens.id.is_some());
    }

    async fn tokens_of_a_device_end_with_the_login_in_which_they_were_allowed(app: TestApp) {
        let television = television(&app).await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let [fetched, waiting] =
            [television.begins(&[("scope", "openid")]).await, television.begins(&[("scope", "openid")]).await];
        for begun in [&fetched, &waiting] {
            citizen.allows(begun.text("user_code")).await;
        }
        let tokens = television.polls(fetched.text("device_code")).await.tokens();
        let page = citizen.opens("/oauth2/logout").await;
        citizen.submits(&page, "/logout", &[("confirm", "yes")]).await;
        television.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
        television.polls(waiting.text("device_code")).await.assert_refused(400, "invalid_grant", "");
    }

    async fn of_two_redemptions_of_a_device_code_one_wins(app: TestApp) {
        let television = television(&app).await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        for round in 0..RACES_COUNT {
            let begun = television.begins(&[("scope", "openid")]).await;
            assert_eq!(begun.status, 200, "round {round}: {begun:?}");
            citizen.allows(begun.text("user_code")).await;
            let code = begun.text("device_code");
            let (first, second) = tokio::join!(television.polls(code), television.polls(code));
            let mut statuses = [first.status, second.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 400], "round {round}: {first:?}, {second:?}");
            let lost = if first.status == 400 { &first } else { &second };
            lost.assert_refused(400, "invalid_grant", "used");
            app.advance(DEFERRED_REQUEST_TTL_SECONDS / 50);
        }
    }

    async fn of_two_answers_to_a_device_one_counts(app: TestApp) {
        let television = television(&app).await;
        let (one, other) = (app.person("li.xiaoman"), app.person("chen.apo"));
        one.logs_in().await;
        other.logs_in().await;
        for _ in 0..10 {
            let begun = television.begins(&[("scope", "openid")]).await;
            let pages = (one.types(begun.text("user_code")).await, other.types(begun.text("user_code")).await);
            let (first, second) = tokio::join!(
                one.submits(&pages.0, "/device/answer", &[("decision", "allow")]),
                other.submits(&pages.1, "/device/answer", &[("decision", "deny")]),
            );
            let won = [&first, &second].into_iter().filter(|page| page.status.as_u16() == 200).count();
            assert_eq!(won, 1, "{}, {}", first.status, second.status);
            let polled = television.polls(begun.text("device_code")).await;
            let expected = if first.status.as_u16() == 200 { 200 } else { 400 };
            assert_eq!(polled.status, expected, "{polled:?}");
        }
    }

    async fn a_network_cannot_fill_the_table_with_requests(app: TestApp) {
        let television = television(&app).await;
        let first = television.begins(&[("scope", "openid")]).await;
        for _ in 1..100 {
            assert_eq!(television.begins(&[("scope", "openid")]).await.status, 200);
        }
        let refused = television.begins(&[("scope", "openid")]).await;
        assert_eq!((refused.status, refused.text("error")), (400, "slow_down"));
        app.advance(DEFERRED_REQUEST_TTL_SECONDS);
        assert_eq!(television.begins(&[("scope", "openid")]).await.status, 200);
        television.polls(first.text("device_code")).await.assert_refused(400, "expired_token", "");
        app.advance(3_600 + 1);
        assert!(flows::sweep::sweep(app.env(), app.now()).await.unwrap() >= 100);
        television.polls(first.text("device_code")).await.assert_refused(400, "invalid_grant", "unknown");
    }
}

/// A new application without a browser.
pub(crate) async fn television(app: &TestApp) -> Application {
    let members = json!({
        "grant_types": [GRANT, "refresh_token"], "scope": "openid profile offline_access",
        "response_types": [],
    });
    app.registers_as("电视", members).await
}

impl Application {
    pub(crate) async fn begins(&self, form: &[(&str, &str)]) -> Answer {
        let request = self.request("/oauth2/device_authorization");
        Answer::to(request.basic_auth(&self.client_id, Some(&self.client_secret)).form(form)).await
    }

    pub(crate) async fn polls(&self, device_code: &str) -> Answer {
        self.asks(&[("grant_type", GRANT), ("device_code", device_code)]).await
    }
}

impl Person<'_> {
    /// Types `user_code` at the page for it; what comes then.
    pub(crate) async fn types(&self, user_code: &str) -> Page {
        let page = self.opens("/device").await;
        self.submits(&page, "/device", &[("user_code", user_code)]).await
    }

    pub(crate) async fn allows(&self, user_code: &str) {
        let page = self.types(user_code).await;
        assert_shown(&page, 200, user_code);
        let done = self.submits(&page, "/device/answer", &[("decision", "allow")]).await;
        assert_shown(&done, 200, "已同意");
    }
}
