//! `yinxin tour`: every step holds, and what it leaves behind can be checked without it.

use std::fs;
use std::path::Path;

use crate::kit::command::{Told, yinxin};
use crate::kit::postgres::Database;

#[test]
fn the_tour_holds_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let told = tour(folder.path(), None);
    assert_held(&told, folder.path());
    let data = folder.path().join("data");
    let verify =
        |name: &str| yinxin(["verify", &artefact(folder.path(), name), "--data", data.to_str().unwrap()]);
    let (sealed, changed, certificate) =
        (verify("notice-sealed.ofd"), verify("notice-changed.ofd"), verify("certificate.ofd"));
    assert_eq!((sealed.code, sealed.first_line()), (0, "OFD document: PASSED (TOTAL-PASSED)"), "{sealed:?}");
    assert_eq!(
        (changed.code, changed.first_line()),
        (1, "OFD document: FAILED (TOTAL-FAILED / HASH_FAILURE)"),
        "{changed:?}"
    );
    assert_eq!(certificate.code, 0, "{certificate:?}");
    let audited = yinxin(["audit", "verify", "--data", data.to_str().unwrap()]);
    assert_eq!(audited.code, 0, "{audited:?}");

    let again = tour(folder.path(), None);
    assert_ne!(again.code, 0, "a folder that a tour was in is not an empty installation: {again:?}");
    assert!(again.out.contains("A STEP DID NOT HOLD: "), "{again:?}");
}

#[test]
fn the_tour_holds_on_postgresql() {
    let Some(database) = Database::on_the_server() else {
        eprintln!("skipped: no YINXIN_TEST_POSTGRES");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let told = tour(folder.path(), Some(&database.address()));
    assert_held(&told, folder.path());
    assert!(!folder.path().join("data/yinxin.db").exists(), "everything is in the other database");
}

fn tour(folder: &Path, database: Option<&str>) -> Told {
    let database = database.into_iter().flat_map(|address| ["--database", address]);
    yinxin(["tour", "--out", folder.to_str().unwrap()].into_iter().chain(database))
}

fn artefact(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// Each chapter was told, each step held, and the proofs hold for whoever has the log's key.
fn assert_held(told: &Told, folder: &Path) {
    assert_eq!(told.code, 0, "{told:?}");
    for chapter in 1..=7 {
        assert!(told.out.contains(&format!("\n{chapter}. ")), "chapter {chapter}: {}", told.out);
    }
    let end = format!("Every step held. The artefacts are in {}\n", folder.display());
    assert!(told.out.ends_with(&end), "{}", told.out);
    let kept = told.out.lines().filter_map(|line| line.trim().strip_prefix("kept "));
    let kept: Vec<_> = kept.collect();
    assert!(kept.len() >= 14, "{kept:?}");
    for name in &kept {
        assert!(fs::metadata(folder.join(name)).unwrap().len() > 0, "{name} is empty");
    }
    let anchors = ["--anchor", &artefact(folder, "root.pem"), "--anchor", &artefact(folder, "issuing.pem")];
    let offline = yinxin(["verify", &artefact(folder, "certificate.ofd")].into_iter().chain(anchors));
    assert_eq!(offline.code, 0, "with nothing but what the tour kept: {offline:?}");
    let key = fs::read_to_string(folder.join("log-key.txt")).unwrap();
    let proofs: Vec<_> = kept.iter().filter(|name| name.ends_with("-proof.json")).collect();
    assert!(proofs.len() >= 3, "{kept:?}");
    for name in proofs {
        let proven = yinxin(["audit", "proof", &artefact(folder, name), "--log-key", key.trim()]);
        assert_eq!(proven.code, 0, "{name}: {proven:?}");
    }
}
