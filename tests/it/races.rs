//! Two at once: what may happen once happens once, on either engine.

use oidc::lifetimes::REFRESH_GRACE_SECONDS;
use std::sync::Arc;

use base::Id;
use base::entropy::OsEntropy;
use serde_json::json;
use store::rows::grants::{self, GrantRow};
use store::rows::{accounts, applications};
use tokio::task::JoinSet;
use yinxin::browser::Page;

use crate::kit::actors::{Answer, Application, Returned, Tokens, assert_shown, claims_of};
use crate::kit::app::stories;
use crate::kit::intruder::Intruder;
use crate::kit::keys::{ClientKey, fresh};

/// How often each pair runs unless `YINXIN_TEST_ROUNDS` says otherwise.
const ROUNDS_COUNT: usize = 200;
/// How many want to be the first administrator.
const CONTENDERS_COUNT: usize = 50;
/// How many grants a person has with one application, for whoever takes them all back.
const GRANTS_COUNT: usize = 300;
/// A login costs a password; of those there are fewer.
const LOGINS_COUNT: usize = 10;

stories! {
    async fn of_two_redemptions_of_a_code_one_wins_and_neither_keeps_anything(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        citizen.authorizes(&portal.requests("openid profile")).await;
        for round in 0..rounds() {
            let code = citizen.authorizes(&portal.requests("openid profile")).await.code();
            let (first, second) = tokio::join!(portal.redeems(&code), portal.redeems(&code));
            let won = one_wins([&first, &second], round);
            let (access, refresh) = (won.text("access_token"), won.text("refresh_token"));
            portal.user_info(access).await.assert_problem(401, "invalid_token", "revoked");
            portal.refreshes(refresh).await.assert_refused(400, "invalid_grant", "revoked");
        }
    }

    async fn of_two_answers_to_a_pushed_request_one_carries_a_code(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        citizen.authorizes(&portal.requests("openid")).await;
        for round in 0..rounds() {
            let request = app.http().post(app.url("/oauth2/par")).body(portal.requests("openid").encoded());
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let request = request.basic_auth(&portal.client_id, Some(&portal.client_secret));
            let pushed = Answer::to(request).await;
            let uri = pushed.text("request_uri").replace(':', "%3A");
            let path = format!("/oauth2/authorize?client_id={}&request_uri={uri}", portal.client_id);
            let pages = tokio::join!(citizen.opens(&path), citizen.opens(&path));
            let codes = [&pages.0, &pages.1]
                .into_iter()
                .filter(|page| page.location.as_deref().is_some_and(|location| location.contains("code=")));
            assert_eq!(codes.count(), 1, "round {round}");
        }
    }

    async fn two_uses_of_a_refresh_token_at_once_get_the_same_successor_and_a_later_one_ends_the_family(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        citizen.authorizes(&portal.requests("openid profile offline_access")).await;
        for round in 0..rounds() {
            let tokens = portal.admits(&citizen, "openid profile offline_access").await;
            let (first, second) =
                tokio::join!(portal.refreshes(tokens.refresh()), portal.refreshes(tokens.refresh()));
            let (first, second) = (first.tokens(), second.tokens());
            assert_eq!(first.refresh(), second.refresh(), "round {round}: two tabs, one successor");
            app.advance(REFRESH_GRACE_SECONDS);
            portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "used");
            portal.refreshes(first.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
            for dead in [&first, &second] {
                portal.user_info(&dead.access).await.assert_problem(401, "invalid_token", "revoked");
            }
        }
    }

    async fn what_is_taken_back_from_two_sides_at_once_never_waits_in_a_circle(app: TestApp) {
        let (citizen, portal) = (app.person("li.xiaoman"), app.application("portal"));
        let tokens = portal.admits(&citizen, "openid").await;
        let jti = claims_of(&tokens.access)["jti"].as_str().unwrap().to_owned();
        let grant = jti.split_once('.').unwrap().0.parse().unwrap();
        let given = grants::lookup(&mut app.env().db.read().await.unwrap(), grant).await.unwrap().unwrap();
        let mut tx = app.env().db.begin().await.unwrap();
        for number in 0..GRANTS_COUNT {
            // Those that were given last are over first: who goes by when they are over meets them in another order.
            let expires = given.expires.plus_seconds(-i64::try_from(number).unwrap());
            let another = GrantRow { id: Id::new(app.now(), &OsEntropy), expires, ..given.clone() };
            grants::add(&mut tx, &another).await.unwrap();
        }
        tx.commit().await.unwrap();
        let intruder = Intruder::at(&app);
        let count = GRANTS_COUNT + 1;
        for round in 0..rounds() {
            intruder.does("UPDATE auth_grant SET revoked_us = NULL").await;
            let of_the_person = async {
                let mut tx = app.env().db.begin().await?;
                let grants = grants::revoke_of_account(&mut tx, given.account, "account", app.now()).await?;
                tx.commit().await.map(|()| grants.len())
            };
            let of_the_application = async {
                let mut tx = app.env().db.begin().await?;
                let grants = applications::take_back(&mut tx, &portal.client_id, "application", app.now()).await?;
                tx.commit().await.map(|()| grants.len())
            };
            let of_the_login = async {
                let mut tx = app.env().db.begin().await?;
                let grants = grants::revoke_of_session(&mut tx, given.session, "login", app.now()).await?;
                tx.commit().await.map(|()| grants.len())
            };
            let (one, two, three) = tokio::join!(of_the_person, of_the_application, of_the_login);
            let each = [one, two, three].map(|taken| taken.unwrap_or_else(|error| panic!("round {round}: {error}")));
            assert_eq!(each.iter().sum::<usize>(), count, "round {round}: each grant once");
        }
    }

    async fn of_many_who_would_be_the_first_administrator_one_is(app: TestApp) {
        let app = Arc::new(app);
        let mut contenders = JoinSet::new();
        for number in 0..CONTENDERS_COUNT {
            let app = Arc::clone(&app);
            contenders.spawn(async move {
                let browser = app.browser();
                let page = browser.open("/enrol").await.unwrap();
                let name = format!("admin.{number:02}");
                let fields = [
                    ("code", app.enrolment_code.as_str()),
                    ("name", "林管理"),
                    ("username", &name),
                    ("password", "tour-of-the-house-7"),
                    ("password_again", "tour-of-the-house-7"),
                ];
                browser.submit(&page, "/enrol", &fields).await.unwrap()
            });
        }
        let pages = contenders.join_all().await;
        let (won, lost): (Vec<&Page>, Vec<&Page>) =
            pages.iter().partition(|page| page.status.as_u16() == 303);
        assert_eq!(won.len(), 1);
        for page in lost {
            // 503: there was no place left among those whose password is worked on.
            match page.status.as_u16() {
                503 => assert!(page.headers.contains_key("retry-after")),
                _ => assert_shown(page, 403, "开通码不正确、已使用或已过期"),
            }
        }
        let mut conn = app.env().db.read().await.unwrap();
        assert_eq!(accounts::count_administrators(&mut conn).await.unwrap(), 1);
        let found = accounts::page(&mut conn, "", 200).await.unwrap();
        assert_eq!(
            found.iter().filter(|account| account.user_name.starts_with("admin.")).count(),
            1,
            "nothing half made"
        );
    }

    async fn a_logout_that_meets_a_refresh_leaves_nothing_alive(app: TestApp) {
        let portal = app.application("portal");
        for _ in 0..LOGINS_COUNT {
            let citizen = app.person("li.xiaoman");
            let tokens = portal.admits(&citizen, "openid profile offline_access").await;
            let out = format!("/oauth2/logout?id_token_hint={}", tokens.id());
            let (page, refreshed) = tokio::join!(citizen.opens(&out), portal.refreshes(tokens.refresh()));
            assert_shown(&page, 200, "您已退出登录");
            let latest = if refreshed.status == 200 { refreshed.tokens() } else { tokens };
            portal.refreshes(latest.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
            portal.user_info(&latest.access).await.assert_problem(401, "invalid_token", "revoked");
        }
    }

    async fn a_logout_that_meets_an_authorization_leaves_no_code_that_works(app: TestApp) {
        let portal = app.application("portal");
        for _ in 0..LOGINS_COUNT {
            let citizen = app.person("li.xiaoman");
            let tokens = portal.admits(&citizen, "openid profile").await;
            let out = format!("/oauth2/logout?id_token_hint={}", tokens.id());
            let silent = portal.requests("openid profile").with("prompt", "none").path();
            let (page, answered) = tokio::join!(citizen.opens(&out), citizen.opens(&silent));
            assert_shown(&page, 200, "您已退出登录");
            let returned = Returned::by(&answered);
            match returned.value("code") {
                Some(code) => portal.redeems(&code).await.assert_refused(400, "invalid_grant", ""),
                None => assert_eq!(returned.error(), "login_required"),
            }
        }
    }

    async fn a_logout_that_meets_a_redemption_leaves_nothing_alive(app: TestApp) {
        let portal = app.application("portal");
        for _ in 0..LOGINS_COUNT {
            let citizen = app.person("li.xiaoman");
            let first = portal.admits(&citizen, "openid profile offline_access").await;
            let code = citizen.authorizes(&portal.requests("openid profile offline_access")).await.code();
            let out = format!("/oauth2/logout?id_token_hint={}", first.id());
            let (page, redeemed) = tokio::join!(citizen.opens(&out), portal.redeems(&code));
            assert_shown(&page, 200, "您已退出登录");
            match redeemed.status {
                200 => assert_dead(&portal, &redeemed.tokens()).await,
                _ => redeemed.assert_refused(400, "invalid_grant", "expired"),
            }
            assert_dead(&portal, &first).await;
        }
    }

    async fn a_revocation_that_meets_a_refresh_leaves_nothing_alive(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        citizen.authorizes(&portal.requests("openid profile offline_access")).await;
        for round in 0..rounds() {
            let tokens = portal.admits(&citizen, "openid profile offline_access").await;
            let (revoked, refreshed) =
                tokio::join!(gives_back(&portal, tokens.refresh()), portal.refreshes(tokens.refresh()));
            assert_eq!(revoked, 200, "round {round}");
            match refreshed.status {
                200 => assert_dead(&portal, &refreshed.tokens()).await,
                _ => refreshed.assert_refused(400, "invalid_grant", "revoked"),
            }
            assert_dead(&portal, &tokens).await;
        }
    }

    async fn a_withdrawal_that_meets_a_refresh_or_a_redemption_leaves_nothing_alive(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        for round in 0..LOGINS_COUNT {
            let tokens = portal.admits(&citizen, "openid profile offline_access").await;
            let code = citizen.authorizes(&portal.requests("openid profile offline_access")).await.code();
            let account = citizen.opens("/account").await;
            let (page, refreshed, redeemed) = tokio::join!(
                citizen.submits(&account, "/account/grants/withdraw", &[]),
                portal.refreshes(tokens.refresh()),
                portal.redeems(&code),
            );
            assert_eq!(page.status.as_u16(), 303, "round {round}");
            for answer in [refreshed, redeemed] {
                match answer.status {
                    200 => assert_dead(&portal, &answer.tokens()).await,
                    _ => answer.assert_refused(400, "invalid_grant", ""),
                }
            }
            assert_dead(&portal, &tokens).await;
        }
    }

    async fn a_token_that_was_given_back_while_it_was_used_opens_nothing_after(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let opaque = app
            .registers(json!({
                "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid",
                "access_token_format": "opaque",
            }))
            .await;
        for client in [&app.application("portal"), &opaque] {
            citizen.authorizes(&client.requests("openid")).await;
            for round in 0..rounds() {
                let tokens = client.admits(&citizen, "openid").await;
                let (used, revoked, again) = tokio::join!(
                    client.user_info(&tokens.access),
                    gives_back(client, &tokens.access),
                    client.user_info(&tokens.access),
                );
                assert_eq!(revoked, 200, "round {round}");
                for use_of_it in [used, again] {
                    assert!([200, 401].contains(&use_of_it.status), "round {round}: {use_of_it:?}");
                }
                client.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
            }
        }
    }

    async fn of_two_requests_with_one_client_assertion_one_is_served(app: TestApp) {
        let key = ClientKey::new("k1");
        let machine = app
            .registers(json!({
                "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks(),
                "grant_types": ["client_credentials"], "response_types": [], "scope": "decision:evaluate",
            }))
            .await;
        for round in 0..rounds() {
            let now = app.now().unix_seconds();
            let assertion = key.signs(&json!({}), &json!({
                "iss": machine.client_id, "sub": machine.client_id, "aud": app.issuer, "jti": fresh(), "exp": now + 60,
            }));
            let ask = async || {
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                    ("client_assertion", &assertion),
                ];
                Answer::to(machine.token_request().form(&form)).await
            };
            let (first, second) = tokio::join!(ask(), ask());
            let mut statuses = [first.status, second.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 401], "round {round}: {first:?}, {second:?}");
        }
    }

    async fn many_guesses_at_once_are_counted_like_one_after_another(app: TestApp) {
        let app = Arc::new(app);
        let mut guesses = JoinSet::new();
        for number in 0..20 {
            let app = Arc::clone(&app);
            guesses.spawn(async move {
                let page = app.person("li.xiaoman").tries(&format!("guess-number-{number}")).await;
                page.status.as_u16()
            });
        }
        let answers = guesses.join_all().await;
        let looked_at = answers.iter().filter(|status| **status == 401).count();
        let put_off = answers.iter().filter(|status| **status == 429).count();
        assert_eq!(looked_at + put_off, 20, "{answers:?}");
        assert!(looked_at <= 5, "{answers:?}");
    }
}

/// One of the two got tokens, and the other was refused.
fn one_wins(answers: [&Answer; 2], round: usize) -> &Answer {
    let [first, second] = answers;
    let (won, lost) = if first.status == 200 { (first, second) } else { (second, first) };
    assert_eq!(won.status, 200, "round {round}: {answers:?}");
    lost.assert_refused(400, "invalid_grant", "used");
    won
}

/// Nothing of `tokens` opens anything.
async fn assert_dead(client: &Application, tokens: &Tokens) {
    client.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
    if let Some(refresh) = &tokens.refresh {
        client.refreshes(refresh).await.assert_refused(400, "invalid_grant", "revoked");
    }
}

/// Revokes `token` (RFC 7009); the status of the answer.
async fn gives_back(client: &Application, token: &str) -> u16 {
    let request = client.request("/oauth2/revoke").basic_auth(&client.client_id, Some(&client.client_secret));
    request.form(&[("token", token)]).send().await.unwrap().status().as_u16()
}

#[expect(clippy::disallowed_methods, reason = "a run is told by the environment how long it may take")]
fn rounds() -> usize {
    std::env::var("YINXIN_TEST_ROUNDS")
        .map_or(ROUNDS_COUNT, |rounds| rounds.parse().expect("YINXIN_TEST_ROUNDS is a number"))
}
