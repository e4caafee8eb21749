//! Packages that are not as they should be.

use document::zip::{Archive, DosTime, Limits, Writer};

/// `package` with each file replaced by what `change` makes of it; what `change` is `None` for stays.
pub(crate) fn repacked(package: &[u8], change: impl Fn(&str, &[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut writer = Writer::new(DosTime::EARLIEST);
    for entry in Archive::open(package, &Limits::default()).unwrap().entries() {
        match change(&entry.name, &entry.data) {
            Some(other) => writer.add(&entry.name, &other),
            None => writer.add(&entry.name, &entry.data),
        }
    }
    writer.finish().unwrap()
}

/// The only file of `package` whose name ends with `ending`.
pub(crate) fn file_in(package: &[u8], ending: &str) -> (String, Vec<u8>) {
    let archive = Archive::open(package, &Limits::default()).unwrap();
    let mut found = archive.entries().iter().filter(|entry| entry.name.ends_with(ending));
    let (Some(entry), None) = (found.next(), found.next()) else { panic!("one file `…{ending}`") };
    (entry.name.clone(), entry.data.clone())
}

/// `package` with one more file.
pub(crate) fn with_file(package: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(DosTime::EARLIEST);
    for entry in Archive::open(package, &Limits::default()).unwrap().entries() {
        writer.add(&entry.name, &entry.data);
    }
    writer.add(name, data);
    writer.finish().unwrap()
}

/// `package` with a second file that is also called `name`: one reader shows the first, another the last.
pub(crate) fn with_twin(package: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    // Written under a name of the same length first, because the writer refuses twins.
    let (rest, _) = name.split_at_checked(name.len() - 1).unwrap();
    let stand_in = format!("{rest}~");
    let mut bytes = with_file(package, &stand_in, data);
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(name.len()).position(|w| w == stand_in.as_bytes()) {
        at += found;
        bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
    }
    bytes
}

/// A small archive that holds one file of `size` zeros.
pub(crate) fn bomb(size: usize) -> Vec<u8> {
    let mut writer = Writer::new(DosTime::EARLIEST);
    writer.add("OFD.xml", &vec![0; size]);
    writer.finish().unwrap()
}

/// An archive that holds `inner` and nothing else.
pub(crate) fn wrapped(name: &str, inner: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(DosTime::EARLIEST);
    writer.add(name, inner);
    writer.finish().unwrap()
}
