//! What is refused for the login alone says which login would do (RFC 9470), and whoever brings that one is served.

use flows::upstreams::Strangers;
use serde_json::json;

use crate::federation::{goes_on, links_at, presses, provider_above};
use crate::kit::actors::{Answer, Application, Person, Request, Returned, assert_shown, claims_of};
use crate::kit::app::{TestApp, stories};
use crate::kit::documents::one_page;
use crate::kit::keys::ClientKey;
use crate::proofs::{proof, with_proof};

const KEEPER: &str = "chen.ruoshui";
const SCOPE: &str = "openid seal:use";
const HOUR_SECONDS: i64 = 3_600;

stories! {
    async fn a_seal_is_refused_to_an_old_login_and_given_to_the_one_that_is_asked_for(app: TestApp) {
        let (keeper, portal) = (app.person(KEEPER), app.application("portal"));
        let tokens = portal.admits(&keeper, SCOPE).await;
        let logged_in = app.now().unix_seconds();
        seals(&app, &tokens.access).await.unwrap();
        app.advance(HOUR_SECONDS + 1);
        // A new token of the same login is as old as the login.
        let stale = portal.refreshes(tokens.refresh()).await.tokens().access;
        assert_eq!(claims_of(&stale)["auth_time"], logged_in);
        let said = portal.request("/oauth2/introspect").basic_auth(&portal.client_id, Some(&portal.client_secret));
        let said = Answer::to(said.form(&[("token", &stale)])).await.body;
        assert_eq!((&said["auth_time"], &said["acr"]), (&json!(logged_in), &json!("urn:yinxin:loa:1")));
        let before = app.log_size().await;
        let refused = seals(&app, &stale).await.unwrap_err();
        refused.assert_problem(401, "insufficient_user_authentication", "needs a login within the last hour");
        assert!(refused.text("detail").contains("Log in again, then try again."), "{refused:?}");
        assert_eq!(refused.header("www-authenticate"), "Bearer error=\"insufficient_user_authentication\", max_age=\"900\"");
        assert_eq!(app.log_size().await, before, "nothing was sealed");

        // Single sign-on alone changes nothing; asked as it says, the person logs in.
        let again = portal.admits(&keeper, SCOPE).await.access;
        seals(&app, &again).await.unwrap_err().assert_problem(401, "insufficient_user_authentication", "last hour");
        let (returned, pages) = keeper.authorizes_in_pages(&as_told(&portal, &refused)).await;
        assert_eq!(pages, 1, "the login");
        let fresh = portal.redeems(&returned.code()).await.tokens().access;
        assert_eq!(claims_of(&fresh)["auth_time"], app.now().unix_seconds());
        seals(&app, &fresh).await.unwrap();
    }

    async fn whom_no_login_helps_is_refused_as_before(app: TestApp) {
        let stranger = app.token_of("lin.zhixing", SCOPE).await;
        let refused = seals(&app, &stranger).await.unwrap_err();
        refused.assert_problem(403, "refused_by_policy", "you must be seal keeper");
        assert_eq!(refused.headers.get("www-authenticate"), None);
        app.reports(&app.machine_token().await, KEEPER, "device_lost", "high").await;
        let keeper = app.token_of(KEEPER, SCOPE).await;
        let refused = seals(&app, &keeper).await.unwrap_err();
        refused.assert_problem(403, "refused_by_policy", "a trust score of at least 60");
        assert_eq!(refused.headers.get("www-authenticate"), None, "no login brings a lost device back");
    }

    async fn after_strange_logins_a_seal_wants_a_stronger_one_and_a_password_is_none(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        links_at(&app, KEEPER, &provider, "them").await;
        let (keeper, portal) = (app.person(KEEPER), app.application("portal"));
        let weak = portal.admits(&keeper, SCOPE).await.access;
        let system = app.machine_token().await;
        for strange in ["impossible_travel", "unusual_behaviour"] {
            app.reports(&system, KEEPER, strange, "high").await;
        }
        let refused = seals(&app, &weak).await.unwrap_err();
        refused.assert_problem(401, "insufficient_user_authentication", "Log in again with a stronger method");
        assert_eq!(
            refused.header("www-authenticate"),
            "Bearer error=\"insufficient_user_authentication\", acr_values=\"urn:yinxin:loa:2\", max_age=\"900\""
        );

        // Who can show no more than a password hears so instead of going round in circles (RFC 9470, 5).
        let asked = as_told(&portal, &refused);
        assert_eq!(keeper.authorizes(&asked).await.error(), "unmet_authentication_requirements");
        app.advance(1);
        let silent = asked.clone().with("prompt", "none").without("max_age");
        assert_eq!(keeper.authorizes(&silent).await.error(), "login_required");

        let page = keeper.opens(&asked.path()).await;
        let returned = comes_with_two_factors(&app, &keeper, &page, &provider).await;
        let strong = portal.redeems(&returned.code()).await.tokens().access;
        assert_eq!(claims_of(&strong)["acr"], "urn:yinxin:loa:2");
        seals(&app, &strong).await.unwrap();
    }

    async fn another_provider_is_asked_for_a_new_login_and_its_weak_one_is_an_answer_and_no_circle(app: TestApp) {
        let mut app = app;
        let provider = provider_above(&mut app, Strangers::Link).await;
        links_at(&app, KEEPER, &provider, "them").await;
        let portal = app.application("portal");
        let essential = json!({ "id_token": { "acr": { "essential": true, "values": ["urn:yinxin:loa:2"] } } });
        let old = json!({ "auth_time": app.now().unix_seconds() - HOUR_SECONDS });
        for request in [
            portal.requests(SCOPE).and("acr_values", "urn:yinxin:loa:3 urn:yinxin:loa:2"),
            portal.requests(SCOPE).and("claims", &essential.to_string()),
        ] {
            let keeper = app.person(KEEPER);
            let asked = presses(&keeper, &keeper.opens(&request.path()).await, "other").await;
            let prompt = asked.query_pairs().find(|(name, _)| name == "prompt");
            assert_eq!(prompt.expect("a `prompt`").1, "login");
            // What it knows from before is no answer.
            let known = provider.id_token(&asked, app.now(), "them", &old);
            let turned_away = keeper.opens(&provider.gives(&asked, &provider.key.signs(&json!({}), &known))).await;
            assert_shown(&turned_away, 502, "没有重新确认您的身份");
            let asked = presses(&keeper, &turned_away, "other").await;
            let weak = provider.id_token(&asked, app.now(), "them", &json!({ "amr": ["pwd"] }));
            let back = provider.gives(&asked, &provider.key.signs(&json!({}), &weak));
            let returned = goes_on(&keeper, keeper.opens(&back).await).await;
            assert_eq!(returned.error(), "unmet_authentication_requirements");

            // Who is in with the weak login meets the same.
            app.advance(1);
            let page = keeper.opens(&request.path()).await;
            assert_eq!(crate::kit::provider::parameter(&presses(&keeper, &page, "other").await, "prompt"), "login");
            let returned = comes_with_two_factors(&app, &keeper, &page, &provider).await;
            portal.redeems(&returned.code()).await.tokens();
        }
        // What every login reaches, or nobody here knows, is no reason to ask anybody again.
        for wish in ["urn:yinxin:loa:2 urn:yinxin:loa:1", "urn:elsewhere:gold"] {
            let keeper = app.person(KEEPER);
            let page = keeper.opens(&portal.requests(SCOPE).and("acr_values", wish).path()).await;
            let asked = presses(&keeper, &page, "other").await;
            assert!(asked.query_pairs().all(|(name, _)| name != "prompt"), "{asked}");
        }
    }

    async fn a_token_that_is_bound_to_a_key_is_answered_under_its_own_scheme(app: TestApp) {
        let (keeper, portal, key) = (app.person(KEEPER), app.application("portal"), ClientKey::new("a"));
        keeper.logs_in().await;
        app.advance(HOUR_SECONDS + 1);
        let code = keeper.authorizes(&portal.requests(SCOPE)).await.code();
        let tokens = with_proof(&app, &portal, &portal.redemption(&code), &key).await.tokens();
        let path = format!("/v1/seals/{}/documents", app.sample.seals[0].id);
        let request = app.http().post(app.url(&path)).header("authorization", format!("DPoP {}", tokens.access));
        let request = request.header("dpop", proof(&app, &key, "POST", &path, Some(&tokens)));
        let refused = Answer::to(request.body(one_page("通知"))).await;
        refused.assert_problem(401, "insufficient_user_authentication", "last hour");
        assert_eq!(refused.header("www-authenticate"), "DPoP error=\"insufficient_user_authentication\", max_age=\"900\"");
    }
}

async fn seals(app: &TestApp, token: &str) -> Result<(), Answer> {
    app.seals(token, app.sample.seals[0].id, one_page("关于停水的通知")).await.map(drop)
}

/// The authorization request that the challenge in `refused` asks for: its parameters are those of the request (RFC 9470, 4).
fn as_told(application: &Application, refused: &Answer) -> Request {
    let challenge = refused.header("www-authenticate");
    let parameter = |name: &str| {
        let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    assert_eq!(parameter("error"), Some("insufficient_user_authentication"));
    ["acr_values", "max_age"].into_iter().fold(application.requests(SCOPE), |request, name| {
        match parameter(name) {
            Some(value) => request.with(name, value),
            None => request,
        }
    })
}

/// From the login page through the provider, where the person shows two factors, to the application.
async fn comes_with_two_factors(
    app: &TestApp,
    person: &Person<'_>,
    page: &yinxin::browser::Page,
    provider: &crate::kit::provider::Provider,
) -> Returned {
    let asked = presses(person, page, "other").await;
    let claims =
        provider.id_token(&asked, app.now(), "them", &json!({ "acr": "gold", "amr": ["pwd", "hwk"] }));
    let back = provider.gives(&asked, &provider.key.signs(&json!({}), &claims));
    goes_on(person, person.opens(&back).await).await
}
