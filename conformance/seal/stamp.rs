//! A time stamp token (RFC 3161, 2.4.2) written out by hand, so that its check has something to check.

use base::Timestamp;
use pki::der::{ObjectIdentifier, tag, write};
use pki::{Signer, oid};

use super::cast::SM2_WITH_SM3;
use crate::authority::Holder;
use crate::data::words;

/// `signedData` of PKCS#7 (RFC 5652, 5.1).
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
/// The attributes `contentType` and `messageDigest` (RFC 5652, 11.1 and 11.2).
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
/// A policy of nobody, under the enterprise number for examples (RFC 5612).
const POLICY: &str = "1.3.6.1.4.1.32473.1";

/// A token of `authority` that `data` existed at `at`.
pub(super) fn token(data: &[u8], at: Timestamp, authority: &Holder) -> Result<Vec<u8>, String> {
    let info = tst_info(data, at)?;
    let (id, sm3) = (identifier, algorithm(&identifier(oid::SM3)?));
    let encapsulated = write::sequence(&[
        id(pki::cms::time_stamp::TST_INFO)?,
        write::explicit(0, &write::octet_string(&info)),
    ]);
    let signed_data = write::sequence(&[
        write::integer(3),
        write::set_of(&[&sm3]),
        encapsulated,
        write::tlv(tag::context(0), authority.certificate.der()),
        write::set_of(&[signer_info(&info, &sm3, authority)?]),
    ]);
    Ok(write::sequence(&[id(SIGNED_DATA)?, write::explicit(0, &signed_data)]))
}

/// TSTInfo: version, policy, imprint, serial number, time.
fn tst_info(data: &[u8], at: Timestamp) -> Result<Vec<u8>, String> {
    let imprint =
        write::sequence(&[algorithm(&identifier(oid::SM3)?), write::octet_string(&gm::sm3::hash(data))]);
    Ok(write::sequence(&[
        write::integer(1),
        identifier(POLICY)?,
        imprint,
        write::integer(1),
        write::generalized_time(at),
    ]))
}

/// SignerInfo with the two attributes that RFC 5652 demands; they are signed as a SET.
fn signer_info(info: &[u8], sm3: &[u8], authority: &Holder) -> Result<Vec<u8>, String> {
    let attribute = |kind: &str, value: Vec<u8>| {
        Ok::<_, String>(write::sequence(&[identifier(kind)?, write::set_of(&[value])]))
    };
    let signed = write::set_of(&[
        attribute(CONTENT_TYPE, identifier(pki::cms::time_stamp::TST_INFO)?)?,
        attribute(MESSAGE_DIGEST, write::octet_string(&gm::sm3::hash(info)))?,
    ]);
    let signature = authority.key.sign(&signed).map_err(words)?;
    let certificate = &authority.certificate;
    let issuer_and_serial =
        write::sequence(&[certificate.issuer_der().to_vec(), write::unsigned_integer(certificate.serial())]);
    let mut attributes = signed;
    attributes.first_mut().into_iter().for_each(|first| *first = tag::context(0));
    Ok(write::sequence(&[
        write::integer(1),
        issuer_and_serial,
        sm3.to_vec(),
        attributes,
        algorithm(&write::oid(&SM2_WITH_SM3)),
        write::octet_string(&signature),
    ]))
}

/// An AlgorithmIdentifier without parameters.
fn algorithm(identifier: &[u8]) -> Vec<u8> {
    write::sequence(&[identifier])
}

fn identifier(dotted: &str) -> Result<Vec<u8>, String> {
    ObjectIdentifier::new(dotted).map(|oid| write::oid(&oid)).map_err(words)
}
