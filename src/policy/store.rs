//! A policy store: a bundle, the entities that never change, and what a caller may assert; and the engine that holds several.
//!
//! A store is a folder: `schema.cedarschema`, `*.cedar` with `*.cases.json`, `store.toml` and, if need be, `entities.json`.

use std::collections::{BTreeMap, HashMap};

use base::Timestamp;
use cedar_policy::{Context, Entities, EntityUid, Request};
use serde_json::Map;

use crate::authzen::EvaluationRequest;
use crate::bundle::{Bundle, BundleError};
use crate::cedar::{self, message};
use crate::facts::{Assertions, Attributes, EntityFacts, EntityRef, Facts, LOGIN_AGE, Value};
use crate::outcome::{EvaluationError, Outcome, StepUp};

/// The file that maps the protocol's types to the schema's and lists what counts.
pub const RULES_FILE: &str = "store.toml";
/// The file with the entities that never change, in Cedar's JSON form.
pub const ENTITIES_FILE: &str = "entities.json";

/// Several stores by name.
#[derive(Debug, Default)]
pub struct Engine {
    stores: BTreeMap<String, Store>,
}

/// One store, ready to decide.
#[derive(Debug)]
pub struct Store {
    name: String,
    bundle: Bundle,
    rules: Rules,
    entities: HashMap<EntityRef, EntityFacts>,
}

/// No store has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a policy store, found `{0}`")]
pub struct UnknownStore(pub String);

impl Engine {
    /// An engine with `stores`; of two with one name the later stays.
    pub fn new(stores: impl IntoIterator<Item = Store>) -> Self {
        Self { stores: stores.into_iter().map(|store| (store.name.clone(), store)).collect() }
    }

    /// The store called `name`.
    pub fn store(&self, name: &str) -> Option<&Store> {
        self.stores.get(name)
    }

    /// Every store, ordered by name.
    pub fn stores(&self) -> impl Iterator<Item = &Store> {
        self.stores.values()
    }

    /// Decides `request` in the store called `store`; see [`Store::decide`].
    pub fn decide(
        &self,
        store: &str,
        request: &EvaluationRequest,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<Outcome, UnknownStore> {
        let store = self.stores.get(store).ok_or_else(|| UnknownStore(store.to_owned()))?;
        Ok(store.decide(request, facts, now))
    }
}

impl Store {
    /// Loads the store called `name` from the `files` of its folder, pairs of file name and text.
    pub fn load(name: &str, files: &[(String, String)]) -> Result<Self, BundleError> {
        let bundle = Bundle::load(files)?;
        let text = |name| files.iter().find(|(path, _)| path == name).map(|(_, text)| text.as_str());
        let rules = rules(text(RULES_FILE).ok_or(BundleError::NoFile(RULES_FILE))?, &bundle)?;
        let entities = fixed_entities(text(ENTITIES_FILE).unwrap_or("[]"), &bundle)?;
        Ok(Self { name: name.to_owned(), bundle, rules, entities })
    }

    /// The store's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The store's policies.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// May `request.subject` do `request.action` to `request.resource` at `now`, as `facts` stand?
    ///
    /// Never fails: what cannot be evaluated is denied, and the outcome says so. Of what is known of an entity,
    /// `facts` win over the store's fixed entities, and these over what the caller asserts and is allowed to.
    pub fn decide(&self, request: &EvaluationRequest, facts: &Facts, now: Timestamp) -> Outcome {
        let mut outcome = Outcome {
            decision: false,
            determining: Vec::new(),
            near_misses: Vec::new(),
            errors: Vec::new(),
            ignored: Vec::new(),
            step_up: None,
            trust: facts.trust.clone(),
            revision: self.bundle.revision().clone(),
        };
        match self.prepare(request, facts, now, &mut outcome.ignored) {
            Ok((request, entities)) => self.judge(&request, &entities, &mut outcome),
            Err(error) => outcome.errors.push(error),
        }
        if !outcome.decision && outcome.errors.is_empty() {
            outcome.step_up = self.step_up(request, facts, now);
        }
        outcome
    }

    /// The least of the store's logins after which `request` would be permitted, found by asking again as if it had happened: with the
    /// context it brings, and the trust that a strong one restores when it is new.
    ///
    /// What is promised holds for the oldest login that fits the promise, so that whoever does as told is not refused again.
    fn step_up(&self, request: &EvaluationRequest, facts: &Facts, now: Timestamp) -> Option<StepUp> {
        let fresh = self.rules.fresh_login.as_ref();
        let permits = |facts: &Facts| {
            self.prepare(request, facts, now, &mut Vec::new())
                .is_ok_and(|(request, entities)| self.bundle.evaluate(&request, &entities).permit())
        };
        // Most refusals are about something else: then not even the strongest login helps, made this moment.
        let mut best = after_login(facts.clone(), self.rules.step_up.last(), fresh);
        if fresh.is_some() {
            best.context.insert(LOGIN_AGE.to_owned(), Value::Long(0));
        }
        if !permits(&best) {
            return None;
        }
        let levels = std::iter::once(None).chain(self.rules.step_up.iter().map(Some));
        let logins = levels.flat_map(|level| [None, fresh].map(|fresh| (level, fresh)));
        let helps = |(level, fresh): &(Option<&Level>, Option<&FreshLogin>)| {
            permits(&after_login(facts.clone(), *level, *fresh))
        };
        let login = |(level, fresh): (Option<&Level>, Option<&FreshLogin>)| StepUp {
            acr_value: level.map(|level| level.acr_value.clone()),
            max_age_seconds: fresh.map(|fresh| fresh.max_age_seconds),
        };
        let is_one =
            |(level, fresh): &(Option<&Level>, Option<&FreshLogin>)| level.is_some() || fresh.is_some();
        logins.filter(is_one).find(helps).map(login)
    }

    /// A forbid outweighs every permit, and an error both.
    fn judge(&self, request: &Request, entities: &Entities, outcome: &mut Outcome) {
        let findings = self.bundle.evaluate(request, entities);
        let forbids = self.bundle.named(&findings.forbids);
        outcome.decision = findings.permit();
        if findings.permits.is_empty() && forbids.is_empty() {
            outcome.near_misses = self.bundle.near_misses(request, entities);
        }
        outcome.determining = if outcome.decision { self.bundle.named(&findings.permits) } else { forbids };
        outcome.errors = findings.errors;
    }

    fn prepare(
        &self,
        request: &EvaluationRequest,
        facts: &Facts,
        now: Timestamp,
        ignored: &mut Vec<String>,
    ) -> Result<(Request, Entities), EvaluationError> {
        let (subject, resource) = (&request.subject, &request.resource);
        let subject_rule = self.rules.subject.get(&subject.kind);
        let subject_rule = subject_rule.ok_or_else(|| EvaluationError::SubjectType(subject.kind.clone()))?;
        let resource_rule = self.rules.resource.get(&resource.kind);
        let resource_rule =
            resource_rule.ok_or_else(|| EvaluationError::ResourceType(resource.kind.clone()))?;
        let action = self.bundle.names().action(&request.action.name);
        let action = action.ok_or_else(|| EvaluationError::Action(request.action.name.clone()))?;

        let mut asserted = |properties: &Map<_, _>, rule: &[String], at: &str| {
            assertions(properties, rule, at, facts.assertions, ignored)
        };
        let mut context = asserted(&request.context, &self.rules.context.accept, "context")?;
        context.extend(asserted(&request.action.properties, &self.rules.action.accept, "action.properties")?);
        let subject_said = asserted(&subject.properties, &subject_rule.accept, "subject.properties")?;
        let resource_said = asserted(&resource.properties, &resource_rule.accept, "resource.properties")?;
        context.extend(self.supplied(facts, now));

        let principal = EntityRef::new(&subject_rule.entity, &subject.id);
        let target = EntityRef::new(&resource_rule.entity, &resource.id);
        let mut known = vec![
            (principal.clone(), self.known(&principal, &facts.subject, subject_said)),
            (target.clone(), self.known(&target, &facts.resource, resource_said)),
        ];
        merge_twins(&mut known);
        self.cedar_request(request, &principal, action, &target, &context, &known)
    }

    fn cedar_request(
        &self,
        request: &EvaluationRequest,
        principal: &EntityRef,
        action: &EntityUid,
        resource: &EntityRef,
        context: &Attributes,
        known: &[(EntityRef, EntityFacts)],
    ) -> Result<(Request, Entities), EvaluationError> {
        let (names, schema) = (self.bundle.names(), self.bundle.schema());
        let (principal, resource) = (names.uid(principal)?, names.uid(resource)?);
        if !self.bundle.index().applies(&principal, action, &resource) {
            return Err(EvaluationError::NotApplicable {
                action: request.action.name.clone(),
                subject: request.subject.kind.clone(),
                resource: request.resource.kind.clone(),
            });
        }
        let entities =
            known.iter().map(|(uid, facts)| names.entity(uid, facts)).collect::<Result<Vec<_>, _>>()?;
        let entities = Entities::from_entities(entities, Some(schema))
            .map_err(|e| EvaluationError::Facts(message(&e)))?;
        let context = Context::from_pairs(names.expressions(context)?)
            .map_err(|e| EvaluationError::Context(message(&e)))?;
        let request = Request::new(principal, action.clone(), resource, context, Some(schema))
            .map_err(|e| EvaluationError::Context(message(&e)))?;
        Ok((request, entities))
    }

    /// What is known of `entity`, from the most to the least trustworthy source.
    fn known(&self, entity: &EntityRef, facts: &EntityFacts, said: Attributes) -> EntityFacts {
        let said = EntityFacts { attributes: said, ancestors: Vec::new() };
        let fixed = self.entities.get(entity);
        let known = fixed.map_or_else(|| facts.clone(), |fixed| facts.clone().completed_with(fixed));
        known.completed_with(&said)
    }

    /// What the decision point itself says of the moment.
    fn supplied(&self, facts: &Facts, now: Timestamp) -> Attributes {
        let supply = |name: &String| {
            let value = match (name.as_str(), &facts.trust) {
                ("now", _) => Value::Long(now.unix_seconds()),
                ("trust", Some(trust)) => Value::Long(trust.score.into()),
                _ => facts.context.get(name)?.clone(),
            };
            Some((name.clone(), value))
        };
        self.rules.context.supply.iter().filter_map(supply).collect()
    }
}

/// What is known after a login that reaches `level`, where one is asked for, and is as old as a fresh one may be.
fn after_login(mut facts: Facts, level: Option<&Level>, fresh: Option<&FreshLogin>) -> Facts {
    for (name, value) in level.into_iter().flat_map(|level| &level.context) {
        // A login that is stronger already stays so.
        let reached = match facts.context.get(name) {
            Some(Value::Long(now)) => *value.max(now),
            _ => *value,
        };
        facts.context.insert(name.clone(), Value::Long(reached));
    }
    if let Some(fresh) = fresh {
        facts.context.insert(LOGIN_AGE.to_owned(), Value::Long(fresh.max_age_seconds.into()));
    }
    if let (Some(_), Some(_), Some(trust)) = (level, fresh, &mut facts.trust) {
        trust.score = trust.after_strong_login.max(trust.score);
    }
    facts
}

/// The asserted `properties` that count; the others' paths go to `ignored`.
fn assertions(
    properties: &Map<String, serde_json::Value>,
    accepted: &[String],
    at: &str,
    assertions: Assertions,
    ignored: &mut Vec<String>,
) -> Result<Attributes, EvaluationError> {
    let mut counted = Attributes::new();
    for (name, json) in properties {
        if assertions == Assertions::Ignored || !accepted.contains(name) {
            ignored.push(format!("{at}.{name}"));
            continue;
        }
        let value = Value::from_json(json).map_err(|e| EvaluationError::Property {
            path: format!("{at}.{name}"),
            message: e.to_string(),
        })?;
        counted.insert(name.clone(), value);
    }
    Ok(counted)
}

/// A subject that acts on itself is one entity, of which both descriptions hold.
fn merge_twins(known: &mut Vec<(EntityRef, EntityFacts)>) {
    if let [(subject, facts), (resource, more)] = known.as_slice()
        && subject == resource
    {
        *known = vec![(subject.clone(), facts.clone().completed_with(more))];
    }
}

/// `store.toml`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    /// The protocol's subject types.
    #[serde(default)]
    subject: HashMap<String, EntityRule>,
    /// The protocol's resource types.
    #[serde(default)]
    resource: HashMap<String, EntityRule>,
    #[serde(default)]
    action: ActionRule,
    #[serde(default)]
    context: ContextRule,
    /// Strengths of a login that a refused person may be asked for, the weakest first.
    #[serde(default)]
    step_up: Vec<Level>,
    /// What counts as a new login, when a refused person may be asked for one.
    fresh_login: Option<FreshLogin>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct EntityRule {
    /// The schema's entity type.
    entity: String,
    /// Properties a caller may assert; each becomes an attribute of the same name.
    #[serde(default)]
    accept: Vec<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    /// The authentication context class to ask for.
    acr_value: String,
    /// What the context holds after such a login.
    context: BTreeMap<String, i64>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct FreshLogin {
    /// How old it may be.
    max_age_seconds: u32,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionRule {
    /// Properties a caller may assert; each becomes a member of the context, for actions have no attributes.
    #[serde(default)]
    accept: Vec<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ContextRule {
    /// Members a caller may assert.
    #[serde(default)]
    accept: Vec<String>,
    /// Members the decision point supplies: `now` (seconds since 1970), `trust`, and any that the facts hold.
    #[serde(default)]
    supply: Vec<String>,
}

fn rules(text: &str, bundle: &Bundle) -> Result<Rules, BundleError> {
    let rules: Rules = toml::from_str(text).map_err(|e| BundleError::Rules(e.message().to_owned()))?;
    let kinds = rules.subject.values().chain(rules.resource.values());
    if let Some(rule) = kinds.into_iter().find(|rule| !bundle.names().knows_kind(&rule.entity)) {
        return Err(BundleError::Rules(format!(
            "expected an entity type of the schema, found `{}`",
            rule.entity
        )));
    }
    let both = rules.context.accept.iter().chain(&rules.action.accept);
    if let Some(name) = both.into_iter().find(|name| rules.context.supply.contains(name)) {
        return Err(BundleError::Rules(format!("`{name}` is supplied, so no caller may assert it")));
    }
    let steps = rules.step_up.iter().flat_map(|level| level.context.keys().map(String::as_str));
    let mut set = steps.chain(rules.fresh_login.as_ref().map(|_| LOGIN_AGE));
    if let Some(name) = set.find(|name| !rules.context.supply.iter().any(|supplied| supplied == name)) {
        return Err(BundleError::Rules(format!(
            "a login sets `{name}`, which is not among what is supplied"
        )));
    }
    Ok(rules)
}

fn fixed_entities(text: &str, bundle: &Bundle) -> Result<HashMap<EntityRef, EntityFacts>, BundleError> {
    let refused = |e: &dyn std::error::Error| BundleError::Entities(message(e));
    let entities = Entities::from_json_str(text, Some(bundle.schema())).map_err(|e| refused(&e))?;
    let mut fixed = HashMap::new();
    for entity in entities.iter() {
        let uid = entity.uid();
        let mut facts = EntityFacts::default();
        for (name, value) in entity.attrs() {
            let value = value.map_err(|e| refused(&e))?;
            let value = cedar::value(&value).ok_or_else(|| {
                BundleError::Entities(format!("expected a plain value for `{name}` of `{uid}`"))
            })?;
            facts.attributes.insert(name.to_owned(), value);
        }
        facts.ancestors = entities.ancestors(&uid).into_iter().flatten().map(cedar::entity_ref).collect();
        fixed.insert(cedar::entity_ref(&uid), facts);
    }
    Ok(fixed)
}
