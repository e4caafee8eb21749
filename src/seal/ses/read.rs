//! Reading the two structures: lenient, every departure noted.

use pki::der::{BitString, DerError, SignatureValue, Time, TimeZoneSource, Tlv, tag};

use super::{
    CertificateDigest, Extension, MAX_EXTENSIONS_COUNT, MAX_SES_BYTES, MAX_SIGNERS_COUNT, Picture,
    RawSignature, Seal, SesError, SesSignature, SignerList, Structure,
};
use crate::deviation::{Deviation, Quirk};
use crate::picture::PictureKind;

impl Seal {
    pub(super) fn from_element(element: &Tlv<'_>, deviations: &mut Vec<Deviation>) -> Result<Self, SesError> {
        let parts = element.elements(6).map_err(at("SESeal"))?;
        match parts.as_slice() {
            [info, sign_info] => {
                let [certificate, algorithm, value] = exactly(sign_info, "SES_SignInfo")?;
                let signed = [&certificate, &algorithm, &value];
                Self::assemble(element, info, signed, None, Structure::V1, deviations)
            }
            [info, certificate, algorithm, value] => {
                let signed = [certificate, algorithm, value];
                Self::assemble(element, info, signed, None, Structure::V4, deviations)
            }
            [info, certificate, algorithm, value, stamp] if stamp.tag & 0xdf == 0x80 => {
                let signed = [certificate, algorithm, value];
                Self::assemble(element, info, signed, Some(stamp), Structure::V5, deviations)
            }
            _ => Err(SesError {
                field: "SESeal",
                source: DerError::BadValue("sequence of 2, 4 or 5 elements"),
            }),
        }
    }

    fn assemble(
        element: &Tlv<'_>,
        info: &Tlv<'_>,
        [certificate, algorithm, value]: [&Tlv<'_>; 3],
        stamp: Option<&Tlv<'_>>,
        layout: Structure,
        deviations: &mut Vec<Deviation>,
    ) -> Result<Self, SesError> {
        let info = SealInfo::read(info, deviations)?;
        let structure = match (layout, info.header_version) {
            // v5 without a time stamp has the layout of v4; only here the number tells them apart.
            (Structure::V4, 5) => Structure::V5,
            (layout, _) => layout,
        };
        note_version(structure, info.header_version, deviations);
        Ok(Self {
            der: element.raw.to_vec(),
            structure,
            maker_certificate: octets(certificate, "cert")?,
            signature: RawSignature::read(algorithm, value, "seal signedValue", deviations)?,
            time_stamp: stamp.map(time_stamp).transpose()?,
            info: info.raw,
            header_id: info.header_id,
            header_version: info.header_version,
            vendor: info.vendor,
            es_id: info.es_id,
            type_: info.property.type_,
            name: info.property.name,
            cert_list_type: info.property.cert_list_type,
            signers: info.property.signers,
            created: info.property.created,
            valid_from: info.property.valid_from,
            valid_until: info.property.valid_until,
            picture: info.picture,
            extensions: info.extensions,
        })
    }
}

impl SesSignature {
    /// GM/T 0031-2014: certificate and algorithm stand inside what is signed.
    pub(super) fn v1(
        tbs: &Tlv<'_>,
        value: &Tlv<'_>,
        deviations: &mut Vec<Deviation>,
    ) -> Result<Self, SesError> {
        let [version, seal, time, hash, property, certificate, algorithm] = exactly(tbs, "TBS_Sign")?;
        let seal = Seal::from_element(&expected(&seal, tag::SEQUENCE, "eseal")?, deviations)?;
        let claimed_time = v1_time(&time, deviations);
        Ok(Self {
            structure: Structure::V1,
            tbs: tbs.raw.to_vec(),
            version: version.small_integer().map_err(at("version"))?,
            seal,
            time_stamp: if claimed_time.is_none() { Some(time_stamp(&time)?) } else { None },
            claimed_time,
            data_hash: data_hash(&hash, deviations)?,
            property_info: property.text().0,
            extensions: Vec::new(),
            signer_certificate: octets(&certificate, "cert")?,
            signature: RawSignature::read(&algorithm, value, "signature", deviations)?,
        })
    }

    /// GB/T 38540-2020, 7.1 and GM/T 0031-2025.
    pub(super) fn v4(
        tbs: &Tlv<'_>,
        [certificate, algorithm, value]: [&Tlv<'_>; 3],
        stamp: Option<&Tlv<'_>>,
        deviations: &mut Vec<Deviation>,
    ) -> Result<Self, SesError> {
        let mut reader = expected(tbs, tag::SEQUENCE, "TBS_Sign")?.reader().map_err(at("TBS_Sign"))?;
        let version = reader.expect(tag::INTEGER).and_then(|v| v.small_integer()).map_err(at("version"))?;
        let seal = reader.expect(tag::SEQUENCE).map_err(at("eseal"))?;
        let seal = Seal::from_element(&seal, deviations)?;
        let time = reader.element().map_err(at("timeInfo"))?;
        let hash = reader.expect(tag::BIT_STRING).map_err(at("dataHash"))?;
        let property = reader.element().map_err(at("propertyInfo"))?;
        let extensions = match reader.optional(tag::context(0)).map_err(at("extDatas"))? {
            Some(wrapped) => extensions(&wrapped)?,
            None => Vec::new(),
        };
        reader.finish().map_err(at("TBS_Sign"))?;
        Ok(Self {
            structure: if seal.structure == Structure::V1 { Structure::V4 } else { seal.structure },
            tbs: tbs.raw.to_vec(),
            version,
            seal,
            claimed_time: Some(read_time(&time, "timeInfo", deviations)?),
            data_hash: data_hash(&hash, deviations)?,
            property_info: property.text().0,
            extensions,
            signer_certificate: octets(certificate, "cert")?,
            signature: RawSignature::read(algorithm, value, "signature", deviations)?,
            time_stamp: stamp.map(time_stamp).transpose()?,
        })
    }
}

impl RawSignature {
    fn read(
        algorithm: &Tlv<'_>,
        value: &Tlv<'_>,
        field: &'static str,
        deviations: &mut Vec<Deviation>,
    ) -> Result<Self, SesError> {
        let oid = expected(algorithm, tag::OID, "signAlgID")?.oid().map_err(at("signAlgID"))?;
        let bits = expected(value, tag::BIT_STRING, field)?.bit_string().map_err(at(field))?;
        let signature = SignatureValue::from_bit_string(&bits).ok();
        note_signature(&bits, signature.as_ref(), field, deviations);
        Ok(Self {
            algorithm: oid,
            octets: bits.bytes.to_vec(),
            unused_bits: bits.unused_bits,
            value: signature,
        })
    }
}

/// SES_SealInfo, read.
struct SealInfo {
    raw: Vec<u8>,
    header_id: String,
    header_version: i64,
    vendor: String,
    es_id: String,
    property: Property,
    picture: Picture,
    extensions: Vec<Extension>,
}

impl SealInfo {
    fn read(element: &Tlv<'_>, deviations: &mut Vec<Deviation>) -> Result<Self, SesError> {
        let mut reader = expected(element, tag::SEQUENCE, "eSealInfo")?.reader().map_err(at("eSealInfo"))?;
        let header = reader.expect(tag::SEQUENCE).map_err(at("header"))?;
        let [id, version, vendor] = exactly(&header, "header")?;
        let es_id = reader.element().map_err(at("esID"))?;
        let property = reader.expect(tag::SEQUENCE).map_err(at("property"))?;
        let picture = reader.expect(tag::SEQUENCE).map_err(at("picture"))?;
        let extensions = if reader.is_empty() {
            Vec::new()
        } else {
            extensions(&reader.element().map_err(at("extDatas"))?)?
        };
        reader.finish().map_err(at("eSealInfo"))?;
        for extension in &extensions {
            deviations.push(Quirk::PrivateExtension.at("extDatas", &extension.oid));
        }
        Ok(Self {
            raw: element.raw.to_vec(),
            header_id: id.text().0,
            header_version: version.small_integer().map_err(at("header.version"))?,
            vendor: vendor.text().0,
            es_id: es_id.text().0,
            property: Property::read(&property, deviations)?,
            picture: Picture::read(&picture, deviations)?,
            extensions,
        })
    }
}

/// SES_ESPropertyInfo, read.
struct Property {
    type_: i64,
    name: String,
    cert_list_type: Option<i64>,
    signers: SignerList,
    created: Time,
    valid_from: Time,
    valid_until: Time,
}

impl Property {
    fn read(element: &Tlv<'_>, deviations: &mut Vec<Deviation>) -> Result<Self, SesError> {
        let mut reader = element.reader().map_err(at("property"))?;
        let type_ =
            reader.expect(tag::INTEGER).and_then(|t| t.small_integer()).map_err(at("property.type"))?;
        let (name, clean) = reader.element().map_err(at("property.name"))?.text();
        if !clean || name.ends_with([' ', '\0']) {
            deviations.push(Quirk::UncleanText.at("property.name", ""));
        }
        let cert_list_type = reader
            .optional(tag::INTEGER)
            .and_then(|t| t.map(|t| t.small_integer()).transpose())
            .map_err(at("property.certListType"))?;
        let list = reader.expect(tag::SEQUENCE).map_err(at("property.certList"))?;
        let signers = SignerList::read(&list, cert_list_type, deviations)?;
        let mut time = |field| {
            let element = reader.element().map_err(at(field))?;
            read_time(&element, field, deviations)
        };
        let created = time("property.createDate")?;
        let valid_from = time("property.validStart")?;
        let valid_until = time("property.validEnd")?;
        reader.finish().map_err(at("property"))?;
        Ok(Self { type_, name, cert_list_type, signers, created, valid_from, valid_until })
    }
}

impl SignerList {
    /// Reads the list by what it holds; `stated` is only compared.
    fn read(list: &Tlv<'_>, stated: Option<i64>, deviations: &mut Vec<Deviation>) -> Result<Self, SesError> {
        const FIELD: &str = "property.certList";
        let entries = list.elements(MAX_SIGNERS_COUNT).map_err(at(FIELD))?;
        let signers = if entries.iter().all(|entry| entry.tag == tag::OCTET_STRING) {
            Self::Certificates(entries.iter().map(|entry| entry.value.to_vec()).collect())
        } else {
            let digests: Result<Vec<_>, SesError> = entries.iter().map(certificate_digest).collect();
            Self::Digests(digests?)
        };
        let kind = if matches!(signers, Self::Certificates(_)) { 1 } else { 2 };
        if let Some(stated) = stated.filter(|stated| *stated != kind) {
            deviations.push(Quirk::CertListType.at("property.certListType", &stated.to_string()));
        }
        Ok(signers)
    }
}

fn certificate_digest(entry: &Tlv<'_>) -> Result<CertificateDigest, SesError> {
    let [algorithm, value] = exactly(entry, "property.certList")?;
    Ok(CertificateDigest {
        algorithm: if algorithm.tag == tag::OID {
            algorithm.oid().map_err(at("property.certList"))?
        } else {
            algorithm.text().0
        },
        value: octets(&value, "property.certList")?,
    })
}

impl Picture {
    fn read(element: &Tlv<'_>, deviations: &mut Vec<Deviation>) -> Result<Self, SesError> {
        let [type_, data, width, height] = exactly(element, "picture")?;
        let picture = Self {
            type_: type_.text().0,
            data: octets(&data, "picture.data")?,
            width_mm: width.small_integer().map_err(at("picture.width"))?,
            height_mm: height.small_integer().map_err(at("picture.height"))?,
        };
        let kind = PictureKind::sniff(&picture.data);
        if !kind.is_named_by(&picture.type_) {
            let detail = format!("`{}` holds {}", picture.type_, kind.name());
            deviations.push(Quirk::PictureType.at("picture.type", &detail));
        }
        Ok(picture)
    }
}

/// Extension data, bare or wrapped in an explicit `[0]`.
fn extensions(element: &Tlv<'_>) -> Result<Vec<Extension>, SesError> {
    const FIELD: &str = "extDatas";
    let mut list = *element;
    if element.tag == tag::context(0) {
        let inside = element.elements(MAX_EXTENSIONS_COUNT).map_err(at(FIELD))?;
        if let [only] = inside.as_slice()
            && only.reader().is_ok_and(|reader| reader.peek() == Some(tag::SEQUENCE) || reader.is_empty())
        {
            list = *only;
        }
    } else {
        expected(element, tag::SEQUENCE, FIELD)?;
    }
    list.elements(MAX_EXTENSIONS_COUNT).map_err(at(FIELD))?.iter().map(extension).collect()
}

fn extension(element: &Tlv<'_>) -> Result<Extension, SesError> {
    let mut reader = expected(element, tag::SEQUENCE, "extDatas")?.reader().map_err(at("extDatas"))?;
    let oid = reader.expect(tag::OID).and_then(|oid| oid.oid()).map_err(at("extnID"))?;
    let critical = match reader.optional(tag::BOOLEAN).map_err(at("critical"))? {
        Some(critical) => critical.boolean().map_err(at("critical"))?,
        None => false,
    };
    let value = octets(&reader.element().map_err(at("extnValue"))?, "extnValue")?;
    reader.finish().map_err(at("extDatas"))?;
    Ok(Extension { oid, critical, value })
}

fn read_time(
    element: &Tlv<'_>,
    field: &'static str,
    deviations: &mut Vec<Deviation>,
) -> Result<Time, SesError> {
    let time = Time::read(element).map_err(at(field))?;
    if time.zone == TimeZoneSource::Assumed {
        deviations.push(Quirk::TimeWithoutZone.at(field, &time.text));
    }
    if time.two_digit_year && time.tag == tag::GENERALIZED_TIME {
        deviations.push(Quirk::UtcTimeInGeneralizedTime.at(field, &time.text));
    }
    Ok(time)
}

/// v1's `timeInfo`: text in a BIT STRING in every product met; `None` when it must be a time stamp token.
fn v1_time(element: &Tlv<'_>, deviations: &mut Vec<Deviation>) -> Option<Time> {
    let time = read_time(element, "timeInfo", deviations).ok()?;
    if element.tag == tag::BIT_STRING {
        deviations.push(Quirk::TimeInBitString.at("timeInfo", &time.text));
    }
    Some(time)
}

/// The token in a BIT STRING, bare or under an explicit or implicit `[0]`.
fn time_stamp(element: &Tlv<'_>) -> Result<Vec<u8>, SesError> {
    const FIELD: &str = "timeStamp";
    let bits = if element.tag == tag::context(0) {
        let mut reader = element.reader().map_err(at(FIELD))?;
        reader.expect(tag::BIT_STRING).map_err(at(FIELD))?
    } else {
        *element
    };
    let bits = bits.bit_string().map_err(at(FIELD))?;
    // A token ends where its SEQUENCE says; zero bits may have been lost, as in any BIT STRING here.
    Ok(bits.bytes.to_vec())
}

fn data_hash(element: &Tlv<'_>, deviations: &mut Vec<Deviation>) -> Result<Vec<u8>, SesError> {
    let bits = expected(element, tag::BIT_STRING, "dataHash")?.bit_string().map_err(at("dataHash"))?;
    if bits.unused_bits != 0 || bits.bytes.len() < 32 {
        let detail = format!("{} unused bits, {} bytes", bits.unused_bits, bits.bytes.len());
        deviations.push(Quirk::StrippedZeroBits.at("dataHash", &detail));
    }
    Ok(bits.zero_padded(32))
}

fn note_signature(
    bits: &BitString<'_>,
    value: Option<&SignatureValue>,
    field: &str,
    deviations: &mut Vec<Deviation>,
) {
    let encoding = value.map(|value| value.encoding);
    let lost = encoding.map_or(0, |encoding| encoding.zero_padded_bytes);
    if bits.unused_bits != 0 || lost > 0 {
        let detail = format!("{} unused bits, {lost} bytes lost", bits.unused_bits);
        deviations.push(Quirk::StrippedZeroBits.at(field, &detail));
    }
    let Some(encoding) = encoding else { return };
    for (met, quirk) in [
        (encoding.raw, Quirk::RawSignature),
        (encoding.negative_integer, Quirk::NegativeInteger),
        (encoding.not_minimal, Quirk::NotMinimal),
    ] {
        if met {
            deviations.push(quirk.at(field, ""));
        }
    }
}

fn note_version(structure: Structure, stated: i64, deviations: &mut Vec<Deviation>) {
    let expected = match structure {
        Structure::V1 => 1,
        Structure::V4 => 4,
        Structure::V5 => 5,
    };
    if stated != expected {
        let detail = format!("{stated} in the {} layout", structure.name());
        deviations.push(Quirk::VersionMismatch.at("header.version", &detail));
    }
}

pub(super) fn note_lengths(element: &Tlv<'_>, field: &str, deviations: &mut Vec<Deviation>) {
    if !element.minimal_throughout() {
        deviations.push(Quirk::NotMinimal.at(field, ""));
    }
}

pub(super) fn whole<'a>(bytes: &'a [u8], field: &'static str) -> Result<Tlv<'a>, SesError> {
    if bytes.len() > MAX_SES_BYTES {
        return Err(SesError { field, source: DerError::TooLarge(bytes.len()) });
    }
    Tlv::parse(bytes, tag::SEQUENCE).map_err(at(field))
}

fn expected<'a>(element: &Tlv<'a>, tag: u8, field: &'static str) -> Result<Tlv<'a>, SesError> {
    if element.tag == tag {
        Ok(*element)
    } else {
        Err(SesError { field, source: DerError::UnexpectedTag { expected: tag, found: element.tag } })
    }
}

/// The `N` elements of a SEQUENCE that must have exactly so many.
fn exactly<'a, const N: usize>(element: &Tlv<'a>, field: &'static str) -> Result<[Tlv<'a>; N], SesError> {
    let parts = expected(element, tag::SEQUENCE, field)?.elements(N).map_err(at(field))?;
    parts
        .try_into()
        .map_err(|_| SesError { field, source: DerError::BadValue("sequence of the right length") })
}

fn octets(element: &Tlv<'_>, field: &'static str) -> Result<Vec<u8>, SesError> {
    expected(element, tag::OCTET_STRING, field).map(|element| element.value.to_vec())
}

pub(super) fn at(field: &'static str) -> impl Fn(DerError) -> SesError {
    move |source| SesError { field, source }
}
