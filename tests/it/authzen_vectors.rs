//! The scenarios of AuthZEN's interoperability events and of its certification programme, over HTTP.
//!
//! They are third-party data that live beside the repository; without them the story says so and passes.

use std::path::Path;

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::decisions::{decisions, told};
use crate::kit::app::stories;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/authzen");

stories! {
    async fn the_authzen_vectors_hold_over_http(app: TestApp) {
        let Some((todo, certification)) = vectors() else { return };
        let token = app.machine_token().await;
        let mut count = 0;
        for case in todo["evaluation"].as_array().unwrap() {
            let answer = app.posts(&token, "/pdp/todo/access/v1/evaluation", &case["request"]).await;
            assert_eq!((answer.status, &answer.body["decision"]), (200, &case["expected"]), "{case}");
            count += 1;
        }
        for case in todo["evaluations"].as_array().unwrap() {
            let answer = app.posts(&token, "/pdp/todo/access/v1/evaluations", &case["request"]).await;
            let expected: Vec<_> =
                case["expected"].as_array().unwrap().iter().map(|e| e["decision"] == true).collect();
            assert_eq!((answer.status, decisions(&answer)), (200, expected), "{case}");
            count += 1;
        }
        assert_eq!(count, 43, "all of the todo scenario");
        let cases = certification["tests"].as_array().unwrap().iter();
        // Search is another part of the API.
        let cases: Vec<_> =
            cases.filter(|case| !case["level"].as_str().unwrap().starts_with("Search")).collect();
        assert_eq!(cases.len(), 35);
        for case in cases {
            if case["id"] == "c-6-3" {
                let path = "/.well-known/authzen-configuration/pdp/certification";
                certified(case, &app.url("/pdp/certification"), app.http().get(app.url(path))).await;
                continue;
            }
            let path = format!("/pdp/certification{}", case["path"].as_str().unwrap());
            let request = app.http().post(app.url(&path)).bearer_auth(&token);
            let request = match case.get("raw_body") {
                Some(body) => request.body(body.as_str().unwrap().to_owned()),
                None => request.body(case["request"].to_string()),
            };
            let content_type = case["content_type"].as_str().unwrap_or("application/json");
            let mut request = request.header("content-type", content_type);
            for (name, value) in case["headers"].as_object().into_iter().flatten() {
                request = request.header(name, value.as_str().unwrap());
            }
            for _ in 0..case["repeat"].as_u64().unwrap_or(1) {
                certified(case, "", request.try_clone().unwrap()).await;
            }
        }
    }
}

/// The scenarios of the interoperability events and of the certification programme, from beside the repository.
fn vectors() -> Option<(Value, Value)> {
    let folder = Path::new(VECTORS);
    if !folder.is_dir() {
        eprintln!("skipped: no ../shared");
        return None;
    }
    let read = |name: &str| serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap();
    Some((read("todo-decisions-1_0-02.json"), read("certification-vectors.json")))
}

/// The answer to `request` is as the certification's case expects, every member of its expectation looked at.
async fn certified(case: &Value, base: &str, request: RequestBuilder) {
    let (status, headers, text) = told(request).await;
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let items = || body["evaluations"].as_array().unwrap_or_else(|| panic!("{case}: {text}"));
    for (member, expected) in case["expected"].as_object().unwrap() {
        match member.as_str() {
            "status" => assert_eq!(json!(status.as_u16()), *expected, "{case}: {text}"),
            "body" | "body_subset" => assert!(is_within(expected, &body), "{case}: {text}"),
            "evaluations_len" => assert_eq!(json!(items().len()), *expected, "{case}"),
            "each_has_bool_decision" => {
                assert!(items().iter().all(|item| item["decision"].is_boolean()), "{case}")
            }
            "headers" => {
                for (name, value) in expected.as_object().unwrap() {
                    assert_eq!(headers[name], *value.as_str().unwrap(), "{case}");
                }
            }
            "content_type" => assert_eq!(headers["content-type"], *expected.as_str().unwrap(), "{case}"),
            "required" => {
                let names = expected.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                names.for_each(|name| assert!(body[name].is_string(), "{case}: {text}"));
            }
            "policy_decision_point_equals_base" => assert_eq!(body["policy_decision_point"], base, "{case}"),
            // On loopback it is http; the rule is on the issuer, which is https everywhere else.
            "urls_https" => {
                assert!(body["access_evaluation_endpoint"].as_str().unwrap().starts_with(base), "{case}")
            }
            other => panic!("{case}: nobody looks at `{other}`"),
        }
    }
}

/// Whether every member of `expected` is in `got`; lists are as long as expected.
fn is_within(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            expected.iter().all(|(name, value)| got.get(name).is_some_and(|got| is_within(value, got)))
        }
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len()
                && expected.iter().zip(got).all(|(expected, got)| is_within(expected, got))
        }
        _ => expected == got,
    }
}
