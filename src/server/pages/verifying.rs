//! A file's report, and a certificate looked up by its identifier.

use askama::Template;

use super::frame::Frame;
use super::parts::{CheckResult, Fact, Link, Verdict};
use super::texts::Message;

/// The upload form: `/verify`; it goes to `POST /verify` as `multipart/form-data` with `csrf` and `file`.
#[derive(Template)]
#[template(path = "verify.html")]
pub struct Verify {
    /// What every page shares.
    pub frame: Frame,
    /// The largest file that is taken.
    pub size_max_megabytes: u64,
    /// Why the last file was not read.
    pub error: Option<Message>,
    /// The token against cross-site request forgery.
    pub csrf: String,
}

/// The report on a file, the verdict first.
#[derive(Template)]
#[template(path = "verify_result.html")]
pub struct VerifyResult {
    /// What every page shares; `here` should be `/verify`, for a report cannot be fetched again.
    pub frame: Frame,
    /// The report.
    pub report: ReportView,
}

/// A graded report as the page draws it, in the reader's language already.
#[derive(Debug, Clone)]
pub struct ReportView {
    /// The verdict on the whole file.
    pub verdict: Verdict,
    /// What it means, in one sentence.
    pub headline: String,
    /// Why, in one or two more.
    pub sub_text: String,
    /// The file's name as it was given.
    pub file_name: String,
    /// What kind of file it is.
    pub kind: String,
    /// What else is known of the file: size, digest, log proof.
    pub facts: Vec<Fact>,
    /// What to know besides.
    pub warnings: Vec<String>,
    /// Every signature and seal.
    pub signatures: Vec<SignatureView>,
    /// The log proof, the certificate that the file is.
    pub links: Vec<Link>,
}

/// One signature or seal of the file.
#[derive(Debug, Clone)]
pub struct SignatureView {
    /// The verdict on it.
    pub verdict: Verdict,
    /// What it is: the seal's name.
    pub title: String,
    /// Who, when, under which certificate.
    pub facts: Vec<Fact>,
    /// What each rule book says: GB/T 38540, and the strict one.
    pub rulings: Vec<RulingView>,
    /// Every check.
    pub checks: Vec<CheckView>,
    /// Files that were changed, or are missing, although they are covered.
    pub bad_files: Vec<String>,
    /// Files that are not covered.
    pub uncovered: Vec<String>,
}

/// What one rule book says.
#[derive(Debug, Clone)]
pub struct RulingView {
    /// The rule book.
    pub rule: String,
    /// What it says.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

/// One check.
#[derive(Debug, Clone)]
pub struct CheckView {
    /// Its outcome.
    pub result: CheckResult,
    /// What is checked.
    pub title: String,
    /// The clause that asks for it: `GB/T 38540-2020, 7.3 b`.
    pub clause: String,
    /// What was found; may be empty.
    pub detail: String,
}

/// Looks a certificate up: `/certificates?identifier=…`.
#[derive(Template)]
#[template(path = "certificate.html")]
pub struct CertificateLookup {
    /// What every page shares.
    pub frame: Frame,
    /// What was entered; empty at first.
    pub identifier: String,
    /// Why nothing was found.
    pub error: Option<Message>,
    /// What was found.
    pub found: Option<FoundCertificate>,
}

/// A certificate that was found.
#[derive(Debug, Clone)]
pub struct FoundCertificate {
    /// Passed when it is in force.
    pub verdict: Verdict,
    /// Its state in one word: in force, suspended, revoked.
    pub state: String,
    /// What that means, in one sentence.
    pub headline: String,
    /// Since when, until when, or why not.
    pub sub_text: String,
    /// What kind of certificate it is.
    pub type_name: String,
    /// What may be shown to anybody: identifier, issuer, holder masked, dates, place in the log.
    pub facts: Vec<Fact>,
    /// The file, the proof.
    pub links: Vec<Link>,
}
