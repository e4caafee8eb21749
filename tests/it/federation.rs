//! Logging in through another provider: a Yinxin node as the upstream of another, and providers that say what must not be believed.

use std::collections::BTreeMap;

use flows::log::Kind;
use flows::upstreams::{Strangers, UpstreamSettings};
use identity::upstream::{Attributes, Rules};
use identity::{Assurance, RealNameLevel};
use serde_json::json;
use store::rows::accounts::{self, AccountRow};
use url::Url;
use yinxin::browser::Page;
use yinxin::upstreams::ConfiguredUpstream;

use crate::kit::actors::{Person, Returned, assert_shown, claims_of, cookie};
use crate::kit::app::{TestApp, stories};
use crate::kit::intruder::Intruder;
use crate::kit::keys::ClientKey;
use crate::kit::provider::{CLIENT_ID, Provider, parameter};

/// How long ago somebody may have authenticated who links.
const RECENT_SECONDS: i64 = flows::link_upstream::AUTHENTICATED_MAX_AGE_SECONDS;

stories! {
    async fn a_person_links_their_account_at_the_city_once_and_then_comes_in_through_it(app: TestApp) {
        let mut app = app;
        let city = city_above(&mut app, Strangers::Link).await;
        let citizen = app.person("li.xiaoman");
        let there = city.person("chen.apo");

        // The first time somebody comes whom nobody here is linked to.
        let arrived = comes_through(&citizen, &there, &citizen.opens("/login").await).await;
        let asked = arrived.location.clone().expect("a page that asks who it is");
        assert!(asked.starts_with("/link?arrival="), "{asked}");
        assert_eq!(cookie(&arrived, "yinxin-session"), None, "not in yet");
        let page = citizen.opens(&asked).await;
        assert_shown(&page, 200, &there.sample.name);
        assert!(!page.text.contains("value=\"create\""), "{}", page.text);
        let known = citizen.enters(&page).await;
        assert_eq!(known.location.as_deref(), Some(asked.as_str()), "{}", known.text);
        let page = citizen.opens(&asked).await;
        assert_shown(&page, 200, "请确认两个账号都是您本人的");
        let linked = citizen.submits(&page, "/link", &[("decision", "link")]).await;
        assert_eq!(linked.location.as_deref(), Some("/account"));
        assert_shown(&citizen.opens("/account").await, 200, &city.issuer);
        assert_shown(&citizen.opens(&asked).await, 400, "登录页面停留过久");

        // The second time, in another browser, nothing is asked.
        let again = app.person("li.xiaoman");
        let arrived = comes_through(&again, &there, &again.opens("/login").await).await;
        assert_eq!((arrived.status.as_u16(), arrived.location.as_deref()), (303, Some("/account")));
        assert_shown(&again.opens("/account").await, 200, &citizen.sample.name);
        assert_eq!(logged(&app).await, [1, 0, 1], "linked, unlinked, came in");
    }

    async fn an_applications_request_goes_on_after_the_login_at_the_city_in_each_of_two_tabs(app: TestApp) {
        let mut app = app;
        let city = city_above(&mut app, Strangers::Link).await;
        let there = city.person("chen.apo");
        links(&app, "li.xiaoman", &there).await;
        let (portal, fund) = (app.application("portal"), app.application("fund"));
        let citizen = app.person("li.xiaoman");
        let first = citizen.opens(&portal.requests("openid profile").path()).await;
        let second = citizen.opens(&fund.requests("openid profile").with("max_age", "60").path()).await;
        let (to_first, to_second) = (presses(&citizen, &first, "city").await, presses(&citizen, &second, "city").await);
        assert_eq!(parameter(&to_second, "max_age"), "60");
        assert_ne!(parameter(&to_first, "state"), parameter(&to_second, "state"));
        let (back_first, back_second) = (asks_the_city(&there, &to_first).await, asks_the_city(&there, &to_second).await);
        for (application, back) in [(&fund, back_second), (&portal, back_first)] {
            let arrived = citizen.opens(back.as_str()).await;
            let returned = goes_on(&citizen, arrived).await;
            let tokens = application.redeems(&returned.code()).await.tokens();
            let claims = claims_of(tokens.id());
            assert_eq!(claims["sub"], json!(citizen.sample.id.to_string()));
            assert_eq!(claims["acr"], "urn:yinxin:loa:1", "no more than was written down");
            assert_eq!(claims["amr"], json!(["pwd", "yinxin_upstream"]));
            assert_eq!(claims["auth_time"], json!(app.now().unix_seconds()));
        }
    }

    async fn who_must_authenticate_again_must_do_so_at_the_city(app: TestApp) {
        let mut app = app;
        let city = city_above(&mut app, Strangers::Link).await;
        let there = city.person("chen.apo");
        links(&app, "li.xiaoman", &there).await;
        let portal = app.application("portal");
        let citizen = app.person("li.xiaoman");
        let page = citizen.opens(&portal.requests("openid").path()).await;
        let back = asks_the_city(&there, &presses(&citizen, &page, "city").await).await;
        goes_on(&citizen, citizen.opens(back.as_str()).await).await;
        app.advance(1_000);
        city.advance(1_000);

        // The login there is kept when nobody asks for another, with its time.
        let later = app.person("li.xiaoman");
        let page = later.opens(&portal.requests("openid").path()).await;
        let to_city = presses(&later, &page, "city").await;
        assert!(!to_city.as_str().contains("prompt="), "{to_city}");
        let back = Url::parse(there.opens(to_city.as_str()).await.location.as_deref().unwrap()).unwrap();
        let returned = goes_on(&later, later.opens(back.as_str()).await).await;
        let claims = claims_of(portal.redeems(&returned.code()).await.tokens().id());
        assert_eq!(claims["auth_time"], json!(app.now().unix_seconds() - 1_000), "{claims}");

        let page = later.opens(&portal.requests("openid").with("prompt", "login").path()).await;
        let to_city = presses(&later, &page, "city").await;
        assert_eq!(parameter(&to_city, "prompt"), "login");
        assert_shown(&there.opens(to_city.as_str()).await, 200, "name=\"password\"");
        let back = asks_the_city(&there, &to_city).await;
        let returned = goes_on(&later, later.opens(back.as_str()).await).await;
        let claims = claims_of(portal.redeems(&returned.code()).await.tokens().id());
        assert_eq!(claims["auth_time"], json!(app.now().unix_seconds()), "{claims}");
    }

    async fn a_new_account_is_made_of_what_the_city_says_and_is_believed_no_more_than_was_written_down(app: TestApp) {
        let mut app = app;
        let city = city_above(&mut app, Strangers::Create).await;
        let there = city.person("li.xiaoman");
        let somebody = app.person("chen.apo");
        let portal = app.application("portal");
        let page = somebody.opens(&portal.requests("openid profile").path()).await;
        let back = asks_the_city(&there, &presses(&somebody, &page, "city").await).await;
        let asked = somebody.opens(back.as_str()).await.location.unwrap();
        let page = somebody.opens(&asked).await;
        assert_shown(&page, 200, "新建账号");
        let form = filled(&page, "value=\"create\"", &[("decision", "create")]);
        let (first, second) =
            tokio::join!(somebody.browser.post("/link", &form), somebody.browser.post("/link", &form));
        let (first, second) = (first.unwrap(), second.unwrap());
        let (made, refused) = if first.status.as_u16() == 303 { (first, second) } else { (second, first) };
        assert_shown(&refused, 400, "登录页面停留过久");
        let returned = goes_on(&somebody, made).await;
        let tokens = portal.redeems(&returned.code()).await.tokens();
        let said = portal.user_info(&tokens.access).await;
        assert_eq!(said.text("preferred_username"), "li.xiaoman@city", "nobody here loses their name");
        assert_eq!(said.text("name"), there.sample.name);

        let account = account(&app, "li.xiaoman@city").await.expect("an account");
        assert_eq!(account.password_hash, None);
        assert_eq!(account.real_name_level, 1, "the city says more, and the operator believes no more");
        assert_eq!(account.id_number_sealed, None, "the city does not tell it");
        let sub = claims_of(tokens.id())["sub"].clone();
        assert_eq!(sub, json!(account.id.to_string()));
        assert_eq!(logged(&app).await, [1, 0, 1], "linked, unlinked, came in");

        // There is no other way in.
        let page = somebody.opens("/account").await;
        let kept = unlinks(&somebody, &page).await;
        assert_shown(&kept, 409, "唯一方式");
        // Who has no password shows at the city that it is them.
        app.advance(RECENT_SECONDS + 1);
        city.advance(RECENT_SECONDS + 1);
        let asked = unlinks(&somebody, &page).await;
        assert_shown(&asked, 401, "请再次登录以确认是您本人");
        let to_city = presses(&somebody, &asked, "city").await;
        assert_eq!(parameter(&to_city, "prompt"), "login");
        let back = asks_the_city(&there, &to_city).await;
        assert_eq!(somebody.opens(back.as_str()).await.location.as_deref(), Some("/account"));
        assert_shown(&unlinks(&somebody, &page).await, 409, "唯一方式");
        let nobody = app.person("chen.apo").tries_as("li.xiaoman@city", "").await;
        assert_eq!(nobody.status.as_u16(), 401);
    }

    async fn who_unlinks_shows_first_that_it_is_them_and_stays_logged_in(app: TestApp) {
        let mut app = app;
        let city = city_above(&mut app, Strangers::Link).await;
        let there = city.person("chen.apo");
        links(&app, "li.xiaoman", &there).await;
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        app.advance(RECENT_SECONDS + 1);
        city.advance(RECENT_SECONDS + 1);
        let page = citizen.opens("/account").await;
        let asked = unlinks(&citizen, &page).await;
        assert_shown(&asked, 401, "请再次登录以确认是您本人");
        let back = citizen.enters(&asked).await;
        assert_eq!(back.location.as_deref(), Some("/account"));
        let page = citizen.opens("/account").await;
        assert_eq!(unlinks(&citizen, &page).await.location.as_deref(), Some("/account"));
        assert_shown(&unlinks(&citizen, &page).await, 404, "没有这个绑定");
        assert_shown(&citizen.opens("/account").await, 200, "未绑定");
        assert_eq!(logged(&app).await, [1, 1, 0], "linked, unlinked, came in");
        let arrived = comes_through(&app.person("li.xiaoman"), &there, &citizen.opens("/login").await).await;
        assert_ne!(arrived.location.as_deref(), Some("/account"), "nobody is linked any more");
    }

    async fn who_is_logged_in_links_from_the_account_page(app: TestApp) {
        let mut app = app;
        let city = city_above(&mut app, Strangers::Create).await;
        let there = city.person("chen.apo");
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let page = citizen.opens("/account").await;
        let to_city = leaves(&citizen.submits(&page, "/account/upstreams/link", &[]).await);
        assert_eq!(parameter(&to_city, "prompt"), "login", "also there they show that it is them");
        let back = asks_the_city(&there, &to_city).await;
        let asked = citizen.opens(back.as_str()).await.location.unwrap();
        let page = citizen.opens(&asked).await;
        assert_shown(&page, 200, "请确认两个账号都是您本人的");
        assert!(!page.text.contains("value=\"create\""), "who has an account makes no other: {}", page.text);
        // An intruder who sends the form from elsewhere does not know what the page carries.
        let forged = [("decision".to_owned(), "link".to_owned()), ("arrival".to_owned(), "x".to_owned())];
        assert_eq!(citizen.browser.post("/link", &forged).await.unwrap().status.as_u16(), 403);
        let linked = citizen.submits(&page, "/link", &[("decision", "link")]).await;
        assert_eq!(linked.location.as_deref(), Some("/account"));

        // The account there is somebody's now.
        let other = app.person("lin.zhixing");
        other.logs_in().await;
        let page = other.opens("/account").await;
        let to_city = leaves(&other.submits(&page, "/account/upstreams/link", &[]).await);
        let back = asks_the_city(&there, &to_city).await;
        assert_shown(&other.opens(back.as_str()).await, 409, "已与这里的另一个账号绑定");

        // And this account has one there.
        let page = citizen.opens("/account").await;
        assert!(!page.text.contains("action=\"/account/upstreams/link\""), "{}", page.text);
    }

    async fn an_account_out_of_use_does_not_come_in_through_the_city(app: TestApp) {
        let mut app = app;
        let city = city_above(&mut app, Strangers::Link).await;
        let there = city.person("chen.apo");
        links(&app, "li.xiaoman", &there).await;
        Intruder::at(&app).does("UPDATE account SET state = 'disabled' WHERE user_name = 'li.xiaoman'").await;
        let citizen = app.person("li.xiaoman");
        let refused = comes_through(&citizen, &there, &citizen.opens("/login").await).await;
        assert_shown(&refused, 403, "这个账号已停用");
        assert_eq!(cookie(&refused, "yinxin-session"), None);
    }

    async fn when_the_session_at_the_city_ends_so_do_those_here_that_came_from_it(app: TestApp) {
        let mut app = app;
        let city = city_above(&mut app, Strangers::Link).await;
        let there = city.person("chen.apo");
        links(&app, "li.xiaoman", &there).await;
        let (through, by_password) = (app.person("li.xiaoman"), app.person("li.xiaoman"));
        comes_through(&through, &there, &through.opens("/login").await).await;
        by_password.logs_in().await;
        let portal = app.application("portal");
        let tokens = portal.admits(&through, "openid profile offline_access").await;
        assert_shown(&through.opens("/account").await, 200, &through.sample.name);

        let page = there.opens("/oauth2/logout").await;
        assert_shown(&there.submits(&page, "/logout", &[("confirm", "yes")]).await, 200, "您已退出登录");
        let mut tries = 0;
        while through.opens("/account").await.status.as_u16() == 200 {
            // It goes on in the background; this is only sooner.
            flows::tell_clients::tell(city.env(), city.now()).await.unwrap();
            tries += 1;
            assert!(tries < 500, "nobody told us");
        }
        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
        assert_shown(&by_password.opens("/account").await, 200, &through.sample.name);
    }

    async fn only_a_logout_token_of_the_provider_for_us_ends_anything_and_once(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        links_at(&app, "li.xiaoman", &provider, "them").await;
        let stranger = ClientKey::new("first");
        let comes_in = async |sid: &str| {
            let person = app.person("li.xiaoman");
            let asked = presses(&person, &person.opens("/login").await, "other").await;
            let claims = provider.id_token(&asked, app.now(), "them", &json!({ "sid": sid }));
            person.opens(&provider.gives(&asked, &provider.key.signs(&json!({}), &claims))).await;
            assert_shown(&person.opens("/account").await, 200, &person.sample.name);
            person
        };
        let tells = async |path: &str, token: String| {
            let request = app.http().post(app.url(path)).form(&[("logout_token", token)]);
            request.send().await.unwrap().status().as_u16()
        };
        let path = "/upstream/other/backchannel-logout";
        let now = app.now().unix_seconds();
        let says = |over: serde_json::Value| {
            let mut claims = json!({
                "iss": provider.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": crate::kit::keys::fresh(),
                "sub": "them", "sid": "one", "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
            });
            crate::kit::keys::put_over(&mut claims, &over);
            claims
        };
        let typ = json!({ "typ": "logout+jwt" });
        let (one, two) = (comes_in("one").await, comes_in("two").await);
        for over in [
            json!({ "aud": "somebody-else" }),
            json!({ "iss": "https://other.example" }),
            json!({ "exp": now - 61 }),
            json!({ "exp": now + 3_600 }),
            json!({ "iat": now + 61 }),
            json!({ "nonce": "n" }),
            json!({ "events": null }),
            json!({ "jti": null }),
            json!({ "sub": null, "sid": null }),
        ] {
            assert_eq!(tells(path, provider.key.signs(&typ, &says(over.clone()))).await, 400, "{over}");
        }
        assert_eq!(tells(path, stranger.signs(&typ, &says(json!({})))).await, 400);
        assert_eq!(tells(path, provider.key.signs(&json!({ "typ": "at+jwt" }), &says(json!({})))).await, 400);
        assert_eq!(tells(path, String::new()).await, 400);
        let good = provider.key.signs(&typ, &says(json!({})));
        assert_eq!(tells("/upstream/unheard-of/backchannel-logout", good.clone()).await, 400);
        // Somebody else's session, and one that is not there: nothing to end is no mistake.
        assert_eq!(tells(path, provider.key.signs(&typ, &says(json!({ "sub": "another" })))).await, 200);
        assert_eq!(tells(path, provider.key.signs(&typ, &says(json!({ "sid": "three" })))).await, 200);
        for person in [&one, &two] {
            assert_shown(&person.opens("/account").await, 200, &person.sample.name);
        }
        let answers = tokio::join!(tells(path, good.clone()), tells(path, good.clone()));
        assert!(answers == (200, 400) || answers == (400, 200), "{answers:?}");
        assert_eq!(one.opens("/account").await.status.as_u16(), 303, "over");
        assert_shown(&two.opens("/account").await, 200, &two.sample.name);
        assert_eq!(tells(path, provider.key.signs(&typ, &says(json!({ "sid": null })))).await, 200);
        assert_eq!(two.opens("/account").await.status.as_u16(), 303, "all of them");
    }

    async fn an_answer_is_taken_once_from_the_browser_that_began_and_in_time(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        links_at(&app, "li.xiaoman", &provider, "them").await;
        let citizen = app.person("li.xiaoman");
        let unknown = "不是在此浏览器中开始的";
        let begin = async |person: &Person<'_>| presses(person, &person.opens("/login").await, "other").await;

        let asked = begin(&citizen).await;
        let answer = says(&app, &provider, &asked, "them");
        let thief = app.person("li.xiaoman");
        assert_shown(&thief.opens(&answer).await, 400, unknown);
        thief.opens("/login").await; // with a cookie of its own
        assert_shown(&thief.opens(&answer).await, 400, unknown);
        let elsewhere = answer.replace("/upstream/other/", "/upstream/unheard-of/");
        assert_shown(&citizen.opens(&elsewhere).await, 404, "没有这个登录平台");
        assert_eq!(citizen.opens(&answer).await.location.as_deref(), Some("/account"), "the thief did not use it up");
        assert_shown(&citizen.opens(&answer).await, 400, unknown);

        for round in 0..10 {
            let asked = begin(&citizen).await;
            let answer = says(&app, &provider, &asked, "them");
            let (first, second) = tokio::join!(citizen.opens(&answer), citizen.opens(&answer));
            let statuses = [first.status.as_u16(), second.status.as_u16()];
            assert!(statuses == [303, 400] || statuses == [400, 303], "round {round}: {statuses:?}");
        }

        let asked = begin(&citizen).await;
        let answer = says(&app, &provider, &asked, "them");
        app.advance(601);
        assert_shown(&citizen.opens(&answer).await, 400, unknown);
        let made_up = answer.replace(&parameter(&asked, "state"), "af0ifjsldkj");
        assert_shown(&citizen.opens(&made_up).await, 400, unknown);
        assert_shown(&citizen.opens("/upstream/other/callback").await, 400, unknown);
        let twice = format!("{answer}&state=x");
        assert_eq!(citizen.opens(&twice).await.status.as_u16(), 400);
    }

    async fn what_a_provider_says_is_believed_only_when_everything_is_right(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        links_at(&app, "li.xiaoman", &provider, "them").await;
        let citizen = app.person("li.xiaoman");
        let begin = async || presses(&citizen, &citizen.opens("/login").await, "other").await;
        let (now, old) = (app.now().unix_seconds(), app.now().unix_seconds() - 13 * 3_600);
        for (over, why) in [
            (json!({ "nonce": "another" }), "无法确认为真实"),
            (json!({ "nonce": null }), "无法确认为真实"),
            (json!({ "iss": "https://other.example" }), "无法确认为真实"),
            (json!({ "aud": "somebody-else" }), "无法确认为真实"),
            (json!({ "aud": [CLIENT_ID, "somebody-else"] }), "无法确认为真实"),
            (json!({ "azp": "somebody-else" }), "无法确认为真实"),
            (json!({ "exp": now - 61 }), "无法确认为真实"),
            (json!({ "iat": now + 61 }), "无法确认为真实"),
            (json!({ "iat": now - 661 }), "无法确认为真实"),
            (json!({ "sub": "" }), "无法确认为真实"),
            (json!({ "sub": "x".repeat(256) }), "无法确认为真实"),
            (json!({ "auth_time": null }), "无法确认为真实"),
            (json!({ "auth_time": now + 61 }), "无法确认为真实"),
            (json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }), "无法确认为真实"),
            (json!({ "auth_time": old }), "没有重新确认您的身份"),
        ] {
            let asked = begin().await;
            let token = provider.key.signs(&json!({}), &provider.id_token(&asked, app.now(), "them", &over));
            let page = citizen.opens(&provider.gives(&asked, &token)).await;
            assert_shown(&page, 502, why);
            assert!(page.text.contains("action=\"/login\"") && cookie(&page, "yinxin-session").is_none(), "{over}");
        }
        for (status, answer) in [
            (400, json!({ "error": "invalid_grant" })),
            (500, json!("oops")),
            (200, json!({ "access_token": "x", "token_type": "Bearer" })),
            (200, json!([])),
        ] {
            let asked = begin().await;
            let page = citizen.opens(&provider.gives_what(&asked, status, answer)).await;
            assert_eq!(page.status.as_u16(), 502, "{}", page.text);
        }
        // What userinfo says is of the same person, or of nobody.
        let asked = begin().await;
        provider.knows(json!({ "sub": "another" }));
        let page = citizen.opens(&says(&app, &provider, &asked, "a-stranger")).await;
        assert_shown(&page, 502, "对方平台暂时无法使用");
        assert_eq!(citizen.opens("/account").await.status.as_u16(), 303, "nobody came in");
    }

    async fn a_token_is_believed_only_under_a_key_that_the_provider_publishes(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        let file = app.config().data.join("secret");
        std::fs::write(&file, "our secret").unwrap();
        app.restart_with(|config| config.upstreams[0].secret_file = Some(file)).await;
        links_at(&app, "li.xiaoman", &provider, "them").await;
        let citizen = app.person("li.xiaoman");
        let stranger = ClientKey::new("first");
        for way in 0..7 {
            let asked = presses(&citizen, &citizen.opens("/login").await, "other").await;
            let claims = provider.id_token(&asked, app.now(), "them", &json!({}));
            let signed = provider.key.signs(&json!({}), &claims);
            let (unsigned, _) = signed.rsplit_once('.').unwrap();
            let payload = unsigned.split('.').nth(1).unwrap();
            let none = base::encoding::base64url(b"{\"alg\":\"none\"}");
            let shared = format!("{}.{payload}", base::encoding::base64url(b"{\"alg\":\"HS256\"}"));
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"our secret");
            let tag = base::encoding::base64url(ring::hmac::sign(&key, shared.as_bytes()).as_ref());
            let token = match way {
                0 => stranger.signs(&json!({}), &claims),
                1 => stranger.signs(&json!({ "kid": "unheard-of" }), &claims),
                2 => format!("{unsigned}.{}", "A".repeat(86)),
                3 => provider.key.signs(&json!({ "typ": "at+jwt" }), &claims),
                4 => format!("{none}.{payload}."),
                5 => format!("{shared}.{tag}"),
                _ => signed.clone(),
            };
            let page = citizen.opens(&provider.gives(&asked, &token)).await;
            match way {
                6 => assert_eq!(page.location.as_deref(), Some("/account"), "{}", page.text),
                _ => {
                    assert_eq!(page.status.as_u16(), 502, "{way}: {}", page.text);
                    assert_eq!(cookie(&page, "yinxin-session"), None, "{way}");
                }
            }
        }
    }

    async fn the_issuer_of_an_answer_must_be_the_one_that_was_asked(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        provider.announces(&json!({ "authorization_response_iss_parameter_supported": true }));
        links_at(&app, "li.xiaoman", &provider, "them").await;
        let citizen = app.person("li.xiaoman");
        let asked = presses(&citizen, &citizen.opens("/login").await, "other").await;
        let answer = says(&app, &provider, &asked, "them");
        let (without, iss) = answer.rsplit_once("&iss=").unwrap();
        assert_shown(&citizen.opens(without).await, 502, "无法确认为真实");
        assert_shown(&citizen.opens(&format!("{without}&iss=https%3A%2F%2Fother.example")).await, 502, "无法确认为真实");
        assert_shown(&citizen.opens(&format!("{without}&iss={iss}%2F")).await, 502, "无法确认为真实");
        assert_eq!(citizen.opens(&answer).await.location.as_deref(), Some("/account"), "it was not used up");
    }

    async fn a_provider_that_refuses_or_does_not_answer_keeps_nobody_from_the_password(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        let dead = configured("dead", "http://127.0.0.1:9", "us", Strangers::Link);
        app.restart_with(|config| config.upstreams.push(dead)).await;
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let request = portal.requests("openid");

        let page = citizen.opens(&request.path()).await;
        let down = citizen.submits(&page, "/upstream/dead", &[]).await;
        assert_shown(&down, 502, "对方平台暂时无法使用");
        let asked = presses(&citizen, &down, "other").await;
        let denied = citizen.opens(&provider.answers(&asked, &[("error", "access_denied")])).await;
        assert_shown(&denied, 403, "您在对方平台取消了登录");
        let asked = presses(&citizen, &denied, "other").await;
        let odd = ("error", "<script>alert(1)</script>");
        let refused = citizen.opens(&provider.answers(&asked, &[odd])).await;
        assert_shown(&refused, 502, "对方平台拒绝了登录");
        assert!(!refused.text.contains("<script>alert"), "{}", refused.text);
        let asked = presses(&citizen, &refused, "other").await;
        let nothing = citizen.opens(&provider.answers(&asked, &[])).await;
        assert_eq!(nothing.status.as_u16(), 400);
        // The application's request has survived all of it.
        let returned = goes_on(&citizen, citizen.enters(&nothing).await).await;
        portal.redeems(&returned.code()).await.tokens();
    }

    async fn a_new_key_is_picked_up_and_what_was_read_serves_while_the_provider_is_away(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        links_at(&app, "li.xiaoman", &provider, "them").await;
        let next = ClientKey::new("second");
        provider.publishes(&next);
        app.advance(11);
        let citizen = app.person("li.xiaoman");
        let asked = presses(&citizen, &citizen.opens("/login").await, "other").await;
        let token = next.signs(&json!({}), &provider.id_token(&asked, app.now(), "them", &json!({})));
        assert_eq!(citizen.opens(&provider.gives(&asked, &token)).await.location.as_deref(), Some("/account"));
        // The old one is gone.
        app.advance(11);
        let asked = presses(&citizen, &citizen.opens("/login").await, "other").await;
        let answer = says(&app, &provider, &asked, "them");
        assert_shown(&citizen.opens(&answer).await, 502, "无法确认为真实");
    }

    async fn a_provider_is_shown_the_key_that_signs_our_tokens_or_a_secret_from_a_file(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        links_at(&app, "li.xiaoman", &provider, "them").await;
        let (authorization, form) = provider.was_asked();
        let value = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!((authorization.as_str(), value("client_id")), ("", Some(CLIENT_ID)));
        let said = claims_of(value("client_assertion").expect("an assertion"));
        assert_eq!((&said["iss"], &said["sub"], &said["aud"]), (&json!(CLIENT_ID), &json!(CLIENT_ID), &json!(provider.issuer)));
        assert!(value("code_verifier").is_some_and(|verifier| verifier.len() >= 43));

        let file = app.config().data.join("secret");
        std::fs::write(&file, "our secret\n").unwrap();
        app.restart_with(|config| config.upstreams[0].secret_file = Some(file)).await;
        let citizen = app.person("li.xiaoman");
        let asked = presses(&citizen, &citizen.opens("/login").await, "other").await;
        assert_eq!(citizen.opens(&says(&app, &provider, &asked, "them")).await.location.as_deref(), Some("/account"));
        let (authorization, form) = provider.was_asked();
        assert_eq!(authorization, "Basic cHJvdmluY2U6b3VyK3NlY3JldA==");
        assert!(form.iter().all(|(name, _)| !name.starts_with("client_")), "{form:?}");
    }

    async fn what_is_proven_elsewhere_counts_up_to_what_was_written_down(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Create).await;
        let number = "11010519491231002X";
        provider.knows(json!({
            "sub": "them", "name": "钱一", "preferred_username": "mayor@city.example", "level": "seen", "citizen": number,
            "email": "qian@example.cn", "phone": "no number",
        }));
        let portal = app.application("portal");
        let somebody = app.person("li.xiaoman");
        let page = somebody.opens(&portal.requests("openid").path()).await;
        let asked = presses(&somebody, &page, "other").await;
        let over = json!({ "acr": "gold", "amr": ["swk", "face", "x"], "name": "钱某" });
        let token = provider.key.signs(&json!({}), &provider.id_token(&asked, app.now(), "them", &over));
        let link = somebody.opens(&provider.gives(&asked, &token)).await.location.unwrap();
        let page = somebody.opens(&link).await;
        let form = filled(&page, "value=\"create\"", &[("decision", "create")]);
        let made = somebody.browser.post("/link", &form).await.unwrap();
        let returned = goes_on(&somebody, made).await;
        let claims = claims_of(portal.redeems(&returned.code()).await.tokens().id());
        assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:yinxin:loa:2"), &json!(["yinxin_upstream"])));
        let account = account(&app, "mayor@other").await.expect("an account");
        assert_eq!((account.display_name.as_str(), account.real_name_level), ("钱某", 2));
        assert!(account.id_number_sealed.is_some(), "proven there, and believed up to the second level");
        let said = flows::self_description::of(app.env(), &account).unwrap();
        assert_eq!((said.email.map(|email| (email.value, email.verified)), said.phone), (Some(("qian@example.cn".to_owned(), false)), None));

        // Nobody is given the number of somebody who is here: they link.
        let again = app.person("chen.apo");
        let asked = presses(&again, &again.opens("/login").await, "other").await;
        provider.knows(json!({ "sub": "another", "level": "seen", "citizen": number }));
        let link = again.opens(&says(&app, &provider, &asked, "another")).await.location.unwrap();
        let form = filled(&again.opens(&link).await, "value=\"create\"", &[("decision", "create")]);
        assert_shown(&again.browser.post("/link", &form).await.unwrap(), 409, "这个用户名或身份证号码已有账号");
    }

    async fn a_stranger_by_somebodys_name_and_address_is_a_stranger_still(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        let victim = account(&app, "li.xiaoman").await.unwrap();
        let email = flows::self_description::of(app.env(), &victim).unwrap().email.expect("an address").value;
        let id = victim.id.to_string();
        provider.knows(json!({
            "sub": id, "name": victim.display_name, "preferred_username": victim.user_name, "email": email, "email_verified": true,
            "level": "seen", "citizen": "350102198805209018",
        }));
        let thief = app.person("chen.apo");
        let asked = presses(&thief, &thief.opens("/login").await, "other").await;
        let arrived = thief.opens(&says(&app, &provider, &asked, &id)).await;
        assert!(arrived.location.as_deref().unwrap().starts_with("/link?arrival="), "{arrived:?}");
        assert_eq!(cookie(&arrived, "yinxin-session"), None);
    }

    async fn one_account_elsewhere_becomes_that_of_one_person_however_many_link_it_at_once(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        for round in 0..5 {
            let subject = format!("them-{round}");
            provider.knows(json!({ "sub": subject }));
            let (one, other) = (app.person("li.xiaoman"), app.person("lin.zhixing"));
            let mut pages = Vec::new();
            for person in [&one, &other] {
                person.logs_in().await;
                let asked = presses(person, &person.opens("/login").await, "other").await;
                let link = person.opens(&says(&app, &provider, &asked, &subject)).await.location.unwrap();
                pages.push(person.opens(&link).await);
            }
            let (first, second) = tokio::join!(
                one.submits(&pages[0], "/link", &[("decision", "link")]),
                other.submits(&pages[1], "/link", &[("decision", "link")])
            );
            let mut statuses = [first.status.as_u16(), second.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [303, 409], "round {round}: {} {}", first.text, second.text);
            let winner = if first.status.as_u16() == 303 { &one } else { &other };
            let page = winner.opens("/account").await;
            assert_eq!(unlinks(winner, &page).await.status.as_u16(), 303);
        }
    }

    async fn of_two_ways_in_that_are_taken_away_at_once_one_stays(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Create).await;
        let second = Provider::opens().await;
        let settings = configured("second", &second.issuer, CLIENT_ID, Strangers::Link);
        app.restart_with(|config| config.upstreams.push(settings)).await;
        for round in 0..5 {
            let subject = format!("them-{round}");
            let somebody = app.person("li.xiaoman");
            provider.knows(json!({ "sub": subject }));
            second.knows(json!({ "sub": subject }));
            let asked = presses(&somebody, &somebody.opens("/login").await, "other").await;
            let link = somebody.opens(&says(&app, &provider, &asked, &subject)).await.location.unwrap();
            let form = filled(&somebody.opens(&link).await, "value=\"create\"", &[("decision", "create")]);
            assert_eq!(somebody.browser.post("/link", &form).await.unwrap().status.as_u16(), 303);
            let page = somebody.opens("/account").await;
            let form = filled(&page, "value=\"second\"", &[]);
            let page = somebody.browser.post("/account/upstreams/link", &form).await.unwrap();
            let asked = leaves(&page);
            let link = somebody.opens(&says(&app, &second, &asked, &subject)).await.location.unwrap();
            somebody.submits(&somebody.opens(&link).await, "/link", &[("decision", "link")]).await;

            let page = somebody.opens("/account").await;
            let [one, other] = [&provider.issuer, &second.issuer].map(|issuer| filled(&page, &format!("value=\"{issuer}\""), &[]));
            let unlink = "/account/upstreams/unlink";
            let (first, second) = tokio::join!(somebody.browser.post(unlink, &one), somebody.browser.post(unlink, &other));
            let mut statuses = [first.unwrap().status.as_u16(), second.unwrap().status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [303, 409], "round {round}");
        }
    }

    async fn without_providers_nothing_is_offered(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let page = citizen.opens("/login").await;
        assert!(!page.text.contains("/upstream/"), "{}", page.text);
        let flow = [("flow", "back:/account")];
        let form: Vec<_> = page.hidden_fields("/login").unwrap().into_iter().filter(|(n, _)| n == "csrf").chain(flow.map(|(n, v)| (n.to_owned(), v.to_owned()))).collect();
        assert_eq!(citizen.browser.post("/upstream/city", &form).await.unwrap().status.as_u16(), 404);
        citizen.logs_in().await;
        assert!(!citizen.opens("/account").await.text.contains("/account/upstreams/"));
    }
}

/// A node of this program as upstream of `app`: it knows `app` by the key that signs its tokens.
async fn city_above(app: &mut TestApp, strangers: Strangers) -> TestApp {
    let city = Box::pin(app.another_installation()).await;
    let us = city
        .registers(json!({
            "redirect_uris": [app.url("/upstream/city/callback")], "scope": "openid profile real_name",
            "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": app.url("/oauth2/jwks"),
            "backchannel_logout_uri": app.url("/upstream/city/backchannel-logout"),
        }))
        .await;
    let upstream = configured("city", &city.issuer, &us.client_id, strangers);
    Box::pin(app.restart_with(|config| config.upstreams = vec![upstream])).await;
    city
}

/// A provider that says whatever a story wants, as upstream of `app`.
pub(crate) async fn provider_above(app: &mut TestApp, strangers: Strangers) -> Provider {
    let provider = Provider::opens().await;
    let mut upstream = configured("other", &provider.issuer, CLIENT_ID, strangers);
    let rules = &mut upstream.settings.rules;
    rules.attributes.id_number = Some("citizen".to_owned());
    rules.attributes.email = Some("email".to_owned());
    rules.attributes.phone = Some("phone".to_owned());
    rules.assurance = [("gold".to_owned(), Assurance::Loa4)].into();
    rules.assurance_max = Assurance::Loa2;
    rules.real_name_claim = Some("level".to_owned());
    rules.real_name = [("seen".to_owned(), RealNameLevel::InPerson)].into();
    rules.real_name_max = RealNameLevel::Verified;
    provider.knows(json!({ "sub": "them" }));
    app.restart_with(|config| config.upstreams = vec![upstream]).await;
    provider
}

fn configured(id: &str, issuer: &str, client_id: &str, strangers: Strangers) -> ConfiguredUpstream {
    let levels =
        [("1", RealNameLevel::Matched), ("2", RealNameLevel::Verified), ("3", RealNameLevel::InPerson)];
    let levels: BTreeMap<_, _> = levels.map(|(theirs, ours)| (theirs.to_owned(), ours)).into();
    let rules = Rules {
        attributes: Attributes {
            user_name: Some("preferred_username".to_owned()),
            name: Some("name".to_owned()),
            ..Attributes::default()
        },
        assurance: [("urn:yinxin:loa:1".to_owned(), Assurance::Loa2)].into(),
        assurance_max: Assurance::Loa1,
        real_name_claim: Some("real_name_level".to_owned()),
        real_name: levels,
        real_name_max: RealNameLevel::Matched,
    };
    let settings = UpstreamSettings {
        id: id.parse().unwrap(),
        name_zh: "市级节点".to_owned(),
        name_en: "City node".to_owned(),
        issuer: issuer.parse().unwrap(),
        client_id: client_id.to_owned(),
        scopes: vec!["profile".to_owned(), "real_name".to_owned()],
        strangers,
        rules,
    };
    ConfiguredUpstream { settings, secret_file: None }
}

/// Presses the button of the provider `id` on the login page; where that leads.
pub(crate) async fn presses(person: &Person<'_>, page: &Page, id: &str) -> Url {
    leaves(&person.submits(page, &format!("/upstream/{id}"), &[]).await)
}

/// Where the page leads that leaves for another provider.
fn leaves(page: &Page) -> Url {
    assert_shown(page, 200, "http-equiv=\"refresh\"");
    let (_, rest) = page.text.split_once("content=\"0;url=").expect("an address");
    let address = rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    address.parse().unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// The person logs in at the city and consents where asked; the answer.
async fn asks_the_city(there: &Person<'_>, asked: &Url) -> Url {
    let (user_name, password) = (&there.sample.user_name, Some(there.sample.password.as_str()));
    there.browser.authorize(asked.as_str(), user_name, password).await.unwrap().0
}

/// From the login page through the city and back.
async fn comes_through(here: &Person<'_>, there: &Person<'_>, page: &Page) -> Page {
    // The page may have been opened in another browser: the form is this one's.
    let page = if page.text.contains("/upstream/city") {
        here.opens("/login").await
    } else {
        panic!("{}", page.text)
    };
    let answer = asks_the_city(there, &presses(here, &page, "city").await).await;
    here.opens(answer.as_str()).await
}

/// `user_name` here links what `there` is at the city.
async fn links(app: &TestApp, user_name: &str, there: &Person<'_>) {
    let person = app.person(user_name);
    let arrived = comes_through(&person, there, &person.opens("/login").await).await;
    link_with_password(&person, &arrived).await;
}

/// `user_name` here links `subject` at the provider.
pub(crate) async fn links_at(app: &TestApp, user_name: &str, provider: &Provider, subject: &str) {
    let person = app.person(user_name);
    let asked = presses(&person, &person.opens("/login").await, "other").await;
    let arrived = person.opens(&says(app, provider, &asked, subject)).await;
    link_with_password(&person, &arrived).await;
}

async fn link_with_password(person: &Person<'_>, arrived: &Page) {
    let asked = arrived.location.clone().unwrap_or_else(|| panic!("{}", arrived.text));
    person.enters(&person.opens(&asked).await).await;
    let linked = person.submits(&person.opens(&asked).await, "/link", &[("decision", "link")]).await;
    assert_eq!(linked.status.as_u16(), 303, "{}", linked.text);
}

/// The provider's answer to `asked`: it is `subject`, and everything is right.
fn says(app: &TestApp, provider: &Provider, asked: &Url, subject: &str) -> String {
    let claims = provider.id_token(asked, app.now(), subject, &json!({}));
    provider.gives(asked, &provider.key.signs(&json!({}), &claims))
}

/// From the page or redirect after a login to the application.
pub(crate) async fn goes_on(person: &Person<'_>, page: Page) -> Returned {
    let next = page.location.clone().unwrap_or_else(|| panic!("{}", page.text));
    if !next.starts_with('/') {
        return Returned::by(&page);
    }
    let (user_name, password) = (&person.sample.user_name, None);
    Returned(person.browser.authorize(&next, user_name, password).await.unwrap().0)
}

/// The form of `page` in which `mark` stands, filled in.
fn filled(page: &Page, mark: &str, fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let form =
        page.text.split("<form").skip(1).find(|form| form.split("</form>").next().unwrap().contains(mark));
    let form =
        form.unwrap_or_else(|| panic!("no form with {mark}: {}", page.text)).split("</form>").next().unwrap();
    let attribute = |input: &str, name: &str| {
        let (_, rest) = input.split_once(&format!(" {name}=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let hidden = form.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\""));
    let hidden = hidden.map(|input| (attribute(input, "name"), attribute(input, "value")));
    hidden.chain(fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))).collect()
}

/// Presses the first button that unlinks.
async fn unlinks(person: &Person<'_>, page: &Page) -> Page {
    person.submits(page, "/account/upstreams/unlink", &[]).await
}

async fn account(app: &TestApp, user_name: &str) -> Option<AccountRow> {
    accounts::find_by_user_name(&mut app.env().db.read().await.unwrap(), user_name).await.unwrap()
}

/// How often the log says that somebody linked, unlinked, came in.
async fn logged(app: &TestApp) -> [usize; 3] {
    flows::log::sequence(app.env()).await.unwrap();
    let entries = flows::log::latest(app.env(), 1_000).await.unwrap();
    let count = |kind: Kind| entries.iter().filter(|entry| entry.kind == kind.as_str()).count();
    [Kind::UpstreamLinked, Kind::UpstreamUnlinked, Kind::LoggedInThroughUpstream].map(count)
}
