//! The keys that sign tokens take turns, and what they signed stays good while it lives.

use flows::log::{self, Kind};
use flows::rotate_keys;
use jose::{Algorithm, JwsSigner};
use serde_json::{Value, json};
use store::rows::keys;
use url::form_urlencoded::Serializer;

use crate::kit::actors::{Returned, assert_shown};
use crate::kit::app::{TestApp, stories};

const DAY_SECONDS: i64 = 86_400;
/// A key signs for so long, and is published so long before.
const ROTATION_SECONDS: i64 = 90 * DAY_SECONDS;
const ANNOUNCED_SECONDS: i64 = DAY_SECONDS;
const BACK: &str = "http://localhost:9871/";

stories! {
    async fn a_key_is_published_before_it_signs_and_while_what_it_signed_lives(app: TestApp) {
        let portal = app.application("portal");
        let first = es256(&app).await;
        let tokens = portal.admits(&app.person("li.xiaoman"), "openid profile").await;
        assert_eq!((first.len(), kid_of(tokens.id())), (1, first[0].clone()));

        app.advance(ROTATION_SECONDS - ANNOUNCED_SECONDS - 1);
        turns(&app).await;
        assert_eq!(es256(&app).await, first);
        app.advance(1);
        turns(&app).await;
        let both = es256(&app).await;
        assert_eq!(both.len(), 2, "the next key is published");
        let next = both.iter().find(|kid| **kid != first[0]).unwrap().clone();

        app.advance(ANNOUNCED_SECONDS - 1);
        turns(&app).await;
        let old = portal.admits(&app.person("li.xiaoman"), "openid profile").await;
        assert_eq!((kid_of(old.id()), kid_of(&old.access)), (first[0].clone(), first[0].clone()), "it signs to its end");
        app.advance(1);
        turns(&app).await;
        let new = portal.admits(&app.person("li.xiaoman"), "openid profile").await;
        assert_eq!((kid_of(new.id()), kid_of(&new.access)), (next.clone(), next.clone()));
        for tokens in [&old, &new] {
            portal.verifies(tokens.id(), Algorithm::Es256, app.now()).await;
            assert_eq!(portal.user_info(&tokens.access).await.status, 200);
        }
        assert_eq!(es256(&app).await, both, "published for a day more");
        let fund = app.application("fund");
        let national = fund.admits(&app.person("li.xiaoman"), "openid").await;
        fund.verifies(national.id(), Algorithm::Sm2Sm3, app.now()).await;

        app.advance(ANNOUNCED_SECONDS);
        turns(&app).await;
        assert_eq!(es256(&app).await, std::slice::from_ref(&next), "and no longer");
        assert_eq!(hints(&app, old.id()).await, None, "we know it by its key all the same");
        app.advance(ROTATION_SECONDS - 2 * DAY_SECONDS);
        turns(&app).await;
        assert_eq!(hints(&app, old.id()).await, None);
        app.advance(DAY_SECONDS + 600);
        turns(&app).await;
        assert_eq!(hints(&app, old.id()).await.as_deref(), Some("is not an ID token of this provider"));
        let destroyed: Vec<_> =
            kept(&app).await.into_iter().filter(|key| key.state == "destroyed").collect();
        assert_eq!(destroyed.len(), 5, "the first key of each algorithm");
        assert!(destroyed.iter().all(|key| key.wrapped.is_empty()), "their private halves are gone");
    }

    async fn many_nodes_turn_once_and_all_sign_with_the_same_keys(app: TestApp) {
        let (one, other) = (app.another_node().await, app.another_node().await);
        let size = app.log_size().await;
        app.advance(ROTATION_SECONDS - ANNOUNCED_SECONDS);
        let turn = async |env: &flows::Env| rotate_keys::turn(env, env.now()).await.unwrap();
        tokio::join!(turn(app.env()), turn(&one), turn(&other));
        assert_eq!(app.log_size().await, size + 5, "one new key for each algorithm");
        rotate_keys::follow(app.env(), app.now()).await.unwrap();
        for node in [&one, &other] {
            rotate_keys::follow(node, app.now()).await.unwrap();
            let (theirs, ours) = (node.keyring(), app.env().keyring());
            assert_eq!((&theirs.jwks, &theirs.jwks_sm), (&ours.jwks, &ours.jwks_sm));
        }

        app.advance(ANNOUNCED_SECONDS);
        tokio::join!(turn(app.env()), turn(&one));
        assert_eq!(app.log_size().await, size + 15, "each new one signs, each old one no more, once");
        rotate_keys::follow(&other, app.now()).await.unwrap();
        rotate_keys::follow(app.env(), app.now()).await.unwrap();
        for algorithm in Algorithm::ALL {
            let kid = |env: &flows::Env| env.keyring().token_signer(algorithm).unwrap().kid().to_owned();
            assert_eq!(kid(&one), kid(&other), "{algorithm}");
            assert_eq!(kid(&one), kid(app.env()), "{algorithm}");
        }
        let states: Vec<_> = kept(&app).await.into_iter().map(|key| key.state).collect();
        let count = |state: &str| states.iter().filter(|it| *it == state).count();
        assert_eq!((count("active"), count("retired"), count("pre-active")), (5, 5, 0));
        let leaves = log::latest(app.env(), 10).await.unwrap();
        assert!(leaves.iter().all(|leaf| leaf.kind == Kind::KeyStateChanged.as_str()));
    }

    async fn an_administrator_lets_keys_take_turns_at_once(app: TestApp) {
        const ROTATE: &str = "/v1/token-keys/rotate";
        let administrator = app.administrator_enrols().await;
        let portal = app.application("portal");
        let citizen = app.person("li.xiaoman");
        let tokens = portal.admits(&citizen, "openid profile").await;
        let citizens = portal.admits(&citizen, "openid admin").await;
        app.posts(&tokens.access, ROTATE, &ordinary(None)).await.assert_problem(403, "insufficient_scope", "`admin`");
        let refused = app.posts(&citizens.access, ROTATE, &ordinary(None)).await;
        assert_eq!((refused.status, refused.text("code")), (403, "refused_by_policy"), "{refused:?}");
        let token = administrator.token("openid admin").await;
        for bad in [ordinary(Some("HS256")), json!({ "compromised": "yes" }), json!({ "alg": "ES256" }), json!([])] {
            assert_eq!(app.posts(&token, ROTATE, &bad).await.status, 400, "{bad}");
        }

        let first = es256(&app).await;
        let announced = app.posts(&token, ROTATE, &ordinary(Some("ES256"))).await;
        assert_eq!(announced.status, 201, "{announced:?}");
        let key = &announced.body["keys"][0];
        assert_eq!(
            json!([announced.body["keys"].as_array().map(Vec::len), key["alg"], key["state"], key["signs_from"]]),
            json!([1, "ES256", "pre-active", app.now().plus_seconds(ANNOUNCED_SECONDS).rfc3339()])
        );
        assert_eq!(es256(&app).await.len(), 2);
        assert_eq!(kid_of(portal.admits(&citizen, "openid").await.id()), first[0], "published, not signing");
        let again = app.posts(&token, ROTATE, &ordinary(Some("ES256"))).await;
        again.assert_problem(409, "rotation_under_way", "published already");

        let elsewhere = app.another_node().await;
        let lost = app.posts(&token, ROTATE, &json!({ "alg": "ES256", "compromised": true })).await;
        assert_eq!((lost.status, &lost.body["keys"][0]["state"]), (201, &json!("active")), "{lost:?}");
        let kid = lost.body["keys"][0]["kid"].as_str().unwrap();
        assert_eq!(es256(&app).await, [kid], "nothing else is published");
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "not one of ours");
        assert_eq!(hints(&app, tokens.id()).await.as_deref(), Some("is not an ID token of this provider"));
        let new = portal.admits(&citizen, "openid profile").await;
        assert_eq!((kid_of(new.id()), portal.user_info(&new.access).await.status), (kid.to_owned(), 200));
        rotate_keys::follow(&elsewhere, app.now()).await.unwrap();
        assert_eq!(elsewhere.keyring().token_signer(Algorithm::Es256).unwrap().kid(), kid);

        let proof = app.fetches(&format!("/v1/log/proof?token_key={kid}")).await;
        assert!(String::from_utf8(proof).unwrap().contains("token_key_created"));
        let gone: Vec<_> = kept(&app).await.into_iter().filter(|key| key.state == "destroyed").collect();
        assert_eq!(gone.len(), 2, "the one that signed, and the one that was to");
        assert!(gone.iter().all(|key| key.wrapped.is_empty()));
    }
}

/// A turn before its time, of the keys of `alg` or of all.
fn ordinary(alg: Option<&str>) -> Value {
    json!({ "alg": alg, "compromised": false })
}

/// What the background does every minute.
async fn turns(app: &TestApp) {
    rotate_keys::turn(app.env(), app.now()).await.unwrap();
}

/// The published keys that verify ES256.
async fn es256(app: &TestApp) -> Vec<String> {
    let set: Value = serde_json::from_slice(&app.fetches("/oauth2/jwks").await).unwrap();
    let keys = set["keys"].as_array().unwrap().iter().filter(|key| key["alg"] == "ES256");
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The name of the key that signed `token`.
fn kid_of(token: &str) -> String {
    let header = base::encoding::from_base64url(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Every token key there ever was.
async fn kept(app: &TestApp) -> Vec<keys::KeyRow> {
    let all = keys::all(&mut app.env().db.read().await.unwrap()).await.unwrap();
    all.into_iter().filter(|key| key.purpose == "token-signing").collect()
}

/// Hints with `id_token` at logout, in a browser without a login; why it is refused.
async fn hints(app: &TestApp, id_token: &str) -> Option<String> {
    let asked = [("id_token_hint", id_token), ("post_logout_redirect_uri", BACK)];
    let query = Serializer::new(String::new()).extend_pairs(asked).finish();
    let page = app.browser().open(&format!("/oauth2/logout?{query}")).await.unwrap();
    if page.status.is_redirection() {
        assert_eq!(Returned::by(&page).0.as_str(), BACK);
        return None;
    }
    let why = "is not an ID token of this provider";
    assert_shown(&page, 400, why);
    Some(why.to_owned())
}
