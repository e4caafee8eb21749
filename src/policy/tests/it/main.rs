//! Stories about decisions, told through the public interface with the policies that the product ships.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bundles;
mod differential;
mod kit;
mod requests;
mod stories;
mod vectors;
