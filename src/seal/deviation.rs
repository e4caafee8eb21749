//! How real seals depart from their standard: every departure that is tolerated is named, never silent.

use serde::{Deserialize, Serialize};

/// A tolerated departure from the standard, found in a seal or a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    /// Which one: `Q1` to `Q14`, or `DER` for a length that is not in its shortest form.
    pub code: String,
    /// The field it was found in.
    pub field: String,
    /// What it is, in English.
    pub text: String,
    /// What it is, in Chinese.
    pub text_zh: String,
}

/// The kinds of departure met in seals in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// BIT STRING whose trailing zero bits were stripped, as if it were a named-bit list.
    StrippedZeroBits,
    /// Signature as raw `r || s`.
    RawSignature,
    /// `r` or `s` without its leading zero octet.
    NegativeInteger,
    /// Time without a zone, read as Beijing time.
    TimeWithoutZone,
    /// GeneralizedTime holding a two-digit year.
    UtcTimeInGeneralizedTime,
    /// A 2014 signature whose time is ASCII in a BIT STRING.
    TimeInBitString,
    /// `header.version` does not belong to the layout.
    VersionMismatch,
    /// `certListType` does not describe the list.
    CertListType,
    /// `picture.type` does not name what the data are.
    PictureType,
    /// Text that is not clean UTF-8, or ends in spaces.
    UncleanText,
    /// `propertyInfo` is not the path of `Signature.xml`.
    PropertyInfo,
    /// The seal maker's certificate is also the signer's.
    SelfMade,
    /// The signature covers `dataHash` instead of the signed structure, or reference digests include Z.
    WrongMessage,
    /// Private extension data.
    PrivateExtension,
    /// A length that is not in its shortest form.
    NotMinimal,
}

impl Quirk {
    /// The code it is reported under.
    pub const fn code(self) -> &'static str {
        match self {
            Self::StrippedZeroBits => "Q1",
            Self::RawSignature => "Q2",
            Self::NegativeInteger => "Q3",
            Self::TimeWithoutZone => "Q4",
            Self::UtcTimeInGeneralizedTime => "Q5",
            Self::TimeInBitString => "Q6",
            Self::VersionMismatch => "Q7",
            Self::CertListType => "Q8",
            Self::PictureType => "Q9",
            Self::UncleanText => "Q10",
            Self::PropertyInfo => "Q11",
            Self::SelfMade => "Q12",
            Self::WrongMessage => "Q13",
            Self::PrivateExtension => "Q14",
            Self::NotMinimal => "DER",
        }
    }

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::StrippedZeroBits => {
                ("trailing zero bits were stripped from a BIT STRING", "位串末尾的零位被截去")
            }
            Self::RawSignature => {
                ("signature is raw r||s instead of a SEQUENCE", "签名值为裸 r||s，未按 SEQUENCE 编码")
            }
            Self::NegativeInteger => ("r or s is encoded as a negative INTEGER", "r 或 s 被编码成负整数"),
            Self::TimeWithoutZone => {
                ("time has no zone and is read as Beijing time", "时间未带时区，按北京时间理解")
            }
            Self::UtcTimeInGeneralizedTime => {
                ("GeneralizedTime holds a two-digit year", "GeneralizedTime 中使用了两位年份")
            }
            Self::TimeInBitString => ("signing time is text in a BIT STRING", "签章时间以文本形式放在位串中"),
            Self::VersionMismatch => {
                ("header version does not belong to this layout", "头版本号与数据结构不符")
            }
            Self::CertListType => ("certListType does not describe the list", "证书列表类型与实际内容不符"),
            Self::PictureType => ("picture type does not name what the data are", "图片类型与图片数据不符"),
            Self::UncleanText => {
                ("text is not clean UTF-8 or ends in spaces", "文字编码不规范或带有尾部空格")
            }
            Self::PropertyInfo => {
                ("propertyInfo is not the path of Signature.xml", "原文属性不是 Signature.xml 的路径")
            }
            Self::SelfMade => {
                ("seal maker and signer use the same certificate", "制章者与签章者使用同一证书")
            }
            Self::WrongMessage => {
                ("signature or digests were computed over something else", "签名或摘要的计算对象不符合标准")
            }
            Self::PrivateExtension => ("private extension data are present", "含有自定义扩展数据"),
            Self::NotMinimal => ("a length is not in its shortest form", "长度编码不是最短形式"),
        }
    }

    /// This quirk, met in `field`, with `detail` appended to the explanation when it is not empty.
    pub fn at(self, field: &str, detail: &str) -> Deviation {
        let (en, zh) = self.texts();
        let with = |text: &str| if detail.is_empty() { text.to_owned() } else { format!("{text}: {detail}") };
        Deviation { code: self.code().to_owned(), field: field.to_owned(), text: with(en), text_zh: with(zh) }
    }
}
