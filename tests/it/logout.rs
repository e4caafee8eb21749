//! Logging out at an application's request (OpenID Connect RP-Initiated Logout 1.0), and who is asked before.

use serde_json::json;
use url::form_urlencoded::Serializer;
use yinxin::browser::Page;

use crate::kit::actors::{Person, Returned, Tokens, assert_shown, claims_of, cookie};
use crate::kit::app::{TestApp, stories};

const BACK: &str = "http://localhost:9871/";
/// A token of another issuer under a key that nobody here knows.
const FOREIGN: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.\
     eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUiLCJzdWIiOiJ4In0.\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

stories! {
    async fn an_application_logs_the_person_out_of_everything(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (portal, fund) = (app.application("portal"), app.application("fund"));
        let tokens = portal.admits(&citizen, "openid profile offline_access").await;
        let others = fund.admits(&citizen, "openid profile offline_access").await;
        let elsewhere = app.person("li.xiaoman");
        let kept = portal.admits(&elsewhere, "openid profile offline_access").await;
        let waiting = citizen.authorizes(&portal.requests("openid")).await.code();

        app.advance(3_600); // an ID token that has expired still names its session
        let asked =
            [("id_token_hint", tokens.id()), ("post_logout_redirect_uri", BACK), ("state", "a b&c=印")];
        let page = logout(&citizen, &asked).await;
        let returned = Returned::by(&page);
        assert_eq!(page.status.as_u16(), 303);
        assert_eq!(returned.0.as_str().split('?').next(), Some(BACK));
        assert_eq!(returned.value("state").as_deref(), Some("a b&c=印"));
        assert_eq!(cookie(&page, "yinxin-session").as_deref(), Some(""), "the cookie is taken away");

        let silent =
            Returned::by(&citizen.opens(&portal.requests("openid").with("prompt", "none").path()).await);
        assert_eq!(silent.error(), "login_required");
        portal.redeems(&waiting).await.assert_refused(400, "invalid_grant", "expired");
        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        fund.refreshes(others.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        portal.refreshes(kept.refresh()).await.tokens(); // another browser is another session
        assert_shown(&logout(&citizen, &[]).await, 200, "您已退出登录");
    }

    async fn what_came_from_a_session_is_dead_the_moment_it_ends(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let tokens = portal.admits(&citizen, "openid profile offline_access").await;
        let code = citizen.authorizes(&portal.requests("openid")).await.code();
        Returned::by(
            &logout(&citizen, &[("id_token_hint", tokens.id()), ("post_logout_redirect_uri", BACK)]).await,
        );
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        portal.redeems(&code).await.assert_refused(400, "invalid_grant", "");
    }

    async fn a_logout_that_is_not_as_it_should_be_goes_nowhere_and_ends_nothing(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (portal, fund) = (app.application("portal"), app.application("fund"));
        let tokens = portal.admits(&citizen, "openid profile").await;
        let id_token = tokens.id();
        let (signed, _) = id_token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
        let others = format!("{header}.{claims}.{}", "A".repeat(86));
        let hint = ("id_token_hint", id_token);
        let back = ("post_logout_redirect_uri", BACK);
        let to = |uri| ("post_logout_redirect_uri", uri);
        for (asked, why) in [
            (vec![hint, to("https://evil.example/")], "is not registered for client"),
            (vec![hint, to("http://localhost:9871/?x=y")], "is not registered for client"),
            (vec![hint, to("http://localhost:9871")], "is not registered for client"),
            (vec![hint, to("http://localhost:9871/callback")], "is not registered for client"),
            (vec![hint, to("http://localhost:9872/")], "is not registered for client"),
            (vec![hint, to("javascript:alert(1)")], "is not registered for client"),
            (vec![("id_token_hint", &unsigned), back], "is not an ID token of this provider"),
            (vec![("id_token_hint", &others), back], "is not an ID token of this provider"),
            (vec![("id_token_hint", FOREIGN), back], "is not an ID token of this provider"),
            (vec![("id_token_hint", &tokens.access), back], "is not an ID token of this provider"),
            (vec![("id_token_hint", "x")], "is not an ID token of this provider"),
            (vec![back], "needs id_token_hint or client_id"),
            (
                vec![hint, back, ("client_id", &fund.client_id)],
                "is not the client that id_token_hint was issued to",
            ),
            (vec![("client_id", "cli_nobody"), back], "is not registered here"),
            (vec![("client_id", &fund.client_id), back], "is not registered for client"),
            (vec![hint, back, back], "expected `post_logout_redirect_uri` once"),
        ] {
            assert_shown(&logout(&citizen, &asked).await, 400, why);
            let client = citizen.browser.client().post(app.url("/oauth2/logout"));
            let posted = client.form(&asked).send().await.unwrap();
            assert_eq!((posted.status().as_u16(), posted.headers().get("location")), (400, None), "{why}");
        }
        assert_shown(&citizen.opens("/account").await, 200, &citizen.sample.name);
        assert_eq!(portal.user_info(&tokens.access).await.status, 200, "nothing was ended");
    }

    async fn without_a_hint_of_this_session_the_person_is_asked(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let tokens = portal.admits(&citizen, "openid profile").await;
        let other_browser = app.person("li.xiaoman");
        let of_another_session = portal.admits(&other_browser, "openid").await;
        let of_somebody_else = portal.admits(&app.person("chen.apo"), "openid").await;
        let named = [("client_id", portal.client_id.as_str()), ("post_logout_redirect_uri", BACK)];
        for asked in [
            vec![],
            vec![("state", "alone")],
            vec![("unheard_of", "x")],
            named.to_vec(),
            vec![("id_token_hint", of_somebody_else.id()), ("post_logout_redirect_uri", BACK)],
        ] {
            let page = logout(&citizen, &asked).await;
            assert_shown(&page, 200, "确定要退出登录吗？");
            assert_eq!(cookie(&page, "yinxin-session"), None);
        }
        assert_eq!(portal.user_info(&tokens.access).await.status, 200, "to be asked ends nothing");

        let page = logout(&citizen, &[&named[..], &[("state", "xyz")]].concat()).await;
        assert_shown(&page, 200, "市民服务门户");
        let done = citizen.submits(&page, "/logout", &[("confirm", "yes")]).await;
        let returned = Returned::by(&done);
        assert!(returned.0.as_str().starts_with(BACK), "{}", returned.0);
        assert_eq!(returned.value("state").as_deref(), Some("xyz"));
        assert_over(&citizen, &tokens, &app).await;
        assert_eq!(portal.user_info(&of_another_session.access).await.status, 200);
    }

    async fn applications_are_told_of_the_logout_until_they_have_heard(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (address, mut heard) = deaf_at_first().await;
        let told = app
            .registers(json!({
                "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid",
                "backchannel_logout_uri": format!("http://{address}/backchannel"),
            }))
            .await;
        let tokens = told.admits(&citizen, "openid").await;
        let sid = told.verifies(tokens.id(), jose::Algorithm::Es256, app.now()).await.text("sid").unwrap().to_owned();
        let out = logout(&citizen, &[("id_token_hint", tokens.id())]).await;
        assert_shown(&out, 200, "您已退出登录");
        // The first attempt fails; the second comes when its time has come.
        heard.recv().await.expect("a first attempt");
        let notice = loop {
            app.advance(31);
            flows::tell_clients::tell(app.env(), app.now()).await.unwrap();
            if let Ok(notice) = heard.try_recv() {
                break notice;
            }
        };
        let token = notice.strip_prefix("logout_token=").unwrap_or_else(|| panic!("{notice}")).to_owned();
        let claims = claims_of(&token);
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(app.issuer), &json!(told.client_id)));
        assert_eq!((&claims["sid"], &claims["sub"]), (&json!(sid), &json!(citizen.sample.id.to_string())));
        assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
        assert!(claims.get("nonce").is_none() && claims["jti"].is_string(), "{claims}");
        flows::tell_clients::tell(app.env(), app.now().plus_seconds(86_400)).await.unwrap();
        assert!(heard.try_recv().is_err(), "who has heard is told no more");
    }

    async fn applications_pages_are_loaded_at_the_logout(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let shown = app
            .registers(json!({
                "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid",
                "post_logout_redirect_uris": ["http://localhost:9873/bye"],
                "frontchannel_logout_uri": "http://localhost:9873/out?x=y", "frontchannel_logout_session_required": true,
            }))
            .await;
        let tokens = shown.admits(&citizen, "openid").await;
        let sid = claims_of(tokens.id())["sid"].as_str().unwrap().to_owned();
        let to = ("post_logout_redirect_uri", "http://localhost:9873/bye");
        let page = logout(&citizen, &[("id_token_hint", tokens.id()), to]).await;
        assert_shown(&page, 200, "您已退出登录");
        let issuer = app.issuer.replace(':', "%3A").replace('/', "%2F");
        let frame = format!("<iframe src=\"http://localhost:9873/out?x=y&#38;iss={issuer}&#38;sid={sid}\"");
        assert!(page.text.contains(&frame), "{frame}: {}", page.text);
        assert!(page.text.contains("content=\"3;url=http://localhost:9873/bye\""), "{}", page.text);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-src http://localhost:9873"), "{policy}");
    }

    async fn the_person_logs_out_alone(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let tokens = app.application("portal").admits(&citizen, "openid profile").await;
        let page = logout(&citizen, &[]).await;
        let done = citizen.submits(&page, "/logout", &[("confirm", "yes")]).await;
        assert_shown(&done, 200, "您已退出登录");
        assert_over(&citizen, &tokens, &app).await;
        assert_shown(&logout(&citizen, &[]).await, 200, "您已退出登录");

        let nobody = app.person("li.xiaoman");
        assert_shown(&logout(&nobody, &[]).await, 200, "您已退出登录");
        let back = [("id_token_hint", tokens.id()), ("post_logout_redirect_uri", BACK)];
        assert_eq!(
            logout(&nobody, &back).await.location.as_deref(),
            Some(BACK),
            "already out, and back all the same"
        );
    }

    async fn a_hint_is_good_for_three_months_after_its_token(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let tokens = app.application("portal").admits(&citizen, "openid").await;
        let back = [("id_token_hint", tokens.id()), ("post_logout_redirect_uri", BACK)];
        app.advance(90 * 86_400 + 600);
        assert_eq!(logout(&citizen, &back).await.location.as_deref(), Some(BACK));
        app.advance(1);
        assert_shown(&logout(&citizen, &back).await, 400, "is not an ID token of this provider");
    }
}

async fn logout(person: &Person<'_>, asked: &[(&str, &str)]) -> Page {
    let query = Serializer::new(String::new()).extend_pairs(asked).finish();
    person.opens(&format!("/oauth2/logout?{query}")).await
}

/// The session of `person` is over, and `tokens`, which came from it, are dead.
async fn assert_over(person: &Person<'_>, tokens: &Tokens, app: &TestApp) {
    assert_eq!(person.opens("/account").await.location.as_deref(), Some("/login?back=/account"));
    let user_info = app.application("portal").user_info(&tokens.access).await;
    user_info.assert_problem(401, "invalid_token", "revoked");
}

/// An application that fails once and then listens: its address, and the bodies that came.
async fn deaf_at_first() -> (std::net::SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (say, heard) = tokio::sync::mpsc::unbounded_channel();
    let deaf = std::sync::Arc::new(AtomicBool::new(true));
    let listens = move |body: String| {
        let was_deaf = deaf.swap(false, Ordering::SeqCst);
        say.send(body).ok();
        async move { if was_deaf { axum::http::StatusCode::BAD_GATEWAY } else { axum::http::StatusCode::OK } }
    };
    let router = axum::Router::new().route("/backchannel", axum::routing::post(listens));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
    (address, heard)
}
