//! The table of a run: for people in Markdown, for programs with tabs or in JSON.

use serde_json::{Value, json};

use super::finding::{Finding, Severity, Verdict};
use super::run::Row;
use super::test::Outcome;
use super::world::World;

impl Row {
    /// What a reader should know: why it was skipped, what did not hold, what was noted; every condition when `all`.
    pub(crate) fn words(&self, all: bool) -> Vec<String> {
        let skipped = self.skipped.iter().map(|why| format!("skipped: {why}"));
        let mut words: Vec<String> = skipped.collect();
        let told = self.findings.iter().filter(|finding| all || is_told(finding));
        for line in told.map(line) {
            if !words.contains(&line) {
                words.push(line);
            }
        }
        words
    }
}

fn is_told(finding: &Finding) -> bool {
    match finding.verdict {
        Verdict::Held => false,
        Verdict::Noted(_) => true,
        Verdict::Broken(_) => finding.severity > Severity::Info,
    }
}

fn line(finding: &Finding) -> String {
    let (word, what) = match &finding.verdict {
        Verdict::Held => ("OK", ""),
        Verdict::Noted(words) => ("NOTE", words.as_str()),
        Verdict::Broken(words) => (finding.severity.as_str(), words.as_str()),
    };
    format!("{word} {} [{}] {what}", finding.condition, finding.clause).trim_end().to_owned()
}

/// The table in Markdown, with the totals of every plan.
pub(crate) fn markdown(world: &World, rows: &[Row]) -> String {
    let mut out = format!("# Conformance of {}\n", world.provider.issuer);
    if world.provider.is_plain_loopback() {
        out.push_str("\nThe provider ran on the loopback without TLS: what asks for https is marked so and not held against it.\n");
    }
    out.push_str("\n| plan | passed | warning | skipped | failed |\n|---|---|---|---|---|\n");
    for group in rows.chunk_by(|a, b| std::ptr::eq(a.plan, b.plan)) {
        let counts =
            [Outcome::Passed, Outcome::Warning, Outcome::Skipped, Outcome::Failed].map(|o| count(group, o));
        let [passed, warning, skipped, failed] = counts;
        out.push_str(&format!("| {} | {passed} | {warning} | {skipped} | {failed} |\n", title(group)));
    }
    for group in rows.chunk_by(|a, b| std::ptr::eq(a.plan, b.plan)) {
        out.push_str(&format!("\n## {}\n\n| module | result | conditions |\n|---|---|---|\n", title(group)));
        for row in group {
            let words = row.words(false).join("<br>").replace('|', "\\|").replace('\n', " ");
            out.push_str(&format!("| {} | {} | {words} |\n", row.module, row.outcome.as_str()));
        }
    }
    out
}

fn title(group: &[Row]) -> String {
    group.first().map_or_else(String::new, |row| match row.plan.label {
        "" => row.plan.name.to_owned(),
        label => format!("{} ({label})", row.plan.name),
    })
}

/// How many rows of `group` ended so.
pub(crate) fn count(group: &[Row], outcome: Outcome) -> usize {
    group.iter().filter(|row| row.outcome == outcome).count()
}

/// The table with tabs: plan, variant, module, result, seconds, conditions.
pub(crate) fn tsv(rows: &[Row]) -> String {
    let mut out = "plan\tvariant\tmodule\tresult\tseconds\tconditions\n".to_owned();
    for row in rows {
        let words = row.words(false).join(" ; ").replace(['\t', '\n'], " ");
        let Row { plan, module, outcome, seconds, .. } = row;
        out.push_str(&format!(
            "{}\t{}\t{module}\t{}\t{seconds:.1}\t{words}\n",
            plan.name,
            plan.label,
            outcome.as_str()
        ));
    }
    out
}

/// Everything, every condition too.
pub(crate) fn everything(world: &World, rows: &[Row]) -> Value {
    let modules: Vec<Value> = rows.iter().map(row_json).collect();
    json!({"issuer": world.provider.issuer, "modules": modules})
}

fn row_json(row: &Row) -> Value {
    let conditions: Vec<Value> = row.findings.iter().map(finding_json).collect();
    json!({
        "plan": row.plan.name, "variant": row.plan.label, "module": row.module, "result": row.outcome.as_str(),
        "skipped": row.skipped, "seconds": row.seconds, "conditions": conditions,
    })
}

fn finding_json(finding: &Finding) -> Value {
    let (verdict, words) = match &finding.verdict {
        Verdict::Held => ("held", None),
        Verdict::Noted(words) => ("noted", Some(words)),
        Verdict::Broken(words) => ("broken", Some(words)),
    };
    json!({
        "condition": finding.condition, "severity": finding.severity.as_str(), "clause": finding.clause,
        "verdict": verdict, "words": words,
    })
}
