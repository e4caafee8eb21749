//! Verification: an OFD document's seals, or a seal on its own, with every check of GB/T 38540-2020 (6.3 and 7.3) and those it leaves out.
//!
//! - [`rules`] the table of checks: name, clause, title.
//! - `checks` results, and what they do to each verdict.
//! - `package` what the document's files say: digests, coverage, stamps, `Seal.esl`.
//! - `value` which kind of signature value it is.
//! - `ses` GB/T 38540, 7.3 over a seal signature; `seal` 6.3 over the seal; `cms` plain signatures.
//! - `certificate` chains and their status; `time` what time is claimed and what is proven.

mod certificate;
mod checks;
mod cms;
mod package;
pub mod rules;
mod seal;
mod ses;
mod time;
mod value;

use std::collections::BTreeMap;

use base::Timestamp;
use pki::Certificate;
use pki::path::Anchors;

use crate::report::{FileKind, Report, SignatureReport, SubIndication, Verdict, Verdicts, Words};
use crate::ses::{Seal, SesSignature};
use checks::Checks;

/// Largest file verified: 64 MiB.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// What the verifier trusts and knows.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors {
    /// The authorities trusted for seal makers, signers and time stamps.
    pub anchors: Anchors,
    /// Certificates that may help to build a chain; trusted in nothing.
    pub intermediates: Vec<Certificate>,
    /// What the status services answered; `None` when they were not asked (offline).
    pub statuses: Option<Statuses>,
}

/// What the status services say about what a file mentions (see [`mentions`]).
#[derive(Clone, Debug, Default)]
pub struct Statuses {
    /// By esID.
    pub seals: BTreeMap<String, SealStatus>,
    /// By the SM3 fingerprint of the certificate: when it was revoked, `None` when it was not.
    pub certificates: BTreeMap<[u8; 32], Option<Timestamp>>,
}

/// The states a seal has been in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealStatus {
    /// From when on which state, in order of time. Before the first the seal was not in use.
    pub changes: Vec<(Timestamp, SealState)>,
}

/// The state of a seal at its issuer (GB/T 38540-2020, 7.3 d4; GB/T 33481-2016).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealState {
    /// In use.
    Normal,
    /// Not to be used for the time being.
    Suspended,
    /// Never to be used again.
    Revoked,
}

impl SealStatus {
    /// The state at `at`; `None` before the seal came into use.
    pub fn state_at(&self, at: Timestamp) -> Option<SealState> {
        self.changes.iter().take_while(|(from, _)| *from <= at).last().map(|(_, state)| *state)
    }

    /// The state in the second that begins at `second`: in use when it was so at any moment of it.
    ///
    /// Signatures and time stamps state whole seconds, changes are known more finely: a seal made at 8:00:00.4 seals at 8:00:00.7, which
    /// is stated as 8:00:00.
    pub fn state_within(&self, second: Timestamp) -> Option<SealState> {
        let end = second.plus_seconds(1);
        let meanwhile = self.changes.iter().filter(|(from, _)| *from > second && *from < end);
        let states = self.state_at(second).into_iter().chain(meanwhile.map(|(_, state)| *state));
        states.fold(None, |so_far, state| so_far.filter(|s| *s == SealState::Normal).or(Some(state)))
    }
}

/// What a caller should ask the status services about before it verifies a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// esIDs.
    pub seals: Vec<String>,
    /// SM3 fingerprints of signers' and makers' certificates.
    pub certificates: Vec<[u8; 32]>,
}

/// Verifies a file: an OFD package or a seal, told by its content. Anything else is reported as such, never an error or a panic.
pub fn verify_file(bytes: &[u8], trust: &TrustAnchors, now: Timestamp) -> Report {
    if bytes.len() > MAX_FILE_BYTES {
        let detail = format!("{} bytes, more than the {MAX_FILE_BYTES} that are verified", bytes.len());
        return unknown(bytes, &detail, &format!("文件有 {} 字节，超过上限 {MAX_FILE_BYTES}", bytes.len()));
    }
    match bytes.first() {
        Some(0x30) => verify_seal(bytes, trust, now),
        _ if looks_like_zip(bytes) => package::verify(bytes, &Context { trust, now }),
        _ => {
            let (en, zh) = describe(bytes);
            unknown(bytes, en, zh)
        }
    }
}

/// Verifies a seal (`Seal.esl`) on its own, as of `now` (GB/T 38540-2020, 6.3).
pub fn verify_seal(esl: &[u8], trust: &TrustAnchors, now: Timestamp) -> Report {
    let context = Context { trust, now };
    match Seal::parse(esl) {
        Ok((parsed, deviations)) => {
            let (report, verdicts) = seal::verify_alone(&parsed, deviations, &context);
            Report { seal: Some(report), ..assemble(esl, FileKind::Seal, verdicts) }
        }
        Err(_) if SesSignature::parse(esl).is_ok() => unknown(
            esl,
            "the signature value of a document without the document",
            "只有签章数据，没有被签文件",
        ),
        Err(error) => {
            let words = Words::new(
                format!("the seal does not parse (GB/T 38540-2020 6.3 a): {error}"),
                format!("印章数据格式不正确（GB/T 38540-2020 6.3 a）：{error}"),
            );
            let verdict = Verdict::because(SubIndication::FormatFailure, words);
            assemble(esl, FileKind::Seal, Verdicts::both(verdict))
        }
    }
}

/// Verifies a signature from its parts where the document itself does not leave its owner: `Signature.xml` and the signature value.
///
/// Whether the listed files are unchanged, and coverage, are not judged.
pub fn verify_parts(
    signature_xml: &[u8],
    signed_value: &[u8],
    trust: &TrustAnchors,
    now: Timestamp,
) -> SignatureReport {
    let mut report = SignatureReport { listed: true, ..SignatureReport::default() };
    let mut checks = Checks::default();
    value::judge(&mut report, &mut checks, signature_xml, signed_value, &Context { trust, now });
    package::finish(report, checks)
}

/// The seals and certificates that `bytes` mention, so that their status can be asked for; empty for what cannot be read.
pub fn mentions(bytes: &[u8]) -> Mentions {
    let mut mentions = Mentions::default();
    let values = if looks_like_zip(bytes) { package::signature_values(bytes) } else { Vec::new() };
    for value in values {
        if let Ok((signature, _)) = SesSignature::parse(&value) {
            mentions.seals.push(signature.seal.es_id.clone());
            mentions.certificates.push(gm::sm3::hash(&signature.signer_certificate));
            mentions.certificates.push(gm::sm3::hash(&signature.seal.maker_certificate));
        } else if let Ok(message) = pki::cms::SignedData::from_der(&value) {
            mentions.certificates.extend(message.certificates.iter().map(Certificate::fingerprint_sm3));
        }
    }
    if let (true, Ok((seal, _))) = (bytes.first() == Some(&0x30), Seal::parse(bytes)) {
        mentions.seals.push(seal.es_id.clone());
        mentions.certificates.push(gm::sm3::hash(&seal.maker_certificate));
    }
    mentions.seals.sort_unstable();
    mentions.seals.dedup();
    mentions.certificates.sort_unstable();
    mentions.certificates.dedup();
    mentions
}

/// What every check needs.
struct Context<'a> {
    trust: &'a TrustAnchors,
    now: Timestamp,
}

/// A report with the headline that `verdicts` lead to.
fn assemble(bytes: &[u8], kind: FileKind, verdicts: Verdicts) -> Report {
    Report {
        kind,
        file_sm3: base::encoding::hex(&gm::sm3::hash(bytes)),
        indication: verdicts.gbt38540.indication,
        sub_indication: verdicts.gbt38540.sub_indication,
        reason: verdicts.gbt38540.reason.clone(),
        reason_zh: verdicts.gbt38540.reason_zh.clone(),
        verdicts,
        signatures: Vec::new(),
        seal: None,
        warnings: Vec::new(),
    }
}

fn unknown(bytes: &[u8], en: &str, zh: &str) -> Report {
    let words = Words::new(
        format!("expected an OFD document or a seal (.esl), got {en}"),
        format!("应为 OFD 文件或电子印章（.esl），实际为：{zh}"),
    );
    let verdict = Verdict::because(SubIndication::FormatFailure, words);
    assemble(bytes, FileKind::Unknown, Verdicts::both(verdict))
}

/// A ZIP archive, perhaps with junk before it as some products write (the package reader decides).
fn looks_like_zip(bytes: &[u8]) -> bool {
    const TAIL_BYTES: usize = 66_000;
    let tail = bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
    bytes.starts_with(b"PK") || tail.windows(4).any(|window| window == b"PK\x05\x06")
}

fn describe(bytes: &[u8]) -> (&'static str, &'static str) {
    match bytes {
        [] => ("an empty file", "空文件"),
        _ if bytes.starts_with(b"%PDF") => ("a PDF document", "PDF 文件"),
        _ if bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\xff\xd8") => ("an image", "图片"),
        _ if bytes.starts_with(b"<") => ("XML or HTML", "XML 或 HTML 文本"),
        _ if bytes.starts_with(b"-----BEGIN") => ("PEM text", "PEM 文本"),
        _ => ("something else", "其他内容"),
    }
}
