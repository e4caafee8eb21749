//! What happens to the people of the province when they ask.

use policy::vocabulary::{Application, CertificateType, Citizen, Console, DataSet, Seal, Situation};
use policy::{Assertions, EntityFacts, EvaluationError, Facts, StepUp, TrustContribution};
use serde_json::json;

use crate::kit::*;

#[test]
fn an_official_reads_data_of_their_own_branch_and_is_told_why() {
    let outcome = store("main").decide(
        &ask("official", "read", "dataset"),
        &reading(official(fuzhou(), 3), gulou(), 3),
        now(),
    );
    assert!(outcome.decision, "{outcome:?}");
    assert_eq!(ids(&outcome), ["data.branch"]);
    let decision = outcome.into_decision();
    assert_eq!(decision.context["policies"], json!(["data.branch"]));
    assert_eq!(decision.context["trust"]["score"], 100);
    assert_eq!(decision.context["revision"].as_str().unwrap().len(), 64);
    assert!(decision.context["reason_user"]["zh-CN"].as_str().unwrap().contains("本部门"));
    assert!(!decision.context.contains_key("requires"));
}

#[test]
fn another_branch_is_refused_and_the_nearest_rule_says_what_it_requires() {
    let outcome = store("main").decide(
        &ask("official", "read", "dataset"),
        &reading(official(xiamen(), 4), gulou(), 1),
        now(),
    );
    assert!(!outcome.decision);
    assert!(outcome.determining.is_empty() && outcome.errors.is_empty());
    let nearest = &outcome.near_misses[0];
    assert_eq!(nearest.policy.id, "data.branch");
    assert_eq!(nearest.unmet, ["resource in principal.unit"]);
    let context = outcome.into_decision().context;
    let user = context["reason_user"]["en"].as_str().unwrap();
    assert!(user.ends_with("the data must belong to your own unit or to one below it."), "{user}");
    assert!(context["reason_admin"]["en"].as_str().unwrap().contains("`resource in principal.unit`"));
}

#[test]
fn data_above_the_clearance_is_refused_by_the_rule_that_forbids_it() {
    let outcome = store("main").decide(
        &ask("official", "read", "dataset"),
        &reading(official(fuzhou(), 2), gulou(), 3),
        now(),
    );
    assert_eq!((outcome.decision, ids(&outcome)), (false, vec!["data.clearance"]));
    assert_eq!(outcome.step_up, None, "no login raises a clearance");
}

#[test]
fn trust_that_fell_closes_the_data_and_a_strong_login_is_asked_for_only_where_it_helps() {
    let store = store("main");
    let ask = ask("official", "read", "dataset");
    let mut facts = reading(official(fuzhou(), 3), gulou(), 3);
    facts.trust = Some(trust(50, 50));
    let lost = store.decide(&ask, &facts, now());
    assert_eq!((lost.decision, ids(&lost), lost.step_up.clone()), (false, vec!["data.trust"], None));

    facts.trust = Some(trust(55, 72));
    let travelling = store.decide(&ask, &facts, now());
    assert_eq!((travelling.decision, ids(&travelling)), (false, vec!["data.trust"]));
    let context = travelling.into_decision().context;
    assert_eq!(context["requires"], json!({ "acr_values": ["urn:yinxin:loa:2"], "max_age": 900 }));
    assert!(context["reason_user"]["en"].as_str().unwrap().contains("Log in again"));

    facts.trust = Some(trust(60, 76));
    assert!(store.decide(&ask, &facts, now()).decision, "recovered to the bar");
}

#[test]
fn the_signals_behind_a_fall_are_named_in_the_answer() {
    let mut facts = reading(official(fuzhou(), 3), gulou(), 3);
    let lost = TrustContribution {
        kind: "device_lost".into(),
        points: -50,
        reason_zh: "设备丢失".into(),
        reason_en: "a device was lost".into(),
    };
    facts.trust = Some(policy::TrustFacts { contributions: vec![lost], ..trust(50, 50) });
    let context =
        store("main").decide(&ask("official", "read", "dataset"), &facts, now()).into_decision().context;
    assert_eq!(context["trust"]["contributions"][0]["reason_zh"], "设备丢失");
    assert_eq!(context["trust"]["contributions"][0]["points"], -50);
}

#[test]
fn grade_four_asks_for_a_second_factor_and_nothing_known_is_the_worst() {
    let store = store("main");
    let ask = ask("official", "read", "dataset");
    let mut facts = reading(official(fuzhou(), 4), gulou(), 4);
    let by_password = store.decide(&ask, &facts, now());
    assert_eq!(ids(&by_password), ["data.assurance"]);
    let two_factors = StepUp { acr_value: Some("urn:yinxin:loa:2".to_owned()), max_age_seconds: None };
    assert_eq!(by_password.step_up, Some(two_factors), "an earlier login would do");
    facts.context = Situation { assurance: Some(2), login_age_seconds: Some(60) }.into();
    assert!(store.decide(&ask, &facts, now()).decision);
    facts.trust = None;
    let unknown = store.decide(&ask, &facts, now());
    assert_eq!((ids(&unknown), unknown.step_up.clone()), (vec!["data.trust.unknown"], None));
}

#[test]
fn an_unknown_official_is_refused_and_the_administrator_learns_what_is_not_known() {
    let facts = Facts { subject: EntityFacts::default(), ..reading(official(fuzhou(), 3), gulou(), 1) };
    let outcome = store("main").decide(&ask("official", "read", "dataset"), &facts, now());
    assert!(!outcome.decision);
    assert!(matches!(&outcome.errors[..], [EvaluationError::Facts(_)]), "{:?}", outcome.errors);
    let context = outcome.into_decision().context;
    assert_eq!(
        context["reason_user"]["en"], "What is known is not enough to decide, so it is refused.",
        "the person is not told what the directory holds"
    );
    assert!(context["reason_admin"]["en"].as_str().unwrap().contains("lin"));
}

#[test]
fn words_that_the_store_does_not_know_are_refused_by_name() {
    let store = store("main");
    let facts = reading(official(fuzhou(), 3), gulou(), 1);
    let errors =
        |subject, action, resource| store.decide(&ask(subject, action, resource), &facts, now()).errors;
    assert_eq!(errors("spaceship", "read", "dataset"), [EvaluationError::SubjectType("spaceship".into())]);
    assert_eq!(errors("official", "fly", "dataset"), [EvaluationError::Action("fly".into())]);
    assert_eq!(errors("official", "read", "moon"), [EvaluationError::ResourceType("moon".into())]);
    let misfit = errors("citizen", "administer", "console");
    assert_eq!(
        misfit[0].to_string(),
        "action `administer` does not apply to a `citizen` and a `console`",
        "{misfit:?}"
    );
}

#[test]
fn what_a_caller_asserts_counts_only_when_it_is_trusted_listed_and_not_known_better() {
    let store = store("main");
    let ask = request(&json!({
        "subject": { "type": "official", "id": "lin", "properties": { "clearance": 4, "roles": ["administrator"] } },
        "action": { "name": "read" },
        "resource": { "type": "dataset", "id": "d1", "properties": { "grade": 3 } },
        "context": { "trust": 100, "acr": 4, "purpose": "审计" },
    }));
    let mut facts = reading(official(fuzhou(), 2), gulou(), 1);
    facts.assertions = Assertions::AllowListed;
    let outcome = store.decide(&ask, &facts, now());
    assert!(outcome.decision, "the catalogue's grade 1 wins over the caller's 3");
    let unheard =
        ["context.acr", "context.trust", "subject.properties.clearance", "subject.properties.roles"];
    assert_eq!(
        outcome.ignored.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        unheard.into()
    );

    facts.resource = DataSet { unit: gulou(), grade: None }.into();
    assert_eq!(ids(&store.decide(&ask, &facts, now())), ["data.clearance"], "now the caller's 3 counts");

    facts.assertions = Assertions::Ignored;
    let unheard = store.decide(&ask, &facts, now());
    assert!(matches!(&unheard.errors[..], [EvaluationError::Facts(_)]), "no grade is known: {unheard:?}");
    assert!(unheard.ignored.contains(&"resource.properties.grade".to_owned()));
}

#[test]
fn a_grade_that_is_no_whole_number_or_no_grade_at_all_is_refused() {
    let store = store("main");
    let mut facts = reading(official(fuzhou(), 4), gulou(), 1);
    facts.resource = DataSet { unit: gulou(), grade: None }.into();
    facts.assertions = Assertions::AllowListed;
    let with = |grade| {
        let ask = request(&json!({
            "subject": { "type": "official", "id": "lin" }, "action": { "name": "read" },
            "resource": { "type": "dataset", "id": "d1", "properties": { "grade": grade } },
        }));
        store.decide(&ask, &facts, now())
    };
    assert!(with(json!(2)).decision);
    assert!(
        matches!(&with(json!(1.5)).errors[..], [EvaluationError::Property { path, .. }] if path == "resource.properties.grade")
    );
    assert!(matches!(&with(json!("1")).errors[..], [EvaluationError::Facts(_)]));
    assert_eq!(ids(&with(json!(-7))), ["data.grade.unknown"]);
}

#[test]
fn a_seal_is_used_by_its_keeper_or_by_an_application_with_the_grant() {
    let store = store("main");
    let seal = |active| EntityFacts::from(Seal { unit: fuzhou(), active });
    let mut keeper = official(fuzhou(), 2);
    keeper.roles = vec!["seal_keeper".into()];
    let facts = Facts {
        subject: keeper.into(),
        resource: seal(true),
        context: Situation { assurance: Some(1), login_age_seconds: Some(3_600) }.into(),
        trust: Some(trust(60, 60)),
        ..Facts::default()
    };
    assert_eq!(ids(&store.decide(&ask("official", "use_seal", "seal"), &facts, now())), ["seal.keeper"]);
    let suspended = Facts { resource: seal(false), ..facts.clone() };
    assert_eq!(
        ids(&store.decide(&ask("official", "use_seal", "seal"), &suspended, now())),
        ["seal.inactive"]
    );
    let long_ago = Situation { assurance: Some(3), login_age_seconds: Some(3_601) };
    let stale = Facts { context: long_ago.into(), ..facts.clone() };
    let refused = store.decide(&ask("official", "use_seal", "seal"), &stale, now());
    let again = StepUp { acr_value: None, max_age_seconds: Some(900) };
    assert_eq!((ids(&refused), refused.step_up.clone()), (vec!["seal.login"], Some(again)));
    let strange = Facts { trust: Some(trust(55, 72)), ..stale };
    let refused = store.decide(&ask("official", "use_seal", "seal"), &strange, now());
    let stronger = StepUp { acr_value: Some("urn:yinxin:loa:2".to_owned()), max_age_seconds: Some(900) };
    assert_eq!(refused.step_up, Some(stronger), "who is at level 3 already must come again all the same");
    let no_keeper = Facts { subject: official(fuzhou(), 2).into(), ..facts };
    let refused = store.decide(&ask("official", "use_seal", "seal"), &no_keeper, now());
    assert_eq!(refused.near_misses[0].unmet, [r#"principal.roles.contains("seal_keeper")"#]);

    let portal = |seals: &[&str]| Application {
        active: true,
        seals: seals.iter().map(ToString::to_string).collect(),
        ..Application::default()
    };
    let mut facts = Facts { subject: portal(&["r1"]).into(), resource: seal(true), ..Facts::default() };
    assert_eq!(
        ids(&store.decide(&ask("application", "use_seal", "seal"), &facts, now())),
        ["seal.application"]
    );
    facts.subject = portal(&["r2"]).into();
    assert!(!store.decide(&ask("application", "use_seal", "seal"), &facts, now()).decision);
}

#[test]
fn a_certificate_is_issued_and_a_branch_administered_by_those_who_hold_the_role() {
    let store = store("main");
    let mut issuer = official(gulou(), 2);
    issuer.roles = vec!["certificate_issuer".into(), "administrator".into()];
    let facts = Facts {
        subject: issuer.into(),
        resource: CertificateType { unit: fuzhou() }.into(),
        trust: Some(trust(80, 80)),
        ..Facts::default()
    };
    let ask_issue = ask("official", "issue_certificate", "certificate_type");
    assert_eq!(ids(&store.decide(&ask_issue, &facts, now())), ["ecert.issuer"]);
    let console = Facts { resource: Console { unit: gulou() }.into(), ..facts.clone() };
    assert_eq!(
        ids(&store.decide(&ask("official", "administer", "console"), &console, now())),
        ["admin.branch"]
    );
    let above = Facts { resource: Console { unit: fuzhou() }.into(), ..facts };
    assert!(!store.decide(&ask("official", "administer", "console"), &above, now()).decision);
}

#[test]
fn a_citizen_shows_the_own_certificate_and_no_other() {
    let store = store("main");
    let held_by = |holder: &str| Facts {
        subject: Citizen { active: true }.into(),
        resource: policy::vocabulary::Certificate { unit: gulou(), holder: Some(holder.into()) }.into(),
        ..Facts::default()
    };
    let ask = ask("citizen", "show_certificate", "certificate");
    assert!(store.decide(&ask, &held_by("lin"), now()).decision);
    assert!(!store.decide(&ask, &held_by("chen"), now()).decision);
}

#[test]
fn an_appointment_ends_at_its_moment() {
    let store = store("main");
    let mut leaving = official(fuzhou(), 3);
    leaving.serves_until = Some(now());
    let facts = reading(leaving, gulou(), 1);
    let ask = ask("official", "read", "dataset");
    assert!(store.decide(&ask, &facts, now().plus_seconds(-1)).decision);
    assert_eq!(ids(&store.decide(&ask, &facts, now())), ["account.duty_ended"]);
}

#[test]
fn every_case_beside_the_policies_passes_and_every_policy_has_one() {
    for name in ["main", "todo", "certification"] {
        let store = store(name);
        let mut deciding = std::collections::BTreeSet::new();
        for (path, text) in folder(name).iter().filter(|(path, _)| path.ends_with(".cases.json")) {
            for case in store.bundle().run_cases(text).unwrap_or_else(|e| panic!("{name}/{path}: {e}")) {
                assert_eq!(case.failure, None, "{name}/{path}: {}", case.name);
                deciding.extend(case.reason);
            }
        }
        let policies: std::collections::BTreeSet<_> =
            store.bundle().policies().iter().map(|policy| policy.id.clone()).collect();
        assert_eq!(deciding, policies, "each policy of `{name}` decides at least one case");
    }
}

#[test]
fn a_case_that_expects_otherwise_fails_and_says_so() {
    let store = store("certification");
    let run = |case: serde_json::Value| {
        let file = json!({ "cases": [case] }).to_string();
        store.bundle().run_cases(&file).map(|results| results[0].failure.clone())
    };
    let case = |decision: &str, reason: &[&str], action: &str| {
        json!({
            "name": "n", "decision": decision, "reason": reason,
            "request": { "principal": "User::\"alice\"", "action": format!("Action::\"{action}\""),
                         "resource": "Record::\"r\"", "context": {} },
        })
    };
    assert_eq!(run(case("allow", &["certification.read"], "read")).unwrap(), None);
    assert!(run(case("deny", &[], "read")).unwrap().unwrap().contains("expected Deny"));
    assert!(
        run(case("allow", &["certification.write"], "read")).unwrap().is_some(),
        "another reason is a failure"
    );
    assert!(run(case("allow", &[], "fly")).unwrap().is_some(), "an unknown action is a failure");
    let mut misspelt = case("allow", &["certification.read"], "read");
    misspelt["reasons"] = json!([]);
    assert!(run(misspelt).is_err(), "a member nobody reads is refused");
    assert!(store.bundle().run_cases(r#"{"cases":[]}"#).is_err(), "a file without a case proves nothing");
}
