//! Tokens and key documents through the public interface: published examples, what must be refused, and why.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod actors;
mod attacks;
mod claims;
mod documents;
mod examples;
mod jwe;
mod national;
mod proofs;
