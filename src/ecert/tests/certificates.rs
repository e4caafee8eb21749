//! A certificate from its type to the file that a citizen keeps, and back.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use base::Timestamp;
use document::ofd::seal_layout::{self, Protection};
use document::ofd::{Package, Provider, SignatureType, SignatureXml, coverage};
use ecert::certificate_type::{FieldDefinition, FieldKind, Layout, Validity};
use ecert::metadata::{AnnotatedCopy, HolderType};
use ecert::render::{RenderError, Request};
use ecert::{CertificateIdentifier, CertificateType, Date, Metadata, read_metadata, render, surface};

#[test]
fn a_certificate_carries_its_metadata_to_whoever_has_the_file() {
    let (type_, metadata) = (food_licence(Layout::Landscape), metadata());
    let rendered = render(&request(&type_, &metadata)).unwrap();
    let package = Package::open(&rendered.ofd).unwrap();
    assert_eq!(read_metadata(&package), Some(metadata.clone()));
    let info = &package.doc_bodies()[0].info;
    assert_eq!(info.title.as_deref(), Some("食品经营许可证"));
    assert_eq!(info.custom_data[0].1, metadata.certificate_identifier.to_string());
}

#[test]
fn the_same_certificate_gives_the_same_bytes() {
    let (type_, metadata) = (food_licence(Layout::Portrait), metadata());
    let once = render(&request(&type_, &metadata)).unwrap();
    assert_eq!(once.ofd, render(&request(&type_, &metadata)).unwrap().ofd);
    let later = Request { now: NOW.plus_seconds(86_400), ..request(&type_, &metadata) };
    assert_ne!(once.ofd, render(&later).unwrap().ofd);
}

#[test]
fn the_page_shows_every_field_and_the_tags_point_at_them() {
    let (type_, metadata) = (food_licence(Layout::Landscape), metadata());
    let package = Package::open(&render(&request(&type_, &metadata)).unwrap().ofd).unwrap();
    let page = package.part("Doc_0/Pages/Page_0/Content.xml").unwrap().unwrap();
    let shown: BTreeMap<&str, String> = page
        .descendants()
        .into_iter()
        .filter(|e| e.name == "TextObject")
        .map(|e| (e.attribute("ID").unwrap(), e.child_text("TextCode").unwrap().to_owned()))
        .collect();
    let tags = package.part("Doc_0/Tags/CustomTag_0.xml").unwrap().unwrap();
    let tagged = |name: &str| {
        let tag = tags.children_named("Tag").find(|t| t.attribute("Name") == Some(name)).unwrap();
        tag.children.iter().map(|o| shown[o.text.as_str()].as_str()).collect::<String>()
    };
    assert_eq!(tagged("holderName"), "福州鼓楼某某餐饮有限公司");
    assert_eq!(tagged("certificateNumber"), "证照编号：JY23501020001234");
    assert_eq!(tagged("surface.openedOn"), "2026年3月1日", "dates are shown as people write them");
    assert_eq!(tagged("surface.scope"), metadata.surface["scope"], "a long value goes on in the next line");
    assert_eq!(tagged("validityRange"), "自2026年11月24日至2031年11月23日");
    assert_eq!(tagged("certificateIdentifier"), format!("电子证照标识：{}", metadata.certificate_identifier));
}

#[test]
fn nothing_on_the_page_stands_outside_it() {
    for layout in [Layout::Landscape, Layout::Portrait] {
        let (type_, metadata) = (food_licence(layout), metadata());
        let rendered = render(&request(&type_, &metadata)).unwrap();
        let package = Package::open(&rendered.ofd).unwrap();
        let size = package.pages(0).unwrap()[0].physical_box.unwrap();
        let page = package.part("Doc_0/Pages/Page_0/Content.xml").unwrap().unwrap();
        for object in page.descendants().into_iter().filter_map(|e| e.attribute("Boundary")) {
            let numbers: Vec<f64> = object.split(' ').map(|n| n.parse().unwrap()).collect();
            let [x, y, width, height] = numbers[..] else { panic!("{object}") };
            assert!(x >= 0.0 && y >= 0.0, "{object}");
            assert!(x + width <= size.width + 0.001 && y + height <= size.height + 0.001, "{object}");
        }
        let seal = rendered.seal_place;
        assert!(seal.x + seal.width < size.width - 12.6 && seal.y + seal.height < size.height - 12.6);
    }
}

#[test]
fn the_seal_covers_the_page_and_the_metadata() {
    let (type_, metadata) = (food_licence(Layout::Landscape), metadata());
    let rendered = render(&request(&type_, &metadata)).unwrap();
    let request = seal_layout::Request {
        type_: SignatureType::Seal,
        seal: Some(b"seal"),
        stamps: &[rendered.seal_place],
        provider: &Provider { name: "yinxin".into(), company: "Yinxin".into(), version: "0.1".into() },
        signature_method: "1.2.156.10197.1.501",
        protection: Protection::MoreSignatures,
        now: NOW,
    };
    let sealed = seal_layout::prepare(&rendered.ofd, &request).unwrap().finish(b"value").unwrap();
    let package = Package::open(&sealed).unwrap();
    let path = &package.signatures()[0].base_loc;
    let signature = SignatureXml::parse(package.file(path).unwrap()).unwrap();
    let covered = coverage::covered_files(&package, path, &signature);
    assert!(covered.contains("Doc_0/Attachs/certificate-metadata.json"));
    assert!(coverage::Coverage::of(&package, &covered).is_whole_document());
    assert_eq!(read_metadata(&package), Some(metadata));
}

#[test]
fn too_much_text_is_refused_and_much_text_made_smaller() {
    let type_ = food_licence(Layout::Landscape);
    let mut long = metadata();
    long.surface.insert("scope".into(), "热食类食品制售、".repeat(30));
    assert!(render(&request(&type_, &long)).is_ok());
    long.surface.insert("scope".into(), "热食类食品制售、".repeat(300));
    assert!(matches!(render(&request(&type_, &long)), Err(RenderError::TooMuchText { .. })));
}

#[test]
fn metadata_of_another_type_do_not_go_on_this_page() {
    let mut other = food_licence(Layout::Landscape);
    other.code = "11350000003591037R002".into();
    assert!(matches!(render(&request(&other, &metadata())), Err(RenderError::OtherType { .. })));
}

#[test]
fn metadata_keep_the_names_of_the_standard() {
    let mut metadata = metadata();
    let json = serde_json::to_value(&metadata).unwrap();
    for name in ["certificateIdentifier", "issuingAuthorityCode", "validateStart", "holderType", "areaCode"] {
        assert!(json[name].is_string(), "{name}");
    }
    assert!(json.get("copyCause").is_none());
    metadata.validate_end = None;
    metadata.copy = Some(AnnotatedCopy {
        copy_creation_time: "2026-11-24T08:00:00Z".into(),
        copy_creator: "福州市不动产登记中心".into(),
        copy_cause: "不动产登记".into(),
        copy_expiring_time: "2026-12-24T08:00:00Z".into(),
    });
    let json = serde_json::to_string(&metadata).unwrap();
    assert!(json.contains("\"copyCause\":\"不动产登记\"") && !json.contains("validateEnd"));
    assert_eq!(serde_json::from_str::<Metadata>(&json).unwrap(), metadata);
}

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

fn request<'a>(type_: &'a CertificateType, metadata: &'a Metadata) -> Request<'a> {
    Request { type_, metadata, doc_id: [7; 16], now: NOW, mark: Some("示例数据") }
}

fn food_licence(layout: Layout) -> CertificateType {
    let field = |key: &str, label_zh: &str, label_en: &str, kind, required| FieldDefinition {
        key: key.into(),
        label_zh: label_zh.into(),
        label_en: label_en.into(),
        kind,
        required,
    };
    let text = |max_chars| FieldKind::Text { max_chars };
    let type_ = CertificateType {
        code: "11350000003591037R001".into(),
        name: "食品经营许可证".into(),
        name_en: "Food Business Licence".into(),
        define_authority_name: "福建省市场监督管理局".into(),
        surface: vec![
            field("legalRepresentative", "法定代表人", "Legal representative", text(50), true),
            field("address", "经营场所", "Place of business", text(100), true),
            field("scope", "经营项目", "Scope", text(5000), true),
            field("openedOn", "开业日期", "Opened on", FieldKind::Date, false),
        ],
        validity: Validity::Years(5),
        layout,
    };
    type_.check().unwrap();
    type_
}

fn metadata() -> Metadata {
    let type_ = food_licence(Layout::Landscape);
    let issued = Date::in_china(NOW);
    let fields = [
        ("legalRepresentative", "林某某"),
        ("address", "福建省福州市鼓楼区五四路123号A座1203单元"),
        (
            "scope",
            "热食类食品制售；冷食类食品制售；生食类食品制售；糕点类食品制售（含裱花蛋糕）；自制饮品制售（不含使用压力容器制作饮品）。",
        ),
        ("openedOn", "2026-03-01"),
    ];
    let fields = fields.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect();
    Metadata {
        certificate_identifier: CertificateIdentifier::new(
            &type_.code,
            "11350100003604048M",
            "JY23501020001234",
            1,
        )
        .unwrap(),
        certificate_name: "食品经营许可证".into(),
        certificate_type_name: type_.name.clone(),
        certificate_type_code: type_.code.clone(),
        certificate_number: "JY23501020001234".into(),
        certificate_version: "001".into(),
        issuing_authority_name: "福州市市场监督管理局".into(),
        issuing_authority_code: "11350100003604048M".into(),
        issued_date: issued,
        define_authority_name: type_.define_authority_name.clone(),
        define_authority_code: type_.define_authority_code().into(),
        validate_start: issued,
        validate_end: type_.validate_end(issued),
        area_code: "350102".into(),
        holder_name: "福州鼓楼某某餐饮有限公司".into(),
        holder_code: "91350102MA2Y00000B".into(),
        holder_type: HolderType::SocialCreditCode,
        related_item_name: None,
        related_item_code: None,
        surface: surface::check(&type_, &fields).unwrap(),
        copy: None,
    }
}
