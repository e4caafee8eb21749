//! Files that are not what they should be: each is refused or judged for its own reason, and nothing of it is kept.

use serde_json::json;
use store::rows::{ecerts, seals};

use crate::kit::actors::Answer;
use crate::kit::app::{TestApp, stories};
use crate::kit::documents::one_page;
use crate::kit::packages::{bomb, repacked, with_file, with_twin, wrapped};

const PAGE: &str = "Doc_0/Pages/Page_0/Content.xml";
const MIB: usize = 1 << 20;
/// XML that would unfold to gigabytes.
const UNFOLDING: &str = r#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>
<ofd:OFD xmlns:ofd="http://www.ofdspec.org/2016" DocType="OFD" Version="1.1">&c;</ofd:OFD>"#;

stories! {
    async fn what_is_no_document_is_not_sealed_and_nothing_of_it_is_kept(app: TestApp) {
        let token = app.machine_token().await;
        let before = Kept::by(&app).await;
        for (what, file, why, _) in no_documents() {
            let refused = app.seals(&token, app.sample.seals[0].id, file).await;
            let refused = refused.err().unwrap_or_else(|| panic!("{what} was sealed"));
            assert_eq!((refused.status, refused.text("code")), (422, "bad_document"), "{what}: {refused:?}");
            assert!(refused.text("detail").contains(why), "{what}: expected `{why}`: {refused:?}");
        }
        let large = one_page("大").into_iter().chain(std::iter::repeat_n(0, 40 * MIB)).collect();
        let refused = app.seals(&token, app.sample.seals[0].id, large).await.unwrap_err();
        refused.assert_problem(413, "too_large", "at most 33554432 bytes");
        assert_eq!(Kept::by(&app).await, before);
        app.seals(&token, app.sample.seals[0].id, one_page("好")).await.expect("the service goes on");
    }

    async fn what_is_no_document_is_reported_as_such_to_whoever_asks(app: TestApp) {
        let before = Kept::by(&app).await;
        for (what, file, _, why) in no_documents() {
            let report = app.verifies(&file).await;
            assert_eq!(report["indication"], "TOTAL-FAILED", "{what}: {report}");
            assert_eq!(report["sub_indication"], "FORMAT_FAILURE", "{what}: {report}");
            let reason = report["reason"].as_str().unwrap();
            assert!(reason.contains(why), "{what}: expected `{why}`: {reason}");
            assert!(!report["reason_zh"].as_str().unwrap().is_empty(), "{what}");
        }
        let unsigned = app.verifies(&one_page("没有印章")).await;
        assert_eq!(
            (&unsigned["indication"], &unsigned["sub_indication"]),
            (&json!("INDETERMINATE"), &json!("NO_SIGNATURE_FOUND"))
        );
        let report = app.verifies(&vec![0; 40 * MIB]).await;
        assert_eq!(report["sub_indication"], "FORMAT_FAILURE");
        let too_large = app.http().post(app.url("/v1/verify")).body(vec![0; 70 * MIB]);
        Answer::to(too_large).await.assert_problem(413, "too_large", "larger than this endpoint takes");
        assert_eq!(Kept::by(&app).await, before);
    }

    async fn a_malformed_seal_is_reported_and_never_believed(app: TestApp) {
        let seal = app.fetches(&format!("/v1/seals/{}/file", app.sample.seals[0].id)).await;
        assert_eq!(app.verifies(&seal).await["indication"], "TOTAL-PASSED");
        for length in (1..seal.len()).step_by(331) {
            let report = app.verifies(&seal[..length]).await;
            assert_eq!(
                report["sub_indication"], "FORMAT_FAILURE",
                "the first {length} bytes: {}",
                report["reason"]
            );
        }
        for at in (0..seal.len()).step_by(173) {
            let mut changed = seal.clone();
            changed[at] ^= 0x20;
            assert_ne!(app.verifies(&changed).await["indication"], "TOTAL-PASSED", "byte {at}");
        }
        let endless = [b"\x30\x84\xff\xff\xff\xff".as_slice(), &seal].concat();
        let nested = b"\x30\x80".repeat(20_000);
        let followed = [seal.as_slice(), b"more"].concat();
        for (what, file) in
            [("a length beyond the end", endless), ("sequences in sequences", nested), ("a tail", followed)]
        {
            assert_eq!(app.verifies(&file).await["sub_indication"], "FORMAT_FAILURE", "{what}");
        }
    }

    async fn bodies_have_limits_and_types(app: TestApp) {
        let token = app.machine_token().await;
        let before = Kept::by(&app).await;
        for path in ["/v1/certificates", "/v1/signals"] {
            let post = |content_type: &str, body: &str| {
                let request = app.http().post(app.url(path)).bearer_auth(&token);
                Answer::to(request.header("content-type", content_type).body(body.to_owned()))
            };
            post("text/plain", "{}").await.assert_problem(
                415,
                "unsupported_media_type",
                "`application/json`",
            );
            post("application/json", "").await.assert_problem(400, "bad_json", "EOF");
            post("application/json", "{").await.assert_problem(400, "bad_json", "EOF");
            post("application/json", "[]").await.assert_problem(400, "bad_json", "");
            post("application/json", "{\"subject\":\"a\\u0000b\"}")
                .await
                .assert_problem(400, "bad_json", "U+0000");
            post("application/json", &"[".repeat(100_000)).await.assert_problem(400, "bad_json", "");
            let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MIB));
            post("application/json", &large).await.assert_problem(
                413,
                "too_large",
                "larger than this endpoint takes",
            );
        }
        for path in ["/v1/verify".to_owned(), format!("/v1/seals/{}/documents", app.sample.seals[0].id)] {
            let request = app.http().post(app.url(&path)).bearer_auth(&token);
            let half = request
                .header("content-type", "multipart/form-data; boundary=b")
                .body("--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhalf");
            assert_eq!(Answer::to(half).await.status, 400, "{path}: a form that ends early");
            let request = app.http().post(app.url(&path)).bearer_auth(&token);
            let none = Answer::to(request.header("content-type", "multipart/form-data").body("x")).await;
            none.assert_problem(400, "bad_form", "boundary");
            let get = Answer::to(app.http().get(app.url(&path)).bearer_auth(&token)).await;
            get.assert_problem(405, "method_not_allowed", "other methods");
        }
        assert_eq!(Kept::by(&app).await, before);
    }
}

/// What is no OFD document, why it is not sealed, and what is reported of it.
fn no_documents() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    const NO_END: &str = "no end of central directory";
    let good = one_page("通知");
    let with = |name: &'static str, text: &str| {
        let text = text.as_bytes().to_vec();
        repacked(&good, move |n, _| (n == name).then(|| text.clone()))
    };
    let mut broken_checksum = good.clone();
    broken_checksum[60] ^= 1;
    let both = |what, file, why| (what, file, why, why);
    vec![
        ("nothing", Vec::new(), NO_END, "an empty file"),
        ("a PDF document", b"%PDF-1.7\n%%EOF\n".to_vec(), NO_END, "a PDF document"),
        ("a web page", b"<!doctype html><title>x</title>".to_vec(), NO_END, "XML or HTML"),
        both("the first half of a document", good[..good.len() / 2].to_vec(), NO_END),
        both("a document without its last byte", good[..good.len() - 1].to_vec(), NO_END),
        both("a document with a byte behind it", [good.as_slice(), b"x"].concat(), NO_END),
        both("a changed byte in an entry", broken_checksum, "OFD.xml"),
        both("an archive in an archive", wrapped("notice.ofd", &good), "OFD.xml"),
        both("an archive called OFD.xml in an archive", wrapped("OFD.xml", &good), "OFD.xml"),
        both(
            "two files of one name",
            with_twin(&good, PAGE, b"<ofd/>"),
            "duplicate entry `Doc_0/Pages/Page_0/Content.xml`",
        ),
        both("8 MiB of zeros in 8 KiB", bomb(8 * MIB), "above the allowed ratio"),
        both("a name that leaves the archive", with_file_outside(&good), "entry name"),
        both("XML that unfolds", with("OFD.xml", UNFOLDING), "OFD.xml"),
        both("XML in XML in XML", with("OFD.xml", &"<a>".repeat(100_000)), "OFD.xml"),
        both("no XML", with("OFD.xml", "\u{0}\u{1}"), "OFD.xml"),
    ]
}

/// `package` with a file above the folder that it is unpacked into.
fn with_file_outside(package: &[u8]) -> Vec<u8> {
    // The writer refuses such a name, so one of the same length stands in for it.
    let mut bytes = with_file(package, "aa/etc/x", b"x");
    while let Some(at) = bytes.windows(8).position(|w| w == b"aa/etc/x") {
        bytes[at..at + 8].copy_from_slice(b"../etc/x");
    }
    bytes
}

/// How much is kept: entries of the log, sealings, certificates.
#[derive(Debug, PartialEq)]
struct Kept(u64, i64, i64);

impl Kept {
    async fn by(app: &TestApp) -> Self {
        let entries = app.log_size().await;
        let mut conn = app.env().db.read().await.unwrap();
        Self(
            entries,
            seals::count_sealings(&mut conn).await.unwrap(),
            ecerts::count(&mut conn).await.unwrap(),
        )
    }
}
