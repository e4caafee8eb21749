//! Writing: the plainest archive there is, the same bytes for the same input.

use std::collections::BTreeSet;

use base::Timestamp;
use miniz_oxide::deflate::compress_to_vec;

use super::crc::crc32;
use super::error::ZipError;
use super::{header, name};

/// How hard the deflater tries, 0 to 10.
const DEFLATE_LEVEL: u8 = 6;
/// Version 2.0 of the format: folders and DEFLATE (APPNOTE 4.4.3).
const VERSION_NEEDED: u16 = 20;
const FLAG_UTF8: u16 = 1 << 11;

/// A date and time as ZIP holds it: two-second steps from 1980 to 2107 (APPNOTE 4.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DosTime(u32);

impl DosTime {
    /// 1980-01-01 00:00, the earliest there is.
    pub const EARLIEST: Self = Self(1 << 21 | 1 << 16);

    /// `instant` in China Standard Time; [`DosTime::EARLIEST`] outside the years the form can hold.
    pub fn in_china(instant: Timestamp) -> Self {
        Self::from_digits(&instant.plus_seconds(8 * 3600).generalized_time()).unwrap_or(Self::EARLIEST)
    }

    fn from_digits(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
        let year = number(0, 4)?.checked_sub(1980).filter(|y| *y < 128)?;
        let date = year << 9 | number(4, 6)? << 5 | number(6, 8)?;
        let time = number(8, 10)? << 11 | number(10, 12)? << 5 | (number(12, 14)? / 2);
        Some(Self(date << 16 | time))
    }
}

/// Writes an archive entry by entry.
pub struct Writer {
    out: Vec<u8>,
    directory: Vec<u8>,
    names: BTreeSet<String>,
    time: DosTime,
    refused: Option<ZipError>,
}

impl Writer {
    /// An empty archive whose entries all carry `time`.
    pub fn new(time: DosTime) -> Self {
        Self { out: Vec::new(), directory: Vec::new(), names: BTreeSet::new(), time, refused: None }
    }

    /// Adds the file `name`, deflated when that makes it smaller.
    ///
    /// A name that [`Archive::open`](super::Archive::open) would refuse makes [`Writer::finish`] fail.
    pub fn add(&mut self, name: &str, data: &[u8]) {
        self.note_name(name);
        let deflated = compress_to_vec(data, DEFLATE_LEVEL);
        let (method, content) = if deflated.len() < data.len() { (8u16, &*deflated) } else { (0, data) };
        let local_at = narrow(self.out.len());
        let shared = self.shared_fields(method, crc32(data), content.len(), data.len(), name.len());

        self.out.extend_from_slice(&header::LOCAL.to_le_bytes());
        self.out.extend_from_slice(&shared);
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(content);

        let directory = &mut self.directory;
        directory.extend_from_slice(&header::CENTRAL.to_le_bytes());
        directory.extend_from_slice(&VERSION_NEEDED.to_le_bytes());
        directory.extend_from_slice(&shared);
        directory.extend_from_slice(&[0; 10]); // comment, disk, attributes
        directory.extend_from_slice(&local_at.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }

    fn note_name(&mut self, name: &str) {
        let name = name.to_owned();
        let refused = match name::check(&name) {
            Err(reason) => Some(ZipError::BadName { name, reason }),
            Ok(_) if self.names.contains(&name) => Some(ZipError::DuplicateName { name }),
            Ok(_) => {
                self.names.insert(name);
                None
            }
        };
        self.refused = self.refused.take().or(refused);
    }

    /// The finished archive.
    ///
    /// Fails with [`ZipError::BadName`] or [`ZipError::DuplicateName`] for the first name refused, and with
    /// [`ZipError::TooLarge`] where ZIP64 would be needed.
    pub fn finish(self) -> Result<Vec<u8>, ZipError> {
        let Self { mut out, directory, names, refused, .. } = self;
        if let Some(refused) = refused {
            return Err(refused);
        }
        let entries = names.len() as u64;
        let too_large = |what, got, limit| ZipError::TooLarge { what, got, limit };
        let count = u16::try_from(entries).ok().filter(|n| *n < u16::MAX);
        let count = count.ok_or(too_large("the number of entries", entries, 0xfffe))?;
        let start = out.len();
        out.extend_from_slice(&directory);
        let size = out.len() as u64;
        if size >= u64::from(u32::MAX) {
            return Err(too_large("the archive size", size, u64::from(u32::MAX) - 1));
        }
        out.extend_from_slice(&header::END.to_le_bytes());
        out.extend_from_slice(&[0; 4]); // disks
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&narrow(directory.len()).to_le_bytes());
        out.extend_from_slice(&narrow(start).to_le_bytes());
        out.extend_from_slice(&[0; 2]); // comment
        Ok(out)
    }

    /// From "version needed" to "extra length", which local and central headers share.
    fn shared_fields(&self, method: u16, crc: u32, compressed: usize, size: usize, name: usize) -> Vec<u8> {
        let mut fields = Vec::with_capacity(26);
        for value in [VERSION_NEEDED, FLAG_UTF8, method] {
            fields.extend_from_slice(&value.to_le_bytes());
        }
        for value in [self.time.0, crc, narrow(compressed), narrow(size), narrow(name)] {
            fields.extend_from_slice(&value.to_le_bytes()); // the name's upper half is the extra length: none
        }
        fields
    }
}

/// Lengths beyond 32 bits become all ones here and are refused by [`Writer::finish`].
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_two_second_steps() {
        let instant = Timestamp::from_civil((2026, 11, 24), (16, 5, 7), 8).unwrap();
        assert_eq!(DosTime::in_china(instant).0, (46 << 9 | 11 << 5 | 24) << 16 | 16 << 11 | 5 << 5 | 3);
        let too_early = Timestamp::from_unix_seconds(0);
        assert_eq!(DosTime::in_china(too_early), DosTime::EARLIEST);
    }
}
