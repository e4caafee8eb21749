use std::process::Command;

use base::OsEntropy;

use super::*;
use crate::certificate::CertificateError;
use crate::key::SignatureAlgorithm;
use crate::testing::{Authority, DAY_SECONDS, NOW, P256Key, Sm2Key, template};

#[test]
fn a_seal_signer_is_certified_in_the_national_profile() {
    let authority = Authority::sm2();
    let key = Sm2Key::new();
    let mut wanted = template(Profile::SealSigner, "福建省数据管理局电子印章", key.public_key());
    wanted.subject.organization_identifier = "NTRCN-11350000MB1234567X".into();
    let made = issue(&wanted, Some(&authority.issuing), &*authority.issuing_key).unwrap();

    assert_eq!(
        made.subject(),
        "C=CN,ST=福建省,O=福建省数据管理局,organizationIdentifier=NTRCN-11350000MB1234567X,CN=福建省数据管理局电子印章"
    );
    assert_eq!(made.subject_common_name(), Some("福建省数据管理局电子印章"));
    assert_eq!(made.issuer(), authority.issuing.subject());
    assert_eq!(made.serial_hex().len(), 2 * SERIAL_BYTES);
    assert_eq!(made.key_usage().unwrap().to_string(), "digitalSignature,nonRepudiation");
    assert!(!made.is_ca() && made.deviations().is_empty());
    assert_eq!(made.authority_key_id(), authority.issuing.subject_key_id());
    assert_eq!(made.signature_algorithm(), Some(SignatureAlgorithm::Sm2Sm3));
    // 1.2.156.10197.1.501 without parameters twice, and the named curve 1.2.156.10197.1.301 before the uncompressed point.
    let algorithm = SignatureAlgorithm::Sm2Sm3.to_der();
    assert_eq!(made.der().windows(algorithm.len()).filter(|w| w == &algorithm).count(), 2);
    let spki = key.public_key().to_spki_der();
    assert!(made.tbs().windows(spki.len()).any(|w| w == spki));
    assert_eq!(PublicKey::from_spki_der(&spki), Ok(key.public_key()));
    assert_eq!(Certificate::from_pem(&made.to_pem()).unwrap(), made);
}

#[test]
fn each_profile_says_what_its_key_is_for() {
    let authority = Authority::sm2();
    let uses = |profile| {
        let mut wanted = template(profile, "某机构", Sm2Key::new().public_key());
        wanted.alt_names =
            vec![AltName::Dns("login.fujian.example".into()), AltName::Ip([127, 0, 0, 1].into())];
        let made = issue(&wanted, Some(&authority.issuing), &*authority.issuing_key).unwrap();
        assert_eq!(made.alt_names(), wanted.alt_names);
        let extended = made.extended_key_usage().unwrap_or_default().join(",");
        (made.key_usage().unwrap().to_string(), extended, made.policies().join(","))
    };
    let says = |usage: &str, extended: &str, policy: &str| {
        (usage.to_owned(), extended.to_owned(), policy.to_owned())
    };
    let signing = "digitalSignature,nonRepudiation";
    assert_eq!(uses(Profile::SealMaker), says(signing, "", oid::POLICY_SEAL_MAKER));
    assert_eq!(uses(Profile::SealSigner), says(signing, "", ""));
    assert_eq!(uses(Profile::TlsServer), says("digitalSignature", oid::SERVER_AUTH, ""));
    assert_eq!(uses(Profile::TlsClient), says("digitalSignature", oid::CLIENT_AUTH, ""));
    assert_eq!(uses(Profile::TimeStamping), says(signing, oid::TIME_STAMPING, ""));
    for ca in [&authority.root, &authority.issuing] {
        assert_eq!(ca.key_usage().unwrap().to_string(), "keyCertSign,cRLSign");
        assert!(ca.is_ca());
    }
    assert_eq!((authority.root.path_len(), authority.issuing.path_len()), (None, Some(0)));
}

#[test]
fn international_keys_are_certified_too() {
    let authority = Authority::with_keys(Box::new(P256Key::new()), Box::new(P256Key::new()));
    let made = authority.certify(Profile::SealSigner, "某机构");
    assert_eq!(made.signature_algorithm(), Some(SignatureAlgorithm::EcdsaSha256));
    assert!(made.verify_issued_by(authority.issuing.public_key()).is_ok());
    assert!(made.verify_issued_by(authority.root.public_key()).is_err());
}

#[test]
fn times_are_written_in_the_form_that_their_year_demands() {
    let key = Sm2Key::new();
    let mut wanted = template(Profile::RootCa, "长期根", key.public_key());
    for (year, time_tag) in [(2049, tag::UTC_TIME), (2050, tag::GENERALIZED_TIME)] {
        wanted.not_after = Timestamp::from_civil((year, 12, 31), (23, 59, 59), 0).unwrap();
        let made = issue(&wanted, None, &key).unwrap();
        assert_eq!(made.not_after(), wanted.not_after);
        assert_eq!(time_der(wanted.not_after).first(), Some(&time_tag));
    }
}

#[test]
fn an_authority_does_not_issue_what_it_may_not() {
    let authority = Authority::sm2();
    let key = Sm2Key::new();
    let leaf = authority.certify(Profile::SealSigner, "某机构");
    let refused = |profile, issuer: Option<&Certificate>, signer: &dyn Signer| {
        issue(&template(profile, "某机构", key.public_key()), issuer, signer).unwrap_err()
    };
    let (issuing, issuing_key) = (Some(&authority.issuing), &*authority.issuing_key);

    assert!(
        matches!(refused(Profile::IssuingCa, issuing, issuing_key), IssueError::IssuerMayNot { .. }),
        "path length 0"
    );
    assert!(matches!(refused(Profile::SealSigner, issuing, &key), IssueError::WrongSigner));
    assert!(matches!(refused(Profile::SealSigner, None, &key), IssueError::IssuerMismatch));
    assert!(matches!(refused(Profile::RootCa, issuing, issuing_key), IssueError::IssuerMismatch));
    assert!(matches!(refused(Profile::RootCa, None, issuing_key), IssueError::WrongSigner));
    assert!(matches!(refused(Profile::TlsServer, issuing, issuing_key), IssueError::NoAltName));

    let holder = Sm2Key::new();
    let mut own = template(Profile::SealSigner, "某机构", holder.public_key());
    let certificate = issue(&own, issuing, issuing_key).unwrap();
    assert!(matches!(
        refused(Profile::SealSigner, Some(&certificate), &holder),
        IssueError::IssuerMayNot { .. }
    ));
    assert!(matches!(refused(Profile::SealSigner, Some(&leaf), &holder), IssueError::WrongSigner));

    own.not_after = NOW.plus_seconds(6 * DAY_SECONDS);
    assert!(matches!(issue(&own, issuing, issuing_key), Err(IssueError::OutsideIssuer { .. })));
    own.not_after = own.not_before;
    assert!(matches!(issue(&own, issuing, issuing_key), Err(IssueError::Validity { .. })));
}

#[test]
fn names_that_cannot_be_written_are_refused() {
    let authority = Authority::sm2();
    let mut wanted = template(Profile::TlsServer, "某机构", Sm2Key::new().public_key());
    for bad in ["", "印.example", "a b", &"a".repeat(254)] {
        wanted.alt_names = vec![AltName::Dns(bad.to_owned())];
        let refused = issue(&wanted, Some(&authority.issuing), &*authority.issuing_key);
        assert!(matches!(refused, Err(IssueError::AltName { .. })), "{bad}");
    }
    wanted.subject.common_name.clear();
    let refused = issue(&wanted, Some(&authority.issuing), &*authority.issuing_key);
    assert!(matches!(refused, Err(IssueError::Name(NameError::NoCommonName))));
}

/// A device that claims one key and signs with another.
struct FaultyDevice {
    claims: Sm2Key,
    signs_with: Sm2Key,
}

impl Signer for FaultyDevice {
    fn public_key(&self) -> PublicKey {
        self.claims.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Sm2Sm3
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signs_with.sign(message)
    }
}

#[test]
fn a_certificate_with_a_faulty_signature_never_leaves() {
    let device = FaultyDevice { claims: Sm2Key::new(), signs_with: Sm2Key::new() };
    let refused = issue(&template(Profile::RootCa, "根", device.public_key()), None, &device);
    assert!(matches!(refused, Err(IssueError::Lint { finding: "the signature does not verify" })));
}

#[test]
fn nobody_is_certified_under_the_authoritys_own_name() {
    let authority = Authority::sm2();
    let wanted = template(Profile::SealSigner, "测试签发中心", Sm2Key::new().public_key());
    let refused = issue(&wanted, Some(&authority.issuing), &*authority.issuing_key);
    assert!(matches!(refused, Err(IssueError::Lint { finding: "the subject bears the issuer's name" })));
}

#[test]
fn serial_numbers_are_positive_full_length_and_differ() {
    let serials: Vec<Serial> = (0..100).map(|_| Serial::random(&OsEntropy)).collect();
    assert!(serials.iter().all(|s| (0x40..0x80).contains(&s.0[0])));
    assert!(serials.iter().enumerate().all(|(i, s)| !serials[..i].contains(s)));
}

/// OpenSSL applies the distinguishing id it is told to the one certificate it is asked about, so the chain is verified link by link.
#[test]
fn openssl_verifies_our_chain() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: no openssl command");
        return;
    }
    let authority = Authority::sm2();
    let leaf = authority.certify(Profile::SealSigner, "福建省数据管理局电子印章");
    let links = [(&leaf, &authority.issuing), (&authority.issuing, &authority.root)];
    for (certificate, issuer) in links {
        let output = openssl_verify(certificate, issuer);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut der = leaf.der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let changed = Certificate::from_der(&der).unwrap();
    assert!(
        !openssl_verify(&changed, &authority.issuing).status.success(),
        "a changed signature must not verify"
    );
}

fn openssl_verify(certificate: &Certificate, issuer: &Certificate) -> std::process::Output {
    let folder = tempfile::tempdir().unwrap();
    let (certificate_file, issuer_file) =
        (folder.path().join("certificate.pem"), folder.path().join("issuer.pem"));
    std::fs::write(&certificate_file, certificate.to_pem()).unwrap();
    std::fs::write(&issuer_file, issuer.to_pem()).unwrap();
    let mut command = Command::new("openssl");
    command.args(["verify", "-vfyopt", "distid:1234567812345678", "-x509_strict", "-partial_chain"]);
    command.args(["-attime", &NOW.unix_seconds().to_string()]);
    command.arg("-trusted").arg(issuer_file).arg(certificate_file).output().unwrap()
}

#[test]
fn every_truncation_and_single_bit_change_is_refused_or_no_longer_verifies() {
    let authority = Authority::sm2();
    let leaf = authority.certify(Profile::SealSigner, "某机构");
    for length in 0..leaf.der().len() {
        assert!(Certificate::from_der(&leaf.der()[..length]).is_err());
    }
    for bit in 0..8 * leaf.der().len() {
        let mut der = leaf.der().to_vec();
        der[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = Certificate::from_der(&der) {
            assert!(changed.verify_issued_by(authority.issuing.public_key()).is_err(), "bit {bit}");
        }
    }
    let followed = [leaf.der(), &[0]].concat();
    assert_eq!(Certificate::from_der(&followed).unwrap_err(), CertificateError::Trailing { got_bytes: 1 });
}
