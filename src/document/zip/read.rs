//! Reading: the central directory is believed only where the local headers, the data and the order of the bytes agree with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::crc::crc32;
use super::error::{Warning, ZipError};
use super::header::{self, Central, Common, Fields};
use super::name;

/// How much an archive may hold. The default suits an OFD document.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest archive, in bytes.
    pub archive_bytes: usize,
    /// Most entries, folders included.
    pub entries: usize,
    /// Largest entry after inflating, in bytes.
    pub entry_bytes: u64,
    /// All entries together after inflating, in bytes.
    pub total_bytes: u64,
    /// Largest ratio of inflated to deflated size, for entries above 64 KiB.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive_bytes: 64 << 20,
            entries: 4096,
            entry_bytes: 64 << 20,
            total_bytes: 192 << 20,
            ratio: 200,
        }
    }
}

/// Up to this size, in bytes, an entry's ratio is not looked at: a blank picture deflates a thousandfold and harms nobody.
const RATIO_FREE_BYTES: u64 = 64 << 10;
/// An end record and the longest comment that may follow it.
const END_SEARCH_BYTES: usize = 22 + 0xffff;

/// A file of an archive, inflated and checked against its CRC. Folders are not entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, relative, with `/` between its segments.
    pub name: String,
    /// The content.
    pub data: Vec<u8>,
}

/// A ZIP archive, read whole.
#[derive(Clone, Debug)]
pub struct Archive {
    entries: Vec<Entry>,
    warnings: Vec<Warning>,
}

impl Archive {
    /// Reads the archive in `bytes`: every entry is inflated and checked before this returns.
    ///
    /// Fails with the first [`ZipError`] found; memory stays within `limits`. Source: APPNOTE 6.3.
    pub fn open(bytes: &[u8], limits: &Limits) -> Result<Self, ZipError> {
        within("the archive size", bytes.len() as u64, limits.archive_bytes as u64)?;
        let directory = Directory::find(bytes)?;
        within("the number of entries", directory.declared, limits.entries as u64)?;
        let mut warnings = Vec::from_iter(directory.comment_warning());
        let headers = directory.headers(bytes, &mut warnings)?;
        check_names(&headers)?;
        check_sizes(&headers, limits)?;
        let spans = spans(bytes, &directory, &headers)?;
        check_layout(bytes, &directory, &headers, &spans, &mut warnings)?;
        let mut entries = Vec::new();
        for (header, span) in headers.into_iter().zip(spans).filter(|(h, _)| !h.folder) {
            let data = bytes.get(span.data).unwrap_or_default();
            entries.push(Entry { data: content(&header, data)?, name: header.name });
        }
        Ok(Self { entries, warnings })
    }

    /// The files, in the order of the central directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The files, for keeping.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// What is not as it should be and yet harmless.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// Where the central directory is.
struct Directory {
    start: usize,
    end: usize,
    declared: u64,
    /// What must be added to every offset: bytes that were put in front of a finished archive.
    shift: usize,
    comment: usize,
}

impl Directory {
    /// Finds the one end record whose comment ends with the file, and the ZIP64 one before it when there is one.
    fn find(bytes: &[u8]) -> Result<Self, ZipError> {
        let first = bytes.len().saturating_sub(END_SEARCH_BYTES);
        let tail = bytes.get(first..).unwrap_or_default();
        let mut found = tail
            .windows(22)
            .enumerate()
            .filter(|(i, w)| is_end(w, tail.len() - i - 22))
            .map(|(i, _)| first + i);
        let at = found.next().ok_or(ZipError::NotZip)?;
        if found.next().is_some() {
            return Err(ZipError::AmbiguousEnd);
        }
        Self::read(bytes, at)
            .ok_or(ZipError::Malformed { record: "end of central directory", at: at as u64 })?
    }

    /// `None` when a record is malformed.
    fn read(bytes: &[u8], at: usize) -> Option<Result<Self, ZipError>> {
        let mut fields = Fields(bytes.get(at..)?);
        fields.signature(header::END)?;
        let disks = [fields.u16()?, fields.u16()?];
        let (here, declared) = (fields.u16()?, fields.u16()?);
        let (size, offset) = (fields.u32()?, fields.u32()?);
        let comment = usize::from(fields.u16()?);
        if disks != [0, 0] || here != declared {
            return Some(Err(ZipError::SeveralVolumes));
        }
        let narrow = (u64::from(declared), u64::from(size), u64::from(offset));
        let ((declared, size, offset), end) = match locate64(bytes, at) {
            Some(at64) => (read64(bytes, at64, narrow)?, at64),
            None => (narrow, at),
        };
        let start = end.checked_sub(usize::try_from(size).ok()?)?;
        let shift = start.checked_sub(usize::try_from(offset).ok()?)?;
        Some(Ok(Self { start, end, declared, shift, comment }))
    }

    fn comment_warning(&self) -> Option<Warning> {
        (self.comment > 0).then_some(Warning::Comment { length: self.comment })
    }

    fn headers(&self, bytes: &[u8], warnings: &mut Vec<Warning>) -> Result<Vec<Header>, ZipError> {
        let mut fields = Fields(bytes.get(self.start..self.end).unwrap_or_default());
        let mut headers = Vec::new();
        while !fields.0.is_empty() {
            let at = (self.end - fields.0.len()) as u64;
            if headers.len() as u64 == self.declared {
                return Err(ZipError::EntryCount { declared: self.declared, found: self.declared + 1 });
            }
            let central =
                header::central(&mut fields).ok_or(ZipError::Malformed { record: "central header", at })?;
            headers.push(Header::new(&central, warnings)?);
        }
        let found = headers.len() as u64;
        if found != self.declared {
            return Err(ZipError::EntryCount { declared: self.declared, found });
        }
        Ok(headers)
    }
}

fn is_end(window: &[u8], after: usize) -> bool {
    window.starts_with(&header::END.to_le_bytes())
        && window.last_chunk().is_some_and(|len| usize::from(u16::from_le_bytes(*len)) == after)
}

/// Where the ZIP64 end record starts, when its locator stands directly before the end record (APPNOTE 4.3.15).
fn locate64(bytes: &[u8], end_at: usize) -> Option<usize> {
    let at = end_at.checked_sub(20)?;
    let mut fields = Fields(bytes.get(at..end_at)?);
    fields.signature(header::LOCATOR64)?;
    // The record is 56 bytes and directly before the locator; its stated offset is not needed to find it.
    at.checked_sub(56)
}

/// Entries, size and offset of the ZIP64 end record, which must agree with every narrow field that is not all ones.
fn read64(bytes: &[u8], at: usize, narrow: (u64, u64, u64)) -> Option<(u64, u64, u64)> {
    let mut fields = Fields(bytes.get(at..)?);
    fields.signature(header::END64)?;
    let record = fields.u64()?;
    fields.u32()?; // versions
    let disks = [fields.u32()?, fields.u32()?];
    let (here, declared) = (fields.u64()?, fields.u64()?);
    let (size, offset) = (fields.u64()?, fields.u64()?);
    let agrees = |narrow: u64, full: u64, wide: u64| narrow == full || narrow == wide;
    let same = agrees(narrow.0, 0xffff, declared)
        && agrees(narrow.1, 0xffff_ffff, size)
        && agrees(narrow.2, 0xffff_ffff, offset);
    (record == 44 && disks == [0, 0] && here == declared && same).then_some((declared, size, offset))
}

/// A central header whose name and flags have been looked at.
struct Header {
    name: String,
    raw_name: Vec<u8>,
    folder: bool,
    flags: u16,
    method: u16,
    crc: u32,
    compressed: u64,
    size: u64,
    local_at: u64,
}

const FLAG_ENCRYPTED: u16 = 1 << 0 | 1 << 6 | 1 << 13;
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_PATCH: u16 = 1 << 5;
const FLAG_UTF8: u16 = 1 << 11;
/// Bits 1 and 2 tell how hard the deflater tried.
const FLAG_EFFORT: u16 = 1 << 1 | 1 << 2;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

impl Header {
    fn new(central: &Central<'_>, warnings: &mut Vec<Warning>) -> Result<Self, ZipError> {
        let Common { flags, method, crc, compressed, size, name: raw_name, second_name } =
            central.common.clone();
        let name = decode_name(raw_name, flags, warnings)?;
        let bad = |reason| ZipError::BadName { name: name.clone(), reason };
        let folder = name::check(&name).map_err(bad)?;
        if second_name {
            return Err(bad("comes with a second name in an extra field"));
        }
        if central.disk != 0 {
            return Err(ZipError::SeveralVolumes);
        }
        if flags & FLAG_ENCRYPTED != 0 {
            return Err(ZipError::Encrypted { name });
        }
        if flags & FLAG_PATCH != 0 || !matches!(method, STORED | DEFLATED) {
            return Err(ZipError::UnknownMethod { name, method });
        }
        if is_special(central) || (folder && size != 0) {
            return Err(ZipError::NotPlainFile { name });
        }
        let (raw_name, local_at) = (raw_name.to_vec(), central.local_at);
        Ok(Self { name, raw_name, folder, flags, method, crc, compressed, size, local_at })
    }
}

/// Names are UTF-8: flagged, ASCII, or UTF-8 by their bytes. Other code pages would be guesses.
fn decode_name(raw: &[u8], flags: u16, warnings: &mut Vec<Warning>) -> Result<String, ZipError> {
    let Ok(name) = std::str::from_utf8(raw) else {
        let name = String::from_utf8_lossy(raw).chars().take(64).collect();
        return Err(ZipError::BadName { name, reason: "is not in UTF-8" });
    };
    if flags & FLAG_UTF8 == 0 && !name.is_ascii() {
        warnings.push(Warning::UnflaggedUtf8Name { name: name.to_owned() });
    }
    Ok(name.to_owned())
}

/// Whether Unix attributes (made-by 3) say symbolic link, device or pipe.
fn is_special(central: &Central<'_>) -> bool {
    let kind = (central.attributes >> 16) & 0o170_000;
    central.made_by >> 8 == 3 && !matches!(kind, 0 | 0o100_000 | 0o040_000)
}

fn check_names(headers: &[Header]) -> Result<(), ZipError> {
    let mut seen: BTreeMap<String, &Header> = BTreeMap::new();
    for header in headers {
        let key = header.name.trim_end_matches('/').to_lowercase();
        if let Some(other) = seen.insert(key, header) {
            return Err(match (other.name == header.name, other.folder == header.folder) {
                (true, _) => ZipError::DuplicateName { name: header.name.clone() },
                (false, true) => {
                    ZipError::CaseOnlyDuplicate { first: other.name.clone(), second: header.name.clone() }
                }
                (false, false) => ZipError::FileIsFolder { name: header.name.clone() },
            });
        }
    }
    let files: BTreeSet<&str> =
        seen.iter().filter(|(_, header)| !header.folder).map(|(key, _)| key.as_str()).collect();
    let folders = seen.keys().flat_map(|key| key.match_indices('/').filter_map(|(i, _)| key.get(..i)));
    match folders.into_iter().find(|folder| files.contains(folder)) {
        Some(name) => Err(ZipError::FileIsFolder { name: name.to_owned() }),
        None => Ok(()),
    }
}

fn check_sizes(headers: &[Header], limits: &Limits) -> Result<(), ZipError> {
    let mut total = 0u64;
    for header in headers {
        within("the size of an entry", header.size, limits.entry_bytes)?;
        total = total.saturating_add(header.size);
        within("the size of all entries", total, limits.total_bytes)?;
        if header.size > RATIO_FREE_BYTES && header.size / limits.ratio.max(1) > header.compressed {
            let (name, compressed, size) = (header.name.clone(), header.compressed, header.size);
            return Err(ZipError::Bomb { name, compressed, size });
        }
    }
    Ok(())
}

fn within(what: &'static str, got: u64, limit: u64) -> Result<(), ZipError> {
    if got > limit { Err(ZipError::TooLarge { what, got, limit }) } else { Ok(()) }
}

/// The bytes of one entry: its header, content and descriptor together, and the content alone.
struct Span {
    whole: Range<usize>,
    data: Range<usize>,
}

fn spans(bytes: &[u8], directory: &Directory, headers: &[Header]) -> Result<Vec<Span>, ZipError> {
    headers.iter().map(|header| span(bytes, directory, header)).collect()
}

fn span(bytes: &[u8], directory: &Directory, central: &Header) -> Result<Span, ZipError> {
    let malformed = || ZipError::Malformed { record: "local header", at: central.local_at };
    let start = usize::try_from(central.local_at).ok().and_then(|at| at.checked_add(directory.shift));
    let start = start.filter(|at| *at < directory.start).ok_or_else(malformed)?;
    let mut fields = Fields(bytes.get(start..directory.start).ok_or_else(malformed)?);
    let local = header::local(&mut fields).ok_or_else(malformed)?;
    check_agreement(central, &local)?;

    let data_start = directory.start - fields.0.len();
    let length = usize::try_from(central.compressed).ok();
    length.and_then(|n| fields.take(n)).ok_or_else(malformed)?;
    let data_end = directory.start - fields.0.len();
    let rest = if local.flags & FLAG_DESCRIPTOR == 0 {
        fields.0
    } else {
        after_descriptor(fields.0, central).ok_or_else(|| mismatch(central, "data descriptor"))?
    };
    Ok(Span { whole: start..directory.start - rest.len(), data: data_start..data_end })
}

/// The local header must repeat the central one; with a descriptor it may leave sizes and CRC at zero (APPNOTE 4.4.4).
fn check_agreement(central: &Header, local: &Common<'_>) -> Result<(), ZipError> {
    let ignored = FLAG_EFFORT | if central.raw_name.is_ascii() { FLAG_UTF8 } else { 0 };
    let later = local.flags & FLAG_DESCRIPTOR != 0;
    let same = |local: u64, central: u64| local == central || (later && local == 0);
    let differs = [
        ("name", local.name != central.raw_name || local.second_name),
        ("flags", (local.flags ^ central.flags) & !ignored != 0),
        ("compression method", local.method != central.method),
        ("CRC", !same(local.crc.into(), central.crc.into())),
        ("compressed size", !same(local.compressed, central.compressed)),
        ("size", !same(local.size, central.size)),
        ("size of stored content", central.method == STORED && central.compressed != central.size),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((field, _)) => Err(mismatch(central, field)),
        None => Ok(()),
    }
}

fn mismatch(central: &Header, field: &'static str) -> ZipError {
    ZipError::HeaderMismatch { name: central.name.clone(), field }
}

/// What follows the data descriptor: with or without signature, 32 or 64 bits wide (APPNOTE 4.3.9); it must agree.
fn after_descriptor<'a>(bytes: &'a [u8], central: &Header) -> Option<&'a [u8]> {
    let narrow = |value: u64| u32::try_from(value).ok().map(u32::to_le_bytes);
    let (compressed, size) = (central.compressed.to_le_bytes(), central.size.to_le_bytes());
    let wide = [&compressed[..], &size[..]].concat();
    let narrow = [narrow(central.compressed)?, narrow(central.size)?].concat();
    for signature in [&header::DESCRIPTOR.to_le_bytes()[..], &[]] {
        for sizes in [&wide, &narrow] {
            let expected = [signature, &central.crc.to_le_bytes(), sizes].concat();
            if let Some(rest) = bytes.strip_prefix(expected.as_slice()) {
                return Some(rest);
            }
        }
    }
    None
}

/// Entries must follow one another without overlap and without bytes between them, up to the central directory.
fn check_layout(
    bytes: &[u8],
    directory: &Directory,
    headers: &[Header],
    spans: &[Span],
    warnings: &mut Vec<Warning>,
) -> Result<(), ZipError> {
    let mut order: Vec<(&Header, &Range<usize>)> =
        headers.iter().zip(spans.iter().map(|s| &s.whole)).collect();
    order.sort_by_key(|(_, whole)| whole.start);
    let first = order.first().map_or(directory.start, |(_, whole)| whole.start);
    check_leading(bytes, first, warnings)?;
    let mut reached = first;
    for (header, whole) in order {
        if whole.start < reached {
            return Err(ZipError::Overlap { name: header.name.clone() });
        }
        no_gap(reached, whole.start)?;
        reached = whole.end;
    }
    no_gap(reached, directory.start)
}

fn no_gap(from: usize, to: usize) -> Result<(), ZipError> {
    let length = to.saturating_sub(from) as u64;
    if length == 0 { Ok(()) } else { Err(ZipError::HiddenBytes { at: from as u64, length }) }
}

/// Leading bytes are tolerated unless a local header hides in them.
fn check_leading(bytes: &[u8], length: usize, warnings: &mut Vec<Warning>) -> Result<(), ZipError> {
    let leading = bytes.get(..length).unwrap_or_default();
    if leading.windows(4).any(|w| w == header::LOCAL.to_le_bytes()) {
        return Err(ZipError::HiddenBytes { at: 0, length: length as u64 });
    }
    if length > 0 {
        warnings.push(Warning::LeadingBytes { length });
    }
    Ok(())
}

/// The entry's content: exactly the declared size, from exactly the bytes given.
fn content(header: &Header, data: &[u8]) -> Result<Vec<u8>, ZipError> {
    let name = || header.name.clone();
    let out = if header.method == STORED {
        data.to_vec()
    } else {
        inflate(data, header.size).ok_or_else(|| ZipError::Inflate { name: name() })?
    };
    if crc32(&out) != header.crc {
        return Err(ZipError::Crc { name: name() });
    }
    Ok(out)
}

fn inflate(data: &[u8], size: u64) -> Option<Vec<u8>> {
    let mut out = vec![0; usize::try_from(size).ok()?];
    let mut state = Box::new(DecompressorOxide::new());
    let (status, read, written) =
        decompress(&mut state, data, &mut out, 0, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF);
    (status == TINFLStatus::Done && read == data.len() && written == out.len()).then_some(out)
}
