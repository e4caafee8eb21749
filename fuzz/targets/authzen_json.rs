//! Access requests: read, decided by the store `todo`. Nothing is permitted that could not be evaluated.
#![no_main]

use std::sync::LazyLock;

use fuzz::NOW;
use libfuzzer_sys::fuzz_target;
use policy::authzen::{EvaluationRequest, EvaluationsRequest};
use policy::facts::Assertions;
use policy::{Decision, Facts, Store};

static STORE: LazyLock<Store> = LazyLock::new(|| {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let files = [
        file("schema.cedarschema", include_str!("../../policies/todo/schema.cedarschema")),
        file("store.toml", include_str!("../../policies/todo/store.toml")),
        file("entities.json", include_str!("../../policies/todo/entities.json")),
        file("todo.cedar", include_str!("../../policies/todo/todo.cedar")),
    ];
    Store::load("todo", &files).unwrap()
});

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = EvaluationRequest::from_json(data) {
        decide(&request);
    }
    if let Ok(EvaluationsRequest::Batch(batch)) = EvaluationsRequest::from_json(data) {
        let response = batch.answer(decide);
        assert!(response.evaluations.len() <= batch.items.len());
    }
});

fn decide(request: &EvaluationRequest) -> Decision {
    let facts = Facts { assertions: Assertions::AllowListed, ..Facts::default() };
    let outcome = STORE.decide(request, &facts, NOW);
    assert!(!outcome.decision || outcome.errors.is_empty());
    assert!(!outcome.decision || !outcome.determining.is_empty());
    let stranger = STORE.decide(request, &Facts::default(), NOW);
    assert!(!stranger.decision || outcome.decision, "what nobody said counts for no more than what was said");
    Decision::new(outcome.decision)
}
