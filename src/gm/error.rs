//! The two errors that more than one algorithm gives.

/// A signature, tag, padding or ciphertext that does not hold.
///
/// It carries nothing: whoever sent the bytes must not learn which check they failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic check did not hold")]
pub struct Rejected;

/// More bytes than the algorithm's counter allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected at most {limit_bytes} bytes, got {got_bytes}")]
pub struct TooLong {
    /// The most that is allowed, in bytes.
    pub limit_bytes: u64,
    /// What was asked for, in bytes.
    pub got_bytes: u64,
}

impl TooLong {
    /// Refuses `got` when it is above `limit_bytes`.
    pub(crate) fn unless_within(limit_bytes: u64, got: usize) -> Result<(), Self> {
        let got_bytes = u64::try_from(got).unwrap_or(u64::MAX);
        if got_bytes <= limit_bytes { Ok(()) } else { Err(Self { limit_bytes, got_bytes }) }
    }
}
