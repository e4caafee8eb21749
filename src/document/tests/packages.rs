//! Real packages, our own, and signatures put into them.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use base::Timestamp;
use document::ofd::coverage::{self, Coverage, Role};
use document::ofd::seal_layout::{self, LayoutError, Protection, Request, StampPlacement};
use document::ofd::write::{Align, Area, Attachment, BLACK, Builder, Colour, CustomTag, Info, Stroke, Text};
use document::ofd::{OfdError, Package, PackageWarning, Provider, SignatureType, SignatureXml};
use document::xml::XmlError;
use document::zip::{Archive, DosTime, Limits, Writer, ZipError};
use proptest::prelude::*;

// --- third-party files ---------------------------------------------------------------------------------------------------

#[test]
fn third_party_files_open_and_their_uncovered_files_are_as_measured() {
    let Some(manifest) = manifest() else { return };
    let (mut opened, mut compared) = (0, 0);
    for listed in manifest["files"].as_array().unwrap() {
        let name = listed["file"].as_str().unwrap();
        let Some(bytes) = name.ends_with(".ofd").then(|| fixture(name)).flatten() else { continue };
        let package = match Package::open(&bytes) {
            Err(error) if name.ends_with("a6_duplicate_zip_entry.ofd") => {
                let duplicate = "Doc_0/Pages/Page_0/Content.xml".to_owned();
                assert_eq!(error, OfdError::Zip(ZipError::DuplicateName { name: duplicate }));
                continue;
            }
            other => other.unwrap_or_else(|error| panic!("{name}: {error}")),
        };
        opened += 1;
        let measured = listed["measured"].as_array().unwrap();
        assert_eq!(package.signatures().len(), measured.len(), "{name}: signatures");
        for (signature, measured) in package.signatures().iter().zip(measured) {
            assert_eq!(signature.id, measured["id"].as_str().unwrap(), "{name}");
            let (covered, bad) = check_references(&package, &signature.base_loc);
            assert_eq!(
                bad.len() as u64,
                measured["references_bad"].as_u64().unwrap(),
                "{name}: bad references"
            );
            let Some(expected) = measured["uncovered"].as_array() else { continue };
            let expected: Vec<_> = expected.iter().map(|v| v.as_str().unwrap()).collect();
            assert_eq!(coverage::uncovered_files(&package, &covered), expected, "{name}: uncovered");
            compared += 1;
        }
    }
    assert!(opened >= 17 && compared >= 17, "only {opened} opened and {compared} compared");
}

#[test]
fn a_tampered_invoice_names_the_changed_file() {
    let Some(bytes) = fixture("ofdrw/v4_tax_test_invoice_tampered.ofd") else { return };
    let package = Package::open(&bytes).unwrap();
    let (_, bad) = check_references(&package, &package.signatures()[0].base_loc);
    assert_eq!(bad, ["/Doc_0/Document.xml"]);
}

#[test]
fn an_invoice_that_spells_a_folder_in_two_ways_is_followed_all_the_same() {
    let Some(bytes) = fixture("ofdrw/v4_tax_test_invoice.ofd") else { return };
    let package = Package::open(&bytes).unwrap();
    let roles = coverage::reachable(&package);
    assert_eq!(roles.get("Doc_0/Tpls/Tpl_0/Content.xml"), Some(&Role::Template), "Document.xml says TPLS");
    assert_eq!(roles.get("Doc_0/Res/qr.png"), Some(&Role::Media));
    assert_eq!(roles.get("Doc_0/Attachs/original_invoice.xml"), Some(&Role::Attachment));
    assert_eq!(roles.get("Doc_0/Annots/Page_0/Annotation.xml"), Some(&Role::Annotation));
    assert_eq!(package.doc_bodies()[0].info.custom_data[2], ("发票号码".into(), "99999951".into()));
}

#[test]
fn a_receipt_whose_ofd_xml_is_not_covered_says_so() {
    let Some(bytes) = fixture("ofd-go/v4_ceb_testca_raw64_a.ofd") else { return };
    let package = Package::open(&bytes).unwrap();
    let (covered, _) = check_references(&package, &package.signatures()[0].base_loc);
    let coverage = Coverage::of(&package, &covered);
    assert_eq!(coverage.essential, ["OFD.xml"]);
    assert_eq!(coverage.signature_parts.len(), 3);
    assert!(!coverage.is_whole_document());
}

#[test]
fn a_licence_signed_again_after_a_watermark_covers_an_older_revision_with_its_first_signature() {
    let Some(bytes) = fixture("ofdrw/cms_yunnan_licence_watermark_two_sigs.ofd") else { return };
    let package = Package::open(&bytes).unwrap();
    let coverage_of = |i: usize| {
        let (covered, _) = check_references(&package, &package.signatures()[i].base_loc);
        Coverage::of(&package, &covered)
    };
    assert_eq!(coverage_of(0).essential, ["Doc_0/Annots/Annotations.xml", "OFD.xml"]);
    assert!(coverage_of(1).is_whole_document());
}

#[test]
fn a_signature_taken_out_of_ofd_xml_leaves_its_parts_behind() {
    let Some(bytes) = fixture("derived/a8_signatures_detached_from_OFD_xml.ofd") else { return };
    let package = Package::open(&bytes).unwrap();
    assert!(package.signatures().is_empty());
    let orphans = package.orphan_signature_files();
    assert_eq!(orphans.len(), 4);
    assert_eq!(orphans[0], "Doc_0/Signs/Sign_0/Seal.esl");
    let refused = seal_layout::prepare(&bytes, &request(&[stamp(0)])).unwrap_err();
    assert_eq!(refused, LayoutError::OrphanSignature { first: orphans[0].clone() });
}

#[test]
fn a_list_of_signatures_under_protection_takes_no_more() {
    let Some(bytes) = fixture("ofdrw/v4_allprotected.ofd") else { return };
    let refused = seal_layout::prepare(&bytes, &request(&[stamp(0)])).unwrap_err();
    assert_eq!(refused, LayoutError::SignaturesProtected { id: "001".into() });
}

#[test]
fn a_second_seal_leaves_a_third_party_signature_as_it_was() {
    let Some(bytes) = fixture("ofdrw/v4_tax_test_invoice.ofd") else { return };
    let sealed = seal_layout::prepare(&bytes, &request(&[stamp(0)])).unwrap().finish(b"value").unwrap();
    let package = Package::open(&sealed).unwrap();
    let ids: Vec<_> = package.signatures().iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["1", "s002"]);
    for signature in package.signatures() {
        let (covered, bad) = check_references(&package, &signature.base_loc);
        assert!(bad.is_empty(), "{}: {bad:?}", signature.id);
        assert!(Coverage::of(&package, &covered).is_whole_document(), "{}", signature.id);
    }
}

// --- our own documents ---------------------------------------------------------------------------------------------------

#[test]
fn a_written_document_opens_with_everything_in_its_place() {
    let bytes = document();
    assert_eq!(bytes, document(), "the same calls give the same bytes");
    let package = Package::open(&bytes).unwrap();
    assert_eq!(package.warnings(), []);
    let info = &package.doc_bodies()[0].info;
    assert_eq!(info.doc_id.as_deref(), Some("07070707070707070707070707070707"));
    assert_eq!(info.title.as_deref(), Some("食品经营许可证 <样本>"));
    let pages = package.pages(0).unwrap();
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0].physical_box.unwrap().width, 297.0);
    assert_eq!(package.file("/Doc_0/Attachs/metadata.json"), Some(&b"{}"[..]));

    let covered: BTreeSet<String> = coverage::reachable(&package).into_keys().collect();
    assert_eq!(
        coverage::uncovered_files(&package, &covered),
        Vec::<String>::new(),
        "every file is named by another"
    );
}

#[test]
fn every_identifier_of_a_written_document_is_used_once_and_below_the_maximum() {
    let package = Package::open(&document()).unwrap();
    let mut ids = Vec::new();
    for part in ["PublicRes.xml", "DocumentRes.xml", "Document.xml", "Pages/Page_0/Content.xml"] {
        let root = package.part(&format!("Doc_0/{part}")).unwrap().unwrap();
        ids.extend(
            root.descendants().iter().filter_map(|e| e.attribute("ID")).map(|id| id.parse::<u32>().unwrap()),
        );
    }
    let document = package.part("Doc_0/Document.xml").unwrap().unwrap();
    let maximum: u32 =
        document.child("CommonData").unwrap().child_text("MaxUnitID").unwrap().parse().unwrap();
    let distinct: BTreeSet<u32> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len());
    assert_eq!(distinct.into_iter().max(), Some(maximum));
}

#[test]
fn a_seal_covers_every_file_of_the_package() {
    let prepared = seal_layout::prepare(&document(), &request(&[stamp(0)])).unwrap();
    assert_eq!(prepared.signature_path, "Doc_0/Signs/Sign_0/Signature.xml");
    let described = SignatureXml::parse(&prepared.signature_xml).unwrap();
    assert_eq!(described.date_time.as_deref(), Some("20261124080000Z"));
    assert_eq!(described.check_method.as_deref(), Some("1.2.156.10197.1.401"));
    assert_eq!(described.stamp_annots[0].boundary.unwrap().x, 200.5);
    let sealed = prepared.finish(b"value").unwrap();

    let package = Package::open(&sealed).unwrap();
    let signature = &package.signatures()[0];
    assert_eq!((signature.id.as_str(), signature.type_), ("s001", SignatureType::Seal));
    let stamp = &described.stamp_annots[0];
    assert!(
        package.pages(0).unwrap().iter().any(|page| page.id == stamp.page_ref),
        "the stamp's page exists"
    );
    let (covered, bad) = check_references(&package, &signature.base_loc);
    assert!(bad.is_empty(), "{bad:?}");
    let coverage = Coverage::of(&package, &covered);
    assert_eq!(
        coverage.uncovered,
        [
            "Doc_0/Signs/Sign_0/Signature.xml",
            "Doc_0/Signs/Sign_0/SignedValue.dat",
            "Doc_0/Signs/Signatures.xml"
        ]
    );
    assert!(coverage.is_whole_document());
    assert!(covered.contains("OFD.xml") && covered.contains("Doc_0/Signs/Sign_0/Seal.esl"));
    assert_eq!(package.file("Doc_0/Signs/Sign_0/SignedValue.dat"), Some(&b"value"[..]));
}

#[test]
fn seals_follow_one_another_until_one_protects_the_whole() {
    let first = seal_layout::prepare(&document(), &request(&[stamp(0)])).unwrap().finish(b"1").unwrap();
    let last = Request { protection: Protection::Whole, ..request(&[]) };
    let last = Request { type_: SignatureType::Sign, seal: None, ..last };
    let second = seal_layout::prepare(&first, &last).unwrap().finish(b"2").unwrap();
    let package = Package::open(&second).unwrap();
    assert_eq!(package.signatures()[1].type_, SignatureType::Sign);
    for signature in package.signatures() {
        assert!(check_references(&package, &signature.base_loc).1.is_empty());
    }
    let (covered, _) = check_references(&package, &package.signatures()[1].base_loc);
    assert_eq!(
        Coverage::of(&package, &covered).uncovered,
        ["Doc_0/Signs/Sign_1/Signature.xml", "Doc_0/Signs/Sign_1/SignedValue.dat"]
    );
    let refused = seal_layout::prepare(&second, &request(&[stamp(0)])).unwrap_err();
    assert_eq!(refused, LayoutError::SignaturesProtected { id: "s002".into() });
}

#[test]
fn a_file_brought_along_after_sealing_is_seen() {
    let sealed = seal_layout::prepare(&document(), &request(&[stamp(0)])).unwrap().finish(b"1").unwrap();
    let with = |name: &str, data: &[u8]| {
        let mut writer = Writer::new(DosTime::EARLIEST);
        for entry in Archive::open(&sealed, &Limits::default()).unwrap().entries() {
            writer.add(&entry.name, &entry.data);
        }
        writer.add(name, data);
        let package = Package::open(&writer.finish().unwrap()).unwrap();
        let (covered, _) = check_references(&package, &package.signatures()[0].base_loc);
        Coverage::of(&package, &covered)
    };
    let coverage = with("Doc_0/Attachs/extra.xml", b"<x/>");
    assert_eq!(coverage.unreachable, ["Doc_0/Attachs/extra.xml"]);
    assert!(!coverage.is_whole_document());
}

#[test]
fn places_outside_the_page_and_mismatched_requests_are_refused() {
    let prepare = |request: &Request<'_>| seal_layout::prepare(&document(), request).unwrap_err();
    assert_eq!(prepare(&request(&[stamp(1)])), LayoutError::NoSuchPage { page: 1, pages: 1 });
    for bad in [
        StampPlacement { x: 298.0, ..stamp(0) },
        StampPlacement { y: -40.5, ..stamp(0) },
        StampPlacement { width: 0.0, ..stamp(0) },
        StampPlacement { x: f64::NAN, ..stamp(0) },
    ] {
        assert_eq!(prepare(&request(&[bad])), LayoutError::OutsidePage { page: 0 });
    }
    assert_eq!(prepare(&request(&[])), LayoutError::SealMismatch, "a seal without a place");
    assert_eq!(prepare(&Request { seal: None, ..request(&[stamp(0)]) }), LayoutError::SealMismatch);
    assert_eq!(prepare(&Request { type_: SignatureType::Sign, ..request(&[]) }), LayoutError::SealMismatch);
    let list = package_of(&[("OFD.xml", ONE_BODY), ("OFDEntries.xml", "<x/>")]);
    let refused = seal_layout::prepare(&list, &request(&[stamp(0)])).unwrap_err();
    assert_eq!(refused, LayoutError::IntegrityProtected { file: "OFDEntries.xml".into() });
}

// --- malformed packages --------------------------------------------------------------------------------------------------

#[test]
fn malformed_packages_say_which_part_is_wrong() {
    let open = |files: &[(&str, &str)]| Package::open(&package_of(files)).unwrap_err();
    assert_eq!(open(&[("a.xml", "<a/>")]), OfdError::NotOfd);
    let xml = |source| OfdError::Xml { part: "OFD.xml".into(), source };
    assert_eq!(open(&[("OFD.xml", "<!DOCTYPE OFD><OFD/>")]), xml(XmlError::DoctypeForbidden));
    assert!(matches!(open(&[("OFD.xml", "<OFD>")]), OfdError::Xml { .. }));
    let got = "Document".to_owned();
    assert_eq!(
        open(&[("OFD.xml", "<Document/>")]),
        OfdError::WrongRoot { part: "OFD.xml".into(), expected: "OFD", got }
    );
    let two = "<OFD><DocBody><Signatures>a.xml</Signatures><Signatures>b.xml</Signatures></DocBody></OFD>";
    assert_eq!(
        open(&[("OFD.xml", two)]),
        OfdError::Repeated { part: "OFD.xml".into(), element: "Signatures" }
    );
    let absent = "<OFD><DocBody><Signatures>../../a.xml</Signatures></DocBody></OFD>";
    assert!(matches!(open(&[("OFD.xml", absent)]), OfdError::MissingPart { .. }));
}

#[test]
fn a_missing_document_is_a_warning_until_its_pages_are_asked_for() {
    let package = Package::open(&package_of(&[("OFD.xml", ONE_BODY)])).unwrap();
    let missing =
        PackageWarning::MissingPart { part: "Doc_0/Document.xml".into(), named_by: "OFD.xml".into() };
    assert_eq!(package.warnings(), [missing]);
    assert!(matches!(package.pages(0), Err(OfdError::MissingPart { .. })));
}

#[test]
fn parts_that_name_one_another_in_a_circle_end_the_walk() {
    let package = package_of(&[
        ("OFD.xml", "<OFD><DocBody><DocRoot>d.xml</DocRoot></DocBody></OFD>"),
        (
            "d.xml",
            "<Document><Annotations>a.xml</Annotations><Pages><Page ID='1' BaseLoc='d.xml'/></Pages></Document>",
        ),
        ("a.xml", "<Annotations><Page PageID='1'><FileLoc>a.xml</FileLoc></Page></Annotations>"),
    ]);
    assert_eq!(coverage::reachable(&Package::open(&package).unwrap()).len(), 3);
}

proptest! {
    #[test]
    fn a_part_with_changed_bytes_never_panics(part in 0usize..4, at: usize, byte: u8, cut: bool) {
        let sealed = sealed_once();
        let archive = Archive::open(sealed, &Limits::default()).unwrap();
        let parts = ["OFD.xml", "Doc_0/Document.xml", "Doc_0/Signs/Signatures.xml", "Doc_0/Signs/Sign_0/Signature.xml"];
        let mut writer = Writer::new(DosTime::EARLIEST);
        for entry in archive.entries() {
            let mut data = entry.data.clone();
            if entry.name == parts[part] {
                let at = at % data.len();
                data[at] = byte;
                data.truncate(if cut { at } else { data.len() });
            }
            writer.add(&entry.name, &data);
        }
        let changed = writer.finish().unwrap();
        if let Ok(package) = Package::open(&changed) {
            let _ = package.pages(0);
            let _ = package.orphan_signature_files();
            let _ = coverage::reachable(&package);
        }
        let _ = seal_layout::prepare(&changed, &request(&[stamp(0)]));
    }
}

fn sealed_once() -> &'static [u8] {
    static SEALED: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        seal_layout::prepare(&document(), &request(&[stamp(0)])).unwrap().finish(b"value").unwrap()
    });
    &SEALED
}

// --- helpers -------------------------------------------------------------------------------------------------------------

const ONE_BODY: &str = "<OFD><DocBody><DocRoot>Doc_0/Document.xml</DocRoot></DocBody></OFD>";

/// The files covered by the signature at `path`, and the references whose digest does not match.
fn check_references(package: &Package, path: &str) -> (BTreeSet<String>, Vec<String>) {
    let signature = SignatureXml::parse(package.file(path).unwrap()).unwrap();
    let differs = |file_ref: &str, expected: &[u8]| {
        let file = package.locate(path, file_ref).and_then(|name| package.file(name));
        file.is_none_or(|data| gm::sm3::hash(data) != expected)
    };
    let references = signature.references.iter();
    let bad =
        references.filter(|r| differs(&r.file_ref, &r.check_value)).map(|r| r.file_ref.clone()).collect();
    (coverage::covered_files(package, path, &signature), bad)
}

fn request(stamps: &[StampPlacement]) -> Request<'_> {
    static PROVIDER: std::sync::LazyLock<Provider> = std::sync::LazyLock::new(|| Provider {
        name: "yinxin".into(),
        company: "Yinxin".into(),
        version: "0.1".into(),
    });
    Request {
        type_: SignatureType::Seal,
        seal: Some(b"seal"),
        stamps,
        provider: &PROVIDER,
        signature_method: "1.2.156.10197.1.501",
        protection: Protection::MoreSignatures,
        now: Timestamp::from_unix_seconds(1_795_507_200),
    }
}

fn stamp(page: usize) -> StampPlacement {
    StampPlacement { page, x: 200.5, y: 130.0, width: 40.0, height: 40.0, clip: None }
}

fn document() -> Vec<u8> {
    let mut builder = Builder::new(Info {
        doc_id: [7; 16],
        title: "食品经营许可证 <样本>".into(),
        author: "福州市市场监督管理局".into(),
        created: Timestamp::from_unix_seconds(1_795_507_200),
        creator: ("Yinxin".into(), "0.1".into()),
        custom_data: vec![("certificateNumber".into(), "JY1".into())],
    });
    let font = builder.font("宋体", false);
    assert_eq!(builder.font("宋体", false), font, "a font is taken in once");
    let picture = builder.picture(b"\x89PNG".to_vec());
    let page = builder.page(297.0, 210.0);
    let area = Area { x: 10.0, y: 10.0, width: 277.0, height: 190.0 };
    let stroke = Stroke { width: 0.5, colour: Colour(160, 0, 0) };
    builder.outline(page, area, stroke);
    builder.fill(page, area, Colour(250, 250, 240));
    builder.line(page, (10.0, 20.0), (287.0, 20.0), stroke);
    builder.show(page, picture, area);
    let text = Text {
        content: "食品 & Food",
        x: 20.0,
        y: 30.0,
        width: 100.0,
        font,
        size: 5.0,
        spacing: 0.0,
        colour: BLACK,
        align: Align::Centre,
    };
    let object = builder.text(page, &text);
    builder.attach(Attachment {
        name: "元数据".into(),
        file_name: "metadata.json".into(),
        format: "json".into(),
        data: b"{}".to_vec(),
    });
    let entries = vec![("证照名称".to_owned(), vec![object])];
    builder.tag(CustomTag { type_id: "t".into(), namespace: "urn:x".into(), entries });
    builder.build().unwrap()
}

fn package_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = Writer::new(DosTime::EARLIEST);
    files.iter().for_each(|(name, data)| writer.add(name, data.as_bytes()));
    writer.finish().unwrap()
}

fn shared(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures")).join(path)
}

fn fixture(name: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(shared(name)).ok();
    if bytes.is_none() {
        eprintln!("skipped: no ../shared/fixtures/{name}");
    }
    bytes
}

fn manifest() -> Option<serde_json::Value> {
    let bytes = fixture("MANIFEST.json")?;
    Some(serde_json::from_slice(&bytes).unwrap())
}
