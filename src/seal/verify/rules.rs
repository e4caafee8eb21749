//! The checks: name, clause, title. The code that does a check names its rule, so this table and the reports cannot part.

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A stable name.
    pub id: &'static str,
    /// The standard and clause it comes from.
    pub clause: &'static str,
    /// What is checked, in Chinese.
    pub zh: &'static str,
    /// What is checked, in English.
    pub en: &'static str,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $clause:literal, $zh:literal, $en:literal;)+) => {
        $($(#[$doc])* pub const $name: Rule = Rule { id: $id, clause: $clause, zh: $zh, en: $en };)+

        /// All rules, in the order of this file.
        pub const ALL: &[Rule] = &[$($name),+];
    };
}

rules! {
    /// `Signatures.xml` names the signature.
    LISTED = "ofd.listed", "GB/T 33190-2016 18.1", "签名列表", "list of signatures";
    /// Its parts are there and can be read.
    PARTS = "ofd.parts", "GB/T 33190-2016 18.2", "签名组成部分", "parts of the signature";
    /// The digest algorithm is one that is accepted.
    DIGEST_METHOD = "ofd.digest_method", "GB/T 33190-2016 18.2", "摘要算法", "digest algorithm";
    /// Every listed file is there and unchanged.
    REFERENCES = "ofd.references", "GB/T 38540-2020 7.3 g", "受保护文件的完整性", "integrity of the listed files";
    /// The signature it builds on exists.
    RELATIVE = "ofd.relative", "GB/T 33190 18.1", "依赖的签名", "signature it builds on";
    /// The stamps are on pages of the document.
    STAMPS = "ofd.stamps", "GB/T 33190-2016 18.2", "印章位置", "places of the stamps";
    /// `Seal.esl` is the seal in the signature.
    SEAL_FILE = "ofd.seal_file", "GB/T 38540-2020 7.1", "印章文件", "seal file";
    /// Everything a reader shows is covered.
    COVERAGE = "ofd.coverage", "GM/T 0099-2020", "签名覆盖范围", "what the signature covers";
    /// SES_Signature parses.
    STRUCTURE = "signature.structure", "GB/T 38540-2020 7.3 a", "签章数据格式", "structure of the signature";
    /// SESeal parses.
    SEAL_STRUCTURE = "seal.structure", "GB/T 38540-2020 6.3 a", "印章数据格式", "structure of the seal";
    /// The seal maker signed the seal.
    SEAL_SIGNATURE = "seal.signature", "GB/T 38540-2020 6.3 b", "制章者签名", "seal maker's signature";
    /// The seal maker's certificate has a chain.
    MAKER_CHAIN = "seal.maker_certificate", "GB/T 38540-2020 6.3 c", "制章者证书链", "seal maker's certificate chain";
    /// The seal maker's certificate was valid at the time of signing.
    MAKER_VALIDITY = "seal.maker_validity", "GB/T 38540-2020 7.3 d2", "制章者证书有效期", "validity of the seal maker's certificate";
    /// The seal maker's certificate is not revoked.
    MAKER_STATUS = "seal.maker_revocation", "GB/T 38540-2020 6.3 c", "制章者证书撤销状态", "revocation of the seal maker's certificate";
    /// The seal is valid now.
    SEAL_VALIDITY = "seal.validity", "GB/T 38540-2020 6.3 d", "印章当前有效期", "validity of the seal now";
    /// The seal was valid at the time of signing.
    SEAL_AT_SIGNING = "seal.validity_at_signing", "GB/T 38540-2020 7.3 d3", "签章时印章有效期", "validity of the seal at signing";
    /// The seal was in its normal state.
    SEAL_STATUS = "seal.status", "GB/T 38540-2020 7.3 d4", "印章状态", "status of the seal";
    /// The picture is what it says.
    SEAL_PICTURE = "seal.picture", "GB/T 38540-2020 6.1", "印章图像", "picture of the seal";
    /// Extension data.
    EXTENSIONS = "seal.extensions", "GB/T 38540-2020 6.1", "扩展数据", "extension data";
    /// Extension data of the signature.
    TBS_EXTENSIONS = "signature.extensions", "GB/T 38540-2020 7.1", "签章扩展数据", "extension data of the signature";
    /// The signature value is right.
    VALUE = "signature.value", "GB/T 38540-2020 7.3 b", "签章者签名", "signer's signature";
    /// The seal lists the signer.
    SIGNER_LISTED = "signature.signer_listed", "GB/T 38540-2020 7.3 c", "印章授权的证书列表", "seal's list of signers";
    /// The signer's certificate has a chain.
    SIGNER_CHAIN = "signer.certificate", "GB/T 38540-2020 7.3 e", "签章者证书链", "signer's certificate chain";
    /// The stated time is within the signer certificate's validity.
    CLAIMED_TIME = "signer.claimed_time", "GB/T 38540-2020 7.3 f1", "声称时间与签章者证书有效期", "stated time and the signer certificate's validity";
    /// The signer's certificate was not revoked.
    SIGNER_STATUS = "signer.revocation", "GB/T 38540-2020 7.3 f2", "签章者证书撤销状态", "revocation of the signer's certificate";
    /// `dataHash` is the digest of the original.
    DATA_HASH = "signature.data_hash", "GB/T 38540-2020 7.3 g", "原文摘要", "digest of the original";
    /// The time stamp.
    TIME_STAMP = "signature.time_stamp", "GB/T 38540-2020 7.3 h", "时间戳", "time stamp";
    /// The stated time is not in the future.
    NOT_FUTURE = "time.not_future", "ETSI EN 319 102-1", "声称时间与当前时间", "stated time and the present";
    /// The time is proven.
    PROVEN = "time.proven", "ETSI EN 319 102-1", "签章时间证明", "proof of the time of signing";
    /// CMS structure.
    CMS_STRUCTURE = "cms.structure", "GB/T 35275-2017 8", "签名数据格式", "structure of the signed message";
    /// CMS content is the document.
    CMS_CONTENT = "cms.content", "GB/T 35275-2017 8", "签名内容", "signed content";
    /// CMS signature value.
    CMS_VALUE = "cms.value", "GB/T 35275-2017 8", "签名值", "signature value";
}

/// The checks of the document around a signature.
pub const OF_DOCUMENT: &[&Rule] =
    &[&LISTED, &PARTS, &DIGEST_METHOD, &REFERENCES, &RELATIVE, &STAMPS, &SEAL_FILE, &COVERAGE];

/// The checks of a seal signature (GB/T 38540-2020, 6.3 and 7.3).
pub const OF_SEAL_SIGNATURE: &[&Rule] = &[
    &STRUCTURE,
    &DATA_HASH,
    &VALUE,
    &SIGNER_LISTED,
    &TIME_STAMP,
    &NOT_FUTURE,
    &SIGNER_CHAIN,
    &CLAIMED_TIME,
    &SIGNER_STATUS,
    &PROVEN,
    &SEAL_STRUCTURE,
    &SEAL_SIGNATURE,
    &MAKER_CHAIN,
    &MAKER_STATUS,
    &SEAL_PICTURE,
    &EXTENSIONS,
    &MAKER_VALIDITY,
    &SEAL_VALIDITY,
    &SEAL_AT_SIGNING,
    &SEAL_STATUS,
    &TBS_EXTENSIONS,
];

/// The checks of a plain signature (GB/T 35275).
pub const OF_MESSAGE: &[&Rule] = &[
    &CMS_STRUCTURE,
    &CMS_CONTENT,
    &CMS_VALUE,
    &TIME_STAMP,
    &NOT_FUTURE,
    &CLAIMED_TIME,
    &SIGNER_CHAIN,
    &SIGNER_STATUS,
    &PROVEN,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_own_name() {
        let mut names: Vec<_> = ALL.iter().map(|rule| rule.id).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
