//! The indexed engine against Cedar's own authorizer, which walks all policies over the whole organisation tree.

use std::collections::BTreeSet;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicyId, PolicySet, Request, Schema,
};
use policy::vocabulary::{
    Application, CertificateType, Console, DataSet, Official, Seal, Situation, UnitPath,
};
use policy::{Assertions, EntityFacts, EntityRef, Facts, Store, Value as Fact};
use serde_json::{Value, json};

use crate::kit::*;

/// xorshift64: the same requests at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }
}

/// Cedar's authorizer over every policy of a folder.
struct Oracle {
    schema: Schema,
    policies: PolicySet,
    tree: Vec<Value>,
}

impl Oracle {
    fn new(files: &[(String, String)], tree: Vec<Value>) -> Self {
        let text = |end: &str| -> String {
            files.iter().filter(|(path, _)| path.ends_with(end)).map(|(_, text)| text.as_str()).collect()
        };
        let parsed: PolicySet = text(".cedar").parse().unwrap();
        let mut policies = PolicySet::new();
        for policy in parsed.policies() {
            policies.add(policy.new_id(PolicyId::new(policy.annotation("id").unwrap()))).unwrap();
        }
        let (schema, _) = Schema::from_cedarschema_str(&text(".cedarschema")).unwrap();
        Self { schema, policies, tree }
    }

    /// The decision and what determined it. Unlike Cedar, we deny when any policy fails.
    fn decide(&self, uids: [&str; 3], entities: &[Value], context: Value) -> (bool, BTreeSet<String>) {
        let [principal, action, resource] = uids.map(|uid| uid.parse::<EntityUid>().unwrap());
        let all: Vec<Value> = self.tree.iter().chain(entities).cloned().collect();
        let entities = Entities::from_json_value(Value::Array(all), Some(&self.schema)).unwrap();
        let context = Context::from_json_value(context, Some((&self.schema, &action))).unwrap();
        let request = Request::new(principal, action, resource, context, Some(&self.schema)).unwrap();
        let response = Authorizer::new().is_authorized(&request, &self.policies, &entities);
        assert_eq!(response.diagnostics().errors().count(), 0);
        let reason = response.diagnostics().reason().map(ToString::to_string).collect();
        (response.decision() == Decision::Allow, reason)
    }
}

fn unit(id: &str) -> Value {
    json!({ "__entity": { "type": "OrgUnit", "id": id } })
}

fn in_unit(kind: &str, id: &str, attrs: Value, parent: &str) -> Value {
    json!({ "uid": { "type": kind, "id": id }, "attrs": attrs, "parents": [{ "type": "OrgUnit", "id": parent }] })
}

/// Province, four cities, three counties each, two townships each.
fn province() -> Vec<UnitPath> {
    let mut units = vec![UnitPath::new(Vec::<String>::new(), "p")];
    for city in 0..4 {
        let c = format!("p.{city}");
        units.push(UnitPath::new(["p"], &c));
        for county in 0..3 {
            let k = format!("{c}.{county}");
            units.push(UnitPath::new(["p", &c], &k));
            for township in 0..2 {
                units.push(UnitPath::new(["p", &c, &k], format!("{k}.{township}")));
            }
        }
    }
    units
}

fn tree(units: &[UnitPath]) -> Vec<Value> {
    let parent = |id: &str| id.rsplit_once('.').map(|(above, _)| json!({ "type": "OrgUnit", "id": above }));
    units
        .iter()
        .map(|unit| {
            let parents: Vec<Value> = parent(unit.unit()).into_iter().collect();
            json!({ "uid": { "type": "OrgUnit", "id": unit.unit() }, "attrs": {}, "parents": parents })
        })
        .collect()
}

fn some_official(dice: &mut Dice, unit_path: &UnitPath) -> (EntityFacts, Value) {
    let roles = ["seal_keeper", "certificate_issuer", "administrator"];
    let official = Official {
        unit: unit_path.clone(),
        clearance: dice.roll(5) as u8,
        roles: roles.iter().filter(|_| dice.roll(2) == 0).map(ToString::to_string).collect(),
        active: dice.roll(8) > 0,
        serves_until: dice.pick(&[None, None, Some(now().plus_seconds(1)), Some(now())]),
    };
    let mut attrs = json!({
        "unit": unit(official.unit.unit()), "clearance": official.clearance, "roles": official.roles,
        "active": official.active,
    });
    if let Some(end) = official.serves_until {
        attrs["serves_until"] = json!(end.unix_seconds());
    }
    let entity = in_unit("Official", "lin", attrs, official.unit.unit());
    (official.into(), entity)
}

fn some_application(dice: &mut Dice) -> (EntityFacts, Value) {
    let mut granted = |kind: &str| -> (Vec<String>, Value) {
        let ids: Vec<String> =
            ["r1", "r2"].iter().filter(|_| dice.roll(2) == 0).map(ToString::to_string).collect();
        let json = ids.iter().map(|id| json!({ "__entity": { "type": kind, "id": id } })).collect();
        (ids, Value::Array(json))
    };
    let (data, seals, types) = (granted("DataSet"), granted("Seal"), granted("CertificateType"));
    let active = dice.roll(8) > 0;
    let entity = json!({
        "uid": { "type": "Application", "id": "lin" }, "parents": [],
        "attrs": { "active": active, "data_sets": data.1, "seals": seals.1, "certificate_types": types.1 },
    });
    let application = Application { active, data_sets: data.0, seals: seals.0, certificate_types: types.0 };
    (application.into(), entity)
}

/// Action, protocol type, facts and Cedar entity of something in `at`.
fn some_resource(
    dice: &mut Dice,
    at: UnitPath,
    console: bool,
) -> (&'static str, &'static str, EntityFacts, Value) {
    let id = at.unit().to_owned();
    match dice.roll(if console { 4 } else { 3 }) {
        0 => {
            let grade = dice.roll(6) as u8;
            let entity = in_unit("DataSet", "r1", json!({ "grade": grade }), &id);
            ("read", "dataset", DataSet { unit: at, grade: Some(grade) }.into(), entity)
        }
        1 => {
            let active = dice.roll(5) > 0;
            let entity = in_unit("Seal", "r1", json!({ "unit": unit(&id), "active": active }), &id);
            ("use_seal", "seal", Seal { unit: at, active }.into(), entity)
        }
        2 => {
            let entity = in_unit("CertificateType", "r1", json!({ "unit": unit(&id) }), &id);
            ("issue_certificate", "certificate_type", CertificateType { unit: at }.into(), entity)
        }
        _ => ("administer", "console", Console { unit: at }.into(), in_unit("Console", "r1", json!({}), &id)),
    }
}

#[test]
fn the_store_main_decides_as_cedar_does_over_all_policies() {
    let (store, units) = (store("main"), province());
    let oracle = Oracle::new(&folder("main"), tree(&units));
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut permitted = 0;
    for round in 0..3000 {
        let is_official = dice.roll(4) > 0;
        let home = dice.pick(&units);
        let (subject, principal) =
            if is_official { some_official(&mut dice, &home) } else { some_application(&mut dice) };
        let at = if dice.roll(2) == 0 { home } else { dice.pick(&units) };
        let (action, resource_type, resource, target) = some_resource(&mut dice, at, is_official);
        let score = dice.pick(&[
            None,
            Some(15),
            Some(20),
            Some(39),
            Some(59),
            Some(60),
            Some(74),
            Some(75),
            Some(100),
        ]);
        let assurance = dice.pick(&[None, Some(1), Some(2), Some(3)]);
        let login_age = dice.pick(&[None, Some(0), Some(3_600), Some(3_601)]);
        let purpose = dice.pick(&[None, Some(""), Some("audit")]);

        let mut context = json!({ "now": now().unix_seconds() });
        for (name, value) in [
            ("trust", json!(score)),
            ("acr", json!(assurance)),
            ("login_age", json!(login_age)),
            ("purpose", json!(purpose)),
        ] {
            if !value.is_null() {
                context[name] = value;
            }
        }
        let said = purpose.map_or(json!({}), |purpose| json!({ "purpose": purpose }));
        let subject_type = if is_official { "official" } else { "application" };
        let ask = request(&json!({
            "subject": { "type": subject_type, "id": "lin" }, "action": { "name": action },
            "resource": { "type": resource_type, "id": "r1" }, "context": said,
        }));
        let facts = Facts {
            subject,
            resource,
            context: Situation { assurance, login_age_seconds: login_age }.into(),
            trust: score.map(|score| trust(score, score)),
            assertions: Assertions::AllowListed,
        };
        let outcome = store.decide(&ask, &facts, now());
        let uid = |entity: &Value| {
            format!(
                "{}::\"{}\"",
                entity["uid"]["type"].as_str().unwrap(),
                entity["uid"]["id"].as_str().unwrap()
            )
        };
        let action = format!("Action::\"{action}\"");
        let expected = oracle.decide(
            [&uid(&principal), &action, &uid(&target)],
            &[principal.clone(), target.clone()],
            context,
        );
        assert_eq!(outcome.errors, [], "round {round}");
        let got = (outcome.decision, ids(&outcome).into_iter().map(str::to_owned).collect());
        assert_eq!(got, expected, "round {round}: {ask:?} {facts:?}");
        permitted += usize::from(outcome.decision);
    }
    assert!((300..2700).contains(&permitted), "both answers are tried: {permitted}");
}

const GRANT_SCHEMA: &str = "
entity Role in [Role];
entity System in [System];
entity Clerk in [Role] { level: Long };
entity Report in [System] { level: Long };
action view, export appliesTo { principal: Clerk, resource: Report };
action look in [see] appliesTo { principal: Clerk, resource: Report };
action see;
";

/// Grants of every shape of scope, over 20 roles and 25 systems.
fn grants(dice: &mut Dice, count: usize) -> String {
    let annotations = |id: usize| {
        format!(
            "@id(\"g{id:03}\") @reason_zh(\"a\") @reason_en(\"b\") @requires_zh(\"c\") @requires_en(\"d\")"
        )
    };
    let mut text = String::new();
    for id in 0..count {
        let role = format!("Role::\"{}\"", dice.roll(20));
        let system = format!("System::\"{}\"", dice.roll(25));
        let principal = dice.pick(&[
            format!("principal in {role}"),
            format!("principal is Clerk in {role}"),
            "principal is Clerk".to_owned(),
            "principal == Clerk::\"lin\"".to_owned(),
            "principal".to_owned(),
        ]);
        let resource = dice.pick(&[
            format!("resource in {system}"),
            format!("resource is Report in {system}"),
            "resource is Report".to_owned(),
            "resource == Report::\"r1\"".to_owned(),
            "resource".to_owned(),
        ]);
        let action = dice.pick(&[
            "action",
            "action == Action::\"view\"",
            "action in [Action::\"export\", Action::\"see\"]",
        ]);
        let effect = if dice.roll(12) == 0 { "forbid" } else { "permit" };
        let condition =
            dice.pick(&["", "when { resource.level <= principal.level }", "unless { resource.level == 3 }"]);
        text.push_str(&format!(
            "{} {effect} ({principal}, {action}, {resource}) {condition};\n",
            annotations(id)
        ));
    }
    text
}

#[test]
fn grants_of_every_scope_are_found_where_they_are_filed() {
    let mut dice = Dice(7);
    let rules = "[subject.clerk]\nentity = \"Clerk\"\n[resource.report]\nentity = \"Report\"\n";
    let mut permitted = 0;
    for _ in 0..6 {
        let files: Vec<(String, String)> = [
            ("schema.cedarschema", GRANT_SCHEMA.to_owned()),
            ("grants.cedar", grants(&mut dice, 40)),
            ("store.toml", rules.to_owned()),
        ]
        .map(|(path, text)| (path.to_owned(), text))
        .into();
        let store = Store::load("grants", &files).unwrap();
        let oracle = Oracle::new(&files, Vec::new());
        for _ in 0..300 {
            let (who, what) = (dice.pick(&["lin", "chen"]), dice.pick(&["r1", "r2"]));
            let (role, system) = (dice.roll(20).to_string(), dice.roll(25).to_string());
            let (level, graded) = (dice.roll(5) as i64, dice.roll(5) as i64);
            let action = dice.pick(&["view", "export", "look"]);
            let known = |level: i64, kind: &str, id: &str| EntityFacts {
                attributes: [("level".to_owned(), Fact::Long(level))].into(),
                ancestors: vec![EntityRef::new(kind, id)],
            };
            let facts = Facts {
                subject: known(level, "Role", &role),
                resource: known(graded, "System", &system),
                ..Facts::default()
            };
            let ask = request(&json!({
                "subject": { "type": "clerk", "id": who }, "action": { "name": action },
                "resource": { "type": "report", "id": what },
            }));
            let outcome = store.decide(&ask, &facts, now());
            let entity = |kind: &str, id: &str, level: i64, parent: (&str, &str)| {
                json!({ "uid": { "type": kind, "id": id }, "attrs": { "level": level },
                        "parents": [{ "type": parent.0, "id": parent.1 }] })
            };
            let entities = [
                entity("Clerk", who, level, ("Role", &role)),
                entity("Report", what, graded, ("System", &system)),
            ];
            let uids =
                [format!("Clerk::\"{who}\""), format!("Action::\"{action}\""), format!("Report::\"{what}\"")];
            let expected = oracle.decide([&uids[0], &uids[1], &uids[2]], &entities, json!({}));
            let got = (outcome.decision, ids(&outcome).into_iter().map(str::to_owned).collect());
            assert_eq!(got, expected, "{ask:?}");
            permitted += usize::from(outcome.decision);
        }
    }
    assert!(permitted > 100, "{permitted}");
}
