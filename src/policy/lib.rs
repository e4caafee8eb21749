//! May they do this, now? Access decisions by Cedar policies, asked in the words of OpenID AuthZEN. No I/O, no clock.
//!
//! - [`authzen`] the requests and decisions of the Authorization API 1.0, read strictly.
//! - [`facts`] what is known about a subject, a resource and the moment, as plain typed values.
//! - [`vocabulary`] the same for the sample province's store `main`, with the field's own names.
//! - [`bundle`] a folder of policies: loaded, strictly validated, indexed by scope, and named by its digest.
//! - [`cases`] the tests that lie beside the policies.
//! - [`store`] a bundle with its fixed entities and the list of properties a caller may assert; [`Engine`] holds several.
//! - [`outcome`] a decision with everything that determined it.
//! - [`explain`] an outcome in words, for the person and for the administrator.

pub mod authzen;
pub mod bundle;
pub mod cases;
pub mod explain;
pub mod facts;
pub mod outcome;
pub mod store;
pub mod vocabulary;

mod cedar;
mod index;
mod json;
mod near_miss;

pub use authzen::{Decision, EvaluationRequest, EvaluationsRequest};
pub use bundle::{Bundle, BundleError};
pub use facts::{
    Assertions, Attributes, EntityFacts, EntityRef, Facts, TrustContribution, TrustFacts, Value,
};
pub use outcome::{Effect, EvaluationError, NearMiss, Outcome, PolicyRef, StepUp, Text};
pub use store::{Engine, Store, UnknownStore};
