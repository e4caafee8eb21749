//! The document around the signatures: listed files, coverage, stamps, `Seal.esl`, signatures that nobody lists.

use std::collections::{BTreeMap, BTreeSet};

use document::ofd::coverage::{self, Role};
use document::ofd::{Package, SignatureRef, SignatureType, SignatureXml};

use super::checks::{Checks, Outcome};
use super::rules::{
    COVERAGE, DIGEST_METHOD, LISTED, OF_DOCUMENT, OF_MESSAGE, OF_SEAL_SIGNATURE, PARTS, REFERENCES, RELATIVE,
    SEAL_FILE, STAMPS,
};
use super::{Context, assemble, value};
use crate::report::{FileKind, Indication, Report, SignatureReport, SubIndication, Verdict, Verdicts, Words};

/// Most signatures judged in one package, listed and orphaned.
const MAX_SIGNATURES_COUNT: usize = 64;

/// Verifies every signature of an OFD package.
pub(super) fn verify(bytes: &[u8], context: &Context<'_>) -> Report {
    let package = match Package::open(bytes) {
        Ok(package) => package,
        Err(error) => {
            let words = Words::new(
                format!("the package cannot be read without doubt: {error}"),
                format!("文件包无法可靠读取：{error}"),
            );
            let verdict = Verdict::because(SubIndication::FormatFailure, words);
            return assemble(bytes, FileKind::Ofd, Verdicts::both(verdict));
        }
    };
    let orphans = package.orphan_signature_files();
    let candidates = candidates(&package, &orphans);
    if candidates.len() > MAX_SIGNATURES_COUNT {
        let words = Words::new(
            format!(
                "{} signatures are more than the {MAX_SIGNATURES_COUNT} that are judged",
                candidates.len()
            ),
            format!("签名数量 {} 超过上限 {MAX_SIGNATURES_COUNT}", candidates.len()),
        );
        let verdict = Verdict::because(SubIndication::FormatFailure, words);
        return assemble(bytes, FileKind::Ofd, Verdicts::both(verdict));
    }
    let facts = Facts::of(&package);
    let read: Vec<Candidate> = candidates
        .into_iter()
        .map(|(reference, listed)| Candidate::read(&package, reference, listed))
        .collect();
    let signatures: Vec<SignatureReport> =
        read.iter().map(|candidate| candidate.judge(&facts, &read, context)).collect();
    let verdicts = Verdicts::worst(signatures.iter().filter_map(|s| s.verdicts.as_ref()));
    let verdicts = verdicts.unwrap_or_else(|| Verdicts::both(unsigned(&orphans)));
    let mut report = Report { signatures, ..assemble(bytes, FileKind::Ofd, verdicts) };
    hold_back(&mut report, &facts, &read);
    report.warnings = warnings(&package, &orphans);
    report
}

/// The signature values that a package's signatures name, for finding out what they mention.
pub(super) fn signature_values(bytes: &[u8]) -> Vec<Vec<u8>> {
    let Ok(package) = Package::open(bytes) else { return Vec::new() };
    let listed = package.signatures().iter().take(MAX_SIGNATURES_COUNT);
    listed.filter_map(|reference| Candidate::read(&package, reference.clone(), true).value).collect()
}

/// Closes a signature's report with its verdicts.
pub(super) fn finish(mut report: SignatureReport, mut checks: Checks) -> SignatureReport {
    if !report.path.is_empty() {
        checks.fill(OF_DOCUMENT);
    }
    checks.fill(if report.structure.starts_with("CMS") { OF_MESSAGE } else { OF_SEAL_SIGNATURE });
    report.checks = checks.into_list();
    report.verdicts = Some(Verdicts::of(&report.checks));
    report
}

/// The listed signatures, and every `Signature.xml` that is listed nowhere.
fn candidates(package: &Package, orphans: &[String]) -> Vec<(SignatureRef, bool)> {
    let listed = package.signatures().iter().map(|reference| (reference.clone(), true));
    let is_signature = |path: &&String| {
        package.file(path).and_then(document::xml::root_name).is_some_and(|root| root == "Signature")
    };
    let orphaned = orphans.iter().filter(is_signature).map(|path| {
        let reference = SignatureRef {
            id: String::new(),
            type_: SignatureType::Seal,
            base_loc: path.clone(),
            relative: None,
            doc_body: 0,
        };
        (reference, false)
    });
    listed.chain(orphaned).collect()
}

fn unsigned(orphans: &[String]) -> Verdict {
    let words = if orphans.is_empty() {
        Words::new("the document carries no signature", "文件没有签名或签章")
    } else {
        Words::new(
            "the document lists no signature, yet parts of signatures are in it",
            "文件未列出签名，但含有签名的残留部分",
        )
    };
    Verdict::because(SubIndication::NoSignatureFound, words)
}

/// Holds the headline back when something that is shown is covered by no signature: it can be exchanged unnoticed.
///
/// `OFD.xml` alone does not hold it back: exchanging it to show something else makes that something uncovered.
fn hold_back(report: &mut Report, facts: &Facts<'_>, read: &[Candidate]) {
    if report.indication != Indication::TotalPassed {
        return;
    }
    let covered: BTreeSet<String> =
        read.iter().flat_map(|candidate| candidate.covered.iter().cloned()).collect();
    let shown = |name: &&String| !matches!(facts.roles.get(*name), None | Some(Role::Root | Role::Signature));
    let open = coverage::uncovered_files(facts.package, &covered);
    let open: Vec<&str> = open.iter().filter(shown).map(String::as_str).collect();
    if let Some(first) = open.first() {
        report.indication = Indication::Indeterminate;
        report.sub_indication = Some(SubIndication::ScopePartial);
        report.reason =
            format!("no signature covers `{first}` ({} files in all), which readers show", open.len());
        report.reason_zh = format!("`{first}` 等 {} 个显示内容不受任何签名保护", open.len());
    }
}

fn warnings(package: &Package, orphans: &[String]) -> Vec<Words> {
    let mut warnings: Vec<Words> = package
        .warnings()
        .iter()
        .map(|warning| Words::new(format!("package: {warning:?}"), format!("文件包：{warning:?}")))
        .collect();
    for orphan in orphans {
        let zh = format!("`{orphan}` 属于签名但未被列出");
        warnings.push(Words::new(format!("`{orphan}` is part of a signature that is not listed"), zh));
    }
    warnings
}

/// What all signatures of a package are compared with, worked out once: a hostile package may have many.
struct Facts<'a> {
    package: &'a Package,
    /// SM3 of every file.
    digests: BTreeMap<&'a str, [u8; 32]>,
    /// What each file that `OFD.xml` leads to does for a reader.
    roles: BTreeMap<String, Role>,
    /// The page identifiers of each document body, or why they cannot be read.
    pages: Vec<Result<BTreeSet<String>, String>>,
}

impl<'a> Facts<'a> {
    fn of(package: &'a Package) -> Self {
        let pages = |body| match package.pages(body) {
            Ok(pages) => Ok(pages.into_iter().map(|page| page.id).collect()),
            Err(error) => Err(error.to_string()),
        };
        let (names, files): (Vec<_>, Vec<_>) = package.files().unzip();
        Self {
            package,
            digests: names.into_iter().zip(gm::sm3::hash_many(&files)).collect(),
            roles: coverage::reachable(package),
            pages: (0..package.doc_bodies().len()).map(pages).collect(),
        }
    }
}

/// One signature of the package with its parts at hand.
struct Candidate {
    reference: SignatureRef,
    listed: bool,
    xml: Option<Vec<u8>>,
    parsed: Result<SignatureXml, String>,
    value: Option<Vec<u8>>,
    covered: BTreeSet<String>,
}

impl Candidate {
    fn read(package: &Package, reference: SignatureRef, listed: bool) -> Self {
        let xml = package.file(&reference.base_loc).map(<[u8]>::to_vec);
        let parsed = match &xml {
            Some(xml) => SignatureXml::parse(xml).map_err(|error| error.to_string()),
            None => Err("absent".to_owned()),
        };
        let signature = parsed.as_ref().ok();
        let value = signature
            .and_then(|signature| signature.signed_value_path.as_deref())
            .and_then(|path| package.locate(&reference.base_loc, path))
            .and_then(|path| package.file(path))
            .map(<[u8]>::to_vec);
        let covered = signature
            .map(|signature| coverage::covered_files(package, &reference.base_loc, signature))
            .unwrap_or_default();
        Self { reference, listed, xml, parsed, value, covered }
    }

    fn judge(&self, facts: &Facts<'_>, all: &[Self], context: &Context<'_>) -> SignatureReport {
        let package = facts.package;
        let mut report = SignatureReport {
            id: self.reference.id.clone(),
            listed: self.listed,
            path: self.reference.base_loc.clone(),
            ..SignatureReport::default()
        };
        let mut checks = Checks::default();
        self.check_listed(&mut checks);
        let (Ok(signature), Some(xml), Some(value)) = (&self.parsed, &self.xml, &self.value) else {
            report.structure = "unknown".to_owned();
            let what = self.parsed.as_ref().err().map_or("the signature value is absent", String::as_str);
            let outcome = Outcome::failed(SubIndication::FormatFailure);
            checks.add(
                &PARTS,
                outcome,
                format!("{}: {what}", report.path),
                format!("{}：{what}", report.path),
            );
            return finish(report, checks);
        };
        checks.add(&PARTS, Outcome::PASSED, report.path.clone(), report.path.clone());
        check_references(&mut report, facts, signature, &mut checks);
        self.check_relative(package, &mut checks);
        let seal = value::judge(&mut report, &mut checks, xml, value, context);
        self.check_stamps(facts, signature, &mut checks);
        if let Some(seal) = seal {
            self.check_seal_file(&mut report, package, signature, &seal, &mut checks);
        }
        self.check_coverage(&mut report, facts, all, &mut checks);
        finish(report, checks)
    }

    fn check_listed(&self, checks: &mut Checks) {
        if self.listed {
            checks.add(&LISTED, Outcome::PASSED, self.reference.id.clone(), self.reference.id.clone());
        } else {
            checks.add(
                &LISTED,
                Outcome::indeterminate(SubIndication::SigConstraintsFailure),
                "it was taken out of the document's list, or never put in",
                "该签名未列入文件的签名列表，可能被移除",
            );
        }
    }

    fn check_relative(&self, package: &Package, checks: &mut Checks) {
        let Some(relative) = &self.reference.relative else {
            checks.add(&RELATIVE, Outcome::NOT_APPLICABLE, "builds on none", "不依赖其他签名");
            return;
        };
        let exists =
            package.signatures().iter().any(|other| other.id == *relative && other != &self.reference);
        let outcome =
            if exists { Outcome::PASSED } else { Outcome::indeterminate(SubIndication::SignedDataNotFound) };
        checks.add(&RELATIVE, outcome, relative.clone(), relative.clone());
    }

    /// Stamps stand on pages the document has. The picture to show is the signed seal's, whatever else is in the package.
    fn check_stamps(&self, facts: &Facts<'_>, signature: &SignatureXml, checks: &mut Checks) {
        let known = match facts.pages.get(self.reference.doc_body) {
            _ if signature.stamp_annots.is_empty() => {
                checks.add(&STAMPS, Outcome::NOT_APPLICABLE, "no stamp is shown", "无印章显示位置");
                return;
            }
            Some(Ok(known)) => known,
            Some(Err(error)) => {
                checks.add(&STAMPS, Outcome::WARNING, error.clone(), format!("页面无法读取：{error}"));
                return;
            }
            None => {
                checks.add(&STAMPS, Outcome::WARNING, "the document has no body", "文件没有文档体");
                return;
            }
        };
        match signature.stamp_annots.iter().find(|stamp| !known.contains(&stamp.page_ref)) {
            None => {
                let count = signature.stamp_annots.len();
                checks.add(&STAMPS, Outcome::PASSED, format!("{count} shown"), format!("共 {count} 处"));
            }
            Some(stamp) => {
                let (id, page) = (&stamp.id, &stamp.page_ref);
                let en = format!("stamp `{id}` names page `{page}`, which the document does not have");
                checks.add(&STAMPS, Outcome::WARNING, en, format!("印章 `{id}` 指向不存在的页面 `{page}`"));
            }
        }
    }

    /// `Seal.esl` is byte for byte the seal in the signature.
    fn check_seal_file(
        &self,
        report: &mut SignatureReport,
        package: &Package,
        signature: &SignatureXml,
        seal: &[u8],
        checks: &mut Checks,
    ) {
        let path = signature
            .seal_base_loc
            .as_deref()
            .and_then(|location| package.locate(&self.reference.base_loc, location));
        let Some(file) = path.and_then(|path| package.file(path)) else {
            checks.add(&SEAL_FILE, Outcome::NOT_APPLICABLE, "no Seal.esl", "没有 Seal.esl");
            return;
        };
        if file == seal {
            report.seal_file = Some("identical to embedded".to_owned());
            checks.add(&SEAL_FILE, Outcome::PASSED, "identical", "一致");
        } else {
            let head = base::encoding::hex(file.get(..8).unwrap_or_default());
            let differs = format!("DIFFERS ({} vs {}) head {head}", file.len(), seal.len());
            report.seal_file = Some(differs.clone());
            let outcome = Outcome::strict_only(SubIndication::SealFileMismatch);
            checks.add(&SEAL_FILE, outcome, differs, "Seal.esl 与签章内的印章不同".to_owned());
        }
    }

    /// What a reader shows now and this signature does not cover.
    fn check_coverage(
        &self,
        report: &mut SignatureReport,
        facts: &Facts<'_>,
        all: &[Self],
        checks: &mut Checks,
    ) {
        let own = facts.package.own_files(&self.reference.base_loc);
        let mut stray = Vec::new();
        report.uncovered = coverage::uncovered_files(facts.package, &self.covered);
        for name in report.uncovered.iter().filter(|name| !own.contains(name)) {
            match facts.roles.get(name) {
                Some(Role::Signature) => {}
                Some(_) => report.uncovered_essential.push(name.clone()),
                None => stray.push(name.as_str()),
            }
        }
        let list = report.uncovered_essential.join(", ");
        if report.uncovered_essential.is_empty() && stray.is_empty() {
            checks.add(
                &COVERAGE,
                Outcome::PASSED,
                "the whole document, current revision",
                "覆盖整个文件的当前版本",
            );
        } else if report.uncovered_essential.is_empty() {
            let stray = stray.join(", ");
            let en = format!("everything shown; files that nothing names came along: {stray}");
            checks.add(
                &COVERAGE,
                Outcome::WARNING,
                en,
                format!("覆盖全部显示内容；另有未被引用的文件：{stray}"),
            );
        } else if self.is_superseded(&report.uncovered_essential, all) {
            let outcome = Outcome::strict_only(SubIndication::ScopeSupersededRevision);
            let en = format!("an earlier revision; a later signature covers {list}");
            checks.add(&COVERAGE, outcome, en, format!("覆盖较早版本；后续签名覆盖 {list}"));
        } else {
            let outcome = Outcome::strict_only(SubIndication::ScopePartial);
            checks.add(&COVERAGE, outcome, format!("not covered: {list}"), format!("未覆盖：{list}"));
        }
    }

    /// Whether a later signature covers this one and what this one leaves out.
    fn is_superseded(&self, missing: &[String], all: &[Self]) -> bool {
        all.iter().any(|later| {
            later.listed
                && later.covered.contains(&self.reference.base_loc)
                && missing.iter().all(|name| name == "OFD.xml" || later.covered.contains(name))
        })
    }
}

/// g, second half: every listed file is there and has its digest.
fn check_references(
    report: &mut SignatureReport,
    facts: &Facts<'_>,
    signature: &SignatureXml,
    checks: &mut Checks,
) {
    report.references_total = signature.references.len();
    let method = signature.check_method.as_deref().unwrap_or("MD5 (by default)");
    if !method.eq_ignore_ascii_case("SM3") && method != pki::oid::SM3 {
        let outcome = Outcome::indeterminate(SubIndication::CryptoConstraintsFailure);
        let shown: String = method.chars().take(64).collect();
        let (en, zh) = (format!("`{shown}`, expected SM3"), format!("`{shown}`，应为 SM3"));
        checks.add(&DIGEST_METHOD, outcome, en, zh);
        return;
    }
    checks.add(&DIGEST_METHOD, Outcome::PASSED, method, method);
    for reference in &signature.references {
        let path = facts.package.locate(&report.path, &reference.file_ref);
        match path.and_then(|path| facts.digests.get(path)) {
            None => report.missing_files.push(reference.file_ref.clone()),
            Some(digest) if digest.as_slice() != reference.check_value => {
                report.bad_files.push(reference.file_ref.clone());
            }
            Some(_) => {}
        }
    }
    report.references_bad = report.bad_files.len();
    report.references_missing = report.missing_files.len();
    add_references(report, checks);
}

fn add_references(report: &SignatureReport, checks: &mut Checks) {
    let total = report.references_total;
    if total == 0 {
        let outcome = Outcome::indeterminate(SubIndication::SignedDataNotFound);
        checks.add(&REFERENCES, outcome, "the signature lists no file", "签名未列出任何文件");
    } else if report.bad_files.is_empty() && report.missing_files.is_empty() {
        checks.add(&REFERENCES, Outcome::PASSED, format!("all {total}"), format!("共 {total} 个"));
    } else {
        let (bad, missing) = (report.bad_files.join(", "), report.missing_files.join(", "));
        let part = |label: &str, list: &str| {
            if list.is_empty() { String::new() } else { format!("{label} {list} ") }
        };
        let en = format!("{}{}", part("changed:", &bad), part("missing:", &missing));
        let zh = format!("{}{}", part("被改动的文件：", &bad), part("缺失的文件：", &missing));
        checks.add(&REFERENCES, Outcome::failed(SubIndication::HashFailure), en.trim_end(), zh.trim_end());
    }
}
