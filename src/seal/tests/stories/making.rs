//! Seals made and put on documents, and when not.

use document::ofd::Package;
use document::ofd::seal_layout::{LayoutError, Protection};
use pki::issue::Profile;
use seal::make::MakeError;
use seal::report::{Indication, SubIndication};
use seal::ses::{Seal, SignerList, Structure};
use seal::sign::{SignError, SignRequest};
use seal::verify::{SealState, verify_file, verify_seal};

use crate::province::{DAY_SECONDS, ES_ID, Holder, NOW, Province, YEAR_SECONDS, document, provider, stamps};

#[test]
fn a_seal_is_made_as_the_standard_says_and_verifies() {
    let province = Province::new();
    let esl = province.seal();
    let (seal, deviations) = Seal::parse(&esl).unwrap();
    assert_eq!((seal.structure, deviations.len()), (Structure::V4, 0));
    assert_eq!((seal.header_id.as_str(), seal.header_version, seal.es_id.as_str()), ("ES", 4, ES_ID));
    assert_eq!(seal.signers, SignerList::Certificates(vec![province.bureau.certificate.der().to_vec()]));
    let report = verify_seal(&esl, &province.online(), NOW);
    assert_eq!(report.verdicts.gbt38540.indication, Indication::TotalPassed, "{}", report.reason);
    assert_eq!(
        report.verdicts.strict.indication,
        Indication::TotalPassed,
        "{}",
        report.verdicts.strict.reason
    );
    // Nobody who does not trust the authority is asked to believe it.
    let stranger = verify_seal(&esl, &seal::TrustAnchors::default(), NOW);
    assert_eq!(stranger.sub_indication, Some(SubIndication::NoCertificateChainFound));
    // Offline says so, and passes by the standard's rules only.
    let offline = verify_seal(&esl, &province.offline(), NOW);
    assert_eq!(offline.verdicts.strict.sub_indication, Some(SubIndication::TryLater));
    assert!(offline.seal.unwrap().checks.iter().any(|check| check.detail == "not checked: offline"));
}

#[test]
fn a_seal_alone_is_judged_by_the_present() {
    let province = Province::new();
    let esl = province.seal();
    for (at, sub) in [
        (NOW.plus_seconds(YEAR_SECONDS + 1), SubIndication::Expired),
        (NOW.plus_seconds(-3601), SubIndication::NotYetValid),
    ] {
        assert_eq!(verify_seal(&esl, &province.offline(), at).sub_indication, Some(sub));
    }
    for state in [SealState::Suspended, SealState::Revoked] {
        let report = verify_seal(&esl, &province.told(state, NOW), NOW);
        assert_eq!(report.sub_indication, Some(SubIndication::SealRevoked));
    }
}

#[test]
fn a_seal_that_nobody_authorised_made_is_not_accepted() {
    let province = Province::new();
    // A certificate for signing is no certificate for making seals.
    let esl =
        seal::make(&province.seal_template(), &province.bureau.key, &province.bureau.certificate).unwrap();
    let report = verify_seal(&esl, &province.online(), NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::ChainConstraintsFailure), "{}", report.reason);
}

#[test]
fn what_makes_no_sense_is_not_made() {
    let province = Province::new();
    let make =
        |template| seal::make(&template, &province.maker.key, &province.maker.certificate).unwrap_err();
    let template = || province.seal_template();
    let mut bad = template();
    bad.es_id = "编码".into();
    assert!(matches!(make(bad), MakeError::Identifier { field: "esID", .. }));
    let mut bad = template();
    bad.name = " 章".into();
    assert!(matches!(make(bad), MakeError::Name(_)));
    let mut bad = template();
    bad.signer_certificates.clear();
    assert!(matches!(make(bad), MakeError::NoSigner));
    let mut bad = template();
    bad.valid_until = bad.valid_from;
    assert!(matches!(make(bad), MakeError::Validity { .. }));
    for (type_, data, width_mm) in
        [("GIF", &b"\x89PNG\r\n\x1a\n"[..], 40), ("PNG", b"", 40), ("PNG", b"\x89PNG\r\n\x1a\n", 0)]
    {
        let mut bad = template();
        bad.picture.type_ = type_.into();
        bad.picture.data = data.to_vec();
        bad.picture.width_mm = width_mm;
        assert!(matches!(make(bad), MakeError::Picture { .. }), "{type_}");
    }
    let wrong_key = seal::make(&template(), &province.bureau.key, &province.maker.certificate);
    assert!(matches!(wrong_key, Err(MakeError::MakerKey)));
}

/// What comes of sealing the document with `esl` as `holder`.
fn attempt(
    province: &Province,
    esl: &[u8],
    holder: &Holder,
    trust: &seal::TrustAnchors,
    days: i64,
) -> SignError {
    let (ofd, stamps, provider) = (document(), stamps(), provider());
    let now = NOW.plus_seconds(days * DAY_SECONDS);
    let request = SignRequest {
        ofd: &ofd,
        seal: esl,
        stamps: &stamps,
        protection: Protection::MoreSignatures,
        provider: &provider,
        now,
    };
    let _ = province;
    seal::sign_document(&request, &holder.key, &holder.certificate, trust).unwrap_err()
}

#[test]
fn the_standards_checks_come_before_the_signature() {
    let province = Province::new();
    let esl = province.seal();
    let trust = province.offline();
    let outsider = province.certify(Profile::SealSigner, "财务处");
    assert!(matches!(attempt(&province, &esl, &outsider, &trust, 0), SignError::NotListed));
    let renewed = province.certify(Profile::SealSigner, "审批服务处");
    assert!(matches!(attempt(&province, &esl, &renewed, &trust, 0), SignError::CertificateRenewed { .. }));
    let mismatched = Holder { key: outsider.key, certificate: province.bureau.certificate.clone() };
    assert!(matches!(attempt(&province, &esl, &mismatched, &trust, 0), SignError::SignerKey));
    let SignError::Seal(expired) = attempt(&province, &esl, &province.bureau, &trust, 366) else { panic!() };
    assert_eq!(expired.sub_indication, Some(SubIndication::Expired));
    let suspended = province.told(SealState::Suspended, NOW);
    let SignError::Seal(suspended) = attempt(&province, &esl, &province.bureau, &suspended, 0) else {
        panic!()
    };
    assert_eq!(suspended.sub_indication, Some(SubIndication::SealRevoked));
    let mut revoked = province.online();
    let known = revoked.statuses.as_mut().unwrap();
    known.certificates.insert(province.bureau.certificate.fingerprint_sm3(), Some(NOW));
    assert!(matches!(attempt(&province, &esl, &province.bureau, &revoked, 0), SignError::SignerRevoked(_)));
    assert!(matches!(attempt(&province, b"no seal", &province.bureau, &trust, 0), SignError::SealFormat(_)));
}

#[test]
fn a_second_seal_may_follow_until_the_list_is_protected() {
    let province = Province::new();
    let once = province.sealed(&document(), Protection::MoreSignatures);
    let twice = province.sealed(&once, Protection::Whole);
    let report = verify_file(&twice, &province.online(), NOW);
    assert_eq!(report.signatures.len(), 2);
    assert_eq!(report.verdicts.gbt38540.indication, Indication::TotalPassed, "{}", report.reason);
    assert_eq!(
        report.verdicts.strict.indication,
        Indication::TotalPassed,
        "{}",
        report.verdicts.strict.reason
    );
    let (esl, stamps, provider) = (province.seal(), stamps(), provider());
    let request = SignRequest {
        ofd: &twice,
        seal: &esl,
        stamps: &stamps,
        protection: Protection::Whole,
        provider: &provider,
        now: NOW,
    };
    let bureau = &province.bureau;
    let refused =
        seal::sign_document(&request, &bureau.key, &bureau.certificate, &province.offline()).unwrap_err();
    assert!(matches!(refused, SignError::Layout(LayoutError::SignaturesProtected { .. })));
    assert!(Package::open(&twice).unwrap().orphan_signature_files().is_empty());
}
