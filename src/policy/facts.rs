//! What is known about a subject, a resource and the moment, as plain typed values.
//!
//! The policy information point (the caller, which has a database) fills these in; no type of the policy language shows through.

use std::collections::BTreeMap;
use std::fmt;

/// The member of the context that says how old the person's login is, in seconds.
pub const LOGIN_AGE: &str = "login_age";

/// One attribute value. The policy language has whole numbers only, so a fraction cannot be said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number of 64 bits.
    Long(i64),
    /// Text.
    String(String),
    /// A reference to an entity.
    Entity(EntityRef),
    /// An unordered collection without duplicates.
    Set(Vec<Value>),
    /// Named values.
    Record(Attributes),
}

/// Attributes by name.
pub type Attributes = BTreeMap<String, Value>;

/// Which entity: its type in the schema and its identifier, `OrgUnit::"fuzhou"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityRef {
    /// The entity type as the schema names it.
    pub kind: String,
    /// The identifier, unique within the type.
    pub id: String,
}

/// What is known of one entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityFacts {
    /// Its attributes.
    pub attributes: Attributes,
    /// **Every** entity it is in, near and far: a decision loads no entity but the subject and the resource.
    pub ancestors: Vec<EntityRef>,
}

/// Everything known to a decision besides the request itself.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// About the subject; wins over the store's fixed entities and over what the caller asserts.
    pub subject: EntityFacts,
    /// About the resource; wins likewise.
    pub resource: EntityFacts,
    /// About the moment (`acr`, ...); only names in the store's `context.supply` are used.
    pub context: Attributes,
    /// The trust evaluation of the subject; becomes `context.trust` and is repeated in the explanation.
    pub trust: Option<TrustFacts>,
    /// Whether properties in the request count.
    pub assertions: Assertions,
}

/// Whether properties that the enforcement point put into the request count.
///
/// The standard lets a caller assert anything (`subject.properties.role = "admin"`), so nothing counts unless the
/// caller is authenticated, and then only what the store's allow-list names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assertions {
    /// None counts: the enforcement point is not authenticated or not trusted with assertions.
    #[default]
    Ignored,
    /// Those on the store's allow-list count.
    AllowListed,
}

/// A trust evaluation as a decision uses it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TrustFacts {
    /// 0 (none) to 100 (full).
    pub score: u8,
    /// What the score would be right after a login with strong authentication.
    pub after_strong_login: u8,
    /// What lowered or raised it, largest first.
    pub contributions: Vec<TrustContribution>,
}

/// One signal's part in a trust score.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TrustContribution {
    /// The kind of signal, `device_lost`.
    pub kind: String,
    /// Points taken from (negative) or given back to (positive) the score.
    pub points: i32,
    /// The reason in Chinese.
    pub reason_zh: String,
    /// The reason in English.
    pub reason_en: String,
}

/// A JSON value that the policy language cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotExpressible {
    /// A fraction, or a number beyond 64 bits.
    #[error("expected a whole number of 64 bits, found `{0}`")]
    Number(String),
    /// JSON's null.
    #[error("expected a value, found null")]
    Null,
}

impl EntityRef {
    /// A reference to entity `id` of type `kind`.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::\"{}\"", self.kind, self.id.escape_debug())
    }
}

impl EntityFacts {
    /// These facts, completed with what `others` knows and these do not say.
    pub fn completed_with(mut self, others: &Self) -> Self {
        for (name, value) in &others.attributes {
            self.attributes.entry(name.clone()).or_insert_with(|| value.clone());
        }
        for ancestor in &others.ancestors {
            if !self.ancestors.contains(ancestor) {
                self.ancestors.push(ancestor.clone());
            }
        }
        self
    }
}

impl Value {
    /// A set of texts.
    pub fn strings<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Self {
        Self::Set(texts.into_iter().map(|text| Self::String(text.into())).collect())
    }

    /// A set of references to entities of type `kind`.
    pub fn entities<S: Into<String>>(kind: &str, ids: impl IntoIterator<Item = S>) -> Self {
        Self::Set(ids.into_iter().map(|id| Self::Entity(EntityRef::new(kind, id))).collect())
    }

    /// The value that `json` says: arrays become sets, objects records, and no text becomes an entity.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, NotExpressible> {
        Ok(match json {
            serde_json::Value::Null => return Err(NotExpressible::Null),
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => {
                Self::Long(number.as_i64().ok_or_else(|| NotExpressible::Number(number.to_string()))?)
            }
            serde_json::Value::String(text) => Self::String(text.clone()),
            serde_json::Value::Array(items) => {
                Self::Set(items.iter().map(Self::from_json).collect::<Result<_, _>>()?)
            }
            serde_json::Value::Object(members) => Self::Record(
                members
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), Self::from_json(value)?)))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Long(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<EntityRef> for Value {
    fn from(value: EntityRef) -> Self {
        Self::Entity(value)
    }
}
