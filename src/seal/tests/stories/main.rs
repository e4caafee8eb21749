//! Seals of our own, told as stories: made, used, tampered with, stolen, expired, suspended.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod making;
mod province;
mod tampering;
mod verifying;
