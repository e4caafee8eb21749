//! The cast of the cases about seals: a seal maker, a bureau, its seal, a document, and those who are not to be believed.

use base::Timestamp;
use document::ofd::seal_layout::{self, Prepared, Protection, StampPlacement};
use document::ofd::write::{Align, BLACK, Builder, Info, Text};
use document::ofd::{Package, Provider, SignatureType};
use document::zip::{DosTime, Writer};
use pki::der::{ObjectIdentifier, write};
use pki::issue::Profile;
use pki::{Certificate, Signer};
use seal::ses::Picture;
use seal::sign::{SignError, SignRequest};
use seal::verify::{SealState, SealStatus, Statuses};
use seal::{SealTemplate, TrustAnchors};

use crate::authority::{Authority, DAY_SECONDS, Holder, NOW};
use crate::data::words;

/// The seal's unique code.
pub(super) const ES_ID: &str = "35010000000001";
/// SM2 with SM3.
pub(super) const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");

/// Everybody.
pub(super) struct Cast {
    pub(super) authority: Authority,
    /// An authority that nobody trusts.
    pub(super) elsewhere: Authority,
    pub(super) maker: Holder,
    pub(super) bureau: Holder,
}

impl Cast {
    pub(super) fn new() -> Result<Self, String> {
        let (authority, elsewhere) = (Authority::new("试验")?, Authority::new("别处")?);
        let maker = authority.certify(Profile::SealMaker, "制章中心")?;
        let bureau = authority.certify(Profile::SealSigner, "审批服务处")?;
        Ok(Self { authority, elsewhere, maker, bureau })
    }

    /// A verifier that trusts the authority and has asked nobody.
    pub(super) fn offline(&self) -> TrustAnchors {
        let intermediates = [&self.authority, &self.elsewhere].map(|one| one.issuing.certificate.clone());
        TrustAnchors {
            anchors: [self.authority.root.certificate.clone()].into_iter().collect(),
            intermediates: intermediates.to_vec(),
            statuses: None,
        }
    }

    /// A verifier that the status services told: the seal in use since yesterday and `state` from `since`, `revoked` since its day.
    pub(super) fn told(
        &self,
        state: (SealState, Timestamp),
        revoked: Option<(&Certificate, Timestamp)>,
    ) -> TrustAnchors {
        let (state, since) = state;
        let begin = NOW.plus_seconds(-DAY_SECONDS);
        let status = SealStatus { changes: vec![(begin, SealState::Normal), (since, state)] };
        let known = [&self.maker, &self.bureau].map(|holder| (holder.certificate.fingerprint_sm3(), None));
        let revoked = revoked.map(|(certificate, at)| (certificate.fingerprint_sm3(), Some(at)));
        let statuses = Statuses {
            seals: [(ES_ID.to_owned(), status)].into(),
            certificates: known.into_iter().chain(revoked).collect(),
        };
        TrustAnchors { statuses: Some(statuses), ..self.offline() }
    }

    /// A verifier that the status services told nothing bad.
    pub(super) fn online(&self) -> TrustAnchors {
        self.told((SealState::Normal, NOW), None)
    }

    /// The bureau's seal, for a year from an hour ago.
    pub(super) fn template(&self) -> SealTemplate {
        SealTemplate {
            es_id: ES_ID.to_owned(),
            vendor: "YINXIN".to_owned(),
            type_: 1,
            name: "福建省数据管理局审批专用章".to_owned(),
            signer_certificates: vec![self.bureau.certificate.clone()],
            created: NOW.plus_seconds(-3600),
            valid_from: NOW.plus_seconds(-3600),
            valid_until: NOW.plus_seconds(365 * DAY_SECONDS),
            picture: Picture {
                type_: "PNG".to_owned(),
                data: b"\x89PNG\r\n\x1a\n and a red star".to_vec(),
                width_mm: 42,
                height_mm: 42,
            },
        }
    }

    pub(super) fn seal(&self) -> Result<Vec<u8>, String> {
        made(&self.template(), &self.maker)
    }
}

/// `template` made into a seal by `maker`.
pub(super) fn made(template: &SealTemplate, maker: &Holder) -> Result<Vec<u8>, String> {
    seal::make(template, &maker.key, &maker.certificate).map_err(words)
}

/// A seal of `info` that `maker` signed, as one without our checks would make it.
pub(super) fn assembled(info: &[u8], maker: &Holder) -> Result<Vec<u8>, String> {
    let signature = maker.key.sign(info).map_err(words)?;
    Ok(write::sequence(&[
        info,
        &write::octet_string(maker.certificate.der()),
        &write::oid(&SM2_WITH_SM3),
        &write::bit_string(&signature),
    ]))
}

/// The document sealed by the product with `esl` as `holder` at `now`.
pub(super) fn sealed(
    esl: &[u8],
    holder: &Holder,
    trust: &TrustAnchors,
    now: Timestamp,
) -> Result<Result<Vec<u8>, SignError>, String> {
    let (ofd, stamps, provider) = (document()?, stamps(), provider());
    let protection = Protection::MoreSignatures;
    let request = SignRequest { ofd: &ofd, seal: esl, stamps: &stamps, protection, provider: &provider, now };
    Ok(seal::sign_document(&request, &holder.key, &holder.certificate, trust))
}

/// The document made ready for a signature with `esl`, none of the checks of 7.2 a done.
pub(super) fn prepared(esl: &[u8], now: Timestamp) -> Result<Prepared, String> {
    let (stamps, provider) = (stamps(), provider());
    let request = seal_layout::Request {
        type_: SignatureType::Seal,
        seal: Some(esl),
        stamps: &stamps,
        provider: &provider,
        signature_method: pki::oid::SM2_WITH_SM3,
        protection: Protection::MoreSignatures,
        now,
    };
    seal_layout::prepare(&document()?, &request).map_err(words)
}

/// TBS_Sign for `prepared` with `esl` at `now` (7.1).
pub(super) fn tbs_sign(prepared: &Prepared, esl: &[u8], now: Timestamp) -> Result<Vec<u8>, String> {
    let path = write::ia5_string(&format!("/{}", prepared.signature_path)).ok_or("expected an ASCII path")?;
    Ok(write::sequence(&[
        &write::integer(4),
        esl,
        &write::generalized_time(now),
        &write::bit_string(&gm::sm3::hash(&prepared.signature_xml)),
        &path,
    ]))
}

/// A package with `change` made to the content of each file; one whose content becomes `None` is left out.
pub(super) fn rewritten(
    ofd: &[u8],
    mut change: impl FnMut(&str, Vec<u8>) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, String> {
    let package = Package::open(ofd).map_err(words)?;
    let mut writer = Writer::new(DosTime::EARLIEST);
    for name in package.names_in_archive_order() {
        let data = package.file(name).ok_or("expected a file for each name")?;
        if let Some(data) = change(name, data.to_vec()) {
            writer.add(name, &data);
        }
    }
    writer.finish().map_err(words)
}

fn stamps() -> Vec<StampPlacement> {
    vec![StampPlacement { page: 0, x: 120.0, y: 200.0, width: 42.0, height: 42.0, clip: None }]
}

fn provider() -> Provider {
    Provider { name: "yinxin".into(), company: "Yinxin".into(), version: "0.1".into() }
}

/// A page that says something worth changing.
fn document() -> Result<Vec<u8>, String> {
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
    builder.build().map_err(words)
}
