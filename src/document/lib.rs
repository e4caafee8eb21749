//! Document containers: the OFD package (GB/T 33190-2016) and the ZIP file it lives in. Pure; every byte read is hostile.
//!
//! - [`zip`] one strict ZIP reader, so that no two programs can see different files in one package, and a deterministic writer.
//! - [`xml`] XML into a small tree, with limits and without DTDs.
//! - [`ofd`] the package: what it names, what a signature covers, writing a new one, adding a signature to one.

pub mod ofd;
pub mod xml;
pub mod zip;
