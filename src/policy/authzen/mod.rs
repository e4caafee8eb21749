//! OpenID AuthZEN Authorization API 1.0 (final, 2026-01-11): requests, decisions and discovery, read strictly.
//!
//! - one request: section 6, [`EvaluationRequest::from_json`]
//! - many in one: section 7, [`EvaluationsRequest::from_json`]
//! - discovery: section 9, [`metadata`]
//!
//! Members nobody defined are ignored, a known member of the wrong type is refused with what was expected.

mod evaluations;
mod read;

use serde_json::{Map, Value, json};

pub use evaluations::{Batch, EvaluationsRequest, EvaluationsResponse, Semantic};
use read::{body, evaluation};

/// Longest request body.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// Longest `type`, and longest action `name`.
pub const MAX_TYPE_BYTES: usize = 128;
/// Longest `id`.
pub const MAX_ID_BYTES: usize = 1024;
/// Most items in one evaluations request.
pub const MAX_EVALUATIONS: usize = 1000;

/// May this subject do this action to this resource, in this context?
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationRequest {
    /// Who.
    pub subject: Entity,
    /// Does what.
    pub action: Action,
    /// To what.
    pub resource: Entity,
    /// The caller's view of the moment; empty when left out.
    pub context: Map<String, Value>,
}

/// A subject or a resource as the caller names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// `type`: `official`, `dataset`, ...
    pub kind: String,
    /// `id`, unique within the type.
    pub id: String,
    /// What the caller asserts about it; empty when left out.
    pub properties: Map<String, Value>,
}

/// An action as the caller names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// `name`: `read`, ...
    pub name: String,
    /// What the caller asserts about it; empty when left out.
    pub properties: Map<String, Value>,
}

/// The answer: `{"decision": true, "context": {...}}`.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Decision {
    /// True: the enforcement point lets it happen.
    pub decision: bool,
    /// Why, and what would help; left out when empty.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
}

/// A request that cannot be answered: HTTP 400 with this message as the body (section 10.1.3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// No body.
    #[error("expected a JSON object, found an empty body")]
    Empty,
    /// A body beyond the limit.
    #[error("expected at most {limit} bytes, found {found}", limit = MAX_BODY_BYTES)]
    TooLarge {
        /// The body's length in bytes.
        found: usize,
    },
    /// No JSON.
    #[error("expected JSON: {0}")]
    Malformed(String),
    /// A member twice in one object (I-JSON, RFC 7493, 2.3).
    #[error("member `{0}` appears twice in one object")]
    Duplicate(String),
    /// Objects and arrays nested beyond the limit.
    #[error("expected at most {limit} levels of objects and arrays", limit = crate::json::MAX_DEPTH_LEVELS)]
    TooDeep,
    /// More values than the limit.
    #[error("expected at most {limit} values", limit = crate::json::MAX_VALUES)]
    TooMany,
    /// A required member is not there.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A member is of another type.
    #[error("`{path}` must be {expected}, found {found}")]
    WrongType {
        /// Where, `subject.id`.
        path: String,
        /// What was expected.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// A null among properties: an unknown value is left out instead.
    #[error("`{0}` is null; leave a member out when its value is unknown")]
    Null(String),
    /// A text that must not be empty is.
    #[error("`{0}` must not be empty")]
    Blank(String),
    /// A text beyond its limit.
    #[error("`{path}` must be at most {limit} bytes, found {found}")]
    TooLong {
        /// Where, `subject.id`.
        path: String,
        /// The limit in bytes.
        limit: usize,
        /// The text's length in bytes.
        found: usize,
    },
    /// More items than the limit.
    #[error("`evaluations` must have at most {limit} items, found {found}", limit = MAX_EVALUATIONS)]
    TooManyEvaluations {
        /// How many came.
        found: usize,
    },
    /// No evaluation semantic of section 7.1.2.1.
    #[error(
        "`options.evaluations_semantic` must be `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`, found `{0}`"
    )]
    Semantic(String),
}

impl EvaluationRequest {
    /// Reads the body of an access evaluation request (section 6.1).
    pub fn from_json(text: &[u8]) -> Result<Self, BadRequest> {
        let members = body(text)?;
        evaluation(&members, None, "")
    }
}

impl Decision {
    /// A bare decision.
    pub fn new(decision: bool) -> Self {
        Self { decision, context: Map::new() }
    }
}

impl From<BadRequest> for Decision {
    /// An item of a batch that cannot be answered is denied, with the error in its context (section 7.2.1).
    fn from(error: BadRequest) -> Self {
        let mut context = Map::new();
        context.insert("error".into(), json!({ "status": 400, "message": error.to_string() }));
        Self { decision: false, context }
    }
}

/// The discovery document (section 9) of the decision point whose base URL is `base`, without a trailing slash.
///
/// Names only what this service answers.
pub fn metadata(base: &str) -> Value {
    json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
    })
}
