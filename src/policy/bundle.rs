//! A folder of policies: loaded, strictly validated, indexed by scope, and named by its digest.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::{Effect as CedarEffect, Entities, Policy, PolicyId, PolicySet, Request, Schema};
use cedar_policy::{ValidationMode, Validator};

use crate::cedar::{Names, message};
use crate::index::{Findings, Index};
use crate::near_miss::Parts;
use crate::outcome::{Effect, NearMiss, PolicyRef, Text};

/// Largest bundle, all files together.
pub const MAX_BUNDLE_BYTES: usize = 8 << 20;
/// Most policies in a bundle.
pub const MAX_POLICIES: usize = 20_000;
/// Most permits an explanation weighs against one another.
pub const MAX_NEAR_MISS_CANDIDATES: usize = 32;
/// Most near misses an outcome names.
pub const MAX_NEAR_MISSES: usize = 3;

/// The file that holds the schema.
pub const SCHEMA_FILE: &str = "schema.cedarschema";

/// How far policies may look from the request's own entities: at their attributes, and no further.
///
/// With one step the subject and the resource are all the entities a decision ever needs (RFC 76 of Cedar).
const DEREFERENCE_STEPS: u32 = 1;

/// Every annotation a policy may have.
const ANNOTATIONS: [&str; 5] = ["id", "reason_zh", "reason_en", "requires_zh", "requires_en"];

/// Policies that have passed every check at load, ready to decide.
#[derive(Debug)]
pub struct Bundle {
    schema: Schema,
    names: Names,
    index: Index,
    parts: Parts,
    policies: HashMap<String, Arc<PolicyRef>>,
    revision: Arc<str>,
}

/// Why a bundle was refused. A bundle with any fault is refused whole.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The files are larger together than [`MAX_BUNDLE_BYTES`].
    #[error("expected at most {limit} bytes in all files, found {found}", limit = MAX_BUNDLE_BYTES)]
    TooLarge {
        /// Their length in bytes.
        found: usize,
    },
    /// More policies than [`MAX_POLICIES`].
    #[error("expected at most {limit} policies, found {found}", limit = MAX_POLICIES)]
    TooManyPolicies {
        /// How many there are.
        found: usize,
    },
    /// A required file is not there.
    #[error("expected a file `{0}`")]
    NoFile(&'static str),
    /// Two files have one path.
    #[error("file `{0}` appears twice")]
    FileTwice(String),
    /// The schema is not well formed.
    #[error("`{SCHEMA_FILE}`: {0}")]
    Schema(String),
    /// A policy file is not well formed.
    #[error("`{path}`: {message}")]
    Syntax {
        /// The file.
        path: String,
        /// The parser's message.
        message: String,
    },
    /// A policy with slots: every policy must be complete.
    #[error("`{path}`: expected policies without slots, found the template `{text}`")]
    Template {
        /// The file.
        path: String,
        /// The template's beginning.
        text: String,
    },
    /// A policy lacks an annotation.
    #[error("`{path}`: policy `{policy}` has no `@{annotation}`")]
    NoAnnotation {
        /// The file.
        path: String,
        /// The policy's `@id`, or its text when it has none.
        policy: String,
        /// What it lacks.
        annotation: &'static str,
    },
    /// A policy has an annotation nobody reads, most likely a misspelt one.
    #[error("`{path}`: policy `{policy}` has the unknown annotation `@{annotation}`")]
    UnknownAnnotation {
        /// The file.
        path: String,
        /// The policy's `@id`.
        policy: String,
        /// The annotation's name.
        annotation: String,
    },
    /// Two policies have one identifier.
    #[error("policy `{0}` appears twice")]
    PolicyTwice(String),
    /// A policy does not pass the validator; a warning counts.
    #[error("{0}")]
    Invalid(String),
    /// `store.toml` is not as expected.
    #[error("`store.toml`: {0}")]
    Rules(String),
    /// `entities.json` is not as expected.
    #[error("`entities.json`: {0}")]
    Entities(String),
}

impl Bundle {
    /// Loads `files`, pairs of path and text: [`SCHEMA_FILE`] and any number of `*.cedar`; others only enter the revision,
    /// except `*.cases.json`, which are no part of what decides.
    ///
    /// Refuses a bundle whose policies do not pass Cedar's strict validation without a warning, look further than
    /// the attributes of subject, resource and context, lack their annotations or share an identifier.
    pub fn load(files: &[(String, String)]) -> Result<Self, BundleError> {
        let files = ordered(files)?;
        let text = |name| files.iter().find(|(path, _)| path == name).map(|(_, text)| text.as_str());
        let schema = text(SCHEMA_FILE).ok_or(BundleError::NoFile(SCHEMA_FILE))?;
        let (schema, _) =
            Schema::from_cedarschema_str(schema).map_err(|e| BundleError::Schema(message(&e)))?;
        let mut set = PolicySet::new();
        let mut policies = HashMap::new();
        for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".cedar")) {
            for policy in read(path, text)? {
                let annotated = annotations(path, &policy)?;
                let id = annotated.id.clone();
                set.add(policy.new_id(PolicyId::new(&id)))
                    .map_err(|_| BundleError::PolicyTwice(id.clone()))?;
                policies.insert(id, Arc::new(annotated));
            }
        }
        if policies.len() > MAX_POLICIES {
            return Err(BundleError::TooManyPolicies { found: policies.len() });
        }
        validate(&schema, &set)?;
        Ok(Self {
            index: Index::build(&schema, &set).map_err(|e| BundleError::Invalid(message(&e)))?,
            parts: parts(&set)?,
            names: Names::of(&schema),
            schema,
            policies,
            revision: revision(&files).into(),
        })
    }

    /// SM3 over the bundle's files in the order of their paths, in hexadecimal: which rules decided.
    pub fn revision(&self) -> &Arc<str> {
        &self.revision
    }

    /// Every policy, ordered by identifier.
    pub fn policies(&self) -> Vec<Arc<PolicyRef>> {
        let mut policies: Vec<_> = self.policies.values().cloned().collect();
        policies.sort_by(|a, b| a.id.cmp(&b.id));
        policies
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn evaluate(&self, request: &Request, entities: &Entities) -> Findings {
        self.index.evaluate(request, entities)
    }

    /// The policies named `ids`, in that order.
    pub(crate) fn named(&self, ids: &BTreeSet<String>) -> Vec<Arc<PolicyRef>> {
        ids.iter().filter_map(|id| self.policies.get(id)).cloned().collect()
    }

    /// The permits for this action and these types, those first that lack least.
    pub(crate) fn near_misses(&self, request: &Request, entities: &Entities) -> Vec<NearMiss> {
        let candidates = self.index.permits(request, entities).into_iter().take(MAX_NEAR_MISS_CANDIDATES);
        let mut misses: Vec<NearMiss> = candidates
            .filter_map(|id| {
                let policy = Arc::clone(self.policies.get(&id)?);
                Some(NearMiss { policy, unmet: self.parts.unmet(&id, request, entities) })
            })
            .collect();
        misses.sort_by_key(|miss| miss.unmet.len());
        misses.truncate(MAX_NEAR_MISSES);
        misses
    }
}

/// `files` by path, each once, within the limit.
fn ordered(files: &[(String, String)]) -> Result<Vec<&(String, String)>, BundleError> {
    let found = files.iter().map(|(path, text)| path.len() + text.len()).sum();
    if found > MAX_BUNDLE_BYTES {
        return Err(BundleError::TooLarge { found });
    }
    let mut ordered: Vec<_> = files.iter().collect();
    ordered.sort_by(|a, b| a.0.cmp(&b.0));
    match ordered.iter().zip(ordered.iter().skip(1)).find(|(a, b)| a.0 == b.0) {
        Some((twice, _)) => Err(BundleError::FileTwice(twice.0.clone())),
        None => Ok(ordered),
    }
}

/// The policies of one file.
fn read(path: &str, text: &str) -> Result<Vec<Policy>, BundleError> {
    let set: PolicySet = text.parse().map_err(|e: cedar_policy::ParseErrors| BundleError::Syntax {
        path: path.to_owned(),
        message: message(&e),
    })?;
    match set.templates().next() {
        Some(template) => {
            Err(BundleError::Template { path: path.to_owned(), text: beginning(&template.to_string()) })
        }
        None => Ok(set.policies().cloned().collect()),
    }
}

/// What the annotations of `policy` say; all that are required are there and no other is.
fn annotations(path: &str, policy: &Policy) -> Result<PolicyRef, BundleError> {
    let named = policy.annotation("id").map_or_else(|| beginning(&policy.to_string()), str::to_owned);
    let required = |annotation: &'static str| match policy.annotation(annotation) {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(BundleError::NoAnnotation { path: path.to_owned(), policy: named.clone(), annotation }),
    };
    if let Some((name, _)) = policy.annotations().find(|(name, _)| !ANNOTATIONS.contains(name)) {
        let (path, annotation) = (path.to_owned(), name.to_owned());
        return Err(BundleError::UnknownAnnotation { path, policy: named, annotation });
    }
    let permits = policy.effect() == CedarEffect::Permit;
    Ok(PolicyRef {
        id: required("id")?,
        effect: if permits { Effect::Permit } else { Effect::Forbid },
        reason: Text { zh: required("reason_zh")?, en: required("reason_en")? },
        requires: if permits {
            Some(Text { zh: required("requires_zh")?, en: required("requires_en")? })
        } else {
            None
        },
    })
}

fn validate(schema: &Schema, policies: &PolicySet) -> Result<(), BundleError> {
    let result = Validator::new(schema.clone()).validate_with_level(
        policies,
        ValidationMode::Strict,
        DEREFERENCE_STEPS,
    );
    let errors = result.validation_errors().map(|e| message(e));
    let mut messages: Vec<String> = errors.chain(result.validation_warnings().map(|e| message(e))).collect();
    messages.sort();
    if messages.is_empty() { Ok(()) } else { Err(BundleError::Invalid(messages.join("; "))) }
}

fn parts(policies: &PolicySet) -> Result<Parts, BundleError> {
    let mut parts = Parts::default();
    for permit in policies.policies().filter(|policy| policy.effect() == CedarEffect::Permit) {
        parts.add(permit).map_err(|e| BundleError::Invalid(format!("policy `{}`: {e}", permit.id())))?;
    }
    Ok(parts)
}

/// Lengths are hashed with the texts, so that no two different bundles are the same bytes.
fn revision(files: &[&(String, String)]) -> String {
    let mut hash = gm::sm3::Sm3::new();
    for (path, text) in files.iter().filter(|(path, _)| !path.ends_with(".cases.json")) {
        for part in [path, text] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    base::encoding::hex(&hash.finish())
}

fn beginning(text: &str) -> String {
    text.chars().take(60).collect()
}
