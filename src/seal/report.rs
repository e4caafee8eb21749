//! The verdict on a file, graded and explained (after ETSI EN 319 102-1, with national reasons added).
//!
//! Two verdicts stand side by side because two policies are asked for. GB/T 38540 believes the time the signer states;
//! the strict one believes only a time that is proven (else it judges as of now) and wants the whole document covered.
//! [`Report::indication`] is GB/T 38540's, held back to INDETERMINATE/SCOPE_PARTIAL when something a reader shows is
//! covered by no signature: such content can be exchanged without any digest or signature noticing.

mod text;

use serde::Serialize;

use crate::deviation::Deviation;

pub use text::Language;

/// The three grades of ETSI EN 319 102-1, 5.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Indication {
    /// Everything that was checked holds.
    #[serde(rename = "TOTAL-PASSED")]
    TotalPassed,
    /// What is at hand does not suffice to say.
    #[serde(rename = "INDETERMINATE")]
    Indeterminate,
    /// Something is wrong.
    #[serde(rename = "TOTAL-FAILED")]
    TotalFailed,
}

impl Indication {
    /// `TOTAL-PASSED`, `INDETERMINATE` or `TOTAL-FAILED`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TotalPassed => "TOTAL-PASSED",
            Self::Indeterminate => "INDETERMINATE",
            Self::TotalFailed => "TOTAL-FAILED",
        }
    }
}

/// Why not passed, the weightiest reason first: ETSI's names, and national ones for what ETSI has no name for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubIndication {
    /// The structure cannot be read (ETSI).
    FormatFailure,
    /// Signed content was changed (ETSI).
    HashFailure,
    /// The signature value is wrong (ETSI).
    SigCryptoFailure,
    /// The seal maker's signature on the seal is wrong (national).
    SealSignatureInvalid,
    /// The seal does not list the signer (national; GB/T 38540, 7.3 c).
    SealSignerNotListed,
    /// The time stamp is of other data or not genuine (national; GB/T 38540, 7.3 h).
    TimestampImprint,
    /// The signer's certificate had been revoked (ETSI).
    Revoked,
    /// The seal was suspended or revoked (national; GB/T 38540, 7.3 d4).
    SealRevoked,
    /// The stated time is outside the signer certificate's validity (national; GB/T 38540, 7.3 f1).
    ClaimedTimeOutsideCert,
    /// The stated time is outside the seal's validity (national; GB/T 38540, 7.3 d3).
    SealExpiredAtSigning,
    /// The seal itself is past its validity (ETSI); for a seal on its own.
    Expired,
    /// The seal's validity has not begun (ETSI); for a seal on its own.
    NotYetValid,
    /// The file carries no signature (DSS).
    NoSignatureFound,
    /// There is no certificate to verify with (ETSI).
    NoSigningCertificateFound,
    /// Signed data are absent (ETSI).
    SignedDataNotFound,
    /// Algorithms that are not accepted (ETSI).
    CryptoConstraintsFailure,
    /// No chain to an anchor (ETSI).
    NoCertificateChainFound,
    /// A chain that breaks a rule (ETSI).
    ChainConstraintsFailure,
    /// The signature breaks a rule of the policy (ETSI).
    SigConstraintsFailure,
    /// `Seal.esl` is not the seal inside the signature (national).
    SealFileMismatch,
    /// Times in an impossible order (ETSI).
    TimestampOrderFailure,
    /// Part of what a reader shows is not covered (national).
    ScopePartial,
    /// An earlier revision is covered, not this one (national).
    ScopeSupersededRevision,
    /// Revoked, and no proof that the signature is older (ETSI).
    RevokedNoPoe,
    /// Out of validity now, and no proof that the signature is older (ETSI).
    OutOfBoundsNoPoe,
    /// No proof of the time at which it existed (ETSI).
    NoPoe,
    /// Status was not to be had now (ETSI).
    TryLater,
}

impl SubIndication {
    /// The grade it leads to.
    pub const fn indication(self) -> Indication {
        match self {
            Self::FormatFailure
            | Self::HashFailure
            | Self::SigCryptoFailure
            | Self::SealSignatureInvalid
            | Self::SealSignerNotListed
            | Self::TimestampImprint
            | Self::Revoked
            | Self::SealRevoked
            | Self::ClaimedTimeOutsideCert
            | Self::SealExpiredAtSigning
            | Self::Expired
            | Self::NotYetValid => Indication::TotalFailed,
            _ => Indication::Indeterminate,
        }
    }

    /// Its name: `HASH_FAILURE`, `SEAL_SIGNER_NOT_LISTED`, ...
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// What a verification found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What the file is.
    pub kind: FileKind,
    /// SM3 of the file, hexadecimal.
    pub file_sm3: String,
    /// The headline.
    pub indication: Indication,
    /// Why it is not passed.
    pub sub_indication: Option<SubIndication>,
    /// The headline's reason in words.
    pub reason: String,
    /// The same in Chinese.
    pub reason_zh: String,
    /// Both policies' verdicts.
    pub verdicts: Verdicts,
    /// The signatures of a document, worst not first but in the file's order.
    pub signatures: Vec<SignatureReport>,
    /// The seal, when the file is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealReport>,
    /// What is worth knowing about the file as a whole.
    pub warnings: Vec<Words>,
}

/// What a file is, told by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// An OFD package.
    Ofd,
    /// A seal on its own (`.esl`).
    Seal,
    /// Neither.
    Unknown,
}

/// Both policies' verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// As GB/T 38540-2020 has it: the stated signing time counts.
    pub gbt38540: Verdict,
    /// Only proven time counts, and the whole document must be covered.
    pub strict: Verdict,
}

/// One policy's verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The grade.
    pub indication: Indication,
    /// Why it is not passed.
    pub sub_indication: Option<SubIndication>,
    /// The reason in words.
    pub reason: String,
    /// The same in Chinese.
    pub reason_zh: String,
}

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl Words {
    /// The sentence in both languages.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }
}

/// What one check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum CheckResult {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// It holds, or does not matter to GB/T 38540, but a person should know.
    Warning,
    /// There was nothing to check.
    NotApplicable,
    /// It could not be decided.
    Indeterminate,
}

/// One check with its result.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// A stable name: `signature.value`.
    pub id: &'static str,
    /// The standard and clause it comes from.
    pub clause: &'static str,
    /// What is checked, in Chinese.
    pub title_zh: &'static str,
    /// What is checked, in English.
    pub title_en: &'static str,
    /// What it came to.
    pub result: CheckResult,
    /// What was found.
    pub detail: String,
    /// The same in Chinese.
    pub detail_zh: String,
    /// What it does to GB/T 38540's verdict.
    #[serde(skip)]
    pub gbt38540: Option<SubIndication>,
    /// What it does to the strict verdict.
    #[serde(skip)]
    pub strict: Option<SubIndication>,
}

/// One signature of a document.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SignatureReport {
    /// Its identifier in `Signatures.xml`.
    pub id: String,
    /// Whether `Signatures.xml` names it; a signature that it does not name was taken out or never put in.
    pub listed: bool,
    /// The path of its `Signature.xml`.
    pub path: String,
    /// `v1`, `v4`, `v5`, `CMS (GB/T 35275)` or `bare SM2 signature (no certificate)`.
    pub structure: String,
    /// The version in the seal's header.
    pub header_version: Option<i64>,
    /// The vendor in the seal's header.
    pub vendor: Option<String>,
    /// The seal's unique code.
    pub es_id: Option<String>,
    /// The seal's name.
    pub seal_name: Option<String>,
    /// 1 for certificates, 2 for digests.
    pub cert_list_type: Option<i64>,
    /// How many files the signature lists.
    pub references_total: usize,
    /// How many of them have another digest.
    pub references_bad: usize,
    /// How many of them are absent.
    pub references_missing: usize,
    /// Whether `Signature.xml` has the signed digest.
    pub data_hash_ok: Option<bool>,
    /// Whether the signature value is right.
    pub signature_ok: Option<bool>,
    /// How it is encoded: `DER`, `raw64`, ...
    pub signature_encoding: Option<String>,
    /// Whether the seal maker's signature is right.
    pub seal_signature_ok: Option<bool>,
    /// What the maker signed: `info`, `seq(info,cert,alg)`.
    pub seal_signature_over: Option<&'static str>,
    /// CMS: how it is tied to `Signature.xml`.
    pub message_binding: Option<&'static str>,
    /// Whether the seal lists the signer.
    pub signer_in_cert_list: Option<bool>,
    /// When it was signed, as the signer states, RFC 3339.
    pub claimed_time: Option<String>,
    /// Whether that is within the signer certificate's validity.
    pub claimed_time_in_signer_cert: Option<bool>,
    /// Whether that is within the seal's validity.
    pub claimed_time_in_seal: Option<bool>,
    /// Whether that is within the maker certificate's validity.
    pub claimed_time_in_maker_cert: Option<bool>,
    /// Whether a time stamp token is present.
    pub timestamp: bool,
    /// When it provably existed: the time of a genuine time stamp, RFC 3339.
    pub proven_time: Option<String>,
    /// The signer.
    pub signer: Option<String>,
    /// Who issued the signer's certificate.
    pub issuer: Option<String>,
    /// The signer's certificate: SM3 of its DER, hexadecimal.
    pub signer_fingerprint_sm3: Option<String>,
    /// The seal maker.
    pub maker: Option<String>,
    /// Listed files that were changed, as the signature writes them.
    pub bad_files: Vec<String>,
    /// Listed files that are absent, as the signature writes them.
    pub missing_files: Vec<String>,
    /// Files of the package that the signature does not list.
    pub uncovered: Vec<String>,
    /// Those of them that a reader shows or follows.
    pub uncovered_essential: Vec<String>,
    /// How `Seal.esl` compares with the seal in the signature; absent without such a file.
    pub seal_file: Option<String>,
    /// Tolerated departures from the standard.
    pub deviations: Vec<Deviation>,
    /// Every check.
    pub checks: Vec<Check>,
    /// Both policies' verdicts on this signature.
    pub verdicts: Option<Verdicts>,
}

/// A seal on its own.
#[derive(Clone, Debug, Serialize)]
pub struct SealReport {
    /// `v1`, `v4` or `v5`.
    pub structure: &'static str,
    /// The header.
    pub header: SealHeader,
    /// The seal's unique code.
    pub es_id: String,
    /// The seal's name.
    pub name: String,
    /// The kind of seal, business defined.
    #[serde(rename = "type")]
    pub type_: i64,
    /// 1 for certificates, 2 for digests; absent in v1.
    pub cert_list_type: Option<i64>,
    /// How many signers it lists.
    pub signers_count: usize,
    /// Whether the maker's signature is right.
    pub seal_signature_ok: Option<bool>,
    /// What the maker signed.
    pub seal_signature_over: Option<&'static str>,
    /// How the maker's signature is encoded.
    pub signature_encoding: Option<String>,
    /// Creation, start and end of validity as written: `GeneralizedTime:20200422020900Z`.
    pub times: [String; 3],
    /// First instant of validity, RFC 3339.
    pub valid_from: String,
    /// Last instant of validity, RFC 3339.
    pub valid_until: String,
    /// The picture.
    pub picture: PictureReport,
    /// The seal maker.
    pub maker: Option<String>,
    /// Tolerated departures from the standard.
    pub deviations: Vec<Deviation>,
    /// Every check.
    pub checks: Vec<Check>,
}

/// A seal's header.
#[derive(Clone, Debug, Serialize)]
pub struct SealHeader {
    /// `ES`.
    pub id: String,
    /// The version it states.
    pub version: i64,
    /// The vendor.
    pub vid: String,
}

/// A seal's picture.
#[derive(Clone, Debug, Serialize)]
pub struct PictureReport {
    /// What the seal says it is.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its size in bytes.
    pub len: usize,
    /// Width in millimetres.
    pub w: i64,
    /// Height in millimetres.
    pub h: i64,
    /// Its first four bytes, hexadecimal.
    pub magic: String,
}

impl Verdict {
    /// The verdict that `checks` lead to under one policy: the weightiest reason, or passed.
    pub(crate) fn of(checks: &[Check], effect: impl Fn(&Check) -> Option<SubIndication>) -> Self {
        let worst = checks.iter().filter_map(|check| effect(check).map(|sub| (sub, check)));
        match worst.min_by_key(|(sub, _)| (std::cmp::Reverse(sub.indication()), *sub)) {
            Some((sub, check)) => Self {
                indication: sub.indication(),
                sub_indication: Some(sub),
                reason: format!("{} ({}): {}", check.title_en, check.clause, check.detail),
                reason_zh: format!("{}（{}）：{}", check.title_zh, check.clause, check.detail_zh),
            },
            None => Self::passed(),
        }
    }

    /// The verdict that nothing speaks against.
    pub(crate) fn passed() -> Self {
        Self {
            indication: Indication::TotalPassed,
            sub_indication: None,
            reason: "every check holds".to_owned(),
            reason_zh: "各项检查均通过".to_owned(),
        }
    }

    /// The verdict `sub` for the reason in `words`.
    pub(crate) fn because(sub: SubIndication, words: Words) -> Self {
        Self {
            indication: sub.indication(),
            sub_indication: Some(sub),
            reason: words.en,
            reason_zh: words.zh,
        }
    }

    fn weight(&self) -> (std::cmp::Reverse<Indication>, Option<SubIndication>) {
        (std::cmp::Reverse(self.indication), self.sub_indication)
    }
}

impl Verdicts {
    /// What `checks` lead to under both policies.
    pub(crate) fn of(checks: &[Check]) -> Self {
        Self {
            gbt38540: Verdict::of(checks, |check| check.gbt38540),
            strict: Verdict::of(checks, |check| check.strict),
        }
    }

    /// The same verdict under both policies.
    pub(crate) fn both(verdict: Verdict) -> Self {
        Self { gbt38540: verdict.clone(), strict: verdict }
    }

    /// The worst of several under each policy; `None` of none.
    pub(crate) fn worst<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Option<Self> {
        let gbt38540 = all.clone().map(|v| &v.gbt38540).min_by_key(|v| v.weight())?.clone();
        let strict = all.map(|v| &v.strict).min_by_key(|v| v.weight())?.clone();
        Some(Self { gbt38540, strict })
    }
}
