//! Electronic seals: GM/T 0031-2014 (v1), GB/T 38540-2020 (v4) and GM/T 0031-2025 (v5), made, used, verified, explained. No I/O.
//!
//! - [`ses`] the two structures, SESeal and SES_Signature, read leniently with every raw byte kept.
//! - [`deviation`] how real seals depart from their standard, each departure with its name.
//! - [`picture`] what a seal's picture really is.
//! - [`make`] a new seal, strict v4, signed by the seal maker.
//! - [`sign`] a seal put on an OFD document, after the checks the standard asks for.
//! - [`verify`] every check of the standard, and those it leaves out, over an OFD file or a seal.
//! - [`report`] the graded, explained verdict.

pub mod deviation;
pub mod make;
pub mod picture;
pub mod report;
pub mod ses;
pub mod sign;
pub mod verify;

pub use make::{SealTemplate, make};
pub use report::Report;
pub use sign::sign_document;
pub use verify::{SealState, SealStatus, Statuses, TrustAnchors, verify_file, verify_seal};
