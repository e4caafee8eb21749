//! `digest` 0.11 on SM3 and HMAC-SM3.

use core::fmt;

use digest::common::{AlgorithmName, BlockSizeUser, KeySizeUser};
use digest::const_oid::{AssociatedOid, ObjectIdentifier};
use digest::consts::{U16, U32, U64};
use digest::{
    CollisionResistance, FixedOutput, FixedOutputReset, HashMarker, InvalidLength, Key, KeyInit, MacMarker,
    Output, OutputSizeUser, Reset, Update,
};

use crate::hmac::HmacSm3;
use crate::sm3::Sm3;

impl HashMarker for Sm3 {}

impl OutputSizeUser for Sm3 {
    type OutputSize = U32;
}

impl BlockSizeUser for Sm3 {
    type BlockSize = U64;
}

impl CollisionResistance for Sm3 {
    type CollisionResistance = U16;
}

impl Update for Sm3 {
    fn update(&mut self, data: &[u8]) {
        Self::update(self, data);
    }
}

impl FixedOutput for Sm3 {
    fn finalize_into(self, out: &mut Output<Self>) {
        *out = self.finish().into();
    }
}

impl Reset for Sm3 {
    fn reset(&mut self) {
        *self = Self::new();
    }
}

impl FixedOutputReset for Sm3 {
    fn finalize_into_reset(&mut self, out: &mut Output<Self>) {
        core::mem::take(self).finalize_into(out);
    }
}

/// 1.2.156.10197.1.401 (GB/T 33560-2017).
impl AssociatedOid for Sm3 {
    const OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.401");
}

impl AlgorithmName for Sm3 {
    fn write_alg_name(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sm3")
    }
}

impl MacMarker for HmacSm3 {}

impl OutputSizeUser for HmacSm3 {
    type OutputSize = U32;
}

/// The size of a key that fills the first block; [`KeyInit::new_from_slice`] takes keys of any length.
impl KeySizeUser for HmacSm3 {
    type KeySize = U64;
}

impl KeyInit for HmacSm3 {
    fn new(key: &Key<Self>) -> Self {
        Self::new(key)
    }

    fn new_from_slice(key: &[u8]) -> Result<Self, InvalidLength> {
        Ok(Self::new(key))
    }
}

impl Update for HmacSm3 {
    fn update(&mut self, data: &[u8]) {
        Self::update(self, data);
    }
}

impl FixedOutput for HmacSm3 {
    fn finalize_into(self, out: &mut Output<Self>) {
        *out = self.finish().into();
    }
}

impl AlgorithmName for HmacSm3 {
    fn write_alg_name(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSm3")
    }
}
