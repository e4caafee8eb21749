//! The embedded static files, served under `/static/<name>`.

/// A static file.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its name: `yinxin.css`.
    pub name: &'static str,
    /// Its media type, with the character set where it is text.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
    /// A strong entity tag without its quotes: 16 hexadecimal digits of the SM3 digest. Pages ask for
    /// `/static/<name>?v=<etag>`, so that what they get may be cached for a year.
    pub etag: String,
}

/// Every static file.
pub(super) fn load() -> Vec<Asset> {
    let files: [(_, _, &'static [u8]); 5] = [
        ("yinxin.css", "text/css; charset=utf-8", include_bytes!("../../../web/static/yinxin.css")),
        ("seal.svg", "image/svg+xml; charset=utf-8", include_bytes!("../../../web/static/seal.svg")),
        ("enrol.js", "text/javascript; charset=utf-8", include_bytes!("../../../web/static/enrol.js")),
        ("post.js", "text/javascript; charset=utf-8", include_bytes!("../../../web/static/post.js")),
        (
            "check-session.js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../../web/static/check-session.js"),
        ),
    ];
    let asset = |(name, content_type, bytes): (_, _, &'static [u8])| {
        let etag = base::encoding::hex(&gm::sm3::hash(bytes)).chars().take(16).collect();
        Asset { name, content_type, bytes, etag }
    };
    files.into_iter().map(asset).collect()
}
