//! People have another name in each sector of applications (OpenID Connect Core, 8).

use base::encoding::from_base64url;
use flows::caller::Authority;
use flows::initial_access::{self, Order};
use jose::Algorithm;
use serde_json::{Value, json};
use yinxin::browser::Page;

use crate::kit::actors::{Answer, Application, Person, Returned};
use crate::kit::app::{TestApp, stories};
use crate::kit::documents::one_page;
use crate::kit::site::Site;

/// Two hosts are two sectors.
const HERE: &str = "http://localhost:9873/callback";
const ALSO_HERE: &str = "http://localhost:9874/callback";
const THERE: &str = "http://127.0.0.1:9873/callback";

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

stories! {
    async fn a_person_has_one_name_in_a_sector_and_another_in_each_other(app: TestApp) {
        let (citizen, neighbour) = (app.person("li.xiaoman"), app.person("chen.ruoshui"));
        let (one, two, three) =
            (pairwise(&app, HERE).await, pairwise(&app, ALSO_HERE).await, pairwise(&app, THERE).await);
        let here = name(&app, &one, &citizen).await;
        assert_eq!(from_base64url(&here).unwrap().len(), 32, "{here}");
        assert_eq!(name(&app, &one, &app.person("li.xiaoman")).await, here, "the same at every login");
        assert_eq!(name(&app, &two, &citizen).await, here, "the same in one sector");
        assert_ne!(name(&app, &three, &citizen).await, here, "another in another sector");
        assert_ne!(name(&app, &one, &neighbour).await, here, "another person, another name");
        let public = app.application("portal");
        assert_eq!(name(&app, &public, &citizen).await, citizen.sample.id.to_string());
    }

    async fn the_name_is_the_same_wherever_the_application_meets_it(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let mut site = Site::opens().await;
        let application = app
            .registers(json!({
                "redirect_uris": [HERE], "scope": "openid profile offline_access", "subject_type": "pairwise",
                "grant_types": ["authorization_code", "refresh_token"],
                "backchannel_logout_uri": site.url("/logged-out"),
            }))
            .await;
        let tokens = application.admits(&citizen, "openid profile offline_access").await;
        let name = payload(tokens.id())["sub"].clone();
        assert_eq!(payload(&tokens.access)["sub"], name);
        let user_info = application.user_info(&tokens.access).await;
        assert_eq!((user_info.status, &user_info.body["sub"]), (200, &name));
        for token in [&tokens.access, tokens.refresh()] {
            let request = app.http().post(app.url("/oauth2/introspect"));
            let request = request.basic_auth(&application.client_id, Some(&application.client_secret));
            let told = Answer::to(request.form(&[("token", token)])).await;
            assert_eq!((&told.body["active"], &told.body["sub"]), (&json!(true), &name));
        }
        let renewed = application.refreshes(tokens.refresh()).await.tokens();
        assert_eq!(payload(renewed.id())["sub"], name);
        let everything = [tokens.id(), &tokens.access, &user_info.body.to_string()].map(|said| match said.split('.').nth(1) {
            Some(payload) if said.starts_with("ey") => String::from_utf8(from_base64url(payload).unwrap()).unwrap(),
            _ => said.to_owned(),
        });
        let account = citizen.sample.id.to_string();
        assert!(everything.iter().all(|said| !said.contains(&account)), "{everything:?}");

        citizen.opens(&format!("/oauth2/logout?id_token_hint={}", tokens.id())).await;
        let posted = site.is_posted().await;
        assert_eq!(payload(&posted[0].1)["sub"], name);
        application.user_info(&renewed.access).await.assert_problem(401, "invalid_token", "revoked");
    }

    async fn a_login_has_another_name_in_each_sector_too(app: TestApp) {
        let (mut site_here, mut site_there) = (Site::opens().await, Site::opens().await);
        let told_at = async |site: &Site, redirect_uri: &str| {
            let page = format!("{}/out", redirect_uri.trim_end_matches("/callback"));
            app.registers(json!({
                "redirect_uris": [redirect_uri], "scope": "openid profile", "subject_type": "pairwise",
                "backchannel_logout_uri": site.url("/logged-out"), "frontchannel_logout_uri": page,
            }))
            .await
        };
        let (here, there) = (told_at(&site_here, HERE).await, told_at(&site_there, THERE).await);
        let also_here = app
            .registers(json!({
                "redirect_uris": [ALSO_HERE], "scope": "openid profile", "subject_type": "pairwise",
                "grant_types": ["authorization_code", EXCHANGE], "audiences": ["https://files.example"],
            }))
            .await;
        let citizen = app.person("li.xiaoman");
        let mut names = Vec::new();
        let mut tokens = Vec::new();
        for application in [&here, &there, &also_here] {
            let given = application.admits(&citizen, "openid profile").await;
            let name = payload(given.id())["sid"].as_str().unwrap().to_owned();
            assert_eq!(from_base64url(&name).unwrap().len(), 16, "{name}");
            assert_eq!(payload(&given.access)["sid"], name.as_str(), "the same wherever it stands");
            assert_eq!(application.introspects(&given.access).await["sid"], name.as_str());
            names.push(name);
            tokens.push(given);
        }
        assert_ne!(names[0], names[1], "two sectors cannot tell that it is one login");
        assert_eq!(names[0], names[2], "one can");
        let public = app.application("portal").admits(&citizen, "openid").await;
        let session = payload(&public.access)["sid"].as_str().unwrap().to_owned();
        assert!(session.starts_with("ses_") && !names.contains(&session), "{session}");
        let elsewhere = here.admits(&app.person("li.xiaoman"), "openid profile").await;
        assert_ne!(payload(elsewhere.id())["sid"], names[0].as_str(), "another login, another name");

        // What comes back is found.
        let form = [
            ("grant_type", EXCHANGE), ("subject_token", tokens[2].id()), ("audience", "https://files.example"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ];
        let exchanged = also_here.asks(&form).await;
        assert_eq!(payload(exchanged.text("access_token"))["sid"], names[2].as_str(), "{exchanged:?}");
        let wrong = logs_out(&citizen, elsewhere.id()).await;
        assert!(wrong.text.contains("/logout\""), "a hint of another login asks first: {}", wrong.text);

        // Each is told of the end under the name that it knows, and no hint of one's names the other's.
        let done = logs_out(&citizen, tokens[1].id()).await;
        assert_eq!(done.status.as_u16(), 200, "nothing is asked");
        for (redirect_uri, name, other) in [(HERE, &names[0], &names[1]), (THERE, &names[1], &names[0])] {
            let page = redirect_uri.trim_end_matches("/callback");
            let (_, rest) = done.text.split_once(&format!("{page}/out?")).expect("its page is loaded");
            let address = rest.split('"').next().unwrap();
            assert!(address.contains(name.as_str()) && !address.contains(other.as_str()), "{address}");
        }
        for (site, name) in [(&mut site_here, &names[0]), (&mut site_there, &names[1])] {
            let posted = site.is_posted().await;
            assert_eq!(payload(&posted[0].1)["sid"], name.as_str());
        }
        here.user_info(&tokens[0].access).await.assert_problem(401, "invalid_token", "revoked");
        assert_eq!(here.user_info(&elsewhere.access).await.status, 200, "the other login goes on");
    }

    async fn a_name_that_comes_back_is_the_persons(app: TestApp) {
        let (citizen, neighbour) = (app.person("li.xiaoman"), app.person("chen.ruoshui"));
        let (here, there) = (pairwise(&app, HERE).await, pairwise(&app, THERE).await);
        let portal = app.application("portal");
        let hints = [
            here.admits(&citizen, "openid").await,
            there.admits(&citizen, "openid").await,
            portal.admits(&citizen, "openid").await,
        ];
        let silent = || here.requests("openid").with("prompt", "none");
        for hint in &hints {
            citizen.authorizes(&silent().with("id_token_hint", hint.id())).await.code();
        }
        let others = there.admits(&neighbour, "openid").await;
        for wrong in [others.id(), here.admits(&neighbour, "openid").await.id()] {
            let asked = silent().with("id_token_hint", wrong);
            assert_eq!(Returned::by(&citizen.opens(&asked.path()).await).error(), "login_required");
        }
        let asks_for = |sub: &Value| silent().with("claims", &json!({ "id_token": { "sub": { "value": sub } } }).to_string());
        citizen.authorizes(&asks_for(&payload(hints[0].id())["sub"])).await.code();
        for wrong in [payload(hints[1].id())["sub"].clone(), json!(citizen.sample.id)] {
            let answer = Returned::by(&citizen.opens(&asks_for(&wrong).path()).await);
            assert_eq!(answer.error(), "login_required", "{wrong} is not a name here");
        }
    }

    async fn our_own_apis_know_the_person_by_the_grant(app: TestApp) {
        let official = app.person("chen.ruoshui");
        let application = app
            .registers(json!({
                "redirect_uris": [HERE], "scope": "openid seal:use", "subject_type": "pairwise",
            }))
            .await;
        let tokens = application.admits(&official, "openid seal:use").await;
        let seal = app.sample.seals[0].id;
        let sealed = app.seals(&tokens.access, seal, one_page("一份公文")).await;
        let sealed = sealed.unwrap_or_else(|answer| panic!("{answer:?}"));
        let entry = app.proven_entry(&sealed.log_entry).await;
        assert_eq!(entry.actor(), official.sample.id.to_string(), "the log speaks of accounts");
    }

    async fn a_sector_is_one_host_or_a_list_that_has_every_redirect_uri(app: TestApp) {
        let site = Site::opens().await;
        let initial =
            initial_access::give(app.env(), app.now(), Authority::Operator, Order::for_seconds(3_600)).await;
        let initial = initial.unwrap_or_else(|failure| panic!("{failure:?}"));
        let both = ["https://a.example/cb", "https://b.example/cb"];
        let register = async |subject_type: &str, sector: Option<&str>| {
            let mut members = json!({ "redirect_uris": both, "subject_type": subject_type });
            if let Some(sector) = sector {
                members["sector_identifier_uri"] = sector.into();
            }
            let request = app.http().post(app.url("/oauth2/register")).bearer_auth(initial.token.expose());
            Answer::to(request.json(&members)).await
        };
        let list = site.url("/redirect-uris.json");
        let refused = async |subject_type: &str, sector: Option<&str>, why: &str| {
            register(subject_type, sector).await.assert_refused(400, "invalid_client_metadata", why);
        };
        refused("pairwise", None, "redirect URIs of one host").await;
        refused("secret", None, "expected `public` or `pairwise`").await;
        refused("pairwise", Some("http://sector.example/list"), "expected an https URL").await;
        refused("pairwise", Some(&list), "expected an address that answers").await;
        for wrong in [json!(["https://a.example/cb"]), json!([]), json!({ "redirect_uris": both }), json!("x")] {
            site.publishes("/redirect-uris.json", &wrong);
            refused("pairwise", Some(&list), "sector_identifier_uri: expected a").await;
            refused("public", Some(&list), "sector_identifier_uri: expected a").await;
        }
        site.publishes("/redirect-uris.json", &json!([both[1], "https://c.example/cb", both[0]]));
        let registered = register("pairwise", Some(&list)).await;
        assert_eq!((registered.status, registered.text("subject_type")), (201, "pairwise"), "{registered:?}");

        let place = registered.text("registration_client_uri");
        let token = registered.text("registration_access_token");
        let change = async |more: Value| {
            let mut members = json!({
                "client_id": registered.text("client_id"), "redirect_uris": both,
                "subject_type": "pairwise", "sector_identifier_uri": list,
            });
            members.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
            Answer::to(app.http().put(place).bearer_auth(token).json(&members)).await
        };
        let another = [both[0], "https://d.example/cb"];
        for (more, why) in [
            (json!({ "subject_type": "public" }), "register anew"),
            (json!({ "sector_identifier_uri": list.replace("127.0.0.1", "localhost") }), "register anew"),
            (json!({ "redirect_uris": another }), "expected a list with every redirect URI"),
        ] {
            change(more).await.assert_refused(400, "invalid_client_metadata", why);
        }
        assert_eq!(change(json!({ "redirect_uris": [both[1]] })).await.status, 200);

        let metadata = Answer::to(app.http().get(app.url("/.well-known/openid-configuration"))).await;
        assert_eq!(metadata.body["subject_types_supported"], json!(["public", "pairwise"]));
    }
}

async fn logs_out(person: &Person<'_>, hint: &str) -> Page {
    person.opens(&format!("/oauth2/logout?id_token_hint={hint}")).await
}

async fn pairwise(app: &TestApp, redirect_uri: &str) -> Application {
    let members =
        json!({ "redirect_uris": [redirect_uri], "scope": "openid profile", "subject_type": "pairwise" });
    app.registers(members).await
}

/// The name under which `application` knows `person`.
async fn name(app: &TestApp, application: &Application, person: &Person<'_>) -> String {
    let tokens = application.admits(person, "openid profile").await;
    let id_token = application.verifies(tokens.id(), Algorithm::Es256, app.now()).await;
    id_token.text("sub").unwrap().to_owned()
}

/// What a signed token says.
fn payload(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap_or_else(|| panic!("a signed token: {token}"));
    serde_json::from_slice(&from_base64url(payload).unwrap()).unwrap()
}
