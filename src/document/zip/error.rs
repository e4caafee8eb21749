//! What a report should mention about an archive, and why one is refused.

/// Something readers agree about although it is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Bytes before the first local header, as KingGrid writes them.
    LeadingBytes {
        /// How many.
        length: usize,
    },
    /// A comment behind the end record.
    Comment {
        /// Its length in bytes.
        length: usize,
    },
    /// A name in UTF-8 without the flag that says so (APPNOTE, appendix D).
    UnflaggedUtf8Name {
        /// The name.
        name: String,
    },
}

/// Why an archive is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    /// No end of central directory record where the file ends.
    #[error("expected a ZIP archive, found no end of central directory at the end of the file")]
    NotZip,
    /// More than one record could be the end of the central directory.
    #[error("the archive has more than one end of central directory")]
    AmbiguousEnd,
    /// A record is cut short or malformed.
    #[error("malformed {record} at byte {at}")]
    Malformed {
        /// Which record.
        record: &'static str,
        /// Where it starts.
        at: u64,
    },
    /// Above a limit.
    #[error("{what} is {got}, above the limit of {limit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// How much came.
        got: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// An entry inflates suspiciously well.
    #[error("entry `{name}` inflates from {compressed} to {size} bytes, above the allowed ratio")]
    Bomb {
        /// The entry.
        name: String,
        /// Deflated size in bytes.
        compressed: u64,
        /// Declared size in bytes.
        size: u64,
    },
    /// The number of entries is not what the end record says.
    #[error("expected {declared} entries, found {found}")]
    EntryCount {
        /// What the end record says.
        declared: u64,
        /// What the central directory holds.
        found: u64,
    },
    /// An archive in several volumes.
    #[error("expected a single volume, got an archive in several")]
    SeveralVolumes,
    /// Two entries with one name: one reader shows the first, another the last.
    #[error("duplicate entry `{name}`")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// Two entries whose names differ in case only.
    #[error("entries `{first}` and `{second}` differ in case only")]
    CaseOnlyDuplicate {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A file where other entries need a folder.
    #[error("`{name}` is a file and also a folder of other entries")]
    FileIsFolder {
        /// The name.
        name: String,
    },
    /// A name that means different files to different readers, or one outside the archive.
    #[error("entry name `{name}` {reason}")]
    BadName {
        /// The name as far as it can be shown.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An encrypted entry.
    #[error("entry `{name}` is encrypted")]
    Encrypted {
        /// The entry.
        name: String,
    },
    /// Neither stored nor deflated.
    #[error("entry `{name}` uses compression method {method}, expected 0 (stored) or 8 (deflated)")]
    UnknownMethod {
        /// The entry.
        name: String,
        /// The method it names.
        method: u16,
    },
    /// A symbolic link or another special file.
    #[error("entry `{name}` is not a plain file")]
    NotPlainFile {
        /// The entry.
        name: String,
    },
    /// The local header says something else than the central directory.
    #[error("entry `{name}`: its local header and the central directory disagree about the {field}")]
    HeaderMismatch {
        /// The entry.
        name: String,
        /// What they disagree about.
        field: &'static str,
    },
    /// Two entries share bytes.
    #[error("entry `{name}` overlaps the record before it")]
    Overlap {
        /// The later one.
        name: String,
    },
    /// Bytes that belong to no record: a reader that goes by local headers could see files there.
    #[error("{length} bytes at {at} belong to no entry")]
    HiddenBytes {
        /// Where they start.
        at: u64,
        /// How many.
        length: u64,
    },
    /// The content does not inflate to the declared size.
    #[error("entry `{name}` does not inflate to its declared size")]
    Inflate {
        /// The entry.
        name: String,
    },
    /// The content is not what its CRC says.
    #[error("entry `{name}` does not match its CRC-32")]
    Crc {
        /// The entry.
        name: String,
    },
}
