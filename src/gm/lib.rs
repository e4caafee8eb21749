//! The national algorithms: SM2 signatures and encryption, SM3 and what is built on it, SM4 and its modes.
//!
//! - [`sm2`] signatures (GB/T 32918.2), key exchange (32918.3) and encryption (32918.4) over the curve of GB/T 32918.5.
//! - [`sm3`] the hash (GB/T 32905).
//! - [`hmac`] the message authentication code over it (GM/T 0042, RFC 2104).
//! - [`drbg`] the random bit generator over it (GM/T 0105), with health tests.
//! - [`kdf`] keys from shared secrets and passwords: the SM2 KDF, HKDF, PBKDF2.
//! - [`sm4`] the block cipher (GB/T 32907), its modes (GB/T 17964, RFC 8998) and key wrap.
//! - `traits`: RustCrypto's traits on these types, under the feature `rustcrypto`.
//! - [`module`] all of it behind self-tests and an error state (GM/T 0028); with the feature `std`.
//!
//! No I/O, no clock, and no randomness but what the caller hands in. `README.md` says what runs in constant time.
#![cfg_attr(not(test), no_std)]

extern crate alloc;
#[cfg(test)]
extern crate self as gm;
#[cfg(any(feature = "cpu-limit", feature = "std"))]
extern crate std;

mod arch;
mod declassify;
mod der;
pub mod drbg;
mod error;
pub mod hmac;
pub mod kdf;
#[cfg(feature = "std")]
pub mod module;
pub mod sm2;
pub mod sm3;
pub mod sm4;
#[cfg(feature = "rustcrypto")]
pub mod traits;
#[cfg(test)]
mod wiped;

pub use arch::cpu;
#[cfg(all(feature = "memcheck", target_arch = "x86_64"))]
pub use arch::memcheck;
pub use error::{Rejected, TooLong};
