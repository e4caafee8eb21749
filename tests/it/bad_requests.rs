//! Requests that no good client sends: each is refused with the right status, and the service goes on.

use base::encoding::base64url;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::kit::actors::{Answer, assert_shown};
use crate::kit::app::stories;

const TEN_MEGABYTES: usize = 10 << 20;
const FORM: &str = "application/x-www-form-urlencoded";

stories! {
    async fn the_token_endpoint_takes_one_form_and_each_parameter_once(app: TestApp) {
        let portal = app.application("portal");
        let citizen = app.person("li.xiaoman");
        let code = citizen.authorizes(&portal.requests("openid")).await.code();
        let redemption = portal.redemption(&code);
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(redemption).finish();
        let request = || portal.token_request().basic_auth(&portal.client_id, Some(&portal.client_secret));
        let send = async |content_type: &str, body: String| {
            Answer::to(request().header("content-type", content_type).body(body)).await
        };
        for content_type in [
            "application/json",
            "text/plain",
            "multipart/form-data",
            "application/x-www-form-urlencodedx",
            "",
        ] {
            send(content_type, encoded.clone()).await.assert_refused(
                400,
                "invalid_request",
                "expected content type",
            );
        }
        Answer::to(request().body(encoded.clone())).await.assert_refused(
            400,
            "invalid_request",
            "expected content type",
        );
        let json = json!({ "grant_type": "authorization_code", "code": code }).to_string();
        send(FORM, json).await.assert_refused(400, "invalid_request", "`grant_type` is missing");
        for (name, value) in redemption {
            let twice = format!("{encoded}&{name}={value}");
            send(FORM, twice).await.assert_refused(
                400,
                "invalid_request",
                &format!("expected `{name}` once"),
            );
        }
        for (strange, why) in [
            ("&x=%", "percent-encoded"),
            ("&x=%ff", "percent-encoded"),
            ("&x=%00", "percent-encoded"),
            (&format!("&{}=x", "n".repeat(200)), "names of at most"),
            (&format!("&x={}", "v".repeat(9_000)), "at most 8192 bytes"),
            (&format!("&x={}", "v&y=".repeat(9_000)), "at most 32768 bytes"),
            (&(0..65).map(|i| format!("&p{i}=")).collect::<String>(), "at most 64 parameters"),
        ] {
            send(FORM, format!("{encoded}{strange}")).await.assert_refused(400, "invalid_request", why);
        }
        send(&format!("{FORM}; charset=UTF-8"), format!("{encoded}&unknown=x")).await.tokens();
    }

    async fn ten_megabytes_are_too_many(app: TestApp) {
        let http = app.http();
        let body = || "a".repeat(TEN_MEGABYTES);
        let send = async |path: &str, content_type: &str| {
            let request =
                http.post(app.url(path)).header("content-type", content_type).header("accept", "text/html");
            request.body(body()).send().await
        };
        for path in [
            "/oauth2/token",
            "/oauth2/authorize",
            "/oauth2/logout",
            "/login",
            "/consent",
            "/enrol",
            "/logout",
            "/account/sessions/end",
            "/account/grants/withdraw",
        ] {
            for (content_type, statuses) in [(FORM, &[413][..]), ("application/json", &[400, 413, 415])] {
                let answer = send(path, content_type).await.unwrap_or_else(|error| panic!("{path}: {error}"));
                assert!(
                    statuses.contains(&answer.status().as_u16()),
                    "{path}: {content_type}: {}",
                    answer.status()
                );
                assert!(answer.headers().get("location").is_none(), "{path}");
            }
        }
        let token =
            Answer::to(http.post(app.url("/oauth2/token")).header("content-type", FORM).body(body())).await;
        token.assert_refused(413, "invalid_request", "larger than this endpoint takes");
        let user_info = http.post(app.url("/oauth2/userinfo")).header("content-type", FORM).body(body());
        Answer::to(user_info).await.assert_problem(413, "too_large", "larger");
        let json = http.post(app.url("/access/v1/evaluation")).bearer_auth(app.machine_token().await);
        Answer::to(json.header("content-type", "application/json").body(body())).await.assert_problem(
            413,
            "too_large",
            "larger",
        );
        app.person("li.xiaoman").logs_in().await; // and the service goes on
    }

    async fn forms_of_another_kind_are_not_read(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let login = citizen.opens("/login").await;
        let fields = login.hidden_fields("/login").unwrap();
        for path in ["/login", "/consent", "/enrol", "/logout", "/account/sessions/end"] {
            for content_type in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
                let body =
                    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
                let request =
                    citizen.browser.client().post(app.url(path)).header("content-type", content_type);
                let answer = request.body(body).send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path}: {content_type}");
            }
        }
    }

    async fn addresses_and_methods_that_are_not_there_are_said_to_be(app: TestApp) {
        let http = app.http();
        let nothing = Answer::to(http.get(app.url("/no/such/thing"))).await;
        nothing.assert_problem(404, "not_found", "nothing at this address");
        assert_shown(&app.person("li.xiaoman").opens("/no/such/thing").await, 404, "没有找到这个页面");
        for (method, path, allowed) in [
            (Method::GET, "/oauth2/token", "POST"),
            (Method::PUT, "/oauth2/token", "POST"),
            (Method::DELETE, "/oauth2/authorize", "GET,HEAD,POST"),
            (Method::POST, "/oauth2/jwks", "GET,HEAD"),
            (Method::POST, "/.well-known/openid-configuration", "GET,HEAD"),
            (Method::GET, "/consent", "POST"),
            (Method::GET, "/logout", "POST"),
        ] {
            let answer = Answer::to(http.request(method.clone(), app.url(path))).await;
            answer.assert_problem(405, "method_not_allowed", "takes other methods");
            assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        }
        for odd in
            ["/static/..%2f..%2fetc%2fpasswd", "/static/%00", "/static/no-such.css", "/oauth2/authorize/"]
        {
            assert_eq!(http.get(app.url(odd)).send().await.unwrap().status(), StatusCode::NOT_FOUND, "{odd}");
        }
    }

    async fn cookies_and_headers_from_elsewhere_do_no_harm(app: TestApp) {
        let http = app.http();
        let huge = "x".repeat(8_000);
        for cookie in [
            "yinxin-session=",
            "yinxin-session=\"",
            "=;=;;;",
            "yinxin-session=%00%ff",
            "yinxin-browser=<script>",
            "display=zz",
            &format!("yinxin-session={huge}"),
            "yinxin-session=a; yinxin-session=b",
            "yinxin-device=' OR 1=1 --",
        ] {
            let page = http.get(app.url("/account")).header("cookie", cookie).send().await.unwrap();
            assert_eq!(page.headers()["location"], "/login?back=/account", "{cookie}");
            let page = http.get(app.url("/login")).header("cookie", cookie).send().await.unwrap();
            assert_eq!(page.status(), StatusCode::OK, "{cookie}");
            assert!(!page.text().await.unwrap().contains("<script>"));
        }
        let raw = http
            .get(app.url("/login"))
            .header("cookie", &b"yinxin-session=\xff\xfe"[..])
            .header("accept-language", &b"\xff"[..]);
        assert_eq!(raw.header("user-agent", &b"\xff\xfe"[..]).send().await.unwrap().status(), StatusCode::OK);
        let too_long = http.get(app.url("/login")).header("x-long", "x".repeat(300_000)).send().await;
        assert!(
            too_long.is_err() || too_long.unwrap().status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        );
        for forwarded in [
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "host=evil.example"),
            ("host", "evil.example"),
        ] {
            let page = http.get(app.url("/account")).header(forwarded.0, forwarded.1).send().await.unwrap();
            assert_eq!(page.headers()["location"], "/login?back=/account", "{forwarded:?}");
        }
        let id = "urn:uuid:0190d3f0-0000-7000-8000-000000000000";
        let page = http.get(app.url("/login")).header("x-request-id", id).send().await.unwrap();
        assert_eq!(page.headers()["x-request-id"], id);
    }

    async fn tokens_that_are_not_tokens_open_nothing(app: TestApp) {
        let part = |json: &Value| base64url(json.to_string().as_bytes());
        let claims = json!({
            "iss": app.issuer, "aud": app.issuer, "sub": "x", "client_id": "x", "scope": "openid", "jti": "x",
            "exp": 99_999_999_999_u64,
        });
        let keys = Answer::to(app.http().get(app.url("/oauth2/jwks"))).await;
        let kid = &keys.body["keys"][0]["kid"];
        let (signature, huge) = ("A".repeat(86), "A".repeat(20_000));
        for (header, signature) in [
            (json!({ "alg": "none", "typ": "at+jwt" }), ""),
            (json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid }), "AAAA"),
            (json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid }), &signature),
            (json!({ "alg": "ES256", "typ": "at+jwt", "kid": "../../etc/passwd" }), &signature),
            (
                json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid, "crit": ["b64"], "b64": false }),
                &signature,
            ),
            (json!({ "alg": "ES256", "typ": "at+jwt", "jku": "https://evil.example/jwks" }), &signature),
            (json!("not a header"), &signature),
            (json!({}), &huge),
        ] {
            let token = format!("{}.{}.{signature}", part(&header), part(&claims));
            let answer = app.application("portal").user_info(&token).await;
            answer.assert_problem(401, "invalid_token", "not one of ours");
        }
    }
}
