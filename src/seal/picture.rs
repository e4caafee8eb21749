//! What a seal's picture really is: told by its first bytes, never by its label.

/// The kinds of picture met in seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// PNG (ISO/IEC 15948).
    Png,
    /// GIF.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// JPEG.
    Jpeg,
    /// A nested OFD: a ZIP archive, hostile until read with limits.
    Ofd,
    /// SVG or other XML.
    Svg,
    /// Anything else.
    Unknown,
}

impl PictureKind {
    /// Tells the kind of `data` by its magic bytes.
    pub fn sniff(data: &[u8]) -> Self {
        const MAGIC: [(&[u8], PictureKind); 7] = [
            (b"\x89PNG\r\n\x1a\n", PictureKind::Png),
            (b"GIF8", PictureKind::Gif),
            (b"BM", PictureKind::Bmp),
            (b"\xff\xd8\xff", PictureKind::Jpeg),
            (b"PK\x03\x04", PictureKind::Ofd),
            (b"<svg", PictureKind::Svg),
            (b"<?xml", PictureKind::Svg),
        ];
        MAGIC.iter().find(|(magic, _)| data.starts_with(magic)).map_or(Self::Unknown, |(_, kind)| *kind)
    }

    /// Its usual name: `PNG`, `ofd`, ...
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Jpeg => "JPG",
            Self::Ofd => "ofd",
            Self::Svg => "SVG",
            Self::Unknown => "unknown data",
        }
    }

    /// Whether `label` names this kind.
    pub fn is_named_by(self, label: &str) -> bool {
        label.eq_ignore_ascii_case(self.name()) || (self == Self::Jpeg && label.eq_ignore_ascii_case("jpeg"))
    }

    /// The internet media type; `None` for a kind that is not an image on its own.
    pub const fn media_type(self) -> Option<&'static str> {
        match self {
            Self::Png => Some("image/png"),
            Self::Gif => Some("image/gif"),
            Self::Bmp => Some("image/bmp"),
            Self::Jpeg => Some("image/jpeg"),
            Self::Svg => Some("image/svg+xml"),
            Self::Ofd | Self::Unknown => None,
        }
    }
}
