//! Requests that come ahead of the browser (RFC 9126), signed ones (RFC 9101) and signed answers (JARM).

use jose::{Algorithm, Audience, Expect, Jwks, KeySet, Type};
use serde_json::{Value, json};

use crate::kit::actors::{Answer, Application, Person, Request, Returned, STATE, assert_shown};
use crate::kit::app::{TestApp, stories};
use crate::kit::keys::{ClientKey, fresh, put_over};

stories! {
    async fn a_pushed_request_is_brought_by_name_and_answered_once(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let answer = push(&app, &portal, &portal.requests("openid profile")).await;
        assert_eq!((answer.status, answer.body["expires_in"].as_i64()), (201, Some(90)));
        assert_eq!(answer.header("cache-control"), "no-store");
        let uri = answer.text("request_uri").to_owned();
        assert!(uri.len() >= "urn:ietf:params:oauth:request_uri:".len() + 43, "256 bits: {uri}");

        assert_shown(&citizen.opens(&brought(&portal, &uri)).await, 200, "登录");
        assert_shown(&citizen.opens(&brought(&portal, &uri)).await, 200, "登录");
        let returned = follows(&citizen, &portal, &uri).await;
        assert_eq!(returned.value("state").as_deref(), Some(STATE));
        portal.redeems(&returned.code()).await.tokens();
        assert_shown(&citizen.opens(&brought(&portal, &uri)).await, 400, "request_uri");
    }

    async fn what_stands_beside_a_pushed_request_does_not_count(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        citizen.authorizes(&portal.requests("openid")).await;
        let uri = push(&app, &portal, &portal.requests("openid")).await.text("request_uri").to_owned();
        let path = brought(&portal, &uri)
            + "&state=other&scope=admin&redirect_uri=https%3A%2F%2Fevil.example&response_type=token&prompt=login";
        let returned = Returned::by(&citizen.opens(&path).await);
        assert_eq!(returned.value("state").as_deref(), Some(STATE));
        let tokens = portal.redeems(&returned.code()).await.tokens();
        assert_eq!(tokens.scope, "openid");
    }

    async fn a_pushed_request_is_one_clients_and_not_for_long(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (portal, fund) = (app.application("portal"), app.application("fund"));
        let uri = push(&app, &portal, &portal.requests("openid")).await.text("request_uri").to_owned();
        assert_shown(&citizen.opens(&brought(&fund, &uri)).await, 400, "another client");
        let unknown = "urn:ietf:params:oauth:request_uri:nobody-pushed-this";
        assert_shown(&citizen.opens(&brought(&portal, unknown)).await, 400, "unknown");
        app.advance(91);
        assert_shown(&citizen.opens(&brought(&portal, &uri)).await, 400, "expired");
    }

    async fn what_is_pushed_is_checked_and_refused_to_the_client(app: TestApp) {
        let portal = app.application("portal");
        let good = || portal.requests("openid");
        for (request, error, why) in [
            (good().with("redirect_uri", "https://evil.example/"), "invalid_request", "is not registered"),
            (good().without("redirect_uri"), "invalid_request", "`redirect_uri` is missing"),
            (good().with("response_type", "token"), "unsupported_response_type", "`token`"),
            (good().with("response_type", "code id_token"), "unsupported_response_type", "code id_token"),
            (good().without("code_challenge"), "invalid_request", "PKCE"),
            (good().with("code_challenge_method", "plain"), "invalid_request", "S256"),
            (good().and("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request", "cannot be pushed"),
            (good().and("state", "twice"), "invalid_request", "once"),
            (good().with("scope", "unheard_of"), "invalid_scope", "none of"),
        ] {
            push(&app, &portal, &request).await.assert_refused(400, error, why);
        }
        let nobody = app.http().post(app.url("/oauth2/par")).body(good().encoded());
        let nobody = nobody.header("content-type", "application/x-www-form-urlencoded");
        let answer = Answer::to(nobody).await;
        answer.assert_refused(401, "invalid_client", "registered for client_secret_basic and used none");
        let got = app.http().get(app.url("/oauth2/par")).send().await.unwrap();
        assert_eq!(got.status(), 405);
    }

    async fn a_client_registered_for_pushed_requests_gets_no_other_way(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let careful = app
            .registers(json!({
                "redirect_uris": ["http://localhost:9873/callback"], "require_pushed_authorization_requests": true,
            }))
            .await;
        let refused = Returned::by(&citizen.opens(&careful.requests("openid").path()).await);
        assert_eq!(refused.error(), "invalid_request");
        let uri = push(&app, &careful, &careful.requests("openid")).await.text("request_uri").to_owned();
        careful.redeems(&follows(&citizen, &careful, &uri).await.code()).await.tokens();
    }

    async fn a_signed_request_is_the_clients_own_or_none(app: TestApp) {
        let (citizen, key, stranger) = (app.person("li.xiaoman"), ClientKey::new("k1"), ClientKey::new("k1"));
        let signing = app
            .registers(json!({
                "redirect_uris": ["http://localhost:9873/callback"], "jwks": key.jwks(),
                "require_signed_request_object": true, "authorization_signed_response_alg": "PS256",
            }))
            .await;
        let now = app.now().unix_seconds();
        let object = |key: &ClientKey, header: Value, claims: Value| {
            let mut usual = object_claims(&app, &signing);
            put_over(&mut usual, &claims);
            key.signs(&header, &usual)
        };
        let pushed = async |object: &str| {
            let form = [("client_id", signing.client_id.as_str()), ("request", object)];
            let request = app.http().post(app.url("/oauth2/par"));
            Answer::to(request.basic_auth(&signing.client_id, Some(&signing.client_secret)).form(&form)).await
        };
        let uri = pushed(&object(&key, json!({}), json!({}))).await.text("request_uri").to_owned();
        signing.redeems(&follows(&citizen, &signing, &uri).await.code()).await.tokens();

        for (header, claims) in [
            (json!({ "alg": "none" }), json!({})),
            (json!({ "alg": "RS256" }), json!({})),
            (json!({ "typ": "at+jwt" }), json!({})),
            (json!({}), json!({ "iss": "somebody" })),
            (json!({}), json!({ "aud": "https://evil.example" })),
            (json!({}), json!({ "aud": null })),
            (json!({}), json!({ "exp": null })),
            (json!({}), json!({ "nbf": null })),
            (json!({}), json!({ "exp": now - 60 })),
            (json!({}), json!({ "exp": now + 3_700 })),
            (json!({}), json!({ "nbf": now - 3_700 })),
            (json!({}), json!({ "nbf": now + 61 })),
            (json!({}), json!({ "client_id": "somebody" })),
            (json!({}), json!({ "client_id": null })),
            (json!({}), json!({ "request_uri": "urn:ietf:params:oauth:request_uri:x" })),
            (json!({}), json!({ "request": "x.y.z" })),
        ] {
            let said = format!("{header} {claims}");
            let answer = pushed(&object(&key, header, claims)).await;
            assert_eq!((answer.status, answer.text("error")), (400, "invalid_request_object"), "{said}: {answer:?}");
        }
        for accepted in [json!({ "nbf": now + 8 }), json!({ "aud": ["https://x.example", app.issuer] })] {
            assert_eq!(pushed(&object(&key, json!({}), accepted)).await.status, 201);
        }
        pushed(&object(&stranger, json!({}), json!({}))).await.assert_refused(400, "invalid_request_object", "signature");
        push(&app, &signing, &signing.requests("openid")).await.assert_refused(400, "invalid_request", "signed requests");

        let direct = format!(
            "/oauth2/authorize?client_id={}&request={}&state=outside",
            signing.client_id,
            object(&key, json!({ "typ": "oauth-authz-req+jwt" }), json!({}))
        );
        assert_eq!(Returned::by(&citizen.opens(&direct).await).value("state").as_deref(), Some(STATE), "what is inside counts");
    }

    async fn a_signed_answer_is_for_one_client_and_cannot_be_changed(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        citizen.authorizes(&portal.requests("openid")).await;
        let answered = async |request: Request| {
            let returned = Returned::by(&citizen.opens(&request.path()).await);
            assert_eq!(returned.value("code"), None, "nothing beside the token");
            let token = returned.value("response").expect("a signed answer");
            verified(&app, &portal, &token).await
        };
        for mode in ["jwt", "query.jwt"] {
            let claims = answered(portal.requests("openid").and("response_mode", mode)).await;
            assert_eq!(claims["state"], STATE);
            portal.redeems(claims["code"].as_str().unwrap()).await.tokens();
        }
        let refusal = portal.requests("openid").and("response_mode", "jwt").and("max_age", "soon");
        assert_eq!(answered(refusal).await["error"], "invalid_request");
        let silent = portal.requests("openid profile").and("response_mode", "jwt").and("prompt", "none");
        assert_eq!(answered(silent).await["error"], "consent_required");
    }

    async fn an_answer_by_form_carries_nothing_into_an_address(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        citizen.authorizes(&portal.requests("openid")).await;
        let request = portal.requests("openid").with("state", "\"><script>alert(1)</script>").and("response_mode", "form_post");
        let page = citizen.opens(&request.path()).await;
        assert_shown(&page, 200, "继续");
        assert!(!page.text.contains("<script>"), "{}", page.text);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("form-action 'self' http://localhost:9871") && policy.contains("default-src 'none'"), "{policy}");
        let value = |name: &str| {
            let rest = page.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1;
            rest.split_once('"').unwrap().0.to_owned()
        };
        assert!(page.text.contains(&format!("action=\"{}\"", portal.redirect_uri)), "{}", page.text);
        assert_eq!(value("iss").replace("&#x2F;", "/").replace("&#47;", "/"), app.issuer);
        portal.redeems(&value("code")).await.tokens();
    }
}

/// What a request object should say (RFC 9101, 4): the request, and by whom, for whom and how long.
fn object_claims(app: &TestApp, client: &Application) -> Value {
    let now = app.now().unix_seconds();
    let mut claims =
        json!({ "iss": client.client_id, "aud": app.issuer, "nbf": now, "exp": now + 300, "jti": fresh() });
    for (name, value) in url::form_urlencoded::parse(client.requests("openid").encoded().as_bytes()) {
        claims[name.as_ref()] = value.as_ref().into();
    }
    claims
}

async fn push(app: &TestApp, client: &Application, request: &Request) -> Answer {
    let pushed = app.http().post(app.url("/oauth2/par")).body(request.encoded());
    let pushed = pushed.header("content-type", "application/x-www-form-urlencoded");
    Answer::to(pushed.basic_auth(&client.client_id, Some(&client.client_secret))).await
}

fn brought(client: &Application, request_uri: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", &client.client_id).append_pair("request_uri", request_uri);
    format!("/oauth2/authorize?{}", query.finish())
}

/// Follows the pushed request to its answer: logs in and consents where asked.
async fn follows(citizen: &Person<'_>, client: &Application, request_uri: &str) -> Returned {
    let (user_name, password) = (&citizen.sample.user_name, Some(citizen.sample.password.as_str()));
    Returned(citizen.browser.authorize(&brought(client, request_uri), user_name, password).await.unwrap().0)
}

/// The claims of a signed answer (JARM, 4.4).
async fn verified(app: &TestApp, client: &Application, token: &str) -> Value {
    let jwks = Jwks::from_json(&app.fetches("/oauth2/jwks").await).unwrap();
    let expect = Expect {
        typ: Type::Plain,
        issuer: &app.issuer,
        audience: Audience::Is(&client.client_id),
        now: app.now(),
        leeway_seconds: 0,
        ahead_seconds: 0,
        algorithms: &[Algorithm::Es256],
    };
    let verified = KeySet::from_jwks(&jwks).unwrap().verify(token, &expect);
    Value::Object(verified.unwrap_or_else(|rejected| panic!("{}: {token}", rejected.reason())).claims)
}
