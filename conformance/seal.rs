//! Seals and sealed documents by GB/T 38540: made, verified, used, refused, step by step.
//!
//! - [`cast`] who takes part, and how a forger would go about it.
//! - [`facts`] the steps of making a seal and of sealing a document.
//! - [`changes`] seals and documents with one thing changed.
//! - [`stamp`] a time stamp token.

mod cast;
mod changes;
mod facts;
mod stamp;

use seal::Report as Verified;
use seal::report::{Check, Indication};
use serde::Deserialize;

use crate::data::{cases, equal};
use crate::report::Report;
use cast::Cast;

/// Runs every case.
pub(crate) fn run(report: &mut Report) {
    let cast = Cast::new();
    let with_cast = |run: &dyn Fn(&Cast) -> Result<(), String>| match &cast {
        Ok(cast) => run(cast),
        Err(error) => Err(error.clone()),
    };
    for case in cases::<FactCase>(report, "seal/make.toml", include_str!("seal/make.toml")) {
        report.case(&case.clause, &case.what, with_cast(&|cast| facts::of_a_seal(cast, &case.fact)));
    }
    for case in cases::<CheckCase>(report, "seal/verify_seal.toml", include_str!("seal/verify_seal.toml")) {
        let run = |cast: &Cast| judge(&case, &changes::of_a_seal(cast, &case.change)?);
        report.case(&case.clause, &case.what, with_cast(&run));
    }
    for case in cases::<FactCase>(report, "seal/sign.toml", include_str!("seal/sign.toml")) {
        report.case(&case.clause, &case.what, with_cast(&|cast| facts::of_a_sealing(cast, &case.fact)));
    }
    let documents = include_str!("seal/verify_document.toml");
    for case in cases::<CheckCase>(report, "seal/verify_document.toml", documents) {
        let run = |cast: &Cast| judge(&case, &changes::of_a_document(cast, &case.change)?);
        report.case(&case.clause, &case.what, with_cast(&run));
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactCase {
    clause: String,
    what: String,
    fact: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckCase {
    clause: String,
    what: String,
    change: String,
    check: Option<String>,
    result: Option<String>,
    indication: String,
    sub_indication: Option<String>,
}

/// Whether the report says what the case says: in the check, which names the case's clause, and in the verdict.
fn judge(case: &CheckCase, report: &Verified) -> Result<(), String> {
    let verdict = &report.verdicts.gbt38540;
    let sub_indication = verdict.sub_indication.map(|sub| sub.name());
    let told = format!("verdict ({})", verdict.reason);
    equal(&told, &(verdict.indication.name(), &sub_indication), &(&*case.indication, &case.sub_indication))?;
    let strict = report.verdicts.strict.indication;
    if strict == Indication::TotalPassed {
        equal("verdict beside a strict pass", &verdict.indication, &Indication::TotalPassed)?;
    }
    let Some(id) = &case.check else { return equal("checks", &checks(report).len(), &0) };
    let found: Vec<&Check> = checks(report).into_iter().filter(|check| check.id == id).collect();
    let [check] = found.as_slice() else { return Err(format!("expected `{id}` once, got {}", found.len())) };
    equal("clause of the check", check.clause, &*case.clause)?;
    let result = Some(format!("{:?}", check.result));
    equal(&format!("`{id}` ({})", check.detail), &result, &case.result)
}

fn checks(report: &Verified) -> Vec<&Check> {
    let of_signatures = report.signatures.iter().flat_map(|signature| &signature.checks);
    of_signatures.chain(report.seal.iter().flat_map(|seal| &seal.checks)).collect()
}
