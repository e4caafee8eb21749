//! The Authorization API of OpenID AuthZEN over the policy store `todo`, from JSON to decision.

use base::Timestamp;
use policy::authzen::{self, BadRequest, EvaluationsRequest};
use policy::facts::Assertions;
use policy::{Decision, EvaluationRequest, Facts, Store};
use serde::Deserialize;

use crate::data::{cases, equal, words};
use crate::report::Report;

/// The store's folder, as the server would read it.
const FILES: &[(&str, &str)] = &[
    ("schema.cedarschema", include_str!("../policies/todo/schema.cedarschema")),
    ("store.toml", include_str!("../policies/todo/store.toml")),
    ("entities.json", include_str!("../policies/todo/entities.json")),
    ("todo.cedar", include_str!("../policies/todo/todo.cedar")),
];

/// The scenario's people: names in the data and identifiers on the wire.
const PEOPLE: &[(&str, &str)] = &[
    ("@rick", "CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"),
    ("@morty", "CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"),
    ("@summer", "CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"),
    ("@beth", "CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"),
    ("@jerry", "CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"),
];

/// Runs every case.
pub(crate) fn run(report: &mut Report) {
    let files: Vec<_> = FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let store = Store::load("todo", &files).map_err(words);
    let requests = include_str!("authzen/evaluation.toml");
    for case in cases::<RequestCase>(report, "authzen/evaluation.toml", requests) {
        let outcome = store.as_ref().map_err(Clone::clone).and_then(|store| evaluation(store, &case));
        report.case(&case.clause, &case.what, outcome);
    }
    for case in cases::<MemberCase>(report, "authzen/metadata.toml", include_str!("authzen/metadata.toml")) {
        report.case(&case.clause, &case.member, member(&case));
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestCase {
    clause: String,
    what: String,
    asked: String,
    request: String,
    decision: Option<bool>,
    decisions: Option<Vec<bool>>,
    errors: Option<Vec<String>>,
    refused: Option<String>,
}

fn evaluation(store: &Store, case: &RequestCase) -> Result<(), String> {
    let identified =
        |text: String, (name, id): &(&str, &str)| text.replace(&format!("{name}\""), &format!("{id}\""));
    let request = PEOPLE.iter().fold(case.request.clone(), identified);
    let answer = match case.asked.as_str() {
        "evaluation" => {
            EvaluationRequest::from_json(request.as_bytes()).map(|one| Answer::one(&decide(store, &one)))
        }
        "evaluations" => evaluations(store, request.as_bytes()),
        other => return Err(format!("expected `evaluation` or `evaluations` in the data, got `{other}`")),
    };
    let refused = answer.as_ref().err().map(ToString::to_string);
    equal("refusal", &refused, &case.refused)?;
    let answer = answer.unwrap_or_default();
    equal("decision", &answer.decision, &case.decision)?;
    equal("decisions", &answer.decisions, &case.decisions)?;
    let no_errors = case.decisions.as_ref().map(|all| vec![String::new(); all.len()]);
    equal("errors", &answer.errors, &case.errors.clone().or(no_errors))
}

/// What came back, in the data's form.
#[derive(Default)]
struct Answer {
    decision: Option<bool>,
    decisions: Option<Vec<bool>>,
    errors: Option<Vec<String>>,
}

impl Answer {
    fn one(decision: &Decision) -> Self {
        Self { decision: Some(decision.decision), ..Self::default() }
    }
}

fn evaluations(store: &Store, request: &[u8]) -> Result<Answer, BadRequest> {
    let batch = match EvaluationsRequest::from_json(request)? {
        EvaluationsRequest::Single(one) => return Ok(Answer::one(&decide(store, &one))),
        EvaluationsRequest::Batch(batch) => batch,
    };
    let response = batch.answer(|item| decide(store, item));
    let message = |decision: &Decision| {
        let error = decision.context.get("error").and_then(|error| error.get("message"));
        error.and_then(|message| message.as_str()).unwrap_or_default().to_owned()
    };
    Ok(Answer {
        decision: None,
        decisions: Some(response.evaluations.iter().map(|decision| decision.decision).collect()),
        errors: Some(response.evaluations.iter().map(message).collect()),
    })
}

/// As an authenticated enforcement point is answered.
fn decide(store: &Store, request: &EvaluationRequest) -> Decision {
    let facts = Facts { assertions: Assertions::AllowListed, ..Facts::default() };
    Decision::new(store.decide(request, &facts, Timestamp::from_unix_seconds(1_795_507_200)).decision)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberCase {
    clause: String,
    member: String,
    /// Absent when the member must be.
    is: Option<String>,
}

fn member(case: &MemberCase) -> Result<(), String> {
    let document = authzen::metadata("https://id.fujian.example");
    let got = document.get(&case.member).map(|value| value.as_str().unwrap_or_default());
    equal("value", &got, &case.is.as_deref())
}
