//! As much of JSON Schema (2020-12) as the document uses; a keyword that nobody looks at is an error.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Keywords that say nothing a value could fail. Patterns are told to generated clients; there is no engine for them here.
const ANNOTATIONS: &[&str] =
    &["description", "examples", "default", "format", "pattern", "contentEncoding", "contentMediaType"];

/// Whether `value` is as `schema` says and has no member that it does not name; or where and why not.
pub(super) fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    Checker { document }.check(schema, value, "")
}

/// What `value` refers to.
pub(super) fn target<'a>(document: &'a Value, value: &Value) -> Option<&'a Value> {
    document.pointer(value.get("$ref")?.as_str()?.strip_prefix('#')?)
}

#[derive(Clone, Copy)]
struct Checker<'a> {
    document: &'a Value,
}

impl Checker<'_> {
    fn check(self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        self.fits(schema, value, at)?;
        let mut names = BTreeSet::new();
        if !self.name_members(schema, &mut names) || names.is_empty() {
            return Ok(());
        }
        match value.as_object().and_then(|members| members.keys().find(|name| !names.contains(name.as_str())))
        {
            Some(name) => Err(format!("`{at}.{name}` is not in the document")),
            None => Ok(()),
        }
    }

    fn fits(self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let keywords = schema.as_object().ok_or_else(|| format!("`{at}`: no schema: {schema}"))?;
        keywords.iter().try_for_each(|(keyword, wanted)| self.keyword(keyword, wanted, value, at))
    }

    fn keyword(self, keyword: &str, wanted: &Value, value: &Value, at: &str) -> Result<(), String> {
        let texts = || wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
        let good = match keyword {
            "$ref" => {
                return self.fits(self.document.pointer(&wanted.as_str().unwrap()[1..]).unwrap(), value, at);
            }
            "properties" => return self.members(wanted, value, at),
            // `check` looks for members without a name.
            "additionalProperties" | "unevaluatedProperties" if wanted == false => true,
            "additionalProperties" => {
                return self.each(value.as_object().into_iter().flat_map(Map::values), wanted, at);
            }
            "items" => return self.each(value.as_array().into_iter().flatten(), wanted, at),
            "type" if wanted.is_string() => is_a(value, wanted.as_str().unwrap()),
            "type" => texts().any(|type_| is_a(value, type_)),
            "enum" => wanted.as_array().unwrap().contains(value),
            "const" => wanted == value,
            "required" => {
                texts().all(|name| value.as_object().is_none_or(|members| members.contains_key(name)))
            }
            "oneOf" => self.branches(wanted, value, at) == 1,
            "anyOf" => self.branches(wanted, value, at) > 0,
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() >= count(wanted)),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() <= count(wanted)),
            "minItems" => value.as_array().is_none_or(|items| items.len() >= count(wanted)),
            "maxItems" => value.as_array().is_none_or(|items| items.len() <= count(wanted)),
            "maxProperties" => value.as_object().is_none_or(|members| members.len() <= count(wanted)),
            annotation if ANNOTATIONS.contains(&annotation) => true,
            other => panic!("nobody looks at `{other}`"),
        };
        if good { Ok(()) } else { Err(format!("`{at}`: expected `{keyword}` {wanted}, found {value}")) }
    }

    fn members(self, wanted: &Value, value: &Value, at: &str) -> Result<(), String> {
        let present =
            wanted.as_object().unwrap().iter().filter_map(|(name, s)| Some((name, s, value.get(name)?)));
        present
            .into_iter()
            .try_for_each(|(name, schema, value)| self.check(schema, value, &format!("{at}.{name}")))
    }

    fn each<'v>(
        self,
        mut values: impl Iterator<Item = &'v Value>,
        schema: &Value,
        at: &str,
    ) -> Result<(), String> {
        values.try_for_each(|value| self.check(schema, value, &format!("{at}[]")))
    }

    fn branches(self, wanted: &Value, value: &Value, at: &str) -> usize {
        wanted.as_array().unwrap().iter().filter(|branch| self.fits(branch, value, at).is_ok()).count()
    }

    /// Collects the members that `schema` names; false when it leaves the names open.
    fn name_members(self, schema: &Value, names: &mut BTreeSet<String>) -> bool {
        names
            .extend(schema["properties"].as_object().into_iter().flat_map(|members| members.keys().cloned()));
        let open = schema.get("additionalProperties").is_some_and(|others| others != false);
        let branches =
            ["oneOf", "anyOf"].into_iter().flat_map(|of| schema[of].as_array().into_iter().flatten());
        let further = target(self.document, schema).into_iter().chain(branches);
        further.fold(!open, |closed, schema| self.name_members(schema, names) && closed)
    }
}

fn is_a(value: &Value, type_: &str) -> bool {
    match type_ {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type is called `{other}`"),
    }
}

fn count(wanted: &Value) -> usize {
    usize::try_from(wanted.as_u64().unwrap()).unwrap()
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let document = json!({ "seal": {
        "type": "object", "required": ["id"], "properties": { "id": { "type": "string" }, "page": { "minimum": 0 } }
    } });
    let schema = json!({ "oneOf": [{ "$ref": "#/seal" }, { "type": "object", "properties": { "seals": { "type": "array",
        "items": { "$ref": "#/seal", "properties": { "id": { "enum": ["a", "b"] } } } } }, "required": ["seals"] }] });
    let fits = |value: Value| check(&document, &schema, &value);
    assert_eq!(fits(json!({ "id": "x", "page": 0 })), Ok(()));
    assert_eq!(fits(json!({ "seals": [{ "id": "a" }, { "id": "b", "page": 1 }] })), Ok(()));
    for bad in [
        json!({}),
        json!({ "id": 1 }),
        json!({ "id": "x", "page": -1 }),
        json!({ "id": "x", "another": 1 }),
        json!({ "seals": [{ "id": "c" }] }),
        json!({ "seals": [{ "id": "a", "another": 1 }] }),
        json!({ "seals": [], "id": "x" }),
        json!([]),
    ] {
        assert!(fits(bad.clone()).is_err(), "{bad}");
    }
    let why = check(&document, &schema["oneOf"][1], &json!({ "seals": [{ "id": "c" }] })).unwrap_err();
    assert!(why.starts_with("`.seals[].id`: expected `enum`"), "{why}");
}
