//! Which ways of answering an application takes is for its registration to say (ASVS 5.0, V10.4.12).

use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::actors::{Answer, Application, Person, Request, Returned, assert_shown, claims_of};
use crate::kit::app::{TestApp, stories};

const CALLBACK: &str = "https://app.example/callback";

stories! {
    async fn an_application_gets_answers_in_the_ways_it_registered_alone(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let by_form = app
            .registers(json!({ "redirect_uris": [CALLBACK], "scope": "openid", "response_modes": ["form_post", "form_post.jwt"] }))
            .await;
        let request = || by_form.requests("openid");
        let page = citizen.opens(&request().with("response_mode", "form_post").path()).await;
        let answered = citizen.submits(&page, "/consent", &[("decision", "allow")]).await;
        assert!(field(&answered.hidden_fields(CALLBACK).unwrap(), "code").is_some());

        for (asked, got) in [
            (request(), "none, which means `query`"),
            (request().with("response_mode", "query"), "`query`"),
            (request().with("response_mode", "jwt"), "`jwt`"),
        ] {
            let page = citizen.opens(&asked.path()).await;
            assert_eq!(page.location, None, "the refusal too comes by form");
            let fields = page.hidden_fields(CALLBACK).unwrap();
            assert_eq!(field(&fields, "error").as_deref(), Some("invalid_request"));
            let why = field(&fields, "error_description").unwrap();
            assert!(why.contains("registered for: form_post, form_post.jwt") && why.ends_with(got), "{why}");
            let pushed = push(&app, &by_form, &asked).await;
            pushed.assert_refused(400, "invalid_request", "registered for: form_post, form_post.jwt");
        }
        assert_eq!(push(&app, &by_form, &request().with("response_mode", "form_post.jwt")).await.status, 201);

        let portal = app.application("portal");
        for mode in ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"] {
            let pushed = push(&app, &portal, &portal.requests("openid").with("response_mode", mode)).await;
            assert_eq!(pushed.status, 201, "who registered none takes any: {pushed:?}");
        }
    }

    async fn a_refusal_travels_as_registered_also_when_the_response_type_is_not(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        for (modes, is_form) in [(json!(["query.jwt"]), false), (json!(["form_post.jwt"]), true)] {
            let members = json!({ "redirect_uris": [CALLBACK], "scope": "openid", "response_modes": modes });
            let signed = app.registers(members).await;
            let both = signed.requests("openid").with("response_type", "code id_token");
            for asked in [both.clone(), both.clone().with("response_mode", "fragment"), both.with("response_mode", "query.jwt")] {
                let page = citizen.opens(&asked.path()).await;
                if is_form {
                    assert!(field(&page.hidden_fields(CALLBACK).unwrap(), "response").is_some(), "{}", page.text);
                    continue;
                }
                let refused = Returned::by(&page);
                assert_eq!(refused.0.fragment(), None, "{}", refused.0);
                let said = claims_of(&refused.value("response").expect("a signed answer"));
                assert!(said["error"].is_string(), "{said}");
            }
        }
    }

    async fn software_registers_and_changes_how_it_takes_answers(app: TestApp) {
        let with = |modes: Value| json!({ "client_name": "Bus tickets", "redirect_uris": [CALLBACK], "response_modes": modes });
        for (modes, why) in [
            (json!([]), "at least one"),
            (json!(["web_message"]), "`web_message`"),
            (json!(["query", "fragment"]), "code id_token"),
            (json!("query"), "sequence"),
        ] {
            app.registers_itself(&with(modes)).await.assert_refused(400, "invalid_client_metadata", why);
        }
        let plain = app.registers_itself(&json!({ "client_name": "Trams", "redirect_uris": [CALLBACK] })).await;
        assert_eq!(plain.body.get("response_modes"), None);

        let made = app.registers_itself(&with(json!(["query"]))).await;
        assert_eq!((made.status, &made.body["response_modes"]), (201, &json!(["query"])));
        let tickets = app.application_known_as(made.text("client_id"), made.text("client_secret"), CALLBACK);
        let citizen = app.person("li.xiaoman");
        citizen.authorizes(&tickets.requests("openid")).await.code();
        let pushed = push(&app, &tickets, &tickets.requests("openid")).await;
        let brought = format!(
            "/oauth2/authorize?client_id={}&request_uri={}",
            tickets.client_id,
            pushed.text("request_uri").replace(':', "%3A")
        );

        let mut members = with(json!(["jwt"]));
        members["client_id"] = made.body["client_id"].clone();
        let changed = app.manages(&made, Method::PUT, Some(&members)).await;
        assert_eq!((changed.status, &changed.body["response_modes"]), (200, &json!(["jwt"])));
        let read = app.manages(&made, Method::GET, None).await;
        assert_eq!(read.body["response_modes"], json!(["jwt"]));
        assert_shown(&citizen.opens(&brought).await, 400, "request_uri");
        let asked = tickets.requests("openid").with("response_mode", "query.jwt");
        assert!(answer(&citizen, &asked).await.value("response").is_some());
    }

    async fn an_application_of_the_hybrid_flow_registers_modes_for_both_answers(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        citizen.logs_in().await;
        let hybrid = |modes: Value| {
            json!({
                "redirect_uris": [CALLBACK], "scope": "openid", "response_types": ["code", "code id_token"], "response_modes": modes,
            })
        };
        let old = app.registers(hybrid(json!(["query", "fragment"]))).await;
        citizen.authorizes(&old.requests("openid")).await.code();
        let both = old.requests("openid").with("response_type", "code id_token");
        let answered = Returned::by(&citizen.opens(&both.clone().path()).await);
        assert!(answered.0.fragment().unwrap().contains("id_token="));
        let refused = Returned::by(&citizen.opens(&both.with("response_mode", "fragment.jwt").path()).await);
        assert!(refused.0.fragment().unwrap().contains("error=invalid_request"), "{}", refused.0);

        let refused = serde_json::from_value::<oidc::Registration>(hybrid(json!(["query"]))).unwrap().to_client("x");
        assert!(refused.unwrap_err().to_string().contains("response type `code id_token`"));
    }
}

/// The answer to `asked` of a person who is logged in, and says yes where asked.
async fn answer(person: &Person<'_>, asked: &Request) -> Returned {
    let page = person.opens(&asked.path()).await;
    if page.location.is_some() {
        return Returned::by(&page);
    }
    Returned::by(&person.submits(&page, "/consent", &[("decision", "allow")]).await)
}

async fn push(app: &TestApp, client: &Application, request: &Request) -> Answer {
    let pushed = app.http().post(app.url("/oauth2/par")).body(request.encoded());
    let pushed = pushed.header("content-type", "application/x-www-form-urlencoded");
    Answer::to(pushed.basic_auth(&client.client_id, Some(&client.client_secret))).await
}

fn field(fields: &[(String, String)], name: &str) -> Option<String> {
    fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
}
