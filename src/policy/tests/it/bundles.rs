//! Which folders of policies are refused, and how they are named.

use policy::{Bundle, BundleError, Engine, Store, UnknownStore};

use crate::kit::*;

const SCHEMA: &str = r"
entity Unit;
entity Person { unit: Unit, boss?: Person };
entity Paper { owner: Person };
action read appliesTo { principal: Person, resource: Paper };
";

const ANNOTATED: &str =
    r#"@id("p") @reason_zh("因") @reason_en("why") @requires_zh("须") @requires_en("what") "#;

fn load(schema: &str, policies: &str) -> Result<Bundle, BundleError> {
    Bundle::load(&[("schema.cedarschema".into(), schema.into()), ("p.cedar".into(), policies.into())])
}

fn refused(policies: &str) -> BundleError {
    load(SCHEMA, policies).unwrap_err()
}

fn permit(condition: &str) -> String {
    format!("{ANNOTATED} permit (principal, action, resource) when {{ {condition} }};")
}

#[test]
fn a_sound_bundle_is_loaded_and_named_by_its_files() {
    let one = load(SCHEMA, &permit("resource.owner == principal")).unwrap();
    let same = load(SCHEMA, &permit("resource.owner == principal")).unwrap();
    let other = load(SCHEMA, &permit("principal == resource.owner")).unwrap();
    assert_eq!(one.revision(), same.revision());
    assert_ne!(one.revision(), other.revision());
    assert_eq!(one.policies()[0].requires.as_ref().unwrap().zh, "须");
    let mut files = folder("todo");
    let revision = Store::load("todo", &files).unwrap().bundle().revision().clone();
    files.reverse();
    files.retain(|(path, _)| !path.ends_with(".cases.json"));
    assert_eq!(
        *Store::load("todo", &files).unwrap().bundle().revision(),
        revision,
        "neither order nor cases count"
    );
    files.iter_mut().find(|(path, _)| path == "store.toml").unwrap().1.push('\n');
    assert_ne!(
        *Store::load("todo", &files).unwrap().bundle().revision(),
        revision,
        "what may be asserted counts"
    );
}

#[test]
fn policies_that_do_not_fit_the_schema_are_refused() {
    assert!(matches!(load("entity;", ""), Err(BundleError::Schema(_))));
    assert_eq!(Bundle::load(&[]).unwrap_err(), BundleError::NoFile("schema.cedarschema"));
    assert!(
        matches!(refused("permit (principal, action"), BundleError::Syntax { path, .. } if path == "p.cedar")
    );
    assert!(
        matches!(refused(&permit("resource.color == 1")), BundleError::Invalid(_)),
        "an unknown attribute"
    );
    assert!(
        matches!(refused(&permit("principal.boss == principal")), BundleError::Invalid(_)),
        "an unguarded optional one"
    );
    assert!(matches!(refused(&permit("resource.owner == 1")), BundleError::Invalid(_)), "two types");
    assert!(
        matches!(refused(&permit("principal is Unit")), BundleError::Invalid(_)),
        "a policy that never holds"
    );
}

#[test]
fn policies_that_look_further_than_the_subject_and_the_resource_are_refused() {
    assert!(load(SCHEMA, &permit("principal.unit == principal.unit || resource.owner == principal")).is_ok());
    let further = refused(&permit("resource.owner.unit == principal.unit"));
    assert!(further.to_string().contains("level"), "{further}");
}

#[test]
fn a_policy_says_who_it_is_why_and_what_it_requires() {
    let lacking = |annotation: &str| {
        let rest: String =
            ["id(\"p\")", "reason_zh(\"a\")", "reason_en(\"b\")", "requires_zh(\"c\")", "requires_en(\"d\")"]
                .iter()
                .filter(|text| !text.starts_with(annotation))
                .map(|text| format!("@{text} "))
                .collect();
        refused(&format!(
            "{rest} permit (principal, action, resource) when {{ resource.owner == principal }};"
        ))
    };
    for annotation in ["id", "reason_zh", "reason_en", "requires_zh", "requires_en"] {
        let error = lacking(annotation);
        assert!(
            matches!(&error, BundleError::NoAnnotation { annotation: found, .. } if *found == annotation),
            "{error}"
        );
    }
    assert!(matches!(
        refused(&format!("@raeson_en(\"x\") {}", permit("true"))),
        BundleError::UnknownAnnotation { annotation, .. } if annotation == "raeson_en"
    ));
    let forbid = r#"@id("f") @reason_zh("a") @reason_en("b") forbid (principal, action, resource);"#;
    assert!(load(SCHEMA, forbid).is_ok(), "a forbid requires nothing of anybody");
    let twice = format!("{forbid} {forbid}");
    assert_eq!(refused(&twice), BundleError::PolicyTwice("f".into()));
    let slot = format!("{ANNOTATED} permit (principal == ?principal, action, resource);");
    assert!(matches!(refused(&slot), BundleError::Template { .. }));
}

#[test]
fn the_files_beside_the_policies_are_checked_too() {
    let change = |path: &str, text: &str| {
        let mut files = folder("todo");
        files.retain(|(name, _)| name != path);
        if !text.is_empty() {
            files.push((path.to_owned(), text.to_owned()));
        }
        Store::load("todo", &files).unwrap_err()
    };
    assert_eq!(change("store.toml", ""), BundleError::NoFile("store.toml"));
    assert!(
        matches!(change("store.toml", "[context]\naccepts = []"), BundleError::Rules(_)),
        "a misspelt member"
    );
    let unknown = change("store.toml", "[subject.user]\nentity = \"Martian\"");
    assert_eq!(unknown.to_string(), "`store.toml`: expected an entity type of the schema, found `Martian`");
    let both = change("store.toml", "[context]\naccept = [\"trust\"]\nsupply = [\"trust\"]");
    assert_eq!(both.to_string(), "`store.toml`: `trust` is supplied, so no caller may assert it");
    let step = change("store.toml", "[[step_up]]\nacr_value = \"urn:x\"\ncontext = { arc = 2 }");
    assert!(step.to_string().contains("a login sets `arc`"), "{step}");
    let bad = r#"[{"uid":{"type":"User","id":"x"},"attrs":{},"parents":[]}]"#;
    assert!(
        matches!(change("entities.json", bad), BundleError::Entities(_)),
        "a user without an e-mail address"
    );
    let mut twice = folder("todo");
    twice.push(twice[0].clone());
    assert!(matches!(Store::load("todo", &twice), Err(BundleError::FileTwice(_))));
}

#[test]
fn too_large_a_bundle_is_refused() {
    let comment = format!("// {}\n", "x".repeat(policy::bundle::MAX_BUNDLE_BYTES));
    assert!(matches!(refused(&comment), BundleError::TooLarge { .. }));
}

#[test]
fn an_engine_answers_for_the_stores_it_has() {
    let engine = Engine::new(["main", "todo"].map(store));
    assert_eq!(engine.stores().map(Store::name).collect::<Vec<_>>(), ["main", "todo"]);
    let (ask, facts) = (ask("official", "read", "dataset"), reading(official(fuzhou(), 3), gulou(), 1));
    assert!(engine.decide("main", &ask, &facts, now()).unwrap().decision);
    assert!(
        matches!(engine.decide("todos", &ask, &facts, now()), Err(UnknownStore(name)) if name == "todos")
    );
}
