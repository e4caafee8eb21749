//! Links, facts, badges and verdicts that several pages show.

use super::texts::Message;

/// A link with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads: a local path, or an address that was checked.
    pub href: String,
    /// What it says.
    pub label: Message,
}

impl Link {
    /// A link to `href`.
    pub fn new(href: impl Into<String>, label: Message) -> Self {
        Self { href: href.into(), label }
    }
}

/// A name and its value, both in the reader's language already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The name.
    pub label: String,
    /// The value.
    pub value: String,
}

impl Fact {
    /// `label`: `value`.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

/// How a badge is coloured; the words on it say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Good.
    Ok,
    /// Needs a look.
    Warn,
    /// Bad.
    Bad,
    /// Neither.
    Plain,
}

impl Tone {
    /// Its class in the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

/// The outcome of a verification, named as in ETSI EN 319 102-1, 5.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// TOTAL-PASSED
    Passed,
    /// INDETERMINATE
    Indeterminate,
    /// TOTAL-FAILED
    Failed,
}

impl Verdict {
    /// Its class in the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Passed => Tone::Ok.class(),
            Self::Indeterminate => Tone::Warn.class(),
            Self::Failed => Tone::Bad.class(),
        }
    }

    /// The key of its word.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Passed => "verdict-passed",
            Self::Indeterminate => "verdict-indeterminate",
            Self::Failed => "verdict-failed",
        }
    }
}

/// The outcome of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckResult {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// It holds, with something to know.
    Warning,
    /// It does not concern this file.
    NotApplicable,
    /// It could not be decided.
    Indeterminate,
}

impl CheckResult {
    /// Its class in the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Passed => Tone::Ok.class(),
            Self::Failed => Tone::Bad.class(),
            Self::Warning | Self::Indeterminate => Tone::Warn.class(),
            Self::NotApplicable => Tone::Plain.class(),
        }
    }

    /// The key of its word.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Passed => "check-passed",
            Self::Failed => "check-failed",
            Self::Warning => "check-warning",
            Self::NotApplicable => "check-not-applicable",
            Self::Indeterminate => "check-indeterminate",
        }
    }
}
