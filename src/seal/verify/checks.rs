//! Results of checks, and what each does to the two verdicts.

use super::rules::Rule;
use crate::report::{Check, CheckResult, SubIndication};

/// What one check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    result: CheckResult,
    gbt38540: Option<SubIndication>,
    strict: Option<SubIndication>,
}

impl Outcome {
    pub(super) const PASSED: Self = Self { result: CheckResult::Passed, gbt38540: None, strict: None };
    pub(super) const NOT_APPLICABLE: Self =
        Self { result: CheckResult::NotApplicable, gbt38540: None, strict: None };
    pub(super) const WARNING: Self = Self { result: CheckResult::Warning, gbt38540: None, strict: None };

    /// Wrong under both policies.
    pub(super) const fn failed(sub: SubIndication) -> Self {
        Self { result: CheckResult::Failed, gbt38540: Some(sub), strict: Some(sub) }
    }

    /// Undecided under both policies.
    pub(super) const fn indeterminate(sub: SubIndication) -> Self {
        Self { result: CheckResult::Indeterminate, gbt38540: Some(sub), strict: Some(sub) }
    }

    /// Fine under GB/T 38540, not under the strict policy.
    pub(super) const fn strict_only(sub: SubIndication) -> Self {
        Self { result: CheckResult::Warning, gbt38540: None, strict: Some(sub) }
    }

    /// Each policy with its own reason, or none.
    pub(super) const fn by_policy(gbt38540: Option<SubIndication>, strict: Option<SubIndication>) -> Self {
        let result = match (gbt38540, strict) {
            (None, None) => CheckResult::Passed,
            (None, Some(_)) => CheckResult::Warning,
            (Some(_), _) => CheckResult::Indeterminate,
        };
        Self { result, gbt38540, strict }
    }
}

/// The checks done so far, in order.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    /// Notes what `rule` came to, and what was found in both languages.
    pub(super) fn add(
        &mut self,
        rule: &Rule,
        outcome: Outcome,
        detail: impl Into<String>,
        detail_zh: impl Into<String>,
    ) {
        self.0.push(Check {
            id: rule.id,
            clause: rule.clause,
            title_zh: rule.zh,
            title_en: rule.en,
            result: outcome.result,
            detail: detail.into(),
            detail_zh: detail_zh.into(),
            gbt38540: outcome.gbt38540,
            strict: outcome.strict,
        });
    }

    /// Notes every one of `rules` that was not come to, so that no report is silent about a check.
    pub(super) fn fill(&mut self, rules: &[&Rule]) {
        for rule in rules {
            if self.0.iter().all(|check| check.id != rule.id) {
                self.add(rule, Outcome::NOT_APPLICABLE, "not reached", "因前项未通过或不适用而未检查");
            }
        }
    }

    pub(super) fn into_list(self) -> Vec<Check> {
        self.0
    }
}
