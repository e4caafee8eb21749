//! Certificates and certificate requests: read, shown, verified, followed to an anchor. One read again from PEM is the same.
#![no_main]

use fuzz::{NOW, TRUST};
use libfuzzer_sys::fuzz_target;
use oidc::mtls::ClientCertificate;
use pki::path::{Purpose, validate};
use pki::request::CertificateRequest;
use pki::{Certificate, ExpectedName, PublicKey};

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(data) {
        read(&certificate);
    }
    if let Ok(request) = CertificateRequest::from_der(data) {
        let _ = (request.subject(), request.subject_common_name(), request.verify_possession());
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Certificate::all_from_pem(text);
        let _ = text.parse::<ExpectedName>();
        let _ = ClientCertificate::forwarded(text, text);
    }
});

fn read(certificate: &Certificate) {
    assert_eq!(&Certificate::from_pem(&certificate.to_pem()).unwrap(), certificate);
    assert!(certificate.der().windows(certificate.tbs().len()).any(|window| window == certificate.tbs()));
    let _ = (certificate.subject(), certificate.issuer(), certificate.serial_hex());
    let _ = (certificate.key_usage(), certificate.extended_key_usage(), certificate.alt_names());
    let _ = (certificate.policies(), certificate.deviations(), certificate.unknown_critical_extensions());
    let key = certificate.public_key();
    if !matches!(key, PublicKey::Other { .. }) {
        assert_eq!(PublicKey::from_spki_der(&key.to_spki_der()).as_ref(), Ok(key));
    }
    let _ = certificate.verify_issued_by(key);
    for purpose in
        [Purpose::SealMaker, Purpose::SealSigner, Purpose::TimeStamping, Purpose::TlsServer, Purpose::Any]
    {
        let _ = validate(certificate, &TRUST.intermediates, &TRUST.anchors, NOW, purpose);
        let _ = validate(certificate, &[], &[certificate.clone()].into_iter().collect(), NOW, purpose);
    }
}
