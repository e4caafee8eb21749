//! What people gave an application when that changes its registration itself, or goes (RFC 7592).

use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::actors::{Answer, Application, Person, Returned, Tokens, assert_shown};
use crate::kit::app::{TestApp, stories};

const CALLBACK: &str = "https://app.example/callback";
const SCOPE: &str = "openid profile offline_access";

stories! {
    async fn an_application_that_becomes_another_is_allowed_nothing_until_people_say_so_again(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let made = registers(&app).await;
        let buses = app.application_known_as(made.text("client_id"), made.text("client_secret"), CALLBACK);
        let mut members = made.body.clone();
        let page = json!("https://app.example/page");
        for (member, value) in [
            ("client_name#en", json!("Refunds")),
            ("client_name#zh-CN", json!("退款")),
            ("redirect_uris", json!([CALLBACK, "https://app.example/other"])),
            ("redirect_uris", json!([CALLBACK])),
            ("client_uri", page.clone()),
            ("logo_uri", page.clone()),
            ("policy_uri", page.clone()),
            ("tos_uri", page),
            ("scope", json!("openid offline_access")),
        ] {
            let (tokens, pages) = admitted(&buses, &citizen).await;
            assert_eq!(pages, 1, "people are asked before {member} changes");
            assert_eq!(admitted(&buses, &citizen).await.1, 0, "and once");
            members[member] = value;
            changes(&app, &made, &members).await;
            assert_nothing_left(&buses, &tokens).await;
            assert!(!citizen.opens("/account").await.text.contains(&buses.client_id), "{member}");
        }
        let (_, pages) = admitted(&buses, &citizen).await;
        assert_eq!(pages, 1);
        app.log_size().await;
        let leaves = flows::log::latest(app.env(), 10).await.unwrap();
        let leaf = leaves.iter().find(|entry| entry.kind == "client_changed").unwrap();
        let leaf: Value = serde_json::from_slice(&leaf.body).unwrap();
        assert_eq!((&leaf["subject"], &leaf["detail"]["grants"]), (&json!(buses.client_id), &json!(2)));
    }

    async fn a_page_that_nobody_chose_is_no_place_to_go_at_once(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let made = registers(&app).await;
        let buses = app.application_known_as(made.text("client_id"), made.text("client_secret"), CALLBACK);
        admitted(&buses, &citizen).await;
        let elsewhere = "https://app.example/prizes";
        let mut members = made.body.clone();
        members["redirect_uris"] = json!([elsewhere]);
        changes(&app, &made, &members).await;
        let prizes = app.application_known_as(made.text("client_id"), made.text("client_secret"), elsewhere);
        let wrong = prizes.requests("openid").with("response_type", "token");
        assert_shown(&citizen.opens(&wrong.path()).await, 200, elsewhere);
    }

    async fn a_consent_page_that_was_open_before_a_change_is_shown_again_as_things_are_now(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let made = registers(&app).await;
        let buses = app.application_known_as(made.text("client_id"), made.text("client_secret"), CALLBACK);
        let mut members = made.body.clone();
        let yes = [("decision", "allow")];
        let mut page = citizen.opens(&buses.requests(SCOPE).path()).await;
        for (member, value, shown) in [
            ("client_name#zh-CN", json!("退款"), "退款"),
            ("redirect_uris", json!([CALLBACK, "https://app.example/other"]), "退款"),
            ("logo_uri", json!("https://app.example/logo"), "退款"),
            ("scope", json!("openid offline_access"), "退款"),
        ] {
            members[member] = value;
            changes(&app, &made, &members).await;
            page = citizen.submits(&page, "/consent", &yes).await;
            assert_shown(&page, 200, "action=\"/consent\"");
            assert_shown(&page, 200, shown);
            assert!(!citizen.opens("/account").await.text.contains(&buses.client_id), "nothing was allowed: {member}");
        }
        members["contacts"] = json!(["dev@app.example"]);
        changes(&app, &made, &members).await;
        let code = Returned::by(&citizen.submits(&page, "/consent", &yes).await).code();
        let tokens = buses.redeems(&code).await.tokens();
        assert_eq!(tokens.scope, "openid offline_access", "what it may no longer have is not asked for either");
        assert_eq!(admitted(&buses, &citizen).await.1, 0);

        // Nor does one that asks an old acquaintance once more, whose yes ended meanwhile.
        let open = citizen.opens(&buses.requests(SCOPE).with("prompt", "consent").path()).await;
        members["tos_uri"] = json!("https://app.example/terms");
        changes(&app, &made, &members).await;
        let again = citizen.submits(&open, "/consent", &yes).await;
        assert_shown(&again, 200, "action=\"/consent\"");
        Returned::by(&citizen.submits(&again, "/consent", &yes).await).code();
    }

    async fn a_page_that_was_open_while_the_registration_changes_revives_nothing(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        for round in 0..10 {
            let made = registers(&app).await;
            let buses = app.application_known_as(made.text("client_id"), made.text("client_secret"), CALLBACK);
            admitted(&buses, &citizen).await;
            let page = citizen.opens(&buses.requests(SCOPE).with("prompt", "consent").path()).await;
            let mut members = made.body.clone();
            members["client_name#en"] = json!("Ferries");
            let yes = [("decision", "allow")];
            tokio::join!(changes(&app, &made, &members), citizen.submits(&page, "/consent", &yes));
            assert_eq!(admitted(&buses, &citizen).await.1, 1, "round {round}: asked under the new name");
        }
    }

    async fn what_concerns_nobodys_yes_ends_nothing(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let made = registers(&app).await;
        let buses = app.application_known_as(made.text("client_id"), made.text("client_secret"), CALLBACK);
        let (mut tokens, _) = admitted(&buses, &citizen).await;
        let mut members = made.body.clone();
        for (member, value) in [
            ("contacts", json!(["dev@app.example"])),
            ("software_version", json!("2")),
            ("default_max_age", json!(7_200)),
            ("backchannel_logout_uri", json!("https://app.example/out")),
            ("response_modes", json!(["query"])),
            ("scope", json!("openid profile offline_access email")),
        ] {
            members[member] = value;
            changes(&app, &made, &members).await;
            assert_eq!(buses.user_info(&tokens.access).await.status, 200, "{member}");
            tokens = buses.refreshes(tokens.refresh()).await.tokens();
            assert_eq!(admitted(&buses, &citizen).await.1, 0, "{member}");
        }
    }

    async fn an_application_that_removes_itself_leaves_nothing(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let made = registers(&app).await;
        let buses = app.application_known_as(made.text("client_id"), made.text("client_secret"), CALLBACK);
        let (tokens, _) = admitted(&buses, &citizen).await;
        let portal = app.application("portal");
        let others = portal.admits(&citizen, "openid").await;
        let elsewhere = app.another_node().await;
        let removed = app.http().delete(made.text("registration_client_uri"));
        let removed = removed.bearer_auth(made.text("registration_access_token")).send().await.unwrap();
        assert_eq!(removed.status(), 204);
        buses.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "");
        buses.refreshes(tokens.refresh()).await.assert_refused(401, "invalid_client", "disabled");
        flows::revocations::read(&elsewhere, app.now()).await.unwrap();
        let shown = flows::caller::Presented { token: Some(tokens.access), ..Default::default() };
        let there = flows::caller::authenticate(&elsewhere, app.now(), &shown, "openid").await;
        assert!(there.is_err(), "nor at another node");
        let given = flows::sessions::given(app.env(), app.now(), citizen.sample.id).await.unwrap();
        let given: Vec<_> = given.iter().map(|given| given.client_id.as_str()).collect();
        assert_eq!(given, [portal.client_id.as_str()], "of its consent and its grants nothing is left");
        assert_eq!(portal.user_info(&others.access).await.status, 200);
        app.log_size().await;
        let leaf = flows::log::latest(app.env(), 1).await.unwrap().remove(0);
        assert_eq!(leaf.kind, "client_removed");
        let leaf: Value = serde_json::from_slice(&leaf.body).unwrap();
        assert_eq!(leaf["detail"]["grants"], 1);
    }

    async fn of_two_changes_at_once_each_knows_what_it_replaced(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        for _ in 0..10 {
            let made = registers(&app).await;
            let buses = app.application_known_as(made.text("client_id"), made.text("client_secret"), CALLBACK);
            let (tokens, _) = admitted(&buses, &citizen).await;
            let named = |name: &str| {
                let mut members = made.body.clone();
                members["client_name#en"] = json!(name);
                members
            };
            let (one, other) = (named("Trams"), named("Ferries"));
            let changed = tokio::join!(
                app.manages(&made, Method::PUT, Some(&one)),
                app.manages(&made, Method::PUT, Some(&other))
            );
            for answer in [&changed.0, &changed.1] {
                if answer.status != 200 {
                    answer.assert_refused(400, "invalid_client_metadata", "changed meanwhile");
                }
            }
            let kept = app.manages(&made, Method::GET, None).await;
            let won = [&changed.0, &changed.1].into_iter().filter(|answer| answer.status == 200);
            assert!(won.map(|answer| &answer.body["client_name#en"]).any(|name| *name == kept.body["client_name#en"]));
            assert_nothing_left(&buses, &tokens).await;
        }
    }
}

async fn registers(app: &TestApp) -> Answer {
    let made = app
        .registers_itself(&json!({
            "client_name": "Buses", "redirect_uris": [CALLBACK], "scope": SCOPE,
            "grant_types": ["authorization_code", "refresh_token"],
        }))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    made
}

/// Replaces the registration by `members`.
async fn changes(app: &TestApp, made: &Answer, members: &Value) {
    let mut members = members.clone();
    let said_to_us_alone =
        ["registration_access_token", "registration_client_uri", "client_secret_expires_at"];
    members.as_object_mut().unwrap().retain(|name, _| !said_to_us_alone.contains(&name.as_str()));
    let changed = app.manages(made, Method::PUT, Some(&members)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
}

/// The tokens that `person` lets `application` have, and how many pages that took.
async fn admitted(application: &Application, person: &Person<'_>) -> (Tokens, u32) {
    let (returned, pages) = person.authorizes_in_pages(&application.requests(SCOPE)).await;
    (application.redeems(&returned.code()).await.tokens(), pages)
}

/// Nothing of `tokens` opens anything any more.
async fn assert_nothing_left(application: &Application, tokens: &Tokens) {
    application.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
    application.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "");
}
