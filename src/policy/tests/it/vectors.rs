//! The AuthZEN working group's own scenarios, each in its own store.

use policy::{Assertions, Decision, EvaluationRequest, EvaluationsRequest, Facts, Store};
use serde_json::{Value, json};

use crate::kit::*;

fn asserted() -> Facts {
    Facts { assertions: Assertions::AllowListed, ..Facts::default() }
}

fn decide(store: &Store, request: &EvaluationRequest) -> Decision {
    let outcome = store.decide(request, &asserted(), now());
    assert_eq!(outcome.errors, [], "{request:?}");
    outcome.into_decision()
}

/// The body that would be sent for `body`, or the message of the refusal.
fn answer(store: &Store, path: &str, body: &Value) -> Result<Value, String> {
    let body = body.to_string();
    if path == "/access/v1/evaluation" {
        let request = EvaluationRequest::from_json(body.as_bytes()).map_err(|e| e.to_string())?;
        return Ok(json!(decide(store, &request)));
    }
    Ok(match EvaluationsRequest::from_json(body.as_bytes()).map_err(|e| e.to_string())? {
        EvaluationsRequest::Single(request) => json!(decide(store, &request)),
        EvaluationsRequest::Batch(batch) => json!(batch.answer(|request| decide(store, request))),
    })
}

/// `answer` with nothing but its decisions.
fn bare(answer: &Value) -> Value {
    match answer.get("evaluations").and_then(Value::as_array) {
        Some(items) => json!({ "evaluations": items.iter().map(bare).collect::<Vec<_>>() }),
        None => json!({ "decision": answer["decision"] }),
    }
}

#[test]
fn the_todo_scenario_of_1_0_02_is_answered_as_published() {
    let Some(vectors) = shared("authzen/todo-decisions-1_0-02.json") else { return };
    let store = store("todo");
    let (single, batches) =
        (vectors["evaluation"].as_array().unwrap(), vectors["evaluations"].as_array().unwrap());
    for vector in single {
        let answer = answer(&store, "/access/v1/evaluation", &vector["request"]).unwrap();
        assert_eq!(answer["decision"], vector["expected"], "{}", vector["request"]);
    }
    for vector in batches {
        let answer = answer(&store, "/access/v1/evaluations", &vector["request"]).unwrap();
        assert_eq!(bare(&answer)["evaluations"], vector["expected"], "{}", vector["request"]);
    }
    assert_eq!((single.len(), batches.len()), (40, 3));
}

#[test]
fn the_certification_scenario_is_answered_as_its_text_says() {
    let Some(vectors) = shared("authzen/certification-vectors.json") else { return };
    let store = store("certification");
    let (mut answered, mut left_out) = (0, Vec::new());
    for vector in vectors["tests"].as_array().unwrap() {
        let (id, path, expected) = (&vector["id"], vector["path"].as_str().unwrap(), &vector["expected"]);
        if !path.starts_with("/access/v1/evaluation") || vector["id"] == "c-2-4-3" {
            left_out.push(id.as_str().unwrap());
            continue;
        }
        let got = match vector.get("raw_body") {
            Some(raw) => EvaluationRequest::from_json(raw.as_str().unwrap().as_bytes())
                .map(|_| json!(null))
                .map_err(|e| e.to_string()),
            None => answer(&store, path, &vector["request"]),
        };
        answered += 1;
        if expected["status"] == 400 {
            assert!(got.is_err(), "{id}: {got:?}");
            continue;
        }
        let got = bare(&got.unwrap_or_else(|e| panic!("{id}: {e}")));
        for body in ["body", "body_subset"].iter().filter_map(|name| expected.get(*name)) {
            assert_eq!(&got, body, "{id}");
        }
        if let Some(length) = expected["evaluations_len"].as_u64() {
            assert_eq!(got["evaluations"].as_array().unwrap().len() as u64, length, "{id}");
        }
    }
    eprintln!("{answered} vectors answered, left to the server and to search: {left_out:?}");
    assert_eq!(answered, 33, "all but content type, search and discovery");
}
