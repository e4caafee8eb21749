//! Counts what held and prints a line for each case.

use std::io::Write;

/// What became of a case.
pub(crate) enum Outcome {
    /// Everything the case says was found so.
    Passed,
    /// Something was not; the words say what was expected and what came.
    Failed(String),
    /// The case was not run; the words say why.
    #[expect(
        dead_code,
        reason = "for domains whose standards ask for what is not offered; those here run all their cases"
    )]
    Skipped(String),
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        result.map_or_else(Self::Failed, |()| Self::Passed)
    }
}

/// The tally of a run.
pub(crate) struct Report {
    out: Box<dyn Write>,
    passed: usize,
    failed: usize,
    skipped: usize,
    /// Whether a line could not be written: a run nobody could read has not held.
    unheard: bool,
}

impl Report {
    /// Nothing run yet; lines go to `out`.
    pub(crate) fn new(out: Box<dyn Write>) -> Self {
        Self { out, passed: 0, failed: 0, skipped: 0, unheard: false }
    }

    /// Runs a domain under its heading; one that runs no case fails.
    pub(crate) fn domain(&mut self, name: &str, about: &str, run: fn(&mut Self)) {
        self.line(&format!("{name}: {about}"));
        let before = self.cases();
        run(self);
        if self.cases() == before {
            self.case(name, "data", Outcome::Failed("expected at least one case, got none".to_owned()));
        }
    }

    /// Where the cases that follow come from.
    pub(crate) fn source(&mut self, source: &str) {
        self.line(&format!("  {source}"));
    }

    /// Takes down one case: `clause` of the standard, `what` of it, and the outcome.
    pub(crate) fn case(&mut self, clause: &str, what: &str, outcome: impl Into<Outcome>) {
        let word = match outcome.into() {
            Outcome::Passed => {
                self.passed += 1;
                "PASSED".to_owned()
            }
            Outcome::Failed(why) => {
                self.failed += 1;
                format!("FAILED: {why}")
            }
            Outcome::Skipped(why) => {
                self.skipped += 1;
                format!("SKIPPED: {why}")
            }
        };
        self.line(&format!("    {clause:<28}  {what:<44}  {word}"));
    }

    /// Prints the tally; whether the run held.
    pub(crate) fn finish(mut self) -> bool {
        self.line(&format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped));
        self.failed == 0 && self.passed > 0 && !self.unheard
    }

    fn cases(&self) -> usize {
        self.passed + self.failed + self.skipped
    }

    fn line(&mut self, text: &str) {
        self.unheard |= writeln!(self.out, "{text}").is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::new(Box::new(std::io::sink()))
    }

    #[test]
    fn a_run_holds_only_when_something_ran_and_nothing_failed() {
        assert!(!report().finish(), "nothing ran");
        let mut held = report();
        held.case("A.1", "sign", Ok(()));
        assert!(held.finish());
        let mut broken = report();
        broken.case("A.1", "sign", Ok(()));
        broken.case("A.2", "verify", Err("expected 1, got 2".to_owned()));
        assert!(!broken.finish());
    }

    #[test]
    fn a_domain_without_cases_fails() {
        let mut empty = report();
        empty.case("A.1", "sign", Ok(()));
        empty.domain("empty", "has no data", |_| ());
        assert!(!empty.finish());
    }
}
