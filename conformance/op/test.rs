//! One module at work: its browser, its clients, what it has found.

use std::sync::Arc;

use serde_json::Value;

use super::finding::{Condition, Finding, Severity, info};
use super::kit::browser::Browser;
use super::kit::http::{Call, Reply};
use super::plans::Variant;
use super::world::World;

/// The module goes no further; what it found says why.
#[derive(Debug)]
pub(crate) struct Stop;

/// A step of a module.
pub(crate) type Step<T = ()> = Result<T, Stop>;

/// A module at work.
pub(crate) struct Test {
    pub(crate) world: Arc<World>,
    pub(crate) variant: Variant,
    /// The person's browser: without cookies at the beginning.
    pub(crate) browser: Browser,
    /// The provider's keys, as this module fetched them.
    pub(crate) keys: Vec<Value>,
    /// DPoP nonces that the provider gave, of the authorization server and of the resource (RFC 9449, 8 and 9).
    pub(crate) nonces: [Option<String>; 2],
    /// Whether the resource refused a proof for want of a nonce.
    pub(crate) nonce_demanded: bool,
    /// Whether an error may come in the plain where a token was asked for.
    pub(crate) plain_errors: bool,
    /// Where clients of this module are taken back (RFC 7592).
    pub(crate) registrations: Vec<(url::Url, String)>,
    findings: Vec<Finding>,
    skipped: Option<String>,
}

/// What became of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Warning,
    Skipped,
    Failed,
}

impl Outcome {
    /// As reports print it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Warning => "WARNING",
            Self::Skipped => "SKIPPED",
            Self::Failed => "FAILED",
        }
    }
}

impl Test {
    /// A module that has done nothing yet.
    pub(crate) fn new(world: &Arc<World>, variant: Variant) -> Self {
        Self {
            world: Arc::clone(world),
            variant,
            browser: world.browser(),
            keys: Vec::new(),
            nonces: [None, None],
            nonce_demanded: false,
            plain_errors: false,
            registrations: Vec::new(),
            findings: Vec::new(),
            skipped: None,
        }
    }

    /// Takes a finding down and goes on.
    pub(crate) fn note(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Takes a finding down; one that does not hold ends the module, and fails it whatever it weighs.
    pub(crate) fn need(&mut self, finding: Finding) -> Step {
        let broken = finding.is_broken();
        self.note(if broken { finding.weighing(Severity::Fail) } else { finding });
        if broken { Err(Stop) } else { Ok(()) }
    }

    /// The value that a condition needs; without it the module ends and fails.
    pub(crate) fn obtain<T>(&mut self, condition: Condition, value: Result<T, String>) -> Step<T> {
        match value {
            Ok(value) => {
                self.note(condition.result(Ok(())));
                Ok(value)
            }
            Err(why) => {
                self.note(condition.result(Err(why)).weighing(Severity::Fail));
                Err(Stop)
            }
        }
    }

    /// Ends the module as skipped.
    pub(crate) fn skip(&mut self, why: impl Into<String>) -> Stop {
        self.skipped = Some(why.into());
        Stop
    }

    /// Makes a call; one that brings no answer ends the module.
    pub(crate) async fn call(&mut self, what: &'static str, call: Call) -> Step<Reply> {
        let reply = self.world.http.send(call).await;
        self.obtain(info(what, "RFC 9110"), reply)
    }

    /// What became of it, why it was skipped, and every finding.
    pub(crate) fn finish(self) -> (Outcome, Option<String>, Vec<Finding>) {
        let heaviest = self.findings.iter().filter(|f| f.is_broken()).map(|f| f.severity).max();
        let result = match (heaviest, &self.skipped) {
            (Some(Severity::Fail), _) => Outcome::Failed,
            (_, Some(_)) => Outcome::Skipped,
            (Some(Severity::Warn), None) => Outcome::Warning,
            _ => Outcome::Passed,
        };
        (result, self.skipped, self.findings)
    }
}
