//! What the fuzz targets share: trust, applications, packages from text, and the seeds.
//!
//! The cast is that of the conformance cases, so that a seed is something the product really makes.

#[path = "../conformance/authority.rs"]
#[expect(dead_code, reason = "written for the conformance cases, of which the seeds need a part")]
mod authority;
#[path = "../conformance/seal/cast.rs"]
#[expect(dead_code, reason = "written for the conformance cases, of which the seeds need a part")]
mod cast;
pub mod cryptography;
mod seeds_of;
mod seeds_of_gm;
#[path = "../conformance/seal/stamp.rs"]
mod stamp;

use std::sync::LazyLock;

use document::zip::{DosTime, Writer};
use oidc::client::AuthMethod;
use oidc::redirect_uri::ApplicationType;
use oidc::{Client, Registration};
use seal::TrustAnchors;

/// When everything happens: 2026-11-24T08:00:00Z.
pub const NOW: base::Timestamp = authority::NOW;
pub use seeds_of::{jws_keys, log_key, proof_with_header, seeds};

/// The issuer of the requests.
pub const ISSUER: &str = "https://id.fujian.example";
/// The one redirect URI of the application `tax-web`.
pub const REDIRECT_URI: &str = "https://app.example/cb?tenant=1";
/// What stands before each file's name in a package written as text.
const FILE_MARK: &[u8] = b"\n==== ";

/// What the conformance sources take from their own `data` module.
mod data {
    /// The words of an error.
    pub(crate) fn words(error: impl std::fmt::Display) -> String {
        error.to_string()
    }
}

/// Trust in the cast's authority, its seal in use, nothing revoked.
pub static TRUST: LazyLock<TrustAnchors> = LazyLock::new(|| cast::Cast::new().unwrap().online());

/// The package that `data` are: a ZIP archive as it stands, or one made of files written as text.
///
/// A ZIP archive's checksums keep a fuzzer from its files; as text (`\n==== NAME\nCONTENT`) it reaches them.
pub fn package(data: &[u8]) -> Option<Vec<u8>> {
    if !data.starts_with(FILE_MARK) {
        return Some(data.to_vec());
    }
    let mut writer = Writer::new(DosTime::EARLIEST);
    for file in files(data) {
        let end = file.iter().position(|byte| *byte == b'\n')?;
        writer.add(std::str::from_utf8(&file[..end]).ok()?, &file[end + 1..]);
    }
    writer.finish().ok()
}

/// `ofd` written as text, for [`package`].
fn as_text(ofd: &[u8]) -> Vec<u8> {
    let package = document::ofd::Package::open(ofd).unwrap();
    let file = |name: &String| [FILE_MARK, name.as_bytes(), b"\n", package.file(name).unwrap()].concat();
    package.names_in_archive_order().iter().flat_map(file).collect()
}

fn files(data: &[u8]) -> Vec<&[u8]> {
    let mut files = Vec::new();
    let mut rest = &data[FILE_MARK.len()..];
    while let Some(at) = rest.windows(FILE_MARK.len()).position(|window| window == FILE_MARK) {
        files.push(&rest[..at]);
        rest = &rest[at + FILE_MARK.len()..];
    }
    files.push(rest);
    files
}

/// An application on a server and one on a phone.
pub fn clients() -> [Client; 2] {
    let registration = Registration {
        name_zh: "税务服务".into(),
        name_en: "Tax service".into(),
        redirect_uris: vec![REDIRECT_URI.into()],
        post_logout_redirect_uris: vec!["https://app.example/bye".into()],
        grant_types: vec!["authorization_code".into(), "refresh_token".into()],
        scope: "openid profile phone offline_access tax:read".into(),
        audiences: vec!["https://api.tax.example".into()],
        ..Registration::default()
    };
    let secret_hash = Some(gm::sm3::hash(b"a secret of 256 random bits"));
    let web = Client { secret_hash, ..registration.to_client("tax-web").unwrap() };
    let phone = Client {
        id: "fujian-app".parse().unwrap(),
        application_type: ApplicationType::Native,
        auth_method: AuthMethod::None,
        secret_hash: None,
        redirect_uris: vec!["http://127.0.0.1/cb".into(), "cn.gov.fujian.app:/cb".into()],
        ..web.clone()
    };
    [web, phone]
}
