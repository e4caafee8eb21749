//! A graded report as the page draws it: the verdict in plain words first, then the evidence.

use audit::checkpoint::Checkpoint;
use audit::proof::{InclusionProof, Leaf};
use base::Timestamp;
use flows::ecerts::Standing;
use flows::verify_file::Verified;
use seal::deviation::Deviation;
use seal::report::{
    Check, CheckResult, FileKind, Indication, SealReport, SignatureReport, SubIndication, Verdicts,
};

use super::{proof_link, standing_facts, state_words};
use crate::pages::parts::{self, Fact, Link, Tone, Verdict};
use crate::pages::verifying::{CheckView, ReportView, RulingView, SignatureView};
use crate::pages::{Frame, Message};

/// The report in the reader's language.
pub(super) fn view(frame: &Frame, file_name: &str, size_bytes: usize, verified: &Verified) -> ReportView {
    let report = &verified.report;
    let own = verdict(report.indication);
    // A genuine seal on a licence that was taken away is not something to rely on.
    let lapsed = verified.certificate.as_ref().filter(|standing| state_words(standing.state).1 != Tone::Ok);
    let (verdict, headline, sub_text) = match lapsed {
        None if own == Verdict::Passed && verified.is_issued_file == Some(false) => (
            Verdict::Indeterminate,
            frame.t("headline-not-issued-file"),
            frame.t("headline-not-issued-file-why"),
        ),
        Some(standing) if own == Verdict::Passed => {
            let state = frame.t(state_words(standing.state).0);
            let headline = frame.t1("headline-certificate", "state", state);
            (Verdict::Failed, headline, frame.t("headline-certificate-why"))
        }
        _ => {
            let headline = frame.t(headline(report.indication, report.sub_indication, report.kind));
            (own, headline, frame.either(&report.reason_zh, &report.reason).to_owned())
        }
    };
    let seal = report.seal.as_ref().map(|seal| seal_view(frame, seal, &report.verdicts));
    let signatures = report.signatures.iter().map(|signature| signature_view(frame, signature));
    ReportView {
        verdict,
        headline,
        sub_text,
        file_name: if file_name.is_empty() { frame.t("file-unnamed") } else { file_name.to_owned() },
        kind: frame.t(match report.kind {
            FileKind::Ofd => "file-kind-ofd",
            FileKind::Seal => "file-kind-seal",
            FileKind::Unknown => "file-kind-unknown",
        }),
        facts: file_facts(frame, size_bytes, verified),
        warnings: report.warnings.iter().map(|w| frame.either(&w.zh, &w.en).to_owned()).collect(),
        signatures: signatures.chain(seal).collect(),
        links: links(verified),
    }
}

const fn verdict(indication: Indication) -> Verdict {
    match indication {
        Indication::TotalPassed => Verdict::Passed,
        Indication::Indeterminate => Verdict::Indeterminate,
        Indication::TotalFailed => Verdict::Failed,
    }
}

/// The key of what the verdict means, in one plain sentence.
const fn headline(indication: Indication, sub: Option<SubIndication>, kind: FileKind) -> &'static str {
    use SubIndication as Sub;
    match (indication, sub) {
        (Indication::TotalPassed, _) => match kind {
            FileKind::Seal => "headline-passed-seal",
            FileKind::Ofd | FileKind::Unknown => "headline-passed",
        },
        (_, Some(Sub::HashFailure)) => "headline-changed",
        (
            _,
            Some(
                Sub::SigCryptoFailure
                | Sub::SealSignatureInvalid
                | Sub::SealSignerNotListed
                | Sub::TimestampImprint
                | Sub::SealFileMismatch,
            ),
        ) => "headline-forged",
        (_, Some(Sub::Revoked | Sub::SealRevoked)) => "headline-revoked",
        (
            _,
            Some(Sub::ClaimedTimeOutsideCert | Sub::SealExpiredAtSigning | Sub::Expired | Sub::NotYetValid),
        ) => "headline-out-of-time",
        (_, Some(Sub::FormatFailure)) => "headline-malformed",
        (_, Some(Sub::NoSignatureFound)) => "headline-unsigned",
        (_, Some(Sub::NoCertificateChainFound)) => "headline-untrusted",
        (_, Some(Sub::ScopePartial | Sub::ScopeSupersededRevision)) => "headline-partial",
        (Indication::TotalFailed, _) => "headline-failed",
        (Indication::Indeterminate, _) => "headline-indeterminate",
    }
}

fn file_facts(frame: &Frame, size_bytes: usize, verified: &Verified) -> Vec<Fact> {
    let report = &verified.report;
    let mut facts = vec![
        Fact::new(frame.t("file-size"), frame.t1("file-bytes", "count", size_bytes)),
        Fact::new(frame.t("file-sm3"), &report.file_sm3),
    ];
    let code = match report.sub_indication {
        Some(sub) => format!("{} / {}", report.indication.name(), sub.name()),
        None => report.indication.name().to_owned(),
    };
    facts.push(Fact::new(frame.t("conclusion-code"), code));
    match &verified.log {
        Some(proof) => facts.extend(log_facts(frame, proof)),
        None => facts.push(Fact::new(frame.t("log-entry"), frame.t("not-in-log"))),
    }
    if let Some(standing) = &verified.certificate {
        facts.extend(certificate_facts(frame, standing));
    }
    facts
}

fn certificate_facts(frame: &Frame, standing: &Standing) -> Vec<Fact> {
    let state = frame.t(state_words(standing.state).0);
    let mut facts = vec![
        Fact::new(frame.t("certificate-type"), &standing.name),
        Fact::new(frame.t("standing-now"), state),
    ];
    // The digest is the file's, which is there already.
    facts.extend(standing_facts(frame, standing).into_iter().filter(|f| f.value != standing.file_sm3));
    facts
}

/// Which entry of the log, and its place under the checkpoint that the proof leads to.
pub(super) fn log_facts(frame: &Frame, proof: &InclusionProof) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Leaf::Entry(entry) = &proof.leaf {
        let what = frame.t(&format!("kind-{}", entry.kind().as_str()));
        let at = entry.at().minute_in_china();
        facts.push(Fact::new(frame.t("log-entry"), format!("{} · {what} · {at}", entry.id())));
    }
    if let Ok(checkpoint) = Checkpoint::peek(&proof.checkpoint) {
        let place = frame.t2("log-place", "index", proof.index, "size", checkpoint.size());
        facts.push(Fact::new(frame.t("column-number"), place));
    }
    facts
}

fn links(verified: &Verified) -> Vec<Link> {
    let entry = verified.log.as_ref().and_then(|proof| match &proof.leaf {
        Leaf::Entry(entry) => Some(proof_link(entry.id())),
        Leaf::Hash(_) => None,
    });
    let certificate = verified.certificate.as_ref().map(|standing| {
        Link::new(
            format!("/certificates?identifier={}", standing.identifier),
            Message::new("lookup-certificate"),
        )
    });
    entry.into_iter().chain(certificate).collect()
}

fn signature_view(frame: &Frame, signature: &SignatureReport) -> SignatureView {
    let verdicts = signature.verdicts.as_ref();
    let title = match &signature.seal_name {
        Some(name) => name.clone(),
        None => frame.t1("seal-unnamed", "id", &signature.id),
    };
    SignatureView {
        verdict: verdicts.map_or(Verdict::Indeterminate, |v| verdict(v.gbt38540.indication)),
        title,
        facts: signature_facts(frame, signature),
        rulings: verdicts.map(|v| rulings(frame, v)).unwrap_or_default(),
        checks: signature.checks.iter().map(|check| check_view(frame, check)).collect(),
        bad_files: signature.bad_files.iter().chain(&signature.missing_files).cloned().collect(),
        uncovered: uncovered(signature),
    }
}

/// What the signature does not cover, without its own parts: no signature can cover itself.
fn uncovered(signature: &SignatureReport) -> Vec<String> {
    let own = signature.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let foreign = |file: &&String| own.is_empty() || !file.starts_with(own);
    signature.uncovered.iter().filter(foreign).cloned().collect()
}

fn signature_facts(frame: &Frame, signature: &SignatureReport) -> Vec<Fact> {
    let proven = signature.proven_time.as_deref().map_or_else(|| frame.t("not-proven"), moment);
    let structure = match &signature.vendor {
        Some(vendor) => format!("{} ({vendor})", signature.structure),
        None => signature.structure.clone(),
    };
    let wrong = signature.references_bad + signature.references_missing;
    let good = signature.references_total.saturating_sub(wrong);
    let stated = [
        ("seal-code", signature.es_id.clone()),
        ("signer", signature.signer.clone()),
        ("signer-issuer", signature.issuer.clone()),
        ("seal-maker", signature.maker.clone()),
        ("claimed-time", signature.claimed_time.as_deref().map(moment)),
        ("proven-time", Some(proven)),
        ("protected-files", Some(format!("{good} / {}", signature.references_total))),
        ("seal-structure", Some(structure)),
    ];
    let stated = stated.into_iter().filter_map(|(key, value)| Some(Fact::new(frame.t(key), value?)));
    stated.chain(deviations(frame, &signature.deviations)).collect()
}

fn seal_view(frame: &Frame, seal: &SealReport, verdicts: &Verdicts) -> SignatureView {
    SignatureView {
        verdict: verdict(verdicts.gbt38540.indication),
        title: seal.name.clone(),
        facts: seal_facts(frame, seal),
        rulings: rulings(frame, verdicts),
        checks: seal.checks.iter().map(|check| check_view(frame, check)).collect(),
        bad_files: Vec::new(),
        uncovered: Vec::new(),
    }
}

fn seal_facts(frame: &Frame, seal: &SealReport) -> Vec<Fact> {
    let size = format!("{} × {}", seal.picture.w, seal.picture.h);
    let validity =
        frame.t2("validity-text", "from", moment(&seal.valid_from), "until", moment(&seal.valid_until));
    let mut facts = vec![
        Fact::new(frame.t("seal-code"), &seal.es_id),
        Fact::new(frame.t("validity"), validity),
        Fact::new(frame.t("picture"), frame.t2("picture-text", "kind", &seal.picture.type_, "size", size)),
        Fact::new(frame.t("seal-structure"), format!("{} ({})", seal.structure, seal.header.vid)),
    ];
    facts.extend(seal.maker.as_ref().map(|maker| Fact::new(frame.t("seal-maker"), maker)));
    facts.extend(deviations(frame, &seal.deviations));
    facts
}

fn deviations<'a>(frame: &'a Frame, all: &'a [Deviation]) -> impl Iterator<Item = Fact> + 'a {
    all.iter().map(|deviation| {
        let text = frame.either(&deviation.text_zh, &deviation.text);
        let label = frame.t1("deviation", "code", &deviation.code);
        Fact::new(label, format!("{text} ({})", deviation.field))
    })
}

fn rulings(frame: &Frame, verdicts: &Verdicts) -> Vec<RulingView> {
    [("rule-gbt38540", &verdicts.gbt38540), ("rule-strict", &verdicts.strict)]
        .map(|(rule, ruling)| RulingView {
            rule: frame.t(rule),
            verdict: verdict(ruling.indication),
            reason: frame.either(&ruling.reason_zh, &ruling.reason).to_owned(),
        })
        .to_vec()
}

fn check_view(frame: &Frame, check: &Check) -> CheckView {
    CheckView {
        result: match check.result {
            CheckResult::Passed => parts::CheckResult::Passed,
            CheckResult::Failed => parts::CheckResult::Failed,
            CheckResult::Warning => parts::CheckResult::Warning,
            CheckResult::NotApplicable => parts::CheckResult::NotApplicable,
            CheckResult::Indeterminate => parts::CheckResult::Indeterminate,
        },
        title: frame.either(check.title_zh, check.title_en).to_owned(),
        clause: check.clause.to_owned(),
        detail: frame.either(&check.detail_zh, &check.detail).to_owned(),
    }
}

/// An instant of RFC 3339 in China Standard Time; what is none is shown as it is.
fn moment(text: &str) -> String {
    Timestamp::parse_rfc3339(text).map_or_else(|| text.to_owned(), Timestamp::minute_in_china)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Display, Lang, Pages};

    fn frame(lang: Lang) -> Frame {
        Pages::load(false).unwrap().frame(Display { lang, elder: false }, "/verify")
    }

    fn verified(file: &[u8]) -> Verified {
        let trust = seal::TrustAnchors {
            anchors: [].into_iter().collect(),
            intermediates: Vec::new(),
            statuses: None,
        };
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        Verified {
            report: seal::verify_file(file, &trust, now),
            log: None,
            is_issued_file: None,
            certificate: None,
        }
    }

    fn standing(state: &'static str) -> Standing {
        Standing {
            identifier: "1.2.156.3005.2.11350000003591037R001.11350100MB1234567K.2026000123.001.V".into(),
            name: "食品经营许可证".into(),
            state,
            state_zh: "",
            state_en: "",
            issuing_authority: "示例市市场监督管理局".into(),
            issued_date: "2026-11-24".into(),
            validate_end: None,
            holder_masked: "林**".into(),
            file_sm3: "00".into(),
            log_entry: base::Id::new(Timestamp::from_unix_seconds(0), &base::OsEntropy),
        }
    }

    #[test]
    fn what_is_no_document_is_said_not_to_be_one_in_both_languages() {
        for lang in [Lang::Zh, Lang::En] {
            let frame = frame(lang);
            let view = view(&frame, "", 5, &verified(b"hello"));
            assert_ne!(view.verdict, Verdict::Passed);
            assert_eq!(view.file_name, frame.t("file-unnamed"));
            assert!(view.signatures.is_empty() && view.links.is_empty());
            assert!(view.facts.iter().any(|f| f.value == frame.t("not-in-log")));
        }
    }

    #[test]
    fn a_genuine_seal_does_not_make_a_revoked_licence_good() {
        let mut verified = verified(b"hello");
        verified.report.indication = Indication::TotalPassed;
        verified.report.sub_indication = None;
        for (state, expected) in [("01", Verdict::Passed), ("07", Verdict::Failed), ("02", Verdict::Failed)] {
            verified.certificate = Some(standing(state));
            assert_eq!(view(&frame(Lang::En), "a.ofd", 5, &verified).verdict, expected, "{state}");
        }
        let shown = view(&frame(Lang::En), "a.ofd", 5, &verified);
        assert_eq!(shown.headline, "The seal is genuine, but the certificate is now: Suspended");
    }

    #[test]
    fn every_headline_has_words() {
        let pages = Pages::load(false).unwrap();
        let subs = [SubIndication::HashFailure, SubIndication::Revoked, SubIndication::NoPoe].map(Some);
        for sub in subs.into_iter().chain([None]) {
            for indication in [Indication::TotalPassed, Indication::Indeterminate, Indication::TotalFailed] {
                let key = headline(indication, sub, FileKind::Ofd);
                assert!(pages.words(Lang::Zh).find(key).is_some(), "{key}");
            }
        }
    }
}
