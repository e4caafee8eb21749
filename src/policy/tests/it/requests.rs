//! What callers send: in order, out of order, hostile.

use policy::authzen::{
    BadRequest, MAX_BODY_BYTES, MAX_EVALUATIONS, MAX_ID_BYTES, MAX_TYPE_BYTES, Semantic, metadata,
};
use policy::{Decision, EvaluationRequest, EvaluationsRequest};
use proptest::prelude::*;
use serde_json::{Value, json};

fn whole() -> Value {
    json!({
        "subject": { "type": "user", "id": "alice", "properties": { "role": "admin" } },
        "action": { "name": "read", "properties": { "soft": true } },
        "resource": { "type": "record", "id": "record-1", "properties": { "status": "active" } },
        "context": { "ip": "2001:db8::1" },
    })
}

fn refusal(json: &Value) -> String {
    EvaluationRequest::from_json(json.to_string().as_bytes()).unwrap_err().to_string()
}

fn without(path: &[&str]) -> Value {
    let mut json = whole();
    let (last, above) = path.split_last().unwrap();
    let parent = above.iter().fold(&mut json, |value, name| &mut value[*name]);
    parent.as_object_mut().unwrap().remove(*last);
    json
}

fn with(path: &str, value: Value) -> Value {
    let mut json = whole();
    *path.split('.').fold(&mut json, |parent, name| &mut parent[name]) = value;
    json
}

#[test]
fn a_request_is_read_with_all_it_says_and_what_nobody_defined_is_ignored() {
    let mut json = whole();
    json["future"] = json!({ "nested": [null, { "x": 1 }] });
    json["subject"]["future"] = json!(null);
    let request = EvaluationRequest::from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!((request.subject.kind.as_str(), request.subject.id.as_str()), ("user", "alice"));
    assert_eq!(request.subject.properties["role"], "admin");
    assert_eq!((request.action.name.as_str(), &request.action.properties["soft"]), ("read", &json!(true)));
    assert_eq!((request.resource.kind.as_str(), request.resource.id.as_str()), ("record", "record-1"));
    assert_eq!(request.resource.properties["status"], "active");
    assert_eq!(request.context["ip"], "2001:db8::1");
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(refusal(&without(&["subject"])), "`subject` is missing");
    assert_eq!(refusal(&without(&["action"])), "`action` is missing");
    assert_eq!(refusal(&without(&["resource"])), "`resource` is missing");
    assert_eq!(refusal(&without(&["subject", "type"])), "`subject.type` is missing");
    assert_eq!(refusal(&without(&["subject", "id"])), "`subject.id` is missing");
    assert_eq!(refusal(&without(&["action", "name"])), "`action.name` is missing");
    assert_eq!(refusal(&without(&["resource", "type"])), "`resource.type` is missing");
    assert_eq!(refusal(&without(&["resource", "id"])), "`resource.id` is missing");
}

#[test]
fn what_is_of_another_type_is_named_with_what_was_expected() {
    let cases = [
        ("subject", json!("alice"), "`subject` must be an object, found a string"),
        ("action", json!([]), "`action` must be an object, found an array"),
        ("action.name", json!(123), "`action.name` must be a string, found a number"),
        ("resource.id", json!(true), "`resource.id` must be a string, found a boolean"),
        ("subject.type", json!(null), "`subject.type` must be a string, found null"),
        ("subject.id", json!({}), "`subject.id` must be a string, found an object"),
        ("subject.properties", json!("x"), "`subject.properties` must be an object, found a string"),
        ("action.properties", json!(1), "`action.properties` must be an object, found a number"),
        ("context", json!(null), "`context` must be an object, found null"),
        ("context.ip", json!(null), "`context.ip` is null; leave a member out when its value is unknown"),
        (
            "resource.properties.status",
            json!(null),
            "`resource.properties.status` is null; leave a member out when its value is unknown",
        ),
        ("subject.id", json!(""), "`subject.id` must not be empty"),
    ];
    for (path, value, message) in cases {
        assert_eq!(refusal(&with(path, value)), message);
    }
}

#[test]
fn what_is_too_long_too_deep_or_too_much_is_refused() {
    let long = |bytes| json!("x".repeat(bytes));
    assert!(
        EvaluationRequest::from_json(with("subject.id", long(MAX_ID_BYTES)).to_string().as_bytes()).is_ok()
    );
    assert_eq!(
        refusal(&with("subject.id", long(MAX_ID_BYTES + 1))),
        "`subject.id` must be at most 1024 bytes, found 1025"
    );
    assert!(
        refusal(&with("action.name", long(MAX_TYPE_BYTES + 1))).contains("`action.name` must be at most 128")
    );
    assert!(
        refusal(&with("resource.type", long(MAX_TYPE_BYTES + 1)))
            .contains("`resource.type` must be at most 128")
    );
    let huge = vec![b' '; MAX_BODY_BYTES + 1];
    assert_eq!(EvaluationRequest::from_json(&huge), Err(BadRequest::TooLarge { found: MAX_BODY_BYTES + 1 }));
    let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(refusal(&with("context.ip", deep)), "expected at most 16 levels of objects and arrays");
    assert_eq!(refusal(&with("context.ip", json!(vec![0; 20_000]))), "expected at most 20000 values");
}

#[test]
fn what_is_no_json_object_is_refused() {
    let read = |text: &[u8]| EvaluationRequest::from_json(text).unwrap_err();
    assert_eq!(read(b""), BadRequest::Empty);
    assert_eq!(read(b" \r\n"), BadRequest::Empty);
    assert!(matches!(read(b"{\"subject\":"), BadRequest::Malformed(_)));
    assert!(matches!(read(b"subject=alice"), BadRequest::Malformed(_)));
    assert_eq!(read(b"[]").to_string(), "`the request` must be an object, found an array");
    let twice = br#"{"subject":{"type":"user","id":"alice","id":"bob"},"action":{"name":"read"},"resource":{"type":"r","id":"1"}}"#;
    assert_eq!(read(twice), BadRequest::Duplicate("id".into()));
}

fn batch(json: &Value) -> policy::authzen::Batch {
    match EvaluationsRequest::from_json(json.to_string().as_bytes()).unwrap() {
        EvaluationsRequest::Batch(batch) => batch,
        EvaluationsRequest::Single(_) => panic!("expected a batch"),
    }
}

/// Permits what is done to resources whose identifier begins with `p`.
fn decide(request: &EvaluationRequest) -> Decision {
    Decision::new(request.resource.id.starts_with('p'))
}

fn answers(semantic: Option<&str>, resources: &[&str]) -> Vec<bool> {
    let items: Vec<Value> =
        resources.iter().map(|id| json!({ "resource": { "type": "r", "id": id } })).collect();
    let mut json = json!({
        "subject": { "type": "user", "id": "alice" }, "action": { "name": "read" }, "evaluations": items,
    });
    if let Some(semantic) = semantic {
        json["options"] = json!({ "evaluations_semantic": semantic, "unknown": 1 });
    }
    batch(&json).answer(decide).evaluations.iter().map(|decision| decision.decision).collect()
}

#[test]
fn a_batch_is_answered_as_its_semantic_says() {
    let items = ["p1", "d2", "p3", "d4"];
    assert_eq!(answers(None, &items), [true, false, true, false]);
    assert_eq!(answers(Some("execute_all"), &items), [true, false, true, false]);
    assert_eq!(answers(Some("deny_on_first_deny"), &items), [true, false]);
    assert_eq!(answers(Some("permit_on_first_permit"), &["d1", "p2", "p3"]), [false, true]);
    assert_eq!(answers(Some("permit_on_first_permit"), &["d1", "d2"]), [false, false]);
    assert!(Semantic::DenyOnFirstDeny.stops_after(&Decision::new(false)));
}

#[test]
fn an_item_replaces_a_default_whole() {
    let mut json = whole();
    json["evaluations"] = json!([
        {},
        { "subject": { "type": "user", "id": "bob" }, "context": {} },
        { "action": { "name": "write" }, "resource": { "type": "record", "id": "record-2" } },
    ]);
    let items: Vec<EvaluationRequest> = batch(&json).items.into_iter().map(Result::unwrap).collect();
    assert_eq!(items[0], EvaluationRequest::from_json(whole().to_string().as_bytes()).unwrap());
    assert!(items[1].subject.properties.is_empty(), "the default's properties do not shine through");
    assert!(items[1].context.is_empty());
    assert_eq!(items[1].resource.id, "record-1");
    assert!(items[2].action.properties.is_empty());
    assert_eq!(
        (items[2].context["ip"].as_str(), items[2].subject.id.as_str()),
        (Some("2001:db8::1"), "alice")
    );
}

#[test]
fn without_items_it_is_a_single_request() {
    let single = EvaluationsRequest::Single(Box::new(
        EvaluationRequest::from_json(whole().to_string().as_bytes()).unwrap(),
    ));
    let mut json = whole();
    assert_eq!(EvaluationsRequest::from_json(json.to_string().as_bytes()).unwrap(), single);
    json["evaluations"] = json!([]);
    assert_eq!(EvaluationsRequest::from_json(json.to_string().as_bytes()).unwrap(), single);
}

#[test]
fn an_item_in_error_is_denied_alone_and_the_others_are_answered() {
    let json = json!({
        "subject": { "type": "user", "id": "alice" }, "action": { "name": "read" },
        "evaluations": [{ "resource": { "type": "r", "id": "p1" } }, {}, "x", { "resource": { "type": "r" } },
                        { "resource": { "type": "r", "id": "p2" } }],
    });
    let answers = serde_json::to_value(batch(&json).answer(decide)).unwrap();
    let error = |message: &str| json!({ "decision": false, "context": { "error": { "status": 400, "message": message } } });
    assert_eq!(
        answers,
        json!({ "evaluations": [
            { "decision": true },
            error("`evaluations[1].resource` is missing"),
            error("`evaluations[2]` must be an object, found a string"),
            error("`evaluations[3].resource.id` is missing"),
            { "decision": true },
        ] })
    );
}

#[test]
fn a_batch_in_error_is_refused_whole() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut json = whole();
        json["evaluations"] = json!([{}]);
        change(&mut json);
        EvaluationsRequest::from_json(json.to_string().as_bytes()).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&|json| json["evaluations"] = json!({})),
        "`evaluations` must be an array, found an object"
    );
    assert_eq!(refused(&|json| json["subject"] = json!(1)), "`subject` must be an object, found a number");
    assert_eq!(refused(&|json| json["options"] = json!([])), "`options` must be an object, found an array");
    assert!(
        refused(&|json| json["options"] = json!({ "evaluations_semantic": "first" }))
            .ends_with("found `first`")
    );
    assert!(
        refused(&|json| json["options"] = json!({ "evaluations_semantic": 1 })).ends_with("found a number")
    );
    let many = vec![json!({}); MAX_EVALUATIONS + 1];
    assert_eq!(
        refused(&|json| json["evaluations"] = json!(many)),
        "`evaluations` must have at most 1000 items, found 1001"
    );
}

#[test]
fn discovery_names_what_is_answered() {
    let document = metadata("https://yinxin.example.gov.cn");
    assert_eq!(document["policy_decision_point"], "https://yinxin.example.gov.cn");
    assert_eq!(document["access_evaluation_endpoint"], "https://yinxin.example.gov.cn/access/v1/evaluation");
    assert_eq!(
        document["access_evaluations_endpoint"],
        "https://yinxin.example.gov.cn/access/v1/evaluations"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = EvaluationRequest::from_json(&bytes);
        let _ = EvaluationsRequest::from_json(&bytes);
    }

    #[test]
    fn no_broken_request_makes_the_readers_panic(at in 0usize..300, byte in any::<u8>()) {
        let mut bytes = whole().to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = EvaluationRequest::from_json(&bytes);
        let _ = EvaluationsRequest::from_json(&bytes);
    }
}
