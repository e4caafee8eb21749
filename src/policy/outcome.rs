//! A decision with everything that determined it.

use std::sync::Arc;

use crate::facts::TrustFacts;

/// The answer to one request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// True: permitted. True only when a permit holds, no forbid holds and nothing failed.
    pub decision: bool,
    /// The policies that decided: the permits that hold, or the forbids that hold. Empty when nothing permits.
    pub determining: Vec<Arc<PolicyRef>>,
    /// When nothing permits: the permits for this action and these types, nearest first.
    pub near_misses: Vec<NearMiss>,
    /// What could not be evaluated; any error denies.
    pub errors: Vec<EvaluationError>,
    /// Properties in the request that did not count (`subject.properties.role`), because nothing allows them.
    pub ignored: Vec<String>,
    /// When denied: the least login with which the same request would be permitted.
    pub step_up: Option<StepUp>,
    /// The trust evaluation that was used.
    pub trust: Option<TrustFacts>,
    /// The bundle's revision: the SM3 digest of its files, in hexadecimal.
    pub revision: Arc<str>,
}

/// A login that would help: at least one of its members is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// The authentication context class it must reach.
    pub acr_value: Option<String>,
    /// How old it may be, in seconds.
    pub max_age_seconds: Option<u32>,
}

/// What a policy does when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It permits, unless something forbids.
    Permit,
    /// It forbids, whatever permits.
    Forbid,
}

/// A policy as its annotations present it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRef {
    /// `@id`, unique in the bundle.
    pub id: String,
    /// Permit or forbid.
    pub effect: Effect,
    /// `@reason_zh`, `@reason_en`: why it decided, said to the person.
    pub reason: Text,
    /// `@requires_zh`, `@requires_en`: what a person needs for it to hold; every permit has it.
    pub requires: Option<Text>,
}

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Text {
    /// Chinese.
    #[serde(rename = "zh-CN")]
    pub zh: String,
    /// English.
    pub en: String,
}

/// A permit that nearly held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The permit.
    pub policy: Arc<PolicyRef>,
    /// Its conditions that did not hold, in the policy language, in the order they are written.
    pub unmet: Vec<String>,
}

/// Why a request could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The store knows no such kind of subject.
    #[error("expected a subject type of this store, found `{0}`")]
    SubjectType(String),
    /// The store knows no such kind of resource.
    #[error("expected a resource type of this store, found `{0}`")]
    ResourceType(String),
    /// The schema has no such action.
    #[error("expected an action of this store, found `{0}`")]
    Action(String),
    /// The schema has the action, but not for such a subject and resource.
    #[error("action `{action}` does not apply to a `{subject}` and a `{resource}`")]
    NotApplicable {
        /// The action's name.
        action: String,
        /// The subject's type.
        subject: String,
        /// The resource's type.
        resource: String,
    },
    /// A property cannot be said in the policy language.
    #[error("`{path}`: {message}")]
    Property {
        /// Where in the request or the facts, `resource.properties.size`.
        path: String,
        /// What was expected and what came.
        message: String,
    },
    /// What is known of the subject or the resource does not fit the schema, usually because something is not known.
    #[error("the facts do not fit the schema: {0}")]
    Facts(String),
    /// What is known of the moment does not fit the schema.
    #[error("the context does not fit the schema: {0}")]
    Context(String),
    /// A policy failed while it was evaluated.
    #[error("policy `{id}` could not be evaluated: {message}")]
    Policy {
        /// The policy's `@id`.
        id: String,
        /// The evaluator's message.
        message: String,
    },
}
