//! What is faster with particular instructions of a processor: the only place with `unsafe` code.
//!
//! Every fast path takes a token of [`cpu`], which exists only where the processor has the instructions: holding it is the proof
//! that the call is sound. Without a token there is always a portable path, in safe code, outside this folder.

pub mod cpu;
#[cfg(target_arch = "x86_64")]
pub(crate) mod ghash;
#[cfg(target_arch = "x86_64")]
pub(crate) mod sm4;
