//! What the developers of an application are told when a request is not as it should be: what was registered, and what came.

use serde_json::json;

use crate::kit::actors::{Answer, Application, Request, Returned, assert_shown};
use crate::kit::app::{TestApp, stories};
use crate::kit::intruder::Intruder;

const REGISTERED: [&str; 2] = ["http://localhost:9873/callback", "https://app.example/cb?a=1&b=2"];
/// What a page shows of the second.
const SHOWN: [&str; 2] = ["http://localhost:9873/callback", "https://app.example/cb?a=1&#38;b=2"];

stories! {
    async fn the_page_says_which_addresses_were_registered_and_which_came(app: TestApp) {
        let client = app.registers(json!({ "redirect_uris": REGISTERED, "scope": "openid" })).await;
        let reader = app.person("li.xiaoman");
        for (language, words) in [
            ("en", ["For developers", "character by character", "Received", "Registered"]),
            ("zh", ["供开发者参考", "逐字相同", "收到", "已登记"]),
        ] {
            for (received, shown) in [
                ("https://app.example/cb", "https://app.example/cb"),
                ("https://app.example/cb?a=1&b=3", "https://app.example/cb?a=1&#38;b=3"),
                ("https://evil.example/\"><script>alert(1)</script>", "https://evil.example/&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;"),
                ("</code><b>x</b>", "&#60;/code&#62;&#60;b&#62;x&#60;/b&#62;"),
                ("javascript:alert('x')", "javascript:alert(&#39;x&#39;)"),
            ] {
                let request = client.requests("openid").with("redirect_uri", received).and("ui_locales", language);
                let page = reader.opens(&request.path()).await;
                assert_shown(&page, 400, &format!("<code>{shown}</code>"));
                for registered in SHOWN {
                    assert_shown(&page, 400, &format!("<dd><code>{registered}</code></dd>"));
                }
                for word in words {
                    assert_shown(&page, 400, word);
                }
                assert!(!page.text.contains("<script>alert") && !page.text.contains("<b>x"), "{}", page.text);
                assert!(!page.text.contains(&format!("href=\"{received}")), "nothing leads there");
            }
        }
        let nothing = app.application("system");
        let request = nothing.requests("openid").with("redirect_uri", "https://x.example/").and("ui_locales", "en");
        assert_shown(&reader.opens(&request.path()).await, 400, "<dd>(nothing)</dd>");
        let request = client.requests("openid").without("redirect_uri").and("ui_locales", "en");
        assert_shown(&reader.opens(&request.path()).await, 400, "`redirect_uri` is missing");
    }

    async fn the_page_says_which_application_is_not_known(app: TestApp) {
        let client = app.registers(json!({ "redirect_uris": REGISTERED, "scope": "openid" })).await;
        let reader = app.person("li.xiaoman");
        let opens = async |request: Request| reader.opens(&request.and("ui_locales", "en").path()).await;
        for (received, shown) in [
            ("cli_nobody", "cli_nobody"),
            ("<script>alert(1)</script>", "&#60;script&#62;alert(1)&#60;/script&#62;"),
            ("Portal", "Portal"),
        ] {
            let page = opens(client.requests("openid").with("client_id", received)).await;
            assert_shown(&page, 400, &format!("No application is registered as “{shown}”"));
            assert!(!page.text.contains("<script>alert"));
        }
        assert_shown(&opens(client.requests("openid").without("client_id")).await, 400, "`client_id` is missing");
        let disabled = format!("UPDATE client SET state = 'disabled' WHERE id = '{}'", client.client_id);
        Intruder::at(&app).does(&disabled).await;
        app.advance(2);
        let page = opens(client.requests("openid")).await;
        assert_shown(&page, 400, &format!("No application is registered as “{}”", client.client_id));
    }

    async fn the_application_is_told_what_was_expected_and_what_came(app: TestApp) {
        let client = app.registers(json!({ "redirect_uris": REGISTERED, "scope": "openid" })).await;
        let reader = app.person("li.xiaoman");
        let good = client.requests("openid");
        for (request, error, expected, came) in [
            (good.clone().with("response_type", "token"), "unsupported_response_type", "`code`", "`token`"),
            (good.clone().with("response_type", "id_token token"), "unsupported_response_type", "`code`", "`id_token token`"),
            (good.clone().without("response_type"), "invalid_request", "`response_type`", "missing"),
            (good.clone().without("code_challenge"), "invalid_request", "every client must use PKCE with S256", "missing"),
            (good.clone().with("code_challenge_method", "plain"), "invalid_request", "`S256`", "`plain`"),
            (good.clone().without("code_challenge_method"), "invalid_request", "send `S256`", "missing"),
            (good.clone().with("code_challenge", "abc"), "invalid_request", "43 characters", "code_challenge"),
            (good.clone().with("response_mode", "fragment"), "invalid_request", "query", "`fragment`"),
            (good.clone().with("scope", "seal:use"), "invalid_scope", "registered for", "`seal:use`"),
            (good.clone().with("prompt", "create"), "invalid_request", "none, login", "`create`"),
        ] {
            let returned = Returned::by(&reader.opens(&request.path()).await);
            assert_eq!(returned.error(), error, "{}", returned.0);
            let said = returned.value("error_description").unwrap();
            assert!(said.contains(expected) && said.contains(came), "expected {expected} and {came}: {said}");
            // And whoever pushes it is told the same.
            let pushed = push(&app, &client, &request).await;
            pushed.assert_refused(400, error, came);
        }
    }

    async fn who_pushes_a_request_or_ends_a_session_is_told_what_was_registered(app: TestApp) {
        let members = json!({
            "redirect_uris": REGISTERED, "scope": "openid",
            "post_logout_redirect_uris": ["https://app.example/bye", "https://app.example/farewell"],
        });
        let client = app.registers(members).await;
        let received = client.requests("openid").with("redirect_uri", "https://app.example/cb");
        let pushed = push(&app, &client, &received).await;
        for named in [REGISTERED[0], REGISTERED[1], "`https://app.example/cb`"] {
            pushed.assert_refused(400, "invalid_request", named);
        }
        let reader = app.person("li.xiaoman");
        let received = "https%3A%2F%2Fevil.example%2F%3Cb%3Ex";
        let path = format!("/oauth2/logout?client_id={}&post_logout_redirect_uri={received}", client.client_id);
        let page = reader.opens(&path).await;
        for named in ["https://app.example/bye", "https://app.example/farewell", "https://evil.example/&#60;b&#62;x"] {
            assert_shown(&page, 400, named);
        }
        assert!(!page.text.contains("<b>x"), "{}", page.text);
    }
}

async fn push(app: &TestApp, client: &Application, request: &Request) -> Answer {
    let pushed = app.http().post(app.url("/oauth2/par")).body(request.encoded());
    let pushed = pushed.header("content-type", "application/x-www-form-urlencoded");
    Answer::to(pushed.basic_auth(&client.client_id, Some(&client.client_secret))).await
}
