//! How near a permit came to holding: its conditions taken apart and asked one by one.
//!
//! `permit(principal is Official, ..., resource) when { a && b } unless { c }` has the parts `principal is Official`,
//! `a`, `b` and `!(c)`. A denied request is put to each part, and the permit that lacks the fewest is the nearest.

use std::collections::HashMap;

use cedar_policy::{
    Authorizer, Entities, Policy, PolicyId, PolicySet, PrincipalConstraint, Request, ResourceConstraint,
};
use serde_json::{Value, json};

/// Parts beyond this many are not looked at; what is explained stays readable.
const MAX_PARTS: usize = 24;

/// The parts of every permit in a bundle, by the permit's identifier.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    by_permit: HashMap<String, PermitParts>,
}

#[derive(Debug, Default)]
struct PermitParts {
    set: PolicySet,
    texts: Vec<(PolicyId, String)>,
}

/// A permit that cannot be taken apart.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotApart(String);

impl Parts {
    /// Takes `permit` apart.
    pub(crate) fn add(&mut self, permit: &Policy) -> Result<(), NotApart> {
        let mut parts = PermitParts::default();
        for part in parts_of(permit)?.into_iter().take(MAX_PARTS) {
            let id = PolicyId::new(parts.texts.len().to_string());
            let policy =
                Policy::from_json(Some(id.clone()), part.policy).map_err(|e| NotApart(e.to_string()))?;
            let text = part.text.unwrap_or_else(|| condition_text(&policy));
            parts.set.add(policy).map_err(|e| NotApart(e.to_string()))?;
            parts.texts.push((id, text));
        }
        self.by_permit.insert(permit.id().to_string(), parts);
        Ok(())
    }

    /// The parts of permit `id` that do not hold for `request`, in the order they are written.
    pub(crate) fn unmet(&self, id: &str, request: &Request, entities: &Entities) -> Vec<String> {
        let Some(parts) = self.by_permit.get(id) else {
            return Vec::new();
        };
        let response = Authorizer::new().is_authorized(request, &parts.set, entities);
        let holds = |part: &PolicyId| response.diagnostics().reason().any(|id| id == part);
        parts.texts.iter().filter(|(part, _)| !holds(part)).map(|(_, text)| text.clone()).collect()
    }
}

/// One part as a policy of its own, and its text where the policy's own is not the best.
struct Part {
    policy: Value,
    text: Option<String>,
}

fn parts_of(permit: &Policy) -> Result<Vec<Part>, NotApart> {
    let json = permit.to_json().map_err(|e| NotApart(e.to_string()))?;
    let scope = |member: &str| json.get(member).cloned().unwrap_or_else(all);
    let mut parts = Vec::new();
    if let Some(text) = principal_text(&permit.principal_constraint()) {
        parts.push(Part { policy: policy(scope("principal"), all(), Vec::new()), text: Some(text) });
    }
    if let Some(text) = resource_text(&permit.resource_constraint()) {
        parts.push(Part { policy: policy(all(), scope("resource"), Vec::new()), text: Some(text) });
    }
    for clause in json.get("conditions").and_then(Value::as_array).into_iter().flatten() {
        let when = clause.get("kind").and_then(Value::as_str) == Some("when");
        match clause.get("body") {
            Some(body) if when => {
                let mut conjuncts = Vec::new();
                split(body, &mut conjuncts);
                parts.extend(conjuncts.into_iter().map(|body| conditional(body.clone())));
            }
            Some(body) => parts.push(conditional(json!({ "!": { "arg": body } }))),
            None => {}
        }
    }
    Ok(parts)
}

/// The operands of nested `&&`, left to right.
///
/// INVARIANT: recursion is no deeper than the policy parser's own, which bounds nesting.
fn split<'a>(body: &'a Value, conjuncts: &mut Vec<&'a Value>) {
    let operand = |side| body.get("&&").and_then(|and| and.get(side));
    match (operand("left"), operand("right")) {
        (Some(left), Some(right)) => {
            split(left, conjuncts);
            split(right, conjuncts);
        }
        _ => conjuncts.push(body),
    }
}

fn conditional(body: Value) -> Part {
    Part { policy: policy(all(), all(), vec![json!({ "kind": "when", "body": body })]), text: None }
}

fn policy(principal: Value, resource: Value, conditions: Vec<Value>) -> Value {
    json!({ "effect": "permit", "principal": principal, "action": all(), "resource": resource, "conditions": conditions })
}

fn all() -> Value {
    json!({ "op": "All" })
}

/// What stands between the braces of a policy with one `when`.
fn condition_text(policy: &Policy) -> String {
    let text = policy.to_string();
    let inner = text.split_once("when").and_then(|(_, rest)| {
        let rest = rest.trim().strip_prefix('{')?;
        rest.rsplit_once('}').map(|(inner, _)| inner.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    inner.unwrap_or(text)
}

fn principal_text(constraint: &PrincipalConstraint) -> Option<String> {
    match constraint {
        PrincipalConstraint::Any => None,
        PrincipalConstraint::In(uid) => Some(format!("principal in {uid}")),
        PrincipalConstraint::Eq(uid) => Some(format!("principal == {uid}")),
        PrincipalConstraint::Is(kind) => Some(format!("principal is {kind}")),
        PrincipalConstraint::IsIn(kind, uid) => Some(format!("principal is {kind} in {uid}")),
    }
}

fn resource_text(constraint: &ResourceConstraint) -> Option<String> {
    match constraint {
        ResourceConstraint::Any => None,
        ResourceConstraint::In(uid) => Some(format!("resource in {uid}")),
        ResourceConstraint::Eq(uid) => Some(format!("resource == {uid}")),
        ResourceConstraint::Is(kind) => Some(format!("resource is {kind}")),
        ResourceConstraint::IsIn(kind, uid) => Some(format!("resource is {kind} in {uid}")),
    }
}
