//! Which kind of signature value it is: told by its content, since the `Type` attribute is often absent or wrong.

use pki::der::{Reader, SignatureValue, tag};

use super::checks::{Checks, Outcome};
use super::rules::{CMS_VALUE, STRUCTURE};
use super::{Context, cms, ses};
use crate::report::{SignatureReport, SubIndication};

/// Judges a signature value over `signature_xml`; returns the seal inside, when there is one.
pub(super) fn judge(
    report: &mut SignatureReport,
    checks: &mut Checks,
    signature_xml: &[u8],
    value: &[u8],
    context: &Context<'_>,
) -> Option<Vec<u8>> {
    match first_inside(value) {
        Some(tag::OID) => {
            cms::judge(report, checks, signature_xml, value, context);
            None
        }
        Some(tag::INTEGER) if SignatureValue::from_octets(value).is_ok() => {
            bare(report, value, checks);
            None
        }
        _ => ses::judge(report, checks, signature_xml, value, context),
    }
}

/// The tag of the first element inside the outer SEQUENCE.
fn first_inside(value: &[u8]) -> Option<u8> {
    Reader::new(value).ok()?.expect(tag::SEQUENCE).ok()?.reader().ok()?.peek()
}

/// A signature without any certificate: nothing to verify it with.
fn bare(report: &mut SignatureReport, value: &[u8], checks: &mut Checks) {
    report.structure = "bare SM2 signature (no certificate)".to_owned();
    report.signature_encoding =
        SignatureValue::from_octets(value).ok().map(|value| value.encoding.to_string());
    checks.add(&STRUCTURE, Outcome::WARNING, "a bare signature value", "裸签名值，无证书");
    checks.add(
        &CMS_VALUE,
        Outcome::indeterminate(SubIndication::NoSigningCertificateFound),
        "the signature comes without the signer's certificate",
        "签名未附签名者证书，无法验证",
    );
}
