//! `yinxin verify` on documents and seals that other people's programs made.
//!
//! The files are third-party data that live beside the repository, with what an independent verifier measured on them;
//! without them the stories say so and pass.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base::{Clock, SystemClock};
use serde_json::Value;

use crate::kit::command::{Told, yinxin};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures");
const CHANGED_INVOICE: &str = "ofdrw/v4_tax_test_invoice_tampered.ofd";
const BANK_RECEIPT: &str = "ofd-go/v4_ceb_testca_raw64_a.ofd";

const DOCUMENTS: [&str; 6] = [
    "ofdrw/v4_tax_test_invoice.ofd",
    CHANGED_INVOICE,
    BANK_RECEIPT,
    "ofd-go/v4_icbc_testca_bitstring7.ofd",
    "ofd-go/cms_rail12306_sample_a.ofd",
    "ofdrw/v4_allprotected.ofd",
];
const SEALS: [&str; 3] = ["ofdrw/UserV1.esl", "ofdrw/UserV4.esl", "ofdrw/UserV5.esl"];

/// Exit codes of `yinxin verify`.
const FAILED: i32 = 1;
const UNDECIDED: i32 = 2;

#[test]
fn every_document_is_judged_as_it_was_measured() {
    let Some(fixtures) = Fixtures::beside_the_repository() else { return };
    for file in DOCUMENTS {
        let (code, report) = fixtures.report(file);
        let measured = fixtures.measured(file).as_array().unwrap();
        let signatures = report["signatures"].as_array().unwrap();
        assert_eq!(signatures.len(), measured.len(), "{file}: {}", report["reason"]);
        for (measured, signature) in measured.iter().zip(signatures) {
            compare(file, measured, signature);
        }
        let (indication, sub_indication) = verdict_of(measured[0]["indication"].as_str().unwrap());
        assert_eq!(report["indication"], indication, "{file}");
        assert_eq!(report["sub_indication"], sub_indication, "{file}");
        assert_eq!(code, exit_code(indication), "{file}");
    }
}

#[test]
fn every_seal_is_read_as_it_was_measured() {
    let Some(fixtures) = Fixtures::beside_the_repository() else { return };
    for file in SEALS {
        let (code, report) = fixtures.report(file);
        let measured = fixtures.measured(file);
        compare(file, measured, &report["seal"]);
        let (indication, sub_indication) = verdict_of_seal(measured);
        assert_eq!((&report["kind"], &report["indication"]), (&"seal".into(), &indication.into()), "{file}");
        assert_eq!(report["sub_indication"], sub_indication, "{file}");
        assert_eq!(code, exit_code(indication), "{file}");
    }
}

#[test]
fn the_text_for_people_begins_with_the_verdict_in_their_language() {
    let Some(fixtures) = Fixtures::beside_the_repository() else { return };
    let of_documents = DOCUMENTS.map(|file| {
        (
            file,
            ("OFD 文件", "OFD document"),
            verdict_of(fixtures.measured(file)[0]["indication"].as_str().unwrap()),
        )
    });
    let of_seals = SEALS.map(|file| (file, ("电子印章", "seal"), verdict_of_seal(fixtures.measured(file))));
    for (file, (kind_zh, kind_en), (indication, sub_indication)) in of_documents.into_iter().chain(of_seals) {
        let (grade_zh, grade_en) = match indication {
            "TOTAL-FAILED" => ("不通过", "FAILED"),
            _ => ("无法确定", "CANNOT BE CONFIRMED"),
        };
        let zh = fixtures.verify(&[file, "--lang", "zh"]);
        let en = fixtures.verify(&[file]);
        assert_eq!(
            zh.first_line(),
            format!("{kind_zh}: {grade_zh} ({indication} / {sub_indication})"),
            "{file}"
        );
        assert_eq!(
            en.first_line(),
            format!("{kind_en}: {grade_en} ({indication} / {sub_indication})"),
            "{file}"
        );
        assert_eq!(zh.code, exit_code(indication), "{file}");
        assert_eq!(en.code, zh.code, "{file}");
    }
}

#[test]
fn the_changed_invoice_names_what_was_changed() {
    let Some(fixtures) = Fixtures::beside_the_repository() else { return };
    let zh = fixtures.verify(&[CHANGED_INVOICE, "--lang", "zh"]);
    let en = fixtures.verify(&[CHANGED_INVOICE, "--lang", "en"]);
    assert!(zh.out.contains("! 被改动的文件: /Doc_0/Document.xml\n"), "{}", zh.out);
    assert!(en.out.contains("! changed file: /Doc_0/Document.xml\n"), "{}", en.out);
}

#[test]
fn a_bank_receipt_passes_once_its_authority_is_trusted() {
    let Some(fixtures) = Fixtures::beside_the_repository() else { return };
    let trusted = fixtures.verify(&[BANK_RECEIPT, "--anchor", "certs/cfca_test_sm2_oca1.pem"]);
    assert_eq!(trusted.first_line(), "OFD document: PASSED (TOTAL-PASSED)");
    assert_eq!(trusted.code, 0);
    let of_another = fixtures.verify(&[BANK_RECEIPT, "--anchor", "ofdrw/ofdrw_ROOT.pem"]);
    assert_eq!(of_another.code, UNDECIDED, "another authority vouches for nothing here");
}

/// Every field that was measured on `measured` is the same in `report`.
fn compare(file: &str, measured: &Value, report: &Value) {
    for (field, expected) in measured.as_object().unwrap() {
        let got = match field.as_str() {
            "indication" => {
                let verdict = &report["verdicts"]["gbt38540"];
                let expected = verdict_of(expected.as_str().unwrap());
                let got =
                    (verdict["indication"].as_str().unwrap(), verdict["sub_indication"].as_str().unwrap());
                assert_eq!(got, expected, "{file}: {}", verdict["reason"]);
                continue;
            }
            "header" => {
                for part in ["id", "version", "vid"] {
                    assert_eq!(report["header"][part], expected[part], "{file}: header {part}");
                }
                continue;
            }
            // What the maker signed is called `over` in what was measured on a seal alone.
            "over" => &report["seal_signature_over"],
            known => report.get(known).unwrap_or_else(|| panic!("{file}: the report has no `{known}`")),
        };
        assert_eq!(got, expected, "{file}: {field}");
    }
}

/// Grade and reason in a measured text such as `TOTAL-FAILED/HASH_FAILURE without …`.
fn verdict_of(measured: &str) -> (&str, &str) {
    let (verdict, _) = measured.split_once(' ').unwrap_or((measured, ""));
    verdict.split_once('/').expect("grade and reason")
}

/// A seal alone is judged as of now: past its end it has expired, and before that its authority is missing.
fn verdict_of_seal(measured: &Value) -> (&'static str, &'static str) {
    let (kind, until) = measured["times"][2].as_str().unwrap().split_once(':').unwrap();
    let until = if kind == "UTCTime" { format!("20{until}") } else { until.to_owned() };
    if SystemClock.now().generalized_time() > until {
        ("TOTAL-FAILED", "EXPIRED")
    } else {
        ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND")
    }
}

fn exit_code(indication: &str) -> i32 {
    if indication == "TOTAL-FAILED" { FAILED } else { UNDECIDED }
}

/// The files, and what was measured on them.
struct Fixtures {
    folder: PathBuf,
    files: Vec<Value>,
}

impl Fixtures {
    fn beside_the_repository() -> Option<Self> {
        let folder = Path::new(FIXTURES).to_owned();
        if !folder.is_dir() {
            eprintln!("skipped: no ../shared");
            return None;
        }
        let manifest: Value =
            serde_json::from_slice(&std::fs::read(folder.join("MANIFEST.json")).unwrap()).unwrap();
        Some(Self { folder, files: manifest["files"].as_array().unwrap().clone() })
    }

    fn measured(&self, file: &str) -> &Value {
        let entry = self.files.iter().find(|entry| entry["file"] == file);
        &entry.unwrap_or_else(|| panic!("`{file}` is not in the manifest"))["measured"]
    }

    /// The exit code and the report as JSON.
    fn report(&self, file: &str) -> (i32, Value) {
        let told = self.verify(&[file, "--json"]);
        (
            told.code,
            serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{file}: {error}: {told:?}")),
        )
    }

    /// `yinxin verify`, trusting nobody by itself; files are named relative to the fixtures.
    fn verify(&self, arguments: &[&str]) -> Told {
        let whole = |argument: &&str| {
            let file = self.folder.join(argument);
            if file.is_file() { file.into_os_string() } else { OsString::from(argument) }
        };
        yinxin([OsString::from("verify")].into_iter().chain(arguments.iter().map(whole)))
    }
}
