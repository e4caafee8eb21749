//! The token endpoint, the keys it signs with, and what its tokens open.

use oidc::lifetimes::REFRESH_GRACE_SECONDS;
use std::collections::HashSet;

use jose::{Algorithm, Audience, Expect, Jwks, KeySet, Type};
use serde_json::{Value, json};

use crate::kit::actors::{Answer, Application, Tokens};
use crate::kit::app::{TestApp, stories};
use crate::kit::intruder::Intruder;

const DAY_SECONDS: i64 = 86_400;
/// A verifier that opens no challenge of these stories.
const ANOTHER_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

stories! {
    async fn the_metadata_says_what_is_true(app: TestApp) {
        let get = async |path: &str| Answer::to(app.http().get(app.url(path))).await;
        let metadata = get("/.well-known/openid-configuration").await;
        assert_eq!(metadata.header("content-type"), "application/json");
        assert_eq!(metadata.header("access-control-allow-origin"), "*");
        assert_eq!(metadata.body, get("/.well-known/oauth-authorization-server").await.body);
        assert_eq!(metadata.text("issuer"), app.issuer);
        for endpoint in [
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "end_session_endpoint",
            "yinxin_sm_jwks_uri",
        ] {
            let address = metadata.text(endpoint);
            assert!(address.starts_with(&format!("{}/oauth2/", app.issuer)), "{address}");
            assert_ne!(
                app.http().get(address).send().await.unwrap().status().as_u16(),
                404,
                "{address} is there"
            );
        }
        assert_eq!(metadata.body["response_types_supported"], json!(["code"]));
        assert_eq!(metadata.body["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(metadata.body["authorization_response_iss_parameter_supported"], true);
        let algorithms = metadata.body["id_token_signing_alg_values_supported"].as_array().unwrap();
        assert!(
            algorithms.contains(&json!("RS256")) && algorithms.contains(&json!("ES256")),
            "{algorithms:?}"
        );

        let host =
            app.http().get(app.url("/.well-known/openid-configuration")).header("host", "evil.example");
        let poisoned = Answer::to(host.header("x-forwarded-host", "evil.example")).await;
        assert_eq!(poisoned.body, metadata.body, "the issuer is configured, never taken from a request");
    }

    async fn the_key_sets_are_public_distinct_and_apart(app: TestApp) {
        let get = async |path: &str| Answer::to(app.http().get(app.url(path))).await;
        let (ordinary, national) = (get("/oauth2/jwks").await, get("/oauth2/jwks-sm").await);
        let mut kids = HashSet::new();
        for (set, curves) in [(&ordinary, &["P-256", "Ed25519", ""][..]), (&national, &["SM2"])] {
            assert_eq!(set.header("content-type"), "application/jwk-set+json");
            let keys = set.body["keys"].as_array().unwrap();
            assert!(!keys.is_empty());
            for key in keys {
                assert!(kids.insert(key["kid"].as_str().unwrap().to_owned()), "one `kid`, one key: {key}");
                for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                    assert!(key.get(private).is_none(), "{private}");
                }
                assert_eq!(key["use"], "sig");
                assert!(curves.contains(&key["crv"].as_str().unwrap_or_default()), "{key}");
            }
        }
        let kinds: Vec<_> = ordinary.body["keys"].as_array().unwrap().iter().map(|key| &key["kty"]).collect();
        assert!(["EC", "RSA", "OKP"].iter().all(|kind| kinds.contains(&&json!(kind))), "{kinds:?}");

        let text = ordinary.body.to_string();
        let read: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&text).unwrap();
        assert_eq!(read.keys.len(), kinds.len(), "`jsonwebtoken` reads the ordinary set");
        let read: openidconnect::core::CoreJsonWebKeySet = serde_json::from_str(&text).unwrap();
        assert_eq!(read.keys().len(), kinds.len(), "`openidconnect` reads the ordinary set");
    }

    async fn each_application_gets_the_algorithm_it_registered(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let registered = async |algorithm: Algorithm| {
            app.registers(json!({
                "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid profile",
                "id_token_signed_response_alg": algorithm,
            }))
            .await
        };
        for (application, algorithm, others) in [
            (app.application("portal"), Algorithm::Es256, "/oauth2/jwks-sm"),
            (app.application("fund"), Algorithm::Sm2Sm3, "/oauth2/jwks"),
            (registered(Algorithm::Ps256).await, Algorithm::Ps256, "/oauth2/jwks-sm"),
            (registered(Algorithm::EdDsa).await, Algorithm::EdDsa, "/oauth2/jwks-sm"),
            (registered(Algorithm::Rs256).await, Algorithm::Rs256, "/oauth2/jwks-sm"),
        ] {
            let tokens = application.admits(&citizen, "openid profile").await;
            let verified = application.verifies(tokens.id(), algorithm, app.now()).await;
            assert_eq!(verified.text("sub"), Some(citizen.sample.id.to_string().as_str()));
            assert_eq!(verified.text("iss"), Some(app.issuer.as_str()));
            assert_eq!(verified.text("aud"), Some(application.client_id.as_str()));
            assert_eq!(verified.time("iat"), Some(app.now()));
            assert_eq!(
                verified.text("at_hash"),
                Some(jose::hash::half_hash(algorithm, &tokens.access).as_str())
            );
            assert!(verified.header.kid.is_some() && verified.text("acr").is_some());
            let user_info = application.user_info(&tokens.access).await;
            assert_eq!((user_info.status, user_info.text("sub")), (200, verified.text("sub").unwrap()));

            let set = app.http().get(app.url(others)).send().await.unwrap().bytes().await.unwrap();
            let expect = Expect {
                typ: Type::Plain,
                issuer: &app.issuer,
                audience: Audience::Any,
                now: app.now(),
                leeway_seconds: 0,
                ahead_seconds: 0,
                algorithms: &Algorithm::ALL,
            };
            let keys = KeySet::from_jwks(&Jwks::from_json(&set).unwrap()).unwrap();
            assert!(keys.verify(tokens.id(), &expect).is_err(), "its key is in no other set");
        }
    }

    async fn an_installation_of_an_earlier_version_gets_the_token_keys_it_lacks(app: TestApp) {
        let mut app = app;
        let published = async |app: &TestApp| Answer::to(app.http().get(app.url("/oauth2/jwks"))).await.body;
        let before = published(&app).await;
        let of = |set: &Value, alg: &str| {
            let keys = set["keys"].as_array().unwrap().iter();
            keys.filter(|key| key["alg"] == alg).map(|key| key["kid"].clone()).collect::<Vec<_>>()
        };
        app.stop().await;
        Intruder::at(&app).does("DELETE FROM kms_key WHERE algorithm IN ('ed25519', 'rsa2048-pss')").await;
        app.start().await;
        let after = published(&app).await;
        for alg in ["PS256", "EdDSA"] {
            let [old, new] = [&before, &after].map(|set| of(set, alg));
            assert!(old.len() == 1 && new.len() == 1 && old != new, "{alg}: {old:?}, then {new:?}");
        }
        for alg in ["ES256", "RS256"] {
            assert_eq!(of(&before, alg), of(&after, alg));
        }
        app.stop().await;
        app.start().await;
        assert_eq!(published(&app).await, after, "and keeps them");
    }

    async fn nodes_that_start_together_make_each_missing_token_key_once(app: TestApp) {
        let mut app = app;
        app.stop().await;
        Intruder::at(&app).does("DELETE FROM kms_key WHERE algorithm IN ('ed25519', 'sm2') AND purpose = 'token-signing'").await;
        let (one, other, third) = tokio::join!(app.another_node(), app.another_node(), app.another_node());
        let published = [&one, &other, &third].map(|node| {
            let keyring = node.keyring();
            (keyring.jwks.clone(), keyring.jwks_sm.clone())
        });
        assert_eq!(published[0], published[1]);
        assert_eq!(published[1], published[2]);
        let keys = |set: &str| serde_json::from_str::<Value>(set).unwrap()["keys"].as_array().unwrap().len();
        assert_eq!((keys(&published[0].0), keys(&published[0].1)), (4, 1));
    }

    async fn a_code_is_redeemed_by_whom_it_was_given_to_in_time_with_what_it_was_asked_with(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (portal, fund) = (app.application("portal"), app.application("fund"));
        let code = async || citizen.authorizes(&portal.requests("openid")).await.code();
        let first = code().await;
        let changed = |name: &str, value: &str| {
            let form = portal.redemption(&first).map(|(n, v)| (n, v.to_owned()));
            form.map(|(n, v)| if n == name { (n, value.to_owned()) } else { (n, v) })
        };
        let ask = async |form: [(&str, String); 4]| {
            portal.asks(&form.each_ref().map(|(n, v)| (*n, v.as_str()))).await
        };
        for (name, value) in [
            ("code_verifier", ANOTHER_VERIFIER),
            ("redirect_uri", "http://127.0.0.1:9871/callback"),
            ("redirect_uri", "https://evil.example/"),
            ("code", "no-such-code"),
            ("code", &"c".repeat(2_000)),
        ] {
            ask(changed(name, value)).await.assert_refused(
                400,
                "invalid_grant",
                "the code is unknown, used or expired",
            );
        }
        for unfit in [changed("code_verifier", "short"), changed("code_verifier", "")] {
            ask(unfit).await.assert_refused(400, "invalid_grant", "code_challenge");
        }
        for missing in ["code", "redirect_uri", "grant_type"] {
            ask(changed(missing, "")).await.assert_refused(
                400,
                "invalid_request",
                &format!("`{missing}` is missing"),
            );
        }
        fund.redeems(&first).await.assert_refused(400, "invalid_grant", "issued for another client");
        let tokens = portal.redeems(&first).await;
        assert_eq!((tokens.header("cache-control"), tokens.header("pragma")), ("no-store", "no-cache"));
        assert_eq!((tokens.text("token_type"), &tokens.body["expires_in"]), ("Bearer", &json!(600)));
        tokens.tokens();

        let late = code().await;
        app.advance(60);
        portal.redeems(&late).await.assert_refused(400, "invalid_grant", "expired");
        let in_time = code().await;
        app.advance(59);
        portal.redeems(&in_time).await.tokens();
    }

    async fn a_code_shown_twice_takes_everything_back(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let code = citizen.authorizes(&portal.requests("openid profile offline_access")).await.code();
        let tokens = portal.redeems(&code).await.tokens();
        assert_eq!(portal.user_info(&tokens.access).await.status, 200);
        app.advance(30);
        let others = app.application("fund").redeems(&code).await;
        others.assert_refused(400, "invalid_grant", "issued for another client");
        assert_eq!(
            portal.user_info(&tokens.access).await.status,
            200,
            "another application cannot take anything back"
        );

        portal.redeems(&code).await.assert_refused(400, "invalid_grant", "used");
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
    }

    async fn a_refresh_token_is_replaced_each_time_and_a_copy_ends_the_family(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let first = portal.admits(&citizen, "openid profile offline_access").await;
        let began = claims(&portal, first.id(), &app).await;
        app.advance(300);
        app.application("fund").refreshes(first.refresh()).await.assert_refused(
            400,
            "invalid_grant",
            "another client",
        );
        let second = portal.refreshes(first.refresh()).await.tokens();
        assert_ne!(second.refresh(), first.refresh());
        let renewed = claims(&portal, second.id(), &app).await;
        for claim in ["iss", "sub", "aud", "auth_time", "sid", "nonce", "acr"] {
            assert_eq!(renewed[claim], began[claim], "OpenID Connect Core, 12.2: {claim}");
        }
        assert_eq!(renewed["iat"].as_i64(), Some(began["iat"].as_i64().unwrap() + 300));
        let third = portal.refreshes(second.refresh()).await.tokens();
        let retried = portal.refreshes(first.refresh()).await.tokens();
        assert_eq!(retried.refresh(), second.refresh(), "an answer that was lost is given again");
        app.advance(REFRESH_GRACE_SECONDS);
        portal.refreshes(first.refresh()).await.assert_refused(400, "invalid_grant", "used");
        for dead in [&second, &third] {
            portal.refreshes(dead.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
            portal.user_info(&dead.access).await.assert_problem(401, "invalid_token", "revoked");
        }
        let anew = portal.admits(&citizen, "openid profile").await;
        assert_eq!(portal.user_info(&anew.access).await.status, 200, "another login is another family");
    }

    async fn scope_may_shrink_and_never_grows(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let granted = portal.admits(&citizen, "openid profile offline_access").await;
        assert_eq!(granted.scope, "openid profile offline_access");
        let refresh = async |tokens: &Tokens, scope: &str| {
            portal
                .asks(&[
                    ("grant_type", "refresh_token"),
                    ("refresh_token", tokens.refresh()),
                    ("scope", scope),
                ])
                .await
        };
        let more = refresh(&granted, "openid profile offline_access real_name").await;
        more.assert_refused(400, "invalid_scope", "ask for less, or authorize again");
        refresh(&granted, "admin").await.assert_refused(400, "invalid_scope", "exceeds");
        let less = refresh(&granted, "openid").await.tokens();
        assert_eq!(less.scope, "openid", "the refused ones used nothing up");
        let user_info = portal.user_info(&less.access).await;
        assert_eq!(user_info.body, json!({"sub": citizen.sample.id}), "and it opens no more");
        let again = refresh(&less, "openid profile").await.tokens();
        assert_eq!(portal.user_info(&again.access).await.text("name"), citizen.sample.name);
    }

    async fn a_refresh_token_ends_with_its_time(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let (online, mut offline) = (
            portal.admits(&citizen, "openid profile").await,
            portal.admits(&citizen, "openid profile offline_access").await,
        );
        app.advance(DAY_SECONDS / 2);
        portal.refreshes(online.refresh()).await.assert_refused(400, "invalid_grant", "expired or revoked");
        for _ in 0..6 {
            offline = portal.refreshes(offline.refresh()).await.tokens();
            app.advance(14 * DAY_SECONDS - 1);
        }
        offline = portal.refreshes(offline.refresh()).await.tokens();
        app.advance(6 * DAY_SECONDS);
        portal.refreshes(offline.refresh()).await.assert_refused(400, "invalid_grant", "expired");

        let unused = portal.admits(&citizen, "openid profile offline_access").await;
        app.advance(14 * DAY_SECONDS);
        portal.refreshes(unused.refresh()).await.assert_refused(400, "invalid_grant", "expired");
    }

    async fn an_application_proves_who_it_is_in_the_way_it_registered(app: TestApp) {
        let system = app.application("system");
        let ask = [("grant_type", "client_credentials")];
        let id_and_secret =
            [("client_id", system.client_id.as_str()), ("client_secret", system.client_secret.as_str())];
        system.asks(&ask).await.tokens();

        let refused = async |request: reqwest::RequestBuilder, why: &str| {
            let answer = Answer::to(request).await;
            answer.assert_refused(401, "invalid_client", why);
            assert!(answer.header("www-authenticate").starts_with("Basic realm="), "{answer:?}");
            answer.text("error_description").to_owned()
        };
        let request = || system.token_request().form(&ask);
        refused(request(), "no client authentication came").await;
        let wrong = refused(request().basic_auth(&system.client_id, Some("wrong")), "failed").await;
        let empty = refused(request().basic_auth(&system.client_id, Some("")), "failed").await;
        let unknown =
            refused(request().basic_auth("cli_nobody", Some(&system.client_secret)), "failed").await;
        let strange = refused(request().basic_auth("印", Some("x")), "failed").await;
        assert!(
            [&empty, &unknown, &strange].into_iter().all(|told| *told == wrong),
            "which it was is not told"
        );
        refused(request().bearer_auth(&system.client_secret), "`Basic` scheme").await;
        let posted = [ask[0], id_and_secret[0], id_and_secret[1]];
        refused(
            system.token_request().form(&posted),
            "is registered for client_secret_basic and used client_secret_post",
        )
        .await;
        refused(system.token_request().form(&[ask[0], id_and_secret[0]]), "used none").await;
        let assertion = [
            ask[0],
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", "a.b.c"),
        ];
        refused(system.token_request().form(&assertion), "expected a JWT with `iss`").await;

        let both = system.asks(&posted).await;
        both.assert_refused(400, "invalid_request", "not in both");
        let other = system.asks(&[ask[0], ("client_id", "cli_other")]).await;
        other.assert_refused(400, "invalid_request", "is not the one in the Authorization header");
        let malformed = Answer::to(request().header("authorization", "Basic !!!")).await;
        malformed.assert_refused(400, "invalid_request", "base64 of client_id:client_secret");
        let long =
            Answer::to(request().header("authorization", format!("Basic {}", "A".repeat(4_000)))).await;
        long.assert_refused(400, "invalid_request", "base64");
    }

    async fn applications_that_post_their_secret_or_have_none_are_served_too(app: TestApp) {
        let redirect = ["http://localhost:9873/callback"];
        let posting = app
            .registers(json!({
                "token_endpoint_auth_method": "client_secret_post",
                "grant_types": ["client_credentials"],
                "scope": "decision:evaluate",
            }))
            .await;
        let form = |secret| {
            [
                ("grant_type", "client_credentials"),
                ("client_id", posting.client_id.as_str()),
                ("client_secret", secret),
            ]
        };
        Answer::to(posting.token_request().form(&form(&posting.client_secret))).await.tokens();
        Answer::to(posting.token_request().form(&form("wrong"))).await.assert_refused(
            401,
            "invalid_client",
            "failed",
        );
        posting.asks(&[("grant_type", "client_credentials")]).await.assert_refused(
            401,
            "invalid_client",
            "client_secret_post",
        );

        let public = app
            .registers(json!({
                "token_endpoint_auth_method": "none", "redirect_uris": redirect, "scope": "openid",
                "grant_types": ["authorization_code", "refresh_token"],
            }))
            .await;
        let citizen = app.person("li.xiaoman");
        let code = citizen.authorizes(&public.requests("openid")).await.code();
        let named = |form: &[(&str, &str)]| {
            let form = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            form.chain([("client_id".to_owned(), public.client_id.clone())]).collect::<Vec<_>>()
        };
        let mut stolen = named(&public.redemption(&code));
        stolen.retain(|(name, _)| name != "code_verifier");
        stolen.push(("code_verifier".to_owned(), ANOTHER_VERIFIER.to_owned()));
        Answer::to(public.token_request().form(&stolen)).await.assert_refused(
            400,
            "invalid_grant",
            "code_challenge",
        );
        let tokens =
            Answer::to(public.token_request().form(&named(&public.redemption(&code)))).await.tokens();
        let refresh = |token: &str| named(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
        let renewed = Answer::to(public.token_request().form(&refresh(tokens.refresh()))).await.tokens();
        app.advance(REFRESH_GRACE_SECONDS);
        Answer::to(public.token_request().form(&refresh(tokens.refresh()))).await.assert_refused(
            400,
            "invalid_grant",
            "used",
        );
        Answer::to(public.token_request().form(&refresh(renewed.refresh()))).await.assert_refused(
            400,
            "invalid_grant",
            "revoked",
        );
    }

    async fn an_application_gets_only_the_grants_and_scopes_it_registered(app: TestApp) {
        let (portal, system) = (app.application("portal"), app.application("system"));
        let grant = |grant_type| [("grant_type", grant_type)];
        for unknown in
            ["password", "implicit", "urn:ietf:params:oauth:grant-type:saml2-bearer", "CLIENT_CREDENTIALS"]
        {
            portal.asks(&grant(unknown)).await.assert_refused(
                400,
                "unsupported_grant_type",
                &format!("got `{unknown}`"),
            );
        }
        for other in [
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:openid:params:grant-type:ciba",
        ] {
            portal.asks(&grant(other)).await.assert_refused(
                400,
                "unauthorized_client",
                "is not registered for the grant",
            );
        }
        system.redeems("x").await.assert_refused(
            400,
            "unauthorized_client",
            "is not registered for the grant",
        );
        let scoped = |scope| [("grant_type", "client_credentials"), ("scope", scope)];
        for too_much in ["admin", "openid", "profile", "decision:evaluate admin"] {
            system.asks(&scoped(too_much)).await.assert_refused(400, "invalid_scope", "exceeds");
        }
        let tokens = system.asks(&scoped("decision:evaluate")).await.tokens();
        assert_eq!((tokens.scope.as_str(), tokens.id, tokens.refresh), ("decision:evaluate", None, None));
    }

    async fn userinfo_opens_to_a_persons_own_token_alone(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let foreign = app
            .registers(json!({
                "redirect_uris": ["http://localhost:9873/callback"],
                "scope": "openid profile",
                "audiences": ["https://api.example"],
            }))
            .await;
        let tokens = portal.admits(&citizen, "openid profile real_name").await;
        let user_info = portal.user_info(&tokens.access).await;
        assert_eq!(user_info.header("content-type"), "application/json");
        assert_eq!(user_info.text("name"), "李小满");
        assert!(user_info.text("id_number_masked").contains('*'));
        let http = || app.http().post(app.url("/oauth2/userinfo"));
        let in_body = [("access_token", tokens.access.as_str())];
        assert_eq!(Answer::to(http().bearer_auth(&tokens.access)).await.body, user_info.body);
        assert_eq!(Answer::to(http().form(&in_body)).await.body, user_info.body);

        let challenge = async |request: reqwest::RequestBuilder, expected: &str| {
            let answer = Answer::to(request).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, expected), "{answer:?}");
        };
        let get = || app.http().get(app.url("/oauth2/userinfo"));
        challenge(get(), "Bearer").await;
        challenge(get().query(&in_body), "Bearer").await;
        challenge(get().basic_auth(&portal.client_id, Some(&portal.client_secret)), "Bearer").await;
        let invalid = "Bearer error=\"invalid_token\"";
        let on_behalf = foreign.requests("openid profile").with("resource", "https://api.example");
        let elsewhere = foreign.redeems(&citizen.authorizes(&on_behalf).await.code()).await.tokens();
        let (signed, _) = tokens.access.rsplit_once('.').unwrap();
        let (_, signature) = elsewhere.access.rsplit_once('.').unwrap();
        for bad in [
            "x",
            "a.b.c",
            tokens.id(),
            tokens.refresh(),
            &elsewhere.access,
            &format!("{signed}.{signature}"),
            &format!("{signed}."),
        ] {
            challenge(get().bearer_auth(bad), invalid).await;
            challenge(http().form(&[("access_token", bad)]), invalid).await;
        }
        let machine = portal.user_info(&app.machine_token().await).await;
        machine.assert_problem(403, "insufficient_scope", "`openid`");
        assert_eq!(machine.header("www-authenticate"), "Bearer error=\"insufficient_scope\"");

        app.advance(604);
        assert_eq!(portal.user_info(&tokens.access).await.status, 200, "clocks may be five seconds apart");
        app.advance(2);
        challenge(get().bearer_auth(&tokens.access), invalid).await;
    }

    async fn userinfo_says_what_the_scope_allows(app: TestApp) {
        let (citizen, official) = (app.person("li.xiaoman"), app.person("chen.ruoshui"));
        let portal = app.application("portal");
        let names = async |person, scope: &str| {
            let tokens = portal.admits(person, scope).await;
            let body = portal.user_info(&tokens.access).await.body;
            let mut names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(names(&citizen, "openid").await, "sub");
        assert_eq!(names(&citizen, "openid profile").await, "birthdate family_name gender given_name locale middle_name name nickname picture preferred_username profile sub updated_at website zoneinfo");
        assert_eq!(names(&citizen, "openid real_name").await, "id_number_masked real_name_level sub");
        assert_eq!(names(&citizen, "openid organisation").await, "sub", "a citizen has no post");
        assert_eq!(names(&official, "openid organisation").await, "organisation sub");
        let tokens = portal.admits(&citizen, "profile").await;
        assert!(tokens.id.is_none(), "without `openid` it is no OpenID Connect request");
        portal.user_info(&tokens.access).await.assert_problem(403, "insufficient_scope", "`openid`");
    }
}

/// The claims of an ID token of the portal.
async fn claims(application: &Application, id_token: &str, app: &TestApp) -> Value {
    application.verifies(id_token, Algorithm::Es256, app.now()).await.claims.into()
}
