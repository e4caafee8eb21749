//! OFD packages: opened, every part read, coverage computed, a seal's place prepared. What is prepared opens again.
#![no_main]

use std::collections::BTreeSet;

use document::ofd::coverage::{Coverage, covered_files, reachable, uncovered_files};
use document::ofd::seal_layout::{self, Protection, StampPlacement};
use document::ofd::{Package, Provider, SignatureType, SignatureXml};
use fuzz::NOW;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(bytes) = fuzz::package(data) else { return };
    let Ok(package) = Package::open(&bytes) else { return };
    let _ = (reachable(&package), package.orphan_signature_files(), package.warnings().len());
    for body in 0..package.doc_bodies().len().min(4) {
        let _ = package.pages(body);
    }
    let names: Vec<&str> = package.files().map(|(name, _)| name).collect();
    for name in names.iter().take(64) {
        let _ = package.part(name).map(|part| part.is_ok());
        let _ = package.file(name).map(document::xml::root_name);
    }
    for signature in package.signatures().iter().take(8) {
        read_signature(&package, &signature.base_loc);
    }
    let _ = Coverage::of(&package, &BTreeSet::new()).is_whole_document();
    let _ = ecert::read_metadata(&package);
    prepare(&bytes);
});

fn read_signature(package: &Package, path: &str) {
    let _ = package.own_files(path);
    let Some(Ok(signature)) = package.file(path).map(SignatureXml::parse) else { return };
    let covered = covered_files(package, path, &signature);
    let uncovered = uncovered_files(package, &covered);
    assert!(uncovered.iter().all(|name| !covered.contains(name)));
    let _ = Coverage::of(package, &covered).is_whole_document();
}

fn prepare(ofd: &[u8]) {
    let provider = Provider { name: "f".into(), company: "f".into(), version: "1".into() };
    let stamps = [StampPlacement { page: 0, x: 1.0, y: 1.0, width: 9.0, height: 9.0, clip: None }];
    let request = seal_layout::Request {
        type_: SignatureType::Seal,
        seal: Some(b"seal"),
        stamps: &stamps,
        provider: &provider,
        signature_method: pki::oid::SM2_WITH_SM3,
        protection: Protection::MoreSignatures,
        now: NOW,
    };
    if let Ok(prepared) = seal_layout::prepare(ofd, &request) {
        let (path, sealed) = (prepared.signature_path.clone(), prepared.finish(b"value").unwrap());
        let again = Package::open(&sealed).expect("a prepared package opens again");
        assert!(
            again.signatures().iter().any(|signature| signature.base_loc == path),
            "the signature is listed"
        );
    }
}
