//! A small province: an authority, a seal maker, a bureau with its seal, an outsider, and a document.

use base::{OsEntropy, Timestamp};
use document::ofd::seal_layout::{Protection, StampPlacement};
use document::ofd::write::{Align, BLACK, Builder, Info, Text};
use document::ofd::{Package, Provider};
use document::zip::{DosTime, Writer};
use pki::issue::{Profile, Serial, Template, issue};
use pki::path::Anchors;
use pki::{Certificate, Name, PublicKey, SignError, SignatureAlgorithm, Signer};
use seal::ses::Picture;
use seal::sign::SignRequest;
use seal::verify::{SealState, SealStatus, Statuses};
use seal::{SealTemplate, TrustAnchors};

/// 2026-11-24T08:00:00Z, when the stories happen.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);
pub(crate) const DAY_SECONDS: i64 = 86_400;
pub(crate) const YEAR_SECONDS: i64 = 365 * DAY_SECONDS;
pub(crate) const ES_ID: &str = "35010000000001";

/// An SM2 key held in memory.
pub(crate) struct Key(gm::sm2::SigningKey);

impl Key {
    pub(crate) fn new() -> Self {
        Self(gm::sm2::SigningKey::generate(&mut base::entropy::rng(&OsEntropy)))
    }
}

impl Signer for Key {
    fn public_key(&self) -> PublicKey {
        self.0.verifying_key().clone().into()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Sm2Sm3
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.0.sign(message, gm::sm2::DEFAULT_ID, &mut base::entropy::rng(&OsEntropy));
        Ok(signature.map_err(SignError::new)?.to_der())
    }
}

/// A key and its certificate.
pub(crate) struct Holder {
    pub(crate) key: Key,
    pub(crate) certificate: Certificate,
}

/// Everybody.
pub(crate) struct Province {
    root: Certificate,
    issuing_key: Key,
    issuing: Certificate,
    pub(crate) maker: Holder,
    pub(crate) bureau: Holder,
}

fn template(profile: Profile, common_name: &str, key: &Key, years: i64) -> Template {
    Template {
        profile,
        subject: Name {
            country: "CN".into(),
            organization: "福建省数据管理局".into(),
            common_name: common_name.into(),
            ..Name::default()
        },
        public_key: key.public_key(),
        serial: Serial::random(&OsEntropy),
        not_before: NOW.plus_seconds(-DAY_SECONDS),
        not_after: NOW.plus_seconds(years * YEAR_SECONDS),
        alt_names: Vec::new(),
    }
}

impl Province {
    pub(crate) fn new() -> Self {
        let (root_key, issuing_key) = (Key::new(), Key::new());
        let root = issue(&template(Profile::RootCa, "测试根", &root_key, 30), None, &root_key).unwrap();
        let issuing =
            issue(&template(Profile::IssuingCa, "测试签发中心", &issuing_key, 20), Some(&root), &root_key)
                .unwrap();
        let holder = |profile, name: &str| {
            let key = Key::new();
            let certificate = issue(&template(profile, name, &key, 2), Some(&issuing), &issuing_key).unwrap();
            Holder { key, certificate }
        };
        let (maker, bureau) =
            (holder(Profile::SealMaker, "制章中心"), holder(Profile::SealSigner, "审批服务处"));
        Self { root, issuing_key, issuing, maker, bureau }
    }

    /// Somebody with a certificate of the same authority.
    pub(crate) fn certify(&self, profile: Profile, common_name: &str) -> Holder {
        let key = Key::new();
        let template = template(profile, common_name, &key, 2);
        let certificate = issue(&template, Some(&self.issuing), &self.issuing_key).unwrap();
        Holder { key, certificate }
    }

    /// A verifier that trusts the root and has asked nobody.
    pub(crate) fn offline(&self) -> TrustAnchors {
        TrustAnchors {
            anchors: Anchors::from_iter([self.root.clone()]),
            intermediates: vec![self.issuing.clone()],
            statuses: None,
        }
    }

    /// A verifier that the status services told: nothing revoked, the seal `state` from `since` on, in use before.
    pub(crate) fn told(&self, state: SealState, since: Timestamp) -> TrustAnchors {
        let begin = NOW.plus_seconds(-DAY_SECONDS);
        let status = SealStatus { changes: vec![(begin, SealState::Normal), (since, state)] };
        let holders = [&self.maker, &self.bureau];
        let certificates = holders.iter().map(|holder| (holder.certificate.fingerprint_sm3(), None));
        let statuses =
            Statuses { seals: [(ES_ID.to_owned(), status)].into(), certificates: certificates.collect() };
        TrustAnchors { statuses: Some(statuses), ..self.offline() }
    }

    pub(crate) fn online(&self) -> TrustAnchors {
        self.told(SealState::Normal, NOW.plus_seconds(-DAY_SECONDS))
    }

    pub(crate) fn seal_template(&self) -> SealTemplate {
        SealTemplate {
            es_id: ES_ID.to_owned(),
            vendor: "YINXIN".to_owned(),
            type_: 1,
            name: "福建省数据管理局审批专用章".to_owned(),
            signer_certificates: vec![self.bureau.certificate.clone()],
            created: NOW.plus_seconds(-3600),
            valid_from: NOW.plus_seconds(-3600),
            valid_until: NOW.plus_seconds(YEAR_SECONDS),
            picture: Picture {
                type_: "PNG".to_owned(),
                data: b"\x89PNG\r\n\x1a\n and a red star".to_vec(),
                width_mm: 42,
                height_mm: 42,
            },
        }
    }

    pub(crate) fn seal(&self) -> Vec<u8> {
        seal::make(&self.seal_template(), &self.maker.key, &self.maker.certificate).unwrap()
    }

    /// The bureau's seal on `ofd`.
    pub(crate) fn sealed(&self, ofd: &[u8], protection: Protection) -> Vec<u8> {
        let (seal, stamps, provider) = (self.seal(), stamps(), provider());
        let request =
            SignRequest { ofd, seal: &seal, stamps: &stamps, protection, provider: &provider, now: NOW };
        seal::sign_document(&request, &self.bureau.key, &self.bureau.certificate, &self.offline()).unwrap()
    }
}

pub(crate) fn stamps() -> Vec<StampPlacement> {
    vec![StampPlacement { page: 0, x: 120.0, y: 200.0, width: 42.0, height: 42.0, clip: None }]
}

pub(crate) fn provider() -> Provider {
    Provider { name: "yinxin".into(), company: "Yinxin".into(), version: "0.1".into() }
}

/// A page that says something worth changing.
pub(crate) fn document() -> Vec<u8> {
    let mut builder = Builder::new(Info {
        doc_id: [7; 16],
        title: "批复".into(),
        author: "福建省数据管理局".into(),
        created: NOW,
        creator: ("yinxin".into(), "0.1".into()),
        custom_data: Vec::new(),
    });
    let font = builder.font("宋体", false);
    let page = builder.page(210.0, 297.0);
    let text = Text {
        content: "同意拨付 10000 元",
        x: 20.0,
        y: 40.0,
        width: 170.0,
        font,
        size: 6.0,
        spacing: 0.0,
        colour: BLACK,
        align: Align::Left,
    };
    builder.text(page, &text);
    builder.build().unwrap()
}

/// The package `ofd` with `change` made to each of its files; a file whose content becomes `None` is left out.
pub(crate) fn rewritten(ofd: &[u8], mut change: impl FnMut(&str, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let package = Package::open(ofd).unwrap();
    let mut writer = Writer::new(DosTime::EARLIEST);
    for name in package.names_in_archive_order() {
        if let Some(data) = change(name, package.file(name).unwrap().to_vec()) {
            writer.add(name, &data);
        }
    }
    writer.finish().unwrap()
}
