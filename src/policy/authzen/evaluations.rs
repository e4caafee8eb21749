//! Many evaluations in one request (section 7).

use serde_json::{Map, Value};

use super::read::{body, check_defaults, evaluation, object, wrong_type};
use super::{BadRequest, Decision, EvaluationRequest, MAX_EVALUATIONS};

/// The body of an access evaluations request.
#[derive(Clone, Debug, PartialEq)]
pub enum EvaluationsRequest {
    /// Without items it is an ordinary request and is answered with one [`Decision`] (section 7.1).
    Single(Box<EvaluationRequest>),
    /// With items it is answered with an [`EvaluationsResponse`].
    Batch(Batch),
}

/// The items of a request, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// When to stop.
    pub semantic: Semantic,
    /// In the order they came; an item that cannot be answered carries its error and is denied.
    pub items: Vec<Result<EvaluationRequest, BadRequest>>,
}

/// `options.evaluations_semantic` (section 7.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantic {
    /// Every item is answered.
    #[default]
    ExecuteAll,
    /// The first denial ends the answer, a logical and.
    DenyOnFirstDeny,
    /// The first permission ends the answer, a logical or.
    PermitOnFirstPermit,
}

/// `{"evaluations": [...]}`: the answers in the order of the items, possibly fewer.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct EvaluationsResponse {
    /// One decision for each item that was answered.
    pub evaluations: Vec<Decision>,
}

impl EvaluationsRequest {
    /// Reads the body. A default of the wrong type refuses the whole; an item of the wrong type only itself.
    pub fn from_json(text: &[u8]) -> Result<Self, BadRequest> {
        let members = body(text)?;
        let items = match members.get("evaluations") {
            None => None,
            Some(Value::Array(items)) if items.is_empty() => None,
            Some(Value::Array(items)) => Some(items),
            Some(other) => return Err(wrong_type("evaluations", "an array", other)),
        };
        let semantic = semantic(&members)?;
        let Some(items) = items else {
            return evaluation(&members, None, "").map(|request| Self::Single(Box::new(request)));
        };
        if items.len() > MAX_EVALUATIONS {
            return Err(BadRequest::TooManyEvaluations { found: items.len() });
        }
        check_defaults(&members)?;
        let items = items.iter().enumerate().map(|(index, value)| item(value, &members, index)).collect();
        Ok(Self::Batch(Batch { semantic, items }))
    }
}

impl Batch {
    /// Answers the items one after the other by `decide`, as the semantic says.
    ///
    /// A caller that must wait between items does the same by hand with [`Semantic::stops_after`].
    pub fn answer(&self, mut decide: impl FnMut(&EvaluationRequest) -> Decision) -> EvaluationsResponse {
        let mut evaluations = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let decision = match item {
                Ok(request) => decide(request),
                Err(error) => Decision::from(error.clone()),
            };
            let last = self.semantic.stops_after(&decision);
            evaluations.push(decision);
            if last {
                break;
            }
        }
        EvaluationsResponse { evaluations }
    }
}

impl Semantic {
    /// Whether no item after this decision is answered.
    pub fn stops_after(self, decision: &Decision) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !decision.decision,
            Self::PermitOnFirstPermit => decision.decision,
        }
    }
}

fn item(value: &Value, defaults: &Map<String, Value>, index: usize) -> Result<EvaluationRequest, BadRequest> {
    let path = format!("evaluations[{index}]");
    let members = object(value, &path)?;
    evaluation(members, Some(defaults), &format!("{path}."))
}

fn semantic(members: &Map<String, Value>) -> Result<Semantic, BadRequest> {
    let Some(options) = members.get("options") else {
        return Ok(Semantic::default());
    };
    match object(options, "options")?.get("evaluations_semantic") {
        None => Ok(Semantic::default()),
        Some(Value::String(name)) => match name.as_str() {
            "execute_all" => Ok(Semantic::ExecuteAll),
            "deny_on_first_deny" => Ok(Semantic::DenyOnFirstDeny),
            "permit_on_first_permit" => Ok(Semantic::PermitOnFirstPermit),
            _ => Err(BadRequest::Semantic(name.clone())),
        },
        Some(other) => Err(wrong_type("options.evaluations_semantic", "a string", other)),
    }
}
