//! The report for people: the verdict first, then one line a check.

use std::fmt::Write;

use super::{Check, CheckResult, FileKind, Indication, Report, SealReport, SignatureReport, Verdict};
use crate::deviation::Deviation;

/// The language of a text report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Chinese, simplified.
    Chinese,
    /// English.
    English,
}

impl Language {
    fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Chinese => zh,
            Self::English => en,
        }
    }
}

impl Report {
    /// The report as text, the verdict first, one line a check, changed files named. Control characters are shown escaped.
    pub fn to_text(&self, language: Language) -> String {
        let mut out = String::new();
        let line = |out: &mut String, text: &str| {
            out.push_str(&printable(text));
            out.push('\n');
        };
        line(&mut out, &headline(self, language));
        line(&mut out, &format!("  {}", language.pick(&self.reason_zh, &self.reason)));
        line(&mut out, &verdict_line("GB/T 38540-2020", &self.verdicts.gbt38540, language));
        line(&mut out, &verdict_line(language.pick("严格", "strict"), &self.verdicts.strict, language));
        for signature in &self.signatures {
            signature_lines(signature, language, &mut |text| line(&mut out, text));
        }
        if let Some(seal) = &self.seal {
            seal_lines(seal, language, &mut |text| line(&mut out, text));
        }
        for warning in &self.warnings {
            line(&mut out, &format!("! {}", language.pick(&warning.zh, &warning.en)));
        }
        out
    }
}

fn headline(report: &Report, language: Language) -> String {
    let grade = match report.indication {
        Indication::TotalPassed => language.pick("通过", "PASSED"),
        Indication::Indeterminate => language.pick("无法确定", "CANNOT BE CONFIRMED"),
        Indication::TotalFailed => language.pick("不通过", "FAILED"),
    };
    let sub = report.sub_indication.map(|sub| format!(" / {}", sub.name())).unwrap_or_default();
    let kind = match report.kind {
        FileKind::Ofd => language.pick("OFD 文件", "OFD document"),
        FileKind::Seal => language.pick("电子印章", "seal"),
        FileKind::Unknown => language.pick("文件", "file"),
    };
    format!("{kind}: {grade} ({}{sub})", report.indication.name())
}

fn verdict_line(policy: &str, verdict: &Verdict, language: Language) -> String {
    let sub = verdict.sub_indication.map(|sub| format!(" / {}", sub.name())).unwrap_or_default();
    let reason = language.pick(&verdict.reason_zh, &verdict.reason);
    format!("  [{policy}] {}{sub}: {reason}", verdict.indication.name())
}

fn signature_lines(signature: &SignatureReport, language: Language, line: &mut dyn FnMut(&str)) {
    let title = language.pick("签章", "signature");
    line("");
    line(&format!("{title} {} ({}, {})", signature.id, signature.structure, signature.path));
    for (zh, en, value) in [
        ("印章", "seal", &signature.seal_name),
        ("印章编码", "seal code", &signature.es_id),
        ("签章者", "signer", &signature.signer),
        ("颁发者", "issuer", &signature.issuer),
        ("制章者", "seal maker", &signature.maker),
        ("声称时间", "claimed time", &signature.claimed_time),
        ("已证明时间", "proven time", &signature.proven_time),
    ] {
        if let Some(value) = value {
            line(&format!("  {}: {value}", language.pick(zh, en)));
        }
    }
    for (zh, en, files) in [
        ("被改动的文件", "changed file", &signature.bad_files),
        ("缺失的文件", "missing file", &signature.missing_files),
        ("未受保护的显示内容", "shown but not protected", &signature.uncovered_essential),
    ] {
        for file in files {
            line(&format!("  ! {}: {file}", language.pick(zh, en)));
        }
    }
    check_lines(&signature.checks, &signature.deviations, language, line);
}

fn seal_lines(seal: &SealReport, language: Language, line: &mut dyn FnMut(&str)) {
    line("");
    line(&format!("{} {} ({}, {})", language.pick("印章", "seal"), seal.name, seal.structure, seal.es_id));
    if let Some(maker) = &seal.maker {
        line(&format!("  {}: {maker}", language.pick("制章者", "seal maker")));
    }
    line(&format!("  {}: {} – {}", language.pick("有效期", "valid"), seal.valid_from, seal.valid_until));
    check_lines(&seal.checks, &seal.deviations, language, line);
}

fn check_lines(checks: &[Check], deviations: &[Deviation], language: Language, line: &mut dyn FnMut(&str)) {
    for check in checks {
        let mark = match check.result {
            CheckResult::Passed => "✓",
            CheckResult::Failed => "✗",
            CheckResult::Warning => "!",
            CheckResult::NotApplicable => "–",
            CheckResult::Indeterminate => "?",
        };
        let title = language.pick(check.title_zh, check.title_en);
        let detail = language.pick(&check.detail_zh, &check.detail);
        line(&format!("  {mark} {title} [{}] {detail}", check.clause));
    }
    for deviation in deviations {
        let text = language.pick(&deviation.text_zh, &deviation.text);
        line(&format!("  ~ {} {}: {text}", deviation.code, deviation.field));
    }
}

/// `text` on one line, control characters and direction marks escaped: a hostile name can neither rewrite the terminal nor add a line.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hostile = c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if hostile {
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}
