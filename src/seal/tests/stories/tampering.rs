//! Bytes changed, cut, exchanged: found and named, and never a crash.

use document::ofd::Package;
use document::ofd::seal_layout::Protection;
use proptest::prelude::*;
use seal::report::{Indication, SubIndication};
use seal::ses::{Seal, SesSignature};
use seal::verify::{verify_file, verify_parts, verify_seal};

use crate::province::{NOW, Province, document, rewritten};

#[test]
fn a_changed_byte_in_any_file_is_found_and_the_file_is_named() {
    let province = Province::new();
    let trust = province.online();
    let sealed = province.sealed(&document(), Protection::Whole);
    let names: Vec<String> = Package::open(&sealed).unwrap().names_in_archive_order().to_vec();
    for name in &names {
        let size = Package::open(&sealed).unwrap().file(name).unwrap().len();
        for at in [0, size / 3, size / 2, size - 1] {
            let changed = rewritten(&sealed, |file, mut data| {
                if file == name {
                    data[at] ^= 1;
                }
                Some(data)
            });
            let report = verify_file(&changed, &trust, NOW);
            assert_ne!(report.indication, Indication::TotalPassed, "{name} at {at}");
            let said = serde_json::to_string(&report).unwrap();
            let part = name.rsplit('/').next().unwrap();
            let value = part == "SignedValue.dat";
            assert!(value || said.contains(part), "{name} at {at}: {}", report.reason);
            let covered = !["Signature.xml", "SignedValue.dat", "Signatures.xml", "OFD.xml"].contains(&part);
            if covered {
                assert_eq!(report.sub_indication, Some(SubIndication::HashFailure), "{name}");
                assert_eq!(report.signatures[0].bad_files, [format!("/{name}")]);
            }
        }
    }
    assert!(names.len() >= 8, "{names:?}");
}

#[test]
fn a_file_taken_out_or_smuggled_in_is_named() {
    let province = Province::new();
    let sealed = province.sealed(&document(), Protection::MoreSignatures);
    let without = rewritten(&sealed, |name, data| (!name.ends_with("PublicRes.xml")).then_some(data));
    let report = verify_file(&without, &province.online(), NOW);
    assert_eq!(report.sub_indication, Some(SubIndication::HashFailure));
    assert_eq!(report.signatures[0].missing_files, ["/Doc_0/PublicRes.xml"]);

    let package = Package::open(&sealed).unwrap();
    let mut writer = document::zip::Writer::new(document::zip::DosTime::EARLIEST);
    package.files().for_each(|(name, data)| writer.add(name, data));
    writer.add("Doc_0/extra.bin", b"along for the ride");
    let report = verify_file(&writer.finish().unwrap(), &province.online(), NOW);
    let coverage = report.signatures[0].checks.iter().find(|check| check.id == "ofd.coverage").unwrap();
    assert!(coverage.detail.contains("Doc_0/extra.bin"), "{}", coverage.detail);
    assert!(report.signatures[0].uncovered.contains(&"Doc_0/extra.bin".to_owned()));
}

#[test]
fn no_byte_of_a_seal_can_be_changed_unnoticed() {
    let province = Province::new();
    let esl = province.seal();
    for at in 0..esl.len() {
        let mut changed = esl.clone();
        changed[at] ^= 0x01;
        let report = verify_seal(&changed, &province.online(), NOW);
        // The count of unused bits is signed by nobody; it is tolerated as others' products need it, and told.
        let told =
            report.seal.is_some_and(|seal| seal.deviations.iter().any(|deviation| deviation.code == "Q1"));
        assert!(told || report.verdicts.strict.indication != Indication::TotalPassed, "byte {at}");
    }
}

#[test]
fn cut_short_nothing_panics_and_nothing_passes() {
    let province = Province::new();
    let trust = province.online();
    let esl = province.seal();
    let sealed = province.sealed(&document(), Protection::Whole);
    let package = Package::open(&sealed).unwrap();
    let value = package.file("Doc_0/Signs/Sign_0/SignedValue.dat").unwrap();
    let xml = package.file("Doc_0/Signs/Sign_0/Signature.xml").unwrap();
    for end in 0..esl.len() {
        assert!(Seal::parse(&esl[..end]).is_err(), "{end}");
    }
    for end in 0..value.len() {
        assert!(SesSignature::parse(&value[..end]).is_err(), "{end}");
        let _ = verify_parts(xml, &value[..end], &trust, NOW);
    }
    for end in (0..sealed.len()).step_by(7) {
        let report = verify_file(&sealed[..end], &trust, NOW);
        assert_ne!(report.indication, Indication::TotalPassed, "{end}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn scrambled_signatures_never_panic_and_never_pass(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        thread_local! {
            static SAMPLE: (Province, Vec<u8>, Vec<u8>, Vec<u8>) = {
                let province = Province::new();
                let sealed = province.sealed(&document(), Protection::Whole);
                let package = Package::open(&sealed).unwrap();
                let part = |name: &str| package.file(&format!("Doc_0/Signs/Sign_0/{name}")).unwrap().to_vec();
                let (xml, value) = (part("Signature.xml"), part("SignedValue.dat"));
                (province, sealed, xml, value)
            };
        }
        SAMPLE.with(|(province, sealed, xml, value)| {
            let scramble = |bytes: &[u8]| {
                let mut out = bytes.to_vec();
                for (at, byte) in &changes {
                    let at = at.index(out.len());
                    out[at] = *byte;
                }
                out
            };
            let trust = province.online();
            let changed = scramble(value);
            let report = verify_parts(xml, &changed, &trust, NOW);
            let passed = report.verdicts.unwrap().strict.indication == Indication::TotalPassed;
            prop_assert!(!passed || changed == *value, "a changed signature passed");
            let _ = verify_file(&scramble(sealed), &trust, NOW);
            Ok(())
        })?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let trust = seal::TrustAnchors::default();
        let _ = verify_file(&bytes, &trust, NOW);
        let _ = verify_parts(b"<Signature/>", &bytes, &trust, NOW);
        let mut sequence = vec![0x30, 0x81, 0xff];
        sequence.extend(&bytes);
        let _ = Seal::parse(&sequence);
        let _ = SesSignature::parse(&sequence);
        let _ = pki::cms::SignedData::from_der(&sequence);
        let _ = pki::cms::time_stamp::TimeStampToken::from_der(&sequence);
    }
}
