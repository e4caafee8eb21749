//! Conditions and what became of them.

use std::fmt::Debug;

/// What it means when a condition does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// It is only noted.
    Info,
    /// The module warns.
    Warn,
    /// The module fails.
    Fail,
}

impl Severity {
    /// As reports print it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// A condition: the name it has in the OpenID Foundation's suite, how much it weighs, and the clause it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    name: &'static str,
    severity: Severity,
    clause: &'static str,
}

/// A condition without which the module fails.
pub(crate) const fn fail(name: &'static str, clause: &'static str) -> Condition {
    Condition { name, severity: Severity::Fail, clause }
}

/// A condition without which the module warns.
pub(crate) const fn warn(name: &'static str, clause: &'static str) -> Condition {
    Condition { name, severity: Severity::Warn, clause }
}

/// A condition that is only noted.
pub(crate) const fn info(name: &'static str, clause: &'static str) -> Condition {
    Condition { name, severity: Severity::Info, clause }
}

impl Condition {
    /// Holds or says what was expected and what came.
    pub(crate) fn result(self, result: Result<(), String>) -> Finding {
        let verdict = result.map_or_else(Verdict::Broken, |()| Verdict::Held);
        Finding { condition: self.name, severity: self.severity, clause: self.clause, verdict }
    }

    /// Holds when `holds`; `otherwise` says what was expected and what came.
    pub(crate) fn holds(self, holds: bool, otherwise: impl FnOnce() -> String) -> Finding {
        self.result(if holds { Ok(()) } else { Err(otherwise()) })
    }

    /// Holds when the two are equal.
    pub(crate) fn equal<G: PartialEq<E> + Debug, E: Debug>(self, got: G, expected: E) -> Finding {
        self.holds(got == expected, || format!("expected {expected:?}, got {got:?}"))
    }

    /// Holds, with words that the table shows.
    pub(crate) fn held_but(self, words: impl Into<String>) -> Finding {
        let verdict = Verdict::Noted(words.into());
        Finding { condition: self.name, severity: self.severity, clause: self.clause, verdict }
    }
}

/// A condition and its outcome.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) condition: &'static str,
    pub(crate) severity: Severity,
    pub(crate) clause: &'static str,
    pub(crate) verdict: Verdict,
}

/// The outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Held,
    /// It holds, and a reader should know something.
    Noted(String),
    /// What was expected and what came.
    Broken(String),
}

impl Finding {
    /// The same with another weight.
    pub(crate) fn weighing(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Whether it does not hold.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.verdict, Verdict::Broken(_))
    }
}
