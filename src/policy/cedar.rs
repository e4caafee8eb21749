//! Between our plain values and Cedar's.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, EvalResult, RestrictedExpression, Schema};

use crate::facts::{Attributes, EntityFacts, EntityRef, Value};
use crate::outcome::EvaluationError;

/// The schema's names, parsed once.
#[derive(Debug)]
pub(crate) struct Names {
    kinds: HashMap<String, EntityTypeName>,
    actions: HashMap<String, EntityUid>,
}

impl Names {
    pub(crate) fn of(schema: &Schema) -> Self {
        Self {
            kinds: schema.entity_types().map(|kind| (kind.to_string(), kind.clone())).collect(),
            actions: schema.actions().map(|uid| (uid.id().unescaped().to_owned(), uid.clone())).collect(),
        }
    }

    pub(crate) fn knows_kind(&self, kind: &str) -> bool {
        self.kinds.contains_key(kind)
    }

    pub(crate) fn action(&self, name: &str) -> Option<&EntityUid> {
        self.actions.get(name)
    }

    pub(crate) fn uid(&self, entity: &EntityRef) -> Result<EntityUid, EvaluationError> {
        let kind = self.kinds.get(&entity.kind).ok_or_else(|| {
            EvaluationError::Facts(format!("expected an entity type of the schema, found `{}`", entity.kind))
        })?;
        Ok(EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(&entity.id)))
    }

    pub(crate) fn entity(&self, entity: &EntityRef, facts: &EntityFacts) -> Result<Entity, EvaluationError> {
        let attributes = self.expressions(&facts.attributes)?.into_iter().collect();
        let ancestors = facts.ancestors.iter().map(|a| self.uid(a)).collect::<Result<HashSet<_>, _>>()?;
        Entity::new(self.uid(entity)?, attributes, ancestors).map_err(|e| EvaluationError::Facts(message(&e)))
    }

    pub(crate) fn expressions(
        &self,
        attributes: &Attributes,
    ) -> Result<Vec<(String, RestrictedExpression)>, EvaluationError> {
        attributes.iter().map(|(name, value)| Ok((name.clone(), self.expression(value)?))).collect()
    }

    fn expression(&self, value: &Value) -> Result<RestrictedExpression, EvaluationError> {
        Ok(match value {
            Value::Bool(value) => RestrictedExpression::new_bool(*value),
            Value::Long(value) => RestrictedExpression::new_long(*value),
            Value::String(text) => RestrictedExpression::new_string(text.clone()),
            Value::Entity(entity) => RestrictedExpression::new_entity_uid(self.uid(entity)?),
            Value::Set(items) => RestrictedExpression::new_set(
                items.iter().map(|item| self.expression(item)).collect::<Result<Vec<_>, _>>()?,
            ),
            Value::Record(members) => RestrictedExpression::new_record(self.expressions(members)?)
                .map_err(|e| EvaluationError::Facts(message(&e)))?,
        })
    }
}

/// `uid` in our words.
pub(crate) fn entity_ref(uid: &EntityUid) -> EntityRef {
    EntityRef::new(uid.type_name().to_string(), uid.id().unescaped())
}

/// `value` in our words; `None` for an extension value, which we have no word for.
pub(crate) fn value(value: &EvalResult) -> Option<Value> {
    Some(match value {
        EvalResult::Bool(value) => Value::Bool(*value),
        EvalResult::Long(value) => Value::Long(*value),
        EvalResult::String(text) => Value::String(text.clone()),
        EvalResult::EntityUid(uid) => Value::Entity(entity_ref(uid)),
        EvalResult::Set(items) => Value::Set(items.iter().map(self::value).collect::<Option<_>>()?),
        EvalResult::Record(members) => Value::Record(
            members.iter().map(|(name, v)| Some((name.clone(), self::value(v)?))).collect::<Option<_>>()?,
        ),
        EvalResult::ExtensionValue(_) => return None,
    })
}

/// `error` and what caused it, on one line.
pub(crate) fn message(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let messages: Vec<String> = causes.map(ToString::to_string).collect();
    messages.join(": ").split_whitespace().collect::<Vec<_>>().join(" ")
}
