//! From JSON members to typed requests. Every error names the member by its path.

use serde_json::{Map, Value};

use super::{Action, BadRequest, Entity, EvaluationRequest, MAX_BODY_BYTES, MAX_ID_BYTES, MAX_TYPE_BYTES};
use crate::json::{self, Refusal};

type Members = Map<String, Value>;

/// The members of a request body.
pub(super) fn body(text: &[u8]) -> Result<Members, BadRequest> {
    if text.len() > MAX_BODY_BYTES {
        return Err(BadRequest::TooLarge { found: text.len() });
    }
    if text.trim_ascii().is_empty() {
        return Err(BadRequest::Empty);
    }
    match json::parse(text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => Err(wrong_type("the request", "an object", &other)),
        Err(Refusal::Malformed(message)) => Err(BadRequest::Malformed(message)),
        Err(Refusal::Duplicate(name)) => Err(BadRequest::Duplicate(name)),
        Err(Refusal::TooDeep) => Err(BadRequest::TooDeep),
        Err(Refusal::TooMany) => Err(BadRequest::TooMany),
    }
}

/// One evaluation: each of its four members is taken whole from `members`, else from `defaults` (section 7.1.1).
pub(super) fn evaluation(
    members: &Members,
    defaults: Option<&Members>,
    at: &str,
) -> Result<EvaluationRequest, BadRequest> {
    let member = |name: &str| {
        let path = if members.contains_key(name) { format!("{at}{name}") } else { name.to_owned() };
        (members.get(name).or_else(|| defaults.and_then(|d| d.get(name))), path)
    };
    let required = |name: &str| match member(name) {
        (Some(value), path) => Ok((value, path)),
        (None, _) => Err(BadRequest::Missing(format!("{at}{name}"))),
    };
    let (subject, action, resource) = (required("subject")?, required("action")?, required("resource")?);
    Ok(EvaluationRequest {
        subject: entity(subject.0, &subject.1)?,
        action: self::action(action.0, &action.1)?,
        resource: entity(resource.0, &resource.1)?,
        context: match member("context") {
            (Some(value), path) => properties(value, &path)?,
            (None, _) => Map::new(),
        },
    })
}

/// Refuses top-level defaults that could serve no item.
pub(super) fn check_defaults(members: &Members) -> Result<(), BadRequest> {
    members.get("subject").map(|value| entity(value, "subject")).transpose()?;
    members.get("action").map(|value| action(value, "action")).transpose()?;
    members.get("resource").map(|value| entity(value, "resource")).transpose()?;
    members.get("context").map(|value| properties(value, "context")).transpose()?;
    Ok(())
}

/// `value` as an object.
pub(super) fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Members, BadRequest> {
    value.as_object().ok_or_else(|| wrong_type(path, "an object", value))
}

/// The error for a `value` of another type than `expected`.
pub(super) fn wrong_type(path: &str, expected: &'static str, value: &Value) -> BadRequest {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    BadRequest::WrongType { path: path.to_owned(), expected, found }
}

fn entity(value: &Value, path: &str) -> Result<Entity, BadRequest> {
    let members = object(value, path)?;
    Ok(Entity {
        kind: text(members, path, "type", MAX_TYPE_BYTES)?,
        id: text(members, path, "id", MAX_ID_BYTES)?,
        properties: optional_properties(members, path)?,
    })
}

fn action(value: &Value, path: &str) -> Result<Action, BadRequest> {
    let members = object(value, path)?;
    Ok(Action {
        name: text(members, path, "name", MAX_TYPE_BYTES)?,
        properties: optional_properties(members, path)?,
    })
}

fn text(members: &Members, path: &str, name: &str, limit: usize) -> Result<String, BadRequest> {
    let path = format!("{path}.{name}");
    match members.get(name) {
        None => Err(BadRequest::Missing(path)),
        Some(Value::String(text)) if text.is_empty() => Err(BadRequest::Blank(path)),
        Some(Value::String(text)) if text.len() > limit => {
            Err(BadRequest::TooLong { path, limit, found: text.len() })
        }
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(wrong_type(&path, "a string", other)),
    }
}

fn optional_properties(members: &Members, path: &str) -> Result<Members, BadRequest> {
    let path = format!("{path}.properties");
    members.get("properties").map_or_else(|| Ok(Map::new()), |value| properties(value, &path))
}

fn properties(value: &Value, path: &str) -> Result<Members, BadRequest> {
    let members = object(value, path)?;
    match members.iter().find(|(_, value)| value.is_null()) {
        Some((name, _)) => Err(BadRequest::Null(format!("{path}.{name}"))),
        None => Ok(members.clone()),
    }
}
