//! ZIP (APPNOTE 6.3) as strictly as a signed package needs it: whatever two readers could see differently is refused.
//!
//! - [`Archive`] reads a whole archive, every entry inflated and checked.
//! - [`Writer`] writes one; the same input gives the same bytes.

mod crc;
mod error;
mod header;
mod name;
mod read;
mod write;

pub use error::{Warning, ZipError};
pub use read::{Archive, Entry, Limits};
pub use write::{DosTime, Writer};
