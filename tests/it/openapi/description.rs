//! The document, taken apart.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{method, schema};

const TEXT: &str = include_str!("../../../docs/openapi.json");
const PROBLEM: &str = "application/problem+json";

pub(super) struct Description {
    pub(super) document: Value,
}

/// One method of one path, its shared parameters written out.
pub(super) struct Operation {
    method: String,
    pub(super) path: String,
    members: Value,
}

impl Description {
    pub(super) fn read() -> Self {
        Self { document: serde_json::from_str(TEXT).unwrap() }
    }

    pub(super) fn operations(&self) -> Vec<Operation> {
        let paths = self.document["paths"].as_object().unwrap();
        let each = paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, members)| (method, path, members))
        });
        each.map(|(method, path, members)| Operation {
            method: method.clone(),
            path: path.clone(),
            members: self.with_parameters(members),
        })
        .collect()
    }

    pub(super) fn operation(&self, id: &str) -> Operation {
        self.operations().into_iter().find(|operation| operation.id() == id).unwrap()
    }

    fn with_parameters(&self, members: &Value) -> Value {
        let mut members = members.clone();
        for parameter in members["parameters"].as_array_mut().into_iter().flatten() {
            *parameter = self.resolve(parameter).clone();
        }
        members
    }

    /// What `value` refers to, or itself.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        schema::target(&self.document, value).unwrap_or(value)
    }

    /// Whether every answer carries this header, and not some only.
    pub(super) fn always_comes(&self, header: &Value) -> bool {
        self.resolve(header).get("required") != Some(&Value::Bool(false))
    }

    pub(super) fn every_reference_leads_somewhere(&self) {
        each(&self.document, &mut |value| {
            if value.get("$ref").is_some_and(Value::is_string) {
                assert!(schema::target(&self.document, value).is_some(), "leads nowhere: {}", value["$ref"]);
            }
        });
    }

    /// Each example of a body, asked or answered, has the shape that its schema tells.
    pub(super) fn every_example_fits_its_schema(&self) {
        let mut count = 0;
        each(&self.document, &mut |value| {
            let named = value.get("examples").and_then(Value::as_object).into_iter().flatten();
            let examples = named.map(|(_, example)| &example["value"]).chain(value.get("example"));
            let Some(shape) = value.get("schema") else { return };
            for example in examples {
                schema::check(&self.document, shape, example)
                    .unwrap_or_else(|why| panic!("{why}: {example}"));
                count += 1;
            }
        });
        assert!(count > 40, "expected examples everywhere, found {count}");
    }

    /// Every code that a problem in the document may have.
    pub(super) fn codes(&self) -> BTreeSet<String> {
        let mut codes = BTreeSet::new();
        each(&self.document, &mut |value| {
            let listed =
                value[PROBLEM]["schema"]["properties"]["code"]["enum"].as_array().into_iter().flatten();
            codes.extend(listed.map(|code| code.as_str().unwrap().to_owned()));
        });
        codes
    }
}

impl Operation {
    pub(super) fn name(&self) -> (String, String) {
        (self.method.clone(), self.path.clone())
    }

    pub(super) fn id(&self) -> &str {
        self.members["operationId"].as_str().unwrap_or_else(|| panic!("{} has no identifier", self.path))
    }

    pub(super) fn method(&self) -> Method {
        method(&self.method)
    }

    /// The scope that a token must carry, when one is needed.
    pub(super) fn scope(&self) -> Option<String> {
        let scopes = self.members["security"][0]["accessToken"].as_array()?;
        assert_eq!(scopes.len(), 1, "{}: one scope guards one thing", self.id());
        scopes[0].as_str().map(str::to_owned)
    }

    /// Whether this security scheme, which has no scopes, is the first that opens it.
    pub(super) fn is_opened_by(&self, scheme: &str) -> bool {
        self.members["security"][0].get(scheme).is_some()
    }

    /// Whether scripts of any origin may call it, with headers that a browser asks about first.
    pub(super) fn is_open_to_scripts(&self) -> bool {
        let responses = self.members["responses"].as_object().into_iter().flatten();
        let mut successes = responses.filter(|(status, _)| status.starts_with('2'));
        let guarded = self.members["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
        guarded && successes.any(|(_, r)| r["headers"].get("Access-Control-Allow-Origin").is_some())
    }

    /// What is said of bodies of this type.
    pub(super) fn content(&self, media_type: &str) -> Option<&Value> {
        self.members["requestBody"]["content"].get(media_type)
    }

    /// The examples of its body by name; one that is null when it has no body or none that can be written down.
    pub(super) fn examples(&self) -> Vec<(String, &Value)> {
        let contents = self.members["requestBody"]["content"].as_object().into_iter().flatten();
        let named = contents.flat_map(|(_, media)| media["examples"].as_object().into_iter().flatten());
        let examples: Vec<_> = named.map(|(name, example)| (name.clone(), &example["value"])).collect();
        if examples.is_empty() { vec![("nothing".to_owned(), &Value::Null)] } else { examples }
    }

    /// Whether a JSON body may have no members but those that are named.
    pub(super) fn takes_no_other_members(&self, description: &Description) -> bool {
        let media = self.content("application/json").unwrap();
        let schema = description.resolve(&media["schema"]);
        schema["additionalProperties"] == false || schema["unevaluatedProperties"] == false
    }

    /// The names of the places in its path.
    pub(super) fn path_parameters(&self) -> Vec<String> {
        let names = self.path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned());
        names.collect()
    }

    fn parameters(&self, place: &str) -> impl Iterator<Item = &Value> {
        self.members["parameters"].as_array().into_iter().flatten().filter(move |p| p["in"] == place)
    }

    /// The path with its places, and its query, filled by the parameters' examples.
    pub(super) fn filled_path(&self) -> String {
        let mut path = self.path.clone();
        for parameter in self.parameters("path") {
            let place = format!("{{{}}}", parameter["name"].as_str().unwrap());
            path = path.replace(&place, &written(&parameter["example"]));
        }
        let mut query = Serializer::new(String::new());
        for parameter in self.parameters("query").filter(|p| p.get("example").is_some()) {
            query.append_pair(parameter["name"].as_str().unwrap(), &written(&parameter["example"]));
        }
        let query = query.finish();
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    /// What is said of an answer with this status.
    pub(super) fn response<'a>(&'a self, description: &'a Description, status: StatusCode) -> &'a Value {
        let response = self.members["responses"].get(status.as_str());
        description.resolve(response.unwrap_or_else(|| panic!("{} does not have {status}", self.id())))
    }

    /// It is told in both languages, belongs somewhere, names its parameters, its answers and its scopes.
    pub(super) fn is_sound(&self, description: &Description) {
        let (id, members) = (self.id(), &self.members);
        assert!(
            members["summary"].as_str().is_some_and(|s| s.contains(" · ")),
            "{id}: a summary in two languages"
        );
        assert!(members["description"].is_string(), "{id}: a description");
        let tags: Vec<_> =
            description.document["tags"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
        assert!(
            members["tags"].as_array().unwrap().iter().all(|tag| tags.contains(&tag)),
            "{id}: known tags"
        );

        let declared: BTreeSet<_> =
            self.parameters("path").map(|p| p["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(declared, self.path_parameters().into_iter().collect(), "{id}: the places in its path");
        assert!(self.parameters("path").all(|p| p["required"] == true), "{id}: places are required");

        let responses = members["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{id}: an answer of success");
        for (status, response) in responses {
            assert!(
                description.resolve(response)["description"].is_string(),
                "{id}, {status}: a description"
            );
        }
        assert!(members["security"].is_array(), "{id}: says who may");
        let schemes = &description.document["components"]["securitySchemes"];
        for (scheme, scopes) in
            members["security"].as_array().unwrap().iter().filter_map(Value::as_object).flatten()
        {
            let flows = schemes[scheme]["flows"].as_object().into_iter().flatten();
            let known: Vec<_> =
                flows.flat_map(|(_, flow)| flow["scopes"].as_object().unwrap().keys()).collect();
            assert!(schemes.get(scheme).is_some(), "{id}: the scheme `{scheme}`");
            assert!(
                scopes.as_array().unwrap().iter().all(|s| known.iter().any(|k| s == k.as_str())),
                "{id}: {scopes}"
            );
        }
    }
}

/// A parameter's example as it stands in an address.
fn written(example: &Value) -> String {
    match example {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("expected a text or a number, found {other}"),
    }
}

/// Shows every value in `value` to `see`.
fn each<'a>(value: &'a Value, see: &mut impl FnMut(&'a Value)) {
    see(value);
    match value {
        Value::Object(members) => members.values().for_each(|member| each(member, see)),
        Value::Array(items) => items.iter().for_each(|item| each(item, see)),
        _ => {}
    }
}
