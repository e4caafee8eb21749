//! Tokens that are of no use to a thief: bound to a key (RFC 9449), and clients that prove themselves with one (RFC 7523).

use serde_json::{Value, json};

use crate::kit::actors::{Answer, Application, Tokens, claims_of};
use crate::kit::app::{TestApp, stories};
use crate::kit::keys::{ClientKey, fresh, put_over};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

stories! {
    async fn a_bound_token_is_of_no_use_without_its_key(app: TestApp) {
        let (citizen, key) = (app.person("li.xiaoman"), ClientKey::new("a"));
        let portal = app.application("portal");
        let code = citizen.authorizes(&portal.requests("openid profile offline_access")).await.code();
        let answer = with_proof(&app, &portal, &portal.redemption(&code), &key).await;
        assert_eq!(answer.text("token_type"), "DPoP");
        let tokens = answer.tokens();
        assert_eq!(claims_of(&tokens.access)["cnf"], json!({ "jkt": key.thumbprint() }));

        let good = user_info(&app, &tokens, "DPoP", &[proof(&app, &key, "GET", "/oauth2/userinfo", Some(&tokens))]).await;
        assert_eq!(good.status, 200, "{good:?}");
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "bound to a key");
        let none: &[String] = &[];
        user_info(&app, &tokens, "DPoP", none).await.assert_problem(401, "invalid_dpop_proof", "send a `DPoP` header");
        let thief = ClientKey::new("b");
        let others = proof(&app, &thief, "GET", "/oauth2/userinfo", Some(&tokens));
        user_info(&app, &tokens, "DPoP", &[others]).await.assert_problem(401, "invalid_dpop_proof", "another key");
        let seen = proof(&app, &key, "GET", "/oauth2/userinfo", Some(&tokens));
        assert_eq!(user_info(&app, &tokens, "DPoP", std::slice::from_ref(&seen)).await.status, 200);
        user_info(&app, &tokens, "DPoP", &[seen]).await.assert_problem(401, "invalid_dpop_proof", "used before");
        let two = [0, 1].map(|_| proof(&app, &key, "GET", "/oauth2/userinfo", Some(&tokens)));
        user_info(&app, &tokens, "DPoP", &two).await.assert_problem(401, "invalid_dpop_proof", "one `DPoP` header");
        for (claims, why) in [
            (json!({ "ath": null }), "`ath`"),
            (json!({ "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" }), "`ath`"),
            (json!({ "htm": "POST" }), "`htm`"),
            (json!({ "htu": app.url("/oauth2/token") }), "`htu`"),
        ] {
            let changed = changed_proof(&app, &key, "GET", "/oauth2/userinfo", Some(&tokens), &json!({}), &claims);
            user_info(&app, &tokens, "DPoP", &[changed]).await.assert_problem(401, "invalid_dpop_proof", why);
        }
        let plain = portal.admits(&citizen, "openid").await;
        user_info(&app, &plain, "DPoP", &[proof(&app, &key, "GET", "/oauth2/userinfo", Some(&plain))])
            .await
            .assert_problem(401, "invalid_token", "send it as `Bearer`");
    }

    async fn a_proof_is_made_just_now_for_this_request_and_counts_once(app: TestApp) {
        let (system, key) = (app.application("system"), ClientKey::new("a"));
        let ask = [("grant_type", "client_credentials")];
        let shown = async |proofs: &[String]| {
            let request = system.token_request().basic_auth(&system.client_id, Some(&system.client_secret));
            let request = proofs.iter().fold(request, |request, proof| request.header("dpop", proof));
            Answer::to(request.form(&ask)).await
        };
        let at = |path: &str| proof(&app, &key, "POST", path, None);
        let first = at("/oauth2/token");
        let answer = shown(std::slice::from_ref(&first)).await;
        assert_eq!(answer.text("token_type"), "DPoP");
        let nonce = answer.header("dpop-nonce").to_owned();
        shown(&[first]).await.assert_refused(400, "invalid_dpop_proof", "used before");
        shown(&[at("/oauth2/token"), at("/oauth2/token")]).await.assert_refused(400, "invalid_dpop_proof", "one");
        shown(&["x".to_owned()]).await.assert_refused(400, "invalid_dpop_proof", "");

        let changed = |header: Value, claims: Value| changed_proof(&app, &key, "POST", "/oauth2/token", None, &header, &claims);
        let now = app.now().unix_seconds();
        let private = { let mut jwk = key.jwk(); jwk["d"] = "AAAA".into(); jwk };
        for (header, claims) in [
            (json!({ "typ": null }), json!({})),
            (json!({ "typ": "JWT" }), json!({})),
            (json!({ "alg": "none" }), json!({})),
            (json!({ "alg": "RS256" }), json!({})),
            (json!({ "alg": "HS256" }), json!({})),
            (json!({ "jwk": null }), json!({})),
            (json!({ "jwk": private }), json!({})),
            (json!({ "jwk": ClientKey::new("other").jwk() }), json!({})),
            (json!({ "crit": ["exp"] }), json!({})),
            (json!({}), json!({ "jti": null })),
            (json!({}), json!({ "jti": "x".repeat(300) })),
            (json!({}), json!({ "htm": null })),
            (json!({}), json!({ "htm": "GET" })),
            (json!({}), json!({ "htu": null })),
            (json!({}), json!({ "htu": app.url("/oauth2/par") })),
            (json!({}), json!({ "htu": "https://evil.example/oauth2/token" })),
            (json!({}), json!({ "iat": null })),
            (json!({}), json!({ "iat": "soon" })),
            (json!({}), json!({ "iat": now - 3_600 })),
            (json!({}), json!({ "iat": now + 3_600 })),
        ] {
            let said = format!("{header} {claims}");
            let answer = shown(&[changed(header, claims)]).await;
            assert_eq!((answer.status, answer.text("error")), (400, "invalid_dpop_proof"), "{said}");
        }
        for claims in [
            json!({ "iat": now - 10 }),
            json!({ "iat": now + 10 }),
            json!({ "htu": format!("{}?x=y#z", app.url("/oauth2/token")) }),
            json!({ "htu": app.url("/oauth2/token").to_uppercase().replace("/OAUTH2/TOKEN", "/oauth2/token") }),
            json!({ "nbf": now, "exp": now + 60, "extra": [1] }),
            json!({ "nonce": nonce, "iat": now - 3_600 }),
        ] {
            let answer = shown(&[changed(json!({}), claims.clone())]).await;
            assert_eq!(answer.status, 200, "{claims}: {answer:?}");
        }
        app.advance(700);
        for stale in [nonce.as_str(), "made-up"] {
            let answer = shown(&[changed(json!({}), json!({ "nonce": stale }))]).await;
            answer.assert_refused(400, "use_dpop_nonce", "`DPoP-Nonce`");
            assert_ne!(answer.header("dpop-nonce"), stale);
        }
    }

    async fn a_public_applications_refresh_token_belongs_to_the_key_that_got_it(app: TestApp) {
        let public = app
            .registers(json!({
                "token_endpoint_auth_method": "none", "redirect_uris": ["http://localhost:9873/callback"],
                "scope": "openid", "grant_types": ["authorization_code", "refresh_token"],
            }))
            .await;
        let (citizen, key) = (app.person("li.xiaoman"), ClientKey::new("a"));
        let named = |form: &[(&str, &str)]| {
            let form = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            form.chain([("client_id".to_owned(), public.client_id.clone())]).collect::<Vec<_>>()
        };
        let shown = async |form: &[(&str, &str)], key: Option<&ClientKey>| {
            let request = public.token_request().form(&named(form));
            let proofs = key.map(|key| proof(&app, key, "POST", "/oauth2/token", None));
            Answer::to(proofs.iter().fold(request, |request, proof| request.header("dpop", proof))).await
        };
        let code = citizen.authorizes(&public.requests("openid")).await.code();
        let tokens = shown(&public.redemption(&code), Some(&key)).await.tokens();
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
        shown(&refresh, None).await.assert_refused(400, "invalid_dpop_proof", "another key");
        shown(&refresh, Some(&ClientKey::new("b"))).await.assert_refused(400, "invalid_dpop_proof", "another key");
        let next = shown(&refresh, Some(&key)).await;
        assert_eq!((next.status, next.text("token_type")), (200, "DPoP"));
    }

    async fn a_code_can_be_bound_to_a_key_before_it_exists(app: TestApp) {
        let (citizen, key) = (app.person("li.xiaoman"), ClientKey::new("a"));
        let portal = app.application("portal");
        let request = portal.requests("openid").and("dpop_jkt", &key.thumbprint());
        let code = citizen.authorizes(&request).await.code();
        let redemption = portal.redemption(&code);
        portal.asks(&redemption).await.assert_refused(400, "invalid_dpop_proof", "another key");
        let other = ClientKey::new("b");
        with_proof(&app, &portal, &redemption, &other).await.assert_refused(400, "invalid_dpop_proof", "another key");
        with_proof(&app, &portal, &redemption, &key).await.tokens();
    }

    async fn an_application_proves_itself_with_a_key_and_each_proof_counts_once(app: TestApp) {
        let (key, stranger) = (ClientKey::new("k1"), ClientKey::new("k1"));
        let machine = app
            .registers(json!({
                "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks(),
                "grant_types": ["client_credentials"], "scope": "decision:evaluate",
            }))
            .await;
        let shown = async |assertion: &str| asks_with(&machine, assertion).await;
        let now = app.now().unix_seconds();
        let assertion = |header: Value, claims: Value| {
            let mut usual = usual_assertion(&app, &machine);
            put_over(&mut usual, &claims);
            key.signs(&header, &usual)
        };
        let first = assertion(json!({}), json!({}));
        shown(&first).await.tokens();
        shown(&first).await.assert_refused(401, "invalid_client", "was used before");
        for typ in ["JWT", "client-authentication+jwt"] {
            shown(&assertion(json!({ "typ": typ }), json!({}))).await.tokens();
        }
        for (header, claims, why) in [
            (json!({}), json!({ "aud": app.url("/oauth2/token") }), "audience"),
            (json!({}), json!({ "aud": [app.issuer.as_str()] }), "`aud`"),
            (json!({}), json!({ "aud": "https://evil.example" }), "audience"),
            (json!({}), json!({ "sub": "somebody" }), "`sub`"),
            (json!({}), json!({ "sub": null }), "`sub`"),
            (json!({}), json!({ "jti": null }), "`jti`"),
            (json!({}), json!({ "exp": null }), "`exp`"),
            (json!({}), json!({ "exp": now - 300 }), "expired"),
            (json!({}), json!({ "exp": now + 86_400 }), "at most"),
            (json!({}), json!({ "nbf": now + 61 }), "in force"),
            (json!({ "alg": "none" }), json!({}), "expected a JWT"),
            (json!({ "alg": "RS256" }), json!({}), "RS256"),
            (json!({ "alg": "HS256" }), json!({}), "expected a JWT"),
            (json!({ "typ": "at+jwt" }), json!({}), "type"),
            (json!({ "kid": "k2" }), json!({}), "known key"),
        ] {
            shown(&assertion(header, claims)).await.assert_refused(401, "invalid_client", why);
        }
        shown(&assertion(json!({}), json!({ "nbf": now + 8 }))).await.tokens();
        shown(&stranger.signs(&json!({}), &usual_assertion(&app, &machine)))
            .await
            .assert_refused(401, "invalid_client", "signature");
        let unsigned = first.rsplit_once('.').unwrap().0.to_owned() + ".";
        shown(&unsigned).await.assert_refused(401, "invalid_client", "signature");
        let both = machine.token_request().basic_auth(&machine.client_id, Some("x"));
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion(json!({}), json!({}))),
        ];
        Answer::to(both.form(&form)).await.assert_refused(400, "invalid_request", "not both");
    }
}

/// What an assertion should say (RFC 7523, 3).
fn usual_assertion(app: &TestApp, client: &Application) -> Value {
    let now = app.now().unix_seconds();
    json!({
        "iss": client.client_id, "sub": client.client_id, "aud": app.issuer,
        "jti": fresh(), "iat": now, "exp": now + 60,
    })
}

async fn asks_with(client: &Application, assertion: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    Answer::to(client.token_request().form(&form)).await
}

/// Asks the token endpoint with the secret, and a proof of `key`.
pub(crate) async fn with_proof(
    app: &TestApp,
    client: &Application,
    form: &[(&str, &str)],
    key: &ClientKey,
) -> Answer {
    let request = client.token_request().basic_auth(&client.client_id, Some(&client.client_secret));
    let request = request.header("dpop", proof(app, key, "POST", "/oauth2/token", None));
    Answer::to(request.form(form)).await
}

async fn user_info(app: &TestApp, tokens: &Tokens, scheme: &str, proofs: &[String]) -> Answer {
    let request = app.http().get(app.url("/oauth2/userinfo"));
    let request = request.header("authorization", format!("{scheme} {}", tokens.access));
    Answer::to(proofs.iter().fold(request, |request, proof| request.header("dpop", proof))).await
}

/// A proof of `key` for a request, as it should be.
pub(crate) fn proof(
    app: &TestApp,
    key: &ClientKey,
    method: &str,
    path: &str,
    tokens: Option<&Tokens>,
) -> String {
    changed_proof(app, key, method, path, tokens, &json!({}), &json!({}))
}

fn changed_proof(
    app: &TestApp,
    key: &ClientKey,
    method: &str,
    path: &str,
    tokens: Option<&Tokens>,
    header: &Value,
    claims: &Value,
) -> String {
    let mut usual =
        json!({ "jti": fresh(), "htm": method, "htu": app.url(path), "iat": app.now().unix_seconds() });
    if let Some(tokens) = tokens {
        let digest = ring::digest::digest(&ring::digest::SHA256, tokens.access.as_bytes());
        usual["ath"] = base::encoding::base64url(digest.as_ref()).into();
    }
    put_over(&mut usual, claims);
    key.proves(header, &usual)
}
