//! Real sealed documents: what an independent verifier measured, field by field.
//!
//! The files are third-party data that live beside the repository; without them the tests say so and pass.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::path::PathBuf;

use base::Timestamp;
use seal::report::{Indication, Report, SubIndication};
use seal::{TrustAnchors, verify};
use serde_json::Value;

/// 2026-11-24T08:00:00Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

fn folder() -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures"));
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no ../shared");
    None
}

fn read(name: &str) -> Option<Vec<u8>> {
    std::fs::read(folder()?.join(name)).ok()
}

/// The entries of the list of fixtures that were measured.
fn measured(suffix: &str) -> Vec<(String, Value)> {
    let Some(folder) = folder() else { return Vec::new() };
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("MANIFEST.json")).unwrap()).unwrap();
    let entries = manifest["files"].as_array().unwrap().iter();
    entries
        .filter(|entry| entry["file"].as_str().unwrap().ends_with(suffix) && !entry["measured"].is_null())
        .map(|entry| (entry["file"].as_str().unwrap().to_owned(), entry["measured"].clone()))
        .collect()
}

/// Compares every measured field of one signature; returns the differences.
fn differences(measured: &Value, report: &Value) -> Vec<String> {
    let mut out = Vec::new();
    for (field, expected) in measured.as_object().unwrap() {
        let got = match field.as_str() {
            "indication" => {
                let verdict = &report["verdicts"]["gbt38540"];
                let (indication, sub) = (verdict["indication"].as_str(), verdict["sub_indication"].as_str());
                let got = format!("{}/{}", indication.unwrap(), sub.unwrap_or_default());
                // The measuring program's own name for the national reason.
                let expected = expected
                    .as_str()
                    .unwrap()
                    .replace("CLAIMED_TIME_OUTSIDE_SIGNER_CERT", "CLAIMED_TIME_OUTSIDE_CERT");
                if !expected.starts_with(&got) {
                    out.push(format!("indication: expected {expected}, got {got} {}", verdict["reason"]));
                }
                continue;
            }
            "seal_file" if expected.as_str().is_some_and(|text| text.starts_with("DIFFERS")) => {
                let got = report["seal_file"].as_str().unwrap_or_default();
                if !got.starts_with("DIFFERS") {
                    out.push(format!("seal_file: {got}"));
                }
                continue;
            }
            "over" => &report["seal_signature_over"],
            "header" => {
                for part in ["id", "version", "vid"] {
                    if expected[part] != report["header"][part] {
                        out.push(format!("header.{part}: {} {}", expected[part], report["header"][part]));
                    }
                }
                continue;
            }
            // The measuring program calls 2.5.4.5 `SN`, which RFC 4519 keeps for the surname.
            "signer" => {
                let expected = expected.as_str().unwrap().replace(",SN=", ",serialNumber=");
                if report["signer"] != expected.as_str() {
                    out.push(format!("signer: expected {expected}, got {}", report["signer"]));
                }
                continue;
            }
            known => report.get(known).unwrap_or_else(|| panic!("unknown field {known}")),
        };
        if got != expected {
            out.push(format!("{field}: expected {expected}, got {got}"));
        }
    }
    out
}

#[test]
fn every_document_is_judged_as_it_was_measured() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (file, expected) in measured(".ofd") {
        let report = verify::verify_file(&read(&file).unwrap(), &TrustAnchors::default(), NOW);
        if file.ends_with("a6_duplicate_zip_entry.ofd") {
            // The measuring program went on with one of the two entries; a package that two readers see differently is refused.
            assert_eq!(report.sub_indication, Some(SubIndication::FormatFailure));
            assert!(
                report.reason.contains("duplicate entry `Doc_0/Pages/Page_0/Content.xml`"),
                "{}",
                report.reason
            );
            continue;
        }
        let json = serde_json::to_value(&report).unwrap();
        let signatures = json["signatures"].as_array().unwrap();
        let expected = expected.as_array().unwrap();
        // What nobody lists was not measured; it is judged here all the same.
        let signatures: Vec<_> = signatures.iter().filter(|signature| signature["listed"] == true).collect();
        if signatures.len() != expected.len() {
            wrong.push(format!("{file}: {} signatures, {}", signatures.len(), report.reason));
            continue;
        }
        for (expected, got) in expected.iter().zip(signatures) {
            compared += expected.as_object().unwrap().len();
            wrong.extend(
                differences(expected, got).into_iter().map(|difference| format!("{file}: {difference}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!("{compared} fields compared");
}

#[test]
fn every_seal_is_read_as_it_was_measured() {
    let mut wrong = Vec::new();
    for (file, expected) in measured(".esl") {
        let report = verify::verify_seal(&read(&file).unwrap(), &TrustAnchors::default(), NOW);
        if !expected["error"].is_null() {
            assert_eq!(report.sub_indication, Some(SubIndication::FormatFailure), "{file}");
            continue;
        }
        let seal = serde_json::to_value(report.seal.unwrap()).unwrap();
        wrong.extend(
            differences(&expected, &seal).into_iter().map(|difference| format!("{file}: {difference}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn signature_parts_without_their_document_are_judged_as_they_were_measured() {
    let mut wrong = Vec::new();
    for (file, expected) in measured(".dat") {
        let folder = file.rsplit_once('/').unwrap().0;
        let signature_xml = read(&format!("{folder}/Signature.xml")).unwrap();
        let report =
            verify::verify_parts(&signature_xml, &read(&file).unwrap(), &TrustAnchors::default(), NOW);
        let report = serde_json::to_value(&report).unwrap();
        let expected = if expected.is_array() { expected[0].clone() } else { expected };
        wrong.extend(
            differences(&expected, &report).into_iter().map(|difference| format!("{file}: {difference}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn with_anchors(names: &[&str], key_only: bool) -> TrustAnchors {
    let mut trust = TrustAnchors::default();
    for name in names {
        let text = String::from_utf8(read(name).unwrap()).unwrap();
        let certificate = pki::Certificate::from_pem(&text).unwrap();
        if key_only { trust.anchors.add_key_only(certificate) } else { trust.anchors.add(certificate) }
    }
    trust
}

fn deviation_codes(report: &Report) -> Vec<&str> {
    report.signatures.iter().flat_map(|s| s.deviations.iter().map(|d| d.code.as_str())).collect()
}

#[test]
fn a_bank_receipt_passes_under_its_authority_and_its_quirks_are_named() {
    let Some(file) = read("ofd-go/v4_ceb_testca_raw64_a.ofd") else { return };
    let trust = with_anchors(&["certs/cfca_test_sm2_oca1.pem"], false);
    let report = verify::verify_file(&file, &trust, NOW);
    assert_eq!(report.verdicts.gbt38540.indication, Indication::TotalPassed, "{}", report.reason);
    assert_eq!(report.indication, Indication::TotalPassed, "{}", report.reason);
    // OFD.xml is left out, the certificate has expired and nothing proves the time: the strict policy wants more.
    assert_eq!(report.verdicts.strict.indication, Indication::Indeterminate);
    let codes = deviation_codes(&report);
    for code in ["Q1", "Q2", "Q4", "Q12"] {
        assert!(codes.contains(&code), "{code} missing in {codes:?}");
    }
}

#[test]
fn the_tampered_invoice_names_the_changed_file() {
    let Some(file) = read("ofdrw/v4_tax_test_invoice_tampered.ofd") else { return };
    let report = verify::verify_file(&file, &TrustAnchors::default(), NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::HashFailure));
    assert!(report.reason.contains("/Doc_0/Document.xml"), "{}", report.reason);
    let text = report.to_text(seal::report::Language::Chinese);
    assert!(text.contains("不通过") && text.contains("被改动的文件: /Doc_0/Document.xml"), "{text}");
}

#[test]
fn a_signature_taken_out_of_the_list_is_found() {
    let Some(file) = read("derived/a8_signatures_detached_from_OFD_xml.ofd") else { return };
    let report = verify::verify_file(&file, &TrustAnchors::default(), NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::HashFailure));
    assert!(!report.signatures[0].listed && report.signatures[0].bad_files.contains(&"/OFD.xml".to_owned()));
    assert!(!report.warnings.is_empty());
}

#[test]
fn a_time_stamp_proves_the_time_under_its_authority() {
    let Some(file) = read("derived/g1_v4_with_sm2_timestamp.ofd") else { return };
    let mut trust = with_anchors(&["ofdrw/ofdrw_ROOT.pem"], true);
    let root = with_anchors(&["derived/research_root.pem"], true);
    for certificate in root.anchors.certificates() {
        trust.anchors.add_key_only(certificate.clone());
    }
    let report = verify::verify_file(&file, &trust, NOW);
    assert_eq!(report.indication, Indication::TotalPassed, "{}", report.reason);
    assert!(report.signatures[0].proven_time.as_deref().is_some_and(|at| at.starts_with("2021-06-01")));
    // Only the revocation service is missing for the strict policy.
    assert_eq!(report.verdicts.strict.sub_indication, Some(SubIndication::TryLater));
}

#[test]
fn a_root_without_the_right_to_issue_is_no_anchor() {
    let Some(file) = read("ofdrw/v4_allprotected.ofd") else { return };
    let strict = with_anchors(&["ofdrw/ofdrw_ROOT.pem"], false);
    let report = verify::verify_file(&file, &strict, NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::ChainConstraintsFailure), "{}", report.reason);
    let keyed = with_anchors(&["ofdrw/ofdrw_ROOT.pem"], true);
    assert_eq!(verify::verify_file(&file, &keyed, NOW).indication, Indication::TotalPassed);
}

#[test]
fn an_earlier_revision_is_told_from_the_current_one() {
    let Some(file) = read("ofdrw/cms_yunnan_licence_watermark_two_sigs.ofd") else { return };
    let report = verify::verify_file(&file, &TrustAnchors::default(), NOW);
    let coverage = |i: usize| {
        let check = report.signatures[i].checks.iter().find(|check| check.id == "ofd.coverage").unwrap();
        check.strict
    };
    assert_eq!(coverage(0), Some(SubIndication::ScopeSupersededRevision));
    assert_eq!(coverage(1), None);
}
