//! SM4 on the AES instructions and on GFNI.
//!
//! All paths keep the state in another basis of GF(2^8), in which the S-box begins with an inversion and nothing else ([`basis`]
//! has the derivation). They differ in how many blocks a register holds and in how they invert; the rest is in [`lanes`].

pub(crate) mod basis;
mod lanes;
mod memory;

pub(crate) mod aes_ni;
pub(crate) mod avx2;
pub(crate) mod gfni;
pub(crate) mod vaes;
mod ymm;
