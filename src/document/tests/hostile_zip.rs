//! Archives that two readers could see differently, or that would eat the machine: each is refused for its own reason.

#![expect(clippy::unwrap_used, reason = "tests")]

use document::zip::{Archive, DosTime, Limits, Warning, Writer, ZipError};
use proptest::prelude::*;

#[test]
fn what_is_written_reads_back_and_is_the_same_each_time() {
    let archive = two_files();
    assert_eq!(archive, two_files(), "the same input gives the same bytes");
    let read = open(&archive).unwrap();
    assert_eq!(read.warnings(), []);
    let files: Vec<_> = read.entries().iter().map(|e| (e.name.as_str(), e.data.len())).collect();
    assert_eq!(files, [("OFD.xml", 5), ("附件/a.txt", 10_000)]);
}

#[test]
fn bytes_in_front_are_reported_and_tolerated_unless_a_file_hides_in_them() {
    let archive = two_files();
    let with_junk = [b"\xef\xbb\xbfKG", archive.as_slice()].concat();
    assert_eq!(open(&with_junk).unwrap().warnings(), [Warning::LeadingBytes { length: 5 }]);
    let two = [archive.clone(), archive].concat();
    assert!(matches!(open(&two), Err(ZipError::HiddenBytes { at: 0, .. })), "an archive in front of another");
}

#[test]
fn every_truncation_is_refused() {
    let archive = two_files();
    for length in 0..archive.len() {
        assert!(open(&archive[..length]).is_err(), "{length} of {} bytes", archive.len());
    }
    assert_eq!(open(b"%PDF-1.7").unwrap_err(), ZipError::NotZip);
}

#[test]
fn bytes_behind_the_end_are_refused() {
    let archive = [two_files(), b"x".to_vec()].concat();
    assert_eq!(open(&archive).unwrap_err(), ZipError::NotZip);
}

#[test]
fn a_name_that_comes_twice_is_refused_and_named() {
    let error = open(&Raw::of(&["OFD.xml", "a/b", "a/b"]).build()).unwrap_err();
    assert_eq!(error, ZipError::DuplicateName { name: "a/b".into() });
    let error = open(&Raw::of(&["OFD.xml", "ofd.XML"]).build()).unwrap_err();
    assert_eq!(error, ZipError::CaseOnlyDuplicate { first: "OFD.xml".into(), second: "ofd.XML".into() });
    let error = open(&Raw::of(&["a", "a/b"]).build()).unwrap_err();
    assert_eq!(error, ZipError::FileIsFolder { name: "a".into() });
}

#[test]
fn names_that_leave_the_archive_are_refused() {
    for name in ["../OFD.xml", "/etc/passwd", "a/../../b", "a\\b", "C:\\x", "./a", "a//b", "a\0.xml"] {
        let error = open(&Raw::of(&[name]).build()).unwrap_err();
        assert!(matches!(error, ZipError::BadName { .. }), "{name:?}: {error}");
    }
    let mut raw = Raw::of(&["x"]);
    raw.entries[0].name = b"\xb8\xbd\xbc\xfe.xml".to_vec();
    assert!(matches!(open(&raw.build()), Err(ZipError::BadName { reason: "is not in UTF-8", .. })));
}

#[test]
fn a_local_header_must_say_what_the_directory_says() {
    type Change = fn(&mut RawEntry);
    let changes: [(&str, Change); 5] = [
        ("name", |e| e.local_name = Some(b"b".to_vec())),
        ("CRC", |e| e.local_crc = Some(1)),
        ("size", |e| e.local_size = Some(1)),
        ("flags", |e| e.local_flags = Some(1 << 3)),
        ("compression method", |e| e.local_method = Some(8)),
    ];
    for (field, change) in changes {
        let mut raw = Raw::of(&["a"]);
        change(&mut raw.entries[0]);
        let error = open(&raw.build()).unwrap_err();
        assert_eq!(error, ZipError::HeaderMismatch { name: "a".into(), field });
    }
}

#[test]
fn entries_may_neither_overlap_nor_leave_bytes_unaccounted_for() {
    let mut raw = Raw::of(&["a", "a"]);
    raw.entries[1].share_local_with_first = true;
    raw.entries[1].name = b"a".to_vec();
    assert!(matches!(open(&raw.build()), Err(ZipError::DuplicateName { .. })));

    let mut raw = Raw::of(&["a", "b"]);
    raw.entries[1].share_local_with_first = true;
    assert!(matches!(open(&raw.build()), Err(ZipError::HeaderMismatch { field: "name", .. })));

    // A deflated stream that contains another entry's whole record: the later header starts inside the earlier content.
    let mut raw = Raw::of(&["a", "b"]);
    raw.entries[0].swallow_next = true;
    assert!(matches!(open(&raw.build()), Err(ZipError::Overlap { .. })));

    let mut raw = Raw::of(&["a", "b"]);
    raw.entries[0].hidden_after = b"PK\x03\x04 hidden".to_vec();
    assert!(matches!(open(&raw.build()), Err(ZipError::HiddenBytes { length: 11, .. })));
}

#[test]
fn encryption_unknown_methods_and_links_are_refused() {
    let with = |change: fn(&mut RawEntry)| {
        let mut raw = Raw::of(&["a"]);
        change(&mut raw.entries[0]);
        open(&raw.build()).unwrap_err()
    };
    assert_eq!(with(|e| e.flags = 1), ZipError::Encrypted { name: "a".into() });
    assert_eq!(with(|e| e.method = 12), ZipError::UnknownMethod { name: "a".into(), method: 12 });
    assert_eq!(with(|e| e.attributes = 0o120_777 << 16), ZipError::NotPlainFile { name: "a".into() });
    assert_eq!(with(|e| e.data = b"changed".to_vec()), ZipError::Crc { name: "a".into() });
}

#[test]
fn limits_hold_before_anything_is_inflated() {
    let mut writer = Writer::new(DosTime::EARLIEST);
    writer.add("zeros", &vec![0; 1 << 20]);
    let bomb = writer.finish().unwrap();
    assert!(matches!(open(&bomb), Err(ZipError::Bomb { size: 1_048_576, .. })));

    let narrow = |limits: Limits| Archive::open(&two_files(), &limits).unwrap_err();
    let too_large = |what, got, limit| ZipError::TooLarge { what, got, limit };
    let default = Limits::default;
    assert_eq!(narrow(Limits { entries: 1, ..default() }), too_large("the number of entries", 2, 1));
    assert_eq!(
        narrow(Limits { entry_bytes: 9999, ..default() }),
        too_large("the size of an entry", 10_000, 9999)
    );
    assert_eq!(
        narrow(Limits { total_bytes: 10_004, ..default() }),
        too_large("the size of all entries", 10_005, 10_004)
    );
    assert!(matches!(narrow(Limits { archive_bytes: 10, ..default() }), ZipError::TooLarge { .. }));
}

#[test]
fn a_size_that_lies_is_found_out() {
    let mut raw = Raw::of(&["a"]);
    raw.entries[0].method = 8;
    raw.entries[0].data = vec![0x03, 0x00]; // an empty deflated stream
    raw.entries[0].size = Some(4);
    assert_eq!(open(&raw.build()).unwrap_err(), ZipError::Inflate { name: "a".into() });
    raw.entries[0].data = vec![0x03, 0x00, 0x00]; // and a byte behind it
    raw.entries[0].size = Some(0);
    assert_eq!(open(&raw.build()).unwrap_err(), ZipError::Inflate { name: "a".into() });
}

#[test]
fn the_writer_refuses_what_the_reader_would() {
    let finish = |names: &[&str]| {
        let mut writer = Writer::new(DosTime::EARLIEST);
        names.iter().for_each(|name| writer.add(name, b"x"));
        writer.finish()
    };
    assert_eq!(finish(&["a", "a"]), Err(ZipError::DuplicateName { name: "a".into() }));
    assert!(matches!(finish(&["../a", "b"]), Err(ZipError::BadName { .. })));
}

proptest! {
    #[test]
    fn a_changed_byte_never_panics(at in 0usize..400, value: u8) {
        let mut archive = two_files();
        let at = at % archive.len();
        archive[at] = value;
        let _ = open(&archive);
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = open(&bytes);
        let _ = open(&[&bytes, END_OF_NOTHING].concat());
    }
}

const END_OF_NOTHING: &[u8] = b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2e\0\0\0\0\0\0\0\0\0";

fn open(bytes: &[u8]) -> Result<Archive, ZipError> {
    Archive::open(bytes, &Limits::default())
}

fn two_files() -> Vec<u8> {
    let mut writer = Writer::new(DosTime::EARLIEST);
    writer.add("OFD.xml", b"hello");
    writer.add("附件/a.txt", &b"0123456789".repeat(1000));
    writer.finish().unwrap()
}

/// An archive written field by field, so that any field can lie.
struct Raw {
    entries: Vec<RawEntry>,
}

#[derive(Default)]
struct RawEntry {
    name: Vec<u8>,
    data: Vec<u8>,
    crc: u32,
    flags: u16,
    method: u16,
    attributes: u32,
    size: Option<u32>,
    local_name: Option<Vec<u8>>,
    local_crc: Option<u32>,
    local_size: Option<u32>,
    local_flags: Option<u16>,
    local_method: Option<u16>,
    share_local_with_first: bool,
    swallow_next: bool,
    hidden_after: Vec<u8>,
}

impl Raw {
    fn of(names: &[&str]) -> Self {
        // The CRC-32 of "123456789" is the check value of every catalogue.
        let entry = |name: &&str| RawEntry {
            name: name.as_bytes().to_vec(),
            data: b"123456789".to_vec(),
            crc: 0xcbf4_3926,
            ..RawEntry::default()
        };
        Self { entries: names.iter().map(entry).collect() }
    }

    fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut directory = Vec::new();
        let swallowed = |i: usize| self.entries.get(i + 1).map_or(0, |next| next.local().len());
        for (i, entry) in self.entries.iter().enumerate() {
            let at = if entry.share_local_with_first { 0 } else { out.len() };
            let extra = if entry.swallow_next { swallowed(i) } else { 0 };
            if !entry.share_local_with_first {
                out.extend(entry.local_with(extra));
                out.extend(&entry.hidden_after);
            }
            directory.extend(entry.central(at as u32, extra));
        }
        let (start, size, count) = (out.len() as u32, directory.len() as u32, self.entries.len() as u16);
        out.extend(directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        out.extend([size.to_le_bytes(), start.to_le_bytes()].concat());
        out.extend([0, 0]);
        out
    }
}

impl RawEntry {
    fn local(&self) -> Vec<u8> {
        self.local_with(0)
    }

    fn local_with(&self, extra: usize) -> Vec<u8> {
        let name = self.local_name.as_ref().unwrap_or(&self.name);
        let size = self.local_size.or(self.size).unwrap_or((self.data.len() + extra) as u32);
        let mut out = b"PK\x03\x04\x14\0".to_vec();
        out.extend(self.local_flags.unwrap_or(self.flags).to_le_bytes());
        out.extend(self.local_method.unwrap_or(self.method).to_le_bytes());
        out.extend([0; 4]);
        out.extend(self.local_crc.unwrap_or(self.crc).to_le_bytes());
        out.extend(((self.data.len() + extra) as u32).to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend((name.len() as u16).to_le_bytes());
        out.extend([0, 0]);
        out.extend(name);
        out.extend(&self.data);
        out
    }

    fn central(&self, local_at: u32, extra: usize) -> Vec<u8> {
        let length = (self.data.len() + extra) as u32;
        let mut out = b"PK\x01\x02\x14\x03\x14\0".to_vec();
        out.extend(self.flags.to_le_bytes());
        out.extend(self.method.to_le_bytes());
        out.extend([0; 4]);
        out.extend([self.crc, length, self.size.unwrap_or(length)].map(u32::to_le_bytes).concat());
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend([0; 8]);
        out.extend(self.attributes.to_le_bytes());
        out.extend(local_at.to_le_bytes());
        out.extend(&self.name);
        out
    }
}
