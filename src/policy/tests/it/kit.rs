//! The stores under `policies/`, and a cast of officials in a small province.

use std::path::Path;

use base::Timestamp;
use policy::vocabulary::{DataSet, Official, Situation, UnitPath};
use policy::{EvaluationRequest, Facts, Outcome, Store, TrustFacts};
use serde_json::{Value, json};

/// The files of `policies/NAME`.
pub(crate) fn folder(name: &str) -> Vec<(String, String)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies")).join(name);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

pub(crate) fn store(name: &str) -> Store {
    Store::load(name, &folder(name)).unwrap()
}

/// A third-party file beside the repository, if it is there.
pub(crate) fn shared(path: &str) -> Option<Value> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let Ok(text) = std::fs::read(root.join(path)) else {
        eprintln!("skipped: no ../shared/{path}");
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_795_507_200)
}

pub(crate) fn fuzhou() -> UnitPath {
    UnitPath::new(["fujian"], "fuzhou")
}

pub(crate) fn gulou() -> UnitPath {
    UnitPath::new(["fujian", "fuzhou"], "gulou")
}

pub(crate) fn xiamen() -> UnitPath {
    UnitPath::new(["fujian"], "xiamen")
}

pub(crate) fn official(unit: UnitPath, clearance: u8) -> Official {
    Official { unit, clearance, roles: Vec::new(), active: true, serves_until: None }
}

pub(crate) fn trust(score: u8, after_strong_login: u8) -> TrustFacts {
    TrustFacts { score, after_strong_login, contributions: Vec::new() }
}

/// What is known when `official`, logged in by password and fully trusted, reads `grade` data of `unit`.
pub(crate) fn reading(official: Official, unit: UnitPath, grade: u8) -> Facts {
    Facts {
        subject: official.into(),
        resource: DataSet { unit, grade: Some(grade) }.into(),
        context: Situation { assurance: Some(1), login_age_seconds: Some(60) }.into(),
        trust: Some(trust(100, 100)),
        ..Facts::default()
    }
}

pub(crate) fn ask(subject: &str, action: &str, resource: &str) -> EvaluationRequest {
    request(&json!({
        "subject": { "type": subject, "id": "lin" },
        "action": { "name": action },
        "resource": { "type": resource, "id": "r1" },
    }))
}

pub(crate) fn request(json: &Value) -> EvaluationRequest {
    EvaluationRequest::from_json(json.to_string().as_bytes()).unwrap()
}

pub(crate) fn ids(outcome: &Outcome) -> Vec<&str> {
    outcome.determining.iter().map(|policy| policy.id.as_str()).collect()
}
