//! The metadata back out of a document, for verification without a network.

use document::ofd::Package;
use document::ofd::path;

use crate::metadata::Metadata;
use crate::render::METADATA_FILE;

/// Largest metadata attachment, in bytes.
const MAX_METADATA_BYTES: usize = 1 << 20;

/// The metadata that `package` carries as an attachment; `None` when it carries none, several, or a malformed one.
///
/// What comes back is only what the document claims: believe it when a seal that covers the attachment verifies.
pub fn read_metadata(package: &Package) -> Option<Metadata> {
    let mut found = package.files().filter(|(name, _)| {
        let in_attachments = path::folder(name).ends_with("Attachs");
        in_attachments && name.rsplit('/').next() == Some(METADATA_FILE)
    });
    let (_, data) = found.next()?;
    if found.next().is_some() || data.len() > MAX_METADATA_BYTES {
        return None;
    }
    serde_json::from_slice(data).ok()
}
