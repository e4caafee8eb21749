//! What is refused before anything is done.

use crate::TooLong;

/// A length that a mode does not allow. It is about public input only; nothing has been changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A mode of whole blocks without padding got something else.
    #[error("expected whole blocks of {} bytes, got {got_bytes} bytes", super::BLOCK_BYTES)]
    NotWholeBlocks {
        /// What was given, in bytes.
        got_bytes: usize,
    },
    /// A nonce of a length that the mode does not have.
    #[error("expected a nonce of {least_bytes} to {most_bytes} bytes, got {got_bytes}")]
    NonceLength {
        /// The shortest, in bytes.
        least_bytes: usize,
        /// The longest, in bytes.
        most_bytes: usize,
        /// What was given, in bytes.
        got_bytes: usize,
    },
    /// A tag of a length that the mode does not have.
    #[error("expected a tag of 4, 6, 8, 10, 12, 14 or 16 bytes, got {got_bytes}")]
    TagLength {
        /// What was asked for, in bytes.
        got_bytes: usize,
    },
    /// A data unit shorter than a block.
    #[error("expected a data unit of at least {} bytes, got {got_bytes}", super::BLOCK_BYTES)]
    DataUnitTooShort {
        /// What was given, in bytes.
        got_bytes: usize,
    },
    /// A key to be wrapped of a length that the scheme does not have.
    #[error("expected a key of at least 16 bytes, a multiple of 8, got {got_bytes}")]
    WrappedKeyLength {
        /// What was given, in bytes.
        got_bytes: usize,
    },
    /// The two halves of an XTS key are the same, which would make it unsafe.
    #[error("expected two different keys, got one twice")]
    EqualKeys,
    /// More than the mode's counters allow.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}
