//! The tests that lie beside the policies, in the shape of Cedar's own.
//!
//! ```json
//! { "entities": [ { "uid": { "type": "Official", "id": "lin" }, "attrs": { ... }, "parents": [ ... ] } ],
//!   "cases": [ { "name": "...", "request": { "principal": "Official::\"lin\"", "action": "Action::\"read\"",
//!                "resource": "DataSet::\"d1\"", "context": { ... } },
//!                "decision": "deny", "reason": ["data.grade"] } ] }
//! ```
//!
//! `entities` of a case replace those of the file that have the same `uid`. `reason` is compared as a set.

use std::collections::BTreeSet;

use cedar_policy::{Context, Entities, EntityUid, Request};
use serde_json::Value;

use crate::bundle::Bundle;
use crate::cedar::message;

/// How one case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// What the case says of itself.
    pub name: String,
    /// What went otherwise than expected; `None` when the case passed.
    pub failure: Option<String>,
    /// The policies that decided.
    pub reason: BTreeSet<String>,
}

/// A case file that is not of the shape above.
#[derive(Debug, thiserror::Error)]
#[error("expected a case file: {0}")]
pub struct BadCases(String);

impl Bundle {
    /// Runs every case of the file whose text is `cases`.
    pub fn run_cases(&self, cases: &str) -> Result<Vec<CaseResult>, BadCases> {
        let file: File = serde_json::from_str(cases).map_err(|e| BadCases(e.to_string()))?;
        if file.cases.is_empty() {
            return Err(BadCases("no case in it".into()));
        }
        Ok(file.cases.iter().map(|case| self.run(case, &file.entities)).collect())
    }

    fn run(&self, case: &Case, shared: &[Value]) -> CaseResult {
        let mut result = CaseResult { name: case.name.clone(), failure: None, reason: BTreeSet::new() };
        let (request, entities) = match self.case_request(case, shared) {
            Ok(prepared) => prepared,
            Err(message) => return CaseResult { failure: Some(message), ..result },
        };
        let findings = self.evaluate(&request, &entities);
        let allow = findings.permit();
        let decision = if allow { Verdict::Allow } else { Verdict::Deny };
        result.reason = if allow { findings.permits } else { findings.forbids };
        let errors = findings.errors.len();
        if (decision, &result.reason, errors) != (case.decision, &case.reason, case.num_errors) {
            result.failure = Some(format!(
                "expected {:?} by {:?} with {} errors, found {decision:?} by {:?} with {errors}: {:?}",
                case.decision, case.reason, case.num_errors, result.reason, findings.errors
            ));
        }
        result
    }

    fn case_request(&self, case: &Case, shared: &[Value]) -> Result<(Request, Entities), String> {
        let own = |uid: Option<&Value>| case.entities.iter().any(|entity| entity.get("uid") == uid);
        let kept = shared.iter().filter(|entity| !own(entity.get("uid")));
        let entities: Vec<Value> = kept.chain(&case.entities).cloned().collect();
        let entities = Entities::from_json_value(Value::Array(entities), Some(self.schema()))
            .map_err(|e| format!("entities: {}", message(&e)))?;
        let uid = |text: &str| text.parse::<EntityUid>().map_err(|e| format!("`{text}`: {e}"));
        let action = uid(&case.request.action)?;
        let context = Context::from_json_value(case.request.context.clone(), Some((self.schema(), &action)))
            .map_err(|e| format!("context: {}", message(&e)))?;
        let (principal, resource) = (uid(&case.request.principal)?, uid(&case.request.resource)?);
        let request = Request::new(principal, action, resource, context, Some(self.schema()))
            .map_err(|e| format!("request: {}", message(&e)))?;
        Ok((request, entities))
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    entities: Vec<Value>,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    request: CaseRequest,
    #[serde(default)]
    entities: Vec<Value>,
    decision: Verdict,
    reason: BTreeSet<String>,
    #[serde(default)]
    num_errors: usize,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRequest {
    principal: String,
    action: String,
    resource: String,
    context: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Allow,
    Deny,
}
