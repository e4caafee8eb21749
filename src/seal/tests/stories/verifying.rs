//! Sealed documents judged: now, later, under suspicion.

use base::Timestamp;
use document::ofd::SignatureType;
use document::ofd::seal_layout::{self, Protection};
use pki::Certificate;
use pki::der::{ObjectIdentifier, write};
use pki::issue::Profile;
use seal::Report;
use seal::report::{FileKind, Indication, Language, SubIndication};
use seal::verify::rules::{OF_DOCUMENT, OF_SEAL_SIGNATURE};
use seal::verify::{SealState, SealStatus, mentions, verify_file};

use crate::province::{
    DAY_SECONDS, ES_ID, Holder, NOW, Province, YEAR_SECONDS, document, provider, rewritten, stamps,
};

/// A signature as an attacker makes it: no check comes before it.
fn forced(ofd: &[u8], esl: &[u8], holder: &Holder, at: Timestamp) -> Vec<u8> {
    let (stamps, provider) = (stamps(), provider());
    let request = seal_layout::Request {
        type_: SignatureType::Seal,
        seal: Some(esl),
        stamps: &stamps,
        provider: &provider,
        signature_method: pki::oid::SM2_WITH_SM3,
        protection: Protection::MoreSignatures,
        now: at,
    };
    let prepared = seal_layout::prepare(ofd, &request).unwrap();
    let value = signed_value(&prepared.signature_xml, &prepared.signature_path, esl, holder, at);
    prepared.finish(&value).unwrap()
}

fn signed_value(xml: &[u8], path: &str, esl: &[u8], holder: &Holder, at: Timestamp) -> Vec<u8> {
    let tbs = write::sequence(&[
        write::integer(4),
        esl.to_vec(),
        write::generalized_time(at),
        write::bit_string(&gm::sm3::hash(xml)),
        write::ia5_string(&format!("/{path}")).unwrap(),
    ]);
    let signature = pki::Signer::sign(&holder.key, &tbs).unwrap();
    let sm2_with_sm3 = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");
    write::sequence(&[
        tbs,
        write::octet_string(holder.certificate.der()),
        write::oid(&sm2_with_sm3),
        write::bit_string(&signature),
    ])
}

fn check<'a>(report: &'a Report, id: &str) -> &'a seal::report::Check {
    report.signatures[0].checks.iter().find(|check| check.id == id).unwrap()
}

#[test]
fn a_sealed_document_passes_under_both_policies() {
    let province = Province::new();
    let sealed = province.sealed(&document(), Protection::MoreSignatures);
    let report = verify_file(&sealed, &province.online(), NOW.plus_seconds(60));
    assert_eq!(
        (report.kind, report.indication, report.sub_indication),
        (FileKind::Ofd, Indication::TotalPassed, None)
    );
    assert_eq!(
        report.verdicts.strict.indication,
        Indication::TotalPassed,
        "{}",
        report.verdicts.strict.reason
    );
    let signature = &report.signatures[0];
    assert!(signature.deviations.is_empty() && signature.uncovered_essential.is_empty());
    assert_eq!(signature.signature_encoding.as_deref(), Some("DER"));
    assert_eq!(signature.seal_file.as_deref(), Some("identical to embedded"));
    assert_eq!(signature.claimed_time.as_deref(), Some("2026-11-24T08:00:00+00:00"));
    for (language, word) in
        [(Language::Chinese, "OFD 文件: 通过"), (Language::English, "OFD document: PASSED")]
    {
        assert!(report.to_text(language).starts_with(word), "{}", report.to_text(language));
    }
    let mentioned = mentions(&sealed);
    assert_eq!((mentioned.seals, mentioned.certificates.len()), (vec![ES_ID.to_owned()], 2));
}

#[test]
fn no_report_is_silent_about_a_check() {
    let province = Province::new();
    let sealed = province.sealed(&document(), Protection::MoreSignatures);
    let broken = rewritten(&sealed, |name, data| match name.ends_with("SignedValue.dat") {
        true => Some(b"\x30\x03\x02\x01\x05".to_vec()),
        false => Some(data),
    });
    for file in [sealed, broken] {
        let report = verify_file(&file, &province.online(), NOW);
        let checks: Vec<&str> = report.signatures[0].checks.iter().map(|check| check.id).collect();
        for rule in OF_DOCUMENT.iter().chain(OF_SEAL_SIGNATURE) {
            assert_eq!(checks.iter().filter(|id| **id == rule.id).count(), 1, "{}", rule.id);
        }
        let text = report.to_text(Language::Chinese);
        assert!(report.signatures[0].checks.iter().all(|check| text.contains(check.title_zh)));
    }
}

#[test]
fn a_hostile_name_cannot_write_lines_of_its_own() {
    let province = Province::new();
    let mut template = province.seal_template();
    template.name = "章AAAAA✓ 一切正常 BBBBB".into();
    let mut esl = seal::make(&template, &province.maker.key, &province.maker.certificate).unwrap();
    for (mark, hostile) in [(b"AAAAA", b"\n  \x1b["), (b"BBBBB", b"\xe2\x80\xae\r\n")] {
        let at = esl.windows(5).position(|window| window == mark).unwrap();
        esl[at..at + 5].copy_from_slice(hostile);
    }
    let text = verify_file(&esl, &province.online(), NOW).to_text(Language::Chinese);
    assert!(
        text.lines().all(|line| !line.starts_with("  ✓ 一切")) && !text.contains(['\u{202e}', '\u{1b}']),
        "{text}"
    );
}

#[test]
fn years_later_the_standard_believes_the_stated_time_and_the_strict_policy_wants_proof() {
    let province = Province::new();
    let sealed = province.sealed(&document(), Protection::MoreSignatures);
    let report = verify_file(&sealed, &province.online(), NOW.plus_seconds(5 * YEAR_SECONDS));
    assert_eq!(report.indication, Indication::TotalPassed, "{}", report.reason);
    assert_eq!(report.verdicts.strict.sub_indication, Some(SubIndication::OutOfBoundsNoPoe));
}

#[test]
fn a_genuine_seal_in_anothers_signature_is_not_accepted() {
    let province = Province::new();
    let thief = province.certify(Profile::SealSigner, "别处");
    let report = verify_file(&forced(&document(), &province.seal(), &thief, NOW), &province.online(), NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::SealSignerNotListed));
    assert_eq!(report.verdicts.strict.sub_indication, Some(SubIndication::SealSignerNotListed));
}

#[test]
fn a_time_outside_certificate_or_seal_is_found() {
    let province = Province::new();
    let esl = province.seal();
    let forge = |at| {
        let ofd = forced(&document(), &esl, &province.bureau, at);
        verify_file(&ofd, &province.online(), NOW.plus_seconds(9 * YEAR_SECONDS))
    };
    // The seal ends after one year, the certificate after two.
    let in_certificate_only = forge(NOW.plus_seconds(YEAR_SECONDS + DAY_SECONDS));
    assert_eq!(in_certificate_only.sub_indication, Some(SubIndication::SealExpiredAtSigning));
    let in_neither = forge(NOW.plus_seconds(3 * YEAR_SECONDS));
    assert_eq!(in_neither.sub_indication, Some(SubIndication::ClaimedTimeOutsideCert));
    let before_both = forge(NOW.plus_seconds(-2 * DAY_SECONDS));
    assert_eq!(before_both.sub_indication, Some(SubIndication::ClaimedTimeOutsideCert));
}

#[test]
fn a_time_in_the_future_is_told() {
    let province = Province::new();
    let ofd = forced(&document(), &province.seal(), &province.bureau, NOW.plus_seconds(DAY_SECONDS));
    let report = verify_file(&ofd, &province.online(), NOW);
    assert_eq!(report.verdicts.strict.sub_indication, Some(SubIndication::TimestampOrderFailure));
    assert_eq!(check(&report, "time.not_future").result, seal::report::CheckResult::Warning);
}

#[test]
fn suspension_and_revocation_count_from_their_day() {
    let province = Province::new();
    let sealed = province.sealed(&document(), Protection::MoreSignatures);
    let later = NOW.plus_seconds(DAY_SECONDS);
    for state in [SealState::Suspended, SealState::Revoked] {
        // In use when it was used, not any more: good by the standard; strictly nothing proves when it was used.
        let after = verify_file(&sealed, &province.told(state, NOW.plus_seconds(10)), later);
        assert_eq!(after.indication, Indication::TotalPassed, "{}", after.reason);
        assert_eq!(after.verdicts.strict.sub_indication, Some(SubIndication::RevokedNoPoe));
        let before = verify_file(&sealed, &province.told(state, NOW.plus_seconds(-10)), later);
        assert_eq!(before.sub_indication, Some(SubIndication::SealRevoked));
    }
    let with_revocation = |at: Timestamp| {
        let mut trust = province.online();
        let known = &mut trust.statuses.as_mut().unwrap().certificates;
        known.insert(province.bureau.certificate.fingerprint_sm3(), Some(at));
        verify_file(&sealed, &trust, later)
    };
    assert_eq!(with_revocation(NOW.plus_seconds(-1)).sub_indication, Some(SubIndication::Revoked));
    let after = with_revocation(NOW.plus_seconds(1));
    assert_eq!(after.indication, Indication::TotalPassed);
    assert_eq!(after.verdicts.strict.sub_indication, Some(SubIndication::RevokedNoPoe));
}

#[test]
fn a_stated_time_is_a_whole_second() {
    let within = |us: i64| Timestamp::from_us(NOW.us() + us);
    let status = |changes: &[(i64, SealState)]| SealStatus {
        changes: changes.iter().map(|(us, state)| (within(*us), *state)).collect(),
    };
    let (used, off) = (SealState::Normal, SealState::Suspended);
    let made_and_used = status(&[(400_000, used)]);
    assert_eq!((made_and_used.state_at(NOW), made_and_used.state_within(NOW)), (None, Some(used)));
    assert_eq!(status(&[(400_000, used), (700_000, off)]).state_within(NOW), Some(used));
    assert_eq!(status(&[(-1, used), (0, off)]).state_within(NOW), Some(off));
    assert_eq!(status(&[(-2, used), (-1, off), (999_999, used)]).state_within(NOW), Some(used));
    assert_eq!(status(&[(1_000_000, used)]).state_within(NOW), None, "in the next second");
}

#[test]
fn a_seal_of_an_unknown_authority_proves_nothing() {
    let (province, elsewhere) = (Province::new(), Province::new());
    let sealed = elsewhere.sealed(&document(), Protection::MoreSignatures);
    let report = verify_file(&sealed, &province.online(), NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::NoCertificateChainFound));
    assert_eq!(report.indication, Indication::Indeterminate);
}

#[test]
fn a_page_left_out_of_the_list_holds_the_verdict_back() {
    let province = Province::new();
    let esl = province.seal();
    let (stamps, provider) = (stamps(), provider());
    let request = seal_layout::Request {
        type_: SignatureType::Seal,
        seal: Some(&esl),
        stamps: &stamps,
        provider: &provider,
        signature_method: pki::oid::SM2_WITH_SM3,
        protection: Protection::MoreSignatures,
        now: NOW,
    };
    let mut prepared = seal_layout::prepare(&document(), &request).unwrap();
    let xml = String::from_utf8(prepared.signature_xml.clone()).unwrap();
    let begin = xml.find("<ofd:Reference FileRef=\"/Doc_0/Pages/").unwrap();
    let end = begin + xml[begin..].find("</ofd:Reference>").unwrap() + "</ofd:Reference>".len();
    prepared.signature_xml = [&xml[..begin], &xml[end..]].concat().into_bytes();
    let value = signed_value(&prepared.signature_xml, &prepared.signature_path, &esl, &province.bureau, NOW);
    let ofd = prepared.finish(&value).unwrap();
    let forged = rewritten(&ofd, |name, data| match name.contains("/Pages/") {
        true => Some(String::from_utf8(data).unwrap().replace("10000", "90000").into_bytes()),
        false => Some(data),
    });
    assert_ne!(ofd, forged);
    for file in [ofd, forged] {
        let report = verify_file(&file, &province.online(), NOW);
        // Every digest and signature holds, and still nobody may read this as genuine.
        assert_eq!(report.verdicts.gbt38540.indication, Indication::TotalPassed, "{}", report.reason);
        assert_eq!(report.verdicts.strict.sub_indication, Some(SubIndication::ScopePartial));
        assert_eq!(
            (report.indication, report.sub_indication),
            (Indication::Indeterminate, Some(SubIndication::ScopePartial))
        );
        assert!(report.reason.contains("/Pages/"), "{}", report.reason);
    }
}

#[test]
fn a_document_without_a_seal_is_called_that() {
    let report = verify_file(&document(), &Province::new().online(), NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::NoSignatureFound));
    assert_eq!(report.indication, Indication::Indeterminate);
}

#[test]
fn what_is_neither_document_nor_seal_is_told_what_it_is() {
    let trust = seal::TrustAnchors::default();
    for (bytes, word) in [
        (&b""[..], "an empty file"),
        (b"%PDF-1.7", "a PDF document"),
        (b"-----BEGIN CERTIFICATE-----", "PEM text"),
        (b"hello", "something else"),
    ] {
        let report = verify_file(bytes, &trust, NOW);
        assert_eq!(
            (report.kind, report.sub_indication),
            (FileKind::Unknown, Some(SubIndication::FormatFailure))
        );
        assert!(report.reason.contains(word), "{}", report.reason);
    }
    assert_eq!(
        verify_file(b"PK\x03\x04 not a package", &trust, NOW).sub_indication,
        Some(SubIndication::FormatFailure)
    );
    let certificate: &Certificate = &Province::new().bureau.certificate;
    assert_eq!(
        verify_file(certificate.der(), &trust, NOW).sub_indication,
        Some(SubIndication::FormatFailure)
    );
}
