//! Certificates and requests that others made: each must read, and verify or fail as its source says.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use base::Timestamp;
use pki::path::{Anchors, PathError, Purpose, validate};
use pki::request::CertificateRequest;
use pki::{Certificate, Deviation, PublicKey};
use serde_json::Value;

/// The text of a file beside the repository; `None`, with a note, when the files are not there.
fn shared(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("{}/../../../shared/{path}", env!("CARGO_MANIFEST_DIR"))).ok();
    if text.is_none() {
        eprintln!("skipped: no ../shared/{path}");
    }
    text
}

fn vectors(path: &str) -> Vec<Value> {
    let Some(text) = shared(path) else { return Vec::new() };
    let parsed: Value = serde_json::from_str(&text).unwrap();
    parsed["vectors"].as_array().unwrap().clone()
}

#[test]
fn certificates_verify_or_fail_as_their_source_says() {
    let (mut checked, mut without_issuer) = (0, 0);
    for vector in vectors("vectors/x509_sm2.json") {
        let comment = vector["comment"].as_str().unwrap();
        let certificate = Certificate::from_pem(vector["pem"].as_str().unwrap()).unwrap();
        assert!(matches!(certificate.public_key(), PublicKey::Sm2(_)), "{comment}");
        let Some(issuer) = vector["issuer_pem"].as_str() else {
            without_issuer += 1;
            continue;
        };
        let issuer = Certificate::from_pem(issuer).unwrap();
        let verifies = certificate.verify_issued_by(issuer.public_key()).is_ok();
        // OpenSSL 3's default distinguishing id is empty, and this certificate is signed under that: not GB/T 35276's id.
        let with_empty_id = comment.starts_with("OpenSSL 3.x quirk");
        let expected = vector["signature"] == "valid" && !with_empty_id;
        assert_eq!(verifies, expected, "{comment} ({})", certificate.subject());
        checked += 1;
    }
    eprintln!("{checked} signatures checked, {without_issuer} certificates read whose issuer is not at hand");
}

#[test]
fn departures_from_the_profile_are_read_and_named() {
    let vectors = vectors("vectors/x509_sm2.json");
    let deviations_of = |word: &str| {
        let vector = vectors.iter().find(|v| v["comment"].as_str().unwrap().contains(word))?;
        Some(Certificate::from_pem(vector["pem"].as_str()?).unwrap().deviations().to_vec())
    };
    if vectors.is_empty() {
        return;
    }
    assert!(deviations_of("NULL parameters").unwrap().contains(&Deviation::NullParameters));
    assert!(deviations_of("OpenSSL 3.x quirk").unwrap().contains(&Deviation::CurveAsKeyAlgorithm));
}

#[test]
fn requests_prove_possession_or_fail_as_their_source_says() {
    for vector in vectors("vectors/csr_sm2.json") {
        let request = CertificateRequest::from_pem(vector["pem"].as_str().unwrap()).unwrap();
        let proven = request.verify_possession().is_ok();
        assert_eq!(proven, vector["signature"] == "valid", "{} ({})", vector["comment"], request.subject());
    }
}

#[test]
fn tongsuo_chain_holds_for_its_purpose_and_its_time() {
    let file = |name: &str| shared(&format!("fixtures/certs/{name}"));
    let Some(authorities) = file("tongsuo_sm2_chain-ca.crt") else { return };
    let authorities = Certificate::all_from_pem(&authorities).unwrap();
    let root: Anchors = authorities.iter().filter(|c| c.is_self_issued()).cloned().collect();
    let read = |name: &str| Certificate::from_pem(&file(name).unwrap()).unwrap();
    let sign = read("tongsuo_sm2_server_sign.crt");
    let encrypt = read("tongsuo_sm2_server_enc.crt");
    let expired = read("tongsuo_sm2_server_sign_expire.crt");

    let mid = Timestamp::from_us(sign.not_before().us() / 2 + sign.not_after().us() / 2);
    let check = |leaf: &Certificate, at, purpose| validate(leaf, &authorities, &root, at, purpose);
    assert_eq!(check(&sign, mid, Purpose::TlsServer).unwrap().len(), 3);
    assert!(check(&encrypt, mid, Purpose::Any).is_ok());
    assert!(matches!(check(&encrypt, mid, Purpose::SealSigner), Err(PathError::KeyUsage { .. })));
    let after = expired.not_after().plus_seconds(1);
    assert!(matches!(check(&expired, after, Purpose::Any), Err(PathError::Expired { .. })));
}

#[test]
fn a_root_signed_without_z_vouches_for_nobody() {
    let file = |name: &str| shared(&format!("fixtures/certs/{name}"));
    let (Some(root), Some(leaf)) =
        (file("tongsuo_sm2-noza-root-cert.pem"), file("tongsuo_sm2-noza-cert.pem"))
    else {
        return;
    };
    let (root, leaf) = (Certificate::from_pem(&root).unwrap(), Certificate::from_pem(&leaf).unwrap());
    let refused = validate(&leaf, &[], &Anchors::from_iter([root]), leaf.not_before(), Purpose::Any);
    assert!(matches!(refused, Err(PathError::BadSignature { .. })));
}

#[test]
fn the_ofdrw_root_is_refused_unless_its_key_alone_is_trusted() {
    let Some(root) = shared("fixtures/ofdrw/ofdrw_ROOT.pem") else { return };
    let root = Certificate::from_pem(&root).unwrap();
    let at = root.not_before();
    let strict = validate(&root, &[], &Anchors::from_iter([root.clone()]), at, Purpose::Any);
    assert!(matches!(strict, Err(PathError::KeyUsage { needed: "keyCertSign", .. })));
    let mut bare = Anchors::new();
    bare.add_key_only(root.clone());
    assert!(validate(&root, &[], &bare, at, Purpose::Any).is_ok());
}

#[test]
fn a_time_stamping_authority_is_one_only_when_its_certificate_says_so() {
    let file = |name: &str| shared(&format!("fixtures/derived/{name}"));
    let (Some(root), Some(tsa)) = (file("research_root.pem"), file("research_tsa.pem")) else { return };
    let (root, tsa) = (Certificate::from_pem(&root).unwrap(), Certificate::from_pem(&tsa).unwrap());
    let anchors = Anchors::from_iter([root]);
    let check = |purpose| validate(&tsa, &[], &anchors, tsa.not_before(), purpose);
    assert_eq!(check(Purpose::TimeStamping).unwrap().len(), 2);
    assert!(matches!(check(Purpose::TlsServer), Err(PathError::ExtendedKeyUsage { .. })));
    let Some(outsider) = file("research_outsider.pem") else { return };
    let outsider = Certificate::from_pem(&outsider).unwrap();
    let refused = validate(&outsider, &[], &anchors, outsider.not_before(), Purpose::TimeStamping);
    assert!(matches!(refused, Err(PathError::ExtendedKeyUsage { .. })));
}

#[test]
fn every_certificate_file_reads_and_survives_truncation_and_change() {
    let folder = format!("{}/../../../shared/fixtures/certs", env!("CARGO_MANIFEST_DIR"));
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no ../shared/fixtures/certs");
        return;
    };
    let texts = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
    let mut read = 0;
    for text in texts.filter(|text| text.contains("BEGIN CERTIFICATE-----")) {
        for certificate in Certificate::all_from_pem(&text).unwrap() {
            hurt(certificate.der());
            read += 1;
        }
    }
    assert!(read >= 10, "{read} certificates read");
}

#[test]
fn hostile_requests_are_refused_without_harm() {
    for vector in vectors("vectors/csr_sm2.json") {
        let der = pki::pem::decode(vector["pem"].as_str().unwrap(), "CERTIFICATE REQUEST").unwrap();
        for length in 0..der.len() {
            assert!(CertificateRequest::from_der(&der[..length]).is_err());
        }
        for position in 0..8 * der.len() {
            let mut changed = der.clone();
            changed[position / 8] ^= 1 << (position % 8);
            if let Ok(request) = CertificateRequest::from_der(&changed) {
                let _ = (request.subject(), request.subject_common_name());
            }
        }
    }
}

#[test]
fn every_certificate_inside_real_seals_and_signatures_reads() {
    let folder = format!("{}/../../../shared/fixtures", env!("CARGO_MANIFEST_DIR"));
    let mut subjects = std::collections::BTreeSet::new();
    for file in files_below(folder.as_ref()) {
        let bytes = std::fs::read(file).unwrap();
        for start in 0..bytes.len() {
            // A SEQUENCE with a length of two bytes, which holds another.
            if !matches!(bytes[start..], [0x30, 0x82, _, _, 0x30, 0x82, ..]) {
                continue;
            }
            if let Ok((_, found)) = x509_parser::parse_x509_certificate(&bytes[start..]) {
                let certificate = Certificate::from_der(found.as_raw()).unwrap();
                subjects.insert((certificate.subject().to_owned(), certificate.serial_hex()));
            }
        }
    }
    if subjects.is_empty() {
        eprintln!("skipped: no ../shared/fixtures");
    } else {
        assert!(subjects.len() >= 10, "{subjects:#?}");
    }
}

/// The unpacked files below `folder`, at most three levels deep.
fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    for _ in 0..3 {
        let entries = folders.drain(..).filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        let paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        let (below, found) = paths.into_iter().partition(|path| path.is_dir());
        folders = below;
        files.extend::<Vec<_>>(found);
    }
    files
}

/// Truncates and changes `der` in many ways: reading may fail, but must return.
fn hurt(der: &[u8]) {
    for length in 0..der.len() {
        assert!(Certificate::from_der(&der[..length]).is_err());
    }
    for position in 0..der.len() {
        for value in [0x00, 0x7f, 0x80, 0xff, der[position] ^ 1, der[position].wrapping_add(1)] {
            let mut changed = der.to_vec();
            changed[position] = value;
            if let Ok(certificate) = Certificate::from_der(&changed) {
                let _ = (certificate.subject(), certificate.serial_hex(), format!("{certificate:?}"));
                let _ = PublicKey::from_spki_der(&certificate.public_key().to_spki_der());
            }
        }
    }
}
