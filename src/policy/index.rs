//! Policies by scope, so that a decision looks at the few that can matter and not at all there are.
//!
//! Cedar's authorizer walks every policy of the set it is given, about a microsecond each. Here a policy is filed
//! under each (principal type, action, resource type) it can hold for, which its type check says exactly; within
//! that, under the entity its scope names, if it names one (`resource in System::"s7"`). A request opens one file,
//! and within it the part for everybody and the parts named after its resource, its principal and their ancestors.
//! A policy left closed is one whose scope does not hold, so the answer is that of the whole set; a test compares.

use std::collections::{BTreeSet, HashMap};

use cedar_policy::{
    AuthorizationError, Authorizer, Effect, Entities, EntityTypeName, EntityUid, Policy, PolicySet,
    PrincipalConstraint, Request, ResourceConstraint, Schema,
};

use crate::cedar::message;
use crate::outcome::EvaluationError;

/// The policies of a bundle, filed.
#[derive(Debug, Default)]
pub(crate) struct Index {
    files: HashMap<(EntityTypeName, EntityUid, EntityTypeName), File>,
}

/// What the authorizer found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Identifiers of the permits that hold, ordered.
    pub(crate) permits: BTreeSet<String>,
    /// Identifiers of the forbids that hold, ordered.
    pub(crate) forbids: BTreeSet<String>,
    pub(crate) errors: Vec<EvaluationError>,
}

impl Findings {
    /// A forbid outweighs every permit, and an error both.
    pub(crate) fn permit(&self) -> bool {
        !self.permits.is_empty() && self.forbids.is_empty() && self.errors.is_empty()
    }
}

/// The policies for one (principal type, action, resource type).
#[derive(Debug, Default)]
struct File {
    everybody: Rules,
    by_resource: HashMap<EntityUid, Rules>,
    by_principal: HashMap<EntityUid, Rules>,
}

/// Permits and forbids apart, because the authorizer names the permits that hold only when no forbid does.
#[derive(Debug, Default)]
struct Rules {
    permits: PolicySet,
    forbids: PolicySet,
}

impl Index {
    /// Files `policies`, which have passed the strict check against `schema` and have distinct identifiers.
    pub(crate) fn build(
        schema: &Schema,
        policies: &PolicySet,
    ) -> Result<Self, Box<cedar_policy::PolicySetError>> {
        let mut index = Self::default();
        for env in schema.request_envs() {
            index
                .files
                .entry((env.principal().clone(), env.action().clone(), env.resource().clone()))
                .or_default();
        }
        for policy in policies.policies() {
            for env in policy.get_valid_request_envs(schema) {
                let key = (env.principal().clone(), env.action().clone(), env.resource().clone());
                index.files.entry(key).or_default().part_for(policy).add(policy.clone())?;
            }
        }
        Ok(index)
    }

    /// Whether the schema lets a principal of this type do this action to a resource of that type.
    pub(crate) fn applies(&self, principal: &EntityUid, action: &EntityUid, resource: &EntityUid) -> bool {
        self.file(principal, action, resource).is_some()
    }

    /// Evaluates the policies that can hold for `request`.
    pub(crate) fn evaluate(&self, request: &Request, entities: &Entities) -> Findings {
        let mut findings = Findings::default();
        let authorizer = Authorizer::new();
        for rules in self.rules(request, entities) {
            for (set, holding) in
                [(&rules.permits, &mut findings.permits), (&rules.forbids, &mut findings.forbids)]
            {
                if set.is_empty() {
                    continue;
                }
                let response = authorizer.is_authorized(request, set, entities);
                holding.extend(response.diagnostics().reason().map(ToString::to_string));
                findings.errors.extend(response.diagnostics().errors().map(policy_error));
            }
        }
        findings
    }

    /// Identifiers of the permits whose action and types fit `request`, whether they hold or not.
    pub(crate) fn permits(&self, request: &Request, entities: &Entities) -> BTreeSet<String> {
        self.rules(request, entities)
            .iter()
            .flat_map(|rules| rules.permits.policies().map(|policy| policy.id().to_string()))
            .collect()
    }

    fn file(&self, principal: &EntityUid, action: &EntityUid, resource: &EntityUid) -> Option<&File> {
        self.files.get(&(principal.type_name().clone(), action.clone(), resource.type_name().clone()))
    }

    fn rules(&self, request: &Request, entities: &Entities) -> Vec<&Rules> {
        let (Some(principal), Some(action), Some(resource)) =
            (request.principal(), request.action(), request.resource())
        else {
            return Vec::new();
        };
        let Some(file) = self.file(principal, action, resource) else {
            return Vec::new();
        };
        std::iter::once(&file.everybody)
            .chain(named_after(&file.by_resource, resource, entities))
            .chain(named_after(&file.by_principal, principal, entities))
            .collect()
    }
}

/// The parts named after `uid` or one of its ancestors.
fn named_after<'a>(
    parts: &'a HashMap<EntityUid, Rules>,
    uid: &EntityUid,
    entities: &Entities,
) -> impl Iterator<Item = &'a Rules> {
    let ancestors = entities.ancestors(uid).into_iter().flatten();
    let opened = if parts.is_empty() {
        Vec::new()
    } else {
        std::iter::once(uid).chain(ancestors).filter_map(|uid| parts.get(uid)).collect()
    };
    opened.into_iter()
}

impl File {
    /// The part that opens whenever the scope of `policy` holds.
    fn part_for(&mut self, policy: &Policy) -> &mut Rules {
        match (policy.resource_constraint(), policy.principal_constraint()) {
            (
                ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid),
                _,
            ) => self.by_resource.entry(uid).or_default(),
            (
                _,
                PrincipalConstraint::Eq(uid)
                | PrincipalConstraint::In(uid)
                | PrincipalConstraint::IsIn(_, uid),
            ) => self.by_principal.entry(uid).or_default(),
            _ => &mut self.everybody,
        }
    }
}

impl Rules {
    fn add(&mut self, policy: Policy) -> Result<(), Box<cedar_policy::PolicySetError>> {
        match policy.effect() {
            Effect::Permit => self.permits.add(policy),
            Effect::Forbid => self.forbids.add(policy),
        }
        .map_err(Box::new)
    }
}

/// The authorizer's error as ours.
pub(crate) fn policy_error(error: &AuthorizationError) -> EvaluationError {
    let AuthorizationError::PolicyEvaluationError(error) = error;
    EvaluationError::Policy { id: error.policy_id().to_string(), message: message(error.inner()) }
}
