//! Answers that only the application can read: signed, then encrypted to a key of its own.

use base::encoding::from_base64url;
use flows::caller::Authority;
use flows::initial_access::{self, Order};
use jose::{Algorithm, Jwks};
use serde_json::{Map, Value, json};

use crate::kit::actors::{Answer, Application};
use crate::kit::app::{TestApp, stories};
use crate::kit::reader::Reader;
use crate::kit::site::Site;

const CALLBACK: &str = "http://localhost:9873/callback";
const INTROSPECTION_JWT: &str = "application/token-introspection+jwt";
/// The members that ask for encryption, by their beginnings.
const KINDS: [&str; 4] = ["id_token", "userinfo", "authorization", "introspection"];

stories! {
    async fn every_kind_of_answer_is_signed_and_then_encrypted_to_the_applications_key(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let ways = [
            ("ECDH-ES", None, Algorithm::Es256),
            ("RSA-OAEP-256", Some("A256GCM"), Algorithm::Ps256),
            ("SM2-KE", Some("SM4GCM"), Algorithm::Sm2Sm3),
        ];
        for (reader, (alg, enc, signed)) in Reader::one_of_each_kind().iter().zip(ways) {
            let mut members = json!({
                "redirect_uris": [CALLBACK], "scope": "openid profile", "jwks": reader.jwks(),
                "userinfo_signed_response_alg": signed,
            });
            for kind in KINDS {
                members[format!("{kind}_encrypted_response_alg")] = alg.into();
                members[format!("{kind}_encrypted_response_enc")] = enc.into();
                members[format!("{kind}_signed_response_alg")] = signed.as_str().into();
            }
            let application = app.registers(members).await;
            let expected = json!([alg, enc.unwrap_or("A128CBC-HS256")]);
            let reads = |token: &str| {
                let (header, inner) = reader.reads(token);
                assert_eq!(json!([header["alg"], header["enc"]]), expected);
                assert_eq!((&header["cty"], header["kid"].is_string()), (&json!("JWT"), true));
                inner
            };

            let request = application.requests("openid profile").with("response_mode", "query.jwt");
            let returned = citizen.authorizes(&request).await;
            assert_eq!(returned.value("code"), None, "nothing beside the token: {returned:?}");
            let answer = reads(&returned.value("response").expect("a token"));
            let answer = application.verifies(&answer, signed, app.now()).await;
            assert_eq!(answer.text("state"), Some(crate::kit::actors::STATE));

            let tokens = application.redeems(answer.text("code").unwrap()).await.tokens();
            let id_token = application.verifies(&reads(tokens.id()), signed, app.now()).await;
            assert_eq!(id_token.text("sub"), Some(citizen.sample.id.to_string().as_str()));

            let user_info = token_from(&app, &tokens.access).await;
            let user_info = claims(&app, &reads(&user_info), "JWT").await;
            assert_eq!(user_info["name"], citizen.sample.name.as_str());
            assert_eq!(user_info["aud"], application.client_id.as_str());

            let asked = [("token", tokens.access.as_str())];
            let plain = introspects(&app, &application, &asked, "application/json").await;
            assert!(plain.starts_with('{'), "plain when plain is asked for: {plain}");
            let told = introspects(&app, &application, &asked, INTROSPECTION_JWT).await;
            let told = claims(&app, &reads(&told), "token-introspection+jwt").await;
            assert_eq!(told["token_introspection"]["active"], true);

            // The signed token inside is what an application hints with (RP-Initiated Logout 1.0, 2).
            let hint = reads(tokens.id());
            let silent = application.requests("openid profile").with("prompt", "none").with("id_token_hint", &hint);
            citizen.authorizes(&silent).await.code();
            app.advance(1);
        }
    }

    async fn userinfo_may_be_encrypted_without_being_signed(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let reader = Reader::one_of_each_kind().remove(0);
        let application = app
            .registers(json!({
                "redirect_uris": [CALLBACK], "scope": "openid", "jwks": reader.jwks(),
                "userinfo_encrypted_response_alg": "ECDH-ES+A128KW",
            }))
            .await;
        let tokens = application.admits(&citizen, "openid").await;
        let (header, content) = reader.reads(&token_from(&app, &tokens.access).await);
        assert_eq!((header.get("cty"), &header["enc"]), (None, &json!("A128CBC-HS256")));
        let claims: Value = serde_json::from_str(&content).unwrap();
        let sub = citizen.sample.id.to_string();
        assert_eq!(claims, json!({ "sub": sub, "iss": app.issuer, "aud": application.client_id }));
        application.verifies(tokens.id(), Algorithm::Es256, app.now()).await;
    }

    async fn a_key_is_found_where_the_application_publishes_it_before_anything_is_used_up(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let [reader, other, _] = Reader::one_of_each_kind().try_into().ok().unwrap();
        let site = Site::opens().await;
        let application = app
            .registers(json!({
                "redirect_uris": [CALLBACK], "scope": "openid", "jwks_uri": site.url("/keys"),
                "id_token_encrypted_response_alg": "ECDH-ES",
            }))
            .await;
        let code = citizen.authorizes(&application.requests("openid")).await.code();
        application.redeems(&code).await.assert_refused(401, "invalid_client", "cannot be had or used");
        site.publishes("/keys", &other.jwks());
        app.advance(10);
        application.redeems(&code).await.assert_refused(401, "invalid_client", "no key for `ECDH-ES`");
        site.publishes("/keys", &reader.jwks());
        app.advance(10);
        let tokens = application.redeems(&code).await.tokens();
        application.verifies(&reader.unwraps(tokens.id()), Algorithm::Es256, app.now()).await;
        let fetches = site.fetches();
        reader.unwraps(application.admits(&citizen, "openid").await.id());
        assert_eq!(site.fetches(), fetches, "kept for a while");
    }

    async fn a_notice_of_logout_is_encrypted_as_id_tokens_are(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let reader = Reader::one_of_each_kind().remove(1);
        let mut site = Site::opens().await;
        let application = app
            .registers(json!({
                "redirect_uris": [CALLBACK], "scope": "openid", "jwks": reader.jwks(),
                "id_token_encrypted_response_alg": "RSA-OAEP",
                "backchannel_logout_uri": site.url("/logged-out"),
            }))
            .await;
        let tokens = application.admits(&citizen, "openid").await;
        let hint = reader.unwraps(tokens.id());
        citizen.opens(&format!("/oauth2/logout?id_token_hint={hint}")).await;
        let posted = site.is_posted().await;
        let [(name, token)] = posted.as_slice() else { panic!("one field: {posted:?}") };
        assert_eq!(name, "logout_token");
        let (header, inner) = reader.reads(token);
        assert_eq!((&header["iss"], &header["cty"]), (&json!(app.issuer), &json!("JWT")));
        let notice = claims(&app, &inner, "logout+jwt").await;
        assert_eq!(notice["sub"], citizen.sample.id.to_string());
    }

    async fn what_cannot_be_encrypted_is_not_registered(app: TestApp) {
        let [elliptic, rsa, _] = Reader::one_of_each_kind().try_into().ok().unwrap();
        let initial =
            initial_access::give(app.env(), app.now(), Authority::Operator, Order::for_seconds(3_600)).await;
        let initial = initial.unwrap_or_else(|failure| panic!("{failure:?}"));
        let register = async |more: Value| {
            let mut members = json!({ "redirect_uris": ["https://app.example/cb"] });
            members.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
            let request = app.http().post(app.url("/oauth2/register")).bearer_auth(initial.token.expose());
            Answer::to(request.json(&members)).await
        };
        for kind in KINDS {
            let [alg, enc] = ["alg", "enc"].map(|last| format!("{kind}_encrypted_response_{last}"));
            let with = |pairs: &[(&str, Value)]| {
                Value::Object(pairs.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect::<Map<_, _>>())
            };
            for (members, why) in [
                (with(&[(&alg, json!("RSA-OAEP-256"))]), format!("{alg}: expected a key for `RSA-OAEP-256`")),
                (with(&[(&alg, json!("ECDH-ES")), ("jwks", rsa.jwks())]), format!("{alg}: expected a key")),
                (with(&[(&alg, json!("RSA1_5")), ("jwks", rsa.jwks())]), format!("{alg}: expected `RSA-OAEP-256`")),
                (with(&[(&alg, json!("dir")), ("jwks", rsa.jwks())]), format!("{alg}: expected `RSA-OAEP-256`")),
                (with(&[(&enc, json!("A128GCM")), ("jwks", rsa.jwks())]), format!("nothing without `{alg}`")),
                (
                    with(&[(&alg, json!("ECDH-ES")), (&enc, json!("A192GCM")), ("jwks", elliptic.jwks())]),
                    format!("{enc}: expected `A128CBC-HS256`"),
                ),
            ] {
                let refused = register(members).await;
                refused.assert_refused(400, "invalid_client_metadata", &why);
            }
            let good = with(&[(&alg, json!("ECDH-ES")), (&enc, json!("A256GCM")), ("jwks", elliptic.jwks())]);
            let registered = register(good).await;
            assert_eq!((registered.status, registered.text(&alg)), (201, "ECDH-ES"), "{registered:?}");
        }

        let metadata = Answer::to(app.http().get(app.url("/.well-known/openid-configuration"))).await.body;
        for kind in KINDS {
            let list = |last: &str| metadata[format!("{kind}_encryption_{last}_values_supported")].clone();
            assert!(list("alg").as_array().unwrap().contains(&json!("RSA-OAEP-256")), "{kind}");
            assert!(list("enc").as_array().unwrap().contains(&json!("A128CBC-HS256")), "{kind}");
            assert!(!list("alg").to_string().contains("SM"), "{kind}");
        }
        assert_eq!(metadata["yinxin_sm_encryption_alg_values_supported"], json!(["SM2-KE"]));
        assert_eq!(metadata["yinxin_sm_encryption_enc_values_supported"], json!(["SM4GCM"]));
    }
}

/// What userinfo answers, which is a token.
async fn token_from(app: &TestApp, access_token: &str) -> String {
    let request = app.http().get(app.url("/oauth2/userinfo")).bearer_auth(access_token);
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"application/jwt".parse().unwrap())
    );
    response.text().await.unwrap()
}

async fn introspects(
    app: &TestApp,
    application: &Application,
    form: &[(&str, &str)],
    accept: &str,
) -> String {
    let request = app.http().post(app.url("/oauth2/introspect")).header("accept", accept);
    let request = request.basic_auth(&application.client_id, Some(&application.client_secret));
    let response = request.form(form).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &accept.parse().unwrap())
    );
    response.text().await.unwrap()
}

/// The claims of a token of ours of the type `typ`, signed by a published key. Not all of them have a time to be over.
async fn claims(app: &TestApp, token: &str, typ: &str) -> Value {
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { panic!("a signed token: {token}") };
    let bytes = |part: &str| from_base64url(part).unwrap();
    let header_said: Value = serde_json::from_slice(&bytes(header)).unwrap();
    assert_eq!(header_said["typ"], typ);
    let algorithm = Algorithm::parse(header_said["alg"].as_str().unwrap()).unwrap();
    let set = if algorithm.is_national() { "/oauth2/jwks-sm" } else { "/oauth2/jwks" };
    let set = Jwks::from_json(&app.fetches(set).await).unwrap();
    let key =
        set.keys().iter().find(|key| key.kid() == header_said["kid"].as_str()).expect("a published key");
    assert!(key.verifies(algorithm, format!("{header}.{payload}").as_bytes(), &bytes(signature)));
    serde_json::from_slice(&bytes(payload)).unwrap()
}
